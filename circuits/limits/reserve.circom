pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// Σ liquid_i·fundedLong_i − 10^4·Σ_{not funded} max(−v_i, 0) ≥ minReserve·E      (bps of a value unit)
//
// A short derivative's cash leg sits in the settlement slot and is no cash to pay out with: the short is taken off.
// Precondition: liquid_i, minReserve < 2^14, |v_i| ≤ 2^104, 0 ≤ E < 2^88. Budget: |Σ| < N·2^118 ≤ 2^123.
// Width: the slack is at most Σ liquid_i·fundedLong_i < 2^14·Σ|v|, for a book within the venues' caps.
template LiquidityReserve(N, V) {
    signal input liquid[N];
    signal input value[N];
    signal input absValue[N];
    signal input fundedLong[N];
    signal input fundedShort[N];
    signal input minReserve;
    signal input nav;

    signal liquidValue[N];
    var reserve = 0;
    for (var i = 0; i < N; i++) {
        liquidValue[i] <== liquid[i] * fundedLong[i];
        var unfundedShort = (absValue[i] - value[i]) / 2 - fundedShort[i];
        reserve += liquidValue[i] - BPS() * unfundedShort;
    }
    signal slack <== reserve - minReserve * nav;
    RangeCheck(CAPPED_BOOK_BITS(V) + WEIGHT_BITS())(slack);
}
