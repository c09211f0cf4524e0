"""Client of the hub: keys, mandates, vaults, and what a proof must be about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from enum import IntEnum
from typing import Any

from ..errors import ChainError
from ..solidity.calldata import ProofArguments
from ..statement.circuits import rebalance_signals
from ..statement.context import Context
from ..statement.model import Terms
from ..statement.signals import PublicSignals
from .client import Client, Event
from .connection import Block, Receipt
from .oracle import NOBODY, Snapshot
from .refusals import STATUSES
from .transactions import Call, Sender


class VaultStatus(IntEnum):
    """What a vault is, in the order of the contract's enum."""

    ACTIVE = 0
    STALE = 1
    PAUSED = 2
    WIND_DOWN = 3

    @property
    def words(self) -> str:
        return STATUSES[self]


@dataclass(frozen=True)
class Key:
    """A verifying key on chain; fields in the order of the contract's struct. verifier, batch_verifier: addresses."""

    verifier: str
    batch_verifier: str
    slots: int


@dataclass(frozen=True)
class Mandate:
    """What a vault may do; fields in the order of the contract's struct.

    policy_hash: field element. feed_set, key: as oracle and hub number them. max_snapshot_age_s, max_proof_age_s: seconds.
    accrual_rate_ppm_per_day, accrual_cap_ppm: parts per million of NAV, the cap < 2^20.
    """

    policy_hash: int
    feed_set: int
    key: int
    max_snapshot_age_s: int
    accrual_rate_ppm_per_day: int
    accrual_cap_ppm: int
    max_proof_age_s: int


@dataclass(frozen=True)
class VaultState:
    """Where a vault is; fields in the order of the contract's struct.

    sequence: rebalances accepted so far. nav_floor: in NAV steps. snapshot_timestamp: Unix seconds,
    of the last proof's prices, at first of the opening. round: of that snapshot, 0 before the first proof.
    pending_flow_e6: what the next proof must state. mandate_version: moves to a mandate so far. mandate: its number.
    """

    commitment: int
    sequence: int
    nav_floor: int
    snapshot_timestamp: int
    round: int
    pending_flow_e6: int
    mandate_version: int
    mandate: int
    status: VaultStatus


@dataclass(frozen=True)
class Roles:
    """Who may do what; fields in the order of the contract's answer. Addresses, ``NOBODY`` for none."""

    opener: str
    operator: str
    proposed_operator: str
    guardian: str
    loosening_delay_s: int


@dataclass(frozen=True)
class Accepted:
    """A rebalance that the hub accepted, from its event. sequence: its number. accrual_ppm, flow_e6: as proven."""

    vault: bytes
    sequence: int
    commitment_after: int
    nav_floor: int
    flow_e6: int
    accrual_ppm: int
    round: int
    block: int
    transaction: str

    @classmethod
    def of(cls, event: Event) -> Accepted:
        said = event.arguments
        return cls(
            vault=bytes(said["vaultId"]),
            sequence=said["sequence"],
            commitment_after=said["commitmentAfter"],
            nav_floor=said["navFloor"],
            flow_e6=said["flow"],
            accrual_ppm=said["accrual"],
            round=said["round"],
            block=event.block,
            transaction=event.transaction,
        )


