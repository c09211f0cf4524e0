"""Rebalances brought to the hub: one or many, each accepted exactly once, whatever breaks on the way.

A submission is a folder that ``prove`` wrote: proof.json and terms.yaml. No proof is sent before it is verified here and
compared with what the hub demands of it; what the hub has accepted already is found and not sent again. Of many, the good
ones are sent although others are bad, and the result says of each what became of it. Killed anywhere and run again, it ends
the same (see ``transactions``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import groupby
from pathlib import Path

from .. import files, openings
from ..errors import ChainError, DlsError, InputError, NodeRefused, ProofInvalid, ToolError, TransactionPending
from ..groth16 import verifier
from ..groth16.proof import Proof
from ..groth16.zkey import VerifyingKey
from ..progress import Stage, no_stages
from ..solidity.calldata import ProofArguments
from ..statement.circuits import rebalance_signals
from ..statement.constants import QUANTITY_DECIMALS
from ..statement.context import Context
from ..statement.ethereum import keccak256
from ..statement.signals import PublicSignals
from .connection import Block, Question, Receipt, Refused
from .deployment import Protocol, key_hash
from .hub import Accepted
from .summary import Summary
from .transactions import Call, Sender

#: A batch may take this share of a block: one over it.
_BLOCK_PARTS = 2

#: Gas limit that no transaction may exceed (EIP-7825).
_TRANSACTION_GAS = 2**24


@dataclass(frozen=True)
class Submission:
    """A proof with the terms that it was made for. where: the folder, for messages."""

    where: str
    proof: Proof
    signals: PublicSignals
    context: Context

    @classmethod
    def read(cls, folder: Path) -> Submission:
        """Read proof.json and terms.yaml of a folder. InputError; ProofInvalid if the proof is on other terms."""
        proof = Proof.read(folder / "proof.json")
        signals, terms = rebalance_signals(proof.circuit, proof.signals), files.read_terms(folder / "terms.yaml")
        if (signals.flow, signals.allowances, signals.context) != (terms.flow_e6, terms.allowances, terms.context_hash):
            raise ProofInvalid("proof.json is on other terms than terms.yaml; prove again", str(folder))
        return cls(str(folder), proof, signals, terms.known_context())

    @property
    def key(self) -> tuple[str | int, ...]:
        """What the rebalance is known by."""
        return "0x" + self.context.vault_id.hex(), self.context.sequence, f"0x{self.signals.commitment_after:064x}"


@dataclass(frozen=True)
class Outcome:
    """A submission that the hub has accepted. before: it had before this run. gas_used: of its transaction, which it may
    share with ``shared_by`` others; None if it was not sent by this run."""

    submission: Submission
    accepted: Accepted
    before: bool
    gas_used: int | None = None
    shared_by: int = 1

    @property
    def where(self) -> str:
        return self.submission.where


class State(StrEnum):
    """What became of a submission that the hub has not accepted."""

    REFUSED = "refused"  # by a check here, or by the hub; nothing of it is in the chain
    NOT_SENT = "not_sent"  # its turn did not come
    PENDING = "pending"  # signed, and perhaps on its way


@dataclass(frozen=True)
class NotAccepted:
    """A submission that the hub has not accepted. where: its folder. submission: None if it could not be read. error: why,
    and by its exit code what to do: run again, prove again, or correct something."""

    where: str
    state: State
    error: DlsError
    submission: Submission | None = None


class BatchIncomplete(DlsError):
    """Some rebalances were not accepted. results: of all, in the order given. The code is that of the first that was not
    accepted if they all have one exit code, so that it says what to do; else ``batch_incomplete``."""

    code = "batch_incomplete"

    def __init__(self, results: Sequence[Outcome | NotAccepted]):
        failures = [result.error for result in results if isinstance(result, NotAccepted)]
        exit_codes = {error.exit_code for error in failures}
        code = failures[0].code if len(exit_codes) == 1 else None
        after = max((error.after for error in failures if error.after is not None), default=None)
        message, where = failures[0].message, failures[0].where
        if len(results) > 1:
            more = len(failures) - _SHOWN
            parts = [*map(str, failures[:_SHOWN]), *([f"and {more} more"] if more > 0 else [])]
            message, where = f"{len(failures)} of {len(results)} rebalances were not accepted: {'; '.join(parts)}", ""
        super().__init__(message, where, code=code, after=after)
        self.results = results


#: How many failures of a batch its message names.
_SHOWN = 3


def read_all(folders: Iterable[Path]) -> list[Submission | NotAccepted]:
    """The submissions of folders; those that cannot be read as refused."""
    found: list[Submission | NotAccepted] = []
    for folder in folders:
        try:
            found.append(Submission.read(folder))
        except DlsError as error:
            found.append(NotAccepted(str(folder), State.REFUSED, error))
    return found


def submit(
    protocol: Protocol,
    sender: Sender,
    submissions: Sequence[Submission | NotAccepted],
    verifying_key: Callable[[Proof], VerifyingKey],
    stage: Stage = no_stages,
    *,
    without_opening: bool = False,
) -> list[Outcome]:
    """Submit rebalances and wait until they are accepted and confirmed; in the order given. See the module.

    verifying_key: the key to verify a proof against. The opening that each proof leads to has to lie in its folder, unless
    ``without_opening``: its owner keeps it elsewhere. Many that have the key, the price round and the deadline in common go
    in one transaction, or in several: each has a gas limit of half a block's and of 2^24 at most. Of two new rebalances of
    one vault the first that is good is sent.

    BatchIncomplete if one is not accepted in the end; it says for each what became of it.
    """
    run = _Run(protocol, sender, without_opening)
    for one in submissions:
        if isinstance(one, NotAccepted):
            run.results[one.where] = one
        else:
            run.open[one.where] = one
    try:
        run.each(lambda submission: _require_here(protocol, sender, submission))
        if run.open:
            with stage("Proofs verified"):
                run.verify(verifying_key)
        if ready := run.look():
            with stage("Rebalances submitted"):
                while ready:
                    run.send(ready)
                    ready = run.look()
    except DlsError as error:  # of the way to the chain, or of the account: it stops all that are left
        run.stop(error)
    results = [run.results[one.where] for one in submissions]
    outcomes = [result for result in results if isinstance(result, Outcome)]
    if len(outcomes) < len(results):
        raise BatchIncomplete(results)
    return outcomes


@dataclass
class _Run:
    """One call of ``submit``. open: submissions without a result yet, by their folders. most: how many go together."""

    protocol: Protocol
    sender: Sender
    without_opening: bool
    open: dict[str, Submission] = field(default_factory=dict)
    results: dict[str, Outcome | NotAccepted] = field(default_factory=dict)
    most: int | None = None

    def end(self, result: Outcome | NotAccepted) -> None:
        self.results[result.where] = result
        self.open.pop(result.where, None)

    def refuse(self, submission: Submission, error: DlsError) -> None:
        self.end(NotAccepted(submission.where, State.REFUSED, _at(error, submission), submission))

    def stop(self, error: DlsError) -> None:
        """Nothing more is sent."""
        for submission in [*self.open.values()]:
            self.end(NotAccepted(submission.where, State.NOT_SENT, _at(error, submission), submission))

    def each(self, demand: Callable[[Submission], object]) -> None:
        """Refuse those that do not fulfil a demand."""
        for submission in [*self.open.values()]:
            try:
                demand(submission)
            except DlsError as error:
                if _stops_all(error):
                    raise
                self.refuse(submission, error)

    def verify(self, verifying_key: Callable[[Proof], VerifyingKey]) -> None:
        """Each proof, against the key that the vault's mandate names."""
        hashes: dict[bytes, str] = {}
        keys: dict[str, VerifyingKey] = {}

        def demand(submission: Submission) -> None:
            vk = verifying_key(submission.proof)
            key = _mandate_key(self.protocol, submission)
            if key not in hashes:
                hashes[key] = self.protocol.key_hash(key)
            if hashes[key] != key_hash(vk):
                raise ProofInvalid("the vault's key on the chain is not the one to verify with here")
            keys[submission.where] = vk

        self.each(demand)
        if not verifier.hold_together([(keys[where], one.proof) for where, one in self.open.items()]):
            by = verifier.quickest(len(self.open))
            self.each(lambda submission: verifier.verify(by, keys[submission.where], submission.proof))

    def look(self) -> list[Submission]:
        """Those that can be sent as things are now, one a vault; who need not or cannot be sent gets a result."""
        ready: dict[bytes, Submission] = {}
        for submission in [*self.open.values()]:
            if not self.stands(submission):
                continue
            first = ready.setdefault(submission.context.vault_id, submission)
            if first.key != submission.key:
                text = f"another rebalance of the same vault, {first.where}, goes first; run this again"
                error = ChainError(text, submission.where, code="same_vault")
                self.end(NotAccepted(submission.where, State.NOT_SENT, error, submission))
        return [*ready.values()]

    def stands(self, submission: Submission) -> bool:
        """Whether a submission is new, has its opening, and is what the hub demands now; else it gets a result."""
        if self.is_accepted(submission):
            return False
        try:
            if not self.without_opening:
                openings.require_beside_proof(Path(submission.where), submission.signals.commitment_after)
            if not _is_on_its_way(self.protocol, submission):
                _require_demanded(self.protocol, submission)
        except DlsError as error:
            if self.is_accepted(submission):  # by another process, since it was looked at
                return False
            if _stops_all(error):
                raise
            self.refuse(submission, error)
            return False
        return True

    def is_accepted(self, submission: Submission) -> bool:
        if accepted := _accepted(self.protocol, submission):
            self.end(Outcome(submission, accepted, before=True))
        return accepted is not None

    def send(self, ready: Sequence[Submission]) -> None:
        """Send. If the state has moved on since it was looked at, return early: the caller looks again."""
        protocol, sender = self.protocol, self.sender

        def common(submission: Submission) -> tuple[bytes, int, int]:
            return _mandate_key(protocol, submission), submission.context.round, submission.context.deadline

        for group, together in groupby(sorted(ready, key=common), common):
            for chunk in _chunks(protocol, sender, group, list(together), self.most):
                is_done = partial(_all_accepted, protocol, chunk)
                try:
                    mined = sender.perform(_intent(protocol, chunk), _call(protocol, group, chunk), is_done)
                except DlsError as error:
                    if isinstance(error, Refused) and not _stops_all(error):
                        return self.refused(chunk, error)
                    # An unusable journal says nothing of what was sent before it became so.
                    if isinstance(error, TransactionPending | InputError) or error.code == "node_behind":
                        for submission in chunk:
                            self.end(NotAccepted(submission.where, State.PENDING, _at(error, submission), submission))
                    raise
                for submission in chunk:
                    self.performed(submission, mined, len(chunk))

    def performed(self, submission: Submission, mined: Receipt | None, shared_by: int) -> None:
        """The hub has accepted a submission by a block that is deep enough."""
        try:
            accepted = _accepted(self.protocol, submission)
            if accepted is None:  # of a node that is behind, or after a reorganisation
                message = f"the hub has accepted it, and {self.protocol.chain.where} does not show it; run this again"
                raise ChainError(message, code="node_behind")
        except ChainError as error:
            return self.end(NotAccepted(submission.where, State.PENDING, _at(error, submission), submission))
        ours = mined is not None and mined.hash == accepted.transaction
        gas_used = mined.gas_used if mined and ours else None
        self.end(Outcome(submission, accepted, not ours, gas_used, shared_by))

    def refused(self, chunk: Sequence[Submission], refusal: Refused) -> None:
        """The hub would not take a chunk. Nothing of it is in the chain: who spoils it, or else ever smaller chunks."""
        standing = [submission for submission in chunk if self.stands(submission)]
        if len(chunk) == 1:
            for submission in standing:
                self.refuse(submission, refusal)
        elif len(standing) == len(chunk):
            self.most = len(chunk) // 2


