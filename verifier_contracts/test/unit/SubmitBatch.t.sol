// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances, AllowancesWord} from "../../src/libraries/Allowances.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Summary, SummaryWord} from "../../src/libraries/Summary.sol";
import {Mutants} from "../Mutants.sol";
import {Scene} from "../Scene.sol";
import {Trapdoor} from "../Trapdoor.sol";
import {FakeVerifier} from "../mocks/FakeVerifier.sol";

/// A batch does what its rebalances would do one by one, or nothing.
contract SubmitBatchTest is Scene {
    uint32 private round;
    bytes32[3] private ids;
    IRebalanceHub.BatchedRebalance[] private batch;

    function setUp() public override {
        super.setUp();
        build(8);
        ids = [vaultId, open(), open()];
        round = takeRound();
        for (uint256 i; i < 3; ++i) {
            vm.prank(OPENER);
            hub.recordFlow(ids[i], int64(int256(i)) - 1); // one out, none, one in
            batch.push(entry(ids[i], 1001 + i, round));
        }
    }

    function submitBatch() private {
        submitBatch(batch);
    }

    function refuseBatch(bytes memory reason) private {
        bytes memory before = states();
        refuseBatch(batch, reason);
        vm.assertEq(states(), before);
    }

    function refuseProofs() private {
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
    }

    function states() private view returns (bytes memory) {
        return abi.encode(stateOf(ids[0]), stateOf(ids[1]), stateOf(ids[2]));
    }

    /// Proof of the first entry, of signals of which one is changed.
    function proveOther(uint256 signal, uint256 value) private {
        uint256[] memory signals = proven(ids[0], batch[0].commitmentAfter, round).signals;
        signals[signal] = value;
        batch[0].proof = Trapdoor.prove(signals, 0);
    }

    // --- what it does ---

    function test_advancesEveryVault() public {
        for (uint256 i; i < 3; ++i) {
            vm.expectEmit(address(hub));
            emit IRebalanceHub.Rebalanced(ids[i], 1001 + i, int256(i) - 1, summaryOf(round, 1, Allowances.wrap(0)));
        }
        submitBatch();
        for (uint256 i; i < 3; ++i) {
            IRebalanceHub.VaultState memory expected = IRebalanceHub.VaultState({
                commitment: 1001 + i,
                sequence: 1,
                navFloor: uint48(NAV_FLOOR),
                snapshotTimestamp: NOON,
                pendingFlow: 0,
                mandateVersion: 1,
                loosenedVersion: 1,
                mandate: mandate,
                roundsAfter: 0,
                ordersWait: false,
                writeDownOpen: false,
                lastWriteDown: 0,
                status: IRebalanceHub.Status.Active
            });
            vm.assertEq(abi.encode(stateOf(ids[i])), abi.encode(expected));
        }
    }

    function test_doesWhatSubmitDoes() public {
        uint256 start = vm.snapshotState();
        submitBatch();
        bytes memory byBatch = states();
        vm.revertToState(start);
        for (uint256 i; i < 3; ++i) {
            vaultId = ids[i];
            submit(proven(vaultId, 1001 + i, round));
        }
        vm.assertEq(states(), byBatch);
    }

    function test_everySizeAdvances() public {
        uint8[2] memory sizes = [16, 32];
        for (uint256 i; i < 2; ++i) {
            build(sizes[i]);
            vm.warp(block.timestamp + 1);
            round = takeRound();
            delete batch;
            batch.push(entry(vaultId, 1001, round));
            vaultId = open();
            vm.warp(block.timestamp + 1);
            submitBatch();
        }
    }

    function test_inAnyOrder() public {
        (batch[0], batch[2]) = (entry(ids[2], 1003, round), entry(ids[0], 1001, round));
        submitBatch();
        vm.assertEq(stateOf(ids[2]).commitment, 1003);
    }

    /// Each vault has its own buckets, flows and mandate, whatever the ones before it in the batch have.
    function test_vaultsWithDifferentMandates() public {
        submitBatch();
        IRebalanceHub.Mandate memory other = terms;
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.maxLeverageBps -= 1;
        (other.policyHash, other.gain.cap) = (register(policy), 500_000);
        bytes32 tighter = hub.addMandate(other);
        vm.prank(OPERATOR);
        hub.proposeMandate(ids[1], tighter);

        vm.warp(NOON + 12 hours);
        round = takeRound();
        Allowances named = naming(500_000, 1_000, 10_000);
        for (uint256 i; i < 3; ++i) {
            IRebalanceHub.Rebalance memory r = proven(ids[i], 2001 + i, round, i == 0 ? Allowances.wrap(0) : named);
            batch[i] = entryOf(ids[i], 2, r);
        }
        for (uint256 i; i < 3; ++i) {
            vm.expectEmit(address(hub));
            emit IRebalanceHub.Rebalanced(ids[i], 2001 + i, 0, summaryOf(round, 2, i == 0 ? Allowances.wrap(0) : named));
        }
        submitBatch();
        vm.assertEq(hub.allowancesAt(ids[0], NOON + 12 hours).gain(), 1_000_000);
        vm.assertEq(hub.allowancesAt(ids[1], NOON + 12 hours).gain(), 0);
        vm.assertEq(hub.allowancesAt(ids[2], NOON + 12 hours).gain(), 500_000);
    }

    /// Twice in one batch is two rebalances in a row: the second starts from the first one's book.
    function test_aVaultTwiceInARow() public {
        uint256 start = vm.snapshotState();
        submitBatch();
        IRebalanceHub.BatchedRebalance memory second = entry(ids[1], 2001, round);
        vm.revertToState(start);
        batch.push(second);
        submitBatch();
        vm.assertEq(stateOf(ids[1]).commitment, 2001);
        vm.assertEq(uint256(stateOf(ids[1]).sequence), 2);
    }

    // --- which vaults ---

    function test_refusesEmpty() public {
        delete batch;
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.EmptyBatch.selector));
    }

    function test_refusesUnknownVault() public {
        batch[1].vaultId = bytes32(uint256(1));
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.UnknownVault.selector, batch[1].vaultId));
    }

    function test_refusesAVaultOfAnotherOperator() public {
        batch[1] = entry(openAs(OPENER, OTHER_OPERATOR), 1, round);
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, OPERATOR));
    }

    function test_refusesAnyoneButTheOperator() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.NotOperator.selector, STRANGER));
        vm.prank(STRANGER);
        hub.submitBatch(terms.key, DEADLINE, batch);
    }

    // --- sequence ---

    function mismatch(bytes32 id, uint32 given, uint32 expected) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.SequenceMismatch.selector, id, given, expected);
    }

    function test_refusesReplay() public {
        submitBatch();
        refuseBatch(mismatch(ids[0], 1, 2));
    }

    /// Another proof of the same statement is no other rebalance.
    function test_refusesReplayOfRerandomisedProofs() public {
        for (uint256 i; i < 3; ++i) {
            Groth16.Proof memory proof = batch[i].proof;
            Mutants.negateAB(proof);
            batch[i].proof = proof;
        }
        submitBatch();
        refuseBatch(mismatch(ids[0], 1, 2));
    }

    function test_refusesDuplicates() public {
        batch.push(batch[1]);
        refuseBatch(mismatch(ids[1], 1, 2));
    }

    function test_refusesOtherSequences() public {
        uint24[3] memory others = [0, 2, type(uint24).max];
        for (uint256 i; i < 3; ++i) {
            batch[2].summary = withSequence(batch[2].summary, others[i]);
            refuseBatch(mismatch(ids[2], others[i], 1));
        }
    }

    /// Who lies about the sequence has a proof for another one.
    function test_refusesAReplayWithTheNextSequence() public {
        submitBatch();
        for (uint256 i; i < 3; ++i) {
            batch[i].summary = withSequence(batch[i].summary, 2);
        }
        refuseProofs();
    }

    // --- key, deadline ---

    function test_refusesUnknownKey() public {
        terms.key = bytes32(uint256(terms.key) + 1);
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.UnknownKey.selector, terms.key));
    }

    function wrongKey(bytes32 id, bytes32 given, bytes32 expected) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.WrongKey.selector, id, given, expected);
    }

    function test_refusesAVaultWithAnotherKey() public {
        bytes32 key = terms.key;
        bytes32 other = terms.key = addKey(8);
        mandate = hub.addMandate(terms);
        batch[1] = entry(open(), 1001, round);
        terms.key = key;
        refuseBatch(wrongKey(batch[1].vaultId, key, other));
        terms.key = other;
        refuseBatch(wrongKey(ids[0], other, key));
    }

    function test_refusesAKeyOfAnotherSize() public {
        (bytes32 key, bytes32 other) = (terms.key, addKey(32));
        terms.key = other;
        refuseBatch(wrongKey(ids[0], other, key));
    }

    function test_untilTheDeadline() public {
        uint40 deadline = NOON + 1 hours;
        for (uint256 i; i < 3; ++i) {
            uint256[] memory signals =
                hub.expectedSignals(ids[i], 1001 + i, NAV_FLOOR, Allowances.wrap(0), round, deadline);
            batch[i].proof = Trapdoor.prove(signals, 0);
        }
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.DeadlinePassed.selector, deadline));
        vm.prank(OPERATOR);
        hub.submitBatch(terms.key, deadline, batch);
        vm.warp(deadline);
        vm.prank(OPERATOR);
        hub.submitBatch(terms.key, deadline, batch);
    }

    // --- what the prover says ---

    function test_commitmentAfterUpToTheField() public {
        batch[1].commitmentAfter = Signals.FIELD;
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.SignalNotInField.selector, Signals.COMMITMENT_AFTER));
        batch[1].commitmentAfter += 1001; // 1001 again, to a pairing
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.SignalNotInField.selector, Signals.COMMITMENT_AFTER));
        batch[1] = entry(ids[1], Signals.FIELD - 1, round);
        submitBatch();
    }

    /// A summary has no room for a greater one.
    function test_navFloorUpToItsRange() public {
        uint256[] memory signals = proven(ids[0], 1001, round).signals;
        signals[Signals.NAV_FLOOR] = 2 ** 42 - 1;
        batch[0].summary = withNavFloor(batch[0].summary, 2 ** 42 - 1);
        batch[0].proof = Trapdoor.prove(signals, 0);
        submitBatch();
        vm.assertEq(uint256(stateOf(ids[0]).navFloor), 2 ** 42 - 1);
    }

    /// `tests/unit/test_summary.py` holds the Python side to the same word.
    function test_theWordOfASummary() public pure {
        Allowances named = AllowancesWord.pack(1, 2, 3, 2 ** 30 - 1);
        Summary summary = SummaryWord.pack(0x01020304, 0x050607, 2 ** 42 - 1, named);
        vm.assertEq(Summary.unwrap(summary), 0x03fffffff0000000c000000200000007ffffffffff05060701020304);
        vm.assertEq(uint256(summary.round()), 0x01020304);
        vm.assertEq(uint256(summary.sequence()), 0x050607);
        vm.assertEq(uint256(summary.navFloor()), 2 ** 42 - 1);
        vm.assertEq(Allowances.unwrap(summary.allowances()), Allowances.unwrap(named));
    }

    function test_refusesRoundsThatDiffer() public {
        vm.warp(NOON + 1);
        uint32 other = takeRound();
        for (uint256 i = 1; i < 3; ++i) {
            Summary summary = batch[i].summary;
            batch[i].summary = summaryOf(other, 1, Allowances.wrap(0));
            refuseBatch(abi.encodeWithSelector(IRebalanceHub.RoundMismatch.selector, batch[i].vaultId, other, round));
            batch[i].summary = summary;
        }
        batch[0].summary = summaryOf(other, 1, Allowances.wrap(0));
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.RoundMismatch.selector, batch[1].vaultId, round, other));
    }

    function test_refusesASummaryWithMoreBits() public {
        for (uint256 bit = 218; bit < 256; ++bit) {
            batch[0].summary = Summary.wrap(Summary.unwrap(batch[0].summary) | 1 << bit);
            uint256 writeDown = batch[0].summary.allowances().writeDown();
            refuseBatch(abi.encodeWithSelector(IRebalanceHub.WriteDownMismatch.selector, writeDown, 0));
            batch[0] = entry(ids[0], 1001, round);
        }
    }

    function test_whatTheProverSaysNeedsAProof() public {
        batch[2].commitmentAfter += 1;
        refuseProofs();
        batch[2].commitmentAfter -= 1;
        Summary summary = batch[2].summary;
        batch[2].summary = withNavFloor(summary, NAV_FLOOR + 1);
        refuseProofs();
        batch[2].summary = SummaryWord.pack(round, 1, NAV_FLOOR, naming(0, 0, 10_000));
        refuseProofs();
    }

    // --- proofs ---

    /// The hub proves nobody's signals but its own: a valid proof of any other one is refused.
    function test_refusesAProofOfOtherSignals() public {
        uint256[] memory signals = proven(ids[0], 1001, round).signals;
        for (uint256 i; i < signals.length; ++i) {
            proveOther(i, signals[i] + 1);
            refuseProofs();
            proveOther(i, signals[i] + Signals.FIELD); // which the trapdoor cannot tell apart: a valid proof
        }
        submitBatch();
    }

    function test_oneBadProofRefusesAll() public {
        for (uint256 i; i < 3; ++i) {
            for (uint256 kind; kind < Mutants.KINDS; ++kind) {
                if (kind == 1 || kind == 7) continue; // of the signals
                IRebalanceHub.BatchedRebalance memory good = batch[i];
                uint256[] memory signals = proven(ids[i], good.commitmentAfter, round).signals;
                Groth16.Proof memory bad = batch[i].proof;
                Mutants.mutate(bad, signals, kind, uint256(keccak256(abi.encode(i, kind))));
                batch[i].proof = bad;
                refuseProofs();
                batch[i] = good;
            }
        }
        submitBatch();
    }

    function test_refusesSwappedProofs() public {
        Groth16.Proof memory first = batch[0].proof;
        batch[0].proof = batch[1].proof;
        batch[1].proof = first;
        refuseProofs();
    }

    /// Under equal weights the sum of all C would be the same.
    function test_refusesSwappedC() public {
        uint256[2] memory first = batch[0].proof.c;
        batch[0].proof.c = batch[1].proof.c;
        batch[1].proof.c = first;
        refuseProofs();
    }

    function test_refusesACancellingPair() public {
        uint256[2] memory point = Trapdoor.multiple(7);
        batch[0].proof.c = Trapdoor.add(batch[0].proof.c, point);
        point[1] = Groth16.BASE_FIELD - point[1];
        batch[1].proof.c = Trapdoor.add(batch[1].proof.c, point);
        refuseProofs();
    }

    // --- in one place, once: a valid proof for another place, sent here ---

    /// The context of the first vault's proof, as it would be with one field changed.
    function proveElsewhere(bytes memory fields) private {
        proveOther(Signals.CONTEXT, uint256(keccak256(fields)) % Signals.FIELD);
        refuseProofs();
    }

    function test_refusesAProofForAnyOtherPlace() public {
        (uint256 c, address h, bytes32 v, uint256 s, uint256 p, uint256 o, address w, uint256 d) =
            (block.chainid, address(hub), ids[0], 1, 1, round, OPERATOR, DEADLINE);
        proveElsewhere(abi.encode(c + 1, h, v, s, p, o, w, d));
        proveElsewhere(abi.encode(c, STRANGER, v, s, p, o, w, d));
        proveElsewhere(abi.encode(c, h, ids[1], s, p, o, w, d));
        proveElsewhere(abi.encode(c, h, v, s + 1, p, o, w, d));
        proveElsewhere(abi.encode(c, h, v, s, p + 1, o, w, d));
        proveElsewhere(abi.encode(c, h, v, s, p, o + 1, w, d));
        proveElsewhere(abi.encode(c, h, v, s, p, o, OTHER_OPERATOR, d));
        proveElsewhere(abi.encode(c, h, v, s, p, o, w, d + 1));
        proveOther(Signals.CONTEXT, uint256(keccak256(abi.encode(c, h, v, s, p, o, w, d))) % Signals.FIELD);
        submitBatch();
    }

    function test_refusesOtherHub() public {
        RebalanceHub other = RebalanceHub(address(bytes20(hex"4949494949494949494949494949494949494949")));
        (hub.keyOf(terms.key), hub.mandateOf(mandate), states()); // storage that was not read is not cloned
        vm.cloneAccount(address(hub), address(other));
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
        vm.prank(OPERATOR);
        other.submitBatch(terms.key, DEADLINE, batch);
    }

    function test_refusesOtherChain() public {
        vm.chainId(1);
        refuseProofs();
    }

    function test_refusesOtherDeadline() public {
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.ProofRejected.selector));
        vm.prank(OPERATOR);
        hub.submitBatch(terms.key, DEADLINE + 1, batch);
    }

    function test_refusesOtherRoundOfTheSamePrices() public {
        vm.warp(NOON + 1);
        uint32 other = takeRound();
        for (uint256 i; i < 3; ++i) {
            batch[i].summary = summaryOf(other, 1, Allowances.wrap(0));
        }
        refuseProofs();
    }

    function test_refusesOtherVersion() public {
        vm.prank(OPERATOR);
        hub.proposeMandate(ids[2], mandate);
        refuseProofs();
    }

    function test_refusesAFlowThatCameAfterTheProof() public {
        recordFlow(5);
        refuseProofs();
    }

    // --- misbehaving verifiers ---

    function test_refusesWhatIsNoAnswer() public {
        address verifier = address(hub.keyOf(terms.key).batchVerifier);
        for (uint8 answer = uint8(FakeVerifier.Answer.Two); answer <= uint8(FakeVerifier.Answer.Writes); ++answer) {
            vm.etch(verifier, address(new FakeVerifier(FakeVerifier.Answer(answer))).code);
            refuseBatch(abi.encodeWithSelector(IRebalanceHub.VerifierFailed.selector));
        }
        vm.etch(verifier, "");
        refuseBatch(abi.encodeWithSelector(IRebalanceHub.VerifierFailed.selector));
    }

    // --- gas ---

    function gasOfRefusal(IRebalanceHub.BatchedRebalance[] memory rebalances, uint256 gasLimit, bytes4 reason)
        private
        returns (uint256)
    {
        bytes memory call = abi.encodeCall(hub.submitBatch, (terms.key, DEADLINE, rebalances));
        return gasOfRefusal(call, gasLimit, abi.encodeWithSelector(reason));
    }

    /// A batch beyond the gas at hand is refused before a vault is looked at: its entries are not even of vaults.
    function test_saysAtOnceWhenGasIsTooLow() public {
        IRebalanceHub.BatchedRebalance[] memory huge = new IRebalanceHub.BatchedRebalance[](600);
        uint256 used = gasOfRefusal(huge, 30_000_000, IRebalanceHub.NotEnoughGas.selector);
        uint256 calldata_ = 4 * 32 * 11 * huge.length; // zeros
        vm.assertLt(used, 21_000 + calldata_ + 10_000);
    }

    /// With enough for the verifier at the start but not after the vaults, it is refused before the verifier is called.
    function test_saysWhenGasIsTooLowForTheVerifier() public {
        uint256 cap = Groth16.batchGasCap(3, 9);
        uint256 used = gasOfRefusal(batch, cap + cap / 63 + 60_000, IRebalanceHub.NotEnoughGas.selector);
        vm.assertLt(60_000, used); // three vaults moved on
        vm.assertLt(used, 150_000);
    }

    /// An invalid point burns the price of its precompile and no more: not the gas that the verifier was given.
    function test_aRefusedBatchCostsNoMoreThanAnAcceptedOne() public {
        Groth16.Proof memory good = batch[0].proof;
        uint256 dearest;
        for (uint256 which; which < 4; ++which) {
            Groth16.Proof memory bad = batch[0].proof;
            if (which < 3) Mutants.offTheCurve(bad, which);
            else bad.b = [[uint256(0), 1], [Mutants.OUTSIDE_Y_IM, Mutants.OUTSIDE_Y_RE]];
            batch[0].proof = bad;
            uint256 used = gasOfRefusal(batch, 10_000_000, IRebalanceHub.ProofRejected.selector);
            if (used > dearest) dearest = used;
            batch[0].proof = good;
        }
        vm.assertLt(450_000, dearest);
        submitBatch();
        vm.assertLt(dearest, vm.lastCallGas().gasTotalUsed + 100);
    }
}
