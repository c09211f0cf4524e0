pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: a sign test that never fires: LessThan(x, 0) on an x that has been made unsigned.
// Source: aptos keyless-zk-proofs, 89.
// FIXED: the borrow of the subtraction is tested.
template Case(FIXED) {
    signal input balance;       // public, as is the next
    signal input amount;

    RangeCheck(8)(balance);
    RangeCheck(8)(amount);
    signal noBorrow <== SignedRange(9)(balance - amount);
    signal after <== balance - amount + (1 - noBorrow) * (1 << 8);   // modulo 2^8
    signal notNegative <== SignedRange(9)(after);
    var tested = FIXED ? noBorrow : notNegative;
    tested === 1;
}
