// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A verifier that believes everything, for fuzz tests that are not about proofs
contract Credulous {
    fallback(bytes calldata) external returns (bytes memory) {
        return abi.encode(1);
    }
}
