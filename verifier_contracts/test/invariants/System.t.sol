// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Base} from "../Base.sol";
import {Handler} from "./Handler.sol";

/// The whole system under any sequence of calls: SYS-1 to SYS-11 (`Chronicle.check`).
/// forge-config: default.isolate = false
contract SystemTest is Base {
    /// What forge asks for: the functions of a contract that it may call.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint256 private constant STORIES = 60;
    uint256 private constant ACTIONS = 200;

    Handler private handler;

    function setUp() public {
        handler = new Handler();
        handler.setUp();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), actions());
    }

    function actions() private pure returns (bytes4[] memory list) {
        list = new bytes4[](30);
        list[0] = Handler.passTime.selector;
        list[1] = Handler.moveFeeds.selector;
        list[2] = Handler.takeSnapshot.selector;
        list[3] = Handler.openVault.selector;
        list[4] = Handler.rebalance.selector;
        list[5] = Handler.proveForLater.selector;
        list[6] = Handler.submitHeld.selector;
        list[7] = Handler.submitTampered.selector;
        list[8] = Handler.submitBatch.selector;
        list[9] = Handler.proposeMandate.selector;
        list[10] = Handler.activateMandate.selector;
        list[11] = Handler.withdrawMandate.selector;
        list[12] = Handler.rotateOperator.selector;
        list[13] = Handler.pauseOrUnpause.selector;
        list[14] = Handler.callStale.selector;
        list[15] = Handler.windDown.selector;
        list[16] = Handler.recordFlow.selector;
        list[17] = Handler.deposit.selector;
        list[18] = Handler.mint.selector;
        list[19] = Handler.redeem.selector;
        list[20] = Handler.withdraw.selector;
        list[21] = Handler.roundTrip.selector;
        list[22] = Handler.transferShares.selector;
        list[23] = Handler.requestRedeem.selector;
        list[24] = Handler.cancelRequest.selector;
        list[25] = Handler.processQueue.selector;
        list[26] = Handler.claim.selector;
        list[27] = Handler.draw.selector;
        list[28] = Handler.giveBack.selector;
        list[29] = Handler.donate.selector;
    }

    function invariant_system() external view {
        handler.check();
    }

    /// The same without chance, and not in vain: some calls are taken, and others are refused for each reason there is.
    function test_everyRefusalIsMet() external {
        vm.pauseGasMetering(); // more than a test may use
        bytes4[] memory list = actions();
        bytes4[] memory all = reasons();
        uint256[] memory met = new uint256[](all.length);
        uint256 calls;
        uint256 taken;
        uint256 start = vm.snapshotState();
        for (uint256 story; story < STORIES; ++story) {
            for (uint256 i; i < ACTIONS; ++i) {
                uint256 random = uint256(keccak256(abi.encode(story, i)));
                (bool ok, bytes memory why) =
                    address(handler).call(abi.encodeWithSelector(list[random % list.length], random));
                assembly ("memory-safe") {
                    if iszero(ok) { revert(add(why, 32), mload(why)) }
                }
            }
            handler.check();
            calls += handler.calls();
            taken += handler.taken();
            for (uint256 k; k < all.length; ++k) {
                met[k] += handler.refused(all[k]);
            }
            vm.assertTrue(vm.revertToState(start));
        }
        uint256 refused;
        uint256 least = calls;
        for (uint256 k; k < all.length; ++k) {
            refused += met[k];
            if (met[k] < least) least = met[k];
        }
        vm.snapshotValue("System", "calls", calls);
        vm.snapshotValue("System", "calls, taken", taken);
        vm.snapshotValue("System", "reasons of refusals", all.length);
        vm.snapshotValue("System", "refusals for the rarest reason", least);
        vm.assertEq(taken + refused, calls); // so no reason is missing in the list
        vm.assertTrue(least != 0);
        vm.assertTrue(5 * taken > calls);
    }

    /// Every reason for which the handler's calls are refused.
    function reasons() private pure returns (bytes4[] memory list) {
        list = new bytes4[](49);
        list[0] = IRebalanceHub.ZeroAddress.selector;
        list[1] = IRebalanceHub.UnknownKey.selector;
        list[2] = IRebalanceHub.UnknownMandate.selector;
        list[3] = IRebalanceHub.DelayTooShort.selector;
        list[4] = IRebalanceHub.NoMandateProposed.selector;
        list[5] = IRebalanceHub.TooEarly.selector;
        list[6] = IRebalanceHub.UnknownVault.selector;
        list[7] = IRebalanceHub.NotOperator.selector;
        list[8] = IRebalanceHub.NotGuardian.selector;
        list[9] = IRebalanceHub.NotOpener.selector;
        list[10] = IRebalanceHub.NotProposedOperator.selector;
        list[11] = IRebalanceHub.FlowOutOfRange.selector;
        list[12] = IRebalanceHub.DeadlinePassed.selector;
        list[13] = IRebalanceHub.WrongStatus.selector;
        list[14] = IRebalanceHub.SnapshotTooOld.selector;
        list[15] = IRebalanceHub.SnapshotBeforeLast.selector;
        list[16] = IRebalanceHub.WrongFeedSet.selector;
        list[17] = IRebalanceHub.WrongSignalCount.selector;
        list[18] = IRebalanceHub.SignalNotInField.selector;
        list[19] = IRebalanceHub.CommitmentMismatch.selector;
        list[20] = IRebalanceHub.PolicyMismatch.selector;
        list[21] = IRebalanceHub.FlowMismatch.selector;
        list[22] = IRebalanceHub.AccrualMismatch.selector;
        list[23] = IRebalanceHub.NavFloorOutOfRange.selector;
        list[24] = IRebalanceHub.ContextMismatch.selector;
        list[25] = IRebalanceHub.PriceMismatch.selector;
        list[26] = IRebalanceHub.SequenceMismatch.selector;
        list[27] = IRebalanceHub.ProofCoordinateNotInField.selector;
        list[28] = IRebalanceHub.ProofRejected.selector;
        list[29] = IRebalanceHub.EmptyBatch.selector;
        list[30] = IRebalanceHub.WrongKey.selector;
        list[31] = IPolicyRegistry.NavStepChanged.selector;
        list[32] = IPriceOracle.UnknownRound.selector;
        list[33] = IPriceOracle.AnswerNotPositive.selector;
        list[34] = IPriceOracle.AnswerStale.selector;
        list[35] = IPriceOracle.ConfirmationTooEarly.selector;
        list[36] = IPriceOracle.TwoSnapshotsInOneSecond.selector;
        list[37] = IShareToken.ZeroShares.selector;
        list[38] = IShareToken.NotRequestOwner.selector;
        list[39] = IShareToken.RequestDone.selector;
        list[40] = IShareToken.NothingToClaim.selector;
        list[41] = IShareToken.NotEnoughIdle.selector;
        list[42] = ERC4626.ERC4626ExceededMaxDeposit.selector;
        list[43] = ERC4626.ERC4626ExceededMaxMint.selector;
        list[44] = ERC4626.ERC4626ExceededMaxWithdraw.selector;
        list[45] = ERC4626.ERC4626ExceededMaxRedeem.selector;
        list[46] = IERC20Errors.ERC20InsufficientBalance.selector;
        list[47] = IERC20Errors.ERC20InsufficientAllowance.selector;
        list[48] = IRebalanceHub.NotOperatorOrGuardian.selector;
        // The token's NotOperator, WrongStatus and ZeroAddress have the selectors of the hub's.
    }
}
