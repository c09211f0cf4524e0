pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: a public input that no constraint uses: the same witness passes for another context.
// FIXED: a square binds it, as in circuits/rebalance.circom.
template Case(FIXED) {
    signal input value;         // public, as is the next
    signal input context;

    RangeCheck(8)(value);
    if (FIXED) {
        signal contextSquare <== context * context;
        _ <== contextSquare;
    }
}
