// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Prices} from "../../src/libraries/Prices.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {PackedPosition, Position, Positions} from "../../src/libraries/Positions.sol";
import {Base} from "../Base.sol";

/// For all values at once, by halmos: how flows, prices and positions are packed.
contract PackingSymbolic is Base {
    using Positions for Position;

    Position private position;

    function check_flowsAreEncodedAsFieldElements(int64 flow) external pure {
        uint256 encoded = Signals.encodeFlow(flow);
        assert(encoded < Signals.FIELD);
        assert(
            addmod(encoded, uint256(int256(flow) + int256(Signals.FIELD)), Signals.FIELD)
                == addmod(2 * encoded, 0, Signals.FIELD)
        );
    }

    function check_noTwoFlowsAreEncodedAlike(int64 a, int64 b) external pure {
        vm.assume(a != b);
        assert(Signals.encodeFlow(a) != Signals.encodeFlow(b));
    }

    function check_pricesComeOutAsTheyWentIn(uint48[5] memory given, uint256 slot, uint48 price) external pure {
        vm.assume(slot < 8);
        uint256[] memory words = new uint256[](2);
        for (uint256 i; i < 8; ++i) {
            Prices.put(words, i, i == slot ? price : given[i % 5]);
        }
        for (uint256 i; i < 8; ++i) {
            assert(Prices.get(words, i) == (i == slot ? price : given[i % 5]));
        }
        assert(words[0] < Signals.FIELD && words[1] < Signals.FIELD);
    }

    function check_answersTooLargeAreNoPrices(uint256 answer) external pure {
        vm.assume(answer >= 2 ** 128);
        assert(Prices.fromAnswer(answer, 18) >= Prices.BOUND);
    }

    /// A rebalance changes what it is told to, and leaves version, mandate and status.
    function check_positionsMove(
        Position memory before,
        uint32 sequence,
        uint48 navFloor,
        uint32 timestamp,
        uint32 round
    ) external {
        position = before;
        position.store(position.load().moved(sequence, navFloor, timestamp, round));
        assert(position.sequence == sequence && position.navFloor == navFloor);
        assert(position.snapshotTimestamp == timestamp && position.round == round);
        assert(position.pendingFlow == 0);
        assert(position.version == before.version && position.mandate == before.mandate);
        assert(position.marked == before.marked);
    }

    /// The packed word is read as the struct is.
    function check_positionsAreReadAsTheyLie(Position memory stored) external {
        position = stored;
        PackedPosition packed = position.load();
        assert(packed.sequence() == stored.sequence && packed.snapshotTimestamp() == stored.snapshotTimestamp);
        assert(packed.pendingFlow() == stored.pendingFlow && packed.version() == stored.version);
        assert(packed.mandate() == stored.mandate && packed.marked() == stored.marked);
    }
}
