// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Scene} from "../Scene.sol";

/// What holds for every flow, time, signal and coordinate.
contract EncodingTest is Scene {
    function setUp() public {
        open(8);
    }

    function testFuzz_flowEncodingIsCanonicalAndAdditive(int64 a, int64 b) public pure {
        unchecked {
            int64 sum = a + b;
            vm.assume((b >= 0) == (sum >= a)); // no overflow
            vm.assertEq(addmod(Signals.encodeFlow(a), Signals.encodeFlow(b), Signals.FIELD), Signals.encodeFlow(sum));
        }
        vm.assertLt(Signals.encodeFlow(a), Signals.FIELD);
    }

    function test_flowEncodingAtItsEdges() public pure {
        vm.assertEq(Signals.encodeFlow(0), 0);
        vm.assertEq(Signals.encodeFlow(1), 1);
        vm.assertEq(Signals.encodeFlow(-1), Signals.FIELD - 1);
        vm.assertEq(Signals.encodeFlow(type(int64).min), Signals.FIELD - 2 ** 63);
    }

    function testFuzz_pendingFlowIsTheSum(int64 a, int64 b) public {
        int256 bound = 2 ** 56;
        a = int64(a % bound);
        recordFlow(a);
        int256 sum = int256(a) + b;
        if (sum < -bound || sum >= bound) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.FlowOutOfRange.selector, sum));
            recordFlow(b);
        } else {
            recordFlow(b);
            vm.assertEq(hub.vaultState(vaultId).pendingFlow, sum);
            vm.assertEq(hub.expectedSignals(vaultId, 1, 1, 1, DEADLINE)[Signals.FLOW], Signals.encodeFlow(int64(sum)));
        }
    }

    function testFuzz_signalsOutsideTheFieldAreNamed(uint256 index, uint256 signal) public {
        recordFlow(1_000_000);
        IRebalanceHub.Rebalance memory r = first8();
        index %= r.signals.length;
        r.signals[index] = Signals.FIELD + signal % (type(uint256).max - Signals.FIELD + 1);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.SignalNotInField.selector, index));
    }

    function testFuzz_contextIsInTheField(uint64 round, uint64 deadline) public view {
        vm.assertLt(hub.context(vaultId, round, deadline), Signals.FIELD);
    }

    /// Whatever is changed in a valid rebalance, it is refused.
    function testFuzz_aChangedRebalanceIsRefused(uint256 place, uint256 mask) public {
        recordFlow(1_000_000);
        IRebalanceHub.Rebalance memory r = first8();
        place %= 19;
        if (place >= 17) mask %= 2 ** 64;
        vm.assume(mask != 0);
        if (place < 2) r.proof.a[place] ^= mask;
        else if (place < 6) r.proof.b[(place - 2) / 2][place % 2] ^= mask;
        else if (place < 8) r.proof.c[place - 6] ^= mask;
        else if (place < 17) r.signals[place - 8] ^= mask;
        else if (place == 17) r.oracleRound ^= uint64(mask);
        else r.deadline ^= uint64(mask);
        vm.prank(OPERATOR);
        try hub.submit(vaultId, r) {
            revert("accepted");
        } catch {}
    }
}

contract AccrualTest is Scene {
    function testFuzz_accrualIsRateTimesTimeCapped(uint32 rate, uint32 cap, uint32 elapsed) public {
        (ratePpmPerDay, capPpm) = (rate, cap % 2 ** 20);
        open(8);
        recordFlow(1_000_000);
        submit(first8());

        vm.warp(NOON + 1 + elapsed);
        oracle.post(priceWords(8, 2));
        uint256 accrual = hub.expectedSignals(vaultId, 1, 1, 2, DEADLINE)[Signals.ACCRUAL];
        uint256 exact = uint256(rate) * (uint256(elapsed) + 1); // times a day
        if (accrual == capPpm) {
            vm.assertTrue(exact >= uint256(capPpm) * 1 days);
        } else {
            vm.assertLt(accrual, capPpm);
            vm.assertTrue(accrual * 1 days <= exact && exact < (accrual + 1) * 1 days);
        }
    }
}
