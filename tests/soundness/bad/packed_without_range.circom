pragma circom 2.2.2;

include "../lib/poseidon.circom";
include "../lib/range.circom";

// BUG: a value is packed into a word without a range check of its own.
// Source: Binance zkmerkle-proof-of-solvency, issue 4. Total debt and base price shared a word, the price was not checked:
// debt 1 at price 1000 became debt 0 at price 2^64 + 1000 under the same hash.
// FIXED: every packed value has its range check.
template Case(FIXED) {
    signal input commitment;    // public
    signal input debt;
    signal input price;
    signal input salt;

    RangeCheck(64)(debt);
    if (FIXED) { RangeCheck(64)(price); }
    component hash = Poseidon(3);
    hash.in[0] <== 0x62616431;
    hash.in[1] <== debt * (1 << 64) + price;
    hash.in[2] <== salt;
    commitment === hash.digest;
}
