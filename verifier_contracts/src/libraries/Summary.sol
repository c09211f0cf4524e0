// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowances} from "./Allowances.sol";

/// What a rebalance says beside the commitment to its book, in one word: an entry of a batch and the event have it. From the
/// lowest bit:
///
/// | bits | field      |                                                                  |
/// | ---: | ---------- | ---------------------------------------------------------------- |
/// |   32 | round      | of the price snapshot                                            |
/// |   24 | sequence   | the vault's sequence after this rebalance                        |
/// |   42 | navFloor   | NAV of the book in NAV steps of the policy, rounded down         |
/// |  120 | allowances | what the rebalance takes out of the buckets: see `Allowances`    |
///
/// `dls_zk/chain/summary.py` packs and reads the same word.
type Summary is uint256;

using SummaryWord for Summary global;

/// @title Packing and reading of summaries
library SummaryWord {
    uint256 private constant SEQUENCE = 32;
    uint256 private constant NAV_FLOOR = 56;
    uint256 private constant ALLOWANCES = 98;

    /// @notice Pack the four. The caller passes values that fit their fields.
    function pack(uint256 round_, uint256 sequence_, uint256 navFloor_, Allowances allowances_)
        internal
        pure
        returns (Summary)
    {
        uint256 word = Allowances.unwrap(allowances_) << ALLOWANCES;
        return Summary.wrap(word | navFloor_ << NAV_FLOOR | sequence_ << SEQUENCE | round_);
    }

    function round(Summary word) internal pure returns (uint32) {
        return uint32(Summary.unwrap(word));
    }

    function sequence(Summary word) internal pure returns (uint24) {
        return uint24(Summary.unwrap(word) >> SEQUENCE);
    }

    function navFloor(Summary word) internal pure returns (uint48) {
        return uint48(Summary.unwrap(word) >> NAV_FLOOR & (2 ** 42 - 1));
    }

    /// @dev Nothing is cut off: of a word with more bits, these do not fit (`Allowances.fits`).
    function allowances(Summary word) internal pure returns (Allowances) {
        return Allowances.wrap(Summary.unwrap(word) >> ALLOWANCES);
    }
}
