"""One effect for each intent, whatever breaks on the way: a process that is killed, a connection, a pool, a block.

``Sender.perform`` brings one intent onto the chain. It may be cut off anywhere and called again, by this process or another;
what happened it asks the chain, and what was signed is in the journal before it is sent. Four rules make it safe:

1. All attempts at an intent have one nonce, so at most one of them is ever mined. Another nonce is taken only when the
   transaction that used that one, deep enough in the chain, was seen, and is none of them, or is one that reverted. That
   no receipt is found proves nothing: behind one URL there may be nodes that are not equally far.
2. A sender has one open nonce at a time. Processes queue for it, and the next one first ends what an earlier one left.
3. A nonce is taken only when the node has no transaction of the account waiting that the journal does not know.
4. Raw bytes are sent again only when the node says that it does not have them, and they would still do what they should.

A command that was cut off and runs again finds what it sent before, whoever saw it through: the journal knows which intents
were not reported to the command that asked (``perform``'s ``period``, and ``Sender.ends``).

The same loop does the first sending and every repair: see ``Sender._advance``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import ChainError, InputError, NodeRefused, TransactionPending
from ..solidity.abi import Mismatch
from ..solidity.contracts import CompiledContract
from ..statement.ethereum import keccak256
from ..storage import disk
from .connection import Block, Chain, NoContract, Question, Receipt
from .eip1559 import Transaction, parse
from .journal import Attempt, Intent, IntentKey, IntentStatus, Journal, opened
from .rpc import Refused
from .signers import Signer

#: How often an intent is signed anew because other transactions of the account took its nonce.
_ROUNDS = 10

_GWEI = 10**9

#: The tip that a node suggests is believed up to this, or up to the base fee if that is more. What goes beyond it is no
#: price that Ethereum or its rollups ask when nothing is wrong; a transaction that needs more is stuck, and replaced.
_TIP_BELIEVED_WEI = 5 * _GWEI

# What nodes say to raw bytes that they have or had already, and to bytes that offer too little: for the base fee, for the
# pool, or to take the place of others. The words differ from one node to the next.
_NO_NEWS = re.compile(r"(?i)already (known|imported|exists)|alreadyknown|known transaction|nonce (is )?too low|oldnonce")
_TOO_LITTLE = re.compile(r"(?i)underpriced|replac|fee ?too ?low|fee.*less than|below configured minimum")


@dataclass(frozen=True)
class Call:
    """What a transaction does. to: address with checksum, None to deploy. abi: holds the errors that it can revert with."""

    to: str | None
    data: bytes = field(repr=False)
    value_wei: int = 0
    abi: Sequence[dict[str, Any]] = field(default=(), repr=False)

    @classmethod
    def of(cls, artifact: CompiledContract, address: str, function: str, *arguments: Any) -> Call:
        """The call of a contract's function. InputError if an argument does not fit its type."""
        with _fitting():
            return cls(address, artifact.functions[function].call(arguments), abi=artifact.abi)

    @classmethod
    def deploying(cls, artifact: CompiledContract, *arguments: Any) -> Call:
        """The creation of a contract. Its address is in the receipt. InputError if an argument does not fit its type."""
        with _fitting():
            return cls(None, artifact.creation_code(*arguments), abi=artifact.abi)


@contextmanager
def _fitting() -> Iterator[None]:
    try:
        yield
    except Mismatch:
        raise InputError("a value does not fit the type that the contract takes; check the numbers") from None


@dataclass(frozen=True)
class Delivery:
    """How a transaction is brought onto the chain.

    confirmations: blocks that must hold or follow it, from 1 (the one that it is in counts) to the 128 whose states a node
    without an archive keeps. poll_s: seconds between looks at the chain. stuck_after_s: seconds without being mined after
    which it is replaced by one with higher fees. give_up_after_s: seconds without any news after which to stop; what was
    signed stays in the journal. max_fee_cap_wei: never offer more than this per gas; 500 gwei is several times what a busy
    day asks, and bounds what a node can make an account spend that names any price.
    """

    confirmations: int = 12
    poll_s: float = 3
    stuck_after_s: float = 90
    give_up_after_s: float = 1800
    max_fee_cap_wei: int = 500 * _GWEI

    @classmethod
    def on(cls, chain: Chain, **changes: Any) -> Delivery:
        """The defaults for a chain: a local development chain has one process and no reorganisations."""
        return cls(**({"confirmations": 1, "poll_s": 0.1} if chain.is_development else {}) | changes)


