// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";

/// Every public signal changed alone is refused, and by name, though the proof is a valid one of the changed signals.
contract SubmitSignalsTest is Scene {
    IRebalanceHub.Rebalance private r;

    function setUp() public override {
        super.setUp();
        build(8);
        recordFlow(1_000_000);
        r = proven(vaultId, 1001, takeRound());
    }

    function refuseMismatch(bytes4 reason, uint256 index) private {
        uint256 expected = r.signals[index];
        r.signals[index] = expected + 1;
        r.proof = Trapdoor.prove(r.signals, 0);
        refuse(r, abi.encodeWithSelector(reason, expected + 1, expected));
    }

    function test_commitmentBefore() public {
        refuseMismatch(IRebalanceHub.CommitmentMismatch.selector, Signals.COMMITMENT_BEFORE);
    }

    function test_policyHash() public {
        refuseMismatch(IRebalanceHub.PolicyMismatch.selector, Signals.POLICY_HASH);
    }

    function test_flow() public {
        refuseMismatch(IRebalanceHub.FlowMismatch.selector, Signals.FLOW);
    }

    function test_flowThatCameAfterTheProof() public {
        recordFlow(5);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.FlowMismatch.selector, 1_000_000, 1_000_005));
    }

    function test_context() public {
        refuseMismatch(IRebalanceHub.ContextMismatch.selector, Signals.CONTEXT);
    }

    function test_prices() public {
        for (uint256 word; word < 2; ++word) {
            uint256 given = r.signals[Signals.PRICES + word] ^= 1;
            r.proof = Trapdoor.prove(r.signals, 0);
            refuse(r, abi.encodeWithSelector(IRebalanceHub.PriceMismatch.selector, word, given, given ^ 1));
            r.signals[Signals.PRICES + word] ^= 1;
        }
    }

    /// Commitment after, NAV floor and, within the buckets, the allowances are the prover's to say, but not without a proof.
    function test_whatTheProverSaysNeedsAProof() public {
        uint256[3] memory free = [Signals.COMMITMENT_AFTER, Signals.NAV_FLOOR, Signals.ALLOWANCES];
        for (uint256 i; i < 3; ++i) {
            r.signals[free[i]] += i < 2 ? 1 : 10_000 << 60; // a step of turnover
            refuse(r, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
        }
        r.proof = Trapdoor.prove(r.signals, 0);
        submit(r);
        vm.assertEq(stateOf(vaultId).commitment, 1002);
        vm.assertEq(uint256(stateOf(vaultId).navFloor), NAV_FLOOR + 1);
    }

    function test_navFloorUpToItsRange() public {
        r.signals[Signals.NAV_FLOOR] = 2 ** 42;
        r.proof = Trapdoor.prove(r.signals, 0);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.NavFloorOutOfRange.selector, 2 ** 42));
        r.signals[Signals.NAV_FLOOR] = Signals.FIELD - 1;
        r.proof = Trapdoor.prove(r.signals, 0);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.NavFloorOutOfRange.selector, Signals.FIELD - 1));
        r.signals[Signals.NAV_FLOOR] = 2 ** 42 - 1;
        r.proof = Trapdoor.prove(r.signals, 0);
        submit(r);
        vm.assertEq(uint256(stateOf(vaultId).navFloor), 2 ** 42 - 1);
    }

    function test_commitmentAfterUpToTheField() public {
        r.signals[Signals.COMMITMENT_AFTER] = Signals.FIELD - 1;
        r.proof = Trapdoor.prove(r.signals, 0);
        submit(r);
        vm.assertEq(stateOf(vaultId).commitment, Signals.FIELD - 1);
    }

    /// x and x + FIELD are the same to a pairing.
    function test_outsideTheField() public {
        for (uint256 i; i < r.signals.length; ++i) {
            r.signals[i] += Signals.FIELD;
            refuse(r, abi.encodeWithSelector(IRebalanceHub.SignalNotInField.selector, i));
            r.signals[i] -= Signals.FIELD;
        }
        submit(r);
    }

    function test_tooMany() public {
        r.signals.push(0);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.WrongSignalCount.selector, 10, 9));
    }

    function test_tooFew() public {
        r.signals.pop();
        refuse(r, abi.encodeWithSelector(IRebalanceHub.WrongSignalCount.selector, 8, 9));
        delete r.signals;
        refuse(r, abi.encodeWithSelector(IRebalanceHub.WrongSignalCount.selector, 0, 9));
    }

    function test_ofAnotherSize() public {
        bytes32 vault8 = vaultId;
        build(16);
        submit(proven(vaultId, 1001, takeRound()));
        IRebalanceHub.Rebalance memory other = proven(vaultId, 1002, 2);
        (vaultId, other.round) = (vault8, 1);
        refuse(other, abi.encodeWithSelector(IRebalanceHub.WrongSignalCount.selector, 11, 9));
    }
}
