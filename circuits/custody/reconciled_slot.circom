pragma circom 2.2.2;

include "../lib/constants.circom";
include "../lib/range.circom";
include "../lib/zero.circom";

// One slot: what is booked in it, what is attested of it, and what the book has more, valued at the slot's price.
//
//   gap = quantity − attested
//   quantity, gap ∈ [−2^56, 2^56)          so |attested| = |quantity − gap| < 2^57: what BookCommitment needs
//   price = 0 ⇒ quantity = gap = 0         so attested = 0 too: without a price an attested debt would count for nothing
//   value = quantity·price,  missingValue = max(gap, 0)·price
//
// A range for the gap makes one for what is attested superfluous, and its top bit is its sign: 57 constraints a slot less
// than ranges for quantity, attested and a gap of 58 bits. It refuses a gap of 2^56 units or more, which is 72 billion of a
// thing: no tolerance forgives that, and nobody holds so much more than is booked.
//
// Precondition: price ∈ [0, 2^48). Budget: |value|, missingValue ≤ 2^56·2^48 = 2^104.
template ReconciledSlot() {
    signal input quantity;       // 1e-6 of the instrument, signed
    signal input attested;       // same unit
    signal input price;          // USD 1e-8
    signal output value;         // USD 1e-14, as is the next
    signal output missingValue;

    _ <== SignedRange(QUANTITY_BITS())(quantity);  // the sign of the quantity decides nothing here
    signal gap <== quantity - attested;
    signal bookedMore <== SignedRange(QUANTITY_BITS())(gap);

    signal unpriced <== IsZero()(price);
    unpriced * quantity === 0;
    unpriced * gap === 0;

    value <== quantity * price;
    signal gapValue <== gap * price;
    missingValue <== bookedMore * gapValue;
}
