// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {EmptyBook} from "./libraries/EmptyBook.sol";
import {Groth16} from "./libraries/Groth16.sol";
import {Signals} from "./libraries/Signals.sol";

/// @title RebalanceHub
/// @notice See `IRebalanceHub`. The hub builds every public signal from its own state, so nothing that a proof says
/// about the past, the policy, the prices, the flows or the time is taken from the prover.
/// @dev No reentrancy guard: the only calls to other contracts are static (the oracle's `snapshot`, the verifier), and
/// under a static call nothing can write to the hub.
contract RebalanceHub is IRebalanceHub {
    struct Vault {
        VaultConfig config;
        VaultState state;
    }

    mapping(bytes32 vaultId => Vault) private vaults;

    /// @inheritdoc IRebalanceHub
    mapping(address opener => uint256) public vaultsOpened;

    // --- actions ---

    /// @inheritdoc IRebalanceHub
    function openVault(VaultConfig calldata config) external returns (bytes32 vaultId) {
        require(config.operator != address(0) && config.flowSource != address(0), ZeroAddress());
        require(config.verifier.code.length != 0, NoCode(config.verifier));
        require(address(config.oracle).code.length != 0, NoCode(address(config.oracle)));
        require(Signals.isSize(config.slots), UnsupportedSlots(config.slots));
        require(config.policyHash != 0 && config.policyHash < Signals.FIELD, InvalidPolicyHash());
        require(config.maxSnapshotAge != 0, ZeroSnapshotAge());
        require(config.accrualCapPpm < Signals.ACCRUAL_BOUND, AccrualCapOutOfRange(config.accrualCapPpm));

        vaultId = keccak256(abi.encode(block.chainid, address(this), msg.sender, vaultsOpened[msg.sender]++));
        Vault storage vault = vaults[vaultId];
        vault.config = config;
        vault.state.commitment = EmptyBook.commitment(config.slots);
        vault.state.policyVersion = 1;
        emit VaultOpened(vaultId, msg.sender, config);
    }

    /// @inheritdoc IRebalanceHub
    function recordFlow(bytes32 vaultId, int64 flow) external {
        Vault storage vault = _vault(vaultId);
        require(msg.sender == vault.config.flowSource, NotFlowSource(msg.sender));

        int256 pending = int256(vault.state.pendingFlow) + flow;
        require(-Signals.FLOW_BOUND <= pending && pending < Signals.FLOW_BOUND, FlowOutOfRange(pending));
        vault.state.pendingFlow = int64(pending);
        emit FlowRecorded(vaultId, flow, int64(pending));
    }

    /// @inheritdoc IRebalanceHub
    function submit(bytes32 vaultId, Rebalance calldata rebalance) external {
        Vault storage vault = _vault(vaultId);
        VaultConfig memory config = vault.config;
        VaultState memory state = vault.state;
        require(msg.sender == config.operator, NotOperator(msg.sender));
        require(block.timestamp <= rebalance.deadline, DeadlinePassed(rebalance.deadline));

        (uint256[] memory own, uint64 snapshotTimestamp) = _agreedSignals(vaultId, config, state, rebalance);
        _requireValid(config.verifier, rebalance.proof, own);
        _advance(vaultId, vault, own, rebalance.oracleRound, snapshotTimestamp);
    }

    // --- views ---

    /// @inheritdoc IRebalanceHub
    function vaultConfig(bytes32 vaultId) external view returns (VaultConfig memory) {
        return _vault(vaultId).config;
    }

    /// @inheritdoc IRebalanceHub
    function vaultState(bytes32 vaultId) external view returns (VaultState memory) {
        return _vault(vaultId).state;
    }

    /// @inheritdoc IRebalanceHub
    function expectedSignals(
        bytes32 vaultId,
        uint256 commitmentAfter,
        uint256 navFloor,
        uint64 oracleRound,
        uint64 deadline
    ) external view returns (uint256[] memory signals) {
        Vault storage vault = _vault(vaultId);
        (signals,) = _ownSignals(vaultId, vault.config, vault.state, commitmentAfter, navFloor, oracleRound, deadline);
    }

    /// @inheritdoc IRebalanceHub
    function context(bytes32 vaultId, uint64 oracleRound, uint64 deadline) external view returns (uint256) {
        Vault storage vault = _vault(vaultId);
        return _context(vaultId, vault.config, vault.state, oracleRound, deadline);
    }

    // --- the public signals ---

    /// @dev The hub's own signals, after finding the given ones equal to them.
    function _agreedSignals(
        bytes32 vaultId,
        VaultConfig memory config,
        VaultState memory state,
        Rebalance calldata rebalance
    ) private view returns (uint256[] memory own, uint64 snapshotTimestamp) {
        uint256[] calldata given = rebalance.signals;
        _requireInField(given, Signals.count(config.slots));
        (own, snapshotTimestamp) = _ownSignals(
            vaultId,
            config,
            state,
            given[Signals.COMMITMENT_AFTER],
            given[Signals.NAV_FLOOR],
            rebalance.oracleRound,
            rebalance.deadline
        );
        _requireOwn(given, own);
    }

    function _ownSignals(
        bytes32 vaultId,
        VaultConfig memory config,
        VaultState memory state,
        uint256 commitmentAfter,
        uint256 navFloor,
        uint64 oracleRound,
        uint64 deadline
    ) private view returns (uint256[] memory signals, uint64 timestamp) {
        uint256[] memory words;
        (timestamp, words) = _usableSnapshot(config, state, oracleRound);

        signals = new uint256[](Signals.count(config.slots));
        signals[Signals.COMMITMENT_BEFORE] = state.commitment;
        signals[Signals.COMMITMENT_AFTER] = commitmentAfter;
        signals[Signals.POLICY_HASH] = config.policyHash;
        signals[Signals.FLOW] = Signals.encodeFlow(state.pendingFlow);
        signals[Signals.ACCRUAL] = _accrual(config, state, timestamp);
        signals[Signals.NAV_FLOOR] = navFloor;
        signals[Signals.CONTEXT] = _context(vaultId, config, state, oracleRound, deadline);
        for (uint256 i; i < words.length; ++i) {
            signals[Signals.PRICES + i] = words[i];
        }
    }

    /// @dev A snapshot may be used again (a second rebalance at the same prices), but never one from before the last.
    function _usableSnapshot(VaultConfig memory config, VaultState memory state, uint64 oracleRound)
        private
        view
        returns (uint64 timestamp, uint256[] memory words)
    {
        (timestamp, words) = config.oracle.snapshot(oracleRound);
        uint256 expected = Signals.priceWords(config.slots);
        require(words.length == expected, WrongPriceWordCount(words.length, expected));
        require(timestamp <= block.timestamp, SnapshotFromFuture(timestamp));
        require(block.timestamp - timestamp <= config.maxSnapshotAge, SnapshotTooOld(timestamp, config.maxSnapshotAge));
        require(timestamp >= state.lastSnapshotTimestamp, SnapshotBeforeLast(timestamp, state.lastSnapshotTimestamp));
    }

    /// @dev Rate times the time between the two snapshots, rounded down and capped. Nothing before the first proof: an
    /// empty book earns nothing.
    function _accrual(VaultConfig memory config, VaultState memory state, uint64 timestamp)
        private
        pure
        returns (uint256)
    {
        if (state.sequence == 0) return 0;
        uint256 accrued = uint256(config.accrualRatePpmPerDay) * (timestamp - state.lastSnapshotTimestamp) / 1 days;
        return accrued < config.accrualCapPpm ? accrued : config.accrualCapPpm;
    }

    function _context(
        bytes32 vaultId,
        VaultConfig memory config,
        VaultState memory state,
        uint64 oracleRound,
        uint64 deadline
    ) private view returns (uint256) {
        bytes32 digest = keccak256(
            abi.encode(
                block.chainid,
                address(this),
                vaultId,
                state.sequence + 1,
                state.policyVersion,
                oracleRound,
                config.operator,
                deadline
            )
        );
        return uint256(digest) % Signals.FIELD;
    }

    // --- checks ---

    function _vault(bytes32 vaultId) private view returns (Vault storage vault) {
        vault = vaults[vaultId];
        require(vault.config.operator != address(0), UnknownVault(vaultId));
    }

    function _requireInField(uint256[] calldata signals, uint256 count) private pure {
        require(signals.length == count, WrongSignalCount(signals.length, count));
        for (uint256 i; i < count; ++i) {
            require(signals[i] < Signals.FIELD, SignalNotInField(i));
        }
    }

    /// @dev The context comes last of the named signals: a proof for another round or sequence is refused for the
    /// commitment, flow or accrual that it got wrong, if it got any wrong.
    function _requireOwn(uint256[] calldata given, uint256[] memory own) private pure {
        uint256 i = Signals.COMMITMENT_BEFORE;
        require(given[i] == own[i], CommitmentMismatch(given[i], own[i]));
        i = Signals.POLICY_HASH;
        require(given[i] == own[i], PolicyMismatch(given[i], own[i]));
        i = Signals.FLOW;
        require(given[i] == own[i], FlowMismatch(given[i], own[i]));
        i = Signals.ACCRUAL;
        require(given[i] == own[i], AccrualMismatch(given[i], own[i]));
        i = Signals.NAV_FLOOR;
        require(given[i] < Signals.NAV_FLOOR_BOUND, NavFloorOutOfRange(given[i]));
        for (i = Signals.PRICES; i < own.length; ++i) {
            require(given[i] == own[i], PriceMismatch(i - Signals.PRICES, given[i], own[i]));
        }
        i = Signals.CONTEXT;
        require(given[i] == own[i], ContextMismatch(given[i], own[i]));
    }

    function _requireValid(address verifier, Groth16.Proof calldata proof, uint256[] memory signals) private view {
        require(Groth16.inBaseField(proof), ProofCoordinateNotInField());
        require(Groth16.hasGas(), NotEnoughGas());
        Groth16.Verdict verdict = Groth16.verify(verifier, proof, signals);
        require(verdict != Groth16.Verdict.Failed, VerifierFailed());
        require(verdict == Groth16.Verdict.Valid, ProofRejected());
    }

    // --- the new state ---

    function _advance(
        bytes32 vaultId,
        Vault storage vault,
        uint256[] memory proven,
        uint64 oracleRound,
        uint64 snapshotTimestamp
    ) private {
        VaultState storage state = vault.state;
        uint64 sequence = state.sequence + 1;
        uint64 navFloor = uint64(proven[Signals.NAV_FLOOR]);
        emit Rebalanced(
            vaultId,
            sequence,
            proven[Signals.COMMITMENT_BEFORE],
            proven[Signals.COMMITMENT_AFTER],
            navFloor,
            state.pendingFlow,
            proven[Signals.ACCRUAL],
            oracleRound
        );
        state.commitment = proven[Signals.COMMITMENT_AFTER];
        state.sequence = sequence;
        state.navFloor = navFloor;
        state.lastRound = oracleRound;
        state.lastSnapshotTimestamp = snapshotTimestamp;
        state.lastProvenAt = uint64(block.timestamp);
        state.pendingFlow = 0;
    }
}
