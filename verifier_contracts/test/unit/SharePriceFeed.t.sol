// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SharePriceFeed} from "../../src/SharePriceFeed.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IQuoteOracle} from "../../src/interfaces/IQuoteOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Properties SF-1 to SF-4: what lenders are told of a share.
contract SharePriceFeedTest is ShareTokenScene {
    address private constant USD = address(840);

    SharePriceFeed private feed;

    function setUp() public override {
        super.setUp();
        open(18, 100);
        feed = new SharePriceFeed(vault);
        enter(ADA, 1_000_000 * usd, 0);
    }

    function price() private view returns (int256 answer) {
        (, answer,,,) = feed.latestRoundData();
    }

    function refused(bytes memory why) private {
        vm.expectRevert(why);
        feed.latestRoundData();
        for (uint256 i; i < 2; ++i) {
            address quote = i == 0 ? USD : address(asset);
            vm.expectRevert(abi.encodeWithSelector(IQuoteOracle.OracleUntrustedData.selector, address(vault), quote));
            feed.getQuote(one, address(vault), quote);
        }
    }

    /// From `most`, what rounding for those who stay takes off.
    function near(int256 answer, int256 most) private pure {
        vm.assertTrue(most - 3 <= answer && answer <= most);
    }

    // --- SF-1: the price is the floor of the last proof's, in USD ---

    function test_answer_isTheSettledPriceInUsd() public view {
        (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound) =
            feed.latestRoundData();
        IRebalanceHub.VaultState memory state = hub.vaultState(vaultId);
        vm.assertEq(roundId, state.sequence);
        vm.assertEq(answeredInRound, roundId);
        vm.assertEq(startedAt, updatedAt);
        vm.assertEq(updatedAt, state.snapshotTimestamp);
        // One asset buys one share at first, and costs a dollar.
        near(answer, 1e8);
        vm.assertEq(feed.decimals(), 8);
        vm.assertEq(bytes(feed.description()), bytes("dlsETH / USD"));
        vm.assertEq(feed.version(), 1);
    }

    function test_answer_followsTheBottomOfTheNavStep() public {
        draw(500_000 * USD_E6);
        // The book: from 509,900 to 510,000 dollars.
        prove(5_099);
        vault.settle();
        near(price(), 1.0099e8);
        vm.assertTrue(price() <= 1.0099e8);
    }

    function test_getRoundData_isTheLastRoundOnly() public {
        (uint80 roundId,,,,) = feed.latestRoundData();
        (uint80 same, int256 answer,,,) = feed.getRoundData(roundId);
        vm.assertEq(same, roundId);
        vm.assertEq(answer, price());
        vm.expectRevert(abi.encodeWithSelector(SharePriceFeed.UnknownRound.selector, roundId - 1));
        feed.getRoundData(roundId - 1);
    }

    function test_getQuote_ofSharesInTheAssetAndInUsd() public view {
        vm.assertEq(feed.getQuote(3 * one, address(vault), address(asset)), vault.convertToAssets(3 * one));
        near(int256(feed.getQuote(3 * one, address(vault), USD)), 3e8);
        vm.assertEq(feed.getQuote(0, address(vault), USD), 0);
    }

    function test_getQuote_knowsNoOtherPair() public {
        vm.expectRevert(abi.encodeWithSelector(IQuoteOracle.OracleUnsupportedPair.selector, address(asset), USD));
        feed.getQuote(1, address(asset), USD);
        vm.expectRevert(
            abi.encodeWithSelector(IQuoteOracle.OracleUnsupportedPair.selector, address(vault), address(978))
        );
        feed.getQuote(1, address(vault), address(978));
    }

    // --- SF-2: never a par price ---

    function test_withoutAProof_thereIsNoPrice() public {
        open(18, 100);
        feed = new SharePriceFeed(vault);
        refused(abi.encodeWithSelector(SharePriceFeed.NotSettled.selector, 0, 0));
    }

    // --- SF-3: never an old price ---

    function test_ofAProofThatIsNotSettled_thereIsNoPrice() public {
        draw(500_000 * USD_E6);
        prove(5_099);
        uint32 sequence = hub.vaultState(vaultId).sequence;
        refused(abi.encodeWithSelector(SharePriceFeed.NotSettled.selector, sequence - 1, sequence));
        vault.settle();
        vm.assertTrue(price() > 1.0098e8);
    }

    function test_whileStale_thereIsNoPrice() public {
        makeStale();
        refused(abi.encodeWithSelector(SharePriceFeed.VaultNotActive.selector, IRebalanceHub.Status.Stale));
    }

    function test_whilePaused_thereIsNoPrice() public {
        pause();
        refused(abi.encodeWithSelector(SharePriceFeed.VaultNotActive.selector, IRebalanceHub.Status.Paused));
    }

    // --- SF-4: no price that is known to be wrong ---

    function test_inWindDown_thereIsNoPrice() public {
        windDown();
        refused(abi.encodeWithSelector(SharePriceFeed.VaultNotActive.selector, IRebalanceHub.Status.WindDown));
    }

    /// Even if the new feed set has a round of the second of the last proof's: no proof stands at its prices.
    function test_afterAChangeOfFeeds_thereIsNoPrice() public {
        IRebalanceHub.Mandate memory m = termsNow();
        (IPriceOracle.FeedSet memory set,) = oracle.feedSetOf(feedSet);
        set.deviationPeriod += 1;
        m.feedSet = oracle.addFeedSet(set);
        oracle.takeSnapshot(m.feedSet);
        bytes32 next = hub.addMandate(m);
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, next);
        for (uint256 i; i < 3; ++i) {
            prove(5_099);
            pass(LOOSENING_DELAY / 3);
        }
        prove(5_099);
        vault.settle();
        vm.assertTrue(price() != 0);
        vm.assertTrue(oracle.takeSnapshot(m.feedSet) != 0);
        hub.activateMandate(vaultId, next);
        refused(abi.encodeWithSelector(SharePriceFeed.PriceUnknown.selector));
    }

    function test_whileAWriteDownIsAnnounced_thereIsNoPrice() public {
        draw(500_000 * USD_E6);
        prove(5_000);
        vault.settle();
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, 100);
        refused(abi.encodeWithSelector(SharePriceFeed.WriteDownOpen.selector));
        prove(4_900, 100);
        vault.settle();
        near(price(), 0.99e8);
    }
}
