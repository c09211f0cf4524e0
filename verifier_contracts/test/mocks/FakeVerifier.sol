// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A contract that answers any call in the way it was told to, for what a real verifier never does
contract FakeVerifier {
    enum Answer {
        Two,
        Nothing,
        TwoWords,
        OneByte,
        Reverts,
        RevertsWithOne,
        BurnsAllGas
    }

    Answer private immutable answer;

    constructor(Answer answer_) {
        answer = answer_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        if (answer == Answer.Two) return abi.encode(2);
        if (answer == Answer.Nothing) return "";
        if (answer == Answer.TwoWords) return abi.encode(1, 0);
        if (answer == Answer.OneByte) return hex"01";
        if (answer == Answer.Reverts) revert();
        if (answer == Answer.RevertsWithOne) {
            assembly ("memory-safe") {
                mstore(0, 1)
                revert(0, 32)
            }
        }
        while (true) {}
        return "";
    }
}
