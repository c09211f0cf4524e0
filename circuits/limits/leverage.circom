pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// Σ gross_i·|v_i| ≤ maxLeverage·E      (both sides in bps of a value unit)
//
// Precondition: gross_i < 2^16, |v_i| ≤ 2^104, maxLeverage < 2^20, 0 ≤ E < 2^88. Budget: Σ < N·2^120 ≤ 2^125.
// Width: the slack is at most maxLeverage·E < 2^108.
template GrossLeverage(N) {
    signal input gross[N];
    signal input absValue[N];
    signal input maxLeverage;
    signal input nav;

    signal weighted[N];
    var exposure = 0;
    for (var i = 0; i < N; i++) {
        weighted[i] <== gross[i] * absValue[i];
        exposure += weighted[i];
    }
    signal slack <== maxLeverage * nav - exposure;
    RangeCheck(WIDE_LIMIT_BITS() + NAV_BITS())(slack);
}
