// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A feed that answers in the way it was told to, for what a real feed or a development feed never does
contract FakeFeed {
    enum Manner {
        WellFormed,
        Nothing,
        OneByteShort,
        OneByteMore,
        Reverts,
        /// Reverts with what would have been a well-formed answer.
        RevertsWithAnswer,
        BurnsAllGas,
        ReturnsALot,
        /// Asks the oracle for a snapshot, then answers as if nothing had happened.
        Reenters
    }

    Manner private decimalsManner;
    Manner private roundManner;
    uint256 private decimalsWord = 8;
    /// roundId, answer, startedAt, updatedAt, answeredInRound
    uint256[5] private round;
    bytes32 private reentered;
    uint256 private burnt;

    function setDecimals(Manner manner, uint256 word) external {
        (decimalsManner, decimalsWord) = (manner, word);
    }

    function setRound(Manner manner, uint256[5] calldata words) external {
        (roundManner, round) = (manner, words);
    }

    /// The feed set whose snapshot `Reenters` asks for.
    function setReentered(bytes32 feedSet) external {
        reentered = feedSet;
    }

    /// From now on a round costs about this much gas more.
    function burn(uint256 gas_) external {
        burnt = gas_;
    }

    fallback(bytes calldata input) external returns (bytes memory) {
        return bytes4(input) == bytes4(keccak256("decimals()"))
            ? answered(decimalsManner, abi.encode(decimalsWord))
            : answered(roundManner, abi.encode(round));
    }

    function answered(Manner manner, bytes memory answer) private returns (bytes memory) {
        uint256 length = answer.length;
        for (uint256 start = gasleft(); burnt > start - gasleft();) {}
        if (manner == Manner.Nothing) return "";
        if (manner == Manner.OneByteMore) return bytes.concat(answer, hex"00");
        if (manner == Manner.Reverts) revert();
        if (manner == Manner.Reenters) {
            bytes memory call = abi.encodeWithSignature("takeSnapshot(bytes32)", reentered);
            (bool ok,) = msg.sender.call{gas: 100_000}(call);
            ok; // whether it failed or not
        }
        assembly ("memory-safe") {
            switch manner
            case 2 { mstore(answer, sub(length, 1)) } // OneByteShort
            case 5 { revert(add(answer, 32), length) } // RevertsWithAnswer
            case 6 { invalid() } // BurnsAllGas
            case 7 { return(0, 65536) } // ReturnsALot
        }
        return answer;
    }
}
