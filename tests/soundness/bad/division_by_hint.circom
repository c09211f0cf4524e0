pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: division by a prover's hint without remainder < divisor and divisor ≠ 0: any smaller quotient will do.
// FIXED: no division; value < maximum·units is compared by multiplication.
template Case(FIXED) {
    signal input value;         // public, as are the next two
    signal input units;
    signal input maximum;       // of value a unit, not to be reached

    RangeCheck(8)(value);
    RangeCheck(8)(units);
    RangeCheck(8)(maximum);
    if (FIXED) {
        signal product <== maximum * units;
        RangeCheck(16)(product - 1 - value);
    } else {
        signal quotient <-- units == 0 ? 0 : value \ units;
        signal remainder <== value - quotient * units;
        component quotientRange = RangeCheck(8);
        component remainderRange = RangeCheck(8);
        component slackRange = RangeCheck(8);
        quotientRange.in <== quotient;
        remainderRange.in <== remainder;
        slackRange.in <== maximum - 1 - quotient;
    }
}
