// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyRegistry} from "../interfaces/IPolicyRegistry.sol";
import {PolicyCodec} from "./PolicyCodec.sol";
import {PolicyLayout} from "./PolicyLayout.sol";
import {PolicyNames} from "./PolicyNames.sol";

/// @title Rules of a policy beyond the widths of its fields
/// @notice Each rule reverts with its own error of `IPolicyRegistry`.
library PolicyRules {
    /// Shocks and loadings are in basis points: a product of −1e8 is the loss of everything.
    int256 private constant WHOLE = 1e8;
    /// The haircut factor, in basis points, of a long that is collateral as it stands.
    uint16 private constant IN_FULL = 10_000;

    /// @notice Check a policy that `PolicyCodec` has packed into these words.
    function requireSound(IPolicyRegistry.Policy calldata policy, uint256[] memory words, string[] memory instruments)
        internal
        pure
    {
        require(policy.navStepUsd != 0, IPolicyRegistry.ZeroNavStep());
        _requireInstruments(instruments);
        _requireUnusedEmpty(words, instruments);
        _requireAboveZero(policy);
    }

    /// @notice Names for people: as many as there is room for, or fewer.
    function requireLabels(IPolicyRegistry.Labels memory labels, uint256 slots) internal pure {
        PolicyLayout.Size memory size = PolicyLayout.sizeOf(slots);
        require(PolicyNames.isLine(labels.name), IPolicyRegistry.InvalidName("name", 0));
        _requireNames("venues", labels.venues, size.venues);
        _requireNames("factors", labels.factors, size.factors);
        _requireNames("scenarios", labels.scenarios, size.scenarios);
    }

    function _requireNames(string memory field, string[] memory names, uint256 room) private pure {
        require(names.length <= room, IPolicyRegistry.WrongLength(field, names.length, room));
        for (uint256 i; i < names.length; ++i) {
            require(PolicyNames.fold(names[i]) != 0, IPolicyRegistry.InvalidName(field, i));
        }
    }

    /// @dev An instrument in two slots would escape its cap, which holds slot by slot.
    function _requireInstruments(string[] memory instruments) private pure {
        require(bytes(instruments[0]).length != 0, IPolicyRegistry.SettlementSlotUnused());
        bytes32[] memory seen = new bytes32[](instruments.length);
        for (uint256 i; i < instruments.length; ++i) {
            if (bytes(instruments[i]).length == 0) continue;
            bytes32 name = PolicyNames.fold(instruments[i]);
            require(name != 0, IPolicyRegistry.InvalidName("instrument", i));
            for (uint256 j; j < i; ++j) {
                require(seen[j] != name, IPolicyRegistry.DuplicateInstrument(i));
            }
            seen[i] = name;
        }
    }

    function _requireUnusedEmpty(uint256[] memory words, string[] memory instruments) private pure {
        uint256 unused = PolicyCodec.unusedWord(PolicyLayout.sizeOf(instruments.length));
        for (uint256 i; i < instruments.length; ++i) {
            bool used = bytes(instruments[i]).length != 0;
            require(used || words[i] == unused, IPolicyRegistry.UnusedSlotNotEmpty(i));
        }
    }

    /// @dev A debt that a scenario takes below zero would count as collateral, and of a long with a haircut only a part of
    /// the loss below zero would count. So only a derivative whose long counts in full may go there.
    function _requireAboveZero(IPolicyRegistry.Policy calldata policy) private pure {
        int24[][] memory shocks = policy.shockBps;
        for (uint256 i; i < policy.slots.length; ++i) {
            if (!policy.slots[i].funded && policy.slots[i].haircutBps == IN_FULL) continue;
            int24[] memory loadings = policy.slots[i].loadingBps;
            for (uint256 s; s < shocks.length; ++s) {
                require(_move(shocks[s], loadings) >= -WHOLE, IPolicyRegistry.ScenarioBelowZero(s, i));
            }
        }
    }

    function _move(int24[] memory shocks, int24[] memory loadings) private pure returns (int256 move) {
        // Products of numbers with 17 bits: nothing overflows.
        unchecked {
            for (uint256 f; f < loadings.length; ++f) {
                move += int256(shocks[f]) * loadings[f];
            }
        }
    }
}
