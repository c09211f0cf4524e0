pragma circom 2.2.2;

include "constants.circom";
include "range.circom";

// Number of words that n fields of these widths fill: a field goes into the current word, in the lowest free bits,
// if it fits in its 253 bits, else into the next word.
function WORD_COUNT(n, widths) {
    var words = 1;
    var used = 0;
    for (var k = 0; k < n; k++) {
        if (used + widths[k] > WORD_BITS()) {
            words++;
            used = 0;
        }
        used += widths[k];
    }
    return words;
}

// Unpacks words into n fields, field k of widths[k] bits, in the layout of WORD_COUNT. Room left over is zero.
//
//   word_w = Σ_{fields k of word w} 2^{offset_k}·field_k,   field_k ∈ [0, 2^{widths[k]})
//
// Soundness: the fields of a word do not overlap and end below 2^253 < r, so the sum is an integer equation and each
// field is the corresponding run of the word's bits. Every field has its own range check: without it, one
// field could borrow from its neighbour under the same word.
template UnpackWords(n, widths, nWords) {
    assert(nWords == WORD_COUNT(n, widths));
    signal input word[nWords];
    signal output field[n];

    var sum[nWords];
    var w = 0;
    var used = 0;
    for (var k = 0; k < n; k++) {
        if (used + widths[k] > WORD_BITS()) {
            w++;
            used = 0;
        }
        field[k] <-- (word[w] >> used) & ((1 << widths[k]) - 1);
        if (widths[k] == 1) {
            Boolean()(field[k]);
        } else {
            RangeCheck(widths[k])(field[k]);
        }
        sum[w] += field[k] * (1 << used);
        used += widths[k];
    }
    for (var v = 0; v < nWords; v++) {
        word[v] === sum[v];
    }
}
