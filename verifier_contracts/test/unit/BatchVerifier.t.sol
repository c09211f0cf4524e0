// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "../../src/interfaces/IBatchVerifier.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Base} from "../Base.sol";
import {Batches} from "../Batches.sol";
import {Meter} from "../Meter.sol";
import {Mutants} from "../Mutants.sol";
import {Trapdoor} from "../Trapdoor.sol";
import {TrapdoorKeys} from "../generated/TrapdoorKeys.sol";

/// The batch verifier by itself: true for valid proofs only, and for none that were made to cancel each other.
contract BatchVerifierTest is Base {
    uint256 private constant Q = Groth16.BASE_FIELD;
    uint256 private constant R = Signals.FIELD;
    /// Signals of a proof here, if nothing else is said.
    uint256 private constant COUNT = 9;

    IBatchVerifier private verifier;

    function setUp() public {
        verifier = Trapdoor.batchVerifier(COUNT);
    }

    // --- making batches ---

    /// Proof i of a batch, of signals of its own.
    struct Item {
        Groth16.Proof proof;
        uint256[] signals;
    }

    function items(uint256 n, uint256 count) private view returns (Item[] memory made) {
        made = new Item[](n);
        for (uint256 i; i < n; ++i) {
            uint256[] memory signals = new uint256[](count);
            for (uint256 j; j < count; ++j) {
                signals[j] = uint256(keccak256(abi.encode(i, j))) % R;
            }
            made[i] = Item(Trapdoor.prove(signals, i), signals);
        }
    }

    function pack(Item[] memory batch) private pure returns (bytes memory words) {
        for (uint256 i; i < batch.length; ++i) {
            words = bytes.concat(words, Batches.words(batch[i].proof, batch[i].signals));
        }
    }

    function accepts(Item[] memory batch) private view returns (bool) {
        return Batches.verify(verifier, pack(batch));
    }

    // --- what it accepts ---

    function test_acceptsValidProofs() public {
        uint256[3] memory counts = [uint256(9), 11, 14];
        for (uint256 i; i < 3; ++i) {
            verifier = Trapdoor.batchVerifier(counts[i]);
            vm.assertTrue(accepts(items(1, counts[i])));
            vm.assertTrue(accepts(items(2, counts[i])));
            vm.assertTrue(accepts(items(7, counts[i])));
        }
    }

    function test_acceptsTheSameProofTwice() public view {
        Item[] memory batch = items(2, COUNT);
        batch[1] = batch[0];
        vm.assertTrue(accepts(batch));
    }

    function test_acceptsRerandomisedProofs() public view {
        Item[] memory batch = items(3, COUNT);
        Mutants.negateAB(batch[1].proof);
        batch[2].proof = Trapdoor.prove(batch[2].signals, 99);
        vm.assertTrue(accepts(batch));
    }

    /// Also where a point happens to be at infinity: the equation decides.
    function test_acceptsPointsAtInfinity() public view {
        Item[] memory batch = items(2, COUNT);
        proveWithAAtInfinity(batch[0]);
        proveWithCAtInfinity(batch[1]);
        vm.assertTrue(accepts(batch));
    }

    /// A precompile that fails writes nothing, and nothing is the point at infinity.
    function test_takesNoInvalidPointForInfinity() public view {
        for (uint256 i; i < 2; ++i) {
            Item[] memory batch = items(2, COUNT);
            proveWithAAtInfinity(batch[i]);
            batch[i].proof.a = [uint256(1), 1];
            vm.assertFalse(accepts(batch));
            proveWithCAtInfinity(batch[i]);
            batch[i].proof.c = [uint256(1), 1];
            vm.assertFalse(accepts(batch));
        }
    }

    function proveWithAAtInfinity(Item memory item) private view {
        (TrapdoorKeys.Secrets memory s,) = TrapdoorKeys.key(COUNT);
        item.proof.a = [uint256(0), 0];
        item.proof.c = Trapdoor.multiple(mulmod(R - rightSide(s, item), Trapdoor.inverse(s.delta), R));
    }

    function proveWithCAtInfinity(Item memory item) private view {
        (TrapdoorKeys.Secrets memory s,) = TrapdoorKeys.key(COUNT);
        item.proof.a = Trapdoor.multiple(mulmod(rightSide(s, item), Trapdoor.inverse(TrapdoorKeys.B), R));
        item.proof.c = [uint256(0), 0];
    }

    /// What a·b − δ·c has to be: α·β + γ·(ic_0 + Σ x_j·ic_j), with γ = 1.
    function rightSide(TrapdoorKeys.Secrets memory s, Item memory item) private pure returns (uint256 right) {
        right = addmod(mulmod(s.alpha, s.beta, R), s.ic[0], R);
        for (uint256 j; j < COUNT; ++j) {
            right = addmod(right, mulmod(s.ic[j + 1], item.signals[j], R), R);
        }
    }

    function test_acceptsZerosAndTheGreatestSignals() public view {
        Item[] memory batch = items(3, COUNT);
        for (uint256 j; j < COUNT; ++j) {
            batch[0].signals[j] = batch[1].signals[j] = 0;
            batch[2].signals[j] = R - 1;
        }
        for (uint256 i; i < 3; ++i) {
            batch[i].proof = Trapdoor.prove(batch[i].signals, i);
        }
        vm.assertTrue(accepts(batch));
    }

    // --- shared signals ---

    /// As `batch`, with as many last signals as the first proof's, passed once.
    function acceptsShared(Item[] memory batch, uint256 shared) private view returns (bool) {
        uint256[] memory last = new uint256[](shared);
        bytes memory words;
        for (uint256 k; k < shared; ++k) {
            last[k] = batch[0].signals[COUNT - shared + k];
        }
        for (uint256 i; i < batch.length; ++i) {
            words = bytes.concat(words, Batches.words(batch[i].proof, batch[i].signals, shared));
        }
        (bool ok, bytes memory answer) = address(verifier).staticcall(Batches.call(abi.encodePacked(last), words));
        return ok && abi.decode(answer, (bool));
    }

    function test_sharedSignalsArePassedOnce() public view {
        for (uint256 shared; shared <= COUNT; ++shared) {
            Item[] memory batch = items(2, COUNT);
            for (uint256 k = COUNT - shared; k < COUNT; ++k) {
                batch[1].signals[k] = batch[0].signals[k];
            }
            batch[1].proof = Trapdoor.prove(batch[1].signals, 1);
            vm.assertTrue(acceptsShared(batch, shared));
            if (shared == 0) continue;
            batch[0].signals[COUNT - 1] ^= 1;
            vm.assertFalse(acceptsShared(batch, shared));
        }
    }

    function test_refusesAProofThatDoesNotShareTheSignals() public view {
        Item[] memory batch = items(2, COUNT);
        vm.assertFalse(acceptsShared(batch, 1));
    }

    function test_refusesSharedSignalsOutsideTheField() public view {
        Item[] memory batch = items(1, COUNT);
        vm.assertTrue(acceptsShared(batch, 2));
        for (uint256 k; k < 2; ++k) {
            batch[0].signals[COUNT - 1 - k] += R;
            vm.assertFalse(acceptsShared(batch, 2));
            batch[0].signals[COUNT - 1 - k] -= R;
        }
    }

    function test_refusesMoreSharedSignalsThanThereAre() public view {
        for (uint256 more = 1; more < 8; ++more) {
            bytes memory input = Batches.call(new bytes(32 * (COUNT + more)), new bytes(32 * (8 - more)));
            (bool ok, bytes memory answer) = address(verifier).staticcall{gas: 1_000_000}(input);
            vm.assertTrue(ok && !abi.decode(answer, (bool)));
        }
    }

    // --- number of words ---

    function test_refusesNothing() public view {
        vm.assertFalse(Batches.verify(verifier, ""));
    }

    function test_refusesAnyOtherNumberOfWords() public view {
        bytes memory words = pack(items(2, COUNT));
        for (uint256 less = 1; less < 2 * (8 + COUNT); ++less) {
            bytes memory short = bytes.concat(words);
            assembly ("memory-safe") {
                mstore(short, sub(mload(short), mul(less, 32)))
            }
            // Half of them are the first proof alone.
            vm.assertTrue(Batches.verify(verifier, short) == (less == 8 + COUNT));
        }
        vm.assertFalse(Batches.verify(verifier, bytes.concat(words, bytes32(0))));
    }

    function test_refusesProofsOfAnotherSize() public view {
        vm.assertFalse(accepts(items(1, 11)));
        vm.assertFalse(accepts(items(17, 11))); // 17·19 words are 19·17
    }

    // --- invalid proofs, at every place of a batch ---

    function test_refusesEveryMutantAtEveryPlace() public view {
        for (uint256 n = 1; n <= 3; ++n) {
            for (uint256 i; i < n; ++i) {
                for (uint256 kind; kind < Mutants.KINDS; ++kind) {
                    Item[] memory batch = items(n, COUNT);
                    uint256 random = uint256(keccak256(abi.encode(n, i, kind)));
                    Mutants.mutate(batch[i].proof, batch[i].signals, kind, random);
                    vm.assertFalse(accepts(batch));
                }
            }
        }
    }

    function test_refusesAliasedSignals() public view {
        for (uint256 j; j < COUNT; ++j) {
            Item[] memory batch = items(2, COUNT);
            batch[1].signals[j] += R;
            vm.assertFalse(accepts(batch));
        }
    }

    function test_refusesAliasedCoordinates() public view {
        for (uint256 k; k < 8; ++k) {
            Item[] memory batch = items(2, COUNT);
            Mutants.setCoordinate(batch[1].proof, k, Mutants.coordinate(batch[1].proof, k) + Q);
            vm.assertFalse(accepts(batch));
        }
    }

    // --- proofs made to cancel each other ---

    function plus(uint256[2] memory point, uint256 scalar) private view returns (uint256[2] memory) {
        return Trapdoor.add(point, Trapdoor.multiple(scalar));
    }

    /// C + w'·P and C' − w·P: wrong both, and right together under the powers w and w'. For powers that a careless verifier
    /// might take: equal ones, 1 for the first, the place in the batch.
    function test_refusesPairsThatCancelUnderKnownPowers() public view {
        uint256[2][4] memory powers =
            [[uint256(1), 1], [uint256(1), 2], [uint256(2), 3], [uint256(1), uint256(keccak256("")) % R]];
        for (uint256 k; k < 4; ++k) {
            Item[] memory batch = items(2, COUNT);
            batch[0].proof.c = plus(batch[0].proof.c, powers[k][1]);
            batch[1].proof.c = plus(batch[1].proof.c, R - powers[k][0]);
            vm.assertFalse(accepts(batch));
        }
    }

    function test_refusesSwappedC() public view {
        Item[] memory batch = items(3, COUNT);
        (batch[0].proof.c, batch[2].proof.c) = (batch[2].proof.c, batch[0].proof.c);
        vm.assertFalse(accepts(batch));
    }

    function test_refusesSwappedA() public view {
        Item[] memory batch = items(3, COUNT); // B is the same in all of them
        (batch[0].proof.a, batch[2].proof.a) = (batch[2].proof.a, batch[0].proof.a);
        vm.assertFalse(accepts(batch));
    }

    function test_refusesSwappedSignals() public view {
        Item[] memory batch = items(3, COUNT);
        (batch[0].signals, batch[2].signals) = (batch[2].signals, batch[0].signals);
        vm.assertFalse(accepts(batch));
    }

    // --- powers that depend on everything ---

    /// The powers by their definition.
    function powersOf(bytes memory shared, bytes memory words, uint256 n)
        private
        view
        returns (uint256[] memory powers)
    {
        bytes32 seed = keccak256(abi.encodePacked(verifier.keyHash(), shared.length / 32, shared, words));
        powers = new uint256[](n);
        for (uint256 i; i < n; ++i) {
            powers[i] = uint256(keccak256(abi.encode(seed, i))) % R;
        }
    }

    /// A and C of every proof are multiplied by just these.
    function test_powersByTheirDefinition() public {
        Item[] memory batch = items(3, COUNT);
        uint256[] memory powers = powersOf("", pack(batch), 3);
        for (uint256 i; i < 3; ++i) {
            vm.expectCall(address(7), abi.encode(batch[i].proof.a, powers[i]));
            vm.expectCall(address(7), abi.encode(batch[i].proof.c, powers[i]));
        }
        vm.assertTrue(accepts(batch));
    }

    function testFuzz_powersByTheirDefinition(
        bytes32[15] memory first,
        bytes32[15] memory second,
        bytes32[2] memory last
    ) public {
        bytes memory shared = abi.encodePacked(last);
        bytes memory words = abi.encodePacked(first, second);
        uint256[] memory powers = powersOf(shared, words, 2);
        vm.expectCall(address(7), abi.encode(first[0], first[1], powers[0]));
        vm.expectCall(address(7), abi.encode(first[6], first[7], powers[0]));
        vm.expectCall(address(7), abi.encode(second[0], second[1], powers[1]));
        vm.expectCall(address(7), abi.encode(second[6], second[7], powers[1]));
        (bool ok, bytes memory answer) = address(verifier).staticcall(Batches.call(shared, words));
        vm.assertTrue(ok && !abi.decode(answer, (bool)));
    }

    /// Two wrong proofs that cancel under the powers of the right ones, changed in C, in A, or in any one signal. The
    /// changed words change the powers; if they left any kind of word out, one of these batches would pass.
    function test_refusesPairsThatCancelUnderThePowersBefore() public view {
        for (uint256 k; k < COUNT + 2; ++k) {
            Item[] memory batch = items(2, COUNT);
            uint256[] memory powers = powersOf("", pack(batch), 2);
            (uint256 up, uint256 down) = (powers[1], R - powers[0]);
            if (k == COUNT) {
                batch[0].proof.c = plus(batch[0].proof.c, up);
                batch[1].proof.c = plus(batch[1].proof.c, down);
            } else if (k == COUNT + 1) {
                batch[0].proof.a = plus(batch[0].proof.a, up);
                batch[1].proof.a = plus(batch[1].proof.a, down);
            } else {
                batch[0].signals[k] = addmod(batch[0].signals[k], up, R);
                batch[1].signals[k] = addmod(batch[1].signals[k], down, R);
            }
            vm.assertTrue(equationHolds(batch, powers)); // the attack is a real one
            vm.assertFalse(accepts(batch));
        }
    }

    /// The equation of the batch, in the exponent, for powers of choice: Σ r_i·(a_i·b − α·β − statement_i − δ·c_i) = 0.
    /// Points of unknown exponent are compared as points: Σ r_i·(b·A_i − δ·C_i) = Σ r_i·(α·β + statement_i) · G.
    function equationHolds(Item[] memory batch, uint256[] memory powers) private view returns (bool) {
        (TrapdoorKeys.Secrets memory s,) = TrapdoorKeys.key(COUNT);
        uint256[2] memory left;
        uint256 right;
        for (uint256 i; i < batch.length; ++i) {
            right = addmod(right, mulmod(powers[i], rightSide(s, batch[i]), R), R);
            uint256[2] memory a = Trapdoor.multiply(batch[i].proof.a, TrapdoorKeys.B);
            uint256[2] memory c = Trapdoor.multiply(batch[i].proof.c, R - s.delta);
            left = Trapdoor.add(left, Trapdoor.multiply(Trapdoor.add(a, c), powers[i]));
        }
        return keccak256(abi.encode(left)) == keccak256(abi.encode(Trapdoor.multiple(right)));
    }

    // --- gas ---

    /// The gas that the hub gives leaves room for twice the verifier's own steps.
    function test_theGasCapLeavesRoom() public {
        uint256[3] memory counts = [uint256(9), 11, 14];
        uint256[3] memory sizes = [uint256(1), 5, 30];
        for (uint256 i; i < 9; ++i) {
            (uint256 count, uint256 n) = (counts[i / 3], sizes[i % 3]);
            verifier = Trapdoor.batchVerifier(count);
            uint256 cap = Groth16.batchGasCap(n, count);
            uint256 precompiles = cap - 10_000 * (n + 3);
            uint256 used = new Meter().gasOf(address(verifier), Batches.call(pack(items(n, count))));
            vm.assertLt(2 * (used - precompiles), cap - precompiles);
        }
    }

    /// One invalid point costs no more than a valid one.
    function test_invalidPointsBurnTheirPriceOnly() public {
        (bool ok, bytes memory answer) = address(verifier).call(Batches.call(pack(items(3, COUNT))));
        uint256 valid = vm.lastCallGas().gasTotalUsed;
        for (uint256 kind; kind < Mutants.KINDS; ++kind) {
            Item[] memory batch = items(3, COUNT);
            Mutants.mutate(batch[1].proof, batch[1].signals, kind, uint256(keccak256(abi.encode(kind))));
            (ok, answer) = address(verifier).call(Batches.call(pack(batch)));
            vm.assertTrue(ok && !abi.decode(answer, (bool)));
            vm.assertLt(vm.lastCallGas().gasTotalUsed, valid + 1_000);
        }
    }
}
