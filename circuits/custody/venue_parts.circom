pragma circom 2.2.2;

include "../lib/constants.circom";

// The part of a vector that belongs to each venue, V = 2^B of them: amount_i in the slots of venue k, zero elsewhere.
//
//   part[k][i] = amount_i if Σ_b 2^b·venueBit[i][b] = k, else 0
//
// An amount is led to its venue one bit of the venue's index at a time, as in limits/venue.circom: what stands at index j
// moves to j + 2^b if bit b is set, by one product. So an amount arrives whole at exactly one venue: B bits name one of the
// V venues, and none beside them.
//
// Precondition: venueBit ∈ {0, 1}.
template VenueParts(N, V) {
    var B = log2(V);
    assert(V == 1 << B);
    signal input amount[N];
    signal input venueBit[N][B];    // index of the slot's venue, lowest bit first
    signal output part[V][N];

    signal moved[N][V - 1];
    for (var i = 0; i < N; i++) {
        var at[V];
        at[0] = amount[i];
        for (var b = 0; b < B; b++) {
            for (var j = 0; j < (1 << b); j++) {
                var m = (1 << b) - 1 + j;
                moved[i][m] <== venueBit[i][b] * at[j];
                at[(1 << b) + j] = moved[i][m];
                at[j] -= moved[i][m];
            }
        }
        for (var k = 0; k < V; k++) { part[k][i] <== at[k]; }
    }
}
