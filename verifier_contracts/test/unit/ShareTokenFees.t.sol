// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";
import {Token} from "../mocks/Token.sol";

contract ShareTokenFeesTest is ShareTokenScene {
    /// A vault with these fees, 1,000 dollars of ADA's in its book.
    function openWith(uint24 managementPpm, uint24 performancePpm) private {
        asset = new Token(6);
        IRebalanceHub.Mandate memory m = mandateOf(1);
        (m.share.managementFeePpm, m.share.performanceFeePpm) = (managementPpm, performancePpm);
        use(newVault(hub.addMandate(m), CUSTODY));
        enter(ADA, 1_000 * usd, 0);
        draw(1_000 * USD_E6);
        prove(1_000);
    }

    /// What the fees are worth at the last settled price.
    function feesWorth() private view returns (uint256) {
        return vault.convertToAssets(vault.uncollectedFees());
    }

    function test_noneByDefault() public {
        openWith(0, 0);
        vm.assertFalse(hub.vaultState(vaultId).ordersWait);
        prove(2_000);
        vault.settle();
        vm.assertEq(vault.uncollectedFees(), 0);
    }

    function test_managementFeeByTime() public {
        openWith(20_000, 0); // 2% a year
        uint256 before = feesWorth();
        for (uint256 i; i < 10; ++i) {
            pass(86_389);
            prove(1_000);
        }
        uint256 fee = feesWorth() - before;
        // 1,000 dollars × 2% × 10 days: 0.5479 dollars.
        vm.assertTrue(fee > 547_000 && fee < 548_000);
    }

    function test_noFeeForStaleTime() public {
        openWith(20_000, 0);
        uint256 before = feesWorth();
        pass(100 days);
        prove(1_000);
        uint256 fee = feesWorth() - before;
        vm.assertTrue(fee > 54_000 && fee < 55_000); // a day's
    }

    function test_performanceFeeAboveTheMarkOnce() public {
        openWith(0, 200_000);
        vm.assertEq(vault.uncollectedFees(), 0);
        prove(1_100);
        uint256 fee = feesWorth();
        vm.assertTrue(fee > 19_990_000 && fee <= 20_000_000); // 20% of 100 dollars
        prove(900);
        prove(1_100);
        uint256 shares = vault.uncollectedFees();
        vm.assertTrue(feesWorth() <= 20_000_000);
        prove(1_080);
        vm.assertEq(vault.uncollectedFees(), shares);
        vm.prank(OPERATOR);
        vm.assertEq(vault.collectFees(BEN), shares);
        vm.assertEq(vault.balanceOf(BEN), shares);
        vm.assertEq(vault.uncollectedFees(), 0);
    }

    function test_noFeeAtAWriteDown() public {
        openWith(20_000, 200_000);
        uint256 before = vault.uncollectedFees();
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, 10);
        pass(10 hours);
        prove(1_200, 10);
        vm.assertEq(vault.uncollectedFees(), before);
    }

    function test_onlyTheOperatorCollects() public {
        openWith(20_000, 0);
        vm.expectRevert(abi.encodeWithSelector(IShareToken.NotOperator.selector, address(this)));
        vault.collectFees(address(this));
    }

    function test_aLowerFeeCountsForTheTimeBefore() public {
        openWith(20_000, 0);
        uint256 before = feesWorth();
        pass(12 hours);
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.managementFeePpm = 0;
        tighten(m);
        pass(11 hours);
        prove(1_000);
        vm.assertEq(feesWorth(), before);
        vm.assertFalse(hub.vaultState(vaultId).ordersWait); // no fee counts the proofs any more
    }
}
