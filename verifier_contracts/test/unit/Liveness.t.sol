// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

/// Stale, paused, winding down: when each begins, who may begin it, and what ends it.
contract LivenessTest is Scene {
    /// The last second in which the vault, just opened, is not stale.
    uint40 private constant LAST = NOON + MAX_PROOF_AGE;

    function setUp() public override {
        super.setUp();
        build(8);
    }

    function requireStatus(IRebalanceHub.Status expected) private view {
        vm.assertTrue(hub.status(vaultId) == expected);
        vm.assertTrue(stateOf(vaultId).status == expected);
    }

    function wrong(IRebalanceHub.Status status) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.WrongStatus.selector, status);
    }

    function expectMark(IRebalanceHub.Status status) private {
        vm.expectEmit(address(hub));
        emit IRebalanceHub.StatusChanged(vaultId, status);
    }

    function pause() private {
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
    }

    function unpause() private {
        vm.prank(GUARDIAN);
        hub.unpause(vaultId);
    }

    function windDown(address by) private {
        vm.prank(by);
        hub.windDown(vaultId);
    }

    /// A proof at a snapshot of now.
    function prove() private {
        submit(proven(vaultId, 1, takeRound()));
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
        vm.warp(NOON + MAX_SNAPSHOT_AGE);
        submit(proven(vaultId, 1, round));
        vm.warp(LAST);
        requireStatus(IRebalanceHub.Status.Active);
        vm.warp(LAST + 1);
        requireStatus(IRebalanceHub.Status.Stale);
    }

    function test_anyonePutsStalenessOnRecordOnce() public {
        vm.warp(LAST + 1);
        expectMark(IRebalanceHub.Status.Stale);
        vm.prank(STRANGER);
        hub.callStale(vaultId);
        requireStatus(IRebalanceHub.Status.Stale);
        vm.expectRevert(wrong(IRebalanceHub.Status.Stale));
        hub.callStale(vaultId);
    }

    function test_refusesToCallAnythingElseStale() public {
        vm.warp(LAST);
        vm.expectRevert(wrong(IRebalanceHub.Status.Active));
        hub.callStale(vaultId);
        vm.warp(LAST + 1);
        pause();
        vm.expectRevert(wrong(IRebalanceHub.Status.Paused));
        hub.callStale(vaultId);
        windDown(OPERATOR);
        vm.expectRevert(wrong(IRebalanceHub.Status.WindDown));
        hub.callStale(vaultId);
    }

    function test_aProofEndsStaleness() public {
        vm.warp(LAST + 1);
        prove(); // nobody had called it stale: nothing to take off the record
        requireStatus(IRebalanceHub.Status.Active);
        vm.warp(block.timestamp + MAX_PROOF_AGE + 1);
        hub.callStale(vaultId);
        IRebalanceHub.Rebalance memory r = proven(vaultId, 2, takeRound());
        expectMark(IRebalanceHub.Status.Active);
        submit(r);
        requireStatus(IRebalanceHub.Status.Active);
    }

    function test_aBatchEndsStaleness() public {
        vm.warp(LAST + 1);
        hub.callStale(vaultId);
        uint32 round = takeRound();
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entry(vaultId, 1, round);
        expectMark(IRebalanceHub.Status.Active);
        submitBatch(round, batch);
        requireStatus(IRebalanceHub.Status.Active);
    }

    /// A longer proof age does not end staleness, only a proof does; if it was not on record, it is put there.
    function test_aLongerProofAgeEndsNoStaleness() public {
        bytes32 other = open();
        terms.maxProofAge += LOOSENING_DELAY;
        uint32 longer = hub.addMandate(terms);
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, longer);
        vm.prank(OPERATOR);
        hub.proposeMandate(other, longer);
        vm.warp(NOON + LOOSENING_DELAY); // which is longer than the proof age
        hub.callStale(vaultId);
        hub.activateMandate(vaultId);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.StatusChanged(other, IRebalanceHub.Status.Stale);
        hub.activateMandate(other);
        requireStatus(IRebalanceHub.Status.Stale);
        vm.assertTrue(hub.status(other) == IRebalanceHub.Status.Stale);
        prove();
        requireStatus(IRebalanceHub.Status.Active);
    }

    // --- pause ---

    function test_theGuardianPausesAndUnpauses() public {
        expectMark(IRebalanceHub.Status.Paused);
        pause();
        requireStatus(IRebalanceHub.Status.Paused);
        expectMark(IRebalanceHub.Status.Active);
        unpause();
        requireStatus(IRebalanceHub.Status.Active);
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
        refuseBatch(round, batch, wrong(IRebalanceHub.Status.Paused));
        unpause();
        submit(r);
    }

    function test_refusesToPauseTwice() public {
        pause();
        vm.expectRevert(wrong(IRebalanceHub.Status.Paused));
        pause();
    }

    function test_refusesToUnpauseWhatIsNotPaused() public {
        vm.expectRevert(wrong(IRebalanceHub.Status.Active));
        unpause();
        vm.warp(LAST + 1);
        vm.expectRevert(wrong(IRebalanceHub.Status.Stale));
        unpause();
    }

    /// A pause stops no clock: what has become stale meanwhile is so at once, and on record.
    function test_staleAfterAPauseTooLong() public {
        pause();
        vm.warp(LAST + 1);
        requireStatus(IRebalanceHub.Status.Paused);
        expectMark(IRebalanceHub.Status.Stale);
        unpause();
        requireStatus(IRebalanceHub.Status.Stale);
        vm.expectRevert(wrong(IRebalanceHub.Status.Stale)); // it is on record
        hub.callStale(vaultId);
    }

    function test_aStaleVaultCanBePaused() public {
        vm.warp(LAST + 1);
        hub.callStale(vaultId);
        pause();
        requireStatus(IRebalanceHub.Status.Paused);
    }

    // --- wind-down ---

    function test_theOperatorWindsDownAtAnyTime() public {
        expectMark(IRebalanceHub.Status.WindDown);
        windDown(OPERATOR);
        requireStatus(IRebalanceHub.Status.WindDown);
    }

    function test_theOperatorWindsDownAPausedVault() public {
        pause();
        windDown(OPERATOR);
        requireStatus(IRebalanceHub.Status.WindDown);
    }

    function test_anyoneOnlyPastTwiceTheProofAge() public {
        uint40 possibleAt = NOON + 2 * MAX_PROOF_AGE + 1;
        bytes memory tooEarly = abi.encodeWithSelector(IRebalanceHub.TooEarly.selector, possibleAt);
        vm.expectRevert(tooEarly);
        windDown(STRANGER);
        vm.warp(possibleAt - 1);
        vm.expectRevert(tooEarly);
        windDown(STRANGER);
        vm.expectRevert(tooEarly);
        windDown(GUARDIAN);
        vm.warp(possibleAt);
        windDown(STRANGER);
        requireStatus(IRebalanceHub.Status.WindDown);
    }

    /// A guardian that pauses for ever does not keep share holders from an end.
    function test_anyoneWindsDownAVaultPausedTooLong() public {
        pause();
        vm.warp(NOON + 2 * MAX_PROOF_AGE + 1);
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
        refuseBatch(round, batch, reason);
        vm.warp(LAST + 1);
        requireStatus(IRebalanceHub.Status.WindDown);
    }

    function test_notForUnknownVaults() public {
        vaultId = bytes32(uint256(1));
        bytes memory unknown = abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId);
        vm.expectRevert(unknown);
        hub.callStale(vaultId);
        vm.expectRevert(unknown);
        hub.windDown(vaultId);
        vm.expectRevert(unknown);
        hub.pause(vaultId);
        vm.expectRevert(unknown);
        hub.unpause(vaultId);
        vm.expectRevert(unknown);
        hub.status(vaultId);
        vm.expectRevert(unknown);
        hub.vaultState(vaultId);
    }
}
