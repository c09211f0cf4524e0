// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Signals} from "./Signals.sol";

/// @title Prices as the proofs take them: USD 1e-8, below 2^48, packed five to a word
/// @notice `dls_zk/statement/signals.py` packs the same words.
library Prices {
    /// Decimals of a price.
    uint256 internal constant DECIMALS = 8;
    /// Prices are below this.
    uint256 internal constant BOUND = 2 ** Signals.PRICE_BITS;
    /// The most decimals that a feed may have: those of Chainlink's feeds are 8 or 18.
    uint256 internal constant MOST_FEED_DECIMALS = 18;
    uint256 internal constant BPS = 10_000;

    /// @notice A feed's answer with at most `MOST_FEED_DECIMALS` decimals as a price, rounded down. The result may be 0, or
    /// reach `BOUND`.
    function fromAnswer(uint256 answer, uint256 decimals) internal pure returns (uint256) {
        // From 2^128 on, an answer is not below BOUND with any decimals allowed; below, the product cannot overflow.
        if (answer >= 2 ** 128) return type(uint256).max;
        return answer * 10 ** DECIMALS / 10 ** decimals;
    }

    /// @notice Whether two prices lie within `bps` basis points of the smaller one. The same both ways: a price that rises
    /// by a fifth and one that falls back from there have moved equally far.
    /// @dev Prices are below 2^48 and `bps` below 2^16, so the products are below 2^65.
    function within(uint256 a, uint256 b, uint256 bps) internal pure returns (bool) {
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        return high * BPS <= low * (BPS + bps);
    }

    /// @notice The price of a slot.
    function get(uint256[] memory words, uint256 slot) internal pure returns (uint256) {
        return (words[slot / Signals.PRICES_PER_WORD] >> _shift(slot)) % BOUND;
    }

    /// @notice Set the price of a slot that has none yet; `price` is below `BOUND`.
    function put(uint256[] memory words, uint256 slot, uint256 price) internal pure {
        words[slot / Signals.PRICES_PER_WORD] |= price << _shift(slot);
    }

    function _shift(uint256 slot) private pure returns (uint256) {
        return Signals.PRICE_BITS * (slot % Signals.PRICES_PER_WORD);
    }
}
