// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevPriceOracle} from "../../src/DevPriceOracle.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {Base} from "../Base.sol";

contract DevPriceOracleTest is Base {
    DevPriceOracle private oracle;
    uint256[] private words;

    function setUp() public {
        vm.warp(1_700_000_000);
        oracle = new DevPriceOracle(8);
        words = [uint256(1), 2];
    }

    function refuse(bytes memory reason) private {
        vm.expectRevert(reason);
        oracle.post(words);
    }

    function test_onlyOnDevelopmentChains() public {
        uint256[4] memory others = [uint256(1), 10, 42161, 31338];
        for (uint256 i; i < others.length; ++i) {
            vm.chainId(others[i]);
            vm.expectRevert(abi.encodeWithSelector(DevPriceOracle.NotDevelopmentChain.selector, others[i]));
            new DevPriceOracle(8);
        }
        vm.chainId(1337);
        new DevPriceOracle(8);
    }

    function test_onlyForKnownSizes() public {
        vm.expectRevert(abi.encodeWithSelector(DevPriceOracle.UnsupportedSlots.selector, 12));
        new DevPriceOracle(12);
    }

    function test_roundsCountUp() public {
        vm.assertEq(uint256(oracle.latestRound()), 0);
        vm.expectEmit(address(oracle));
        emit IPriceOracle.SnapshotTaken(1, 1_700_000_000, words);
        vm.assertEq(uint256(oracle.post(words)), 1);
        vm.warp(1_700_000_001);
        words[0] = 7;
        vm.assertEq(uint256(oracle.post(words)), 2);
        vm.assertEq(uint256(oracle.latestRound()), 2);

        (uint64 timestamp, uint256[] memory old) = oracle.snapshot(1);
        vm.assertEq(uint256(timestamp), 1_700_000_000);
        vm.assertEq(old[0], 1);
    }

    function test_refusesTwoInOneSecond() public {
        oracle.post(words);
        refuse(abi.encodeWithSelector(DevPriceOracle.TwoSnapshotsInOneSecond.selector));
    }

    function test_refusesAnyoneElse() public {
        vm.prank(address(1));
        refuse(abi.encodeWithSelector(DevPriceOracle.NotOwner.selector, address(1)));
    }

    function test_refusesAnotherNumberOfWords() public {
        words.push(1);
        refuse(abi.encodeWithSelector(DevPriceOracle.WrongWordCount.selector, 3, 2));
    }

    function test_wordsHoldTheirPricesOnly() public {
        words = [(uint256(1) << 240) - 1, (uint256(1) << 144) - 1]; // five prices, then the three that are left of eight
        oracle.post(words);
        vm.warp(1_700_000_001);
        words[1] += 1;
        refuse(abi.encodeWithSelector(DevPriceOracle.PriceWordOutOfRange.selector, 1));
        words = [uint256(1) << 240, 0];
        refuse(abi.encodeWithSelector(DevPriceOracle.PriceWordOutOfRange.selector, 0));
    }

    function test_refusesNoSettlementPrice() public {
        words[0] = 1 << 48;
        refuse(abi.encodeWithSelector(DevPriceOracle.SettlementPriceMissing.selector));
    }

    function test_refusesUnknownRounds() public {
        oracle.post(words);
        vm.expectRevert(abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, 0));
        oracle.snapshot(0);
        vm.expectRevert(abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, 2));
        oracle.snapshot(2);
    }
}
