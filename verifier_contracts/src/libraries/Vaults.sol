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
    address guardian;
    /// 0 if there is none.
    address proposedOperator;
    uint40 operatorFrom;
    /// Meaningful while the head's mark is set, as the next one.
    int64 pendingFlow;
    uint40 roundsAfter;
    uint40 pausedUntil;
    /// The proposed mandate; `proposalFrom` is 0 if there is none.
    uint32 proposal;
    uint40 proposalFrom;
    bool isRepair;
    /// The mandate's version after the last move that did not only tighten.
    uint32 loosenedVersion;
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
