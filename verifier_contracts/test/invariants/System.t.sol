// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Base} from "../Base.sol";
import {Handler} from "./Handler.sol";

/// Hub, oracle and registry under random sequences of calls, against a model that was written from `docs/states.md`. The share
/// token's own sequences are in fuzz/ShareTokenSequence.t.sol.
contract SystemTest is Base {
    Handler private handler;

    function setUp() public {
        handler = new Handler();
        handler.setUp();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        targets[0].selectors = new bytes4[](1);
        targets[0].selectors[0] = Handler.step.selector;
    }

    /// Each call is checked as it is made (`Handler.send`); here the state after all of them.
    function invariant_theHubIsWhatTheChronicleKnows() external view {
        handler.check();
    }

    bytes4[] private calls;
    bytes4[] private reasons;
    mapping(bytes4 reason => uint256) private refused;
    mapping(bytes4 call => uint256) private taken;

    /// The sequences meet every call and every refusal of the table: nothing above is true for want of a try. But for
    /// `FeedsAlive`, which takes a feed that dies, a repair that waits and the feed's return in time: RepairsTest makes it.
    function test_everyCallAndEveryRefusalIsMet() external {
        vm.pauseGasMetering();
        calls = [
            IRebalanceHub.submit.selector,
            IRebalanceHub.submitBatch.selector,
            IRebalanceHub.recordFlow.selector,
            IRebalanceHub.setOrdersWaiting.selector,
            IRebalanceHub.pause.selector,
            IRebalanceHub.unpause.selector,
            IRebalanceHub.windDown.selector,
            IRebalanceHub.proposeMandate.selector,
            IRebalanceHub.activateMandate.selector,
            IRebalanceHub.withdrawMandate.selector,
            IRebalanceHub.proposeOperator.selector,
            IRebalanceHub.acceptOperator.selector,
            IRebalanceHub.announceWriteDown.selector,
            IRebalanceHub.approveWriteDown.selector,
            IRebalanceHub.withdrawWriteDown.selector
        ];
        reasons = [
            IRebalanceHub.NotOperator.selector,
            IRebalanceHub.NotOperatorOrGuardian.selector,
            IRebalanceHub.NotGuardian.selector,
            IRebalanceHub.NotOpener.selector,
            IRebalanceHub.NotProposedOperator.selector,
            IRebalanceHub.WrongStatus.selector,
            IRebalanceHub.TooEarly.selector,
            IRebalanceHub.TooLate.selector,
            IRebalanceHub.NoMandateProposed.selector,
            IRebalanceHub.MandateNotProposed.selector,
            IRebalanceHub.WrongFeedSet.selector,
            IRebalanceHub.RoundTooOld.selector,
            IRebalanceHub.RoundBeforeLast.selector,
            IRebalanceHub.RoundTooEarly.selector,
            IRebalanceHub.AllowanceTooLarge.selector,
            IRebalanceHub.AllowanceNotInSteps.selector,
            IRebalanceHub.WriteDownMismatch.selector,
            IRebalanceHub.WriteDownWaits.selector,
            IRebalanceHub.WriteDownOutOfRange.selector,
            IRebalanceHub.NoWriteDown.selector,
            IRebalanceHub.ProofRejected.selector
        ];
        for (uint256 run; run < 12; ++run) {
            handler = new Handler();
            handler.setUp();
            for (uint256 i; i < 250; ++i) {
                handler.step(uint256(keccak256(abi.encode(run, i))));
            }
            for (uint256 i; i < calls.length; ++i) {
                taken[calls[i]] += handler.counts(keccak256(abi.encode(calls[i], bytes4(0))));
            }
            for (uint256 i; i < reasons.length; ++i) {
                refused[reasons[i]] += handler.counts(bytes32(reasons[i]));
            }
        }
        for (uint256 i; i < calls.length; ++i) {
            vm.assertTrue(taken[calls[i]] != 0, string.concat("never taken: ", hexOf(calls[i])));
        }
        for (uint256 i; i < reasons.length; ++i) {
            vm.assertTrue(refused[reasons[i]] != 0, string.concat("never refused: ", hexOf(reasons[i])));
        }
    }

    function hexOf(bytes4 selector) private pure returns (string memory) {
        bytes memory text = new bytes(8);
        for (uint256 i; i < 8; ++i) {
            text[i] = bytes("0123456789abcdef")[uint32(selector) >> (28 - 4 * i) & 15];
        }
        return string(text);
    }
}
