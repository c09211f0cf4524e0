"""Clients for the hub and for the development oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from web3.contract import Contract
from web3.contract.contract import ContractFunction

from ..calldata import ProofArguments
from ..context import Context
from ..contracts import Artifact
from ..model import Terms
from ..statement import PublicSignals
from .connection import Chain, Receipt

# --- the development oracle -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Snapshot:
    """Prices at a round. timestamp: Unix seconds. words: packed as ``statement.pack_prices`` does."""

    round: int
    timestamp: int
    words: tuple[int, ...]


@dataclass(frozen=True)
class Oracle:
    """Client of a price oracle; ``post`` works on the development oracle alone."""

    chain: Chain
    artifact: Artifact
    address: str

    def post(self, words: Sequence[int], sender: str) -> tuple[Snapshot, Receipt]:
        """Take a snapshot of these price words now."""
        receipt, mined = self.chain.transact(self._functions.post(list(words)), self.artifact.abi, sender)
        contract = self.chain.contract(self.artifact, self.address)
        (event,) = contract.events.SnapshotTaken().process_receipt(receipt)
        return Snapshot(event["args"]["round"], event["args"]["timestamp"], tuple(event["args"]["words"])), mined

    def latest_round(self) -> int:
        """The newest round; 0 if there is none yet."""
        with self.chain.reporting(self.artifact.abi):
            return self._functions.latestRound().call()

    def snapshot(self, oracle_round: int) -> Snapshot:
        """The snapshot of a round; ChainError if there is none."""
        with self.chain.reporting(self.artifact.abi):
            timestamp, words = self._functions.snapshot(oracle_round).call()
        return Snapshot(oracle_round, timestamp, tuple(words))

    @property
    def _functions(self) -> Any:
        return self.chain.contract(self.artifact, self.address).functions


# --- the hub --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VaultConfig:
    """What a vault is opened with; fields in the order of the contract's struct.

    operator, flow_source, verifier, oracle: addresses. policy_hash: field element, not 0. slots: 8, 16 or 32.
    max_snapshot_age_s: seconds. accrual_rate_ppm_per_day, accrual_cap_ppm: parts per million of NAV, the cap < 2^20.
    """

    operator: str
    flow_source: str
    verifier: str
    oracle: str
    policy_hash: int
    slots: int
    max_snapshot_age_s: int
    accrual_rate_ppm_per_day: int
    accrual_cap_ppm: int


@dataclass(frozen=True)
class VaultState:
    """What a proof advances; fields in the order of the contract's struct.

    sequence: rebalances accepted so far. nav_floor: in units of the policy's granularity. last_*: of the last proof,
    0 if there was none; timestamps in Unix seconds. pending_flow_e6: what the next proof must state.
    """

    commitment: int
    sequence: int
    policy_version: int
    nav_floor: int
    last_round: int
    last_snapshot_timestamp: int
    last_proven_at: int
    pending_flow_e6: int


@dataclass(frozen=True)
class Accepted:
    """A rebalance that the hub accepted, from its event. sequence: its number. accrual_ppm, flow_e6: as proven."""

    receipt: Receipt
    sequence: int
    commitment_before: int
    commitment_after: int
    nav_floor: int
    flow_e6: int
    accrual_ppm: int
    oracle_round: int


def accrual_ppm(config: VaultConfig, state: VaultState, snapshot_timestamp: int) -> int:
    """What may accrue up to a snapshot: rate times time since the last one, rounded down and capped; at first 0."""
    if state.sequence == 0:
        return 0
    elapsed_s = snapshot_timestamp - state.last_snapshot_timestamp
    return min(config.accrual_rate_ppm_per_day * elapsed_s // 86_400, config.accrual_cap_ppm)


@dataclass(frozen=True)
class Hub:
    """Client of a deployed ``RebalanceHub``."""

    chain: Chain
    artifact: Artifact
    address: str

    def open_vault(self, config: VaultConfig, sender: str) -> tuple[bytes, Receipt]:
        """Open a vault with an empty book; its id (32 bytes)."""
        receipt, mined = self._transact(self._functions.openVault(_tuple(config)), sender)
        (event,) = self._contract.events.VaultOpened().process_receipt(receipt)
        return bytes(event["args"]["vaultId"]), mined

    def record_flow(self, vault: bytes, flow_e6: int, sender: str) -> Receipt:
        """Record that a quantity of slot 0 (1e-6) moved into (positive) or out of the book."""
        return self._transact(self._functions.recordFlow(vault, flow_e6), sender)[1]

    def submit(self, vault: bytes, proof: ProofArguments, oracle_round: int, deadline: int, sender: str) -> Accepted:
        """Submit a rebalance and wait until it is mined. ChainError with the rule that the hub says is broken."""
        rebalance = ((proof.a, proof.b, proof.c), proof.signals, oracle_round, deadline)
        receipt, mined = self._transact(self._functions.submit(vault, rebalance), sender)
        (event,) = self._contract.events.Rebalanced().process_receipt(receipt)
        said = event["args"]
        return Accepted(
            receipt=mined,
            sequence=said["sequence"],
            commitment_before=said["commitmentBefore"],
            commitment_after=said["commitmentAfter"],
            nav_floor=said["navFloor"],
            flow_e6=said["flow"],
            accrual_ppm=said["accrual"],
            oracle_round=said["oracleRound"],
        )

    def config(self, vault: bytes) -> VaultConfig:
        """What a vault was opened with."""
        return VaultConfig(*self._read(self._functions.vaultConfig(vault)))

    def state(self, vault: bytes) -> VaultState:
        """Where a vault is."""
        return VaultState(*self._read(self._functions.vaultState(vault)))

    def expected_signals(
        self, vault: bytes, commitment_after: int, nav_floor: int, oracle_round: int, deadline: int
    ) -> PublicSignals:
        """The public signals that ``submit`` would demand now, as the hub computes them."""
        view = self._functions.expectedSignals(vault, commitment_after, nav_floor, oracle_round, deadline)
        return PublicSignals.from_field(self._read(view))

    def terms(self, vault: bytes, snapshot: Snapshot, deadline: int) -> Terms:
        """The public terms of the vault's next rebalance at this snapshot, computed here from what the hub holds."""
        config, state = self.config(vault), self.state(vault)
        context = Context(
            chain_id=self.chain.chain_id,
            hub=self.address,
            vault_id=vault,
            sequence=state.sequence + 1,
            policy_version=state.policy_version,
            oracle_round=snapshot.round,
            operator=config.operator,
            deadline=deadline,
        )
        return Terms(state.pending_flow_e6, accrual_ppm(config, state, snapshot.timestamp), context.to_field())

    @property
    def _contract(self) -> Contract:
        return self.chain.contract(self.artifact, self.address)

    @property
    def _functions(self) -> Any:
        return self._contract.functions

    def _read(self, function: ContractFunction) -> Any:
        with self.chain.reporting(self.artifact.abi):
            return function.call()

    def _transact(self, function: ContractFunction, sender: str) -> tuple[Any, Receipt]:
        return self.chain.transact(function, self.artifact.abi, sender)


def _tuple(config: VaultConfig) -> tuple[Any, ...]:
    return tuple(getattr(config, f.name) for f in fields(config))
