// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "./interfaces/IBatchVerifier.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {EmptyBook} from "./libraries/EmptyBook.sol";
import {Groth16} from "./libraries/Groth16.sol";
import {Signals} from "./libraries/Signals.sol";

/// @title RebalanceHub
/// @notice See `IRebalanceHub`. The hub builds every public signal from its own state, so nothing that a proof says
/// about the past, the policy, the prices, the flows or the time is taken from the prover.
/// @dev No reentrancy guard: while a rebalance or a mandate is taken, the only calls to other contracts are static, and
/// under a static call nothing can write to the hub.
contract RebalanceHub is IRebalanceHub {
    /// The least time that share holders have to leave before a looser mandate.
    uint32 public constant LEAST_LOOSENING_DELAY = 1 days;

    /// What each rebalance moves. One storage slot.
    struct Position {
        uint32 sequence;
        uint48 navFloor;
        uint40 snapshotTimestamp;
        uint32 round;
        int64 pendingFlow;
        uint16 version;
        /// Part of the mandate, here because here is room.
        uint24 accrualCapPpm;
    }

    /// What each rebalance reads of the mandate. One storage slot.
    struct Terms {
        address operator;
        uint24 key;
        uint32 feedSet;
        uint16 accrualRatePpmPerDay;
        uint16 maxSnapshotAge;
        /// The status that was put on record; staleness also comes with time (`status`).
        Status marked;
    }

    struct Vault {
        // Four slots that each rebalance touches.
        uint256 commitment;
        Position position;
        Terms terms;
        uint256 policyHash;
        // The rest.
        address opener;
        uint32 maxProofAge;
        uint32 looseningDelay;
        address guardian;
        address proposedOperator;
        address custody;
    }

    struct Proposal {
        Mandate mandate;
        /// 0: there is none.
        uint40 activeFrom;
    }

    /// The prices that a rebalance is at.
    struct Snapshot {
        uint32 round;
        uint32 feedSet;
        uint40 timestamp;
        uint256[] words;
    }

    /// @inheritdoc IRebalanceHub
    IPriceOracle public immutable oracle;
    /// @inheritdoc IRebalanceHub
    IPolicyRegistry public immutable policyRegistry;

    Key[] private keys;
    mapping(bytes32 vaultId => Vault) private vaults;
    mapping(bytes32 vaultId => Proposal) private proposals;

    /// @inheritdoc IRebalanceHub
    mapping(address opener => uint256) public vaultsOpened;

    constructor(IPriceOracle oracle_, IPolicyRegistry policyRegistry_) {
        require(address(oracle_).code.length != 0, NoCode(address(oracle_)));
        require(address(policyRegistry_).code.length != 0, NoCode(address(policyRegistry_)));
        oracle = oracle_;
        policyRegistry = policyRegistry_;
    }

    // --- keys and vaults ---

    /// @inheritdoc IRebalanceHub
    function addKey(address verifier, IBatchVerifier batchVerifier, uint8 slots) external returns (uint24 key) {
        require(Signals.isSize(slots), UnsupportedSlots(slots));
        require(verifier.code.length != 0, NoCode(verifier));
        require(address(batchVerifier).code.length != 0, NoCode(address(batchVerifier)));
        uint256 signals = Signals.count(slots);
        uint256 batchSignals = batchVerifier.signalCount();
        require(batchSignals == signals, KeySizeMismatch(batchSignals, signals));

        key = uint24(keys.length);
        require(key == keys.length, UnknownKey(key));
        keys.push(Key(verifier, batchVerifier, slots));
        emit KeyAdded(key, verifier, batchVerifier, slots);
    }

    /// @inheritdoc IRebalanceHub
    function openVault(address operator, address guardian, uint32 looseningDelay, Mandate calldata mandate)
        external
        returns (bytes32 vaultId)
    {
        require(operator != address(0), ZeroAddress());
        require(looseningDelay >= LEAST_LOOSENING_DELAY, DelayTooShort(looseningDelay, LEAST_LOOSENING_DELAY));
        uint8 slots = _requireConsistent(mandate);

        vaultId = keccak256(abi.encode(block.chainid, address(this), msg.sender, vaultsOpened[msg.sender]++));
        Vault storage vault = vaults[vaultId];
        vault.commitment = EmptyBook.commitment(slots);
        vault.position.snapshotTimestamp = uint40(block.timestamp);
        vault.terms.operator = operator;
        vault.opener = msg.sender;
        vault.guardian = guardian;
        vault.looseningDelay = looseningDelay;
        emit VaultOpened(vaultId, msg.sender, operator, guardian, looseningDelay);
        _activate(vaultId, vault, mandate);
    }

    // --- the mandate ---

    /// @inheritdoc IRebalanceHub
    function proposeMandate(bytes32 vaultId, Mandate calldata mandate) external returns (uint40 activeFrom) {
        Vault storage vault = _vault(vaultId);
        _requireOperator(vault);
        require(vault.terms.marked != Status.WindDown, WrongStatus(Status.WindDown));
        _requireConsistent(mandate);

        if (_tightens(vault, mandate)) {
            delete proposals[vaultId];
            _activate(vaultId, vault, mandate);
        } else {
            activeFrom = uint40(block.timestamp + vault.looseningDelay);
            proposals[vaultId] = Proposal(mandate, activeFrom);
            emit MandateProposed(vaultId, mandate, activeFrom);
        }
    }

    /// @inheritdoc IRebalanceHub
    function activateMandate(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        Proposal memory proposal = proposals[vaultId];
        require(proposal.activeFrom != 0, NoMandateProposed());
        require(block.timestamp >= proposal.activeFrom, TooEarly(proposal.activeFrom));
        require(vault.terms.marked != Status.WindDown, WrongStatus(Status.WindDown));
        delete proposals[vaultId];
        _activate(vaultId, vault, proposal.mandate);
    }

    /// @inheritdoc IRebalanceHub
    function withdrawMandate(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        require(msg.sender == vault.terms.operator || msg.sender == vault.guardian, NotOperator(msg.sender));
        require(proposals[vaultId].activeFrom != 0, NoMandateProposed());
        delete proposals[vaultId];
        emit MandateWithdrawn(vaultId);
    }

    /// @dev Policy, feeds and key exist and are for books of one size, and the feeds price just what the policy names.
    function _requireConsistent(Mandate calldata mandate) private view returns (uint8 slots) {
        uint32 named;
        (slots,, named) = policyRegistry.outline(mandate.policyHash);
        (uint8 feedSetSlots, uint32 priced) = oracle.pricedSlots(mandate.feedSet);
        uint8 keySlots = _key(mandate.key).slots;
        require(slots == keySlots && slots == feedSetSlots, SizeMismatch(slots, keySlots, feedSetSlots));
        require(named == priced, FeedsDoNotFit(named, priced));
        require(mandate.maxSnapshotAge != 0, ZeroSnapshotAge());
        require(mandate.maxProofAge != 0, ZeroProofAge());
        require(
            mandate.maxProofAge >= mandate.maxSnapshotAge,
            ProofAgeBelowSnapshotAge(mandate.maxProofAge, mandate.maxSnapshotAge)
        );
        require(mandate.accrualCapPpm < Signals.ACCRUAL_BOUND, AccrualCapOutOfRange(mandate.accrualCapPpm));
        require(mandate.custody != address(0), ZeroAddress());
    }

    /// @dev Whether no part of the mandate gives more room than the active one. Feeds, key and custody cannot be compared,
    /// so any change of theirs waits. Reverts where the policy would change what is committed to (`IPolicyRegistry.tightens`).
    function _tightens(Vault storage vault, Mandate calldata mandate) private view returns (bool) {
        bool policyTightens = policyRegistry.tightens(vault.policyHash, mandate.policyHash);
        Terms memory terms = vault.terms;
        return policyTightens && mandate.feedSet == terms.feedSet && mandate.key == terms.key
            && mandate.custody == vault.custody && mandate.maxSnapshotAge <= terms.maxSnapshotAge
            && mandate.accrualRatePpmPerDay <= terms.accrualRatePpmPerDay
            && mandate.accrualCapPpm <= vault.position.accrualCapPpm && mandate.maxProofAge <= vault.maxProofAge;
    }

    function _activate(bytes32 vaultId, Vault storage vault, Mandate memory mandate) private {
        uint16 version = vault.position.version + 1;
        vault.position.version = version;
        vault.position.accrualCapPpm = mandate.accrualCapPpm;
        vault.terms.key = mandate.key;
        vault.terms.feedSet = mandate.feedSet;
        vault.terms.accrualRatePpmPerDay = mandate.accrualRatePpmPerDay;
        vault.terms.maxSnapshotAge = mandate.maxSnapshotAge;
        vault.policyHash = mandate.policyHash;
        vault.maxProofAge = mandate.maxProofAge;
        vault.custody = mandate.custody;
        emit MandateActivated(vaultId, version, mandate);
    }

    // --- the operator ---

    /// @inheritdoc IRebalanceHub
    function proposeOperator(bytes32 vaultId, address operator) external {
        Vault storage vault = _vault(vaultId);
        _requireOperator(vault);
        vault.proposedOperator = operator;
        emit OperatorProposed(vaultId, operator);
    }

    /// @inheritdoc IRebalanceHub
    function acceptOperator(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        require(msg.sender == vault.proposedOperator, NotProposedOperator(msg.sender));
        vault.terms.operator = msg.sender;
        vault.proposedOperator = address(0);
        emit OperatorChanged(vaultId, msg.sender);
    }

    // --- rebalances ---

    /// @inheritdoc IRebalanceHub
    function recordFlow(bytes32 vaultId, int64 flow) external {
        Vault storage vault = _vault(vaultId);
        require(msg.sender == vault.opener, NotOpener(msg.sender));
        Status now_ = _status(vault);
        require(flow <= 0 || now_ == Status.Active, WrongStatus(now_));

        int256 pending = int256(vault.position.pendingFlow) + flow;
        require(-Signals.FLOW_BOUND <= pending && pending < Signals.FLOW_BOUND, FlowOutOfRange(pending));
        vault.position.pendingFlow = int64(pending);
        emit FlowRecorded(vaultId, flow, int64(pending));
    }

    /// @inheritdoc IRebalanceHub
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external {
        Vault storage vault = _vault(vaultId);
        Terms memory terms = vault.terms;
        Position memory position = vault.position;
        _requireMaySubmit(terms, rebalance.deadline);

        uint256[] calldata given = rebalance.signals;
        _requireInField(given, Signals.PRICES + Signals.priceWords(keys[terms.key].slots));
        Snapshot memory snapshot;
        _usePrices(snapshot, terms, position, rebalance.round);
        uint256[] memory own = _ownSignals(
            vaultId,
            vault,
            terms,
            position,
            snapshot,
            given[Signals.COMMITMENT_AFTER],
            given[Signals.NAV_FLOOR],
            rebalance.deadline
        );
        _requireOwn(given, own);
        _requireValid(keys[terms.key].verifier, rebalance.proof, own);
        _advance(vaultId, vault, terms, position, snapshot, own);
    }

    /// @inheritdoc IRebalanceHub
    function submitBatch(uint24 key, BatchedRebalance[] calldata rebalances) external {
        require(rebalances.length != 0, EmptyBatch());
        Key memory verifyingKey = _key(key);
        uint256 signals = Signals.count(verifyingKey.slots);
        // Refused before anything is done: a batch beyond what the block can hold.
        require(Groth16.hasGas(Groth16.batchGasCap(rebalances.length, signals)), NotEnoughGas());

        uint256 stride = 8 + signals;
        uint256[] memory words = new uint256[](rebalances.length * stride);
        Snapshot memory snapshot; // mostly the same for all
        for (uint256 i; i < rebalances.length; ++i) {
            uint256[] memory own = _take(key, rebalances[i], snapshot);
            Groth16.Proof calldata proof = rebalances[i].proof;
            require(Groth16.inBaseField(proof), ProofCoordinateNotInField());
            assembly ("memory-safe") {
                let to := add(add(words, 32), mul(mul(i, stride), 32))
                calldatacopy(to, proof, 256)
                mcopy(add(to, 256), add(own, 32), mul(mload(own), 32))
            }
        }
        _requireBatchValid(verifyingKey.batchVerifier, words, Groth16.batchGasCap(rebalances.length, signals));
    }

    /// @dev Moves one vault of a batch on, and returns the signals that its proof must be about. The batch reverts if it is not.
    function _take(uint24 key, BatchedRebalance calldata rebalance, Snapshot memory snapshot)
        private
        returns (uint256[] memory own)
    {
        bytes32 vaultId = rebalance.vaultId;
        Vault storage vault = vaults[vaultId];
        Terms memory terms = vault.terms;
        Position memory position = vault.position;
        require(terms.operator != address(0), UnknownVault(vaultId));
        require(terms.key == key, WrongKey(vaultId, key, terms.key));
        _requireMaySubmit(terms, rebalance.deadline);
        require(
            rebalance.sequence == position.sequence + 1,
            SequenceMismatch(vaultId, rebalance.sequence, position.sequence + 1)
        );
        require(rebalance.navFloor < Signals.NAV_FLOOR_BOUND, NavFloorOutOfRange(rebalance.navFloor));
        _usePrices(snapshot, terms, position, rebalance.round);
        own = _ownSignals(
            vaultId,
            vault,
            terms,
            position,
            snapshot,
            rebalance.commitmentAfter,
            rebalance.navFloor,
            rebalance.deadline
        );
        require(rebalance.commitmentAfter < Signals.FIELD, SignalNotInField(Signals.COMMITMENT_AFTER));
        _advance(vaultId, vault, terms, position, snapshot, own);
    }

    function _requireMaySubmit(Terms memory terms, uint40 deadline) private view {
        require(msg.sender == terms.operator, NotOperator(msg.sender));
        require(block.timestamp <= deadline, DeadlinePassed(deadline));
        require(terms.marked < Status.Paused, WrongStatus(terms.marked));
    }

    /// @dev A snapshot may be used again (a second rebalance at the same prices), but never one from before the last.
    function _usePrices(Snapshot memory snapshot, Terms memory terms, Position memory position, uint32 round)
        private
        view
    {
        if (snapshot.round != round || round == 0) {
            snapshot.round = round;
            (snapshot.feedSet, snapshot.timestamp, snapshot.words) = oracle.snapshot(round);
        }
        require(snapshot.feedSet == terms.feedSet, WrongFeedSet(snapshot.feedSet, terms.feedSet));
        uint40 timestamp = snapshot.timestamp;
        require(
            block.timestamp - timestamp <= terms.maxSnapshotAge, SnapshotTooOld(timestamp, terms.maxSnapshotAge)
        );
        require(timestamp >= position.snapshotTimestamp, SnapshotBeforeLast(timestamp, position.snapshotTimestamp));
    }

    function _ownSignals(
        bytes32 vaultId,
        Vault storage vault,
        Terms memory terms,
        Position memory position,
        Snapshot memory snapshot,
        uint256 commitmentAfter,
        uint256 navFloor,
        uint40 deadline
    ) private view returns (uint256[] memory signals) {
        uint256 words = snapshot.words.length;
        signals = new uint256[](Signals.PRICES + words);
        signals[Signals.COMMITMENT_BEFORE] = vault.commitment;
        signals[Signals.COMMITMENT_AFTER] = commitmentAfter;
        signals[Signals.POLICY_HASH] = vault.policyHash;
        signals[Signals.FLOW] = Signals.encodeFlow(position.pendingFlow);
        signals[Signals.ACCRUAL] = _accrual(terms, position, snapshot.timestamp);
        signals[Signals.NAV_FLOOR] = navFloor;
        signals[Signals.CONTEXT] = _context(vaultId, terms.operator, position, snapshot.round, deadline);
        for (uint256 i; i < words; ++i) {
            signals[Signals.PRICES + i] = snapshot.words[i];
        }
    }

    /// @dev Rate times the time between the two snapshots, rounded down and capped. Nothing before the first proof: an
    /// empty book earns nothing.
    function _accrual(Terms memory terms, Position memory position, uint40 timestamp) private pure returns (uint256) {
        if (position.sequence == 0) return 0;
        uint256 elapsed = timestamp - position.snapshotTimestamp;
        uint256 accrued = terms.accrualRatePpmPerDay * elapsed / 1 days;
        return accrued < position.accrualCapPpm ? accrued : position.accrualCapPpm;
    }

    function _context(bytes32 vaultId, address operator, Position memory position, uint32 round, uint40 deadline)
        private
        view
        returns (uint256)
    {
        bytes32 digest = keccak256(
            abi.encode(
                block.chainid,
                address(this),
                vaultId,
                position.sequence + 1,
                position.version,
                round,
                operator,
                deadline
            )
        );
        return uint256(digest) % Signals.FIELD;
    }

    function _requireInField(uint256[] calldata signals, uint256 count) private pure {
        require(signals.length == count, WrongSignalCount(signals.length, count));
        for (uint256 i; i < count; ++i) {
            require(signals[i] < Signals.FIELD, SignalNotInField(i));
        }
    }

    /// @dev The context comes last of the named signals: a proof for another round or sequence is refused for the
    /// commitment, flow or accrual that it got wrong, if it got any wrong.
    function _requireOwn(uint256[] calldata given, uint256[] memory own) private pure {
        uint256 i = Signals.COMMITMENT_BEFORE;
        require(given[i] == own[i], CommitmentMismatch(given[i], own[i]));
        i = Signals.POLICY_HASH;
        require(given[i] == own[i], PolicyMismatch(given[i], own[i]));
        i = Signals.FLOW;
        require(given[i] == own[i], FlowMismatch(given[i], own[i]));
        i = Signals.ACCRUAL;
        require(given[i] == own[i], AccrualMismatch(given[i], own[i]));
        i = Signals.NAV_FLOOR;
        require(given[i] < Signals.NAV_FLOOR_BOUND, NavFloorOutOfRange(given[i]));
        for (i = Signals.PRICES; i < own.length; ++i) {
            require(given[i] == own[i], PriceMismatch(i - Signals.PRICES, given[i], own[i]));
        }
        i = Signals.CONTEXT;
        require(given[i] == own[i], ContextMismatch(given[i], own[i]));
    }

    function _requireValid(address verifier, Groth16.Proof calldata proof, uint256[] memory signals) private view {
        require(Groth16.inBaseField(proof), ProofCoordinateNotInField());
        require(Groth16.hasGas(Groth16.GAS_CAP), NotEnoughGas());
        _requireVerdict(Groth16.verify(verifier, proof, signals));
    }

    function _requireBatchValid(IBatchVerifier verifier, uint256[] memory words, uint256 gasCap) private view {
        require(Groth16.hasGas(gasCap), NotEnoughGas());
        _requireVerdict(Groth16.ask(address(verifier), abi.encodeCall(verifier.verify, words), gasCap));
    }

    function _requireVerdict(Groth16.Verdict verdict) private pure {
        require(verdict != Groth16.Verdict.Failed, VerifierFailed());
        require(verdict == Groth16.Verdict.Valid, ProofRejected());
    }

    function _advance(
        bytes32 vaultId,
        Vault storage vault,
        Terms memory terms,
        Position memory position,
        Snapshot memory snapshot,
        uint256[] memory proven
    ) private {
        emit Rebalanced(
            vaultId,
            position.sequence + 1,
            proven[Signals.COMMITMENT_AFTER],
            proven[Signals.NAV_FLOOR],
            position.pendingFlow,
            proven[Signals.ACCRUAL],
            snapshot.round
        );
        position.sequence += 1;
        position.navFloor = uint48(proven[Signals.NAV_FLOOR]);
        position.snapshotTimestamp = snapshot.timestamp;
        position.round = snapshot.round;
        position.pendingFlow = 0;
        vault.position = position;
        vault.commitment = proven[Signals.COMMITMENT_AFTER];
        if (terms.marked == Status.Stale) _mark(vaultId, vault, Status.Active);
    }

    // --- liveness ---

    /// @inheritdoc IRebalanceHub
    function callStale(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        Status marked = vault.terms.marked;
        Status now_ = _status(vault);
        require(marked == Status.Active && now_ == Status.Stale, WrongStatus(now_));
        _mark(vaultId, vault, Status.Stale);
    }

    /// @inheritdoc IRebalanceHub
    function windDown(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        Status now_ = _status(vault);
        require(now_ != Status.WindDown, WrongStatus(now_));
        if (msg.sender != vault.terms.operator) {
            uint256 age = block.timestamp - vault.position.snapshotTimestamp;
            require(age > 2 * uint256(vault.maxProofAge), WrongStatus(now_));
        }
        delete proposals[vaultId];
        _mark(vaultId, vault, Status.WindDown);
    }

    /// @inheritdoc IRebalanceHub
    function pause(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        _requireGuardian(vault);
        require(vault.terms.marked < Status.Paused, WrongStatus(vault.terms.marked));
        _mark(vaultId, vault, Status.Paused);
    }

    /// @inheritdoc IRebalanceHub
    function unpause(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        _requireGuardian(vault);
        require(vault.terms.marked == Status.Paused, WrongStatus(_status(vault)));
        _mark(vaultId, vault, Status.Active);
    }

    function _mark(bytes32 vaultId, Vault storage vault, Status marked) private {
        vault.terms.marked = marked;
        emit StatusChanged(vaultId, marked);
    }

    function _status(Vault storage vault) private view returns (Status) {
        Status marked = vault.terms.marked;
        if (marked == Status.Paused || marked == Status.WindDown) return marked;
        return block.timestamp - vault.position.snapshotTimestamp > vault.maxProofAge ? Status.Stale : Status.Active;
    }

    // --- views ---

    /// @inheritdoc IRebalanceHub
    function keyOf(uint24 key) external view returns (Key memory) {
        return _key(key);
    }

    /// @inheritdoc IRebalanceHub
    function vaultState(bytes32 vaultId) external view returns (VaultState memory) {
        Vault storage vault = _vault(vaultId);
        Position memory position = vault.position;
        return VaultState({
            commitment: vault.commitment,
            sequence: position.sequence,
            navFloor: position.navFloor,
            snapshotTimestamp: position.snapshotTimestamp,
            round: position.round,
            pendingFlow: position.pendingFlow,
            version: position.version,
            status: _status(vault)
        });
    }

    /// @inheritdoc IRebalanceHub
    function status(bytes32 vaultId) external view returns (Status) {
        return _status(_vault(vaultId));
    }

    /// @inheritdoc IRebalanceHub
    function mandateOf(bytes32 vaultId) external view returns (Mandate memory) {
        Vault storage vault = _vault(vaultId);
        Terms memory terms = vault.terms;
        return Mandate({
            policyHash: vault.policyHash,
            feedSet: terms.feedSet,
            key: terms.key,
            maxSnapshotAge: terms.maxSnapshotAge,
            accrualRatePpmPerDay: terms.accrualRatePpmPerDay,
            accrualCapPpm: vault.position.accrualCapPpm,
            maxProofAge: vault.maxProofAge,
            custody: vault.custody
        });
    }

    /// @inheritdoc IRebalanceHub
    function proposedMandate(bytes32 vaultId) external view returns (Mandate memory mandate, uint40 activeFrom) {
        _vault(vaultId);
        Proposal memory proposal = proposals[vaultId];
        return (proposal.mandate, proposal.activeFrom);
    }

    /// @inheritdoc IRebalanceHub
    function rolesOf(bytes32 vaultId)
        external
        view
        returns (address opener, address operator, address proposedOperator, address guardian, uint32 looseningDelay)
    {
        Vault storage vault = _vault(vaultId);
        return (vault.opener, vault.terms.operator, vault.proposedOperator, vault.guardian, vault.looseningDelay);
    }

    /// @inheritdoc IRebalanceHub
    function expectedSignals(
        bytes32 vaultId,
        uint256 commitmentAfter,
        uint256 navFloor,
        uint32 round,
        uint40 deadline
    ) external view returns (uint256[] memory) {
        Vault storage vault = _vault(vaultId);
        Snapshot memory snapshot;
        _usePrices(snapshot, vault.terms, vault.position, round);
        return _ownSignals(
            vaultId, vault, vault.terms, vault.position, snapshot, commitmentAfter, navFloor, deadline
        );
    }

    /// @inheritdoc IRebalanceHub
    function context(bytes32 vaultId, uint32 round, uint40 deadline) external view returns (uint256) {
        Vault storage vault = _vault(vaultId);
        return _context(vaultId, vault.terms.operator, vault.position, round, deadline);
    }

    // --- shared ---

    function _vault(bytes32 vaultId) private view returns (Vault storage vault) {
        vault = vaults[vaultId];
        require(vault.terms.operator != address(0), UnknownVault(vaultId));
    }

    function _key(uint24 key) private view returns (Key memory) {
        require(key < keys.length, UnknownKey(key));
        return keys[key];
    }

    function _requireOperator(Vault storage vault) private view {
        require(msg.sender == vault.terms.operator, NotOperator(msg.sender));
    }

    function _requireGuardian(Vault storage vault) private view {
        require(msg.sender == vault.guardian, NotGuardian(msg.sender));
    }
}
