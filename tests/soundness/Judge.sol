// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../libraries/Groth16.sol";

/// @title What the hub asks of a proof, and nothing else
contract Judge {
    address private immutable verifier;
    uint256 private immutable count;

    constructor(address verifier_, uint256 count_) {
        (verifier, count) = (verifier_, count_);
    }

    /// The number of signals has to be looked at: a generated verifier does not see words after its own.
    function holds(Groth16.Proof calldata proof, uint256[] memory signals) external view returns (bool) {
        return signals.length == count && Groth16.inBaseField(proof)
            && Groth16.verify(verifier, proof, signals) == Groth16.Verdict.Valid;
    }
}
