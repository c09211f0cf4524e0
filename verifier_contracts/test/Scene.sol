// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {RebalanceHub} from "../src/RebalanceHub.sol";
import {IRebalanceHub} from "../src/interfaces/IRebalanceHub.sol";
import {Allowances, AllowancesWord} from "../src/libraries/Allowances.sol";
import {Signals} from "../src/libraries/Signals.sol";
import {Summary, SummaryWord} from "../src/libraries/Summary.sol";
import {OracleScene} from "./OracleScene.sol";
import {PolicyScene} from "./PolicyScene.sol";
import {Trapdoor} from "./Trapdoor.sol";

/// @title A hub with its oracle and its registry, its people, and whatever a vault of one size needs
/// @notice The hub is at a fixed address and people are fixed too, so that proofs made beforehand hold
/// (fixtures/make_real.mjs repeats the scene). All other proofs are made on the spot, by the trapdoor of their key.
abstract contract Scene is OracleScene, PolicyScene {
    RebalanceHub internal constant hub = RebalanceHub(address(bytes20(hex"4848484848484848484848484848484848484848")));
    address internal constant OPENER = address(bytes20(hex"0101010101010101010101010101010101010101"));
    address internal constant OPERATOR = address(bytes20(hex"0202020202020202020202020202020202020202"));
    address internal constant OTHER_OPERATOR = address(bytes20(hex"0303030303030303030303030303030303030303"));
    address internal constant GUARDIAN = address(bytes20(hex"0404040404040404040404040404040404040404"));
    address internal constant STRANGER = address(bytes20(hex"0505050505050505050505050505050505050505"));

    uint32 internal constant LOOSENING_DELAY = 3 days;
    uint32 internal constant GRACE = 6 hours;
    uint32 internal constant MAX_PROOF_AGE = 2 days;
    /// Half a proof age: how long a pause or a write-down lasts, and how long a repair waits.
    uint32 internal constant HALF = MAX_PROOF_AGE / 2;
    uint40 internal constant ACTIVATION_WINDOW = 7 days;
    uint32 internal constant WRITE_DOWN_PPM = 50_000;
    /// The vault, just built, is stale after this second: it was opened a second before noon.
    uint40 internal constant LAST = NOON - 1 + MAX_PROOF_AGE;

    uint40 internal constant DEADLINE = 2_000_000_000;
    uint256 internal constant NAV_FLOOR = 77;

    /// What was built last.
    uint8 internal slots;
    IRebalanceHub.Mandate internal terms;
    bytes32 internal mandate;
    bytes32 internal vaultId;

    function setUp() public virtual override {
        super.setUp();
        registry = new PolicyRegistry();
        vm.etch(address(hub), address(new RebalanceHub(oracle, registry)).code);
    }

    /// Everything for vaults of this size, and one of them.
    function build(uint8 size) internal {
        slots = size;
        terms = termsOf(size);
        mandate = hub.addMandate(terms);
        takeRound();
        vaultId = open();
    }

    function termsOf(uint8 size) private returns (IRebalanceHub.Mandate memory) {
        return IRebalanceHub.Mandate({
            policyHash: register(policyOf(size)),
            feedSet: oracle.addFeedSet(setOf(size, size - 1)), // the policy leaves the last slot unused
            key: addKey(size),
            grace: GRACE,
            minInterval: 0,
            maxProofAge: MAX_PROOF_AGE,
            writeDownPpm: WRITE_DOWN_PPM,
            gain: IRebalanceHub.Bucket({ratePerDay: 300_000, cap: 1_000_000, step: 1_000}),
            loss: IRebalanceHub.Bucket({ratePerDay: 500_000, cap: 2_000_000, step: 1_000}),
            turnover: IRebalanceHub.Bucket({ratePerDay: 100_000, cap: 1_000_000, step: 10_000}),
            share: IRebalanceHub.ShareTerms({
                orderDelay: HEARTBEAT,
                redemptionPeriod: 7 days,
                leastOrderE6: 1e6,
                depositCapE6: 1e12,
                orderLevyPpm: 3_000,
                managementFeePpm: 10_000,
                performanceFeePpm: 100_000,
                bandPpmPerDay: 0,
                bandWait: 0
            })
        });
    }

    function addKey(uint8 size) internal virtual returns (bytes32) {
        uint256 signals = Signals.count(size);
        return hub.addKey(Trapdoor.verifier(signals), Trapdoor.batchVerifier(signals), size);
    }

    function open() internal returns (bytes32) {
        return openAs(OPENER, OPERATOR);
    }

    /// Opened a second ago: a round of now is one after the opening.
    function openAs(address opener, address operator) internal returns (bytes32 id) {
        uint256 now_ = vm.getBlockTimestamp();
        vm.warp(now_ - 1);
        vm.prank(opener);
        id = hub.openVault(operator, GUARDIAN, LOOSENING_DELAY, mandate);
        vm.warp(now_);
    }

    /// All feeds answer again what they answered, and a snapshot is taken, unless there is one of this second.
    function takeRound() internal returns (uint32 round) {
        round = oracle.latestRound(terms.feedSet);
        if (round != 0) {
            (, uint40 timestamp,) = oracle.snapshot(round);
            if (timestamp == vm.getBlockTimestamp()) return round;
        }
        refresh();
        round = oracle.takeSnapshot(terms.feedSet);
        vm.assertTrue(round != 0);
    }

    function recordFlow(int64 flow) internal {
        vm.prank(OPENER);
        hub.recordFlow(vaultId, flow);
    }

    function stateOf(bytes32 id) internal view returns (IRebalanceHub.VaultState memory) {
        return hub.vaultState(id);
    }

    function requireStatus(IRebalanceHub.Status expected) internal view {
        vm.assertTrue(hub.status(vaultId) == expected);
        vm.assertTrue(stateOf(vaultId).status == expected);
    }

    function wrong(IRebalanceHub.Status status) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.WrongStatus.selector, status);
    }

    function tooEarly(uint256 possibleAt) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.TooEarly.selector, possibleAt);
    }

    function tooLate(uint256 lapsedAt) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.TooLate.selector, lapsedAt);
    }

    // --- people ---

    function pause() internal {
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
    }

    function unpause() internal {
        vm.prank(GUARDIAN);
        hub.unpause(vaultId);
    }

    function windDown(address by) internal {
        vm.prank(by);
        hub.windDown(vaultId);
    }

    function propose(bytes32 to) internal returns (uint40) {
        vm.prank(OPERATOR);
        return hub.proposeMandate(vaultId, to);
    }

    function announce(uint32 navSteps) internal {
        vm.prank(OPERATOR);
        hub.announceWriteDown(vaultId, navSteps);
    }

    // --- rebalances ---

    /// A rebalance that the hub takes, to this commitment, with no allowances.
    function proven(bytes32 id, uint256 commitmentAfter, uint32 round)
        internal
        view
        returns (IRebalanceHub.Rebalance memory r)
    {
        return proven(id, commitmentAfter, round, Allowances.wrap(0));
    }

    function proven(bytes32 id, uint256 commitmentAfter, uint32 round, Allowances allowances)
        internal
        view
        returns (IRebalanceHub.Rebalance memory r)
    {
        (r.round, r.deadline) = (round, DEADLINE);
        r.signals = hub.expectedSignals(id, commitmentAfter, NAV_FLOOR, allowances, round, DEADLINE);
        r.proof = Trapdoor.prove(r.signals, 0);
    }

    function naming(uint256 gain, uint256 loss, uint256 turnover) internal pure returns (Allowances) {
        return AllowancesWord.pack(gain, loss, turnover, 0);
    }

    function writingDown(uint256 navSteps) internal pure returns (Allowances) {
        return AllowancesWord.pack(0, 0, 0, navSteps);
    }

    /// The signals that the hub demands of a heartbeat at this round.
    function signalsAt(uint32 round) internal view returns (uint256[] memory) {
        return hub.expectedSignals(vaultId, 1, 1, Allowances.wrap(0), round, DEADLINE);
    }

    /// A rebalance at a snapshot of now, which leaves the book as it is.
    function prove() internal {
        submit(proven(vaultId, stateOf(vaultId).commitment, takeRound()));
    }

    /// The time is this, and the vault is as fresh as it can be a second before.
    function warpFresh(uint40 time) internal {
        vm.warp(time - 1);
        prove();
        vm.warp(time);
    }

    /// The same, as an entry of a batch.
    function entry(bytes32 id, uint256 commitmentAfter, uint32 round)
        internal
        view
        returns (IRebalanceHub.BatchedRebalance memory)
    {
        IRebalanceHub.Rebalance memory r = proven(id, commitmentAfter, round);
        return entryOf(id, stateOf(id).sequence + 1, r);
    }

    function entryOf(bytes32 id, uint32 sequence, IRebalanceHub.Rebalance memory r)
        internal
        pure
        returns (IRebalanceHub.BatchedRebalance memory)
    {
        return IRebalanceHub.BatchedRebalance({
            vaultId: id,
            summary: SummaryWord.pack(
                r.round, sequence, r.signals[Signals.NAV_FLOOR], Allowances.wrap(r.signals[Signals.ALLOWANCES])
            ),
            commitmentAfter: r.signals[Signals.COMMITMENT_AFTER],
            proof: r.proof
        });
    }

    /// The word of an event or an entry, with the NAV floor that `proven` takes.
    function summaryOf(uint32 round, uint256 sequence, Allowances allowances) internal pure returns (Summary) {
        return SummaryWord.pack(round, sequence, NAV_FLOOR, allowances);
    }

    function withSequence(Summary s, uint256 sequence) internal pure returns (Summary) {
        return SummaryWord.pack(s.round(), sequence, s.navFloor(), s.allowances());
    }

    function withNavFloor(Summary s, uint256 navFloor) internal pure returns (Summary) {
        return SummaryWord.pack(s.round(), s.sequence(), navFloor, s.allowances());
    }

    function submit(IRebalanceHub.Rebalance memory r) internal {
        vm.prank(OPERATOR);
        hub.submit(vaultId, r);
    }

    function refuse(IRebalanceHub.Rebalance memory r, bytes memory reason) internal {
        vm.expectRevert(reason);
        submit(r);
    }

    function submitBatch(IRebalanceHub.BatchedRebalance[] memory batch) internal {
        vm.prank(OPERATOR);
        hub.submitBatch(terms.key, DEADLINE, batch);
    }

    function refuseBatch(IRebalanceHub.BatchedRebalance[] memory batch, bytes memory reason) internal {
        vm.expectRevert(reason);
        submitBatch(batch);
    }

    /// What the operator pays for a call that is refused for this reason.
    function gasOfRefusal(bytes memory call, uint256 gasLimit, bytes memory reason) internal returns (uint256) {
        vm.prank(OPERATOR);
        (bool ok, bytes memory answer) = address(hub).call{gas: gasLimit}(call);
        vm.assertFalse(ok);
        vm.assertEq(answer, reason);
        return vm.lastCallGas().gasTotalUsed;
    }
}
