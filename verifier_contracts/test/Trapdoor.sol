// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchVerifier} from "../src/BatchVerifier.sol";
import {IBatchVerifier} from "../src/interfaces/IBatchVerifier.sol";
import {Groth16} from "../src/libraries/Groth16.sol";
import {Signals} from "../src/libraries/Signals.sol";
import {TrapdoorKeys} from "./generated/TrapdoorKeys.sol";
import {TrapdoorVerifier_11} from "./generated/TrapdoorVerifier_11.sol";
import {TrapdoorVerifier_14} from "./generated/TrapdoorVerifier_14.sol";
import {TrapdoorVerifier_18} from "./generated/TrapdoorVerifier_18.sol";
import {TrapdoorVerifier_9} from "./generated/TrapdoorVerifier_9.sol";

/// @title Valid proofs of any signals, by whoever knows the secrets of the key
/// @notice a·b = α·β + γ·(ic_0 + Σ ic_j·x_j) + δ·c in the exponent: choose a and b, solve for c.
library Trapdoor {
    uint256 private constant R = Signals.FIELD;

    function verifier(uint256 signals) internal returns (address) {
        if (signals == 9) return address(new TrapdoorVerifier_9());
        if (signals == 11) return address(new TrapdoorVerifier_11());
        if (signals == 14) return address(new TrapdoorVerifier_14());
        return address(new TrapdoorVerifier_18());
    }

    function batchVerifier(uint256 signals) internal returns (IBatchVerifier) {
        (, IBatchVerifier.VerifyingKey memory key) = TrapdoorKeys.key(signals);
        return new BatchVerifier(key, true);
    }

    /// @param nonce other proofs of the same signals for other nonces.
    function prove(uint256[] memory signals, uint256 nonce) internal view returns (Groth16.Proof memory) {
        (TrapdoorKeys.Secrets memory s,) = TrapdoorKeys.key(signals.length);
        return proveUnder(s, signals, nonce);
    }

    function proveUnder(TrapdoorKeys.Secrets memory s, uint256[] memory signals, uint256 nonce)
        internal
        view
        returns (Groth16.Proof memory proof)
    {
        uint256 a = uint256(keccak256(abi.encode(signals, nonce))) % R;
        uint256 statement = s.ic[0];
        for (uint256 j; j < signals.length; ++j) {
            statement = addmod(statement, mulmod(s.ic[j + 1], signals[j], R), R);
        }
        uint256 right = addmod(mulmod(s.alpha, s.beta, R), mulmod(s.gamma, statement, R), R);
        uint256 c = mulmod(addmod(mulmod(a, TrapdoorKeys.B, R), R - right, R), inverse(s.delta), R);
        proof.a = multiple(a);
        proof.b = [[TrapdoorKeys.B_X_IM, TrapdoorKeys.B_X_RE], [TrapdoorKeys.B_Y_IM, TrapdoorKeys.B_Y_RE]];
        proof.c = multiple(c);
    }

    /// scalar · G1
    function multiple(uint256 scalar) internal view returns (uint256[2] memory) {
        return multiply([uint256(1), 2], scalar);
    }

    function multiply(uint256[2] memory point, uint256 scalar) internal view returns (uint256[2] memory) {
        (bool ok, bytes memory answer) = address(7).staticcall(abi.encode(point, scalar));
        require(ok);
        return abi.decode(answer, (uint256[2]));
    }

    function add(uint256[2] memory left, uint256[2] memory right) internal view returns (uint256[2] memory) {
        (bool ok, bytes memory answer) = address(6).staticcall(abi.encode(left, right));
        require(ok);
        return abi.decode(answer, (uint256[2]));
    }

    function inverse(uint256 x) internal view returns (uint256) {
        (bool ok, bytes memory answer) = address(5).staticcall(abi.encode(32, 32, 32, x, R - 2, R));
        require(ok);
        return abi.decode(answer, (uint256));
    }
}
