// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A contract that answers any call in the way it was told to, for what a real verifier never does
contract FakeVerifier {
    enum Answer {
        One,
        Two,
        Nothing,
        TwoWords,
        OneByte,
        Reverts,
        RevertsWithOne,
        BurnsAllGas,
        Writes
    }

    Answer private immutable answer;
    uint256 private written;

    constructor(Answer answer_) {
        answer = answer_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        if (answer == Answer.One) return abi.encode(1);
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
        if (answer == Answer.Writes) {
            written = 1;
            return abi.encode(1);
        }
        while (true) {}
        return "";
    }
}
