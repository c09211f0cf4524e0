// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {PolicyLayout} from "../../src/libraries/PolicyLayout.sol";
import {PolicyScene} from "../PolicyScene.sol";

/// One test a row of `PROPERTIES.md` (policy: what tightens), named after the field. The smallest step each way.
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

    // --- terms of a slot ---

    function test_haircutBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slots[3].haircutBps--;
        looser.slots[3].haircutBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_liabilityBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slots[3].liabilityBps++;
        looser.slots[3].liabilityBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_capBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slots[3].capBps--;
        looser.slots[3].capBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_grossBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slots[3].grossBps++;
        looser.slots[3].grossBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_liquidBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slots[3].liquidBps--;
        looser.slots[3].liquidBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_impermanentLossBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slots[3].impermanentLossBps++;
        looser.slots[3].impermanentLossBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_depthBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slots[3].depthBps--;
        looser.slots[3].depthBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_residualBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slots[3].residualBps++;
        looser.slots[3].residualBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    // --- limits and factor data ---

    function test_maxTurnoverBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.maxTurnoverBps--;
        looser.maxTurnoverBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_maxLeverageBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.maxLeverageBps--;
        looser.maxLeverageBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_minCollateralRatioBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.minCollateralRatioBps++;
        looser.minCollateralRatioBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_stressCollateralRatioBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.stressCollateralRatioBps++;
        looser.stressCollateralRatioBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_minReserveBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.minReserveBps++;
        looser.minReserveBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_maxImpermanentLossBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.maxImpermanentLossBps--;
        looser.maxImpermanentLossBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_minCapitalEfficiencyBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.minCapitalEfficiencyBps++;
        looser.minCapitalEfficiencyBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_maxVarBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.maxVarBps--;
        looser.maxVarBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_varQuantileBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.varQuantileBps++;
        looser.varQuantileBps--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_slippageBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.slippageBps--;
        looser.slippageBps++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_venueCapBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.venueCapBps[3]--;
        looser.venueCapBps[3]++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_factorLimitBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.factorLimitBps[3]--;
        looser.factorLimitBps[3]++;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_factorVolatilityBps_higherIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.factorVolatilityBps[3]++;
        looser.factorVolatilityBps[3]--;
        assertTightens(tighter);
        assertLoosens(looser);
    }

    function test_maxStressLossBps_lowerIsTighter() public {
        IPolicyRegistry.Policy memory tighter = policyOf(8);
        IPolicyRegistry.Policy memory looser = policyOf(8);
        tighter.maxStressLossBps[3]--;
        looser.maxStressLossBps[3]++;
        assertTightens(tighter);
        assertLoosens(looser);
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
