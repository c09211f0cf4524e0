// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";

/// What the hub stores of a vault beside the commitment, in one word. From the lowest bit:
///
/// | bits | field             |                                                                             |
/// | ---: | ----------------- | --------------------------------------------------------------------------- |
/// |   24 | sequence          | enough for one rebalance every twelve seconds for six years                 |
/// |   48 | navFloor          |                                                                             |
/// |   32 | snapshotTimestamp | enough until the year 2106                                                  |
/// |   32 | round             |                                                                             |
/// |   64 | pendingFlow       | two's complement                                                            |
/// |   16 | mandateVersion    | at least 1 in a vault that exists                                           |
/// |   32 | mandate           |                                                                             |
/// |    8 | marked            | the status on record; time makes a vault stale too (`IRebalanceHub.status`) |
type VaultHead is uint256;

using VaultHeads for VaultHead global;

/// @title Getters and setters of a vault's head
/// @notice A setter returns the changed word. Its caller passes values that fit their fields.
library VaultHeads {
    uint256 private constant NAV_FLOOR = 24;
    uint256 private constant SNAPSHOT_TIMESTAMP = 72;
    uint256 private constant ROUND = 104;
    uint256 private constant PENDING_FLOW = 136;
    uint256 private constant MANDATE_VERSION = 200;
    uint256 private constant MANDATE = 216;
    uint256 private constant MARKED = 248;

    /// Mandate version, mandate and status: a rebalance leaves them.
    uint256 private constant KEPT_BY_A_REBALANCE = type(uint256).max << MANDATE_VERSION;
    uint256 private constant PENDING_FLOW_MASK = uint256(type(uint64).max) << PENDING_FLOW;
    uint256 private constant MANDATE_AND_VERSION_MASK = uint256(type(uint48).max) << MANDATE_VERSION;
    uint256 private constant MARKED_MASK = uint256(type(uint8).max) << MARKED;

    /// @notice The head of a new vault, before its first mandate.
    function opened(uint32 timestamp) internal pure returns (VaultHead) {
        return VaultHead.wrap(uint256(timestamp) << SNAPSHOT_TIMESTAMP);
    }

    // --- getters ---

    function sequence(VaultHead head) internal pure returns (uint24) {
        return uint24(VaultHead.unwrap(head));
    }

    function navFloor(VaultHead head) internal pure returns (uint48) {
        return uint48(VaultHead.unwrap(head) >> NAV_FLOOR);
    }

    function snapshotTimestamp(VaultHead head) internal pure returns (uint32) {
        return uint32(VaultHead.unwrap(head) >> SNAPSHOT_TIMESTAMP);
    }

    function round(VaultHead head) internal pure returns (uint32) {
        return uint32(VaultHead.unwrap(head) >> ROUND);
    }

    function pendingFlow(VaultHead head) internal pure returns (int64) {
        return int64(uint64(VaultHead.unwrap(head) >> PENDING_FLOW));
    }

    function mandateVersion(VaultHead head) internal pure returns (uint16) {
        return uint16(VaultHead.unwrap(head) >> MANDATE_VERSION);
    }

    function mandate(VaultHead head) internal pure returns (uint32) {
        return uint32(VaultHead.unwrap(head) >> MANDATE);
    }

    function marked(VaultHead head) internal pure returns (IRebalanceHub.Status) {
        return IRebalanceHub.Status(VaultHead.unwrap(head) >> MARKED);
    }

    // --- setters ---

    /// @notice The head after a rebalance, with no flow pending.
    function setRebalance(VaultHead head, uint256 sequence_, uint256 navFloor_, uint256 timestamp, uint256 round_)
        internal
        pure
        returns (VaultHead)
    {
        uint256 kept = VaultHead.unwrap(head) & KEPT_BY_A_REBALANCE;
        uint256 set = round_ << ROUND | timestamp << SNAPSHOT_TIMESTAMP | navFloor_ << NAV_FLOOR | sequence_;
        return VaultHead.wrap(kept | set);
    }

    function setPendingFlow(VaultHead head, int64 flow) internal pure returns (VaultHead) {
        uint256 kept = VaultHead.unwrap(head) & ~PENDING_FLOW_MASK;
        return VaultHead.wrap(kept | uint256(uint64(flow)) << PENDING_FLOW);
    }

    function setMandate(VaultHead head, uint16 version, uint32 mandate_) internal pure returns (VaultHead) {
        uint256 kept = VaultHead.unwrap(head) & ~MANDATE_AND_VERSION_MASK;
        return VaultHead.wrap(kept | uint256(mandate_) << MANDATE | uint256(version) << MANDATE_VERSION);
    }

    function setMarked(VaultHead head, IRebalanceHub.Status status) internal pure returns (VaultHead) {
        uint256 kept = VaultHead.unwrap(head) & ~MARKED_MASK;
        return VaultHead.wrap(kept | uint256(status) << MARKED);
    }
}
