// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Names in a policy: their form, and lists of them as bytes
/// @notice A name is a letter, then at most 31 letters, digits or . _ / + -, as in `dls_zk/files`: nothing that
/// looks like another name or does something to a terminal.
library PolicyNames {
    // Sets of characters: bit c for the ASCII character c.
    uint256 private constant LARGE = ((1 << 26) - 1) << 65;
    uint256 private constant LETTERS = LARGE | LARGE << 32;
    uint256 private constant DIGITS = ((1 << 10) - 1) << 48;
    uint256 private constant SIGNS = 1 << 43 | 1 << 45 | 1 << 46 | 1 << 47 | 1 << 95; // + - . / _

    uint256 private constant LONGEST_NAME = 32;
    uint256 private constant LONGEST_LINE = 400;

    /// @notice The name as a number, with large letters made small; 0 if it is no name.
    function fold(string memory name) internal pure returns (uint256 folded) {
        uint256 length = bytes(name).length;
        if (length == 0 || length > LONGEST_NAME) return 0;
        uint256 allowed = LETTERS;
        for (uint256 k; k < length; ++k) {
            uint256 c = uint8(bytes(name)[k]);
            if ((allowed >> c) & 1 == 0) return 0;
            folded = folded << 8 | ((LARGE >> c) & 1 == 0 ? c : c + 32);
            allowed = LETTERS | DIGITS | SIGNS;
        }
    }

    /// @notice Whether this is one line of at most 400 printable ASCII characters.
    function isLine(string memory text) internal pure returns (bool) {
        uint256 length = bytes(text).length;
        for (uint256 k; k < length; ++k) {
            if (bytes(text)[k] < 0x20 || bytes(text)[k] > 0x7e) return false;
        }
        return length <= LONGEST_LINE;
    }

    /// @notice A list of names, each at most 32 bytes: their number in a byte, then each after its length in a byte.
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
