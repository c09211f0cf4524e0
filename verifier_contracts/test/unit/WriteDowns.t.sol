// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";

/// Losses that no bucket covers: who announces them, when they are usable, and that they lapse.
contract WriteDownsTest is Scene {
    /// A NAV of 1,000 steps: 50 of them are the 5% that an operator writes down alone.
    uint256 private constant STEPS = 1_000;

    function setUp() public override {
        super.setUp();
        build(8);
        proveNav(STEPS);
    }

    function proveNav(uint256 navFloor) private {
        uint32 round = takeRound();
        IRebalanceHub.Rebalance memory r;
        (r.round, r.deadline) = (round, DEADLINE);
        r.signals = hub.expectedSignals(vaultId, 1, navFloor, Allowances.wrap(0), round, DEADLINE);
        r.proof = Trapdoor.prove(r.signals, 0);
        submit(r);
    }

    function approve(uint32 navSteps) private {
        vm.prank(GUARDIAN);
        hub.approveWriteDown(vaultId, navSteps);
    }

    function withdraw() private {
        vm.prank(OPERATOR);
        hub.withdrawWriteDown(vaultId);
    }

    function writeDown() private view returns (IRebalanceHub.WriteDown memory) {
        return hub.writeDownOf(vaultId);
    }

    function carrying(uint256 navSteps) private returns (IRebalanceHub.Rebalance memory) {
        return proven(vaultId, 2, takeRound(), writingDown(navSteps));
    }

    function requireUsable(uint32 navSteps) private {
        submit(carrying(navSteps));
        vm.assertEq(uint256(stateOf(vaultId).lastWriteDown), stateOf(vaultId).sequence);
        requireNone();
    }

    function requireNone() private {
        vm.assertFalse(stateOf(vaultId).writeDownOpen);
        vm.assertEq(uint256(writeDown().navSteps), 0);
        uint32 round = takeRound();
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.WriteDownMismatch.selector, 1, 0));
        hub.expectedSignals(vaultId, 1, 1, writingDown(1), round, DEADLINE);
    }

    function requireWaits(uint40 usableFrom) private {
        vm.assertTrue(stateOf(vaultId).writeDownOpen);
        uint32 round = takeRound();
        bytes memory reason = abi.encodeWithSelector(IRebalanceHub.WriteDownWaits.selector, usableFrom);
        vm.expectRevert(reason);
        hub.expectedSignals(vaultId, 1, 1, Allowances.wrap(0), round, DEADLINE);
        vm.expectRevert(reason);
        hub.expectedSignals(vaultId, 1, 1, writingDown(1), round, DEADLINE);
    }

    // --- alone ---

    function test_aSmallOneIsUsableAtOnce() public {
        vm.expectEmit(address(hub));
        emit IRebalanceHub.WriteDownAnnounced(vaultId, 50, NOON, NOON + HALF);
        announce(50);
        vm.assertEq(
            abi.encode(writeDown()), abi.encode(IRebalanceHub.WriteDown(50, NOON, NOON + HALF, NOON + 2 * HALF, 0))
        );
        requireUsable(50);
    }

    function test_oneStepMoreWaits() public {
        vm.expectEmit(address(hub));
        emit IRebalanceHub.WriteDownAnnounced(vaultId, 51, NOON + HALF, NOON + 2 * HALF);
        announce(51);
        requireWaits(NOON + HALF);
        vm.warp(NOON + HALF - 1);
        requireWaits(NOON + HALF);
        vm.warp(NOON + HALF);
        requireUsable(51);
    }

    /// Rounded up: 1 of 30,001 steps is more than 33 ppm.
    function test_itsPartOfTheNavRoundsUp() public {
        terms.writeDownPpm = 33;
        propose(hub.addMandate(terms));
        vm.warp(NOON + 1);
        proveNav(30_001);
        announce(1);
        requireWaits(NOON + 1 + HALF);
    }

    function test_withoutASettledNavItWaits() public {
        vm.warp(NOON + 1);
        proveNav(0);
        announce(1);
        requireWaits(NOON + 1 + HALF);
    }

    /// What was announced alone fades over 30 days, however it is split.
    function test_severalAloneAreOneBucket() public {
        announce(30);
        requireUsable(30);
        vm.assertEq(uint256(writeDown().alonePpm), 50_000 - ceilPpm(30));
        announce(20);
        vm.assertEq(uint256(writeDown().usableFrom), NOON + HALF); // 30 of 77 steps were far more than all of the NAV since
    }

    function ceilPpm(uint256 steps) private pure returns (uint256) {
        return (steps * 1e6 + STEPS - 1) / STEPS;
    }

    function test_whatWasAnnouncedAloneFades() public {
        announce(50);
        vm.assertEq(uint256(writeDown().alonePpm), 0);
        withdraw(); // it counts all the same
        vm.warp(NOON + 15 days);
        vm.assertEq(uint256(writeDown().alonePpm), 25_000);
        proveNav(STEPS);
        announce(25);
        vm.assertEq(uint256(writeDown().usableFrom), block.timestamp);
        withdraw();
        vm.warp(NOON + 15 days + 30 days);
        vm.assertEq(uint256(writeDown().alonePpm), 50_000);
    }

    function test_oneMoreThanFadedWaits() public {
        announce(50);
        withdraw();
        vm.warp(NOON + 15 days);
        proveNav(STEPS);
        announce(26);
        requireWaits(uint40(block.timestamp) + HALF);
        vm.assertEq(uint256(writeDown().alonePpm), 25_000); // one that waits uses up nothing
    }

    // --- the guardian ---

    function test_theGuardianShortensTheWait() public {
        announce(500);
        vm.warp(NOON + 5);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.WriteDownAnnounced(vaultId, 500, NOON + 5, NOON + 5 + HALF);
        approve(500);
        requireUsable(500);
    }

    function test_theGuardianNamesTheSize() public {
        announce(500);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.WriteDownMismatch.selector, 499, 500));
        approve(499);
    }

    /// It lasts as long as it would have without.
    function test_anApprovalProlongsNothing() public {
        announce(50);
        vm.warp(NOON + HALF - 1);
        approve(50);
        vm.assertEq(uint256(writeDown().lapsesAt), NOON + HALF);
        vm.warp(NOON + HALF);
        requireNone();
    }

    function test_approvesOnlyWhatIsOpen() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoWriteDown.selector));
        approve(0);
        announce(50);
        vm.warp(NOON + HALF);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoWriteDown.selector));
        approve(50);
    }

    // --- for the next rebalance only ---

    function test_theRebalanceNamesTheWholeOfIt() public {
        announce(50);
        uint32 round = takeRound();
        for (uint256 i; i < 3; ++i) {
            uint256 given = i == 0 ? 0 : 48 + i * 1 + (i == 2 ? 1 : 0); // 0, 49, 51
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.WriteDownMismatch.selector, given, 50));
            hub.expectedSignals(vaultId, 1, 1, writingDown(given), round, DEADLINE);
        }
        submit(carrying(50));
        IRebalanceHub.Rebalance memory r = proven(vaultId, 3, round);
        r.signals[Signals.ALLOWANCES] = Allowances.unwrap(writingDown(50));
        refuse(r, abi.encodeWithSelector(IRebalanceHub.WriteDownMismatch.selector, 50, 0)); // once
    }

    function test_aBatchCarriesItToo() public {
        announce(50);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entryOf(vaultId, 2, carrying(50));
        submitBatch(batch);
        vm.assertEq(uint256(stateOf(vaultId).lastWriteDown), 2);
        requireNone();
    }

    function test_oneAtATime() public {
        announce(10);
        vm.expectRevert(tooEarly(NOON + 2 * HALF));
        announce(10);
        submit(carrying(10));
        announce(1); // another may follow once it is used
    }

    // --- it lapses, or is withdrawn ---

    function test_itLapses() public {
        announce(50);
        vm.warp(NOON + HALF - 1);
        vm.assertTrue(stateOf(vaultId).writeDownOpen);
        vm.warp(NOON + HALF);
        requireNone();
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoWriteDown.selector));
        withdraw();
        prove(); // takes the mark off
        requireNone();
    }

    function test_noOtherForAsLongAfterALapse() public {
        announce(50);
        vm.warp(NOON + 2 * HALF - 1);
        vm.expectRevert(tooEarly(NOON + 2 * HALF));
        announce(1);
        vm.warp(NOON + 2 * HALF);
        announce(1);
    }

    function test_noOtherForAsLongAfterAWithdrawal() public {
        announce(500);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.WriteDownWithdrawn(vaultId);
        withdraw();
        requireNone();
        prove();
        vm.expectRevert(tooEarly(NOON + HALF));
        announce(1);
        vm.warp(NOON + HALF);
        announce(1);
    }

    // --- who, how much, when ---

    function test_roles() public {
        address[3] memory others = [GUARDIAN, OPENER, STRANGER];
        for (uint256 i; i < 3; ++i) {
            bytes memory reason = abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, others[i]);
            vm.expectRevert(reason);
            vm.prank(others[i]);
            hub.announceWriteDown(vaultId, 1);
            vm.expectRevert(reason);
            vm.prank(others[i]);
            hub.withdrawWriteDown(vaultId);
        }
        announce(500);
        others[0] = OPERATOR;
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotGuardian.selector, others[i]));
            vm.prank(others[i]);
            hub.approveWriteDown(vaultId, 500);
        }
    }

    function test_upToWhatAProofShows() public {
        uint32[3] memory others = [0, 2 ** 30, type(uint32).max];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.WriteDownOutOfRange.selector, others[i]));
            announce(others[i]);
        }
        announce(2 ** 30 - 1);
        approve(2 ** 30 - 1);
        requireUsable(2 ** 30 - 1);
    }

    function test_staleAndPausedToo() public {
        vm.warp(NOON + MAX_PROOF_AGE + 1);
        announce(50);
        pause();
        withdraw();
    }

    function test_notInWindDown() public {
        announce(500);
        windDown(OPERATOR);
        vm.assertFalse(stateOf(vaultId).writeDownOpen);
        vm.expectRevert(wrong(IRebalanceHub.Status.WindDown));
        announce(1);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoWriteDown.selector));
        withdraw();
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoWriteDown.selector));
        approve(500);
    }
}
