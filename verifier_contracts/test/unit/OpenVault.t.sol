// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {EmptyBook} from "../../src/libraries/EmptyBook.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Scene} from "../Scene.sol";

contract OpenVaultTest is Scene {
    IRebalanceHub.VaultConfig private c;

    function setUp() public {
        open(8);
        c = config(8);
    }

    function refuse(bytes memory reason) private {
        vm.expectRevert(reason);
        hub.openVault(c);
    }

    function test_startsFromTheEmptyBook() public {
        uint8[3] memory sizes = [8, 16, 32];
        for (uint256 i; i < 3; ++i) {
            IRebalanceHub.VaultState memory state = hub.vaultState(hub.openVault(config(sizes[i])));
            vm.assertEq(state.commitment, EmptyBook.commitment(sizes[i]));
            vm.assertEq(uint256(state.sequence), 0);
            vm.assertEq(uint256(state.policyVersion), 1);
            vm.assertEq(uint256(state.lastProvenAt), 0);
            vm.assertEq(int256(state.pendingFlow), 0);
        }
    }

    function test_idIsKnownBefore() public {
        vm.assertEq(hub.vaultsOpened(OPENER), 1);
        bytes32 next = keccak256(abi.encode(block.chainid, address(hub), OPENER, uint256(1)));
        vm.expectEmit(address(hub));
        emit IRebalanceHub.VaultOpened(next, OPENER, c);
        vm.prank(OPENER);
        vm.assertEq(hub.openVault(c), next);
    }

    function test_keepsItsConfig() public {
        vm.assertEq(abi.encode(hub.vaultConfig(hub.openVault(c))), abi.encode(c));
    }

    function test_accrualCapUpToTheSignalsRange() public {
        c.accrualCapPpm = 2 ** 20 - 1;
        hub.openVault(c);
        c.accrualCapPpm = 2 ** 20;
        refuse(abi.encodeWithSelector(IRebalanceHub.AccrualCapOutOfRange.selector, 2 ** 20));
    }

    function test_refusesNoOperator() public {
        c.operator = address(0);
        refuse(abi.encodeWithSelector(IRebalanceHub.ZeroAddress.selector));
    }

    function test_refusesNoFlowSource() public {
        c.flowSource = address(0);
        refuse(abi.encodeWithSelector(IRebalanceHub.ZeroAddress.selector));
    }

    function test_refusesVerifierWithoutCode() public {
        c.verifier = STRANGER;
        refuse(abi.encodeWithSelector(IRebalanceHub.NoCode.selector, STRANGER));
    }

    function test_refusesOracleWithoutCode() public {
        c.oracle = IPriceOracle(STRANGER);
        refuse(abi.encodeWithSelector(IRebalanceHub.NoCode.selector, STRANGER));
    }

    function test_refusesUnknownSize() public {
        c.slots = 9;
        refuse(abi.encodeWithSelector(IRebalanceHub.UnsupportedSlots.selector, 9));
    }

    function test_refusesPolicyHashZero() public {
        c.policyHash = 0;
        refuse(abi.encodeWithSelector(IRebalanceHub.InvalidPolicyHash.selector));
    }

    function test_refusesPolicyHashOutsideTheField() public {
        c.policyHash = Signals.FIELD - 1;
        hub.openVault(c);
        c.policyHash = Signals.FIELD;
        refuse(abi.encodeWithSelector(IRebalanceHub.InvalidPolicyHash.selector));
    }

    function test_refusesNoSnapshotAge() public {
        c.maxSnapshotAge = 0;
        refuse(abi.encodeWithSelector(IRebalanceHub.ZeroSnapshotAge.selector));
    }
}
