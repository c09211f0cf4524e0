"""What every client of a contract does: read, act once, and find events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ChainError, InputError
from ..solidity.abi import Mismatch
from ..solidity.contracts import CompiledContract
from ..statement.ethereum import checksum_address, is_address
from .connection import Block, Chain, Log, NoContract, Question, Receipt, Refused
from .journal import IntentKey
from .transactions import Call, Period, Sender


@dataclass(frozen=True)
class Event:
    """An event of a contract. where: block number, hash of the block, place in the block. transaction: hash, hex with 0x."""

    name: str
    arguments: dict[str, Any]
    where: tuple[int, str, int]
    transaction: str

    @property
    def block(self) -> int:
        return self.where[0]


@dataclass(frozen=True)
class Client:
    """A contract at an address. What reads or acts raises ChainError, with what the contract refuses in words."""

    chain: Chain
    artifact: CompiledContract = field(repr=False)
    address: str

    def __post_init__(self) -> None:
        if not is_address(self.address):
            raise InputError(
                "not an address (0x and 40 hex digits, with the right checksum if it has one)", self.artifact.name
            )
        object.__setattr__(self, "address", checksum_address(self.address))

    def read(self, function: str, *arguments: Any, block: Block = "latest") -> Any:
        """What a view answers at a block: its one value, or a tuple of several."""
        call = self.call(function, *arguments)
        answer = self.chain.call(Question(call.to, call.data), block, call.abi)
        try:
            return self.artifact.functions[function].answer(answer)
        except Mismatch:
            raise NoContract(f"there is no such contract at {self.address}; check it and the chain") from None

    def call(self, function: str, *arguments: Any) -> Call:
        """What a transaction does that calls a function. InputError if an argument does not fit its type."""
        return Call.of(self.artifact, self.address, function, *arguments)

    def act(
        self,
        sender: Sender,
        function: str,
        *arguments: Any,
        once: Sequence[str | int] = (),
        period: Period = "ever",
        is_done: Callable[[Block], bool] | None = None,
        stands: Callable[[Receipt], bool] | None = None,
    ) -> Receipt | None:
        """Call a function once: see ``Sender.perform``. once: tells this call from others of the function by the account."""
        key, call = (*self._calls(sender, function), *once), self.call(function, *arguments)
        return sender.perform(key, call, is_done, period=period, stands=stands)

    def is_interrupted(self, sender: Sender, function: str, *once: str | int) -> bool:
        """Whether a run that was cut off made just this call (``once``, as in ``act``), so that making it finds its end."""
        return bool(sender.interrupted((*self._calls(sender, function), *once)))

    def _calls(self, sender: Sender, function: str) -> IntentKey:
        """How the keys of an account's calls of a function begin."""
        return function, self.chain.chain_id, self.address, sender.address

    def add(self, sender: Sender, function: str, view: str, *arguments: Any, name: bytes | None = None) -> bytes:
        """Add something that the contract names by its content, and return the name; nothing is sent if it is there.

        view: the function that reads it by its name, and refuses a name that it does not know. name: as the caller computes
        it; without one, as the contract says.
        """
        if name is None:
            name = bytes(self.read(function, *arguments))

        def is_there(block: Block) -> bool:
            try:
                self.read(view, name, block=block)
            except Refused as refusal:
                if refusal.code != "unknown_id":
                    raise
                return False
            return True

        self.act(sender, function, *arguments, once=(name.hex(),), is_done=is_there)
        return name

    def said(self, mined: Receipt, *names: str) -> dict[str, Any]:
        """The arguments of the one event of these names that a transaction of ours made here."""
        found = [event for event in self._decoded(mined.logs) if event.name in names]
        if len(found) != 1:
            raise ChainError(f"transaction {mined.hash} made no {names[0]} at {self.address}; check the address")
        return found[0].arguments

    def events(self, first: int, last: int, topics: Sequence[str | None] = ()) -> Iterator[Event]:
        """The events of these blocks, in their order. topics: as ``eth_getLogs`` takes them."""
        return self._decoded(self.chain.logs(self.address, first, last, topics))

    def topic(self, name: str) -> str:
        """The first topic of the event of this name, hex with 0x."""
        return "0x" + self.artifact.events[name].digest.hex()

    def _decoded(self, logs: Iterable[Log]) -> Iterator[Event]:
        by_topic = {event.digest: event for event in self.artifact.events.values()}
        for log in logs:
            event = by_topic.get(log.topics[0]) if log.topics else None
            if event is None or log.address != self.address:
                continue
            try:
                arguments = event.event(log.topics, log.data)
            except Mismatch:
                raise ChainError(f"the contract at {self.address} is not the one that this package knows") from None
            yield Event(event.name, arguments, (log.block, log.block_hash, log.index), log.transaction)
