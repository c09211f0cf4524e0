// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";
import {DataContract} from "./DataContract.sol";

/// A mandate in storage: its encoding as the code of a contract, and the one term that every call of a vault asks for.
struct StoredMandate {
    address kept;
    uint32 maxProofAge;
}

/// All mandates. The numbers are the hub's own: a vault's head has no room for a name.
struct MandateShelf {
    uint32 count;
    mapping(bytes32 name => uint32) numbers; // from 1 on
    mapping(uint32 number => StoredMandate) stored;
}

/// @title Mandates, by their names: the hash of their content
/// @notice A mandate is all static, so its encoding is its words one after the other: 7 of its own, 3 for each bucket, 9 of the
/// share. A load copies them from the code of a contract (`DataContract`) to a struct and its parts.
library Mandates {
    uint256 private constant BYTES = 32 * (7 + 3 * 3 + 9);

    /// A vault's head has 30 bits for a number.
    uint32 internal constant MOST_MANDATES = 2 ** 30 - 1;

    // --- the shelf ---

    /// @notice Add a checked mandate; nothing happens if it is there.
    function add(MandateShelf storage shelf, IRebalanceHub.Mandate memory mandate) internal returns (bytes32 name) {
        bytes memory encoded = abi.encode(mandate);
        name = keccak256(encoded);
        if (shelf.numbers[name] != 0) return name;
        uint32 number = ++shelf.count;
        assert(number <= MOST_MANDATES); // more than 200,000 gas each: out of reach
        shelf.numbers[name] = number;
        shelf.stored[number] = StoredMandate(DataContract.write(encoded), mandate.maxProofAge);
        emit IRebalanceHub.MandateAdded(name, mandate);
    }

    function numberOf(MandateShelf storage shelf, bytes32 name) internal view returns (uint32 number) {
        number = shelf.numbers[name];
        require(number != 0, IRebalanceHub.UnknownMandate(name));
    }

    /// @notice The mandate behind a number that the hub gave out.
    function get(MandateShelf storage shelf, uint32 number)
        internal
        view
        returns (IRebalanceHub.Mandate memory mandate)
    {
        load(shelf, number, mandate);
    }

    /// @notice The name of the mandate behind a number that the hub gave out.
    function nameOf(MandateShelf storage shelf, uint32 number) internal view returns (bytes32) {
        IRebalanceHub.Mandate memory unread;
        return load(shelf, number, unread);
    }

    /// @notice Write the mandate behind a number that the hub gave out to `into`.
    function load(MandateShelf storage shelf, uint32 number, IRebalanceHub.Mandate memory into)
        internal
        view
        returns (bytes32 name)
    {
        address kept = shelf.stored[number].kept;
        uint256 size = BYTES;
        assembly ("memory-safe") {
            let words := mload(0x40)
            extcodecopy(kept, words, 1, size) // the code starts with a zero byte
            name := keccak256(words, size)
            mcopy(into, words, 224) // the seven words of its own
            mcopy(mload(add(into, 224)), add(words, 224), 96) // gain
            mcopy(mload(add(into, 256)), add(words, 320), 96) // loss
            mcopy(mload(add(into, 288)), add(words, 416), 96) // turnover
            mcopy(mload(add(into, 320)), add(words, 512), 288) // share
        }
    }
}
