// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MandateRules, Move} from "./MandateRules.sol";
import {IBatchVerifier} from "./interfaces/IBatchVerifier.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {Allowances, AllowancesWord} from "./libraries/Allowances.sol";
import {Buckets} from "./libraries/Buckets.sol";
import {EmptyBook} from "./libraries/EmptyBook.sol";
import {Groth16} from "./libraries/Groth16.sol";
import {Keys} from "./libraries/Keys.sol";
import {MandateShelf, Mandates} from "./libraries/Mandates.sol";
import {Common, Rebalances, Step} from "./libraries/Rebalances.sol";
import {ShareCalls} from "./libraries/ShareCalls.sol";
import {Signals} from "./libraries/Signals.sol";
import {Summary} from "./libraries/Summary.sol";
import {VaultHead, VaultHeads} from "./libraries/VaultHead.sol";
import {Book, Vault, Vaults} from "./libraries/Vaults.sol";
import {WriteDowns} from "./libraries/WriteDowns.sol";

/// @title RebalanceHub
/// @notice See `IRebalanceHub`; `docs/states.md` has every call in every state. This contract is the list of actions: who may
/// do what, and when. The libraries do the work: `Rebalances` the transition of a vault by a proof, `Buckets` its limits
/// over time, `WriteDowns`, `Mandates`, `Keys`, and `VaultHead` the packed word.
/// @dev A rebalance writes two storage slots, the book of its vault. The operator's address is part of the book's key: an
/// account that finds a book under its own address is the operator, and the hub needs to read no other slot to check that.
/// A batch reads the mandate and the price snapshot once for all vaults that share them.
///
/// There is no reentrancy guard: until all of a rebalance is written and its proof is verified, the hub makes static calls only.
/// The one call that may write, to the share's `settle`, comes after everything else.
contract RebalanceHub is IRebalanceHub {
    using Keys for mapping(bytes32 key => Key);
    using Mandates for MandateShelf;

    /// Bounds of the time that share holders have to leave before a looser mandate becomes active.
    uint32 public constant LEAST_LOOSENING_DELAY = 1 days;
    uint32 public constant MOST_LOOSENING_DELAY = 90 days;
    /// How long something can be activated or accepted that has waited.
    uint40 public constant ACTIVATION_WINDOW = 7 days;
    /// Least time between the offer of the operator's role and its acceptance.
    uint40 public constant OPERATOR_DELAY = 1 days;

    /// Words of each proof in the call to the batch verifier: its coordinates and the signals before the prices.
    uint256 private constant BATCHED_WORDS = Groth16.PROOF_WORDS + Signals.PRICES;

    /// @inheritdoc IRebalanceHub
    IPriceOracle public immutable oracle;
    /// @inheritdoc IRebalanceHub
    IPolicyRegistry public immutable policyRegistry;
    MandateRules private immutable rules;

    mapping(bytes32 key => Key) private keys;
    MandateShelf private mandates;
    mapping(address operator => mapping(bytes32 vaultId => Book)) private books;
    mapping(bytes32 vaultId => Vault) private vaults;

    /// @inheritdoc IRebalanceHub
    mapping(address opener => uint256) public vaultsOpened;

    constructor(IPriceOracle oracle_, IPolicyRegistry policyRegistry_) {
        require(address(oracle_).code.length != 0, NoCode(address(oracle_)));
        require(address(policyRegistry_).code.length != 0, NoCode(address(policyRegistry_)));
        oracle = oracle_;
        policyRegistry = policyRegistry_;
        rules = new MandateRules(oracle_, policyRegistry_);
    }

    // --- keys and mandates ---

    /// @inheritdoc IRebalanceHub
    function addKey(address verifier, IBatchVerifier batchVerifier, uint8 slots) external returns (bytes32 key) {
        return keys.add(verifier, batchVerifier, slots);
    }

    /// @inheritdoc IRebalanceHub
    function addMandate(Mandate calldata content) external returns (bytes32 mandate) {
        Mandate memory added = content;
        rules.requireSound(added, keys.get(added.key).slots);
        return mandates.add(added);
    }

    /// @inheritdoc IRebalanceHub
    function tightens(bytes32 from, bytes32 to) external view returns (bool) {
        return rules.compare(_mandate(from), _mandate(to)) == Move.Tightens;
    }

    // --- opening ---

    /// @inheritdoc IRebalanceHub
    function openVault(address operator, address guardian, uint32 looseningDelay, bytes32 mandate)
        external
        returns (bytes32 vaultId)
    {
        require(operator != address(0), ZeroAddress());
        require(
            LEAST_LOOSENING_DELAY <= looseningDelay && looseningDelay <= MOST_LOOSENING_DELAY,
            DelayOutOfRange(looseningDelay, LEAST_LOOSENING_DELAY, MOST_LOOSENING_DELAY)
        );
        uint32 number = mandates.numberOf(mandate);
        uint8 slots = keys.get(mandates.get(number).key).slots;

        vaultId = keccak256(abi.encode(block.chainid, address(this), msg.sender, vaultsOpened[msg.sender]++));
        Vault storage vault = vaults[vaultId];
        (vault.opener, vault.looseningDelay) = (msg.sender, looseningDelay);
        (vault.operator, vault.guardian) = (operator, guardian);
        Book storage book = books[operator][vaultId];
        book.commitment = EmptyBook.commitment(slots);
        emit VaultOpened(vaultId, msg.sender, operator, guardian, looseningDelay);
        _activate(vaultId, vault, book, VaultHeads.opened(block.timestamp), number, false);
    }

    // --- mandates of a vault ---

    /// @inheritdoc IRebalanceHub
    function proposeMandate(bytes32 vaultId, bytes32 mandate) external returns (uint40 activeFrom) {
        (Vault storage vault, Book storage book) = (vaults[vaultId], _ownBook(vaultId));
        VaultHead head = book.head;
        Status now_ = _status(vault, head);
        require(now_ != Status.WindDown, WrongStatus(Status.WindDown));
        uint32 number = mandates.numberOf(mandate);
        Mandate memory from = mandates.get(head.mandate());
        Move move = rules.compare(from, mandates.get(number));
        if (move == Move.Tightens) {
            // A mandate in force for a vault without a valid proof would reset the clock that the proof missed.
            require(now_ == Status.Active, WrongStatus(now_));
            _activate(vaultId, vault, book, head, number, true);
            _requireStatus(vault, book, now_);
            return 0;
        }
        bool isRepair = move == Move.Repairs;
        activeFrom = uint40(block.timestamp + (isRepair ? from.maxProofAge / 2 : vault.looseningDelay));
        (vault.proposal, vault.proposalFrom, vault.isRepair) = (number, activeFrom, isRepair);
        emit MandateProposed(vaultId, mandate, isRepair, activeFrom, activeFrom + ACTIVATION_WINDOW);
    }

    /// @inheritdoc IRebalanceHub
    function activateMandate(bytes32 vaultId, bytes32 mandate) external {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        VaultHead head = book.head;
        (uint32 number, uint40 from, bool isRepair) = (vault.proposal, vault.proposalFrom, vault.isRepair);
        require(from != 0, NoMandateProposed());
        Mandate memory to;
        bytes32 proposed = mandates.load(number, to);
        require(mandate == proposed, MandateNotProposed(mandate, proposed));
        Status now_ = _status(vault, head);
        require(now_ == Status.Active || (isRepair && now_ == Status.Stale), WrongStatus(now_));
        _requireInWindow(from);
        if (isRepair) {
            Mandate memory old = mandates.get(head.mandate());
            // The proposal is compared with this mandate, so it waited for half of this age.
            require(oracle.isRepair(old.feedSet, to.feedSet, from - old.maxProofAge / 2), FeedsAlive());
        } else if (head.doOrdersWait()) {
            ShareCalls.requireExitsServed(vault.opener, from - vault.looseningDelay / 2);
        }
        _activate(vaultId, vault, book, head, number, false);
        _requireStatus(vault, book, now_);
    }

    /// @inheritdoc IRebalanceHub
    function withdrawMandate(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        require(msg.sender == vault.operator || msg.sender == vault.guardian, NotOperatorOrGuardian(msg.sender));
        require(vault.proposalFrom != 0, NoMandateProposed());
        vault.proposalFrom = 0;
        emit MandateWithdrawn(vaultId);
    }

    /// @dev No move makes the vault stale: what waits in a stale vault is returned, and an operator could take orders of its
    /// own back by a shorter `maxProofAge`, after a look at the price.
    function _requireStatus(Vault storage vault, Book storage book, Status expected) private view {
        Status now_ = _status(vault, book.head);
        require(now_ == expected, WrongStatus(now_));
    }

    /// @dev Whatever was proposed was compared with the mandate before: it is gone.
    function _activate(
        bytes32 vaultId,
        Vault storage vault,
        Book storage book,
        VaultHead head,
        uint32 number,
        bool tightens_
    ) private {
        Mandate memory mandate;
        bytes32 name = mandates.load(number, mandate);
        uint32 old = head.mandate();
        if (old == 0 || mandates.get(old).feedSet != mandate.feedSet) {
            head = head.setFeedsChanged();
            vault.roundsAfter = uint40(block.timestamp);
        }
        head = head.setLevels(
            VaultHeads.packLevels(
                Buckets.cut(mandate.gain, head.gainLevel()),
                Buckets.cut(mandate.loss, head.lossLevel()),
                Buckets.cut(mandate.turnover, head.turnoverLevel())
            )
        );
        uint32 version = head.mandateVersion() + 1;
        book.head = head.setMandate(version, number);
        vault.proposalFrom = 0;
        if (!tightens_) vault.loosenedVersion = version;
        emit MandateActivated(vaultId, version, name);
    }

    // --- operator ---

    /// @inheritdoc IRebalanceHub
    function proposeOperator(bytes32 vaultId, address operator) external {
        Vault storage vault = _vault(vaultId);
        bool withdraws = operator == address(0) && msg.sender == vault.guardian;
        require(msg.sender == vault.operator || withdraws, NotOperator(msg.sender));
        uint40 from = operator == address(0) ? 0 : uint40(block.timestamp) + OPERATOR_DELAY;
        (vault.proposedOperator, vault.operatorFrom) = (operator, from);
        emit OperatorProposed(vaultId, operator, from, from == 0 ? 0 : from + ACTIVATION_WINDOW);
    }

    /// @inheritdoc IRebalanceHub
    function acceptOperator(bytes32 vaultId) external {
        Vault storage vault = _vault(vaultId);
        require(msg.sender == vault.proposedOperator, NotProposedOperator(msg.sender));
        _requireInWindow(vault.operatorFrom);
        Book memory book = books[vault.operator][vaultId];
        delete books[vault.operator][vaultId];
        books[msg.sender][vaultId] = book;
        vault.operator = msg.sender;
        (vault.proposedOperator, vault.operatorFrom) = (address(0), 0);
        emit OperatorChanged(vaultId, msg.sender);
    }

    /// @dev What has waited can be done from its time on, for a week.
    function _requireInWindow(uint40 from) private view {
        require(block.timestamp >= from, TooEarly(from));
        require(block.timestamp < from + ACTIVATION_WINDOW, TooLate(from + ACTIVATION_WINDOW));
    }

    // --- what the share records ---

    /// @inheritdoc IRebalanceHub
    function recordFlow(bytes32 vaultId, int64 flow) external {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        require(msg.sender == vault.opener, NotOpener(msg.sender));
        VaultHead head = book.head;
        Status now_ = _status(vault, head);
        require(flow <= 0 || now_ == Status.Active, WrongStatus(now_));

        int256 pending = int256(Vaults.pendingFlowOf(vault, head)) + flow;
        require(-Signals.FLOW_BOUND <= pending && pending < Signals.FLOW_BOUND, FlowOutOfRange(pending));
        vault.pendingFlow = int64(pending);
        Vaults.noteFlow(vault, head);
        book.head = head.setFlowPending(pending != 0);
        emit FlowRecorded(vaultId, flow, int64(pending));
    }

    /// @inheritdoc IRebalanceHub
    function setOrdersWaiting(bytes32 vaultId, bool wait) external {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        require(msg.sender == vault.opener, NotOpener(msg.sender));
        book.head = book.head.setOrdersWait(wait);
        emit OrdersWaiting(vaultId, wait);
    }

    // --- rebalances ---

    /// @inheritdoc IRebalanceHub
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external {
        Book storage book = _ownBook(vaultId);
        VaultHead head = book.head;
        Common memory common;
        common.loadPrices(oracle, rebalance.round, rebalance.deadline);
        common.loadMandate(mandates, head.mandate());
        Step memory step;
        (step.vaultId, step.operator) = (vaultId, msg.sender);
        common.start(step, vaults, head);

        uint256[] calldata given = rebalance.signals;
        Rebalances.requireInField(given, Signals.PRICES + common.priceWords.length);
        (uint256[] memory own, uint256[7] memory named) = common.signalsOf(
            step,
            book.commitment,
            given[Signals.COMMITMENT_AFTER],
            given[Signals.NAV_FLOOR],
            Allowances.wrap(given[Signals.ALLOWANCES])
        );
        Rebalances.requireOwn(given, own);
        common.use(step, named);

        uint256 gas_ = Groth16.GAS_CAP + (head.doOrdersWait() ? ShareCalls.GAS_AHEAD : 0);
        require(Groth16.inBaseField(rebalance.proof), ProofCoordinateNotInField());
        require(Groth16.hasGas(gas_), NotEnoughGas());
        Rebalances.requireVerdict(Groth16.verify(keys[common.mandate.key].verifier, rebalance.proof, own));
        step.finish(common.summaryOf(step, named), named[Signals.COMMITMENT_AFTER], book, vaults);
        if (head.doOrdersWait()) ShareCalls.settle(vaultId, vaults[vaultId].opener, step.headAfter.sequence());
    }

    /// @inheritdoc IRebalanceHub
    function submitBatch(bytes32 key, uint40 deadline, BatchedRebalance[] calldata rebalances) external {
        require(rebalances.length != 0, EmptyBatch());
        Key storage verifyingKey = keys.get(key);
        uint256 gasCap = Groth16.batchGasCap(rebalances.length, Signals.count(verifyingKey.slots));
        // Refuse early a batch that needs more gas than the call has.
        require(Groth16.hasGas(gasCap), NotEnoughGas());

        // The call to the verifier, written in place: the price words, which all proofs share, and `BATCHED_WORDS` for each.
        Common memory common;
        common.loadPrices(oracle, rebalances[0].summary.round(), deadline);
        (bytes memory input, uint256 place) = Groth16.batchInput(common.priceWords, rebalances.length * BATCHED_WORDS);
        uint256 settlements = _takeAll(key, common, rebalances, place);
        require(Groth16.hasGas(gasCap + settlements * ShareCalls.GAS_AHEAD), NotEnoughGas());
        Rebalances.requireVerdict(Groth16.ask(address(verifyingKey.batchVerifier), input, gasCap));
        if (settlements != 0) _settleAll(rebalances);
    }

    /// @dev Advances every vault of a batch, and writes the verifier's words from this place in memory on.
    /// @return settlements how many have orders that wait.
    function _takeAll(bytes32 key, Common memory common, BatchedRebalance[] calldata rebalances, uint256 place)
        private
        returns (uint256 settlements)
    {
        mapping(bytes32 vaultId => Book) storage own = books[msg.sender];
        uint256[7] memory signals;
        Step memory step;
        step.operator = msg.sender;
        for (uint256 i; i < rebalances.length; ++i) {
            BatchedRebalance calldata rebalance = rebalances[i];
            Groth16.Proof calldata proof = rebalance.proof;
            assembly ("memory-safe") {
                calldatacopy(place, proof, 256) // the verifier's precompiles refuse coordinates that are not in the field
                signals := add(place, 256)
            }
            unchecked {
                if (_take(key, own, rebalance, common, step, signals)) settlements += 1;
                place += 32 * BATCHED_WORDS;
            }
        }
    }

    /// @dev Advances one vault of a batch, and writes the signals that its proof must have, up to the prices. The batch
    /// reverts if the proof has others.
    /// @return settles whether the vault's orders wait.
    function _take(
        bytes32 key,
        mapping(bytes32 vaultId => Book) storage own,
        BatchedRebalance calldata rebalance,
        Common memory common,
        Step memory step,
        uint256[7] memory signals
    ) private returns (bool settles) {
        bytes32 vaultId = rebalance.vaultId;
        Book storage book = own[vaultId];
        VaultHead head = book.head;
        if (head.mandateVersion() == 0) _refuseStranger(vaultId);
        Summary summary = rebalance.summary;
        _requireNext(vaultId, summary, common.round, head.sequence());
        if (common.mandateNumber != head.mandate()) {
            common.loadMandate(mandates, head.mandate());
            if (common.mandate.key != key) revert WrongKey(vaultId, key, common.mandate.key);
        }
        step.vaultId = vaultId;
        common.start(step, vaults, head);

        uint256 commitmentAfter = rebalance.commitmentAfter;
        require(commitmentAfter < Signals.FIELD, SignalNotInField(Signals.COMMITMENT_AFTER));
        signals[Signals.COMMITMENT_AFTER] = commitmentAfter;
        signals[Signals.NAV_FLOOR] = summary.navFloor();
        signals[Signals.ALLOWANCES] = Allowances.unwrap(summary.allowances());
        common.use(step, signals);
        common.fill(step, signals, book.commitment);
        step.finish(summary, commitmentAfter, book, vaults);
        return head.doOrdersWait();
    }

    /// @dev Of the batch's round, and the one after the last.
    function _requireNext(bytes32 vaultId, Summary summary, uint32 round, uint256 last) private pure {
        if (summary.round() != round) revert RoundMismatch(vaultId, summary.round(), round);
        unchecked {
            if (summary.sequence() != last + 1) revert SequenceMismatch(vaultId, summary.sequence(), uint32(last + 1));
        }
    }

    /// @dev A vault twice in the batch is called twice, and its share settles once, at the last rebalance. A share called
    /// before may have accepted the operator's role in another vault: so the book is read where it is now.
    function _settleAll(BatchedRebalance[] calldata rebalances) private {
        for (uint256 i; i < rebalances.length; ++i) {
            bytes32 vaultId = rebalances[i].vaultId;
            (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
            VaultHead head = book.head;
            if (head.doOrdersWait()) ShareCalls.settle(vaultId, vault.opener, head.sequence());
        }
    }

    // --- write-downs ---

    /// @inheritdoc IRebalanceHub
    function announceWriteDown(bytes32 vaultId, uint32 navSteps) external {
        (Vault storage vault, Book storage book) = (vaults[vaultId], _ownBook(vaultId));
        VaultHead head = book.head;
        require(!head.isWoundDown(), WrongStatus(Status.WindDown));
        uint256 writeDownPpm = mandates.get(head.mandate()).writeDownPpm;
        (uint40 usableFrom, uint40 lapsesAt) =
            WriteDowns.announce(vault.writeDown, head, navSteps, writeDownPpm, _maxProofAge(head));
        book.head = head.setWriteDownOpen(true);
        emit WriteDownAnnounced(vaultId, navSteps, usableFrom, lapsesAt);
    }

    /// @inheritdoc IRebalanceHub
    function approveWriteDown(bytes32 vaultId, uint32 navSteps) external {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        require(msg.sender == vault.guardian, NotGuardian(msg.sender));
        VaultHead head = book.head;
        require(WriteDowns.isOpen(vault.writeDown, head), NoWriteDown());
        uint32 open = vault.writeDown.navSteps;
        require(navSteps == open, WriteDownMismatch(navSteps, open));
        if (block.timestamp >= vault.writeDown.usableFrom) return; // it does not last longer by an approval
        uint40 lapsesAt = WriteDowns.approve(vault.writeDown, _maxProofAge(head));
        emit WriteDownAnnounced(vaultId, navSteps, uint40(block.timestamp), lapsesAt);
    }

    /// @inheritdoc IRebalanceHub
    function withdrawWriteDown(bytes32 vaultId) external {
        (Vault storage vault, Book storage book) = (vaults[vaultId], _ownBook(vaultId));
        VaultHead head = book.head;
        require(WriteDowns.isOpen(vault.writeDown, head), NoWriteDown());
        WriteDowns.withdraw(vault.writeDown, _maxProofAge(head));
        book.head = head.setWriteDownOpen(false);
        emit WriteDownWithdrawn(vaultId);
    }

    // --- liveness ---

    /// @inheritdoc IRebalanceHub
    function windDown(bytes32 vaultId) external {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        VaultHead head = book.head;
        require(!head.isWoundDown(), WrongStatus(Status.WindDown));
        if (msg.sender != vault.operator && msg.sender != vault.opener) {
            uint40 from = Vaults.publicWindDownFrom(vault, head, _maxProofAge(head));
            require(block.timestamp >= from, TooEarly(from));
        }
        vault.proposalFrom = 0;
        book.head = head.setWoundDown().setWriteDownOpen(false);
        emit StatusChanged(vaultId, Status.WindDown);
    }

    /// @inheritdoc IRebalanceHub
    function pause(bytes32 vaultId) external {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        require(msg.sender == vault.guardian, NotGuardian(msg.sender));
        VaultHead head = book.head;
        require(!head.isWoundDown(), WrongStatus(Status.WindDown));
        // Once for each rebalance: else a guardian could hold a vault for ever.
        require(!head.isPauseCalled(), WrongStatus(Status.Paused));
        uint40 until = uint40(block.timestamp + _maxProofAge(head) / 2);
        vault.pausedUntil = until;
        book.head = head.setPauseCalled();
        emit Paused(vaultId, until);
        emit StatusChanged(vaultId, Status.Paused);
    }

    /// @inheritdoc IRebalanceHub
    function unpause(bytes32 vaultId) external {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        require(msg.sender == vault.guardian, NotGuardian(msg.sender));
        VaultHead head = book.head;
        Status now_ = _status(vault, head);
        require(now_ == Status.Paused, WrongStatus(now_));
        vault.pausedUntil = uint40(block.timestamp - 1);
        emit StatusChanged(vaultId, _status(vault, head));
    }

    function _status(Vault storage vault, VaultHead head) private view returns (Status) {
        return Vaults.status(vault, head, _maxProofAge(head));
    }

    function _maxProofAge(VaultHead head) private view returns (uint256) {
        return mandates.stored[head.mandate()].maxProofAge;
    }

    // --- views ---

    /// @inheritdoc IRebalanceHub
    function keyOf(bytes32 key) external view returns (Key memory) {
        return keys.get(key);
    }

    /// @inheritdoc IRebalanceHub
    function mandateOf(bytes32 mandate) external view returns (Mandate memory) {
        return _mandate(mandate);
    }

    /// @inheritdoc IRebalanceHub
    function vaultState(bytes32 vaultId) external view returns (VaultState memory state) {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        VaultHead head = book.head;
        state.commitment = book.commitment;
        state.sequence = head.sequence();
        state.navFloor = head.navFloor();
        state.snapshotTimestamp = head.snapshotTimestamp();
        state.pendingFlow = Vaults.pendingFlowOf(vault, head);
        state.mandateVersion = head.mandateVersion();
        state.loosenedVersion = vault.loosenedVersion;
        state.mandate = mandates.nameOf(head.mandate());
        if (head.areFeedsChanged()) state.roundsAfter = vault.roundsAfter;
        state.ordersWait = head.doOrdersWait();
        state.writeDownOpen = WriteDowns.isOpen(vault.writeDown, head);
        state.lastWriteDown = vault.writeDown.lastSequence;
        state.status = _status(vault, head);
    }

    /// @inheritdoc IRebalanceHub
    function provenBook(bytes32 vaultId) external view returns (ProvenBook memory proven) {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        VaultHead head = book.head;
        Mandate memory mandate = mandates.get(head.mandate());
        proven.commitment = book.commitment;
        (proven.sequence, proven.snapshotTimestamp) = (head.sequence(), head.snapshotTimestamp());
        proven.mandateVersion = head.mandateVersion();
        (proven.policyHash, proven.feedSet) = (mandate.policyHash, mandate.feedSet);
        proven.areFeedsChanged = head.areFeedsChanged();
        proven.isFlowLate = Vaults.isFlowLate(vault, head);
    }

    /// @inheritdoc IRebalanceHub
    function status(bytes32 vaultId) external view returns (Status) {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        return _status(vault, book.head);
    }

    /// @inheritdoc IRebalanceHub
    function proposedMandate(bytes32 vaultId)
        external
        view
        returns (bytes32 mandate, bool repair, uint40 activeFrom, uint40 lapsesAt)
    {
        Vault storage vault = _vault(vaultId);
        activeFrom = vault.proposalFrom;
        if (activeFrom == 0) return (0, false, 0, 0);
        return (mandates.nameOf(vault.proposal), vault.isRepair, activeFrom, activeFrom + ACTIVATION_WINDOW);
    }

    /// @inheritdoc IRebalanceHub
    function writeDownOf(bytes32 vaultId) external view returns (WriteDown memory) {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        VaultHead head = book.head;
        return WriteDowns.viewOf(vault.writeDown, head, mandates.get(head.mandate()).writeDownPpm);
    }

    /// @inheritdoc IRebalanceHub
    function allowancesAt(bytes32 vaultId, uint40 timestamp) external view returns (Allowances) {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        VaultHead head = book.head;
        uint40 last = head.snapshotTimestamp();
        (uint256 gain, uint256 loss, uint256 turnover) =
            Rebalances.levelsAt(mandates.get(head.mandate()), head, timestamp < last ? last : timestamp);
        if (head.sequence() == 0) (gain, loss) = (0, 0);
        uint256 writeDown = WriteDowns.isOpen(vault.writeDown, head) ? vault.writeDown.navSteps : 0;
        return AllowancesWord.pack(gain, loss, turnover, writeDown);
    }

    /// @inheritdoc IRebalanceHub
    function pausedUntil(bytes32 vaultId) external view returns (uint40) {
        return _vault(vaultId).pausedUntil;
    }

    /// @inheritdoc IRebalanceHub
    function rolesOf(bytes32 vaultId)
        external
        view
        returns (address opener, address operator, address proposedOperator, address guardian, uint32 looseningDelay)
    {
        Vault storage vault = _vault(vaultId);
        return (vault.opener, vault.operator, vault.proposedOperator, vault.guardian, vault.looseningDelay);
    }

    /// @inheritdoc IRebalanceHub
    function expectedSignals(
        bytes32 vaultId,
        uint256 commitmentAfter,
        uint256 navFloor,
        Allowances allowances,
        uint32 round,
        uint40 deadline
    ) external view returns (uint256[] memory) {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        Common memory common;
        common.loadPrices(oracle, round, deadline);
        common.loadMandate(mandates, book.head.mandate());
        Step memory step;
        (step.vaultId, step.operator) = (vaultId, vault.operator);
        common.start(step, vaults, book.head);
        (uint256[] memory signals, uint256[7] memory named) =
            common.signalsOf(step, book.commitment, commitmentAfter, navFloor, allowances);
        common.use(step, named);
        return signals;
    }

    /// @inheritdoc IRebalanceHub
    function context(bytes32 vaultId, uint32 round, uint40 deadline) external view returns (uint256) {
        (Vault storage vault, Book storage book) = _vaultAndBook(vaultId);
        return Rebalances.context(vaultId, vault.operator, book.head, round, deadline);
    }

    // --- shared ---

    function _vault(bytes32 vaultId) private view returns (Vault storage vault) {
        vault = vaults[vaultId];
        require(vault.operator != address(0), UnknownVault(vaultId));
    }

    function _vaultAndBook(bytes32 vaultId) private view returns (Vault storage vault, Book storage book) {
        vault = _vault(vaultId);
        book = books[vault.operator][vaultId];
    }

    /// @dev The book of a vault whose operator is the caller.
    function _ownBook(bytes32 vaultId) private view returns (Book storage book) {
        book = books[msg.sender][vaultId];
        if (book.head.mandateVersion() == 0) _refuseStranger(vaultId);
    }

    function _refuseStranger(bytes32 vaultId) private view {
        _vault(vaultId);
        revert NotOperator(msg.sender);
    }

    function _mandate(bytes32 mandate) private view returns (Mandate memory) {
        return mandates.get(mandates.numberOf(mandate));
    }
}
