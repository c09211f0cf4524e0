// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {IBatchVerifier} from "../../src/interfaces/IBatchVerifier.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "../../src/interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Base} from "../Base.sol";

/// Stands for registry, oracle and both verifiers: every policy fits, no change tightens, and no proof is looked at.
contract Surroundings {
    function outline(uint256) external pure returns (uint8, uint24, uint32) {
        return (8, 1, 1);
    }

    function pricedSlots(uint32) external pure returns (uint8, uint32) {
        return (8, 1);
    }

    function tightens(uint256, uint256) external pure returns (bool) {
        return false;
    }

    function signalCount() external pure returns (uint256) {
        return 9;
    }
}

/// For all times and senders at once, by halmos: the states of a vault and the delay of a mandate.
contract StatesSymbolic is Base {
    uint40 private constant NOON = 1_700_000_000;
    address private constant OPERATOR = address(2);
    address private constant GUARDIAN = address(3);
    uint32 private constant MAX_PROOF_AGE = 2 days;
    uint32 private constant DELAY = 3 days;

    RebalanceHub private hub;
    uint32 private mandate;
    bytes32 private vaultId;

    function setUp() external {
        vm.warp(NOON);
        Surroundings around = new Surroundings();
        hub = new RebalanceHub(IPriceOracle(address(around)), IPolicyRegistry(address(around)));
        uint32 key = hub.addKey(address(around), IBatchVerifier(address(around)), 8);
        mandate = hub.addMandate(IRebalanceHub.Mandate(7, 1, key, 1 hours, 300, 1_000, MAX_PROOF_AGE));
        vaultId = hub.openVault(OPERATOR, GUARDIAN, DELAY, mandate);
    }

    function check_noLooserMandateBeforeItsTime(address sender, uint32 waited) external {
        vm.prank(OPERATOR);
        hub.proposeMandate(vaultId, mandate);
        vm.warp(uint256(NOON) + waited);
        vm.prank(sender);
        (bool ok,) = address(hub).call(abi.encodeCall(IRebalanceHub.activateMandate, (vaultId)));
        assert(ok == (waited >= DELAY));
        assert(hub.vaultState(vaultId).mandateVersion == (ok ? 2 : 1));
    }

    function check_staleExactlyWhenTheLastProofIsTooOld(uint32 waited) external {
        vm.warp(uint256(NOON) + waited);
        bool stale = hub.status(vaultId) == IRebalanceHub.Status.Stale;
        assert(stale == (waited > MAX_PROOF_AGE));
    }

    function check_windDownByTheOperatorOrAfterTwoPeriods(address sender, uint32 waited) external {
        vm.warp(uint256(NOON) + waited);
        vm.prank(sender);
        (bool ok,) = address(hub).call(abi.encodeCall(IRebalanceHub.windDown, (vaultId)));
        assert(ok == (sender == OPERATOR || waited > 2 * MAX_PROOF_AGE));
    }

    /// Whoever does whatever to it, but for rebalances: `check_woundDownTakesNoRebalance`.
    function check_windDownIsForEver(address sender, uint32 waited, uint8 kind, int64 flow) external {
        vm.prank(OPERATOR);
        hub.windDown(vaultId);
        vm.warp(uint256(NOON) + waited);
        bytes memory input = abi.encodeCall(IRebalanceHub.pause, (vaultId));
        if (kind == 1) input = abi.encodeCall(IRebalanceHub.unpause, (vaultId));
        if (kind == 2) input = abi.encodeCall(IRebalanceHub.callStale, (vaultId));
        if (kind == 3) input = abi.encodeCall(IRebalanceHub.proposeMandate, (vaultId, mandate));
        if (kind == 4) input = abi.encodeCall(IRebalanceHub.activateMandate, (vaultId));
        if (kind == 5) input = abi.encodeCall(IRebalanceHub.recordFlow, (vaultId, flow));
        vm.prank(sender);
        (bool ok,) = address(hub).call(input);
        assert(hub.status(vaultId) == IRebalanceHub.Status.WindDown);
        assert(!ok || (kind == 5 && flow <= 0));
    }

    function check_flowsAddUpAndStayInBounds(int64 first, int64 second) external {
        (bool one,) = address(hub).call(abi.encodeCall(IRebalanceHub.recordFlow, (vaultId, first)));
        (bool two,) = address(hub).call(abi.encodeCall(IRebalanceHub.recordFlow, (vaultId, second)));
        int256 pending = hub.vaultState(vaultId).pendingFlow;
        assert(pending == (one ? int256(first) : int256(0)) + (two ? int256(second) : int256(0)));
        assert(-(2 ** 56) <= pending && pending < 2 ** 56);
    }

    function check_onlyTheGuardianPauses(address sender) external {
        vm.prank(sender);
        (bool ok,) = address(hub).call(abi.encodeCall(IRebalanceHub.pause, (vaultId)));
        assert(ok == (sender == GUARDIAN));
    }
}
