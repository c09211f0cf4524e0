// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {IPolicyRegistry} from "../src/interfaces/IPolicyRegistry.sol";
import {PolicyLayout} from "../src/libraries/PolicyLayout.sol";
import {Base} from "./Base.sol";

/// @title A registry, and policies to register
abstract contract PolicyScene is Base {
    PolicyRegistry internal registry;

    /// Ordinary values, each at least 1 and with room above, so that a test can change any of them by 1.
    function policyOf(uint256 slots) internal pure returns (IPolicyRegistry.Policy memory policy) {
        PolicyLayout.Size memory size = PolicyLayout.sizeOf(slots);
        policy = emptyPolicy(size);
        for (uint256 i; i < slots - 1; ++i) {
            setSlot(policy.slots[i], i, size);
        }
        policy.slots[0].instrument = "USDC";
        policy.slots[1].instrument = "ETH/USDC-LP_v2.0+";
        policy.slots[2].funded = false;
        policy.maxTurnoverBps = 25_000;
        policy.maxLeverageBps = 25_000;
        policy.minCollateralRatioBps = 25_000;
        policy.stressCollateralRatioBps = 20_000;
        policy.minReserveBps = 1_500;
        policy.maxImpermanentLossBps = 250;
        policy.minCapitalEfficiencyBps = 2_000;
        policy.maxVarBps = 300;
        policy.varQuantileBps = 23_263;
        policy.slippageBps = 30;
        policy.navStepUsd = 1_000;
        for (uint256 k; k < size.venues; ++k) {
            policy.venueCapBps[k] = uint24(10_000 + k);
        }
        for (uint256 f; f < size.factors; ++f) {
            policy.factorLimitBps[f] = uint24(200 + f);
            policy.factorVolatilityBps[f] = uint16(300 + f);
        }
        for (uint256 s; s < size.scenarios; ++s) {
            policy.maxStressLossBps[s] = uint24(800 + s);
            for (uint256 f; f < size.factors; ++f) {
                policy.shockBps[s][f] = int24(int256(s * 10) - int256(f * 10));
            }
        }
    }

    function setSlot(IPolicyRegistry.Slot memory slot, uint256 i, PolicyLayout.Size memory size) internal pure {
        slot.instrument = string.concat("I", digits(i));
        slot.funded = true;
        slot.haircutBps = 8_000;
        slot.liabilityBps = 11_000;
        slot.capBps = 15_000;
        slot.venue = uint8(i % size.venues);
        slot.grossBps = 10_000;
        slot.liquidBps = 5_000;
        slot.impermanentLossBps = 572;
        slot.depthBps = 25_000;
        slot.residualBps = 50;
        for (uint256 f; f < size.factors; ++f) {
            slot.loadingBps[f] = int24(int256(f * 100) - 200);
        }
    }

    /// Lists of the right length, and 0 everywhere.
    function emptyPolicy(PolicyLayout.Size memory size) internal pure returns (IPolicyRegistry.Policy memory policy) {
        policy.slots = new IPolicyRegistry.Slot[](size.slots);
        for (uint256 i; i < size.slots; ++i) {
            policy.slots[i].loadingBps = new int24[](size.factors);
        }
        policy.venueCapBps = new uint24[](size.venues);
        policy.factorLimitBps = new uint24[](size.factors);
        policy.factorVolatilityBps = new uint16[](size.factors);
        policy.maxStressLossBps = new uint24[](size.scenarios);
        policy.shockBps = new int24[][](size.scenarios);
        for (uint256 s; s < size.scenarios; ++s) {
            policy.shockBps[s] = new int24[](size.factors);
        }
    }

    function labelsOf(uint256 slots) internal pure returns (IPolicyRegistry.Labels memory labels) {
        PolicyLayout.Size memory size = PolicyLayout.sizeOf(slots);
        labels.name = "Delta-neutral ETH vault";
        labels.venues = names("venue-", size.venues);
        labels.factors = names("FACTOR_", size.factors - 1);
        labels.scenarios = names("scenario/", size.scenarios);
    }

    function names(string memory stem, uint256 count) private pure returns (string[] memory list) {
        list = new string[](count);
        for (uint256 k; k < count; ++k) {
            list[k] = string.concat(stem, digits(k));
        }
    }

    /// Two digits.
    function digits(uint256 number) internal pure returns (string memory) {
        return string(abi.encodePacked(uint8(48 + number / 10), uint8(48 + number % 10)));
    }

    function register(IPolicyRegistry.Policy memory policy) internal returns (uint256 policyHash) {
        return registry.register(policy, labelsOf(policy.slots.length));
    }
}
