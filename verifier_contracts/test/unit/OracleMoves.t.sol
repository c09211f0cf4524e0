// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";

/// Prices that move beyond their bound of the anchor wait for a second look: OR-11, OR-13, OR-14, OR-16, OR-17. Slot 0 starts at 100 dollars, slot 1
/// at 200; their bounds are 10 % and 20 % of the smaller price.
contract OracleMovesTest is OracleScene {
    function setUp() public override {
        super.setUp();
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.feeds[1].maxDeviationBps = 2_000;
        add(set);
        prices(100e8, 200e8);
        vm.assertEq(uint256(oracle.takeSnapshot(feedSet)), 1);
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
    function takeNow() private {
        uint32 before = oracle.latestRound(feedSet);
        vm.assertEq(uint256(take()), before + 1);
        expectNoneWait();
    }

    /// The prices wait, until `confirmableAt`, because of this slot.
    function wait(uint256 slot, uint40 confirmableAt) private {
        (, int256 first,,,) = feeds[0].latestRoundData();
        (, int256 second,,,) = feeds[1].latestRoundData();
        uint256[] memory words = pack(first, second);
        uint32 before = oracle.latestRound(feedSet);
        vm.expectEmit(address(oracle));
        emit IPriceOracle.ConfirmationNeeded(feedSet, slot, confirmableAt, words);
        vm.assertEq(uint256(take()), 0);
        vm.assertEq(uint256(oracle.latestRound(feedSet)), before);
        expectWaiting(confirmableAt, words);
    }

    function refuseTooEarly(uint40 confirmableAt) private {
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.ConfirmationTooEarly.selector, confirmableAt));
    }

    function expectWaiting(uint40 confirmableAt, uint256[] memory words) private view {
        (uint40 givenTime, uint256[] memory givenWords) = oracle.unconfirmed(feedSet);
        vm.assertEq(uint256(givenTime), confirmableAt);
        vm.assertEq(abi.encode(givenWords), abi.encode(words));
    }

    function expectNoneWait() private view {
        expectWaiting(0, new uint256[](0));
    }

    // --- the bound ---

    function test_movesUpToTheBound() public {
        prices(110e8 - 1, 240e8 - 1);
        takeNow();
    }

    function test_movesOfExactlyTheBound() public {
        prices(110e8, 240e8);
        takeNow();
    }

    function test_movesUpBeyondTheBoundWait() public {
        prices(110e8 + 1, 200e8);
        wait(0, NOON + 1 + DELAY);
    }

    /// 10 % of the smaller price: 100 falls to 90.9090… as 90.9090… rises to 100.
    function test_movesDownToTheBound() public {
        prices(9_090_909_091, 200e8);
        takeNow();
    }

    function test_movesDownBeyondTheBoundWait() public {
        prices(9_090_909_090, 200e8);
        wait(0, NOON + 1 + DELAY);
    }

    function test_eachFeedHasItsOwnBound() public {
        prices(100e8, 240e8 + 1);
        wait(1, NOON + 1 + DELAY);
    }

    /// However many snapshots are taken, until the period is over their prices lie around the same anchor.
    function test_aFeedIsNotWalkedAway() public {
        prices(110e8, 200e8);
        takeNow();
        for (uint256 i = 2; i < 27; ++i) {
            pricesAt(NOON + i, 110e8, 200e8);
            takeNow();
        }
        pricesAt(NOON + 27, 121e8, 200e8);
        wait(0, NOON + 27 + DELAY);
        pricesAt(NOON + 28, 9_090_909_091, 200e8);
        takeNow();
        expectAnchor(1, NOON);
    }

    function expectAnchor(uint32 round, uint40 timestamp) private view {
        (uint32 givenRound, uint40 givenTimestamp) = oracle.anchor(feedSet);
        vm.assertEq(uint256(givenRound), round);
        vm.assertEq(uint256(givenTimestamp), timestamp);
    }

    function test_theAnchorMovesOnceAPeriodIsOver() public {
        pricesAt(NOON + PERIOD - 1, 110e8, 200e8);
        takeNow();
        expectAnchor(1, NOON);
        pricesAt(NOON + PERIOD, 110e8, 200e8);
        takeNow();
        expectAnchor(3, NOON + PERIOD);
        pricesAt(NOON + PERIOD + 1, 121e8, 200e8);
        takeNow();
        expectAnchor(3, NOON + PERIOD);
        pricesAt(NOON + 2 * PERIOD, 121e8, 200e8);
        takeNow();
        expectAnchor(5, NOON + 2 * PERIOD);
    }

    /// Nor does a set that nobody looked at for long take any price.
    function test_anOldAnchorBoundsAsANewOne() public {
        pricesAt(NOON + 100 * PERIOD, 110e8 + 1, 200e8);
        wait(0, NOON + 100 * PERIOD + DELAY);
        pricesAt(NOON + 100 * PERIOD + 1, 110e8, 200e8);
        takeNow();
    }

    function test_aConfirmedRoundIsTheAnchor() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.warp(NOON + 1 + DELAY);
        takeNow();
        expectAnchor(2, NOON + 1 + DELAY);
        pricesAt(NOON + 2 + DELAY, 165e8, 240e8);
        takeNow();
        expectAnchor(2, NOON + 1 + DELAY);
    }

    function test_aSetsBoundsAreItsOwn() public {
        bytes32 other = feedSet;
        (IPriceOracle.FeedSet memory set,) = oracle.feedSetOf(feedSet);
        set.confirmationDelay = DELAY + 1;
        add(set);
        prices(120e8, 200e8);
        vm.assertEq(uint256(take()), 2); // this set's first
        feedSet = other;
        wait(0, NOON + 1 + DELAY);
        refuseTooEarly(NOON + 1 + DELAY);
    }

    // --- the first round ---

    function addAnother() private {
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.feeds[0].maxDeviationBps = 1;
        add(set);
        expectAnchor(0, 0);
    }

    function test_theFirstRoundSoonAfterTheAddingHasNoBound() public {
        addAnother();
        vm.warp(NOON + 1 + WINDOW);
        prices(1, 2 ** 48 - 1);
        vm.assertEq(uint256(take()), 2);
        expectAnchor(2, NOON + 1 + WINDOW);
    }

    /// A feed's glitch at the right moment is no first price of a set that was proposed long ago.
    function test_aLaterFirstRoundNeedsAConfirmation() public {
        addAnother();
        pricesAt(NOON + 2 + WINDOW, 50e8, 200e8);
        wait(0, NOON + 2 + WINDOW + DELAY);
        pricesAt(NOON + 2 + WINDOW + DELAY, 100e8, 200e8); // the glitch is over
        wait(0, NOON + 2 + WINDOW + 2 * DELAY);
        vm.warp(NOON + 2 + WINDOW + 2 * DELAY);
        vm.assertEq(uint256(take()), 2);
        expectAnchor(2, NOON + 2 + WINDOW + 2 * DELAY);
    }

    /// Who adds the set again opens no second window.
    function test_addingAgainOpensNoWindow() public {
        addAnother();
        vm.warp(NOON + 2 + WINDOW);
        (IPriceOracle.FeedSet memory set,) = oracle.feedSetOf(feedSet);
        oracle.addFeedSet(set);
        wait(0, NOON + 2 + WINDOW + DELAY);
    }

    // --- confirming ---

    function test_confirmedFromTheEndOfTheDelay() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.warp(NOON + DELAY);
        refuseTooEarly(NOON + 1 + DELAY);
        vm.warp(NOON + 1 + DELAY);
        takeNow();
        vm.assertEq(priceAt(2, 0), 150e8);
    }

    function test_confirmedUntilAsLongAgainHasPassed() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        pricesAt(NOON + 1 + 2 * DELAY, 150e8, 200e8);
        takeNow();
    }

    /// A price of long ago confirms no glitch of now: it has lapsed, and the glitch waits as a first one.
    function test_lapsedPricesConfirmNothing() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        uint40[2] memory late = [NOON + 2 + 2 * DELAY, NOON + 7 days];
        for (uint256 i; i < 2; ++i) {
            pricesAt(late[i], 150e8, 200e8);
            expectWaiting(i == 0 ? NOON + 1 + DELAY : late[0] + DELAY, new uint256[](0));
            wait(0, late[i] + DELAY);
        }
    }

    /// What is taken is the second reading, not the first.
    function test_confirmedByPricesWithinTheBoundOfThoseThatWait() public {
        prices(150e8, 300e8);
        wait(0, NOON + 1 + DELAY);
        pricesAt(NOON + 1 + DELAY, 165e8, 250e8);
        takeNow();
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
        vm.warp(NOON + 61);
        wait(0, NOON + 61 + DELAY);
        vm.warp(NOON + 2 + HEARTBEAT);
        bytes memory stale = abi.encodeWithSelector(IPriceOracle.AnswerStale.selector, 0, NOON + 1, HEARTBEAT);
        refuseSnapshot(stale);
        refresh();
        takeNow();
    }

    /// A confirmation in the transaction that asks for it, or soon after: the delay has a least length.
    function test_theShortestDelayIsFiveMinutes() public {
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.confirmationDelay = 5 minutes;
        add(set);
        take();
        pricesAt(NOON + 2, 150e8, 200e8);
        wait(0, NOON + 2 + 5 minutes);
        refuseTooEarly(NOON + 2 + 5 minutes);
        vm.warp(NOON + 1 + 5 minutes);
        refuseTooEarly(NOON + 2 + 5 minutes);
    }

    /// Prices that waited count for one snapshot only.
    function test_confirmedOnce() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.warp(NOON + 1 + DELAY);
        takeNow();
        pricesAt(NOON + 2 + DELAY, 100e8, 200e8);
        wait(0, NOON + 2 + 2 * DELAY);
        pricesAt(NOON + 2 + 2 * DELAY, 150e8, 200e8);
        takeNow();
    }

    // --- going back ---

    /// At any time, a reading within bounds of the anchor is taken, and what waited is forgotten.
    function test_pricesThatGoBackAreTaken() public {
        uint40[3] memory times = [NOON + 2, NOON + DELAY, NOON + 1 + DELAY];
        for (uint256 i; i < 3; ++i) {
            uint40 day = uint40(i * 1 days);
            pricesAt(NOON + 1 + day, 150e8, 200e8);
            wait(0, NOON + 1 + day + DELAY);
            pricesAt(times[i] + day, 100e8, 200e8);
            takeNow();
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
        takeNow();
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
        takeNow();
    }

    /// Nor by calling as soon as the time has come: while the prices are where they were, that call takes the snapshot.
    function test_aCallInTimeCanOnlyConfirm() public {
        prices(150e8, 200e8);
        wait(0, NOON + 1 + DELAY);
        vm.warp(NOON + 1 + DELAY);
        vm.prank(address(1));
        takeNow();
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
