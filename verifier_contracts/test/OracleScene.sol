// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PriceOracle} from "../src/PriceOracle.sol";
import {DevFeed} from "../src/dev/DevFeed.sol";
import {AggregatorV3Interface} from "../src/interfaces/AggregatorV3Interface.sol";
import {IPriceOracle} from "../src/interfaces/IPriceOracle.sol";
import {Base} from "./Base.sol";

/// @title An oracle at noon, and feed sets of development feeds
/// @notice `feeds` are those of the set added last, as far as they are development feeds; slot i starts at (i + 1) dollars.
abstract contract OracleScene is Base {
    uint40 internal constant NOON = 1_700_000_000;
    uint32 internal constant HEARTBEAT = 1 hours;
    uint16 internal constant MAX_DEVIATION_BPS = 1_000;
    uint32 internal constant DELAY = 30 minutes;
    uint32 internal constant PERIOD = 4 hours;
    /// Time after the adding of a set in which its first round needs no confirmation.
    uint32 internal constant WINDOW = 5 minutes;

    PriceOracle internal oracle;
    DevFeed[] internal feeds;
    /// The set added last.
    bytes32 internal feedSet;

    function setUp() public virtual {
        vm.warp(NOON);
        oracle = new PriceOracle();
    }

    /// A set of this size whose first slots have development feeds, with no sequencer.
    function setOf(uint256 slots, uint256 priced) internal returns (IPriceOracle.FeedSet memory set) {
        delete feeds;
        set.feeds = new IPriceOracle.Feed[](slots);
        set.confirmationDelay = DELAY;
        set.deviationPeriod = PERIOD;
        for (uint256 i; i < priced; ++i) {
            DevFeed feed = new DevFeed(8, "");
            feed.post(dollars(i + 1), NOON);
            feeds.push(feed);
            set.feeds[i] = IPriceOracle.Feed(feed, HEARTBEAT, MAX_DEVIATION_BPS);
        }
    }

    function add(IPriceOracle.FeedSet memory set) internal returns (bytes32) {
        return feedSet = oracle.addFeedSet(set);
    }

    function dollars(uint256 amount) internal pure returns (int256) {
        return int256(amount * 1e8);
    }

    function post(uint256 slot, int256 answer) internal {
        feeds[slot].post(answer, uint40(block.timestamp));
    }

    /// All feeds answer again what they answered, now.
    function refresh() internal {
        for (uint256 i; i < feeds.length; ++i) {
            (, int256 answer,,,) = feeds[i].latestRoundData();
            post(i, answer);
        }
    }

    /// Price of a slot in a round.
    function priceAt(uint32 round, uint256 slot) internal view returns (uint256) {
        (,, uint256[] memory words) = oracle.snapshot(round);
        return (words[slot / 5] >> (48 * (slot % 5))) % 2 ** 48;
    }

    function take() internal returns (uint32 round) {
        return oracle.takeSnapshot(feedSet);
    }

    function refuseSnapshot(bytes memory reason) internal {
        vm.expectRevert(reason);
        take();
    }

    function asFeed(address contract_) internal pure returns (AggregatorV3Interface) {
        return AggregatorV3Interface(contract_);
    }
}
