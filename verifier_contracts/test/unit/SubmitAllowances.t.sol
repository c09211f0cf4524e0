// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Allowances} from "../../src/libraries/Allowances.sol";
import {Scene} from "../Scene.sol";

/// What rebalances may take out of the buckets of gain, loss and turnover.
contract SubmitAllowancesTest is Scene {
    uint256 private constant GAIN = 0;
    uint256 private constant LOSS = 1;
    uint256 private constant TURNOVER = 2;

    uint32 private round;

    function setUp() public override {
        super.setUp();
        build(8);
        prove();
        round = takeRound();
    }

    function use(Allowances named) private {
        submit(proven(vaultId, 1, round, named));
    }

    /// Refused by both entries and by what tells a prover the signals.
    function refuseNaming(Allowances named, bytes memory reason) private {
        vm.expectRevert(reason);
        hub.expectedSignals(vaultId, 1, NAV_FLOOR, named, round, DEADLINE);
        IRebalanceHub.Rebalance memory r = proven(vaultId, 1, round);
        r.signals[4] = Allowances.unwrap(named);
        refuse(r, reason);
        IRebalanceHub.BatchedRebalance[] memory batch = new IRebalanceHub.BatchedRebalance[](1);
        batch[0] = entryOf(vaultId, stateOf(vaultId).sequence + 1, r);
        refuseBatch(batch, reason);
    }

    function tooLarge(uint256 bucket, uint256 named, uint256 held) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.AllowanceTooLarge.selector, bucket, named, held);
    }

    function notInSteps(uint256 bucket, uint256 named, uint256 step) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRebalanceHub.AllowanceNotInSteps.selector, bucket, named, step);
    }

    function level() private view returns (Allowances) {
        return hub.allowancesAt(vaultId, uint40(block.timestamp));
    }

    function requireLevel(uint256 gain, uint256 loss, uint256 turnover) private view {
        vm.assertEq(Allowances.unwrap(level()), Allowances.unwrap(naming(gain, loss, turnover)));
    }

    // --- what may be named ---

    function test_upToTheLevel() public {
        refuseNaming(naming(1_001_000, 0, 0), tooLarge(GAIN, 1_001_000, 1_000_000));
        refuseNaming(naming(0, 2_001_000, 0), tooLarge(LOSS, 2_001_000, 2_000_000));
        refuseNaming(naming(0, 0, 1_010_000), tooLarge(TURNOVER, 1_010_000, 1_000_000));
        use(naming(1_000_000, 2_000_000, 1_000_000));
        requireLevel(0, 0, 0);
        refuseNaming(naming(1_000, 0, 0), tooLarge(GAIN, 1_000, 0));
        use(naming(0, 0, 0));
    }

    /// The name tells little of the book.
    function test_inStepsOnly() public {
        refuseNaming(naming(1_500, 0, 0), notInSteps(GAIN, 1_500, 1_000));
        refuseNaming(naming(0, 999, 0), notInSteps(LOSS, 999, 1_000));
        refuseNaming(naming(0, 0, 10_001), notInSteps(TURNOVER, 10_001, 10_000));
    }

    function test_theFirstRebalanceNamesNoGainAndNoLoss() public {
        vaultId = open();
        refuseNaming(naming(1_000, 0, 0), tooLarge(GAIN, 1_000, 0));
        refuseNaming(naming(0, 1_000, 0), tooLarge(LOSS, 1_000, 0));
        use(naming(0, 0, 10_000));
        requireLevel(1_000_000, 2_000_000, 990_000); // what was not named is still there
    }

    /// No proof shows a word beyond the packing of four values; the write-down is not cut off.
    function test_refusesAWordThatIsNoPacking() public {
        Allowances word = Allowances.wrap(1 << 120);
        refuseNaming(word, abi.encodeWithSelector(IRebalanceHub.WriteDownMismatch.selector, 2 ** 30, 0));
    }

    function test_aBucketWithoutACapGivesNothing() public {
        terms.gain = IRebalanceHub.Bucket({ratePerDay: 5, cap: 0, step: 0});
        mandate = hub.addMandate(terms);
        vaultId = open();
        submit(proven(vaultId, 1, round));
        refuseNaming(naming(1, 0, 0), tooLarge(GAIN, 1, 0));
        use(naming(0, 0, 0));
    }

    // --- filling ---

    function test_fillsWithTheTimeOfTheRoundsUpToTheCap() public {
        use(naming(1_000_000, 2_000_000, 1_000_000));
        vm.warp(NOON + 12 hours);
        requireLevel(150_000, 250_000, 50_000);
        prove();
        requireLevel(150_000, 250_000, 50_000);
        vm.warp(NOON + 1 days);
        requireLevel(300_000, 500_000, 100_000);
        vm.warp(NOON + 30 days);
        requireLevel(1_000_000, 2_000_000, 1_000_000);
    }

    /// It is the time of the round that counts, whenever the proof comes.
    function test_theTimeOfTheProofDoesNotCount() public {
        use(naming(1_000_000, 0, 0));
        vm.warp(NOON + 6 hours);
        round = takeRound();
        vm.warp(NOON + 12 hours);
        refuseNaming(naming(76_000, 0, 0), tooLarge(GAIN, 76_000, 75_000));
        use(naming(75_000, 0, 0));
        vm.assertEq(hub.allowancesAt(vaultId, NOON + 6 hours).gain(), 0);
    }

    /// Rounded down, each time: many small steps fill less than one large one.
    function test_fillingRoundsDown() public {
        use(naming(1_000_000, 0, 0));
        vm.warp(NOON + 1);
        requireLevel(3, 2_000_000, 1_000_000); // of 3.47
        prove();
        vm.warp(NOON + 2);
        requireLevel(6, 2_000_000, 1_000_000); // of 6.94
    }

    /// At one snapshot no time passes, however many rebalances there are.
    function test_nothingFillsAtTheSameRound() public {
        use(naming(600_000, 0, 0));
        refuseNaming(naming(600_000, 0, 0), tooLarge(GAIN, 600_000, 400_000));
    }

    // --- mandates ---

    function tighten(uint32 gainCap) private {
        terms.gain.cap = gainCap;
        propose(hub.addMandate(terms));
    }

    function test_anActivationCutsALevelToTheNewCap() public {
        tighten(400_000);
        requireLevel(400_000, 2_000_000, 1_000_000);
    }

    function test_anActivationNeverRaisesALevel() public {
        use(naming(900_000, 0, 0));
        tighten(400_000);
        requireLevel(100_000, 2_000_000, 1_000_000);
        terms.gain.cap = 900_000;
        bytes32 looser = hub.addMandate(terms);
        propose(looser);
        vm.warp(NOON + LOOSENING_DELAY);
        warpFresh(NOON + LOOSENING_DELAY);
        requireLevel(400_000, 2_000_000, 1_000_000);
        hub.activateMandate(vaultId, looser);
        requireLevel(400_003, 2_000_000, 1_000_000); // a second has passed since the last round
    }

    // --- what the hub tells ---

    function test_aTimeBeforeTheLastRoundCountsAsThatOfIt() public {
        use(naming(1_000_000, 2_000_000, 1_000_000));
        vm.assertEq(Allowances.unwrap(hub.allowancesAt(vaultId, 0)), 0);
    }
}
