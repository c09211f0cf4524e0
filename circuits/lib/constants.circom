pragma circom 2.2.2;

// Every number of the statement, once. dls_zk/constants.py holds the same; a test compares the two.

// --- scales -------------------------------------------------------------------------------------
function BPS() { return 10000; }                 // weights, ratios, limits: 1e-4
function PPM() { return 1000000; }               // accrual: 1e-6 of NAV
function USD_E14() { return 100000000000000; }   // one dollar, in units of value

// --- bit widths of inputs -------------------------------------------------------------------------
function WORD_BITS() { return 253; }             // a packed word: below 2^253 < r, so it unpacks uniquely
function QUANTITY_BITS() { return 57; }          // quantities, trades, flow: two's complement, −2^56 ≤ q < 2^56
function QUANTITY_LIMB_BITS() { return 58; }     // room of a quantity in a word of the book commitment
function QUANTITIES_PER_WORD() { return 4; }
function PRICE_BITS() { return 48; }
function PRICES_PER_WORD() { return 5; }
function ACCRUAL_BITS() { return 20; }
function NAV_BITS() { return 88; }               // 0 ≤ E < 2^88 · 1e-14 USD = 3.09e12 USD
function NAV_FLOOR_BITS() { return 42; }         // 2^88 / 1e14 < 2^42
function GRANULARITY_BITS() { return 24; }       // whole dollars
function SIGNED_BITS() { return 17; }            // loadings and shocks, stored as value + 2^16
function SIGNED_OFFSET() { return 65536; }
function LIMIT_BITS() { return 17; }             // most limits: up to 13.1071
function WIDE_LIMIT_BITS() { return 20; }        // turnover, leverage, capital efficiency: up to 104.8575

// Truncation in the value-at-risk check (limits/value_at_risk.circom).
function VAR_NAV_SHIFT() { return 40; }
function VAR_EXPOSURE_SHIFT() { return 48; }

// --- bit widths that follow ------------------------------------------------------------------------
// Largest |value| of one slot that the concentration check admits: cap < 2^17 bps, so
// |v| ≤ 13.1071 · E < 2^3.72 · 2^88. These widths bound what an honest prover needs (completeness);
// soundness rests on the ranges of the inputs alone: |v| ≤ 2^56 · 2^48 = 2^104.
function CAPPED_VALUE_BITS() { return 92; }

function log2(n) {
    var bits = 0;
    while ((1 << bits) < n) { bits++; }
    return bits;
}

function ceilDiv(a, b) { return (a + b - 1) \ b; }

// --- hash domains: the ASCII bytes of a tag, then the slot count in one byte ---------------------------
function DOMAIN_BOOK(N) { return 0x646c732d7a6b2f626f6f6b2f7631 * 256 + N; }       // "dls-zk/book/v1"
function DOMAIN_POLICY(N) { return 0x646c732d7a6b2f706f6c6963792f7631 * 256 + N; } // "dls-zk/policy/v1"
