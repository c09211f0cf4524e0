pragma circom 2.2.2;

include "../lib/poseidon.circom";
include "../lib/range.circom";

// BUG: a vacuous statement: the weights that count are private inputs, which the prover chooses freely.
// Source: ZEROBASE, whose own example is a book of zeros.
// FIXED: they are the weights that the public hash opens to.
template Case(FIXED) {
    signal input commitment;    // public, as are the next two
    signal input policyHash;
    signal input maximum;
    signal input position[2];
    signal input weight[2];     // the policy's
    signal input used[2];
    signal input salt[2];

    component book = Poseidon(4);
    component policy = Poseidon(4);
    book.in[0] <== 0x62616432;
    policy.in[0] <== 0x62616433;
    signal weighted[2];
    for (var i = 0; i < 2; i++) {
        RangeCheck(8)(position[i]);
        RangeCheck(8)(used[i]);
        if (FIXED) { used[i] === weight[i]; }
        weighted[i] <== used[i] * position[i];
        book.in[1 + i] <== position[i];
        policy.in[1 + i] <== weight[i];
    }
    book.in[3] <== salt[0];
    policy.in[3] <== salt[1];
    commitment === book.digest;
    policyHash === policy.digest;
    RangeCheck(17)(maximum);
    RangeCheck(17)(maximum - weighted[0] - weighted[1]);
}
