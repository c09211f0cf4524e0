// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

/// What an accepted rebalance does, and that it works in one place and once. Proofs are real.
contract SubmitTest is Scene {
    function setUp() public {
        open(8);
        recordFlow(1_000_000);
    }

    function test_advancesTheState() public {
        vm.warp(NOON + 60);
        IRebalanceHub.Rebalance memory r = first8();
        vm.expectEmit(address(hub));
        emit IRebalanceHub.Rebalanced(vaultId, 1, r.signals[0], 1001, 77, 1_000_000, 0, 1);
        submit(r);

        IRebalanceHub.VaultState memory expected = IRebalanceHub.VaultState({
            commitment: 1001,
            sequence: 1,
            policyVersion: 1,
            navFloor: 77,
            lastRound: 1,
            lastSnapshotTimestamp: NOON,
            lastProvenAt: NOON + 60,
            pendingFlow: 0
        });
        vm.assertEq(abi.encode(hub.vaultState(vaultId)), abi.encode(expected));
    }

    function test_advancesAgainWithNegativeFlowAndAccrual() public {
        submit(first8());
        passHalfADay();
        vm.expectEmit(address(hub));
        emit IRebalanceHub.Rebalanced(vaultId, 2, 1001, 1002, 76, -250_000, 150, 2);
        submit(second8());
        vm.snapshotGasLastCall("RebalanceHub", "submit, 8 slots, not the first");
        vm.assertEq(hub.vaultState(vaultId).commitment, 1002);
    }

    function test_expectedSignalsAreThoseOfTheProof() public view {
        IRebalanceHub.Rebalance memory r = first8();
        uint256[] memory expected = hub.expectedSignals(vaultId, r.signals[1], r.signals[5], 1, DEADLINE);
        vm.assertEq(abi.encode(expected), abi.encode(r.signals));
        vm.assertEq(hub.context(vaultId, 1, DEADLINE), r.signals[6]);
    }

    // --- who and when ---

    function test_refusesUnknownVault() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, bytes32(uint256(1))));
        hub.submit(bytes32(uint256(1)), first8());
    }

    function test_refusesFrontRunner() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, STRANGER));
        vm.prank(STRANGER);
        hub.submit(vaultId, first8());
    }

    function test_untilTheDeadline() public {
        IRebalanceHub.Rebalance memory r = first8();
        r.deadline = uint64(block.timestamp) - 1;
        refuse(r, abi.encodeWithSelector(IRebalanceHub.DeadlinePassed.selector, r.deadline));
        // In its last second the deadline is no longer the reason; this proof was made for another deadline.
        r.deadline = uint64(block.timestamp);
        expectContextMismatch(vaultId, r);
        submit(r);
    }

    // --- in one place, once ---

    function expectContextMismatch(bytes32 id, IRebalanceHub.Rebalance memory r) private {
        uint256 expected = hub.context(id, r.oracleRound, r.deadline);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.ContextMismatch.selector, r.signals[6], expected));
    }

    function test_refusesReplay() public {
        submit(first8());
        refuse(
            first8(),
            abi.encodeWithSelector(IRebalanceHub.CommitmentMismatch.selector, first8().signals[0], uint256(1001))
        );
    }

    function test_refusesReplayOfAHeartbeat() public {
        recordFlow(-1_000_000);
        IRebalanceHub.Rebalance memory r = heartbeat8();
        submit(r);
        expectContextMismatch(vaultId, r);
        submit(r);
    }

    /// A Groth16 proof can be turned into another valid one, so it must not be what tells a replay.
    function test_refusesReplayOfARerandomisedHeartbeat() public {
        recordFlow(-1_000_000);
        IRebalanceHub.Rebalance memory r = heartbeat8();
        submit(r);
        negateAB(r);
        expectContextMismatch(vaultId, r);
        submit(r);
    }

    function test_acceptsARerandomisedProof() public {
        IRebalanceHub.Rebalance memory r = first8();
        negateAB(r);
        submit(r);
    }

    /// (−A, −B, C) is as valid as (A, B, C).
    function negateAB(IRebalanceHub.Rebalance memory r) private pure {
        uint256 q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
        r.proof.a[1] = q - r.proof.a[1];
        r.proof.b[1] = [q - r.proof.b[1][0], q - r.proof.b[1][1]];
    }

    function test_refusesOtherVault() public {
        vm.prank(OPENER);
        vaultId = hub.openVault(hub.vaultConfig(vaultId));
        recordFlow(1_000_000);
        IRebalanceHub.Rebalance memory r = first8();
        expectContextMismatch(vaultId, r);
        submit(r);
    }

    function test_refusesOtherChain() public {
        vm.chainId(1);
        IRebalanceHub.Rebalance memory r = first8();
        expectContextMismatch(vaultId, r);
        submit(r);
    }

    function test_refusesOtherHub() public {
        RebalanceHub other = new RebalanceHub();
        vm.prank(OPENER);
        bytes32 id = other.openVault(hub.vaultConfig(vaultId));
        vm.prank(FLOW_SOURCE);
        other.recordFlow(id, 1_000_000);
        IRebalanceHub.Rebalance memory r = first8();
        uint256 expected = other.context(id, 1, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.ContextMismatch.selector, r.signals[6], expected));
        vm.prank(OPERATOR);
        other.submit(id, r);
    }

    function test_refusesOtherDeadline() public {
        IRebalanceHub.Rebalance memory r = first8();
        r.deadline += 1;
        expectContextMismatch(vaultId, r);
        submit(r);
    }

    function test_refusesOtherRoundOfTheSamePrices() public {
        vm.warp(NOON + 1);
        oracle.post(priceWords(8, 1));
        IRebalanceHub.Rebalance memory r = first8();
        r.oracleRound = 2;
        expectContextMismatch(vaultId, r);
        submit(r);
    }
}

/// Every size has its verifier, and this is what a first rebalance costs.
contract SubmitSizesTest is Scene {
    function test_8() public {
        open(8);
        recordFlow(1_000_000);
        submit(first8());
        vm.snapshotGasLastCall("RebalanceHub", "submit, 8 slots");
    }

    function test_16() public {
        open(16);
        recordFlow(1_000_000);
        submit(first16());
        vm.snapshotGasLastCall("RebalanceHub", "submit, 16 slots");
    }

    function test_32() public {
        open(32);
        recordFlow(1_000_000);
        submit(first32());
        vm.snapshotGasLastCall("RebalanceHub", "submit, 32 slots");
    }
}
