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

    function test_namedByContentAndKeptAsAdded() public {
        IPriceOracle.FeedSet memory first = setOf(8, 8);
        IPriceOracle.FeedSet memory second = setOf(32, 5);
        second.feeds[31] = IPriceOracle.Feed(new DevFeed(0, ""), type(uint32).max, type(uint16).max);
        second.feeds[3].aggregator = AggregatorV3Interface(address(0));
        second.sequencerUptimeFeed = asFeed(address(new SequencerFeed()));
        second.sequencerGracePeriod = 1 days;
        second.confirmationDelay = 1 days;
        second.deviationPeriod = 7 days;

        (bytes32 firstName, bytes32 secondName) = (addAs(address(this), first), addAs(address(1), second));
        vm.assertTrue(firstName != secondName);
        expectSet(firstName, first);
        expectSet(secondName, second);
        expectPriced(firstName, 8, 0xff);
        expectPriced(secondName, 32, 0x80000017);
    }

    /// Anyone may.
    function addAs(address who, IPriceOracle.FeedSet memory set) private returns (bytes32 name) {
        uint8[] memory decimals = decimalsOf(set);
        name = keccak256(abi.encode(set, decimals));
        vm.expectEmit(address(oracle));
        emit IPriceOracle.FeedSetAdded(name, set, decimals);
        vm.prank(who);
        vm.assertEq(oracle.addFeedSet(set), name);
    }

    function decimalsOf(IPriceOracle.FeedSet memory set) private view returns (uint8[] memory decimals) {
        decimals = new uint8[](set.feeds.length);
        for (uint256 i; i < decimals.length; ++i) {
            bool priced = address(set.feeds[i].aggregator) != address(0);
            if (priced) decimals[i] = set.feeds[i].aggregator.decimals();
        }
    }

    function expectSet(bytes32 name, IPriceOracle.FeedSet memory set) private view {
        (IPriceOracle.FeedSet memory kept, uint8[] memory decimals) = oracle.feedSetOf(name);
        vm.assertEq(abi.encode(kept, decimals), abi.encode(set, decimalsOf(set)));
    }

    function test_addingAgainChangesNothing() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        add(set);
        uint32 round = take();
        vm.warp(NOON + WINDOW + 1);
        vm.recordLogs();
        vm.assertEq(oracle.addFeedSet(set), feedSet);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(oracle.latestRound(feedSet), round);
    }

    /// A set is another set with any other content, and with other decimals of the same feed.
    function test_everyFieldIsPartOfTheName() public {
        FakeFeed feed = new FakeFeed();
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        set.feeds[7].aggregator = asFeed(address(feed));
        bytes32[] memory names = new bytes32[](10);
        names[0] = oracle.addFeedSet(set);
        feed.setDecimals(FakeFeed.Manner.WellFormed, 18);
        names[1] = oracle.addFeedSet(set);
        set.feeds[7].heartbeat++;
        names[2] = oracle.addFeedSet(set);
        set.feeds[7].maxDeviationBps++;
        names[3] = oracle.addFeedSet(set);
        set.feeds[7].aggregator = new DevFeed(18, "");
        names[4] = oracle.addFeedSet(set);
        set.sequencerUptimeFeed = asFeed(address(new SequencerFeed()));
        names[5] = oracle.addFeedSet(set);
        set.sequencerGracePeriod++;
        names[6] = oracle.addFeedSet(set);
        set.confirmationDelay++;
        names[7] = oracle.addFeedSet(set);
        set.deviationPeriod++;
        names[8] = oracle.addFeedSet(set);
        delete set.feeds[7];
        names[9] = oracle.addFeedSet(set);
        for (uint256 i; i < names.length; ++i) {
            for (uint256 k; k < i; ++k) {
                vm.assertTrue(names[i] != names[k]);
            }
        }
    }

    /// After a reorganisation that swaps two adds, each name still names its own feeds.
    function test_namesDoNotDependOnTheOrder() public {
        IPriceOracle.FeedSet memory first = setOf(8, 8);
        IPriceOracle.FeedSet memory second = setOf(16, 8);
        uint256 fork = vm.snapshotState();
        bytes32[2] memory names = [oracle.addFeedSet(first), oracle.addFeedSet(second)];
        vm.revertToState(fork);
        vm.assertEq(oracle.addFeedSet(second), names[1]);
        vm.assertEq(oracle.addFeedSet(first), names[0]);
        expectSet(names[0], first);
    }

    function test_longestHeartbeatOfSlots() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        for (uint32 i; i < 8; ++i) {
            set.feeds[i].heartbeat = 100 + i;
        }
        set.feeds[2].heartbeat = 9_000;
        delete set.feeds[6].aggregator;
        set.feeds[6].heartbeat = 10_000; // of no feed
        add(set);
        vm.assertEq(oracle.longestHeartbeat(feedSet, 0), 0);
        vm.assertEq(oracle.longestHeartbeat(feedSet, 1), 100);
        vm.assertEq(oracle.longestHeartbeat(feedSet, 0x3b), 105);
        vm.assertEq(oracle.longestHeartbeat(feedSet, 0x3f), 9_000);
        vm.assertEq(oracle.longestHeartbeat(feedSet, 0x40), 0);
        vm.assertEq(oracle.longestHeartbeat(feedSet, type(uint32).max), 9_000);
    }

    function expectPriced(bytes32 name, uint256 slots, uint256 priced) private view {
        (uint8 givenSlots, uint32 givenPriced) = oracle.pricedSlots(name);
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

    function test_periodsAreBounded() public {
        refusePeriod("confirmationDelay", 5 minutes, 1 days);
        refusePeriod("deviationPeriod", 1 minutes, 7 days);
        refusePeriod("sequencerGracePeriod", 0, 1 days);
    }

    function refusePeriod(string memory field, uint32 least, uint32 most) private {
        oracle.addFeedSet(setWith(field, least));
        oracle.addFeedSet(setWith(field, most));
        uint32[4] memory wrong =
            [least == 0 ? most + 1 : least - 1, least == 0 ? most + 1 : 0, most + 1, type(uint32).max];
        for (uint256 i; i < wrong.length; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(IPriceOracle.PeriodOutOfRange.selector, field, wrong[i], least, most);
            refuse(setWith(field, wrong[i]), reason);
        }
    }

    function setWith(string memory field, uint32 value) private returns (IPriceOracle.FeedSet memory set) {
        set = setOf(8, 1);
        bytes32 name = keccak256(bytes(field));
        if (name == keccak256("confirmationDelay")) set.confirmationDelay = value;
        else if (name == keccak256("deviationPeriod")) set.deviationPeriod = value;
        else set.sequencerGracePeriod = value;
    }

    function test_unknownSetsAreRefused() public {
        bytes32 known = oracle.addFeedSet(setOf(8, 1));
        bytes32[2] memory unknown = [bytes32(0), bytes32(uint256(1))];
        for (uint256 i; i < 2; ++i) {
            bytes memory reason = abi.encodeWithSelector(IPriceOracle.UnknownFeedSet.selector, unknown[i]);
            bytes[10] memory calls = [
                abi.encodeCall(oracle.takeSnapshot, (unknown[i])),
                abi.encodeCall(oracle.feedSetOf, (unknown[i])),
                abi.encodeCall(oracle.pricedSlots, (unknown[i])),
                abi.encodeCall(oracle.latestRound, (unknown[i])),
                abi.encodeCall(oracle.roundAt, (unknown[i], NOON)),
                abi.encodeCall(oracle.longestHeartbeat, (unknown[i], 1)),
                abi.encodeCall(oracle.deadFeeds, (unknown[i])),
                abi.encodeCall(oracle.isRepair, (unknown[i], known, NOON)),
                abi.encodeCall(oracle.anchor, (unknown[i])),
                abi.encodeCall(oracle.unconfirmed, (unknown[i]))
            ];
            for (uint256 k; k < calls.length; ++k) {
                (bool ok, bytes memory data) = address(oracle).call(calls[k]);
                vm.assertFalse(ok);
                vm.assertEq(data, reason);
            }
            vm.expectRevert(reason);
            oracle.isRepair(known, unknown[i], NOON);
        }
    }
}
