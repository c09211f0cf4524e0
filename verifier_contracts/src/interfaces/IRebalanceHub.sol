// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../libraries/Groth16.sol";
import {IBatchVerifier} from "./IBatchVerifier.sol";
import {IPolicyRegistry} from "./IPolicyRegistry.sol";
import {IPriceOracle} from "./IPriceOracle.sol";

/// @title The hub that holds every vault's committed state and advances it only on a valid proof
/// @notice Nobody owns the hub. A vault is as trustworthy as its mandate: the policy, the feeds and the verifying key, all
/// readable here, and changed only by tightening or after a delay in which share holders can leave. A proof shows
/// that the committed book obeys the policy, not that the venues hold that book.
interface IRebalanceHub {
    /// A verifying key: the two contracts that check proofs against it, one by one and in batches.
    struct Key {
        /// The verifier that snarkjs generated for the key.
        address verifier;
        IBatchVerifier batchVerifier;
        /// Size of the book: 8, 16 or 32.
        uint8 slots;
    }

    /// What a vault may do. Mandates are numbered and never change; vaults may share one, and a vault changes its own by
    /// moving to another. Each move makes a new version, and a proof holds for one version.
    struct Mandate {
        /// The registered policy that every book must obey.
        uint256 policyHash;
        /// Feeds of the oracle that price the slots: exactly those that the policy names.
        uint32 feedSet;
        /// The verifying key, as `addKey` numbered it.
        uint32 key;
        /// Oldest snapshot that a rebalance may use, in seconds.
        uint32 maxSnapshotAge;
        /// What may accrue without a trade, in parts per million of NAV per day between two snapshots.
        uint24 accrualRatePpmPerDay;
        /// The most that may accrue in one rebalance, in parts per million of NAV, below 1,000,000.
        uint24 accrualCapPpm;
        /// A vault whose last proof's prices are older than this is stale, in seconds; after twice as long anyone can wind
        /// it down.
        uint32 maxProofAge;
    }

    enum Status {
        Active,
        /// The last proof is too old: no flow into the book, no deposits. A valid proof ends it.
        Stale,
        /// The guardian stopped it: no rebalances, no flow into the book, no deposits.
        Paused,
        /// For good: only flows back out of the book, and redemptions.
        WindDown
    }

    /// Where a vault is.
    struct VaultState {
        /// Commitment to the book; at first the public commitment to the empty book.
        uint256 commitment;
        /// Rebalances accepted so far.
        uint32 sequence;
        /// NAV of the last proof in NAV steps of the policy, rounded down.
        uint48 navFloor;
        /// When the snapshot of the last proof was taken; at first when the vault was opened.
        uint40 snapshotTimestamp;
        /// Round of that snapshot; 0 before the first proof.
        uint32 round;
        /// Quantity of slot 0 (1e-6) that moved into (positive) or out of the book since the last proof.
        int64 pendingFlow;
        /// Moves to a mandate so far, the first counted; a proof names it.
        uint16 mandateVersion;
        /// The mandate, as `addMandate` numbered it.
        uint32 mandate;
        Status status;
    }

    /// One rebalance, as its prover sees it.
    struct Rebalance {
        Groth16.Proof proof;
        /// The public signals that were proven. The hub takes `commitmentAfter` and `navFloor` from them and compares
        /// every other one with its own, so that a refusal names the signal.
        uint256[] signals;
        /// Round of the price snapshot that was used.
        uint32 round;
        /// Last second in which the proof may be accepted.
        uint40 deadline;
    }

    /// One rebalance of a batch: only what the hub does not know itself.
    struct BatchedRebalance {
        bytes32 vaultId;
        /// The vault's sequence after it: a rebalance that was accepted before is refused by this number.
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

    event MandateAdded(uint32 indexed mandate, Mandate terms);

    event MandateActivated(bytes32 indexed vaultId, uint16 mandateVersion, uint32 mandate);

    event MandateProposed(bytes32 indexed vaultId, uint32 mandate, uint40 activeFrom);

    event MandateWithdrawn(bytes32 indexed vaultId);

