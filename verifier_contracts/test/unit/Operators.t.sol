// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

/// The operator changes in two steps, and takes the book along.
contract OperatorsTest is Scene {
    function setUp() public override {
        super.setUp();
        build(8);
    }

    function propose(address operator) private {
        vm.prank(OPERATOR);
        hub.proposeOperator(vaultId, operator);
    }

    function accept(address operator) private {
        vm.prank(operator);
        hub.acceptOperator(vaultId);
    }

    /// Offered, and accepted as early as can be.
    function handOver(address operator) private {
        vm.prank(current());
        hub.proposeOperator(vaultId, operator);
        vm.warp(vm.getBlockTimestamp() + 1 days);
        accept(operator);
    }

    function current() private view returns (address operator) {
        (, operator,,,) = hub.rolesOf(vaultId);
    }

    function refuseToAccept(address operator) private {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotProposedOperator.selector, operator));
        accept(operator);
    }

    function submitAs(address operator, IRebalanceHub.Rebalance memory r) private {
        vm.prank(operator);
        hub.submit(vaultId, r);
    }

    function test_theBookMovesAlong() public {
        recordFlow(5);
        submit(proven(vaultId, 1, takeRound()));
        recordFlow(-3);
        IRebalanceHub.VaultState memory before = stateOf(vaultId);

        vm.expectEmit(address(hub));
        emit IRebalanceHub.OperatorProposed(vaultId, OTHER_OPERATOR, NOON + 1 days, NOON + 8 days);
        propose(OTHER_OPERATOR);
        vm.warp(NOON + 1 days);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.OperatorChanged(vaultId, OTHER_OPERATOR);
        accept(OTHER_OPERATOR);

        vm.assertEq(abi.encode(stateOf(vaultId)), abi.encode(before));
        (, address operator, address proposed,,) = hub.rolesOf(vaultId);
        vm.assertEq(operator, OTHER_OPERATOR);
        vm.assertEq(proposed, address(0));
    }

    function test_theNewOperatorRebalancesAndTheOldOneCannot() public {
        submit(proven(vaultId, 1, takeRound()));
        handOver(OTHER_OPERATOR);
        uint32 round = takeRound();
        IRebalanceHub.Rebalance memory r = proven(vaultId, 2, round);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, OPERATOR));
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, OPERATOR));
        propose(OPERATOR);
        submitAs(OTHER_OPERATOR, r);
        vm.assertEq(stateOf(vaultId).commitment, 2);
    }

    function test_theOldOperatorCannotBatch() public {
        handOver(OTHER_OPERATOR);
        uint32 round = takeRound();
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entry(vaultId, 1, round);
        refuseBatch(batch, abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, OPERATOR));
        vm.prank(OTHER_OPERATOR);
        hub.submitBatch(terms.key, DEADLINE, batch);
    }

    function test_aProofOfTheOldOperatorIsVoid() public {
        uint32 round = takeRound();
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        handOver(OTHER_OPERATOR);
        vm.warp(NOON + GRACE); // the round is young again
        uint256 expected = hub.context(vaultId, round, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.ContextMismatch.selector, r.signals[6], expected));
        submitAs(OTHER_OPERATOR, r);
    }

    function test_theProposedOneIsNotYetOperator() public {
        propose(OTHER_OPERATOR);
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, takeRound());
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, OTHER_OPERATOR));
        submitAs(OTHER_OPERATOR, r);
        submit(r);
    }

    function test_onlyTheProposedOneAccepts() public {
        refuseToAccept(OTHER_OPERATOR); // nobody is proposed
        propose(OTHER_OPERATOR);
        vm.warp(NOON + 1 days);
        refuseToAccept(STRANGER);
        refuseToAccept(OPERATOR);
        accept(OTHER_OPERATOR);
        refuseToAccept(OTHER_OPERATOR); // once
    }

    function test_acceptsFromADayToEightDaysAfter() public {
        propose(OTHER_OPERATOR);
        vm.warp(NOON + 1 days - 1);
        vm.expectRevert(tooEarly(NOON + 1 days));
        accept(OTHER_OPERATOR);
        vm.warp(NOON + 8 days);
        vm.expectRevert(tooLate(NOON + 8 days));
        accept(OTHER_OPERATOR);
        vm.warp(NOON + 8 days - 1);
        accept(OTHER_OPERATOR);
    }

    function test_anOfferIsReplacedOrTakenBack() public {
        propose(STRANGER);
        propose(OTHER_OPERATOR);
        vm.warp(NOON + 1 days);
        refuseToAccept(STRANGER);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.OperatorProposed(vaultId, address(0), 0, 0);
        propose(address(0));
        refuseToAccept(OTHER_OPERATOR);
    }

    function test_theGuardianTakesAnOfferBackAndMakesNone() public {
        propose(OTHER_OPERATOR);
        vm.prank(GUARDIAN);
        hub.proposeOperator(vaultId, address(0));
        vm.warp(NOON + 1 days);
        refuseToAccept(OTHER_OPERATOR);
        address[2] memory others = [OPENER, STRANGER];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, others[i]));
            vm.prank(others[i]);
            hub.proposeOperator(vaultId, address(0));
        }
    }

    function test_onlyTheOperatorProposes() public {
        address[3] memory others = [OPENER, GUARDIAN, STRANGER];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, others[i]));
            vm.prank(others[i]);
            hub.proposeOperator(vaultId, others[i]);
        }
    }

    function test_proposingOneselfChangesNothing() public {
        submit(proven(vaultId, 1, takeRound()));
        IRebalanceHub.VaultState memory before = stateOf(vaultId);
        handOver(OPERATOR);
        vm.assertEq(abi.encode(stateOf(vaultId)), abi.encode(before));
    }

    /// Nothing is left at the place of an operator that comes back to it.
    function test_backAndForth() public {
        handOver(OTHER_OPERATOR);
        submitAs(OTHER_OPERATOR, proven(vaultId, 1, takeRound()));
        handOver(OPERATOR);
        vm.assertEq(uint256(stateOf(vaultId).sequence), 1);
        submit(proven(vaultId, 2, takeRound()));
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, OTHER_OPERATOR));
        vm.prank(OTHER_OPERATOR);
        hub.proposeOperator(vaultId, OTHER_OPERATOR);
    }

    function test_flowsAndStatusFollowTheBook() public {
        handOver(OTHER_OPERATOR);
        recordFlow(7);
        vm.assertEq(int256(stateOf(vaultId).pendingFlow), 7);
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
        vm.assertTrue(hub.status(vaultId) == IRebalanceHub.Status.Paused);
    }

    function test_notForUnknownVaults() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, bytes32(0)));
        hub.proposeOperator(0, STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, bytes32(0)));
        hub.acceptOperator(0);
    }
}