#: Codes of refusals that are the node's, of any transaction of the account, and not the hub's of one rebalance.
_OF_THE_NODE = ("node_refused", "insufficient_funds")


def _stops_all(error: DlsError) -> bool:
    """Whether an error is about the way to the chain or a tool, and not about one submission."""
    if isinstance(error, Refused):
        return error.code in _OF_THE_NODE
    return isinstance(error, ToolError | NodeRefused) or (isinstance(error, ChainError) and error.retryable)


def _at(error: DlsError, submission: Submission) -> DlsError:
    """An error that says which folder it is about."""
    return error if error.where.startswith(submission.where) else error.at(submission.where)


# --- before anything is sent ------------------------------------------------------------------------------------


def _require_here(protocol: Protocol, sender: Sender, submission: Submission) -> None:
    context = submission.context
    for name, given, expected, code, advice in (
        ("chain", context.chain_id, protocol.chain.chain_id, "wrong_chain", "choose the node with --rpc"),
        ("hub", context.hub, protocol.hub.address, "wrong_chain", "choose the deployment with --deployment"),
        ("operator", context.operator, sender.address, "not_operator", "sign with the operator's account"),
    ):
        if str(given).lower() != str(expected).lower():
            text = f"the proof is for the {name} {given}, and this is {expected}; {advice}"
            raise ChainError(text, submission.where, code=code)


