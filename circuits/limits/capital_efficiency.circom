pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// Σ depth_i·|v_i| ≥ minCapitalEfficiency·Σ fundedLong_i      (bps of a value unit)
//
// Precondition: depth_i, minCapitalEfficiency < 2^20, |v_i| ≤ 2^104. Budget: each sum < N·2^124 ≤ 2^129.
// Width: the slack is at most Σ depth_i·|v_i| < N·2^20·2^91.72 < 2^(112 + log2 N), for slots within their caps.
template CapitalEfficiency(N) {
    signal input depth[N];
    signal input absValue[N];
    signal input fundedLong[N];
    signal input minCapitalEfficiency;

    signal weighted[N];
    var supported = 0;
    var capital = 0;
    for (var i = 0; i < N; i++) {
        weighted[i] <== depth[i] * absValue[i];
        supported += weighted[i];
        capital += fundedLong[i];
    }
    signal slack <== supported - minCapitalEfficiency * capital;
    RangeCheck(CAPPED_VALUE_BITS() + WIDE_LIMIT_BITS() + log2(N))(slack);
}
