// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Mutants} from "../Mutants.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";

/// What holds for every flow, time, rate, signal and coordinate.
contract HubFuzzTest is Scene {
    uint32 private round;

    function setUp() public override {
        super.setUp();
        build(8);
        round = takeRound();
    }

    // --- flows ---

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
            vm.assertEq(int256(stateOf(vaultId).pendingFlow), sum);
            uint256 signal = hub.expectedSignals(vaultId, 1, 1, round, DEADLINE)[Signals.FLOW];
            vm.assertEq(signal, Signals.encodeFlow(int64(sum)));
        }
    }

    // --- context ---

    function testFuzz_contextByItsDefinition(uint32 round_, uint40 deadline, uint64 chainId) public {
        vm.chainId(chainId);
        bytes32 digest = keccak256(
            abi.encode(
                uint256(chainId), address(hub), vaultId, uint256(1), uint256(1), round_, OPERATOR, uint256(deadline)
            )
        );
        vm.assertEq(hub.context(vaultId, round_, deadline), uint256(digest) % Signals.FIELD);
    }

    // --- accrual ---

    /// Rate times time over a day, rounded down, or the cap: told without a division.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_accrualIsRateTimesTimeCapped(uint24 rate, uint24 cap, uint32 elapsed) public {
        (terms.accrualRatePpmPerDay, terms.accrualCapPpm) = (rate, cap % 1_000_000);
        mandate = hub.addMandate(terms);
        vaultId = open();
        submit(proven(vaultId, 1001, round));

        elapsed %= uint32(DEADLINE - NOON); // before the deadline
        vm.warp(NOON + 1 + elapsed);
        uint256 accrual = hub.expectedSignals(vaultId, 1, 1, takeRound(), DEADLINE)[Signals.ACCRUAL];
        uint256 exact = uint256(rate) * (uint256(elapsed) + 1); // times a day
        if (accrual == terms.accrualCapPpm) {
            vm.assertTrue(exact >= accrual * 1 days);
        } else {
            vm.assertLt(accrual, terms.accrualCapPpm);
            vm.assertTrue(accrual * 1 days <= exact && exact < (accrual + 1) * 1 days);
        }
    }

    // --- signals ---

    /// The signals that the hub demands, put together again from what anyone can read, at any state of a vault; a proof of
    /// them passes through both entries to the same state.
    /// forge-config: default.fuzz.runs = 100
    function testFuzz_signalsByWhatAnyoneCanRead(
        uint256 before,
        uint256 after_,
        uint48 navFloor,
        int64 flow,
        uint32 elapsed,
        uint40 deadline
    ) public {
        submit(proven(vaultId, before % Signals.FIELD, round));
        elapsed %= MAX_PROOF_AGE + 1; // not yet stale, so that the flow may go in
        vm.warp(NOON + elapsed + 1);
        if (elapsed == MAX_PROOF_AGE) vm.warp(NOON + elapsed);
        round = takeRound();
        recordFlow(flow % 2 ** 56);
        (after_, navFloor) = (after_ % Signals.FIELD, navFloor % uint48(Signals.NAV_FLOOR_BOUND));
        if (deadline < block.timestamp) deadline += uint40(block.timestamp);

        IRebalanceHub.Rebalance memory r;
        (r.round, r.deadline) = (round, deadline);
        r.signals = hub.expectedSignals(vaultId, after_, navFloor, round, deadline);
        vm.assertEq(abi.encode(r.signals), abi.encode(signalsByHand(after_, navFloor, deadline)));
        r.proof = Trapdoor.prove(r.signals, 0);

        uint256 start = vm.snapshotState();
        submit(r);
        bytes memory expected = abi.encode(stateOf(vaultId));
        vm.revertToState(start);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entryOf(vaultId, 2, r);
        vm.prank(OPERATOR);
        hub.submitBatch(terms.key, round, deadline, batch);
        vm.assertEq(abi.encode(stateOf(vaultId)), expected);
    }

    function signalsByHand(uint256 after_, uint256 navFloor, uint40 deadline)
        private
        view
        returns (uint256[] memory signals)
    {
        IRebalanceHub.VaultState memory vault = stateOf(vaultId);
        (, uint40 timestamp, uint256[] memory words) = oracle.snapshot(round);
        uint256 accrued = uint256(RATE_PPM_PER_DAY) * (timestamp - vault.snapshotTimestamp) / 1 days;
        signals = new uint256[](9);
        signals[0] = vault.commitment;
        signals[1] = after_;
        signals[2] = terms.policyHash;
        signals[3] = uint256(int256(Signals.FIELD) + vault.pendingFlow) % Signals.FIELD;
        signals[4] = accrued < CAP_PPM ? accrued : CAP_PPM;
        signals[5] = navFloor;
        signals[6] = hub.context(vaultId, round, deadline);
        (signals[7], signals[8]) = (words[0], words[1]);
    }

    function testFuzz_signalsOutsideTheFieldAreNamed(uint256 index, uint256 signal) public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        index %= r.signals.length;
        r.signals[index] = Signals.FIELD + signal % (type(uint256).max - Signals.FIELD + 1);
        refuse(r, abi.encodeWithSelector(IRebalanceHub.SignalNotInField.selector, index));
    }

    // --- changes ---

    /// Whatever is changed in a valid rebalance, it is refused.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_aChangedRebalanceIsRefused(uint256 place, uint256 mask) public {
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1001, round);
        place %= 19;
        if (place == 17) mask %= 2 ** 32;
        if (place == 18) mask %= 2 ** 40;
        vm.assume(mask != 0);
        if (place < 8) Mutants.setCoordinate(r.proof, place, Mutants.coordinate(r.proof, place) ^ mask);
        else if (place < 17) r.signals[place - 8] ^= mask;
        else if (place == 17) r.round ^= uint32(mask);
        else r.deadline ^= uint40(mask);
        vm.expectRevert();
        submit(r);
    }

    /// The same for a batch of two, in which one of them is changed.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_aChangedBatchIsRefused(uint256 which, uint256 place, uint256 mask) public {
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](2);
        (batch[0], batch[1]) = (entry(vaultId, 1001, round), entry(open(), 1002, round));
        IRebalanceHub.BatchedRebalance memory b = batch[which % 2];
        place %= 12;
        if (place == 9) mask %= 2 ** 32;
        if (place == 10) mask %= 2 ** 48;
        vm.assume(mask != 0);
        if (place < 8) Mutants.setCoordinate(b.proof, place, Mutants.coordinate(b.proof, place) ^ mask);
        else if (place == 8) b.vaultId ^= bytes32(mask);
        else if (place == 9) b.sequence ^= uint32(mask);
        else if (place == 10) b.navFloor ^= uint48(mask);
        else b.commitmentAfter ^= mask;
        vm.expectRevert();
        submitBatch(round, batch);
    }
}
