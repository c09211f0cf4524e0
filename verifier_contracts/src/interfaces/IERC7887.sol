// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-7887, cancelling requests to deposit: ERC-165 id 0x8bf840e3
/// @notice A draft, as of commit 12ed5c06311130775284599b90fc65418cea7757 of ethereum/ERCs.
interface IERC7887Deposit {
    event CancelDepositRequest(address indexed controller, uint256 indexed requestId, address sender);
    event CancelDepositClaim(
        address indexed controller, address indexed receiver, uint256 indexed requestId, address sender, uint256 assets
    );

    function cancelDepositRequest(uint256 requestId, address controller) external;
    function pendingCancelDepositRequest(uint256 requestId, address controller) external view returns (bool isPending);
    function claimableCancelDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);
    function claimCancelDepositRequest(uint256 requestId, address receiver, address controller) external;
}

/// @title ERC-7887, cancelling requests to redeem: ERC-165 id 0xe76cffc7
interface IERC7887Redeem {
    event CancelRedeemRequest(address indexed controller, uint256 indexed requestId, address sender);
    event CancelRedeemClaim(
        address indexed controller, address indexed receiver, uint256 indexed requestId, address sender, uint256 shares
    );

    function cancelRedeemRequest(uint256 requestId, address controller) external;
    function pendingCancelRedeemRequest(uint256 requestId, address controller) external view returns (bool isPending);
    function claimableCancelRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    function claimCancelRedeemRequest(uint256 requestId, address receiver, address controller) external;
}
