// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";

/// What a snapshot holds, how it is numbered, and that it stays: OR-3 to OR-5.
contract OracleSnapshotsTest is OracleScene {
    function expectSnapshot(uint32 round, uint256 feedSet, uint256 timestamp, uint256[] memory words) private view {
        (uint32 givenSet, uint40 givenTimestamp, uint256[] memory givenWords) = oracle.snapshot(round);
        vm.assertEq(uint256(givenSet), feedSet);
        vm.assertEq(uint256(givenTimestamp), timestamp);
        vm.assertEq(abi.encode(givenWords), abi.encode(words));
    }

    /// Slot i costs (i + 1)·times dollars.
    function wordsOf(uint256 slots, uint256 priced, uint256 times) private pure returns (uint256[] memory words) {
        words = new uint256[]((slots + 4) / 5);
        for (uint256 i; i < priced; ++i) {
            words[i / 5] += (i + 1) * times * 1e8 * 2 ** (48 * (i % 5));
        }
    }

    function test_holdsThePricesOfEverySize() public {
        uint256[3] memory sizes = [uint256(8), 16, 32];
        for (uint32 i; i < 3; ++i) {
            uint32 feedSet = oracle.addFeedSet(setOf(sizes[i], sizes[i]));
            uint256[] memory words = wordsOf(sizes[i], sizes[i], 1);
            vm.expectEmit(address(oracle));
            emit IPriceOracle.SnapshotTaken(feedSet, i + 1, NOON, words);
            vm.assertEq(uint256(oracle.takeSnapshot(feedSet)), i + 1);
            expectSnapshot(i + 1, feedSet, NOON, words);
        }
    }

    function test_slotsWithoutAFeedHaveNoPrice() public {
        uint256[3] memory sizes = [uint256(8), 16, 32];
        for (uint32 i; i < 3; ++i) {
            uint32 feedSet = oracle.addFeedSet(setOf(sizes[i], 1));
            expectSnapshot(oracle.takeSnapshot(feedSet), feedSet, NOON, wordsOf(sizes[i], 1, 1));
        }
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        delete set.feeds[3];
        oracle.addFeedSet(set);
        uint32 round = oracle.takeSnapshot(4);
        for (uint256 i; i < 8; ++i) {
            vm.assertEq(priceAt(round, i), i == 3 ? 0 : (i + 1) * 1e8);
        }
    }

    /// Anyone may take one; rounds count over all sets, each set knows its own newest, and none changes another.
    function test_roundsCountOverAllSets() public {
        oracle.addFeedSet(setOf(8, 8));
        oracle.addFeedSet(setOf(16, 16));
        vm.assertEq(uint256(oracle.latestRound(1)), 0);
        vm.assertEq(uint256(oracle.takeSnapshot(1)), 1);
        vm.prank(address(1));
        vm.assertEq(uint256(oracle.takeSnapshot(2)), 2);
        vm.warp(NOON + 1);
        vm.assertEq(uint256(oracle.takeSnapshot(1)), 3);
        vm.assertEq(uint256(oracle.latestRound(1)), 3);
        vm.assertEq(uint256(oracle.latestRound(2)), 2);
        expectSnapshot(1, 1, NOON, wordsOf(8, 8, 1));
        expectSnapshot(2, 2, NOON, wordsOf(16, 16, 1));
        expectSnapshot(3, 1, NOON + 1, wordsOf(8, 8, 1));
    }

    function test_refusesTwoInOneSecond() public {
        oracle.addFeedSet(setOf(8, 8));
        oracle.addFeedSet(setOf(8, 8));
        oracle.takeSnapshot(1);
        refuseSnapshot(1, abi.encodeWithSelector(IPriceOracle.TwoSnapshotsInOneSecond.selector));
        oracle.takeSnapshot(2); // another set's second
        vm.warp(NOON + 1);
        oracle.takeSnapshot(1);
        vm.warp(NOON); // a clock gone back
        refuseSnapshot(1, abi.encodeWithSelector(IPriceOracle.TwoSnapshotsInOneSecond.selector));
    }

    function test_refusesUnknownRounds() public {
        oracle.addFeedSet(setOf(8, 8));
        oracle.takeSnapshot(1);
        uint32[3] memory unknown = [0, 2, type(uint32).max];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, unknown[i]));
            oracle.snapshot(unknown[i]);
        }
    }
}
