// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {RebalanceHub} from "../src/RebalanceHub.sol";
import {IRebalanceHub} from "../src/interfaces/IRebalanceHub.sol";
import {Signals} from "../src/libraries/Signals.sol";
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
    uint32 internal constant MAX_SNAPSHOT_AGE = 6 hours;
    uint32 internal constant MAX_PROOF_AGE = 2 days;
    uint24 internal constant RATE_PPM_PER_DAY = 300;
    uint24 internal constant CAP_PPM = 1_000;

    uint40 internal constant DEADLINE = 2_000_000_000;
    uint256 internal constant NAV_FLOOR = 77;

    /// What was built last.
    uint8 internal slots;
    IRebalanceHub.Mandate internal terms;
    uint32 internal mandate;
    bytes32 internal vaultId;

    function setUp() public virtual override {
        super.setUp();
        registry = new PolicyRegistry();
        vm.etch(address(hub), address(new RebalanceHub(oracle, registry)).code);
    }

    /// Everything for vaults of this size, and one of them.
    function build(uint8 size) internal {
        slots = size;
        terms = IRebalanceHub.Mandate({
            policyHash: register(policyOf(size)),
            feedSet: oracle.addFeedSet(setOf(size, size - 1)), // the policy leaves the last slot unused
            key: addKey(size),
            maxSnapshotAge: MAX_SNAPSHOT_AGE,
            accrualRatePpmPerDay: RATE_PPM_PER_DAY,
            accrualCapPpm: CAP_PPM,
            maxProofAge: MAX_PROOF_AGE
        });
        mandate = hub.addMandate(terms);
        vaultId = open();
    }

    function addKey(uint8 size) internal virtual returns (uint32) {
        uint256 signals = Signals.count(size);
        return hub.addKey(Trapdoor.verifier(signals), Trapdoor.batchVerifier(signals), size);
    }

    function open() internal returns (bytes32) {
        return openAs(OPENER, OPERATOR);
    }

    function openAs(address opener, address operator) internal returns (bytes32) {
        vm.prank(opener);
        return hub.openVault(operator, GUARDIAN, LOOSENING_DELAY, mandate);
    }

    /// All feeds answer again what they answered, and a snapshot is taken.
    function takeRound() internal returns (uint32 round) {
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

    // --- rebalances ---

    /// A rebalance that the hub takes, to this commitment.
    function proven(bytes32 id, uint256 commitmentAfter, uint32 round)
        internal
        view
        returns (IRebalanceHub.Rebalance memory r)
    {
        (r.round, r.deadline) = (round, DEADLINE);
        r.signals = hub.expectedSignals(id, commitmentAfter, NAV_FLOOR, round, DEADLINE);
        r.proof = Trapdoor.prove(r.signals, 0);
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
            sequence: sequence,
            navFloor: uint48(r.signals[Signals.NAV_FLOOR]),
            commitmentAfter: r.signals[Signals.COMMITMENT_AFTER],
            proof: r.proof
        });
    }

    function submit(IRebalanceHub.Rebalance memory r) internal {
        vm.prank(OPERATOR);
        hub.submit(vaultId, r);
    }

    function refuse(IRebalanceHub.Rebalance memory r, bytes memory reason) internal {
        vm.expectRevert(reason);
        submit(r);
    }

    function submitBatch(uint32 round, IRebalanceHub.BatchedRebalance[] memory batch) internal {
        vm.prank(OPERATOR);
        hub.submitBatch(terms.key, round, DEADLINE, batch);
    }

    function refuseBatch(uint32 round, IRebalanceHub.BatchedRebalance[] memory batch, bytes memory reason) internal {
        vm.expectRevert(reason);
        submitBatch(round, batch);
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
