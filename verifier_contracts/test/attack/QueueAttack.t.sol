// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Attacks on whoever orders, stays or leaves, one a kind.
contract QueueAttackTest is ShareTokenScene {
    function setUp() public virtual override {
        super.setUp();
        open(6, 1);
        enter(ADA, 1_000 * usd, 0);
        draw(1_000 * USD_E6);
        prove(1_000);
    }

    /// Lend, deposit, let the proof of a gain pass, redeem, pay back: all in one block. It took 97.5% of the gain once.
    function test_aSandwichAroundAProofGetsNothing() public {
        takeRound();
        pass(ORDER_DELAY);
        IRebalanceHub.Rebalance memory gain = proven(takeRound(), 1_100, 0);
        uint256 id = requestDeposit(EVE, 100_000 * usd);
        vm.prank(OPERATOR);
        hub.submit(vaultId, gain);
        vm.assertEq(vault.maxDeposit(EVE), 0); // the order waits for a round that nobody knows yet
        vm.expectRevert(abi.encodeWithSelector(IShareToken.MoreThanClaimable.selector, 100_000 * usd, 0));
        vm.prank(EVE);
        vault.deposit(100_000 * usd, EVE);
        vm.assertEq(vault.balanceOf(EVE), 0);
        settleAt(1_100);
        uint256 shares = claimShares(EVE);
        // All that EVE gets out is at most what EVE put in.
        requestRedeem(EVE, shares);
        settleAt(1_100);
        vm.assertLe(claimAssets(EVE), 100_000 * usd);
        (uint256 bottom,) = vault.worth();
        vm.assertTrue(bottom >= 1_099 * usd); // ADA's
        id;
    }

    /// The feeds lag: the market has moved and no answer shows it yet. Whoever orders now is not settled at these answers.
    function test_anOrderAgainstALaggingFeedMeetsItsNextAnswer() public {
        uint32 stale = takeRound(); // the market rises by a tenth here, and the feed is silent
        uint256 id = requestDeposit(EVE, 1_000 * usd);
        vm.assertTrue(id > stale);
        prove(1_000); // still the old answer, with a round of now
        vm.assertEq(vault.pendingDepositRequest(id, EVE), 1_000 * usd);
        pass(ORDER_DELAY); // a heartbeat: it has answered by now
        prove(1_100);
        uint256 bought = claimShares(EVE);
        vm.assertTrue(bought < 910 * one);
    }

    /// An operator who does not like the price of a proof proves again.
    function test_anOperatorSkipsNoPriceByProvingTwice() public {
        uint256 id = requestDeposit(EVE, 1_000 * usd);
        takeRound();
        pass(ORDER_DELAY);
        prove(900);
        uint256 shares = vault.maxMint(EVE);
        prove(1_100);
        vm.assertEq(vault.maxMint(EVE), shares);
        vm.assertEq(vault.claimableDepositRequest(id, EVE), 1_000 * usd);
    }

    /// A guardian who does not like the price of a proof pauses: it is settled already.
    function test_aGuardianSkipsNoPriceByPausing() public {
        requestDeposit(EVE, 1_000 * usd);
        uint256 out = requestRedeem(ADA, 100 * one);
        settleAt(900);
        pause();
        vm.assertTrue(claimShares(EVE) != 0);
        vm.assertEq(vault.claimableRedeemRequest(out, ADA), 100 * one);
        vm.assertTrue(claimAssets(ADA) != 0);
    }

    /// Asking and cancelling costs nothing, and holds up no draw.
    function test_askingAndCancellingBlocksNoDraw() public {
        giveBack(500 * USD_E6);
        for (uint256 i; i < 3; ++i) {
            uint256 id = requestRedeem(ADA, 1_000 * one);
            vm.assertEq(vault.available(), 500 * usd);
            draw(10 * USD_E6);
            giveBack(10 * USD_E6);
            cancelRedeem(ADA, id);
            takeBackShares(ADA, id);
        }
    }

    /// Nobody takes back an order whose price is struck.
    function test_noOptionOnAStruckPrice() public {
        uint256 in_ = requestDeposit(EVE, 1_000 * usd);
        uint256 out = requestRedeem(ADA, 500 * one);
        takeRound();
        pass(ORDER_DELAY);
        bytes memory code = address(vault).code;
        vm.etch(address(vault), hex"fe"); // even if the settlement in the proof failed
        prove(500);
        vm.etch(address(vault), code);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NothingToCancel.selector, in_));
        cancelDeposit(EVE, in_);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NothingToCancel.selector, out));
        cancelRedeem(ADA, out);
    }

    /// Strangers give a controller orders, so that the calls without an id do not reach its own. Each costs them its least
    /// size, and a call that names the id reaches any.
    function test_strangersFillAList() public {
        for (uint256 i; i < 20; ++i) {
            give(EVE, 1 * usd);
            vm.prank(EVE);
            vault.requestDeposit(1 * usd, BEN, EVE);
            takeRound();
        }
        uint256 id = requestDeposit(BEN, 500 * usd);
        settleAt(1_000);
        vm.assertEq(vault.maxDeposit(BEN), 16 * usd);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.MoreThanClaimable.selector, 500 * usd, 16 * usd));
        vm.prank(BEN);
        vault.deposit(500 * usd, BEN);
        vm.prank(BEN);
        vault.deposit(id, 500 * usd, BEN, BEN);
        vm.prank(BEN);
        vault.deposit(16 * usd, BEN); // and the strangers' gifts
        vm.assertEq(vault.maxDeposit(BEN), 4 * usd);
        vm.assertEq(vault.openDeposits(BEN, 0, 99).length, 4);
        give(EVE, 1);
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.OrderTooSmall.selector, 1, usd));
        vault.requestDeposit(1, BEN, EVE);
        // All that somebody has may be less, but for nobody else.
        vm.prank(BEN);
        vm.assertTrue(vault.transfer(EVE, 1));
        vm.prank(EVE);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.OrderTooSmall.selector, 0, usd));
        vault.requestRedeem(1, BEN, EVE);
    }

    /// Many orders of others do not stand in the way of cancelling.
    function test_manyOrdersHoldUpNoCancelling() public {
        for (uint256 i; i < 40; ++i) {
            takeRound();
            requestDeposit(EVE, 1 * usd);
            requestRedeem(ADA, 1 * one);
        }
        takeRound();
        uint256 id = requestDeposit(BEN, 500 * usd);
        uint256 out = requestRedeem(ADA, 500 * one);
        requestDeposit(EVE, 1 * usd);
        vault.settle();
        cancelDeposit(BEN, id);
        vm.assertLe(vm.lastCallGas().gasTotalUsed, 200_000);
        cancelRedeem(ADA, out);
        vm.assertLe(vm.lastCallGas().gasTotalUsed, 200_000);
        settleAt(1_000);
        vm.assertEq(vault.maxDeposit(EVE), 16 * usd);
        vm.assertEq(vault.pendingDeposits(), 0);
        requireSolvent();
    }

    /// Dust that no payment could ever clear would stand in the queue for ever and end the vault.
    function test_noDustEndsTheVault() public {
        giveBack(100 * USD_E6);
        requestRedeem(ADA, 100 * one + 1);
        settleAt(900);
        (uint256 waiting,, uint40 oldest) = vault.exits();
        vm.assertEq(waiting, 0);
        vm.assertEq(oldest, 0);
    }

    /// The first depositor gives assets to inflate the price, so that the next one's shares round to nothing.
    function test_theFirstDepositorInflatesNothing() public {
        open(6, 1);
        enter(EVE, 1 * usd, 0);
        asset.mint(address(vault), 1_000_000 * usd);
        requestDeposit(BEN, 1_000 * usd);
        settleAt(0);
        vm.assertEq(claimShares(BEN), 1_000 * one); // a transfer counts for nothing
        give(EVE, 1_000_000 * usd);
        vm.prank(EVE);
        vault.contribute(1_000_000 * usd); // and a gift belongs to all
        pass(12 hours);
        prove(0);
        requestRedeem(BEN, 1_000 * one);
        settleAt(0);
        vm.assertTrue(claimAssets(BEN) >= 1_000 * usd);
    }

    /// Whoever enters just before a gift counts gets what has come to count since, not the gift.
    function test_nobodyEntersForAGift() public {
        give(BEN, 1_000 * usd);
        vm.prank(BEN);
        vault.contribute(1_000 * usd);
        requestDeposit(EVE, 100_000 * usd);
        settleAt(1_000);
        uint256 shares = claimShares(EVE);
        requestRedeem(EVE, shares);
        settleAt(1_000);
        uint256 out = claimAssets(EVE);
        vm.assertLe(out, 100_002 * usd); // an hour's part of a thousand dollars in 30 days is 1.4
    }

    /// A price near nothing, where a request would be filled for nothing.
    function test_noRequestIsFilledForNothing() public {
        uint256 id = requestRedeem(ADA, 1_000 * one);
        giveBack(2);
        settleAt(0);
        vm.assertEq(vault.pendingRedeemRequest(id, ADA), 1_000 * one);
        vm.assertEq(vault.setAside(), 0);
    }
}
