// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevFeed} from "../../src/dev/DevFeed.sol";
import {AggregatorV3Interface} from "../../src/interfaces/AggregatorV3Interface.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";
import {FakeFeed} from "../mocks/FakeFeed.sol";
import {SequencerFeed} from "../mocks/SequencerFeed.sol";

/// Which feed sets may be added, and that they stay as they were added: OR-1, OR-2.
contract OracleFeedSetsTest is OracleScene {
    address private constant NOBODY = address(0xdead);

    function refuse(IPriceOracle.FeedSet memory set, bytes memory reason) private {
        vm.expectRevert(reason);
        oracle.addFeedSet(set);
    }

    function test_numberedFromOneAndKeptAsAdded() public {
        IPriceOracle.FeedSet memory first = setOf(8, 8);
        IPriceOracle.FeedSet memory second = setOf(32, 5);
        second.feeds[31] = IPriceOracle.Feed(new DevFeed(0, ""), type(uint32).max, type(uint16).max);
        second.feeds[3].aggregator = AggregatorV3Interface(address(0));
        second.sequencerUptimeFeed = asFeed(address(new SequencerFeed()));
        second.sequencerGracePeriod = type(uint32).max;
        second.confirmationDelay = type(uint32).max;

        vm.expectEmit(address(oracle));
        emit IPriceOracle.FeedSetAdded(1, first);
        vm.assertEq(uint256(oracle.addFeedSet(first)), 1);
        vm.prank(address(1)); // anyone may
        vm.expectEmit(address(oracle));
        emit IPriceOracle.FeedSetAdded(2, second);
        vm.assertEq(uint256(oracle.addFeedSet(second)), 2);

        vm.assertEq(abi.encode(oracle.feedSetOf(1)), abi.encode(first));
        vm.assertEq(abi.encode(oracle.feedSetOf(2)), abi.encode(second));
        expectPriced(1, 8, 0xff);
        expectPriced(2, 32, 0x80000017);
    }

    function expectPriced(uint32 feedSet, uint256 slots, uint256 priced) private view {
        (uint8 givenSlots, uint32 givenPriced) = oracle.pricedSlots(feedSet);
        vm.assertEq(uint256(givenSlots), slots);
        vm.assertEq(uint256(givenPriced), priced);
    }

    function test_onlyKnownSizes() public {
        uint256[9] memory sizes = [uint256(0), 1, 7, 9, 15, 17, 31, 33, 64];
        for (uint256 i; i < sizes.length; ++i) {
            IPriceOracle.FeedSet memory set = setOf(sizes[i], sizes[i] == 0 ? 0 : 1);
            refuse(set, abi.encodeWithSelector(IPriceOracle.UnsupportedSlots.selector, sizes[i]));
        }
        oracle.addFeedSet(setOf(8, 1));
        oracle.addFeedSet(setOf(16, 1));
        oracle.addFeedSet(setOf(32, 1));
    }

    function test_refusesNoSettlementFeed() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        set.feeds[0].aggregator = AggregatorV3Interface(address(0));
        refuse(set, abi.encodeWithSelector(IPriceOracle.SettlementFeedMissing.selector));
    }

    function test_refusesFeedsWithoutCode() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        set.feeds[7].aggregator = asFeed(NOBODY);
        refuse(set, abi.encodeWithSelector(IPriceOracle.NoCode.selector, NOBODY));
        set = setOf(8, 8);
        set.sequencerUptimeFeed = asFeed(NOBODY);
        refuse(set, abi.encodeWithSelector(IPriceOracle.NoCode.selector, NOBODY));
    }

    function test_refusesZeroHeartbeat() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        set.feeds[2].heartbeat = 0;
        refuse(set, abi.encodeWithSelector(IPriceOracle.ZeroHeartbeat.selector, 2));
        set.feeds[2].heartbeat = 1;
        oracle.addFeedSet(set);
    }

    function test_refusesZeroDeviation() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        set.feeds[5].maxDeviationBps = 0;
        refuse(set, abi.encodeWithSelector(IPriceOracle.ZeroDeviation.selector, 5));
        set.feeds[5].maxDeviationBps = 1;
        oracle.addFeedSet(set);
    }

    function test_refusesTooManyDecimals() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        set.feeds[1].aggregator = new DevFeed(19, "");
        refuse(set, abi.encodeWithSelector(IPriceOracle.TooManyDecimals.selector, 1, 19));
        set.feeds[1].aggregator = new DevFeed(255, "");
        refuse(set, abi.encodeWithSelector(IPriceOracle.TooManyDecimals.selector, 1, 255));
        set.feeds[1].aggregator = new DevFeed(18, "");
        oracle.addFeedSet(set);
    }

    /// However a feed fails to say its decimals, the error names the slot.
    function test_refusesFeedsWithoutDecimals() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        FakeFeed feed = new FakeFeed();
        set.feeds[4].aggregator = asFeed(address(feed));
        bytes memory failed = abi.encodeWithSelector(IPriceOracle.FeedFailed.selector, 4);
        for (uint8 manner = uint8(FakeFeed.Manner.Nothing); manner < uint8(FakeFeed.Manner.Reenters); ++manner) {
            feed.setDecimals(FakeFeed.Manner(manner), 8);
            vm.expectRevert(failed);
            oracle.addFeedSet{gas: 20_000_000}(set);
        }
        feed.setDecimals(FakeFeed.Manner.WellFormed, 256 + 8); // no uint8
        refuse(set, failed);
        feed.setDecimals(FakeFeed.Manner.WellFormed, 8);
        oracle.addFeedSet(set);
    }

    function test_unknownSetsAreRefused() public {
        oracle.addFeedSet(setOf(8, 1));
        uint32[2] memory unknown = [uint32(0), 2];
        for (uint256 i; i < 2; ++i) {
            bytes memory reason = abi.encodeWithSelector(IPriceOracle.UnknownFeedSet.selector, unknown[i]);
            refuseSnapshot(unknown[i], reason);
            vm.expectRevert(reason);
            oracle.feedSetOf(unknown[i]);
            vm.expectRevert(reason);
            oracle.pricedSlots(unknown[i]);
            vm.expectRevert(reason);
            oracle.latestRound(unknown[i]);
            vm.expectRevert(reason);
            oracle.unconfirmed(unknown[i]);
        }
    }
}
