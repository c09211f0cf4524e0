pragma circom 2.2.2;

include "constants.circom";
include "../lib/constants.circom";
include "../lib/range.circom";

// What is booked and not attested is at most the tolerance.
//
//   tolerance ∈ [0, 20000],   10^6·Σ missingValue_i ≤ tolerance·E
//
// One-sided: a slot of which more is attested than is booked adds nothing, and makes up for no other.
//
// Precondition: 0 ≤ missingValue_i ≤ 2^104, 0 ≤ E < 2^88. Budget: 10^6·Σ < 2^20·N·2^104 ≤ 2^129, tolerance·E < 2^103.
// Width: the slack is at most tolerance·E < 2^15·2^88.
template Shortfall(N) {
    signal input missingValue[N];
    signal input tolerance;         // ppm of NAV
    signal input nav;               // E

    RangeCheck(TOLERANCE_BITS())(tolerance);
    signal room <== MAX_TOLERANCE() - tolerance;
    RangeCheck(TOLERANCE_BITS())(room);

    var missing = 0;
    for (var i = 0; i < N; i++) { missing += missingValue[i]; }
    signal slack <== tolerance * nav - PPM() * missing;
    RangeCheck(TOLERANCE_BITS() + NAV_BITS())(slack);
}
