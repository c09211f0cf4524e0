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
        require(verifier.code.length != 0, IRebalanceHub.NoCode(verifier));
        require(address(batchVerifier).code.length != 0, IRebalanceHub.NoCode(address(batchVerifier)));
        uint256 signals = Signals.count(slots);
        uint256 batchSignals = batchVerifier.signalCount();
        require(batchSignals == signals, IRebalanceHub.KeySizeMismatch(batchSignals, signals));

        key = keccak256(abi.encode(verifier, verifier.codehash, batchVerifier, address(batchVerifier).codehash, slots));
        if (keys[key].slots != 0) return key;
        keys[key] = IRebalanceHub.Key(verifier, batchVerifier, slots);
        emit IRebalanceHub.KeyAdded(key, verifier, batchVerifier, slots);
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
