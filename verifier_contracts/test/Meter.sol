// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Measures a call from within a transaction, as the hub makes it
contract Meter {
    function gasOf(address target, bytes calldata input) external view returns (uint256 used) {
        bytes memory copy = input;
        used = gasleft();
        (bool ok, bytes memory answer) = target.staticcall(copy);
        used -= gasleft();
        require(ok && abi.decode(answer, (bool)));
    }
}
