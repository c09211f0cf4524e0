pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";
include "../lib/zero.circom";

// Exposure of N amounts to F factors: y_f = Σ_i loading_{i,f}·amount_i.
//
// loadingBiased is the packed loading, value + 2^16. Budget: |y_f| ≤ N·2^16·max|amount|.
template Exposures(N, F) {
    signal input loadingBiased[N][F];
    signal input amount[N];
    signal output exposure[F];

    signal part[N][F];
    for (var f = 0; f < F; f++) {
        var sum = 0;
        for (var i = 0; i < N; i++) {
            part[i][f] <== (loadingBiased[i][f] - SIGNED_OFFSET()) * amount[i];
            sum += part[i][f];
        }
        exposure[f] <== sum;
    }
}

// |y| ≤ limit·E, in units: exposures of 2^48, rounded up, and NAV of 2^40, rounded down (both against the prover).
//
//   y = high·2^48 + low,   high ∈ [−2^57, 2^57),  low ∈ [0, 2^48)      the unique division with remainder
//   exact = (low = 0),   y ≥ 0 ⇔ high ≥ 0
//   Y = ⌈|y|/2^48⌉ = high + 1 − exact  if y ≥ 0,  −high  if y < 0        for −y = −high·2^48 − low and 0 ≤ low < 2^48
//   2^8·Y ≤ limit·Ê,   Ê = ⌊E/2^40⌋                                    so |y| ≤ 2^48·Y ≤ 2^40·limit·Ê ≤ limit·E
//
// Precondition: |y| ≤ N·2^16·2^104 ≤ 2^125, limit < 2^17, Ê < 2^48. Budget: Y ≤ 2^57, both sides stay below 2^66.
// Width: limit·E bounds |y| by 2^105, and 58 + 48 bits hold y ∈ [−2^105, 2^105); the slack is at most limit·Ê < 2^65.
template FactorLimit() {
    signal input exposure;          // y, bps of a value unit, signed
    signal input limit;             // bps of NAV
    signal input navHigh;           // Ê
    signal output high;             // ⌊y/2^48⌋, signed
    signal output exact;            // 1 if that rounds nothing
    signal output roundedUp;        // Y

    var SHIFT = EXPOSURE_SHIFT();
    var BITS = LIMIT_BITS() + NAV_BITS();

    signal low <-- (exposure + (1 << BITS)) & ((1 << SHIFT) - 1);
    RangeCheck(SHIFT)(low);
    high <== (exposure - low) / (1 << SHIFT);
    signal nonNegative <== SignedRange(BITS + 1 - SHIFT)(high);

    exact <== IsZero()(low);
    roundedUp <== nonNegative * (2 * high + 1 - exact) - high;

    signal slack <== limit * navHigh - (1 << (SHIFT - NAV_SHIFT())) * roundedUp;
    RangeCheck(BITS - NAV_SHIFT())(slack);
}
