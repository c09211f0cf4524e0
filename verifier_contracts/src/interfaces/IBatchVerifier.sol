// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Many Groth16 proofs under one key in one pairing check
interface IBatchVerifier {
    /// A verifying key as snarkjs writes it into a contract: in points of G2 the imaginary part of a coordinate first.
    struct VerifyingKey {
        uint256[2] alpha1;
        uint256[4] beta2;
        uint256[4] gamma2;
        uint256[4] delta2;
        uint256[2][] ic;
    }

    /// @notice Public signals of a proof under this key.
    function signalCount() external view returns (uint256);

    /// @notice keccak256 of the key's words: alpha1, beta2, gamma2, delta2, ic.
    function keyHash() external view returns (bytes32);

    /// @notice Whether every proof is valid.
    /// @param shared the last public signals, as many as are the same for all proofs; there may be none.
    /// @param words for each proof its eight coordinates (a, b, c) and then its other public signals. Every signal must be
    /// below the scalar field and every coordinate below the base field; if one is not, the answer is false.
    function verify(uint256[] calldata shared, uint256[] calldata words) external view returns (bool);

    // --- errors of the constructor ---

    /// IC has not one point more than there are signals in a proof of one of the sizes.
    error WrongPointCount(uint256 points);
    error PointNotOnCurve();
    error PointAtInfinity();
    /// δ is γ or the generator: the second phase was skipped, and anyone can forge proofs.
    error SecondPhaseSkipped();
    error InsecureDevelopmentKey(uint256 chainId);
}
