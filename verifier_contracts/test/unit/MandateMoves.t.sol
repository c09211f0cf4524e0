// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

/// How a vault changes its mandate: tightening at once, anything else after the delay.
contract MandateMovesTest is Scene {
    IRebalanceHub.Mandate private next;

    function setUp() public override {
        super.setUp();
        build(8);
        next = terms;
    }

    function refuseProposal(bytes32 to, bytes memory reason) private {
        vm.expectRevert(reason);
        propose(to);
    }

    function requireActive(bytes32 expected, uint32 mandateVersion) private view {
        vm.assertEq(stateOf(vaultId).mandate, expected);
        vm.assertEq(uint256(stateOf(vaultId).mandateVersion), mandateVersion);
    }

    function requireProposed(bytes32 expected, uint40 expectedFrom) private view {
        (bytes32 proposed, bool repair, uint40 activeFrom, uint40 lapsesAt) = hub.proposedMandate(vaultId);
        vm.assertEq(proposed, expected);
        vm.assertFalse(repair);
        vm.assertEq(uint256(activeFrom), expectedFrom);
        vm.assertEq(uint256(lapsesAt), expectedFrom == 0 ? 0 : expectedFrom + ACTIVATION_WINDOW);
    }

    /// `next` takes effect at once.
    function requireTightens() private {
        bytes32 to = hub.addMandate(next);
        vm.assertTrue(hub.tightens(mandate, to));
        vm.assertEq(uint256(propose(to)), 0);
        requireActive(to, 2);
        requireProposed(0, 0);
    }

    /// `next` waits out the delay.
    function requireWaits() private {
        bytes32 to = hub.addMandate(next);
        vm.assertFalse(hub.tightens(mandate, to));
        vm.assertEq(uint256(propose(to)), NOON + LOOSENING_DELAY);
        requireActive(mandate, 1);
        requireProposed(to, NOON + LOOSENING_DELAY);
    }

    /// The delay is over, and the vault is fresh.
    function passDelay() private {
        warpFresh(NOON + LOOSENING_DELAY);
    }

    /// A mandate that a vault may move to after the delay only.
    function looser() private returns (bytes32) {
        next.maxProofAge += 1;
        return hub.addMandate(next);
    }

    function tighter() private returns (bytes32) {
        (next.maxProofAge, next.gain.cap) = (MAX_PROOF_AGE, 999_999);
        return hub.addMandate(next);
    }

    // --- what a move leaves as it is ---

    function test_theVersionOfTheLastMoveThatDidNotOnlyTighten() public {
        vm.assertEq(uint256(stateOf(vaultId).loosenedVersion), 1);
        next.writeDownPpm -= 1;
        propose(hub.addMandate(next));
        vm.assertEq(uint256(stateOf(vaultId).loosenedVersion), 1);
        next.writeDownPpm += 1;
        bytes32 to = hub.addMandate(next);
        propose(to);
        passDelay();
        hub.activateMandate(vaultId, to);
        vm.assertEq(uint256(stateOf(vaultId).loosenedVersion), 3);
        next.writeDownPpm -= 1;
        propose(hub.addMandate(next));
        requireActive(hub.addMandate(next), 4);
        vm.assertEq(uint256(stateOf(vaultId).loosenedVersion), 3);
    }

    function test_noLooseningMakesTheVaultStale() public {
        next.maxProofAge = MAX_PROOF_AGE - 1 hours;
        next.writeDownPpm += 1;
        bytes32 to = hub.addMandate(next);
        propose(to);
        passDelay();
        vm.warp(vm.getBlockTimestamp() + MAX_PROOF_AGE - 2 hours);
        prove();
        uint256 last = vm.getBlockTimestamp() + MAX_PROOF_AGE - 1 hours;
        vm.warp(last + 1);
        vm.expectRevert(wrong(IRebalanceHub.Status.Stale));
        hub.activateMandate(vaultId, to);
        vm.warp(last);
        hub.activateMandate(vaultId, to);
        requireStatus(IRebalanceHub.Status.Active);
    }

    // --- what tightens, term by term ---

    function test_theSameTermsTighten() public {
        requireTightens();
    }

    function test_aShorterGraceTightens() public {
        next.grace -= 1;
        requireTightens();
    }

    function test_aLongerGraceWaits() public {
        next.grace += 1;
        requireWaits();
    }

    function test_aLongerIntervalTightens() public {
        next.minInterval += 1;
        requireTightens();
    }

    function test_aShorterIntervalWaits() public {
        next.minInterval = 5;
        mandate = hub.addMandate(next);
        vaultId = open();
        next.minInterval = 4;
        requireWaits();
    }

    function test_aSmallerWriteDownTightens() public {
        next.writeDownPpm -= 1;
        requireTightens();
    }

    function test_aLargerWriteDownWaits() public {
        next.writeDownPpm += 1;
        requireWaits();
    }

    /// Of each bucket.
    function test_lowerRatesAndCapsTighten() public {
        next.gain.ratePerDay -= 1;
        next.gain.cap -= 1;
        next.loss.ratePerDay -= 1;
        next.loss.cap -= 1;
        next.turnover.ratePerDay -= 1;
        next.turnover.cap -= 1;
        requireTightens();
    }

    function test_anyHigherRateOrCapOrOtherStepWaits() public {
        for (uint256 i; i < 9; ++i) {
            next = terms;
            IRebalanceHub.Bucket memory bucket = i < 3 ? next.gain : i < 6 ? next.loss : next.turnover;
            if (i % 3 == 0) bucket.ratePerDay += 1;
            if (i % 3 == 1) bucket.cap += 1;
            if (i % 3 == 2) bucket.step -= 1;
            if (i < 3) next.gain = bucket;
            else if (i < 6) next.loss = bucket;
            else next.turnover = bucket;
            vaultId = open();
            requireWaits();
        }
    }

    function test_lowerFeesAndCapTightenAndFasterExits() public {
        next.share.managementFeePpm -= 1;
        next.share.performanceFeePpm -= 1;
        next.share.depositCapE6 -= 1;
        next.share.redemptionPeriod -= 1;
        requireTightens();
    }

    /// What favours some holders and burdens others waits, whichever way it goes.
    function test_otherShareTermsWait() public {
        for (uint256 i; i < 14; ++i) {
            next = terms;
            if (i == 0) next.share.managementFeePpm += 1;
            if (i == 1) next.share.performanceFeePpm += 1;
            if (i == 2) next.share.depositCapE6 += 1;
            if (i == 3) next.share.redemptionPeriod += 1;
            if (i == 4) next.share.orderDelay += 1;
            if (i == 5) next.share.leastOrderE6 += 1;
            if (i == 6) next.share.leastOrderE6 -= 1;
            if (i == 7) next.share.bandPpmPerDay += 1;
            if (i == 8) next.share.bandWait += 1;
            if (i == 9) next.loss.step += 1;
            if (i == 10) next.gain.step += 1;
            if (i == 11) next.turnover.step += 1;
            if (i == 12) next.share.orderLevyPpm += 1;
            if (i == 13) next.share.orderLevyPpm -= 1;
            vaultId = open();
            requireWaits();
        }
    }

    /// Else an operator could let the vault become stale when it likes, and take back deposits that wait, its own among them.
    function test_aYoungerProofWaits() public {
        next.maxProofAge -= 1;
        requireWaits();
    }

    function test_anOlderProofWaits() public {
        next.maxProofAge += 1;
        requireWaits();
    }

    function test_otherFeedsWait() public {
        next.feedSet = oracle.addFeedSet(setOf(8, 7));
        requireWaits();
    }

    function test_anotherKeyWaits() public {
        next.key = addKey(8);
        requireWaits();
    }

    function test_aTighterPolicyTightens() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.maxLeverageBps -= 1;
        next.policyHash = register(policy);
        requireTightens();
    }

    function test_aLooserPolicyWaits() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.maxLeverageBps += 1;
        next.policyHash = register(policy);
        requireWaits();
    }

    /// A slot more has an instrument, and with it a feed.
    function test_aNewInstrumentWaits() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[7] = policyOf(8).slots[6];
        policy.slots[7].instrument = "I07";
        next.policyHash = register(policy);
        next.feedSet = oracle.addFeedSet(setOf(8, 8));
        requireWaits();
    }

    function test_oneLooserTermAmongTighterOnesWaits() public {
        next.grace -= 1;
        next.loss.ratePerDay -= 1;
        next.loss.cap -= 1;
        next.gain.cap += 1;
        requireWaits();
    }

    // --- what no delay allows ---

    function test_refusesAnInstrumentThatChanges() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[2].instrument = "OTHER";
        next.policyHash = register(policy);
        refuseProposal(hub.addMandate(next), abi.encodeWithSelector(IPolicyRegistry.InstrumentChanged.selector, 2));
    }

    function test_refusesAnotherNavStep() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.navStepUsd += 1;
        next.policyHash = register(policy);
        refuseProposal(hub.addMandate(next), abi.encodeWithSelector(IPolicyRegistry.NavStepChanged.selector));
    }

    function test_refusesAnotherSize() public {
        bytes32 vault8 = vaultId;
        build(16);
        vaultId = vault8;
        refuseProposal(mandate, abi.encodeWithSelector(IPolicyRegistry.SizeChanged.selector));
    }

    function test_refusesUnknownMandates() public {
        bytes32[2] memory others = [bytes32(0), bytes32(uint256(mandate) + 1)];
        for (uint256 i; i < 2; ++i) {
            refuseProposal(others[i], abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, others[i]));
        }
    }

    // --- who proposes ---

    function test_onlyTheOperatorProposes() public {
        bytes32 to = tighter();
        address[3] memory others = [GUARDIAN, OPENER, STRANGER];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, others[i]));
            vm.prank(others[i]);
            hub.proposeMandate(vaultId, to);
        }
    }

    function test_notForUnknownVaults() public {
        vaultId = bytes32(uint256(1));
        refuseProposal(mandate, abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId));
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId));
        hub.activateMandate(vaultId, mandate);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId));
        hub.withdrawMandate(vaultId);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId));
        hub.proposedMandate(vaultId);
    }

    // --- activation ---

    function test_anyoneActivatesExactlyWhenTheDelayIsOver() public {
        bytes32 to = looser();
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateProposed(
            vaultId, to, false, NOON + LOOSENING_DELAY, NOON + LOOSENING_DELAY + ACTIVATION_WINDOW
        );
        propose(to);

        warpFresh(NOON + LOOSENING_DELAY - 1);
        vm.expectRevert(tooEarly(NOON + LOOSENING_DELAY));
        hub.activateMandate(vaultId, to);

        vm.warp(NOON + LOOSENING_DELAY);
        requireActive(mandate, 1); // not before somebody says so
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateActivated(vaultId, 2, to);
        vm.prank(STRANGER);
        hub.activateMandate(vaultId, to);
        requireActive(to, 2);
        requireProposed(0, 0);
    }

    function test_forAWeekAndNoLonger() public {
        bytes32 to = looser();
        propose(to);
        uint40 lapsesAt = NOON + LOOSENING_DELAY + ACTIVATION_WINDOW;
        warpFresh(lapsesAt);
        vm.expectRevert(tooLate(lapsesAt));
        hub.activateMandate(vaultId, to);
        vm.warp(lapsesAt - 1);
        hub.activateMandate(vaultId, to);
    }

    function test_aLapsedOneCanBeProposedAnew() public {
        bytes32 to = looser();
        propose(to);
        uint40 lapsesAt = NOON + LOOSENING_DELAY + ACTIVATION_WINDOW;
        vm.warp(lapsesAt);
        propose(to);
        requireProposed(to, lapsesAt + LOOSENING_DELAY);
    }

    /// Nobody activates another than they looked at.
    function test_activatesByName() public {
        bytes32 first = looser();
        propose(first);
        bytes32 second = looser();
        propose(second);
        warpFresh(NOON + LOOSENING_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.MandateNotProposed.selector, first, second));
        hub.activateMandate(vaultId, first);
        hub.activateMandate(vaultId, second);
    }

    function refuseActivation(bytes32 to) private {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoMandateProposed.selector));
        hub.activateMandate(vaultId, to);
    }

    function test_refusesToActivateTwice() public {
        bytes32 to = looser();
        propose(to);
        passDelay();
        hub.activateMandate(vaultId, to);
        refuseActivation(to);
    }

    function test_refusesToActivateNothing() public {
        refuseActivation(mandate);
    }

    function test_aNewProposalReplacesTheOldAndWaitsAnew() public {
        propose(looser());
        warpFresh(NOON + LOOSENING_DELAY - 1);
        bytes32 later = looser();
        propose(later);
        requireProposed(later, NOON + 2 * LOOSENING_DELAY - 1);
        vm.warp(NOON + LOOSENING_DELAY);
        vm.expectRevert(tooEarly(NOON + 2 * LOOSENING_DELAY - 1));
        hub.activateMandate(vaultId, later);
    }

    /// What was proposed was looser than the mandate of then; nobody has compared it with this one.
    function test_tighteningWithdrawsWhatWasProposed() public {
        bytes32 proposed = looser();
        propose(proposed);
        bytes32 to = tighter();
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateActivated(vaultId, 2, to);
        propose(to);
        requireProposed(0, 0);
        passDelay();
        refuseActivation(proposed);
    }

    function test_aProofForTheOldVersionIsVoid() public {
        uint32 round = takeRound();
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        propose(hub.addMandate(terms)); // the very same terms
        uint256 expected = hub.context(vaultId, round, DEADLINE);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.ContextMismatch.selector, r.signals[6], expected));
    }

    function test_otherVaultsUnderTheMandateStay() public {
        bytes32 other = open();
        propose(tighter());
        vm.assertEq(stateOf(other).mandate, mandate);
        vm.assertEq(uint256(stateOf(other).mandateVersion), 1);
    }

    // --- withdrawal ---

    function test_operatorAndGuardianWithdraw() public {
        address[2] memory both = [OPERATOR, GUARDIAN];
        bytes32 to;
        for (uint256 i; i < 2; ++i) {
            to = looser();
            propose(to);
            vm.expectEmit(address(hub));
            emit IRebalanceHub.MandateWithdrawn(vaultId);
            vm.prank(both[i]);
            hub.withdrawMandate(vaultId);
            requireProposed(0, 0);
        }
        passDelay();
        refuseActivation(to);
    }

    function test_nobodyElseWithdraws() public {
        propose(looser());
        address[2] memory others = [OPENER, STRANGER];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperatorOrGuardian.selector, others[i]));
            vm.prank(others[i]);
            hub.withdrawMandate(vaultId);
        }
    }

    function test_refusesToWithdrawNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoMandateProposed.selector));
        vm.prank(GUARDIAN);
        hub.withdrawMandate(vaultId);
    }

    // --- while stale or paused, and in wind-down ---

    function requireOnlyWaitingOnes(IRebalanceHub.Status status, bytes32 proposed) private {
        requireStatus(status);
        vm.expectRevert(wrong(status));
        hub.activateMandate(vaultId, proposed);
        refuseProposal(tighter(), wrong(status));
        requireActive(mandate, 1);
        next.maxProofAge = MAX_PROOF_AGE; // what waits can be proposed
        bytes32 later = looser();
        propose(later);
        requireProposed(later, uint40(block.timestamp) + LOOSENING_DELAY);
    }

    /// Only a proof ends staleness: no other mandate, and no younger version of the same one.
    function test_noMandateWhileStale() public {
        bytes32 to = looser();
        propose(to);
        vm.warp(NOON + LOOSENING_DELAY);
        refuseProposal(mandate, wrong(IRebalanceHub.Status.Stale));
        requireOnlyWaitingOnes(IRebalanceHub.Status.Stale, to);
    }

    function test_noMandateWhilePaused() public {
        bytes32 to = looser();
        propose(to);
        passDelay();
        pause();
        requireOnlyWaitingOnes(IRebalanceHub.Status.Paused, to);
    }

    function test_noMandateMovesInWindDown() public {
        bytes32 to = looser();
        propose(to);
        windDown(OPERATOR);
        requireProposed(0, 0);
        refuseProposal(tighter(), wrong(IRebalanceHub.Status.WindDown));
        refuseProposal(to, wrong(IRebalanceHub.Status.WindDown));
        vm.warp(NOON + LOOSENING_DELAY);
        refuseActivation(to);
        requireActive(mandate, 1);
    }
}
