// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Another holder must not decide at what end of a coarse step a request is paid.
contract QueueAttackTest is ShareTokenScene {
    function test_noRequestIsFilledForNothing() public {
        open(6, 10_000); // steps of 10,000 dollars
        deposit(ADA, 1_000_000 * usd);
        deposit(EVE, 1_000_000 * usd);
        draw(2_000_000 * USD_E6);
        prove(200);
        // All but a little has left; the book is worth 19,998 dollars.
        giveBack(1_980_000 * USD_E6);
        prove(2);
        redeem(EVE, 990_000e12);
        redeem(ADA, 990_000e12);
        uint256 shares = vault.balanceOf(ADA); // half of what is left, worth 10,000 dollars
        request(ADA, shares);
        prove(0); // a small loss: it is worth 9,999 dollars, and the step is 0
        give(EVE, 2);
        vm.prank(EVE);
        vm.assertTrue(asset.transfer(address(vault), 2));
        vm.prank(EVE);
        vm.expectRevert(IShareToken.NavStepTooCoarse.selector);
        vault.processQueue(1);
    }
}
