// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";

/// OR-11, OR-13 and OR-14 in random histories of two feeds, watched from outside: what the last snapshot held, and what
/// was seen and not taken.
contract OracleMovesFuzzTest is OracleScene {
    uint16[2] private bps = [1_000, 2_000];
    /// In dollars: steps within the bounds of each other, on them, and beyond.
    uint8[8] private levels = [100, 105, 110, 111, 121, 132, 150, 90];
    uint32[6] private pauses = [1, DELAY / 3, DELAY - 1, DELAY, DELAY + 1, 1 days];

    int256[2] private price;
    int256[2] private last;
    int256[2] private seen;
    uint256 private seenAt;

    function setUp() public override {
        super.setUp();
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.feeds[1].maxDeviationBps = bps[1];
        oracle.addFeedSet(set);
        for (uint256 i; i < 2; ++i) {
            last[i] = dollars(100);
            post(i, last[i]);
        }
        oracle.takeSnapshot(1);
    }

    /// A snapshot is taken exactly if each price is within its bound of the last one, or of a reading that was not taken at
    /// least `DELAY` ago. Otherwise the reading is kept if none is waiting out its delay, and changes nothing if one is.
    function testFuzz_noFarMoveIsTakenBeforeTheDelay(uint256[30] calldata seeds) public {
        for (uint256 i; i < seeds.length; ++i) {
            step(seeds[i]);
        }
    }

    function step(uint256 seed) private {
        vm.warp(block.timestamp + pauses[seed % 6]);
        for (uint256 i; i < 2; ++i) {
            price[i] = dollars(levels[(seed >> (8 * (i + 1))) % 8]) + int256(seed >> 24 & 1);
            post(i, price[i]);
        }
        bool waiting = seenAt != 0 && block.timestamp < seenAt + DELAY;
        bool good = mayBe(0) && mayBe(1);

        uint32 before = oracle.latestRound(1);
        (bool ok, bytes memory result) = address(oracle).call(abi.encodeCall(oracle.takeSnapshot, (1)));
        if (good) {
            vm.assertTrue(ok);
            vm.assertEq(abi.decode(result, (uint256)), before + 1);
            vm.assertEq(priceAt(before + 1, 0), uint256(price[0]));
            vm.assertEq(priceAt(before + 1, 1), uint256(price[1]));
            (last, seenAt) = (price, 0);
        } else if (waiting) {
            vm.assertFalse(ok);
            vm.assertEq(result, abi.encodeWithSelector(IPriceOracle.ConfirmationTooEarly.selector, seenAt + DELAY));
        } else {
            vm.assertTrue(ok);
            vm.assertEq(abi.decode(result, (uint256)), 0);
            vm.assertEq(oracle.latestRound(1), before);
            (seen, seenAt) = (price, block.timestamp);
        }
        (uint40 confirmableAt, uint256[] memory words) = oracle.unconfirmed(1);
        vm.assertEq(confirmableAt, seenAt == 0 ? 0 : seenAt + DELAY);
        if (seenAt != 0) vm.assertEq(words[0], uint256(seen[0]) + uint256(seen[1]) * 2 ** 48);
    }

    function mayBe(uint256 i) private view returns (bool) {
        return near(price[i], last[i], bps[i])
            || (seenAt != 0 && block.timestamp >= seenAt + DELAY && near(price[i], seen[i], bps[i]));
    }

    function near(int256 a, int256 b, uint256 bound) private pure returns (bool) {
        return (a - b) * 10_000 <= b * int256(bound) && (b - a) * 10_000 <= a * int256(bound);
    }
}
