pragma circom 2.2.2;

include "lib/constants.circom";
include "lib/range.circom";
include "lib/words.circom";
include "book/commitment.circom";
include "custody/constants.circom";
include "custody/reconciled_slot.circom";
include "custody/venue_parts.circom";
include "custody/shortfall.circom";

// The statement of a reconciliation, for N slots and V venues:
//
//   "I know the book q behind commitment, and one vector a, such that for each venue k the part of a in k's slots, with zero
//    elsewhere, is behind attestations[k]; and at these prices the book has more than is attested by at most the tolerance."
//
//   Σ_i p_i·max(q_i − a_i, 0) ≤ tolerance·E,   E = Σ_i p_i·q_i ≥ 0,   p_i = 0 ⇒ q_i = a_i = 0
//
// Checks, in the order and under the names of dls_zk/statement/reconciliation.py:
//    1 commitment      3 attestations    5 quantities    7 tolerance
//    2 venues          4 prices          6 solvency      8 shortfall
//
// Each slot is attested by its own venue alone: with full vectors the weakest attestor could fill any gap of the others.
// One-sided, slot by slot: only what the book has more than is attested counts. A debt is a negative quantity, so a debt
// that is attested and not booked (a < q) is missing too, and one that is booked and not attested is not.
//
// A venue that nobody attests has the commitment to the empty vector under salt 0, a public constant of each size: one
// meaning for every value of attestations[k], no case apart in the circuit. The prover chooses none of them: whoever
// verifies puts the constant where the mandate names no attestor, and what was signed everywhere else.
//
// There is no context. What ties an attestation to a vault, a venue, a policy and a second is what its attestor signs, and
// all that is proven of it is in the public signals: shown a second time, the proof says the same again.
//
// Signed numbers are field elements, −x as r − x. Values are in USD 1e-14. Every public signal but the hashes is
// range-checked here, so the statement stands without trust in the contract.
template Reconciliation(N, V) {
    // The budgets and widths of all parts hold for these.
    assert(N >= 2 && N <= 32);
    assert(V >= 2 && V <= 8);

    var PRICE_WORDS = ceilDiv(N, PRICES_PER_WORD());
    var VENUE_BITS = log2(V);

    // Public, in the order of dls_zk/statement/signals.py.
    signal input commitment;
    signal input attestations[V];
    signal input venues;                        // the venue of each slot, lowest slot in the lowest bits
    signal input tolerance;                     // ppm of NAV
    signal input prices[PRICE_WORDS];           // five 48-bit prices (USD 1e-8) a word

    // Private: the book, what is attested, and their salts.
    signal input quantity[N];                   // signed, 1e-6 of the instrument
    signal input attested[N];                   // signed, same unit
    signal input salt;
    signal input attestationSalt[V];

    // ---- 1. Commitment -------------------------------------------------------------------------------------------
    component book = BookCommitment(N, DOMAIN_BOOK(N));
    book.quantity <== quantity;
    book.salt <== salt;
    commitment === book.commitment;

    // ---- 2. Venues -----------------------------------------------------------------------------------------------
    var venueWidths[N * VENUE_BITS];
    for (var b = 0; b < N * VENUE_BITS; b++) { venueWidths[b] = 1; }
    component venueWord = UnpackWords(N * VENUE_BITS, venueWidths, 1);
    venueWord.word[0] <== venues;

    // ---- 3. Attestations -----------------------------------------------------------------------------------------
    component parts = VenueParts(N, V);
    component attestation[V];
    parts.amount <== attested;
    for (var i = 0; i < N; i++) {
        for (var b = 0; b < VENUE_BITS; b++) { parts.venueBit[i][b] <== venueWord.field[i * VENUE_BITS + b]; }
    }
    for (var k = 0; k < V; k++) {
        attestation[k] = BookCommitment(N, DOMAIN_ATTESTATION(N));
        attestation[k].quantity <== parts.part[k];
        attestation[k].salt <== attestationSalt[k];
        attestations[k] === attestation[k].commitment;
    }

    // ---- 4. Prices -----------------------------------------------------------------------------------------------
    var priceWidths[N];
    for (var i = 0; i < N; i++) { priceWidths[i] = PRICE_BITS(); }
    component priceWords = UnpackWords(N, priceWidths, PRICE_WORDS);
    priceWords.word <== prices;

    // ---- 5. Quantities (and p = 0 ⇒ q = a = 0 of check 4) --------------------------------------------------------
    component reconciled[N];
    component shortfall = Shortfall(N);
    var netAssetValue = 0;
    for (var i = 0; i < N; i++) {
        reconciled[i] = ReconciledSlot();
        reconciled[i].quantity <== quantity[i];
        reconciled[i].attested <== attested[i];
        reconciled[i].price <== priceWords.field[i];
        netAssetValue += reconciled[i].value;
    }

    // ---- 6. Solvency ---------------------------------------------------------------------------------------------
    signal nav <== netAssetValue;                          // E
    component solvent = RangeCheck(NAV_BITS());
    solvent.in <== nav;

    // ---- 7. Tolerance and 8. Shortfall ---------------------------------------------------------------------------
    for (var i = 0; i < N; i++) { shortfall.missingValue[i] <== reconciled[i].missingValue; }
    shortfall.tolerance <== tolerance;
    shortfall.nav <== nav;
}
