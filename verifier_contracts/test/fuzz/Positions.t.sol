// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {PackedPosition, Position, Positions} from "../../src/libraries/Positions.sol";
import {Base} from "../Base.sol";

/// The word that a rebalance reads and writes is the one that Solidity packs.
contract PositionsTest is Base {
    using Positions for Position;

    Position private stored;

    function testFuzz_readsWhatSolidityWrote(
        uint24 sequence,
        uint48 navFloor,
        uint32 timestamp,
        uint32 round,
        int64 flow,
        uint16 version,
        uint32 mandate,
        uint8 marked
    ) public {
        IRebalanceHub.Status status = IRebalanceHub.Status(marked % 4);
        stored = Position(sequence, navFloor, timestamp, round, flow, version, mandate, status);
        PackedPosition position = stored.load();
        vm.assertEq(uint256(position.sequence()), sequence);
        vm.assertEq(uint256(position.snapshotTimestamp()), timestamp);
        vm.assertEq(int256(position.pendingFlow()), flow);
        vm.assertEq(uint256(position.version()), version);
        vm.assertEq(uint256(position.mandate()), mandate);
        vm.assertTrue(position.marked() == status);
    }

    function testFuzz_solidityReadsWhatWasWritten(
        bytes32 before,
        uint24 sequence,
        uint48 navFloor,
        uint32 timestamp,
        uint32 round
    ) public {
        stored.store(PackedPosition.wrap(uint256(before) % 2 ** 250)); // a status below 4
        Position memory expected = stored;
        (expected.sequence, expected.navFloor, expected.snapshotTimestamp) = (sequence, navFloor, timestamp);
        (expected.round, expected.pendingFlow) = (round, 0);
        stored.store(stored.load().moved(sequence, navFloor, timestamp, round));
        vm.assertEq(abi.encode(stored), abi.encode(expected));

        stored.store(stored.load().unmarked());
        expected.marked = IRebalanceHub.Status.Active;
        vm.assertEq(abi.encode(stored), abi.encode(expected));
    }
}
