// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchVerifier} from "../interfaces/IBatchVerifier.sol";

/// @title A Groth16 proof and the call to a verifier that snarkjs generated
/// @notice The generated `verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[n])` has a fixed n, so its selector
/// depends on the number of signals; its arguments are all static, so their encoding is plain concatenation.
library Groth16 {
    /// Points as the generated contract takes them; in `b` the imaginary part of each coordinate comes first.
    struct Proof {
        uint256[2] a;
        uint256[2][2] b;
        uint256[2] c;
    }

    /// Result of a call to a verifier.
    enum Verdict {
        Valid,
        Rejected,
        Failed
    }

    /// The base field of BN254: every proof coordinate is below it.
    uint256 internal constant BASE_FIELD =
        21888242871839275222246405745257275088696311157297823662689037894645226208583;

    /// Coordinates of a proof.
    uint256 internal constant PROOF_WORDS = 8;

    /// Gas that a verifier may use. The largest needs about 310,000; the rest is room for repricing. The cap keeps a
    /// proof with a point off the curve, which burns all gas forwarded to the precompile, from burning everything.
    uint256 internal constant GAS_CAP = 600_000;

    /// @notice Whether every coordinate is canonical. The generated contract does not check this for A.y.
    function inBaseField(Proof calldata proof) internal pure returns (bool) {
        return proof.a[0] < BASE_FIELD && proof.a[1] < BASE_FIELD && proof.b[0][0] < BASE_FIELD
            && proof.b[0][1] < BASE_FIELD && proof.b[1][0] < BASE_FIELD && proof.b[1][1] < BASE_FIELD
            && proof.c[0] < BASE_FIELD && proof.c[1] < BASE_FIELD;
    }

    /// @notice Whether a call can pass on `gas_` (EIP-150 withholds one part in 64).
    function hasGas(uint256 gas_) internal view returns (bool) {
        return gasleft() - gasleft() / 64 > gas_;
    }

    /// @notice Ask `verifier` about `proof`.
    function verify(address verifier, Proof calldata proof, uint256[] memory signals) internal view returns (Verdict) {
        bytes memory input = abi.encodePacked(selector(signals.length), abi.encode(proof.a, proof.b, proof.c), signals);
        return ask(verifier, input, GAS_CAP);
    }

    /// @notice Call a verifier with `gas_`. Anything but exactly one word holding 0 or 1 is a failure.
    /// @dev The word is read into scratch space, so a verifier that returns a lot costs the caller no memory.
    function ask(address verifier, bytes memory input, uint256 gas_) internal view returns (Verdict) {
        bool ok;
        uint256 word;
        assembly ("memory-safe") {
            ok := staticcall(gas_, verifier, add(input, 32), mload(input), 0, 32)
            ok := and(ok, eq(returndatasize(), 32))
            word := mload(0)
        }
        if (!ok || word > 1) return Verdict.Failed;
        return word == 1 ? Verdict.Valid : Verdict.Rejected;
    }

    /// @notice Gas that a batch verifier may use for `proofs` proofs of `signals` signals: the price of the precompiles
    /// (EIP-1108: 45,000 + 34,000 a pairing, 6,150 for a multiplication and an addition), and 10,000 a pairing for its own
    /// steps, at least twice their measured cost.
    function batchGasCap(uint256 proofs, uint256 signals) internal pure returns (uint256) {
        uint256 pairings = 45_000 + 34_000 * (proofs + 3);
        uint256 points = 6_150 * (2 * proofs + signals + 2);
        return pairings + points + 10_000 * (proofs + 3);
    }

    /// @notice A call of `IBatchVerifier.verify` with these shared signals and room for this many words, and where in
    /// memory the first of them goes.
    function batchInput(uint256[] memory shared, uint256 words)
        internal
        pure
        returns (bytes memory input, uint256 place)
    {
        bytes4 verify_ = IBatchVerifier.verify.selector;
        assembly ("memory-safe") {
            let sharedSize := mul(add(mload(shared), 1), 32) // with its length
            let size := add(add(100, sharedSize), mul(words, 32))
            input := mload(0x40)
            mstore(0x40, add(input, and(add(size, 63), not(31)))) // not zeroed: all of it is written
            mstore(input, size)
            let start := add(input, 32)
            mstore(start, verify_)
            start := add(start, 4)
            mstore(start, 64) // where the shared signals start
            mstore(add(start, 32), add(sharedSize, 64)) // where the words start
            mcopy(add(start, 64), shared, sharedSize)
            place := add(add(start, 64), sharedSize)
            mstore(place, words)
            place := add(place, 32)
        }
    }

    /// @notice Selector of the generated `verifyProof` for this number of signals: 9, 11, 14 or 18.
    function selector(uint256 signals) internal pure returns (bytes4) {
        if (signals == 9) return bytes4(keccak256("verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[9])"));
        if (signals == 11) return bytes4(keccak256("verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[11])"));
        if (signals == 14) return bytes4(keccak256("verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[14])"));
        return bytes4(keccak256("verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[18])"));
    }
}
