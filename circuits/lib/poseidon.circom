pragma circom 2.2.2;

include "poseidon_constants.circom"; // circomlib: POSEIDON_C, POSEIDON_S, POSEIDON_M, POSEIDON_P

// Poseidon over BN254 with circomlib's parameters: digest = first element of the permutation of (0, in).
// Source: Grassi et al., "Poseidon", USENIX Security 2021; rounds and constants from circomlib 2.0.5, in its
// optimised form (sparse matrices in the partial rounds). Digests equal circomlibjs's and poseidon-solidity's.
//
// Every S-box x → x^5 is three constraints; everything between S-boxes is linear and kept as an expression, so that
// no constraint is spent on it. For n inputs, t = n + 1: 3·(8·t + R_P) constraints.
template Poseidon(n) {
    signal input in[n];
    signal output digest;

    var PARTIAL_ROUNDS[16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];
    var t = n + 1;
    var FULL = 8;
    var PARTIAL = PARTIAL_ROUNDS[t - 2];
    var C[t * FULL + PARTIAL] = POSEIDON_C(t);
    var S[PARTIAL * (t * 2 - 1)] = POSEIDON_S(t);
    var M[t][t] = POSEIDON_M(t);
    var P[t][t] = POSEIDON_P(t);

    signal square[t * FULL + PARTIAL];
    signal fourth[t * FULL + PARTIAL];
    signal fifth[t * FULL + PARTIAL];
    var box = 0;  // next S-box
    var c = t;    // next round constant

    var state[t];
    var next[t];
    state[0] = C[0];
    for (var i = 1; i < t; i++) { state[i] = in[i - 1] + C[i]; }

    // First half of the full rounds; the last of them mixes with P, which leads into the sparse form.
    for (var round = 0; round < FULL / 2; round++) {
        for (var i = 0; i < t; i++) {
            square[box] <== state[i] * state[i];
            fourth[box] <== square[box] * square[box];
            fifth[box] <== fourth[box] * state[i];
            state[i] = fifth[box] + C[c];
            box++; c++;
        }
        for (var i = 0; i < t; i++) {
            next[i] = 0;
            for (var j = 0; j < t; j++) {
                next[i] += (round == FULL / 2 - 1 ? P[j][i] : M[j][i]) * state[j];
            }
        }
        for (var i = 0; i < t; i++) { state[i] = next[i]; }
    }

    for (var round = 0; round < PARTIAL; round++) {
        square[box] <== state[0] * state[0];
        fourth[box] <== square[box] * square[box];
        fifth[box] <== fourth[box] * state[0];
        state[0] = fifth[box] + C[c];
        box++; c++;
        var row = (t * 2 - 1) * round;
        next[0] = 0;
        for (var i = 0; i < t; i++) { next[0] += S[row + i] * state[i]; }
        for (var i = 1; i < t; i++) { state[i] += S[row + t + i - 1] * state[0]; }
        state[0] = next[0];
    }

    for (var round = 0; round < FULL / 2; round++) {
        for (var i = 0; i < t; i++) {
            square[box] <== state[i] * state[i];
            fourth[box] <== square[box] * square[box];
            fifth[box] <== fourth[box] * state[i];
            // The last round adds no constants.
            state[i] = fifth[box];
            if (round < FULL / 2 - 1) { state[i] += C[c]; c++; }
            box++;
        }
        for (var i = 0; i < t; i++) {
            next[i] = 0;
            for (var j = 0; j < t; j++) { next[i] += M[j][i] * state[j]; }
        }
        for (var i = 0; i < t; i++) { state[i] = next[i]; }
    }

    digest <== state[0];
}
