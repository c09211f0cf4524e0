// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";

/// @title Buckets: what rebalances may use of a limit over time
/// @notice A bucket fills at a rate up to its cap; what a rebalance names is taken out. Whatever the number of rebalances,
/// they take at most cap + rate × time. Filling rounds down, so many small steps fill less than one large one.
library Buckets {
    uint256 internal constant GAIN = 0;
    uint256 internal constant LOSS = 1;
    uint256 internal constant TURNOVER = 2;

    /// @notice The level after these seconds (at most 40 bits).
    function filled(IRebalanceHub.Bucket memory bucket, uint256 level, uint256 elapsed)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            level += bucket.ratePerDay * elapsed / 1 days; // 30 bits, and 32 times 40
            return level < bucket.cap ? level : bucket.cap;
        }
    }

    /// @notice The level after these seconds, and after a rebalance that names this: a multiple of the step, and no more than
    /// there is.
    /// @param which bucket this is, for the error.
    function take(uint256 which, IRebalanceHub.Bucket memory bucket, uint256 level, uint256 elapsed, uint256 named)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            level += bucket.ratePerDay * elapsed / 1 days; // as in `filled`
            uint256 cap = bucket.cap;
            if (level > cap) level = cap;
            if (named == 0) return level;
            if (named > level) revert IRebalanceHub.AllowanceTooLarge(which, named, level);
            if (named % bucket.step != 0) revert IRebalanceHub.AllowanceNotInSteps(which, named, bucket.step);
            return level - named;
        }
    }

    /// @notice The level after a change of mandate: cut to the new cap, never raised.
    function cut(IRebalanceHub.Bucket memory bucket, uint256 level) internal pure returns (uint256) {
        return level < bucket.cap ? level : bucket.cap;
    }
}
