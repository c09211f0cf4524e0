// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RebalanceHub} from "../../src/RebalanceHub.sol";
import {IVaultShare} from "../../src/interfaces/IVaultShare.sol";

/// @title An opener of a vault that behaves as it was told to, for what a real share never does
contract FakeShare is IVaultShare {
    enum Manner {
        Settles,
        Reverts,
        BurnsAllGas,
        ReturnsAMegabyte,
        SubmitsAgain,
        WindsDown
    }

    RebalanceHub private immutable hub;
    bytes32 public vaultId;
    Manner private manner;
    /// Whether exits are served; answers with a word that is no boolean, or not at all, if told to.
    uint256 private served = 1;
    uint256 public settlements;
    uint256 public gasSeen;
    uint32 public sequenceSeen;
    bytes private replay;

    constructor(RebalanceHub hub_) {
        hub = hub_;
    }

    function open(address operator, address guardian, uint32 delay, bytes32 mandate) external {
        vaultId = hub.openVault(operator, guardian, delay, mandate);
    }

    function wait(bool orders) external {
        hub.setOrdersWaiting(vaultId, orders);
    }

    function behave(Manner manner_) external {
        manner = manner_;
    }

    /// The call that it makes to the hub while it settles.
    function tell(bytes calldata call) external {
        replay = call;
    }

    /// 0: not served; 1: served; 2: a word that is neither; 3: reverts; 4: answers with nothing.
    function serve(uint256 served_) external {
        served = served_;
    }

    function settle() external {
        uint256 left = gasleft();
        if (manner == Manner.Reverts) revert();
        if (manner == Manner.BurnsAllGas) while (true) {}
        if (manner == Manner.ReturnsAMegabyte) {
            assembly ("memory-safe") {
                revert(0, 100000)
            }
        }
        if (manner == Manner.SubmitsAgain || manner == Manner.WindsDown) {
            (bool ok,) = address(hub).call(replay);
            if (manner == Manner.WindsDown) require(ok);
        }
        settlements += 1;
        gasSeen = left;
        sequenceSeen = hub.vaultState(vaultId).sequence;
    }

    function exitsServedBefore(uint40) external view returns (bool) {
        uint256 answer = served;
        require(answer != 3);
        assembly ("memory-safe") {
            mstore(0, answer)
            return(0, mul(32, iszero(eq(answer, 4))))
        }
    }
}
