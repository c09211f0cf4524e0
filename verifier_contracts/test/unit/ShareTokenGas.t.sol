// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {ShareTokenScene} from "../ShareTokenScene.sol";

/// Figures for the snapshot file: a vault in use, with a proven book and other holders, and a plain ERC-20 as its asset.
contract ShareTokenGasTest is ShareTokenScene {
    uint256 private constant MOST_FOR_AN_ORDER = 130_000;
    uint256 private constant MOST_FOR_A_CLAIM = 110_000;
    uint256 private constant MOST_FOR_A_SETTLEMENT = 200_000;

    function setUp() public override {
        super.setUp();
        open(6, 1);
        IRebalanceHub.Mandate memory m = termsNow();
        m.share.orderLevyPpm = 5_000;
        use(newVault(hub.addMandate(m), CUSTODY));
        vm.snapshotValue("ShareToken", "runtime code, bytes", address(vault).code.length);
        enter(ADA, 10_000 * usd, 0);
        enter(BEN, 10_000 * usd, 0);
        draw(5_000 * USD_E6);
        prove(5_000);
        draw(USD_E6);
    }

    function measured(string memory name, uint256 most) private {
        uint256 gas = vm.snapshotGasLastCall("ShareToken", name);
        vm.assertLe(gas, most);
    }

    function test_open() public {
        bytes32 same = hub.vaultState(vaultId).mandate;
        uint256 before = gasleft();
        newVault(same, CUSTODY);
        vm.snapshotValue("ShareToken", "deploy and open", before - gasleft());
    }

    function test_orders() public {
        requestDeposit(EVE, 400 * usd);
        measured("requestDeposit, first of all", 205_000);
        requestDeposit(BEN, 400 * usd);
        measured("requestDeposit", MOST_FOR_AN_ORDER);
        requestRedeem(ADA, 400 * one);
        measured("requestRedeem, first of all", 180_000);
        requestRedeem(BEN, 400 * one);
        measured("requestRedeem, first of a holder", MOST_FOR_AN_ORDER);
        uint256 id = vault.nextRequestId();
        cancelRedeem(BEN, id);
        requestRedeem(BEN, 400 * one);
        measured("requestRedeem", MOST_FOR_AN_ORDER);
        cancelRedeem(BEN, id);
        measured("cancelRedeemRequest", MOST_FOR_AN_ORDER);
        cancelDeposit(BEN, id);
        measured("cancelDepositRequest", MOST_FOR_AN_ORDER);
        takeBackAssets(BEN, id);
        measured("claimCancelDepositRequest", MOST_FOR_A_CLAIM);
        takeBackShares(BEN, id);
        measured("claimCancelRedeemRequest", MOST_FOR_A_CLAIM);
        vm.prank(EVE);
        vault.transferDepositRequest(id, EVE, BEN);
        measured("transferDepositRequest", MOST_FOR_AN_ORDER);
        vm.prank(ADA);
        vault.transferRedeemRequest(id, ADA, BEN);
        measured("transferRedeemRequest", MOST_FOR_AN_ORDER);
    }

    /// By an account with earlier orders, all claimed. The order, its group and the sums that wait set a storage slot each.
    function test_firstOrderOfARound() public {
        manyGroups(3);
        uint256 start = vm.snapshotState();
        requestDeposit(EVE, 400 * usd);
        measured("requestDeposit, first of a round", MOST_FOR_AN_ORDER + 3 * 22_100);
        vm.revertToState(start);
        requestRedeem(ADA, 400 * one);
        measured("requestRedeem, first of a round", MOST_FOR_AN_ORDER + 3 * 22_100);
    }

    function test_settlementAndClaims() public {
        manyGroups(3);
        settlementAndClaims(", after 3 groups");
    }

    function test_settlementAndClaimsAfterManyGroups() public {
        manyGroups(200);
        settlementAndClaims(", after 200 groups");
    }

    function settlementAndClaims(string memory when) private {
        requestDeposit(EVE, 400 * usd);
        requestRedeem(ADA, 400 * one);
        requestRedeem(BEN, 400 * one);
        uint256 id = vault.nextRequestId();
        settleWhereHubCannot(5_001);
        vault.settle();
        measured(string.concat("settle", when), MOST_FOR_A_SETTLEMENT + 21_000);
        vm.prank(EVE);
        vault.deposit(400 * usd, EVE);
        measured(string.concat("deposit", when), MOST_FOR_A_CLAIM);
        vm.prank(ADA);
        vault.redeem(id, 200 * one, ADA, ADA);
        measured(string.concat("redeem, half of it, by id", when), 140_000);
        vm.prank(BEN);
        vault.redeem(400 * one, BEN, BEN);
        measured(string.concat("redeem", when), MOST_FOR_A_CLAIM);
    }

    /// Groups of orders before, each with a settlement in between.
    function manyGroups(uint256 count) private {
        for (uint256 i; i < count; ++i) {
            requestDeposit(EVE, 2 * usd);
            requestRedeem(ADA, 2 * one);
            takeRound();
            if (i % 4 == 0) {
                pass(ORDER_DELAY);
                prove(5_001);
                claimShares(EVE);
                claimAssets(ADA);
            }
        }
        settleAt(5_001);
        claimShares(EVE);
        claimAssets(ADA);
    }

    /// What a settlement adds to the proof that carries it.
    function test_settlementInAProof() public {
        manyGroups(40);
        prove(5_001);
        uint256 without = vm.lastCallGas().gasTotalUsed;
        requestDeposit(EVE, 400 * usd);
        requestRedeem(ADA, 400 * one);
        requestRedeem(BEN, 400 * one);
        settleAt(5_001);
        uint256 added = vm.lastCallGas().gasTotalUsed - without;
        vm.snapshotValue("ShareToken", "settlement, added to a proof", added);
        vm.assertLe(added, MOST_FOR_A_SETTLEMENT);
    }

    /// The most that a settlement can have to do: the hub gives it 400,000 gas.
    function test_theLargestSettlement() public {
        IRebalanceHub.Mandate memory m = termsNow();
        (m.share.managementFeePpm, m.share.performanceFeePpm) = (20_000, 200_000);
        (m.share.bandPpmPerDay, m.share.bandWait) = (500_000, 6 hours);
        use(newVault(hub.addMandate(m), CUSTODY));
        enter(ADA, 10_000 * usd, 0);
        enter(BEN, 10_000 * usd, 0);
        draw(5_000 * USD_E6);
        settleAt(5_000);
        manyGroups(40);
        draw(9_500 * USD_E6);
        prove(14_500);
        asset.mint(address(vault), 1_000 * usd);
        vault.contribute(0);
        requestDeposit(EVE, 400 * usd);
        requestRedeem(ADA, 400 * one);
        takeRound();
        requestRedeem(BEN, 9_000 * one); // more than is idle
        takeRound();
        m.share.performanceFeePpm = 100_000;
        tighten(m);
        settleWhereHubCannot(15_500);
        vault.settle();
        measured("settle, at its most", 400_000);
        (, uint256 owed,) = vault.exits();
        vm.assertTrue(owed != 0 && vault.uncollectedFees() != 0);
    }

    /// A proof that the hub cannot settle, so that the call can be measured on its own.
    function settleWhereHubCannot(uint48 navFloor) private {
        takeRound();
        pass(ORDER_DELAY);
        bytes memory code = address(vault).code;
        vm.etch(address(vault), hex"fe");
        prove(navFloor);
        vm.etch(address(vault), code);
    }

    function test_flows() public {
        draw(USD_E6);
        measured("draw", 200_000);
        giveBack(USD_E6);
        giveBack(USD_E6);
        measured("giveBack", 200_000);
    }
}
