// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {SummaryWord} from "../../src/libraries/Summary.sol";
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

    /// Terms that the vault may move to after the delay only, as often as it likes.
    function looser() private view returns (IRebalanceHub.Mandate memory m) {
        m = termsNow();
        m.writeDownPpm -= 1;
        m.turnover.ratePerDay += 1;
    }

    function tighter() private view returns (IRebalanceHub.Mandate memory m) {
        m = termsNow();
        m.writeDownPpm -= 1;
    }

    /// Propose looser terms, and let their delay pass.
    function ripen(IRebalanceHub.Mandate memory m) private returns (bytes32 mandate) {
        mandate = hub.addMandate(m);
        vm.prank(OPERATOR);
        vm.assertTrue(hub.proposeMandate(vaultId, mandate) != 0);
        for (uint256 waited; waited < LOOSENING_DELAY; waited += MAX_PROOF_AGE / 2) {
            pass(MAX_PROOF_AGE / 2);
            prove(1_000);
        }
    }

    function requireSettles() private {
        vm.assertEq(vault.pendingDepositRequest(id, BEN), 50 * usd);
        vm.assertEq(vault.claimableCancelDepositRequest(id, BEN), 0);
        settleAt(1_000);
        vm.assertEq(vault.maxDeposit(BEN), 50 * usd);
    }

    function test_afterTheMandateLoosened() public {
        bytes32 mandate = ripen(looser());
        id = requestDeposit(BEN, 50 * usd);
        hub.activateMandate(vaultId, mandate);
        vault.settle();
        requireReturned();
        // The next request is under the new mandate, with an id of its own.
        takeRound();
        vm.assertTrue(requestDeposit(BEN, 50 * usd) > id);
        settleAt(1_000);
        vm.assertTrue(vault.maxDeposit(BEN) != 0);
    }

    function test_afterTheMandateLoosenedAtTheProof() public {
        bytes32 mandate = ripen(looser());
        id = requestDeposit(BEN, 50 * usd);
        hub.activateMandate(vaultId, mandate);
        settleAt(1_000);
        requireReturned();
    }

    /// The token sees both moves at once, and the last of them tightens.
    function test_afterTheMandateLoosenedAndTightened() public {
        bytes32 mandate = ripen(looser());
        id = requestDeposit(BEN, 50 * usd);
        hub.activateMandate(vaultId, mandate);
        tighten(tighter());
        settleAt(1_000);
        requireReturned();
    }

    /// The token looks at the mandate at the first order that waits, and not at those after it.
    function test_aLaterOrderAfterAMove() public {
        requestDeposit(ADA, 50 * usd);
        tighten(tighter());
        id = requestDeposit(BEN, 50 * usd);
        requireSettles();
        bytes32 mandate = ripen(looser());
        requestDeposit(ADA, 50 * usd);
        hub.activateMandate(vaultId, mandate);
        id = requestDeposit(EVE, 50 * usd); // under the looser terms, which the token has not seen
        settleAt(1_000);
        vm.assertEq(vault.claimableCancelDepositRequest(id, EVE), 50 * usd);
    }

    /// What has loosened before the request does not return it, however often the mandate tightens after it.
    function test_aTighteningReturnsNothing() public {
        hub.activateMandate(vaultId, ripen(looser()));
        id = requestDeposit(BEN, 50 * usd);
        tighten(tighter());
        vault.settle();
        tighten(tighter());
        requireSettles();
    }

    function test_aTighteningAtTheProofReturnsNothing() public {
        id = requestDeposit(BEN, 50 * usd);
        takeRound();
        pass(ORDER_DELAY);
        tighten(tighter());
        prove(1_000);
        vm.assertEq(vault.maxDeposit(BEN), 50 * usd);
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

    /// The hub's call fails, for a proof with this NAV.
    function proveUnsettled(uint48 navFloor, uint256 writeDown) private {
        bytes memory code = address(vault).code;
        vm.etch(address(vault), hex"fe");
        prove(navFloor, writeDown);
        vm.etch(address(vault), code);
    }

    function order() private {
        id = requestDeposit(BEN, 50 * usd);
        takeRound();
        pass(ORDER_DELAY);
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, 10);
    }

    function test_atTheProofAfterAWriteDownThatDidNotSettle() public {
        order();
        proveUnsettled(990, 10);
        prove(990);
        requireReturned();
        // It counts once.
        id = requestDeposit(BEN, 50 * usd);
        requireSettles();
    }

    function test_atAWriteDownEarlierInTheBatch() public {
        order();
        uint32 round = takeRound();
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](2);
        uint256 start = vm.snapshotState();
        for (uint32 i; i < 2; ++i) {
            IRebalanceHub.Rebalance memory r = proven(round, 990, i == 0 ? 10 : 0);
            batch[i] = IRebalanceHub.BatchedRebalance({
                vaultId: vaultId,
                summary: SummaryWord.pack(
                    round, hub.vaultState(vaultId).sequence + 1, 990, Allowances.wrap(r.signals[Signals.ALLOWANCES])
                ),
                commitmentAfter: r.signals[Signals.COMMITMENT_AFTER],
                proof: r.proof
            });
            vm.prank(OPERATOR);
            hub.submit(vaultId, r);
        }
        vm.revertToState(start);
        vm.prank(OPERATOR);
        hub.submitBatch(key, uint40(vm.getBlockTimestamp()), batch);
        vm.assertEq(hub.vaultState(vaultId).lastWriteDown + 1, hub.vaultState(vaultId).sequence);
        requireReturned();
    }

    /// A write-down of before the first order is none of its business.
    function test_aWriteDownBeforeTheOrderReturnsNothing() public {
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, 10);
        prove(990, 10);
        prove(1_000);
        id = requestDeposit(BEN, 50 * usd);
        requireSettles();
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