    /// @param pendingFlow the flow that the next proof must state.
    event FlowRecorded(bytes32 indexed vaultId, int64 flow, int64 pendingFlow);

    /// @dev The commitment before is the one after of the event before; the price words are the oracle's.
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
    /// A proof may use prices that would make the vault stale at once.
    error ProofAgeBelowSnapshotAge(uint32 maxProofAge, uint32 maxSnapshotAge);
    error AccrualCapOutOfRange(uint24 cap);
    /// Policy, key and feed set are not all for books of one size.
    error SizeMismatch(uint8 policySlots, uint8 keySlots, uint8 feedSetSlots);
    /// The slots with an instrument are not those with a feed: bit i for slot i.
    error FeedsDoNotFit(uint32 named, uint32 priced);
    error NoMandateProposed();

    // --- errors of who and when ---

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
    /// What the caller wants is not allowed in this state of the vault.
    error WrongStatus(Status status);

    // --- errors of the price snapshot ---

    error SnapshotTooOld(uint40 timestamp, uint32 maxSnapshotAge);
    /// The snapshot was taken before the one that the last proof used, or before the vault was opened.
    error SnapshotBeforeLast(uint40 timestamp, uint40 lastTimestamp);
    /// The snapshot is of other feeds than the vault's.
    error WrongFeedSet(uint32 given, uint32 expected);

    // --- errors of the public signals, against the hub's own ---

    error WrongSignalCount(uint256 given, uint256 expected);
    /// A signal is not below the scalar field.
    error SignalNotInField(uint256 index);
    error CommitmentMismatch(uint256 given, uint256 expected);
    error PolicyMismatch(uint256 given, uint256 expected);
    error FlowMismatch(uint256 given, uint256 expected);
    error AccrualMismatch(uint256 given, uint256 expected);
    error NavFloorOutOfRange(uint256 navFloor);
    /// The proof was made for another chain, hub, vault, sequence, version, round, operator or deadline.
    error ContextMismatch(uint256 given, uint256 expected);
    error PriceMismatch(uint256 word, uint256 given, uint256 expected);
    /// In a batch: the vault has moved on, or is not that far yet.
    error SequenceMismatch(bytes32 vaultId, uint32 given, uint32 expected);

    // --- errors of the proof ---

    /// A coordinate is not below the base field.
    error ProofCoordinateNotInField();
    /// Too little gas is left to call the verifier with all that it may need.
    error NotEnoughGas();
    /// The verifier says that the proof is not valid; in a batch, that one of them is not.
    error ProofRejected();
    /// The verifier reverted, ran out of gas or returned something other than a boolean.
    error VerifierFailed();
    error EmptyBatch();
    /// A vault of the batch has another verifying key.
    error WrongKey(bytes32 vaultId, uint32 given, uint32 expected);

    // --- keys and vaults ---

    /// @notice Number a verifying key. Anyone may; a vault names the key it trusts in its mandate.
    function addKey(address verifier, IBatchVerifier batchVerifier, uint8 slots) external returns (uint32 key);

    /// @notice Number a mandate. Anyone may. Its policy, feeds and key must exist and be for books of one size, and the
    /// feeds price just the slots that the policy names.
    function addMandate(Mandate calldata mandate) external returns (uint32 id);

    /// @notice Open a vault whose book is empty. Anyone may. The opener is the only account that may record flows: a
    /// share token opens the vault that it holds the shares of.
    /// @param operator submits rebalances and proposes mandates.
    /// @param guardian may pause the vault and withdraw a proposed mandate; 0 for nobody.
    /// @param looseningDelay how long a mandate that does not only tighten waits, in seconds, at least
    /// `LEAST_LOOSENING_DELAY`.
    /// @return vaultId hash of chain id, hub, opener and the number of vaults the opener had: known before it is opened
    /// and the same after a reorg, whatever others do, so other contracts and proofs can be tied to it.
    function openVault(address operator, address guardian, uint32 looseningDelay, uint32 mandate)
        external
        returns (bytes32 vaultId);

