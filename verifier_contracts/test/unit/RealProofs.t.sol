// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchVerifier} from "../../src/BatchVerifier.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Mutants} from "../Mutants.sol";
import {Scene} from "../Scene.sol";
import {Proofs} from "../generated/Proofs.sol";
import {TinyKeys} from "../generated/TinyKeys.sol";
import {TinyVerifier_11} from "../generated/TinyVerifier_11.sol";
import {TinyVerifier_14} from "../generated/TinyVerifier_14.sol";
import {TinyVerifier_9} from "../generated/TinyVerifier_9.sol";

/// The same hub with keys of a real setup and proofs by a real prover, made beforehand for this scene: everything that the
/// hub demands of them was known without it.
contract RealProofsTest is Scene {
    IRebalanceHub.BatchedRebalance[] private batch;

    /// A key whose secrets nobody knows is no development key.
    function addKey(uint8 size) internal override returns (bytes32) {
        uint256 signals = Signals.count(size);
        address verifier = signals == 9
            ? address(new TinyVerifier_9())
            : signals == 11 ? address(new TinyVerifier_11()) : address(new TinyVerifier_14());
        return hub.addKey(verifier, new BatchVerifier(TinyKeys.key(signals), false), size);
    }

    /// A vault of this size with a million in, at round 1.
    function start(uint8 size) private {
        build(size);
        takeRound();
        recordFlow(1_000_000);
    }

    /// Half a day later: slot 1 is worth 5% more, and a quarter has gone out.
    function later() private {
        vm.warp(NOON + 12 hours);
        post(1, dollars(21) / 10);
        vm.assertEq(uint256(takeRound()), 2);
        recordFlow(-250_000);
    }

    function rebalance(Groth16.Proof memory proof, uint256[] memory signals, uint32 round)
        private
        pure
        returns (IRebalanceHub.Rebalance memory)
    {
        return IRebalanceHub.Rebalance({proof: proof, signals: signals, round: round, deadline: DEADLINE});
    }

    function first8() private pure returns (IRebalanceHub.Rebalance memory) {
        (Groth16.Proof memory proof, uint256[] memory signals) = Proofs.first8();
        return rebalance(proof, signals, 1);
    }

    function second8() private pure returns (IRebalanceHub.Rebalance memory) {
        (Groth16.Proof memory proof, uint256[] memory signals) = Proofs.second8();
        return rebalance(proof, signals, 2);
    }

    function other8() private pure returns (IRebalanceHub.Rebalance memory) {
        (Groth16.Proof memory proof, uint256[] memory signals) = Proofs.other8();
        return rebalance(proof, signals, 1);
    }

    function first16() private pure returns (IRebalanceHub.Rebalance memory) {
        (Groth16.Proof memory proof, uint256[] memory signals) = Proofs.first16();
        return rebalance(proof, signals, 1);
    }

    function first32() private pure returns (IRebalanceHub.Rebalance memory) {
        (Groth16.Proof memory proof, uint256[] memory signals) = Proofs.first32();
        return rebalance(proof, signals, 1);
    }

    // --- one by one ---

    function test_twoInARow() public {
        start(8);
        submit(first8());
        later();
        submit(second8());
        vm.assertEq(stateOf(vaultId).commitment, 1002);
        vm.assertEq(uint256(stateOf(vaultId).sequence), 2);
    }

    function test_16() public {
        start(16);
        submit(first16());
        vm.assertEq(stateOf(vaultId).commitment, 1001);
    }

    function test_32() public {
        start(32);
        submit(first32());
        vm.assertEq(stateOf(vaultId).commitment, 1001);
    }

    // --- in a batch ---

    function test_batchesInARow() public {
        start(8);
        bytes32 other = open();
        batch.push(entryOf(vaultId, 1, first8()));
        batch.push(entryOf(other, 1, other8()));
        submitBatch(batch);
        vm.assertEq(stateOf(vaultId).commitment, 1001);
        vm.assertEq(stateOf(other).commitment, 2001);

        later();
        delete batch;
        batch.push(entryOf(vaultId, 2, second8()));
        submitBatch(batch);
        vm.assertEq(stateOf(vaultId).commitment, 1002);
    }

    function test_batchOf16() public {
        start(16);
        batch.push(entryOf(vaultId, 1, first16()));
        submitBatch(batch);
    }

    function test_batchOf32() public {
        start(32);
        batch.push(entryOf(vaultId, 1, first32()));
        submitBatch(batch);
    }

    // --- and refused ---

    function test_refusesChangedProofs() public {
        start(8);
        bytes32 other = open();
        for (uint256 k; k < 8; ++k) {
            IRebalanceHub.Rebalance memory r = first8();
            Mutants.setCoordinate(r.proof, k, Mutants.coordinate(r.proof, k) ^ 1);
            refuse(r, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
            delete batch;
            batch.push(entryOf(other, 1, other8()));
            batch.push(entryOf(vaultId, 1, r));
            refuseBatch(batch, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
        }
    }

    function test_refusesTheOtherVaultsProof() public {
        start(8);
        bytes32 other = open();
        batch.push(entryOf(vaultId, 1, other8()));
        batch.push(entryOf(other, 1, first8()));
        refuseBatch(batch, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
    }

    function test_refusesACancellingPair() public {
        start(8);
        batch.push(entryOf(vaultId, 1, first8()));
        batch.push(entryOf(open(), 1, other8()));
        uint256[2] memory first = batch[0].proof.c;
        batch[0].proof.c = batch[1].proof.c;
        batch[1].proof.c = first;
        refuseBatch(batch, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
    }

    function test_refusesReplay() public {
        start(8);
        submit(first8());
        refuse(first8(), abi.encodeWithSelector(IRebalanceHub.CommitmentMismatch.selector, first8().signals[0], 1001));
        batch.push(entryOf(vaultId, 1, first8()));
        refuseBatch(batch, abi.encodeWithSelector(IRebalanceHub.SequenceMismatch.selector, vaultId, 1, 2));
    }
}
