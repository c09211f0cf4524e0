"""What is asked of a chain, in its own terms: blocks, accounts, transactions, calls.

What the chain or the way to it does wrong becomes one ``ChainError``: for a revert, what the contract refused and what
to do. An answer of another form than the question asks for is one too: no node is trusted to be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ChainError
from ..solidity.calldata import ProofArguments
from ..statement.constants import DEVELOPMENT_CHAIN_IDS
from ..statement.ethereum import checksum_address
from . import rpc
from .refusals import explain_revert
from .rpc import TIMEOUT_S, Refused, Rpc, is_loopback

if TYPE_CHECKING:
    from web3 import Web3

#: A block by its number, or the newest one, or the one that is being made, or the newest that is final.
Block = int | Literal["latest", "pending", "finalized"]

#: Gas for asking a verifier: as much as the hub gives it (``Groth16.GAS_CAP``), and the price of the call itself.
VERIFY_GAS = 600_000 + 100_000

#: The tip where a node suggests none, wei per gas.
_DEFAULT_TIP_WEI = 10**9


class NoContract(ChainError):
    """There is no contract at the address, or it is another one."""

    code = "no_contract"


@dataclass(frozen=True)
class Log:
    """An event as the chain has it. address: with checksum. transaction, block_hash: hex with 0x. index: its place."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes = field(repr=False)
    block: int
    block_hash: str
    index: int
    transaction: str


@dataclass(frozen=True)
class Receipt:
    """A transaction that was mined. hash: hex with 0x. succeeded: it did not revert. gas_used: gas. block: its number.

    contract_address: of the contract that it created, None if none.
    """

    hash: str
    succeeded: bool
    gas_used: int
    block: int
    block_hash: str
    contract_address: str | None
    logs: tuple[Log, ...] = field(repr=False)


@dataclass(frozen=True)
class SentTransaction:
    """A transaction that a node has, mined or not. to: with checksum, None if it creates a contract."""

    sender: str
    nonce: int
    to: str | None
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Question:
    """A call to be tried or asked, without its fees: so the balance does not matter. Addresses with checksum."""

    to: str | None
    data: bytes = field(repr=False)
    sender: str | None = None
    value_wei: int = 0
    gas: int | None = None

    def fields(self) -> dict[str, str]:
        """As JSON-RPC has it."""
        values = {"from": self.sender, "to": self.to, "gas": self.gas and hex(self.gas)}
        value = {"value": hex(self.value_wei)} if self.value_wei else {}
        return {name: text for name, text in values.items() if text} | {"data": "0x" + self.data.hex()} | value


def read_verdict(answer: bytes, verifier: str, proof: ProofArguments) -> bool:
    """What the verifier contract at an address answered; NoContract if it is no verifier for so many public signals."""
    if len(answer) != 32 or int.from_bytes(answer, "big") > 1:
        raise NoContract(f"the contract at {verifier} is no verifier for {len(proof.signals)} public signals")
    return int.from_bytes(answer, "big") == 1


