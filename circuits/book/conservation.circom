pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// A rebalance conserves value: what the trades do not explain is cost, and cost has bounds.
//
//   cost = flow·p_0 − Σ t_i·p_i,   W = writeDown·g,   g = 10^14·navStep
//   −gain·E ≤ 10^9·cost                                     what no price explains comes out of the gain alone
//   10^9·cost ≤ gain·E + 10^5·slippage·T + 10^9·W           a trade costs no more than the policy says
//   10^9·cost ≤ loss·L + 10^9·W                             nor do all trades and losses together
//
// gain, loss: ppb of NAV. writeDown: NAV steps of a loss that was announced. slippage: bps of turnover.
//
// Precondition: |t_i·p_i| ≤ 2^104, |flow·p_0| ≤ 2^104, gain, loss, writeDown < 2^30, navStep < 2^24, slippage < 2^14,
// T < N·2^104, 0 ≤ E < 2^88, 0 ≤ L < 2^104 + 2^88.
// Budget: |10^9·cost| < 2^30·(N + 1)·2^104 < 2^140, 10^5·slippage·T < 2^30.7·N·2^104 < 2^140, loss·L < 2^135,
// 10^9·W < 2^30·2^30·2^70.6: each slack stays below 2^142 in magnitude, no wrap.
// Width: where all three hold, the slacks of gain and loss are at most gain·E + loss·L + 10^9·W < 2^135, and that of
// the cost is at most 2·gain·E + 10^5·slippage·T + 10^9·W < 2^31·N·2^104.
template Conservation(N) {
    signal input tradeValue[N];
    signal input flowValue;
    signal input gain;
    signal input loss;
    signal input writeDown;
    signal input navStep;           // whole USD
    signal input slippage;
    signal input turnover;          // T
    signal input nav;               // E
    signal input navBeforeOutflow;  // L

    var cost = flowValue;
    for (var i = 0; i < N; i++) { cost -= tradeValue[i]; }

    signal gained <== gain * nav;                        // 1e-9 of a value unit, as are the slacks
    signal writtenDown <== writeDown * navStep;          // whole USD
    signal gainSlack <== gained + PPB() * cost;
    RangeCheck(VALUE_BITS() + ALLOWANCE_BITS() + 1)(gainSlack);
    signal costSlack <==
        (PPB() \ BPS()) * slippage * turnover + gained + PPB() * (USD_E14() * writtenDown - cost);
    RangeCheck(VALUE_BITS() + ALLOWANCE_BITS() + 1 + log2(N))(costSlack);
    signal lossSlack <== loss * navBeforeOutflow + PPB() * (USD_E14() * writtenDown - cost);
    RangeCheck(VALUE_BITS() + ALLOWANCE_BITS() + 1)(lossSlack);
}
