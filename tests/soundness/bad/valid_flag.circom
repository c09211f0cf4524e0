pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: the verdict is an output, `valid`: a proof that says valid = 0 verifies as well as any, and whoever does not look at
// that signal accepts it.
// FIXED: the verdict is a constraint.
template Case(FIXED) {
    signal input value;         // public, as is the next
    signal input limit;
    signal output valid[1 - FIXED];

    RangeCheck(8)(value);
    RangeCheck(8)(limit);
    signal withinLimit <== SignedRange(9)(limit - value);
    if (FIXED) { withinLimit === 1; } else { valid[0] <== withinLimit; }
}
