// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";
import {Token} from "../mocks/Token.sol";

/// The price of a share may move by 2% a day; farther moves wait for 6 hours.
contract ShareTokenBandTest is ShareTokenScene {
    uint32 private constant WAIT = 6 hours;

    function setUp() public override {
        super.setUp();
        asset = new Token(6);
        IRebalanceHub.Mandate memory m = mandateOf(1);
        (m.share.bandPpmPerDay, m.share.bandWait) = (20_000, WAIT);
        use(newVault(hub.addMandate(m), CUSTODY));
        enter(ADA, 10_000 * usd, 0);
        draw(9_000 * USD_E6);
        prove(9_000);
    }

    function requireWaits(bool waits) private view {
        (uint256 price, uint40 time) = vault.waitingPrice();
        vm.assertTrue((price != 0) == waits && (time != 0) == waits);
    }

    function test_inTheBandItSettles() public {
        uint256 id = requestRedeem(ADA, 100 * one);
        settleAt(9_190); // 1.9%
        vm.assertEq(vault.claimableRedeemRequest(id, ADA), 100 * one);
        requireWaits(false);
    }

    function test_outOfTheBandNothingSettlesAndDepositsAreReturned() public {
        uint256 out = requestRedeem(ADA, 100 * one);
        uint256 in_ = requestDeposit(BEN, 50 * usd);
        uint256 before = vault.convertToAssets(one);
        takeRound();
        pass(ORDER_DELAY);
        vm.expectEmit(address(vault));
        emit IShareToken.DepositsReturned(in_, 50 * usd, IShareToken.Returned.OutOfBand);
        prove2(9_300); // 3%
        requireWaits(true);
        vm.assertEq(vault.pendingRedeemRequest(out, ADA), 100 * one);
        vm.assertEq(vault.claimableCancelDepositRequest(in_, BEN), 50 * usd);
        vm.assertEq(vault.convertToAssets(one), before);
        // The same price later, after the wait.
        prove(9_300);
        requireWaits(true);
        pass(WAIT - 10);
        prove(9_300);
        requireWaits(true);
        pass(10);
        prove(9_310);
        requireWaits(false);
        vm.assertEq(vault.claimableRedeemRequest(out, ADA), 100 * one);
        vm.assertTrue(vault.convertToAssets(one) > before);
    }

    /// `prove` takes a round first, whose event is not the one that is expected.
    function prove2(uint48 navFloor) private {
        this.proveExternally(navFloor);
    }

    function proveExternally(uint48 navFloor) external {
        prove(navFloor);
    }

    function test_aPriceThatGoesBackSettles() public {
        prove(9_300);
        requireWaits(true);
        prove(9_050);
        requireWaits(false);
    }

    function test_anotherPriceOutOfTheBandWaitsAnew() public {
        prove(9_300);
        pass(WAIT);
        prove(9_900);
        requireWaits(true);
        (, uint40 time) = vault.waitingPrice();
        vm.assertEq(time, vm.getBlockTimestamp());
    }

    function test_manyProofsGoNoFartherThanOne() public {
        prove(9_150);
        prove(9_190); // 1.9% from the first
        requireWaits(false);
        prove(9_250); // 2.5% from the first, less than 1% from the last
        requireWaits(true);
    }

    function test_eachDayAllowsTheBandOnceMore() public {
        pass(1 days - 10);
        prove(9_000);
        pass(1 days - 10);
        prove(9_000);
        prove(9_150);
        requireWaits(false);
    }

    function test_theGuardianReleasesWithinGrace() public {
        uint256 out = requestRedeem(ADA, 100 * one);
        settleAt(9_300);
        vm.assertEq(vault.pendingRedeemRequest(out, ADA), 100 * one);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotGuardian.selector, address(this)));
        vault.releaseBand();
        vm.prank(GUARDIAN);
        vault.releaseBand();
        vm.assertEq(vault.claimableRedeemRequest(out, ADA), 100 * one);
        requireWaits(false);
        vm.prank(GUARDIAN);
        vm.expectRevert(IShareToken.NothingToRelease.selector);
        vault.releaseBand();
        prove(9_900);
        uint40 until = uint40(vm.getBlockTimestamp() + 6 hours);
        vm.warp(until + 1);
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.ReleaseTooLate.selector, until));
        vault.releaseBand();
    }

    function test_aWriteDownNeedsNoWait() public {
        uint256 out = requestRedeem(ADA, 100 * one);
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, 1_000);
        takeRound();
        pass(ORDER_DELAY);
        prove(8_000, 1_000);
        vm.assertEq(vault.claimableRedeemRequest(out, ADA), 100 * one);
        requireWaits(false);
    }

    /// Nobody frees a rise by announcing a loss.
    function test_aWriteDownFreesNoRise() public {
        uint256 out = requestRedeem(ADA, 100 * one);
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, 1);
        takeRound();
        pass(ORDER_DELAY);
        prove(18_000, 1);
        requireWaits(true);
        vm.assertEq(vault.claimableRedeemRequest(out, ADA), 0);
    }
}
