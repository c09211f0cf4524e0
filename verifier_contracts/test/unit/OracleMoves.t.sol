// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";

/// Prices that move beyond their bound wait for a second look: OR-11, OR-13, OR-14. Slot 0 starts at 100 dollars, slot 1
/// at 200; their bounds are 10 % and 20 % of the smaller price.
contract OracleMovesTest is OracleScene {
    function setUp() public override {
        super.setUp();
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.feeds[1].maxDeviationBps = 2_000;
        oracle.addFeedSet(set);
        prices(100e8, 200e8);
        vm.assertEq(uint256(oracle.takeSnapshot(1)), 1);
        vm.warp(NOON + 1);
    }

    function prices(int256 first, int256 second) private {
        post(0, first);
        post(1, second);
    }

    function pack(int256 first, int256 second) private pure returns (uint256[] memory words) {
        words = new uint256[](2);
        words[0] = uint256(first) + uint256(second) * 2 ** 48;
    }

    function pricesAt(uint256 timestamp, int256 first, int256 second) private {
        vm.warp(timestamp);
        prices(first, second);
    }

    /// The snapshot is taken, and nothing waits after it.
    function take() private {
        uint32 before = oracle.latestRound(1);
        vm.assertEq(uint256(oracle.takeSnapshot(1)), before + 1);
        expectNoneWait();
    }

    /// The prices wait, until `confirmableAt`, because of this slot.
    function wait(uint256 slot, uint40 confirmableAt) private {
        (, int256 first,,,) = feeds[0].latestRoundData();
        (, int256 second,,,) = feeds[1].latestRoundData();
        uint256[] memory words = pack(first, second);
        uint32 before = oracle.latestRound(1);
        vm.expectEmit(address(oracle));
        emit IPriceOracle.ConfirmationNeeded(1, slot, confirmableAt, words);
        vm.assertEq(uint256(oracle.takeSnapshot(1)), 0);
        vm.assertEq(uint256(oracle.latestRound(1)), before);
        expectWaiting(confirmableAt, words);
    }

    function refuseTooEarly(uint40 confirmableAt) private {
        refuseSnapshot(1, abi.encodeWithSelector(IPriceOracle.ConfirmationTooEarly.selector, confirmableAt));
    }

    function expectWaiting(uint40 confirmableAt, uint256[] memory words) private view {
        (uint40 givenTime, uint256[] memory givenWords) = oracle.unconfirmed(1);
        vm.assertEq(uint256(givenTime), confirmableAt);
        vm.assertEq(abi.encode(givenWords), abi.encode(words));
    }

    function expectNoneWait() private view {
        expectWaiting(0, new uint256[](0));
    }

    // --- the bound ---

    function test_movesUpToTheBound() public {
        prices(110e8 - 1, 240e8 - 1);
        take();
    }

    function test_movesOfExactlyTheBound() public {
        prices(110e8, 240e8);
        take();
    }

    function test_movesUpBeyondTheBoundWait() public {
        prices(110e8 + 1, 200e8);
        wait(0, NOON + 1 + DELAY);
    }

    /// 10 % of the smaller price: 100 falls to 90.9090… as 90.9090… rises to 100.
    function test_movesDownToTheBound() public {
        prices(9_090_909_091, 200e8);
        take();
    }

    function test_movesDownBeyondTheBoundWait() public {
        prices(9_090_909_090, 200e8);
        wait(0, NOON + 1 + DELAY);
    }

    function test_eachFeedHasItsOwnBound() public {
        prices(100e8, 240e8 + 1);
        wait(1, NOON + 1 + DELAY);
    }

    function test_theFirstSnapshotHasNoBound() public {
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.feeds[0].maxDeviationBps = 1;
        oracle.addFeedSet(set);
        prices(1, 2 ** 48 - 1);
        vm.assertEq(uint256(oracle.takeSnapshot(2)), 2);
    }

    /// Bounds are from one snapshot to the next, not from the first.
    function test_boundsFollowTheLastSnapshot() public {
        prices(110e8, 200e8);
        take();
        pricesAt(NOON + 2, 121e8, 200e8);
        take();
        pricesAt(NOON + 3, 100e8, 200e8);
        wait(0, NOON + 3 + DELAY);
    }

    function test_aSetsBoundsAreItsOwn() public {
        IPriceOracle.FeedSet memory set = oracle.feedSetOf(1);
        oracle.addFeedSet(set);
        prices(120e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.assertEq(uint256(oracle.takeSnapshot(2)), 2); // this set's first
        refuseTooEarly(NOON + 1 + DELAY);
    }

    // --- confirming ---

    function test_confirmedFromTheEndOfTheDelay() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.warp(NOON + DELAY);
        refuseTooEarly(NOON + 1 + DELAY);
        vm.warp(NOON + 1 + DELAY);
        take();
        vm.assertEq(priceAt(2, 0), 150e8);
    }

    function test_confirmedMuchLater() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        pricesAt(NOON + 30 days, 150e8, 200e8);
        take();
    }

    /// What is taken is the second reading, not the first.
    function test_confirmedByPricesWithinTheBoundOfThoseThatWait() public {
        prices(150e8, 300e8);
        wait(0, NOON + 1 + DELAY);
        pricesAt(NOON + 1 + DELAY, 165e8, 250e8);
        take();
        vm.assertEq(priceAt(2, 0), 165e8);
        vm.assertEq(priceAt(2, 1), 250e8);
    }

    function test_notConfirmedByPricesBeyondIt() public {
        prices(150e8, 300e8);
        wait(0, NOON + 1 + DELAY);
        pricesAt(NOON + 1 + DELAY, 165e8 + 1, 300e8);
        wait(0, NOON + 1 + 2 * DELAY);
        pricesAt(NOON + 1 + 2 * DELAY, 165e8 + 1, 250e8 - 1);
        wait(1, NOON + 1 + 3 * DELAY);
    }

    /// A second look is a reading like any other.
    function test_notConfirmedByStalePrices() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.warp(NOON + 2 + HEARTBEAT);
        bytes memory stale = abi.encodeWithSelector(IPriceOracle.AnswerStale.selector, 0, NOON + 1, HEARTBEAT);
        refuseSnapshot(1, stale);
        refresh();
        take();
    }

    function test_noDelayTakesTheNextCall() public {
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.confirmationDelay = 0;
        oracle.addFeedSet(set);
        oracle.takeSnapshot(2);
        vm.warp(NOON + 2);
        prices(150e8, 200e8);
        vm.assertEq(uint256(oracle.takeSnapshot(2)), 0);
        vm.assertEq(uint256(oracle.takeSnapshot(2)), 3);
    }

    function test_theLongestDelayFits() public {
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.confirmationDelay = type(uint32).max;
        oracle.addFeedSet(set);
        oracle.takeSnapshot(2);
        vm.warp(NOON + 2);
        prices(150e8, 200e8);
        oracle.takeSnapshot(2);
        (uint40 confirmableAt,) = oracle.unconfirmed(2);
        vm.assertEq(uint256(confirmableAt), uint256(NOON) + 2 + type(uint32).max);
    }

    /// Prices that waited count for one snapshot only.
    function test_confirmedOnce() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.warp(NOON + 1 + DELAY);
        take();
        pricesAt(NOON + 2 + DELAY, 100e8, 200e8);
        wait(0, NOON + 2 + 2 * DELAY);
        pricesAt(NOON + 2 + 2 * DELAY, 150e8, 200e8);
        take();
    }

    // --- going back ---

    /// At any time, a reading within bounds of the last snapshot is taken, and what waited is forgotten.
    function test_pricesThatGoBackAreTaken() public {
        uint40[3] memory times = [NOON + 2, NOON + DELAY, NOON + 1 + DELAY];
        for (uint256 i; i < 3; ++i) {
            uint40 day = uint40(i * 1 days);
            pricesAt(NOON + 1 + day, 150e8, 200e8);
            wait(0, NOON + 1 + day + DELAY);
            pricesAt(times[i] + day, 100e8, 200e8);
            take();
        }
        // the jump waits anew
        pricesAt(NOON + 10 days, 150e8, 200e8);
        wait(0, NOON + 10 days + DELAY);
    }

    /// The second slot goes back while the first stays where it jumped to: each is where it may be.
    function test_decidedPriceByPrice() public {
        prices(150e8, 300e8);
        wait(0, NOON + 1 + DELAY);
        pricesAt(NOON + 1 + DELAY, 150e8, 200e8);
        take();
    }

    // --- griefing ---

    /// Calls in the meantime, from whomever and whatever the feeds say, change neither the prices nor the time.
    function test_nobodyCanPostponeAConfirmation() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        int256[4] memory meanwhile = [int256(150e8), 180e8, 50e8, 165e8 + 1];
        for (uint256 i; i < 8; ++i) {
            pricesAt(NOON + 2 + i, meanwhile[i % 4], 200e8);
            vm.prank(address(uint160(i + 1)));
            refuseTooEarly(NOON + 1 + DELAY);
            expectWaiting(NOON + 1 + DELAY, pack(150e8, 200e8));
        }
        pricesAt(NOON + 1 + DELAY, 150e8, 200e8);
        take();
    }

    /// Nor by calling as soon as the time has come: while the prices are where they were, that call takes the snapshot.
    function test_aCallInTimeCanOnlyConfirm() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.warp(NOON + 1 + DELAY);
        vm.prank(address(1));
        take();
    }

    /// Once the time has come, only a price that is really elsewhere makes the set wait again.
    function test_replacedOnlyByPricesOutOfBoundsOfBoth() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        pricesAt(NOON + 1 + DELAY, 190e8, 200e8);
        wait(0, NOON + 1 + 2 * DELAY);
        pricesAt(NOON + 1 + 2 * DELAY, 150e8, 200e8); // what waited before is forgotten
        wait(0, NOON + 1 + 3 * DELAY);
    }
}
