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

/// What anybody, or guardian and operator together, can do to a hub or a vault.
contract HubAttackTest is Scene {
    function setUp() public override {
        super.setUp();
        build(8);
    }

    /// Whoever takes all 2^24 numbers ends mandates for everybody, for good.
    function test_takingAllNumbersIsOutOfReach() public {
        uint256 each = new Spammer().spam(hub, terms, 200);
        vm.assertTrue(each * 2 ** 24 > 100e12, "all numbers cost less than 100,000,000,000,000 gas");
    }

    /// A vault that was called stale stays so until a proof.
    function test_onlyAProofEndsStaleness() public {
        IRebalanceHub.Mandate memory longer = terms;
        longer.maxProofAge = 400 days;
        uint24 to = hub.addMandate(longer);
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, to);
        vm.warp(block.timestamp + 3 days);
        hub.callStale(vaultId);
        vm.prank(GUARDIAN);
        hub.pause(vaultId);
        hub.activateMandate(vaultId);
        vm.prank(GUARDIAN);
        hub.unpause(vaultId);
        vm.assertTrue(hub.status(vaultId) == IRebalanceHub.Status.Stale, "active again without a proof");
    }

    /// A cap of everything is no cap: the NAV after may be any multiple of the one before.
    function test_aMandateCannotAllowAnyGain() public {
        terms.accrualCapPpm = 1_048_575;
        try hub.addMandate(terms) {
            vm.assertTrue(false, "an accrual of more than 100% of the NAV is taken");
        } catch {}
    }
}
