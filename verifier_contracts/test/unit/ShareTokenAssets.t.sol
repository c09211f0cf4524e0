// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";
import {IHook, OddToken} from "../mocks/OddToken.sol";
import {Token} from "../mocks/Token.sol";

/// Calls the vault back from a transfer, and remembers what came of it.
contract Caller is IHook {
    address private immutable target;
    bytes private call;
    bool public succeeded;
    bytes4 public reason;

    constructor(address target_, bytes memory call_) {
        (target, call) = (target_, call_);
    }

    function onTransfer() external {
        bytes memory answer;
        (succeeded, answer) = target.call(call);
        reason = bytes4(answer);
    }
}

/// What an asset may do, and what it must not.
contract ShareTokenAssetsTest is ShareTokenScene {
    OddToken private odd;

    function setUp() public virtual override {
        super.setUp();
        odd = new OddToken();
        open(Token(address(odd)), 1);
    }

    function test_assetsOf6To18Decimals() public {
        asset = new Token(5);
        bytes32 mandate = hub.vaultState(vaultId).mandate;
        vm.expectRevert(abi.encodeWithSelector(IShareToken.UnsupportedDecimals.selector, 5));
        newVault(mandate, CUSTODY);
        asset = new Token(19);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.UnsupportedDecimals.selector, 19));
        newVault(mandate, CUSTODY);
        asset = new Token(18);
        vm.assertEq(newVault(mandate, CUSTODY).decimals(), 24);
        vm.expectRevert(IShareToken.ZeroAddress.selector);
        newVault(mandate, address(0));
    }

    function test_aFeeIsRefusedOnTheWayInAndToCustody() public {
        enter(ADA, 100 * usd, 0);
        odd.takeFee(100);
        give(BEN, 100 * usd);
        vm.prank(BEN);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.WrongAmountMoved.selector, 99 * usd, 100 * usd));
        vault.requestDeposit(100 * usd, BEN, BEN);
        vm.prank(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.WrongAmountMoved.selector, 9_900_000, 10_000_000));
        vault.draw(10 * USD_E6);
    }

    function test_aFeeThatBeginsLaterLocksNobodyIn() public {
        enter(ADA, 100 * usd, 0);
        requestRedeem(ADA, 50 * one);
        settleAt(0);
        odd.takeFee(100);
        vm.assertEq(claimAssets(ADA), 50 * usd);
        vm.assertEq(asset.balanceOf(ADA), 49_500_000);
        requireSolvent();
    }

    function test_aBlockedReceiverBlocksNobody() public {
        enter(ADA, 100 * usd, 0);
        enter(BEN, 100 * usd, 0);
        requestRedeem(ADA, 50 * one);
        requestRedeem(BEN, 50 * one);
        settleAt(0);
        odd.blockAccount(ADA);
        vm.prank(ADA);
        vm.expectRevert(abi.encodeWithSelector(OddToken.Blocked.selector, ADA));
        vault.redeem(50 * one, ADA, ADA);
        vm.assertEq(claimAssets(BEN), 50 * usd);
        vm.prank(ADA);
        vm.assertEq(vault.redeem(50 * one, EVE, ADA), 50 * usd); // to somebody else
    }

    function test_anAssetThatAnswersFalseIsRefused() public {
        odd.answerFalse();
        give(ADA, 100 * usd);
        vm.prank(ADA);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(odd)));
        vault.requestDeposit(100 * usd, ADA, ADA);
    }

    /// No call of the asset gets into the accounts while they are half written.
    function test_noActionFromACallOfTheAsset() public {
        enter(ADA, 100 * usd, 0);
        bytes[6] memory calls = [
            abi.encodeCall(vault.requestDeposit, (usd, ADA, ADA)),
            abi.encodeCall(vault.requestRedeem, (one, ADA, ADA)),
            abi.encodeCall(vault.contribute, (0)),
            abi.encodeWithSelector(bytes4(keccak256("deposit(uint256,address)")), 0, ADA),
            abi.encodeCall(vault.cancelDepositRequest, (1, ADA)),
            abi.encodeCall(vault.claimCancelDepositRequest, (1, ADA, ADA))
        ];
        for (uint256 i; i < calls.length; ++i) {
            Caller caller = new Caller(address(vault), calls[i]);
            odd.callHook(IHook(address(0)));
            give(BEN, 10 * usd);
            odd.callHook(caller);
            vm.prank(BEN);
            vault.requestDeposit(10 * usd, BEN, BEN);
            vm.assertFalse(caller.succeeded());
            vm.assertTrue(caller.reason() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        }
    }

    /// Nobody who is called during a transfer can make a proof go by without its settlement.
    function test_aProofFromACallOfTheAssetSettles() public {
        enter(ADA, 1_000 * usd, 0);
        uint256 id = requestDeposit(BEN, 100 * usd);
        takeRound();
        pass(ORDER_DELAY);
        IRebalanceHub.Rebalance memory rebalance = proven(takeRound(), 0, 0);
        give(EVE, 10 * usd);
        odd.callHook(new Prover(this, rebalance));
        vm.prank(EVE);
        uint256 late = vault.requestDeposit(10 * usd, EVE, EVE);
        vm.assertEq(vault.claimableDepositRequest(id, BEN), 100 * usd);
        vm.assertEq(vault.pendingDepositRequest(late, EVE), 10 * usd);
        requireSolvent();
    }

    function submit(IRebalanceHub.Rebalance calldata rebalance) external {
        if (hub.vaultState(vaultId).sequence != 1) return;
        vm.prank(OPERATOR);
        hub.submit(vaultId, rebalance);
    }
}

/// Submits a proof in the middle of a transfer.
contract Prover is IHook {
    ShareTokenAssetsTest private immutable test;
    IRebalanceHub.Rebalance private rebalance;

    constructor(ShareTokenAssetsTest test_, IRebalanceHub.Rebalance memory rebalance_) {
        test = test_;
        rebalance = rebalance_;
    }

    function onTransfer() external {
        test.submit(rebalance);
    }
}
