// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Requests and the proofs that settle them.
contract ShareTokenOrdersTest is ShareTokenScene {
    function setUp() public virtual override {
        super.setUp();
        open(6, 1);
    }

    function test_theEmptyProofSettlesTheFirstDeposits() public {
        uint256 id = requestDeposit(ADA, 100 * usd);
        vm.assertEq(vault.pendingDepositRequest(id, ADA), 100 * usd);
        vm.assertEq(vault.pendingDeposits(), 100 * usd);
        vm.assertEq(vault.idle(), 0);
        settleAt(0);
        vm.assertEq(vault.pendingDepositRequest(id, ADA), 0);
        vm.assertEq(vault.claimableDepositRequest(id, ADA), 100 * usd);
        vm.assertEq(vault.idle(), 100 * usd);
        vm.assertEq(claimShares(ADA), 100 * one);
        vm.assertEq(vault.balanceOf(ADA), 100 * one);
        vm.assertEq(vault.maxDeposit(ADA), 0);
        draw(60 * USD_E6);
        prove(60);
        vm.assertEq(vault.idle(), 40 * usd);
        requireSolvent();
    }

    function test_anOrderWaitsForAYoungerRoundAndTheDelay() public {
        uint32 before = oracle.latestRound(feedSet);
        uint256 id = requestDeposit(ADA, 100 * usd);
        vm.assertEq(id, before + 1);
        prove(0); // its round is younger, but not by the delay
        vm.assertEq(vault.pendingDepositRequest(id, ADA), 100 * usd);
        pass(ORDER_DELAY - 2);
        prove(0); // a second too early
        vm.assertEq(vault.pendingDepositRequest(id, ADA), 100 * usd);
        prove(0);
        vm.assertEq(vault.claimableDepositRequest(id, ADA), 100 * usd);
    }

    function test_ordersOfOneRoundShareAnId() public {
        uint256 first = requestDeposit(ADA, 100 * usd);
        vm.assertEq(requestDeposit(BEN, 50 * usd), first);
        uint32 round = takeRound();
        vm.assertEq(round, first);
        vm.assertEq(requestDeposit(BEN, 50 * usd), first + 1);
        settleAt(0);
        vm.assertEq(claimShares(BEN), 100 * one);
        vm.assertEq(claimShares(ADA), 100 * one);
    }

    function test_depositsBuyAtTheTopAndRedemptionsGetTheBottom() public {
        enter(ADA, 1_000 * usd, 0);
        draw(1_000 * USD_E6);
        requestDeposit(BEN, 1_000 * usd);
        requestRedeem(ADA, 500 * one);
        settleAt(1_100); // from 1,100 to 1,101 dollars
        uint256 bought = claimShares(BEN);
        vm.assertEq(bought, 1_000 * usd * (1_000 * one + 1e6) / (1_101 * usd + 1));
        uint256 paid = claimAssets(ADA);
        vm.assertEq(paid, 500 * one * (1_100 * usd + 1) / (1_000 * one + 1e6));
        vm.assertEq(vault.idle(), 1_000 * usd - paid);
        requireSolvent();
    }

    function test_redemptionsArePaidAsFarAsIdleAssetsReach() public {
        enter(ADA, 600 * usd, 0);
        enter(BEN, 400 * usd, 0);
        draw(900 * USD_E6);
        uint256 first = requestRedeem(ADA, 60 * one);
        vm.assertEq(requestRedeem(BEN, 120 * one), first);
        settleAt(900);
        // 100 of the 180 dollars, in equal parts.
        vm.assertEq(vault.setAside(), 100 * usd);
        (uint256 waiting, uint256 owed, uint40 oldest) = vault.exits();
        vm.assertEq(waiting, owed);
        vm.assertTrue(oldest != 0);
        vm.assertEq(claimAssets(ADA), 33_333_333);
        vm.assertEq(claimAssets(BEN), 66_666_666);
        vm.assertEq(vault.claimableRedeemRequest(first, ADA), 0);
        uint256 left = vault.pendingRedeemRequest(first, ADA);
        vm.assertTrue(left > 26 * one && left < 27 * one);

        giveBack(100 * USD_E6);
        settleAt(800);
        vm.assertEq(claimAssets(ADA), 26_666_666);
        claimAssets(BEN);
        (waiting, owed, oldest) = vault.exits();
        vm.assertEq(waiting + owed + oldest, 0);
        vm.assertLe(vault.setAside(), 3);
        requireSolvent();
    }

    function test_firstComeFirstServed() public {
        enter(ADA, 500 * usd, 0);
        enter(BEN, 500 * usd, 0);
        draw(900 * USD_E6);
        uint256 first = requestRedeem(ADA, 80 * one);
        takeRound();
        uint256 second = requestRedeem(BEN, 80 * one);
        settleAt(900);
        vm.assertEq(vault.claimableRedeemRequest(first, ADA), 80 * one);
        uint256 paid = vault.claimableRedeemRequest(second, BEN);
        vm.assertTrue(paid > 19 * one && paid <= 20 * one + 1e6);
    }

    function test_settledDepositsPayRedemptionsOfTheSameProof() public {
        enter(ADA, 1_000 * usd, 0);
        draw(1_000 * USD_E6);
        requestDeposit(BEN, 300 * usd);
        requestRedeem(ADA, 300 * one);
        settleAt(1_000);
        vm.assertTrue(claimAssets(ADA) > 299 * usd);
        claimShares(BEN);
        requireSolvent();
    }

    function test_everyProofSettlesOnce() public {
        requestDeposit(ADA, 100 * usd);
        settleAt(0);
        (,,, uint32 sequence) = vault.settledPrice();
        vm.assertEq(sequence, 1);
        requestDeposit(BEN, 100 * usd);
        takeRound();
        pass(ORDER_DELAY);
        vault.settle();
        vm.assertEq(vault.maxDeposit(BEN), 0);
        vm.assertEq(vault.pendingDeposits(), 100 * usd);
    }

    function test_theHubCallsOnlyWhileOrdersWait() public {
        vm.assertFalse(hub.vaultState(vaultId).ordersWait);
        uint256 id = requestDeposit(ADA, 100 * usd);
        vm.assertTrue(hub.vaultState(vaultId).ordersWait);
        cancelDeposit(ADA, id);
        vm.assertFalse(hub.vaultState(vaultId).ordersWait);
        enter(ADA, 100 * usd, 0);
        vm.assertFalse(hub.vaultState(vaultId).ordersWait);
        prove(0);
        (,,, uint32 sequence) = vault.settledPrice();
        vm.assertEq(sequence, 1);
    }

    function test_cancelledInTwoSteps() public {
        uint256 id = requestDeposit(ADA, 100 * usd);
        requestDeposit(BEN, 100 * usd);
        cancelDeposit(ADA, id);
        takeRound();
        requestDeposit(BEN, 50 * usd); // a later group
        vm.assertEq(vault.claimableCancelDepositRequest(id, ADA), 100 * usd);
        vm.assertEq(vault.setAside(), 100 * usd);
        settleAt(0);
        vm.assertEq(claimShares(BEN), 150 * one);
        takeBackAssets(ADA, id);
        vm.assertEq(asset.balanceOf(ADA), 100 * usd);

        uint256 out = requestRedeem(BEN, 100 * one);
        cancelRedeem(BEN, out);
        vm.assertEq(vault.balanceOf(BEN), 50 * one);
        takeBackShares(BEN, out);
        vm.assertEq(vault.balanceOf(BEN), 150 * one);
        requireSolvent();
    }

    /// From its round on, a round that prices it may be near: whoever could cancel would look first.
    function test_anOrderIsCommittedFromItsRoundOn() public {
        enter(BEN, 1_000 * usd, 0);
        uint256 id = requestDeposit(ADA, 100 * usd);
        uint256 out = requestRedeem(BEN, 100 * one);
        draw(950 * USD_E6); // what can be cancelled holds up no draw
        giveBack(950 * USD_E6);
        takeRound();
        vm.expectRevert(abi.encodeWithSelector(IShareToken.OrderCommitted.selector, id));
        cancelDeposit(ADA, id);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.OrderCommitted.selector, out));
        cancelRedeem(BEN, out);
        (uint256 waiting, uint256 owed,) = vault.exits();
        vm.assertEq(owed, waiting);
        vm.assertEq(vault.available(), 900 * usd);
    }

    function test_whatAStaleVaultWillReturnCanBeCancelled() public {
        uint256 id = requestDeposit(ADA, 100 * usd);
        takeRound();
        makeStale();
        cancelDeposit(ADA, id);
        takeBackAssets(ADA, id);
        vm.assertEq(asset.balanceOf(ADA), 100 * usd);
    }

    function test_whatASettlementHasMetIsNotCancelled() public {
        uint256 id = requestDeposit(ADA, 1_000 * usd);
        settleAt(0);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NothingToCancel.selector, id));
        cancelDeposit(ADA, id);
        claimShares(ADA);
        draw(1_000 * USD_E6);
        id = requestRedeem(ADA, 100 * one);
        settleAt(1_000);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NothingToCancel.selector, id));
        cancelRedeem(ADA, id);
    }

    function test_transferMovesWhatIsPending() public {
        enter(ADA, 1_000 * usd, 0);
        draw(900 * USD_E6);
        uint256 id = requestRedeem(ADA, 200 * one);
        settleAt(900); // half of it
        uint256 pending = vault.pendingRedeemRequest(id, ADA);
        uint256 claimable = vault.claimableRedeemRequest(id, ADA);
        vm.prank(ADA);
        vault.transferRedeemRequest(id, ADA, BEN);
        vm.assertEq(vault.pendingRedeemRequest(id, ADA), 0);
        vm.assertEq(vault.claimableRedeemRequest(id, ADA), claimable);
        vm.assertEq(vault.pendingRedeemRequest(id, BEN), pending);
        giveBack(900 * USD_E6);
        settleAt(0);
        vm.assertEq(claimAssets(ADA), 100 * usd);
        vm.assertTrue(claimAssets(BEN) >= 100 * usd - 2);
        requireSolvent();
    }

    function test_claimsById() public {
        uint256 first = requestDeposit(ADA, 100 * usd);
        takeRound();
        uint256 second = requestDeposit(ADA, 200 * usd);
        settleAt(0);
        vm.prank(ADA);
        vm.assertEq(vault.deposit(second, 150 * usd, BEN, ADA), 150 * one);
        vm.assertEq(vault.claimableDepositRequest(second, ADA), 50 * usd);
        vm.prank(ADA);
        vm.assertEq(vault.mint(first, 100 * one, BEN, ADA), 100 * usd);
        vm.prank(ADA);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.MoreThanClaimable.selector, 51 * usd, 50 * usd));
        vault.deposit(second, 51 * usd, ADA, ADA);
        vm.assertEq(vault.balanceOf(BEN), 250 * one);
    }

    function test_terms() public {
        vm.expectRevert(abi.encodeWithSelector(IShareToken.OrderTooSmall.selector, usd - 1, usd));
        this.tryDeposit(usd - 1);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.CapExceeded.selector, CAP_E6 + 1, CAP_E6));
        this.tryDeposit(CAP_E6 + 1);
        enter(ADA, 10 * usd, 0);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.OrderTooSmall.selector, usd - 1, usd));
        this.tryRedeem(one - 1);
        vm.prank(ADA);
        vm.assertTrue(vault.transfer(BEN, one / 2));
        requestRedeem(BEN, one / 2); // all that BEN has
    }

    function tryDeposit(uint256 assets) external {
        requestDeposit(ADA, assets);
    }

    function tryRedeem(uint256 shares) external {
        requestRedeem(ADA, shares);
    }
}
