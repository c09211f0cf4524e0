"""Rebalances brought to the hub: one or many, each accepted exactly once, whatever breaks on the way.

A submission is a folder that ``prove`` wrote: proof.json and terms.yaml. Nothing is sent before every proof is verified here
and compared with what the hub demands of it; what the hub has accepted already is found and not sent again. Killed anywhere
and run again, it ends the same (see ``transactions``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from .. import files, openings
from ..errors import ChainError, InputError, ProofInvalid
from ..groth16 import verifier
from ..groth16.proof import Proof
from ..groth16.zkey import VerifyingKey
from ..progress import Stage, no_stages
from ..solidity.calldata import ProofArguments
from ..statement.circuits import rebalance_signals
from ..statement.context import Context
from ..statement.ethereum import keccak256
from ..statement.signals import PublicSignals
from .connection import Block, Question, Refused
from .deployment import Protocol, key_hash
from .hub import Accepted
from .transactions import Call, Sender

#: A batch may take this share of a block: one over it.
_BLOCK_PARTS = 2

#: Gas limit that no transaction may exceed (EIP-7825).
_TRANSACTION_GAS = 2**24

#: From this number of proofs on they are verified by snarkjs in its worker, below it by py_ecc, which needs no start.
_MANY = 3


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
        if (signals.flow, signals.accrual, signals.context) != (terms.flow_e6, terms.accrual_ppm, terms.context_hash):
            raise ProofInvalid(f"{folder}: proof.json is on other terms than terms.yaml; prove again")
        return cls(str(folder), proof, signals, terms.known_context())

    @property
    def key(self) -> tuple[str | int, ...]:
        """What the rebalance is known by."""
        return "0x" + self.context.vault_id.hex(), self.context.sequence, f"0x{self.signals.commitment_after:064x}"


@dataclass(frozen=True)
class Outcome:
    """What became of one submission. before: the hub had accepted it before this run. gas_used: of its transaction, which
    it may share with ``shared_by`` others; None if it was not sent by this run."""

    submission: Submission
    accepted: Accepted
    before: bool
    gas_used: int | None = None
    shared_by: int = 1


def submit(
    protocol: Protocol,
    sender: Sender,
    submissions: Sequence[Submission],
    verifying_key: Callable[[Proof], VerifyingKey],
    stage: Stage = no_stages,
    *,
    without_opening: bool = False,
) -> list[Outcome]:
    """Submit rebalances and wait until they are accepted and confirmed; in the order given. See the module.

    verifying_key: the key to verify a proof against. The opening that each proof leads to has to lie in its folder, unless
    ``without_opening``: its owner keeps it elsewhere.
    Many that have the key, the price round and the deadline in common go in one
    transaction, or in several: each has a gas limit of half a block's and of 2^24 at most. ProofInvalid names the proof that
    does not hold or that is about something else than the hub demands; ChainError what the hub refuses; InputError an
    opening that is not there, and two rebalances of one vault that are both new.
    """
    for submission in submissions:
        _require_here(protocol, sender, submission)
    with stage("Proofs verified"):
        _verify(protocol, submissions, verifying_key)
    done: dict[str, Outcome] = {}
    with stage("Rebalances submitted"):
        while new := _new(protocol, submissions, done):
            try:
                for submission in new:
                    if not without_opening:
                        openings.require_beside_proof(Path(submission.where), submission.signals.commitment_after)
                    _require_demanded(protocol, submission)
            except (ChainError, ProofInvalid):
                if any(_accepted(protocol, submission) for submission in new):
                    continue  # by another process, since it was looked at
                raise
            _send(protocol, sender, new, done)
    return [done[submission.where] for submission in submissions]


# --- before anything is sent ------------------------------------------------------------------------------------


def _require_here(protocol: Protocol, sender: Sender, submission: Submission) -> None:
    context = submission.context
    for name, given, expected in (
        ("chain", context.chain_id, protocol.chain.chain_id),
        ("hub", context.hub.lower(), protocol.hub.address.lower()),
        ("operator", context.operator.lower(), sender.address.lower()),
    ):
        if given != expected:
            raise ProofInvalid(f"{submission.where}: the proof is for the {name} {given}, and this is {expected}")


def _verify(protocol: Protocol, submissions: Sequence[Submission], verifying_key: Callable[[Proof], VerifyingKey]) -> None:
    """Each proof, against the key that the vault's mandate names."""
    by = "snarkjs" if len(submissions) >= _MANY else "pyecc"
    hashes: dict[int, str] = {}
    for submission in submissions:
        vk = verifying_key(submission.proof)
        key = _mandate_key(protocol, submission)
        if key not in hashes:
            hashes[key] = protocol.key_hash(key)
        if hashes[key] != key_hash(vk):
            raise ProofInvalid(f"{submission.where}: the vault's key on the chain is not the one to verify with here")
        try:
            verifier.verify(by, vk, submission.proof)
        except ProofInvalid as error:
            raise ProofInvalid(f"{submission.where}: {error}") from None


def _mandate_key(protocol: Protocol, submission: Submission) -> int:
    return protocol.hub.mandate(protocol.hub.state(submission.context.vault_id).mandate).key


def _new(protocol: Protocol, submissions: Sequence[Submission], done: dict[str, Outcome]) -> list[Submission]:
    """Those that the hub has not accepted; the others are noted as done."""
    new: list[Submission] = []
    for submission in submissions:
        if submission.where in done:
            continue
        if accepted := _accepted(protocol, submission):
            done[submission.where] = Outcome(submission, accepted, before=True)
        else:
            new.append(submission)
    vaults = [submission.context.vault_id for submission in new]
    for submission in new:
        if vaults.count(submission.context.vault_id) > 1:
            raise InputError("another rebalance of the same vault is to be submitted too; one at a time", submission.where)
    return new


