// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevFeed} from "../../src/dev/DevFeed.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";
import {FakeFeed} from "../mocks/FakeFeed.sol";

/// Which answers of a feed make a price: OR-6 to OR-9. The feed under test prices slot 3; the others are well.
contract OracleAnswersTest is OracleScene {
    uint256 private constant SLOT = 3;

    FakeFeed private feed;

    function setUp() public override {
        super.setUp();
        feed = new FakeFeed();
        answer(FakeFeed.Manner.WellFormed, 5, 7e8, NOON, 5);
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        set.feeds[SLOT].aggregator = asFeed(address(feed));
        feed.setReentered(add(set));
    }

    function answer(FakeFeed.Manner manner, uint256 roundId, int256 value, uint256 updatedAt, uint256 answeredInRound)
        private
    {
        // startedAt is nothing to a price
        feed.setRound(manner, [roundId, uint256(value), 0, updatedAt, answeredInRound]);
    }

    function refuse(bytes4 reason) private {
        refuseSnapshot(abi.encodeWithSelector(reason, SLOT));
    }

    /// A set of its own for a feed with these decimals and this answer, in slot 0.
    function setWith(uint8 decimals, int256 value) private returns (bytes32) {
        IPriceOracle.FeedSet memory set = setOf(8, 1);
        set.feeds[0].aggregator = new DevFeed(decimals, "");
        DevFeed(address(set.feeds[0].aggregator)).post(value, NOON);
        return add(set);
    }

    function expectPrice(uint8 decimals, int256 value, uint256 price) private {
        setWith(decimals, value);
        vm.assertEq(priceAt(take(), 0), price);
    }

    // --- a feed that does not answer with a round ---

    function test_takesAWellFormedRound() public {
        vm.assertEq(priceAt(take(), SLOT), 7e8);
    }

    function test_refusesFeedsThatFail() public {
        for (uint8 manner = uint8(FakeFeed.Manner.Nothing); manner < uint8(FakeFeed.Manner.Reenters); ++manner) {
            answer(FakeFeed.Manner(manner), 5, 7e8, NOON, 5);
            vm.expectRevert(abi.encodeWithSelector(IPriceOracle.FeedFailed.selector, SLOT));
            oracle.takeSnapshot{gas: 20_000_000}(feedSet);
        }
        vm.assertEq(uint256(oracle.latestRound(feedSet)), 0);
    }

    function test_refusesFeedsThatAreGone() public {
        vm.etch(address(feed), "");
        refuse(IPriceOracle.FeedFailed.selector);
    }

    function test_refusesAFeedThatReturnsTooMuch() public {
        answer(FakeFeed.Manner.ReturnsALot, 5, 7e8, NOON, 5);
        refuse(IPriceOracle.FeedFailed.selector);
    }

    // --- gas ---

    function test_aFeedMayUse200_000Gas() public {
        feed.burn(180_000); // and some to answer
        take();
        vm.warp(NOON + 1);
        feed.burn(205_000);
        refuse(IPriceOracle.FeedFailed.selector);
    }

    /// With whatever gas somebody calls, a good feed does not fail: the call has too little, or it succeeds. Both happen.
    function test_littleGasMakesNoFeedFail() public {
        uint256 refused;
        uint256 gasGiven = 30_000;
        for (; gasGiven < 2_000_000; gasGiven += 20_000) {
            (bool ok, bytes memory data) =
                address(oracle).call{gas: gasGiven}(abi.encodeCall(oracle.deadFeeds, (feedSet)));
            if (ok) {
                vm.assertEq(abi.decode(data, (uint256)), 0);
                break;
            }
            ++refused;
            bool outOfGas = data.length == 0;
            vm.assertTrue(outOfGas || bytes4(data) == IPriceOracle.NotEnoughGas.selector);
        }
        vm.assertTrue(refused > 2);
        vm.assertLt(gasGiven, 500_000);
    }

    function test_aFeedThatCallsBackChangesNothing() public {
        answer(FakeFeed.Manner.Reenters, 5, 7e8, NOON, 5);
        vm.assertEq(uint256(oracle.takeSnapshot{gas: 20_000_000}(feedSet)), 1);
        vm.assertEq(uint256(oracle.latestRound(feedSet)), 1);
        vm.warp(NOON + 1);
        answer(FakeFeed.Manner.WellFormed, 5, 7e8, NOON, 5);
        vm.assertEq(uint256(take()), 2);
    }

    // --- round ids ---

    function test_roundIdsHave80Bits() public {
        uint256 most = type(uint80).max;
        answer(FakeFeed.Manner.WellFormed, most, 7e8, NOON, most);
        take();
        vm.warp(NOON + 1);
        answer(FakeFeed.Manner.WellFormed, most + 1, 7e8, NOON, most + 1);
        refuse(IPriceOracle.FeedFailed.selector);
        answer(FakeFeed.Manner.WellFormed, 5, 7e8, NOON, most + 1);
        refuse(IPriceOracle.FeedFailed.selector);
    }

    /// What an old aggregator answers for a round that timed out: the last round's answer, updated just now.
    function test_refusesAnAnswerCarriedOver() public {
        answer(FakeFeed.Manner.WellFormed, 6, 7e8, NOON, 5);
        refuse(IPriceOracle.FeedFailed.selector);
        answer(FakeFeed.Manner.WellFormed, 6, 7e8, NOON, 6);
        take();
    }

    /// Adapters of feeds that have no rounds.
    function test_takesRoundZero() public {
        answer(FakeFeed.Manner.WellFormed, 0, 7e8, NOON, 0);
        take();
    }

    // --- the answer ---

    function test_refusesZeroAndNegativeAnswers() public {
        int256[3] memory values = [int256(0), -1, type(int256).min];
        for (uint256 i; i < 3; ++i) {
            answer(FakeFeed.Manner.WellFormed, 5, values[i], NOON, 5);
            refuseSnapshot(abi.encodeWithSelector(IPriceOracle.AnswerNotPositive.selector, SLOT, values[i]));
        }
        answer(FakeFeed.Manner.WellFormed, 5, 1, NOON, 5);
        vm.assertEq(priceAt(take(), SLOT), 1);
    }

    function test_refusesAnswersThatRoundToZero() public {
        bytes memory reason = abi.encodeWithSelector(IPriceOracle.AnswerNotPositive.selector, 0, 1e10 - 1);
        setWith(18, 1e10 - 1);
        refuseSnapshot(reason);
        expectPrice(18, 1e10, 1);
    }

    function test_pricesHave48Bits() public {
        int256 bound = 2 ** 48;
        expectPrice(8, bound - 1, 2 ** 48 - 1);
        refuseTooLarge(8, bound);
        expectPrice(18, bound * 1e10 - 1, 2 ** 48 - 1);
        refuseTooLarge(18, bound * 1e10);
        expectPrice(0, bound / 1e8, 281_474_900_000_000);
        refuseTooLarge(0, bound / 1e8 + 1);
        refuseTooLarge(0, type(int256).max);
        refuseTooLarge(8, type(int256).max);
        refuseTooLarge(18, 2 ** 128 - 1);
        refuseTooLarge(18, 2 ** 128);
        refuseTooLarge(18, type(int256).max);
    }

    function refuseTooLarge(uint8 decimals, int256 value) private {
        setWith(decimals, value);
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.AnswerTooLarge.selector, 0, value));
    }

    function test_decimalsBecomeEightRoundedDown() public {
        expectPrice(0, 3, 3e8);
        expectPrice(2, 314, 3.14e8);
        expectPrice(7, 31_415_926, 314_159_260);
        expectPrice(8, 314_159_265, 314_159_265);
        expectPrice(9, 3_141_592_659, 314_159_265);
        expectPrice(18, 3_141_592_659_999_999_999, 314_159_265);
    }

    /// The decimals are those of the day the set was added.
    function test_decimalsAreKept() public {
        feed.setDecimals(FakeFeed.Manner.WellFormed, 18);
        vm.assertEq(priceAt(take(), SLOT), 7e8);
    }

    // --- the time ---

    function test_answersUpToTheHeartbeat() public {
        take();
        vm.warp(NOON + HEARTBEAT - 1);
        refresh();
        take();
        vm.warp(NOON + HEARTBEAT);
        take();
        vm.warp(NOON + HEARTBEAT + 1);
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.AnswerStale.selector, SLOT, NOON, HEARTBEAT));
    }

    /// Even where the heartbeat is longer than the time since 1970.
    function test_refusesNoTimeAtAll() public {
        IPriceOracle.FeedSet memory set = setOf(8, 1);
        set.feeds[0].heartbeat = type(uint32).max;
        add(set);
        feeds[0].post(1, 0);
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.AnswerStale.selector, 0, 0, type(uint32).max));
        feeds[0].post(1, 1);
        take();
    }

    function test_refusesAnswersFromTheFuture() public {
        uint256[2] memory times = [uint256(NOON) + 1, type(uint256).max];
        for (uint256 i; i < 2; ++i) {
            answer(FakeFeed.Manner.WellFormed, 5, 7e8, times[i], 5);
            refuseSnapshot(abi.encodeWithSelector(IPriceOracle.AnswerFromFuture.selector, SLOT, times[i]));
        }
    }
}
