// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// When deposits are open (ST-3), and what they do.
contract ShareTokenDepositsTest is ShareTokenScene {
    function setUp() public override {
        super.setUp();
        open(6, 1_000);
    }

    function assertOpen(bool isOpen) private {
        uint256 limit = isOpen ? type(uint256).max : 0;
        vm.assertEq(vault.maxDeposit(BEN), limit);
        vm.assertEq(vault.maxMint(BEN), limit);
        give(BEN, 10 * usd);
        if (!isOpen) vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxDeposit.selector, BEN, usd, 0));
        vm.prank(BEN);
        vault.deposit(usd, BEN);
        if (!isOpen) vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxMint.selector, BEN, 1e12, 0));
        vm.prank(BEN);
        vault.mint(1e12, BEN);
    }

    function test_depositMovesAssetsAndMintsShares() public {
        give(ADA, 7 * usd);
        vm.expectEmit(address(vault));
        emit IERC4626.Deposit(ADA, BEN, 7 * usd, 7e12);
        vm.prank(ADA);
        vault.deposit(7 * usd, BEN);
        vm.assertEq(vault.balanceOf(BEN), 7e12);
        vm.assertEq(asset.balanceOf(address(vault)), 7 * usd);
        vm.assertEq(asset.balanceOf(ADA), 0);
    }

    function test_mintTakesWhatThePreviewSays() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        prove(400);
        give(BEN, 2 * usd);
        uint256 expected = vault.previewMint(1e12);
        vm.prank(BEN);
        vm.assertEq(vault.mint(1e12, BEN), expected);
        vm.assertEq(asset.balanceOf(BEN), 2 * usd - expected);
        vm.assertEq(vault.balanceOf(BEN), 1e12);
    }

    function test_refusesADepositThatBuysNoShare() public {
        give(ADA, usd);
        vm.expectRevert(IShareToken.ZeroShares.selector);
        vm.prank(ADA);
        vault.deposit(0, ADA);
        asset.mint(address(vault), 1_000_000 * usd); // a share unit now costs a dollar, less nothing
        vm.expectRevert(IShareToken.ZeroShares.selector);
        vm.prank(ADA);
        vault.deposit(usd, ADA);
    }

    // --- ST-3: open while active ---

    function test_openBeforeTheFirstProof() public {
        assertOpen(true);
    }

    function test_openUntilTheProofIsTooOld() public {
        deposit(ADA, 500_000 * usd);
        draw(400_000 * USD_E6);
        prove(400);
        vm.warp(block.timestamp + MAX_PROOF_AGE);
        assertOpen(true);
        vm.warp(block.timestamp + 1);
        assertOpen(false);
    }

    function test_openAgainWithTheNextProof() public {
        makeStale();
        assertOpen(false);
        prove(0);
        assertOpen(true);
    }

    function test_closedWhilePaused() public {
        pause();
        assertOpen(false);
        vm.prank(GUARDIAN);
        hub.unpause(vaultId);
        assertOpen(true);
    }

    function test_closedInWindDown() public {
        windDown();
        assertOpen(false);
    }

    // --- ST-3: open while the step is small ---

    /// 100 NAV steps of 1,000 dollars, and a millionth less.
    function test_openFrom100NavSteps() public {
        deposit(ADA, 100_000 * usd);
        draw(90_000 * USD_E6);
        prove(90);
        redeem(ADA, 1e6);
        vm.assertEq(vault.totalAssets(), 100_000 * usd - 1);
        assertOpen(false);
        asset.mint(address(vault), 1);
        assertOpen(true);
    }

    function test_theStepIsSmallBeforeTheFirstDraw() public {
        deposit(ADA, usd);
        prove(0);
        assertOpen(true);
    }

    function test_theStepIsSmallBeforeTheFirstProof() public {
        deposit(ADA, usd);
        draw(USD_E6);
        assertOpen(true);
    }

    function test_theStepDoesNotMatterWithoutShares() public {
        deposit(ADA, usd);
        draw(USD_E6);
        prove(0);
        giveBack(USD_E6);
        assertOpen(false);
        redeem(ADA, vault.balanceOf(ADA));
        deposit(BEN, 100_000 * usd);
        assertOpen(true);
    }
}
