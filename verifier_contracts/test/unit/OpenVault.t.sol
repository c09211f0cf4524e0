// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {EmptyBook} from "../../src/libraries/EmptyBook.sol";
import {Scene} from "../Scene.sol";

contract OpenVaultTest is Scene {
    function setUp() public override {
        super.setUp();
        build(8);
    }

    function test_startsFromTheEmptyBook() public {
        uint8[3] memory sizes = [8, 16, 32];
        for (uint256 i; i < 3; ++i) {
            build(sizes[i]);
            vm.warp(block.timestamp + 1);
            IRebalanceHub.VaultState memory expected = IRebalanceHub.VaultState({
                commitment: EmptyBook.commitment(sizes[i]),
                sequence: 0,
                navFloor: 0,
                snapshotTimestamp: uint40(block.timestamp - 1), // when it was opened
                round: 0,
                pendingFlow: 0,
                mandateVersion: 1,
                mandate: mandate,
                status: IRebalanceHub.Status.Active
            });
            vm.assertEq(abi.encode(stateOf(vaultId)), abi.encode(expected));
        }
    }

    function test_idIsKnownBefore() public {
        vm.assertEq(hub.vaultsOpened(STRANGER), 0);
        for (uint256 opened; opened < 2; ++opened) {
            bytes32 next = keccak256(abi.encode(block.chainid, address(hub), STRANGER, opened));
            vm.expectEmit(address(hub));
            emit IRebalanceHub.VaultOpened(next, STRANGER, OPERATOR, GUARDIAN, LOOSENING_DELAY);
            vm.expectEmit(address(hub));
            emit IRebalanceHub.MandateActivated(next, 1, mandate);
            vm.assertEq(openAs(STRANGER, OPERATOR), next);
        }
        vm.assertEq(hub.vaultsOpened(STRANGER), 2);
        vm.assertEq(hub.vaultsOpened(OPENER), 1);
    }

    function test_idIsAnotherOnAnotherChain() public {
        bytes32 here = keccak256(abi.encode(block.chainid, address(hub), OPENER, uint256(1)));
        vm.chainId(1);
        bytes32 there = open();
        vm.assertTrue(here != there);
    }

    function test_keepsItsPeople() public {
        (address opener, address operator, address proposed, address guardian, uint32 delay) = hub.rolesOf(vaultId);
        vm.assertEq(opener, OPENER);
        vm.assertEq(operator, OPERATOR);
        vm.assertEq(proposed, address(0));
        vm.assertEq(guardian, GUARDIAN);
        vm.assertEq(uint256(delay), LOOSENING_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, bytes32(0)));
        hub.rolesOf(0);
    }

    function test_refusesNoOperator() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.ZeroAddress.selector));
        hub.openVault(address(0), GUARDIAN, LOOSENING_DELAY, mandate);
    }

    function test_delayAtLeastADay() public {
        vm.assertEq(uint256(hub.LEAST_LOOSENING_DELAY()), 1 days);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.DelayTooShort.selector, 1 days - 1, 1 days));
        hub.openVault(OPERATOR, GUARDIAN, 1 days - 1, mandate);
        hub.openVault(OPERATOR, GUARDIAN, 1 days, mandate);
        hub.openVault(OPERATOR, GUARDIAN, type(uint32).max, mandate);
    }

    function test_refusesUnknownMandate() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, 2));
        hub.openVault(OPERATOR, GUARDIAN, LOOSENING_DELAY, 2);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, 0));
        hub.openVault(OPERATOR, GUARDIAN, LOOSENING_DELAY, 0);
    }

    /// Without a guardian nobody can pause it, not even whoever sends from the address 0.
    function test_aGuardianIsOptional() public {
        vm.prank(OPENER);
        bytes32 id = hub.openVault(OPERATOR, address(0), LOOSENING_DELAY, mandate);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotGuardian.selector, GUARDIAN));
        vm.prank(GUARDIAN);
        hub.pause(id);
    }
}
