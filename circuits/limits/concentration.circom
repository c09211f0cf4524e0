pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// 10^4·|v_i| ≤ cap_i·E for every slot.
//
// A null slot has cap 0, so it holds nothing of any value.
// Precondition: |v_i| ≤ 2^104, cap_i < 2^17, 0 ≤ E < 2^88. Budget: 10^4·|v_i| < 2^118.
// Width: the slack is at most cap_i·E < 2^105.
template Concentration(N) {
    signal input absValue[N];
    signal input cap[N];            // bps of NAV
    signal input nav;

    signal slack[N];
    for (var i = 0; i < N; i++) {
        slack[i] <== cap[i] * nav - BPS() * absValue[i];
        RangeCheck(LIMIT_BITS() + NAV_BITS())(slack[i]);
    }
}
