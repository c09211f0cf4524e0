// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Scene} from "../Scene.sol";

contract Spammer {
    function spam(RebalanceHub hub, IRebalanceHub.Mandate memory terms, uint256 times) external returns (uint256 gas_) {
        gas_ = gasleft();
        for (uint256 i; i < times; ++i) {
            hub.addMandate(terms);
        }
        gas_ = (gas_ - gasleft()) / times;
    }
}

/// What anybody, or guardian and operator together, might do to a hub or a vault.
contract HubAttackTest is Scene {
    function setUp() public override {
        super.setUp();
        build(8);
    }

    /// Whoever took all numbers would end mandates for everybody, for good.
    function test_takingAllMandateNumbersIsOutOfReach() public {
        uint256 each = new Spammer().spam(hub, terms, 200);
        vm.assertTrue(each * (2 ** 32 - 1) > 100e12);
    }

    function test_noPauseAndNoMandateEndsStaleness() public {
        IRebalanceHub.Mandate memory longer = terms;
        longer.maxProofAge = 400 days;
        uint32 to = hub.addMandate(longer);
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, to);
        vm.warp(block.timestamp + 3 days);
        hub.callStale(vaultId);
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
        vm.expectRevert(abi.encodeWithSelector(IRebalanceHub.WrongStatus.selector, IRebalanceHub.Status.Paused));
        hub.activateMandate(vaultId);
        vm.prank(GUARDIAN);
        hub.unpause(vaultId);
        hub.activateMandate(vaultId);
        vm.assertTrue(hub.status(vaultId) == IRebalanceHub.Status.Stale);
    }
}
