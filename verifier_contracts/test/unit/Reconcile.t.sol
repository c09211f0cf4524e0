// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reconciler} from "../../src/Reconciler.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IReconciler} from "../../src/interfaces/IReconciler.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {CustodyScene} from "../CustodyScene.sol";
import {Mutants} from "../Mutants.sol";
import {Trapdoor} from "../Trapdoor.sol";
import {FakeVerifier} from "../mocks/FakeVerifier.sol";
import {Wallet} from "../mocks/Wallet.sol";

/// Which reconciliations the reconciler takes, and which it refuses by what.
contract ReconcileTest is CustodyScene {
    function lastSequence() private view returns (uint32 sequence) {
        (sequence,) = reconciler.lastReconciled(hub, vaultId, custody);
    }

    function test_takesEachSize() public {
        uint8[3] memory sizes = [8, 16, 32];
        for (uint256 i; i < 3; ++i) {
            buildReconciled(sizes[i]);
            vm.assertEq(uint256(reconcile(attestations())), 1);
            (uint32 sequence, uint40 observedAt) = reconciler.lastReconciled(hub, vaultId, custody);
            vm.assertEq(uint256(sequence), 1);
            vm.assertEq(uint256(observedAt), uint256(stateOf(vaultId).snapshotTimestamp));
        }
    }

    function test_snapshotsGas() public {
        buildReconciled(16);
        custodyTerms.venues[3] = IReconciler.Venue(attestorOf(3), IReconciler.Class.ChainState);
        custodyTerms.venues[1] = IReconciler.Venue(vm.addr(KEY + 1), IReconciler.Class.Custodian);
        custody = reconciler.addTerms(custodyTerms);
        vm.snapshotGasLastCall("Reconciler", "add terms");
        IReconciler.Attestation[] memory four = new IReconciler.Attestation[](4);
        IReconciler.Attestation[] memory three = attestations();
        for (uint256 k; k < 3; ++k) {
            four[k] = three[k];
        }
        four[3] = abi.decode(abi.encode(three[0]), (IReconciler.Attestation));
        four[3].venue = 3;
        measure(four, "reconcile, 16 slots and 4 venues, the first time");
        vm.warp(NOON + 1 days);
        prove();
        for (uint256 k; k < 4; ++k) {
            four[k].observedAt = NOON + 1 days;
        }
        measure(four, "reconcile, 16 slots and 4 venues");
    }

    function measure(IReconciler.Attestation[] memory list, string memory name) private {
        for (uint256 k; k < list.length; ++k) {
            list[k].commitment = uint256(keccak256(abi.encode(k))) >> 3;
            list[k].signature = signed(KEY + k, reconciler.digestOf(vaultId, terms.policyHash, list[k]));
        }
        reconcile(list);
        vm.snapshotGasLastCall("Reconciler", name);
    }

    // --- replayed, stale, reordered, foreign ---

    function test_aSecondTimeChangesNothing() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        send(list, proof);
        vm.warp(NOON + 1 hours);
        vm.assertEq(uint256(send(list, proof)), 1);
        (uint32 sequence, uint40 observedAt) = reconciler.lastReconciled(hub, vaultId, custody);
        vm.assertEq(uint256(sequence), 1);
        vm.assertEq(uint256(observedAt), NOON); // no clock starts anew
    }

    function test_refusesReplayAtTheNextProof() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        send(list, proof);
        vm.warp(NOON + 1 hours);
        prove();
        refuse(list, abi.encodeWithSelector(IReconciler.WrongSecond.selector, 0, NOON, NOON + 1 hours));
        vm.assertEq(uint256(lastSequence()), 1);
    }

    /// Two proofs of one round: what held for the first book is no proof of the second.
    function test_refusesReplayAtTheSameRound() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        send(list, proof);
        submit(proven(vaultId, 1234, takeRound()));
        refuse(list, proof, abi.encodeWithSelector(IReconciler.ProofRejected.selector));
        send(list, proofOf(list));
        vm.assertEq(uint256(lastSequence()), 2);
    }

    function test_refusesAnotherRound() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        vm.warp(NOON + 1 hours);
        uint32 later = takeRound();
        bytes32 otherSet = oracle.addFeedSet(setOf(8, 7));
        uint32 foreign = oracle.takeSnapshot(otherSet);
        uint32[2] memory rounds = [later, foreign];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReconciler.WrongRound.selector, rounds[i]));
            reconciler.reconcile(hub, vaultId, custody, rounds[i], list, proof);
        }
    }

    function test_refusesAVaultWithoutAProof() public {
        build(8);
        custody = reconciler.addTerms(termsOfCustody(8));
        vm.warp(NOON + STEADY_FOR);
        IReconciler.Attestation[] memory list = new IReconciler.Attestation[](3);
        refuse(list, abi.encodeWithSelector(IReconciler.NoProofToReconcile.selector));
    }

    /// After a move to other feeds the prices of the last proof are not those of the mandate.
    function test_refusesWhileFeedsAreChanged() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        bytes32 feedSet_ = terms.feedSet;
        (IPriceOracle.FeedSet memory set,) = oracle.feedSetOf(feedSet_);
        set.confirmationDelay += 1;
        terms.feedSet = oracle.addFeedSet(set);
        bytes32 other = hub.addMandate(terms);
        uint40 from = propose(other);
        terms.feedSet = feedSet_;
        warpFresh(NOON + MAX_PROOF_AGE - 1);
        warpFresh(from);
        hub.activateMandate(vaultId, other);
        refuse(list, proof, abi.encodeWithSelector(IReconciler.NoProofToReconcile.selector));
    }

    function test_refusesAnotherVault() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        vaultId = open();
        prove();
        refuse(list, proof, wrongSignature(list[0]));
    }

    function test_refusesAnotherChain() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        vm.chainId(1);
        refuse(list, proof, wrongSignature(list[0]));
    }

    function test_refusesAnotherContract() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        reconciler = new Reconciler();
        reconciler.addTerms(custodyTerms);
        refuse(list, proof, wrongSignature(list[0]));
    }

    function test_refusesAnotherPolicy() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        list[1].signature = signatureOf(1, reconciler.digestOf(vaultId, terms.policyHash + 1, list[1]));
        refuse(list, wrongSignature(list[1]));
    }

    function test_refusesTermsOfAnotherSize() public {
        buildReconciled(16);
        IReconciler.Attestation[] memory list = attestations();
        custody = reconciler.addTerms(termsOfCustody(8));
        refuse(list, abi.encodeWithSelector(IReconciler.SizeMismatch.selector, 16, 8));
    }

    function test_refusesUnknownTerms() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        custody = bytes32(uint256(1));
        refuse(list, abi.encodeWithSelector(IReconciler.UnknownTerms.selector, custody));
    }

    // --- flows ---

    /// At this round, a while later: flows before it, in its second and after it, and the proof.
    function proveWithFlows(bool before, bool within, bool after_) private {
        vm.warp(block.timestamp + 1 hours);
        if (before) recordFlow(1_000);
        vm.warp(block.timestamp + 1 hours);
        uint32 round = takeRound();
        if (within) recordFlow(500);
        vm.warp(block.timestamp + 1);
        if (after_) recordFlow(-100);
        submit(proven(vaultId, 1234, round));
    }

    function requireReconcilable(bool expected) private {
        uint40 second = stateOf(vaultId).snapshotTimestamp;
        if (expected) reconcile(attestations());
        else refuse(attestations(), abi.encodeWithSelector(IReconciler.FlowAfterRound.selector, second));
    }

    function test_takesFlowsUpToTheRound() public {
        buildReconciled(8);
        for (uint256 k; k < 4; ++k) {
            proveWithFlows(k % 2 == 1, k / 2 == 1, false);
            requireReconcilable(true);
        }
    }

    function test_refusesAFlowBetweenTheRoundAndItsProof() public {
        buildReconciled(8);
        for (uint256 k; k < 4; ++k) {
            proveWithFlows(k % 2 == 1, k / 2 == 1, true);
            requireReconcilable(false);
        }
    }

    /// Also when the flows add up to nothing.
    function test_refusesAFlowAndItsReturn() public {
        buildReconciled(8);
        vm.warp(NOON + 1 hours);
        uint32 round = takeRound();
        vm.warp(NOON + 1 hours + 1);
        recordFlow(5);
        recordFlow(-5);
        submit(proven(vaultId, 1234, round));
        requireReconcilable(false);
    }

    /// What a proof stated is not forgotten by later flows, and those are the next proof's.
    function test_flowsAfterTheProofAreTheNextOnes() public {
        buildReconciled(8);
        recordFlow(7);
        requireReconcilable(true);
        recordFlow(7);
        requireReconcilable(true);
        proveWithFlows(false, false, true);
        recordFlow(7);
        requireReconcilable(false);
        recordFlow(7);
        requireReconcilable(false);
        proveWithFlows(false, false, false);
        requireReconcilable(true);
        proveWithFlows(false, false, false);
        requireReconcilable(true);
    }

    // --- venues ---

    function test_refusesAMissingVenue() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory all = attestations();
        IReconciler.Attestation[] memory two = new IReconciler.Attestation[](2);
        (two[0], two[1]) = (all[0], all[1]);
        refuse(two, abi.encodeWithSelector(IReconciler.AttestationMissing.selector, 2));
        two[1] = all[2];
        refuse(two, abi.encodeWithSelector(IReconciler.AttestationMissing.selector, 1));
    }

    function test_refusesADuplicateVenue() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        list[1] = list[0];
        refuse(list, abi.encodeWithSelector(IReconciler.UnexpectedAttestation.selector, 0));
    }

    function test_refusesOneTooMany() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        IReconciler.Attestation[] memory four = new IReconciler.Attestation[](4);
        (four[0], four[1], four[2], four[3]) = (list[0], list[1], list[2], list[0]);
        refuse(four, abi.encodeWithSelector(IReconciler.UnexpectedAttestation.selector, 0));
        four[3] = attestations()[0];
        four[3].venue = 3; // which nobody may attest
        refuse(four, abi.encodeWithSelector(IReconciler.UnexpectedAttestation.selector, 3));
    }

    function test_refusesReorderedVenues() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        (list[0], list[1]) = (list[1], list[0]);
        refuse(list, abi.encodeWithSelector(IReconciler.AttestationMissing.selector, 0));
    }

    /// An attestor of one venue speaks for no other.
    function test_refusesTheWrongVenuesAttestor() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        list[2].signature = signatureOf(0, reconciler.digestOf(vaultId, terms.policyHash, list[2]));
        refuse(list, wrongSignature(list[2]));
    }

    // --- time ---

    function test_refusesAnotherSecond() public {
        buildReconciled(8);
        for (uint40 second = NOON - 1; second <= NOON + 1; second += 2) {
            IReconciler.Attestation[] memory list = attestations();
            list[1].observedAt = second;
            sign(list[1]);
            refuse(list, abi.encodeWithSelector(IReconciler.WrongSecond.selector, 1, second, NOON));
        }
    }

    function test_refusesHoldingsThatJustCame() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        uint40 latest = NOON - STEADY_FOR;
        list[2].steadySince = latest + 1;
        sign(list[2]);
        refuse(list, abi.encodeWithSelector(IReconciler.NotSteady.selector, 2, latest + 1, latest));
        list[2].steadySince = type(uint40).max;
        sign(list[2]);
        refuse(list, abi.encodeWithSelector(IReconciler.NotSteady.selector, 2, type(uint40).max, latest));
    }

    // --- signatures ---

    function test_refusesEveryChangedField() public {
        buildReconciled(8);
        for (uint256 field; field < 4; ++field) {
            IReconciler.Attestation[] memory list = attestations();
            if (field == 0) list[0].commitment += 1;
            if (field == 1) list[0].exclusionsHash = keccak256("other");
            if (field == 2) list[0].accountsHash = keccak256("other");
            if (field == 3) list[0].steadySince -= 1;
            refuse(list, wrongSignature(list[0]));
        }
    }

    /// (r, n − s) with the other v is as valid for the curve; OpenZeppelin's ECDSA takes the lower s only.
    function test_refusesHighS() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, reconciler.digestOf(vaultId, terms.policyHash, list[0]));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        list[0].signature = abi.encodePacked(r, order - uint256(s), v == 27 ? uint8(28) : uint8(27));
        refuse(list, wrongSignature(list[0]));
    }

    /// EIP-2098 is a second encoding of one signature.
    function test_refusesCompactSignatures() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, reconciler.digestOf(vaultId, terms.policyHash, list[0]));
        list[0].signature = abi.encodePacked(r, uint256(s) | (v == 28 ? 1 << 255 : 0));
        refuse(list, wrongSignature(list[0]));
    }

    function test_refusesOddSignatures() public {
        buildReconciled(8);
        bytes[5] memory odd = [
            bytes(""),
            hex"00",
            abi.encodePacked(uint256(0), uint256(0), uint8(27)),
            abi.encodePacked(attestations()[0].signature, uint8(0)),
            abi.encodePacked(type(uint256).max, type(uint256).max, uint8(28))
        ];
        for (uint256 i; i < odd.length; ++i) {
            IReconciler.Attestation[] memory list = attestations();
            list[0].signature = odd[i];
            refuse(list, wrongSignature(list[0]));
        }
    }

    function test_refusesAWalletThatRefuses() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        for (uint8 manner = 1; manner <= uint8(Wallet.Manner.ReturnsNothing); ++manner) {
            wallet.behave(Wallet.Manner(manner));
            refuse(list, wrongSignature(list[1]));
        }
        wallet.behave(Wallet.Manner.Honest);
        reconcile(list);
    }

    function test_refusesOneOwnerOfTheWallet() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        list[1].signature = signed(KEY + 1, reconciler.digestOf(vaultId, terms.policyHash, list[1]));
        refuse(list, wrongSignature(list[1]));
    }

    // --- signals and proofs ---

    function test_refusesAnAttestationBeyondTheField() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        list[1].commitment += Signals.FIELD; // the same element, another number
        sign(list[1]);
        refuse(list, abi.encodeWithSelector(IReconciler.SignalNotInField.selector, 2));
    }

    function test_refusesMutatedProofs() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        for (uint256 k; k < 8; ++k) {
            Groth16.Proof memory proof = proofOf(list);
            Mutants.setCoordinate(proof, k, Mutants.coordinate(proof, k) + Groth16.BASE_FIELD);
            refuse(list, proof, abi.encodeWithSelector(IReconciler.ProofCoordinateNotInField.selector));
            proof = proofOf(list);
            Mutants.setCoordinate(proof, k, Mutants.coordinate(proof, k) ^ 1);
            refuse(list, proof, abi.encodeWithSelector(IReconciler.ProofRejected.selector));
        }
    }

    /// Of another book, of other attestations, of other terms.
    function test_refusesProofsOfOtherSignals() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        uint256[] memory commitments = new uint256[](3);
        for (uint256 k; k < 3; ++k) {
            commitments[k] = list[k].commitment;
        }
        uint256[] memory signals = reconciler.expectedSignals(hub, vaultId, custody, lastRound(), commitments);
        for (uint256 j; j < signals.length; ++j) {
            uint256[] memory others = abi.decode(abi.encode(signals), (uint256[]));
            others[j] += 1;
            refuse(list, proofOfSignals(others), abi.encodeWithSelector(IReconciler.ProofRejected.selector));
        }
        send(list, proofOfSignals(signals));
    }

    function test_refusesVerifiersThatFail() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        for (uint8 answer = 1; answer <= uint8(FakeVerifier.Answer.Writes); ++answer) {
            FakeVerifier verifier = new FakeVerifier(FakeVerifier.Answer(answer));
            (custodyTerms.verifier, custodyTerms.verifierCode) = (address(verifier), address(verifier).codehash);
            custody = reconciler.addTerms(custodyTerms);
            refuse(list, abi.encodeWithSelector(IReconciler.VerifierFailed.selector));
        }
    }

    function test_refusesAChangedVerifier() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        Groth16.Proof memory proof = proofOf(list);
        FakeVerifier other = new FakeVerifier(FakeVerifier.Answer.One);
        vm.etch(custodyTerms.verifier, address(other).code);
        refuse(
            list,
            proof,
            abi.encodeWithSelector(
                IReconciler.VerifierChanged.selector,
                custodyTerms.verifier,
                address(other).codehash,
                custodyTerms.verifierCode
            )
        );
    }

    function test_demandsTheVerifiersGas() public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        bytes memory call_ =
            abi.encodeCall(IReconciler.reconcile, (hub, vaultId, custody, lastRound(), list, proofOf(list)));
        (bool ok, bytes memory answer) = address(reconciler).call{gas: 600_000}(call_);
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(IReconciler.NotEnoughGas.selector));
    }

    // --- what is kept ---

    function test_saysWhichSequencesAreReconciled() public {
        buildReconciled(8);
        vm.assertTrue(reconciler.isReconciled(hub, vaultId, custody, MAX_SEQUENCES)); // the empty book's
        vm.assertFalse(reconciler.isReconciled(hub, vaultId, custody, MAX_SEQUENCES + 1));
        reconcile(attestations());
        vm.assertTrue(reconciler.isReconciled(hub, vaultId, custody, 1 + MAX_SEQUENCES));
        vm.assertFalse(reconciler.isReconciled(hub, vaultId, custody, 2 + MAX_SEQUENCES));
    }

    /// A policy with other venues counts from its activation on, though the old ones are remembered.
    function test_followsThePolicysVenues() public {
        buildReconciled(8);
        reconcile(attestations());
        uint256[] memory none = new uint256[](3);
        uint256 venues = reconciler.expectedSignals(hub, vaultId, custody, lastRound(), none)[5];
        vm.assertEq(venues, uint256(0x24e4)); // 0, 1, 2, 3, 0, 1, 2 and an unused slot
        terms.policyHash = otherPolicy();
        bytes32 other = hub.addMandate(terms);
        uint40 from = propose(other);
        warpFresh(NOON + MAX_PROOF_AGE - 1);
        warpFresh(from);
        hub.activateMandate(vaultId, other);
        venues = reconciler.expectedSignals(hub, vaultId, custody, lastRound(), none)[5];
        vm.assertEq(venues, uint256(0x24e5));
    }

    function otherPolicy() private returns (uint256) {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[0].venue = 1;
        return register(policy);
    }

    function proofOfSignals(uint256[] memory signals) private view returns (Groth16.Proof memory) {
        return Trapdoor.prove(signals, 0);
    }

    /// forge-config: default.fuzz.runs = 100
    function testFuzz_refusesWhatNobodySigned(uint256 field, uint256 value, uint256 venue) public {
        buildReconciled(8);
        IReconciler.Attestation[] memory list = attestations();
        IReconciler.Attestation memory a = list[venue % 3];
        bytes32 before = reconciler.digestOf(vaultId, terms.policyHash, a);
        if (field % 4 == 0) a.commitment = value;
        if (field % 4 == 1) a.exclusionsHash = bytes32(value);
        if (field % 4 == 2) a.accountsHash = bytes32(value);
        // Up to the latest that is steady.
        if (field % 4 == 3) a.steadySince = uint40(value % (NOON - STEADY_FOR));
        vm.assume(reconciler.digestOf(vaultId, terms.policyHash, a) != before);
        refuse(list, wrongSignature(a));
    }
}
