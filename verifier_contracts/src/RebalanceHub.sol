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
/// @dev A rebalance costs two storage slots of its own, its book. They lie at a place that depends on the operator: who
/// finds a book there is its operator, so that no slot need be read to check it. The mandate and the price snapshot
/// are shared, and in a batch they are read once for all vaults that share them.
///
/// No reentrancy guard: while a rebalance or a mandate is taken, the only calls to other contracts are static, and under a
/// static call nothing can write to the hub.
contract RebalanceHub is IRebalanceHub {
    /// The least time that share holders have to leave before a looser mandate.
    uint32 public constant LEAST_LOOSENING_DELAY = 1 days;

    /// What a rebalance moves, apart from the commitment. One storage slot.
    struct Position {
        uint32 sequence;
        uint48 navFloor;
        /// Enough until the year 2106.
        uint32 snapshotTimestamp;
        uint32 round;
        int64 pendingFlow;
        /// At least 1 in a vault that exists.
        uint16 version;
        uint24 mandate;
        /// The status that was put on record; staleness also comes with time (`status`).
        Status marked;
    }

    struct Book {
        uint256 commitment;
        Position position;
    }

    struct Roles {
        address opener;
        uint32 looseningDelay;
        address operator;
        address proposedOperator;
        address guardian;
    }

    struct Proposal {
        uint24 mandate;
        /// 0: there is none.
        uint40 activeFrom;
    }

    /// What rebalances have in common, kept in memory while it stays the same: a mandate and a price snapshot.
    struct Common {
        uint24 mandateId;
        Mandate mandate;
        uint32 round;
        uint32 feedSet;
        uint40 timestamp;
        uint256[] words;
    }

    /// What only the prover can say.
    struct Claim {
        uint256 commitmentAfter;
        uint256 navFloor;
        uint40 deadline;
    }

    /// @inheritdoc IRebalanceHub
    IPriceOracle public immutable oracle;
    /// @inheritdoc IRebalanceHub
    IPolicyRegistry public immutable policyRegistry;

    uint24 private keyCount;
    uint24 private mandateCount;
    mapping(uint24 key => Key) private keys;
    mapping(uint24 id => Mandate) private mandates; // from 1 on
    mapping(address operator => mapping(bytes32 vaultId => Book)) private books;
    mapping(bytes32 vaultId => Roles) private roles;
    mapping(bytes32 vaultId => Proposal) private proposals;

    /// @inheritdoc IRebalanceHub
    mapping(address opener => uint256) public vaultsOpened;

    constructor(IPriceOracle oracle_, IPolicyRegistry policyRegistry_) {
        require(address(oracle_).code.length != 0, NoCode(address(oracle_)));
        require(address(policyRegistry_).code.length != 0, NoCode(address(policyRegistry_)));
        oracle = oracle_;
        policyRegistry = policyRegistry_;
    }

    // --- keys and mandates ---

    /// @inheritdoc IRebalanceHub
    function addKey(address verifier, IBatchVerifier batchVerifier, uint8 slots) external returns (uint24 key) {
        require(Signals.isSize(slots), UnsupportedSlots(slots));
        require(verifier.code.length != 0, NoCode(verifier));
        require(address(batchVerifier).code.length != 0, NoCode(address(batchVerifier)));
        uint256 signals = Signals.count(slots);
        uint256 batchSignals = batchVerifier.signalCount();
        require(batchSignals == signals, KeySizeMismatch(batchSignals, signals));

        key = keyCount++;
        keys[key] = Key(verifier, batchVerifier, slots);
        emit KeyAdded(key, verifier, batchVerifier, slots);
    }

    /// @inheritdoc IRebalanceHub
    function addMandate(Mandate calldata mandate) external returns (uint24 id) {
        (uint8 slots,, uint32 named) = policyRegistry.outline(mandate.policyHash);
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

        id = ++mandateCount;
        mandates[id] = mandate;
        emit MandateAdded(id, mandate);
    }

    /// @inheritdoc IRebalanceHub
    function tightens(uint24 from, uint24 to) public view returns (bool) {
        Mandate memory old = _mandate(from);
        Mandate memory new_ = _mandate(to);
        return policyRegistry.tightens(old.policyHash, new_.policyHash) && new_.feedSet == old.feedSet
            && new_.key == old.key && new_.maxSnapshotAge <= old.maxSnapshotAge
            && new_.accrualRatePpmPerDay <= old.accrualRatePpmPerDay && new_.accrualCapPpm <= old.accrualCapPpm
            && new_.maxProofAge <= old.maxProofAge;
    }

    // --- vaults ---

    /// @inheritdoc IRebalanceHub
    function openVault(address operator, address guardian, uint32 looseningDelay, uint24 mandate)
        external
        returns (bytes32 vaultId)
    {
        require(operator != address(0), ZeroAddress());
        require(looseningDelay >= LEAST_LOOSENING_DELAY, DelayTooShort(looseningDelay, LEAST_LOOSENING_DELAY));
        uint8 slots = _key(_mandate(mandate).key).slots;

        vaultId = keccak256(abi.encode(block.chainid, address(this), msg.sender, vaultsOpened[msg.sender]++));
        roles[vaultId] = Roles(msg.sender, looseningDelay, operator, address(0), guardian);
        Book storage book = books[operator][vaultId];
        book.commitment = EmptyBook.commitment(slots);
        book.position.snapshotTimestamp = uint32(block.timestamp);
        emit VaultOpened(vaultId, msg.sender, operator, guardian, looseningDelay);
        _activate(vaultId, book, mandate);
    }

    /// @inheritdoc IRebalanceHub
    function proposeMandate(bytes32 vaultId, uint24 mandate) external returns (uint40 activeFrom) {
        Book storage book = _ownBook(vaultId);
        require(book.position.marked != Status.WindDown, WrongStatus(Status.WindDown));
        if (tightens(book.position.mandate, mandate)) {
            delete proposals[vaultId];
            _activate(vaultId, book, mandate);
        } else {
            activeFrom = uint40(block.timestamp + roles[vaultId].looseningDelay);
            proposals[vaultId] = Proposal(mandate, activeFrom);
            emit MandateProposed(vaultId, mandate, activeFrom);
        }
    }

    /// @inheritdoc IRebalanceHub
    function activateMandate(bytes32 vaultId) external {
        Book storage book = _book(vaultId);
        Proposal memory proposal = proposals[vaultId];
        require(proposal.activeFrom != 0, NoMandateProposed());
        require(block.timestamp >= proposal.activeFrom, TooEarly(proposal.activeFrom));
        delete proposals[vaultId];
        _activate(vaultId, book, proposal.mandate);
    }

    /// @inheritdoc IRebalanceHub
    function withdrawMandate(bytes32 vaultId) external {
        Roles storage who = _roles(vaultId);
        require(msg.sender == who.operator || msg.sender == who.guardian, NotOperator(msg.sender));
        require(proposals[vaultId].activeFrom != 0, NoMandateProposed());
        delete proposals[vaultId];
        emit MandateWithdrawn(vaultId);
    }

    function _activate(bytes32 vaultId, Book storage book, uint24 mandate) private {
        uint16 version = book.position.version + 1;
        book.position.version = version;
        book.position.mandate = mandate;
        emit MandateActivated(vaultId, version, mandate);
    }

    /// @inheritdoc IRebalanceHub
    function proposeOperator(bytes32 vaultId, address operator) external {
        _ownBook(vaultId);
        roles[vaultId].proposedOperator = operator;
        emit OperatorProposed(vaultId, operator);
    }

    /// @inheritdoc IRebalanceHub
    function acceptOperator(bytes32 vaultId) external {
        Roles storage who = _roles(vaultId);
        require(msg.sender == who.proposedOperator, NotProposedOperator(msg.sender));
        Book memory book = books[who.operator][vaultId];
        delete books[who.operator][vaultId];
        books[msg.sender][vaultId] = book;
        who.operator = msg.sender;
        who.proposedOperator = address(0);
        emit OperatorChanged(vaultId, msg.sender);
    }

    // --- rebalances ---

    /// @inheritdoc IRebalanceHub
    function recordFlow(bytes32 vaultId, int64 flow) external {
        Book storage book = _book(vaultId);
        require(msg.sender == roles[vaultId].opener, NotOpener(msg.sender));
        Status now_ = _status(book.position);
        require(flow <= 0 || now_ == Status.Active, WrongStatus(now_));

        int256 pending = int256(book.position.pendingFlow) + flow;
        require(-Signals.FLOW_BOUND <= pending && pending < Signals.FLOW_BOUND, FlowOutOfRange(pending));
        book.position.pendingFlow = int64(pending);
        emit FlowRecorded(vaultId, flow, int64(pending));
    }

    /// @inheritdoc IRebalanceHub
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external {
        Book storage book = _ownBook(vaultId);
        Position memory position = book.position;
        Common memory common;
        _loadPrices(common, rebalance.round);
        _requireUsable(common, position, rebalance.deadline);

        uint256[] calldata given = rebalance.signals;
        _requireInField(given, Signals.PRICES + common.words.length);
        Claim memory claim = Claim(given[Signals.COMMITMENT_AFTER], given[Signals.NAV_FLOOR], rebalance.deadline);
        uint256[] memory own = _ownSignals(vaultId, book.commitment, msg.sender, position, common, claim);
        _requireOwn(given, own);
        _requireValid(keys[common.mandate.key].verifier, rebalance.proof, own);
        _advance(vaultId, book, position, common, claim, own[Signals.ACCRUAL]);
    }

    /// @inheritdoc IRebalanceHub
    function submitBatch(uint24 key, uint32 round, uint40 deadline, BatchedRebalance[] calldata rebalances) external {
        require(rebalances.length != 0, EmptyBatch());
        Key storage verifyingKey = _key(key);
        uint256 signals = Signals.count(verifyingKey.slots);
        uint256 gasCap = Groth16.batchGasCap(rebalances.length, signals);
        // Refused before anything is done: a batch beyond what the block can hold.
        require(Groth16.hasGas(gasCap), NotEnoughGas());

        // The call to the verifier, written in place: eight coordinates and the signals of each proof.
        uint256 stride = 8 + signals;
        (bytes memory input, uint256 place) = Groth16.batchInput(rebalances.length * stride);
        Common memory common;
        _loadPrices(common, round);
        for (uint256 i; i < rebalances.length; ++i) {
            BatchedRebalance calldata rebalance = rebalances[i];
            Groth16.Proof calldata proof = rebalance.proof;
            assembly ("memory-safe") {
                calldatacopy(place, proof, 256) // the verifier's precompiles refuse coordinates that are not in the field
            }
            _take(key, deadline, rebalance, common, place + 256);
            place += 32 * stride;
        }
        require(Groth16.hasGas(gasCap), NotEnoughGas());
        _requireVerdict(Groth16.ask(address(verifyingKey.batchVerifier), input, gasCap));
    }

    /// @dev Moves one vault of a batch on, and writes the signals that its proof must be about to memory at `place`. The
    /// batch reverts if the proof is not about them.
    function _take(
        uint24 key,
        uint40 deadline,
        BatchedRebalance calldata rebalance,
        Common memory common,
        uint256 place
    ) private {
        bytes32 vaultId = rebalance.vaultId;
        Book storage book = books[msg.sender][vaultId];
        Position memory position = book.position;
        if (position.version == 0) _refuseStranger(vaultId);
        uint32 sequence = position.sequence + 1;
        require(rebalance.sequence == sequence, SequenceMismatch(vaultId, rebalance.sequence, sequence));
        _requireUsable(common, position, deadline);
        require(common.mandate.key == key, WrongKey(vaultId, key, common.mandate.key));

        Claim memory claim = Claim(rebalance.commitmentAfter, rebalance.navFloor, deadline);
        require(claim.commitmentAfter < Signals.FIELD, SignalNotInField(Signals.COMMITMENT_AFTER));
        require(claim.navFloor < Signals.NAV_FLOOR_BOUND, NavFloorOutOfRange(claim.navFloor));
        uint256 accrual = _writeSignals(place, vaultId, book.commitment, msg.sender, position, common, claim);
        _advance(vaultId, book, position, common, claim, accrual);
    }

    function _loadPrices(Common memory common, uint32 round) private view {
        common.round = round;
        (common.feedSet, common.timestamp, common.words) = oracle.snapshot(round);
    }

    /// @dev Loads the vault's mandate, unless it is the one that was loaded before, and checks that the vault may rebalance
    /// now at these prices. A snapshot may be used again, but never one from before the last.
    function _requireUsable(Common memory common, Position memory position, uint40 deadline) private view {
        require(block.timestamp <= deadline, DeadlinePassed(deadline));
        require(position.marked < Status.Paused, WrongStatus(position.marked));
        if (common.mandateId != position.mandate) {
            common.mandateId = position.mandate;
            common.mandate = mandates[position.mandate];
        }
        (uint40 timestamp, uint32 maxAge) = (common.timestamp, common.mandate.maxSnapshotAge);
        require(common.feedSet == common.mandate.feedSet, WrongFeedSet(common.feedSet, common.mandate.feedSet));
        require(block.timestamp - timestamp <= maxAge, SnapshotTooOld(timestamp, maxAge));
        require(timestamp >= position.snapshotTimestamp, SnapshotBeforeLast(timestamp, position.snapshotTimestamp));
    }

    /// @dev The public signals, by the hub's own state and what the proof claims.
    function _ownSignals(
        bytes32 vaultId,
        uint256 commitment,
        address operator,
        Position memory position,
        Common memory common,
        Claim memory claim
    ) private view returns (uint256[] memory signals) {
        signals = new uint256[](Signals.PRICES + common.words.length);
        uint256 place;
        assembly ("memory-safe") {
            place := add(signals, 32)
        }
        _writeSignals(place, vaultId, commitment, operator, position, common, claim);
    }

    /// @dev Writes the public signals, in their order (`Signals`), to memory at `place`. Returns the accrual among them.
    function _writeSignals(
        uint256 place,
        bytes32 vaultId,
        uint256 commitment,
        address operator,
        Position memory position,
        Common memory common,
        Claim memory claim
    ) private view returns (uint256 accrual) {
        accrual = _accrual(common, position);
        uint256 flow = Signals.encodeFlow(position.pendingFlow);
        uint256 context_ = _context(vaultId, operator, position, common.round, claim.deadline);
        uint256 policyHash = common.mandate.policyHash;
        uint256[] memory words = common.words;
        assembly ("memory-safe") {
            mstore(place, commitment)
            mstore(add(place, 32), mload(claim)) // commitmentAfter
            mstore(add(place, 64), policyHash)
            mstore(add(place, 96), flow)
            mstore(add(place, 128), accrual)
            mstore(add(place, 160), mload(add(claim, 32))) // navFloor
            mstore(add(place, 192), context_)
            mcopy(add(place, 224), add(words, 32), mul(mload(words), 32))
        }
    }

    /// @dev Rate times the time between the two snapshots, rounded down and capped. Nothing before the first proof: an
    /// empty book earns nothing.
    function _accrual(Common memory common, Position memory position) private pure returns (uint256) {
        if (position.sequence == 0) return 0;
        (uint256 rate, uint256 cap) = (common.mandate.accrualRatePpmPerDay, common.mandate.accrualCapPpm);
        unchecked {
            // The snapshot is not before the last (`_requireUsable`); 24 bits times 40.
            uint256 accrued = rate * (common.timestamp - position.snapshotTimestamp) / 1 days;
            return accrued < cap ? accrued : cap;
        }
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

    function _requireVerdict(Groth16.Verdict verdict) private pure {
        require(verdict != Groth16.Verdict.Failed, VerifierFailed());
        require(verdict == Groth16.Verdict.Valid, ProofRejected());
    }

    function _advance(
        bytes32 vaultId,
        Book storage book,
        Position memory position,
        Common memory common,
        Claim memory claim,
        uint256 accrual
    ) private {
        position.sequence += 1;
        emit Rebalanced(
            vaultId,
            position.sequence,
            claim.commitmentAfter,
            claim.navFloor,
            position.pendingFlow,
            accrual,
            common.round
        );
        if (position.marked == Status.Stale) {
            position.marked = Status.Active;
            emit StatusChanged(vaultId, Status.Active);
        }
        position.navFloor = uint48(claim.navFloor);
        position.snapshotTimestamp = uint32(common.timestamp);
        position.round = common.round;
        position.pendingFlow = 0;
        book.position = position;
        book.commitment = claim.commitmentAfter;
    }

    // --- liveness ---

    /// @inheritdoc IRebalanceHub
    function callStale(bytes32 vaultId) external {
        Position storage position = _book(vaultId).position;
        Status now_ = _status(position);
        require(position.marked == Status.Active && now_ == Status.Stale, WrongStatus(now_));
        _mark(vaultId, position, Status.Stale);
    }

    /// @inheritdoc IRebalanceHub
    function windDown(bytes32 vaultId) external {
        Position storage position = _book(vaultId).position;
        Status now_ = _status(position);
        require(now_ != Status.WindDown, WrongStatus(now_));
        if (msg.sender != roles[vaultId].operator) {
            uint256 age = block.timestamp - position.snapshotTimestamp;
            require(age > 2 * uint256(mandates[position.mandate].maxProofAge), WrongStatus(now_));
        }
        delete proposals[vaultId];
        _mark(vaultId, position, Status.WindDown);
    }

    /// @inheritdoc IRebalanceHub
    function pause(bytes32 vaultId) external {
        Position storage position = _book(vaultId).position;
        require(msg.sender == roles[vaultId].guardian, NotGuardian(msg.sender));
        require(position.marked < Status.Paused, WrongStatus(position.marked));
        _mark(vaultId, position, Status.Paused);
    }

    /// @inheritdoc IRebalanceHub
    function unpause(bytes32 vaultId) external {
        Position storage position = _book(vaultId).position;
        require(msg.sender == roles[vaultId].guardian, NotGuardian(msg.sender));
        require(position.marked == Status.Paused, WrongStatus(_status(position)));
        _mark(vaultId, position, Status.Active);
    }

    function _mark(bytes32 vaultId, Position storage position, Status marked) private {
        position.marked = marked;
        emit StatusChanged(vaultId, marked);
    }

    function _status(Position storage position) private view returns (Status) {
        Status marked = position.marked;
        if (marked == Status.Paused || marked == Status.WindDown) return marked;
        uint256 age = block.timestamp - position.snapshotTimestamp;
        return age > mandates[position.mandate].maxProofAge ? Status.Stale : Status.Active;
    }

    // --- views ---

    /// @inheritdoc IRebalanceHub
    function keyOf(uint24 key) external view returns (Key memory) {
        return _key(key);
    }

    /// @inheritdoc IRebalanceHub
    function mandateOf(uint24 mandate) external view returns (Mandate memory) {
        return _mandate(mandate);
    }

    /// @inheritdoc IRebalanceHub
    function vaultState(bytes32 vaultId) external view returns (VaultState memory) {
        Book storage book = _book(vaultId);
        Position memory position = book.position;
        return VaultState({
            commitment: book.commitment,
            sequence: position.sequence,
            navFloor: position.navFloor,
            snapshotTimestamp: position.snapshotTimestamp,
            round: position.round,
            pendingFlow: position.pendingFlow,
            version: position.version,
            mandate: position.mandate,
            status: _status(book.position)
        });
    }

    /// @inheritdoc IRebalanceHub
    function status(bytes32 vaultId) external view returns (Status) {
        return _status(_book(vaultId).position);
    }

    /// @inheritdoc IRebalanceHub
    function proposedMandate(bytes32 vaultId) external view returns (uint24 mandate, uint40 activeFrom) {
        _roles(vaultId);
        Proposal memory proposal = proposals[vaultId];
        return (proposal.mandate, proposal.activeFrom);
    }

    /// @inheritdoc IRebalanceHub
    function rolesOf(bytes32 vaultId)
        external
        view
        returns (address opener, address operator, address proposedOperator, address guardian, uint32 looseningDelay)
    {
        Roles memory who = _roles(vaultId);
        return (who.opener, who.operator, who.proposedOperator, who.guardian, who.looseningDelay);
    }

    /// @inheritdoc IRebalanceHub
    function expectedSignals(
        bytes32 vaultId,
        uint256 commitmentAfter,
        uint256 navFloor,
        uint32 round,
        uint40 deadline
    ) external view returns (uint256[] memory) {
        Book storage book = _book(vaultId);
        Common memory common;
        _loadPrices(common, round);
        _requireUsable(common, book.position, deadline);
        Claim memory claim = Claim(commitmentAfter, navFloor, deadline);
        return _ownSignals(vaultId, book.commitment, roles[vaultId].operator, book.position, common, claim);
    }

    /// @inheritdoc IRebalanceHub
    function context(bytes32 vaultId, uint32 round, uint40 deadline) external view returns (uint256) {
        return _context(vaultId, _roles(vaultId).operator, _book(vaultId).position, round, deadline);
    }

    // --- shared ---

    function _roles(bytes32 vaultId) private view returns (Roles storage who) {
        who = roles[vaultId];
        require(who.operator != address(0), UnknownVault(vaultId));
    }

    function _book(bytes32 vaultId) private view returns (Book storage) {
        return books[_roles(vaultId).operator][vaultId];
    }

    /// @dev The book of a vault whose operator sends this.
    function _ownBook(bytes32 vaultId) private view returns (Book storage book) {
        book = books[msg.sender][vaultId];
        if (book.position.version == 0) _refuseStranger(vaultId);
    }

    function _refuseStranger(bytes32 vaultId) private view {
        _roles(vaultId);
        revert NotOperator(msg.sender);
    }

    function _key(uint24 key) private view returns (Key storage found) {
        found = keys[key];
        require(found.slots != 0, UnknownKey(key));
    }

    function _mandate(uint24 mandate) private view returns (Mandate storage found) {
        found = mandates[mandate];
        require(found.maxProofAge != 0, UnknownMandate(mandate));
    }
}
