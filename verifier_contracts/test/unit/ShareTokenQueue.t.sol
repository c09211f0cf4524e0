// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// The queue: first come, first served (ST-6), what goes in comes out (ST-7), and wind-down (ST-8). All of
/// 3,000 dollars are in the book at first.
contract ShareTokenQueueTest is ShareTokenScene {
    function setUp() public override {
        super.setUp();
        open(6, 1);
        deposit(ADA, 1_000 * usd);
        deposit(BEN, 1_000 * usd);
        deposit(EVE, 1_000 * usd);
        draw(3_000 * USD_E6);
        prove(3_000);
    }

    function assertQueue(uint64 head, uint64 end, uint256 shares) private view {
        (uint64 head_, uint64 end_, uint256 shares_) = vault.queue();
        vm.assertEq(head_, head);
        vm.assertEq(end_, end);
        vm.assertEq(shares_, shares);
    }

    function assertWaiting(uint256 id, uint256 shares) private view {
        vm.assertEq(vault.requestOf(id).shares, shares);
    }

    // --- requests ---

    function test_aRequestPutsSharesInEscrow() public {
        vm.expectEmit(address(vault));
        emit IShareToken.RedeemRequested(0, ADA, EVE, 400e12);
        vm.prank(ADA);
        vm.assertEq(vault.requestRedeem(400e12, EVE, ADA), 0);
        vm.assertEq(vault.balanceOf(ADA), 600e12);
        vm.assertEq(vault.balanceOf(address(vault)), 400e12);
        vm.assertEq(vault.totalSupply(), 3_000e12);
        IShareToken.Request memory expected = IShareToken.Request({shares: 400e12, receiver: EVE, owner: ADA});
        vm.assertEq(abi.encode(vault.requestOf(0)), abi.encode(expected));
        assertQueue(0, 1, 400e12);
    }

    function test_anAllowanceIsNeededAndUsed() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, EVE, 0, 400e12));
        vm.prank(EVE);
        vault.requestRedeem(400e12, EVE, ADA);
        vm.prank(ADA);
        vault.approve(EVE, 500e12);
        vm.prank(EVE);
        vault.requestRedeem(400e12, EVE, ADA);
        vm.assertEq(vault.allowance(ADA, EVE), 100e12);
        vm.assertEq(vault.requestOf(0).owner, ADA);
    }

    function test_refusesMoreThanTheOwnShares() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ADA, 1_000e12, 1_000e12 + 1)
        );
        request(ADA, 1_000e12 + 1);
    }

    function test_refusesNoSharesAndNoReceiver() public {
        vm.expectRevert(IShareToken.ZeroShares.selector);
        request(ADA, 0);
        vm.expectRevert(IShareToken.ZeroAddress.selector);
        vm.prank(ADA);
        vault.requestRedeem(1, address(0), ADA);
    }

    function test_openWhileStaleAndPaused() public {
        makeStale();
        request(ADA, 1);
        pause();
        request(ADA, 1);
        giveBack(USD_E6);
        vault.processQueue(2);
        assertQueue(2, 2, 0);
    }

    // --- ST-6 ---

    function test_firstComeFirstServed() public {
        request(ADA, 400e12);
        request(BEN, 500e12);
        request(ADA, 100e12);
        giveBack(950 * USD_E6);

        vm.expectEmit(address(vault));
        emit IShareToken.RequestFilled(0, ADA, 400e12, 400 * usd);
        vm.expectEmit(address(vault));
        emit IShareToken.RequestFilled(1, BEN, 500e12, 500 * usd);
        vm.expectEmit(address(vault));
        emit IShareToken.RequestFilled(2, ADA, 50e12, 50 * usd);
        (uint256 shares, uint256 assets) = vault.processQueue(10);

        vm.assertEq(shares, 950e12);
        vm.assertEq(assets, 950 * usd);
        vm.assertEq(vault.claimable(ADA), 450 * usd);
        vm.assertEq(vault.claimable(BEN), 500 * usd);
        vm.assertEq(vault.setAside(), 950 * usd);
        vm.assertEq(vault.totalSupply(), 2_050e12);
        assertWaiting(2, 50e12);
        assertQueue(2, 3, 50e12);
    }

    function test_theHeadIsPaidInPartAndStays() public {
        request(ADA, 400e12);
        request(BEN, 1);
        giveBack(1);
        vault.processQueue(10);
        vm.assertEq(vault.claimable(ADA), 1);
        assertWaiting(0, 400e12 - 1e6);
        assertWaiting(1, 1);
        assertQueue(0, 2, 400e12 - 1e6 + 1);
        giveBack(400 * USD_E6);
        vault.processQueue(10);
        assertQueue(2, 2, 0);
        vm.assertEq(vault.claimable(ADA), 400 * usd);
    }

    function test_withoutIdleAssetsNothingHappens() public {
        request(ADA, 400e12);
        (uint256 shares, uint256 assets) = vault.processQueue(10);
        vm.assertEq(shares, 0);
        vm.assertEq(assets, 0);
        assertQueue(0, 1, 400e12);
    }

    /// Nobody's shares are burnt for nothing while the book is worth nothing and nothing is there.
    function test_aRequestWaitsWhileSharesAreWorthNothing() public {
        request(ADA, 400e12);
        prove(0);
        vm.assertEq(vault.totalAssets(), 0);
        vm.expectRevert(IShareToken.NavStepTooCoarse.selector);
        vault.processQueue(10);
        assertWaiting(0, 400e12);
    }

    /// The price is that of the moment of processing, not of the request.
    function test_thePriceIsThatOfNow() public {
        request(ADA, 400e12);
        giveBack(3_000 * USD_E6);
        prove(0);
        asset.mint(address(vault), 1_500 * usd); // so that a share is worth 1.50
        vault.processQueue(1);
        vm.assertEq(vault.claimable(ADA), 600 * usd - 1); // less what the virtual shares keep
    }

    function test_whatTheQueueGotIsNotRedeemedTwice() public {
        request(ADA, 400e12);
        giveBack(400 * USD_E6);
        vault.processQueue(1);
        vm.assertEq(vault.idle(), 0);
        vm.assertEq(vault.maxRedeem(BEN), 0);
        request(BEN, 1_000e12);
        (uint256 shares,) = vault.processQueue(1);
        vm.assertEq(shares, 0);
    }

    // --- bounded work ---

    function test_processesNoMoreThanToldTo() public {
        request(ADA, 1e12);
        request(ADA, 1e12);
        request(ADA, 1e12);
        giveBack(3_000 * USD_E6);
        vault.processQueue(0);
        assertQueue(0, 3, 3e12);
        vault.processQueue(2);
        assertQueue(2, 3, 1e12);
        vault.processQueue(type(uint256).max);
        assertQueue(3, 3, 0);
    }

    function test_cancelledRequestsCountToo() public {
        request(ADA, 1e12);
        request(ADA, 1e12);
        request(ADA, 1e12);
        cancel(ADA, 0);
        cancel(ADA, 1);
        giveBack(3_000 * USD_E6);
        vault.processQueue(1);
        assertQueue(1, 3, 1e12);
        vault.processQueue(2);
        assertQueue(3, 3, 0);
        vm.assertEq(vault.claimable(ADA), usd);
    }

    // --- cancelling ---

    function test_cancelGivesTheSharesBack() public {
        request(ADA, 400e12);
        vm.expectEmit(address(vault));
        emit IShareToken.RequestCancelled(0, 400e12);
        vm.assertEq(cancel(ADA, 0), 400e12);
        vm.assertEq(vault.balanceOf(ADA), 1_000e12);
        assertQueue(0, 1, 0);
    }

    function test_cancelGivesBackWhatIsNotPaid() public {
        request(ADA, 400e12);
        giveBack(100 * USD_E6);
        vault.processQueue(1);
        vm.assertEq(cancel(ADA, 0), 300e12);
        vm.assertEq(vault.claimable(ADA), 100 * usd);
    }

    function test_onlyTheOwnerCancels() public {
        vm.prank(ADA);
        vault.requestRedeem(400e12, BEN, ADA);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotRequestOwner.selector, BEN));
        cancel(BEN, 0);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotRequestOwner.selector, ADA));
        cancel(ADA, 1); // nobody's
    }

    function test_refusesToCancelTwiceOrWhatIsPaid() public {
        request(ADA, 400e12);
        request(ADA, 400e12);
        cancel(ADA, 0);
        giveBack(400 * USD_E6);
        vault.processQueue(2);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.RequestDone.selector, 0));
        cancel(ADA, 0);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.RequestDone.selector, 1));
        cancel(ADA, 1);
    }

    // --- claims ---

    function test_anyonePaysOutAClaimToItsReceiver() public {
        vm.prank(ADA);
        vault.requestRedeem(400e12, BEN, ADA);
        giveBack(400 * USD_E6);
        vault.processQueue(1);
        vm.expectEmit(address(vault));
        emit IShareToken.Claimed(BEN, 400 * usd);
        vm.prank(EVE);
        vm.assertEq(vault.claim(BEN), 400 * usd);
        vm.assertEq(asset.balanceOf(BEN), 400 * usd);
        vm.assertEq(vault.setAside(), 0);
    }

    function test_refusesAClaimOfNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NothingToClaim.selector, ADA));
        vault.claim(ADA);
    }

    // --- ST-8 ---

    function test_inWindDownTheQueueStandsStill() public {
        request(ADA, 400e12);
        giveBack(300 * USD_E6);
        windDown();
        bytes memory reason = abi.encodeWithSelector(IShareToken.WrongStatus.selector, IRebalanceHub.Status.WindDown);
        vm.expectRevert(reason);
        vault.processQueue(1);
        vm.expectRevert(reason);
        request(BEN, 1);
    }

    /// Ada's shares in escrow keep their part of what is idle, and she gets it once she has them back.
    function test_inWindDownEverybodyHasHisPart() public {
        request(ADA, 1_000e12);
        giveBack(300 * USD_E6);
        windDown();
        vm.assertEq(vault.maxWithdraw(BEN), 100 * usd);
        redeem(BEN, 1_000e12);
        redeem(EVE, vault.maxRedeem(EVE));
        cancel(ADA, 0);
        vm.assertEq(redeem(ADA, 1_000e12), 100 * usd + 1); // rounded in favour of the queue
    }

    /// Who leaves early gives up what comes back later.
    function test_inWindDownWaitingIsFree() public {
        giveBack(300 * USD_E6);
        windDown();
        vm.assertEq(redeem(ADA, 1_000e12), 100 * usd);
        giveBack(2_700 * USD_E6);
        vm.assertEq(redeem(BEN, 1_000e12), 1_450 * usd - 1); // less what the virtual shares keep
    }

    function test_whatWasSetAsideIsPaidInWindDown() public {
        request(ADA, 400e12);
        giveBack(400 * USD_E6);
        vault.processQueue(1);
        windDown();
        vm.assertEq(vault.claim(ADA), 400 * usd);
    }
}