def accrual_ppm(mandate: Mandate, state: VaultState, snapshot_timestamp: int) -> int:
    """What may accrue up to a snapshot: rate times time since the last one, rounded down and capped; at first 0."""
    if state.sequence == 0:
        return 0
    elapsed_s = snapshot_timestamp - state.snapshot_timestamp
    return min(mandate.accrual_rate_ppm_per_day * elapsed_s // 86_400, mandate.accrual_cap_ppm)


@dataclass(frozen=True)
class Hub(Client):
    """``RebalanceHub``. first_block: where its events begin. Vaults are known by their id, 32 bytes."""

    first_block: int = field(default=0)

    # --- keys, mandates, vaults -------------------------------------------------------------------------------

    def add_key(self, sender: Sender, verifier: str, batch_verifier: str, slots: int) -> int:
        """Number a verifying key."""
        mined = self.act(sender, "addKey", verifier, batch_verifier, slots, once=(verifier, batch_verifier, slots))
        assert mined  # only a check of the state makes it None
        return self.said(mined, "KeyAdded")["key"]

    def key(self, number: int) -> Key:
        """A verifying key by its number."""
        return Key(*self.read("keyOf", number))

    def add_mandate(self, sender: Sender, mandate: Mandate) -> int:
        """Number a mandate, or find the number that one alike has."""
        for event in self._named("MandateAdded"):
            if Mandate(*event.arguments["mandate"].values()) == mandate:
                return event.arguments["id"]
        mined = self.act(sender, "addMandate", astuple(mandate), once=tuple(map(str, astuple(mandate))))
        assert mined
        return self.said(mined, "MandateAdded")["id"]

    def mandate(self, number: int) -> Mandate:
        """A mandate by its number."""
        return Mandate(*self.read("mandateOf", number))

    def open_vault(
        self, sender: Sender, name: str, mandate: int, operator: str, guardian: str = NOBODY, loosening_delay_s: int = 86_400
    ) -> bytes:
        """Open a vault with an empty book; its id. Opening one of the same name and terms again opens no other."""
        arguments = (operator, guardian, loosening_delay_s, mandate)
        mined = self.act(sender, "openVault", *arguments, once=(name, *arguments))
        assert mined
        return bytes(self.said(mined, "VaultOpened")["vaultId"])

    def propose_mandate(self, sender: Sender, vault: bytes, mandate: int) -> None:
        """Move to another mandate, at once if it only tightens; nothing is sent if it is active or waits already."""

        def is_done(block: Block) -> bool:
            return mandate in (self.state(vault, block).mandate, self.proposal(vault, block)[0])

        self.act(sender, "proposeMandate", vault, mandate, once=self._now(vault), is_done=is_done)

    def activate_mandate(self, sender: Sender, vault: bytes) -> None:
        """Move to the proposed mandate, whose time has come."""
        version = self.state(vault).mandate_version
        self.act(
            sender,
            "activateMandate",
            vault,
            once=(vault.hex(), version),
            is_done=lambda block: self.state(vault, block).mandate_version > version,
        )

    def propose_operator(self, sender: Sender, vault: bytes, operator: str) -> Receipt | None:
        """Name the account that may take over as operator; ``NOBODY`` takes the offer back."""

        def is_done(block: Block) -> bool:
            return Roles(*self.read("rolesOf", vault, block=block)).proposed_operator == operator

        return self.act(sender, "proposeOperator", vault, operator, once=self._now(vault), is_done=is_done)

    def accept_operator(self, sender: Sender, vault: bytes) -> Receipt | None:
        """Take over as operator. Proofs that were made for the old one are void from here on."""

        def is_done(block: Block) -> bool:
            return Roles(*self.read("rolesOf", vault, block=block)).operator == sender.address

        return self.act(sender, "acceptOperator", vault, once=self._now(vault), is_done=is_done)

    # --- what happens to a vault --------------------------------------------------------------------------------

    def record_flow(self, sender: Sender, vault: bytes, flow_e6: int, label: str = "") -> Receipt | None:
        """Record that a quantity of slot 0 (1e-6) moved into (positive) or out of the book.

        The same flow is recorded once between two rebalances, unless it has another label.
        """
        # As mined: a rebalance that waits in the pool would give a second run another key.
        once = (vault.hex(), self.state(vault, "latest").sequence, flow_e6, label)
        return self.act(sender, "recordFlow", vault, flow_e6, once=once)

    def mark(self, sender: Sender, vault: bytes, function: str) -> Receipt | None:
        """``pause``, ``unpause``, ``windDown``, ``callStale`` or ``withdrawMandate``. The hub refuses to do it twice."""
        return self.act(sender, function, vault, once=self._now(vault))

    def submission(self, vault: bytes, proof: ProofArguments, round: int, deadline: int) -> Call:
        """The call that submits one rebalance."""
        return self.call("submit", vault, ((proof.a, proof.b, proof.c), proof.signals, round, deadline))

    # --- views --------------------------------------------------------------------------------------------------

    # Time counts in a status and in what a proof must be about. The newest block's clock stands still on an idle local
    # chain, so those are asked at the pending block.

    def state(self, vault: bytes, block: Block = "pending") -> VaultState:
        """Where a vault is."""
        state = VaultState(*self.read("vaultState", vault, block=block))
        return replace(state, status=VaultStatus(state.status))

    def roles(self, vault: bytes) -> Roles:
        """Who may do what with a vault."""
        return Roles(*self.read("rolesOf", vault))

    def proposal(self, vault: bytes, block: Block = "latest") -> tuple[int, int]:
        """The proposed mandate and when (Unix seconds) it can be activated; 0 and 0 if there is none."""
        mandate, active_from = self.read("proposedMandate", vault, block=block)
        return mandate, active_from

    def tightens(self, old: int, new: int) -> bool:
        """Whether moving from one mandate (number) to another only tightens. Refused where no vault may ever."""
        return self.read("tightens", old, new)

    def expected_signals(
        self, circuit: str, vault: bytes, claimed: PublicSignals, round: int, deadline: int
    ) -> PublicSignals:
        """The public signals that ``submit`` would demand now of a proof of this circuit with this commitment after and NAV
        floor. InputError if the vault's key is for another circuit."""
        arguments = (vault, claimed.commitment_after, claimed.nav_floor, round, deadline)
        return rebalance_signals(circuit, self.read("expectedSignals", *arguments, block="pending"))

    def terms(self, vault: bytes, snapshot: Snapshot, deadline: int) -> Terms:
        """The public terms of the vault's next rebalance at this snapshot, computed here from what the hub holds."""
        state = self.state(vault)
        context = Context(
            chain_id=self.chain.chain_id,
            hub=self.address,
            vault_id=vault,
            sequence=state.sequence + 1,
            mandate_version=state.mandate_version,
            round=snapshot.round,
            operator=self.roles(vault).operator,
            deadline=deadline,
        )
        mandate = self.mandate(state.mandate)
        accrual = accrual_ppm(mandate, state, snapshot.timestamp)
        return Terms.at(context, state.pending_flow_e6, accrual, state.commitment, snapshot.oracle, mandate.policy_hash)

    def accepted(self, vault: bytes, sequence: int, last: int | None = None) -> Accepted | None:
        """The rebalance of a vault that has this number, if it was accepted by a block (by now)."""
        topics = [self.topic("Rebalanced"), "0x" + vault.hex()]
        rebalances = map(Accepted.of, self.events(self.first_block, self._last(last), topics))
        return next((accepted for accepted in rebalances if accepted.sequence == sequence), None)

    # --- events ---------------------------------------------------------------------------------------------------

    def opened(self, vault: bytes) -> Event:
        """The event of a vault's opening; ChainError if there is none since the deployment's first block."""
        topics = [self.topic("VaultOpened"), "0x" + vault.hex()]
        for event in self.events(self.first_block, self._last(None), topics):
            return event
        message = f"vault 0x{vault.hex()} was not opened since block {self.first_block}; check the deployment file"
        raise ChainError(message, code="unknown_id")

    def history(self, vault: bytes | None = None, first: int | None = None, last: int | None = None) -> Iterator[Event]:
        """What happened to a vault, or to all, in order, from a block on (from the start), up to a block (up to now)."""
        topics = [None, "0x" + vault.hex()] if vault else []
        return self.events(max(first or 0, self.first_block), self._last(last), topics)

    def _named(self, name: str) -> Iterator[Event]:
        return self.events(self.first_block, self._last(None), [self.topic(name)])

    def _last(self, last: int | None) -> int:
        return self.chain.block_number() if last is None else last

    def _now(self, vault: bytes) -> tuple[Any, ...]:
        """Tells two calls that mean different things at different times; that one effect is not had twice is for the hub."""
        return vault.hex(), self.chain.block_number()
