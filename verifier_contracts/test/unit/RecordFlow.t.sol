// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

contract RecordFlowTest is Scene {
    int64 private constant BOUND = 2 ** 56;

    function setUp() public {
        open(8);
    }

    function pending() private view returns (int256) {
        return hub.vaultState(vaultId).pendingFlow;
    }

    function test_flowsAddUp() public {
        recordFlow(5);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.FlowRecorded(vaultId, -7, -2);
        recordFlow(-7);
        vm.assertEq(pending(), -2);
    }

    function test_upToTheSignalsRange() public {
        recordFlow(BOUND - 1);
        vm.assertEq(pending(), BOUND - 1);
        recordFlow(-BOUND + 1);
        recordFlow(-BOUND);
        vm.assertEq(pending(), -BOUND);
    }

    function test_refusesOnePastTheRange() public {
        recordFlow(BOUND - 1);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, BOUND));
        recordFlow(1);
    }

    function test_refusesOneBelowTheRange() public {
        recordFlow(-BOUND);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, -BOUND - 1));
        recordFlow(-1);
    }

    function test_refusesTheWidestIntegers() public {
        recordFlow(-1);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, int256(type(int64).min) - 1));
        recordFlow(type(int64).min);
    }

    function test_refusesAnyoneElse() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotFlowSource.selector, OPERATOR));
        vm.prank(OPERATOR);
        hub.recordFlow(vaultId, 1);
    }

    function test_refusesUnknownVault() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, bytes32(0)));
        hub.recordFlow(0, 1);
    }
}
