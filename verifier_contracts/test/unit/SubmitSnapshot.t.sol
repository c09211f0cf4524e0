// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevPriceOracle} from "../../src/DevPriceOracle.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Scene} from "../Scene.sol";

/// Which price snapshots a rebalance may use, and what may accrue between two.
contract SubmitSnapshotTest is Scene {
    function setUp() public {
        open(8);
        recordFlow(1_000_000);
    }

    function signalsAt(uint64 round) private view returns (uint256[] memory) {
        return hub.expectedSignals(vaultId, 1, 1, round, DEADLINE);
    }

    function test_upToItsGreatestAge() public {
        vm.warp(NOON + MAX_AGE);
        submit(first8());
    }

    function test_refusesOneSecondOlder() public {
        vm.warp(NOON + MAX_AGE + 1);
        refuse(first8(), abi.encodeWithSelector(IRebalanceHub.SnapshotTooOld.selector, NOON, MAX_AGE));
    }

    function test_refusesUnknownRound() public {
        IRebalanceHub.Rebalance memory r = first8();
        r.oracleRound = 2;
        refuse(r, abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, 2));
        r.oracleRound = 0;
        refuse(r, abi.encodeWithSelector(IPriceOracle.UnknownRound.selector, 0));
    }

    function test_refusesOneFromBeforeTheLast() public {
        submit(first8());
        passHalfADay();
        submit(second8());
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.SnapshotBeforeLast.selector, NOON, NOON + 12 hours));
        signalsAt(1);
        signalsAt(2); // the last one itself stays usable
    }

    function test_refusesOneFromTheFuture() public {
        vm.warp(NOON - 1);
        refuse(first8(), abi.encodeWithSelector(IRebalanceHub.SnapshotFromFuture.selector, NOON));
    }

    function test_refusesOneForAnotherSize() public {
        IRebalanceHub.VaultConfig memory c = config(8);
        c.oracle = new DevPriceOracle(16);
        DevPriceOracle(address(c.oracle)).post(priceWords(16, 1));
        vaultId = hub.openVault(c);
        refuse(first8(), abi.encodeWithSelector(IRebalanceHub.WrongPriceWordCount.selector, 4, 2));
    }

    // --- accrual ---

    function accrualAfter(uint256 elapsed) private returns (uint256) {
        vm.warp(NOON + elapsed);
        oracle.post(priceWords(8, 2));
        return signalsAt(oracle.latestRound())[Signals.ACCRUAL];
    }

    function test_nothingAccruesBeforeTheFirst() public {
        vm.assertEq(accrualAfter(30 days), 0);
    }

    function test_nothingAccruesAtTheSameSnapshot() public {
        submit(first8());
        vm.warp(NOON + 12 hours);
        vm.assertEq(signalsAt(1)[Signals.ACCRUAL], 0);
    }

    function test_accruesWithTimeRoundedDown() public {
        submit(first8());
        vm.assertEq(accrualAfter(287), 0); // 300 ppm a day is one in 288 seconds
        vm.assertEq(accrualAfter(288), 1);
        vm.assertEq(accrualAfter(1 days), 300);
    }

    function test_accruesUpToTheCap() public {
        submit(first8());
        vm.assertEq(accrualAfter(288_000 - 1), 999);
        vm.assertEq(accrualAfter(288_000), 1_000);
        vm.assertEq(accrualAfter(365 days), 1_000);
    }
}
