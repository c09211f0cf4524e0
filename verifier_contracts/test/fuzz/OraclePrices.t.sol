// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevFeed} from "../../src/dev/DevFeed.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {Prices} from "../../src/libraries/Prices.sol";
import {Base} from "../Base.sol";
import {OracleScene} from "../OracleScene.sol";

/// What holds for every answer, price and bound: OR-6, OR-12.
contract PricesTest is Base {
    /// forge-config: default.fuzz.runs = 10000
    function testFuzz_answersAreRoundedDownToEightDecimals(uint256 answer, uint256 decimals, uint256 bits) public pure {
        answer >>= bits % 256;
        decimals %= 19;
        uint256 price = Prices.fromAnswer(answer, decimals);
        if (price < 2 ** 48) {
            // price ≤ answer · 10^8 / 10^decimals < price + 1
            vm.assertTrue(price * 10 ** decimals <= answer * 10 ** 8);
            vm.assertTrue(answer * 10 ** 8 < (price + 1) * 10 ** decimals);
        } else {
            vm.assertTrue(answer >= 2 ** 200 || answer * 10 ** 8 >= 2 ** 48 * 10 ** decimals);
        }
    }

    function test_answersAroundTheLargest() public pure {
        for (uint256 decimals; decimals <= 18; ++decimals) {
            // the smallest answer whose price has more than 48 bits
            uint256 tooLarge = (2 ** 48 * 10 ** decimals + 10 ** 8 - 1) / 10 ** 8;
            vm.assertTrue(Prices.fromAnswer(tooLarge, decimals) >= 2 ** 48);
            vm.assertTrue(Prices.fromAnswer(tooLarge - 1, decimals) < 2 ** 48);
            vm.assertTrue(Prices.fromAnswer(2 ** 128 - 1, decimals) >= 2 ** 48);
            vm.assertTrue(Prices.fromAnswer(2 ** 128, decimals) >= 2 ** 48);
            vm.assertTrue(Prices.fromAnswer(type(uint256).max, decimals) >= 2 ** 48);
        }
    }

    /// forge-config: default.fuzz.runs = 10000
    function testFuzz_deviationIsTheSameBothWays(uint48 a, uint48 b, uint16 bps) public pure {
        bool within = Prices.within(a, b, bps);
        vm.assertTrue(within == Prices.within(b, a, bps));
        uint256 difference = a < b ? b - a : a - b;
        uint256 smaller = a < b ? a : b;
        vm.assertTrue(within == (difference * 10_000 <= smaller * bps));
    }

    /// forge-config: default.fuzz.runs = 10000
    function testFuzz_deviationIsBoundedExactly(uint48 price, uint16 bps) public pure {
        uint256 highest = uint256(price) * (10_000 + uint256(bps)) / 10_000;
        vm.assertTrue(Prices.within(price, highest, bps));
        vm.assertFalse(Prices.within(price, highest + 1, bps));
    }

    /// forge-config: default.fuzz.runs = 10000
    function testFuzz_pricesComeOutAsTheyWentIn(uint48[32] calldata prices) public pure {
        uint256[] memory words = new uint256[](7);
        for (uint256 i; i < 32; ++i) {
            Prices.put(words, i, prices[i]);
        }
        for (uint256 i; i < 32; ++i) {
            vm.assertEq(Prices.get(words, i), prices[i]);
        }
    }
}

/// The whole way, OR-5: feeds answer, the snapshot holds the words.
contract PackingTest is OracleScene {
    uint256[3] private sizes = [uint256(8), 16, 32];
    bytes32[3] private sets;

    function setUp() public override {
        super.setUp();
        IPriceOracle.FeedSet memory all = setOf(32, 32);
        for (uint256 i; i < 3; ++i) {
            IPriceOracle.FeedSet memory set = setOf(sizes[i], 0);
            for (uint256 slot; slot < sizes[i]; ++slot) {
                set.feeds[slot] = all.feeds[slot];
            }
            sets[i] = oracle.addFeedSet(set);
        }
    }

    /// Word k is Σ price[5k + j] · 2^(48 j).
    /// forge-config: default.fuzz.runs = 250
    function testFuzz_wordsAreSumsOfShiftedPrices(uint48[32] memory prices) public {
        (IPriceOracle.FeedSet memory all,) = oracle.feedSetOf(sets[2]);
        for (uint256 slot; slot < 32; ++slot) {
            if (prices[slot] == 0) prices[slot] = 1;
            DevFeed(address(all.feeds[slot].aggregator)).post(int256(uint256(prices[slot])), NOON);
        }
        for (uint256 i; i < 3; ++i) {
            (,, uint256[] memory words) = oracle.snapshot(oracle.takeSnapshot(sets[i]));
            vm.assertEq(words.length, (sizes[i] + 4) / 5);
            uint256 slot;
            for (uint256 k; k < words.length; ++k) {
                uint256 sum;
                for (uint256 power = 1; power < 2 ** 240 && slot < sizes[i]; power *= 2 ** 48) {
                    sum += prices[slot++] * power;
                }
                vm.assertEq(words[k], sum);
            }
        }
    }
}
