// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// @title A wrapped token that bears yield, as markets for principal and yield take it
/// @notice EIP-5115 in the form that Pendle deployed, function for function: its text has a further argument in `deposit`,
/// which is an overload here.
interface IStandardizedYield is IERC20Metadata {
    /// What `assetInfo` describes: a token, or the liquidity of a pool.
    enum AssetType {
        TOKEN,
        LIQUIDITY
    }

    event Deposit(
        address indexed caller,
        address indexed receiver,
        address indexed tokenIn,
        uint256 amountDeposited,
        uint256 amountSyOut
    );

    event Redeem(
        address indexed caller,
        address indexed receiver,
        address indexed tokenOut,
        uint256 amountSyToRedeem,
        uint256 amountTokenOut
    );

    error InvalidToken(address token);
    error ZeroAmount();
    error TooFewOut(uint256 out, uint256 least);

    /// @notice Take a token from the caller and mint to the receiver.
    function deposit(address receiver, address tokenIn, uint256 amountTokenToDeposit, uint256 minSharesOut)
        external
        payable
        returns (uint256 amountSharesOut);

    /// @notice As the other `deposit`; with `depositFromInternalBalance` of what this contract already holds beyond the
    /// supply.
    function deposit(
        address receiver,
        address tokenIn,
        uint256 amountTokenToDeposit,
        uint256 minSharesOut,
        bool depositFromInternalBalance
    ) external returns (uint256 amountSharesOut);

    /// @notice Burn, of the caller's or with `burnFromInternalBalance` of this contract's own balance, and pay a token to the
    /// receiver.
    function redeem(
        address receiver,
        uint256 amountSharesToRedeem,
        address tokenOut,
        uint256 minTokenOut,
        bool burnFromInternalBalance
    ) external returns (uint256 amountTokenOut);

    /// @notice Assets for one unit, times 1e18.
    function exchangeRate() external view returns (uint256);

    function claimRewards(address user) external returns (uint256[] memory);

    function accruedRewards(address user) external view returns (uint256[] memory);

    function rewardIndexesCurrent() external returns (uint256[] memory);

    function rewardIndexesStored() external view returns (uint256[] memory);

    function getRewardTokens() external view returns (address[] memory);

    function yieldToken() external view returns (address);

    function getTokensIn() external view returns (address[] memory);

    function getTokensOut() external view returns (address[] memory);

    function isValidTokenIn(address token) external view returns (bool);

    function isValidTokenOut(address token) external view returns (bool);

    function previewDeposit(address tokenIn, uint256 amountTokenToDeposit) external view returns (uint256);

    function previewRedeem(address tokenOut, uint256 amountSharesToRedeem) external view returns (uint256);

    function assetInfo() external view returns (AssetType assetType, address assetAddress, uint8 assetDecimals);
}
