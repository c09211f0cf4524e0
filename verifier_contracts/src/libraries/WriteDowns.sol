// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";
import {AllowancesWord} from "./Allowances.sol";
import {Signals} from "./Signals.sol";
import {VaultHead} from "./VaultHead.sol";
import {StoredWriteDown} from "./Vaults.sol";

/// @title Losses that no bucket covers, announced for the next rebalance
/// @notice A rule that an honest operator cannot obey on a bad day would make them lie. So a loss can be proven, but not
/// hidden and not at once without a second pair of eyes: above a small part of the NAV it waits.
library WriteDowns {
    /// What an operator announces alone is counted over this time.
    uint256 internal constant ALONE_PERIOD = 30 days;

    /// @notice Announce one; the caller sets the head's mark.
    function announce(
        StoredWriteDown storage w,
        VaultHead head,
        uint32 navSteps,
        uint256 writeDownPpm,
        uint256 maxProofAge
    ) internal returns (uint40 usableFrom, uint40 lapsesAt) {
        require(navSteps != 0 && navSteps < AllowancesWord.FIELD_BOUND, IRebalanceHub.WriteDownOutOfRange(navSteps));
        require(block.timestamp >= w.nextFrom, IRebalanceHub.TooEarly(w.nextFrom));
        uint256 used = _usedAlone(w, writeDownPpm);
        uint256 navFloor = head.navFloor();
        // Rounded up. Without a settled NAV no part of it is small.
        uint256 part = navFloor == 0 ? type(uint256).max : (navSteps * Signals.PPM + navFloor - 1) / navFloor;

        usableFrom = uint40(block.timestamp);
        if (used <= writeDownPpm && part <= writeDownPpm - used) {
            (w.alonePpm, w.aloneAt) = (uint32(used + part), usableFrom);
        } else {
            usableFrom += uint40(maxProofAge / 2);
        }
        w.navSteps = navSteps;
        lapsesAt = _set(w, usableFrom, maxProofAge);
    }

    /// @notice Let one be used now that waits.
    function approve(StoredWriteDown storage w, uint256 maxProofAge) internal returns (uint40 lapsesAt) {
        lapsesAt = _set(w, uint40(block.timestamp), maxProofAge);
    }

    /// @notice After a withdrawal no other can be announced for half a period.
    function withdraw(StoredWriteDown storage w, uint256 maxProofAge) internal {
        w.nextFrom = uint40(block.timestamp + maxProofAge / 2);
    }

    /// @notice A rebalance has carried it: another may follow.
    function use(StoredWriteDown storage w, uint24 sequence) internal {
        (w.lastSequence, w.nextFrom) = (sequence, 0);
    }

    function isOpen(StoredWriteDown storage w, VaultHead head) internal view returns (bool) {
        return head.isWriteDownOpen() && block.timestamp < w.lapsesAt;
    }

    /// @notice The NAV steps that a rebalance must name now; 0 if none is open.
    function due(StoredWriteDown storage w, VaultHead head) internal view returns (uint256) {
        if (!isOpen(w, head)) return 0;
        require(block.timestamp >= w.usableFrom, IRebalanceHub.WriteDownWaits(w.usableFrom));
        return w.navSteps;
    }

    function viewOf(StoredWriteDown storage w, VaultHead head, uint256 writeDownPpm)
        internal
        view
        returns (IRebalanceHub.WriteDown memory shown)
    {
        if (isOpen(w, head)) {
            (shown.navSteps, shown.usableFrom, shown.lapsesAt) = (w.navSteps, w.usableFrom, w.lapsesAt);
        }
        shown.nextFrom = w.nextFrom;
        uint256 used = _usedAlone(w, writeDownPpm);
        if (used < writeDownPpm) shown.alonePpm = uint32(writeDownPpm - used);
    }

    /// @dev It lapses half a period after it became usable, and then none can be announced for as long again.
    function _set(StoredWriteDown storage w, uint40 usableFrom, uint256 maxProofAge) private returns (uint40 lapsesAt) {
        uint40 half = uint40(maxProofAge / 2);
        lapsesAt = usableFrom + half;
        (w.usableFrom, w.lapsesAt, w.nextFrom) = (usableFrom, lapsesAt, lapsesAt + half);
    }

    /// @dev What was announced alone and has not faded yet: linearly by `writeDownPpm` in the period, rounded up.
    function _usedAlone(StoredWriteDown storage w, uint256 writeDownPpm) private view returns (uint256) {
        uint256 faded = writeDownPpm * (block.timestamp - w.aloneAt) / ALONE_PERIOD;
        uint256 used = w.alonePpm;
        return used < faded ? 0 : used - faded;
    }
}
