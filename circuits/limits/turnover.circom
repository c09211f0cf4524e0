pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// 10^4·T ≤ maxTurnover·E,   T = Σ_{i≥1} |t_i|·p_i
//
// Precondition: T ≤ N·2^104, maxTurnover < 2^20, 0 ≤ E < 2^88. Budget: 10^4·T < 2^14·2^109 = 2^123.
// Width: the slack is at most maxTurnover·E < 2^108.
template Turnover() {
    signal input turnover;          // T, USD 1e-14
    signal input maxTurnover;       // bps of NAV
    signal input nav;

    signal slack <== maxTurnover * nav - BPS() * turnover;
    RangeCheck(WIDE_LIMIT_BITS() + NAV_BITS())(slack);
}
