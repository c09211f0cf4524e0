// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A rollup's sequencer-uptime feed as Chainlink describes it
/// @notice Answers 0 for up and 1 for down; `startedAt` is when that changed last, 0 while there is no valid round.
contract SequencerFeed {
    uint80 private round;
    int256 private status;
    uint256 private changedAt;

    function change(int256 status_, uint256 at_) external {
        (status, changedAt) = (status_, at_);
        ++round;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (round, status, changedAt, block.timestamp, round);
    }
}
