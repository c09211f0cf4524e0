// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
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
        vm.assertEq(vault.available(), 200 * usd - 1); // rounded for them
        vm.expectRevert();
        vm.prank(OPERATOR);
        vault.draw(200 * USD_E6);
        draw(199 * USD_E6);
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

    function test_afterAChangeOfFeedsWhatIsOwedHasNoPrice() public {
        draw(1_000 * USD_E6);
        requestRedeem(ADA, 500 * one);
        settleAt(1_000);
        giveBack(100 * USD_E6);
        IRebalanceHub.Mandate memory m = termsNow();
        bytes32 old = m.feedSet;
        m.feedSet = add(setOf(SLOTS, SLOTS - 1));
        take();
        bytes32 mandate = hub.addMandate(m);
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, mandate);
        pass(LOOSENING_DELAY + 1);
        feedSet = old;
        vm.expectRevert();
        hub.activateMandate(vaultId, mandate); // redemptions first
    }
}
