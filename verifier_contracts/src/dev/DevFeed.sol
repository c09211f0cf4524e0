// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "../interfaces/AggregatorV3Interface.sol";

/// @title A price feed for development
/// @notice Its owner sets price and time, and no share holder should have to believe an owner: it can only be deployed on a
/// local development chain. Until its first answer it returns zeros.
contract DevFeed is AggregatorV3Interface {
    error NotDevelopmentChain(uint256 chainId);
    error NotOwner(address caller);

    address public immutable owner;
    /// @inheritdoc AggregatorV3Interface
    uint8 public immutable decimals;
    /// @inheritdoc AggregatorV3Interface
    string public description;

    int256 private answer;
    uint80 private round;
    uint40 private answeredAt;

    constructor(uint8 decimals_, string memory description_) {
        require(block.chainid == 31337 || block.chainid == 1337, NotDevelopmentChain(block.chainid));
        owner = msg.sender;
        (decimals, description) = (decimals_, description_);
    }

    /// @notice Set the answer, in a new round that started and ended at this time (Unix seconds). Only the owner may call
    /// this.
    function post(int256 newAnswer, uint40 timestamp) external {
        require(msg.sender == owner, NotOwner(msg.sender));
        (answer, answeredAt) = (newAnswer, timestamp);
        ++round;
    }

    /// @inheritdoc AggregatorV3Interface
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (round, answer, answeredAt, answeredAt, round);
    }
}
