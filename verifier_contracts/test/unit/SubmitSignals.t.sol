// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Scene} from "../Scene.sol";

/// Every public signal changed alone is refused, and by name.
contract SubmitSignalsTest is Scene {
    IRebalanceHub.Rebalance private r;

    function setUp() public {
        open(8);
        recordFlow(1_000_000);
        r = first8();
    }

    function refuseMismatch(bytes4 reason, uint256 index) private {
        uint256 expected = r.signals[index];
        r.signals[index] = expected + 1;
        refuse(r, abi.encodeWithSelector(reason, expected + 1, expected));
    }

    function test_commitmentBefore() public {
        refuseMismatch(IRebalanceHub.CommitmentMismatch.selector, Signals.COMMITMENT_BEFORE);
    }

    function test_commitmentAfter() public {
        r.signals[Signals.COMMITMENT_AFTER] += 1;
        refuse(r, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
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

    function test_accrual() public {
        refuseMismatch(IRebalanceHub.AccrualMismatch.selector, Signals.ACCRUAL);
    }

    function test_navFloor() public {
        r.signals[Signals.NAV_FLOOR] += 1;
        refuse(r, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
    }

    function test_navFloorAtItsRange() public {
        r.signals[Signals.NAV_FLOOR] = 2 ** 42 - 1;
        refuse(r, abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
        r.signals[Signals.NAV_FLOOR] = 2 ** 42;
        refuse(r, abi.encodeWithSelector(IRebalanceHub.NavFloorOutOfRange.selector, 2 ** 42));
    }

    function test_context() public {
        refuseMismatch(IRebalanceHub.ContextMismatch.selector, Signals.CONTEXT);
    }

    function test_prices() public {
        for (uint256 word; word < 2; ++word) {
            uint256 given = r.signals[Signals.PRICES + word] ^= 1;
            refuse(r, abi.encodeWithSelector(IRebalanceHub.PriceMismatch.selector, word, given, given ^ 1));
            r.signals[Signals.PRICES + word] ^= 1;
        }
    }

    function test_outsideTheField() public {
        for (uint256 i; i < r.signals.length; ++i) {
            r.signals[i] += Signals.FIELD;
            refuse(r, abi.encodeWithSelector(IRebalanceHub.SignalNotInField.selector, i));
            r.signals[i] -= Signals.FIELD;
        }
    }

    function test_tooMany() public {
        r.signals.push(0);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.WrongSignalCount.selector, 10, 9));
    }

    function test_tooFew() public {
        r.signals.pop();
        refuse(r, abi.encodeWithSelector(IRebalanceHub.WrongSignalCount.selector, 8, 9));
    }
}
