// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {SummaryWord} from "../../src/libraries/Summary.sol";
import {Scene} from "../Scene.sol";

/// Which rounds a rebalance may use.
contract SubmitSnapshotTest is Scene {
    uint32 private round;

    function setUp() public override {
        super.setUp();
        build(8);
        round = takeRound();
    }

    /// Refused by both entries and by what tells a prover the signals.
    function refuseRound(uint32 given, bytes memory reason) private {
        IRebalanceHub.Rebalance memory r;
        (r.round, r.deadline) = (given, DEADLINE);
        refuse(r, reason);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0].vaultId = vaultId;
        batch[0].summary = SummaryWord.pack(given, stateOf(vaultId).sequence + 1, 0, Allowances.wrap(0));
        refuseBatch(batch, reason);
        vm.expectRevert(reason);
        signalsAt(given);
    }

    function tooOld(uint40 timestamp) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.RoundTooOld.selector, timestamp, GRACE);
    }

    function beforeLast(uint40 timestamp, uint40 last) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.RoundBeforeLast.selector, timestamp, last);
    }

    function batchOfOne() private view returns (IRebalanceHub.BatchedRebalance[] memory batch) {
        batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entry(vaultId, 1, round);
    }

    // --- age ---

    function test_forTheGrace() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        vm.warp(NOON + GRACE - 1);
        signalsAt(round);
        vm.warp(NOON + GRACE);
        submit(r);
    }

    function test_forTheGraceInABatch() public {
        IRebalanceHub.BatchedRebalance[] memory batch = batchOfOne();
        vm.warp(NOON + GRACE);
        submitBatch(batch);
    }

    function test_refusesOneSecondOlder() public {
        vm.warp(NOON + GRACE + 1);
        refuseRound(round, tooOld(NOON));
    }

    /// Strangers' rounds shut nobody out: within the grace a round stays usable, however many newer ones there are.
    function test_whetherOrNotThereAreNewerOnes() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        for (uint256 i; i < 5; ++i) {
            vm.warp(NOON + 1 + i);
            vm.prank(STRANGER);
            takeRound();
        }
        submit(r);
    }

    // --- order ---

    function test_refusesOneFromBeforeTheLast() public {
        vm.warp(NOON + 1 hours);
        uint32 second = takeRound();
        submit(proven(vaultId, 1, second));
        refuseRound(round, beforeLast(NOON, NOON + 1 hours));
        submit(proven(vaultId, 2, second)); // the last one itself stays usable
    }

    function test_refusesOneFromBeforeTheVault() public {
        vm.warp(NOON + 2);
        vaultId = open();
        refuseRound(round, beforeLast(NOON, NOON + 1));
    }

    /// A price of the second of the opening was known at the opening.
    function test_refusesOneFromTheSecondOfOpening() public {
        vm.warp(NOON + 1);
        vaultId = open();
        refuseRound(round, beforeLast(NOON, NOON));
        uint32 next = takeRound();
        submit(proven(vaultId, 1, next));
        vm.assertEq(uint256(stateOf(vaultId).snapshotTimestamp), NOON + 1);
    }

    /// After a change of feeds only rounds of after the activation count, until one was used.
    function test_afterAChangeOfFeedsOnlyLaterOnes() public {
        prove();
        IRebalanceHub.Mandate memory other = terms;
        other.feedSet = oracle.addFeedSet(setOf(8, 7));
        bytes32 to = hub.addMandate(other);
        oracle.takeSnapshot(other.feedSet);
        propose(to);
        warpFreshOnOldFeeds(NOON + LOOSENING_DELAY);
        refresh();
        uint32 early = oracle.takeSnapshot(other.feedSet); // in the very second of the activation
        hub.activateMandate(vaultId, to);
        vm.assertEq(uint256(stateOf(vaultId).roundsAfter), NOON + LOOSENING_DELAY);
        refuseRound(early, beforeLast(NOON + LOOSENING_DELAY, NOON + LOOSENING_DELAY));
        vm.warp(NOON + LOOSENING_DELAY + 1);
        terms = other;
        submit(proven(vaultId, 1, takeRound()));
        vm.assertEq(uint256(stateOf(vaultId).roundsAfter), 0);
    }

    /// `warpFresh`, while the feeds at hand are those of the other set.
    function warpFreshOnOldFeeds(uint40 time) private {
        vm.warp(time - 1);
        IPriceOracle.FeedSet memory old;
        (old,) = oracle.feedSetOf(terms.feedSet);
        for (uint256 i; i < 7; ++i) {
            (, int256 answer,,,) = old.feeds[i].aggregator.latestRoundData();
            (bool ok,) = address(old.feeds[i].aggregator)
                .call(abi.encodeWithSignature("post(int256,uint40)", answer, uint40(time - 1)));
            vm.assertTrue(ok);
        }
        submit(proven(vaultId, 1, oracle.takeSnapshot(terms.feedSet)));
        vm.warp(time);
    }

    // --- least interval ---

    function withInterval(uint32 interval) private {
        terms.minInterval = interval;
        mandate = hub.addMandate(terms);
        vaultId = open();
    }

    function test_theSecondRebalanceWaitsTheInterval() public {
        withInterval(1 hours);
        submit(proven(vaultId, 1, round));
        bytes memory reason = abi.encodeWithSelector(IRebalanceHub.RoundTooEarly.selector, NOON, NOON + 1 hours);
        refuseRound(round, reason);
        vm.warp(NOON + 1 hours - 1);
        uint32 early = takeRound();
        refuseRound(
            early, abi.encodeWithSelector(IRebalanceHub.RoundTooEarly.selector, NOON + 1 hours - 1, NOON + 1 hours)
        );
        vm.warp(NOON + 1 hours);
        submit(proven(vaultId, 2, takeRound()));
    }

    /// The first one may come at once: else the vault's first deposits would wait for nothing.
    function test_theFirstRebalanceDoesNot() public {
        withInterval(10 hours);
        submit(proven(vaultId, 1, round));
    }

    /// Two entries of one batch share a round.
    function test_noVaultTwiceInABatchWithinTheInterval() public {
        withInterval(1);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](2);
        batch[0] = entry(vaultId, 1, round);
        (batch[1].vaultId, batch[1].summary) = (vaultId, withSequence(batch[0].summary, 2));
        refuseBatch(batch, abi.encodeWithSelector(IRebalanceHub.RoundTooEarly.selector, NOON, NOON + 1));
    }

    // --- which ---

    function test_refusesUnknownRound() public {
        refuseRound(round + 1, abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, round + 1));
        refuseRound(0, abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, 0));
    }

    function test_refusesOneOfOtherFeeds() public {
        bytes32 other = oracle.addFeedSet(setOf(8, 7));
        uint32 theirs = oracle.takeSnapshot(other);
        refuseRound(theirs, abi.encodeWithSelector(IRebalanceHub.WrongFeedSet.selector, other, terms.feedSet));
    }

    function test_refusesOneOfAnotherSize() public {
        bytes32 other = oracle.addFeedSet(setOf(16, 7));
        uint32 theirs = oracle.takeSnapshot(other);
        refuseRound(theirs, abi.encodeWithSelector(IRebalanceHub.WrongFeedSet.selector, other, terms.feedSet));
    }

    function test_pricesAreTheSnapshots() public {
        (,, uint256[] memory words) = oracle.snapshot(round);
        uint256[] memory signals = signalsAt(round);
        vm.assertEq(signals.length, Signals.PRICES + 2);
        vm.assertEq(signals[Signals.PRICES], words[0]);
        vm.assertEq(signals[Signals.PRICES + 1], words[1]);
        vm.assertEq(signals[Signals.ALLOWANCES], Allowances.unwrap(Allowances.wrap(0)));

        vm.warp(NOON + 1);
        post(6, dollars(7) + 1); // the last slot with a price
        uint32 next = oracle.takeSnapshot(terms.feedSet);
        vm.assertEq(signalsAt(next)[Signals.PRICES + 1], words[1] + (1 << 48));
    }
}
