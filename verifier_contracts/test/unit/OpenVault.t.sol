// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
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
            IRebalanceHub.VaultState memory expected = IRebalanceHub.VaultState({
                commitment: EmptyBook.commitment(sizes[i]),
                sequence: 0,
                navFloor: 0,
                snapshotTimestamp: NOON - 1, // when it was opened
                pendingFlow: 0,
                mandateVersion: 1,
                loosenedVersion: 1,
                mandate: mandate,
                roundsAfter: NOON - 1,
                ordersWait: false,
                writeDownOpen: false,
                lastWriteDown: 0,
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

    function test_delayFromADayTo90() public {
        (uint32 least, uint32 most) = (hub.LEAST_LOOSENING_DELAY(), hub.MOST_LOOSENING_DELAY());
        vm.assertEq(uint256(least), 1 days);
        vm.assertEq(uint256(most), 90 days);
        uint32[4] memory others = [uint32(0), least - 1, most + 1, type(uint32).max];
        for (uint256 i; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.DelayOutOfRange.selector, others[i], least, most));
            hub.openVault(OPERATOR, GUARDIAN, others[i], mandate);
        }
        hub.openVault(OPERATOR, GUARDIAN, least, mandate);
        hub.openVault(OPERATOR, GUARDIAN, most, mandate);
    }

    function test_refusesUnknownMandate() public {
        bytes32[2] memory others = [bytes32(0), bytes32(uint256(mandate) + 1)];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, others[i]));
            hub.openVault(OPERATOR, GUARDIAN, LOOSENING_DELAY, others[i]);
        }
    }

    /// Whatever the caps, the buckets start full, and the empty book earns and costs nothing.
    function test_bucketsStartFull() public {
        Allowances first = hub.allowancesAt(vaultId, NOON);
        vm.assertEq(Allowances.unwrap(first), Allowances.unwrap(naming(0, 0, terms.turnover.cap)));
        submit(proven(vaultId, 1, takeRound()));
        Allowances second = hub.allowancesAt(vaultId, NOON);
        Allowances full = naming(terms.gain.cap, terms.loss.cap, terms.turnover.cap);
        vm.assertEq(Allowances.unwrap(second), Allowances.unwrap(full));
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
