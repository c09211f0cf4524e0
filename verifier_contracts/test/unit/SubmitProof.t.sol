// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Scene} from "../Scene.sol";
import {TinyVerifier_9} from "../fixtures/TinyVerifier_9.sol";
import {FakeVerifier} from "../mocks/FakeVerifier.sol";

/// What the hub makes of bad proofs and of verifiers that misbehave.
contract SubmitProofTest is Scene {
    uint256 private constant Q = Groth16.BASE_FIELD;

    IRebalanceHub.Rebalance private r;

    function setUp() public {
        open(8);
        recordFlow(1_000_000);
        r = first8();
    }

    function refuse(bytes4 reason) private {
        refuse(r, abi.encodeWithSelector(reason));
    }

    // --- bad proofs ---

    function test_refusesAnotherProof() public {
        r.proof = second8().proof;
        refuse(IRebalanceHub.ProofRejected.selector);
    }

    function test_refusesZeroProof() public {
        delete r.proof;
        refuse(IRebalanceHub.ProofRejected.selector);
    }

    function test_refusesPointOffTheCurve() public {
        r.proof.c[0] ^= 1;
        refuse(IRebalanceHub.ProofRejected.selector);
    }

    /// A point off the curve burns what is forwarded to the precompile; the cap bounds it.
    function test_aBadPointBurnsNoMoreThanTheCap() public {
        r.proof.c[0] ^= 1;
        IRebalanceHub.Rebalance memory bad = r;
        vm.prank(OPERATOR);
        uint256 before = gasleft();
        try hub.submit(vaultId, bad) {
            revert("accepted");
        } catch {}
        vm.assertLt(before - gasleft(), Groth16.GAS_CAP + 120_000);
    }

    function test_refusesCoordinatesOutsideTheBaseField() public {
        IRebalanceHub.Rebalance memory good = first8();
        for (uint256 i; i < 8; ++i) {
            IRebalanceHub.Rebalance memory bad = first8();
            if (i < 2) bad.proof.a[i] += Q;
            else if (i < 6) bad.proof.b[(i - 2) / 2][i % 2] += Q;
            else bad.proof.c[i - 6] += Q;
            refuse(bad, abi.encodeWithSelector(IRebalanceHub.ProofCoordinateNotInField.selector));
        }
        submit(good);
    }

    /// The generated contract negates A.y with a wrapping subtraction and takes (2^256 + A.y) mod q + k·q for A.y.
    function test_refusesACoordinateThatTheGeneratedVerifierTakes() public {
        uint256 alias_ = addmod(addmod(type(uint256).max, 1, Q), r.proof.a[1], Q) + Q;
        uint256[9] memory signals;
        for (uint256 i; i < 9; ++i) {
            signals[i] = r.signals[i];
        }
        TinyVerifier_9 verifier = TinyVerifier_9(hub.vaultConfig(vaultId).verifier);
        vm.assertTrue(verifier.verifyProof([r.proof.a[0], alias_], r.proof.b, r.proof.c, signals));
        r.proof.a[1] = alias_;
        refuse(IRebalanceHub.ProofCoordinateNotInField.selector);
    }

    // --- misbehaving verifiers ---

    function refuseAnswer(FakeVerifier.Answer answer) private {
        vm.etch(hub.vaultConfig(vaultId).verifier, address(new FakeVerifier(answer)).code);
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

    function test_refusesAVerifierThatIsGone() public {
        vm.etch(hub.vaultConfig(vaultId).verifier, "");
        refuse(IRebalanceHub.VerifierFailed.selector);
    }

    function test_refusesTheVerifierOfAnotherSize() public {
        vm.etch(hub.vaultConfig(vaultId).verifier, verifierFor(16).code);
        refuse(IRebalanceHub.VerifierFailed.selector);
    }

    // --- gas ---

    function test_saysWhenGasIsTooLow() public {
        IRebalanceHub.Rebalance memory good = r;
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotEnoughGas.selector));
        vm.prank(OPERATOR);
        hub.submit{gas: 600_000}(vaultId, good);
    }

    function test_theCapLeavesEveryVerifierRoom() public {
        vm.assertLt(gasOfVerifier(8, first8()), Groth16.GAS_CAP * 3 / 5);
        vm.assertLt(gasOfVerifier(16, first16()), Groth16.GAS_CAP * 3 / 5);
        vm.assertLt(gasOfVerifier(32, first32()), Groth16.GAS_CAP * 3 / 5);
    }

    function gasOfVerifier(uint8 slots, IRebalanceHub.Rebalance memory rebalance) private returns (uint256 used) {
        address verifier = verifierFor(slots);
        bytes memory input = abi.encodePacked(
            Groth16.selector(rebalance.signals.length),
            abi.encode(rebalance.proof.a, rebalance.proof.b, rebalance.proof.c),
            rebalance.signals
        );
        used = gasleft();
        (bool ok, bytes memory answer) = verifier.staticcall(input);
        used -= gasleft();
        vm.assertTrue(ok && abi.decode(answer, (bool)));
    }
}
