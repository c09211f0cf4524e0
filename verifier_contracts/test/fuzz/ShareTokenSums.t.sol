// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Sums, SumsOfGroups} from "../../src/libraries/Sums.sol";
import {Base} from "../Base.sol";

/// Sums over groups, against a list that is added up.
contract ShareTokenSumsTest is Base {
    using SumsOfGroups for Sums;

    Sums private sums;
    uint256[] private list;

    /// forge-config: default.fuzz.runs = 200
    function testFuzz_sumsAreThoseOfAList(uint256 random) public {
        for (uint256 i; i < 60; ++i) {
            random = uint256(keccak256(abi.encode(random)));
            uint256 amount = (random >> 8) % 1_000;
            uint256 action = random % 3;
            if (list.length == 0 || action == 0) {
                list.push(amount);
                sums.append(list.length, uint32(list.length), uint128(amount));
            } else if (action == 1) {
                list[list.length - 1] += amount;
                sums.increaseLast(list.length, uint128(amount));
            } else {
                uint256 group = (random >> 32) % list.length;
                amount = amount < list[group] ? amount : list[group];
                list[group] -= amount;
                sums.decrease(group + 1, list.length, uint128(amount));
            }
        }
        uint256 sum;
        for (uint256 i; i < list.length; ++i) {
            vm.assertEq(sums.groups[i + 1].id, i + 1);
            vm.assertEq(sums.upTo(i), sum);
            uint256 before = sum;
            sum += list[i];
            if (list[i] == 0) continue;
            vm.assertEq(sums.firstAbove(list.length, before), i + 1);
            vm.assertEq(sums.firstAbove(list.length, sum - 1), i + 1);
        }
        vm.assertEq(sums.upTo(list.length), sum);
        for (uint256 low; low <= list.length; ++low) {
            vm.assertEq(sums.between(low, list.length), sum - sums.upTo(low));
            vm.assertEq(sums.between(low / 2, low), sums.upTo(low) - sums.upTo(low / 2));
        }
        vm.assertEq(sums.firstAbove(list.length, sum), list.length + 1);
    }
}
