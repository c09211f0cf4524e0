// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareTokenScene} from "../ShareTokenScene.sol";

/// What all shares are worth together (ST-1), and at which end of the disclosed step each side is priced (ST-2).
contract ShareTokenPricingTest is ShareTokenScene {
    function setUp() public override {
        super.setUp();
        open(6, 1_000);
    }

    function assertWorth(uint256 assets) private view {
        vm.assertEq(vault.totalAssets(), assets);
    }

    // --- ST-1 ---

    function test_idleAssetsCount() public {
        deposit(ADA, 500_000 * usd);
        assertWorth(500_000 * usd);
        asset.mint(address(vault), 3); // a donation
        assertWorth(500_000 * usd + 3);
    }

    function test_drawnAssetsCountBeforeTheyAreProven() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        assertWorth(500_000 * usd);
    }

    function test_theBookCountsAtTheFloor() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        prove(399);
        assertWorth(499_000 * usd);
        prove(0);
        assertWorth(100_000 * usd);
        prove(450);
        assertWorth(550_000 * usd);
    }

    function test_whatFlowedSinceTheProofCounts() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        prove(400);
        draw(50_000 * USD_E6);
        assertWorth(500_000 * usd);
        giveBack(150_000 * USD_E6);
        assertWorth(500_000 * usd);
        prove(300);
        assertWorth(500_000 * usd);
    }

    /// More comes back than the book was worth at the last proof: it counts when a proof accounts for it.
    function test_flowsDoNotMoveThePrice() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        prove(400);
        giveBack(450_000 * USD_E6);
        assertWorth(500_000 * usd);
        vm.assertEq(vault.idle(), 550_000 * usd);
        draw(500_000 * USD_E6);
        assertWorth(500_000 * usd);
    }

    /// The attack that would be open if a book that more came back from were taken for worthless: the operator holds half,
    /// raises the price with own money, redeems, and draws that money back.
    function test_theOperatorCannotRaiseThePriceAndRedeem() public {
        deposit(ADA, 100_000 * usd);
        deposit(OPERATOR, 100_000 * usd);
        draw(200_000 * USD_E6);
        prove(200);
        giveBack(400_000 * USD_E6);
        vm.assertEq(redeem(OPERATOR, vault.balanceOf(OPERATOR)), 100_000 * usd);
        draw(300_000 * USD_E6);
        assertWorth(100_000 * usd);
        vm.assertEq(vault.previewRedeem(vault.balanceOf(ADA)), 100_000 * usd);
    }

    function test_theBookIsPricedInTheAsset() public {
        deposit(ADA, 500_000 * usd);
        draw(500_000 * USD_E6);
        post(0, 0.9997e8);
        prove(500);
        // 500,000 / 0.9997 = 500,150.045013..., rounded down to a millionth
        assertWorth(500_150.045013e6);
    }

    function test_theBookIsPricedInAnAssetOf18Decimals() public {
        open(18, 1_000);
        deposit(ADA, 500_000 * usd);
        draw(500_000 * USD_E6);
        post(0, 0.9997e8);
        prove(500);
        assertWorth(500_150.045013e18);
    }

    /// The largest NAV of the statement at the lowest price of the statement.
    function test_theWidestBook() public {
        open(18, type(uint24).max);
        deposit(ADA, usd);
        draw(1);
        post(0, 1);
        prove(2 ** 42 - 1);
        uint256 bookE6 = (2 ** 42 - 1) * uint256(type(uint24).max) * 1e14;
        assertWorth(usd - 1e12 + bookE6 * 1e12);
        vm.assertEq(vault.maxDeposit(ADA), type(uint256).max);
        uint256 top = usd - 1e12 + 2 ** 42 * uint256(type(uint24).max) * 1e14 * 1e12;
        vm.assertEq(vault.previewMint(1e24 + 1e6), top + 1); // all shares, with the virtual ones
    }

    function test_setAsideAssetsDoNotCount() public {
        deposit(ADA, 500_000 * usd);
        request(ADA, 100_000e12);
        vault.processQueue(1);
        assertWorth(400_000 * usd);
        vm.assertEq(vault.idle(), 400_000 * usd);
        vm.assertEq(asset.balanceOf(address(vault)), 500_000 * usd);
        vault.claim(ADA);
        assertWorth(400_000 * usd);
    }

    /// ST-8: nothing but what is there.
    function test_inWindDownTheBookCountsAsNothing() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        prove(400);
        windDown();
        assertWorth(100_000 * usd);
        giveBack(50_000 * USD_E6);
        assertWorth(150_000 * usd);
    }

    // --- ST-2 ---

    /// 500,000 shares, worth a dollar at the bottom and 501,000 / 500,000 dollars at the top.
    function test_whoComesPaysTheTopAndWhoLeavesGetsTheBottom() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        prove(400);
        vm.assertEq(vault.convertToShares(501_000 * usd), 501_000e12);
        vm.assertEq(vault.previewWithdraw(501_000 * usd), 501_000e12);
        vm.assertEq(vault.convertToAssets(500_000e12), 500_000 * usd);
        vm.assertEq(vault.previewRedeem(500_000e12), 500_000 * usd);
        // All shares, the virtual ones too, for all assets at the top and the virtual unit.
        vm.assertEq(vault.previewDeposit(501_000 * usd + 1), 500_000e12 + 1e6);
        vm.assertEq(vault.previewMint(500_000e12 + 1e6), 501_000 * usd + 1);
    }

    function test_theTopIsRoundedUp() public {
        deposit(ADA, 500_000 * usd);
        draw(500_000 * USD_E6);
        post(0, 0.9997e8);
        prove(499);
        // 500,000 / 0.9997 = 500,150.045013..., so the top is 500,150.045014
        uint256 supply = vault.totalSupply() + 1e6;
        vm.assertEq(vault.previewDeposit(10 ** 12), 10 ** 12 * supply / (500_150.045014e6 + 1));
    }

    function test_beforeTheFirstProofThePriceIsExact() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        vm.assertEq(vault.previewDeposit(usd), 1e12);
        vm.assertEq(vault.previewMint(1e12), usd);
    }

    /// A heartbeat of the empty book says nothing new.
    function test_beforeTheFirstDrawThePriceIsExact() public {
        deposit(ADA, 500_000 * usd);
        prove(0);
        vm.assertEq(vault.previewDeposit(usd), 1e12);
        draw(1);
        vm.assertLt(vault.previewDeposit(usd), 1e12);
    }

    /// Nobody is there to be taken from, and the virtual shares are owed no NAV step.
    function test_withoutSharesADepositIsPricedAtTheBottom() public {
        deposit(ADA, 500_000 * usd);
        draw(100_000 * USD_E6);
        prove(100);
        giveBack(100_000 * USD_E6);
        prove(0);
        redeem(ADA, vault.balanceOf(ADA));
        vm.assertEq(vault.totalSupply(), 0);
        vm.assertEq(vault.previewDeposit(usd), 1e12);
        vm.assertEq(vault.maxDeposit(BEN), type(uint256).max);
    }
}
