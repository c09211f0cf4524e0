// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-7726: the value of one asset in terms of another
interface IQuoteOracle {
    error OracleUnsupportedPair(address base, address quote);
    error OracleUntrustedData(address base, address quote);

    /// @notice Value of `baseAmount` of `base` in terms of `quote`, rounded down. National currencies go by their ISO 4217
    /// number: `address(840)` is the US dollar.
    function getQuote(uint256 baseAmount, address base, address quote) external view returns (uint256 quoteAmount);
}
