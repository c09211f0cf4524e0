// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../libraries/Groth16.sol";
import {IBatchVerifier} from "./IBatchVerifier.sol";
import {IPolicyRegistry} from "./IPolicyRegistry.sol";
import {IPriceOracle} from "./IPriceOracle.sol";

/// @title The hub that holds every vault's committed state and advances it only on a valid proof
/// @notice Nobody owns the hub. A vault is as trustworthy as its mandate: the policy, the feeds and the verifying key.
/// Anyone can read them here, and they change only by tightening, or after a delay in which share holders can leave. A
/// proof shows that the committed book obeys the policy, not that the venues hold that book.
interface IRebalanceHub {
    /// A verifying key: the contract that checks single proofs against it, and the one that checks batches.
    struct Key {
        /// The verifier that snarkjs generated for the key.
        address verifier;
        IBatchVerifier batchVerifier;
        /// Size of the book: 8, 16 or 32.
        uint8 slots;
    }

    /// The limits of a vault. Mandates have numbers and never change. Vaults may share one, and a vault moves from one to
    /// another. Each move increments the vault's mandate version, and a proof is valid for one version.
    struct Mandate {
        /// The registered policy that every book must obey.
        uint256 policyHash;
        /// Feeds of the oracle that price the slots: exactly those that the policy names.
        uint32 feedSet;
        /// The verifying key, as `addKey` numbered it.
        uint32 key;
        /// Greatest age of the snapshot that a rebalance uses, in seconds.
        uint32 maxSnapshotAge;
        /// Allowance for gains without a trade, in parts per million of NAV per day between two snapshots.
        uint24 accrualRatePpmPerDay;
        /// Upper bound of that allowance for one rebalance, in parts per million of NAV, below 1,000,000.
        uint24 accrualCapPpm;
        /// Age of the last proof's prices, in seconds, after which the vault is stale. After twice as long anyone can wind
        /// it down.
        uint32 maxProofAge;
    }

    enum Status {
        Active,
        /// The last proof is too old: no flow into the book, no deposits. A valid proof ends this status.
        Stale,
        /// The guardian paused the vault: no rebalances, no flow into the book, no deposits.
        Paused,
        /// Final: only flows out of the book, and redemptions.
        WindDown
    }

    /// The state of a vault.
    struct VaultState {
        /// Commitment to the book; initially the public commitment to the empty book.
        uint256 commitment;
        /// Rebalances accepted so far.
        uint32 sequence;
        /// NAV of the last proof in NAV steps of the policy, rounded down.
        uint48 navFloor;
        /// Time of the last proof's snapshot, in Unix seconds; initially the time of the opening.
        uint40 snapshotTimestamp;
        /// Round of that snapshot; 0 before the first proof.
        uint32 round;
        /// Quantity of slot 0 (1e-6) that has moved into (positive) or out of the book since the last proof.
        int64 pendingFlow;
        /// Number of moves to a mandate so far, the first included. Part of a proof's context.
        uint16 mandateVersion;
        /// The mandate, as `addMandate` numbered it.
        uint32 mandate;
        Status status;
    }

    /// One rebalance with all its public signals.
    struct Rebalance {
        Groth16.Proof proof;
        /// The public signals of the proof. The hub takes `commitmentAfter` and `navFloor` from them and compares every
        /// other one with its own, so that a refusal names the signal.
        uint256[] signals;
        /// Round of the price snapshot.
        uint32 round;
        /// Last second in which the proof may be accepted.
        uint40 deadline;
    }

    /// One rebalance of a batch: only the values that the hub does not know.
    struct BatchedRebalance {
        bytes32 vaultId;
        /// The vault's sequence after this rebalance. It lets the hub refuse a rebalance that it has accepted before.
        uint32 sequence;
        uint48 navFloor;
        uint256 commitmentAfter;
        Groth16.Proof proof;
    }

    // --- events ---

    event KeyAdded(uint32 indexed key, address verifier, IBatchVerifier batchVerifier, uint8 slots);

    event VaultOpened(
        bytes32 indexed vaultId, address indexed opener, address operator, address guardian, uint32 looseningDelay
    );

    event MandateAdded(uint32 indexed id, Mandate mandate);

    event MandateActivated(bytes32 indexed vaultId, uint16 mandateVersion, uint32 mandate);

    event MandateProposed(bytes32 indexed vaultId, uint32 mandate, uint40 activeFrom);

    event MandateWithdrawn(bytes32 indexed vaultId);

    /// @param flow the recorded flow; positive into the book.
    /// @param pendingFlow the sum that the next proof must state.
    event FlowRecorded(bytes32 indexed vaultId, int64 flow, int64 pendingFlow);

