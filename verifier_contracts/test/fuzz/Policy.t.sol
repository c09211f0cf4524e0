// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {PolicyCodec} from "../../src/libraries/PolicyCodec.sol";
import {PolicyLayout} from "../../src/libraries/PolicyLayout.sol";
import {PolicyScene} from "../PolicyScene.sol";

/// What holds for every policy: POLICY-1 and POLICY-3.
contract PolicyFuzzTest is PolicyScene {
    bytes32 private state;

    function setUp() public {
        registry = new PolicyRegistry();
    }

    /// A number below `bound`.
    function random(uint256 bound) private returns (uint256) {
        state = keccak256(abi.encode(state));
        return uint256(state) % bound;
    }

    /// Any values in the fields' ranges.
    function randomWords(PolicyLayout.Size memory size) private returns (uint256[] memory words) {
        bytes memory slotFields = PolicyLayout.slotFields(size);
        bytes memory globalFields = PolicyLayout.globalFields(size);
        words = new uint256[](size.slots + PolicyLayout.wordCount(globalFields));
        for (uint256 i; i < size.slots; ++i) {
            PolicyLayout.pack(slotFields, randomValues(slotFields), words, i);
        }
        PolicyLayout.pack(globalFields, randomValues(globalFields), words, size.slots);
    }

    function randomValues(bytes memory fields) private returns (uint256[] memory values) {
        values = new uint256[](fields.length);
        for (uint256 k; k < fields.length; ++k) {
            values[k] = random(1 << (uint8(fields[k]) & PolicyLayout.WIDTH));
        }
    }

    // --- registering ---

    /// A policy goes in and comes out, and its words are those that it was made from.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_policyComesBackAsItWasRegistered(bytes32 seed, uint256 n) public {
        state = seed;
        PolicyLayout.Size memory size = PolicyLayout.sizeOf([8, 16, 32][n % 3]);
        uint256[] memory words = randomWords(size);
        string[] memory instruments = new string[](size.slots);
        for (uint256 i; i < size.slots; ++i) {
            bool used = i == 0 || random(3) != 0;
            if (used) instruments[i] = string.concat("I", digits(i));
            else words[i] = PolicyCodec.unusedWord(size);
        }
        IPolicyRegistry.Policy memory policy = PolicyCodec.unpack(words, instruments);
        vm.assume(policy.navStepUsd != 0);
        if (random(2) == 0) policy.shockBps = emptyPolicy(size).shockBps;
        else keepAboveZero(policy);

        uint256 policyHash = register(policy);
        IPolicyRegistry.Policy memory kept = registry.policyOf(policyHash);
        vm.assertEq(abi.encode(kept), abi.encode(policy));
        vm.assertEq(registry.hashOf(kept), policyHash);
    }

    /// Scenarios take no funded slot below zero: |shock|, |loading| ≤ 4,000, so at most 6 · 0.4 · 0.4 of it.
    function keepAboveZero(IPolicyRegistry.Policy memory policy) private pure {
        for (uint256 i; i < policy.slots.length; ++i) {
            for (uint256 f; f < policy.slots[i].loadingBps.length; ++f) {
                policy.slots[i].loadingBps[f] %= 4_001;
            }
        }
        for (uint256 s; s < policy.shockBps.length; ++s) {
            for (uint256 f; f < policy.shockBps[s].length; ++f) {
                policy.shockBps[s][f] %= 4_001;
            }
        }
    }

    function testFuzz_unpackingUndoesPacking(bytes32 seed, uint256 n) public {
        state = seed;
        PolicyLayout.Size memory size = PolicyLayout.sizeOf([8, 16, 32][n % 3]);
        bytes memory fields = n % 2 == 0 ? PolicyLayout.slotFields(size) : PolicyLayout.globalFields(size);
        uint256[] memory values = randomValues(fields);
        uint256[] memory words = new uint256[](1 + PolicyLayout.wordCount(fields));
        vm.assertEq(PolicyLayout.pack(fields, values, words, 1), fields.length);
        vm.assertEq(abi.encode(PolicyLayout.unpack(fields, words, 1)), abi.encode(values));
        for (uint256 w; w < words.length; ++w) {
            vm.assertLt(words[w], 1 << PolicyLayout.WORD_BITS);
        }
    }

    /// The first value that is too wide is found, however wide it is.
    function testFuzz_misfitsAreFound(bytes32 seed, uint256 n, uint256 place, uint256 excess) public {
        state = seed;
        bytes memory fields = PolicyLayout.globalFields(PolicyLayout.sizeOf([8, 16, 32][n % 3]));
        uint256[] memory values = randomValues(fields);
        place %= fields.length;
        uint256 room = 1 << (uint8(fields[place]) & PolicyLayout.WIDTH);
        values[place] = room + excess % (type(uint256).max - room + 1);
        uint256[] memory words = new uint256[](PolicyLayout.wordCount(fields));
        vm.assertEq(PolicyLayout.pack(fields, values, words, 0), place);
    }

    // --- tightening is a partial order ---

    /// One field of no slot or of some slot changed by a little, in either direction.
    function changed(uint256[] memory words) private returns (uint256[] memory result) {
        PolicyLayout.Size memory size = PolicyLayout.sizeOf(8);
        uint256 place = random(size.slots + 1);
        bytes memory fields = place == size.slots ? PolicyLayout.globalFields(size) : PolicyLayout.slotFields(size);
        uint256[] memory values = PolicyLayout.unpack(fields, words, place);
        uint256 k = random(fields.length);
        uint256 room = 1 << (uint8(fields[k]) & PolicyLayout.WIDTH);
        values[k] = (values[k] + (random(2) == 0 ? 1 : room - 1)) % room;
        result = abi.decode(abi.encode(words), (uint256[]));
        PolicyLayout.pack(fields, values, result, place);
    }

    function testFuzz_tighteningIsReflexiveAndAntisymmetric(bytes32 seed) public {
        state = seed;
        uint256[] memory a = randomWords(PolicyLayout.sizeOf(8));
        uint256[] memory b = changed(a);
        vm.assertTrue(PolicyLayout.tightens(a, a, 8));
        vm.assertFalse(PolicyLayout.tightens(a, b, 8) && PolicyLayout.tightens(b, a, 8));
    }

    function testFuzz_tighteningIsTransitive(bytes32 seed) public {
        state = seed;
        uint256[] memory a = randomWords(PolicyLayout.sizeOf(8));
        uint256[] memory b = tighter(a);
        uint256[] memory c = tighter(b);
        vm.assertTrue(PolicyLayout.tightens(a, c, 8));
    }

    function tighter(uint256[] memory words) private returns (uint256[] memory result) {
        do {
            result = changed(words);
        } while (!PolicyLayout.tightens(words, result, 8));
    }
}
