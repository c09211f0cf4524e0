// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The public signals of a rebalance proof
/// @notice Their order and their encoding. Nothing else in the contracts knows an index.
/// The same names in the same order stand in `circuits/rebalance.circom` and `dls_zk/statement/signals.py`.
library Signals {
    /// The scalar field of BN254: every signal is below it.
    uint256 internal constant FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    uint256 internal constant COMMITMENT_BEFORE = 0;
    uint256 internal constant COMMITMENT_AFTER = 1;
    uint256 internal constant POLICY_HASH = 2;
    uint256 internal constant FLOW = 3;
    /// A packed word: the type `Allowances` reads it.
    uint256 internal constant ALLOWANCES = 4;
    uint256 internal constant NAV_FLOOR = 5;
    uint256 internal constant CONTEXT = 6;
    /// The first of ⌈slots/5⌉ packed price words.
    uint256 internal constant PRICES = 7;

    /// Flows lie in [−2^56, 2^56).
    int256 internal constant FLOW_BOUND = 2 ** 56;
    /// The unit of gain and loss in the allowances.
    uint256 internal constant PPB = 1_000_000_000;
    /// The unit of turnover in the allowances.
    uint256 internal constant PPM = 1_000_000;
    /// NAV floors lie in [0, 2^42), in NAV steps of the policy.
    uint256 internal constant NAV_FLOOR_BOUND = 2 ** 42;

    /// Prices have 48 bits (USD 1e-8), five to a word, lowest slot in the lowest bits.
    uint256 internal constant PRICE_BITS = 48;
    uint256 internal constant PRICES_PER_WORD = 5;

    /// @notice The circuits that exist: 8, 16 and 32 slots.
    function isSize(uint256 slots) internal pure returns (bool) {
        return slots == 8 || slots == 16 || slots == 32;
    }

    /// @notice Packed price words of a book of this size: 2, 4 or 7.
    function priceWords(uint256 slots) internal pure returns (uint256) {
        return (slots + PRICES_PER_WORD - 1) / PRICES_PER_WORD;
    }

    /// @notice Public signals of a proof for a book of this size: 9, 11 or 14.
    function count(uint256 slots) internal pure returns (uint256) {
        return PRICES + priceWords(slots);
    }

    /// @notice A signed flow as a field element: a negative one is FIELD − |flow|.
    function encodeFlow(int64 flow) internal pure returns (uint256) {
        return flow >= 0 ? uint256(int256(flow)) : FIELD - uint256(-int256(flow));
    }
}
