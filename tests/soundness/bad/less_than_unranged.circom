pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: a comparison of inputs that were never range-checked.
// Source: Unirep, issue 417: with LessThan(8) on a nonce, r − 1 passes as less than the limit. Also circomlib, pull request 86,
// and zkopru, issue 116.
// FIXED: both operands are range-checked first.
template Case(FIXED) {
    signal input nonce;         // public, as is the next
    signal input limit;

    if (FIXED) {
        RangeCheck(8)(nonce);
        RangeCheck(8)(limit);
    }
    signal notLess <== SignedRange(9)(nonce - limit);   // what LessThan(8) decomposes
    notLess === 0;
}
