// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {DataContract} from "./libraries/DataContract.sol";
import {PolicyCodec} from "./libraries/PolicyCodec.sol";
import {PolicyLayout} from "./libraries/PolicyLayout.sol";
import {PolicyNames} from "./libraries/PolicyNames.sol";
import {PolicyRules} from "./libraries/PolicyRules.sol";

/// @title PolicyRegistry
/// @notice See `IPolicyRegistry`. Nobody owns the registry, and no entry ever changes.
contract PolicyRegistry is IPolicyRegistry {
    /// The fields that other contracts ask for: one storage slot. The code of `kept` holds the packed words and the names of
    /// the instruments.
    struct Entry {
        address kept;
        uint8 slots;
        uint24 navStepUsd;
        uint32 named;
        uint32 exposed;
    }

    mapping(uint256 policyHash => Entry) private entries;
    /// The contract whose code holds the labels.
    mapping(uint256 policyHash => mapping(address registrant => address kept)) private labelled;

    /// @inheritdoc IPolicyRegistry
    function register(Policy calldata policy, Labels calldata labels) external returns (uint256 policyHash) {
        (uint256[] memory words, string[] memory instruments) = _packed(policy);
        PolicyRules.requireLabels(labels, instruments.length);
        policyHash = PolicyCodec.hash(words, instruments);

        bool fresh = !isRegistered(policyHash);
        if (fresh) {
            (uint32 named, uint32 exposed) = _bits(policy.slots);
            entries[policyHash] = Entry({
                kept: DataContract.write(abi.encode(words, PolicyNames.pack(instruments))),
                slots: uint8(instruments.length),
                navStepUsd: policy.navStepUsd,
                named: named,
                exposed: exposed
            });
        }
        bool says = _isAny(labels) && labelled[policyHash][msg.sender] == address(0);
        if (says) labelled[policyHash][msg.sender] = DataContract.write(_packedLabels(labels));
        if (fresh || says) emit PolicyRegistered(policyHash, msg.sender, labels.name);
    }

    // --- views ---

    /// @inheritdoc IPolicyRegistry
    function policyOf(uint256 policyHash) external view returns (Policy memory) {
        (uint256[] memory words, string[] memory instruments) = _read(_entry(policyHash));
        return PolicyCodec.unpack(words, instruments);
    }

    /// @inheritdoc IPolicyRegistry
    function labelsOf(uint256 policyHash, address registrant) external view returns (Labels memory labels) {
        _entry(policyHash);
        address kept = labelled[policyHash][registrant];
        if (kept == address(0)) return labels;
        bytes memory names = DataContract.read(kept);
        uint256 place = 0;
        (labels.venues, place) = PolicyNames.unpack(names, place);
        (labels.factors, place) = PolicyNames.unpack(names, place);
        (labels.scenarios, place) = PolicyNames.unpack(names, place);
        labels.name = PolicyNames.slice(names, place, names.length - place);
    }

    /// @inheritdoc IPolicyRegistry
    function isRegistered(uint256 policyHash) public view returns (bool) {
        return entries[policyHash].kept != address(0);
    }

    /// @inheritdoc IPolicyRegistry
    function hashOf(Policy calldata policy) external pure returns (uint256 policyHash) {
        (uint256[] memory words, string[] memory instruments) = _packed(policy);
        return PolicyCodec.hash(words, instruments);
    }

    /// @inheritdoc IPolicyRegistry
    function outline(uint256 policyHash)
        external
        view
        returns (uint8 slots, uint24 navStepUsd, uint32 named, uint32 exposed)
    {
        Entry memory entry = _entry(policyHash);
        return (entry.slots, entry.navStepUsd, entry.named, entry.exposed);
    }

    /// @inheritdoc IPolicyRegistry
    function venuesOf(uint256 policyHash) external view returns (uint8 slots, uint256 venues) {
        Entry memory entry = _entry(policyHash);
        (uint256[] memory words,) = abi.decode(DataContract.read(entry.kept), (uint256[], bytes));
        return (entry.slots, PolicyLayout.venues(words, entry.slots));
    }

    /// @inheritdoc IPolicyRegistry
    function tightens(uint256 fromHash, uint256 toHash) external view returns (bool) {
        Entry memory from = _entry(fromHash);
        Entry memory to = _entry(toHash);
        require(from.slots == to.slots, SizeChanged());
        require(from.navStepUsd == to.navStepUsd, NavStepChanged());

        (uint256[] memory oldWords, string[] memory olds) = _read(from);
        (uint256[] memory newWords, string[] memory news) = _read(to);
        for (uint256 i; i < olds.length; ++i) {
            bool kept = bytes(olds[i]).length == 0 || keccak256(bytes(olds[i])) == keccak256(bytes(news[i]));
            require(kept, InstrumentChanged(i));
        }
        return from.named == to.named && PolicyLayout.tightens(oldWords, newWords, from.slots);
    }

    // --- packing and unpacking ---

    function _packed(Policy calldata policy)
        private
        pure
        returns (uint256[] memory words, string[] memory instruments)
    {
        words = PolicyCodec.pack(policy);
        instruments = new string[](policy.slots.length);
        for (uint256 i; i < instruments.length; ++i) {
            instruments[i] = policy.slots[i].instrument;
        }
        PolicyRules.requireSound(policy, words, instruments);
    }

    function _packedLabels(Labels calldata labels) private pure returns (bytes memory) {
        return abi.encodePacked(
            PolicyNames.pack(labels.venues),
            PolicyNames.pack(labels.factors),
            PolicyNames.pack(labels.scenarios),
            labels.name
        );
    }

    function _isAny(Labels calldata labels) private pure returns (bool) {
        return bytes(labels.name).length + labels.venues.length + labels.factors.length + labels.scenarios.length != 0;
    }

    /// @dev Bit i for slot i.
    function _bits(Slot[] calldata slots) private pure returns (uint32 named, uint32 exposed) {
        for (uint256 i; i < slots.length; ++i) {
            if (bytes(slots[i].instrument).length != 0) named |= uint32(1 << i);
            if (slots[i].grossBps != 0) exposed |= uint32(1 << i);
        }
    }

    function _entry(uint256 policyHash) private view returns (Entry memory entry) {
        entry = entries[policyHash];
        require(entry.kept != address(0), UnknownPolicy(policyHash));
    }

    function _read(Entry memory entry) private view returns (uint256[] memory words, string[] memory instruments) {
        bytes memory names;
        (words, names) = abi.decode(DataContract.read(entry.kept), (uint256[], bytes));
        (instruments,) = PolicyNames.unpack(names, 0);
    }
}
