pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// A rebalance conserves value: what the trades do not explain is cost, and cost has bounds.
//
//   cost = flow·p_0 − Σ t_i·p_i
//   −accrual·E ≤ 10^6·cost            gains that no price explains come out of the accrual alone
//   10^6·cost ≤ 100·slippage·T + accrual·E
//
// flow: what entered the book in the settlement asset, 1e-6 of it, signed. accrual: ppm of NAV. slippage: bps of turnover.
//
// Precondition: |t_i·p_i| ≤ 2^104, flow ∈ [−2^56, 2^56), accrual < 2^20, slippage < 2^14, T ≤ N·2^104, 0 ≤ E < 2^88.
// Budget: |10^6·cost| < 2^20·(N + 1)·2^104 < 2^130, 100·slippage·T < 2^21·2^109: far below r, no wrap.
// Width of the range checks: where both hold, each slack is at most 100·slippage·T + 2·accrual·E. Turnover admits
// T ≤ 2^20·E/10^4 < 2^94.8, so that is < 2^115.5 + 2^109 < 2^116.
template Conservation(N) {
    signal input tradeValue[N];
    signal input settlementPrice;
    signal input flow;
    signal input accrual;
    signal input slippage;
    signal input turnover;
    signal input nav;

    signal flowValue <== flow * settlementPrice;
    var cost = flowValue;
    for (var i = 0; i < N; i++) { cost -= tradeValue[i]; }

    signal accrued <== accrual * nav;                    // 1e-6 of a value unit
    signal gainSlack <== accrued + PPM() * cost;
    RangeCheck(116)(gainSlack);
    signal costSlack <== (PPM() \ BPS()) * slippage * turnover + accrued - PPM() * cost;
    RangeCheck(116)(costSlack);
}
