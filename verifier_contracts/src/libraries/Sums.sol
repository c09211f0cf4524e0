// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// All orders under one id, and the node of their group, in one word: a new group takes one storage slot.
struct Group {
    /// Sum of the amounts of the last `n & -n` groups up to and with this one, number `n`. 2^32 amounts of 128 bits fit.
    uint184 sum;
    uint32 id;
    /// When the first of them was made.
    uint40 time;
}

/// Amounts of a row of groups, counted from 1, whose sums up to any group are quick to read and to change (a Fenwick tree).
struct Sums {
    mapping(uint256 number => Group) groups;
}

/// @title Sums over groups, in steps that grow with the logarithm of their number
/// @notice A plain running sum cannot give back what is cancelled in a group before the last without touching all later
/// ones, and strangers can make as many of them as they like.
library SumsOfGroups {
    /// @notice Start another group, the one after all others, now and with this amount.
    function append(Sums storage self, uint256 group, uint32 id, uint128 amount) internal {
        uint184 sum = amount;
        // The nodes below this one, of which it is the sum too.
        for (uint256 step = 1; group & step == 0; step <<= 1) {
            sum += self.groups[group - step].sum;
        }
        self.groups[group] = Group(sum, id, uint40(block.timestamp));
    }

    /// @notice Add to the last group.
    function increaseLast(Sums storage self, uint256 group, uint128 amount) internal {
        self.groups[group].sum += amount;
    }

    /// @notice Take from a group, of `count`.
    function decrease(Sums storage self, uint256 group, uint256 count, uint128 amount) internal {
        for (; group <= count; group += group & (~group + 1)) {
            self.groups[group].sum -= amount;
        }
    }

    /// @notice Sum of the groups up to and with this one.
    function upTo(Sums storage self, uint256 group) internal view returns (uint256 sum) {
        for (; group != 0; group &= group - 1) {
            sum += self.groups[group].sum;
        }
    }

    /// @notice Sum of the groups after `low` up to and with `high`. The nodes that both sums have in common are not read.
    function between(Sums storage self, uint256 low, uint256 high) internal view returns (uint256 sum) {
        for (; high > low; high &= high - 1) {
            sum += self.groups[high].sum;
        }
        for (; low > high; low &= low - 1) {
            sum -= self.groups[low].sum;
        }
    }

    /// @notice The first of `count` groups whose sum up to and with it is more than `sum`; `count` + 1 if there is none.
    function firstAbove(Sums storage self, uint256 count, uint256 sum) internal view returns (uint256 group) {
        uint256 step = 1;
        while (step <= count >> 1) step <<= 1;
        for (; step != 0; step >>= 1) {
            if (group + step > count) continue;
            uint256 node = self.groups[group + step].sum;
            if (node <= sum) {
                group += step;
                sum -= node;
            }
        }
        return group + 1;
    }
}
