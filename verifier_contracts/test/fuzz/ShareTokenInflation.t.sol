// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareTokenScene} from "../ShareTokenScene.sol";

/// The first holder inflates the price of a share by a gift, so that rounding the next deposit down is that holder's gain: ST-12.
/// forge-config: default.isolate = false
contract ShareTokenInflationTest is ShareTokenScene {
    function setUp() public override {
        super.setUp();
        open(6, 1_000);
    }

    /// What Eve puts in and gives, what Ben then pays, and what each can leave with.
    function attack(uint256 own, uint256 gift, uint256 paid) private returns (uint256 costs, uint256 loss) {
        deposit(EVE, own);
        asset.mint(address(vault), gift);
        vm.assume(vault.previewDeposit(paid) != 0); // else Ben's deposit is refused
        deposit(BEN, paid);
        uint256 got = redeem(EVE, vault.balanceOf(EVE));
        vm.assertLe(got, own + gift);
        costs = own + gift - got;
        loss = paid - redeem(BEN, vault.balanceOf(BEN));
    }

    function testFuzz_costsAMillionTimesWhatItTakes(uint256 own, uint256 gift, uint256 paid) public {
        (uint256 costs, uint256 loss) =
            attack(within(own, 1, 1e12 * usd), within(gift, 0, 1e12 * usd), within(paid, 1, 1e12 * usd));
        // But for the last asset unit, which is rounding.
        if (loss > 1) vm.assertLe((loss - 1) * 1e6, costs + 1);
    }

    /// The attack at its best: the gift is as large as the victim's deposit can bear.
    function test_theClassicAttack() public {
        (uint256 costs, uint256 loss) = attack(1, 10_000 * usd, 10_000 * usd);
        vm.assertLe(4_999 * usd, costs);
        vm.assertLe(loss, 5_001);
    }

    /// The step of the disclosed NAV is no way around it: with next to nothing in a vault whose book was used, a newcomer
    /// would pay a NAV step to the attacker's few shares.
    function testFuzz_theNavStepIsNoWayAround(uint256 own, uint256 drawn) public {
        own = within(own, 2, 99_999 * usd);
        deposit(EVE, own);
        draw(uint56(within(drawn, 1, own)));
        prove(0);
        vm.assertEq(vault.maxDeposit(BEN), 0);
    }
}
