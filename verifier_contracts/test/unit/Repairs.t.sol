// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevFeed} from "../../src/dev/DevFeed.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

/// A feed that is dead is replaced before anyone can wind the vault down for its sake.
contract RepairsTest is Scene {
    function setUp() public override {
        super.setUp();
        build(8);
        prove();
    }

    /// All feeds but that of slot 3 answer.
    function killThirdAt(uint40 time) private {
        vm.warp(time);
        for (uint256 i; i < 7; ++i) {
            (, int256 answer,,,) = feeds[i].latestRoundData();
            if (i != 3) post(i, answer);
        }
    }

    /// A mandate like the vault's, with another feed in slot 3.
    function repaired() private returns (bytes32) {
        DevFeed feed = new DevFeed(8, "");
        feed.post(dollars(4), uint40(block.timestamp));
        feeds[3] = feed;
        (IPriceOracle.FeedSet memory set,) = oracle.feedSetOf(terms.feedSet);
        set.feeds[3].aggregator = feed;
        terms.feedSet = oracle.addFeedSet(set);
        return hub.addMandate(terms);
    }

    function requireProposed(bytes32 to, bool repair, uint40 activeFrom) private view {
        (bytes32 proposed, bool isRepair, uint40 from, uint40 lapsesAt) = hub.proposedMandate(vaultId);
        vm.assertEq(proposed, to);
        vm.assertTrue(isRepair == repair);
        vm.assertEq(uint256(from), activeFrom);
        vm.assertEq(uint256(lapsesAt), activeFrom + ACTIVATION_WINDOW);
    }

    function test_aRepairWaitsHalfAProofAge() public {
        killThirdAt(NOON + 3 hours);
        bytes32 to = repaired();
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateProposed(
            vaultId, to, true, NOON + 3 hours + HALF, NOON + 3 hours + HALF + ACTIVATION_WINDOW
        );
        vm.assertEq(uint256(propose(to)), NOON + 3 hours + HALF);
        requireProposed(to, true, NOON + 3 hours + HALF);
        vm.warp(NOON + 3 hours + HALF - 1);
        refresh();
        vm.expectRevert(tooEarly(NOON + 3 hours + HALF));
        hub.activateMandate(vaultId, to);
        vm.warp(NOON + 3 hours + HALF);
        hub.activateMandate(vaultId, to);
        vm.assertEq(stateOf(vaultId).mandate, to);
        vm.assertEq(uint256(stateOf(vaultId).roundsAfter), block.timestamp);
    }

    /// Dead feeds make a vault stale; a repair is what lets it prove again, and only the proof makes it active.
    function test_aStaleVaultIsRepairedAndStaysStaleUntilItProves() public {
        killThirdAt(NOON + 3 hours);
        bytes32 to = repaired();
        vm.warp(NOON + MAX_PROOF_AGE - HALF + 1);
        refresh(); // the new feed among them
        propose(to);
        vm.warp(NOON + MAX_PROOF_AGE + 1);
        refresh();
        requireStatus(IRebalanceHub.Status.Stale);
        hub.activateMandate(vaultId, to);
        requireStatus(IRebalanceHub.Status.Stale);
        confirmFirstRound();
        prove();
        requireStatus(IRebalanceHub.Status.Active);
    }

    /// The first round of a set that was added long ago needs a confirmation.
    function confirmFirstRound() private {
        vm.warp(block.timestamp + 1);
        refresh();
        vm.assertEq(uint256(oracle.takeSnapshot(terms.feedSet)), 0);
        vm.warp(vm.getBlockTimestamp() + DELAY);
    }

    function test_notWhilePaused() public {
        killThirdAt(NOON + 3 hours);
        bytes32 to = repaired();
        propose(to);
        vm.warp(NOON + 3 hours + HALF);
        pause();
        vm.expectRevert(wrong(IRebalanceHub.Status.Paused));
        hub.activateMandate(vaultId, to);
    }

    /// A feed that answers again needs no repair, and one that answers is none.
    function test_checkedAgainAtTheActivation() public {
        killThirdAt(NOON + 3 hours);
        DevFeed old = feeds[3];
        bytes32 to = repaired();
        propose(to);
        vm.warp(NOON + 3 hours + HALF);
        refresh();
        old.post(dollars(4), uint40(block.timestamp));
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.FeedsAlive.selector));
        hub.activateMandate(vaultId, to);
    }

    /// Many feeds are late for some seconds at the end of a heartbeat. One that is late at the proposal and late again at the
    /// activation is not dead: nobody may put another feed, perhaps one of its own, in its place.
    function test_aFeedThatIsLateTwiceIsNotDead() public {
        killThirdAt(NOON + HEARTBEAT + 1);
        DevFeed old = feeds[3];
        bytes32 to = repaired();
        uint40 from = propose(to);
        old.post(dollars(4), uint40(block.timestamp)); // a second late, and every heartbeat again
        vm.warp(from);
        old.post(dollars(4), uint40(block.timestamp));
        vm.warp(from + HEARTBEAT + 1);
        refresh();
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.FeedsAlive.selector));
        hub.activateMandate(vaultId, to);
    }

    function test_livingFeedsAreReplacedByALooseningOnly() public {
        bytes32 to = repaired();
        propose(to);
        requireProposed(to, false, NOON + LOOSENING_DELAY);
    }

    /// A repair changes nothing else.
    function test_anyOtherTermMakesItALoosening() public {
        killThirdAt(NOON + 3 hours);
        repaired();
        terms.share.performanceFeePpm -= 1; // even a tighter one
        bytes32 to = hub.addMandate(terms);
        propose(to);
        requireProposed(to, false, NOON + 3 hours + LOOSENING_DELAY);
    }
}
