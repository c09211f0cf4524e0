// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../libraries/Groth16.sol";

/// @title What the hub asks of a proof, and nothing else
contract Judge {
    function holds(address verifier, Groth16.Proof calldata proof, uint256[] memory signals) external view returns (bool) {
        return Groth16.inBaseField(proof) && Groth16.verify(verifier, proof, signals) == Groth16.Verdict.Valid;
    }
}
