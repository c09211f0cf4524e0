// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareToken} from "../src/ShareToken.sol";
import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {RebalanceHub} from "../src/RebalanceHub.sol";
import {IPolicyRegistry} from "../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../src/interfaces/IRebalanceHub.sol";
import {AllowancesWord} from "../src/libraries/Allowances.sol";
import {Signals} from "../src/libraries/Signals.sol";
import {OracleScene} from "./OracleScene.sol";
import {PolicyScene} from "./PolicyScene.sol";
import {Trapdoor} from "./Trapdoor.sol";
import {Token} from "./mocks/Token.sol";

/// @title A share token on the real hub, oracle and registry, whose operator can prove any statement
/// @notice Slot 0 costs a dollar and has a dollar's feed; the book has 8 slots, of which 7 have an instrument.
abstract contract ShareTokenScene is OracleScene, PolicyScene {
    address internal constant OPERATOR = address(bytes20(hex"0202020202020202020202020202020202020202"));
    address internal constant GUARDIAN = address(bytes20(hex"0303030303030303030303030303030303030303"));
    address internal constant CUSTODY = address(bytes20(hex"0404040404040404040404040404040404040404"));
    address internal constant ADA = address(bytes20(hex"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"));
    address internal constant BEN = address(bytes20(hex"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"));
    address internal constant EVE = address(bytes20(hex"0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e"));

    uint8 internal constant SLOTS = 8;
    uint32 internal constant LOOSENING_DELAY = 2 days;
    uint32 internal constant MAX_PROOF_AGE = 1 days;
    uint32 internal constant ORDER_DELAY = 1 hours;
    uint32 internal constant REDEMPTION_PERIOD = 3 days;
    uint64 internal constant LEAST_ORDER_E6 = 1e6;
    uint64 internal constant CAP_E6 = 1e15;
    /// A dollar in a quantity of slot 0.
    uint56 internal constant USD_E6 = 1e6;

    RebalanceHub internal hub;
    bytes32 internal key;
    Token internal asset;
    ShareToken internal vault;
    bytes32 internal vaultId;
    /// A dollar in the asset's units.
    uint256 internal usd;
    /// A dollar's shares at the first price.
    uint256 internal one;

    /// Hub, oracle and registry; no vault yet.
    function setUp() public virtual override {
        super.setUp();
        registry = new PolicyRegistry();
        hub = new RebalanceHub(oracle, registry);
        uint256 signals = Signals.count(SLOTS);
        key = hub.addKey(verifierFor(signals), Trapdoor.batchVerifier(signals), SLOTS);
        IPriceOracle.FeedSet memory set = setOf(SLOTS, SLOTS - 1);
        set.feeds[0].maxDeviationBps = type(uint16).max; // so that a test can set the price of slot 0
        add(set);
        take();
    }

    /// What checks the proofs.
    function verifierFor(uint256 signals) internal virtual returns (address) {
        return Trapdoor.verifier(signals);
    }

    /// A vault for a new asset with these decimals, whose NAV is disclosed in steps of `navStepUsd`.
    function open(uint8 decimals, uint24 navStepUsd) internal {
        open(new Token(decimals), navStepUsd);
    }

    function open(Token asset_, uint24 navStepUsd) internal {
        asset = asset_;
        use(newVault(hub.addMandate(mandateOf(navStepUsd)), CUSTODY));
    }

    /// What the helpers below are about from now on.
    function use(ShareToken vault_) internal {
        vault = vault_;
        vaultId = vault.vaultId();
        asset = Token(vault.asset());
        usd = 10 ** asset.decimals();
        one = usd * 1e6;
    }

    function newVault(bytes32 mandate_, address custody) internal returns (ShareToken) {
        return
            new ShareToken(hub, asset, "Neutral ETH", "dlsETH", custody, OPERATOR, GUARDIAN, LOOSENING_DELAY, mandate_);
    }

    function mandateOf(uint24 navStepUsd) internal returns (IRebalanceHub.Mandate memory m) {
        IPolicyRegistry.Policy memory policy = policyOf(SLOTS);
        policy.navStepUsd = navStepUsd;
        m.policyHash = register(policy);
        m.feedSet = feedSet;
        m.key = key;
        m.grace = 6 hours;
        m.maxProofAge = MAX_PROOF_AGE;
        m.writeDownPpm = 1_000_000;
        m.gain = IRebalanceHub.Bucket({ratePerDay: 300_000, cap: 1_000_000, step: 1_000});
        m.loss = IRebalanceHub.Bucket({ratePerDay: 500_000, cap: 2_000_000, step: 1_000});
        m.turnover = IRebalanceHub.Bucket({ratePerDay: 100_000, cap: 1_000_000, step: 10_000});
        m.share.orderDelay = ORDER_DELAY;
        m.share.redemptionPeriod = REDEMPTION_PERIOD;
        m.share.leastOrderE6 = LEAST_ORDER_E6;
        m.share.depositCapE6 = CAP_E6;
    }

    /// The terms of the vault now.
    function termsNow() internal view returns (IRebalanceHub.Mandate memory) {
        return hub.mandateOf(hub.vaultState(vaultId).mandate);
    }

    /// The vault moves to other terms, which tighten.
    function tighten(IRebalanceHub.Mandate memory m) internal {
        bytes32 mandate = hub.addMandate(m);
        vm.prank(OPERATOR);
        vm.assertEq(hub.proposeMandate(vaultId, mandate), 0);
    }

    // --- share holders ---

    /// Assets in somebody's hands that the vault may take.
    function give(address who, uint256 assets) internal {
        asset.mint(who, assets);
        vm.prank(who);
        asset.approve(address(vault), type(uint256).max);
    }

    function requestDeposit(address who, uint256 assets) internal returns (uint256 id) {
        give(who, assets);
        vm.prank(who);
        id = vault.requestDeposit(assets, who, who);
    }

    function requestRedeem(address who, uint256 shares) internal returns (uint256 id) {
        vm.prank(who);
        id = vault.requestRedeem(shares, who, who);
    }

    /// Claim all that the first open ids have.
    function claimShares(address who) internal returns (uint256 shares) {
        uint256 assets = vault.maxDeposit(who);
        vm.prank(who);
        shares = vault.deposit(assets, who);
    }

    function claimAssets(address who) internal returns (uint256 assets) {
        uint256 shares = vault.maxRedeem(who);
        vm.prank(who);
        assets = vault.redeem(shares, who, who);
    }

    /// A deposit through all stages, at a proof of this NAV.
    function enter(address who, uint256 assets, uint48 navFloor) internal returns (uint256 shares) {
        requestDeposit(who, assets);
        settleAt(navFloor);
        return claimShares(who);
    }

    function cancelDeposit(address who, uint256 id) internal {
        vm.prank(who);
        vault.cancelDepositRequest(id, who);
    }

    function cancelRedeem(address who, uint256 id) internal {
        vm.prank(who);
        vault.cancelRedeemRequest(id, who);
    }

    function takeBackAssets(address who, uint256 id) internal {
        vm.prank(who);
        vault.claimCancelDepositRequest(id, who, who);
    }

    function takeBackShares(address who, uint256 id) internal {
        vm.prank(who);
        vault.claimCancelRedeemRequest(id, who, who);
    }

    // --- the operator ---

    function draw(uint56 quantityE6) internal {
        vm.prank(OPERATOR);
        vault.draw(quantityE6);
    }

    function giveBack(uint56 quantityE6) internal {
        give(OPERATOR, uint256(quantityE6) * vault.unit());
        vm.prank(OPERATOR);
        vault.giveBack(quantityE6);
    }

    function pass(uint256 seconds_) internal {
        vm.warp(vm.getBlockTimestamp() + seconds_);
    }

    /// A round of prices, a second later.
    function takeRound() internal returns (uint32 round) {
        pass(1);
        refresh();
        round = take();
        vm.assertTrue(round != 0);
    }

    /// A proof at a round of a second later.
    function prove(uint48 navFloor) internal {
        prove(navFloor, 0);
    }

    /// With the write-down that is announced.
    function prove(uint48 navFloor, uint256 writeDown) internal {
        IRebalanceHub.Rebalance memory rebalance = proven(takeRound(), navFloor, writeDown);
        vm.prank(OPERATOR);
        hub.submit(vaultId, rebalance);
    }

    function proven(uint32 round, uint48 navFloor, uint256 writeDown)
        internal
        view
        returns (IRebalanceHub.Rebalance memory rebalance)
    {
        (rebalance.round, rebalance.deadline) = (round, uint40(block.timestamp));
        rebalance.signals = hub.expectedSignals(
            vaultId,
            1 + uint256(keccak256(abi.encode(block.timestamp))) % 1e9,
            navFloor,
            AllowancesWord.pack(0, 0, 0, writeDown),
            round,
            rebalance.deadline
        );
        rebalance.proof = Trapdoor.prove(rebalance.signals, 0);
    }

    /// A round, the order's delay, and a proof: it settles all orders of before.
    function settleAt(uint48 navFloor) internal {
        takeRound();
        pass(ORDER_DELAY);
        prove(navFloor);
    }

    // --- states of the vault ---

    function makeStale() internal {
        vm.warp(uint256(hub.vaultState(vaultId).snapshotTimestamp) + MAX_PROOF_AGE + 1);
    }

    function pause() internal {
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
    }

    function windDown() internal {
        vm.prank(OPERATOR);
        hub.windDown(vaultId);
    }

    // --- numbers ---

    /// A number from `low` to `high`, each as likely, for a random one.
    function within(uint256 random, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + random % (high - low + 1);
    }

    /// What the token must hold at least, and what it holds.
    function requireSolvent() internal view {
        vm.assertLe(vault.idle() + vault.pendingDeposits() + vault.setAside(), asset.balanceOf(address(vault)));
    }
}
