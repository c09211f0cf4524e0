"""What every client of a contract does: read, act once, and find events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from web3.contract import Contract
from web3.exceptions import LogTopicError
from web3.types import BlockIdentifier, LogReceipt

from ..errors import ChainError
from ..solidity.contracts import CompiledContract
from .connection import Chain
from .journal import IntentKey
from .transactions import Call, Mined, Sender

#: Blocks asked for events at a time: public nodes refuse more.
_LOG_BLOCKS = 10_000


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

    @property
    def contract(self) -> Contract:
        return self.chain.contract(self.artifact, self.address)

    def read(self, function: str, *arguments: Any, block: BlockIdentifier = "latest") -> Any:
        """What a view answers at a block."""
        with self.chain.reporting(self.artifact.abi):
            return self.contract.functions[function](*arguments).call(block_identifier=block)

    def call(self, function: str, *arguments: Any) -> Call:
        """What a transaction does that calls a function."""
        with self.chain.reporting():
            return Call.of(self.contract, function, *arguments)

    def act(
        self,
        sender: Sender,
        function: str,
        *arguments: Any,
        once: Sequence[str | int],
        is_done: Callable[[BlockIdentifier], bool] | None = None,
    ) -> Mined | None:
        """Call a function once: see ``Sender.perform``. once: tells this call from others of the function by the account."""
        key: IntentKey = (function, self.chain.chain_id, self.address, sender.address, *once)
        return sender.perform(key, self.call(function, *arguments), is_done)

    def said(self, mined: Mined, *names: str) -> dict[str, Any]:
        """The arguments of the one event of these names that a transaction of ours made here."""
        found = [event for event in self._decoded(mined.receipt["logs"]) if event.name in names]
        if len(found) != 1:
            raise ChainError(f"transaction {mined.summary.hash} made no {names[0]} at {self.address}; check the address")
        return found[0].arguments

    def events(self, first: int, last: int, topics: Sequence[Any] = ()) -> Iterator[Event]:
        """The events of these blocks, in their order. topics: as ``eth_getLogs`` takes them."""
        for start in range(first, last + 1, _LOG_BLOCKS):
            with self.chain.reporting():
                logs = self.chain.web3.eth.get_logs(
                    {
                        "address": self.contract.address,
                        "fromBlock": start,
                        "toBlock": min(start + _LOG_BLOCKS - 1, last),
                        "topics": list(topics),
                    }
                )
            yield from self._decoded(logs)

    def topic(self, name: str) -> str:
        """The first topic of the event of this name, hex with 0x."""
        return str(self.contract.events[name]().topic)

    def _decoded(self, logs: Sequence[LogReceipt]) -> Iterator[Event]:
        contract = self.contract
        names = [item["name"] for item in self.artifact.abi if item["type"] == "event"]
        by_topic = {self.topic(name): name for name in names}
        for log in logs:
            name = by_topic.get(log["topics"][0].to_0x_hex()) if log["topics"] else None
            if name is None or log["address"] != contract.address:
                continue
            try:
                arguments = dict(contract.events[name]().process_log(log)["args"])
            except LogTopicError:
                raise ChainError(f"the contract at {self.address} is not the one that this package knows") from None
            where = (log["blockNumber"], log["blockHash"].to_0x_hex(), log["logIndex"])
            yield Event(name, arguments, where, log["transactionHash"].to_0x_hex())
