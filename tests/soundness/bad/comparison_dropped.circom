pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: the outcome of a comparison goes into a product, and nothing comes of that. The compiler sees no unused signal.
// FIXED: the outcome is compared.
template Case(FIXED) {
    signal input value;         // public, as is the next
    signal input limit;

    RangeCheck(8)(value);
    RangeCheck(8)(limit);
    signal within <== SignedRange(9)(limit - value);
    signal verdict <== within * (FIXED ? 1 : limit);
    if (FIXED) { verdict === 1; }
    _ <== verdict;
}
