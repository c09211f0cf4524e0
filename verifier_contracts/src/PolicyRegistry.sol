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
    /// The fields that other contracts ask for. The code of `kept` holds the packed words and all names.
    struct Entry {
        address kept;
        uint8 slots;
        uint24 navStepUsd;
        uint32 named;
    }

    mapping(uint256 policyHash => Entry) private entries;

    /// @inheritdoc IPolicyRegistry
    function register(Policy calldata policy, Labels calldata labels) external returns (uint256 policyHash) {
        (uint256[] memory words, string[] memory instruments) = _packed(policy);
        policyHash = PolicyCodec.hash(words, instruments);
        if (isRegistered(policyHash)) return policyHash;

        entries[policyHash] = Entry({
            kept: DataContract.write(abi.encode(words, _packedNames(instruments, labels))),
            slots: uint8(instruments.length),
            navStepUsd: policy.navStepUsd,
            named: _named(instruments)
        });
        emit PolicyRegistered(policyHash, msg.sender, labels.name);
    }

    // --- views ---

    /// @inheritdoc IPolicyRegistry
    function policyOf(uint256 policyHash) external view returns (Policy memory policy, Labels memory labels) {
        (uint256[] memory words, bytes memory names) = _read(_entry(policyHash));
        string[] memory instruments;
        uint256 place;
        (instruments, place) = PolicyNames.unpack(names, 0);
        (labels.venues, place) = PolicyNames.unpack(names, place);
        (labels.factors, place) = PolicyNames.unpack(names, place);
        (labels.scenarios, place) = PolicyNames.unpack(names, place);
        labels.name = PolicyNames.slice(names, place, names.length - place);
        policy = PolicyCodec.unpack(words, instruments);
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
    function outline(uint256 policyHash) external view returns (uint8 slots, uint24 navStepUsd, uint32 named) {
        Entry memory entry = _entry(policyHash);
        return (entry.slots, entry.navStepUsd, entry.named);
    }

    /// @inheritdoc IPolicyRegistry
    function tightens(uint256 fromHash, uint256 toHash) external view returns (bool) {
        Entry memory from = _entry(fromHash);
        Entry memory to = _entry(toHash);
        require(from.slots == to.slots, SizeChanged());
        require(from.navStepUsd == to.navStepUsd, NavStepChanged());

        (uint256[] memory oldWords, bytes memory oldNames) = _read(from);
        (uint256[] memory newWords, bytes memory newNames) = _read(to);
        (string[] memory olds,) = PolicyNames.unpack(oldNames, 0);
        (string[] memory news,) = PolicyNames.unpack(newNames, 0);
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

    function _packedNames(string[] memory instruments, Labels memory labels) private pure returns (bytes memory) {
        PolicyRules.requireLabels(labels, instruments.length);
        return abi.encodePacked(
            PolicyNames.pack(instruments),
            PolicyNames.pack(labels.venues),
            PolicyNames.pack(labels.factors),
            PolicyNames.pack(labels.scenarios),
            labels.name
        );
    }

    /// @dev Bit i for slot i.
    function _named(string[] memory instruments) private pure returns (uint32 named) {
        for (uint256 i; i < instruments.length; ++i) {
            if (bytes(instruments[i]).length != 0) named |= uint32(1 << i);
        }
    }

    function _entry(uint256 policyHash) private view returns (Entry memory entry) {
        entry = entries[policyHash];
        require(entry.kept != address(0), UnknownPolicy(policyHash));
    }

    function _read(Entry memory entry) private view returns (uint256[] memory words, bytes memory names) {
        return abi.decode(DataContract.read(entry.kept), (uint256[], bytes));
    }
}
