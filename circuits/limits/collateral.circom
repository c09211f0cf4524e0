pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// What counts as collateral and as debt, slot by slot, in bps of a value unit.
//
//   fundedLong = funded·max(v, 0),   fundedShort = funded·max(−v, 0),   unfunded = (1 − funded)·v
//   collateral = haircut·fundedLong + 10^4·unfunded,   debt = liability·fundedShort
//
// Precondition: funded ∈ {0,1}, |v| ≤ 2^104. |v| + v = 2·max(v, 0) is even, so the halves are exact integers.
template FundedParts() {
    signal input funded;
    signal input haircut;           // bps, < 2^14
    signal input liability;         // bps, < 2^16
    signal input value;
    signal input absValue;
    signal output fundedLong;
    signal output fundedShort;
    signal output collateral;       // signed, |collateral| < 2^118
    signal output debt;             // not negative, < 2^120

    fundedLong <== funded * ((absValue + value) / 2);
    fundedShort <== funded * ((absValue - value) / 2);
    var unfunded = value - fundedLong + fundedShort;
    collateral <== haircut * fundedLong + BPS() * unfunded;
    debt <== liability * fundedShort;
}

// 10^4·C ≥ minRatio·D,   C = Σ collateral_i,   D = Σ debt_i
//
// Precondition: minRatio < 2^17, N ≤ 32. Budget: 10^4·|C| < 2^14·N·2^118 ≤ 2^137, minRatio·D < 2^17·N·2^120 ≤ 2^142.
// Width: the slack is at most 10^4·C ≤ 10^4·N·2^14·2^91.72 < 2^(119.1 + log2 N), for a slot that obeys its cap.
template CollateralRatio(N) {
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
    RangeCheck(CAPPED_VALUE_BITS() + 28 + log2(N))(slack);
}
