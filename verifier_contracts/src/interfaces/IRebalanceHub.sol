// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowances} from "../libraries/Allowances.sol";
import {Groth16} from "../libraries/Groth16.sol";
import {Summary} from "../libraries/Summary.sol";
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

    /// What rebalances may use up over time: the bucket fills at `ratePerDay` (of snapshot time) up to `cap` and starts full.
    /// A rebalance names how much it takes, a multiple of `step`, so that the name tells little of the book. Whatever the
    /// number of rebalances, they take at most rate × time + cap.
    struct Bucket {
        uint32 ratePerDay;
        uint32 cap;
        uint32 step;
    }

    /// What holders and operator agreed on about orders, fees and the price of a share. The hub compares these terms when a
    /// mandate changes; the share token obeys them.
    struct ShareTerms {
        /// Seconds between an order and the first round that may price it.
        uint32 orderDelay;
        /// Seconds after which an unpaid redemption stops deposits and draws; after twice as long anyone may wind down.
        uint32 redemptionPeriod;
        /// Least deposit order, and least worth of a redemption order at the last price, in 1e-6 of slot 0.
        uint64 leastOrderE6;
        /// Most that the shares may be worth with all pending deposits, in 1e-6 of slot 0.
        uint64 depositCapE6;
        /// Part of each order that stays with those who stay, in parts per million: of the assets of a deposit, and of what a
        /// redemption would be paid.
        uint16 orderLevyPpm;
        /// Fee on NAV, in parts per million a year.
        uint24 managementFeePpm;
        /// Fee on gains above the high-water mark, in parts per million.
        uint24 performanceFeePpm;
        /// Greatest move of the settled price per day, in parts per million; 0 for no band.
        uint24 bandPpmPerDay;
        /// Seconds that a price out of the band waits at least.
        uint32 bandWait;
    }

    /// The limits of a vault. A mandate has a name, the hash of its content, and never changes. Vaults may share one, and a
    /// vault moves from one to another. Each move increments the vault's mandate version, and a proof is valid for one
    /// version.
    struct Mandate {
        /// The registered policy that every book must obey.
        uint256 policyHash;
        /// Feeds of the oracle that price the slots: exactly those that the policy names.
        bytes32 feedSet;
        /// The verifying key, as `addKey` named it.
        bytes32 key;
        /// Greatest age of the round that a rebalance uses, in seconds: the time to prove and to send.
        uint32 grace;
        /// Least time between the rounds of two rebalances, in seconds, from the second on.
        uint32 minInterval;
        /// Age of the last proof's prices, in seconds, after which the vault is stale. After twice as long anyone can wind
        /// it down.
        uint32 maxProofAge;
        /// Part of the settled NAV that the operator may write down alone within 30 days, in parts per million.
        uint32 writeDownPpm;
        /// Gains that no price explains, in parts per billion of NAV.
        Bucket gain;
        /// Costs, in parts per billion of NAV.
        Bucket loss;
        /// Trading outside the settlement slot, in parts per million of NAV.
        Bucket turnover;
        ShareTerms share;
    }

    enum Status {
        Active,
        /// The last proof is too old: no flow into the book, no settlement. Only a proof ends this status.
        Stale,
        /// The guardian paused the vault: no rebalances, no flow into the book, no settlement. A pause lapses by itself.
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
        /// Quantity of slot 0 (1e-6) that has moved into (positive) or out of the book since the last proof.
        int64 pendingFlow;
        /// Number of moves to a mandate so far, the first included. Part of a proof's context.
        uint32 mandateVersion;
        /// Version of the last move that did not only tighten: the opening, a loosening or a repair.
        uint32 loosenedVersion;
        bytes32 mandate;
        /// Time of the first round that a rebalance may use after the opening or a change of feed set, exclusive; 0 if a
        /// rebalance has used one since.
        uint40 roundsAfter;
        /// Whether the share has orders that wait for the next proof (`setOrdersWaiting`).
        bool ordersWait;
        /// Whether a write-down is announced and neither used nor withdrawn nor lapsed.
        bool writeDownOpen;
        /// Sequence of the last rebalance that carried a write-down; 0 if none did.
        uint32 lastWriteDown;
        Status status;
    }

    /// What the last proof of a vault was of: what a reconciliation compares with custody.
    struct ProvenBook {
        uint256 commitment;
        uint32 sequence;
        /// The second of its prices.
        uint40 snapshotTimestamp;
        uint32 mandateVersion;
        /// Of the mandate that is active now.
        uint256 policyHash;
        bytes32 feedSet;
        /// Whether the vault has moved to other feeds since.
        bool areFeedsChanged;
        /// Whether it stated a flow that was recorded after that second: then nobody held this book in it.
        bool isFlowLate;
    }

    /// A write-down that the operator announced.
    struct WriteDown {
        /// Number of NAV steps.
        uint32 navSteps;
        /// From when a rebalance may carry it, in Unix seconds. While that is to come, the guardian can let it be used at once.
        uint40 usableFrom;
        /// When it lapses, in Unix seconds.
        uint40 lapsesAt;
        /// Before this time no other may be announced.
        uint40 nextFrom;
        /// What the operator may announce alone now, in parts per million of the settled NAV.
        uint32 alonePpm;
    }

    /// One rebalance with all its public signals.
    struct Rebalance {
        Groth16.Proof proof;
        /// The public signals of the proof. The hub takes `commitmentAfter`, `navFloor` and, within the buckets, the
        /// allowances from them, and compares every other one with its own, so that a refusal names the signal.
        uint256[] signals;
        /// Round of the price snapshot.
        uint32 round;
        /// Last second in which the proof may be accepted.
        uint40 deadline;
    }

    /// One rebalance of a batch: only the values that the hub does not know.
    struct BatchedRebalance {
        bytes32 vaultId;
        /// Round, the vault's sequence after this rebalance, NAV floor and allowances: the word that the event will have. The
        /// sequence lets the hub refuse a rebalance that it has accepted before.
        Summary summary;
        uint256 commitmentAfter;
        Groth16.Proof proof;
    }

    // --- events ---

    event KeyAdded(bytes32 indexed key, address verifier, IBatchVerifier batchVerifier, uint8 slots);

    event VaultOpened(
        bytes32 indexed vaultId, address indexed opener, address operator, address guardian, uint32 looseningDelay
    );

    event MandateAdded(bytes32 indexed mandate, Mandate content);

    event MandateActivated(bytes32 indexed vaultId, uint32 mandateVersion, bytes32 mandate);

    /// @param repair whether it only replaces dead feeds.
    /// @param lapsesAt the proposal cannot be activated from this time on.
    event MandateProposed(bytes32 indexed vaultId, bytes32 mandate, bool repair, uint40 activeFrom, uint40 lapsesAt);

    event MandateWithdrawn(bytes32 indexed vaultId);

    /// @param flow the recorded flow; positive into the book.
    /// @param pendingFlow the sum that the next proof must state.
    event FlowRecorded(bytes32 indexed vaultId, int64 flow, int64 pendingFlow);

    /// @param flow what the proof stated: quantity of slot 0 (1e-6), positive into the book.
    /// @param summary round, sequence, NAV floor and allowances.
    /// @dev The previous event has the commitment before; the oracle has the price words of the round.
    event Rebalanced(bytes32 indexed vaultId, uint256 commitmentAfter, int256 flow, Summary summary);

    event StatusChanged(bytes32 indexed vaultId, Status status);

    event Paused(bytes32 indexed vaultId, uint40 until);

    event OrdersWaiting(bytes32 indexed vaultId, bool wait);

    /// @notice The share's `settle` reverted. Anyone can call it again until the next rebalance.
    event SettlementFailed(bytes32 indexed vaultId, uint32 sequence);

    event WriteDownAnnounced(bytes32 indexed vaultId, uint32 navSteps, uint40 usableFrom, uint40 lapsesAt);

    event WriteDownWithdrawn(bytes32 indexed vaultId);

    event OperatorProposed(bytes32 indexed vaultId, address operator, uint40 acceptableFrom, uint40 lapsesAt);

    event OperatorChanged(bytes32 indexed vaultId, address operator);

    // --- errors of keys, of opening a vault and of its mandate ---

    error ZeroAddress();
    /// There is no contract at the address.
    error NoCode(address account);
    /// The account's code begins with 0xef: a delegation, which the account can change.
    error DelegatedCode(address account);
    error UnsupportedSlots(uint256 slots);
    /// The batch verifier is for proofs of another size.
    error KeySizeMismatch(uint256 batchSignals, uint256 signals);
    error UnknownKey(bytes32 key);
    error UnknownMandate(bytes32 mandate);
    error DelayOutOfRange(uint32 delay, uint32 least, uint32 most);
    /// A term of a mandate is outside its bounds, or two clocks do not fit together (`docs/states.md` lists the rules).
    error TermOutOfRange(string term, uint256 value, uint256 least, uint256 most);
    /// Policy, key and feed set are not all for books of one size.
    error SizeMismatch(uint8 policySlots, uint8 keySlots, uint8 feedSetSlots);
    /// The slots with an instrument and the slots with a feed differ: bit i for slot i.
    error FeedsDoNotFit(uint32 named, uint32 priced);
    error NoMandateProposed();
    /// Another mandate is proposed than the call names.
    error MandateNotProposed(bytes32 given, bytes32 proposed);
    /// The proposal lapsed.
    error TooLate(uint40 lapsedAt);
    /// Redemptions that holders asked for before the middle of the delay are not served yet.
    error RedemptionsFirst(uint40 askedBefore);
    /// A feed that the repair replaces answers again.
    error FeedsAlive();

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

    error RoundTooOld(uint40 timestamp, uint32 grace);
    /// The round is older than the last proof's, than the vault, or than its feed set in this vault.
    error RoundBeforeLast(uint40 timestamp, uint40 lastTimestamp);
    /// The least time between two rebalances is not over.
    error RoundTooEarly(uint40 timestamp, uint40 possibleFrom);
    /// The snapshot belongs to another feed set than the vault's.
    error WrongFeedSet(bytes32 given, bytes32 expected);

    // --- errors of the public signals, compared with the hub's own ---

    error WrongSignalCount(uint256 given, uint256 expected);
    /// A signal is not below the scalar field.
    error SignalNotInField(uint256 index);
    error CommitmentMismatch(uint256 given, uint256 expected);
    error PolicyMismatch(uint256 given, uint256 expected);
    error FlowMismatch(uint256 given, uint256 expected);
    /// A rebalance names more gain (0), loss (1) or turnover (2) than its bucket holds.
    error AllowanceTooLarge(uint256 bucket, uint256 named, uint256 level);
    /// A named amount is no multiple of the bucket's step.
    error AllowanceNotInSteps(uint256 bucket, uint256 named, uint256 step);
    /// The write-down in the allowances is not the one that is announced; 0 if none is.
    error WriteDownMismatch(uint256 given, uint256 expected);
    /// The announced write-down is not usable yet: wait, or withdraw it.
    error WriteDownWaits(uint40 usableFrom);
    error WriteDownOutOfRange(uint32 navSteps);
    error NoWriteDown();
    error NavFloorOutOfRange(uint256 navFloor);
    /// The proof is for another chain, hub, vault, sequence, mandate version, round, operator or deadline.
    error ContextMismatch(uint256 given, uint256 expected);
    error PriceMismatch(uint256 word, uint256 given, uint256 expected);
    /// In a batch: the rebalance names another round than the first one.
    error RoundMismatch(bytes32 vaultId, uint32 given, uint32 expected);
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
    error WrongKey(bytes32 vaultId, bytes32 given, bytes32 expected);

    // --- keys and vaults ---

    /// @notice Add a verifying key under its name: the hash of both contracts, their code and the size. Anyone may call
    /// this; a vault's mandate names the key that it trusts. Adding it again changes nothing.
    function addKey(address verifier, IBatchVerifier batchVerifier, uint8 slots) external returns (bytes32 key);

    /// @notice Add a mandate under its name, the hash of its content. Anyone may call this. Its policy, feed set and key must
    /// exist and be for books of one size, the feeds must price exactly the slots that have an instrument, and its clocks
    /// must fit together. Adding it again changes nothing.
    function addMandate(Mandate calldata content) external returns (bytes32 mandate);

    /// @notice Open a vault with an empty book. Anyone may call this. The opener is the only account that may record flows:
    /// a share token opens the vault whose shares it issues.
    /// @param operator submits rebalances and proposes mandates.
    /// @param guardian may pause the vault and withdraw a proposed mandate; 0 for nobody.
    /// @param looseningDelay seconds that a mandate waits unless it only tightens or repairs, from one day to 90 days.
    /// @return vaultId hash of chain id, hub, opener and the opener's count of vaults. It is known before the call and
    /// survives a reorganisation whatever others do, so other contracts and proofs can refer to it.
    function openVault(address operator, address guardian, uint32 looseningDelay, bytes32 mandate)
        external
        returns (bytes32 vaultId);

    /// @notice Move the vault to another mandate: at once if every change tightens, after half of `maxProofAge` if it only
    /// replaces feeds that are dead, else after the loosening delay. Replaces a proposal that waits, and lapses a week after
    /// it could be activated. Only the operator may call this.
    /// @return activeFrom time from which anyone can activate the mandate, in Unix seconds; 0 if it is active already.
    function proposeMandate(bytes32 vaultId, bytes32 mandate) external returns (uint40 activeFrom);

    /// @notice Activate the proposed mandate after its delay, while the vault is active (a repair: or stale). Before a
    /// loosening, the redemptions that holders asked for up to the middle of its delay must be served. Anyone may call this.
    /// @param mandate the proposed one, so that nobody activates another than they looked at.
    function activateMandate(bytes32 vaultId, bytes32 mandate) external;

    /// @notice Withdraw the proposed mandate. Only the operator and the guardian may call this.
    function withdrawMandate(bytes32 vaultId) external;

    /// @notice Name the account that may take over as operator, between one day and eight days from now; 0 withdraws the
    /// offer. Only the operator may call this; the guardian may withdraw.
    function proposeOperator(bytes32 vaultId, address operator) external;

    /// @notice Take over as operator. Only the proposed operator may call this.
    function acceptOperator(bytes32 vaultId) external;

    // --- rebalances ---

    /// @notice Record that a quantity of slot 0 (1e-6) moved into (positive) or out of the book. Flows add up until the
    /// next proof states them. Only the vault's opener may call this, for a flow into the book only while the vault is
    /// active.
    function recordFlow(bytes32 vaultId, int64 flow) external;

    /// @notice Say whether the share has orders that the next proof settles: then the hub calls `IVaultShare.settle` in the
    /// transaction that accepts it. Only the vault's opener may call this.
    function setOrdersWaiting(bytes32 vaultId, bool wait) external;

    /// @notice Replace the committed book by one that, by the proof, obeys the policy. Only the operator may call this.
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external;

    /// @notice Rebalance many vaults of one operator in one pairing check. All proofs share the key, the deadline and the
    /// snapshot, whose round every summary names. The hub accepts all rebalances or none.
    function submitBatch(bytes32 key, uint40 deadline, BatchedRebalance[] calldata rebalances) external;

    // --- liveness ---

    /// @notice Announce a loss that no bucket covers, for the next rebalance only. The operator alone may write down
    /// `writeDownPpm` of the settled NAV in 30 days; a larger one waits for the guardian or for half of `maxProofAge`. While
    /// it waits, the hub accepts no rebalance. It lapses half of `maxProofAge` after it became usable. Only the operator may
    /// call this.
    function announceWriteDown(bytes32 vaultId, uint32 navSteps) external;

    /// @notice Let the announced write-down, of this size, be used now. Only the guardian may call this.
    function approveWriteDown(bytes32 vaultId, uint32 navSteps) external;

    /// @notice Withdraw the announced write-down. Only the operator may call this.
    function withdrawWriteDown(bytes32 vaultId) external;

    /// @notice Wind a vault down for good. The operator and the opener may call this at any time; anyone may once the last
    /// proof's prices are older than twice `maxProofAge` and no pause ended within the last half of it.
    function windDown(bytes32 vaultId) external;

    /// @notice Pause a vault for half of `maxProofAge`; not again before a rebalance has been accepted. Only the guardian may
    /// call this.
    function pause(bytes32 vaultId) external;

    /// @notice End a pause. Only the guardian may call this.
    function unpause(bytes32 vaultId) external;

    // --- views ---

    function oracle() external view returns (IPriceOracle);

    function policyRegistry() external view returns (IPolicyRegistry);

    function keyOf(bytes32 key) external view returns (Key memory);

    /// @notice State of a vault, with its current status.
    function vaultState(bytes32 vaultId) external view returns (VaultState memory);

    /// @notice The committed book as the last proof left it.
    function provenBook(bytes32 vaultId) external view returns (ProvenBook memory);

    function status(bytes32 vaultId) external view returns (Status);

    /// @notice A mandate by its name.
    function mandateOf(bytes32 mandate) external view returns (Mandate memory);

    /// @notice The proposed mandate; zeros if there is none.
    /// @return mandate its name.
    /// @return repair whether it only replaces dead feeds.
    /// @return activeFrom time from which anyone can activate it.
    /// @return lapsesAt time from which nobody can.
    function proposedMandate(bytes32 vaultId)
        external
        view
        returns (bytes32 mandate, bool repair, uint40 activeFrom, uint40 lapsesAt);

    /// @notice The announced write-down; `navSteps` is 0 if none is open.
    function writeDownOf(bytes32 vaultId) external view returns (WriteDown memory);

    /// @notice What a rebalance at a round of this time may name of gain, loss and turnover (and the open write-down).
    function allowancesAt(bytes32 vaultId, uint40 timestamp) external view returns (Allowances);

    /// @notice Until when the vault is, or was last, paused; 0 if it never was.
    function pausedUntil(bytes32 vaultId) external view returns (uint40);

    /// @notice Whether a move from one mandate to another only tightens: the policy field by field
    /// (`IPolicyRegistry.tightens`), every other term no looser, feed set and key the same. Reverts if no vault may ever make
    /// this move.
    function tightens(bytes32 from, bytes32 to) external view returns (bool);

    /// @notice The roles of a vault. The opener records flows, and the proposed operator may take over.
    function rolesOf(bytes32 vaultId)
        external
        view
        returns (address opener, address operator, address proposedOperator, address guardian, uint32 looseningDelay);

    /// @notice Number of vaults that this account has opened.
    function vaultsOpened(address opener) external view returns (uint256);

    /// @notice The public signals that `submit` would demand now for these allowances. Reverts like `submit` if the round is
    /// unusable or the buckets do not hold what is named.
    function expectedSignals(
        bytes32 vaultId,
        uint256 commitmentAfter,
        uint256 navFloor,
        Allowances allowances,
        uint32 round,
        uint40 deadline
    ) external view returns (uint256[] memory);

    /// @notice The context of the vault's next proof: chain id, hub, vault, next sequence, mandate version, round, operator
    /// and deadline, hashed and reduced to the field. It ties the proof to this one use.
    function context(bytes32 vaultId, uint32 round, uint40 deadline) external view returns (uint256);
}
