// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Redemptions at once: open in every state (ST-4), from idle assets that are not owed to the queue (ST-5).
contract ShareTokenRedemptionsTest is ShareTokenScene {
    function setUp() public override {
        super.setUp();
        open(6, 1);
        deposit(ADA, 1_000 * usd);
        deposit(BEN, 1_000 * usd);
    }

    function test_redeemBurnsSharesAndPays() public {
        vm.expectEmit(address(vault));
        emit IERC4626.Withdraw(ADA, EVE, ADA, 300 * usd, 300e12);
        vm.prank(ADA);
        vm.assertEq(vault.redeem(300e12, EVE, ADA), 300 * usd);
        vm.assertEq(asset.balanceOf(EVE), 300 * usd);
        vm.assertEq(vault.balanceOf(ADA), 700e12);
    }

    function test_withdrawBurnsWhatThePreviewSays() public {
        asset.mint(address(vault), 1); // so that a price is not round
        uint256 expected = vault.previewWithdraw(300 * usd);
        vm.prank(ADA);
        vm.assertEq(vault.withdraw(300 * usd, ADA, ADA), expected);
        vm.assertEq(vault.balanceOf(ADA), 1_000e12 - expected);
    }

    function test_anAllowanceIsNeededAndUsed() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, EVE, 0, 300e12));
        vm.prank(EVE);
        vault.redeem(300e12, EVE, ADA);
        vm.prank(ADA);
        vault.approve(EVE, 400e12);
        vm.prank(EVE);
        vault.redeem(300e12, EVE, ADA);
        vm.assertEq(vault.allowance(ADA, EVE), 100e12);
    }

    // --- ST-4 ---

    function assertRedeemable() private {
        vm.assertEq(vault.maxRedeem(ADA), 1_000e12);
        vm.assertEq(vault.maxWithdraw(ADA), 1_000 * usd);
        vm.assertEq(redeem(ADA, 500e12), 500 * usd);
        vm.prank(ADA);
        vm.assertEq(vault.withdraw(500 * usd, ADA, ADA), 500e12);
    }

    function test_openWhileActive() public {
        assertRedeemable();
    }

    function test_openWhileStale() public {
        makeStale();
        assertRedeemable();
    }

    function test_openWhilePaused() public {
        pause();
        assertRedeemable();
    }

    function test_openInWindDown() public {
        windDown();
        assertRedeemable();
    }

    // --- ST-5 ---

    function refuseRedeem(address who, uint256 shares, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxRedeem.selector, who, shares, limit));
        redeem(who, shares);
    }

    function test_upToTheIdleAssets() public {
        draw(1_500 * USD_E6);
        vm.assertEq(vault.maxRedeem(ADA), 500e12);
        vm.assertEq(vault.maxWithdraw(ADA), 500 * usd);
        refuseRedeem(ADA, 500e12 + 1, 500e12);
        vm.expectRevert(
            abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxWithdraw.selector, ADA, 500 * usd + 1, 500 * usd)
        );
        vm.prank(ADA);
        vault.withdraw(500 * usd + 1, ADA, ADA);
        redeem(ADA, 500e12);
        vm.assertEq(vault.idle(), 0);
        vm.assertEq(vault.maxRedeem(BEN), 0);
        refuseRedeem(BEN, 1, 0);
    }

    function test_notMoreThanTheOwnShares() public {
        vm.assertEq(vault.maxRedeem(ADA), 1_000e12);
        vm.assertEq(vault.maxRedeem(EVE), 0);
        refuseRedeem(ADA, 1_000e12 + 1, 1_000e12);
    }

    /// Ben waits for 1,000 of the 1,200 dollars that are there: 200 are free.
    function test_whatTheQueueIsOwedIsNotFree() public {
        draw(800 * USD_E6);
        request(BEN, 1_000e12);
        vm.assertEq(vault.available(), 200 * usd);
        vm.assertEq(vault.maxRedeem(ADA), 200e12);
        refuseRedeem(ADA, 200e12 + 1, 200e12);
        redeem(ADA, 200e12);
        vault.processQueue(1);
        vm.assertEq(vault.claimable(BEN), 1_000 * usd);
    }

    function test_nothingIsFreeWhileTheQueueIsOwedMoreThanIsThere() public {
        draw(1_500 * USD_E6);
        request(BEN, 1_000e12);
        vm.assertEq(vault.available(), 0);
        vm.assertEq(vault.maxRedeem(ADA), 0);
        vm.assertEq(vault.maxWithdraw(ADA), 0);
        refuseRedeem(ADA, 1, 0);
    }

    /// A request of one share unit keeps nobody from leaving, but for the asset unit that it is owed rounded up.
    function test_dustInTheQueueBlocksNobody() public {
        vm.prank(BEN);
        vm.assertTrue(vault.transfer(EVE, 1));
        request(EVE, 1);
        vm.assertEq(redeem(ADA, 1_000e12), 1_000 * usd);
        vm.assertEq(vault.maxWithdraw(BEN), 1_000 * usd - 1);
    }

    /// The last ones can leave with everything, whatever the price is.
    function test_theLastHoldersCanLeaveAfterALoss() public {
        draw(2_000 * USD_E6);
        prove(7);
        giveBack(7 * USD_E6);
        prove(0);
        redeem(ADA, vault.balanceOf(ADA));
        redeem(BEN, vault.balanceOf(BEN));
        vm.assertEq(vault.totalSupply(), 0);
    }
}
