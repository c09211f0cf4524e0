pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: a "safe" comparison that range-checks in + 1 where it means in: −1 = r − 1 passes.
// Source: zk-kit.circom, SafeLessEqThan.
// FIXED: the range check is on the value itself.
template Case(FIXED) {
    signal input value;         // public, as is the next
    signal input limit;

    RangeCheck(8)(FIXED ? value : value + 1);
    RangeCheck(8)(limit);
    RangeCheck(8)(limit - value);
}
