pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: a comparison of which one operand is range-checked: the other has a range by it, from −256 up, and r − 1 passes.
// FIXED: both are range-checked first.
template Case(FIXED) {
    signal input nonce;         // public, as is the next
    signal input limit;

    if (FIXED) { RangeCheck(8)(nonce); }
    RangeCheck(8)(limit);
    signal notLess <== SignedRange(9)(nonce - limit);
    notLess === 0;
}
