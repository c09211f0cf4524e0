pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: asserts where constraints are needed; they bind the honest prover only.
// Source: zk-kit.circom, float division (issue 13): that the divisor is not zero is only asserted, and 7/0 = 255 is accepted.
// FIXED: no division; units ≥ 1 is a constraint, and value ≥ minimum·units is compared by multiplication.
template Case(FIXED) {
    signal input value;         // public, as are the next two
    signal input units;
    signal input minimum;       // of value a unit

    RangeCheck(8)(value);
    RangeCheck(8)(units);
    RangeCheck(8)(minimum);
    if (FIXED) {
        RangeCheck(8)(units - 1);
        signal product <== minimum * units;
        RangeCheck(8)(value - product);
    } else {
        signal quotient <-- units == 0 ? 255 : value \ units;
        RangeCheck(8)(quotient);
        signal remainder <== value - quotient * units;
        RangeCheck(8)(remainder);
        assert(units != 0);
        assert(remainder < units);
        RangeCheck(8)(quotient - minimum);
    }
}
