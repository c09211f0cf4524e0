// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";

/// What a rebalance does: reads a snapshot with everything cold.
contract Reader {
    function costOf(IPriceOracle oracle, uint32 round) external view returns (uint256 gasUsed) {
        uint256 before = gasleft();
        oracle.snapshot(round);
        gasUsed = before - gasleft();
    }
}

/// Figures for the snapshot file. Feeds are development feeds (two storage slots each); a Chainlink proxy costs more.
contract OracleGasTest is OracleScene {
    function measure(uint256 slots, uint256 priced, string memory size) private {
        IPriceOracle.FeedSet memory set = setOf(slots, priced);
        add(set);
        vm.snapshotGasLastCall("PriceOracle", string.concat("add feed set, ", size));
        take();
        vm.warp(NOON + 1);
        uint32 round = take();
        vm.snapshotGasLastCall("PriceOracle", string.concat("take snapshot, ", size));

        Reader reader = new Reader();
        (bool ok, bytes memory gasUsed) = address(reader).call(abi.encodeCall(reader.costOf, (oracle, round)));
        vm.assertTrue(ok);
        vm.snapshotValue("PriceOracle", string.concat("read snapshot, ", size), abi.decode(gasUsed, (uint256)));

        vm.warp(NOON + 1);
        oracle.deadFeeds(feedSet);
        vm.snapshotGasLastCall("PriceOracle", string.concat("dead feeds, ", size));

        post(0, dollars(2));
        vm.warp(NOON + 2);
        take();
        vm.snapshotGasLastCall("PriceOracle", string.concat("first look at a far move, ", size));
        vm.warp(NOON + 2 + DELAY);
        take();
        vm.snapshotGasLastCall("PriceOracle", string.concat("confirm a far move, ", size));
    }

    function test_gas8() public {
        measure(8, 5, "8 slots, 5 feeds");
    }

    function test_gas16() public {
        measure(16, 10, "16 slots, 10 feeds");
    }

    function test_gas32() public {
        measure(32, 20, "32 slots, 20 feeds");
    }
}
