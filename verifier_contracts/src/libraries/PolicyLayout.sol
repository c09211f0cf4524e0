// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The packed policy: its fields in packing order, their widths and their tighter directions
/// @notice Widths and order are those of `circuits/policy/fields.circom` and `dls_zk/statement/constants.py`; directions
/// those of `PROPERTIES.md` (what tightens) and `dls_zk/statement/policy_diff.py`. Values here are as packed: loadings and
/// shocks with the offset that makes them unsigned.
library PolicyLayout {
    /// Capacity of a circuit.
    struct Size {
        uint256 slots;
        uint256 scenarios;
        uint256 factors;
        uint256 venues;
    }

    // A field is one byte: its width in the low five bits, and with it one of these.
    /// A lower value is tighter.
    uint8 internal constant LOWER = 0x40;
    /// A higher value is tighter.
    uint8 internal constant HIGHER = 0x80;
    /// Neither: any change loosens.
    uint8 internal constant NEITHER = 0;

    uint8 internal constant WIDTH = 0x1f;

    /// Loadings and shocks have 17 bits and are packed with this offset.
    int256 internal constant SIGNED_OFFSET = 2 ** 16;
    /// A packed word stays below 2^253, and so below the scalar field.
    uint256 internal constant WORD_BITS = 253;

    /// Where the venue starts in a slot's word: after funded, haircutBps, liabilityBps and capBps.
    uint256 internal constant VENUE_AT = 1 + 14 + 16 + 17;

    /// Fields of a slot before its loadings, and fields of no slot before the first list.
    uint256 internal constant SLOT_SCALARS = 10;
    uint256 internal constant GLOBAL_SCALARS = 11;

    /// @param slots 8, 16 or 32, checked by the caller.
    function sizeOf(uint256 slots) internal pure returns (Size memory) {
        if (slots == 8) return Size({slots: 8, scenarios: 4, factors: 4, venues: 4});
        if (slots == 16) return Size({slots: 16, scenarios: 8, factors: 6, venues: 4});
        return Size({slots: 32, scenarios: 8, factors: 6, venues: 8});
    }

    // --- the fields ---

    /// @notice The fields of one slot, which fill one word.
    function slotFields(Size memory size) internal pure returns (bytes memory) {
        return abi.encodePacked(
            NEITHER | 1, // funded
            LOWER | 14, // haircutBps
            HIGHER | 16, // liabilityBps
            LOWER | 17, // capBps
            size.venues == 8 ? NEITHER | 3 : NEITHER | 2, // venue
            HIGHER | 16, // grossBps
            LOWER | 14, // liquidBps
            HIGHER | 14, // impermanentLossBps
            LOWER | 20, // depthBps
            HIGHER | 14, // residualBps
            _repeat(NEITHER | 17, size.factors) // loadingBps
        );
    }

    /// @notice The fields of no slot, over as many words as they need.
    function globalFields(Size memory size) internal pure returns (bytes memory) {
        return abi.encodePacked(
            LOWER | 20, // maxTurnoverBps
            LOWER | 20, // maxLeverageBps
            HIGHER | 17, // minCollateralRatioBps
            HIGHER | 17, // stressCollateralRatioBps
            HIGHER | 14, // minReserveBps
            LOWER | 17, // maxImpermanentLossBps
            HIGHER | 20, // minCapitalEfficiencyBps
            LOWER | 14, // maxVarBps
            HIGHER | 16, // varQuantileBps
            LOWER | 14, // slippageBps
            NEITHER | 24, // navStepUsd
            _globalLists(size)
        );
    }

    function _globalLists(Size memory size) private pure returns (bytes memory) {
        return abi.encodePacked(
            _repeat(LOWER | 17, size.venues), // venueCapBps
            _repeat(LOWER | 17, size.factors), // factorLimitBps
            _repeat(HIGHER | 14, size.factors), // factorVolatilityBps
            _repeat(LOWER | 17, size.scenarios), // maxStressLossBps
            _repeat(NEITHER | 17, size.scenarios * size.factors) // shockBps, scenario by scenario
        );
    }

    function _repeat(uint8 field, uint256 times) private pure returns (bytes memory fields) {
        fields = new bytes(times);
        for (uint256 k; k < times; ++k) {
            fields[k] = bytes1(field);
        }
    }

    /// @notice Name of the k-th field of a slot.
    function slotFieldName(uint256 k) internal pure returns (string memory) {
        string[11] memory names = [
            "funded",
            "haircutBps",
            "liabilityBps",
            "capBps",
            "venue",
            "grossBps",
            "liquidBps",
            "impermanentLossBps",
            "depthBps",
            "residualBps",
            "loadingBps"
        ];
        return names[k < SLOT_SCALARS ? k : SLOT_SCALARS];
    }

    /// @notice Name of the k-th field of no slot, and its place in the list of that name. Of shocks, the scenario.
    function globalFieldName(Size memory size, uint256 k) internal pure returns (string memory, uint256) {
        string[11] memory names = [
            "maxTurnoverBps",
            "maxLeverageBps",
            "minCollateralRatioBps",
            "stressCollateralRatioBps",
            "minReserveBps",
            "maxImpermanentLossBps",
            "minCapitalEfficiencyBps",
            "maxVarBps",
            "varQuantileBps",
            "slippageBps",
            "navStepUsd"
        ];
        if (k < GLOBAL_SCALARS) return (names[k], 0);
        k -= GLOBAL_SCALARS;
        if (k < size.venues) return ("venueCapBps", k);
        k -= size.venues;
        if (k < size.factors) return ("factorLimitBps", k);
        k -= size.factors;
        if (k < size.factors) return ("factorVolatilityBps", k);
        k -= size.factors;
        if (k < size.scenarios) return ("maxStressLossBps", k);
        return ("shockBps", (k - size.scenarios) / size.factors);
    }

    // --- operations on any list of fields ---

    /// @notice Words that the fields fill: each goes into the current word if it fits, else into the next.
    function wordCount(bytes memory fields) internal pure returns (uint256 count) {
        uint256 used = WORD_BITS;
        for (uint256 k; k < fields.length; ++k) {
            uint256 width = uint8(fields[k]) & WIDTH;
            if (used + width > WORD_BITS) (++count, used = 0);
            used += width;
        }
    }

    /// @notice Put values into the words from `first` on, lowest bits first.
    /// @return misfit the first value that its field has no room for; the number of fields if all fit.
    function pack(bytes memory fields, uint256[] memory values, uint256[] memory words, uint256 first)
        internal
        pure
        returns (uint256 misfit)
    {
        uint256 word;
        uint256 used;
        // No sum or counter comes near 2^256.
        unchecked {
            for (; misfit < fields.length; ++misfit) {
                uint256 width = uint8(fields[misfit]) & WIDTH;
                uint256 value = values[misfit];
                if (value >> width != 0) return misfit;
                if (used + width > WORD_BITS) {
                    words[first++] = word;
                    (word, used) = (0, 0);
                }
                word |= value << used;
                used += width;
            }
        }
        words[first] = word;
    }

    /// @notice The values that `pack` put into the words from `first` on.
    function unpack(bytes memory fields, uint256[] memory words, uint256 first)
        internal
        pure
        returns (uint256[] memory values)
    {
        values = new uint256[](fields.length);
        uint256 used;
        // As above.
        unchecked {
            for (uint256 k; k < fields.length; ++k) {
                uint256 width = uint8(fields[k]) & WIDTH;
                if (used + width > WORD_BITS) (++first, used = 0);
                values[k] = (words[first] >> used) & ((1 << width) - 1);
                used += width;
            }
        }
    }

    /// @notice The venue of every slot: lowest slot in the lowest bits, each as wide as its field in the slot's word.
    function venues(uint256[] memory words, uint256 slots) internal pure returns (uint256 word) {
        uint256 width = slots == 32 ? 3 : 2;
        for (uint256 i; i < slots; ++i) {
            word |= (words[i] >> VENUE_AT & ((1 << width) - 1)) << (width * i);
        }
    }

    /// @notice Whether every field of the policy is the same in both lists of words, or tighter in the second.
    function tightens(uint256[] memory from, uint256[] memory to, uint256 slots) internal pure returns (bool) {
        Size memory size = sizeOf(slots);
        bytes memory fields = slotFields(size);
        for (uint256 i; i < slots; ++i) {
            bool same = from[i] == to[i];
            if (!same && !_tightens(fields, unpack(fields, from, i), unpack(fields, to, i))) return false;
        }
        fields = globalFields(size);
        return _tightens(fields, unpack(fields, from, slots), unpack(fields, to, slots));
    }

    function _tightens(bytes memory fields, uint256[] memory from, uint256[] memory to) private pure returns (bool) {
        for (uint256 k; k < fields.length; ++k) {
            if (to[k] == from[k]) continue;
            uint8 tighter = to[k] < from[k] ? LOWER : HIGHER;
            if (uint8(fields[k]) & ~WIDTH != tighter) return false;
        }
        return true;
    }
}
