// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Mutants} from "../Mutants.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";

/// What an accepted rebalance does, and that it works in one place and once.
contract SubmitTest is Scene {
    uint32 private round;

    function setUp() public override {
        super.setUp();
        build(8);
        round = takeRound();
        recordFlow(1_000_000);
    }

    function requireRefusedFor(IRebalanceHub.Rebalance memory r, uint256 expectedContext) private {
        refuse(
            r,
            abi.encodeWithSelector(IRebalanceHub.ContextMismatch.selector, r.signals[Signals.CONTEXT], expectedContext)
        );
    }

    // --- what it does ---

    function test_advancesTheState() public {
        vm.warp(NOON + 60);
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        vm.expectEmit(address(hub));
        emit IRebalanceHub.Rebalanced(vaultId, 1001, 1_000_000, summaryOf(round, 1, Allowances.wrap(0)));
        submit(r);

        IRebalanceHub.VaultState memory expected = IRebalanceHub.VaultState({
            commitment: 1001,
            sequence: 1,
            navFloor: uint48(NAV_FLOOR),
            snapshotTimestamp: NOON,
            pendingFlow: 0,
            mandateVersion: 1,
            loosenedVersion: 1,
            mandate: mandate,
            roundsAfter: 0,
            ordersWait: false,
            writeDownOpen: false,
            lastWriteDown: 0,
            status: IRebalanceHub.Status.Active
        });
        vm.assertEq(abi.encode(stateOf(vaultId)), abi.encode(expected));
    }

    function test_advancesAgainWithNegativeFlowAndAllowances() public {
        submit(proven(vaultId, 1001, round));
        vm.warp(NOON + 12 hours);
        recordFlow(-250_000);
        Allowances named = naming(150_000, 30_000, 200_000);
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1002, takeRound(), named);
        vm.assertEq(r.signals[Signals.COMMITMENT_BEFORE], 1001);
        vm.assertEq(r.signals[Signals.FLOW], Signals.FIELD - 250_000);
        vm.assertEq(r.signals[Signals.ALLOWANCES], Allowances.unwrap(named));
        vm.expectEmit(address(hub));
        emit IRebalanceHub.Rebalanced(vaultId, 1002, -250_000, summaryOf(r.round, 2, named));
        submit(r);
        vm.assertEq(stateOf(vaultId).commitment, 1002);
    }

    function test_everySizeAdvances() public {
        uint8[2] memory sizes = [16, 32];
        for (uint256 i; i < 2; ++i) {
            build(sizes[i]);
            submit(proven(vaultId, 1001, takeRound()));
            vm.assertEq(stateOf(vaultId).commitment, 1001);
        }
    }

    function test_aHeartbeatKeepsTheCommitment() public {
        submit(proven(vaultId, 1001, round));
        submit(proven(vaultId, 1001, round));
        vm.assertEq(uint256(stateOf(vaultId).sequence), 2);
    }

    function test_otherVaultsStay() public {
        bytes32 other = open();
        IRebalanceHub.VaultState memory before = stateOf(other);
        submit(proven(vaultId, 1001, round));
        vm.assertEq(abi.encode(stateOf(other)), abi.encode(before));
    }

    // --- who and when ---

    function test_refusesUnknownVault() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        vaultId = bytes32(uint256(1));
        refuse(r, abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, vaultId));
    }

    function test_refusesAnyoneButTheOperator() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        address[4] memory others = [STRANGER, GUARDIAN, OPENER, OTHER_OPERATOR];
        for (uint256 i; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, others[i]));
            vm.prank(others[i]);
            hub.submit(vaultId, r);
        }
    }

    function test_untilTheDeadline() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        r.deadline = NOON + 1 hours;
        r.signals = hub.expectedSignals(vaultId, 1001, NAV_FLOOR, Allowances.wrap(0), round, r.deadline);
        r.proof = Trapdoor.prove(r.signals, 0);
        vm.warp(r.deadline + 1);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.DeadlinePassed.selector, r.deadline));
        vm.warp(r.deadline);
        submit(r);
    }

    // --- in one place, once: each change of place alone, with a valid proof for the other place ---

    function test_refusesReplay() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        uint256 before = r.signals[Signals.COMMITMENT_BEFORE];
        submit(r);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.CommitmentMismatch.selector, before, 1001));
    }

    /// Nothing traded, nothing flowed, nothing accrued: as a replay only its sequence is wrong.
    function test_refusesReplayOfAHeartbeat() public {
        submit(proven(vaultId, 1001, round));
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        submit(r);
        requireRefusedFor(r, hub.context(vaultId, round, DEADLINE));
    }

    /// A Groth16 proof can be turned into another valid one, so it must not be what tells a replay.
    function test_refusesReplayOfARerandomisedHeartbeat() public {
        submit(proven(vaultId, 1001, round));
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        submit(r);
        Mutants.negateAB(r.proof);
        requireRefusedFor(r, hub.context(vaultId, round, DEADLINE));
    }

    function test_acceptsARerandomisedProof() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        Mutants.negateAB(r.proof);
        submit(r);
    }

    /// The second of two rebalances, sent first. That it starts from the first one's book is told before.
    function test_refusesALaterSequence() public {
        uint256 snapshot = vm.snapshotState();
        recordFlow(-1_000_000);
        submit(proven(vaultId, stateOf(vaultId).commitment, round));
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        vm.revertToState(snapshot);
        recordFlow(-1_000_000);
        requireRefusedFor(r, hub.context(vaultId, round, DEADLINE));
    }

    function test_refusesOtherVault() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        vaultId = open();
        recordFlow(1_000_000);
        requireRefusedFor(r, hub.context(vaultId, round, DEADLINE));
    }

    function test_refusesOtherChain() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        vm.chainId(1);
        requireRefusedFor(r, hub.context(vaultId, round, DEADLINE));
    }

    /// A hub of the same code and storage at another address: the very same vault.
    function test_refusesOtherHub() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        RebalanceHub other = RebalanceHub(address(bytes20(hex"4949494949494949494949494949494949494949")));
        vm.cloneAccount(address(hub), address(other));
        vm.assertEq(abi.encode(other.vaultState(vaultId)), abi.encode(stateOf(vaultId)));
        uint256 expected = other.context(vaultId, round, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.ContextMismatch.selector, r.signals[6], expected));
        vm.prank(OPERATOR);
        other.submit(vaultId, r);
        submit(r); // it holds here
    }

    function test_refusesOtherOperator() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        vm.prank(OPERATOR);
        hub.proposeOperator(vaultId, OTHER_OPERATOR);
        vm.warp(NOON + 1 days);
        vm.prank(OTHER_OPERATOR);
        hub.acceptOperator(vaultId);
        vm.warp(NOON); // the round is young again
        uint256 expected = hub.context(vaultId, round, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.ContextMismatch.selector, r.signals[6], expected));
        vm.prank(OTHER_OPERATOR);
        hub.submit(vaultId, r);
    }

    function test_refusesOtherVersion() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, mandate); // the same mandate again is a new version
        requireRefusedFor(r, hub.context(vaultId, round, DEADLINE));
    }

    function test_refusesOtherDeadline() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        r.deadline += 1;
        requireRefusedFor(r, hub.context(vaultId, round, r.deadline));
    }

    function test_refusesOtherRoundOfTheSamePrices() public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        vm.warp(NOON + 1);
        r.round = takeRound();
        requireRefusedFor(r, hub.context(vaultId, r.round, DEADLINE));
    }

    /// The context is what `IRebalanceHub.context` documents, in that order.
    function test_contextByItsDefinition() public {
        submit(proven(vaultId, 1001, round));
        bytes32 digest = keccak256(
            abi.encode(
                block.chainid,
                address(hub),
                vaultId,
                uint256(2),
                uint256(1),
                uint256(round),
                OPERATOR,
                uint256(DEADLINE)
            )
        );
        vm.assertEq(hub.context(vaultId, round, DEADLINE), uint256(digest) % Signals.FIELD);
        vm.assertEq(proven(vaultId, 1, round).signals[Signals.CONTEXT], uint256(digest) % Signals.FIELD);
    }
}
