// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Draws, returns, contributions, and what counts as idle.
contract ShareTokenFlowsTest is ShareTokenScene {
    function setUp() public virtual override {
        super.setUp();
        open(18, 1);
        enter(ADA, 1_000 * usd, 0);
    }

    function test_aDrawIsAFlowToCustody() public {
        draw(400 * USD_E6);
        vm.assertEq(asset.balanceOf(CUSTODY), 400 * usd);
        vm.assertEq(vault.idle(), 600 * usd);
        vm.assertEq(int256(hub.vaultState(vaultId).pendingFlow), 400e6);
        (uint256 bottom,) = vault.worth();
        vm.assertEq(bottom, 1_000 * usd);
        giveBack(100 * USD_E6);
        vm.assertEq(vault.idle(), 700 * usd);
        vm.assertEq(int256(hub.vaultState(vaultId).pendingFlow), 300e6);
        prove(300);
        (bottom,) = vault.worth();
        vm.assertEq(bottom, 1_000 * usd);
    }

    function test_onlyTheOperatorDrawsAndReturns() public {
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotOperator.selector, address(this)));
        vault.draw(1);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotOperator.selector, address(this)));
        vault.giveBack(1);
    }

    function test_aDrawLeavesPendingDepositsAndWhatIsSetAside() public {
        requestDeposit(BEN, 100 * usd);
        requestRedeem(ADA, 200 * one);
        settleAt(0);
        uint256 idle = vault.idle();
        vm.assertTrue(idle <= 900 * usd);
        requestDeposit(EVE, 100 * usd);
        uint56 tooMuch = uint56(idle / vault.unit() + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IShareToken.NotEnoughIdle.selector, uint256(tooMuch) * vault.unit(), idle)
        );
        vm.prank(OPERATOR);
        vault.draw(tooMuch);
        draw(tooMuch - 1);
    }

    function test_aDrawLeavesWhatMetRedemptionsAreOwed() public {
        draw(1_000 * USD_E6);
        requestRedeem(ADA, 500 * one);
        settleAt(1_000);
        vm.assertEq(vault.setAside(), 0); // nothing was idle
        giveBack(700 * USD_E6);
        vm.assertEq(vault.available(), 200 * usd);
        vm.expectRevert(
            abi.encodeWithSelector(IShareToken.NotEnoughIdle.selector, 200_000_001 * vault.unit(), 200 * usd)
        );
        vm.prank(OPERATOR);
        vault.draw(200_000_001);
        draw(200 * USD_E6);
    }

    function test_whatCanBeCancelledBlocksNoDraw() public {
        requestRedeem(ADA, 1_000 * one);
        vm.assertEq(vault.available(), 1_000 * usd);
        draw(1_000 * USD_E6);
    }

    function test_aPlainTransferCountsForNothing() public {
        asset.mint(address(vault), 500 * usd);
        (uint256 bottom,) = vault.worth();
        vm.assertEq(bottom, 1_000 * usd);
        vm.assertEq(vault.idle(), 1_000 * usd);
        vault.contribute(0);
        vm.assertEq(vault.idle(), 1_000 * usd);
        pass(15 days);
        vm.assertEq(vault.idle(), 1_250 * usd);
        pass(20 days);
        vm.assertEq(vault.idle(), 1_500 * usd);
        vm.expectRevert(IShareToken.ZeroAmount.selector);
        vault.contribute(0);
    }

    function test_aSmallContributionDoesNotPutALargeOneOff() public {
        give(EVE, 500 * usd);
        vm.prank(EVE);
        vault.contribute(300 * usd);
        for (uint256 i; i < 15; ++i) {
            pass(1 days);
            vm.prank(EVE);
            vault.contribute(1);
        }
        uint256 idle = vault.idle();
        vm.assertTrue(idle > 1_149 * usd && idle <= 1_150 * usd);
        pass(15 days + 100);
        vm.assertEq(vault.idle(), 1_300 * usd + 15);
        requireSolvent();
    }

    function test_whatIsContributedReachesTheHoldersAtAProof() public {
        give(EVE, 1_000 * usd);
        vm.prank(EVE);
        vault.contribute(1_000 * usd);
        for (uint256 i; i < 30; ++i) {
            pass(1 days - 10);
            prove(0);
        }
        pass(1 days - 10);
        requestRedeem(ADA, 500 * one);
        settleAt(0);
        uint256 paid = claimAssets(ADA);
        vm.assertTrue(paid <= 1_000 * usd && paid >= 1_000 * usd - 1e13); // the virtual shares have a part
        requireSolvent();
    }

    /// The vault moves to a new feed set, with feeds that answer the same.
    function changeFeeds() private {
        bytes32 old = feedSet;
        IRebalanceHub.Mandate memory m = termsNow();
        IPriceOracle.FeedSet memory set = setOf(SLOTS, SLOTS - 1);
        refresh();
        m.feedSet = add(set);
        vm.assertTrue(take() != 0);
        bytes32 mandate = hub.addMandate(m);
        feedSet = old;
        vm.prank(OPERATOR);
        uint40 from = hub.proposeMandate(vaultId, mandate);
        vm.warp(from);
        hub.activateMandate(vaultId, mandate);
        feedSet = m.feedSet;
    }

    /// The order's id counts rounds of the old set, and the new one had rounds before: they settle nothing.
    function test_anOrderDoesNotMeetRoundsOfANewSetFromBeforeIt() public {
        IRebalanceHub.Mandate memory m = termsNow();
        m.maxProofAge = 3 days;
        m.share.redemptionPeriod = 4 days;
        m.grace = 6 hours;
        use(newVault(hub.addMandate(m), CUSTODY));
        enter(ADA, 1_000 * usd, 0);
        draw(1_000 * USD_E6);
        prove(1_000);
        changeFeeds();
        vm.expectRevert(IShareToken.PriceUnknown.selector);
        vault.worth();
        takeRound();
        pass(ORDER_DELAY);
        uint256 id = requestDeposit(BEN, 50 * usd);
        vm.assertTrue(id > oracle.latestRound(feedSet));
        prove(1_000); // rounds of before the order are old enough, but not younger than it
        vm.assertEq(vault.pendingDepositRequest(id, BEN), 50 * usd);
        settleAt(1_000);
        vm.assertEq(vault.claimableDepositRequest(id, BEN), 50 * usd);
        (uint256 bottom,) = vault.worth();
        vm.assertEq(bottom, 1_050 * usd);
    }
}
