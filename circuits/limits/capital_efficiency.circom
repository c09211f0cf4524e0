pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// Σ depth_i·|v_i| ≥ minCapitalEfficiency·Σ fundedLong_i      (bps of a value unit)
//
// Precondition: depth_i, minCapitalEfficiency < 2^20, |v_i| ≤ 2^104. Budget: each sum < N·2^124 ≤ 2^129.
// Width: the slack is at most Σ depth_i·|v_i| < 2^20·Σ|v|, for a book within the venues' caps.
template CapitalEfficiency(N, V) {
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
    RangeCheck(CAPPED_BOOK_BITS(V) + WIDE_LIMIT_BITS())(slack);
}
