// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "./interfaces/IBatchVerifier.sol";
import {DataContract} from "./libraries/DataContract.sol";
import {Groth16} from "./libraries/Groth16.sol";
import {Signals} from "./libraries/Signals.sol";

/// @title BatchVerifier
/// @notice See `IBatchVerifier`. A proof (A, B, C) of the signals x is valid if
///
///   e(A, B) = e(α, β) · e(IC_0 + Σ_j x_j·IC_j, γ) · e(C, δ)
///
/// Here the n equations are raised to random powers r_i and multiplied, so that n + 3 pairings do for all:
///
///   Π_i e(r_i·A_i, B_i) = e(ρ·α, β) · e(ρ·IC_0 + Σ_j (Σ_i r_i·x_ij)·IC_j, γ) · e(Σ_i r_i·C_i, δ),    ρ = Σ_i r_i
///
/// If an equation is wrong, it is wrong by a factor other than 1 in a group of prime order r; the product is 1 for at most
/// one choice in r of its power, whatever the others are. The powers are hashes of the key, all proofs and all signals, so a
/// prover who wants two wrong proofs to cancel each other learns the powers only after both are fixed (Fiat–Shamir).
/// None is fixed to 1. Source: Bellare, Garay, Rabin, "Fast batch verification for modular exponentiation and digital
/// signatures", Eurocrypt 1998 (random linear combination).
///
/// Points are checked by the precompiles (EIP-196, EIP-197): coordinates below the base field, on the curve, and those of G2
/// in the subgroup.
contract BatchVerifier is IBatchVerifier {
    uint256 private constant Q = Groth16.BASE_FIELD;
    // Numbers, not names, because assembly takes nothing else: `Signals.FIELD`.
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// Words of the key before IC: alpha1, beta2, gamma2, delta2.
    uint256 private constant IC_AT = 14;
    uint256 private constant PROOF_WORDS = 8;

    /// The generator of G2, imaginary parts first (EIP-197).
    uint256 private constant G2_X_IM = 11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 private constant G2_X_RE = 10857046999023057135944570762232829481370756359578518086990519993285655852781;

    /// @inheritdoc IBatchVerifier
    uint256 public immutable signalCount;
    /// @inheritdoc IBatchVerifier
    bytes32 public immutable keyHash;
    /// The key's words, as the code of a contract.
    address private immutable keyData;

    /// @param developmentKey whether the key's secret is known to somebody: then only on a local development chain.
    constructor(VerifyingKey memory key, bool developmentKey) {
        bool local = block.chainid == 31337 || block.chainid == 1337;
        require(!developmentKey || local, InsecureDevelopmentKey(block.chainid));
        uint256 signals = key.ic.length - 1;
        require(signals == Signals.count(8) || signals == Signals.count(16) || signals == Signals.count(32), WrongSignalCount(signals));

        bytes memory words = abi.encodePacked(key.alpha1, key.beta2, key.gamma2, key.delta2);
        _requireG1(key.alpha1);
        _requireG2(key.beta2);
        _requireG2(key.gamma2);
        _requireG2(key.delta2);
        for (uint256 i; i <= signals; ++i) {
            _requireG1(key.ic[i]); // infinity would be a signal that no constraint uses
            words = abi.encodePacked(words, key.ic[i]);
        }
        // A point and its negative share x: neither is a sound δ.
        bool generator = key.delta2[0] == G2_X_IM && key.delta2[1] == G2_X_RE;
        bool same = key.delta2[0] == key.gamma2[0] && key.delta2[1] == key.gamma2[1];
        require(!generator && !same, SecondPhaseSkipped());

        signalCount = signals;
        keyHash = keccak256(words);
        keyData = DataContract.write(words);
    }

    /// @inheritdoc IBatchVerifier
    function verify(uint256[] calldata words) external view returns (bool) {
        uint256 stride = PROOF_WORDS + signalCount;
        uint256 n = words.length / stride;
        if (n == 0 || words.length != n * stride) return false;

        // scalars[0] = ρ, scalars[1 + j] = Σ_i r_i·x_ij; pairs: the input of the pairing; sum = Σ_i r_i·C_i
        uint256[] memory scalars = new uint256[](1 + signalCount);
        uint256[] memory pairs = new uint256[](6 * (n + 3));
        uint256[2] memory sum;
        bytes32 seed = keccak256(abi.encodePacked(keyHash, words));
        for (uint256 i; i < n; ++i) {
            uint256[] calldata proof = words[i * stride:(i + 1) * stride];
            uint256 power = uint256(keccak256(abi.encode(seed, i))) % R;
            if (!_weigh(proof, power, scalars) || !_place(proof, power, pairs, 6 * i, sum)) return false;
        }
        return _placeKey(scalars, sum, pairs, 6 * n) && _pairingIsOne(pairs);
    }

    /// @dev Adds a proof's power and its signals times the power to the scalars. False for a signal not in the field.
    function _weigh(uint256[] calldata proof, uint256 power, uint256[] memory scalars) private pure returns (bool inField) {
        inField = true;
        assembly ("memory-safe") {
            let scalar := add(scalars, 32)
            mstore(scalar, addmod(mload(scalar), power, R))
            let end := add(proof.offset, mul(proof.length, 32))
            for { let word := add(proof.offset, 256) } lt(word, end) { word := add(word, 32) } {
                scalar := add(scalar, 32)
                let signal := calldataload(word)
                inField := and(inField, lt(signal, R))
                mstore(scalar, addmod(mload(scalar), mulmod(power, signal, R), R))
            }
        }
    }

    /// @dev Puts (r·A, B) into the pairs at word `index`, and adds r·C to the sum. False for a point of G1 that is none.
    function _place(uint256[] calldata proof, uint256 power, uint256[] memory pairs, uint256 index, uint256[2] memory sum)
        private
        view
        returns (bool ok)
    {
        assembly ("memory-safe") {
            let pair := add(add(pairs, 32), mul(index, 32))
            let free := mload(0x40)
            // r·A
            calldatacopy(free, proof.offset, 64)
            mstore(add(free, 64), power)
            ok := staticcall(6000, 7, free, 96, pair, 64)
            calldatacopy(add(pair, 64), add(proof.offset, 64), 128)
            // sum + r·C
            calldatacopy(free, add(proof.offset, 192), 64)
            ok := and(ok, staticcall(6000, 7, free, 96, add(free, 64), 64))
            mcopy(free, sum, 64)
            ok := and(ok, staticcall(150, 6, free, 128, sum, 64))
        }
    }

    /// @dev Puts the three pairs of the key, with their points of G1 negated, into the pairs from word `index` on.
    function _placeKey(uint256[] memory scalars, uint256[2] memory sum, uint256[] memory pairs, uint256 index)
        private
        view
        returns (bool ok)
    {
        uint256[] memory key = _key();
        uint256[2] memory point = [key[0], key[1]];
        ok = _multiply(point, scalars[0]);
        _placePair(pairs, index, point, key, 2);

        uint256[2] memory statement;
        for (uint256 j; j < scalars.length; ++j) {
            point = [key[IC_AT + 2 * j], key[IC_AT + 2 * j + 1]];
            ok = ok && _multiply(point, scalars[j]) && _add(statement, point);
        }
        _placePair(pairs, index + 6, statement, key, 6);
        _placePair(pairs, index + 12, sum, key, 10);
    }

    /// @dev Puts (−point, four words of the key) into the pairs at word `index`.
    function _placePair(uint256[] memory pairs, uint256 index, uint256[2] memory point, uint256[] memory key, uint256 keyAt)
        private
        pure
    {
        pairs[index] = point[0];
        pairs[index + 1] = point[1] == 0 ? 0 : Q - point[1];
        for (uint256 k; k < 4; ++k) {
            pairs[index + 2 + k] = key[keyAt + k];
        }
    }

    function _key() private view returns (uint256[] memory words) {
        words = new uint256[](IC_AT + 2 * (signalCount + 1));
        address data = keyData;
        assembly ("memory-safe") {
            extcodecopy(data, add(words, 32), 1, mul(mload(words), 32))
        }
    }

    // --- precompiles: gas as EIP-1108 prices them, so that an invalid point burns no more ---

    function _multiply(uint256[2] memory point, uint256 scalar) private view returns (bool ok) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mcopy(free, point, 64)
            mstore(add(free, 64), scalar)
            ok := staticcall(6000, 7, free, 96, point, 64)
        }
    }

    function _add(uint256[2] memory sum, uint256[2] memory point) private view returns (bool ok) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mcopy(free, sum, 64)
            mcopy(add(free, 64), point, 64)
            ok := staticcall(150, 6, free, 128, sum, 64)
        }
    }

    function _pairingIsOne(uint256[] memory pairs) private view returns (bool ok) {
        assembly ("memory-safe") {
            let size := mul(mload(pairs), 32)
            ok := staticcall(add(45000, mul(34000, div(size, 192))), 8, add(pairs, 32), size, 0, 32)
            ok := and(ok, eq(mload(0), 1))
        }
    }

    function _requireG1(uint256[2] memory point) private view {
        require(point[0] != 0 || point[1] != 0, PointAtInfinity());
        uint256[2] memory zero;
        require(_add(zero, point), PointNotOnCurve());
    }

    /// @dev The pairing of nothing with the point is 1, if the point is in the subgroup.
    function _requireG2(uint256[4] memory point) private view {
        require(point[0] | point[1] | point[2] | point[3] != 0, PointAtInfinity());
        uint256[] memory pairs = new uint256[](6);
        for (uint256 k; k < 4; ++k) {
            pairs[2 + k] = point[k];
        }
        require(_pairingIsOne(pairs), PointNotOnCurve());
    }
}
