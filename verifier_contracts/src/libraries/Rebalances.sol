// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";
import {Allowances} from "./Allowances.sol";
import {Buckets} from "./Buckets.sol";
import {Groth16} from "./Groth16.sol";
import {MandateShelf, Mandates} from "./Mandates.sol";
import {Signals} from "./Signals.sol";
import {Summary, SummaryWord} from "./Summary.sol";
import {VaultHead, VaultHeads} from "./VaultHead.sol";
import {Book, Vault, Vaults} from "./Vaults.sol";
import {WriteDowns} from "./WriteDowns.sol";

/// Data that rebalances share, in memory: deadline and price snapshot, and the mandate of the vault read last.
struct Common {
    uint40 deadline;
    uint32 round;
    uint40 timestamp;
    bytes32 feedSet;
    uint256[] priceWords;
    uint32 mandateNumber;
    IRebalanceHub.Mandate mandate;
}

/// One rebalance, beside its signals.
struct Step {
    bytes32 vaultId;
    address operator;
    VaultHead head;
    /// What the proof must state: the flow, and a write-down in NAV steps.
    int64 flow;
    uint256 writeDown;
    VaultHead headAfter;
}

using Rebalances for Common global;
using Rebalances for Step global;

/// @title The transition of a vault by a rebalance
/// @notice The hub builds every public signal from its own state; a prover decides nothing about the past, the policy, the
/// prices, the flows or the time. It says the book after, its NAV floor, and what it takes out of the buckets: its caller writes
/// these three signals first, in `signals`, which has room for those before the prices.
/// @dev A batch runs through this once for each vault. So a refusal reverts by `if`, where `require` would compute the
/// arguments of an error that is not thrown.
library Rebalances {
    // --- what rebalances share ---

    function loadPrices(Common memory common, IPriceOracle oracle, uint32 round, uint40 deadline) internal view {
        require(block.timestamp <= deadline, IRebalanceHub.DeadlinePassed(deadline));
        (common.round, common.deadline) = (round, deadline);
        (common.feedSet, common.timestamp, common.priceWords) = oracle.snapshot(round);
    }

    /// @notice Load a mandate, and check that it allows the prices. A round may be used for `grace`, whether or not there are
    /// newer ones: strangers' rounds shut nobody out, and nobody looks back further for a better price.
    function loadMandate(Common memory common, MandateShelf storage shelf, uint32 number) internal view {
        IRebalanceHub.Mandate memory mandate = common.mandate;
        Mandates.load(shelf, number, mandate);
        common.mandateNumber = number;
        require(common.feedSet == mandate.feedSet, IRebalanceHub.WrongFeedSet(common.feedSet, mandate.feedSet));
        uint256 age = block.timestamp - common.timestamp;
        require(age <= mandate.grace, IRebalanceHub.RoundTooOld(common.timestamp, mandate.grace));
    }

    // --- one rebalance ---

    /// @notice Revert unless the vault may rebalance now at these prices.
    /// @param head where it starts.
    function start(
        Common memory common,
        Step memory step,
        mapping(bytes32 vaultId => Vault) storage vaults,
        VaultHead head
    ) internal view {
        (step.head, step.flow, step.writeDown) = (head, 0, 0);
        if (!head.isPlain()) _readMarks(common, step, vaults[step.vaultId], head);
        unchecked {
            (uint256 timestamp, uint256 last) = (common.timestamp, head.snapshotTimestamp());
            if (timestamp < last) revert IRebalanceHub.RoundBeforeLast(uint40(timestamp), uint40(last));
            uint256 possibleFrom = last + common.mandate.minInterval;
            if (timestamp < possibleFrom && head.sequence() != 0) {
                revert IRebalanceHub.RoundTooEarly(uint40(timestamp), uint40(possibleFrom));
            }
        }
    }

    /// @dev What the head's marks say, with the slots beside it.
    function _readMarks(Common memory common, Step memory step, Vault storage vault, VaultHead head) private view {
        require(!head.isWoundDown(), IRebalanceHub.WrongStatus(IRebalanceHub.Status.WindDown));
        require(!Vaults.isPaused(vault, head), IRebalanceHub.WrongStatus(IRebalanceHub.Status.Paused));
        step.writeDown = WriteDowns.due(vault.writeDown, head);
        step.flow = Vaults.pendingFlowOf(vault, head);
        if (head.areFeedsChanged()) {
            (uint40 timestamp, uint40 roundsAfter) = (common.timestamp, vault.roundsAfter);
            require(timestamp > roundsAfter, IRebalanceHub.RoundBeforeLast(timestamp, roundsAfter));
        }
    }

    /// @notice Take out of the buckets what the rebalance names, and make the head after it. The first one names no gain and
    /// no loss: the empty book earns and costs nothing.
    function use(Common memory common, Step memory step, uint256[7] memory signals) internal pure {
        VaultHead head = step.head;
        Allowances named = Allowances.wrap(signals[Signals.ALLOWANCES]);
        uint256 writeDown = named.writeDown();
        if (writeDown != step.writeDown) revert IRebalanceHub.WriteDownMismatch(writeDown, step.writeDown);
        uint256 sequence = head.sequence();
        if (sequence == 0) {
            if (named.gain() != 0) revert IRebalanceHub.AllowanceTooLarge(Buckets.GAIN, named.gain(), 0);
            if (named.loss() != 0) revert IRebalanceHub.AllowanceTooLarge(Buckets.LOSS, named.loss(), 0);
        }
        assert(sequence < type(uint24).max);
        unchecked {
            uint256 timestamp = common.timestamp;
            uint256 elapsed = timestamp - head.snapshotTimestamp(); // `start` has compared them
            IRebalanceHub.Mandate memory mandate = common.mandate;
            uint256 levels = VaultHeads.packLevels(
                Buckets.take(Buckets.GAIN, mandate.gain, head.gainLevel(), elapsed, named.gain()),
                Buckets.take(Buckets.LOSS, mandate.loss, head.lossLevel(), elapsed, named.loss()),
                Buckets.take(Buckets.TURNOVER, mandate.turnover, head.turnoverLevel(), elapsed, named.turnover())
            );
            step.headAfter = head.setRebalance(sequence + 1, signals[Signals.NAV_FLOOR], timestamp, levels);
        }
    }

    /// @notice The levels at a time that is not before the last snapshot's.
    function levelsAt(IRebalanceHub.Mandate memory mandate, VaultHead head, uint256 timestamp)
        internal
        pure
        returns (uint256 gain, uint256 loss, uint256 turnover)
    {
        unchecked {
            uint256 elapsed = timestamp - head.snapshotTimestamp();
            gain = Buckets.filled(mandate.gain, head.gainLevel(), elapsed);
            loss = Buckets.filled(mandate.loss, head.lossLevel(), elapsed);
            turnover = Buckets.filled(mandate.turnover, head.turnoverLevel(), elapsed);
        }
    }

    /// @notice The summary after `use`.
    function summaryOf(Common memory common, Step memory step, uint256[7] memory signals)
        internal
        pure
        returns (Summary)
    {
        Allowances allowances = Allowances.wrap(signals[Signals.ALLOWANCES]);
        return SummaryWord.pack(common.round, step.headAfter.sequence(), signals[Signals.NAV_FLOOR], allowances);
    }

    /// @notice Write the new state.
    /// @param summary of what `use` has checked: `summaryOf` packs the same.
    function finish(
        Step memory step,
        Summary summary,
        uint256 commitmentAfter,
        Book storage book,
        mapping(bytes32 vaultId => Vault) storage vaults
    ) internal {
        (bytes32 vaultId, VaultHead head) = (step.vaultId, step.headAfter);
        emit IRebalanceHub.Rebalanced(vaultId, commitmentAfter, step.flow, summary);
        if (step.writeDown != 0) WriteDowns.use(vaults[vaultId].writeDown, head.sequence());
        (book.head, book.commitment) = (head, commitmentAfter);
    }

    // --- signals ---

    /// @notice All public signals, with these of the prover. The first seven are `named` too.
    function signalsOf(
        Common memory common,
        Step memory step,
        uint256 commitment,
        uint256 commitmentAfter,
        uint256 navFloor,
        Allowances allowances
    ) internal view returns (uint256[] memory signals, uint256[7] memory named) {
        uint256[] memory priceWords = common.priceWords;
        signals = new uint256[](Signals.PRICES + priceWords.length);
        assembly ("memory-safe") {
            named := add(signals, 32)
            mcopy(add(signals, 256), add(priceWords, 32), mul(mload(priceWords), 32))
        }
        (named[Signals.COMMITMENT_AFTER], named[Signals.NAV_FLOOR]) = (commitmentAfter, navFloor);
        named[Signals.ALLOWANCES] = Allowances.unwrap(allowances);
        fill(common, step, named, commitment);
    }

    /// @notice Write the signals that the hub knows, up to the prices.
    function fill(Common memory common, Step memory step, uint256[7] memory signals, uint256 commitment) internal view {
        signals[Signals.COMMITMENT_BEFORE] = commitment;
        signals[Signals.POLICY_HASH] = common.mandate.policyHash;
        signals[Signals.FLOW] = Signals.encodeFlow(step.flow);
        signals[Signals.CONTEXT] = context(step.vaultId, step.operator, step.head, common.round, common.deadline);
    }

    /// @notice keccak256(abi.encode(chain id, hub, vaultId, sequence, mandateVersion, round, operator, deadline)), reduced.
    function context(bytes32 vaultId, address operator, VaultHead head, uint256 round, uint256 deadline)
        internal
        view
        returns (uint256 context_)
    {
        (uint256 sequence, uint256 mandateVersion, uint256 field) =
            (head.sequence(), head.mandateVersion(), Signals.FIELD);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, chainid())
            mstore(add(free, 32), address())
            mstore(add(free, 64), vaultId)
            mstore(add(free, 96), add(sequence, 1)) // the sequence after the rebalance
            mstore(add(free, 128), mandateVersion)
            mstore(add(free, 160), round)
            mstore(add(free, 192), operator)
            mstore(add(free, 224), deadline)
            context_ := mod(keccak256(free, 256), field)
        }
    }

    function requireInField(uint256[] calldata signals, uint256 count) internal pure {
        require(signals.length == count, IRebalanceHub.WrongSignalCount(signals.length, count));
        for (uint256 i; i < count; ++i) {
            require(signals[i] < Signals.FIELD, IRebalanceHub.SignalNotInField(i));
        }
    }

    /// @notice Compare a prover's signals with the hub's own.
    /// @dev Compares the context last: the error for a proof of another round or sequence names its commitment, flow or
    /// prices if one of them is wrong.
    function requireOwn(uint256[] calldata given, uint256[] memory own) internal pure {
        (uint256 theirs, uint256 ours) = _both(given, own, Signals.COMMITMENT_BEFORE);
        require(theirs == ours, IRebalanceHub.CommitmentMismatch(theirs, ours));
        (theirs, ours) = _both(given, own, Signals.POLICY_HASH);
        require(theirs == ours, IRebalanceHub.PolicyMismatch(theirs, ours));
        (theirs, ours) = _both(given, own, Signals.FLOW);
        require(theirs == ours, IRebalanceHub.FlowMismatch(theirs, ours));
        (theirs, ours) = _both(given, own, Signals.NAV_FLOOR);
        require(theirs < Signals.NAV_FLOOR_BOUND, IRebalanceHub.NavFloorOutOfRange(theirs));
        for (uint256 i = Signals.PRICES; i < own.length; ++i) {
            (theirs, ours) = _both(given, own, i);
            require(theirs == ours, IRebalanceHub.PriceMismatch(i - Signals.PRICES, theirs, ours));
        }
        (theirs, ours) = _both(given, own, Signals.CONTEXT);
        require(theirs == ours, IRebalanceHub.ContextMismatch(theirs, ours));
    }

    function _both(uint256[] calldata given, uint256[] memory own, uint256 i) private pure returns (uint256, uint256) {
        return (given[i], own[i]);
    }

    function requireVerdict(Groth16.Verdict verdict) internal pure {
        require(verdict != Groth16.Verdict.Failed, IRebalanceHub.VerifierFailed());
        require(verdict == Groth16.Verdict.Valid, IRebalanceHub.ProofRejected());
    }
}
