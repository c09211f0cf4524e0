// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What the hub stores of a vault beside the commitment, in one word. From the lowest bit:
///
/// | bits | field             |                                                                             |
/// | ---: | ----------------- | --------------------------------------------------------------------------- |
/// |   24 | sequence          | enough for one rebalance every twelve seconds for six years                 |
/// |   42 | navFloor          |                                                                             |
/// |   32 | snapshotTimestamp | enough until the year 2106                                                  |
/// | 3·30 | levels            | of the buckets of gain, loss and turnover at the last rebalance             |
/// |    4 | marks             | what waits for a rebalance, in a slot of its own: only then the hub reads it |
/// |    1 | ordersWait        | the share has orders to settle                                              |
/// |    1 | woundDown         | for good                                                                    |
/// |   32 | mandateVersion    | at least 1 in a vault that exists                                           |
/// |   30 | mandate           | the hub's number for it; nobody else sees it                                |
///
/// A rebalance writes all fields up to the marks, and clears those.
type VaultHead is uint256;

using VaultHeads for VaultHead global;

/// @title Getters and setters of a vault's head
/// @notice A setter returns the changed word. Its caller passes values that fit their fields.
library VaultHeads {
    uint256 private constant NAV_FLOOR = 24;
    uint256 private constant SNAPSHOT_TIMESTAMP = 66;
    uint256 private constant GAIN = 98;
    uint256 private constant LOSS = 128;
    uint256 private constant TURNOVER = 158;
    uint256 private constant MANDATE_VERSION = 194;
    uint256 private constant MANDATE = 226;

    uint256 private constant FLOW_PENDING = 1 << 188;
    uint256 private constant WRITE_DOWN_OPEN = 1 << 189;
    uint256 private constant FEEDS_CHANGED = 1 << 190;
    uint256 private constant PAUSE_CALLED = 1 << 191;
    uint256 private constant ORDERS_WAIT = 1 << 192;
    uint256 private constant WOUND_DOWN = 1 << 193;

    /// Anything that makes a rebalance more than a plain one.
    uint256 private constant MARKS = FLOW_PENDING | WRITE_DOWN_OPEN | FEEDS_CHANGED | PAUSE_CALLED | WOUND_DOWN;
    /// A rebalance leaves these.
    uint256 private constant KEPT_BY_A_REBALANCE = type(uint256).max << 192;
    uint256 private constant LEVEL = 2 ** 30 - 1;
    uint256 private constant LEVELS = (2 ** 90 - 1) << GAIN;
    uint256 private constant MANDATE_AND_VERSION = type(uint256).max << MANDATE_VERSION;

    /// @notice The head of a new vault, before its first mandate.
    function opened(uint256 timestamp) internal pure returns (VaultHead) {
        return VaultHead.wrap(timestamp << SNAPSHOT_TIMESTAMP | LEVELS);
    }

    // --- getters ---

    function sequence(VaultHead head) internal pure returns (uint24) {
        return uint24(VaultHead.unwrap(head));
    }

    function navFloor(VaultHead head) internal pure returns (uint48) {
        return uint48(VaultHead.unwrap(head) >> NAV_FLOOR & (2 ** 42 - 1));
    }

    function snapshotTimestamp(VaultHead head) internal pure returns (uint32) {
        return uint32(VaultHead.unwrap(head) >> SNAPSHOT_TIMESTAMP);
    }

    function gainLevel(VaultHead head) internal pure returns (uint256) {
        return VaultHead.unwrap(head) >> GAIN & LEVEL;
    }

    function lossLevel(VaultHead head) internal pure returns (uint256) {
        return VaultHead.unwrap(head) >> LOSS & LEVEL;
    }

    function turnoverLevel(VaultHead head) internal pure returns (uint256) {
        return VaultHead.unwrap(head) >> TURNOVER & LEVEL;
    }

    function mandateVersion(VaultHead head) internal pure returns (uint32) {
        return uint32(VaultHead.unwrap(head) >> MANDATE_VERSION);
    }

    function mandate(VaultHead head) internal pure returns (uint32) {
        return uint32(VaultHead.unwrap(head) >> MANDATE);
    }

    /// @notice Whether none of the marks is set, and the vault is not wound down.
    function isPlain(VaultHead head) internal pure returns (bool) {
        return VaultHead.unwrap(head) & MARKS == 0;
    }

    function isFlowPending(VaultHead head) internal pure returns (bool) {
        return VaultHead.unwrap(head) & FLOW_PENDING != 0;
    }

    /// @notice Whether a write-down was announced, and neither used nor withdrawn. It may have lapsed.
    function isWriteDownOpen(VaultHead head) internal pure returns (bool) {
        return VaultHead.unwrap(head) & WRITE_DOWN_OPEN != 0;
    }

    /// @notice Whether no rebalance has used a round since the opening or the last change of feeds.
    function areFeedsChanged(VaultHead head) internal pure returns (bool) {
        return VaultHead.unwrap(head) & FEEDS_CHANGED != 0;
    }

    /// @notice Whether a pause was called since the last rebalance. It may be over.
    function isPauseCalled(VaultHead head) internal pure returns (bool) {
        return VaultHead.unwrap(head) & PAUSE_CALLED != 0;
    }

    function doOrdersWait(VaultHead head) internal pure returns (bool) {
        return VaultHead.unwrap(head) & ORDERS_WAIT != 0;
    }

    function isWoundDown(VaultHead head) internal pure returns (bool) {
        return VaultHead.unwrap(head) & WOUND_DOWN != 0;
    }

    // --- setters ---

    /// @notice The head after a rebalance, without marks.
    /// @param levels_ as `packLevels` packs them.
    function setRebalance(VaultHead head, uint256 sequence_, uint256 navFloor_, uint256 timestamp, uint256 levels_)
        internal
        pure
        returns (VaultHead)
    {
        uint256 kept = VaultHead.unwrap(head) & KEPT_BY_A_REBALANCE;
        uint256 set = levels_ << GAIN | timestamp << SNAPSHOT_TIMESTAMP | navFloor_ << NAV_FLOOR | sequence_;
        return VaultHead.wrap(kept | set);
    }

    function setLevels(VaultHead head, uint256 levels_) internal pure returns (VaultHead) {
        return VaultHead.wrap(VaultHead.unwrap(head) & ~LEVELS | levels_ << GAIN);
    }

    function packLevels(uint256 gain, uint256 loss, uint256 turnover) internal pure returns (uint256) {
        return turnover << (TURNOVER - GAIN) | loss << (LOSS - GAIN) | gain;
    }

    function setMandate(VaultHead head, uint256 version, uint256 mandate_) internal pure returns (VaultHead) {
        uint256 kept = VaultHead.unwrap(head) & ~MANDATE_AND_VERSION;
        return VaultHead.wrap(kept | mandate_ << MANDATE | version << MANDATE_VERSION);
    }

    function setFlowPending(VaultHead head, bool on) internal pure returns (VaultHead) {
        return _set(head, FLOW_PENDING, on);
    }

    function setWriteDownOpen(VaultHead head, bool on) internal pure returns (VaultHead) {
        return _set(head, WRITE_DOWN_OPEN, on);
    }

    function setFeedsChanged(VaultHead head) internal pure returns (VaultHead) {
        return _set(head, FEEDS_CHANGED, true);
    }

    function setPauseCalled(VaultHead head) internal pure returns (VaultHead) {
        return _set(head, PAUSE_CALLED, true);
    }

    function setOrdersWait(VaultHead head, bool on) internal pure returns (VaultHead) {
        return _set(head, ORDERS_WAIT, on);
    }

    function setWoundDown(VaultHead head) internal pure returns (VaultHead) {
        return _set(head, WOUND_DOWN, true);
    }

    function _set(VaultHead head, uint256 flag, bool on) private pure returns (VaultHead) {
        uint256 word = VaultHead.unwrap(head);
        return VaultHead.wrap(on ? word | flag : word & ~flag);
    }
}
