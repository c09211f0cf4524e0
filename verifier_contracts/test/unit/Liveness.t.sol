// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

/// Stale, paused, winding down: when each begins, who may begin it, and what ends it.
contract LivenessTest is Scene {
    function setUp() public override {
        super.setUp();
        build(8);
    }

    function expectMark(IRebalanceHub.Status status) private {
        vm.expectEmit(address(hub));
        emit IRebalanceHub.StatusChanged(vaultId, status);
    }

    // --- stale ---

    function test_staleExactlyPastTheProofAge() public {
        vm.warp(LAST);
        requireStatus(IRebalanceHub.Status.Active);
        vm.warp(LAST + 1);
        requireStatus(IRebalanceHub.Status.Stale);
    }

    /// What counts is when the prices were taken, not when the proof came.
    function test_theAgeIsThatOfTheSnapshot() public {
        uint32 round = takeRound();
        vm.warp(NOON + GRACE);
        submit(proven(vaultId, 1, round));
        vm.warp(NOON + MAX_PROOF_AGE);
        requireStatus(IRebalanceHub.Status.Active);
        vm.warp(NOON + MAX_PROOF_AGE + 1);
        requireStatus(IRebalanceHub.Status.Stale);
    }

    function test_aProofEndsStaleness() public {
        vm.warp(LAST + 1);
        prove();
        requireStatus(IRebalanceHub.Status.Active);
    }

    function test_aBatchEndsStaleness() public {
        vm.warp(LAST + 1);
        uint32 round = takeRound();
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entry(vaultId, 1, round);
        submitBatch(batch);
        requireStatus(IRebalanceHub.Status.Active);
    }

    /// The oldest round that a stale vault may use makes it active: `grace` is at most a quarter of the proof age.
    function test_anyProofEndsStaleness() public {
        vm.warp(LAST + 1);
        uint32 round = takeRound();
        vm.warp(LAST + 1 + GRACE);
        submit(proven(vaultId, 1, round));
        requireStatus(IRebalanceHub.Status.Active);
    }

    // --- pause ---

    function test_theGuardianPausesForHalfAProofAge() public {
        vm.expectEmit(address(hub));
        emit IRebalanceHub.Paused(vaultId, NOON + HALF);
        expectMark(IRebalanceHub.Status.Paused);
        pause();
        vm.assertEq(uint256(hub.pausedUntil(vaultId)), NOON + HALF);
        vm.warp(NOON + HALF);
        requireStatus(IRebalanceHub.Status.Paused);
        vm.warp(NOON + HALF + 1);
        requireStatus(IRebalanceHub.Status.Active);
    }

    function test_theGuardianEndsAPause() public {
        pause();
        expectMark(IRebalanceHub.Status.Active);
        unpause();
        requireStatus(IRebalanceHub.Status.Active);
        vm.assertEq(uint256(hub.pausedUntil(vaultId)), NOON - 1);
    }

    function test_onlyTheGuardianPauses() public {
        address[3] memory others = [OPENER, OPERATOR, STRANGER];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotGuardian.selector, others[i]));
            vm.prank(others[i]);
            hub.pause(vaultId);
        }
        pause();
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotGuardian.selector, others[i]));
            vm.prank(others[i]);
            hub.unpause(vaultId);
        }
    }

    function test_noRebalanceWhilePaused() public {
        uint32 round = takeRound();
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entry(vaultId, 1, round);
        pause();
        refuse(r, wrong(IRebalanceHub.Status.Paused));
        refuseBatch(batch, wrong(IRebalanceHub.Status.Paused));
        unpause();
        submit(r);
    }

    /// Once for each rebalance, however the pause ended.
    function test_noSecondPauseBeforeARebalance() public {
        pause();
        vm.expectRevert(wrong(IRebalanceHub.Status.Paused));
        pause();
        unpause();
        vm.expectRevert(wrong(IRebalanceHub.Status.Paused));
        pause();
        prove();
        vm.warp(NOON + 1);
        pause();
        vm.warp(NOON + 1 + HALF + 1); // lapsed
        requireStatus(IRebalanceHub.Status.Active);
        vm.expectRevert(wrong(IRebalanceHub.Status.Paused));
        pause();
        prove();
        pause();
    }

    function test_refusesToUnpauseWhatIsNotPaused() public {
        vm.expectRevert(wrong(IRebalanceHub.Status.Active));
        unpause();
        pause();
        vm.warp(NOON + HALF + 1);
        vm.expectRevert(wrong(IRebalanceHub.Status.Active));
        unpause();
        vm.warp(LAST + 1);
        vm.expectRevert(wrong(IRebalanceHub.Status.Stale));
        unpause();
    }

    /// A pause stops no clock: what has become stale meanwhile shows it at its end.
    function test_staleAfterAPause() public {
        vm.warp(LAST);
        pause();
        vm.warp(LAST + HALF);
        requireStatus(IRebalanceHub.Status.Paused);
        uint256 start = vm.snapshotState();
        vm.warp(LAST + HALF + 1);
        requireStatus(IRebalanceHub.Status.Stale);
        vm.revertToState(start);
        expectMark(IRebalanceHub.Status.Stale);
        unpause();
        requireStatus(IRebalanceHub.Status.Stale);
    }

    function test_aStaleVaultCanBePaused() public {
        vm.warp(LAST + 1);
        pause();
        requireStatus(IRebalanceHub.Status.Paused);
    }

    // --- wind-down ---

    function test_operatorAndOpenerWindDownAtAnyTime() public {
        address[2] memory both = [OPERATOR, OPENER];
        for (uint256 i; i < 2; ++i) {
            vaultId = open();
            expectMark(IRebalanceHub.Status.WindDown);
            windDown(both[i]);
            requireStatus(IRebalanceHub.Status.WindDown);
        }
    }

    function test_operatorAndOpenerWindDownAPausedVault() public {
        address[2] memory both = [OPERATOR, OPENER];
        for (uint256 i; i < 2; ++i) {
            vaultId = open();
            pause();
            windDown(both[i]);
            requireStatus(IRebalanceHub.Status.WindDown);
        }
    }

    function test_thePublicOnlyPastTwiceTheProofAge() public {
        uint40 possibleAt = NOON - 1 + 2 * MAX_PROOF_AGE + 1;
        vm.expectRevert(tooEarly(possibleAt));
        windDown(STRANGER);
        vm.warp(possibleAt - 1);
        vm.expectRevert(tooEarly(possibleAt));
        windDown(STRANGER);
        vm.expectRevert(tooEarly(possibleAt));
        windDown(GUARDIAN);
        vm.warp(possibleAt);
        windDown(STRANGER);
        requireStatus(IRebalanceHub.Status.WindDown);
    }

    /// After a pause the operator has half a proof age left to prove.
    function test_thePublicNotBeforeHalfAProofAgeAfterAPause() public {
        vm.warp(NOON + 2 * MAX_PROOF_AGE - 10);
        pause();
        uint40 possibleAt = NOON + 2 * MAX_PROOF_AGE - 10 + HALF + HALF + 1;
        vm.warp(possibleAt - 1);
        vm.expectRevert(tooEarly(possibleAt));
        windDown(GUARDIAN);
        vm.warp(possibleAt);
        windDown(STRANGER);
    }

    /// A guardian that pauses does not keep share holders from an end.
    function test_aPauseOfLongAgoDelaysNothing() public {
        pause();
        vm.warp(NOON + 2 * MAX_PROOF_AGE);
        windDown(STRANGER);
        requireStatus(IRebalanceHub.Status.WindDown);
    }

    function test_windDownIsForGood() public {
        uint32 round = takeRound();
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entry(vaultId, 1, round);
        windDown(OPERATOR);
        bytes memory reason = wrong(IRebalanceHub.Status.WindDown);
        vm.expectRevert(reason);
        windDown(OPERATOR);
        vm.expectRevert(reason);
        pause();
        vm.expectRevert(reason);
        unpause();
        refuse(r, reason);
        refuseBatch(batch, reason);
        vm.warp(LAST + 1);
        requireStatus(IRebalanceHub.Status.WindDown);
    }

    function test_notForUnknownVaults() public {
        vaultId = bytes32(uint256(1));
        bytes memory unknown = abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId);
        vm.expectRevert(unknown);
        hub.windDown(vaultId);
        vm.expectRevert(unknown);
        hub.pause(vaultId);
        vm.expectRevert(unknown);
        hub.unpause(vaultId);
        vm.expectRevert(unknown);
        hub.announceWriteDown(vaultId, 1);
        vm.expectRevert(unknown);
        hub.approveWriteDown(vaultId, 1);
        vm.expectRevert(unknown);
        hub.withdrawWriteDown(vaultId);
        vm.expectRevert(unknown);
        hub.setOrdersWaiting(vaultId, true);
        vm.expectRevert(unknown);
        hub.status(vaultId);
        vm.expectRevert(unknown);
        hub.vaultState(vaultId);
        vm.expectRevert(unknown);
        hub.pausedUntil(vaultId);
        vm.expectRevert(unknown);
        hub.writeDownOf(vaultId);
        vm.expectRevert(unknown);
        hub.allowancesAt(vaultId, 0);
    }
}
