// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Deposits meet one proof: it settles them whole, or returns them whole.
contract ShareTokenReturnsTest is ShareTokenScene {
    uint256 private id;

    function setUp() public virtual override {
        super.setUp();
        open(6, 1);
        enter(ADA, 1_000 * usd, 0);
        draw(1_000 * USD_E6);
        prove(1_000);
    }

    function requireReturned() private {
        vm.assertEq(vault.pendingDepositRequest(id, BEN), 0);
        vm.assertEq(vault.claimableDepositRequest(id, BEN), 0);
        vm.assertEq(vault.maxDeposit(BEN), 0);
        vm.assertEq(vault.claimableCancelDepositRequest(id, BEN), 50 * usd);
        vm.assertEq(vault.pendingDeposits(), 0);
        takeBackAssets(BEN, id);
        vm.assertEq(asset.balanceOf(BEN), 50 * usd);
        vm.assertEq(vault.setAside(), 0);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NothingToClaim.selector, id));
        takeBackAssets(BEN, id);
    }

    function test_whereTheStepIsCoarse() public {
        id = requestDeposit(BEN, 50 * usd);
        uint256 out = requestRedeem(ADA, 10 * one);
        giveBack(10 * USD_E6);
        takeRound();
        pass(ORDER_DELAY);
        prove(80); // 90 dollars, and the step is one of them
        requireReturned();
        vm.assertEq(vault.pendingRedeemRequest(out, ADA), 10 * one);
        prove(90); // 100 dollars
        vm.assertEq(vault.claimableRedeemRequest(out, ADA), 10 * one);
    }

    function test_afterTheMandateMoved() public {
        id = requestDeposit(BEN, 50 * usd);
        IRebalanceHub.Mandate memory m = termsNow();
        m.writeDownPpm = 1;
        tighten(m);
        vault.settle();
        requireReturned();
        // The next request is under the new mandate, with an id of its own.
        takeRound();
        vm.assertTrue(requestDeposit(BEN, 50 * usd) > id);
        settleAt(1_000);
        vm.assertTrue(vault.maxDeposit(BEN) != 0);
    }

    function test_afterTheMandateMovedAtTheProof() public {
        id = requestDeposit(BEN, 50 * usd);
        takeRound();
        pass(ORDER_DELAY);
        IRebalanceHub.Mandate memory m = termsNow();
        m.writeDownPpm = 1;
        tighten(m);
        prove(1_000);
        requireReturned();
    }

    function test_whereTheVaultWasStale() public {
        id = requestDeposit(BEN, 50 * usd);
        uint256 out = requestRedeem(ADA, 10 * one);
        takeRound();
        makeStale();
        prove(1_000);
        requireReturned();
        vm.assertEq(vault.pendingRedeemRequest(out, ADA), 10 * one); // nothing idle
    }

    function test_aStaleVaultAcceptsRedemptionsAndNoDeposits() public {
        makeStale();
        give(BEN, 50 * usd);
        vm.prank(BEN);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.WrongStatus.selector, IRebalanceHub.Status.Stale));
        vault.requestDeposit(50 * usd, BEN, BEN);
        vm.assertTrue(requestRedeem(ADA, 10 * one) != 0);
    }

    function test_atAWriteDownRedemptionsSettle() public {
        id = requestDeposit(BEN, 50 * usd);
        uint256 out = requestRedeem(ADA, 100 * one);
        giveBack(100 * USD_E6);
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, 300);
        takeRound();
        pass(ORDER_DELAY);
        prove(600, 300);
        // 100 of 1,000 shares, worth 700 dollars.
        vm.assertEq(vault.claimableRedeemRequest(out, ADA), 100 * one);
        uint256 paid = claimAssets(ADA);
        requireReturned();
        vm.assertTrue(paid <= 70 * usd && paid > 70 * usd - 10);
    }

    function test_nothingSettlesWhileAWriteDownIsOpen() public {
        takeRound();
        id = requestDeposit(BEN, 50 * usd);
        takeRound();
        pass(ORDER_DELAY);
        bytes memory code = address(vault).code;
        vm.etch(address(vault), hex"fe"); // the hub cannot settle
        prove(1_000);
        vm.etch(address(vault), code);
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, 10);
        vault.settle();
        vm.assertEq(vault.pendingDepositRequest(id, BEN), 50 * usd);
        prove(990, 10);
        requireReturned();
    }

    function test_anyoneMakesUpForAFailedSettlement() public {
        id = requestDeposit(BEN, 50 * usd);
        takeRound();
        pass(ORDER_DELAY);
        bytes memory code = address(vault).code;
        vm.etch(address(vault), hex"fe");
        prove(1_000);
        vm.etch(address(vault), code);
        vm.assertEq(vault.maxDeposit(BEN), 0);
        // The order has met its price: nobody takes it back now.
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NothingToCancel.selector, id));
        cancelDeposit(BEN, id);
        vault.settle();
        vm.assertEq(vault.maxDeposit(BEN), 50 * usd);
    }

    function test_pausedNothingSettles() public {
        id = requestDeposit(BEN, 50 * usd);
        takeRound();
        pass(ORDER_DELAY);
        bytes memory code = address(vault).code;
        vm.etch(address(vault), hex"fe");
        prove(1_000);
        vm.etch(address(vault), code);
        pause();
        vault.settle();
        vm.assertEq(vault.pendingDepositRequest(id, BEN), 50 * usd);
        // The next proof after the pause settles it: nobody looks at the price first with a guardian's help.
        vm.expectRevert(abi.encodeWithSelector(IShareToken.OrderCommitted.selector, id));
        cancelDeposit(BEN, id);
    }
}
