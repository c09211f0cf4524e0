pragma circom 2.2.2;

include "../lib/range.circom";
include "../lib/zero.circom";

// BUG: quantity in a slot without a price counts for nothing and escapes every limit, until a later snapshot has a price.
// FIXED: without a price there is no quantity.
template Case(FIXED) {
    signal input quantity;      // public, as are the next two
    signal input price;
    signal input cap;

    RangeCheck(8)(quantity);
    RangeCheck(8)(price);
    RangeCheck(16)(cap);
    signal unpriced <== IsZero()(price);
    if (FIXED) { unpriced * quantity === 0; } else { _ <== unpriced; }
    signal value <== quantity * price;
    RangeCheck(16)(cap - value);
}
