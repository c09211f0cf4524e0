// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevFeed} from "../../src/dev/DevFeed.sol";
import {Base} from "../Base.sol";

/// Who may deploy a development feed and post: OR-15.
contract DevFeedTest is Base {
    function test_onlyOnDevelopmentChains() public {
        uint256[4] memory others = [uint256(1), 10, 42161, 31338];
        for (uint256 i; i < others.length; ++i) {
            vm.chainId(others[i]);
            vm.expectRevert(abi.encodeWithSelector(DevFeed.NotDevelopmentChain.selector, others[i]));
            new DevFeed(8, "ETH / USD");
        }
        vm.chainId(1337);
        new DevFeed(8, "ETH / USD");
    }

    function test_answersWhatItsOwnerPosts() public {
        DevFeed feed = new DevFeed(18, "ETH / USD");
        vm.assertEq(uint256(feed.decimals()), 18);
        vm.assertEq(bytes(feed.description()), "ETH / USD");
        expectRound(feed, 0, 0, 0);
        feed.post(2_500e18, 1_700_000_000);
        expectRound(feed, 1, 2_500e18, 1_700_000_000);
        feed.post(-1, 5); // nonsense too: what reads it must look
        expectRound(feed, 2, -1, 5);
    }

    function expectRound(DevFeed feed, uint256 round, int256 answer, uint256 timestamp) private view {
        (uint80 roundId, int256 given, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound) =
            feed.latestRoundData();
        vm.assertEq(uint256(roundId), round);
        vm.assertEq(given, answer);
        vm.assertEq(startedAt, timestamp);
        vm.assertEq(updatedAt, timestamp);
        vm.assertEq(uint256(answeredInRound), round);
    }

    function test_refusesAnyoneElse() public {
        DevFeed feed = new DevFeed(8, "ETH / USD");
        vm.prank(address(1));
        vm.expectRevert(abi.encodeWithSelector(DevFeed.NotOwner.selector, address(1)));
        feed.post(1, 1);
    }
}
