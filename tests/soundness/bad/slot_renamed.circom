pragma circom 2.2.2;

include "../lib/poseidon.circom";
include "../lib/range.circom";

// BUG: what a slot holds is in no hash: a later policy calls it something else, and the quantity in it changes its meaning.
// FIXED: the word of the instruments is part of what the policy's hash binds.
template Case(FIXED) {
    signal input policyHash;    // public
    signal input limit;
    signal input instruments;

    RangeCheck(8)(limit);
    component policy = Poseidon(3);
    policy.in[0] <== 0x62616435;
    policy.in[1] <== limit;
    policy.in[2] <== FIXED ? instruments : 0;
    policyHash === policy.digest;
}
