pragma circom 2.2.2;

// isZero = 1 if in = 0, else 0.
//
//   in·inverse = 1 − isZero,   isZero·in = 0,   isZero·inverse = 0
//
// Soundness: if in ≠ 0, the second equation gives isZero = 0. If in = 0, the first gives isZero = 1.
// The third does not change the output: it makes `inverse` 0 where the first leaves it free, so that every signal
// is determined by the input.
template IsZero() {
    signal input in;
    signal output isZero;

    signal inverse <-- in != 0 ? 1 / in : 0;
    isZero <== 1 - in * inverse;
    isZero * in === 0;
    isZero * inverse === 0;
}
