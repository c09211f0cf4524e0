// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../libraries/Groth16.sol";
import {IBatchVerifier} from "./IBatchVerifier.sol";
import {IRebalanceHub} from "./IRebalanceHub.sol";

/// @title Reconciliations: a vault's committed book is what named attestors say they hold for it
/// @notice A commitment is not custody. Here each venue's attestor signs a hiding commitment to what it holds for the vault, and
/// one proof shows that the committed book has, slot by slot, no more than the sum of what is attested, up to a tolerance.
/// Attestors sign with the key of any account, and learn nothing of each other.
///
/// ONE SECOND. All attestations and all prices are of the second of the round that the last proof used, so that nobody shows the
/// same coins to two attestors, or borrows them for the instant.
///
/// A draw or a return between the round and its proof would be in the book, and not in what was there: such a proof cannot be
/// reconciled.
///
/// A RECONCILIATION is of a sequence of one vault of one hub, under one set of terms. Anyone may send it, and sending it twice
/// changes nothing. The hub is whatever contract the caller names: a false one can only lie about itself. Nobody owns this
/// contract, and no entry of it can be taken back.
///
/// WHAT IT DOES NOT SHOW. An attestor is worth what its class says, at most: a reconciliation by the operator's own keys shows
/// nothing. A lender that is nobody's venue is not seen.
interface IReconciler {
    /// How far an attestor is from the operator, weakest first.
    enum Class {
        /// Nobody attests the venue: all that the book has there counts against the tolerance.
        None,
        Operator,
        Administrator,
        Custodian,
        Enclave,
        ChainState
    }

    /// Who attests a venue.
    struct Venue {
        /// An account with a key, or a contract that answers by ERC-1271; 0 if nobody does.
        address attestor;
        Class class;
    }

    /// What a vault must show of its custody. Terms have a name, the hash of their content, and never change.
    struct Terms {
        /// Size of the book: 8, 16 or 32.
        uint8 slots;
        /// The verifier that snarkjs generated for the reconciliation's key, and the hash of its code.
        address verifier;
        bytes32 verifierCode;
        /// The contract whose constructor has looked at the points of the same key, and refuses a development key where value is
        /// at stake. Whoever judges the terms compares the two.
        IBatchVerifier batchVerifier;
        /// What the book may have more than is attested, in parts per million of NAV; at most 20,000.
        uint32 tolerancePpm;
        /// Deposits and the price feed need a reconciliation of one of this many sequences before the last, or of the last.
        uint8 maxSequences;
        /// Age of the last reconciliation, in seconds, after which it can be repaired. After twice as long anyone can wind the
        /// vault down.
        uint32 maxAge;
        /// Seconds for which the holdings must have been there before they are attested; at most a quarter of `maxAge`.
        uint32 steadyFor;
        /// One for each venue of the size: 4, 4 or 8.
        Venue[] venues;
    }

    /// What one attestor says, with its signature of
    /// `Attestation(bytes32 vaultId,uint8 venue,uint256 policyHash,uint256 commitment,bytes32 exclusionsHash,bytes32 accountsHash,uint40 observedAt,uint40 steadySince)`
    /// (EIP-712; the domain is "dls-zk", version "1", this chain and this contract).
    struct Attestation {
        uint8 venue;
        /// Commitment to what the attestor holds in the venue's slots.
        uint256 commitment;
        /// Hashes of the documents that list what is left out, and the accounts, each of which is bound to one vault.
        bytes32 exclusionsHash;
        bytes32 accountsHash;
        /// The second of the round, in Unix seconds.
        uint40 observedAt;
        /// Since when nothing above the tolerance has come in from outside, in Unix seconds.
        uint40 steadySince;
        bytes signature;
    }

    /// What a move from one set of terms to another does.
    enum Change {
        Loosens,
        /// No demand is weaker, and each venue has the same attestor, or none, as before.
        Tightens,
        /// Only attestors differ, and none is of a lower class.
        Repairs
    }

    // --- events ---

    event TermsAdded(bytes32 indexed terms, Terms content);

    /// @notice A vault's book is reconciled. With the terms, the policy's venues and the oracle's prices of the round this has
    /// every public signal; the transaction has the proof and the signatures.
    /// @param statements of each attested venue, in order: its commitment, the hashes of its exclusions and of its accounts, and
    /// since when its holdings are steady.
    event Reconciled(
        IRebalanceHub indexed hub,
        bytes32 indexed vaultId,
        bytes32 indexed terms,
        uint32 sequence,
        uint32 round,
        uint256 policyHash,
        uint256 commitment,
        uint256[4][] statements
    );

