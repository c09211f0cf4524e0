pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: sign and magnitude: zero has two encodings, and the prover chooses whether it counts as negative.
// FIXED: two's complement, with one encoding of every number.
template Case(FIXED) {
    signal input value;         // public

    signal nonNegative;
    if (FIXED) {
        nonNegative <== SignedRange(9)(value);
    } else {
        nonNegative <-- value >= 0;
        Boolean()(nonNegative);
        signal magnitude <-- value >= 0 ? value : -value;
        RangeCheck(8)(magnitude);
        (2 * nonNegative - 1) * magnitude === value;
    }
}
