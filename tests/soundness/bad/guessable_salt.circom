pragma circom 2.2.2;

include "../lib/poseidon.circom";
include "../lib/range.circom";

// BUG: a commitment whose salt is one of few values: whoever guesses the book can try them all.
// FIXED: the salt is any field element.
template Case(FIXED) {
    signal input commitment;    // public
    signal input quantity;
    signal input salt;

    RangeCheck(8)(quantity);
    if (!FIXED) { RangeCheck(16)(salt); }
    component book = Poseidon(3);
    book.in[0] <== 0x62616434;
    book.in[1] <== quantity;
    book.in[2] <== salt;
    commitment === book.digest;
}
