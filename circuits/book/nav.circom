pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// NAV: not negative, below 2^88, split for the limits that are compared in units of 2^40, and disclosed only in NAV steps of the policy.
//
//   E = navHigh·2^40 + low,            navHigh ∈ [0, 2^48), low ∈ [0, 2^40)           so 0 ≤ E < 2^88
//   E = navFloor·g + rest,             navFloor ∈ [0, 2^42), 0 ≤ rest < g             g = 10^14·navStep
//
// Precondition: |E| ≤ N·2^104, navStep < 2^24.
// Soundness: g < 2^71, so both rest and g − 1 − rest in [0, 2^71) mean 0 ≤ rest < g as integers, and
// navFloor·g + rest < 2^114 does not wrap: navFloor is the floor of E/g. With g = 0 nothing satisfies rest < g.
template Nav() {
    signal input nav;                 // E, USD 1e-14
    signal input navStep;             // whole USD
    signal input navFloor;            // E in NAV steps, rounded down
    signal output navHigh;            // E in units of 2^40, rounded down

    navHigh <-- nav >> NAV_SHIFT();
    RangeCheck(NAV_BITS() - NAV_SHIFT())(navHigh);
    signal low <== nav - navHigh * (1 << NAV_SHIFT());
    RangeCheck(NAV_SHIFT())(low);

    RangeCheck(NAV_FLOOR_BITS())(navFloor);
    signal rest <== nav - USD_E14() * navFloor * navStep;
    RangeCheck(NAV_STEP_VALUE_BITS())(rest);
    signal room <== USD_E14() * navStep - 1 - rest;
    RangeCheck(NAV_STEP_VALUE_BITS())(room);
}
