pragma circom 2.2.2;

include "../lib/range.circom";

// BUG: the classic division gadget. Quotient and remainder are range-checked and the remainder is less than the divisor, but
// quotient·divisor is 128 + 132 bits wide and wraps around the field: a vault with collateral 1 and debt 2^131 proves 150%.
// FIXED: no division; 10^4·collateral ≥ minRatio·debt is compared by multiplication, within a written budget.
template Case(FIXED) {
    signal input collateral;    // public, as are the next two
    signal input debt;
    signal input minRatio;      // bps

    RangeCheck(118)(collateral);
    RangeCheck(132)(debt);
    RangeCheck(17)(minRatio);
    if (FIXED) {
        signal product <== minRatio * debt;                // < 2^149, as 10^4·collateral is below 2^132
        RangeCheck(132)(10000 * collateral - product);
    } else {
        signal ratio <-- debt == 0 ? 0 : (10000 * collateral) \ debt;
        signal remainder <== 10000 * collateral - ratio * debt;
        component ratioRange = RangeCheck(128);
        component remainderRange = RangeCheck(132);
        component roomRange = RangeCheck(132);
        component slackRange = RangeCheck(128);
        ratioRange.in <== ratio;
        remainderRange.in <== remainder;
        roomRange.in <== debt - 1 - remainder;
        slackRange.in <== ratio - minRatio;
    }
}
