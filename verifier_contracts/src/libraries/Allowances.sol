// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What a rebalance may use, in the one word that its proof shows. From the lowest bit:
///
/// | bits | field     | unit                                                                         |
/// | ---: | --------- | ---------------------------------------------------------------------------- |
/// |   30 | gain      | parts per billion of NAV: value that no price explains                        |
/// |   30 | loss      | parts per billion of NAV, before what a negative flow took out: cost at most  |
/// |   30 | turnover  | parts per million of the same                                                 |
/// |   30 | writeDown | NAV steps of the policy: a loss that was announced                            |
///
/// The circuit unpacks the word uniquely, so a proof fixes all four. `docs/statement.md`, checks 5 and 6.
type Allowances is uint256;

using AllowancesWord for Allowances global;

/// @title Packing and reading of allowances
library AllowancesWord {
    uint256 private constant LOSS = 30;
    uint256 private constant TURNOVER = 60;
    uint256 private constant WRITE_DOWN = 90;

    /// Each field is below this.
    uint256 internal constant FIELD_BOUND = 2 ** 30;
    /// A word that a proof can show is below this.
    uint256 internal constant WORD_BOUND = 2 ** 120;

    /// @notice Pack the four. The caller passes values below `FIELD_BOUND`.
    function pack(uint256 gain_, uint256 loss_, uint256 turnover_, uint256 writeDown_)
        internal
        pure
        returns (Allowances)
    {
        return Allowances.wrap(writeDown_ << WRITE_DOWN | turnover_ << TURNOVER | loss_ << LOSS | gain_);
    }

    /// @notice Whether a word is the packing of four values: no proof shows another.
    function fits(Allowances word) internal pure returns (bool) {
        return Allowances.unwrap(word) < WORD_BOUND;
    }

    function gain(Allowances word) internal pure returns (uint256) {
        return Allowances.unwrap(word) % FIELD_BOUND;
    }

    function loss(Allowances word) internal pure returns (uint256) {
        return (Allowances.unwrap(word) >> LOSS) % FIELD_BOUND;
    }

    function turnover(Allowances word) internal pure returns (uint256) {
        return (Allowances.unwrap(word) >> TURNOVER) % FIELD_BOUND;
    }

    /// @dev Nothing is cut off: of a word that does not fit, this is `FIELD_BOUND` or more.
    function writeDown(Allowances word) internal pure returns (uint256) {
        return Allowances.unwrap(word) >> WRITE_DOWN;
    }
}
