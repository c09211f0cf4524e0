// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {IReconciler} from "./interfaces/IReconciler.sol";
import {Custody} from "./libraries/Custody.sol";
import {DataContract} from "./libraries/DataContract.sol";
import {Groth16} from "./libraries/Groth16.sol";
import {Signals} from "./libraries/Signals.sol";

/// @title Reconciler
/// @notice See `IReconciler`.
/// @dev The prover decides nothing: the commitment, the policy and its venues, the second and the prices are the hub's, the
/// tolerance is the terms', and the attestations are signed. The contract writes last, after static calls only, so nothing can
/// enter it half-way.
contract Reconciler is IReconciler, EIP712 {
    uint256 private constant LEAST_AGE = 1 hours;
    uint256 private constant MOST_AGE = 90 days;

    /// Words of encoded terms beside the venues: an offset, the struct's nine, the number of venues.
    uint256 private constant ENCODED_WORDS = 11;

    bytes32 private constant ATTESTATION_TYPE = keccak256(
        "Attestation(bytes32 vaultId,uint8 venue,uint256 policyHash,uint256 commitment,bytes32 exclusionsHash,bytes32 accountsHash,uint40 observedAt,uint40 steadySince)"
    );

    /// The encoded terms as the code of a contract, and what is asked for most.
    struct StoredTerms {
        address kept;
        uint32 maxAge;
        uint8 maxSequences;
        uint8 slots;
    }

    /// The last reconciliation of a vault under some terms: one word.
    struct Last {
        uint32 sequence;
        uint40 observedAt;
        /// The mandate of that time, by its version, and the venues of its policy's slots: the registry need not be asked again.
        uint32 mandateVersion;
        uint96 venues;
    }

    /// What is reconciled.
    struct Subject {
        Terms terms;
        IRebalanceHub.ProvenBook book;
        uint256 venues;
        uint256[] priceWords;
    }

    mapping(bytes32 terms => StoredTerms) private stored;
    mapping(IRebalanceHub hub => mapping(bytes32 vaultId => mapping(bytes32 terms => Last))) private lasts;

    constructor() EIP712("dls-zk", "1") {}

    // --- terms ---

    /// @inheritdoc IReconciler
    function addTerms(Terms calldata content) external returns (bytes32 terms) {
        _requireSound(content);
        bytes memory encoded = abi.encode(content);
        terms = keccak256(encoded);
        if (stored[terms].slots != 0) return terms;
        stored[terms] = StoredTerms({
            kept: DataContract.write(encoded),
            maxAge: content.maxAge,
            maxSequences: content.maxSequences,
            slots: content.slots
        });
        emit TermsAdded(terms, content);
    }

    function _requireSound(Terms calldata t) private view {
        require(Signals.isSize(t.slots), UnsupportedSlots(t.slots));
        require(t.verifier.code.length != 0, NoCode(t.verifier));
        require(address(t.batchVerifier).code.length != 0, NoCode(address(t.batchVerifier)));
        _requireCode(t.verifier, t.verifierCode);
        uint256 signals = t.batchVerifier.signalCount();
        require(signals == Custody.count(t.slots), KeySizeMismatch(signals, Custody.count(t.slots)));
        _requireWithin("tolerancePpm", t.tolerancePpm, 0, Custody.MOST_TOLERANCE_PPM);
        _requireWithin("maxSequences", t.maxSequences, 1, type(uint8).max);
        _requireWithin("maxAge", t.maxAge, LEAST_AGE, MOST_AGE);
        // Whoever replaces an attestor has half of `maxAge` left at least to move the holdings, prove and reconcile.
        _requireWithin("steadyFor", t.steadyFor, 0, t.maxAge / 4);

        uint256 venues = Custody.venues(t.slots);
        require(t.venues.length == venues, WrongVenueCount(t.venues.length, venues));
        bool any;
        for (uint256 k; k < venues; ++k) {
            bool attested = t.venues[k].attestor != address(0);
            require(attested == (t.venues[k].class != Class.None), AttestorAndClassDisagree(k));
            any = any || attested;
        }
        require(any, NoAttestor());
    }

    function _requireWithin(string memory term, uint256 value, uint256 least, uint256 most) private pure {
        require(least <= value && value <= most, TermOutOfRange(term, value, least, most));
    }

    function _requireCode(address verifier, bytes32 expected) private view {
        bytes32 code = verifier.codehash;
        require(code == expected, VerifierChanged(verifier, code, expected));
    }

    // --- reconciliations ---

    /// @inheritdoc IReconciler
    function reconcile(
        IRebalanceHub hub,
        bytes32 vaultId,
        bytes32 terms,
        uint32 round,
        Attestation[] calldata attestations,
        Groth16.Proof calldata proof
    ) external returns (uint32 sequence) {
        Subject memory subject = _subjectOf(hub, vaultId, terms, round);
        uint256[4][] memory statements = _verify(vaultId, subject, attestations, proof);
        lasts[hub][vaultId][terms] = _lastOf(subject);
        IRebalanceHub.ProvenBook memory book = subject.book;
        emit Reconciled(hub, vaultId, terms, book.sequence, round, book.policyHash, book.commitment, statements);
        return book.sequence;
    }

    function _verify(
        bytes32 vaultId,
        Subject memory subject,
        Attestation[] calldata attestations,
        Groth16.Proof calldata proof
    ) private view returns (uint256[4][] memory statements) {
        uint256[] memory signals = _signals(subject);
        statements = _checkAttestations(vaultId, subject, attestations, signals);
        _requireInField(signals);
        _requireValid(subject.terms, proof, signals);
    }

    function _lastOf(Subject memory subject) private pure returns (Last memory) {
        IRebalanceHub.ProvenBook memory book = subject.book;
        // The registry's word has at most 96 bits.
        return Last(book.sequence, book.snapshotTimestamp, book.mandateVersion, uint96(subject.venues));
    }

    /// @dev What the hub says of the vault's last proof. A hub that lies, lies about its own vaults.
    function _subjectOf(IRebalanceHub hub, bytes32 vaultId, bytes32 terms, uint32 round)
        private
        view
        returns (Subject memory subject)
    {
        IRebalanceHub.ProvenBook memory book = hub.provenBook(vaultId);
        require(book.sequence != 0 && !book.areFeedsChanged, NoProofToReconcile());
        require(!book.isFlowLate, FlowAfterRound(book.snapshotTimestamp));
        (subject.terms, subject.book) = (_terms(terms), book);
        Last memory last = lasts[hub][vaultId][terms];
        if (last.mandateVersion == book.mandateVersion) {
            subject.venues = last.venues;
        } else {
            uint8 policySlots;
            (policySlots, subject.venues) = hub.policyRegistry().venuesOf(book.policyHash);
            uint8 slots = subject.terms.slots;
            require(policySlots == slots, SizeMismatch(policySlots, slots));
        }
        // A feed set has one round a second at most.
        bytes32 feedSet;
        uint40 timestamp;
        (feedSet, timestamp, subject.priceWords) = hub.oracle().snapshot(round);
        require(feedSet == book.feedSet && timestamp == book.snapshotTimestamp, WrongRound(round));
    }

    /// @dev All public signals, with nothing attested yet.
    function _signals(Subject memory subject) private pure returns (uint256[] memory signals) {
        Terms memory t = subject.terms;
        signals = new uint256[](Custody.count(t.slots));
        signals[Custody.COMMITMENT] = subject.book.commitment;
        uint256 nothing = Custody.nothing(t.slots);
        uint256 i = Custody.ATTESTATIONS;
        for (uint256 k; k < t.venues.length; ++k) {
            signals[i++] = nothing;
        }
        (signals[i], signals[i + 1]) = (subject.venues, t.tolerancePpm);
        i += 2;
        for (uint256 w; w < subject.priceWords.length; ++w) {
            signals[i + w] = subject.priceWords[w];
        }
    }

    /// @dev Each attested venue exactly once, in order; writes what is attested into the signals.
    function _checkAttestations(
        bytes32 vaultId,
        Subject memory subject,
        Attestation[] calldata attestations,
        uint256[] memory signals
    ) private view returns (uint256[4][] memory statements) {
        Terms memory t = subject.terms;
        statements = new uint256[4][](attestations.length);
        uint256 next;
        for (uint256 k; k < t.venues.length; ++k) {
            address attestor = t.venues[k].attestor;
            if (attestor == address(0)) continue;
            if (next == attestations.length) revert AttestationMissing(k);
            Attestation calldata a = attestations[next];
            if (a.venue > k) revert AttestationMissing(k);
            if (a.venue < k) revert UnexpectedAttestation(a.venue);
            _requireAttested(vaultId, attestor, subject, a);
            signals[Custody.ATTESTATIONS + k] = a.commitment;
            statements[next++] =
                [a.commitment, uint256(a.exclusionsHash), uint256(a.accountsHash), uint256(a.steadySince)];
        }
        if (next < attestations.length) revert UnexpectedAttestation(attestations[next].venue);
    }

    function _requireAttested(bytes32 vaultId, address attestor, Subject memory subject, Attestation calldata a)
        private
        view
    {
        (uint40 second, uint256 steadyFor) = (subject.book.snapshotTimestamp, subject.terms.steadyFor);
        if (a.observedAt != second) revert WrongSecond(a.venue, a.observedAt, second);
        if (a.steadySince + steadyFor > second) {
            // The terms' time is far below any of a chain.
            revert NotSteady(a.venue, a.steadySince, uint40(second - steadyFor));
        }
        bytes32 digest = _digest(vaultId, subject.book.policyHash, a);
        if (!_isSigned(attestor, digest, a.signature)) revert WrongSignature(a.venue, attestor, digest);
    }

    /// @dev By the account's key or, failing that, by its code (ERC-1271). The key first: so an account that has none of the two
    /// costs nothing, and one whose code is a delegation (EIP-7702) can always use its key.
    function _isSigned(address attestor, bytes32 digest, bytes calldata signature) private view returns (bool) {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == attestor) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(attestor, digest, signature);
    }

    function _digest(bytes32 vaultId, uint256 policyHash, Attestation calldata a) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    ATTESTATION_TYPE,
                    vaultId,
                    a.venue,
                    policyHash,
                    a.commitment,
                    a.exclusionsHash,
                    a.accountsHash,
                    a.observedAt,
                    a.steadySince
                )
            )
        );
    }

    function _requireInField(uint256[] memory signals) private pure {
        for (uint256 i; i < signals.length; ++i) {
            if (signals[i] >= Signals.FIELD) revert SignalNotInField(i);
        }
    }

    /// @dev The code is looked at again: a contract that destroyed itself where it was made can come back with another one.
    function _requireValid(Terms memory t, Groth16.Proof calldata proof, uint256[] memory signals) private view {
        _requireCode(t.verifier, t.verifierCode);
        require(Groth16.inBaseField(proof), ProofCoordinateNotInField());
        require(Groth16.hasGas(Groth16.GAS_CAP), NotEnoughGas());
        Groth16.Verdict verdict = Groth16.verify(t.verifier, proof, signals);
        require(verdict != Groth16.Verdict.Failed, VerifierFailed());
        require(verdict == Groth16.Verdict.Valid, ProofRejected());
    }

    // --- views ---

    /// @inheritdoc IReconciler
    function termsOf(bytes32 terms) external view returns (Terms memory) {
        return _terms(terms);
    }

    /// @inheritdoc IReconciler
    function outline(bytes32 terms) external view returns (uint8 slots, uint32 maxAge) {
        StoredTerms memory t = _stored(terms);
        return (t.slots, t.maxAge);
    }

    /// @inheritdoc IReconciler
    function lastReconciled(IRebalanceHub hub, bytes32 vaultId, bytes32 terms)
        external
        view
        returns (uint32 sequence, uint40 observedAt)
    {
        Last memory last = lasts[hub][vaultId][terms];
        return (last.sequence, last.observedAt);
    }

    /// @inheritdoc IReconciler
    function isReconciled(IRebalanceHub hub, bytes32 vaultId, bytes32 terms, uint32 sequence)
        external
        view
        returns (bool)
    {
        return uint256(lasts[hub][vaultId][terms].sequence) + _stored(terms).maxSequences >= sequence;
    }

    /// @inheritdoc IReconciler
    function compare(bytes32 from, bytes32 to) external view returns (Change) {
        if (from == 0) {
            if (to != 0) _stored(to);
            return Change.Tightens;
        }
        Terms memory a = _terms(from);
        if (to == from) return Change.Tightens;
        if (to == 0) return Change.Loosens;
        Terms memory b = _terms(to);
        if (_isTighter(a, b)) return Change.Tightens;
        return _isRepair(a, b) ? Change.Repairs : Change.Loosens;
    }

    /// @dev Another key loosens, and so does another class of the same attestor: nothing about it has changed but the word. So
    /// does an attestor for a venue that had none: what the book has there counted against the tolerance until then, all of it.
    function _isTighter(Terms memory a, Terms memory b) private pure returns (bool) {
        bool sameKey = a.slots == b.slots && a.verifier == b.verifier && a.verifierCode == b.verifierCode
            && address(a.batchVerifier) == address(b.batchVerifier);
        if (!sameKey || b.tolerancePpm > a.tolerancePpm || b.maxSequences > a.maxSequences) return false;
        if (b.maxAge > a.maxAge || b.steadyFor < a.steadyFor) return false;
        for (uint256 k; k < a.venues.length; ++k) {
            (Venue memory old, Venue memory new_) = (a.venues[k], b.venues[k]);
            if (old.attestor != new_.attestor || old.class != new_.class) return false;
        }
        return true;
    }

    /// @dev Each venue that was attested has the same attestor, or another of no lower class; all else is the same.
    function _isRepair(Terms memory a, Terms memory b) private pure returns (bool) {
        if (a.slots != b.slots) return false;
        for (uint256 k; k < a.venues.length; ++k) {
            (Venue memory old, Venue memory new_) = (a.venues[k], b.venues[k]);
            bool kept = old.attestor == new_.attestor && old.class == new_.class;
            bool replaced = old.class != Class.None && old.attestor != new_.attestor && new_.class >= old.class;
            if (!kept && !replaced) return false;
            a.venues[k] = new_;
        }
        return keccak256(abi.encode(a)) == keccak256(abi.encode(b));
    }

    /// @inheritdoc IReconciler
    function digestOf(bytes32 vaultId, uint256 policyHash, Attestation calldata attestation)
        external
        view
        returns (bytes32)
    {
        return _digest(vaultId, policyHash, attestation);
    }

    /// @inheritdoc IReconciler
    function expectedSignals(
        IRebalanceHub hub,
        bytes32 vaultId,
        bytes32 terms,
        uint32 round,
        uint256[] calldata commitments
    ) external view returns (uint256[] memory signals) {
        Subject memory subject = _subjectOf(hub, vaultId, terms, round);
        Terms memory t = subject.terms;
        signals = _signals(subject);
        uint256 next;
        for (uint256 k; k < t.venues.length; ++k) {
            if (t.venues[k].class == Class.None) continue;
            require(next < commitments.length, AttestationMissing(k));
            signals[Custody.ATTESTATIONS + k] = commitments[next++];
        }
    }

    function _stored(bytes32 terms) private view returns (StoredTerms memory t) {
        t = stored[terms];
        require(t.slots != 0, UnknownTerms(terms));
    }

    /// @dev The encoding is the words of the struct, with those of the venues behind them: this points the struct at its parts.
    function _terms(bytes32 terms) private view returns (Terms memory t) {
        bytes memory encoded = DataContract.read(_stored(terms).kept);
        uint256 count = (encoded.length - 32 * ENCODED_WORDS) / 64;
        uint256[] memory places = new uint256[](count);
        Venue[] memory venues;
        assembly ("memory-safe") {
            t := add(encoded, 64) // behind its length and the first word, which says where the struct starts
            let place := add(t, mul(32, 10)) // behind its nine words and the number of venues
            venues := places
            for { let k := 0 } lt(k, count) { k := add(k, 1) } {
                mstore(add(places, mul(32, add(k, 1))), add(place, mul(64, k)))
            }
        }
        t.venues = venues;
    }
}
