pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: a signal is assigned (<--) and not constrained.
// FIXED: <==.
template Case(FIXED) {
    signal input weight;        // public, as are the next two
    signal input value;
    signal input limit;

    RangeCheck(8)(weight);
    RangeCheck(8)(value);
    RangeCheck(16)(limit);
    signal weighted;
    if (FIXED) { weighted <== weight * value; } else { weighted <-- weight * value; }
    component weightedRange = RangeCheck(16);
    component slackRange = RangeCheck(16);
    weightedRange.in <== weighted;
    slackRange.in <== limit - weighted;
}
