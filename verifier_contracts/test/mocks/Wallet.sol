// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A contract wallet with two owners, both of whom sign, in the order of the owners; or one that answers as it was told
contract Wallet is IERC1271 {
    enum Manner {
        Honest,
        Refuses,
        Reverts,
        ReturnsTrue,
        ReturnsNothing
    }

    address private immutable first;
    address private immutable second;
    Manner private manner;

    constructor(address first_, address second_) {
        (first, second) = (first_, second_);
    }

    function behave(Manner manner_) external {
        manner = manner_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (manner == Manner.Refuses) return 0xffffffff;
        if (manner == Manner.ReturnsTrue) return bytes4(bytes32(uint256(1)));
        if (manner == Manner.Reverts) revert();
        if (manner == Manner.ReturnsNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        bool both = signature.length == 130 && ECDSA.recover(hash, signature[:65]) == first
            && ECDSA.recover(hash, signature[65:]) == second;
        return both ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
