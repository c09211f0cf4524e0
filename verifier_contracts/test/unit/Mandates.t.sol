// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

/// Policy, feeds, key and numbers of a mandate fit each other.
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

    function test_anyoneAddsAMandateAndItIsKept() public {
        IRebalanceHub.Mandate memory added = terms;
        added.maxProofAge += 1;
        vm.expectEmit(address(hub));
        emit IRebalanceHub.MandateAdded(mandate + 1, added);
        vm.prank(STRANGER);
        vm.assertEq(uint256(hub.addMandate(added)), mandate + 1);
        vm.assertEq(abi.encode(hub.mandateOf(mandate + 1)), abi.encode(added));
        vm.assertEq(abi.encode(hub.mandateOf(mandate)), abi.encode(terms));
    }

    function test_numberedFromOne() public {
        vm.assertEq(uint256(mandate), 1);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, 0));
        hub.mandateOf(0);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.UnknownMandate.selector, 2));
        hub.mandateOf(2);
    }

    function test_refusesUnknownPolicy() public {
        terms.policyHash += 1;
        refuse(abi.encodeWithSelector(IPolicyRegistry.UnknownPolicy.selector, terms.policyHash));
    }

    function test_refusesUnknownFeedSet() public {
        terms.feedSet += 1;
        refuse(abi.encodeWithSelector(IPriceOracle.UnknownFeedSet.selector, terms.feedSet));
        terms.feedSet = 0;
        refuse(abi.encodeWithSelector(IPriceOracle.UnknownFeedSet.selector, 0));
    }

    function test_refusesUnknownKey() public {
        terms.key += 1;
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

    // --- numbers ---

    function test_refusesNoSnapshotAge() public {
        terms.maxSnapshotAge = 0;
        refuse(abi.encodeWithSelector(IRebalanceHub.ZeroSnapshotAge.selector));
        terms.maxSnapshotAge = 1;
        hub.addMandate(terms);
    }

    function test_refusesNoProofAge() public {
        terms.maxProofAge = 0;
        refuse(abi.encodeWithSelector(IRebalanceHub.ZeroProofAge.selector));
    }

    function test_refusesAProofAgeBelowTheSnapshotAge() public {
        terms.maxProofAge = MAX_SNAPSHOT_AGE - 1;
        refuse(
            abi.encodeWithSelector(
                IRebalanceHub.ProofAgeBelowSnapshotAge.selector, MAX_SNAPSHOT_AGE - 1, MAX_SNAPSHOT_AGE
            )
        );
        terms.maxProofAge = MAX_SNAPSHOT_AGE;
        hub.addMandate(terms);
    }

    function test_accrualCapBelowAllOfTheNav() public {
        terms.accrualCapPpm = 999_999;
        hub.addMandate(terms);
        terms.accrualCapPpm = 1_000_000;
        refuse(abi.encodeWithSelector(IRebalanceHub.AccrualCapOutOfRange.selector, 1_000_000));
    }
}
