// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PoseidonT6} from "poseidon-solidity/PoseidonT6.sol";
import {IPolicyRegistry} from "../interfaces/IPolicyRegistry.sol";
import {PolicyLayout} from "./PolicyLayout.sol";
import {Signals} from "./Signals.sol";

/// @title A readable policy as packed words, their hash, and the way back
/// @notice The words and the hash are those of `dls_zk/statement/commitments.py`: a word for each slot, then the words of
/// the fields of no slot, then a hash of the instruments' names.
library PolicyCodec {
    /// Hash domain: the ASCII bytes of this tag, then the number of slots in one byte.
    bytes16 private constant DOMAIN = "dls-zk/policy/v1";
    uint256 private constant WORDS_PER_HASH = 4;

    // --- packing ---

    /// @notice Pack a policy. Reverts with `UnsupportedSlots`, `WrongLength` or `OutOfRange`.
    function pack(IPolicyRegistry.Policy calldata policy) internal pure returns (uint256[] memory words) {
        uint256 slots = policy.slots.length;
        require(Signals.isSize(slots), IPolicyRegistry.UnsupportedSlots(slots));
        PolicyLayout.Size memory size = PolicyLayout.sizeOf(slots);
        bytes memory globalFields = PolicyLayout.globalFields(size);
        words = new uint256[](slots + PolicyLayout.wordCount(globalFields));

        bytes memory slotFields = PolicyLayout.slotFields(size);
        for (uint256 i; i < slots; ++i) {
            uint256 k = PolicyLayout.pack(slotFields, _slotValues(policy.slots[i], size), words, i);
            if (k != slotFields.length) revert IPolicyRegistry.OutOfRange(PolicyLayout.slotFieldName(k), i);
        }
        uint256 misfit = PolicyLayout.pack(globalFields, _globalValues(policy, size), words, slots);
        if (misfit != globalFields.length) {
            (string memory field, uint256 index) = PolicyLayout.globalFieldName(size, misfit);
            revert IPolicyRegistry.OutOfRange(field, index);
        }
    }

    /// @notice The word of an unused slot: every field 0.
    function unusedWord(PolicyLayout.Size memory size) internal pure returns (uint256) {
        bytes memory fields = PolicyLayout.slotFields(size);
        uint256[] memory values = new uint256[](fields.length);
        for (uint256 k = PolicyLayout.SLOT_SCALARS; k < fields.length; ++k) {
            values[k] = _offset(0);
        }
        uint256[] memory words = new uint256[](1);
        PolicyLayout.pack(fields, values, words, 0);
        return words[0];
    }

    function _slotValues(IPolicyRegistry.Slot calldata slot, PolicyLayout.Size memory size)
        private
        pure
        returns (uint256[] memory values)
    {
        int24[] calldata loadings = slot.loadingBps;
        _requireLength("loadingBps", loadings.length, size.factors);
        values = new uint256[](PolicyLayout.SLOT_SCALARS + size.factors);
        values[0] = slot.funded ? 1 : 0;
        values[1] = slot.haircutBps;
        values[2] = slot.liabilityBps;
        values[3] = slot.capBps;
        values[4] = slot.venue;
        values[5] = slot.grossBps;
        values[6] = slot.liquidBps;
        values[7] = slot.impermanentLossBps;
        values[8] = slot.depthBps;
        values[9] = slot.residualBps;
        for (uint256 f; f < size.factors; ++f) {
            values[PolicyLayout.SLOT_SCALARS + f] = _offset(loadings[f]);
        }
    }

    function _globalValues(IPolicyRegistry.Policy calldata policy, PolicyLayout.Size memory size)
        private
        pure
        returns (uint256[] memory values)
    {
        uint256 k = PolicyLayout.GLOBAL_SCALARS;
        values = new uint256[](k + size.venues + size.factors * 2 + size.scenarios * (1 + size.factors));
        values[0] = policy.maxTurnoverBps;
        values[1] = policy.maxLeverageBps;
        values[2] = policy.minCollateralRatioBps;
        values[3] = policy.stressCollateralRatioBps;
        values[4] = policy.minReserveBps;
        values[5] = policy.maxImpermanentLossBps;
        values[6] = policy.minCapitalEfficiencyBps;
        values[7] = policy.maxVarBps;
        values[8] = policy.varQuantileBps;
        values[9] = policy.slippageBps;
        values[10] = policy.navStepUsd;
        k = _fill(values, k, "venueCapBps", policy.venueCapBps, size.venues);
        k = _fill(values, k, "factorLimitBps", policy.factorLimitBps, size.factors);
        uint16[] calldata volatilities = policy.factorVolatilityBps;
        _requireLength("factorVolatilityBps", volatilities.length, size.factors);
        for (uint256 f; f < size.factors; ++f) {
            values[k++] = volatilities[f];
        }
        k = _fill(values, k, "maxStressLossBps", policy.maxStressLossBps, size.scenarios);
        _requireLength("shockBps", policy.shockBps.length, size.scenarios);
        for (uint256 s; s < size.scenarios; ++s) {
            int24[] calldata shocks = policy.shockBps[s];
            _requireLength("shockBps", shocks.length, size.factors);
            for (uint256 f; f < size.factors; ++f) {
                values[k++] = _offset(shocks[f]);
            }
        }
    }

    function _fill(
        uint256[] memory values,
        uint256 start,
        string memory field,
        uint24[] calldata list,
        uint256 expected
    ) private pure returns (uint256) {
        _requireLength(field, list.length, expected);
        for (uint256 k; k < expected; ++k) {
            values[start + k] = list[k];
        }
        return start + expected;
    }

    function _requireLength(string memory field, uint256 given, uint256 expected) private pure {
        require(given == expected, IPolicyRegistry.WrongLength(field, given, expected));
    }

    /// @dev A value below the range becomes a number far above it.
    function _offset(int256 value) private pure returns (uint256) {
        return uint256(value + PolicyLayout.SIGNED_OFFSET);
    }

    // --- hashing ---

    /// @notice h_0 = domain(slots), h_{k+1} = Poseidon(h_k, four words), zero-padded, over the words and one more:
    /// keccak256(abi.encode(instruments)) without its lowest byte.
    function hash(uint256[] memory words, string[] memory instruments) internal pure returns (uint256 digest) {
        uint256 instrumentsWord = uint256(keccak256(abi.encode(instruments))) >> 8;
        digest = uint256(uint128(DOMAIN)) << 8 | instruments.length;
        for (uint256 k; k <= words.length; k += WORDS_PER_HASH) {
            uint256[5] memory inputs;
            inputs[0] = digest;
            for (uint256 j; j < WORDS_PER_HASH && k + j <= words.length; ++j) {
                inputs[1 + j] = k + j < words.length ? words[k + j] : instrumentsWord;
            }
            digest = PoseidonT6.hash(inputs);
        }
    }

    // --- unpacking ---

    /// @notice The policy of packed words.
    function unpack(uint256[] memory words, string[] memory instruments)
        internal
        pure
        returns (IPolicyRegistry.Policy memory policy)
    {
        PolicyLayout.Size memory size = PolicyLayout.sizeOf(instruments.length);
        bytes memory slotFields = PolicyLayout.slotFields(size);
        policy.slots = new IPolicyRegistry.Slot[](size.slots);
        for (uint256 i; i < size.slots; ++i) {
            _setSlot(policy.slots[i], PolicyLayout.unpack(slotFields, words, i), size);
            policy.slots[i].instrument = instruments[i];
        }
        _setGlobals(policy, PolicyLayout.unpack(PolicyLayout.globalFields(size), words, size.slots), size);
    }

    function _setSlot(IPolicyRegistry.Slot memory slot, uint256[] memory values, PolicyLayout.Size memory size)
        private
        pure
    {
        slot.funded = values[0] == 1;
        slot.haircutBps = uint16(values[1]);
        slot.liabilityBps = uint16(values[2]);
        slot.capBps = uint24(values[3]);
        slot.venue = uint8(values[4]);
        slot.grossBps = uint16(values[5]);
        slot.liquidBps = uint16(values[6]);
        slot.impermanentLossBps = uint16(values[7]);
        slot.depthBps = uint24(values[8]);
        slot.residualBps = uint16(values[9]);
        slot.loadingBps = _signed(values, PolicyLayout.SLOT_SCALARS, size.factors);
    }

    function _setGlobals(IPolicyRegistry.Policy memory policy, uint256[] memory values, PolicyLayout.Size memory size)
        private
        pure
    {
        policy.maxTurnoverBps = uint24(values[0]);
        policy.maxLeverageBps = uint24(values[1]);
        policy.minCollateralRatioBps = uint24(values[2]);
        policy.stressCollateralRatioBps = uint24(values[3]);
        policy.minReserveBps = uint16(values[4]);
        policy.maxImpermanentLossBps = uint24(values[5]);
        policy.minCapitalEfficiencyBps = uint24(values[6]);
        policy.maxVarBps = uint16(values[7]);
        policy.varQuantileBps = uint16(values[8]);
        policy.slippageBps = uint16(values[9]);
        policy.navStepUsd = uint24(values[10]);
        uint256 k = PolicyLayout.GLOBAL_SCALARS;
        (policy.venueCapBps, k) = (_part(values, k, size.venues), k + size.venues);
        (policy.factorLimitBps, k) = (_part(values, k, size.factors), k + size.factors);
        policy.factorVolatilityBps = new uint16[](size.factors);
        for (uint256 f; f < size.factors; ++f) {
            policy.factorVolatilityBps[f] = uint16(values[k++]);
        }
        (policy.maxStressLossBps, k) = (_part(values, k, size.scenarios), k + size.scenarios);
        policy.shockBps = new int24[][](size.scenarios);
        for (uint256 s; s < size.scenarios; ++s) {
            policy.shockBps[s] = _signed(values, k + s * size.factors, size.factors);
        }
    }

    function _part(uint256[] memory values, uint256 start, uint256 count) private pure returns (uint24[] memory part) {
        part = new uint24[](count);
        for (uint256 k; k < count; ++k) {
            part[k] = uint24(values[start + k]);
        }
    }

    function _signed(uint256[] memory values, uint256 start, uint256 count) private pure returns (int24[] memory part) {
        part = new int24[](count);
        for (uint256 k; k < count; ++k) {
            part[k] = int24(int256(values[start + k]) - PolicyLayout.SIGNED_OFFSET);
        }
    }
}