@dataclass(frozen=True)
class Chain:
    """A connection to a chain; make it with ``connect``. local: whether all its endpoints are on this machine."""

    rpc: Rpc = field(repr=False)
    chain_id: int
    local: bool

    @property
    def where(self) -> str:
        """Scheme, host and port of the node. The rest of the URL may hold an access key and is never shown."""
        return self.rpc.where

    @property
    def is_development(self) -> bool:
        """Whether this is a local development chain: its id says so and the node is on this machine."""
        return self.local and self.chain_id in DEVELOPMENT_CHAIN_IDS

    @cached_property
    def web3(self) -> Web3:
        """web3 on the node, for what this package does not ask. Its errors are its own, and it takes a second to load."""
        from web3 import HTTPProvider, Web3
        from web3.middleware import ExtraDataToPOAMiddleware

        web3 = Web3(HTTPProvider(self.rpc.url))
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        return web3

    # --- blocks ---------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Timestamp of the newest block, Unix seconds."""
        return self._field(self._block("latest"), "timestamp")

    def genesis_hash(self) -> str:
        """Hash of the first block, hex with 0x: the name of the chain, where an id is shared by many."""
        return self._hash(self._block(0).get("hash"))

    def block_number(self) -> int:
        """Number of the newest block."""
        number = self._int(self.rpc.ask("eth_blockNumber"))
        self.rpc.saw(number)
        return number

    def block_gas_limit(self) -> int:
        """Gas that all transactions of a block may use together."""
        return self._field(self._block("latest"), "gasLimit")

    def timestamp(self, number: int) -> int:
        """Timestamp of a block, Unix seconds."""
        return self._field(self._block(number), "timestamp")

    def finalized(self) -> tuple[int, int]:
        """Number and timestamp (Unix seconds) of the newest block that is final by the chain's own rule."""
        block = self._block("finalized")
        return self._field(block, "number"), self._field(block, "timestamp")

    def block_hash(self, number: int) -> str | None:
        """Hash of the block that has this number now, hex with 0x; None if there is none."""
        block = self._find_block(number)
        return self._hash(block.get("hash")) if block else None

    def transaction_in(self, number: int, sender: str, nonce: int) -> str | None:
        """Hash of a sender's transaction with a nonce in the block of this number, hex with 0x; None if it is not there."""
        block = self._find_block(number, transactions=True)
        for transaction in self._list(block.get("transactions")) if block else []:
            sent = self._sent(transaction)
            if (sent.sender, sent.nonce) == (sender, nonce):
                return self._hash(transaction.get("hash"))
        return None

    def _find_block(self, block: Block, transactions: bool = False) -> dict[str, Any] | None:
        found = self.rpc.ask("eth_getBlockByNumber", _tag(block), transactions)
        if found is not None and not isinstance(found, dict):
            raise self._not_understood()
        return found

    def _block(self, block: Block) -> dict[str, Any]:
        found = self._find_block(block)
        if found is None:
            raise ChainError(f"{self.where} does not have block {block}; ask a node that does", code="node_behind")
        return found

    # --- accounts and transactions --------------------------------------------------------------------------------

    def accounts(self) -> list[str]:
        """Addresses of the accounts that the node holds unlocked; ChainError if it holds none."""
        accounts = [self._address(account) for account in self._list(self.rpc.ask("eth_accounts"))]
        if not accounts:
            raise ChainError(f"the node at {self.where} holds no unlocked account to send from", code="no_account")
        return accounts

    def code(self, address: str) -> bytes:
        """The code of the contract at an address; empty if there is none."""
        return self._bytes(self.rpc.ask("eth_getCode", address, "latest"))

    def balance(self, address: str, block: Block = "latest") -> int:
        """What an account holds of the chain's own coin at a block, in its smallest unit."""
        return self._int(self.rpc.ask("eth_getBalance", address, _tag(block)))

    def require_contract(self, address: str) -> None:
        """NoContract if there is none at an address."""
        if not self.code(address):
            raise NoContract(f"there is no contract at {address} on chain {self.chain_id}; check the address and the chain")

    def transaction_count(self, address: str, block: Block = "latest") -> int:
        """How many transactions an account had sent by a block: the first nonce that was not used then.

        A node without a pending block answers as of the newest.
        """
        return self._int(self._at(block, lambda tag: self.rpc.ask("eth_getTransactionCount", address, tag)))

    def receipt(self, transaction: str) -> Receipt | None:
        """The receipt of a transaction (hash), reverted or not; None if it is in no block of the chain."""
        found = self.rpc.ask("eth_getTransactionReceipt", transaction)
        if found is None or (isinstance(found, dict) and found.get("blockHash") is None):
            return None
        try:
            receipt = Receipt(
                hash=self._hash(found["transactionHash"]),
                succeeded=self._int(found["status"]) == 1,
                gas_used=self._int(found["gasUsed"]),
                block=self._int(found["blockNumber"]),
                block_hash=self._hash(found["blockHash"]),
                contract_address=found.get("contractAddress") and self._address(found["contractAddress"]),
                logs=tuple(map(self._log, self._list(found["logs"]))),
            )
        except (KeyError, TypeError, AttributeError):
            raise self._not_understood() from None
        if receipt.hash != transaction.lower():
            raise self._not_understood()
        self.rpc.saw(receipt.block)
        return receipt

    def transaction(self, transaction: str) -> SentTransaction | None:
        """A transaction (hash), in a block or waiting for one; None if the node does not have it."""
        found = self.rpc.ask("eth_getTransactionByHash", transaction)
        if found is None:
            return None
        if not isinstance(found, dict) or self._hash(found.get("hash")) != transaction.lower():
            raise self._not_understood()
        return self._sent(found)

    def knows(self, transaction: str) -> bool:
        """Whether the node has a transaction (hash), in a block or waiting for one."""
        return self.transaction(transaction) is not None

    def send(self, raw: bytes) -> None:
        """Send signed bytes, once. Refused if the node will not have them; any other ChainError: it may have them."""
        self.rpc.ask("eth_sendRawTransaction", "0x" + raw.hex())

    # --- fees -----------------------------------------------------------------------------------------------------

    def base_fee_and_tip_wei(self) -> tuple[int, int]:
        """The newest block's base fee and the tip that the node suggests, per gas (EIP-1559).

        A node that suggests none is asked what was paid in the newest blocks; one that does not know either: 1 gwei.
        """
        base_fee = self._block("latest").get("baseFeePerGas")
        if base_fee is None:
            raise ChainError(f"chain {self.chain_id} has no base fee (EIP-1559); it cannot be used")
        return self._int(base_fee), self._tip_wei()

    def _tip_wei(self) -> int:
        try:
            return self._int(self.rpc.ask("eth_maxPriorityFeePerGas"))
        except Refused:
            pass
        try:
            history = self.rpc.ask("eth_feeHistory", hex(10), "latest", [50])
        except Refused:
            return _DEFAULT_TIP_WEI
        rewards = history.get("reward") if isinstance(history, dict) else None
        paid = sorted(self._int(one) for reward in self._list(rewards or []) for one in self._list(reward))
        return paid[len(paid) // 2] if paid else _DEFAULT_TIP_WEI

    # --- calls ----------------------------------------------------------------------------------------------------

    # Simulated at the pending block, whose clock is the one that counts: "latest" stands still on an idle local chain.

    def call(
        self,
        question: Question,
        block: Block = "latest",
        errors: Sequence[dict[str, Any]] = (),
        code: bytes | None = None,
    ) -> bytes:
        """What a call returns at a block; of a creation, the code of the contract. Refused, with the reason, if it reverts.

        errors: an ABI that has its errors. code: what to run instead of what is at the address.
        """
        fields = question.fields()
        override = [] if code is None else [{question.to: {"code": "0x" + code.hex()}}]
        ask = self._explaining(errors, lambda tag: self.rpc.ask("eth_call", fields, tag, *override))
        return self._bytes(self._at(block, ask))

    def simulate(self, question: Question, errors: Sequence[dict[str, Any]] = ()) -> None:
        """Try a transaction without sending it; Refused, with the reason, if it would revert."""
        self.call(question, "pending", errors)

    def gas_limit(self, question: Question, errors: Sequence[dict[str, Any]] = ()) -> int:
        """Gas for a transaction: the node's estimate and a tenth. Refused, with the reason, if it would revert."""
        fields = question.fields()
        estimate = self._explaining(errors, lambda tag: self.rpc.ask("eth_estimateGas", fields, tag))
        gas = self._int(self._at("pending", estimate))
        return gas + gas // 10  # what the chain's state costs may change until the transaction is mined

    def verify(self, verifier: str, proof: ProofArguments, code: bytes | None = None) -> bool:
        """Ask a bare verifier contract; ChainError if there is none for this number of signals at the address.

        code: that of the verifier, if it is not there.
        """
        if code is None:
            self.require_contract(verifier)
        try:
            answer = self.call(Question(verifier, proof.verify_calldata(), gas=VERIFY_GAS), code=code)
        except Refused as refusal:
            if refusal.revert is None:
                raise
            answer = b""
        return read_verdict(answer, verifier, proof)

    def logs(self, address: str, first: int, last: int, topics: Sequence[str | None] = ()) -> Iterator[Log]:
        """The logs of a contract in these blocks, in their order. topics: as ``eth_getLogs`` takes them."""
        for part in self.rpc.logs({"address": address, "topics": list(topics)}, first, last):
            yield from map(self._log, part)

    def _explaining(self, errors: Sequence[dict[str, Any]], ask: Callable[[str], Any]) -> Callable[[str], Any]:
        def asked(tag: str) -> Any:
            try:
                return ask(tag)
            except Refused as refusal:
                if refusal.revert is None:
                    raise
                why = explain_revert(errors, "0x" + refusal.revert.hex())
                raise Refused(why.text, revert=refusal.revert, code=why.code) from None

        return asked

    def _at(self, block: Block, ask: Callable[[str], Any]) -> Any:
        """Ask at a block; of a node that has no pending block, at the newest one."""
        try:
            return ask(_tag(block))
        except Refused as refusal:
            if block != "pending" or refusal.revert is not None:
                raise
            try:
                return ask("latest")
            except Refused as newer:
                raise (newer if newer.revert is not None else refusal) from None

    # --- answers --------------------------------------------------------------------------------------------------

    def _not_understood(self) -> ChainError:
        return rpc.not_understood(self.where)

    def _int(self, value: object) -> int:
        return rpc.as_int(value, self.where)

    def _bytes(self, value: object) -> bytes:
        return rpc.as_bytes(value, self.where)

    def _hash(self, value: object) -> str:
        return "0x" + rpc.as_bytes(value, self.where, 32).hex()

    def _address(self, value: object) -> str:
        return checksum_address("0x" + rpc.as_bytes(value, self.where, 20).hex())

    def _list(self, value: object) -> list[Any]:
        if not isinstance(value, list):
            raise self._not_understood()
        return value

    def _field(self, block: dict[str, Any], name: str) -> int:
        return self._int(block.get(name))

    def _sent(self, fields: object) -> SentTransaction:
        if not isinstance(fields, dict):
            raise self._not_understood()
        to = fields.get("to")
        return SentTransaction(
            sender=self._address(fields.get("from")),
            nonce=self._int(fields.get("nonce")),
            to=None if to is None else self._address(to),
            data=self._bytes(fields.get("input", fields.get("data"))),
        )

    def _log(self, fields: object) -> Log:
        if not isinstance(fields, dict):
            raise self._not_understood()
        return Log(
            address=self._address(fields.get("address")),
            topics=tuple(self._bytes(topic) for topic in self._list(fields.get("topics"))),
            data=self._bytes(fields.get("data")),
            block=self._int(fields.get("blockNumber")),
            block_hash=self._hash(fields.get("blockHash")),
            index=self._int(fields.get("logIndex")),
            transaction=self._hash(fields.get("transactionHash")),
        )


def _tag(block: Block) -> str:
    return hex(block) if isinstance(block, int) else block


def connect(*rpc_urls: str, timeout_s: float = TIMEOUT_S) -> Chain:
    """Connect to a node by HTTP; ChainError if it cannot be reached or is no Ethereum node.

    Further URLs stand in for the first where it fails. timeout_s: seconds that a read takes at most.
    """
    way = Rpc(rpc_urls, timeout_s=timeout_s)
    chain_id = rpc.as_int(way.ask("eth_chainId"), way.where)
    return Chain(way, chain_id, all(map(is_loopback, rpc_urls)))
