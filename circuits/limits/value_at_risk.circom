pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// z²·(Σ_f (vol_f·y_f)² + y_res²) ≤ (maxVaR·E)²,   y_res = Σ residual_i·|v_i|
//
// A delta-normal value at risk (J.P. Morgan/Reuters, RiskMetrics Technical Document, 4th ed., 1996, ch. 1.2) with
// factors taken as uncorrelated and the residuals as fully correlated with each other. Squared, so that no root is needed.
//
// Scales: z, vol_f, maxVaR, residual_i in bps; y_f and y_res in bps of a value unit. To fit squares into the field,
// exposures are in units of 2^48, rounded up, and E in units of 2^40, rounded down: both against the prover.
//   vol_f·y_f is 1e-8, y_res 1e-4, so the inner sum is taken over (vol_f·Y_f)² and (10^4·Y_res)², Y = ⌈y/2^48⌉
//   z·2^48·√Σ ≤ maxVaR·10^8·2^40·Ê, Ê = ⌊E/2^40⌋;  10^8 = 2^8·5^8, so   z²·Σ ≤ (maxVaR·5^8·Ê)²
//
// Precondition: Y_f ≤ 2^57 (FactorLimit), Ê < 2^48, vol_f, maxVaR, residual_i < 2^14, z < 2^16.
// Budget: y_res < N·2^118 ≤ 2^123. Y_res is range-checked to 58 + log2 V ≤ 61 bits, so 10^4·Y_res < 2^74.3 and
// vol_f·Y_f ≤ 2^71; z²·(F + 1 such squares) < 2^32·(2^148.6 + 6·2^142) < 2^181.
// Width: y_res < 2^14·Σ|v|, so Y_res < 2^(58 + log2 V) for a book within the venues' caps;
// the slack is at most (2^14·5^8·2^48)² < (2^VAR_BOUND_BITS)².
template ValueAtRisk(N, F, V) {
    signal input exposureRoundedUp[F];   // Y_f
    signal input volatility[F];
    signal input residual[N];
    signal input absValue[N];
    signal input quantile;               // z
    signal input maxVaR;
    signal input navHigh;                // Ê

    // y_res = Y_res·2^48 − low with low ∈ [0, 2^48): rounding up, uniquely.
    signal weighted[N];
    var residualExposure = 0;
    for (var i = 0; i < N; i++) {
        weighted[i] <== residual[i] * absValue[i];
        residualExposure += weighted[i];
    }
    signal residualRoundedUp <-- (residualExposure + (1 << EXPOSURE_SHIFT()) - 1) >> EXPOSURE_SHIFT();
    RangeCheck(CAPPED_BOOK_BITS(V) + WEIGHT_BITS() - EXPOSURE_SHIFT())(residualRoundedUp);
    signal low <== residualRoundedUp * (1 << EXPOSURE_SHIFT()) - residualExposure;
    RangeCheck(EXPOSURE_SHIFT())(low);

    signal deviation[F];
    signal square[F];
    signal residualSquare <== (BPS() * residualRoundedUp) * (BPS() * residualRoundedUp);
    var variance = residualSquare;
    for (var f = 0; f < F; f++) {
        deviation[f] <== volatility[f] * exposureRoundedUp[f];
        square[f] <== deviation[f] * deviation[f];
        variance += square[f];
    }

    signal quantileSquare <== quantile * quantile;
    signal risk <== quantileSquare * variance;
    signal bound <== FIVE_TO_8() * maxVaR * navHigh;
    signal slack <== bound * bound - risk;
    RangeCheck(2 * VAR_BOUND_BITS())(slack);
}
