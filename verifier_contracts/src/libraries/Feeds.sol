// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "../interfaces/AggregatorV3Interface.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";

/// @title Calls to untrusted price feeds
/// @notice Whatever a feed does, the answer is either a well-formed value or `ok = false`: the caller reverts neither with
/// the feed nor over an answer that it cannot decode. The calls are static, so a feed cannot change anything either.
/// @dev The library copies an answer up to its expected size only, so a feed that returns a lot costs the caller no memory.
library Feeds {
    /// Gas that a feed may use for an answer. Chainlink's proxies use about 20,000, adapters over two feeds about 60,000.
    uint256 internal constant ANSWER_GAS = 200_000;
    /// What must be left before the call, so that the feed gets `ANSWER_GAS`: a call passes on at most 63 parts in 64 of what
    /// is left after its own cost.
    uint256 private constant GAS_BEFORE_ANSWER = ANSWER_GAS * 64 / 63 + 10_000;

    struct Round {
        uint256 roundId;
        int256 answer;
        uint256 startedAt;
        uint256 updatedAt;
        uint256 answeredInRound;
    }

    /// @notice The latest round of a feed, if it answers with one: exactly five words, the two round ids in their range,
    /// and the answer not carried over from an earlier round.
    /// @dev Chainlink documents `answeredInRound` as deprecated: it dates from feeds whose answers could take several
    /// rounds, and today's feeds return the round itself. An old aggregator carries the last answer into a round that timed
    /// out, with a fresh `updatedAt`; only this field shows that. `updatedAt` shows whether there is a round, `roundId`
    /// does not: adapters of feeds without rounds return 0 for both ids.
    ///
    /// The limit of gas keeps one feed from using up the call in which another is repaired. The check before it keeps a caller
    /// from making a good feed fail by sending little gas.
    function latestRound(AggregatorV3Interface feed) internal view returns (bool ok, Round memory round) {
        require(gasleft() >= GAS_BEFORE_ANSWER, IPriceOracle.NotEnoughGas());
        bytes4 selector = AggregatorV3Interface.latestRoundData.selector;
        uint256 limit = ANSWER_GAS;
        assembly ("memory-safe") {
            mstore(0, selector)
            ok := staticcall(limit, feed, 0, 4, round, 160)
            ok := and(ok, eq(returndatasize(), 160))
        }
        ok = ok && round.roundId <= round.answeredInRound && round.answeredInRound <= type(uint80).max;
    }

    /// @notice The decimals of a feed, if it answers with exactly one word that holds a `uint8`.
    function decimals(AggregatorV3Interface feed) internal view returns (bool ok, uint8) {
        bytes4 selector = AggregatorV3Interface.decimals.selector;
        uint256 word;
        assembly ("memory-safe") {
            mstore(0, selector)
            ok := staticcall(gas(), feed, 0, 4, 0, 32)
            ok := and(ok, eq(returndatasize(), 32))
            word := mload(0)
        }
        return (ok && word <= type(uint8).max, uint8(word));
    }
}
