// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {IShareToken} from "../../src/interfaces/IShareToken.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// The part of each order that stays with those who stay.
contract ShareTokenLevyTest is ShareTokenScene {
    uint16 private constant LEVY = 10_000; // 1%

    function openWith(uint16 levyPpm) private {
        open(6, 1);
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.orderLevyPpm = levyPpm;
        use(newVault(hub.addMandate(m), CUSTODY));
    }

    /// The vault moves to other terms by a proposal that waits; proofs in between, and redemptions that wait are paid.
    function loosen(IRebalanceHub.Mandate memory m) private {
        bytes32 mandate = hub.addMandate(m);
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, mandate);
        for (uint256 i; i < 2; ++i) {
            pass(LOOSENING_DELAY / 2);
            prove(0);
        }
    }

    function activate(uint16 levyPpm) private {
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.orderLevyPpm = levyPpm;
        hub.activateMandate(vaultId, hub.addMandate(m));
    }

    function test_firstDepositsPayNone() public {
        openWith(LEVY);
        vm.assertEq(enter(ADA, 1_000 * usd, 0), 1_000 * one);
    }

    function test_aDepositLeavesItsLevy() public {
        openWith(LEVY);
        enter(ADA, 1_000 * usd, 0);
        uint256 id = requestDeposit(BEN, 100 * usd);
        takeRound();
        pass(ORDER_DELAY);
        takeRound();
        IRebalanceHub.Rebalance memory rebalance = proven(oracle.latestRound(feedSet), 0, 0);
        uint256 cutoff = oracle.roundAt(feedSet, uint40(vm.getBlockTimestamp() - ORDER_DELAY));
        vm.expectEmit(address(vault));
        emit IShareToken.Settled(2, cutoff, 1_000 * usd, 1_000 * one, 100 * usd, 0, 0, usd);
        vm.prank(OPERATOR);
        hub.submit(vaultId, rebalance);
        vm.assertEq(vault.claimableDepositRequest(id, BEN), 100 * usd); // the whole of it
        vm.assertEq(claimShares(BEN), 99 * one);
        (uint256 bottom,) = vault.worth();
        vm.assertEq(bottom, 1_100 * usd);
        vm.assertEq(vault.convertToShares(100 * usd), 100 * one); // without the levy, which is an order's
    }

    function test_aRedemptionLeavesItsLevy() public {
        openWith(LEVY);
        enter(ADA, 1_000 * usd, 0);
        requestRedeem(ADA, 100 * one);
        settleAt(0);
        vm.assertEq(claimAssets(ADA), 99 * usd);
        (uint256 bottom,) = vault.worth();
        vm.assertEq(bottom, 901 * usd);
    }

    /// Nobody is left who could get it.
    function test_theLastToLeavePaysNone() public {
        openWith(LEVY);
        enter(ADA, 1_000 * usd, 0);
        requestRedeem(ADA, 1_000 * one);
        settleAt(0);
        vm.assertEq(claimAssets(ADA), 1_000 * usd);
    }

    /// Fees that nobody has collected are nobody who stays.
    function test_theLastBesideTheFeesPaysNone() public {
        openWith(LEVY);
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.managementFeePpm = 50_000;
        use(newVault(hub.addMandate(m), CUSTODY));
        enter(ADA, 1_000 * usd, 0);
        pass(10 hours);
        prove(0);
        vm.assertTrue(vault.uncollectedFees() != 0);
        requestRedeem(ADA, 1_000 * one);
        settleAt(0);
        vm.assertTrue(claimAssets(ADA) > 999 * usd);
    }

    function test_noLevyInWindDown() public {
        openWith(LEVY);
        enter(ADA, 1_000 * usd, 0);
        windDown();
        requestRedeem(ADA, 100 * one);
        vm.assertEq(claimAssets(ADA), 100 * usd);
    }

    /// What is idle pays as many shares as it would with the levy, no fewer.
    function test_aPartOfTheQueueTakesMoreShares() public {
        openWith(LEVY);
        enter(ADA, 1_000 * usd, 0);
        draw(901 * USD_E6);
        settleAt(901);
        requestRedeem(ADA, 500 * one);
        settleAt(901);
        (uint256 waiting,,) = vault.exits();
        // 99 dollars, at the bottom of the NAV step, pay for 100 shares less 1%.
        vm.assertTrue(waiting >= 399 * one && waiting <= 400 * one);
        vm.assertEq(claimAssets(ADA), 99 * usd);
    }

    /// Who waits to leave keeps the lower levy, whoever asks later pays the new one.
    function test_aRaiseSparesThoseWhoWait() public {
        openWith(0);
        enter(ADA, 1_000 * usd, 0);
        enter(BEN, 1_000 * usd, 0);
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.orderLevyPpm = LEVY;
        loosen(m);
        requestRedeem(ADA, 100 * one);
        activate(LEVY);
        settleAt(0);
        vm.assertEq(claimAssets(ADA), 100 * usd);
        requestRedeem(ADA, 100 * one);
        settleAt(0);
        vm.assertEq(claimAssets(ADA), 99 * usd);
    }

    /// An operator tightens at will: orders of its own do not join those that keep a lower levy.
    function test_aTighteningKeepsNoLowerLevyAlive() public {
        openWith(0);
        enter(ADA, 1_000 * usd, 0);
        enter(BEN, 1_000 * usd, 0);
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.orderLevyPpm = LEVY;
        loosen(m);
        requestRedeem(ADA, 100 * one);
        activate(LEVY);
        vault.settle(); // anybody may let the token follow
        takeRound();
        pass(ORDER_DELAY);
        takeRound();
        requestRedeem(BEN, 100 * one);
        m.share.depositCapE6 -= 1;
        tighten(m);
        vault.settle();
        prove(0); // pays those who waited
        vm.assertEq(claimAssets(ADA), 100 * usd);
        settleAt(0);
        vm.assertEq(claimAssets(BEN), 99 * usd);
    }

    function test_aLowerLevyCountsAtOnce() public {
        openWith(LEVY);
        enter(ADA, 1_000 * usd, 0);
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.orderLevyPpm = 0;
        loosen(m);
        requestRedeem(ADA, 100 * one);
        activate(0);
        settleAt(0);
        vm.assertEq(claimAssets(ADA), 100 * usd);
    }

    /// forge-config: default.fuzz.runs = 100
    /// Nobody who stays loses, and they get the levy, rounded up, of both sides.
    function testFuzz_whoStaysGetsTheLevy(uint256 levy, uint256 assets, uint256 shares, uint256 gain) public {
        levy = within(levy, 0, 20_000);
        openWith(uint16(levy));
        enter(ADA, 1_000 * usd, 0);
        enter(BEN, 1_000 * usd, 0);
        draw(1_000 * USD_E6);
        settleAt(uint48(within(gain, 900, 1_100)));
        requestDeposit(EVE, assets = within(assets, usd, 10_000 * usd));
        requestRedeem(BEN, shares = within(shares, one, vault.balanceOf(BEN)));
        settleAt(hub.vaultState(vaultId).navFloor);
        (uint256 before, uint256 supply,,) = vault.settledPrice();
        (uint256 bottom,) = vault.worth();
        (, uint256 owed,) = vault.exits();
        shares -= owed;
        // The worth of the leavers' shares and of the deposit, less the levy of each, is the most that those who stay lost.
        uint256 levied = (assets * levy + 999_999) / 1e6 + shares * (before + 1) / (supply + 1e6) * levy / 1e6;
        vm.assertLe((before + 1) * (vault.totalSupply() + 1e6), (bottom + 1) * (supply + 1e6));
        // At the top of the step deposits bought, so at the bottom those who stay have no less than that.
        vm.assertLe((before + 1) * (vault.totalSupply() + 1e6), (bottom + 1 - levied) * (supply + 1e6));
    }
}
