// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Bytes stored as the code of a contract
/// @notice Code costs 200 gas a byte instead of 690 in storage, and one instruction reads all of it. The code starts with a
/// zero byte, STOP, so a call has no effect.
library DataContract {
    /// @notice Store `data`: less than the 24,576 bytes that a contract may have (EIP-170).
    function write(bytes memory data) internal returns (address kept) {
        assert(data.length < 24_576);
        // PUSH2 length, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN: answers with what follows.
        bytes memory creation = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df300", data);
        assembly ("memory-safe") {
            kept := create(0, add(creation, 32), mload(creation))
            if iszero(kept) { revert(0, 0) } // out of gas: nothing else stops it
        }
    }

    /// @notice The stored bytes.
    function read(address kept) internal view returns (bytes memory data) {
        data = new bytes(kept.code.length - 1);
        assembly ("memory-safe") {
            extcodecopy(kept, add(data, 32), 1, mload(data))
        }
    }
}