    // --- actions ---

    /// @notice Add terms under their name. Anyone may call this. Adding them again changes nothing.
    function addTerms(Terms calldata content) external returns (bytes32 terms);

    /// @notice Show that the book of a vault's last sequence is what its attestors hold. Anyone may call this.
    /// @param round the one that the last proof used.
    /// @param attestations one for each venue that the terms name an attestor for, in the order of the venues.
    /// @return sequence the one that is reconciled now.
    function reconcile(
        IRebalanceHub hub,
        bytes32 vaultId,
        bytes32 terms,
        uint32 round,
        Attestation[] calldata attestations,
        Groth16.Proof calldata proof
    ) external returns (uint32 sequence);

    // --- views ---

    function termsOf(bytes32 terms) external view returns (Terms memory);

    /// @notice The size of the terms, and their clock.
    function outline(bytes32 terms) external view returns (uint8 slots, uint32 maxAge);

    /// @notice The last sequence of a vault that is reconciled under these terms, and the second of its prices and attestations;
    /// 0 and 0 if none is.
    function lastReconciled(IRebalanceHub hub, bytes32 vaultId, bytes32 terms)
        external
        view
        returns (uint32 sequence, uint40 observedAt);

    /// @notice Whether this sequence, or one of the `maxSequences` before it, is reconciled. The book of sequence 0 is publicly
    /// empty, and counts as reconciled.
    function isReconciled(IRebalanceHub hub, bytes32 vaultId, bytes32 terms, uint32 sequence)
        external
        view
        returns (bool);

    /// @notice What a move from one set of terms to another does; 0 stands for no terms. To add a demand tightens, to drop all of
    /// them loosens.
    function compare(bytes32 from, bytes32 to) external view returns (Change);

    /// @notice The digest that the attestor of a venue signs; the attestation's signature does not matter.
    function digestOf(bytes32 vaultId, uint256 policyHash, Attestation calldata attestation)
        external
        view
        returns (bytes32);

    /// @notice The public signals that a proof must have now, for these commitments of the attested venues, in order.
    function expectedSignals(
        IRebalanceHub hub,
        bytes32 vaultId,
        bytes32 terms,
        uint32 round,
        uint256[] calldata commitments
    ) external view returns (uint256[] memory);

    // --- errors of the terms ---

    error UnknownTerms(bytes32 terms);
    error UnsupportedSlots(uint256 slots);
    error NoCode(address account);
    /// The code at the verifier's address is another than the terms say.
    error VerifierChanged(address verifier, bytes32 code, bytes32 expected);
    /// The batch verifier is for proofs with another number of signals.
    error KeySizeMismatch(uint256 batchSignals, uint256 signals);
    error WrongVenueCount(uint256 given, uint256 expected);
    /// A venue has an attestor without a class, or a class without an attestor.
    error AttestorAndClassDisagree(uint256 venue);
    /// Nobody attests anything.
    error NoAttestor();
    /// A term is outside its bounds.
    error TermOutOfRange(string term, uint256 value, uint256 least, uint256 most);

    // --- errors of a reconciliation ---

    /// The vault has no proof yet, or none at its present feeds.
    error NoProofToReconcile();
    /// The last proof stated a draw or a return that was recorded after the second of its round, so that no attestor saw it. The
    /// next proof can be reconciled, unless another flow comes between its round and itself.
    error FlowAfterRound(uint40 timestamp);
    /// The round is not the one that the last proof used.
    error WrongRound(uint32 round);
    /// Policy and terms are for books of different sizes.
    error SizeMismatch(uint8 policySlots, uint8 termsSlots);
    /// The attestation of this venue is missing.
    error AttestationMissing(uint256 venue);
    /// The attestation is of a venue that nobody may attest, or comes twice or out of order.
    error UnexpectedAttestation(uint256 venue);
    /// The attestation is not of the second of the round.
    error WrongSecond(uint256 venue, uint40 observedAt, uint40 expected);
    /// The holdings were not there for long enough.
    error NotSteady(uint256 venue, uint40 steadySince, uint40 latest);
    /// The signature is not that of the venue's attestor for this vault, policy, chain and contract.
    error WrongSignature(uint256 venue, address attestor, bytes32 digest);
    /// A public signal is not below the scalar field.
    error SignalNotInField(uint256 index);
    /// A coordinate of the proof is not below the base field.
    error ProofCoordinateNotInField();
    /// The remaining gas does not cover the verifier's worst case.
    error NotEnoughGas();
    error ProofRejected();
    /// The verifier reverted, ran out of gas or did not return a boolean.
    error VerifierFailed();
}
