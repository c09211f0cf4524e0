// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "../src/interfaces/IBatchVerifier.sol";
import {Groth16} from "../src/libraries/Groth16.sol";
import {Signals} from "../src/libraries/Signals.sol";
import {Trapdoor} from "./Trapdoor.sol";
import {TrapdoorKeys} from "./generated/TrapdoorKeys.sol";

/// @title What can be wrong with a proof, or done to one
library Mutants {
    uint256 private constant Q = Groth16.BASE_FIELD;
    uint256 private constant R = Signals.FIELD;

    /// A point of the twisted curve that is not in the subgroup: x = 1. Found and checked with py_ecc.
    uint256 internal constant OUTSIDE_Y_IM =
        5912654199736721486680175016176231956195085055698687135131307249486702594212;
    uint256 internal constant OUTSIDE_Y_RE =
        18278151005453108793778860132295291098363647455926340152056652516292830556603;

    /// Kinds of mutants. None of them leaves a valid proof, unless by a guess at the odds of a hash.
    uint256 internal constant KINDS = 16;

    /// @notice Make an invalid proof of a valid one and its signals, in place.
    function mutate(Groth16.Proof memory proof, uint256[] memory signals, uint256 kind, uint256 random) internal view {
        uint256 k = random % 8;
        uint256 j = random % signals.length;
        uint256 bit = 1 << (random >> 8) % 256;
        uint256 times = 1 + (random >> 16) % 4;
        if (kind == 0) setCoordinate(proof, k, coordinate(proof, k) ^ bit);
        else if (kind == 1) signals[j] ^= bit;
        else if (kind == 2) (proof.a, proof.c) = (proof.c, proof.a);
        else if (kind == 3) toInfinity(proof, random % 4);
        else if (kind == 4) offTheCurve(proof, random % 3);
        else if (kind == 5) proof.b = [[uint256(0), 1], [OUTSIDE_Y_IM, OUTSIDE_Y_RE]];
        else if (kind == 6) setCoordinate(proof, k, coordinate(proof, k) + times * Q);
        else if (kind == 7) signals[j] += times * R;
        else if (kind == 8) proof.a[1] = aliasOf(proof.a[1]);
        else if (kind == 9) negateOne(proof, random % 3);
        else if (kind == 10) proof.a = Trapdoor.multiple(random);
        else if (kind == 11) proof.c = Trapdoor.multiple(random);
        else if (kind == 12) proof.c = Trapdoor.prove(signals, 1 + random % 2 ** 128).c;
        else if (kind == 13) forgeWithoutSecondPhase(proof, signals);
        else if (kind == 14) proof.a = Trapdoor.multiply(proof.a, 2 + random % 2 ** 128);
        else underAnotherKey(proof, signals);
    }

    function coordinate(Groth16.Proof memory proof, uint256 k) internal pure returns (uint256) {
        if (k < 2) return proof.a[k];
        if (k < 6) return proof.b[(k - 2) / 2][k % 2];
        return proof.c[k - 6];
    }

    function setCoordinate(Groth16.Proof memory proof, uint256 k, uint256 value) internal pure {
        if (k < 2) proof.a[k] = value;
        else if (k < 6) proof.b[(k - 2) / 2][k % 2] = value;
        else proof.c[k - 6] = value;
    }

    /// One of A, B and C, or all of them.
    function toInfinity(Groth16.Proof memory proof, uint256 which) internal pure {
        for (uint256 k; k < 8; ++k) {
            uint256 point = k < 2 ? 0 : k < 6 ? 1 : 2;
            if (which == 3 || which == point) setCoordinate(proof, k, 0);
        }
    }

    function offTheCurve(Groth16.Proof memory proof, uint256 which) internal pure {
        uint256 k = which == 0 ? 1 : which == 1 ? 5 : 7;
        setCoordinate(proof, k, addmod(coordinate(proof, k), 1, Q));
    }

    /// What a generated verifier takes for A.y, though it is not below the base field: it negates with a subtraction that
    /// wraps at 2^256.
    function aliasOf(uint256 y) internal pure returns (uint256) {
        return addmod(addmod(type(uint256).max, 1, Q), y, Q) + Q;
    }

    function negateOne(Groth16.Proof memory proof, uint256 which) internal pure {
        if (which == 0) proof.a[1] = Q - proof.a[1];
        else if (which == 1) proof.b[1] = [Q - proof.b[1][0], Q - proof.b[1][1]];
        else proof.c[1] = Q - proof.c[1];
    }

    /// (−A, −B, C) is as valid as (A, B, C).
    function negateAB(Groth16.Proof memory proof) internal pure {
        negateOne(proof, 0);
        negateOne(proof, 1);
    }

    /// A = α, B = β, C = −(IC_0 + Σ x_j·IC_j): accepted by a key with γ = δ, for any signals.
    function forgeWithoutSecondPhase(Groth16.Proof memory proof, uint256[] memory signals) internal view {
        (, IBatchVerifier.VerifyingKey memory key) = TrapdoorKeys.key(signals.length);
        proof.a = key.alpha1;
        proof.b = [[key.beta2[0], key.beta2[1]], [key.beta2[2], key.beta2[3]]];
        proof.c = key.ic[0];
        for (uint256 j; j < signals.length; ++j) {
            proof.c = Trapdoor.add(proof.c, Trapdoor.multiply(key.ic[j + 1], signals[j]));
        }
        proof.c[1] = Q - proof.c[1];
    }

    function underAnotherKey(Groth16.Proof memory proof, uint256[] memory signals) internal view {
        (TrapdoorKeys.Secrets memory secrets,) = TrapdoorKeys.key(signals.length);
        secrets.delta += 1;
        Groth16.Proof memory other = Trapdoor.proveUnder(secrets, signals, 0);
        (proof.a, proof.b, proof.c) = (other.a, other.b, other.c);
    }
}
