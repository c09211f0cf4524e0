// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {PolicyLayout} from "../../src/libraries/PolicyLayout.sol";
import {PolicyScene} from "../PolicyScene.sol";

/// The rows of `PROPERTIES.md` (policy: what tightens), each field by the smallest step each way.
contract PolicyTightensTest is PolicyScene {
    uint256 private base;

    function setUp() public {
        registry = new PolicyRegistry();
        base = register(policyOf(8));
    }

    function assertTightens(IPolicyRegistry.Policy memory tighter) private {
        vm.assertTrue(registry.tightens(base, register(tighter)));
    }

    function assertLoosens(IPolicyRegistry.Policy memory looser) private {
        vm.assertFalse(registry.tightens(base, register(looser)));
    }

    function assertLoosens(IPolicyRegistry.Policy memory one, IPolicyRegistry.Policy memory other) private {
        assertLoosens(one);
        assertLoosens(other);
    }

    function assertRefused(IPolicyRegistry.Policy memory other, bytes memory reason) private {
        uint256 policyHash = register(other);
        vm.expectRevert(reason);
        registry.tightens(base, policyHash);
    }

    function test_equalTightens() public view {
        vm.assertTrue(registry.tightens(base, base));
    }

    // --- a limit or a datum with a tighter direction ---

    function test_lowerIsTighter() public {
        for (uint256 k; k < 12; ++k) {
            assertTightens(lowers(k, false));
            assertLoosens(lowers(k, true));
        }
    }

    function test_higherIsTighter() public {
        for (uint256 k; k < 10; ++k) {
            assertTightens(highers(k, true));
            assertLoosens(highers(k, false));
        }
    }

    /// Each field whose lower value is tighter, moved by one.
    function lowers(uint256 k, bool up) private pure returns (IPolicyRegistry.Policy memory policy) {
        policy = policyOf(8);
        if (k == 0) policy.slots[3].haircutBps = uint16(moved(policy.slots[3].haircutBps, up));
        if (k == 1) policy.slots[3].capBps = uint24(moved(policy.slots[3].capBps, up));
        if (k == 2) policy.slots[3].liquidBps = uint16(moved(policy.slots[3].liquidBps, up));
        if (k == 3) policy.slots[3].depthBps = uint24(moved(policy.slots[3].depthBps, up));
        if (k == 4) policy.maxTurnoverBps = uint24(moved(policy.maxTurnoverBps, up));
        if (k == 5) policy.maxLeverageBps = uint24(moved(policy.maxLeverageBps, up));
        if (k == 6) policy.maxImpermanentLossBps = uint24(moved(policy.maxImpermanentLossBps, up));
        if (k == 7) policy.maxVarBps = uint16(moved(policy.maxVarBps, up));
        if (k == 8) policy.slippageBps = uint16(moved(policy.slippageBps, up));
        if (k == 9) policy.venueCapBps[3] = uint24(moved(policy.venueCapBps[3], up));
        if (k == 10) policy.factorLimitBps[3] = uint24(moved(policy.factorLimitBps[3], up));
        if (k == 11) policy.maxStressLossBps[3] = uint24(moved(policy.maxStressLossBps[3], up));
    }

    /// Each field whose higher value is tighter, moved by one.
    function highers(uint256 k, bool up) private pure returns (IPolicyRegistry.Policy memory policy) {
        policy = policyOf(8);
        if (k == 0) policy.slots[3].liabilityBps = uint16(moved(policy.slots[3].liabilityBps, up));
        if (k == 1) policy.slots[3].grossBps = uint16(moved(policy.slots[3].grossBps, up));
        if (k == 2) policy.slots[3].impermanentLossBps = uint16(moved(policy.slots[3].impermanentLossBps, up));
        if (k == 3) policy.slots[3].residualBps = uint16(moved(policy.slots[3].residualBps, up));
        if (k == 4) policy.minCollateralRatioBps = uint24(moved(policy.minCollateralRatioBps, up));
        if (k == 5) policy.stressCollateralRatioBps = uint24(moved(policy.stressCollateralRatioBps, up));
        if (k == 6) policy.minReserveBps = uint16(moved(policy.minReserveBps, up));
        if (k == 7) policy.minCapitalEfficiencyBps = uint24(moved(policy.minCapitalEfficiencyBps, up));
        if (k == 8) policy.varQuantileBps = uint16(moved(policy.varQuantileBps, up));
        if (k == 9) policy.factorVolatilityBps[3] = uint16(moved(policy.factorVolatilityBps[3], up));
    }

    function moved(uint256 value, bool up) private pure returns (uint256) {
        return up ? value + 1 : value - 1;
    }

    /// No row is missing: 12 + 10 fields have a direction, four have none, and the NAV step is refused.
    function test_everyFieldIsListed() public pure {
        PolicyLayout.Size memory size = PolicyLayout.sizeOf(8);
        uint256 lists = 2 * size.factors + size.venues + size.scenarios + size.scenarios * size.factors;
        uint256 fields = PolicyLayout.slotFields(size).length - size.factors + 1 // loadings
            + PolicyLayout.globalFields(size).length - lists + 5;
        vm.assertEq(fields, 12 + 10 + 4 + 1);
    }

    // --- what is neither tighter nor looser ---

    function test_funded_anyChangeLoosens() public {
        IPolicyRegistry.Policy memory one = policyOf(8);
        IPolicyRegistry.Policy memory other = policyOf(8);
        one.slots[2].funded = true;
        other.slots[3].funded = false;
        assertLoosens(one, other);
    }

    function test_venue_anyChangeLoosens() public {
        IPolicyRegistry.Policy memory one = policyOf(8);
        IPolicyRegistry.Policy memory other = policyOf(8);
        one.slots[2].venue++;
        other.slots[2].venue--;
        assertLoosens(one, other);
    }

    function test_loadingBps_anyChangeLoosens() public {
        IPolicyRegistry.Policy memory one = policyOf(8);
        IPolicyRegistry.Policy memory other = policyOf(8);
        one.slots[3].loadingBps[1]++;
        other.slots[3].loadingBps[1]--;
        assertLoosens(one, other);
    }

    function test_shockBps_anyChangeLoosens() public {
        IPolicyRegistry.Policy memory one = policyOf(8);
        IPolicyRegistry.Policy memory other = policyOf(8);
        one.shockBps[2][1]++;
        other.shockBps[2][1]--;
        assertLoosens(one, other);
    }

    function test_newInstrumentLoosens() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[7].instrument = "NEW"; // with cap 0
        assertLoosens(policy);
    }

    // --- what is refused ---

    function test_anotherSizeIsRefused() public {
        assertRefused(policyOf(16), abi.encodeWithSelector(IPolicyRegistry.SizeChanged.selector));
    }

    function test_anotherNavStepIsRefused() public {
        bytes memory reason = abi.encodeWithSelector(IPolicyRegistry.NavStepChanged.selector);
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.navStepUsd++;
        assertRefused(policy, reason);
        policy.navStepUsd -= 2;
        assertRefused(policy, reason);
    }

    function test_anotherInstrumentIsRefused() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[3].instrument = "i03";
        assertRefused(policy, instrumentChanged(3));
    }

    function test_movedInstrumentIsRefused() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        (policy.slots[4], policy.slots[5]) = (policy.slots[5], policy.slots[4]);
        assertRefused(policy, instrumentChanged(4));
        policy = policyOf(8);
        (policy.slots[6], policy.slots[7]) = (policy.slots[7], policy.slots[6]);
        assertRefused(policy, instrumentChanged(6));
    }

    function test_removedInstrumentIsRefused() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[6] = policy.slots[7];
        assertRefused(policy, instrumentChanged(6));
    }

    function instrumentChanged(uint256 slot) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IPolicyRegistry.InstrumentChanged.selector, slot);
    }

    // --- several changes ---

    function test_oneLooserChangeAmongTighterOnesLoosens() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[1].capBps = 0;
        policy.maxStressLossBps[3] = 0;
        assertTightens(policy);
        policy.slots[6].depthBps++;
        assertLoosens(policy);
    }

    function test_labelsAreNoPartOfIt() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.maxVarBps--;
        IPolicyRegistry.Labels memory none;
        vm.assertTrue(registry.tightens(base, registry.register(policy, none)));
    }

    /// Every place of every list, at every size.
    function test_everyPlaceCounts() public {
        uint8[3] memory sizes = [8, 16, 32];
        for (uint256 n; n < 3; ++n) {
            base = register(policyOf(sizes[n]));
            everyPlaceCounts(PolicyLayout.sizeOf(sizes[n]));
        }
    }

    function everyPlaceCounts(PolicyLayout.Size memory size) private {
        IPolicyRegistry.Policy memory policy;
        for (uint256 i; i < size.slots - 1; ++i) {
            (policy = policyOf(size.slots)).slots[i].loadingBps[i % size.factors]++;
            assertLoosens(policy);
        }
        for (uint256 k; k < size.venues; ++k) {
            (policy = policyOf(size.slots)).venueCapBps[k]++;
            assertLoosens(policy);
        }
        for (uint256 f; f < size.factors; ++f) {
            (policy = policyOf(size.slots)).factorLimitBps[f]++;
            assertLoosens(policy);
            (policy = policyOf(size.slots)).factorVolatilityBps[f]--;
            assertLoosens(policy);
        }
        for (uint256 s; s < size.scenarios; ++s) {
            (policy = policyOf(size.slots)).maxStressLossBps[s]++;
            assertLoosens(policy);
            for (uint256 f; f < size.factors; ++f) {
                (policy = policyOf(size.slots)).shockBps[s][f]++;
                assertLoosens(policy);
            }
        }
    }
}
