pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// 10^4·Σ_{i at venue k} |v_i| ≤ venueCap_k·E for every venue, V = 2^B of them.
//
// A slot's value is led to its venue one bit of the venue's index at a time: what stands at index j moves to
// j + 2^b if bit b is set, by one product. Each value arrives at exactly one venue.
// Precondition: venueBit ∈ {0,1}, |v_i| ≤ 2^104, venueCap_k < 2^17, 0 ≤ E < 2^88. Budget: 10^4·Σ < 2^14·N·2^104 ≤ 2^123.
// Width: the slack is at most venueCap_k·E < 2^105.
template VenueExposure(N, V) {
    var B = log2(V);
    assert(V == 1 << B);
    signal input absValue[N];
    signal input venueBit[N][B];    // index of the slot's venue, lowest bit first
    signal input venueCap[V];       // bps of NAV
    signal input nav;

    signal moved[N][V - 1];
    var total[V];
    for (var i = 0; i < N; i++) {
        var at[V];
        at[0] = absValue[i];
        for (var b = 0; b < B; b++) {
            for (var j = 0; j < (1 << b); j++) {
                var m = (1 << b) - 1 + j;
                moved[i][m] <== venueBit[i][b] * at[j];
                at[(1 << b) + j] = moved[i][m];
                at[j] -= moved[i][m];
            }
        }
        for (var k = 0; k < V; k++) { total[k] += at[k]; }
    }

    signal slack[V];
    for (var k = 0; k < V; k++) {
        slack[k] <== venueCap[k] * nav - BPS() * total[k];
        RangeCheck(LIMIT_BITS() + NAV_BITS())(slack[k]);
    }
}
