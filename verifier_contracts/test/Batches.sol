// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "../src/interfaces/IBatchVerifier.sol";
import {Groth16} from "../src/libraries/Groth16.sol";

/// @title Calls of a batch verifier with packed words
library Batches {
    /// The words of one proof that shares none of its signals.
    function words(Groth16.Proof memory proof, uint256[] memory signals) internal pure returns (bytes memory) {
        return abi.encodePacked(proof.a, proof.b[0], proof.b[1], proof.c, signals);
    }

    /// The words of one proof whose last `shared` signals are left out.
    function words(Groth16.Proof memory proof, uint256[] memory signals, uint256 shared)
        internal
        pure
        returns (bytes memory words_)
    {
        words_ = words(proof, signals);
        assembly ("memory-safe") {
            mstore(words_, sub(mload(words_), mul(shared, 32)))
        }
    }

    function call(bytes memory words_) internal pure returns (bytes memory) {
        return call("", words_);
    }

    function call(bytes memory shared, bytes memory words_) internal pure returns (bytes memory) {
        return abi.encodePacked(
            IBatchVerifier.verify.selector,
            uint256(64),
            96 + shared.length,
            shared.length / 32,
            shared,
            words_.length / 32,
            words_
        );
    }

    function verify(IBatchVerifier verifier, bytes memory words_) internal view returns (bool) {
        (bool ok, bytes memory answer) = address(verifier).staticcall(call(words_));
        require(ok && answer.length == 32);
        return abi.decode(answer, (bool));
    }
}
