// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

/// Policy, feeds, key, clocks and numbers of a mandate fit each other.
contract MandatesTest is Scene {
    function setUp() public override {
        super.setUp();
        build(8);
    }

    function refuse(bytes memory reason) private {
        IRebalanceHub.Mandate memory bad = terms;
        vm.expectRevert(reason);
        hub.addMandate(bad);
    }

    /// The name is the hash of the encoding.
    function test_anyoneAddsAMandateUnderTheHashOfItsContent() public {
        IRebalanceHub.Mandate memory added = terms;
        added.maxProofAge += 1;
        added.share.bandWait = 7;
        bytes32 name = keccak256(abi.encode(added));
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateAdded(name, added);
        vm.prank(STRANGER);
        vm.assertEq(hub.addMandate(added), name);
        vm.assertEq(abi.encode(hub.mandateOf(name)), abi.encode(added));
        vm.assertEq(abi.encode(hub.mandateOf(mandate)), abi.encode(terms));
    }

    function test_addingItAgainChangesNothing() public {
        vm.assertEq(hub.addMandate(terms), mandate);
        vm.assertEq(abi.encode(hub.mandateOf(mandate)), abi.encode(terms));
        vm.assertEq(stateOf(vaultId).mandate, mandate);
    }

    /// Each field has its place, at its widest: nothing is cut off or mixed up.
    function test_keepsEveryField() public {
        terms.share.leastOrderE6 = type(uint64).max;
        terms.share.depositCapE6 = type(uint64).max - 1;
        terms.share.orderLevyPpm = 20_000;
        terms.share.bandPpmPerDay = type(uint24).max;
        terms.share.bandWait = 4;
        terms.share.managementFeePpm = 5;
        terms.share.performanceFeePpm = 6;
        terms.gain = IRebalanceHub.Bucket(type(uint32).max, 999_999_999, 7);
        terms.loss = IRebalanceHub.Bucket(type(uint32).max - 1, 999_999_998, 8);
        terms.turnover = IRebalanceHub.Bucket(type(uint32).max - 2, 2 ** 30 - 1, 2 ** 30 - 1);
        terms.minInterval = 9;
        bytes32 name = hub.addMandate(terms);
        vm.assertEq(abi.encode(hub.mandateOf(name)), abi.encode(terms));
    }

    function test_refusesUnknownNames() public {
        bytes32[2] memory others = [bytes32(0), bytes32(uint256(mandate) + 1)];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, others[i]));
            hub.mandateOf(others[i]);
        }
    }

    function test_refusesUnknownPolicy() public {
        terms.policyHash += 1;
        refuse(abi.encodeWithSelector(IPolicyRegistry.UnknownPolicy.selector, terms.policyHash));
    }

    function test_refusesUnknownFeedSet() public {
        terms.feedSet = bytes32(uint256(terms.feedSet) + 1);
        refuse(abi.encodeWithSelector(IPriceOracle.UnknownFeedSet.selector, terms.feedSet));
        terms.feedSet = 0;
        refuse(abi.encodeWithSelector(IPriceOracle.UnknownFeedSet.selector, bytes32(0)));
    }

    function test_refusesUnknownKey() public {
        terms.key = bytes32(uint256(terms.key) + 1);
        refuse(abi.encodeWithSelector(IRebalanceHub.UnknownKey.selector, terms.key));
    }

    // --- one size ---

    function test_refusesAPolicyOfAnotherSize() public {
        terms.policyHash = register(policyOf(16));
        refuse(abi.encodeWithSelector(IRebalanceHub.SizeMismatch.selector, 16, 8, 8));
    }

    function test_refusesAKeyOfAnotherSize() public {
        terms.key = addKey(32);
        refuse(abi.encodeWithSelector(IRebalanceHub.SizeMismatch.selector, 8, 32, 8));
    }

    function test_refusesFeedsOfAnotherSize() public {
        terms.feedSet = oracle.addFeedSet(setOf(16, 7)); // for the named slots, and eight more without
        refuse(abi.encodeWithSelector(IRebalanceHub.SizeMismatch.selector, 8, 8, 16));
    }

    // --- the slots that the policy names are those with a feed ---

    function test_refusesAFeedTooFew() public {
        terms.feedSet = oracle.addFeedSet(setOf(8, 6));
        refuse(abi.encodeWithSelector(IRebalanceHub.FeedsDoNotFit.selector, 0x7f, 0x3f));
    }

    function test_refusesAFeedTooMany() public {
        terms.feedSet = oracle.addFeedSet(setOf(8, 8));
        refuse(abi.encodeWithSelector(IRebalanceHub.FeedsDoNotFit.selector, 0x7f, 0xff));
    }

    function test_refusesAsManyFeedsElsewhere() public {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        delete set.feeds[3];
        terms.feedSet = oracle.addFeedSet(set);
        refuse(abi.encodeWithSelector(IRebalanceHub.FeedsDoNotFit.selector, 0x7f, 0xf7));
    }

    // --- clocks and numbers: each limit walked ---

    function refuseTerm(string memory term, uint256 value, uint256 least, uint256 most) private {
        refuse(abi.encodeWithSelector(IRebalanceHub.TermOutOfRange.selector, term, value, least, most));
    }

    function add() private {
        hub.addMandate(terms);
    }

    function test_maxProofAgeFromAnHourTo30Days() public {
        (terms.grace, terms.share.redemptionPeriod) = (1, 90 days);
        terms.maxProofAge = 1 hours - 1;
        refuseTerm("maxProofAge", 1 hours - 1, 1 hours, 30 days);
        terms.maxProofAge = 1 hours;
        add();
        terms.maxProofAge = 30 days;
        add();
        terms.maxProofAge = 30 days + 1;
        refuseTerm("maxProofAge", 30 days + 1, 1 hours, 30 days);
        terms.maxProofAge = type(uint32).max;
        refuseTerm("maxProofAge", type(uint32).max, 1 hours, 30 days);
    }

    function test_graceUpToAQuarterOfTheProofAge() public {
        terms.grace = 0;
        refuseTerm("grace", 0, 1, MAX_PROOF_AGE / 4);
        terms.grace = 1;
        add();
        terms.grace = MAX_PROOF_AGE / 4;
        add();
        terms.grace += 1;
        refuseTerm("grace", MAX_PROOF_AGE / 4 + 1, 1, MAX_PROOF_AGE / 4);
    }

    function test_threeIntervalsFitIntoTheProofAge() public {
        terms.minInterval = (MAX_PROOF_AGE - 1) / 3;
        add();
        terms.minInterval += 1;
        refuseTerm("minInterval", MAX_PROOF_AGE / 3, 0, MAX_PROOF_AGE / 3 - 1);
    }

    /// An answer that is on chain before an order would price it: the longest heartbeat of a feed with a gross weight.
    function test_orderDelayFromTheLongestHeartbeatToTheProofAge() public {
        terms.share.orderDelay = HEARTBEAT - 1;
        refuseTerm("share.orderDelay", HEARTBEAT - 1, HEARTBEAT, MAX_PROOF_AGE);
        terms.share.orderDelay = MAX_PROOF_AGE;
        add();
        terms.share.orderDelay += 1;
        refuseTerm("share.orderDelay", MAX_PROOF_AGE + 1, HEARTBEAT, MAX_PROOF_AGE);
    }

    /// Slot 0 has no gross weight: the settlement asset's feed may be slow.
    function test_onlyHeartbeatsOfExposedSlotsCount() public {
        IPriceOracle.FeedSet memory set = setOf(8, 7);
        set.feeds[3].heartbeat = HEARTBEAT + 1;
        terms.feedSet = oracle.addFeedSet(set);
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[3].grossBps = 0;
        (, uint256 without) = (terms.policyHash, register(policy));
        refuseTerm("share.orderDelay", HEARTBEAT, HEARTBEAT + 1, MAX_PROOF_AGE);
        terms.policyHash = without;
        add();
    }

    function test_redemptionPeriodFromTheProofAgeAndTheOrderDelayTo90Days() public {
        uint32 least = MAX_PROOF_AGE + HEARTBEAT;
        terms.share.redemptionPeriod = least - 1;
        refuseTerm("share.redemptionPeriod", least - 1, least, 90 days);
        terms.share.redemptionPeriod = least;
        add();
        terms.share.redemptionPeriod = 90 days;
        add();
        terms.share.redemptionPeriod = 90 days + 1;
        refuseTerm("share.redemptionPeriod", 90 days + 1, least, 90 days);
    }

    function test_bandWaitUpToTheProofAge() public {
        terms.share.bandWait = MAX_PROOF_AGE;
        add();
        terms.share.bandWait += 1;
        refuseTerm("share.bandWait", MAX_PROOF_AGE + 1, 0, MAX_PROOF_AGE);
    }

    function test_feesUpToTheirBounds() public {
        (terms.share.managementFeePpm, terms.share.performanceFeePpm) = (50_000, 500_000);
        add();
        terms.share.managementFeePpm += 1;
        refuseTerm("share.managementFeePpm", 50_001, 0, 50_000);
        (terms.share.managementFeePpm, terms.share.performanceFeePpm) = (0, 500_001);
        refuseTerm("share.performanceFeePpm", 500_001, 0, 500_000);
    }

    function test_orderLevyUpToTwoPercent() public {
        terms.share.orderLevyPpm = 20_000;
        add();
        terms.share.orderLevyPpm += 1;
        refuseTerm("share.orderLevyPpm", 20_001, 0, 20_000);
    }

    function test_writeDownUpToAllOfTheNav() public {
        terms.writeDownPpm = 1_000_000;
        add();
        terms.writeDownPpm += 1;
        refuseTerm("writeDownPpm", 1_000_001, 0, 1_000_000);
    }

    function test_capsOfTheBuckets() public {
        (terms.gain.cap, terms.loss.cap, terms.turnover.cap) = (999_999_999, 999_999_999, 2 ** 30 - 1);
        add();
        terms.gain.cap += 1;
        refuseTerm("gain.cap", 1e9, 0, 1e9 - 1);
        (terms.gain.cap, terms.loss.cap) = (0, 1e9);
        refuseTerm("loss.cap", 1e9, 0, 1e9 - 1);
        (terms.loss.cap, terms.turnover.cap) = (1e6, 2 ** 30);
        refuseTerm("turnover.cap", 2 ** 30, 0, 2 ** 30 - 1);
    }

    function test_stepsFromOneToTheCap() public {
        string[3] memory names = ["gain.step", "loss.step", "turnover.step"];
        for (uint256 i; i < 3; ++i) {
            IRebalanceHub.Mandate memory good = terms;
            IRebalanceHub.Bucket storage bucket = i == 0 ? terms.gain : i == 1 ? terms.loss : terms.turnover;
            bucket.step = 0;
            refuseTerm(names[i], 0, 1, bucket.cap);
            bucket.step = bucket.cap + 1;
            refuseTerm(names[i], bucket.cap + 1, 1, bucket.cap);
            bucket.step = bucket.cap;
            add();
            (bucket.cap, bucket.step) = (0, 1);
            refuseTerm(names[i], 1, 0, 0);
            bucket.step = 0;
            add();
            terms = good;
        }
    }
}
