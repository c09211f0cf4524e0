// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-8161, transfer of pending requests to deposit: ERC-165 id 0x53b3bb0a
/// @notice A draft, as of commit 006626db1db969cd33026d23f717c04a6ea7bb38 of ethereum/ERCs.
interface IERC7540DepositTransferable {
    event TransferDepositRequest(uint256 indexed requestId, address indexed from, address indexed to, uint256 assets);

    function transferDepositRequest(uint256 requestId, address oldController, address newController) external;
}

/// @title ERC-8161, transfer of pending requests to redeem: ERC-165 id 0x7846f5bd
interface IERC7540RedeemTransferable {
    event TransferRedeemRequest(uint256 indexed requestId, address indexed from, address indexed to, uint256 shares);

    function transferRedeemRequest(uint256 requestId, address oldController, address newController) external;
}
