// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Names in a policy: their form, and lists of them as bytes
/// @notice A name is at most 64 letters, digits or $ . _ / : + -, with a letter among them and none of . _ / : + - in
/// front, as in `dls_zk/files`. No name can pass for another name, a number or a spreadsheet's formula, or control a
/// terminal.
library PolicyNames {
    // Sets of characters: bit c for the ASCII character c.
    uint256 private constant LARGE = ((1 << 26) - 1) << 65;
    uint256 private constant LETTERS = LARGE | LARGE << 32;
    uint256 private constant DIGITS = ((1 << 10) - 1) << 48;
    uint256 private constant DOLLAR = 1 << 36;
    uint256 private constant SIGNS = 1 << 43 | 1 << 45 | 1 << 46 | 1 << 47 | 1 << 58 | 1 << 95; // + - . / : _

    uint256 private constant LONGEST_NAME = 64;
    uint256 private constant LONGEST_LINE = 400;

    /// @notice The hash of the name with large letters made small; 0 if the form is wrong.
    function fold(string memory name) internal pure returns (bytes32 folded) {
        uint256 length = bytes(name).length;
        if (length > LONGEST_NAME) return 0;
        bytes memory small = new bytes(length);
        uint256 allowed = LETTERS | DIGITS | DOLLAR;
        uint256 seen;
        for (uint256 k; k < length; ++k) {
            uint256 c = uint8(bytes(name)[k]);
            if ((allowed >> c) & 1 == 0) return 0;
            seen |= 1 << c;
            small[k] = bytes1(uint8((LARGE >> c) & 1 == 0 ? c : c + 32));
            allowed = LETTERS | DIGITS | DOLLAR | SIGNS;
        }
        return seen & LETTERS == 0 ? bytes32(0) : keccak256(small);
    }

    /// @notice Whether this is one line of at most 400 printable ASCII characters.
    function isLine(string memory text) internal pure returns (bool) {
        uint256 length = bytes(text).length;
        for (uint256 k; k < length; ++k) {
            if (bytes(text)[k] < 0x20 || bytes(text)[k] > 0x7e) return false;
        }
        return length <= LONGEST_LINE;
    }

    /// @notice A list of names, each at most 64 bytes: their number in a byte, then each after its length in a byte.
    function pack(string[] memory names) internal pure returns (bytes memory data) {
        data = abi.encodePacked(uint8(names.length));
        for (uint256 i; i < names.length; ++i) {
            data = abi.encodePacked(data, uint8(bytes(names[i]).length), names[i]);
        }
    }

    /// @notice The list of names that starts at a place in the data, and the place after it.
    function unpack(bytes memory data, uint256 place) internal pure returns (string[] memory names, uint256 next) {
        names = new string[](uint8(data[place++]));
        for (uint256 i; i < names.length; ++i) {
            uint256 length = uint8(data[place++]);
            names[i] = slice(data, place, length);
            place += length;
        }
        next = place;
    }

    /// @notice `length` bytes of the data from a place on.
    function slice(bytes memory data, uint256 place, uint256 length) internal pure returns (string memory) {
        bytes memory part = new bytes(length);
        for (uint256 k; k < length; ++k) {
            part[k] = data[place + k];
        }
        return string(part);
    }
}