def _mandate_key(protocol: Protocol, submission: Submission) -> bytes:
    return protocol.hub.mandate(protocol.hub.state(submission.context.vault_id).mandate).key


def _accepted(protocol: Protocol, submission: Submission, block: Block = "latest") -> Accepted | None:
    """The submission as the hub accepted it, if it has by a block. ChainError if the node's answers do not fit together."""
    vault, sequence = submission.context.vault_id, submission.context.sequence
    if protocol.hub.state(vault, block).sequence < sequence:
        return None
    accepted = protocol.hub.accepted(vault, sequence, None if isinstance(block, str) else int(block))
    if accepted is None:  # the vault has come so far: whether by this submission, the event alone tells
        where = protocol.chain.where
        message = f"{where} has rebalance {sequence} of the vault but not its event; ask again, or another node"
        raise ChainError(message, code="node_behind")
    return accepted if accepted.commitment_after == submission.signals.commitment_after else None


def _is_on_its_way(protocol: Protocol, submission: Submission) -> bool:
    """Whether a transaction that waits to be mined brings the submission to the hub."""
    state = protocol.hub.state(submission.context.vault_id, "pending")
    return (state.sequence, state.commitment) == (submission.context.sequence, submission.signals.commitment_after)


def _require_demanded(protocol: Protocol, submission: Submission) -> None:
    """The proof is about what the hub demands now; ChainError names the first signal that differs, in words."""
    context, signals = submission.context, submission.signals
    known = (context.vault_id, signals, context.round, context.deadline)
    demanded = protocol.hub.expected_signals(submission.proof.circuit, *known)
    state = protocol.hub.state(context.vault_id)
    for name, code, given, expected in (
        ("commitment before", "stale_commitment", _short(signals.commitment_before), _short(demanded.commitment_before)),
        ("sequence", "stale_sequence", context.sequence, state.sequence + 1),
        ("mandate version", "stale_policy", context.mandate_version, state.mandate_version),
        ("policy", "stale_policy", _short(signals.policy_hash), _short(demanded.policy_hash)),
        ("flow", "stale_flow", _QUANTITY.show(signals.flow), _QUANTITY.show(demanded.flow)),
        ("prices", "stale_prices", signals.prices, demanded.prices),
        ("context", "stale_context", _short(signals.context), _short(demanded.context)),
    ):
        if given != expected:
            differs = "prices are others" if name == "prices" else f"{name} is {given} and the hub demands {expected}"
            advice = f"take the vault's terms anew and prove again{_FROM.get(name, '')}"
            raise ChainError(f"its {differs}; {advice}", submission.where, code=code)


