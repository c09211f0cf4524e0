// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "./interfaces/IBatchVerifier.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {EmptyBook} from "./libraries/EmptyBook.sol";
import {Groth16} from "./libraries/Groth16.sol";
import {Signals} from "./libraries/Signals.sol";
import {VaultHead, VaultHeads} from "./libraries/VaultHead.sol";

/// @title RebalanceHub
/// @notice See `IRebalanceHub`. The hub builds every public signal from its own state, so a prover decides nothing about
/// the past, the policy, the prices, the flows or the time.
/// @dev A rebalance writes two storage slots, the book of its vault. The operator's address is part of the book's key: an
/// account that finds a book under its own address is the operator, and the hub needs to read no other slot to check that.
/// A batch reads the mandate and the price snapshot once for all vaults that share them.
///
/// There is no reentrancy guard: while the hub takes a rebalance or a mandate, it makes static calls only, and during a
/// static call nothing can write to the hub.
contract RebalanceHub is IRebalanceHub {
    /// Least time that share holders have to leave before a looser mandate becomes active.
    uint32 public constant LEAST_LOOSENING_DELAY = 1 days;

    /// Words of each proof in the call to the batch verifier: its coordinates and the signals before the prices.
    uint256 private constant BATCHED_WORDS = Groth16.PROOF_WORDS + Signals.PRICES;

    struct Book {
        uint256 commitment;
        VaultHead head;
    }

    struct Roles {
        address opener;
        uint32 looseningDelay;
        address operator;
        address proposedOperator;
        address guardian;
    }

    struct Proposal {
        uint32 mandate;
        /// 0 if there is no proposal.
        uint40 activeFrom;
    }

    /// Data that rebalances share, in memory: deadline and price snapshot, and the mandate of the vault read last.
    struct Common {
        uint40 deadline;
        uint32 round;
        uint32 feedSet;
        uint40 timestamp;
        uint256[] priceWords;
        uint32 mandateId;
        Mandate mandate;
    }

    /// @inheritdoc IRebalanceHub
    IPriceOracle public immutable oracle;
    /// @inheritdoc IRebalanceHub
    IPolicyRegistry public immutable policyRegistry;

    uint32 private keyCount;
    uint32 private mandateCount;
    mapping(uint32 key => Key) private keys;
    mapping(uint32 id => Mandate) private mandates; // from 1 on
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
    function addKey(address verifier, IBatchVerifier batchVerifier, uint8 slots) external returns (uint32 key) {
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
    function addMandate(Mandate calldata mandate) external returns (uint32 id) {
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
        // With an allowance of the whole NAV, or more, value conservation would bound no gain.
        require(mandate.accrualCapPpm < Signals.PPM, AccrualCapOutOfRange(mandate.accrualCapPpm));

        id = ++mandateCount;
        mandates[id] = mandate;
        emit MandateAdded(id, mandate);
    }

    /// @inheritdoc IRebalanceHub
    function tightens(uint32 from, uint32 to) public view returns (bool) {
        Mandate memory old = _mandate(from);
        Mandate memory new_ = _mandate(to);
        return policyRegistry.tightens(old.policyHash, new_.policyHash) && new_.feedSet == old.feedSet
            && new_.key == old.key && new_.maxSnapshotAge <= old.maxSnapshotAge
            && new_.accrualRatePpmPerDay <= old.accrualRatePpmPerDay && new_.accrualCapPpm <= old.accrualCapPpm
            && new_.maxProofAge <= old.maxProofAge;
    }

    // --- vaults ---

    /// @inheritdoc IRebalanceHub
    function openVault(address operator, address guardian, uint32 looseningDelay, uint32 mandate)
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
        emit VaultOpened(vaultId, msg.sender, operator, guardian, looseningDelay);
        _activate(vaultId, book, VaultHeads.opened(uint32(block.timestamp)), mandate);
    }

    /// @inheritdoc IRebalanceHub
    function proposeMandate(bytes32 vaultId, uint32 mandate) external returns (uint40 activeFrom) {
        Book storage book = _ownBook(vaultId);
        VaultHead head = book.head;
        require(head.marked() != Status.WindDown, WrongStatus(Status.WindDown));
        if (tightens(head.mandate(), mandate)) {
            delete proposals[vaultId];
            _activate(vaultId, book, head, mandate);
        } else {
            activeFrom = uint40(block.timestamp + roles[vaultId].looseningDelay);
            proposals[vaultId] = Proposal(mandate, activeFrom);
            emit MandateProposed(vaultId, mandate, activeFrom);
        }
    }

    /// @inheritdoc IRebalanceHub
    function activateMandate(bytes32 vaultId) external {
        Book storage book = _book(vaultId);
        VaultHead head = book.head;
        Proposal memory proposal = proposals[vaultId];
        require(head.marked() != Status.Paused, WrongStatus(Status.Paused));
        require(proposal.activeFrom != 0, NoMandateProposed());
        require(block.timestamp >= proposal.activeFrom, TooEarly(proposal.activeFrom));
        delete proposals[vaultId];
        _activate(vaultId, book, head, proposal.mandate);
    }

    /// @inheritdoc IRebalanceHub
    function withdrawMandate(bytes32 vaultId) external {
        Roles storage who = _roles(vaultId);
        require(msg.sender == who.operator || msg.sender == who.guardian, NotOperatorOrGuardian(msg.sender));
        require(proposals[vaultId].activeFrom != 0, NoMandateProposed());
        delete proposals[vaultId];
        emit MandateWithdrawn(vaultId);
    }

    function _activate(bytes32 vaultId, Book storage book, VaultHead head, uint32 mandate) private {
        // A longer maxProofAge makes no proof younger: a stale vault stays stale until the next proof.
        if (head.marked() == Status.Active && _status(head) == Status.Stale) {
            head = head.setMarked(Status.Stale);
            emit StatusChanged(vaultId, Status.Stale);
        }
        uint16 version = head.mandateVersion() + 1;
        book.head = head.setMandate(version, mandate);
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
        VaultHead head = book.head;
        Status now_ = _status(head);
        require(flow <= 0 || now_ == Status.Active, WrongStatus(now_));

        int256 pending = int256(head.pendingFlow()) + flow;
        require(-Signals.FLOW_BOUND <= pending && pending < Signals.FLOW_BOUND, FlowOutOfRange(pending));
        book.head = head.setPendingFlow(int64(pending));
        emit FlowRecorded(vaultId, flow, int64(pending));
    }

    /// @inheritdoc IRebalanceHub
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external {
        Book storage book = _ownBook(vaultId);
        VaultHead head = book.head;
        Common memory common;
        _loadPrices(common, rebalance.round, rebalance.deadline);
        _loadMandate(common, head.mandate());
        _requireUsable(common, head);

        uint256[] calldata given = rebalance.signals;
        _requireInField(given, Signals.PRICES + common.priceWords.length);
        uint256[] memory own = _ownSignals(
            vaultId, book, msg.sender, head, common, given[Signals.COMMITMENT_AFTER], given[Signals.NAV_FLOOR]
        );
        _requireOwn(given, own);
        _requireValid(keys[common.mandate.key].verifier, rebalance.proof, own);
        _advance(vaultId, book, head, common, _named(own));
    }

    /// @inheritdoc IRebalanceHub
    function submitBatch(uint32 key, uint32 round, uint40 deadline, BatchedRebalance[] calldata rebalances) external {
        require(rebalances.length != 0, EmptyBatch());
        Key storage verifyingKey = _key(key);
        uint256 gasCap = Groth16.batchGasCap(rebalances.length, Signals.count(verifyingKey.slots));
        // Refuse early a batch that needs more gas than the call has.
        require(Groth16.hasGas(gasCap), NotEnoughGas());

        // The call to the verifier, written in place: the price words, which all proofs share, and `BATCHED_WORDS` for each.
        Common memory common;
        _loadPrices(common, round, deadline);
        (bytes memory input, uint256 place) = Groth16.batchInput(common.priceWords, rebalances.length * BATCHED_WORDS);
        mapping(bytes32 vaultId => Book) storage own = books[msg.sender];
        uint256[7] memory signals;
        for (uint256 i; i < rebalances.length; ++i) {
            BatchedRebalance calldata rebalance = rebalances[i];
            Groth16.Proof calldata proof = rebalance.proof;
            assembly ("memory-safe") {
                calldatacopy(place, proof, 256) // the verifier's precompiles refuse coordinates that are not in the field
                signals := add(place, 256)
            }
            _take(key, own, rebalance, common, signals);
            unchecked {
                place += 32 * BATCHED_WORDS;
            }
        }
        require(Groth16.hasGas(gasCap), NotEnoughGas());
        _requireVerdict(Groth16.ask(address(verifyingKey.batchVerifier), input, gasCap));
    }

    /// @dev Advances one vault of a batch, and writes the signals that its proof must have, up to the prices. The batch
    /// reverts if the proof has others.
    function _take(
        uint32 key,
        mapping(bytes32 vaultId => Book) storage own,
        BatchedRebalance calldata rebalance,
        Common memory common,
        uint256[7] memory signals
    ) private {
        bytes32 vaultId = rebalance.vaultId;
        Book storage book = own[vaultId];
        VaultHead head = book.head;
        if (head.mandateVersion() == 0) _refuseStranger(vaultId);
        (uint32 sequence, uint32 next) = (rebalance.sequence, _next(head));
        require(sequence == next, SequenceMismatch(vaultId, sequence, next));
        if (common.mandateId != head.mandate()) {
            _loadMandate(common, head.mandate());
            require(common.mandate.key == key, WrongKey(vaultId, key, common.mandate.key));
        }
        _requireUsable(common, head);

        (uint256 commitmentAfter, uint256 navFloor) = (rebalance.commitmentAfter, rebalance.navFloor);
        require(commitmentAfter < Signals.FIELD, SignalNotInField(Signals.COMMITMENT_AFTER));
        require(navFloor < Signals.NAV_FLOOR_BOUND, NavFloorOutOfRange(navFloor));
        (signals[Signals.COMMITMENT_AFTER], signals[Signals.NAV_FLOOR]) = (commitmentAfter, navFloor);
        _fill(signals, vaultId, book.commitment, msg.sender, head, common);
        _advance(vaultId, book, head, common, signals);
    }

    function _loadPrices(Common memory common, uint32 round, uint40 deadline) private view {
        require(block.timestamp <= deadline, DeadlinePassed(deadline));
        (common.round, common.deadline) = (round, deadline);
        (common.feedSet, common.timestamp, common.priceWords) = oracle.snapshot(round);
    }

    /// @dev Loads a mandate, and checks that it allows the prices in `common`.
    function _loadMandate(Common memory common, uint32 mandateId) private view {
        common.mandateId = mandateId;
        Mandate memory mandate = mandates[mandateId];
        common.mandate = mandate;
        require(common.feedSet == mandate.feedSet, WrongFeedSet(common.feedSet, mandate.feedSet));
        uint256 age = block.timestamp - common.timestamp;
        require(age <= mandate.maxSnapshotAge, SnapshotTooOld(common.timestamp, mandate.maxSnapshotAge));
    }

    /// @dev Reverts unless the vault may rebalance now at these prices. It may use a snapshot again, but none that is older
    /// than the last proof's.
    function _requireUsable(Common memory common, VaultHead head) private pure {
        Status marked = head.marked();
        require(marked < Status.Paused, WrongStatus(marked));
        (uint40 timestamp, uint40 last) = (common.timestamp, head.snapshotTimestamp());
        require(timestamp >= last, SnapshotBeforeLast(timestamp, last));
    }

    /// @dev The public signals: two from the prover, all others from the hub's own state.
    function _ownSignals(
        bytes32 vaultId,
        Book storage book,
        address operator,
        VaultHead head,
        Common memory common,
        uint256 commitmentAfter,
        uint256 navFloor
    ) private view returns (uint256[] memory signals) {
        uint256[] memory priceWords = common.priceWords;
        signals = new uint256[](Signals.PRICES + priceWords.length);
        (signals[Signals.COMMITMENT_AFTER], signals[Signals.NAV_FLOOR]) = (commitmentAfter, navFloor);
        _fill(_named(signals), vaultId, book.commitment, operator, head, common);
        assembly ("memory-safe") {
            mcopy(add(signals, 256), add(priceWords, 32), mul(mload(priceWords), 32))
        }
    }

    /// @dev The signals before the prices.
    function _named(uint256[] memory signals) private pure returns (uint256[7] memory named) {
        assembly ("memory-safe") {
            named := add(signals, 32)
        }
    }

    /// @dev Writes the signals that the hub knows, up to the prices.
    function _fill(
        uint256[7] memory signals,
        bytes32 vaultId,
        uint256 commitment,
        address operator,
        VaultHead head,
        Common memory common
    ) private view {
        signals[Signals.COMMITMENT_BEFORE] = commitment;
        signals[Signals.POLICY_HASH] = common.mandate.policyHash;
        signals[Signals.FLOW] = Signals.encodeFlow(head.pendingFlow());
        signals[Signals.ACCRUAL] = _accrual(common, head);
        signals[Signals.CONTEXT] = _context(vaultId, operator, head, common.round, common.deadline);
    }

    /// @dev Rate times the time between the two snapshots, rounded down and capped. 0 before the first proof: an empty book
    /// earns nothing.
    function _accrual(Common memory common, VaultHead head) private pure returns (uint256) {
        if (head.sequence() == 0) return 0;
        (uint256 rate, uint256 cap) = (common.mandate.accrualRatePpmPerDay, common.mandate.accrualCapPpm);
        unchecked {
            // The snapshot is no older than the last one (`_requireUsable`); 24 bits times 40.
            uint256 accrued = rate * (common.timestamp - head.snapshotTimestamp()) / 1 days;
            return accrued < cap ? accrued : cap;
        }
    }

    /// @dev keccak256(abi.encode(chain id, hub, vaultId, sequence, mandateVersion, round, operator, deadline)), reduced.
    function _context(bytes32 vaultId, address operator, VaultHead head, uint256 round, uint256 deadline)
        private
        view
        returns (uint256 context_)
    {
        (uint256 sequence, uint256 mandateVersion, uint256 field) = (_next(head), head.mandateVersion(), Signals.FIELD);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, chainid())
            mstore(add(free, 32), address())
            mstore(add(free, 64), vaultId)
            mstore(add(free, 96), sequence)
            mstore(add(free, 128), mandateVersion)
            mstore(add(free, 160), round)
            mstore(add(free, 192), operator)
            mstore(add(free, 224), deadline)
            context_ := mod(keccak256(free, 256), field)
        }
    }

    /// @dev The sequence after the next rebalance.
    function _next(VaultHead head) private pure returns (uint32) {
        return head.sequence() + 1;
    }

    function _requireInField(uint256[] calldata signals, uint256 count) private pure {
        require(signals.length == count, WrongSignalCount(signals.length, count));
        for (uint256 i; i < count; ++i) {
            require(signals[i] < Signals.FIELD, SignalNotInField(i));
        }
    }

    /// @dev Compares the context last: the error for a proof of another round or sequence names its commitment, flow,
    /// accrual or prices if one of them is wrong.
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
        VaultHead head,
        Common memory common,
        uint256[7] memory signals
    ) private {
        uint256 commitmentAfter = signals[Signals.COMMITMENT_AFTER];
        uint256 navFloor = signals[Signals.NAV_FLOOR];
        uint32 sequence = _next(head);
        emit Rebalanced(
            vaultId, sequence, commitmentAfter, navFloor, head.pendingFlow(), signals[Signals.ACCRUAL], common.round
        );
        if (head.marked() == Status.Stale) {
            head = head.setMarked(Status.Active);
            emit StatusChanged(vaultId, Status.Active);
        }
        book.head = head.setRebalance(sequence, navFloor, uint32(common.timestamp), common.round);
        book.commitment = commitmentAfter;
    }

    // --- liveness ---

    /// @inheritdoc IRebalanceHub
    function callStale(bytes32 vaultId) external {
        Book storage book = _book(vaultId);
        VaultHead head = book.head;
        Status now_ = _status(head);
        require(head.marked() == Status.Active && now_ == Status.Stale, WrongStatus(now_));
        _mark(vaultId, book, head, Status.Stale);
    }

    /// @inheritdoc IRebalanceHub
    function windDown(bytes32 vaultId) external {
        Book storage book = _book(vaultId);
        VaultHead head = book.head;
        Status now_ = _status(head);
        require(now_ != Status.WindDown, WrongStatus(now_));
        if (msg.sender != roles[vaultId].operator) {
            uint256 possibleAt = head.snapshotTimestamp() + 2 * uint256(mandates[head.mandate()].maxProofAge) + 1;
            require(block.timestamp >= possibleAt, TooEarly(uint40(possibleAt)));
        }
        delete proposals[vaultId];
        _mark(vaultId, book, head, Status.WindDown);
    }

    /// @inheritdoc IRebalanceHub
    function pause(bytes32 vaultId) external {
        Book storage book = _book(vaultId);
        VaultHead head = book.head;
        require(msg.sender == roles[vaultId].guardian, NotGuardian(msg.sender));
        require(head.marked() < Status.Paused, WrongStatus(head.marked()));
        _mark(vaultId, book, head, Status.Paused);
    }

    /// @inheritdoc IRebalanceHub
    function unpause(bytes32 vaultId) external {
        Book storage book = _book(vaultId);
        VaultHead head = book.head;
        require(msg.sender == roles[vaultId].guardian, NotGuardian(msg.sender));
        require(head.marked() == Status.Paused, WrongStatus(_status(head)));
        head = head.setMarked(Status.Active);
        _mark(vaultId, book, head, _status(head)); // it may have become stale meanwhile
    }

    function _mark(bytes32 vaultId, Book storage book, VaultHead head, Status status_) private {
        book.head = head.setMarked(status_);
        emit StatusChanged(vaultId, status_);
    }

    function _status(VaultHead head) private view returns (Status) {
        Status marked = head.marked();
        if (marked != Status.Active) return marked;
        uint256 age = block.timestamp - head.snapshotTimestamp();
        return age > mandates[head.mandate()].maxProofAge ? Status.Stale : Status.Active;
    }

    // --- views ---

    /// @inheritdoc IRebalanceHub
    function keyOf(uint32 key) external view returns (Key memory) {
        return _key(key);
    }

    /// @inheritdoc IRebalanceHub
    function mandateOf(uint32 mandate) external view returns (Mandate memory) {
        return _mandate(mandate);
    }

    /// @inheritdoc IRebalanceHub
    function vaultState(bytes32 vaultId) external view returns (VaultState memory) {
        Book storage book = _book(vaultId);
        VaultHead head = book.head;
        return VaultState({
            commitment: book.commitment,
            sequence: head.sequence(),
            navFloor: head.navFloor(),
            snapshotTimestamp: head.snapshotTimestamp(),
            round: head.round(),
            pendingFlow: head.pendingFlow(),
            mandateVersion: head.mandateVersion(),
            mandate: head.mandate(),
            status: _status(head)
        });
    }

    /// @inheritdoc IRebalanceHub
    function status(bytes32 vaultId) external view returns (Status) {
        return _status(_book(vaultId).head);
    }

    /// @inheritdoc IRebalanceHub
    function proposedMandate(bytes32 vaultId) external view returns (uint32 mandate, uint40 activeFrom) {
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
    function expectedSignals(bytes32 vaultId, uint256 commitmentAfter, uint256 navFloor, uint32 round, uint40 deadline)
        external
        view
        returns (uint256[] memory)
    {
        Book storage book = _book(vaultId);
        Common memory common;
        VaultHead head = book.head;
        _loadPrices(common, round, deadline);
        _loadMandate(common, head.mandate());
        _requireUsable(common, head);
        return _ownSignals(vaultId, book, roles[vaultId].operator, head, common, commitmentAfter, navFloor);
    }

    /// @inheritdoc IRebalanceHub
    function context(bytes32 vaultId, uint32 round, uint40 deadline) external view returns (uint256) {
        return _context(vaultId, _roles(vaultId).operator, _book(vaultId).head, round, deadline);
    }

    // --- shared ---

    function _roles(bytes32 vaultId) private view returns (Roles storage who) {
        who = roles[vaultId];
        require(who.operator != address(0), UnknownVault(vaultId));
    }

    function _book(bytes32 vaultId) private view returns (Book storage) {
        return books[_roles(vaultId).operator][vaultId];
    }

    /// @dev The book of a vault whose operator is the caller.
    function _ownBook(bytes32 vaultId) private view returns (Book storage book) {
        book = books[msg.sender][vaultId];
        if (book.head.mandateVersion() == 0) _refuseStranger(vaultId);
    }

    function _refuseStranger(bytes32 vaultId) private view {
        _roles(vaultId);
        revert NotOperator(msg.sender);
    }

    function _key(uint32 key) private view returns (Key storage found) {
        found = keys[key];
        require(found.slots != 0, UnknownKey(key));
    }

    function _mandate(uint32 mandate) private view returns (Mandate storage found) {
        found = mandates[mandate];
        require(found.maxProofAge != 0, UnknownMandate(mandate));
    }
}