    /// @dev The previous event has the commitment before; the oracle has the price words.
    event Rebalanced(
        bytes32 indexed vaultId,
        uint32 sequence,
        uint256 commitmentAfter,
        uint256 navFloor,
        int256 flow,
        uint256 accrual,
        uint256 round
    );

    event StatusChanged(bytes32 indexed vaultId, Status status);

    event OperatorProposed(bytes32 indexed vaultId, address operator);

    event OperatorChanged(bytes32 indexed vaultId, address operator);

    // --- errors of keys, of opening a vault and of its mandate ---

    error ZeroAddress();
    /// There is no contract at the address.
    error NoCode(address account);
    error UnsupportedSlots(uint256 slots);
    /// The batch verifier is for proofs of another size.
    error KeySizeMismatch(uint256 batchSignals, uint256 signals);
    error UnknownKey(uint32 key);
    error UnknownMandate(uint32 mandate);
    error DelayTooShort(uint32 delay, uint32 least);
    error ZeroSnapshotAge();
    error ZeroProofAge();
    /// With these ages a new proof could use prices that make the vault stale at once.
    error ProofAgeBelowSnapshotAge(uint32 maxProofAge, uint32 maxSnapshotAge);
    error AccrualCapOutOfRange(uint24 cap);
    /// Policy, key and feed set are not all for books of one size.
    error SizeMismatch(uint8 policySlots, uint8 keySlots, uint8 feedSetSlots);
    /// The slots with an instrument and the slots with a feed differ: bit i for slot i.
    error FeedsDoNotFit(uint32 named, uint32 priced);
    error NoMandateProposed();

    // --- errors of role and time ---

    error UnknownVault(bytes32 vaultId);
    error NotOperator(address caller);
    error NotOperatorOrGuardian(address caller);
    error NotGuardian(address caller);
    error NotOpener(address caller);
    error NotProposedOperator(address caller);
    error FlowOutOfRange(int256 pendingFlow);
    error DeadlinePassed(uint40 deadline);
    /// The call is possible from this second on.
    error TooEarly(uint40 possibleAt);
    /// The vault's status does not allow this call.
    error WrongStatus(Status status);

    // --- errors of the price snapshot ---

    error SnapshotTooOld(uint40 timestamp, uint32 maxSnapshotAge);
    /// The snapshot is older than the last proof's snapshot, or than the vault.
    error SnapshotBeforeLast(uint40 timestamp, uint40 lastTimestamp);
    /// The snapshot belongs to another feed set than the vault's.
    error WrongFeedSet(uint32 given, uint32 expected);

    // --- errors of the public signals, compared with the hub's own ---

    error WrongSignalCount(uint256 given, uint256 expected);
    /// A signal is not below the scalar field.
    error SignalNotInField(uint256 index);
    error CommitmentMismatch(uint256 given, uint256 expected);
    error PolicyMismatch(uint256 given, uint256 expected);
    error FlowMismatch(uint256 given, uint256 expected);
    error AccrualMismatch(uint256 given, uint256 expected);
    error NavFloorOutOfRange(uint256 navFloor);
    /// The proof is for another chain, hub, vault, sequence, mandate version, round, operator or deadline.
    error ContextMismatch(uint256 given, uint256 expected);
    error PriceMismatch(uint256 word, uint256 given, uint256 expected);
    /// In a batch: the vault's next sequence is another number.
    error SequenceMismatch(bytes32 vaultId, uint32 given, uint32 expected);

    // --- errors of the proof ---

    /// A coordinate is not below the base field.
    error ProofCoordinateNotInField();
    /// The remaining gas does not cover the verifier's worst case.
    error NotEnoughGas();
    /// The verifier rejected the proof; in a batch, at least one of the proofs.
    error ProofRejected();
    /// The verifier reverted, ran out of gas or did not return a boolean.
    error VerifierFailed();
    error EmptyBatch();
    /// A vault of the batch has another verifying key.
    error WrongKey(bytes32 vaultId, uint32 given, uint32 expected);

    // --- keys and vaults ---

    /// @notice Add a verifying key and give it a number. Anyone may call this; a vault's mandate names the key that it
    /// trusts.
    function addKey(address verifier, IBatchVerifier batchVerifier, uint8 slots) external returns (uint32 key);

    /// @notice Add a mandate and give it a number. Anyone may call this. Its policy, feed set and key must exist and be for
    /// books of one size, and the feeds must price exactly the slots that have an instrument.
    function addMandate(Mandate calldata mandate) external returns (uint32 id);

