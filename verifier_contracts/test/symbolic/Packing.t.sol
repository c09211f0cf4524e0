// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Prices} from "../../src/libraries/Prices.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {VaultHead, VaultHeads} from "../../src/libraries/VaultHead.sol";
import {Base} from "../Base.sol";

/// For all values at once, by halmos: how flows, prices and the heads of vaults are packed.
contract PackingSymbolic is Base {
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

    /// A rebalance sets its four fields, leaves no flow pending, and keeps mandate, version and status.
    function check_aRebalanceSetsItsFieldsAlone(
        uint256 word,
        uint24 sequence,
        uint48 navFloor,
        uint32 timestamp,
        uint32 round
    ) external pure {
        VaultHead before = headOf(word);
        VaultHead head = before.setRebalance(sequence, navFloor, timestamp, round);
        assert(head.sequence() == sequence && head.navFloor() == navFloor);
        assert(head.snapshotTimestamp() == timestamp && head.round() == round);
        assert(head.pendingFlow() == 0);
        assert(head.mandateVersion() == before.mandateVersion() && head.mandate() == before.mandate());
        assert(head.marked() == before.marked());
    }

    function check_aFlowSetsItsFieldAlone(uint256 word, int64 flow) external pure {
        VaultHead before = headOf(word);
        VaultHead head = before.setPendingFlow(flow);
        assert(head.pendingFlow() == flow && sameRebalance(head, before));
        assert(head.mandateVersion() == before.mandateVersion() && head.mandate() == before.mandate());
        assert(head.marked() == before.marked());
    }

    function check_aMandateSetsItsFieldsAlone(uint256 word, uint16 version, uint32 mandate) external pure {
        VaultHead before = headOf(word);
        VaultHead head = before.setMandate(version, mandate);
        assert(head.mandateVersion() == version && head.mandate() == mandate && sameRebalance(head, before));
        assert(head.pendingFlow() == before.pendingFlow() && head.marked() == before.marked());
    }

    function check_aStatusSetsItsFieldAlone(uint256 word, uint8 status) external pure {
        vm.assume(status <= uint8(type(IRebalanceHub.Status).max));
        VaultHead before = headOf(word);
        VaultHead head = before.setMarked(IRebalanceHub.Status(status));
        assert(head.marked() == IRebalanceHub.Status(status) && sameRebalance(head, before));
        assert(head.pendingFlow() == before.pendingFlow());
        assert(head.mandateVersion() == before.mandateVersion() && head.mandate() == before.mandate());
    }

    function check_aNewVaultHasATimestampAlone(uint32 timestamp) external pure {
        VaultHead head = VaultHeads.opened(timestamp);
        assert(head.snapshotTimestamp() == timestamp);
        assert(head.sequence() == 0 && head.navFloor() == 0 && head.round() == 0 && head.pendingFlow() == 0);
        assert(head.mandateVersion() == 0 && head.mandate() == 0 && head.marked() == IRebalanceHub.Status.Active);
    }

    /// Any head that the setters can make: its status is one of the enum.
    function headOf(uint256 word) private pure returns (VaultHead) {
        vm.assume(word >> 248 <= uint8(type(IRebalanceHub.Status).max));
        return VaultHead.wrap(word);
    }

    function sameRebalance(VaultHead a, VaultHead b) private pure returns (bool) {
        return a.sequence() == b.sequence() && a.navFloor() == b.navFloor()
            && a.snapshotTimestamp() == b.snapshotTimestamp() && a.round() == b.round();
    }
}
