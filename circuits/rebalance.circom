pragma circom 2.2.2;

include "lib/constants.circom";
include "lib/range.circom";
include "lib/words.circom";
include "policy/fields.circom";
include "policy/hash.circom";
include "book/commitment.circom";
include "book/trades.circom";
include "book/flow.circom";
include "book/conservation.circom";
include "book/nav.circom";
include "limits/turnover.circom";
include "limits/leverage.circom";
include "limits/factor_exposure.circom";
include "limits/concentration.circom";
include "limits/venue.circom";
include "limits/collateral.circom";
include "limits/stress.circom";
include "limits/reserve.circom";
include "limits/impermanent_loss.circom";
include "limits/capital_efficiency.circom";
include "limits/value_at_risk.circom";

// The statement of a rebalance, for N slots, S stress scenarios, F risk factors and V venues:
//
//   "I know the book behind commitmentBefore and the book behind commitmentAfter. They differ by trades that conserve
//    value at these prices, and the book after obeys every limit of the policy behind policyHash."
//
// Checks, in the order and under the names of dls_zk/statement/relation.py:
//    1 commitments          6 turnover              11 venue exposure        16 impermanent loss
//    2 policy               7 solvency              12 collateral ratio      17 capital efficiency
//    3 prices               8 gross leverage        13 stress solvency       18 value at risk
//    4 quantities           9 factor exposure       14 stress loss           19 NAV disclosure
//    5 value conservation  10 concentration         15 liquidity reserve     20 context
//
// Signed numbers are field elements, −x as r − x. Ratios are in bps, values in USD 1e-14. Every public signal but the
// hashes and the context is range-checked here, so the statement stands without trust in the contract.
template Rebalance(N, S, F, V) {
    // The budgets and widths of all parts hold for these.
    assert(N >= 2 && N <= 32);
    assert(S >= 1 && S <= 8);
    assert(F >= 1 && F <= 6);
    assert(V >= 2 && V <= 8);

    var PRICE_WORDS = ceilDiv(N, PRICES_PER_WORD());
    var GLOBALS = GLOBAL_FIELDS(S, F, V);
    var GLOBAL_WORDS = WORD_COUNT(GLOBALS, GLOBAL_WIDTHS(S, F, V));

    // Public, in the order of dls_zk/statement/signals.py and Signals.sol.
    signal input commitmentBefore;
    signal input commitmentAfter;
    signal input policyHash;
    signal input flow;                          // signed, 1e-6 of slot 0; positive into the book
    signal input allowances;                    // gain + 2^30·loss + 2^60·turnover + 2^90·writeDown: ppb, ppb, ppm, NAV steps
    signal input navFloor;                      // NAV in NAV steps of the policy, rounded down
    signal input context;
    signal input prices[PRICE_WORDS];           // five 48-bit prices (USD 1e-8) a word

    // Private: the book after and the trades (before = after − trade), their salts. The policy is public elsewhere;
    // here its words are what opens policyHash.
    signal input quantityAfter[N];              // signed, 1e-6 of the instrument
    signal input trade[N];                      // signed, same unit
    signal input saltBefore;
    signal input saltAfter;
    signal input slotWord[N];
    signal input globalWord[GLOBAL_WORDS];
    signal input instrumentsWord;               // hash of the slots' instruments: bound by policyHash, no arithmetic here

    // ---- 1. Commitments ------------------------------------------------------------------------------------------
    component bookBefore = BookCommitment(N, DOMAIN_BOOK(N));
    component bookAfter = BookCommitment(N, DOMAIN_BOOK(N));
    for (var i = 0; i < N; i++) {
        bookBefore.quantity[i] <== quantityAfter[i] - trade[i];
        bookAfter.quantity[i] <== quantityAfter[i];
    }
    bookBefore.salt <== saltBefore;
    bookAfter.salt <== saltAfter;
    commitmentBefore === bookBefore.commitment;
    commitmentAfter === bookAfter.commitment;

    // ---- 2. Policy -----------------------------------------------------------------------------------------------
    component policy = PolicyHash(N, N + GLOBAL_WORDS + 1);
    component slot[N];
    for (var i = 0; i < N; i++) {
        policy.word[i] <== slotWord[i];
        slot[i] = UnpackWords(SLOT_FIELDS(F, V), SLOT_WIDTHS(F, V), 1);
        slot[i].word[0] <== slotWord[i];
    }
    for (var w = 0; w < GLOBAL_WORDS; w++) { policy.word[N + w] <== globalWord[w]; }
    policy.word[N + GLOBAL_WORDS] <== instrumentsWord;
    policyHash === policy.policyHash;
    component globals = UnpackWords(GLOBALS, GLOBAL_WIDTHS(S, F, V), GLOBAL_WORDS);
    globals.word <== globalWord;
    signal limit[GLOBALS] <== globals.field;

    var loadingBiased[N][F];
    var shockBiased[S][F];
    for (var f = 0; f < F; f++) {
        for (var i = 0; i < N; i++) { loadingBiased[i][f] = slot[i].field[SLOT_LOADING(V) + f]; }
        for (var s = 0; s < S; s++) { shockBiased[s][f] = limit[SHOCK(S, F, V) + s * F + f]; }
    }

    // ---- 3. Prices -----------------------------------------------------------------------------------------------
    var priceWidths[N];
    for (var i = 0; i < N; i++) { priceWidths[i] = PRICE_BITS(); }
    component priceWords = UnpackWords(N, priceWidths, PRICE_WORDS);
    priceWords.word <== prices;
    signal price[N] <== priceWords.field;

    // ---- 4. Quantities and trades (and p = 0 ⇒ q = 0 of check 3) -----------------------------------------------
    component valued[N];
    var netAssetValue = 0;
    var traded = 0;
    for (var i = 0; i < N; i++) {
        valued[i] = ValuedSlot();
        valued[i].after <== quantityAfter[i];
        valued[i].trade <== trade[i];
        valued[i].price <== price[i];
        netAssetValue += valued[i].value;
        if (i > 0) { traded += valued[i].absTradeValue; }  // slot 0 settles: a deposit is no turnover
    }
    _ <== valued[0].absTradeValue;
    signal nav <== netAssetValue;                          // E
    signal tradedValue <== traded;                         // T

    component parts[N];
    component flowParts = FlowParts();
    component turnover = Turnover();
    component conservation = Conservation(N);
    component leverage = GrossLeverage(N);
    component concentration = Concentration(N);
    component venue = VenueExposure(N, V);
    component collateralRatio = CollateralRatio(N, V);
    component stressSolvency = StressSolvency(N, S, F, V);
    component stressLoss = StressLoss(S, F);
    component reserve = LiquidityReserve(N, V);
    component impermanentLoss = ImpermanentLoss(N);
    component capitalEfficiency = CapitalEfficiency(N, V);
    component valueAtRisk = ValueAtRisk(N, F, V);
    component exposures = Exposures(N, F);
    component factor[F];
    component navDisclosure = Nav();
    for (var i = 0; i < N; i++) {
        parts[i] = FundedParts();
        parts[i].funded <== slot[i].field[SLOT_FUNDED()];
        parts[i].haircut <== slot[i].field[SLOT_HAIRCUT()];
        parts[i].liability <== slot[i].field[SLOT_LIABILITY()];
        parts[i].value <== valued[i].value;
        parts[i].absValue <== valued[i].absValue;
    }

    // ---- 5. Value conservation --------------------------------------------------------------------------------------------
    var allowanceWidths[4] = [ALLOWANCE_BITS(), ALLOWANCE_BITS(), ALLOWANCE_BITS(), ALLOWANCE_BITS()];
    component allowance = UnpackWords(4, allowanceWidths, 1);
    allowance.word[0] <== allowances;
    flowParts.flow <== flow;
    flowParts.settlementPrice <== price[0];
    flowParts.nav <== nav;
    for (var i = 0; i < N; i++) { conservation.tradeValue[i] <== valued[i].tradeValue; }
    conservation.flowValue <== flowParts.value;
    conservation.gain <== allowance.field[0];
    conservation.loss <== allowance.field[1];
    conservation.writeDown <== allowance.field[3];
    conservation.navStep <== limit[NAV_STEP()];
    conservation.slippage <== limit[SLIPPAGE()];
    conservation.turnover <== tradedValue;
    conservation.nav <== nav;
    conservation.navBeforeOutflow <== flowParts.navBeforeOutflow;

    // ---- 6. Turnover -------------------------------------------------------------------------------------------------
    turnover.traded <== tradedValue;
    turnover.turnover <== allowance.field[2];
    turnover.maxTurnover <== limit[MAX_TURNOVER()];
    turnover.navBeforeOutflow <== flowParts.navBeforeOutflow;

    // ---- 7. Solvency and 19. NAV disclosure: one decomposition of E proves both ----------------------------------------
    navDisclosure.nav <== nav;
    navDisclosure.navStep <== limit[NAV_STEP()];
    navDisclosure.navFloor <== navFloor;

    // ---- 8. Gross leverage -------------------------------------------------------------------------------------------
    for (var i = 0; i < N; i++) {
        leverage.gross[i] <== slot[i].field[SLOT_GROSS(V)];
        leverage.absValue[i] <== valued[i].absValue;
    }
    leverage.maxLeverage <== limit[MAX_LEVERAGE()];
    leverage.nav <== nav;

    // ---- 9. Factor exposure ------------------------------------------------------------------------------------------
    exposures.loadingBiased <== loadingBiased;
    for (var i = 0; i < N; i++) { exposures.amount[i] <== valued[i].value; }
    for (var f = 0; f < F; f++) {
        factor[f] = FactorLimit();
        factor[f].exposure <== exposures.exposure[f];
        factor[f].limit <== limit[FACTOR_LIMIT(V) + f];
        factor[f].navHigh <== navDisclosure.navHigh;
    }

    // ---- 10. Concentration -------------------------------------------------------------------------------------------
    for (var i = 0; i < N; i++) {
        concentration.absValue[i] <== valued[i].absValue;
        concentration.cap[i] <== slot[i].field[SLOT_CAP()];
    }
    concentration.nav <== nav;

    // ---- 11. Venue exposure ------------------------------------------------------------------------------------------
    for (var i = 0; i < N; i++) {
        venue.absValue[i] <== valued[i].absValue;
        for (var b = 0; b < log2(V); b++) { venue.venueBit[i][b] <== slot[i].field[SLOT_VENUE() + b]; }
    }
    for (var k = 0; k < V; k++) { venue.venueCap[k] <== limit[VENUE_CAP() + k]; }
    venue.nav <== nav;

    // ---- 12. Collateral ratio and 13. Stress, solvency ---------------------------------------------------------------
    for (var i = 0; i < N; i++) {
        collateralRatio.collateral[i] <== parts[i].collateral;
        collateralRatio.debt[i] <== parts[i].debt;
        stressSolvency.collateral[i] <== parts[i].collateral;
        stressSolvency.debt[i] <== parts[i].debt;
    }
    collateralRatio.minRatio <== limit[MIN_COLLATERAL_RATIO()];
    stressSolvency.loadingBiased <== loadingBiased;
    stressSolvency.shockBiased <== shockBiased;
    stressSolvency.ratio <== limit[STRESS_COLLATERAL_RATIO()];

    // ---- 14. Stress, loss --------------------------------------------------------------------------------------------
    for (var f = 0; f < F; f++) {
        stressLoss.exposureHigh[f] <== factor[f].high;
        stressLoss.exact[f] <== factor[f].exact;
    }
    stressLoss.shockBiased <== shockBiased;
    for (var s = 0; s < S; s++) { stressLoss.maxLoss[s] <== limit[MAX_STRESS_LOSS(F, V) + s]; }
    stressLoss.navHigh <== navDisclosure.navHigh;

    // ---- 15. Liquidity reserve ---------------------------------------------------------------------------------------
    for (var i = 0; i < N; i++) {
        reserve.liquid[i] <== slot[i].field[SLOT_LIQUID(V)];
        reserve.value[i] <== valued[i].value;
        reserve.absValue[i] <== valued[i].absValue;
        reserve.fundedLong[i] <== parts[i].fundedLong;
        reserve.fundedShort[i] <== parts[i].fundedShort;
    }
    reserve.minReserve <== limit[MIN_RESERVE()];
    reserve.nav <== nav;

    // ---- 16. Impermanent loss ----------------------------------------------------------------------------------------
    for (var i = 0; i < N; i++) {
        impermanentLoss.impermanentLoss[i] <== slot[i].field[SLOT_IMPERMANENT_LOSS(V)];
        impermanentLoss.absValue[i] <== valued[i].absValue;
    }
    impermanentLoss.maxImpermanentLoss <== limit[MAX_IMPERMANENT_LOSS()];
    impermanentLoss.nav <== nav;

    // ---- 17. Capital efficiency --------------------------------------------------------------------------------------
    for (var i = 0; i < N; i++) {
        capitalEfficiency.depth[i] <== slot[i].field[SLOT_DEPTH(V)];
        capitalEfficiency.absValue[i] <== valued[i].absValue;
        capitalEfficiency.fundedLong[i] <== parts[i].fundedLong;
    }
    capitalEfficiency.minCapitalEfficiency <== limit[MIN_CAPITAL_EFFICIENCY()];

    // ---- 18. Value at risk -------------------------------------------------------------------------------------------
    for (var f = 0; f < F; f++) {
        valueAtRisk.exposureRoundedUp[f] <== factor[f].roundedUp;
        valueAtRisk.volatility[f] <== limit[FACTOR_VOLATILITY(F, V) + f];
    }
    for (var i = 0; i < N; i++) {
        valueAtRisk.residual[i] <== slot[i].field[SLOT_RESIDUAL(V)];
        valueAtRisk.absValue[i] <== valued[i].absValue;
    }
    valueAtRisk.quantile <== limit[VAR_QUANTILE()];
    valueAtRisk.maxVaR <== limit[MAX_VAR()];
    valueAtRisk.navHigh <== navDisclosure.navHigh;

    // ---- 20. Context -------------------------------------------------------------------------------------------------
    // Everything that ties a proof to its place is hashed into `context`. A constraint must use it, or a proof could be
    // lifted to another value: the square has no other purpose.
    signal contextSquare <== context * context;
    _ <== contextSquare;
}
