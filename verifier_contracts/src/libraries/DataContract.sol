// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Data kept as the code of a contract
/// @notice Cheaper to write than storage from the second word on, and one cold access to read however long it is. The
/// code starts with the instruction STOP, so calling it does nothing. (The pattern is known as SSTORE2.)
library DataContract {
    error DataTooLong(uint256 bytes_);

    /// Largest code of a contract (EIP-170), less the leading STOP.
    uint256 private constant LONGEST = 24_576 - 1;

    function write(bytes memory data) internal returns (address pointer) {
        require(data.length <= LONGEST, DataTooLong(data.length));
        // Creation code: copy what follows these eleven bytes into memory and return it.
        bytes memory creation = abi.encodePacked(hex"600b5981380380925939f3", hex"00", data);
        assembly ("memory-safe") {
            pointer := create(0, add(creation, 32), mload(creation))
        }
        require(pointer != address(0));
    }

    function read(address pointer) internal view returns (bytes memory data) {
        uint256 size = pointer.code.length - 1;
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(pointer, add(data, 32), 1, size)
        }
    }
}
