// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Mutants} from "../Mutants.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";
import {TrapdoorVerifier_9} from "../generated/TrapdoorVerifier_9.sol";
import {FakeVerifier} from "../mocks/FakeVerifier.sol";

/// Proofs that are not valid ones, and verifiers that do not behave. The signals are right throughout.
contract SubmitProofTest is Scene {
    uint256 private constant Q = Groth16.BASE_FIELD;

    IRebalanceHub.Rebalance private r;
    uint32 private round;

    function setUp() public override {
        super.setUp();
        build(8);
        round = takeRound();
        r = proven(vaultId, 1001, round);
    }

    function refuse(bytes4 reason) private {
        refuse(r, abi.encodeWithSelector(reason));
    }

    /// Refused as it is by now; the proof is then as it was.
    function refuseMutant(Groth16.Proof memory mutant, bytes4 reason) private {
        Groth16.Proof memory good = r.proof;
        r.proof = mutant;
        refuse(reason);
        r.proof = good;
    }

    // --- proofs ---

    function test_refusesAProofOfOtherSignals() public {
        IRebalanceHub.Rebalance memory other = proven(vaultId, 1002, round);
        refuseMutant(other.proof, IRebalanceHub.ProofRejected.selector);
    }

    function test_refusesAProofUnderAnotherKey() public {
        Groth16.Proof memory mutant = r.proof;
        Mutants.underAnotherKey(mutant, r.signals);
        refuseMutant(mutant, IRebalanceHub.ProofRejected.selector);
    }

    /// What would pass if the key's second phase had been skipped.
    function test_refusesAForgeryWithoutSecondPhase() public {
        Groth16.Proof memory mutant = r.proof;
        Mutants.forgeWithoutSecondPhase(mutant, r.signals);
        refuseMutant(mutant, IRebalanceHub.ProofRejected.selector);
    }

    function test_refusesSwappedAAndC() public {
        Groth16.Proof memory mutant = r.proof;
        (mutant.a, mutant.c) = (mutant.c, mutant.a);
        refuseMutant(mutant, IRebalanceHub.ProofRejected.selector);
    }

    function test_refusesOneNegatedPoint() public {
        for (uint256 which; which < 3; ++which) {
            Groth16.Proof memory mutant = r.proof;
            Mutants.negateOne(mutant, which);
            refuseMutant(mutant, IRebalanceHub.ProofRejected.selector);
        }
    }

    function test_refusesInfinity() public {
        for (uint256 which; which < 4; ++which) {
            Groth16.Proof memory mutant = r.proof;
            Mutants.toInfinity(mutant, which);
            refuseMutant(mutant, IRebalanceHub.ProofRejected.selector);
        }
    }

    function test_refusesPointsOffTheCurve() public {
        for (uint256 which; which < 3; ++which) {
            Groth16.Proof memory mutant = r.proof;
            Mutants.offTheCurve(mutant, which);
            refuseMutant(mutant, IRebalanceHub.ProofRejected.selector);
        }
    }

    function test_refusesAPointOutsideTheSubgroup() public {
        Groth16.Proof memory mutant = r.proof;
        mutant.b = [[uint256(0), 1], [Mutants.OUTSIDE_Y_IM, Mutants.OUTSIDE_Y_RE]];
        refuseMutant(mutant, IRebalanceHub.ProofRejected.selector);
    }

    function test_refusesCoordinatesOutsideTheBaseField() public {
        for (uint256 k; k < 8; ++k) {
            Groth16.Proof memory mutant = r.proof;
            Mutants.setCoordinate(mutant, k, Mutants.coordinate(mutant, k) + Q);
            refuseMutant(mutant, IRebalanceHub.ProofCoordinateNotInField.selector);
            Mutants.setCoordinate(mutant, k, Q);
            refuseMutant(mutant, IRebalanceHub.ProofCoordinateNotInField.selector);
            Mutants.setCoordinate(mutant, k, Q - 1);
            refuseMutant(mutant, IRebalanceHub.ProofRejected.selector);
        }
        submit(r);
    }

    function test_refusesACoordinateThatTheGeneratedVerifierTakes() public {
        Groth16.Proof memory mutant = r.proof;
        mutant.a[1] = Mutants.aliasOf(mutant.a[1]);
        uint256[9] memory signals;
        for (uint256 i; i < 9; ++i) {
            signals[i] = r.signals[i];
        }
        TrapdoorVerifier_9 verifier = TrapdoorVerifier_9(hub.keyOf(terms.key).verifier);
        vm.assertTrue(verifier.verifyProof(mutant.a, mutant.b, mutant.c, signals));
        refuseMutant(mutant, IRebalanceHub.ProofCoordinateNotInField.selector);
    }

    /// Proofs of the same statement are many; which one it was leaves no trace.
    function test_takesAnyProofOfTheStatement() public {
        uint256 start = vm.snapshotState();
        submit(r);
        bytes memory after_ = abi.encode(stateOf(vaultId));
        vm.revertToState(start);
        r.proof = Trapdoor.prove(r.signals, 7);
        submit(r);
        vm.assertEq(abi.encode(stateOf(vaultId)), after_);
    }

    // --- misbehaving verifiers ---

    function replaceVerifier(FakeVerifier.Answer answer) private {
        vm.etch(hub.keyOf(terms.key).verifier, address(new FakeVerifier(answer)).code);
    }

    function refuseAnswer(FakeVerifier.Answer answer) private {
        replaceVerifier(answer);
        refuse(IRebalanceHub.VerifierFailed.selector);
    }

    function test_refusesAWordThatIsNoBoolean() public {
        refuseAnswer(FakeVerifier.Answer.Two);
    }

    function test_refusesNoAnswer() public {
        refuseAnswer(FakeVerifier.Answer.Nothing);
    }

    function test_refusesTwoWords() public {
        refuseAnswer(FakeVerifier.Answer.TwoWords);
    }

    function test_refusesOneByte() public {
        refuseAnswer(FakeVerifier.Answer.OneByte);
    }

    function test_refusesARevert() public {
        refuseAnswer(FakeVerifier.Answer.Reverts);
    }

    function test_refusesARevertThatSaysTrue() public {
        refuseAnswer(FakeVerifier.Answer.RevertsWithOne);
    }

    function test_refusesEndlessWork() public {
        refuseAnswer(FakeVerifier.Answer.BurnsAllGas);
    }

    /// The call is static.
    function test_refusesAVerifierThatWrites() public {
        refuseAnswer(FakeVerifier.Answer.Writes);
    }

    function test_refusesAVerifierThatIsGone() public {
        vm.etch(hub.keyOf(terms.key).verifier, "");
        refuse(IRebalanceHub.VerifierFailed.selector);
    }

    function test_refusesTheVerifierOfAnotherSize() public {
        vm.etch(hub.keyOf(terms.key).verifier, Trapdoor.verifier(11).code);
        refuse(IRebalanceHub.VerifierFailed.selector);
    }

    /// A verifier that says yes to everything only opens the vault of those who chose it to what its prover may say anyway:
    /// the book after and its NAV.
    function test_aVerifierThatLiesDecidesNothingElse() public {
        replaceVerifier(FakeVerifier.Answer.One);
        for (uint256 i; i < r.signals.length; ++i) {
            if (i == 1 || i == 5) continue; // commitmentAfter, navFloor
            r.signals[i] ^= 1;
            vm.expectRevert();
            submit(r);
            r.signals[i] ^= 1;
        }
        submit(r);
    }

    // --- gas ---

    function test_saysWhenGasIsTooLow() public {
        bytes memory call = abi.encodeCall(hub.submit, (vaultId, r));
        bytes memory reason = abi.encodeWithSelector(IRebalanceHub.NotEnoughGas.selector);
        vm.assertLt(gasOfRefusal(call, Groth16.GAS_CAP + 30_000, reason), 100_000);
    }

    /// An invalid point burns all that a generated verifier is given, and that is the cap.
    function test_anInvalidPointBurnsNoMoreThanTheCap() public {
        Groth16.Proof memory mutant = r.proof;
        Mutants.offTheCurve(mutant, 0);
        r.proof = mutant;
        bytes memory call = abi.encodeCall(hub.submit, (vaultId, r));
        bytes memory reason = abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector);
        uint256 used = gasOfRefusal(call, 10_000_000, reason);
        vm.assertLt(Groth16.GAS_CAP, used);
        vm.assertLt(used, Groth16.GAS_CAP + 100_000);
    }

    function test_theCapLeavesEveryVerifierRoom() public {
        uint8[3] memory sizes = [8, 16, 32];
        for (uint256 i; i < 3; ++i) {
            build(sizes[i]);
            vm.warp(block.timestamp + 1);
            r = proven(vaultId, 1001, takeRound());
            submit(r);
            vm.assertLt(gasOfVerifier(), Groth16.GAS_CAP * 3 / 5);
        }
    }

    function gasOfVerifier() private returns (uint256 used) {
        address verifier = hub.keyOf(terms.key).verifier;
        bytes memory input = abi.encodePacked(
            Groth16.selector(r.signals.length), abi.encode(r.proof.a, r.proof.b, r.proof.c), r.signals
        );
        (bool ok, bytes memory answer) = verifier.call(input);
        used = vm.lastCallGas().gasTotalUsed;
        vm.assertTrue(ok && abi.decode(answer, (bool)));
    }
}
