pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// Σ il_i·|v_i| ≤ maxImpermanentLoss·E      (bps of a value unit; il_i: loss at the policy's reference move)
//
// Precondition: il_i < 2^14, |v_i| ≤ 2^104, maxImpermanentLoss < 2^17, 0 ≤ E < 2^88. Budget: Σ < N·2^118 ≤ 2^123.
// Width: the slack is at most maxImpermanentLoss·E < 2^105.
template ImpermanentLoss(N) {
    signal input impermanentLoss[N];
    signal input absValue[N];
    signal input maxImpermanentLoss;
    signal input nav;

    signal weighted[N];
    var loss = 0;
    for (var i = 0; i < N; i++) {
        weighted[i] <== impermanentLoss[i] * absValue[i];
        loss += weighted[i];
    }
    signal slack <== maxImpermanentLoss * nav - loss;
    RangeCheck(LIMIT_BITS() + NAV_BITS())(slack);
}
