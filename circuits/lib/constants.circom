pragma circom 2.2.2;

// Every number of the statement, once. dls_zk/statement/constants.py holds the same; a test compares the two.

// --- scales -------------------------------------------------------------------------------------
function BPS() { return 10000; }                 // weights, ratios, limits: 1e-4
function BPS_BITS() { return 14; }               // BPS < 2^14
function PPM() { return 1000000; }               // turnover in the allowances: 1e-6 of NAV
function PPB() { return 1000000000; }            // gain and loss in the allowances: 1e-9 of NAV
function USD_E14() { return 100000000000000; }   // one dollar, in units of value

// --- bit widths of inputs -------------------------------------------------------------------------
function WORD_BITS() { return 253; }             // a packed word: below 2^253 < r, so it unpacks uniquely
function QUANTITY_BITS() { return 57; }          // quantities, trades, flow: two's complement, −2^56 ≤ q < 2^56
function QUANTITY_LIMB_BITS() { return 58; }     // room of a quantity in a word of the book commitment
function QUANTITIES_PER_WORD() { return 4; }
function PRICE_BITS() { return 48; }
function PRICES_PER_WORD() { return 5; }
function ALLOWANCE_BITS() { return 30; }         // each of gain, loss, turnover and write-down
function NAV_BITS() { return 88; }               // 0 ≤ E < 2^88 · 1e-14 USD = 3.09e12 USD
function NAV_FLOOR_BITS() { return 42; }         // 2^88 / 1e14 < 2^42
function NAV_STEP_BITS() { return 24; }          // whole dollars
function SIGNED_BITS() { return 17; }            // loadings and shocks, stored as value + 2^16
function SIGNED_OFFSET() { return 65536; }
function WEIGHT_BITS() { return 14; }            // haircuts, volatilities, shares: up to 1.6383
function MULTIPLE_BITS() { return 16; }          // liability and gross weights, quantile: up to 6.5535
function LIMIT_BITS() { return 17; }             // most limits: up to 13.1071
function WIDE_LIMIT_BITS() { return 20; }        // turnover, leverage, capital efficiency: up to 104.8575

// Units of NAV and of factor exposures where they are rounded, against the prover: in the factors' limits, the stress loss
// and the value at risk. A unit of NAV is about 0.011 USD.
function NAV_SHIFT() { return 40; }
function EXPOSURE_SHIFT() { return 48; }
function FIVE_TO_8() { return 390625; }          // 10^8 without its twos
function VAR_BOUND_BITS() { return 81; }         // maxVaR·5^8·⌊E/2^40⌋ < 2^14·2^18.6·2^48

// --- bit widths that follow ------------------------------------------------------------------------
function VALUE_BITS() { return 104; }            // |q·p| ≤ 2^56·2^48
// A turnover in ppm that a policy's maximum in bps admits: 100·(2^20 − 1) < 2^26.7.
function TURNOVER_BITS() { return 27; }
// Σ|v| of all slots that the venues' caps admit: a cap is < 2^17 bps, so at a venue Σ|v| ≤ 13.1071·E < 2^3.72·2^88.
// This bounds what an honest prover needs (completeness); soundness rests on the ranges of the inputs alone.
function CAPPED_BOOK_BITS(V) { return 92 + log2(V); }
// Of a unit of collateral under stress: haircut < 2^14, 10^4 and 10^8 + F·2^32 < 2^34.7 for F ≤ 6.
function STRESSED_BITS() { return 62; }
// 16·Σ_f shock·high_f < 16·F·2^16·2^57 < 2^79.6 for F ≤ 6, and 625·maxLoss·⌊E/2^40⌋ < 2^74.3.
function STRESS_LOSS_BITS() { return 80; }
// One NAV step, or what is left below one: 10^14·2^24 < 2^71 units of value.
function NAV_STEP_VALUE_BITS() { return 71; }

function log2(n) {
    var bits = 0;
    while ((1 << bits) < n) { bits++; }
    return bits;
}

function ceilDiv(a, b) { return (a + b - 1) \ b; }

// --- hash domains: the ASCII bytes of a tag, then the slot count in one byte ---------------------------
function DOMAIN_BOOK(N) { return 0x646c732d7a6b2f626f6f6b2f7631 * 256 + N; }       // "dls-zk/book/v1"
function DOMAIN_POLICY(N) { return 0x646c732d7a6b2f706f6c6963792f7631 * 256 + N; } // "dls-zk/policy/v1"
