pragma circom 2.2.2;

include "../lib/zero.circom";

// BUG: a component whose output is never compared: the price is tested for zero, and nothing comes of it.
// FIXED: the output is compared.
template Case(FIXED) {
    signal input price;         // public

    component unpriced = IsZero();
    unpriced.in <== price;
    if (FIXED) { unpriced.isZero === 0; }
}
