// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevFeed} from "../../src/dev/DevFeed.sol";
import {AggregatorV3Interface} from "../../src/interfaces/AggregatorV3Interface.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";
import {FakeFeed} from "../mocks/FakeFeed.sol";
import {SequencerFeed} from "../mocks/SequencerFeed.sol";

/// Which feeds are dead, and which set repairs another: OR-18, OR-19. The feed under test prices slot 3.
contract OracleRepairsTest is OracleScene {
    uint256 private constant SLOT = 3;
    uint32 private constant BIT = 8;

    FakeFeed private feed;
    IPriceOracle.FeedSet private kept;
    bytes32 private broken;

    function setUp() public override {
        super.setUp();
        feed = new FakeFeed();
        live();
        IPriceOracle.FeedSet memory set = setOf(8, 7);
        set.feeds[SLOT].aggregator = asFeed(address(feed));
        kept.feeds.push(); // a copy of memory to storage, list by list
        delete kept.feeds;
        for (uint256 i; i < 8; ++i) {
            kept.feeds.push(set.feeds[i]);
        }
        (kept.confirmationDelay, kept.deviationPeriod) = (set.confirmationDelay, set.deviationPeriod);
        broken = add(set);
    }

    function live() private {
        answer(FakeFeed.Manner.WellFormed, 7e8, block.timestamp);
    }

    function answer(FakeFeed.Manner manner, int256 value, uint256 updatedAt) private {
        feed.setRound(manner, [uint256(5), uint256(value), 0, updatedAt, 5]);
    }

    function kill() private {
        answer(FakeFeed.Manner.Reverts, 7e8, block.timestamp);
    }

    function newFeed() private returns (DevFeed fresh) {
        fresh = new DevFeed(8, "");
        fresh.post(7e8, uint40(block.timestamp));
    }

    /// The set with a new feed in the slot.
    function mended() private returns (IPriceOracle.FeedSet memory set) {
        set = kept;
        set.feeds[SLOT].aggregator = newFeed();
    }

    function expectRepair(IPriceOracle.FeedSet memory set, bool yes) private {
        bytes32 name = oracle.addFeedSet(set);
        vm.assertEq(oracle.isRepair(broken, name, type(uint40).max), yes);
    }

    // --- dead feeds ---

    function test_noFeedIsDead() public view {
        vm.assertEq(oracle.deadFeeds(broken), 0);
    }

    /// However a feed fails, no view reverts, and no snapshot takes its price.
    function test_deadHoweverItFails() public {
        for (uint8 manner = uint8(FakeFeed.Manner.Nothing); manner < uint8(FakeFeed.Manner.Reenters); ++manner) {
            answer(FakeFeed.Manner(manner), 7e8, NOON);
            expectDead();
        }
        answer(FakeFeed.Manner.WellFormed, 0, NOON);
        expectDead();
        answer(FakeFeed.Manner.WellFormed, type(int256).min, NOON);
        expectDead();
        answer(FakeFeed.Manner.WellFormed, type(int256).max, NOON);
        expectDead();
        answer(FakeFeed.Manner.WellFormed, 7e8, NOON + 1);
        expectDead();
        answer(FakeFeed.Manner.WellFormed, 7e8, type(uint256).max);
        expectDead();
        answer(FakeFeed.Manner.WellFormed, 7e8, 0);
        expectDead();
        vm.etch(address(feed), "");
        expectDead();
    }

    function expectDead() private {
        vm.assertEq(oracle.deadFeeds(broken), BIT);
        (bool ok,) = address(oracle).call(abi.encodeCall(oracle.takeSnapshot, (broken)));
        vm.assertFalse(ok);
    }

    function test_deadFromTheEndOfItsHeartbeat() public {
        vm.warp(NOON + HEARTBEAT);
        vm.assertEq(oracle.deadFeeds(broken), 0);
        vm.warp(NOON + HEARTBEAT + 1);
        vm.assertEq(oracle.deadFeeds(broken), 0x7f);
        refresh();
        live();
        vm.assertEq(oracle.deadFeeds(broken), 0);
    }

    /// 32 feeds that burn all their gas, and feeds that are well beside them.
    function test_gasPerFeedIsBounded() public {
        FakeFeed burner = new FakeFeed();
        burner.setRound(FakeFeed.Manner.BurnsAllGas, [uint256(5), 7e8, 0, NOON, 5]);
        IPriceOracle.FeedSet memory set = setOf(32, 32);
        for (uint256 i = 1; i < 32; ++i) {
            set.feeds[i].aggregator = asFeed(address(burner));
        }
        add(set);
        vm.assertEq(oracle.deadFeeds{gas: 7_000_000}(feedSet), 0xfffffffe);
    }

    // --- repairs ---

    function test_aDeadFeedReplacedIsARepair() public {
        kill();
        expectRepair(mended(), true);
    }

    function test_aLiveFeedReplacedIsNone() public {
        IPriceOracle.FeedSet memory set = mended();
        expectRepair(set, false);
        kill();
        expectRepair(set, true);
        live(); // it came back
        expectRepair(set, false);
    }

    function test_theNewFeedLives() public {
        kill();
        IPriceOracle.FeedSet memory set = kept;
        set.feeds[SLOT].aggregator = new DevFeed(8, ""); // has answered nothing yet
        expectRepair(set, false);
        set.feeds[SLOT].aggregator = AggregatorV3Interface(address(0));
        expectRepair(set, false);
    }

    function test_theNewFeedIsNoLooser() public {
        kill();
        IPriceOracle.FeedSet memory set = mended();
        set.feeds[SLOT].heartbeat = HEARTBEAT + 1;
        expectRepair(set, false);
        set.feeds[SLOT].heartbeat = HEARTBEAT - 1;
        expectRepair(set, true);
        set.feeds[SLOT].maxDeviationBps = MAX_DEVIATION_BPS + 1;
        expectRepair(set, false);
        set.feeds[SLOT].maxDeviationBps = MAX_DEVIATION_BPS - 1;
        expectRepair(set, true);
    }

    /// The same feed with a longer heartbeat revives nothing.
    function test_aLongerHeartbeatIsNoRepair() public {
        vm.warp(NOON + HEARTBEAT + 1);
        refresh();
        IPriceOracle.FeedSet memory set = kept;
        set.feeds[SLOT].heartbeat = 2 * HEARTBEAT;
        expectRepair(set, false);
    }

    function test_anyOtherDifferenceIsNone() public {
        kill();
        vm.assertFalse(oracle.isRepair(broken, broken, type(uint40).max));

        IPriceOracle.FeedSet memory set = mended();
        set.feeds[0].aggregator = newFeed(); // of a feed that lives
        expectRepair(set, false);
        set = mended();
        set.feeds[1].heartbeat = HEARTBEAT - 1;
        expectRepair(set, false);
        set = mended();
        set.feeds[7] = set.feeds[0]; // a slot that had none
        expectRepair(set, false);
        set = mended();
        set.confirmationDelay++;
        expectRepair(set, false);
        set = mended();
        set.deviationPeriod++;
        expectRepair(set, false);
        set = mended();
        set.sequencerGracePeriod++;
        expectRepair(set, false);
        set = mended();
        SequencerFeed sequencer = new SequencerFeed();
        sequencer.change(0, 1);
        set.sequencerUptimeFeed = asFeed(address(sequencer));
        expectRepair(set, false);
        expectRepair(setOf(16, 7), false);
    }

    function test_twoDeadFeedsMayBeReplacedOneByOne() public {
        vm.warp(NOON + HEARTBEAT + 1);
        refresh();
        kill();
        FakeFeed(address(feeds[5])); // slot 5 is dead too: its last answer is of noon
        feeds[5].post(6e8, NOON);
        IPriceOracle.FeedSet memory set = mended();
        expectRepair(set, true);
        set.feeds[5].aggregator = newFeed();
        expectRepair(set, true);
    }

    // --- the sequencer ---

    function addWithSequencer(FakeFeed sequencer) private {
        kept.sequencerUptimeFeed = asFeed(address(sequencer));
        broken = oracle.addFeedSet(kept);
    }

    function test_nothingIsARepairWhileTheSequencerIsDown() public {
        SequencerFeed sequencer = new SequencerFeed();
        kept.sequencerUptimeFeed = asFeed(address(sequencer));
        kept.sequencerGracePeriod = 20 minutes;
        broken = oracle.addFeedSet(kept);
        kill();
        IPriceOracle.FeedSet memory set = mended();
        expectRepair(set, false); // no valid round
        sequencer.change(1, NOON - 1 days);
        expectRepair(set, false);
        sequencer.change(0, NOON - 20 minutes + 1);
        expectRepair(set, false);
        sequencer.change(0, NOON - 20 minutes);
        expectRepair(set, true);
    }

    function test_aDeadSequencerFeedMayBeReplaced() public {
        FakeFeed sequencer = new FakeFeed();
        sequencer.setRound(FakeFeed.Manner.WellFormed, [uint256(5), 0, 1, NOON, 5]);
        addWithSequencer(sequencer);
        IPriceOracle.FeedSet memory set = kept;
        SequencerFeed fresh = new SequencerFeed();
        fresh.change(0, 1);
        set.sequencerUptimeFeed = asFeed(address(fresh));
        expectRepair(set, false);

        sequencer.setRound(FakeFeed.Manner.WellFormed, [uint256(5), 1, 1, NOON, 5]); // down, and says so
        expectRepair(set, false);
        sequencer.setRound(FakeFeed.Manner.Reverts, [uint256(5), 0, 1, NOON, 5]);
        expectRepair(set, true);
        set.sequencerUptimeFeed = AggregatorV3Interface(address(0));
        expectRepair(set, false);
    }
}
