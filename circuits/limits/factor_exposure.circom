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

// |y| ≤ limit·E, and y's magnitude in units of 2^48, rounded up (against the prover, for the value at risk).
//
//   y = high·2^48 + low,   high ∈ [−2^57, 2^57),  low ∈ [0, 2^48)      the unique division with remainder
//   y ≥ 0 ⇔ high ≥ 0,      |y| = ±y
//   ⌈|y|/2^48⌉ = high + (low ≠ 0)  if y ≥ 0,  −high  if y < 0          for −y = −high·2^48 − low and 0 ≤ low < 2^48
//
// Precondition: |y| ≤ N·2^16·2^104 ≤ 2^125, limit < 2^17, 0 ≤ E < 2^88. Budget: limit·E < 2^105.
// Width: limit·E bounds |y| and the slack by 2^105; 58 + 48 bits hold y ∈ [−2^105, 2^105).
template FactorLimit() {
    signal input exposure;          // y, bps of a value unit, signed
    signal input limit;             // bps of NAV
    signal input nav;
    signal output roundedUp;        // ⌈|y|/2^48⌉

    var SHIFT = VAR_EXPOSURE_SHIFT();
    var BITS = LIMIT_BITS() + NAV_BITS();

    signal low <-- (exposure + (1 << BITS)) & ((1 << SHIFT) - 1);
    RangeCheck(SHIFT)(low);
    signal high <== (exposure - low) / (1 << SHIFT);
    signal nonNegative <== SignedRange(BITS + 1 - SHIFT)(high);

    signal exact <== IsZero()(low);
    roundedUp <== nonNegative * (2 * high + 1 - exact) - high;

    signal magnitude <== (2 * nonNegative - 1) * exposure;
    signal slack <== limit * nav - magnitude;
    RangeCheck(BITS)(slack);
}
