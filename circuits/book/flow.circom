pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";

// What a flow is worth, and the NAV before it was paid out.
//
//   value = flow·p_0,   L = E + max(−flow, 0)·p_0
//
// L is what a cost or a turnover is a share of: with E alone, a vault that pays everything out could prove neither.
//
//   flow ∈ [−2^56, 2^56)
//
// Precondition: p_0 ∈ [0, 2^48), 0 ≤ E < 2^88. Then |value| ≤ 2^104 and 0 ≤ L < 2^104 + 2^88.
template FlowParts() {
    signal input flow;              // 1e-6 of the settlement asset, signed; positive into the book
    signal input settlementPrice;   // p_0, USD 1e-8
    signal input nav;               // E, USD 1e-14, as are the outputs
    signal output value;
    signal output navBeforeOutflow; // L

    signal inwards <== SignedRange(QUANTITY_BITS())(flow);
    value <== flow * settlementPrice;
    navBeforeOutflow <== nav - (1 - inwards) * value;
}
