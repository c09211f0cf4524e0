pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// Σ liquid_i·fundedLong_i − 10^4·Σ_{not funded} max(−v_i, 0) ≥ minReserve·E      (bps of a value unit)
//
// A short derivative's cash leg sits in the settlement slot and is no cash to pay out with: the short is taken off.
// Precondition: liquid_i, minReserve < 2^14, |v_i| ≤ 2^104, 0 ≤ E < 2^88. Budget: |Σ| < N·2^118 ≤ 2^123.
// Width: the slack is at most Σ liquid_i·fundedLong_i < N·2^14·2^91.72 < 2^(106 + log2 N), for slots within their caps.
template LiquidityReserve(N) {
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
    RangeCheck(CAPPED_VALUE_BITS() + WEIGHT_BITS() + log2(N))(slack);
}
