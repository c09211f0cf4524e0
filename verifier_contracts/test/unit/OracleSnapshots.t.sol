// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";

/// What a snapshot holds, how it is numbered, and that it stays: OR-3 to OR-5.
contract OracleSnapshotsTest is OracleScene {
    function expectSnapshot(uint32 round, bytes32 name, uint256 timestamp, uint256[] memory words) private view {
        (bytes32 givenSet, uint40 givenTimestamp, uint256[] memory givenWords) = oracle.snapshot(round);
        vm.assertEq(givenSet, name);
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
            add(setOf(sizes[i], sizes[i]));
            uint256[] memory words = wordsOf(sizes[i], sizes[i], 1);
            vm.expectEmit(address(oracle));
            emit IPriceOracle.SnapshotTaken(feedSet, i + 1, NOON, words);
            vm.assertEq(uint256(take()), i + 1);
            expectSnapshot(i + 1, feedSet, NOON, words);
        }
    }

    function test_slotsWithoutAFeedHaveNoPrice() public {
        uint256[3] memory sizes = [uint256(8), 16, 32];
        for (uint32 i; i < 3; ++i) {
            add(setOf(sizes[i], 1));
            expectSnapshot(take(), feedSet, NOON, wordsOf(sizes[i], 1, 1));
        }
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        delete set.feeds[3];
        add(set);
        uint32 round = take();
        for (uint256 i; i < 8; ++i) {
            vm.assertEq(priceAt(round, i), i == 3 ? 0 : (i + 1) * 1e8);
        }
    }

    /// Anyone may take one; rounds count over all sets, each set knows its own newest, and none changes another.
    function test_roundsCountOverAllSets() public {
        bytes32 first = add(setOf(8, 8));
        bytes32 second = oracle.addFeedSet(setOf(16, 16));
        vm.assertEq(uint256(oracle.latestRound(first)), 0);
        vm.assertEq(uint256(oracle.takeSnapshot(first)), 1);
        vm.prank(address(1));
        vm.assertEq(uint256(oracle.takeSnapshot(second)), 2);
        vm.warp(NOON + 1);
        vm.assertEq(uint256(oracle.takeSnapshot(first)), 3);
        vm.assertEq(uint256(oracle.latestRound(first)), 3);
        vm.assertEq(uint256(oracle.latestRound(second)), 2);
        expectSnapshot(1, first, NOON, wordsOf(8, 8, 1));
        expectSnapshot(2, second, NOON, wordsOf(16, 16, 1));
        expectSnapshot(3, first, NOON + 1, wordsOf(8, 8, 1));
    }

    function test_refusesTwoInOneSecond() public {
        bytes32 other = add(setOf(8, 8));
        add(setOf(8, 8));
        take();
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.TwoSnapshotsInOneSecond.selector));
        oracle.takeSnapshot(other); // another set's second
        vm.warp(NOON + 1);
        take();
        vm.warp(NOON); // a clock gone back
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.TwoSnapshotsInOneSecond.selector));
    }

    function test_refusesUnknownRounds() public {
        add(setOf(8, 8));
        take();
        uint32[3] memory unknown = [0, 2, type(uint32).max];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, unknown[i]));
            oracle.snapshot(unknown[i]);
        }
    }

    // --- rounds by time ---

    function test_roundAtIsTheNewestOfTheSetAtOrBefore() public {
        bytes32 other = oracle.addFeedSet(setOf(8, 8));
        add(setOf(8, 8));
        vm.assertEq(oracle.roundAt(feedSet, type(uint40).max), 0);
        take(); // round 1 at noon
        oracle.takeSnapshot(other);
        vm.warp(NOON + 10);
        take(); // round 3
        vm.warp(NOON + 11);
        take(); // round 4
        uint40[7] memory times = [0, NOON - 1, NOON, NOON + 9, NOON + 10, NOON + 11, type(uint40).max];
        uint32[7] memory expected = [uint32(0), 0, 1, 1, 3, 4, 4];
        for (uint256 i; i < 7; ++i) {
            vm.assertEq(oracle.roundAt(feedSet, times[i]), expected[i]);
        }
        vm.assertEq(oracle.roundAt(other, type(uint40).max), 2);
    }

    /// A reading that waits for its confirmation is no round.
    function test_roundAtCountsNoReadingThatWaits() public {
        add(setOf(8, 8));
        take();
        vm.warp(NOON + 1);
        post(0, dollars(2));
        vm.assertEq(take(), 0);
        vm.assertEq(oracle.roundAt(feedSet, NOON + 1), 1);
    }
}
