pragma circom 2.2.2;

// in ∈ {0, 1}.
template Boolean() {
    signal input in;
    in * (in - 1) === 0;
}

// in ∈ [0, 2^n), for 2 ≤ n ≤ 253.
//
//   b_k ∈ {0,1} for k = 1 … n−1, and b_0 := in − Σ_{k≥1} 2^k·b_k ∈ {0,1}
//
// Soundness: Σ_k 2^k·b_k = in holds by the definition of b_0, and n ≤ 253 bits cannot reach the field's order, so
// the bits are those of the integer `in`. Each bit is unique. Not having a signal for b_0 saves the constraint that
// would compare the sum with `in`: n constraints in all.
template RangeCheck(n) {
    assert(n >= 2 && n <= 253);
    signal input in;

    signal bit[n - 1];                  // bit[k − 1] is b_k
    var b0 = in;
    for (var k = 1; k < n; k++) {
        bit[k - 1] <-- (in >> k) & 1;
        bit[k - 1] * (bit[k - 1] - 1) === 0;
        b0 -= bit[k - 1] * (1 << k);
    }
    b0 * (b0 - 1) === 0;
}

// in ∈ [−2^(n−1), 2^(n−1)), two's complement; nonNegative = 1 if in ≥ 0, else 0. For 3 ≤ n ≤ 253.
//
//   in + 2^(n−1) = nonNegative·2^(n−1) + rest,   nonNegative ∈ {0,1},   rest ∈ [0, 2^(n−1))
//
// Soundness: the right side is an n-bit number written in its unique way (as in RangeCheck), so nonNegative is its
// top bit, which is set exactly if in ≥ 0. Zero has one encoding (nonNegative = 1): there is no "−0" to choose.
template SignedRange(n) {
    assert(n >= 3 && n <= 253);
    signal input in;
    signal output nonNegative;

    nonNegative <-- ((in + (1 << (n - 1))) >> (n - 1)) & 1;
    nonNegative * (nonNegative - 1) === 0;

    signal bit[n - 2];                  // bit[k − 1] is b_k of rest
    var rest = in + (1 << (n - 1)) * (1 - nonNegative);
    var b0 = rest;
    for (var k = 1; k < n - 1; k++) {
        bit[k - 1] <-- (rest >> k) & 1;
        bit[k - 1] * (bit[k - 1] - 1) === 0;
        b0 -= bit[k - 1] * (1 << k);
    }
    b0 * (b0 - 1) === 0;
}
