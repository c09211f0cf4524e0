// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DlsVault} from "../../src/DlsVault.sol";
import {IDlsVault} from "../../src/interfaces/IDlsVault.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {VaultScene} from "../VaultScene.sol";
import {Token} from "../mocks/Token.sol";

/// What a share token is from its first moment.
contract VaultOpeningTest is VaultScene {
    function test_opensItsOwnVault() public {
        open(6, 1_000);
        (address opener, address operator,, address guardian, uint32 delay) = hub.rolesOf(vaultId);
        vm.assertEq(opener, address(vault));
        vm.assertEq(operator, OPERATOR);
        vm.assertEq(guardian, GUARDIAN);
        vm.assertEq(delay, LOOSENING_DELAY);
        vm.assertEq(vaultId, keccak256(abi.encode(block.chainid, hub, vault, 0)));
        vm.assertEq(hub.mandateOf(vaultId).custody, CUSTODY);
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
        IRebalanceHub.Mandate memory mandate_ = hub.mandateOf(vaultId);
        asset = new Token(5);
        vm.expectRevert(abi.encodeWithSelector(IDlsVault.UnsupportedDecimals.selector, 5));
        newVault(mandate_);
        asset = new Token(19);
        vm.expectRevert(abi.encodeWithSelector(IDlsVault.UnsupportedDecimals.selector, 19));
        newVault(mandate_);
    }

    function test_refusesWhatTheHubRefuses() public {
        open(6, 1);
        IRebalanceHub.Mandate memory mandate_ = hub.mandateOf(vaultId);
        mandate_.custody = address(0);
        vm.expectRevert(IRebalanceHub.ZeroAddress.selector);
        newVault(mandate_);
    }

    function test_twoTokensHaveTwoVaults() public {
        open(6, 1);
        DlsVault second = newVault(hub.mandateOf(vaultId));
        vm.assertTrue(second.vaultId() != vaultId);
    }
}
