// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";

/// OR-11, OR-13, OR-14, OR-16 and OR-17 in random histories of two feeds, watched from outside: what the anchor held, and
/// what was seen and not taken.
contract OracleMovesFuzzTest is OracleScene {
    uint16[2] private bps = [1_000, 2_000];
    /// In dollars: steps within the bounds of each other, on them, and beyond.
    uint8[8] private levels = [100, 105, 110, 111, 121, 132, 150, 90];
    uint32[8] private pauses = [1, DELAY / 3, DELAY - 1, DELAY, DELAY + 1, PERIOD - 1, PERIOD, 1 days];

    int256[2] private price;
    int256[2] private anchor;
    uint256 private anchoredAt;
    int256[2] private seen;
    uint256 private seenAt;

    /// A round whose prices somebody may compare: those since the last confirmation.
    struct Taken {
        uint256 time;
        uint256 price;
    }

    Taken[] private taken;

    function setUp() public override {
        super.setUp();
        IPriceOracle.FeedSet memory set = setOf(8, 2);
        set.feeds[1].maxDeviationBps = bps[1];
        add(set);
        for (uint256 i; i < 2; ++i) {
            anchor[i] = dollars(100);
            post(i, anchor[i]);
        }
        anchoredAt = block.timestamp;
        take();
    }

    /// The oracle takes a snapshot exactly if each price is within its bound of the anchor, or of a reading that it did not
    /// take at least `DELAY` and at most twice that ago. Otherwise it keeps the reading if none is waiting out its delay, and
    /// changes nothing if one is.
    function testFuzz_noFarMoveIsTakenBeforeTheDelay(uint256[30] calldata seeds) public {
        for (uint256 i; i < seeds.length; ++i) {
            step(seeds[i]);
        }
    }

    function step(uint256 seed) private {
        vm.warp(block.timestamp + pauses[seed % 8]);
        for (uint256 i; i < 2; ++i) {
            price[i] = dollars(levels[(seed >> (8 * (i + 1))) % 8]) + int256(seed >> 24 & 1);
            post(i, price[i]);
        }
        bool waiting = seenAt != 0 && block.timestamp < seenAt + DELAY;
        bool near_ = nearAnchor(0) && nearAnchor(1);
        bool good = mayBe(0) && mayBe(1);

        uint32 before = oracle.latestRound(feedSet);
        (bool ok, bytes memory result) = address(oracle).call(abi.encodeCall(oracle.takeSnapshot, (feedSet)));
        if (good) {
            vm.assertTrue(ok);
            vm.assertEq(abi.decode(result, (uint256)), before + 1);
            vm.assertEq(priceAt(before + 1, 0), uint256(price[0]));
            vm.assertEq(priceAt(before + 1, 1), uint256(price[1]));
            seenAt = 0;
            if (!near_ || block.timestamp >= anchoredAt + PERIOD) (anchor, anchoredAt) = (price, block.timestamp);
        } else if (waiting) {
            vm.assertFalse(ok);
            vm.assertEq(result, abi.encodeWithSelector(IPriceOracle.ConfirmationTooEarly.selector, seenAt + DELAY));
        } else {
            vm.assertTrue(ok);
            vm.assertEq(abi.decode(result, (uint256)), 0);
            vm.assertEq(oracle.latestRound(feedSet), before);
            (seen, seenAt) = (price, block.timestamp);
        }
        expectState();
    }

    function expectState() private view {
        (uint40 confirmableAt, uint256[] memory words) = oracle.unconfirmed(feedSet);
        bool waits = seenAt != 0 && block.timestamp <= seenAt + 2 * DELAY;
        vm.assertEq(confirmableAt, seenAt != 0 ? seenAt + DELAY : 0);
        if (!waits) vm.assertEq(words.length, 0);
        if (waits) vm.assertEq(words[0], uint256(seen[0]) + uint256(seen[1]) * 2 ** 48);
        (uint32 round, uint40 timestamp) = oracle.anchor(feedSet);
        vm.assertEq(timestamp, anchoredAt);
        vm.assertEq(priceAt(round, 0), uint256(anchor[0]));
    }

    function nearAnchor(uint256 i) private view returns (bool) {
        return near(price[i], anchor[i], bps[i]);
    }

    function mayBe(uint256 i) private view returns (bool) {
        bool waited = seenAt != 0 && block.timestamp >= seenAt + DELAY && block.timestamp <= seenAt + 2 * DELAY;
        return nearAnchor(i) || (waited && near(price[i], seen[i], bps[i]));
    }

    function near(int256 a, int256 b, uint256 bound) private pure returns (bool) {
        return (a - b) * 10_000 <= b * int256(bound) && (b - a) * 10_000 <= a * int256(bound);
    }

    /// Somebody walks a feed as far as it goes, snapshot by snapshot. Between any two rounds without a confirmation the price
    /// moves by at most one bound for each whole period between them, and three more.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_movesAreBoundedPerTime(uint256[40] calldata seeds) public {
        taken.push(Taken(NOON, 100e8));
        int256 last = 100e8;
        for (uint256 i; i < seeds.length; ++i) {
            uint256 pause = seeds[i] % 3 == 0 ? 1 : seeds[i] % 3 == 1 ? 1 + (seeds[i] >> 8) % PERIOD : PERIOD;
            vm.warp(block.timestamp + pause);
            // mostly upwards, at times back: as far as one bound, or a little beyond, from the last price
            int256 next = (seeds[i] >> 64) % 8 == 0 ? last * 10_000 / 11_000 + 1 : last * 11_000 / 10_000;
            post(0, next);
            refreshSecond();
            (bool ok, bytes memory result) = address(oracle).call(abi.encodeCall(oracle.takeSnapshot, (feedSet)));
            (uint40 confirmableAt,) = oracle.unconfirmed(feedSet);
            if (!ok || abi.decode(result, (uint256)) == 0) {
                // wait until what waits has lapsed: no move here is a confirmed one
                vm.warp(uint256(confirmableAt) + DELAY + 1);
                continue;
            }
            last = next;
            taken.push(Taken(block.timestamp, uint256(next)));
        }
        for (uint256 b; b < taken.length; ++b) {
            for (uint256 a; a < b; ++a) {
                expectBounded(taken[a], taken[b]);
            }
        }
    }

    function refreshSecond() private {
        post(1, dollars(100));
    }

    function expectBounded(Taken memory a, Taken memory b) private pure {
        (uint256 low, uint256 high) = a.price < b.price ? (a.price, b.price) : (b.price, a.price);
        uint256 steps = (b.time - a.time) / PERIOD + 3;
        // low · 1.1^steps, rounded up: no further than the prices of this test can reach anyway
        for (uint256 k; k < steps && low < high; ++k) {
            low = (low * 11_000 + 9_999) / 10_000;
        }
        vm.assertLe(high, low);
    }

    /// The walk of a feed to ten times its price, a step of one bound each second: it comes as far as one bound.
    function test_aFeedIsNotWalkedToTenTimesItsPrice() public {
        int256 last = 100e8;
        for (uint256 i = 1; i <= 25; ++i) {
            vm.warp(NOON + i);
            int256 next = last * 11_000 / 10_000;
            post(0, next);
            refreshSecond();
            (bool ok, bytes memory result) = address(oracle).call(abi.encodeCall(oracle.takeSnapshot, (feedSet)));
            if (ok && abi.decode(result, (uint256)) != 0) last = next;
        }
        vm.assertEq(last, 110e8);
    }
}
