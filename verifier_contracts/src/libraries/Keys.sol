// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "../interfaces/IBatchVerifier.sol";
import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";
import {Signals} from "./Signals.sol";

/// @title Verifying keys, by their names
/// @notice A name is the hash of what a key is: both contracts, their code, and the size. So no reorganisation can put
/// another key behind it.
library Keys {
    /// @notice Add a key; nothing happens if it is there.
    function add(
        mapping(bytes32 key => IRebalanceHub.Key) storage keys,
        address verifier,
        IBatchVerifier batchVerifier,
        uint8 slots
    ) internal returns (bytes32 key) {
        require(Signals.isSize(slots), IRebalanceHub.UnsupportedSlots(slots));
        _requireCode(verifier);
        _requireCode(address(batchVerifier));
        uint256 signals = Signals.count(slots);
        uint256 batchSignals = batchVerifier.signalCount();
        require(batchSignals == signals, IRebalanceHub.KeySizeMismatch(batchSignals, signals));

        key = keccak256(abi.encode(verifier, verifier.codehash, batchVerifier, address(batchVerifier).codehash, slots));
        if (keys[key].slots != 0) return key;
        keys[key] = IRebalanceHub.Key(verifier, batchVerifier, slots);
        emit IRebalanceHub.KeyAdded(key, verifier, batchVerifier, slots);
    }

    /// @dev Refuses code that begins with 0xef: a delegation (EIP-7702), which its account can point elsewhere later, or a
    /// format (EOF) that some chain may come to run.
    function _requireCode(address account) private view {
        require(account.code.length != 0, IRebalanceHub.NoCode(account));
        uint256 first;
        assembly ("memory-safe") {
            extcodecopy(account, 31, 0, 1)
            first := and(mload(0), 0xff)
        }
        require(first != 0xef, IRebalanceHub.DelegatedCode(account));
    }

    function get(mapping(bytes32 key => IRebalanceHub.Key) storage keys, bytes32 key)
        internal
        view
        returns (IRebalanceHub.Key storage found)
    {
        found = keys[key];
        require(found.slots != 0, IRebalanceHub.UnknownKey(key));
    }
}
