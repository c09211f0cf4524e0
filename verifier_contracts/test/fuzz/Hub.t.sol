// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Summary} from "../../src/libraries/Summary.sol";
import {Mutants} from "../Mutants.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";

/// What holds for every flow, time, bucket, signal and coordinate.
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
            uint256 signal = signalsAt(round)[Signals.FLOW];
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

    // --- buckets ---

    /// Whatever is named in whatever sequence of rebalances, at whatever times: in all at most the cap and the rate times the
    /// time between the first and the last of their rounds. The hub refuses what is above its level and nothing else.
    /// forge-config: default.fuzz.runs = 60
    function testFuzz_nothingIsUsedBeyondCapAndRate(uint256 seed, uint32 rate, uint32 cap, uint32 step) public {
        rate %= 1_000_000_000;
        cap = 1 + cap % 999_999_999;
        terms.gain = IRebalanceHub.Bucket(rate, cap, 1 + step % (cap < 1_000 ? cap : cap / 100));
        mandate = hub.addMandate(terms);
        vaultId = open();
        prove();
        uint256 used;
        for (uint256 i; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(vm.getBlockTimestamp() + seed % 1 days % (1 + (seed >> 128) % 1 days));
            round = takeRound();
            uint256 level = hub.allowancesAt(vaultId, uint40(vm.getBlockTimestamp())).gain();
            uint256 steps = level / terms.gain.step;
            uint256 most = steps * terms.gain.step;
            vm.expectRevert(
                abi.encodeWithSelector(IRebalanceHub.AllowanceTooLarge.selector, 0, most + terms.gain.step, level)
            );
            hub.expectedSignals(vaultId, 1, 1, naming(most + terms.gain.step, 0, 0), round, DEADLINE);
            uint256 named = (seed >> 64) % 3 == 0 ? most : (seed >> 72) % (steps + 1) * terms.gain.step;
            submit(proven(vaultId, i, round, naming(named, 0, 0)));
            used += named;
            uint256 elapsed = vm.getBlockTimestamp() - NOON;
            vm.assertLe(used * 1 days, uint256(cap) * 1 days + rate * elapsed);
        }
    }

    /// And no mandate lets more be used than the loosest of its caps and rates, however often the vault changes between them.
    /// forge-config: default.fuzz.runs = 40
    function testFuzz_mandatesNeverRaiseALevel(uint32 first, uint32 second, uint256 named) public {
        (first, second) = (1 + first % 999_999_998, 1 + second % 999_999_998);
        if (second > first) (first, second) = (second, first);
        terms.gain = IRebalanceHub.Bucket(0, first, 1);
        mandate = hub.addMandate(terms);
        vaultId = open();
        prove();
        named %= first + 1;
        submit(proven(vaultId, 1, round, naming(named, 0, 0)));
        terms.gain.cap = second;
        propose(hub.addMandate(terms));
        uint256 left = first - named;
        vm.assertEq(hub.allowancesAt(vaultId, NOON).gain(), left < second ? left : second);
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
        uint40 deadline,
        uint256 named
    ) public {
        submit(proven(vaultId, before % Signals.FIELD, round));
        elapsed %= MAX_PROOF_AGE; // not yet stale, so that the flow may go in
        vm.warp(NOON + elapsed + 1);
        round = takeRound();
        recordFlow(flow % 2 ** 56);
        (after_, navFloor) = (after_ % Signals.FIELD, navFloor % uint48(Signals.NAV_FLOOR_BOUND));
        if (deadline < block.timestamp) deadline += uint40(block.timestamp);

        IRebalanceHub.Rebalance memory r;
        (r.round, r.deadline) = (round, deadline);
        Allowances allowances =
            naming(named % 1_001 * 1_000, (named >> 32) % 2_001 * 1_000, (named >> 64) % 101 * 10_000);
        r.signals = hub.expectedSignals(vaultId, after_, navFloor, allowances, round, deadline);
        vm.assertEq(abi.encode(r.signals), abi.encode(signalsByHand(after_, navFloor, allowances, deadline)));
        r.proof = Trapdoor.prove(r.signals, 0);

        uint256 start = vm.snapshotState();
        submit(r);
        bytes memory expected = abi.encode(stateOf(vaultId));
        vm.revertToState(start);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entryOf(vaultId, 2, r);
        vm.prank(OPERATOR);
        hub.submitBatch(terms.key, deadline, batch);
        vm.assertEq(abi.encode(stateOf(vaultId)), expected);
    }

    function signalsByHand(uint256 after_, uint256 navFloor, Allowances allowances, uint40 deadline)
        private
        view
        returns (uint256[] memory signals)
    {
        IRebalanceHub.VaultState memory vault = stateOf(vaultId);
        (,, uint256[] memory words) = oracle.snapshot(round);
        signals = new uint256[](9);
        signals[0] = vault.commitment;
        signals[1] = after_;
        signals[2] = terms.policyHash;
        signals[3] = uint256(int256(Signals.FIELD) + vault.pendingFlow) % Signals.FIELD;
        signals[4] = Allowances.unwrap(allowances);
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
        place %= 11;
        vm.assume(mask != 0);
        if (place < 8) Mutants.setCoordinate(b.proof, place, Mutants.coordinate(b.proof, place) ^ mask);
        else if (place == 8) b.vaultId ^= bytes32(mask);
        else if (place == 9) b.summary = Summary.wrap(Summary.unwrap(b.summary) ^ mask);
        else b.commitmentAfter ^= mask;
        vm.expectRevert();
        submitBatch(batch);
    }
}
