// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {OracleScene} from "../OracleScene.sol";
import {FakeFeed} from "../mocks/FakeFeed.sol";
import {SequencerFeed} from "../mocks/SequencerFeed.sol";

/// On a rollup: no prices while the sequencer is down, nor until it has been back for the grace period: OR-10.
contract OracleSequencerTest is OracleScene {
    uint32 private constant GRACE = 20 minutes;
    int256 private constant UP = 0;
    int256 private constant DOWN = 1;

    SequencerFeed private sequencer;

    function setUp() public override {
        super.setUp();
        sequencer = new SequencerFeed();
        addSetWith(address(sequencer));
    }

    function addSetWith(address uptimeFeed) private returns (bytes32) {
        IPriceOracle.FeedSet memory set = setOf(8, 8);
        set.sequencerUptimeFeed = asFeed(uptimeFeed);
        set.sequencerGracePeriod = GRACE;
        return add(set);
    }

    function refuseJustBack(uint256 since) private {
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.SequencerJustBack.selector, since, GRACE));
    }

    function test_refusesWhileDown() public {
        int256[3] memory statuses = [DOWN, 2, -1]; // whatever is not up
        for (uint256 i; i < 3; ++i) {
            sequencer.change(statuses[i], NOON - 1 days);
            refuseSnapshot(abi.encodeWithSelector(IPriceOracle.SequencerDown.selector));
        }
    }

    function test_refusesInTheGracePeriod() public {
        sequencer.change(UP, NOON);
        refuseJustBack(NOON);
        vm.warp(NOON + GRACE - 1);
        refuseJustBack(NOON);
        vm.warp(NOON + GRACE);
        vm.assertEq(uint256(take()), 0); // the set's first round comes late
        vm.warp(NOON + GRACE + DELAY);
        vm.assertEq(uint256(take()), 1);
    }

    function test_refusesAChangeInTheFuture() public {
        sequencer.change(UP, NOON + 1);
        refuseJustBack(NOON + 1);
        sequencer.change(UP, type(uint256).max);
        refuseJustBack(type(uint256).max);
    }

    function test_refusesWithoutAValidRound() public {
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.SequencerFeedFailed.selector));
        sequencer.change(UP, 1);
        take();
    }

    function test_refusesUptimeFeedsThatFail() public {
        FakeFeed feed = new FakeFeed();
        addSetWith(address(feed));
        for (uint8 manner = uint8(FakeFeed.Manner.Nothing); manner < uint8(FakeFeed.Manner.Reenters); ++manner) {
            feed.setRound(FakeFeed.Manner(manner), [uint256(1), 0, 1, 1, 1]);
            vm.expectRevert(abi.encodeWithSelector(IPriceOracle.SequencerFeedFailed.selector));
            oracle.takeSnapshot{gas: 20_000_000}(feedSet);
        }
        feed.setRound(FakeFeed.Manner.WellFormed, [uint256(1), 0, 1, 1, 1]);
        take();
    }

    function test_holdsBackConfirmationsToo() public {
        sequencer.change(UP, 1);
        take();
        vm.warp(NOON + 1);
        post(2, dollars(6));
        take();
        sequencer.change(DOWN, NOON + 2);
        vm.warp(NOON + 1 + DELAY);
        refuseSnapshot(abi.encodeWithSelector(IPriceOracle.SequencerDown.selector));
        sequencer.change(UP, NOON + 2);
        vm.assertEq(uint256(take()), 2);
    }
}
