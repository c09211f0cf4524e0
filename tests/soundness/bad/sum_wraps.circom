pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: the parts of a sum are range-checked, but so widely that the sum wraps around the field: twice (r + 1)/2 is 1.
// FIXED: the parts are so narrow that their sum stays below the field's order.
template Case(FIXED) {
    signal input part[2];       // public, as is the next
    signal input limit;

    RangeCheck(FIXED ? 64 : 253)(part[0]);
    RangeCheck(FIXED ? 64 : 253)(part[1]);
    RangeCheck(64)(limit);
    RangeCheck(64)(limit - part[0] - part[1]);
}
