// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {AggregatorV3Interface} from "./interfaces/AggregatorV3Interface.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IQuoteOracle} from "./interfaces/IQuoteOracle.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {IShareToken} from "./interfaces/IShareToken.sol";
import {Prices} from "./libraries/Prices.sol";

/// @title SharePriceFeed
/// @notice The price of a share for contracts that lend against it: as a feed of Chainlink's form, and by ERC-7726.
///
/// PRICE
/// - What a share was worth at the last proof, with the NAV at the bottom of its step, times the settlement asset's price of
///   the same round. Every step rounds down.
/// - There is an answer only while the vault is active, no write-down is announced, and the share token has settled the
///   last proof. The last is so by itself if orders waited; else anyone calls `settle` of the share token first. There is
///   never a par price and never an old one: in doubt the calls revert.
///
/// FOR LENDERS
/// - Between two proofs the price stands still while the market moves, and a proof moves it in one step: keep the
///   liquidation threshold below one minus the largest step that you expect between two proofs, and refuse an answer that
///   is older than you tolerate (`updatedAt` is the time of the prices).
/// - Operators should send proofs privately: a transaction that waits tells the next price.
/// - A proof shows that the committed book obeys the policy, not that custody holds that book.
contract SharePriceFeed is AggregatorV3Interface, IQuoteOracle {
    /// The US dollar (ISO 4217: 840), in which ERC-7726 quotes have as many decimals as the answers of the feed.
    address public constant USD = address(840);

    /// @notice The version of the interface.
    uint256 public constant version = 1;

    /// The amounts of assets that the feed values are those of this many shares, lest a cheap asset unit round much off.
    uint256 private constant SHARES = 1e6;

    IShareToken public immutable share;
    address private immutable asset;
    IRebalanceHub private immutable hub;
    IPriceOracle private immutable oracle;
    bytes32 private immutable vaultId;
    uint256 private immutable oneShare;
    uint256 private immutable oneAsset;

    /// The vault is not active.
    error VaultNotActive(IRebalanceHub.Status status);
    /// The operator announced a loss that no proof has carried yet.
    error WriteDownOpen();
    /// The share token has not settled the last proof: call its `settle`.
    error NotSettled(uint32 settled, uint32 last);
    /// The feed set changed and no proof came since.
    error PriceUnknown();
    /// There is no history here.
    error UnknownRound(uint80 roundId);

    constructor(IShareToken share_) {
        share = share_;
        asset = share_.asset();
        hub = share_.hub();
        oracle = hub.oracle();
        vaultId = share_.vaultId();
        oneShare = 10 ** share_.decimals();
        oneAsset = 10 ** IERC20Metadata(asset).decimals();
    }

    // --- AggregatorV3Interface ---

    function decimals() external pure returns (uint8) {
        return uint8(Prices.DECIMALS);
    }

    function description() external view returns (string memory) {
        return string.concat(share.symbol(), " / USD");
    }

    /// @notice The price of one share, 10^decimals of its units, in USD 1e-8. The round is the number of the proof, and both
    /// times are that of its prices, in Unix seconds.
    function latestRoundData()
        public
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        (uint32 sequence, uint40 timestamp, uint256 assetPrice) = _settled();
        uint256 assets = share.convertToAssets(oneShare * SHARES);
        uint256 price = Math.mulDiv(assets, assetPrice, oneAsset * SHARES);
        // Assets are far below 2^128 and prices below 2^48.
        return (sequence, int256(price), timestamp, timestamp, sequence);
    }

    /// @notice The round of `latestRoundData`; reverts for every other.
    function getRoundData(uint80 roundId_)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        (roundId, answer, startedAt, updatedAt, answeredInRound) = latestRoundData();
        require(roundId == roundId_, UnknownRound(roundId_));
    }

    // --- ERC-7726 ---

    /// @inheritdoc IQuoteOracle
    /// @dev From shares to the asset or to `USD`, with 8 decimals. Whatever makes the feed revert is `OracleUntrustedData`.
    function getQuote(uint256 baseAmount, address base, address quote) external view returns (uint256) {
        require(base == address(share) && (quote == asset || quote == USD), OracleUnsupportedPair(base, quote));
        try this.assetPriceE8() returns (uint256 assetPrice) {
            uint256 assets = share.convertToAssets(baseAmount);
            return quote == asset ? assets : Math.mulDiv(assets, assetPrice, oneAsset);
        } catch {
            revert OracleUntrustedData(base, quote);
        }
    }

    // --- what the price rests on ---

    /// @notice The settlement asset's price at the last proof, in USD 1e-8. Reverts if the share has no price.
    function assetPriceE8() external view returns (uint256 price) {
        (,, price) = _settled();
    }

    function _settled() private view returns (uint32 sequence, uint40 timestamp, uint256 assetPrice) {
        IRebalanceHub.VaultState memory state = hub.vaultState(vaultId);
        require(state.status == IRebalanceHub.Status.Active, VaultNotActive(state.status));
        require(!state.writeDownOpen, WriteDownOpen());
        (,, timestamp, sequence) = share.settledPrice();
        // A vault without a proof has no price.
        require(sequence == state.sequence && sequence != 0, NotSettled(sequence, state.sequence));

        // A new feed set may have a round of that time, but no proof at its prices.
        require(state.roundsAfter == 0, PriceUnknown());
        bytes32 feedSet = hub.mandateOf(state.mandate).feedSet;
        (,, uint256[] memory words) = oracle.snapshot(oracle.roundAt(feedSet, timestamp));
        assetPrice = Prices.get(words, 0);
    }
}
