// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";

/// What a rebalance moves, apart from the commitment. One storage slot.
struct Position {
    /// Enough for one every twelve seconds for six years.
    uint24 sequence;
    uint48 navFloor;
    /// Enough until the year 2106.
    uint32 snapshotTimestamp;
    uint32 round;
    int64 pendingFlow;
    /// At least 1 in a vault that exists.
    uint16 version;
    uint32 mandate;
    /// The status that was put on record; staleness also comes with time (`IRebalanceHub.status`).
    IRebalanceHub.Status marked;
}

/// A position as the word that is stored.
type PackedPosition is uint256;

using Positions for PackedPosition global;

/// @title A position read and written in one go
/// @notice A rebalance moves most fields; Solidity would take them apart and put them together one by one. They lie in
/// the word as Solidity packs them: the first one lowest.
library Positions {
    /// Version, mandate and status: what a rebalance leaves as it is.
    uint256 private constant KEPT = type(uint256).max << 200;
    uint256 private constant MARKED = uint256(type(uint8).max) << 248;

    function load(Position storage from) internal view returns (PackedPosition position) {
        assembly ("memory-safe") {
            position := sload(from.slot)
        }
    }

    function store(Position storage to, PackedPosition position) internal {
        assembly ("memory-safe") {
            sstore(to.slot, position)
        }
    }

    function sequence(PackedPosition position) internal pure returns (uint24) {
        return uint24(PackedPosition.unwrap(position));
    }

    function snapshotTimestamp(PackedPosition position) internal pure returns (uint32) {
        return uint32(PackedPosition.unwrap(position) >> 72);
    }

    function pendingFlow(PackedPosition position) internal pure returns (int64) {
        return int64(uint64(PackedPosition.unwrap(position) >> 136));
    }

    function version(PackedPosition position) internal pure returns (uint16) {
        return uint16(PackedPosition.unwrap(position) >> 200);
    }

    function mandate(PackedPosition position) internal pure returns (uint32) {
        return uint32(PackedPosition.unwrap(position) >> 216);
    }

    function marked(PackedPosition position) internal pure returns (IRebalanceHub.Status) {
        return IRebalanceHub.Status(PackedPosition.unwrap(position) >> 248);
    }

    /// @notice The position after a rebalance, with no flow pending. Each value fits its field.
    function moved(PackedPosition position, uint256 sequence_, uint256 navFloor, uint256 timestamp, uint256 round)
        internal
        pure
        returns (PackedPosition)
    {
        uint256 kept = PackedPosition.unwrap(position) & KEPT;
        return PackedPosition.wrap(kept | round << 104 | timestamp << 72 | navFloor << 24 | sequence_);
    }

    /// @notice The position of a vault on whose record there is nothing.
    function unmarked(PackedPosition position) internal pure returns (PackedPosition) {
        return PackedPosition.wrap(PackedPosition.unwrap(position) & ~MARKED);
    }
}
