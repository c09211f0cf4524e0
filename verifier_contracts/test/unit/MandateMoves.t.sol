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

    function propose(uint32 to) private returns (uint40) {
        vm.prank(OPERATOR);
        return hub.proposeMandate(vaultId, to);
    }

    function refuseProposal(uint32 to, bytes memory reason) private {
        vm.expectRevert(reason);
        propose(to);
    }

    function requireActive(uint32 expected, uint16 mandateVersion) private view {
        vm.assertEq(uint256(stateOf(vaultId).mandate), expected);
        vm.assertEq(uint256(stateOf(vaultId).mandateVersion), mandateVersion);
    }

    function requireProposed(uint32 expected, uint40 expectedFrom) private view {
        (uint32 proposed, uint40 activeFrom) = hub.proposedMandate(vaultId);
        vm.assertEq(uint256(proposed), expected);
        vm.assertEq(uint256(activeFrom), expectedFrom);
    }

    /// `next` takes effect at once.
    function requireTightens() private {
        uint32 to = hub.addMandate(next);
        vm.assertTrue(hub.tightens(mandate, to));
        vm.assertEq(uint256(propose(to)), 0);
        requireActive(to, 2);
        requireProposed(0, 0);
    }

    /// `next` waits out the delay.
    function requireWaits() private {
        uint32 to = hub.addMandate(next);
        vm.assertFalse(hub.tightens(mandate, to));
        vm.assertEq(uint256(propose(to)), NOON + LOOSENING_DELAY);
        requireActive(mandate, 1);
        requireProposed(to, NOON + LOOSENING_DELAY);
    }

    /// A mandate that a vault may move to after the delay only.
    function looser() private returns (uint32) {
        next.maxProofAge += 1;
        return hub.addMandate(next);
    }

    function tighter() private returns (uint32) {
        next.maxProofAge = MAX_PROOF_AGE - 1;
        return hub.addMandate(next);
    }

    // --- what tightens, term by term ---

    function test_theSameTermsTighten() public {
        requireTightens();
    }

    function test_aYoungerSnapshotTightens() public {
        next.maxSnapshotAge -= 1;
        requireTightens();
    }

    function test_anOlderSnapshotWaits() public {
        next.maxSnapshotAge += 1;
        requireWaits();
    }

    function test_aLowerAccrualRateTightens() public {
        next.accrualRatePpmPerDay -= 1;
        requireTightens();
    }

    function test_aHigherAccrualRateWaits() public {
        next.accrualRatePpmPerDay += 1;
        requireWaits();
    }

    function test_aLowerAccrualCapTightens() public {
        next.accrualCapPpm -= 1;
        requireTightens();
    }

    function test_aHigherAccrualCapWaits() public {
        next.accrualCapPpm += 1;
        requireWaits();
    }

    function test_aYoungerProofTightens() public {
        next.maxProofAge -= 1;
        requireTightens();
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
        next.maxSnapshotAge -= 1;
        next.accrualRatePpmPerDay -= 1;
        next.maxProofAge -= 1;
        next.accrualCapPpm += 1;
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
        refuseProposal(7, abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, 7));
        refuseProposal(0, abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, 0));
    }

    // --- who proposes ---

    function test_onlyTheOperatorProposes() public {
        uint32 to = tighter();
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
        hub.activateMandate(vaultId);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId));
        hub.withdrawMandate(vaultId);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId));
        hub.proposedMandate(vaultId);
    }

    // --- activation ---

    function test_anyoneActivatesExactlyWhenTheDelayIsOver() public {
        uint32 to = looser();
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateProposed(vaultId, to, NOON + LOOSENING_DELAY);
        propose(to);

        vm.warp(NOON + LOOSENING_DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.TooEarly.selector, NOON + LOOSENING_DELAY));
        hub.activateMandate(vaultId);

        vm.warp(NOON + LOOSENING_DELAY);
        requireActive(mandate, 1); // not before somebody says so
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateActivated(vaultId, 2, to);
        vm.prank(STRANGER);
        hub.activateMandate(vaultId);
        requireActive(to, 2);
        requireProposed(0, 0);
    }

    function test_refusesToActivateTwice() public {
        propose(looser());
        vm.warp(NOON + LOOSENING_DELAY);
        hub.activateMandate(vaultId);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoMandateProposed.selector));
        hub.activateMandate(vaultId);
    }

    function test_refusesToActivateNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoMandateProposed.selector));
        hub.activateMandate(vaultId);
    }

    function test_aNewProposalReplacesTheOldAndWaitsAnew() public {
        propose(looser());
        vm.warp(NOON + LOOSENING_DELAY - 1);
        uint32 later = looser();
        propose(later);
        requireProposed(later, NOON + 2 * LOOSENING_DELAY - 1);
        vm.warp(NOON + LOOSENING_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.TooEarly.selector, NOON + 2 * LOOSENING_DELAY - 1));
        hub.activateMandate(vaultId);
    }

    /// What was proposed was looser than the mandate of then; nobody has compared it with this one.
    function test_tighteningWithdrawsWhatWasProposed() public {
        propose(looser());
        uint32 to = tighter();
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateActivated(vaultId, 2, to);
        propose(to);
        requireProposed(0, 0);
        vm.warp(NOON + LOOSENING_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoMandateProposed.selector));
        hub.activateMandate(vaultId);
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
        vm.assertEq(uint256(stateOf(other).mandate), mandate);
        vm.assertEq(uint256(stateOf(other).mandateVersion), 1);
    }

    // --- withdrawal ---

    function test_operatorAndGuardianWithdraw() public {
        address[2] memory both = [OPERATOR, GUARDIAN];
        for (uint256 i; i < 2; ++i) {
            propose(looser());
            vm.expectEmit(address(hub));
            emit IRebalanceHub.MandateWithdrawn(vaultId);
            vm.prank(both[i]);
            hub.withdrawMandate(vaultId);
            requireProposed(0, 0);
        }
        vm.warp(NOON + LOOSENING_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoMandateProposed.selector));
        hub.activateMandate(vaultId);
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

    // --- while paused, and in wind-down ---

    /// The guardian stops a looser mandate by a pause as by a withdrawal; a tighter one passes.
    function test_noLooserMandateWhilePaused() public {
        propose(looser());
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
        vm.warp(NOON + LOOSENING_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.WrongStatus.selector, IRebalanceHub.Status.Paused));
        hub.activateMandate(vaultId);
        requireActive(mandate, 1);
        uint32 to = tighter();
        propose(to);
        requireActive(to, 2);
    }

    function test_noMandateMovesInWindDown() public {
        propose(looser());
        vm.prank(OPERATOR);
        hub.windDown(vaultId);
        requireProposed(0, 0);
        refuseProposal(
            tighter(), abi.encodeWithSelector(IRebalanceHub.WrongStatus.selector, IRebalanceHub.Status.WindDown)
        );
        vm.warp(NOON + LOOSENING_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NoMandateProposed.selector));
        hub.activateMandate(vaultId);
        requireActive(mandate, 1);
    }
}
