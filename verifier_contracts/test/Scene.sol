// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DevPriceOracle} from "../src/DevPriceOracle.sol";
import {RebalanceHub} from "../src/RebalanceHub.sol";
import {IRebalanceHub} from "../src/interfaces/IRebalanceHub.sol";
import {Groth16} from "../src/libraries/Groth16.sol";
import {Signals} from "../src/libraries/Signals.sol";
import {Base} from "./Base.sol";
import {Proofs} from "./fixtures/Proofs.sol";
import {TinyVerifier_11} from "./fixtures/TinyVerifier_11.sol";
import {TinyVerifier_14} from "./fixtures/TinyVerifier_14.sol";
import {TinyVerifier_9} from "./fixtures/TinyVerifier_9.sol";

/// @title The scene that the proofs in fixtures/ were made for (fixtures/make.mjs repeats it)
/// @notice A hub at a fixed address; the opener's first vault; round 1 at NOON with flow +1 of slot 0 pending; round 2 half
/// a day later with flow −0.25 pending.
abstract contract Scene is Base {
    RebalanceHub internal constant hub = RebalanceHub(address(bytes20(hex"4848484848484848484848484848484848484848")));
    address internal constant OPENER = address(bytes20(hex"0101010101010101010101010101010101010101"));
    address internal constant OPERATOR = address(bytes20(hex"0202020202020202020202020202020202020202"));
    address internal constant FLOW_SOURCE = address(bytes20(hex"0303030303030303030303030303030303030303"));
    address internal constant STRANGER = address(bytes20(hex"0404040404040404040404040404040404040404"));

    uint64 internal constant NOON = 1_700_000_000;
    uint64 internal constant DEADLINE = 2_000_000_000;
    uint32 internal constant MAX_AGE = 1 days;
    uint256 internal constant POLICY_HASH = 0x706f6c696379;

    uint32 internal ratePpmPerDay = 300; // so 150 between the two rounds
    uint32 internal capPpm = 1_000;
    DevPriceOracle internal oracle;
    bytes32 internal vaultId;

    /// A vault of this size, with round 1 posted and its flow recorded.
    function open(uint8 slots) internal {
        vm.etch(address(hub), type(RebalanceHub).runtimeCode);
        vm.warp(NOON);
        oracle = new DevPriceOracle(slots);
        oracle.post(priceWords(slots, 1));
        IRebalanceHub.VaultConfig memory c = config(slots);
        vm.prank(OPENER);
        vaultId = hub.openVault(c);
    }

    function config(uint8 slots) internal returns (IRebalanceHub.VaultConfig memory) {
        return IRebalanceHub.VaultConfig({
            operator: OPERATOR,
            flowSource: FLOW_SOURCE,
            verifier: verifierFor(slots),
            oracle: oracle,
            policyHash: POLICY_HASH,
            slots: slots,
            maxSnapshotAge: MAX_AGE,
            accrualRatePpmPerDay: ratePpmPerDay,
            accrualCapPpm: capPpm
        });
    }

    function verifierFor(uint8 slots) internal returns (address) {
        if (slots == 8) return address(new TinyVerifier_9());
        if (slots == 16) return address(new TinyVerifier_11());
        return address(new TinyVerifier_14());
    }

    /// Slot i costs (i + 1)·round dollars.
    function priceWords(uint256 slots, uint256 round) internal pure returns (uint256[] memory words) {
        words = new uint256[](Signals.priceWords(slots));
        for (uint256 i; i < slots; ++i) {
            words[i / 5] |= ((i + 1) * round * 1e8) << (48 * (i % 5));
        }
    }

    function recordFlow(int64 flow) internal {
        vm.prank(FLOW_SOURCE);
        hub.recordFlow(vaultId, flow);
    }

    function submit(IRebalanceHub.Rebalance memory rebalance) internal {
        vm.prank(OPERATOR);
        hub.submit(vaultId, rebalance);
    }

    function refuse(IRebalanceHub.Rebalance memory rebalance, bytes memory reason) internal {
        vm.expectRevert(reason);
        submit(rebalance);
    }

    // --- rebalances with a real proof ---

    function first8() internal pure returns (IRebalanceHub.Rebalance memory r) {
        (r.proof, r.signals) = Proofs.first8();
        (r.oracleRound, r.deadline) = (1, DEADLINE);
    }

    function first16() internal pure returns (IRebalanceHub.Rebalance memory r) {
        (r.proof, r.signals) = Proofs.first16();
        (r.oracleRound, r.deadline) = (1, DEADLINE);
    }

    function first32() internal pure returns (IRebalanceHub.Rebalance memory r) {
        (r.proof, r.signals) = Proofs.first32();
        (r.oracleRound, r.deadline) = (1, DEADLINE);
    }

    function second8() internal pure returns (IRebalanceHub.Rebalance memory r) {
        (r.proof, r.signals) = Proofs.second8();
        (r.oracleRound, r.deadline) = (2, DEADLINE);
    }

    /// The empty book proven again, with nothing pending.
    function heartbeat8() internal pure returns (IRebalanceHub.Rebalance memory r) {
        (r.proof, r.signals) = Proofs.heartbeat8();
        (r.oracleRound, r.deadline) = (1, DEADLINE);
    }

    /// Half a day after round 1: round 2, and a quarter of a unit has left the book.
    function passHalfADay() internal {
        vm.warp(NOON + 12 hours);
        oracle.post(priceWords(8, 2));
        recordFlow(-250_000);
    }
}
