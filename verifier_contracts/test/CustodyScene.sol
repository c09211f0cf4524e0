// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reconciler} from "../src/Reconciler.sol";
import {IReconciler} from "../src/interfaces/IReconciler.sol";
import {Custody} from "../src/libraries/Custody.sol";
import {Groth16} from "../src/libraries/Groth16.sol";
import {Scene} from "./Scene.sol";
import {Trapdoor} from "./Trapdoor.sol";
import {Wallet} from "./mocks/Wallet.sol";

/// @title A vault with a proof, and attestors of its venues
/// @notice Venue 1 has a contract wallet, the last venue nobody, and the others keys. Proofs are made on the spot, by the trapdoor.
abstract contract CustodyScene is Scene {
    uint32 internal constant TOLERANCE_PPM = 1_000;
    uint8 internal constant MAX_SEQUENCES = 2;
    uint32 internal constant MAX_AGE = 4 days;
    uint32 internal constant STEADY_FOR = 6 hours;
    /// The key of venue k is this and k; the wallet's second owner has the last.
    uint256 internal constant KEY = 0xa77e57;
    uint256 internal constant SECOND_OWNER = KEY + 100;

    Reconciler internal reconciler;
    Wallet internal wallet;
    IReconciler.Terms internal custodyTerms;
    bytes32 internal custody;

    function setUp() public virtual override {
        super.setUp();
        reconciler = new Reconciler();
        wallet = new Wallet(vm.addr(KEY + 1), vm.addr(SECOND_OWNER));
    }

    /// A vault of this size at its first proof, and terms for it.
    function buildReconciled(uint8 size) internal {
        build(size);
        prove();
        custody = reconciler.addTerms(termsOfCustody(size));
    }

    function termsOfCustody(uint8 size) internal returns (IReconciler.Terms memory t) {
        uint256 signals = Custody.count(size);
        address verifier = Trapdoor.verifier(signals);
        uint256 venues = Custody.venues(size);
        custodyTerms.slots = size;
        (custodyTerms.verifier, custodyTerms.verifierCode) = (verifier, verifier.codehash);
        custodyTerms.batchVerifier = Trapdoor.batchVerifier(signals);
        (custodyTerms.tolerancePpm, custodyTerms.maxSequences) = (TOLERANCE_PPM, MAX_SEQUENCES);
        (custodyTerms.maxAge, custodyTerms.steadyFor) = (MAX_AGE, STEADY_FOR);
        delete custodyTerms.venues;
        for (uint256 k; k < venues; ++k) {
            custodyTerms.venues.push(IReconciler.Venue(attestorOf(k), IReconciler.Class(2 + k % 3)));
        }
        custodyTerms.venues[venues - 1] = IReconciler.Venue(address(0), IReconciler.Class.None);
        return custodyTerms;
    }

    function attestorOf(uint256 venue) internal view returns (address) {
        return venue == 1 ? address(wallet) : vm.addr(KEY + venue);
    }

    /// What the attestors of the vault say at its last proof.
    function attestations() internal view returns (IReconciler.Attestation[] memory list) {
        list = new IReconciler.Attestation[](Custody.venues(slots) - 1);
        uint40 second = stateOf(vaultId).snapshotTimestamp;
        for (uint256 k; k < list.length; ++k) {
            list[k] = IReconciler.Attestation({
                venue: uint8(k),
                commitment: 5_000 + k,
                exclusionsHash: keccak256(abi.encode("exclusions", k)),
                accountsHash: keccak256(abi.encode("accounts", k)),
                observedAt: second,
                steadySince: second - STEADY_FOR,
                signature: ""
            });
            sign(list[k]);
        }
    }

    /// The attestor of its venue signs it for the vault.
    function sign(IReconciler.Attestation memory a) internal view {
        a.signature = signatureOf(a.venue, reconciler.digestOf(vaultId, terms.policyHash, a));
    }

    function signatureOf(uint256 venue, bytes32 digest) internal pure returns (bytes memory) {
        bytes memory one = signed(KEY + venue, digest);
        return venue == 1 ? abi.encodePacked(one, signed(SECOND_OWNER, digest)) : one;
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function proofOf(IReconciler.Attestation[] memory list) internal view returns (Groth16.Proof memory) {
        uint256[] memory commitments = new uint256[](list.length);
        for (uint256 k; k < list.length; ++k) {
            commitments[k] = list[k].commitment;
        }
        return Trapdoor.prove(reconciler.expectedSignals(hub, vaultId, custody, lastRound(), commitments), 0);
    }

    function reconcile(IReconciler.Attestation[] memory list) internal returns (uint32) {
        return send(list, proofOf(list));
    }

    function send(IReconciler.Attestation[] memory list, Groth16.Proof memory proof) internal returns (uint32) {
        uint32 round = lastRound();
        vm.prank(STRANGER);
        return reconciler.reconcile(hub, vaultId, custody, round, list, proof);
    }

    function refuse(IReconciler.Attestation[] memory list, Groth16.Proof memory proof, bytes memory reason) internal {
        uint32 round = lastRound();
        vm.expectRevert(reason);
        reconciler.reconcile(hub, vaultId, custody, round, list, proof);
    }

    /// Refused before the proof is looked at.
    function refuse(IReconciler.Attestation[] memory list, bytes memory reason) internal {
        Groth16.Proof memory none;
        refuse(list, none, reason);
    }

    /// The round that the last proof used.
    function lastRound() internal view returns (uint32) {
        return oracle.roundAt(terms.feedSet, stateOf(vaultId).snapshotTimestamp);
    }

    function wrongSignature(IReconciler.Attestation memory a) internal view returns (bytes memory) {
        bytes32 digest = reconciler.digestOf(vaultId, terms.policyHash, a);
        return
            abi.encodeWithSelector(IReconciler.WrongSignature.selector, uint256(a.venue), attestorOf(a.venue), digest);
    }
}
