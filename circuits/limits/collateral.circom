pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// What counts as collateral and as debt, slot by slot, in bps of a value unit.
//
//   long = max(v, 0),   short = max(−v, 0),   fundedLong = funded·long,   fundedShort = funded·short
//   collateral = haircut·long − 10^4·(short − fundedShort),   debt = liability·fundedShort
//
// Every long has a haircut, a derivative too: else it would be cash in full beside the debt that pays for it.
// Precondition: funded ∈ {0,1}, |v| ≤ 2^104. |v| + v = 2·max(v, 0) is even, so the halves are exact integers.
template FundedParts() {
    signal input funded;
    signal input haircut;           // bps, WEIGHT_BITS
    signal input liability;         // bps, MULTIPLE_BITS
    signal input value;
    signal input absValue;
    signal output fundedLong;
    signal output fundedShort;
    signal output collateral;       // signed, |collateral| < 2^118
    signal output debt;             // not negative, < 2^120

    var long = (absValue + value) / 2;
    var short = (absValue - value) / 2;
    fundedLong <== funded * long;
    fundedShort <== funded * short;
    collateral <== haircut * long - BPS() * (short - fundedShort);
    debt <== liability * fundedShort;
}

// 10^4·C ≥ minRatio·D,   C = Σ collateral_i,   D = Σ debt_i
//
// Precondition: minRatio < 2^17, N ≤ 32. Budget: 10^4·|C| < 2^14·N·2^118 ≤ 2^137, minRatio·D < 2^17·N·2^120 ≤ 2^142.
// Width: the slack is at most 10^4·C ≤ 10^4·2^14·Σ|v|, for a book within the venues' caps.
template CollateralRatio(N, V) {
    signal input collateral[N];
    signal input debt[N];
    signal input minRatio;

    var totalCollateral = 0;
    var totalDebt = 0;
    for (var i = 0; i < N; i++) {
        totalCollateral += collateral[i];
        totalDebt += debt[i];
    }
    signal slack <== BPS() * totalCollateral - minRatio * totalDebt;
    RangeCheck(CAPPED_BOOK_BITS(V) + WEIGHT_BITS() + BPS_BITS())(slack);
}
