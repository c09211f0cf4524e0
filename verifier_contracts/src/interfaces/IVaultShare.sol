// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the hub asks of the share token that opened a vault
interface IVaultShare {
    /// @notice Settle the orders that the vault's last proof prices. The hub calls this last in the transaction that accepts
    /// a proof, if the vault's orders wait; anyone may call it until the next proof. Settles each proof once, and reverts for
    /// nothing that a holder, the operator or the asset can cause.
    function settle() external;

    /// @notice Whether every redemption that a holder asked for before this time, in Unix seconds, is settled in whole or
    /// cancelled.
    function exitsServedBefore(uint40 time) external view returns (bool);
}
