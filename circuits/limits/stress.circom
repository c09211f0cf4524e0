pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";
include "factor_exposure.circom";

// Under every scenario, collateral revalued by the shocks covers ratio × debt revalued by the shocks.
//
//   move_{s,i} = Σ_f shock_{s,f}·loading_{i,f}                                          1e-8
//   a_i = 10^4·collateral_i − ratio·debt_i                                              1e-8 of a value unit
//   Σ_i a_i·(10^8 + move_{s,i}) = 10^8·Σ_i a_i + Σ_f shock_{s,f}·A_f ≥ 0,   A_f = Σ_i loading_{i,f}·a_i
//
// Summed over slots before scenarios, so that a scenario costs F products. shockBiased is the packed shock, value + 2^16.
//
// Precondition: |collateral_i| < 2^118, debt_i < 2^120, ratio < 2^17, |loading|, |shock| ≤ 2^16.
// Budget: |a_i| < 2^14·2^118 + 2^137 < 2^138; |A_f| < N·2^154; |Σ| < 2^27·N·2^138 + F·2^16·N·2^154 < 2^179 for N ≤ 32.
// Width: only collateral adds to the slack (a policy takes no slot below zero but a derivative that counts in full): with |v| < 2^91.72 by
// the caps, slack ≤ N·2^14·10^4·2^91.72·(10^8 + F·2^32) < 2^(153.7 + log2 N) for F ≤ 6.
template StressSolvency(N, S, F) {
    signal input collateral[N];
    signal input debt[N];
    signal input loadingBiased[N][F];
    signal input shockBiased[S][F];
    signal input ratio;             // bps

    signal amount[N];
    var total = 0;
    for (var i = 0; i < N; i++) {
        amount[i] <== BPS() * collateral[i] - ratio * debt[i];
        total += amount[i];
    }
    signal exposure[F] <== Exposures(N, F)(loadingBiased, amount);

    signal part[S][F];
    signal slack[S];
    for (var s = 0; s < S; s++) {
        var revalued = BPS() * BPS() * total;
        for (var f = 0; f < F; f++) {
            part[s][f] <== (shockBiased[s][f] - SIGNED_OFFSET()) * exposure[f];
            revalued += part[s][f];
        }
        slack[s] <== revalued;
        RangeCheck(CAPPED_VALUE_BITS() + STRESSED_BITS() + log2(N))(slack[s]);
    }
}

// −profit_s ≤ maxLoss_s·E,   profit_s = Σ_f shock_{s,f}·y_f     (profit 1e-8 of a value unit, so 10^4·maxLoss_s·E)
//
// Precondition: |y_f| < 2^105 (FactorLimit), |shock| ≤ 2^16, maxLoss_s < 2^17, 0 ≤ E < 2^88.
// Budget and width: |profit| < F·2^121 ≤ 2^123.6 for F ≤ 6, 10^4·maxLoss·E < 2^118.3: the slack stays below 2^124.
template StressLoss(S, F) {
    signal input exposure[F];       // y_f, bps of a value unit, signed
    signal input shockBiased[S][F];
    signal input maxLoss[S];        // bps of NAV
    signal input nav;

    signal part[S][F];
    signal slack[S];
    for (var s = 0; s < S; s++) {
        var profit = 0;
        for (var f = 0; f < F; f++) {
            part[s][f] <== (shockBiased[s][f] - SIGNED_OFFSET()) * exposure[f];
            profit += part[s][f];
        }
        slack[s] <== BPS() * maxLoss[s] * nav + profit;
        RangeCheck(STRESS_LOSS_BITS())(slack[s]);
    }
}
