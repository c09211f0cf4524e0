// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Scene} from "../Scene.sol";

/// Which price snapshots a rebalance may use, and what may accrue between two.
contract SubmitSnapshotTest is Scene {
    uint32 private round;

    function setUp() public override {
        super.setUp();
        build(8);
        round = takeRound();
    }

    function signalsAt(uint32 given) private view returns (uint256[] memory) {
        return hub.expectedSignals(vaultId, 1, 1, given, DEADLINE);
    }

    /// Refused by both entries and by what tells a prover the signals.
    function refuseRound(uint32 given, bytes memory reason) private {
        IRebalanceHub.Rebalance memory r;
        (r.round, r.deadline) = (given, DEADLINE);
        refuse(r, reason);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        (batch[0].vaultId, batch[0].sequence) = (vaultId, stateOf(vaultId).sequence + 1);
        refuseBatch(given, batch, reason);
        vm.expectRevert(reason);
        hub.expectedSignals(vaultId, 1, 1, given, DEADLINE);
    }

    function tooOld(uint40 timestamp) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.SnapshotTooOld.selector, timestamp, MAX_SNAPSHOT_AGE);
    }

    // --- age ---

    function test_upToItsGreatestAge() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        vm.warp(NOON + MAX_SNAPSHOT_AGE - 1);
        signalsAt(round);
        vm.warp(NOON + MAX_SNAPSHOT_AGE);
        submit(r);
    }

    function test_upToItsGreatestAgeInABatch() public {
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entry(vaultId, 1, round);
        vm.warp(NOON + MAX_SNAPSHOT_AGE);
        submitBatch(round, batch);
    }

    function test_refusesOneSecondOlder() public {
        vm.warp(NOON + MAX_SNAPSHOT_AGE + 1);
        refuseRound(round, tooOld(NOON));
    }

    // --- order ---

    function test_refusesOneFromBeforeTheLast() public {
        vm.warp(NOON + 1 hours);
        uint32 second = takeRound();
        submit(proven(vaultId, 1, second));
        refuseRound(round, abi.encodeWithSelector(IRebalanceHub.SnapshotBeforeLast.selector, NOON, NOON + 1 hours));
        submit(proven(vaultId, 2, second)); // the last one itself stays usable
    }

    function test_refusesOneFromBeforeTheVault() public {
        vm.warp(NOON + 1);
        vaultId = open();
        refuseRound(round, abi.encodeWithSelector(IRebalanceHub.SnapshotBeforeLast.selector, NOON, NOON + 1));
    }

    function test_oneFromTheSecondOfOpening() public {
        submit(proven(vaultId, 1, round));
        vm.assertEq(uint256(stateOf(vaultId).snapshotTimestamp), NOON);
    }

    // --- which ---

    function test_refusesUnknownRound() public {
        refuseRound(round + 1, abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, round + 1));
        refuseRound(0, abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, 0));
    }

    function test_refusesOneOfOtherFeeds() public {
        uint32 other = oracle.addFeedSet(setOf(8, 7));
        uint32 theirs = oracle.takeSnapshot(other);
        refuseRound(theirs, abi.encodeWithSelector(IRebalanceHub.WrongFeedSet.selector, other, terms.feedSet));
    }

    function test_refusesOneOfAnotherSize() public {
        uint32 other = oracle.addFeedSet(setOf(16, 7));
        uint32 theirs = oracle.takeSnapshot(other);
        refuseRound(theirs, abi.encodeWithSelector(IRebalanceHub.WrongFeedSet.selector, other, terms.feedSet));
    }

    function test_pricesAreTheSnapshots() public {
        (,, uint256[] memory words) = oracle.snapshot(round);
        uint256[] memory signals = signalsAt(round);
        vm.assertEq(signals.length, Signals.PRICES + 2);
        vm.assertEq(signals[Signals.PRICES], words[0]);
        vm.assertEq(signals[Signals.PRICES + 1], words[1]);

        vm.warp(NOON + 1);
        post(6, dollars(7) + 1); // the last slot with a price
        uint32 next = oracle.takeSnapshot(terms.feedSet);
        vm.assertEq(signalsAt(next)[Signals.PRICES + 1], words[1] + (1 << 48));
    }

    // --- accrual ---

    function accrualAfter(uint256 elapsed) private returns (uint256) {
        vm.warp(NOON + elapsed);
        return signalsAt(takeRound())[Signals.ACCRUAL];
    }

    function test_nothingAccruesBeforeTheFirst() public {
        vm.assertEq(accrualAfter(30 days), 0);
    }

    function test_nothingAccruesAtTheSameSnapshot() public {
        submit(proven(vaultId, 1, round));
        vm.warp(NOON + MAX_SNAPSHOT_AGE);
        vm.assertEq(signalsAt(round)[Signals.ACCRUAL], 0);
    }

    function test_accruesWithTimeRoundedDown() public {
        submit(proven(vaultId, 1, round));
        vm.assertEq(accrualAfter(287), 0); // 300 ppm a day is one in 288 seconds
        vm.assertEq(accrualAfter(288), 1);
        vm.assertEq(accrualAfter(2 * 288 - 1), 1);
        vm.assertEq(accrualAfter(1 days), 300);
    }

    function test_accruesUpToTheCap() public {
        submit(proven(vaultId, 1, round));
        vm.assertEq(accrualAfter(288_000 - 1), 999);
        vm.assertEq(accrualAfter(288_000), 1_000);
        vm.assertEq(accrualAfter(288_288), 1_000);
        vm.assertEq(accrualAfter(365 days), 1_000);
    }

    /// It is the time between the snapshots, whenever the proofs came.
    function test_accruesBetweenSnapshots() public {
        vm.warp(NOON + 3 hours);
        submit(proven(vaultId, 1, round)); // prices of NOON
        vm.warp(NOON + 12 hours);
        uint32 second = takeRound();
        vm.warp(NOON + 15 hours);
        vm.assertEq(signalsAt(second)[Signals.ACCRUAL], 150);
    }

    function test_accruesAnewAfterEachProof() public {
        submit(proven(vaultId, 1, round));
        vm.warp(NOON + 287);
        submit(proven(vaultId, 2, takeRound()));
        vm.warp(NOON + 2 * 287);
        vm.assertEq(signalsAt(takeRound())[Signals.ACCRUAL], 0); // what was rounded off is gone
    }
}
