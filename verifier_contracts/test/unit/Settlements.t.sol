// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IVaultShare} from "../../src/interfaces/IVaultShare.sol";
import {Scene} from "../Scene.sol";
import {FakeShare} from "../mocks/FakeShare.sol";

/// The hub lets the share settle in the transaction that accepts a proof; whatever the share does, the rebalance stands.
contract SettlementsTest is Scene {
    /// What the share is promised.
    uint256 private constant GAS = 400_000;

    FakeShare private share;
    uint32 private round;

    function setUp() public override {
        super.setUp();
        build(8);
        share = openShare();
        vaultId = share.vaultId();
        vm.warp(NOON + 1);
        round = takeRound();
    }

    function openShare() private returns (FakeShare opened) {
        opened = new FakeShare(hub);
        opened.open(OPERATOR, GUARDIAN, LOOSENING_DELAY, mandate);
    }

    function wait() private {
        share.wait(true);
    }

    function batchOf(bytes32 first, bytes32 second)
        private
        view
        returns (IRebalanceHub.BatchedRebalance[] memory batch)
    {
        batch = new IRebalanceHub.BatchedRebalance[](2);
        (batch[0], batch[1]) = (entry(first, 1, round), entry(second, 2, round));
    }

    // --- who says that orders wait ---

    function test_theOpenerSaysWhetherOrdersWait() public {
        for (uint256 i; i < 2; ++i) {
            vm.expectEmit(address(hub));
            emit IRebalanceHub.OrdersWaiting(vaultId, i == 0);
            share.wait(i == 0);
            vm.assertTrue(stateOf(vaultId).ordersWait == (i == 0));
        }
        address[3] memory others = [OPERATOR, GUARDIAN, STRANGER];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOpener.selector, others[i]));
            vm.prank(others[i]);
            hub.setOrdersWaiting(vaultId, true);
        }
    }

    function test_aRebalanceLeavesTheFlag() public {
        wait();
        prove();
        vm.assertTrue(stateOf(vaultId).ordersWait);
    }

    // --- the call ---

    function test_settlesOnceAfterAllElse() public {
        wait();
        vm.expectCall(address(share), abi.encodeCall(IVaultShare.settle, ()));
        submit(proven(vaultId, 1, round));
        vm.assertEq(share.settlements(), 1);
        vm.assertEq(uint256(share.sequenceSeen()), 1); // the new state is what it sees
        vm.assertLt(GAS - 1_000, share.gasSeen());
        vm.assertLe(share.gasSeen(), GAS);
    }

    function test_withoutWaitingOrdersThereIsNoCall() public {
        submit(proven(vaultId, 1, round));
        vm.assertEq(share.settlements(), 0);
    }

    function test_inABatchAfterTheVerdict() public {
        FakeShare other = openShareNow();
        wait();
        other.wait(true);
        submitBatch(batchOf(vaultId, other.vaultId()));
        vm.assertEq(share.settlements(), 1);
        vm.assertEq(other.settlements(), 1);
    }

    /// A second ago, so that the round of now is one after it.
    function openShareNow() private returns (FakeShare opened) {
        vm.warp(NOON);
        opened = openShare();
        vm.warp(NOON + 1);
    }

    function test_aRefusedBatchSettlesNothing() public {
        FakeShare other = openShareNow();
        wait();
        IRebalanceHub.BatchedRebalance[] memory batch = batchOf(vaultId, other.vaultId());
        batch[1].summary = withNavFloor(batch[1].summary, NAV_FLOOR + 1);
        refuseBatch(batch, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
        vm.assertEq(share.settlements(), 0);
    }

    /// A share that becomes the operator of the next vault while it settles skips no settlement of that vault.
    function test_noShareSkipsTheSettlementOfAnother() public {
        FakeShare other = openShareNow();
        other.wait(true);
        wait();
        bytes32 next = other.vaultId();
        vm.prank(OPERATOR);
        hub.proposeOperator(next, address(share));
        share.tell(abi.encodeCall(hub.acceptOperator, (next)));
        share.behave(FakeShare.Manner.SubmitsAgain);
        vm.warp(NOON + 1 + 1 days);
        round = takeRound();
        submitBatch(batchOf(vaultId, next));
        (, address operator,,,) = hub.rolesOf(next);
        vm.assertEq(operator, address(share));
        vm.assertEq(other.settlements(), 1);
    }

    function test_onlyVaultsWhoseOrdersWait() public {
        FakeShare other = openShareNow();
        wait();
        submitBatch(batchOf(vaultId, other.vaultId()));
        vm.assertEq(share.settlements(), 1);
        vm.assertEq(other.settlements(), 0);
    }

    // --- whatever it does, the rebalance stands ---

    function requireStands(FakeShare.Manner manner) private {
        wait();
        share.behave(manner);
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.SettlementFailed(vaultId, 1);
        submit(r);
        vm.assertEq(stateOf(vaultId).commitment, 1);
        vm.assertEq(share.settlements(), 0);
        vm.assertLt(vm.lastCallGas().gasTotalUsed, 1_100_000);
    }

    function test_aShareThatReverts() public {
        requireStands(FakeShare.Manner.Reverts);
    }

    function test_aShareThatBurnsItsGas() public {
        requireStands(FakeShare.Manner.BurnsAllGas);
    }

    function test_aShareThatRevertsWithALot() public {
        requireStands(FakeShare.Manner.ReturnsAMegabyte);
    }

    /// Nor does an account without code stop it, which has no orders anyway.
    function test_anOpenerWithoutCode() public {
        vaultId = open();
        vm.prank(OPENER);
        hub.setOrdersWaiting(vaultId, true);
        submit(proven(vaultId, 1, round));
        vm.assertEq(stateOf(vaultId).commitment, 1);
    }

    function test_aBatchStandsToo() public {
        FakeShare other = openShareNow();
        wait();
        other.wait(true);
        share.behave(FakeShare.Manner.BurnsAllGas);
        submitBatch(batchOf(vaultId, other.vaultId()));
        vm.assertEq(other.settlements(), 1);
        vm.assertEq(stateOf(vaultId).commitment, 1);
    }

    /// It comes back into the hub: the same rebalance again finds the new state.
    function test_aShareThatSubmitsAgain() public {
        vm.warp(NOON);
        FakeShare odd = new FakeShare(hub);
        odd.open(address(odd), GUARDIAN, LOOSENING_DELAY, mandate); // its own operator
        vm.warp(NOON + 1);
        vaultId = odd.vaultId();
        odd.wait(true);
        odd.behave(FakeShare.Manner.SubmitsAgain);
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        odd.tell(abi.encodeCall(hub.submit, (vaultId, r)));
        vm.prank(address(odd));
        hub.submit(vaultId, r);
        vm.assertEq(uint256(stateOf(vaultId).sequence), 1);
        vm.assertEq(odd.settlements(), 1);
    }

    function test_aShareMayWindDownWhileItSettles() public {
        wait();
        share.behave(FakeShare.Manner.WindsDown);
        share.tell(abi.encodeCall(hub.windDown, (vaultId)));
        submit(proven(vaultId, 1, round));
        requireStatus(IRebalanceHub.Status.WindDown);
        vm.assertEq(stateOf(vaultId).commitment, 1);
    }

    // --- gas ---

    /// An operator cannot skip a price by sending too little gas: whatever the limit, the settlement has all of its gas, or
    /// nothing happens.
    function test_noGasLimitSkipsASettlement() public {
        wait();
        bytes memory call = abi.encodeCall(hub.submit, (vaultId, proven(vaultId, 1, round)));
        uint256 accepted;
        for (uint256 limit = 600_000; limit < 1_200_000; limit += 12_345) {
            uint256 start = vm.snapshotState();
            vm.prank(OPERATOR);
            (bool ok,) = address(hub).call{gas: limit}(call);
            if (ok) {
                accepted += 1;
                vm.assertEq(share.settlements(), 1);
                vm.assertLt(GAS - 1_000, share.gasSeen());
            }
            vm.revertToState(start);
        }
        vm.assertLt(1, accepted);
    }

    function test_noGasLimitSkipsASettlementInABatch() public {
        FakeShare other = openShareNow();
        wait();
        other.wait(true);
        IRebalanceHub.BatchedRebalance[] memory batch = batchOf(vaultId, other.vaultId());
        bytes memory call = abi.encodeCall(hub.submitBatch, (terms.key, DEADLINE, batch));
        uint256 accepted;
        for (uint256 limit = 600_000; limit < 2_000_000; limit += 34_567) {
            uint256 start = vm.snapshotState();
            vm.prank(OPERATOR);
            (bool ok,) = address(hub).call{gas: limit}(call);
            if (ok) {
                accepted += 1;
                vm.assertLt(GAS - 1_000, share.gasSeen());
                vm.assertLt(GAS - 1_000, other.gasSeen());
            }
            vm.revertToState(start);
        }
        vm.assertLt(1, accepted);
    }

    // --- exits before a loosening ---

    function proposeLooser() private returns (bytes32 to) {
        terms.gain.cap += 1_000;
        to = hub.addMandate(terms);
        propose(to);
        vm.warp(NOON + 1 + LOOSENING_DELAY);
        warpFresh(NOON + 1 + LOOSENING_DELAY);
    }

    function refuseActivation(bytes32 to) private {
        uint40 askedBefore = NOON + 1 + LOOSENING_DELAY / 2;
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.RedemptionsFirst.selector, askedBefore));
        hub.activateMandate(vaultId, to);
    }

    function test_aLooseningWaitsForExits() public {
        wait();
        bytes32 to = proposeLooser();
        for (uint256 answer; answer < 5; ++answer) {
            if (answer == 1) continue;
            share.serve(answer); // an answer that is none counts as no
            refuseActivation(to);
        }
        share.serve(1);
        vm.expectCall(address(share), abi.encodeCall(IVaultShare.exitsServedBefore, (NOON + 1 + LOOSENING_DELAY / 2)));
        hub.activateMandate(vaultId, to);
        vm.assertEq(stateOf(vaultId).mandate, to);
    }

    /// With an end: the proposal lapses.
    function test_theWaitHasAnEnd() public {
        wait();
        share.serve(0);
        bytes32 to = proposeLooser();
        warpFresh(NOON + 1 + LOOSENING_DELAY + ACTIVATION_WINDOW);
        vm.expectRevert(tooLate(NOON + 1 + LOOSENING_DELAY + ACTIVATION_WINDOW));
        hub.activateMandate(vaultId, to);
    }

    function test_withoutWaitingOrdersNobodyIsAsked() public {
        share.serve(0);
        hub.activateMandate(vaultId, proposeLooser());
    }

    function test_anOpenerWithoutCodeIsNotAsked() public {
        vaultId = open();
        vm.prank(OPENER);
        hub.setOrdersWaiting(vaultId, true);
        hub.activateMandate(vaultId, proposeLooser());
    }
}
