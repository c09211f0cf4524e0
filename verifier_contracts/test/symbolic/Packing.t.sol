// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowances} from "../../src/libraries/Allowances.sol";
import {Prices} from "../../src/libraries/Prices.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Summary, SummaryWord} from "../../src/libraries/Summary.sol";
import {VaultHead, VaultHeads} from "../../src/libraries/VaultHead.sol";
import {Base} from "../Base.sol";

/// For all values at once, by halmos: how flows, prices, summaries and the heads of vaults are packed.
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

    function check_summariesAreReadAsTheyWerePacked(uint32 round, uint24 sequence, uint48 navFloor, uint120 allowances)
        external
        pure
    {
        vm.assume(navFloor < 2 ** 42);
        Summary summary = SummaryWord.pack(round, sequence, navFloor, Allowances.wrap(allowances));
        assert(summary.round() == round && summary.sequence() == sequence && summary.navFloor() == navFloor);
        assert(Allowances.unwrap(summary.allowances()) == allowances && summary.allowances().fits());
    }

    /// A word is the packing of what is read from it: no bit is without meaning, and none is lost.
    function check_aSummaryIsWhatIsReadFromIt(uint256 word) external pure {
        Summary summary = Summary.wrap(word);
        vm.assume(summary.allowances().fits());
        Summary packed = SummaryWord.pack(summary.round(), summary.sequence(), summary.navFloor(), summary.allowances());
        assert(Summary.unwrap(packed) == word);
    }

    /// A rebalance sets its fields, clears the marks, and keeps mandate, version, the orders' flag and a wind-down.
    function check_aRebalanceSetsItsFieldsAlone(
        uint256 word,
        uint24 sequence,
        uint48 navFloor,
        uint32 timestamp,
        uint32[3] memory levels
    ) external pure {
        vm.assume(navFloor < 2 ** 42);
        vm.assume(levels[0] < 2 ** 30 && levels[1] < 2 ** 30 && levels[2] < 2 ** 30);
        VaultHead before = VaultHead.wrap(word);
        uint256 packed = VaultHeads.packLevels(levels[0], levels[1], levels[2]);
        VaultHead head = before.setRebalance(sequence, navFloor, timestamp, packed);
        assert(head.sequence() == sequence && head.navFloor() == navFloor);
        assert(head.snapshotTimestamp() == timestamp);
        assert(head.gainLevel() == levels[0] && head.lossLevel() == levels[1] && head.turnoverLevel() == levels[2]);
        assert(!head.isFlowPending() && !head.isWriteDownOpen() && !head.areFeedsChanged() && !head.isPauseCalled());
        assert(sameMandate(head, before) && sameFlags(head, before));
    }

    function check_levelsSetTheirFieldsAlone(uint256 word, uint32[3] memory levels) external pure {
        vm.assume(levels[0] < 2 ** 30 && levels[1] < 2 ** 30 && levels[2] < 2 ** 30);
        VaultHead before = VaultHead.wrap(word);
        VaultHead head = before.setLevels(VaultHeads.packLevels(levels[0], levels[1], levels[2]));
        assert(head.gainLevel() == levels[0] && head.lossLevel() == levels[1] && head.turnoverLevel() == levels[2]);
        assert(head.sequence() == before.sequence() && head.navFloor() == before.navFloor());
        assert(head.snapshotTimestamp() == before.snapshotTimestamp());
        assert(sameMarks(head, before) && sameMandate(head, before) && sameFlags(head, before));
    }

    function check_aMandateSetsItsFieldsAlone(uint256 word, uint32 version, uint32 mandate) external pure {
        vm.assume(mandate < 2 ** 30);
        VaultHead before = VaultHead.wrap(word);
        VaultHead head = before.setMandate(version, mandate);
        assert(head.mandateVersion() == version && head.mandate() == mandate);
        assert(sameRebalance(head, before) && sameMarks(head, before) && sameFlags(head, before));
    }

    /// Each mark and flag is one bit of its own.
    function check_marksSetTheirBitAlone(uint256 word, uint8 which, bool on) external pure {
        VaultHead before = VaultHead.wrap(word);
        VaultHead head = before;
        if (which == 0) head = before.setFlowPending(on);
        else if (which == 1) head = before.setWriteDownOpen(on);
        else if (which == 2) head = before.setOrdersWait(on);
        else if (which == 3) (head, on) = (before.setFeedsChanged(), true);
        else if (which == 4) (head, on) = (before.setPauseCalled(), true);
        else (head, on, which) = (before.setWoundDown(), true, 5);
        assert(head.isFlowPending() == (which == 0 ? on : before.isFlowPending()));
        assert(head.isWriteDownOpen() == (which == 1 ? on : before.isWriteDownOpen()));
        assert(head.doOrdersWait() == (which == 2 ? on : before.doOrdersWait()));
        assert(head.areFeedsChanged() == (which == 3 ? on : before.areFeedsChanged()));
        assert(head.isPauseCalled() == (which == 4 ? on : before.isPauseCalled()));
        assert(head.isWoundDown() == (which == 5 ? on : before.isWoundDown()));
        assert(sameRebalance(head, before) && sameMandate(head, before));
    }

    /// A head without marks tells the hub to read no other slot: it is so exactly if none is set.
    function check_plainHeadsHaveNoMarks(uint256 word) external pure {
        VaultHead head = VaultHead.wrap(word);
        bool marked = head.isFlowPending() || head.isWriteDownOpen() || head.areFeedsChanged() || head.isPauseCalled()
            || head.isWoundDown();
        assert(head.isPlain() == !marked);
    }

    /// Full to the brim, before the first mandate cuts the levels to its caps.
    function check_aNewVaultHasATimestampAndFullLevels(uint32 timestamp) external pure {
        VaultHead head = VaultHeads.opened(timestamp);
        assert(head.snapshotTimestamp() == timestamp);
        uint256 full = 2 ** 30 - 1;
        assert(head.gainLevel() == full && head.lossLevel() == full && head.turnoverLevel() == full);
        assert(head.sequence() == 0 && head.navFloor() == 0 && head.mandateVersion() == 0 && head.mandate() == 0);
        assert(head.isPlain() && !head.doOrdersWait());
    }

    function sameRebalance(VaultHead a, VaultHead b) private pure returns (bool) {
        return a.sequence() == b.sequence() && a.navFloor() == b.navFloor()
            && a.snapshotTimestamp() == b.snapshotTimestamp() && a.gainLevel() == b.gainLevel()
            && a.lossLevel() == b.lossLevel() && a.turnoverLevel() == b.turnoverLevel();
    }

    function sameMandate(VaultHead a, VaultHead b) private pure returns (bool) {
        return a.mandateVersion() == b.mandateVersion() && a.mandate() == b.mandate();
    }

    function sameMarks(VaultHead a, VaultHead b) private pure returns (bool) {
        return a.isFlowPending() == b.isFlowPending() && a.isWriteDownOpen() == b.isWriteDownOpen()
            && a.areFeedsChanged() == b.areFeedsChanged() && a.isPauseCalled() == b.isPauseCalled();
    }

    function sameFlags(VaultHead a, VaultHead b) private pure returns (bool) {
        return a.doOrdersWait() == b.doOrdersWait() && a.isWoundDown() == b.isWoundDown();
    }
}
