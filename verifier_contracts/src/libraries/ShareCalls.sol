// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";
import {IVaultShare} from "../interfaces/IVaultShare.sol";
import {Groth16} from "./Groth16.sol";

/// @title Calls of the hub to the share token that opened a vault
/// @notice The opener is untrusted: whatever it does, the rebalance stands, and it can spend the gas below and no more.
library ShareCalls {
    /// Gas that a settlement may use.
    uint256 internal constant GAS = 400_000;
    /// What the hub demands before its work for each settlement after it: the gas, what EIP-150 withholds, and the call.
    uint256 internal constant GAS_AHEAD = 450_000;

    /// @notice Let the opener settle the orders that the rebalance just accepted prices. An operator cannot skip a price
    /// by sending too little gas: the call gets all that it may use, or the rebalance reverts.
    function settle(bytes32 vaultId, address opener, uint24 sequence) internal {
        require(Groth16.hasGas(GAS), IRebalanceHub.NotEnoughGas());
        bytes4 selector = IVaultShare.settle.selector;
        bool ok;
        assembly ("memory-safe") {
            mstore(0, selector)
            ok := call(GAS, opener, 0, 0, 4, 0, 0) // the answer is not copied, whatever its length
        }
        if (!ok) emit IRebalanceHub.SettlementFailed(vaultId, sequence);
    }

    /// @notice Revert unless the share says that all redemptions asked for before this time are served. An answer that fails
    /// counts as no.
    function requireExitsServed(address opener, uint40 askedBefore) internal view {
        if (opener.code.length == 0) return; // no share, no holders
        bytes4 selector = IVaultShare.exitsServedBefore.selector;
        bool served;
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, askedBefore)
            served := staticcall(gas(), opener, 0, 36, 0, 32)
            served := and(served, and(eq(returndatasize(), 32), eq(mload(0), 1)))
        }
        require(served, IRebalanceHub.RedemptionsFirst(askedBefore));
    }
}
