pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/poseidon.circom";

// Commitment to a book of N signed quantities under a salt.
//
//   word_w = Σ_{k<4} 2^{58·k}·q_{4w+k},   commitment = Poseidon(DOMAIN, word_0, …, salt)
//
// DOMAIN names the kind and the size of what is committed to: DOMAIN_BOOK(N) for a vault's book.
// Precondition: |q_i| < 2^57.
// Soundness: two books with the same word would differ by Σ 2^{58·k}·d_k = 0 with |d_k| < 2^58, which as integers
// (|word| < 2^232 < r/2) leaves d_0 ≡ 0 mod 2^58, so d_0 = 0, and so on: the word determines the quantities, and
// the hash binds the words. The domain keeps commitments of different kinds and sizes, and books and policies, apart.
template BookCommitment(N, DOMAIN) {
    signal input quantity[N];   // 1e-6 of the instrument, signed
    signal input salt;
    signal output commitment;

    var words = ceilDiv(N, QUANTITIES_PER_WORD());
    component hash = Poseidon(words + 2);
    hash.in[0] <== DOMAIN;
    for (var w = 0; w < words; w++) {
        var word = 0;
        for (var k = 0; k < QUANTITIES_PER_WORD() && w * QUANTITIES_PER_WORD() + k < N; k++) {
            word += quantity[w * QUANTITIES_PER_WORD() + k] * (1 << (QUANTITY_LIMB_BITS() * k));
        }
        hash.in[1 + w] <== word;
    }
    hash.in[words + 1] <== salt;
    commitment <== hash.digest;
}
