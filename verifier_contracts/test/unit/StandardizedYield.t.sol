// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {StandardizedYield} from "../../src/StandardizedYield.sol";
import {IStandardizedYield} from "../../src/interfaces/IStandardizedYield.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Properties SY-1 to SY-3: the share as markets of principal and yield take it (EIP-5115).
contract StandardizedYieldTest is ShareTokenScene {
    StandardizedYield private sy;
    uint256 private held;

    function setUp() public override {
        super.setUp();
        open(6, 100);
        sy = new StandardizedYield(IERC4626(address(vault)), "SY Neutral ETH", "SY-dlsETH");
        held = enter(ADA, 1_000_000 * usd, 0);
        vm.prank(ADA);
        vault.approve(address(sy), type(uint256).max);
    }

    function wrap(uint256 shares) private returns (uint256) {
        vm.prank(ADA);
        return sy.deposit(ADA, address(vault), shares, shares);
    }

    // --- SY-1: one share in, one out; all that is wrapped is there ---

    function test_deposit_wrapsOneToOne() public {
        vm.expectEmit(address(sy));
        emit IStandardizedYield.Deposit(ADA, ADA, address(vault), 7, 7);
        vm.assertEq(wrap(7), 7);
        vm.assertEq(sy.balanceOf(ADA), 7);
        vm.assertEq(vault.balanceOf(address(sy)), 7);
        vm.assertEq(sy.previewDeposit(address(vault), 7), 7);
    }

    function test_redeem_unwrapsOneToOne() public {
        wrap(10);
        vm.expectEmit(address(sy));
        emit IStandardizedYield.Redeem(ADA, BEN, address(vault), 4, 4);
        vm.prank(ADA);
        vm.assertEq(sy.redeem(BEN, 4, address(vault), 4, false), 4);
        vm.assertEq(vault.balanceOf(BEN), 4);
        vm.assertEq(sy.totalSupply(), 6);
        vm.assertEq(sy.previewRedeem(address(vault), 4), 4);
    }

    function test_redeem_ofItsOwnBalance() public {
        wrap(10);
        vm.prank(ADA);
        vm.assertTrue(sy.transfer(address(sy), 10));
        vm.prank(ADA);
        vm.assertEq(sy.redeem(BEN, 10, address(vault), 10, true), 10);
        vm.assertEq(vault.balanceOf(BEN), 10);
    }

    function test_deposit_ofItsOwnBalance_takesOnlyWhatIsBeyondTheSupply() public {
        wrap(10);
        vm.prank(ADA);
        vm.assertTrue(vault.transfer(address(sy), 5));
        vm.expectRevert(abi.encodeWithSelector(IStandardizedYield.TooFewOut.selector, 5, 6));
        vm.prank(ADA);
        sy.deposit(BEN, address(vault), 6, 0, true);
        vm.prank(ADA);
        vm.assertEq(sy.deposit(BEN, address(vault), 5, 5, true), 5);
        vm.prank(ADA);
        vm.assertEq(sy.deposit(BEN, address(vault), 3, 3, false), 3);
        vm.assertEq(vault.balanceOf(address(sy)), sy.totalSupply());
    }

    function testFuzz_supply_isBacked(uint128[8] memory amounts, bool[8] memory out) public {
        for (uint256 i; i < 8; ++i) {
            uint256 amount = 1 + amounts[i] % (held / 8);
            wrap(amount);
            if (out[i]) {
                vm.prank(ADA);
                sy.redeem(ADA, amount / 2 + 1, address(vault), 0, false);
            }
            vm.assertEq(vault.balanceOf(address(sy)), sy.totalSupply());
        }
    }

    // --- SY-2: the rate is the last settled price, and never reverts ---

    function test_exchangeRate_isTheLastSettledPrice() public {
        vm.assertEq(sy.exchangeRate(), vault.convertToAssets(1e18));
        uint256 before = sy.exchangeRate();
        draw(500_000 * USD_E6);
        prove(5_500);
        vm.assertEq(sy.exchangeRate(), before);
        vault.settle();
        vm.assertEq(sy.exchangeRate(), vault.convertToAssets(1e18));
        vm.assertLt(before, sy.exchangeRate());
    }

    function test_exchangeRate_whateverTheStatus() public {
        uint256 rate = sy.exchangeRate();
        pause();
        vm.assertEq(sy.exchangeRate(), rate);
        makeStale();
        vm.assertEq(sy.exchangeRate(), rate);
        windDown();
        vm.assertEq(sy.exchangeRate(), rate);
    }

    // --- SY-3: what it takes, and what it refuses ---

    function test_whatItIsMadeOf() public view {
        vm.assertEq(sy.yieldToken(), address(vault));
        (IStandardizedYield.AssetType kind, address asset_, uint8 decimals_) = sy.assetInfo();
        vm.assertTrue(kind == IStandardizedYield.AssetType.TOKEN);
        vm.assertEq(asset_, address(asset));
        vm.assertEq(decimals_, 6);
        vm.assertEq(sy.decimals(), vault.decimals());
        vm.assertEq(sy.getTokensIn().length, 1);
        vm.assertEq(sy.getTokensIn()[0], address(vault));
        vm.assertEq(sy.getTokensOut()[0], address(vault));
        vm.assertTrue(sy.isValidTokenIn(address(vault)) && sy.isValidTokenOut(address(vault)));
        vm.assertFalse(sy.isValidTokenIn(address(asset)) || sy.isValidTokenOut(address(asset)));
    }

    function test_noRewards() public view {
        vm.assertEq(sy.claimRewards(ADA).length, 0);
        vm.assertEq(sy.accruedRewards(ADA).length, 0);
        vm.assertEq(sy.rewardIndexesCurrent().length, 0);
        vm.assertEq(sy.rewardIndexesStored().length, 0);
        vm.assertEq(sy.getRewardTokens().length, 0);
    }

    function test_refuses_otherTokens() public {
        bytes memory why = abi.encodeWithSelector(IStandardizedYield.InvalidToken.selector, address(asset));
        vm.expectRevert(why);
        sy.deposit(ADA, address(asset), 1, 0);
        vm.expectRevert(why);
        sy.deposit(ADA, address(asset), 1, 0, true);
        vm.expectRevert(why);
        sy.redeem(ADA, 1, address(asset), 0, false);
        vm.expectRevert(why);
        sy.previewDeposit(address(asset), 1);
        vm.expectRevert(why);
        sy.previewRedeem(address(asset), 1);
        vm.expectRevert(abi.encodeWithSelector(IStandardizedYield.InvalidToken.selector, address(0)));
        sy.deposit{value: 1}(ADA, address(vault), 1, 0);
    }

    function test_refuses_nothingAndTooFew() public {
        vm.expectRevert(IStandardizedYield.ZeroAmount.selector);
        vm.prank(ADA);
        sy.deposit(ADA, address(vault), 0, 0);
        vm.expectRevert(IStandardizedYield.ZeroAmount.selector);
        vm.prank(ADA);
        sy.redeem(ADA, 0, address(vault), 0, false);
        vm.expectRevert(abi.encodeWithSelector(IStandardizedYield.TooFewOut.selector, 1, 2));
        vm.prank(ADA);
        sy.deposit(ADA, address(vault), 1, 2);
        vm.prank(ADA);
        sy.deposit(ADA, address(vault), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IStandardizedYield.TooFewOut.selector, 1, 2));
        vm.prank(ADA);
        sy.redeem(ADA, 1, address(vault), 2, false);
    }
}
