// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";
import {Token} from "../mocks/Token.sol";

/// What a share token is from its first moment.
contract ShareTokenOpeningTest is ShareTokenScene {
    function test_opensItsOwnVault() public {
        open(6, 1_000);
        (address opener, address operator,, address guardian, uint32 delay) = hub.rolesOf(vaultId);
        vm.assertEq(opener, address(vault));
        vm.assertEq(operator, OPERATOR);
        vm.assertEq(guardian, GUARDIAN);
        vm.assertEq(delay, LOOSENING_DELAY);
        vm.assertEq(vaultId, keccak256(abi.encode(block.chainid, hub, vault, 0)));
        vm.assertEq(vault.custody(), CUSTODY);
    }

    function test_startsWithNothing() public {
        open(6, 1_000);
        vm.assertEq(vault.asset(), address(asset));
        vm.assertEq(vault.totalAssets(), 0);
        vm.assertEq(vault.totalSupply(), 0);
        vm.assertEq(vault.convertToShares(1), 1e6);
        vm.assertEq(vault.convertToAssets(1e6), 1);
    }

    function test_unitsFrom6To18Decimals() public {
        open(6, 1);
        vm.assertEq(vault.unit(), 1);
        vm.assertEq(vault.decimals(), 12);
        open(18, 1);
        vm.assertEq(vault.unit(), 1e12);
        vm.assertEq(vault.decimals(), 24);
    }

    function test_refuses5And19Decimals() public {
        open(6, 1);
        uint32 same = mandateNow();
        asset = new Token(5);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.UnsupportedDecimals.selector, 5));
        newVault(same, CUSTODY);
        asset = new Token(19);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.UnsupportedDecimals.selector, 19));
        newVault(same, CUSTODY);
    }

    function test_refusesNoCustody() public {
        open(6, 1);
        uint32 same = mandateNow();
        vm.expectRevert(IShareToken.ZeroAddress.selector);
        newVault(same, address(0));
    }

    function test_refusesWhatTheHubRefuses() public {
        open(6, 1);
        uint32 unknown = mandateNow() + 1;
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, unknown));
        newVault(unknown, CUSTODY);
    }

    function test_twoTokensHaveTwoVaults() public {
        open(6, 1);
        vm.assertTrue(newVault(mandateNow(), CUSTODY).vaultId() != vaultId);
    }
}
