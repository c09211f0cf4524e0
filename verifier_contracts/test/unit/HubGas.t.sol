// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
import {Batches} from "../Batches.sol";
import {Meter} from "../Meter.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";

/// Figures for the snapshot file: 50 vaults of one operator under one mandate, each of them rebalanced before, an hour
/// apart. Nothing has flowed, and of 16 slots the last has no price, as may well be: each saves a batch one of the
/// verifier's multiplications.
contract HubGasTest is Scene {
    /// Two cold storage slots, read and changed from one value other than 0 to another (EIP-2929, EIP-3529).
    uint256 private constant STATE_GAS = 2 * (2_100 + 2_900);
    /// Two topics and three words.
    uint256 private constant EVENT_GAS = 375 + 2 * 375 + 8 * 32 * 3;

    bytes32[] private ids;

    function snap(string memory name) private returns (uint256) {
        return vm.snapshotGasLastCall("RebalanceHub", name);
    }

    function batch(uint256 n, uint32 round) private view returns (IRebalanceHub.BatchedRebalance[] memory rebalances) {
        rebalances = new IRebalanceHub.BatchedRebalance[](n);
        for (uint256 i; i < n; ++i) {
            rebalances[i] = entryOf(ids[i], stateOf(ids[i]).sequence + 1, rebalance(i, round));
        }
    }

    /// It trades, and names what it uses of each bucket; the first one of a vault is a heartbeat.
    function rebalance(uint256 i, uint32 round) private view returns (IRebalanceHub.Rebalance memory) {
        Allowances named = stateOf(ids[i]).sequence == 0 ? Allowances.wrap(0) : naming(12_000, 17_000, 50_000);
        return proven(ids[i], commitment(i, round), round, named);
    }

    function commitment(uint256 i, uint32 round) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(i, round))) >> 3;
    }

    function nextRound() private returns (uint32) {
        vm.warp(block.timestamp + 1 hours);
        return takeRound();
    }

    function openVaults(uint256 n) private {
        for (uint256 i; i < n; ++i) {
            ids.push(open());
        }
        uint32 round = takeRound();
        submitBatch(batch(n, round));
    }

    function measureSubmit(string memory name) private returns (uint256) {
        uint32 round = nextRound();
        IRebalanceHub.Rebalance memory r = rebalance(0, round);
        vm.prank(OPERATOR);
        hub.submit(ids[0], r);
        return snap(name);
    }

    function measureBatch(uint256 n, string memory name) private returns (uint256) {
        uint32 round = nextRound();
        submitBatch(batch(n, round));
        return snap(name);
    }

    /// @return single what `submit` costs.
    /// @return twenty what a batch of 20 costs.
    function measure(uint8 size, string memory name) private returns (uint256 single, uint256 twenty) {
        build(size);
        openVaults(50);
        single = measureSubmit(string.concat("submit, ", name));
        measureBatch(1, string.concat("batch of 1, ", name));
        measureBatch(2, string.concat("batch of 2, ", name));
        measureBatch(5, string.concat("batch of 5, ", name));
        measureBatch(10, string.concat("batch of 10, ", name));
        twenty = measureBatch(20, string.concat("batch of 20, ", name));
        uint256 fifty = measureBatch(50, string.concat("batch of 50, ", name));
        splitFurtherProof((fifty - twenty) / 30, string.concat("further proof, ", name));
    }

    /// A further proof's cost: what the verifier takes, the calldata, the state and the event by their prices, and the
    /// rest.
    function splitFurtherProof(uint256 further, string memory name) private {
        vm.snapshotValue("RebalanceHub", name, further);
        uint32 round = nextRound();
        uint256 verification = (verifierGas(50, round) - verifierGas(20, round)) / 30;
        uint256 calldata_ = calldataGas(abi.encode(batch(1, round)[0]));
        vm.snapshotValue("RebalanceHub", string.concat(name, ": verification"), verification);
        vm.snapshotValue("RebalanceHub", string.concat(name, ": calldata"), calldata_);
        vm.snapshotValue("RebalanceHub", string.concat(name, ": state"), STATE_GAS);
        vm.snapshotValue("RebalanceHub", string.concat(name, ": event"), EVENT_GAS);
        uint256 rest = further - verification - calldata_ - STATE_GAS - EVENT_GAS;
        vm.snapshotValue("RebalanceHub", string.concat(name, ": rest"), rest);
    }

    /// What the batch verifier uses for n proofs, without the transaction around it.
    function verifierGas(uint256 n, uint32 round) private returns (uint256 used) {
        (,, uint256[] memory shared) = oracle.snapshot(round);
        bytes memory words;
        for (uint256 i; i < n; ++i) {
            IRebalanceHub.Rebalance memory r = rebalance(i, round);
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

    function test_gas8() public {
        measure(8, "8 slots");
    }

    /// In a batch of 20 a rebalance costs less than a quarter of what it costs alone.
    function test_gas16() public {
        (uint256 single, uint256 twenty) = measure(16, "16 slots");
        vm.assertLt(twenty * 4, single * 20);
    }

    function test_gas32() public {
        measure(32, "32 slots");
    }

    /// Every flow is one out of the book, the dearest to encode, so that one more scalar of the key is other than 0. Then
    /// every vault has a mandate of its own on top.
    function test_gasWithoutLuck() public {
        build(16);
        openVaults(20);
        recordFlows();
        uint256 single = measureSubmit("submit, 16 slots, with a flow");
        recordFlows();
        uint256 twenty = measureBatch(20, "batch of 20, 16 slots, with flows");
        vm.assertLt(twenty * 7, single * 2 * 20); // two sevenths: a flow lies in a slot of its own
        for (uint256 i; i < 20; ++i) {
            terms.gain.cap -= 1;
            bytes32 own = hub.addMandate(terms);
            vm.prank(OPERATOR);
            hub.proposeMandate(ids[i], own);
        }
        recordFlows();
        measureBatch(20, "batch of 20, 16 slots, with flows and a mandate each");
    }

    function recordFlows() private {
        for (uint256 i; i < 20; ++i) {
            vm.prank(OPENER);
            hub.recordFlow(ids[i], -1);
        }
    }

    function test_gasOfTheRest() public {
        build(16);
        IRebalanceHub.Key memory key = hub.keyOf(terms.key);
        hub.addKey(key.verifier, Trapdoor.batchVerifier(11), key.slots);
        snap("add a key");
        terms.writeDownPpm -= 1;
        bytes32 tighter = hub.addMandate(terms);
        snap("add a mandate");
        open();
        snap("open a vault");
        recordFlow(1);
        snap("record a flow");
        propose(tighter);
        snap("tighten a mandate");
        terms.maxProofAge += 1;
        bytes32 looser = hub.addMandate(terms);
        propose(looser);
        snap("propose a looser mandate");
        warpFresh(NOON + LOOSENING_DELAY);
        hub.activateMandate(vaultId, looser);
        snap("activate a looser mandate");
        announce(1);
        snap("announce a write-down");
    }
}