def _accepted(protocol: Protocol, submission: Submission, block: Block = "latest") -> Accepted | None:
    """The submission as the hub accepted it, if it has by a block."""
    vault, sequence = submission.context.vault_id, submission.context.sequence
    if protocol.hub.state(vault, block).sequence < sequence:
        return None
    accepted = protocol.hub.accepted(vault, sequence, None if isinstance(block, str) else int(block))
    return accepted if accepted and accepted.commitment_after == submission.signals.commitment_after else None


def _require_demanded(protocol: Protocol, submission: Submission) -> None:
    """The proof is about what the hub demands now; ProofInvalid names the first signal that differs, in words."""
    context, signals = submission.context, submission.signals
    try:
        known = (context.vault_id, signals, context.round, context.deadline)
        demanded = protocol.hub.expected_signals(submission.proof.circuit, *known)
    except Refused as refusal:
        raise ChainError(f"{submission.where}: {refusal}") from None
    state = protocol.hub.state(context.vault_id)
    for name, given, expected in (
        ("sequence", context.sequence, state.sequence + 1),
        ("commitment before", _short(signals.commitment_before), _short(demanded.commitment_before)),
        ("mandate version", context.mandate_version, state.mandate_version),
        ("policy", _short(signals.policy_hash), _short(demanded.policy_hash)),
        ("flow (1e-6)", signals.flow, demanded.flow),
        ("accrual (ppm)", signals.accrual, demanded.accrual),
        ("prices", signals.prices, demanded.prices),
        ("context", _short(signals.context), _short(demanded.context)),
    ):
        if given != expected:
            shown = "is another one" if name == "prices" else f"is {given} and the hub demands {expected}"
            raise ProofInvalid(f"{submission.where}: its {name} {shown}; take the vault's terms anew and prove again")


def _short(element: int) -> str:
    return f"0x{element:064x}"


# --- sending ----------------------------------------------------------------------------------------------------


def _send(protocol: Protocol, sender: Sender, new: Sequence[Submission], done: dict[str, Outcome]) -> None:
    """Send what is new. If the state has moved on since it was looked at, return early: the caller looks again."""

    def common(submission: Submission) -> tuple[int, int, int]:
        return _mandate_key(protocol, submission), submission.context.round, submission.context.deadline

    for group, together in groupby(sorted(new, key=common), common):
        for chunk in _chunks(protocol, sender, group, list(together)):
            is_done = partial(_all_accepted, protocol, chunk)
            try:
                mined = sender.perform(_intent(protocol, chunk), _call(protocol, group, chunk), is_done)
            except Refused as refusal:
                if any(_accepted(protocol, submission) for submission in chunk):
                    return
                raise ChainError(f"{', '.join(submission.where for submission in chunk)}: {refusal}") from None
            for submission in chunk:
                accepted = _accepted(protocol, submission)
                if accepted is None:
                    return  # a reorganisation has undone it since
                ours = mined is not None and mined.hash == accepted.transaction
                gas_used = mined.gas_used if mined and ours else None
                done[submission.where] = Outcome(submission, accepted, not ours, gas_used, len(chunk))


def _intent(protocol: Protocol, chunk: Sequence[Submission]) -> tuple[str | int, ...]:
    hub = (protocol.chain.chain_id, protocol.hub.address)
    if len(chunk) == 1:
        return ("submit", *hub, *chunk[0].key)
    return ("submitBatch", *hub, keccak256(repr([submission.key for submission in chunk]).encode()).hex())


def _all_accepted(protocol: Protocol, chunk: Iterable[Submission], block: Block) -> bool:
    return all(_accepted(protocol, submission, block) for submission in chunk)


def _call(protocol: Protocol, group: tuple[int, int, int], chunk: Sequence[Submission]) -> Call:
    """``submit`` or ``submitBatch``. group: key, price round and deadline."""
    _, round, deadline = group
    if len(chunk) == 1:
        (one,) = chunk
        return protocol.hub.submission(one.context.vault_id, ProofArguments.from_proof(one.proof), round, deadline)
    batch = []
    for submission in chunk:
        proof, signals, context = ProofArguments.from_proof(submission.proof), submission.signals, submission.context
        points = (proof.a, proof.b, proof.c)
        batch.append((context.vault_id, context.sequence, signals.nav_floor, signals.commitment_after, points))
    return protocol.hub.call("submitBatch", *group, batch)


def _chunks(
    protocol: Protocol, sender: Sender, group: tuple[int, int, int], together: list[Submission]
) -> Iterator[list[Submission]]:
    """Parts of which each fits in a transaction, by halving."""
    if len(together) > 1 and not _fits(protocol, sender, _call(protocol, group, together)):
        middle = len(together) // 2
        yield from _chunks(protocol, sender, group, together[:middle])
        yield from _chunks(protocol, sender, group, together[middle:])
    else:
        yield together


def _fits(protocol: Protocol, sender: Sender, call: Call) -> bool:
    try:
        needed = protocol.chain.gas_limit(Question(call.to, call.data, sender.address), call.abi)
    except Refused as refusal:
        # More than the node lets a transaction have; for another refusal the driver gives the reason.
        return not refusal.answer and "(NotEnoughGas)" not in str(refusal)
    return needed <= min(protocol.chain.block_gas_limit() // _BLOCK_PARTS, _TRANSACTION_GAS)
