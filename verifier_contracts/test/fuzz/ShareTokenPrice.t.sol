// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareToken} from "../../src/ShareToken.sol";
import {Prices} from "../../src/libraries/Prices.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";
import {Credulous} from "../mocks/Credulous.sol";

/// Nobody gains by coming, leaving or both, wherever in its step the NAV is: ST-1, ST-2, ST-11. For assets of 6 and of 18
/// decimals.
/// forge-config: default.isolate = false
contract ShareTokenPriceTest is ShareTokenScene {
    uint24 private constant NAV_STEP_USD = 1_000;
    uint256 private constant NAV_STEP_E14 = 1_000 * 1e14;
    /// As much as a million dollars, in quantities of slot 0.
    uint256 private constant MOST_E6 = 1e12;

    /// What a test starts from. All in quantities of slot 0 but the price, and small enough not to overflow below.
    struct Situation {
        bool decimals18;
        uint256 depositE6;
        uint256 drawE6;
        uint256 navFloor;
        uint256 price;
        uint256 laterDrawE6;
        uint256 backE6;
        uint256 donation;
    }

    ShareToken private vault6;
    ShareToken private vault18;

    function setUp() public override {
        super.setUp();
        open(6, NAV_STEP_USD);
        vault6 = vault;
        open(18, NAV_STEP_USD);
        vault18 = vault;
    }

    function verifierFor(uint256) internal override returns (address) {
        return address(new Credulous());
    }

    /// Ada is in, with a proven book that gained or lost, a price of the asset about a dollar, flows both ways since then,
    /// and a gift that makes no number round.
    function arrange(Situation memory s) private {
        use(s.decimals18 ? vault18 : vault6);
        s.depositE6 = within(s.depositE6, 1, MOST_E6);
        s.drawE6 = within(s.drawE6, 0, s.depositE6);
        s.navFloor = within(s.navFloor, 0, 2 * s.drawE6 / 1e9 + 1);
        s.price = within(s.price, 0.5e8, 2e8);
        s.laterDrawE6 = within(s.laterDrawE6, 0, s.depositE6 - s.drawE6);
        s.backE6 = within(s.backE6, 0, 2 * s.drawE6);
        s.donation = within(s.donation, 0, 1_000 * usd);

        deposit(ADA, s.depositE6 * vault.unit());
        draw(uint56(s.drawE6));
        post(0, int256(s.price));
        prove(uint48(s.navFloor));
        draw(uint56(s.laterDrawE6));
        giveBack(uint56(s.backE6));
        asset.mint(address(vault), s.donation);
    }

    /// What all shares are worth times the price of slot 0, by the definition, for a NAV in USD 1e-14.
    function worthTimesPrice(uint256 navE14) private view returns (uint256) {
        int256 pending = hub.vaultState(vaultId).pendingFlow;
        (,, uint256[] memory words) = oracle.snapshot(hub.vaultState(vaultId).round);
        int256 price = int256(Prices.get(words, 0));
        int256 sum = int256(vault.idle()) * price + (int256(navE14) + pending * price) * int256(vault.unit());
        return sum > 0 ? uint256(sum) : 0;
    }

    function bottomE14() private view returns (uint256) {
        return hub.vaultState(vaultId).navFloor * NAV_STEP_E14;
    }

    /// Worth and supply, with the virtual asset unit and the virtual shares.
    struct Price {
        uint256 worth;
        uint256 supply;
    }

    function priceAt(uint256 navE14) private view returns (Price memory) {
        (,, uint256[] memory words) = oracle.snapshot(hub.vaultState(vaultId).round);
        return Price(worthTimesPrice(navE14) + Prices.get(words, 0), vault.totalSupply() + 1e6);
    }

    function assertNotLower(Price memory before, Price memory now_) private pure {
        vm.assertTrue(now_.worth * before.supply >= before.worth * now_.supply);
    }

    // --- ST-1 ---

    function testFuzz_worthIsTheDefinitionRoundedDown(Situation memory s) public {
        arrange(s);
        uint256 exact = worthTimesPrice(bottomE14());
        uint256 worth = vault.totalAssets();
        vm.assertLe(worth * s.price, exact);
        vm.assertLt(exact, (worth + vault.unit()) * s.price);
    }

    // --- ST-2: wherever the NAV is in its step, those who stay do not lose ---

    function testFuzz_whoComesTakesNothing(Situation memory s, uint256 amount, uint256 place, bool byShares) public {
        arrange(s);
        vm.assume(vault.maxDeposit(BEN) != 0);
        uint256 nav = bottomE14() + place % NAV_STEP_E14;
        Price memory before = priceAt(nav);
        comeIn(BEN, amount, byShares);
        assertNotLower(before, priceAt(nav));
    }

    function testFuzz_whoLeavesTakesNothing(Situation memory s, uint256 amount, uint256 place, bool byShares) public {
        arrange(s);
        uint256 nav = bottomE14() + place % NAV_STEP_E14;
        Price memory before = priceAt(nav);
        goOut(ADA, amount, byShares);
        assertNotLower(before, priceAt(nav));
    }

    function testFuzz_whoIsPaidFromTheQueueTakesNothing(Situation memory s, uint256 amount, uint256 place) public {
        arrange(s);
        vm.assume(vault.maxDeposit(ADA) != 0); // else the queue stands still
        uint256 nav = bottomE14() + place % NAV_STEP_E14;
        Price memory before = priceAt(nav);
        request(ADA, within(amount, 1, vault.balanceOf(ADA)));
        vault.processQueue(1);
        assertNotLower(before, priceAt(nav));
        goOut(ADA, amount, true);
        assertNotLower(before, priceAt(nav));
    }

    function testFuzz_flowsDoNotMoveThePrice(Situation memory s, uint56 out, uint56 back) public {
        arrange(s);
        uint256 worth = vault.totalAssets();
        draw(uint56(within(out, 0, vault.available() / vault.unit())));
        vm.assertEq(vault.totalAssets(), worth);
        giveBack(uint56(within(back, 0, MOST_E6)));
        vm.assertEq(vault.totalAssets(), worth);
    }

    // --- ST-2: a round trip gains nothing ---

    function testFuzz_aRoundTripGainsNothing(Situation memory s, uint256 amount, bool byShares, bool bySharesOut)
        public
    {
        arrange(s);
        vm.assume(vault.maxDeposit(BEN) != 0);
        uint256 paid = comeIn(BEN, amount, byShares);
        uint256 got = goOut(BEN, type(uint256).max, bySharesOut);
        vm.assertLe(got, paid);
        vm.assertLe(got + vault.convertToAssets(vault.balanceOf(BEN)), paid);
    }

    function testFuzz_aRoundTripThroughTheQueueGainsNothing(Situation memory s, uint256 amount, uint256 part) public {
        arrange(s);
        vm.assume(vault.maxDeposit(BEN) != 0);
        uint256 paid = comeIn(BEN, amount, false);
        request(BEN, within(part, 1, vault.balanceOf(BEN)));
        request(ADA, vault.balanceOf(ADA));
        if (vault.balanceOf(BEN) != 0) request(BEN, vault.balanceOf(BEN));
        vault.processQueue(3);
        vm.assertLe(vault.claimable(BEN), paid);
    }

    /// Leaving and coming back does not pay either.
    function testFuzz_aRoundTripOutAndInGainsNothing(Situation memory s, uint256 amount) public {
        arrange(s);
        uint256 shares = vault.balanceOf(ADA);
        uint256 got = goOut(ADA, amount, true);
        vm.assume(got != 0 && vault.maxDeposit(ADA) != 0 && vault.totalSupply() != 0);
        vm.assume(vault.previewDeposit(got) != 0);
        vm.prank(ADA);
        vault.deposit(got, ADA);
        vm.assertLe(vault.balanceOf(ADA), shares);
    }

    // --- ST-3: what the step costs at most ---

    /// While deposits are open, an entering holder pays at most one part in a hundred more than the exit price, and rounding.
    function testFuzz_theStepCostsOnePercentAtMost(Situation memory s, uint256 amount) public {
        arrange(s);
        vm.assume(vault.maxDeposit(BEN) != 0);
        amount = comeIn(BEN, amount, false);
        uint256 shareUnit = vault.convertToAssets(1) + 1;
        vm.assertLe(amount, vault.convertToAssets(vault.balanceOf(BEN)) * 101 / 100 + 2 * shareUnit);
    }

    // --- ST-11: previews are what happens ---

    /// Deposits so many assets or mints so many shares, as the preview says.
    function comeIn(address who, uint256 amount, bool byShares) private returns (uint256 paid) {
        uint256 shares;
        if (byShares) {
            shares = within(amount, 1, 1e18 * vault.unit());
            paid = vault.previewMint(shares);
            give(who, paid);
            vm.prank(who);
            vm.assertEq(vault.mint(shares, who), paid);
        } else {
            paid = within(amount, 1, MOST_E6 * vault.unit());
            shares = vault.previewDeposit(paid);
            vm.assume(shares != 0);
            vm.assertEq(deposit(who, paid), shares);
        }
        vm.assertEq(vault.balanceOf(who), shares);
        vm.assertEq(asset.balanceOf(who), 0);
    }

    /// Redeems so many shares or withdraws so many assets, at most what can be, as the preview says.
    function goOut(address who, uint256 amount, bool byShares) private returns (uint256 got) {
        uint256 shares;
        uint256 had = asset.balanceOf(who);
        if (byShares) {
            uint256 most = vault.maxRedeem(who);
            shares = amount < most ? amount : most;
            got = vault.previewRedeem(shares);
            vm.assertEq(redeem(who, shares), got);
        } else {
            uint256 most = vault.maxWithdraw(who);
            got = amount < most ? amount : most;
            shares = vault.previewWithdraw(got);
            vm.prank(who);
            vm.assertEq(vault.withdraw(got, who, who), shares);
        }
        vm.assertEq(asset.balanceOf(who), had + got);
    }
}
