// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "../../src/interfaces/IBatchVerifier.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Base} from "../Base.sol";
import {Batches} from "../Batches.sol";
import {Mutants} from "../Mutants.sol";
import {Trapdoor} from "../Trapdoor.sol";
import {SingleVerifier} from "../mocks/SingleVerifier.sol";

/// The batch verifier and snarkjs's own, on valid proofs and on mutants of them.
contract BatchVerdictsTest is Base {
    uint256[3] private counts = [uint256(9), 11, 14];
    mapping(uint256 count => address) private verifiers;
    mapping(uint256 count => IBatchVerifier) private batchVerifiers;
    SingleVerifier private single;
    bytes32 private state;

    function setUp() public {
        for (uint256 i; i < 3; ++i) {
            verifiers[counts[i]] = Trapdoor.verifier(counts[i]);
            batchVerifiers[counts[i]] = Trapdoor.batchVerifier(counts[i]);
        }
        single = new SingleVerifier();
    }

    function random() private returns (uint256) {
        state = keccak256(abi.encode(state));
        return uint256(state);
    }

    function randomProof(uint256 count) private returns (Groth16.Proof memory proof, uint256[] memory signals) {
        signals = new uint256[](count);
        for (uint256 j; j < count; ++j) {
            signals[j] = random() % Signals.FIELD;
        }
        proof = Trapdoor.prove(signals, random());
    }

    /// A batch is valid if each of its proofs is. Half of the proofs are mutants.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_aBatchIsAsValidAsEachOfItsProofs(bytes32 seed) public {
        state = seed;
        uint256 count = counts[random() % 3];
        uint256 n = 1 + random() % 4;
        bool all = true;
        bytes memory words;
        for (uint256 i; i < n; ++i) {
            (Groth16.Proof memory proof, uint256[] memory signals) = randomProof(count);
            bool mutant = random() % 2 == 0;
            if (mutant) Mutants.mutate(proof, signals, random() % Mutants.KINDS, random());
            bool valid = single.accepts(verifiers[count], proof, signals);
            vm.assertTrue(valid != mutant);
            all = all && valid;
            words = bytes.concat(words, Batches.words(proof, signals));
        }
        vm.assertTrue(Batches.verify(batchVerifiers[count], words) == all);
    }

    /// The same proofs with their last signals shared or not.
    /// forge-config: default.fuzz.runs = 50
    function testFuzz_sharedSignalsChangeNoVerdict(bytes32 seed) public {
        state = seed;
        uint256 count = counts[random() % 3];
        uint256 shared = random() % (count + 1);
        bytes memory apart;
        bytes memory together;
        uint256[] memory last = new uint256[](shared);
        for (uint256 i; i < 3; ++i) {
            (Groth16.Proof memory proof, uint256[] memory signals) = randomProof(count);
            for (uint256 k; k < shared; ++k) {
                if (i == 0) last[k] = signals[count - shared + k];
                else signals[count - shared + k] = last[k];
            }
            proof = Trapdoor.prove(signals, i);
            if (random() % 6 == 0) Mutants.mutate(proof, signals, 9 + random() % 7, random()); // none of the signals
            apart = bytes.concat(apart, Batches.words(proof, signals));
            together = bytes.concat(together, Batches.words(proof, signals, shared));
        }
        IBatchVerifier verifier = batchVerifiers[count];
        (bool ok, bytes memory answer) = address(verifier).staticcall(Batches.call(abi.encodePacked(last), together));
        vm.assertTrue(ok && abi.decode(answer, (bool)) == Batches.verify(verifier, apart));
    }

    /// Ten mutants a run against the bytecode of both verifiers: 1,000 by default, 100,000 with FOUNDRY_PROFILE=long.
    /// forge-config: default.fuzz.runs = 100
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_badProofsAreRefused(bytes32 seed) public {
        state = seed;
        for (uint256 i; i < 10; ++i) {
            uint256 count = counts[random() % 3];
            (Groth16.Proof memory proof, uint256[] memory signals) = randomProof(count);
            Mutants.mutate(proof, signals, random() % Mutants.KINDS, random());
            vm.assertFalse(single.accepts(verifiers[count], proof, signals));
            vm.assertFalse(Batches.verify(batchVerifiers[count], Batches.words(proof, signals)));
        }
    }
}
