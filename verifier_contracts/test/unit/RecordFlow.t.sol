// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

contract RecordFlowTest is Scene {
    int64 private constant BOUND = 2 ** 56;

    function setUp() public override {
        super.setUp();
        build(8);
    }

    function pending() private view returns (int256) {
        return stateOf(vaultId).pendingFlow;
    }

    function refuseFlow(int64 flow, bytes memory reason) private {
        vm.expectRevert(reason);
        recordFlow(flow);
    }

    function test_flowsAddUp() public {
        recordFlow(5);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.FlowRecorded(vaultId, -7, -2);
        recordFlow(-7);
        vm.assertEq(pending(), -2);
        recordFlow(0);
        vm.assertEq(pending(), -2);
    }

    function test_nothingElseChanges() public {
        submit(proven(vaultId, 1, takeRound()));
        IRebalanceHub.VaultState memory expected = stateOf(vaultId);
        recordFlow(-9);
        expected.pendingFlow = -9;
        vm.assertEq(abi.encode(stateOf(vaultId)), abi.encode(expected));
    }

    function test_aProofStatesThemAndTheyStartAgain() public {
        recordFlow(5);
        submit(proven(vaultId, 1, takeRound()));
        vm.assertEq(pending(), 0);
    }

    // --- range ---

    function test_upToTheSignalsRange() public {
        recordFlow(BOUND - 1);
        vm.assertEq(pending(), BOUND - 1);
        recordFlow(-BOUND + 1);
        recordFlow(-BOUND);
        vm.assertEq(pending(), -BOUND);
    }

    function test_refusesOnePastTheRange() public {
        recordFlow(BOUND - 1);
        refuseFlow(1, abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, BOUND));
        refuseFlow(BOUND, abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, 2 * BOUND - 1));
    }

    function test_refusesOneBelowTheRange() public {
        recordFlow(-BOUND);
        refuseFlow(-1, abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, -BOUND - 1));
    }

    function test_refusesTheWidestIntegers() public {
        int64 widest = type(int64).max;
        recordFlow(1);
        refuseFlow(widest, abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, int256(widest) + 1));
        recordFlow(-2);
        widest = type(int64).min;
        refuseFlow(widest, abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, int256(widest) - 1));
    }

    // --- who ---

    function test_refusesAnyoneButTheOpener() public {
        address[3] memory others = [OPERATOR, GUARDIAN, STRANGER];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOpener.selector, others[i]));
            vm.prank(others[i]);
            hub.recordFlow(vaultId, 1);
        }
    }

    function test_refusesUnknownVault() public {
        vaultId = bytes32(uint256(1));
        refuseFlow(1, abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId));
    }

    // --- when: into the book while it is active only, out of it always ---

    function requireOutOnly(IRebalanceHub.Status status) private {
        vm.assertTrue(hub.status(vaultId) == status);
        refuseFlow(1, abi.encodeWithSelector(IRebalanceHub.WrongStatus.selector, status));
        recordFlow(0);
        recordFlow(-1);
        vm.assertEq(pending(), -1);
    }

    function test_outOnlyWhileStale() public {
        vm.warp(LAST);
        recordFlow(1);
        recordFlow(-1);
        vm.warp(LAST + 1);
        requireOutOnly(IRebalanceHub.Status.Stale);
    }

    function test_outOnlyWhilePaused() public {
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
        requireOutOnly(IRebalanceHub.Status.Paused);
    }

    function test_outOnlyInWindDown() public {
        vm.prank(OPERATOR);
        hub.windDown(vaultId);
        requireOutOnly(IRebalanceHub.Status.WindDown);
    }
}