class _Watch:
    """What this process has seen of attempts that wait to be mined."""

    def __init__(self) -> None:
        self.too_low: set[str] = set()  # they offer too little: not to be sent again as they are
        self.refused: dict[IntentKey, str] = {}  # intents that ended without effect, and the code of why
        self._since: dict[str, float] = {}

    def seconds(self, attempt: Attempt) -> float:
        """How long an attempt has been waited for."""
        return time.monotonic() - self._since.setdefault(attempt.hash, time.monotonic())

    def restart(self, attempt: Attempt) -> None:
        self._since[attempt.hash] = time.monotonic()
        self.too_low.discard(attempt.hash)


def _an_eighth_over(wei: int) -> int:
    return max(-(-wei * 9 // 8), wei + 1)


#: How long equal calls are one effect: for ever; within a numbered period; or for one run, with those that repeat it because
#: its end was not reported.
Period = int | Literal["ever", "run"]


@dataclass(frozen=True)
class End:
    """What an intent came to. found: it was signed before, by a run that was cut off or for an equal call."""

    key: IntentKey
    mined: Receipt
    found: bool


@dataclass(frozen=True)
class Sender:
    """An account that acts on a chain, with the folder that holds its journal.

    progress(what, done, of) is called while there is something to wait for. ends: where ``perform`` puts what intents came
    to, until ``report`` records that a person or a program was told; without it, the return of ``perform`` is the report.
    """

    chain: Chain
    signer: Signer
    folder: Path
    delivery: Delivery
    progress: Callable[[str, int, int], None] = field(default=lambda what, done, of: None, repr=False)
    ends: list[End] | None = field(default=None, repr=False, compare=False)

    @property
    def address(self) -> str:
        return self.signer.address

    def perform(
        self,
        key: IntentKey,
        call: Call,
        is_done: Callable[[Block], bool] | None = None,
        *,
        period: Period = "ever",
        stands: Callable[[Receipt], bool] | None = None,
    ) -> Receipt | None:
        """Bring about the effect of a call once, and wait until it is confirmed.

        key: what the intent is known by. The same key, however often and from however many processes, is one effect; the
        call is then the one that was signed first. is_done(block): whether the state at a block has the effect already,
        whoever brought it about, and from then on for ever; without it the journal alone knows. The result is None if
        the effect is there and no transaction of this intent brought it about.

        period: how long the same key is one effect. Beyond that it is begun anew, unless the end of the last one was not
        reported: then this run repeats the one that was cut off, and returns its transaction. stands(mined): whether what
        that did matters now; where it does not any more, the effect is begun anew.

        Refused if the contract or the node will not take the call, or if it was mined and reverted. ChainError if it
        cannot be said yet what came of it: then the same is to be done again. InputError if the journal cannot be written;
        nothing is sent that is not in it.
        """
        asked, signed = key, set()
        with self._turn() as journal:
            for _ in range(_ROUNDS):
                key, fresh = self._keys(journal, asked, period)
                ended = self._settle(journal, key, call)
                intent = journal.find(key)
                if intent and intent.status is IntentStatus.CONFIRMED:
                    if not (mined := self._still_there(intent)):
                        journal.reopen(intent)
                    elif key not in signed and stands and not stands(mined):
                        journal.report([key])
                    else:
                        return self._ended(journal, End(key, mined, key not in signed))
                    continue
                turns, nonce = self.chain.rpc.turns, self._free_nonce()
                if intent and self._may_be_mined(journal, intent, nonce):
                    journal.reopen(intent)
                    continue
                # Asked after the nonce was: another machine that brings the effect about from now on needs that nonce too.
                if is_done and self._is_done(is_done):
                    return None
                if intent and intent.status is IntentStatus.PENDING:
                    raise ChainError(f"{intent.sender} has begun this; go on from that account", code="not_authorized")
                if intent and key in ended and intent.reason:
                    raise Refused(intent.reason, code=ended[key])
                if key != fresh:  # it came to nothing in an earlier period
                    journal.report([key])
                    continue
                transaction = self._prepared(call, nonce)
                if self.chain.rpc.turns == turns:  # else another node answered in part, which may not be equally far
                    self._sign(journal, key, transaction)
                    signed.add(key)
        message = f"other transactions of {self.address} took the nonce {_ROUNDS} times; run this again later"
        raise ChainError(message, code="nonce_taken")

    def interrupted(self, beginning: IntentKey) -> list[IntentKey]:
        """The keys that begin with this and go on, of the account's intents that are or may be done, and whose end was not
        reported: what repeats them finds them."""
        told = {end.key for end in self.ends or ()}
        with opened(self.folder, self.chain.genesis_hash()) as journal:
            found = [one for one in journal.under(beginning) if one.sender == self.address and not one.is_reported]
        alive = (IntentStatus.PENDING, IntentStatus.CONFIRMED)
        return [one.key for one in found if one.status in alive and one.key not in told]

    def report(self) -> None:
        """Record that whoever asked was told what is in ``ends``: equal calls from now on are new ones."""
        if self.ends:
            with opened(self.folder, self.chain.genesis_hash()) as journal:
                journal.report(end.key for end in self.ends)

    def _keys(self, journal: Journal, key: IntentKey, period: Period) -> tuple[IntentKey, IntentKey]:
        """The key of the intent that a call is, and the one that it has if it is begun now."""
        if period == "ever":
            return key, key
        newest = journal.newest(key)
        told = newest is None or newest.is_reported or any(end.key == newest.key for end in self.ends or ())
        if period == "run":
            number = 1 if newest is None else int(newest.key[-1]) + told
            return (*key, number), (*key, number)
        return (*key, period) if newest is None or told else newest.key, (*key, period)

    def _ended(self, journal: Journal, end: End) -> Receipt:
        if self.ends is None:
            journal.report([end.key])
        else:
            self.ends.append(end)
        return end.mined

    def _may_be_mined(self, journal: Journal, intent: Intent, nonce: int) -> bool:
        """Whether a node may have taken an attempt that it refused, before the intent gets the ``nonce`` that is free."""
        if intent.status is IntentStatus.REFUSED and intent.nonce < nonce:
            return True  # something used its nonce: what it was is to be seen
        return intent.status is not IntentStatus.REVERTED and self._receipt(journal.attempts(intent)) is not None

    @contextmanager
    def _turn(self) -> Iterator[Journal]:
        """The journal, once no other process sends from this account on this chain."""
        with opened(self.folder, self.chain.genesis_hash()) as journal:
            self.progress("waiting for other processes that send", 0, 1)
            with disk.locked(self.folder / f"{self.chain.chain_id}-{self.address}"):
                yield journal

    # --- ending what is open ------------------------------------------------------------------------------------

    def _settle(self, journal: Journal, key: IntentKey, call: Call) -> dict[IntentKey, str | None]:
        """End every open intent of the account, lowest nonce first; by their keys the codes of those that were refused or
        reverted. ``call`` is that of the intent ``key``."""
        ended: dict[IntentKey, str | None] = {}
        watch, news, ticks = _Watch(), None, self._ticks()
        intent = None
        try:
            while still_open := journal.unsettled(self.address, self.chain.transaction_count(self.address)):
                intent = still_open[0]
                depth = self._advance(journal, intent, call.abi if intent.key == key else (), watch)
                if depth is None:
                    ended[intent.key] = watch.refused.pop(intent.key, None)
                if (intent.key, depth) != news:
                    news, ticks = (intent.key, depth), self._ticks()
                if not next(ticks, False):
                    raise ChainError(self._given_up(intent, depth))
        except ChainError as error:
            begun = journal.find(key)
            if not intent and begun and begun.status is IntentStatus.PENDING:  # signed a moment ago, and not looked at yet
                intent = begun
            if not intent:
                raise
            raise TransactionPending(
                f"{error}; transaction {intent.hash} (nonce {intent.nonce}) may be mined all the same: run this again",
                code=error.code if isinstance(error, NodeRefused) else None,
                after=error.after,
            ) from None
        return ended

    def _advance(self, journal: Journal, intent: Intent, abi: Sequence[dict[str, Any]], watch: _Watch) -> int | None:
        """One look at an open intent, and one step on. How deep in the chain it is, 0: not mined; None: it has ended."""
        if intent.status is not IntentStatus.PENDING:
            journal.reopen(intent)  # a reorganisation has undone it
        attempts = journal.attempts(intent)
        latest = self.chain.block_number()
        used = self.chain.transaction_count(self.address)
        used_for_good = self.chain.transaction_count(self.address, self._deep(latest))
        # The receipts after the counts: if one of ours has used the nonce by then, its receipt is there.
        if receipt := self._receipt(attempts):
            depth = max(latest - receipt.block + 1, 0)
            if depth < self.delivery.confirmations:
                self.progress("waiting for confirmations", depth, self.delivery.confirmations)
                return depth
            if not self._record(journal, intent, receipt):
                watch.refused[intent.key] = "transaction_reverted"
            return None
        if used_for_good > intent.nonce:
            taken_by = self._taken_by(intent.nonce, self._deep_number(latest))
            if taken_by is None or taken_by in [attempt.hash for attempt in attempts]:
                self.progress("waiting for the node's answers to fit together", 0, self.delivery.confirmations)
                return 0
            journal.settle(intent, IntentStatus.REPLACED, intent.hash)
            return None
        self.progress("waiting to be mined", 0, self.delivery.confirmations)
        if used == intent.nonce and not self._push(journal, intent, attempts, abi, watch):
            return None
        return 0

    def _push(
        self, journal: Journal, intent: Intent, attempts: list[Attempt], abi: Sequence[dict[str, Any]], watch: _Watch
    ) -> bool:
        """Send what the node does not have, replace what is stuck. False if the node would not have it: it has ended."""
        newest = attempts[-1]
        known = [self.chain.knows(attempt.hash) for attempt in attempts]
        if not known[-1] and newest.hash not in watch.too_low:
            try:
                if not any(known):  # else the pending block has its effect already
                    transaction = parse(newest.raw)
                    self.chain.simulate(self._unsigned(transaction), abi)
                self._send(newest, watch)
            except Refused as refusal:
                if any(known):
                    watch.too_low.add(newest.hash)
                elif not self._receipt(attempts):
                    journal.settle(intent, IntentStatus.REFUSED, newest.hash, reason=str(refusal))
                    watch.refused[intent.key] = refusal.code
                    return False
        elif watch.seconds(newest) >= self.delivery.stuck_after_s:
            transaction = parse(newest.raw)
            if fees := self._fees(transaction):
                self._sign(journal, intent.key, replace(transaction, max_fee_wei=fees[0], tip_wei=fees[1]))
            watch.restart(newest)
        return True

    def _send(self, attempt: Attempt, watch: _Watch) -> None:
        try:
            self.chain.send(attempt.raw)
        except Refused as refusal:
            if _TOO_LITTLE.search(refusal.answer):
                watch.too_low.add(attempt.hash)
            elif not _NO_NEWS.search(refusal.answer):
                raise
        except ChainError:
            pass  # the connection broke: the next look at the chain tells whether it was sent

    def _record(self, journal: Journal, intent: Intent, receipt: Receipt) -> bool:
        """Record what became of an intent that was mined; whether it had its effect."""
        if receipt.succeeded:
            status, reason = IntentStatus.CONFIRMED, ""
        else:
            reason = f"transaction {receipt.hash} was mined and reverted; read the state and try again"
            status = IntentStatus.REVERTED
        journal.settle(intent, status, receipt.hash, (receipt.block, receipt.block_hash), reason)
        return status is IntentStatus.CONFIRMED

    def _still_there(self, intent: Intent) -> Receipt | None:
        """A confirmed intent's transaction; None if its block is not in the chain any more."""
        assert intent.block_number is not None  # it is written with the status
        block_hash = self.chain.block_hash(intent.block_number)
        if block_hash is None:  # a node that is behind; a reorganisation would have put another block there
            message = f"{self.chain.where} does not have the block of {intent.hash} yet; ask again, or another node"
            raise ChainError(message, code="node_behind")
        if block_hash != intent.block_hash:
            return None
        receipt = self.chain.receipt(intent.hash)
        if receipt is None:
            message = f"{self.chain.where} has the block of {intent.hash} but not its receipt; ask another node"
            raise ChainError(message, code="node_behind")
        return receipt

    def _given_up(self, intent: Intent, depth: int | None) -> str:
        """Why an intent is still open."""
        used = self.chain.transaction_count(self.address)
        if used < intent.nonce:
            return (
                f"nonce {used} of {self.address} is free again: a transaction that is not in the journal was dropped; "
                "send one with that nonce"
            )
        if used > intent.nonce and depth == 0:
            return (
                f"nonce {intent.nonce} of {self.address} is used, and {self.chain.where} shows nothing deep enough that "
                "used it: its answers do not fit together yet; ask again, or another node"
            )
        return f"no news for {self.delivery.give_up_after_s} s"

    # --- signing ------------------------------------------------------------------------------------------------

    def _free_nonce(self) -> int:
        """The next nonce, once the node has no transaction of the account waiting."""
        for _ in self._ticks():
            used = self.chain.transaction_count(self.address)
            if self.chain.transaction_count(self.address, "pending") <= used:
                return used
            self.progress("waiting for another transaction of the account", 0, 1)
        raise ChainError(
            f"{self.chain.where} holds a transaction of {self.address} with nonce {used} that is not in the journal; "
            "let it be mined, or replace it, then run this again",
            code="nonce_taken",
        )

    def _is_done(self, is_done: Callable[[Block], bool]) -> bool:
        """Whether the effect is there; waits while it is, but not yet deep enough."""
        for _ in self._ticks():
            deep = self._deep(self.chain.block_number())
            if not is_done("latest"):
                return False
            with suppress(NoContract, Refused):  # that deep it was not there yet
                if deep == "latest" or is_done(deep):
                    return True
            self.progress("waiting for confirmations of what another transaction did", 0, self.delivery.confirmations)
        raise TransactionPending("another transaction did this, and it is still not confirmed; run this again")

    def _prepared(self, call: Call, nonce: int) -> Transaction:
        if call.to:
            self.chain.require_contract(call.to)  # a call of what is no contract succeeds, and does nothing
        fees = self._fees()
        if not fees:
            message = f"the base fee is above the cap of {self.delivery.max_fee_cap_wei} wei; wait, or raise the cap"
            raise ChainError(message, code="fee_above_cap")
        transaction = Transaction(self.chain.chain_id, nonce, call.to, call.data, call.value_wei, 0, *fees)
        return replace(transaction, gas=self.chain.gas_limit(self._unsigned(transaction), call.abi))

    def _unsigned(self, transaction: Transaction) -> Question:
        """What is simulated: without fees, so that the balance does not matter yet."""
        gas = transaction.gas or None
        return Question(transaction.to, transaction.data, self.address, transaction.value_wei, gas)

    def _fees(self, replaced: Transaction | None = None) -> tuple[int, int] | None:
        """Fee and tip per gas in wei: room for the base fee to double. None if the cap does not allow it.

        To replace a transaction, both an eighth over its own: nodes ask for a tenth.
        """
        base_wei, tip_wei = self.chain.base_fee_and_tip_wei()
        tip_wei = min(tip_wei, max(base_wei, _TIP_BELIEVED_WEI))
        least_fee_wei, least_tip_wei = base_wei, 0
        if replaced:
            least_fee_wei = max(base_wei, _an_eighth_over(replaced.max_fee_wei))
            least_tip_wei = _an_eighth_over(replaced.tip_wei)
        tip_wei = max(tip_wei, least_tip_wei)
        fee_wei = min(max(2 * base_wei + tip_wei, least_fee_wei), self.delivery.max_fee_cap_wei)
        tip_wei = min(tip_wei, fee_wei)
        return (fee_wei, tip_wei) if fee_wei >= least_fee_wei and tip_wei >= least_tip_wei else None

    def _sign(self, journal: Journal, key: IntentKey, transaction: Transaction) -> None:
        """Sign and record. Nothing is sent here: what is in the journal is sent by ``_push``."""
        raw = self.signer.sign(transaction)
        journal.add(key, self.address, transaction.nonce, Attempt("0x" + keccak256(raw).hex(), raw))

    # --- looking and waiting ------------------------------------------------------------------------------------

    def _receipt(self, attempts: Sequence[Attempt]) -> Receipt | None:
        """The receipt of the attempt that was mined, if one was."""
        return next((receipt for attempt in attempts[::-1] if (receipt := self.chain.receipt(attempt.hash))), None)

    def _taken_by(self, nonce: int, last: int) -> str | None:
        """Hash of the account's transaction with this nonce, found in its block; None if no block up to ``last`` shows it.

        Steps back twice as far each time, then halves: a node without an archive has the states of the newest blocks only.
        """

        def is_used(number: int) -> bool:
            return self.chain.transaction_count(self.address, number) > nonce

        by, step = last, 1
        while by >= step and is_used(by - step):
            by, step = by - step, 2 * step
        before = max(by - step, -1)
        while by - before > 1:
            middle = (before + by) // 2
            before, by = (before, middle) if is_used(middle) else (middle, by)
        return self.chain.transaction_in(by, self.address, nonce)

    def _deep(self, latest: int) -> Block:
        """The newest block that is deep enough."""
        return self._deep_number(latest) if self.delivery.confirmations > 1 else "latest"

    def _deep_number(self, latest: int) -> int:
        return max(latest - self.delivery.confirmations + 1, 0)

    def _ticks(self) -> Iterator[bool]:
        """Ticks for a loop that waits: the first at once, the others further and further apart, until it is time to stop."""
        started, pause_s = time.monotonic(), 0.01
        while time.monotonic() - started <= self.delivery.give_up_after_s:
            yield True
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, self.delivery.poll_s)
