pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: a gain that no price explains is allowed for each proof, not for a time: many proofs in a row pump the value.
// FIXED: the allowance is a public signal, which the contract computes from the time since the last proof.
template Case(FIXED) {
    signal input before;        // public, as are the next two
    signal input after;
    signal input accrual;

    RangeCheck(16)(before);
    RangeCheck(16)(after);
    RangeCheck(8)(accrual);
    RangeCheck(16)(before + (FIXED ? accrual : 10) - after);
}
