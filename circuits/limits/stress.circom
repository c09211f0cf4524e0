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
// Width: only collateral adds to the slack (a policy takes no slot below zero but a derivative that counts in full): within the
// caps, slack ≤ 2^14·10^4·Σ|v|·(10^8 + F·2^32) < 2^CAPPED_BOOK_BITS·2^STRESSED_BITS for F ≤ 6.
template StressSolvency(N, S, F, V) {
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
        RangeCheck(CAPPED_BOOK_BITS(V) + STRESSED_BITS())(slack[s]);
    }
}

// −profit_s ≤ maxLoss_s·E,   profit_s = Σ_f shock_{s,f}·y_f      (1e-8 of a value unit, so 10^4·maxLoss_s·E)
//
// In the units of FactorLimit, y = high·2^48 + low: a shock of a size up to 2^16 makes of the remainder a loss of at most
// 2^16·2^48, and none where it is 0.
//
//   16·Σ_f (shock_{s,f}·high_f − 2^16·(1 − exact_f)) + 625·maxLoss_s·Ê ≥ 0,   Ê = ⌊E/2^40⌋
//
// Times 2^44, this bounds −profit_s ≤ −2^48·Σ_f (shock_{s,f}·high_f − 2^16·(1 − exact_f)) by 2^40·10^4·maxLoss_s·Ê.
//
// Precondition: high_f ∈ [−2^57, 2^57), exact_f ∈ {0, 1}, |shock| ≤ 2^16, maxLoss_s < 2^17, Ê < 2^48.
// Budget and width: |16·Σ| ≤ F·(2^77 + 2^20) < 2^79.6 for F ≤ 6, 625·maxLoss·Ê < 2^74.3: the slack stays below 2^80.
template StressLoss(S, F) {
    signal input exposureHigh[F];   // high_f, signed
    signal input exact[F];          // whether y_f is a multiple of 2^48
    signal input shockBiased[S][F];
    signal input maxLoss[S];        // bps of NAV
    signal input navHigh;           // Ê

    signal part[S][F];
    signal slack[S];
    for (var s = 0; s < S; s++) {
        var profit = 0;
        for (var f = 0; f < F; f++) {
            part[s][f] <== (shockBiased[s][f] - SIGNED_OFFSET()) * exposureHigh[f];
            profit += part[s][f] - SIGNED_OFFSET() * (1 - exact[f]);
        }
        slack[s] <== (BPS() \ 16) * maxLoss[s] * navHigh + 16 * profit;
        RangeCheck(STRESS_LOSS_BITS())(slack[s]);
    }
}
