// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../libraries/Groth16.sol";
import {IPriceOracle} from "./IPriceOracle.sol";

/// @title The hub that holds every vault's committed state and advances it only on a valid proof
/// @notice A vault is as trustworthy as what it was opened with: its verifier (whose key decides what a proof says), its
/// oracle, its policy hash and its flow source. The hub takes them as given, publishes them in `VaultOpened` and never
/// changes them. A proof shows that the committed book obeys the policy, not that the venues hold that book.
interface IRebalanceHub {
    /// What a vault is opened with.
    struct VaultConfig {
        /// The only account that may submit rebalances.
        address operator;
        /// The only account that may record flows (later the share token).
        address flowSource;
        /// The generated Groth16 verifier of the circuit for `slots`.
        address verifier;
        /// Where the price words come from.
        IPriceOracle oracle;
        /// Hash of the policy that every book must obey.
        uint256 policyHash;
        /// Size of the book: 8, 16 or 32.
        uint8 slots;
        /// Oldest snapshot that a rebalance may use, in seconds.
        uint32 maxSnapshotAge;
        /// What may accrue without a trade, in parts per million of NAV per day between two snapshots.
        uint32 accrualRatePpmPerDay;
        /// The most that may accrue in one rebalance, in parts per million of NAV, below 2^20.
        uint32 accrualCapPpm;
    }

    /// What a valid proof advances.
    struct VaultState {
        /// Commitment to the book; at first the public commitment to the empty book.
        uint256 commitment;
        /// Rebalances accepted so far.
        uint64 sequence;
        /// Version of the policy that `policyHash` is.
        uint64 policyVersion;
        /// NAV of the last proof, rounded down, in units of the policy's granularity.
        uint64 navFloor;
        /// Oracle round of the last proof, and when that snapshot was taken.
        uint64 lastRound;
        uint64 lastSnapshotTimestamp;
        /// When the last proof was accepted; 0 if none has been.
        uint64 lastProvenAt;
        /// Quantity of slot 0 (1e-6) that moved into (positive) or out of the book since the last proof.
        int64 pendingFlow;
    }

    /// One rebalance, as its prover sees it.
    struct Rebalance {
        Groth16.Proof proof;
        /// The public signals that were proven. The hub takes `commitmentAfter` and `navFloor` from them and compares
        /// every other one with its own, so that a refusal names the signal.
        uint256[] signals;
        /// Round of the price snapshot that was used.
        uint64 oracleRound;
        /// Last second in which the proof may be accepted.
        uint64 deadline;
    }

    // --- events ---

    event VaultOpened(bytes32 indexed vaultId, address indexed opener, VaultConfig config);

    /// @param pendingFlow the flow that the next proof must state.
    event FlowRecorded(bytes32 indexed vaultId, int64 flow, int64 pendingFlow);

    event Rebalanced(
        bytes32 indexed vaultId,
        uint64 indexed sequence,
        uint256 commitmentBefore,
        uint256 commitmentAfter,
        uint64 navFloor,
        int64 flow,
        uint256 accrual,
        uint64 oracleRound
    );

    // --- errors of opening a vault ---

    error ZeroAddress();
    /// There is no contract at the verifier's or the oracle's address.
    error NoCode(address account);
    error UnsupportedSlots(uint256 slots);
    /// A policy hash is a field element and not 0.
    error InvalidPolicyHash();
    error ZeroSnapshotAge();
    error AccrualCapOutOfRange(uint256 cap);

    // --- errors of who and when ---

    error UnknownVault(bytes32 vaultId);
    error NotOperator(address caller);
    error NotFlowSource(address caller);
    error FlowOutOfRange(int256 pendingFlow);
    error DeadlinePassed(uint64 deadline);

    // --- errors of the price snapshot ---

    error SnapshotTooOld(uint64 timestamp, uint32 maxSnapshotAge);
    /// The snapshot was taken before the one that the last proof used.
    error SnapshotBeforeLast(uint64 timestamp, uint64 lastTimestamp);
    error SnapshotFromFuture(uint64 timestamp);
    /// The oracle's snapshot is for a book of another size.
    error WrongPriceWordCount(uint256 given, uint256 expected);

    // --- errors of the public signals, against the hub's own ---

    error WrongSignalCount(uint256 given, uint256 expected);
    /// A signal is not below the scalar field.
    error SignalNotInField(uint256 index);
    error CommitmentMismatch(uint256 given, uint256 expected);
    error PolicyMismatch(uint256 given, uint256 expected);
    error FlowMismatch(uint256 given, uint256 expected);
    error AccrualMismatch(uint256 given, uint256 expected);
    error NavFloorOutOfRange(uint256 navFloor);
    /// The proof was made for another chain, hub, vault, sequence, policy version, oracle round, operator or deadline.
    error ContextMismatch(uint256 given, uint256 expected);
    error PriceMismatch(uint256 word, uint256 given, uint256 expected);

    // --- errors of the proof ---

    /// A coordinate is not below the base field.
    error ProofCoordinateNotInField();
    /// Too little gas is left to call the verifier with all that it may need.
    error NotEnoughGas();
    /// The verifier says that the proof is not valid.
    error ProofRejected();
    /// The verifier reverted, ran out of gas or returned something other than a boolean.
    error VerifierFailed();

    // --- actions ---

    /// @notice Open a vault whose book is empty. Anyone may.
    /// @return vaultId hash of chain id, hub, opener and the number of vaults the opener had: known before it is opened
    /// and the same after a reorg, whatever others do, so other contracts and proofs can be tied to it.
    function openVault(VaultConfig calldata config) external returns (bytes32 vaultId);

    /// @notice Record that a quantity of slot 0 (1e-6) moved into (positive) or out of the book. Flows add up until the
    /// next proof states them. Only the vault's flow source may.
    function recordFlow(bytes32 vaultId, int64 flow) external;

    /// @notice Replace the committed book by the one that the proof says obeys the policy. Only the operator may.
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external;

    // --- views ---

    function vaultConfig(bytes32 vaultId) external view returns (VaultConfig memory);

    function vaultState(bytes32 vaultId) external view returns (VaultState memory);

    /// @notice Vaults that this account has opened.
    function vaultsOpened(address opener) external view returns (uint256);

    /// @notice The public signals that `submit` would demand now. Reverts as `submit` would if the snapshot is unusable.
    function expectedSignals(
        bytes32 vaultId,
        uint256 commitmentAfter,
        uint256 navFloor,
        uint64 oracleRound,
        uint64 deadline
    ) external view returns (uint256[] memory);

    /// @notice What ties the vault's next proof to its place: chain id, hub, vault, next sequence, policy version, oracle
    /// round, operator and deadline, hashed and reduced to the field.
    function context(bytes32 vaultId, uint64 oracleRound, uint64 deadline) external view returns (uint256);
}
