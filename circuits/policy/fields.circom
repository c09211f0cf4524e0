pragma circom 2.2.2;

include "../lib/constants.circom";

// The packed policy: widths and places of its fields, in packing order. dls_zk/statement/policy_fields.py lists the
// same by name; there the venue is one field, here each of its bits is one.

// --- one slot: one word -----------------------------------------------------------------------------
function SLOT_FUNDED() { return 0; }
function SLOT_HAIRCUT() { return 1; }
function SLOT_LIABILITY() { return 2; }
function SLOT_CAP() { return 3; }
function SLOT_VENUE() { return 4; }                       // log2(V) fields of one bit, lowest first
function SLOT_GROSS(V) { return 4 + log2(V); }
function SLOT_LIQUID(V) { return 5 + log2(V); }
function SLOT_IMPERMANENT_LOSS(V) { return 6 + log2(V); }
function SLOT_DEPTH(V) { return 7 + log2(V); }
function SLOT_RESIDUAL(V) { return 8 + log2(V); }
function SLOT_LOADING(V) { return 9 + log2(V); }          // F of them
function SLOT_FIELDS(F, V) { return 9 + log2(V) + F; }

function SLOT_WIDTHS(F, V) {
    var widths[128];              // circom needs a constant here; only the first SLOT_FIELDS count
    widths[SLOT_FUNDED()] = 1;
    widths[SLOT_HAIRCUT()] = WEIGHT_BITS();
    widths[SLOT_LIABILITY()] = MULTIPLE_BITS();
    widths[SLOT_CAP()] = LIMIT_BITS();
    for (var b = 0; b < log2(V); b++) { widths[SLOT_VENUE() + b] = 1; }
    widths[SLOT_GROSS(V)] = MULTIPLE_BITS();
    widths[SLOT_LIQUID(V)] = WEIGHT_BITS();
    widths[SLOT_IMPERMANENT_LOSS(V)] = WEIGHT_BITS();
    widths[SLOT_DEPTH(V)] = WIDE_LIMIT_BITS();
    widths[SLOT_RESIDUAL(V)] = WEIGHT_BITS();
    for (var f = 0; f < F; f++) { widths[SLOT_LOADING(V) + f] = SIGNED_BITS(); }
    return widths;
}

// --- fields of no slot ------------------------------------------------------------------------------
function MAX_TURNOVER() { return 0; }
function MAX_LEVERAGE() { return 1; }
function MIN_COLLATERAL_RATIO() { return 2; }
function STRESS_COLLATERAL_RATIO() { return 3; }
function MIN_RESERVE() { return 4; }
function MAX_IMPERMANENT_LOSS() { return 5; }
function MIN_CAPITAL_EFFICIENCY() { return 6; }
function MAX_VAR() { return 7; }
function VAR_QUANTILE() { return 8; }
function SLIPPAGE() { return 9; }
function NAV_STEP() { return 10; }
function VENUE_CAP() { return 11; }                                       // V
function FACTOR_LIMIT(V) { return 11 + V; }                               // F
function FACTOR_VOLATILITY(F, V) { return 11 + V + F; }                   // F
function MAX_STRESS_LOSS(F, V) { return 11 + V + 2 * F; }                 // S
function SHOCK(S, F, V) { return 11 + V + 2 * F + S; }                    // S×F, scenario by scenario
function GLOBAL_FIELDS(S, F, V) { return 11 + V + 2 * F + S + S * F; }

function GLOBAL_WIDTHS(S, F, V) {
    var widths[128];              // as above: the first GLOBAL_FIELDS count
    widths[MAX_TURNOVER()] = WIDE_LIMIT_BITS();
    widths[MAX_LEVERAGE()] = WIDE_LIMIT_BITS();
    widths[MIN_COLLATERAL_RATIO()] = LIMIT_BITS();
    widths[STRESS_COLLATERAL_RATIO()] = LIMIT_BITS();
    widths[MIN_RESERVE()] = WEIGHT_BITS();
    widths[MAX_IMPERMANENT_LOSS()] = LIMIT_BITS();
    widths[MIN_CAPITAL_EFFICIENCY()] = WIDE_LIMIT_BITS();
    widths[MAX_VAR()] = WEIGHT_BITS();
    widths[VAR_QUANTILE()] = MULTIPLE_BITS();
    widths[SLIPPAGE()] = WEIGHT_BITS();
    widths[NAV_STEP()] = NAV_STEP_BITS();
    for (var k = 0; k < V; k++) { widths[VENUE_CAP() + k] = LIMIT_BITS(); }
    for (var f = 0; f < F; f++) { widths[FACTOR_LIMIT(V) + f] = LIMIT_BITS(); }
    for (var f = 0; f < F; f++) { widths[FACTOR_VOLATILITY(F, V) + f] = WEIGHT_BITS(); }
    for (var s = 0; s < S; s++) { widths[MAX_STRESS_LOSS(F, V) + s] = LIMIT_BITS(); }
    for (var k = 0; k < S * F; k++) { widths[SHOCK(S, F, V) + k] = SIGNED_BITS(); }
    return widths;
}
