// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Batches} from "../Batches.sol";
import {Meter} from "../Meter.sol";
import {Scene} from "../Scene.sol";

/// Figures for the snapshot file: 50 vaults of one operator under one mandate, each of them rebalanced before.
contract HubGasTest is Scene {
    /// Two cold storage slots, read and changed from one value other than 0 to another (EIP-2929, EIP-3529).
    uint256 private constant STATE_GAS = 2 * (2_100 + 2_900);
    /// Two topics and six words.
    uint256 private constant EVENT_GAS = 375 + 2 * 375 + 8 * 32 * 6;

    bytes32[] private ids;

    function batch(uint256 n, uint32 round) private view returns (IRebalanceHub.BatchedRebalance[] memory rebalances) {
        rebalances = new IRebalanceHub.BatchedRebalance[](n);
        for (uint256 i; i < n; ++i) {
            rebalances[i] = entry(ids[i], commitment(i, round), round);
        }
    }

    function commitment(uint256 i, uint32 round) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(i, round))) >> 3;
    }

    function nextRound() private returns (uint32) {
        vm.warp(block.timestamp + 1 hours);
        return takeRound();
    }

    function measure(uint8 size, string memory name) private {
        build(size);
        for (uint256 i; i < 50; ++i) {
            ids.push(open());
        }
        uint32 round = takeRound();
        submitBatch(round, batch(50, round));

        round = nextRound();
        IRebalanceHub.Rebalance memory r = proven(ids[0], commitment(0, round), round);
        vm.prank(OPERATOR);
        hub.submit(ids[0], r);
        vm.snapshotGasLastCall("RebalanceHub", string.concat("submit, ", name));
        measureBatch(1, string.concat("batch of 1, ", name));
        measureBatch(2, string.concat("batch of 2, ", name));
        measureBatch(5, string.concat("batch of 5, ", name));
        measureBatch(10, string.concat("batch of 10, ", name));
        uint256 twenty = measureBatch(20, string.concat("batch of 20, ", name));
        uint256 fifty = measureBatch(50, string.concat("batch of 50, ", name));
        splitFurtherProof((fifty - twenty) / 30, name);
    }

    function splitFurtherProof(uint256 further, string memory name) private {
        vm.snapshotValue("RebalanceHub", string.concat("further proof, ", name), further);
        uint32 round = nextRound();
        uint256 verification = (verifierGas(50, round) - verifierGas(20, round)) / 30;
        vm.snapshotValue("RebalanceHub", string.concat("further proof, ", name, ": verification"), verification);
        uint256 calldata_ = calldataGas(abi.encode(batch(1, round)[0]));
        vm.snapshotValue("RebalanceHub", string.concat("further proof, ", name, ": calldata"), calldata_);
        vm.snapshotValue("RebalanceHub", string.concat("further proof, ", name, ": state"), STATE_GAS);
        vm.snapshotValue("RebalanceHub", string.concat("further proof, ", name, ": event"), EVENT_GAS);
        uint256 rest = further - verification - calldata_ - STATE_GAS - EVENT_GAS;
        vm.snapshotValue("RebalanceHub", string.concat("further proof, ", name, ": rest"), rest);
    }

    /// What the batch verifier uses for n proofs, without the transaction around it.
    function verifierGas(uint256 n, uint32 round) private returns (uint256 used) {
        (,, uint256[] memory shared) = oracle.snapshot(round);
        bytes memory words;
        for (uint256 i; i < n; ++i) {
            IRebalanceHub.Rebalance memory r = proven(ids[i], commitment(i, round), round);
            words = bytes.concat(words, Batches.words(r.proof, r.signals, shared.length));
        }
        bytes memory input = Batches.call(abi.encodePacked(shared), words);
        return new Meter().gasOf(address(hub.keyOf(terms.key).batchVerifier), input);
    }

    function calldataGas(bytes memory data) private pure returns (uint256 gas_) {
        for (uint256 i; i < data.length; ++i) {
            gas_ += data[i] == 0 ? 4 : 16;
        }
    }

    function measureBatch(uint256 n, string memory name) private returns (uint256) {
        uint32 round = nextRound();
        submitBatch(round, batch(n, round));
        return vm.snapshotGasLastCall("RebalanceHub", name);
    }

    function test_gas8() public {
        measure(8, "8 slots");
    }

    function test_gas16() public {
        measure(16, "16 slots");
    }

    function test_gas32() public {
        measure(32, "32 slots");
    }
}
