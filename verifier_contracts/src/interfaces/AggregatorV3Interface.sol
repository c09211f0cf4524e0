// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The price feed interface of Chainlink
/// @notice Declared here, function for function, because the package it comes in brings hundreds of others.
interface AggregatorV3Interface {
    function decimals() external view returns (uint8);

    function description() external view returns (string memory);

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
