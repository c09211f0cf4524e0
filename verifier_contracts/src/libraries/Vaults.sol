// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";
import {VaultHead} from "./VaultHead.sol";

/// What a rebalance writes. The hub keeps it under the operator's address.
struct Book {
    uint256 commitment;
    VaultHead head;
}

/// A write-down. All times are Unix seconds.
struct StoredWriteDown {
    /// Meaningful while the head's mark is set.
    uint32 navSteps;
    uint40 usableFrom;
    uint40 lapsesAt;
    uint40 nextFrom;
    /// What the operator had announced alone and had not faded yet, at `aloneAt`.
    uint32 alonePpm;
    uint40 aloneAt;
    /// Sequence of the last rebalance that carried one.
    uint24 lastSequence;
}

/// What a plain rebalance does not read.
struct Vault {
    address opener;
    uint32 looseningDelay;
    address operator;
    /// The mandate's version after the last move that did not only tighten.
    uint32 loosenedVersion;
    address guardian;
    /// 0 if there is none.
    address proposedOperator;
    uint40 operatorFrom;
    /// Meaningful while the head's mark is set, as the next one.
    uint40 roundsAfter;
    int64 pendingFlow;
    /// Time of the last flow, and the vault's sequence then: the next proof is the one that states it.
    uint40 flowAt;
    uint24 flowSequence;
    /// Whether the proof of that sequence stated a flow of after its round.
    bool isFlowLate;
    uint40 pausedUntil;
    /// The proposed mandate; `proposalFrom` is 0 if there is none.
    uint32 proposal;
    uint40 proposalFrom;
    bool isRepair;
    StoredWriteDown writeDown;
}

/// @title What the stored parts of a vault say together
library Vaults {
    /// @notice The status by the data (`docs/states.md`): nobody sets it, so nothing but a rebalance ends staleness.
    function status(Vault storage vault, VaultHead head, uint256 maxProofAge)
        internal
        view
        returns (IRebalanceHub.Status)
    {
        if (head.isWoundDown()) return IRebalanceHub.Status.WindDown;
        if (isPaused(vault, head)) return IRebalanceHub.Status.Paused;
        bool stale = block.timestamp > head.snapshotTimestamp() + maxProofAge;
        return stale ? IRebalanceHub.Status.Stale : IRebalanceHub.Status.Active;
    }

    function isPaused(Vault storage vault, VaultHead head) internal view returns (bool) {
        return head.isPauseCalled() && block.timestamp <= vault.pausedUntil;
    }

    function pendingFlowOf(Vault storage vault, VaultHead head) internal view returns (int64) {
        return head.isFlowPending() ? vault.pendingFlow : int64(0);
    }

    /// @notice Note that a flow is recorded now.
    function noteFlow(Vault storage vault, VaultHead head) internal {
        uint24 sequence = head.sequence();
        if (vault.flowSequence != sequence) {
            vault.isFlowLate = isFlowLate(vault, head);
            vault.flowSequence = sequence;
        }
        vault.flowAt = uint40(block.timestamp);
    }

    /// @notice Whether the last proof stated a flow that was recorded after the second of its round: then the book of that proof is
    /// not what anybody held in that second.
    function isFlowLate(Vault storage vault, VaultHead head) internal view returns (bool) {
        (uint256 last, uint256 flowed) = (head.sequence(), vault.flowSequence);
        if (flowed == last) return vault.isFlowLate; // a flow since that proof, which looked back at those before
        return flowed + 1 == last && vault.flowAt > head.snapshotTimestamp();
    }

    /// @notice When the public may wind a vault down: two periods without a proof, and half a period after a pause, so that
    /// no guardian can end a vault alone.
    function publicWindDownFrom(Vault storage vault, VaultHead head, uint256 maxProofAge)
        internal
        view
        returns (uint40)
    {
        uint256 from = head.snapshotTimestamp() + 2 * maxProofAge;
        uint256 afterPause = vault.pausedUntil + maxProofAge / 2;
        return uint40((from < afterPause ? afterPause : from) + 1);
    }
}
