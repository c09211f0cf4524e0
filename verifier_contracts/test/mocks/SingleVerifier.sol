// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../../src/libraries/Groth16.sol";

/// @title What `RebalanceHub.submit` makes of a proof, without a hub
contract SingleVerifier {
    function accepts(address verifier, Groth16.Proof calldata proof, uint256[] memory signals)
        external
        view
        returns (bool)
    {
        return Groth16.inBaseField(proof) && Groth16.verify(verifier, proof, signals) == Groth16.Verdict.Valid;
    }
}
