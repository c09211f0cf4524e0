// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IStandardizedYield} from "./interfaces/IStandardizedYield.sol";

/// @title StandardizedYield
/// @notice A share token one to one, in the form that markets for principal and yield take (EIP-5115): through them the
/// yield of a vault trades apart from its principal.
///
/// RATE
/// - `exchangeRate` is the price at which the share token last settled, and never reverts. It may be old: it is no price to
///   lend against (`SharePriceFeed` is).
///
/// TOKENS
/// - In and out go shares only. Assets become shares by an order, which takes until the next proof, and no call here could
///   wait for that.
///
/// INTERNAL BALANCE
/// - Whoever leaves shares or wrapped shares in this contract gives them away: the next caller that asks for the internal
///   balance takes them. Send and call in one transaction, as routers do.
contract StandardizedYield is IStandardizedYield, ERC20Permit, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant ONE_E18 = 1e18;

    IERC4626 private immutable share;
    uint8 private immutable shareDecimals;

    /// @param share_ the share token.
    constructor(IERC4626 share_, string memory name_, string memory symbol_) ERC20(name_, symbol_) ERC20Permit(name_) {
        share = share_;
        shareDecimals = share_.decimals();
    }

    // --- in and out ---

    /// @inheritdoc IStandardizedYield
    /// @dev Payable because the interface is; ether is no token here, so none may come.
    function deposit(address receiver, address tokenIn, uint256 amountTokenToDeposit, uint256 minSharesOut)
        external
        payable
        nonReentrant
        returns (uint256)
    {
        require(msg.value == 0, InvalidToken(address(0)));
        _requireShare(tokenIn);
        IERC20(share).safeTransferFrom(msg.sender, address(this), amountTokenToDeposit);
        return _wrap(receiver, amountTokenToDeposit, minSharesOut);
    }

    /// @inheritdoc IStandardizedYield
    function deposit(
        address receiver,
        address tokenIn,
        uint256 amountTokenToDeposit,
        uint256 minSharesOut,
        bool depositFromInternalBalance
    ) external nonReentrant returns (uint256) {
        _requireShare(tokenIn);
        if (depositFromInternalBalance) {
            uint256 spare = share.balanceOf(address(this)) - totalSupply();
            require(amountTokenToDeposit <= spare, TooFewOut(spare, amountTokenToDeposit));
        } else {
            IERC20(share).safeTransferFrom(msg.sender, address(this), amountTokenToDeposit);
        }
        return _wrap(receiver, amountTokenToDeposit, minSharesOut);
    }

    /// @inheritdoc IStandardizedYield
    function redeem(
        address receiver,
        uint256 amountSharesToRedeem,
        address tokenOut,
        uint256 minTokenOut,
        bool burnFromInternalBalance
    ) external nonReentrant returns (uint256) {
        _requireShare(tokenOut);
        require(amountSharesToRedeem != 0, ZeroAmount());
        require(amountSharesToRedeem >= minTokenOut, TooFewOut(amountSharesToRedeem, minTokenOut));
        _burn(burnFromInternalBalance ? address(this) : msg.sender, amountSharesToRedeem);
        IERC20(share).safeTransfer(receiver, amountSharesToRedeem);
        emit Redeem(msg.sender, receiver, tokenOut, amountSharesToRedeem, amountSharesToRedeem);
        return amountSharesToRedeem;
    }

    function _wrap(address receiver, uint256 amount, uint256 least) private returns (uint256) {
        require(amount != 0, ZeroAmount());
        require(amount >= least, TooFewOut(amount, least));
        _mint(receiver, amount);
        emit Deposit(msg.sender, receiver, address(share), amount, amount);
        return amount;
    }

    function _requireShare(address token) private view {
        require(token == address(share), InvalidToken(token));
    }

    // --- rate ---

    /// @inheritdoc IStandardizedYield
    function exchangeRate() external view returns (uint256) {
        return share.convertToAssets(ONE_E18);
    }

    /// @inheritdoc IStandardizedYield
    function previewDeposit(address tokenIn, uint256 amountTokenToDeposit) external view returns (uint256) {
        _requireShare(tokenIn);
        return amountTokenToDeposit;
    }

    /// @inheritdoc IStandardizedYield
    function previewRedeem(address tokenOut, uint256 amountSharesToRedeem) external view returns (uint256) {
        _requireShare(tokenOut);
        return amountSharesToRedeem;
    }

    // --- what it is made of ---

    /// @inheritdoc IStandardizedYield
    function yieldToken() external view returns (address) {
        return address(share);
    }

    /// @inheritdoc IStandardizedYield
    function assetInfo() external view returns (AssetType, address, uint8) {
        address asset = share.asset();
        return (AssetType.TOKEN, asset, IERC20Metadata(asset).decimals());
    }

    function decimals() public view override(ERC20, IERC20Metadata) returns (uint8) {
        return shareDecimals;
    }

    /// @inheritdoc IStandardizedYield
    function getTokensIn() external view returns (address[] memory) {
        return _onlyShare();
    }

    /// @inheritdoc IStandardizedYield
    function getTokensOut() external view returns (address[] memory) {
        return _onlyShare();
    }

    /// @inheritdoc IStandardizedYield
    function isValidTokenIn(address token) external view returns (bool) {
        return token == address(share);
    }

    /// @inheritdoc IStandardizedYield
    function isValidTokenOut(address token) external view returns (bool) {
        return token == address(share);
    }

    function _onlyShare() private view returns (address[] memory tokens) {
        tokens = new address[](1);
        tokens[0] = address(share);
    }

    // --- rewards: the vault pays none ---

    /// @inheritdoc IStandardizedYield
    function claimRewards(address) external pure returns (uint256[] memory) {}

    /// @inheritdoc IStandardizedYield
    function accruedRewards(address) external pure returns (uint256[] memory) {}

    /// @inheritdoc IStandardizedYield
    function rewardIndexesCurrent() external pure returns (uint256[] memory) {}

    /// @inheritdoc IStandardizedYield
    function rewardIndexesStored() external pure returns (uint256[] memory) {}

    /// @inheritdoc IStandardizedYield
    function getRewardTokens() external pure returns (address[] memory) {}
}
