// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareToken} from "../src/ShareToken.sol";
import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {RebalanceHub} from "../src/RebalanceHub.sol";
import {IPolicyRegistry} from "../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../src/interfaces/IRebalanceHub.sol";
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
    /// A dollar in a quantity of slot 0.
    uint56 internal constant USD_E6 = 1e6;

    RebalanceHub internal hub;
    uint32 internal key;
    uint32 internal feedSet;
    Token internal asset;
    ShareToken internal vault;
    bytes32 internal vaultId;
    /// A dollar in the asset's units.
    uint256 internal usd;

    /// Hub, oracle and registry; no vault yet.
    function setUp() public virtual override {
        super.setUp();
        registry = new PolicyRegistry();
        hub = new RebalanceHub(oracle, registry);
        uint256 signals = 9;
        key = hub.addKey(verifierFor(signals), Trapdoor.batchVerifier(signals), SLOTS);
        IPriceOracle.FeedSet memory set = setOf(SLOTS, SLOTS - 1);
        set.feeds[0].maxDeviationBps = type(uint16).max; // so that a test can set the price of slot 0
        feedSet = oracle.addFeedSet(set);
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
        IPolicyRegistry.Policy memory policy = policyOf(SLOTS);
        policy.navStepUsd = navStepUsd;
        use(newVault(hub.addMandate(mandate(register(policy))), CUSTODY));
    }

    /// What the helpers below are about from now on.
    function use(ShareToken vault_) internal {
        vault = vault_;
        vaultId = vault.vaultId();
        asset = Token(vault.asset());
        usd = 10 ** asset.decimals();
    }

    function newVault(uint32 mandate_, address custody) internal returns (ShareToken) {
        return
            new ShareToken(hub, asset, "Neutral ETH", "dlsETH", custody, OPERATOR, GUARDIAN, LOOSENING_DELAY, mandate_);
    }

    function mandate(uint256 policyHash) internal view returns (IRebalanceHub.Mandate memory) {
        return IRebalanceHub.Mandate({
            policyHash: policyHash,
            feedSet: feedSet,
            key: key,
            maxSnapshotAge: 1 hours,
            accrualRatePpmPerDay: 300,
            accrualCapPpm: 1_000,
            maxProofAge: MAX_PROOF_AGE
        });
    }

    /// The mandate of the vault opened last.
    function mandateNow() internal view returns (uint32) {
        return hub.vaultState(vaultId).mandate;
    }

    // --- share holders ---

    function deposit(address who, uint256 assets) internal returns (uint256 shares) {
        give(who, assets);
        vm.prank(who);
        shares = vault.deposit(assets, who);
    }

    /// Assets in somebody's hands that the vault may take.
    function give(address who, uint256 assets) internal {
        asset.mint(who, assets);
        vm.prank(who);
        asset.approve(address(vault), type(uint256).max);
    }

    function redeem(address who, uint256 shares) internal returns (uint256 assets) {
        vm.prank(who);
        assets = vault.redeem(shares, who, who);
    }

    function request(address who, uint256 shares) internal returns (uint256 id) {
        vm.prank(who);
        id = vault.requestRedeem(shares, who, who);
    }

    function cancel(address who, uint256 id) internal returns (uint256 shares) {
        vm.prank(who);
        shares = vault.cancelRequest(id);
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

    /// A rebalance a second later, at a snapshot of then.
    function prove(uint48 navFloor) internal {
        vm.warp(block.timestamp + 1);
        refresh();
        uint32 round = oracle.takeSnapshot(feedSet);
        IRebalanceHub.Rebalance memory rebalance;
        (rebalance.round, rebalance.deadline) = (round, uint40(block.timestamp));
        rebalance.signals =
            hub.expectedSignals(vaultId, 1 + block.timestamp, navFloor, rebalance.round, rebalance.deadline);
        rebalance.proof = Trapdoor.prove(rebalance.signals, 0);
        vm.prank(OPERATOR);
        hub.submit(vaultId, rebalance);
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
}
