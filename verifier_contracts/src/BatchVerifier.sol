// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "./interfaces/IBatchVerifier.sol";
import {Custody} from "./libraries/Custody.sol";
import {DataContract} from "./libraries/DataContract.sol";
import {KeyRelations} from "./libraries/KeyRelations.sol";
import {Signals} from "./libraries/Signals.sol";

/// @title BatchVerifier
/// @notice See `IBatchVerifier`. A proof (A, B, C) of the signals x is valid if
///
///   e(A, B) = e(α, β) · e(IC_0 + Σ_j x_j·IC_j, γ) · e(C, δ)
///
/// This contract raises the n equations to random powers r_i and multiplies them, so that n + 3 pairings suffice for all:
///
///   Π_i e(r_i·A_i, B_i) = e(ρ·α, β) · e(ρ·IC_0 + Σ_j (Σ_i r_i·x_ij)·IC_j, γ) · e(Σ_i r_i·C_i, δ),    ρ = Σ_i r_i
///
/// For a signal that all proofs share, Σ_i r_i·x_ij is ρ·x_j.
///
/// A wrong equation is wrong by a factor other than 1 in a group of prime order r; whatever the other powers are, at most
/// one choice in r of its own makes the product 1. The powers are hashes of the key, all proofs and all signals, so a
/// prover who wants two wrong proofs to cancel each other learns the powers only after fixing both (Fiat–Shamir). No power
/// is fixed to 1. Source: Bellare, Garay, Rabin, "Fast batch verification for modular exponentiation and digital
/// signatures", Eurocrypt 1998 (random linear combination).
///
/// The precompiles (EIP-196, EIP-197) check the points: coordinates below the base field, on the curve, and those of G2 in
/// the subgroup.
contract BatchVerifier is IBatchVerifier {
    // Numbers, because assembly takes no other constants: `Groth16.BASE_FIELD`, `Signals.FIELD`.
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// Words of the key before IC: alpha1, beta2, gamma2, delta2.
    uint256 private constant IC_AT = 14;
    uint256 private constant PROOF_WORDS = 8; // `Groth16.PROOF_WORDS`
    uint256 private constant PAIR_WORDS = 6;

    /// The generator of G2, imaginary parts first (EIP-197).
    uint256 private constant G2_X_IM = 11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 private constant G2_X_RE = 10857046999023057135944570762232829481370756359578518086990519993285655852781;
    uint256 private constant G2_Y_IM = 4082367875863433681332203403145435568316851327593401208105741076214120093531;
    uint256 private constant G2_Y_RE = 8495653923123431417604973247489272438418190587263600148770280649306958101930;

    /// @inheritdoc IBatchVerifier
    uint256 public immutable signalCount;
    /// @inheritdoc IBatchVerifier
    bytes32 public immutable keyHash;
    /// The key's words, as the code of a contract.
    address private immutable keyData;

    /// @param developmentKey whether somebody knows the key's secret; such a key is for local development chains only.
    constructor(VerifyingKey memory key, bool developmentKey) {
        bool local = block.chainid == 31337 || block.chainid == 1337;
        require(!developmentKey || local, InsecureDevelopmentKey(block.chainid));
        require(_isPointCount(key.ic.length), WrongPointCount(key.ic.length));
        uint256 signals = key.ic.length - 1;

        bytes memory words = abi.encodePacked(key.alpha1, key.beta2, key.gamma2, key.delta2);
        _requireG1(key.alpha1);
        _requireG2(key.beta2);
        _requireG2(key.gamma2);
        _requireG2(key.delta2);
        for (uint256 i; i <= signals; ++i) {
            _requireG1(key.ic[i]); // infinity would be a signal that no constraint uses
            words = abi.encodePacked(words, key.ic[i]);
        }
        bool generator = key.gamma2[0] == G2_X_IM && key.gamma2[1] == G2_X_RE;
        require(generator && key.gamma2[2] == G2_Y_IM && key.gamma2[3] == G2_Y_RE, GammaNotGenerator());
        require(!_isRelated(key), RelatedPoints());

        signalCount = signals;
        keyHash = keccak256(words);
        keyData = DataContract.write(words);
    }

    /// @dev Points of IC: one more than there are signals.
    function _isPointCount(uint256 points) private pure returns (bool) {
        return points == 1 + Signals.count(8) || points == 1 + Signals.count(16) || points == 1 + Signals.count(32)
            || points == 1 + Custody.count(8) || points == 1 + Custody.count(16) || points == 1 + Custody.count(32);
    }

    /// @dev Whether small multiples of two points in one group are equal, or α is ±β or ±δ across the groups.
    function _isRelated(VerifyingKey memory key) private view returns (bool) {
        uint256[2][] memory first = new uint256[2][](key.ic.length + 2);
        first[0] = [uint256(1), 2]; // the generator
        first[1] = key.alpha1;
        for (uint256 i; i < key.ic.length; ++i) {
            first[i + 2] = key.ic[i];
        }
        uint256[4][] memory second = new uint256[4][](3);
        (second[0], second[1], second[2]) = (key.gamma2, key.beta2, key.delta2);
        return KeyRelations.inG1(first) || KeyRelations.inG2(second) || _isPartner(key.alpha1, key.beta2)
            || _isPartner(key.alpha1, key.delta2);
    }

    /// @dev Whether e(α, generator) = e(±generator, point).
    function _isPartner(uint256[2] memory alpha, uint256[4] memory point) private view returns (bool) {
        uint256[] memory pairs = new uint256[](2 * PAIR_WORDS);
        (pairs[0], pairs[1]) = (alpha[0], alpha[1]);
        (pairs[2], pairs[3], pairs[4], pairs[5]) = (G2_X_IM, G2_X_RE, G2_Y_IM, G2_Y_RE);
        (pairs[6], pairs[7]) = (1, 2);
        (pairs[8], pairs[9], pairs[10], pairs[11]) = (point[0], point[1], point[2], point[3]);
        if (_pairingIsOne(pairs)) return true;
        pairs[7] = Q - 2;
        return _pairingIsOne(pairs);
    }

    /// @inheritdoc IBatchVerifier
    /// @dev Lays memory out by hand, because only the verifier's own steps can save gas beside the pairing. `scalars` holds
    /// ρ and the Σ_i r_i·x_ij, `sum` holds Σ_i r_i·C_i with scratch space behind it, `pairs` the input of the pairing.
    function verify(uint256[] calldata shared, uint256[] calldata words) external view returns (bool ok) {
        if (shared.length > signalCount) return false;
        uint256 stride = PROOF_WORDS + signalCount - shared.length;
        uint256 n = words.length / stride;
        if (n == 0 || words.length != n * stride) return false;

        bytes32 seed = _seed(shared, words);
        uint256[] memory scalars = new uint256[](1 + signalCount);
        uint256[7] memory sum;
        uint256[] memory pairs = new uint256[](PAIR_WORDS * (n + 3));
        uint256 proof;
        uint256 pair;
        assembly ("memory-safe") {
            proof := words.offset
            pair := add(pairs, 32)
        }
        ok = true;
        for (uint256 i; i < n; ++i) {
            if (!_weigh(proof, stride, _power(seed, i), scalars, sum, pair)) ok = false;
            unchecked {
                proof += 32 * stride;
                pair += 32 * PAIR_WORDS;
            }
        }
        return ok && _weighShared(shared, scalars) && _placeKey(scalars, sum, pair) && _pairingIsOne(pairs);
    }

    /// @dev Hash of the key, all signals and all proofs.
    function _seed(uint256[] calldata shared, uint256[] calldata words) private view returns (bytes32 seed) {
        bytes32 key = keyHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let sharedSize := mul(shared.length, 32)
            let size := mul(words.length, 32)
            mstore(free, key)
            mstore(add(free, 32), shared.length)
            calldatacopy(add(free, 64), shared.offset, sharedSize)
            calldatacopy(add(add(free, 64), sharedSize), words.offset, size)
            seed := keccak256(free, add(add(sharedSize, size), 64))
        }
    }

    /// @dev The random power of proof i. The seed fixes key, proofs and signals.
    function _power(bytes32 seed, uint256 i) private pure returns (uint256 power) {
        assembly ("memory-safe") {
            mstore(0, seed)
            mstore(32, i)
            power := mod(keccak256(0, 64), R)
        }
    }

    /// @dev Adds a proof: r and r times its signals to the scalars, r·C to the sum, and (r·A, B) to memory at `pair`. False
    /// for a signal outside the field or an invalid point of G1.
    /// @param proof position of its words in the calldata: eight coordinates, and the signals that are not shared.
    function _weigh(
        uint256 proof,
        uint256 stride,
        uint256 power,
        uint256[] memory scalars,
        uint256[7] memory sum,
        uint256 pair
    ) private view returns (bool ok) {
        assembly ("memory-safe") {
            let product := add(sum, 64)
            let factors := add(sum, 128)
            mstore(add(factors, 64), power)
            calldatacopy(factors, proof, 64) // A
            ok := staticcall(6000, 7, factors, 96, pair, 64)
            calldatacopy(add(pair, 64), add(proof, 64), 128) // B
            calldatacopy(factors, add(proof, 192), 64) // C
            ok := and(ok, staticcall(6000, 7, factors, 96, product, 64))
            ok := and(ok, staticcall(150, 6, sum, 128, sum, 64))

            let first := add(scalars, 32)
            mstore(first, addmod(mload(first), power, R))
            let last := add(proof, 224) // coordinate: the signals come after it as their scalars come after the first
            for { let offset := mul(sub(stride, PROOF_WORDS), 32) } offset { offset := sub(offset, 32) } {
                let signal := calldataload(add(last, offset))
                ok := and(ok, lt(signal, R))
                let scalar := add(first, offset)
                mstore(scalar, addmod(mload(scalar), mulmod(power, signal, R), R))
            }
        }
    }

    /// @dev Sets the last scalars to ρ times the shared signals. False for a signal outside the field.
    function _weighShared(uint256[] calldata shared, uint256[] memory scalars) private pure returns (bool inField) {
        assembly ("memory-safe") {
            let power := mload(add(scalars, 32))
            let scalar := add(scalars, mul(add(sub(mload(scalars), shared.length), 1), 32))
            inField := 1
            let end := add(shared.offset, mul(shared.length, 32))
            for { let place := shared.offset } lt(place, end) { place := add(place, 32) } {
                let signal := calldataload(place)
                inField := and(inField, lt(signal, R))
                mstore(scalar, mulmod(power, signal, R))
                scalar := add(scalar, 32)
            }
        }
    }

    /// @dev Writes the three pairs of the key, with their points of G1 negated, to memory at `pair`.
    function _placeKey(uint256[] memory scalars, uint256[7] memory sum, uint256 pair) private view returns (bool ok) {
        address data = keyData;
        uint256 words = IC_AT + 2 * (signalCount + 1);
        assembly ("memory-safe") {
            function placeNegated(place, point, pointOfG2) {
                mstore(place, mload(point))
                let y := mload(add(point, 32))
                mstore(add(place, 32), mul(sub(Q, y), iszero(iszero(y))))
                mcopy(add(place, 64), pointOfG2, 128)
            }

            let key := mload(0x40)
            extcodecopy(data, key, 1, mul(words, 32))

            placeNegated(add(pair, 384), sum, add(key, 320)) // (−Σ r_i·C_i, δ)

            let product := add(sum, 64)
            let factors := add(sum, 128)
            mcopy(factors, key, 64)
            mstore(add(factors, 64), mload(add(scalars, 32)))
            ok := staticcall(6000, 7, factors, 96, product, 64)
            placeNegated(pair, product, add(key, 64)) // (−ρ·α, β)

            mstore(sum, 0)
            mstore(add(sum, 32), 0)
            let end := add(key, mul(words, 32))
            let scalar := scalars
            for { let ic := add(key, 448) } lt(ic, end) { ic := add(ic, 64) } {
                scalar := add(scalar, 32)
                if iszero(mload(scalar)) { continue } // as when no vault of the batch has a flow
                mcopy(factors, ic, 64)
                mstore(add(factors, 64), mload(scalar))
                ok := and(ok, staticcall(6000, 7, factors, 96, product, 64))
                ok := and(ok, staticcall(150, 6, sum, 128, sum, 64))
            }
            placeNegated(add(pair, 192), sum, add(key, 192)) // (−(ρ·IC_0 + Σ …), γ)
        }
    }

    // --- precompiles: gas as EIP-1108 prices them, so that an invalid point burns no more ---

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
        uint256[] memory pairs = new uint256[](PAIR_WORDS);
        for (uint256 k; k < 4; ++k) {
            pairs[2 + k] = point[k];
        }
        require(_pairingIsOne(pairs), PointNotOnCurve());
    }
}