    /// @notice Open a vault with an empty book. Anyone may call this. The opener is the only account that may record flows:
    /// a share token opens the vault whose shares it issues.
    /// @param operator submits rebalances and proposes mandates.
    /// @param guardian may pause the vault and withdraw a proposed mandate; 0 for nobody.
    /// @param looseningDelay seconds that a mandate waits unless it only tightens, at least `LEAST_LOOSENING_DELAY`.
    /// @return vaultId hash of chain id, hub, opener and the opener's count of vaults. It is known before the call and
    /// survives a reorganisation whatever others do, so other contracts and proofs can refer to it.
    function openVault(address operator, address guardian, uint32 looseningDelay, uint32 mandate)
        external
        returns (bytes32 vaultId);

    /// @notice Move the vault to another mandate: at once if every change tightens, else after the loosening delay.
    /// Replaces a proposal that waits. Only the operator may call this.
    /// @return activeFrom time from which anyone can activate the mandate, in Unix seconds; 0 if it is active already.
    function proposeMandate(bytes32 vaultId, uint32 mandate) external returns (uint40 activeFrom);

    /// @notice Activate the proposed mandate after its delay, unless the vault is paused. Anyone may call this. A stale
    /// vault stays stale until the next proof, whatever age of proofs the new mandate allows.
    function activateMandate(bytes32 vaultId) external;

    /// @notice Withdraw the proposed mandate. Only the operator and the guardian may call this.
    function withdrawMandate(bytes32 vaultId) external;

    /// @notice Name the account that may take over as operator; 0 withdraws the offer. Only the operator may call this.
    function proposeOperator(bytes32 vaultId, address operator) external;

    /// @notice Take over as operator. Only the proposed operator may call this.
    function acceptOperator(bytes32 vaultId) external;

    // --- rebalances ---

    /// @notice Record that a quantity of slot 0 (1e-6) moved into (positive) or out of the book. Flows add up until the
    /// next proof states them. Only the vault's opener may call this, for a flow into the book only while the vault is
    /// active.
    function recordFlow(bytes32 vaultId, int64 flow) external;

    /// @notice Replace the committed book by one that, by the proof, obeys the policy. Only the operator may call this.
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external;

    /// @notice Rebalance many vaults of one operator in one pairing check. All proofs share the key, the snapshot and the
    /// deadline. The hub accepts all rebalances or none.
    function submitBatch(uint32 key, uint32 round, uint40 deadline, BatchedRebalance[] calldata rebalances) external;

    // --- liveness ---

    /// @notice Put on record that a vault is stale. Anyone may call this. The hub treats the vault as stale either way.
    function callStale(bytes32 vaultId) external;

    /// @notice Wind a vault down for good. The operator may call this at any time, to admit a breach or to close the vault;
    /// anyone may once the last proof's prices are older than twice `maxProofAge`.
    function windDown(bytes32 vaultId) external;

    /// @notice Pause a vault. Only the guardian may call this.
    function pause(bytes32 vaultId) external;

    /// @notice End a pause. Only the guardian may call this.
    function unpause(bytes32 vaultId) external;

    // --- views ---

    function oracle() external view returns (IPriceOracle);

    function policyRegistry() external view returns (IPolicyRegistry);

    function keyOf(uint32 key) external view returns (Key memory);

    /// @notice State of a vault, with its current status, whether or not anyone has put staleness on record.
    function vaultState(bytes32 vaultId) external view returns (VaultState memory);

    function status(bytes32 vaultId) external view returns (Status);

    /// @notice A mandate by its number.
    function mandateOf(uint32 mandate) external view returns (Mandate memory);

    /// @notice The proposed mandate and the time from which anyone can activate it; 0 and 0 if there is none.
    function proposedMandate(bytes32 vaultId) external view returns (uint32 mandate, uint40 activeFrom);

    /// @notice Whether a move from one mandate to another only tightens: the policy field by field
    /// (`IPolicyRegistry.tightens`), every age, rate and cap no greater, feed set and key the same. Reverts if no vault may
    /// ever make this move.
    function tightens(uint32 from, uint32 to) external view returns (bool);

    /// @notice The roles of a vault. The opener records flows, and the proposed operator may take over.
    function rolesOf(bytes32 vaultId)
        external
        view
        returns (address opener, address operator, address proposedOperator, address guardian, uint32 looseningDelay);

    /// @notice Number of vaults that this account has opened.
    function vaultsOpened(address opener) external view returns (uint256);

    /// @notice The public signals that `submit` would demand now. Reverts like `submit` if the snapshot is unusable.
    function expectedSignals(bytes32 vaultId, uint256 commitmentAfter, uint256 navFloor, uint32 round, uint40 deadline)
        external
        view
        returns (uint256[] memory);

    /// @notice The context of the vault's next proof: chain id, hub, vault, next sequence, mandate version, round, operator
    /// and deadline, hashed and reduced to the field. It ties the proof to this one use.
    function context(bytes32 vaultId, uint32 round, uint40 deadline) external view returns (uint256);
}
