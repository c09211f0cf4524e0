pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/poseidon.circom";

// policyHash: a Merkle–Damgård chain of five-input Poseidon, which a contract can recompute (PoseidonT6).
//
//   h_0 = domain(N),   h_{k+1} = Poseidon(h_k, w_{4k}, …, w_{4k+3}),   policyHash = h_last
//
// The number of words is fixed by the circuit size, and the size is in the domain: padding the last block with
// zeros is unambiguous.
template PolicyHash(N, words) {
    signal input word[words];
    signal output policyHash;

    var blocks = ceilDiv(words, 4);
    component hash[blocks];
    for (var k = 0; k < blocks; k++) {
        hash[k] = Poseidon(5);
        if (k == 0) {
            hash[k].in[0] <== DOMAIN_POLICY(N);
        } else {
            hash[k].in[0] <== hash[k - 1].digest;
        }
        for (var j = 0; j < 4; j++) {
            if (4 * k + j < words) {
                hash[k].in[1 + j] <== word[4 * k + j];
            } else {
                hash[k].in[1 + j] <== 0;
            }
        }
    }
    policyHash <== hash[blocks - 1].digest;
}
