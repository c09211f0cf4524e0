// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A verifier of many Groth16 proofs under one key in one pairing check
interface IBatchVerifier {
    /// A verifying key as snarkjs writes it into a contract: points of G2 have the imaginary part of each coordinate first.
    struct VerifyingKey {
        uint256[2] alpha1;
        uint256[4] beta2;
        uint256[4] gamma2;
        uint256[4] delta2;
        uint256[2][] ic;
    }

    /// @notice Number of public signals of a proof under this key.
    function signalCount() external view returns (uint256);

    /// @notice keccak256 of the key's words: alpha1, beta2, gamma2, delta2, ic.
    function keyHash() external view returns (bytes32);

    /// @notice Whether every proof is valid.
    /// @param shared the last public signals that all proofs share; the list may be empty.
    /// @param words for each proof its eight coordinates (a, b, c), then its other public signals. The answer is false
    /// unless every signal is below the scalar field and every coordinate below the base field.
    function verify(uint256[] calldata shared, uint256[] calldata words) external view returns (bool);

    // --- errors of the constructor ---

    /// IC must have one point more than a proof of one of the sizes has signals.
    error WrongPointCount(uint256 points);
    error PointNotOnCurve();
    error PointAtInfinity();
    /// γ must be the generator of G2, as every setup leaves it.
    error GammaNotGenerator();
    /// Small multiples of two points are equal, or α is ±β or ±δ: anyone can forge proofs, or signals are not bound. The
    /// constructor tries multiples up to four; `dls-zk` tries more.
    error RelatedPoints();
    error InsecureDevelopmentKey(uint256 chainId);
}