    /// @notice Move to another mandate: at once if every change tightens, else after the loosening delay. Replaces a
    /// proposed mandate that has not become active. Only the operator may.
    /// @return activeFrom when it can be activated; 0 if it is active already.
    function proposeMandate(bytes32 vaultId, uint32 mandate) external returns (uint40 activeFrom);

    /// @notice Activate the proposed mandate once its time has come, unless the vault is paused. Anyone may. A stale vault
    /// stays stale until a proof, however old the mandate allows proofs to be.
    function activateMandate(bytes32 vaultId) external;

    /// @notice Withdraw the proposed mandate. The operator and the guardian may.
    function withdrawMandate(bytes32 vaultId) external;

    /// @notice Name the account that may take over as operator; 0 takes the offer back. Only the operator may.
    function proposeOperator(bytes32 vaultId, address operator) external;

    /// @notice Take over as operator. Only the account that was named may.
    function acceptOperator(bytes32 vaultId) external;

    // --- rebalances ---

    /// @notice Record that a quantity of slot 0 (1e-6) moved into (positive) or out of the book. Flows add up until the
    /// next proof states them. Only the vault's opener may; into the book only while the vault is active.
    function recordFlow(bytes32 vaultId, int64 flow) external;

    /// @notice Replace the committed book by the one that the proof says obeys the policy. Only the operator may.
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external;

    /// @notice The same for many vaults of one operator, with one key and proven at one snapshot and for one deadline, in
    /// one pairing check. All or none.
    function submitBatch(uint32 key, uint32 round, uint40 deadline, BatchedRebalance[] calldata rebalances) external;

    // --- liveness ---

    /// @notice Put on record that a vault is stale. Anyone may. It is treated as stale either way.
    function callStale(bytes32 vaultId) external;

    /// @notice Wind a vault down for good. The operator may at any time (it admits a breach, or ends), and anyone once the
    /// last proof's prices are older than twice `maxProofAge`.
    function windDown(bytes32 vaultId) external;

    /// @notice Only the guardian may.
    function pause(bytes32 vaultId) external;

    /// @notice Only the guardian may.
    function unpause(bytes32 vaultId) external;

    // --- views ---

    function oracle() external view returns (IPriceOracle);

    function policyRegistry() external view returns (IPolicyRegistry);

    function keyOf(uint32 key) external view returns (Key memory);

    /// @notice State of a vault; its status as of now, whether anyone has called it stale or not.
    function vaultState(bytes32 vaultId) external view returns (VaultState memory);

    function status(bytes32 vaultId) external view returns (Status);

    /// @notice A mandate by its number.
    function mandateOf(uint32 mandate) external view returns (Mandate memory);

    /// @notice The proposed mandate and when it can be activated; 0 and 0 if there is none.
    function proposedMandate(bytes32 vaultId) external view returns (uint32 mandate, uint40 activeFrom);

    /// @notice Whether moving from one mandate to another only tightens: the policy field by field
    /// (`IPolicyRegistry.tightens`), every age, rate and cap no greater, feeds and key the same. Reverts if no vault may
    /// ever move so.
    function tightens(uint32 from, uint32 to) external view returns (bool);

    /// @notice Who may do what: the opener records flows, the proposed operator may take over.
    function rolesOf(bytes32 vaultId)
        external
        view
        returns (address opener, address operator, address proposedOperator, address guardian, uint32 looseningDelay);

    /// @notice Vaults that this account has opened.
    function vaultsOpened(address opener) external view returns (uint256);

    /// @notice The public signals that `submit` would demand now. Reverts as `submit` would if the snapshot is unusable.
    function expectedSignals(bytes32 vaultId, uint256 commitmentAfter, uint256 navFloor, uint32 round, uint40 deadline)
        external
        view
        returns (uint256[] memory);

    /// @notice What ties the vault's next proof to its place: chain id, hub, vault, next sequence, version, round,
    /// operator and deadline, hashed and reduced to the field.
    function context(bytes32 vaultId, uint32 round, uint40 deadline) external view returns (uint256);
}