#: What new terms alone do not mend: the person has to name another file, too.
_FROM = {
    "commitment before": " from the opening of the book that was accepted last",
    "policy": " with the file of the policy that the hub demands; `dls-zk policy show` reads it back from the chain",
}

_QUANTITY = files.Fixed(QUANTITY_DECIMALS, 0, 0)


def _short(element: int) -> str:
    return f"0x{element:064x}"


# --- sending ----------------------------------------------------------------------------------------------------


def _intent(protocol: Protocol, chunk: Sequence[Submission]) -> tuple[str | int, ...]:
    hub = (protocol.chain.chain_id, protocol.hub.address)
    if len(chunk) == 1:
        return ("submit", *hub, *chunk[0].key)
    return ("submitBatch", *hub, keccak256(repr([submission.key for submission in chunk]).encode()).hex())


def _all_accepted(protocol: Protocol, chunk: Iterable[Submission], block: Block) -> bool:
    return all(_accepted(protocol, submission, block) for submission in chunk)


def _call(protocol: Protocol, group: tuple[bytes, int, int], chunk: Sequence[Submission]) -> Call:
    """``submit`` or ``submitBatch``. group: key, price round and deadline."""
    key, round, deadline = group
    if len(chunk) == 1:
        (one,) = chunk
        return protocol.hub.submission(one.context.vault_id, ProofArguments.from_proof(one.proof), round, deadline)
    batch = []
    for submission in chunk:
        proof, signals, context = ProofArguments.from_proof(submission.proof), submission.signals, submission.context
        summary = Summary(round, context.sequence, signals.nav_floor, signals.allowances)
        points = (proof.a, proof.b, proof.c)
        batch.append((context.vault_id, summary.pack(), signals.commitment_after, points))
    return protocol.hub.call("submitBatch", key, deadline, batch)


def _chunks(
    protocol: Protocol,
    sender: Sender,
    group: tuple[bytes, int, int],
    together: list[Submission],
    most: int | None = None,
) -> Iterator[list[Submission]]:
    """Parts of which each fits in a transaction and has ``most`` submissions at most, by halving."""
    too_many = most is not None and len(together) > most
    if too_many or (len(together) > 1 and not _fits(protocol, sender, _call(protocol, group, together))):
        middle = len(together) // 2
        yield from _chunks(protocol, sender, group, together[:middle], most)
        yield from _chunks(protocol, sender, group, together[middle:], most)
    else:
        yield together


def _fits(protocol: Protocol, sender: Sender, call: Call) -> bool:
    try:
        needed = protocol.chain.gas_limit(Question(call.to, call.data, sender.address), call.abi)
    except Refused as refusal:
        # More than the node lets a transaction have; for another refusal the driver gives the reason.
        return not refusal.answer and "(NotEnoughGas)" not in str(refusal)
    return needed <= min(protocol.chain.block_gas_limit() // _BLOCK_PARTS, _TRANSACTION_GAS)
