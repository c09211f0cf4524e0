// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Snapshots of the prices of a book's slots
/// @notice A snapshot never changes once taken. Rounds count up from 1, and a later round has a later timestamp.
interface IPriceOracle {
    /// @notice There is no snapshot of this round.
    error UnknownRound(uint64 round);

    /// @notice A snapshot was taken.
    event SnapshotTaken(uint64 indexed round, uint64 timestamp, uint256[] words);

    /// @notice The newest round; 0 if there is none yet.
    function latestRound() external view returns (uint64);

    /// @notice The snapshot of a round. Reverts with `UnknownRound` if there is none.
    /// @return timestamp when it was taken, in seconds.
    /// @return words the prices (USD 1e-8, 48 bits each), five to a word, lowest slot in the lowest bits.
    function snapshot(uint64 round) external view returns (uint64 timestamp, uint256[] memory words);
}
