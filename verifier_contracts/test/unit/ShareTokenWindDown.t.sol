// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Wind-down, and redemptions that wait too long.
contract ShareTokenWindDownTest is ShareTokenScene {
    function setUp() public virtual override {
        super.setUp();
        open(6, 1);
        enter(ADA, 600 * usd, 0);
        enter(BEN, 400 * usd, 0);
        draw(900 * USD_E6);
        prove(900);
    }

    function test_aRedemptionTakesItsPartOfTheIdleAssetsAtOnce() public {
        windDown();
        uint256 id = requestRedeem(ADA, 600 * one);
        vm.assertEq(vault.claimableRedeemRequest(id, ADA), 600 * one);
        vm.assertEq(vault.pendingRedeemRequest(id, ADA), 0);
        vm.assertEq(vault.maxRedeem(ADA), 600 * one);
        vm.assertEq(claimAssets(ADA), 60 * usd);
        giveBack(900 * USD_E6);
        requestRedeem(BEN, 400 * one);
        vm.assertEq(claimAssets(BEN), 940 * usd);
        vm.assertEq(vault.totalSupply(), 0);
        vm.assertEq(vault.idle() + vault.setAside(), 0);
    }

    function test_eachRedemptionHasAnIdOfItsOwn() public {
        windDown();
        uint256 first = requestRedeem(ADA, 100 * one);
        uint256 second = requestRedeem(ADA, 100 * one);
        vm.assertTrue(first != second);
        vm.prank(ADA);
        vm.assertEq(vault.withdraw(second, 5 * usd, ADA, ADA), 50 * one);
        vm.assertEq(vault.claimableRedeemRequest(second, ADA), 50 * one);
        vm.assertEq(claimAssets(ADA), 15 * usd);
        vm.assertEq(vault.setAside(), 0);
    }

    function test_whateverWaitsIsCancelled() public {
        uint256 in_ = requestDeposit(EVE, 50 * usd);
        uint256 met = requestRedeem(ADA, 300 * one);
        settleAt(900); // a third or so
        uint256 claimable = vault.claimableRedeemRequest(met, ADA);
        uint256 pending = vault.pendingRedeemRequest(met, ADA);
        vm.assertTrue(claimable != 0 && pending != 0);
        uint256 late = requestRedeem(BEN, 400 * one);
        uint256 deposited = requestDeposit(EVE, 60 * usd);
        windDown();
        cancelRedeem(ADA, met);
        takeBackShares(ADA, met);
        vm.assertEq(vault.balanceOf(ADA), 300 * one + pending);
        vm.assertEq(vault.claimableRedeemRequest(met, ADA), claimable);
        claimAssets(ADA);
        cancelRedeem(BEN, late);
        takeBackShares(BEN, late);
        cancelDeposit(EVE, deposited);
        takeBackAssets(EVE, deposited);
        vm.assertEq(asset.balanceOf(EVE), 60 * usd);
        vm.assertTrue(vault.claimableDepositRequest(in_, EVE) != 0);
        claimShares(EVE);
        (uint256 waiting,,) = vault.exits();
        vm.assertEq(waiting, 0);
        vm.assertEq(vault.pendingDeposits(), 0);
        requireSolvent();
    }

    /// The queue stands still in wind-down, so what is cancelled stays in its sums.
    function test_afterACancelTheRestIsShown() public {
        requestRedeem(ADA, 300 * one);
        uint256 id = requestRedeem(BEN, 400 * one);
        windDown();
        cancelRedeem(BEN, id);
        (uint256 waiting, uint256 owed,) = vault.exits();
        vm.assertEq(waiting, 300 * one);
        vm.assertEq(owed, 0);
        vm.assertEq(vault.available(), vault.idle());
    }

    function test_noDepositsAndNoPayoutForNothing() public {
        windDown();
        give(EVE, 50 * usd);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.WrongStatus.selector, IRebalanceHub.Status.WindDown));
        vault.requestDeposit(50 * usd, EVE, EVE);
        vm.prank(ADA);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.OrderTooSmall.selector, 0, usd));
        vault.requestRedeem(1, ADA, ADA);
        vm.prank(ADA);
        vm.assertTrue(vault.transfer(EVE, 1));
        vm.prank(EVE);
        vm.expectRevert(IShareToken.ZeroAmount.selector);
        vault.requestRedeem(1, EVE, EVE);
    }

    function test_overdueRedemptionsStopDepositsAndDraws() public {
        requestRedeem(ADA, 600 * one);
        settleAt(900);
        (,, uint40 oldest) = vault.exits();
        vm.assertTrue(oldest != 0);
        while (vm.getBlockTimestamp() <= uint256(oldest) + REDEMPTION_PERIOD) {
            pass(MAX_PROOF_AGE - 10);
            prove(900);
        }
        give(EVE, 50 * usd);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.RedemptionsOverdue.selector, oldest));
        vault.requestDeposit(50 * usd, EVE, EVE);
        vm.prank(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.RedemptionsOverdue.selector, oldest));
        vault.draw(1);
        vm.expectRevert(IShareToken.RedemptionsNotOverdue.selector);
        vault.windDown();
        while (vm.getBlockTimestamp() <= uint256(oldest) + 2 * REDEMPTION_PERIOD) {
            vm.expectRevert(IShareToken.RedemptionsNotOverdue.selector);
            vault.windDown();
            pass(MAX_PROOF_AGE - 10);
            prove(900);
        }
        vault.windDown();
        vm.assertTrue(hub.status(vaultId) == IRebalanceHub.Status.WindDown);
    }

    /// The shortest period that a mandate may have, the longest delay, and the largest gaps that a vault may have between its
    /// rounds and proofs: an operator who pays is never wound down, and in time if somebody takes the order's round at once.
    function test_nobodyWindsDownAnOperatorWhoProvesInTime() public {
        IRebalanceHub.Mandate memory m = termsNow();
        (m.share.orderDelay, m.share.redemptionPeriod) = (MAX_PROOF_AGE, 2 * MAX_PROOF_AGE);
        use(newVault(hub.addMandate(m), CUSTODY));
        requestDeposit(ADA, 600 * usd);
        for (uint256 i; i < 3; ++i) {
            prove(0);
            pass(MAX_PROOF_AGE - 1);
        }
        claimShares(ADA);
        uint256 id = requestRedeem(ADA, 600 * one);
        uint256 asked = vm.getBlockTimestamp();
        while (vault.claimableRedeemRequest(id, ADA) == 0) {
            pass(MAX_PROOF_AGE - 2);
            vm.expectRevert(IShareToken.RedemptionsNotOverdue.selector);
            vault.windDown();
            prove(0);
        }
        vm.assertTrue(vm.getBlockTimestamp() > asked + 2 * MAX_PROOF_AGE); // the bound of before
    }

    function test_paidRedemptionsAreNotOverdue() public {
        requestRedeem(ADA, 600 * one);
        settleAt(900);
        giveBack(600 * USD_E6);
        prove(300);
        (uint256 waiting,, uint40 oldest) = vault.exits();
        vm.assertEq(waiting, 0);
        vm.assertEq(oldest, 0);
        vm.expectRevert(IShareToken.RedemptionsNotOverdue.selector);
        vault.windDown();
    }

    function test_exitsServedBefore() public {
        uint40 asked = uint40(vm.getBlockTimestamp());
        vm.assertTrue(vault.exitsServedBefore(asked + 1));
        uint256 id = requestRedeem(ADA, 50 * one);
        vm.assertTrue(vault.exitsServedBefore(asked));
        vm.assertFalse(vault.exitsServedBefore(asked + 1));
        cancelRedeem(ADA, id);
        vm.assertTrue(vault.exitsServedBefore(asked + 1));
        requestRedeem(ADA, 50 * one);
        settleAt(900);
        vm.assertTrue(vault.exitsServedBefore(asked + 1));
    }
}
