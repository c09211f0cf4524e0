pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// 10^6·T ≤ turnover·L,   turnover ≤ 100·maxTurnover,   T = Σ_{i≥1} |t_i|·p_i
//
// The turnover that a proof names (ppm of NAV before the outflow) bounds what was traded, and the policy (bps) bounds what
// a proof may name. So T ≤ maxTurnover·L without a second comparison of values.
//
// Precondition: T < N·2^104, turnover < 2^30, maxTurnover < 2^20, 0 ≤ L < 2^104 + 2^88.
// Budget: 10^6·T < 2^20·2^109, turnover·L < 2^135; both sides of the second are below 2^30.
// Width: where both hold, turnover < 2^26.7, and the slack is at most turnover·L < 2^131.
template Turnover() {
    signal input traded;            // T, USD 1e-14
    signal input turnover;          // ppm of L
    signal input maxTurnover;       // bps of L
    signal input navBeforeOutflow;  // L

    signal room <== (PPM() \ BPS()) * maxTurnover - turnover;
    RangeCheck(TURNOVER_BITS())(room);
    signal slack <== turnover * navBeforeOutflow - PPM() * traded;
    RangeCheck(VALUE_BITS() + TURNOVER_BITS())(slack);
}
