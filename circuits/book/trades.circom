pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";
include "../lib/zero.circom";

// One slot's quantity after the rebalance and its trade, in range, with signs, valued at the slot's price.
//
//   after, trade ∈ [−2^56, 2^56)          so |before| = |after − trade| < 2^57: what BookCommitment needs
//   price = 0 ⇒ after = 0                 a quantity without a price would escape every limit and come alive
//                                         when a later policy names its slot
//   value = after·price,  absValue = |value|,  tradeValue = trade·price,  absTradeValue = |tradeValue|
//
// Precondition: price ∈ [0, 2^48). Budget: |value|, |tradeValue| ≤ 2^56·2^48 = 2^104.
template ValuedSlot() {
    signal input after;          // 1e-6 of the instrument, signed
    signal input trade;          // after − before, same unit
    signal input price;          // USD 1e-8
    signal output value;         // USD 1e-14, as are the next three
    signal output absValue;
    signal output tradeValue;
    signal output absTradeValue;

    // Sign of the quantity = sign of the value, for the price is not negative.
    signal long <== SignedRange(QUANTITY_BITS())(after);
    signal bought <== SignedRange(QUANTITY_BITS())(trade);

    signal unpriced <== IsZero()(price);
    unpriced * after === 0;

    value <== after * price;
    absValue <== (2 * long - 1) * value;
    tradeValue <== trade * price;
    absTradeValue <== (2 * bought - 1) * tradeValue;
}
