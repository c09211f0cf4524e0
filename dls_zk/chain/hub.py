"""Client of the hub: keys, mandates, vaults, and what a proof must be about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from enum import IntEnum

from ..errors import ChainError
from ..files.values import time_text
from ..solidity.calldata import ProofArguments
from ..statement.allowances import Allowances
from ..statement.circuits import rebalance_signals
from ..statement.context import Context
from ..statement.ethereum import NOBODY
from ..statement.model import Terms
from ..statement.signals import PublicSignals
from .client import Client, Event
from .connection import Block, Receipt, Refused
from .mandate import Mandate
from .oracle import Snapshot
from .refusals import STATUSES
from .summary import Summary
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
class VaultState:
    """Where a vault is; fields in the order of the contract's struct.

    sequence: rebalances accepted so far. nav_floor: in NAV steps. snapshot_timestamp: Unix seconds, of the last proof's
    prices, at first of the opening. pending_flow_e6: what the next proof must state. mandate_version: moves to a mandate so
    far. loosened_version: that of the last move that did not only tighten. mandate: its name. rounds_after: Unix seconds;
    the next proof's round has to be later; 0 if only the last proof counts. orders_wait: the next proof settles orders.
    last_write_down: sequence that carried one, 0 for none.
    """

    commitment: int
    sequence: int
    nav_floor: int
    snapshot_timestamp: int
    pending_flow_e6: int
    mandate_version: int
    loosened_version: int
    mandate: bytes
    rounds_after: int
    orders_wait: bool
    write_down_open: bool
    last_write_down: int
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
class Proposal:
    """A mandate that waits; fields in the order of the contract's answer. Times in Unix seconds.

    mandate: its name. repair: it only replaces dead feeds. active_from: from then on anyone can activate it. lapses_at: from
    then on nobody can.
    """

    mandate: bytes
    repair: bool
    active_from: int
    lapses_at: int


@dataclass(frozen=True)
class OperatorOffer:
    """An account that may take over as operator. Times in Unix seconds, None if no event tells them."""

    operator: str
    acceptable_from: int | None
    lapses_at: int | None


@dataclass(frozen=True)
class WriteDown:
    """What can be said of write-downs; fields in the order of the contract's struct. Times in Unix seconds.

    nav_steps: of the open one, 0 if none is open. usable_from: when a rebalance may carry it. lapses_at: when it lapses.
    next_from: before this none may be announced. alone_ppm: what the operator may announce alone now, of the settled NAV.
    """

    nav_steps: int
    usable_from: int
    lapses_at: int
    next_from: int
    alone_ppm: int


@dataclass(frozen=True)
class ProvenBook:
    """What the last proof of a vault is about; fields in the order of the contract's struct.

    sequence: 0 before the first proof. snapshot_timestamp: Unix seconds, of its prices. policy_hash, feed_set: of the
    mandate that is active now. are_feeds_changed: the vault has other feeds since. is_flow_late: it states a flow that was
    recorded after the second of its prices.
    """

    commitment: int
    sequence: int
    snapshot_timestamp: int
    mandate_version: int
    policy_hash: int
    feed_set: bytes
    are_feeds_changed: bool
    is_flow_late: bool


@dataclass(frozen=True)
class Accepted:
    """A rebalance that the hub accepted, from its event. sequence: its number. allowances, flow_e6: as proven."""

    vault: bytes
    sequence: int
    commitment_after: int
    nav_floor: int
    flow_e6: int
    allowances: Allowances
    round: int
    block: int
    transaction: str

    @classmethod
    def of(cls, event: Event) -> Accepted:
        said, summary = event.arguments, Summary.unpack(event.arguments["summary"])
        return cls(
            vault=bytes(said["vaultId"]),
            sequence=summary.sequence,
            commitment_after=said["commitmentAfter"],
            nav_floor=summary.nav_floor,
            flow_e6=said["flow"],
            allowances=summary.allowances,
            round=summary.round,
            block=event.block,
            transaction=event.transaction,
        )


@dataclass(frozen=True)
class Hub(Client):
    """``RebalanceHub``. first_block: where its events begin. Vaults are known by their id, 32 bytes."""

    first_block: int = field(default=0)

    # --- keys, mandates, vaults -------------------------------------------------------------------------------

    def add_key(self, sender: Sender, verifier: str, batch_verifier: str, slots: int) -> bytes:
        """Add a verifying key; its name. Nothing is sent if the hub has it."""
        return self.add(sender, "addKey", "keyOf", verifier, batch_verifier, slots)

    def key(self, name: bytes) -> Key:
        """A verifying key by its name."""
        return Key(*self.read("keyOf", name))

    def add_mandate(self, sender: Sender, mandate: Mandate) -> bytes:
        """Add a mandate; its name. Nothing is sent if the hub has it."""
        name = self.add(sender, "addMandate", "mandateOf", astuple(mandate))
        self._require_name(name, mandate)
        return name

    def mandate(self, name: bytes) -> Mandate:
        """A mandate by its name: what the hub says, hashed again here."""
        mandate = Mandate.of(self.read("mandateOf", name))
        self._require_name(name, mandate)
        return mandate

    def _require_name(self, name: bytes, mandate: Mandate) -> None:
        if mandate.name != name:
            raise ChainError(f"the hub's mandate 0x{name.hex()} has another name by its terms; do not rely on this node")

    def open_vault(
        self,
        sender: Sender,
        name: str,
        mandate: bytes,
        operator: str,
        guardian: str = NOBODY,
        loosening_delay_s: int = 86_400,
    ) -> bytes:
        """Open a vault with an empty book; its id. Opening one of the same name and terms again opens no other."""
        roles = (operator, guardian, loosening_delay_s)
        mined = self.act(sender, "openVault", *roles, mandate, once=(name, *roles, mandate.hex()))
        assert mined
        return bytes(self.said(mined, "VaultOpened")["vaultId"])

    def propose_mandate(self, sender: Sender, vault: bytes, mandate: bytes) -> None:
        """Move to another mandate, at once if it only tightens; nothing is sent if it is active or waits already."""

        def is_done(block: Block) -> bool:
            waiting = self.proposal(vault, block)
            return mandate == self.state(vault, block).mandate or (waiting is not None and mandate == waiting.mandate)

        self.act(sender, "proposeMandate", vault, mandate, once=(vault.hex(), mandate.hex()), period="run", is_done=is_done)

    def activate_mandate(self, sender: Sender, vault: bytes, mandate: bytes) -> None:
        """Move to the proposed mandate, whose time has come; nothing is sent if it is active."""
        self.act(
            sender,
            "activateMandate",
            vault,
            mandate,
            once=(vault.hex(), mandate.hex()),
            period="run",
            is_done=lambda block: self.state(vault, block).mandate == mandate,
        )

    def propose_operator(self, sender: Sender, vault: bytes, operator: str) -> Receipt | None:
        """Name the account that may take over as operator; ``NOBODY`` takes the offer back."""

        def is_done(block: Block) -> bool:
            return Roles(*self.read("rolesOf", vault, block=block)).proposed_operator == operator

        return self.act(
            sender, "proposeOperator", vault, operator, once=(vault.hex(), operator), period="run", is_done=is_done
        )

    def accept_operator(self, sender: Sender, vault: bytes) -> Receipt | None:
        """Take over as operator. Proofs that were made for the old one are void from here on."""

        def is_done(block: Block) -> bool:
            return Roles(*self.read("rolesOf", vault, block=block)).operator == sender.address

        return self.act(sender, "acceptOperator", vault, once=(vault.hex(),), period="run", is_done=is_done)

    # --- what happens to a vault --------------------------------------------------------------------------------

    def record_flow(self, sender: Sender, vault: bytes, flow_e6: int, label: str = "") -> Receipt | None:
        """Record that a quantity of slot 0 (1e-6) moved into (positive) or out of the book.

        The same flow is recorded once between two rebalances, unless it has another label.
        """
        # As mined: a rebalance that waits in the pool would give a second run another key.
        sequence = self.state(vault, "latest").sequence
        return self.act(sender, "recordFlow", vault, flow_e6, once=(vault.hex(), flow_e6, label), period=sequence)

    def mark(self, sender: Sender, vault: bytes, function: str) -> Receipt:
        """``pause``, ``unpause``, ``windDown``, ``withdrawMandate``, ``withdrawWriteDown``; the hub refuses a second."""

        def stands(_: Receipt) -> bool:
            # Nobody must be told of a pause that is over, of the end of an earlier one, or of another withdrawal.
            if function in ("pause", "unpause"):
                return (self.state(vault).status is VaultStatus.PAUSED) == (function == "pause")
            if function == "withdrawMandate":
                return self.proposal(vault) is None
            return function == "windDown" or not self.write_down(vault).nav_steps

        mined = self.act(sender, function, vault, once=(vault.hex(),), period="run", stands=stands)
        assert mined  # only a check of the state makes it None
        return mined

    def withdrawn_mandate(self, vault: bytes, mined: Receipt) -> bytes:
        """The mandate that a transaction withdrew: the one that was proposed last before."""
        topics = [self.topic("MandateProposed"), "0x" + vault.hex()]
        *_, last = self.events(self.first_block, mined.block, topics)
        return bytes(last.arguments["mandate"])

    def announce_write_down(self, sender: Sender, vault: bytes, nav_steps: int) -> Receipt | None:
        """Announce a loss of so many NAV steps for the next rebalance; nothing is sent if just that is open."""

        def is_done(block: Block) -> bool:
            return self.write_down(vault, block).nav_steps == nav_steps

        once = (vault.hex(), nav_steps)
        try:
            return self.act(sender, "announceWriteDown", vault, nav_steps, once=once, period="run", is_done=is_done)
        except Refused as refusal:
            if refusal.code != "too_early":
                raise
            found = self.write_down(vault)
            why = "a write-down was announced not long ago"
            if found.nav_steps:
                until = f"until a proof carries it, or until {time_text(found.lapses_at)} UTC"
                why = f"a write-down of {found.nav_steps:,} NAV steps is open {until}"
            text = f"{why}; the next may be announced from {time_text(found.next_from)} UTC on (TooEarly)"
            raise Refused(text, revert=refusal.revert, code=refusal.code) from None

    def approve_write_down(self, sender: Sender, vault: bytes, nav_steps: int) -> Receipt | None:
        """Let the open write-down, of this size, be used now."""

        def stands(_: Receipt) -> bool:  # an equal one may wait that was announced since
            found = self.write_down(vault)
            return found.nav_steps != nav_steps or found.usable_from <= self.chain.now()

        once = (vault.hex(), nav_steps)
        return self.act(sender, "approveWriteDown", vault, nav_steps, once=once, period="run", stands=stands)

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

    def proven_book(self, vault: bytes) -> ProvenBook:
        """What the last proof of a vault is about: what a reconciliation is of."""
        return ProvenBook(*self.read("provenBook", vault))

    def roles(self, vault: bytes) -> Roles:
        """Who may do what with a vault."""
        return Roles(*self.read("rolesOf", vault))

    def proposal(self, vault: bytes, block: Block = "latest") -> Proposal | None:
        """The proposed mandate, if there is one. One that lapsed still stands here until another is proposed."""
        found = Proposal(*self.read("proposedMandate", vault, block=block))
        return found if found.active_from else None

    def operator_offer(self, vault: bytes) -> OperatorOffer | None:
        """The account that may take over as operator, if there is one, and when, by the event of its proposal."""
        account = self.roles(vault).proposed_operator
        if account == NOBODY:
            return None
        said = {}
        topics = [self.topic("OperatorProposed"), "0x" + vault.hex()]
        for event in self.events(self.first_block, self._last(None), topics):
            said = event.arguments if event.arguments["operator"] == account else {}
        return OperatorOffer(account, said.get("acceptableFrom"), said.get("lapsesAt"))

    def write_down(self, vault: bytes, block: Block = "pending") -> WriteDown:
        """The open write-down, and what may be announced."""
        return WriteDown(*self.read("writeDownOf", vault, block=block))

    def allowances(self, vault: bytes, timestamp: int) -> Allowances:
        """What a rebalance at a round of this time (Unix seconds) may name: what buckets hold, and the open write-down."""
        return Allowances.unpack(self.read("allowancesAt", vault, timestamp, block="pending"))

    def paused_until(self, vault: bytes) -> int:
        """Until when (Unix seconds) the vault is, or was last, paused; 0 if it never was."""
        return self.read("pausedUntil", vault, block="pending")

    def tightens(self, old: bytes, new: bytes) -> bool:
        """Whether moving from one mandate to another only tightens. Refused where no vault may ever."""
        return self.read("tightens", old, new)

    def expected_signals(
        self, circuit: str, vault: bytes, claimed: PublicSignals, round: int, deadline: int
    ) -> PublicSignals:
        """The public signals that ``submit`` would demand now of a proof of this circuit with this commitment after, NAV
        floor and allowances. InputError if the vault's key is for another circuit."""
        named = (claimed.commitment_after, claimed.nav_floor, claimed.allowances.pack())
        return rebalance_signals(circuit, self.read("expectedSignals", vault, *named, round, deadline, block="pending"))

    def terms(self, vault: bytes, snapshot: Snapshot, deadline: int) -> Terms:
        """The public terms of the vault's next rebalance at this snapshot, computed here from what the hub holds.

        Their allowances are what the buckets hold at the snapshot, of which a rebalance names multiples of their steps.
        """
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
        held = self.allowances(vault, snapshot.timestamp)
        known = (state.commitment, snapshot.oracle, mandate.policy_hash, mandate.buckets)
        return Terms.at(context, state.pending_flow_e6, held, *known)

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

    def vaults(self) -> list[bytes]:
        """The ids of all vaults, in the order in which they were opened."""
        return [bytes(event.arguments["vaultId"]) for event in self._named("VaultOpened")]

    def history(self, vault: bytes | None = None, first: int | None = None, last: int | None = None) -> Iterator[Event]:
        """What happened to a vault, or to all, in order, from a block on (from the start), up to a block (up to now)."""
        topics = [None, "0x" + vault.hex()] if vault else []
        return self.events(max(first or 0, self.first_block), self._last(last), topics)

    def _named(self, name: str) -> Iterator[Event]:
        return self.events(self.first_block, self._last(None), [self.topic(name)])

    def _last(self, last: int | None) -> int:
        return self.chain.block_number() if last is None else last
