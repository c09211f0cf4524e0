"""The way to a chain: connecting, reading, and what goes wrong on it.

What the chain or the way to it does wrong becomes one ``ChainError``: for a revert, what the contract refused and what
to do. Reads are tried again if the connection breaks, a few times; nothing else is: whether a transaction was sent is
for ``transactions`` to find out.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from eth_utils import is_address, to_checksum_address
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import (
    BadFunctionCallOutput,
    BadResponseFormat,
    BlockNotFound,
    ContractLogicError,
    MismatchedABI,
    TimeExhausted,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.providers.rpc.utils import ExceptionRetryConfiguration
from web3.types import BlockIdentifier, TxData, TxParams, TxReceipt

from ..errors import ChainError, InputError, InsecureKey, NodeRefused, NodeUnreachable
from ..solidity.calldata import ProofArguments
from ..solidity.contracts import CompiledContract
from ..statement.constants import DEVELOPMENT_CHAIN_IDS
from .refusals import explain_revert

#: Gas for asking a verifier: as much as the hub gives it (``Groth16.GAS_CAP``), and the price of the call itself.
_VERIFY_GAS = 600_000 + 100_000

_REQUEST_SECONDS = 30
_MINING_SECONDS = 120

#: Reads may be asked again when the connection breaks. web3's own list is not used: it holds eth_sendRawTransaction.
_READS = ExceptionRetryConfiguration(
    errors=(requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError),
    retries=4,
    backoff_factor=0.125,  # seconds: 0.125, 0.25, 0.5
    method_allowlist=[
        "eth_accounts",
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
    ],
)


def is_loopback(rpc_url: str) -> bool:
    """Whether a URL leads to this machine by its loopback address."""
    host = urlsplit(rpc_url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Refused(ChainError):
    """The node answered, and the answer is no: a revert, or a request that it does not take.

    answer: what the node said of a request, "" for a revert. code: of a revert.
    """

    code = "node_refused"

    def __init__(self, message: str, answer: str = "", *, code: str | None = None):
        no_funds = "insufficient_funds" if "insufficient funds" in answer.lower() else None
        super().__init__(message, code=code or no_funds)
        self.answer = answer


class NoContract(ChainError):
    """There is no contract at the address, or it is another one."""

    code = "no_contract"


@dataclass(frozen=True)
class Receipt:
    """A transaction that was mined and did not revert. hash: hex with 0x. gas_used: gas. block: its number."""

    hash: str
    gas_used: int
    block: int


@dataclass(frozen=True)
class Chain:
    """A connection to a chain; make it with ``connect``.

    where: scheme, host and port of the node. The rest of the URL may hold an access key and is never shown.
    """

    web3: Web3 = field(repr=False)
    chain_id: int
    where: str
    local: bool

    @property
    def is_development(self) -> bool:
        """Whether this is a local development chain: its id says so and the node is on this machine."""
        return self.local and self.chain_id in DEVELOPMENT_CHAIN_IDS

    def accounts(self) -> list[str]:
        """Addresses of the accounts that the node holds unlocked; ChainError if it holds none."""
        with self.reporting():
            accounts: list[str] = [*self.web3.eth.accounts]
        if not accounts:
            raise ChainError(f"the node at {self.where} holds no unlocked account to send from", code="no_account")
        return accounts

    def now(self) -> int:
        """Timestamp of the newest block, Unix seconds."""
        with self.reporting():
            return self.web3.eth.get_block("latest")["timestamp"]

    def genesis_hash(self) -> str:
        """Hash of the first block, hex with 0x: the name of the chain, where an id is shared by many."""
        with self.reporting():
            return self.web3.eth.get_block(0)["hash"].to_0x_hex()

    def block_number(self) -> int:
        """Number of the newest block."""
        with self.reporting():
            return self.web3.eth.block_number

    def block_gas_limit(self) -> int:
        """Gas that all transactions of a block may use together."""
        with self.reporting():
            return self.web3.eth.get_block("latest")["gasLimit"]

    def timestamp(self, number: int) -> int:
        """Timestamp of a block, Unix seconds."""
        with self.reporting():
            return self.web3.eth.get_block(number)["timestamp"]

    def block_hash(self, number: int) -> str | None:
        """Hash of the block that has this number now, hex with 0x; None if there is none."""
        with self.reporting():
            try:
                return self.web3.eth.get_block(number)["hash"].to_0x_hex()
            except BlockNotFound:
                return None

    def transaction_in(self, number: int, sender: str, nonce: int) -> str | None:
        """Hash of a sender's transaction with a nonce in the block of this number, hex with 0x; None if it is not there."""
        with self.reporting():
            try:
                transactions = self.web3.eth.get_block(number, full_transactions=True)["transactions"]
            except BlockNotFound:
                return None
        wanted = (to_checksum_address(sender), nonce)
        for transaction in cast(Sequence[TxData], transactions):
            if (transaction["from"], transaction["nonce"]) == wanted:
                return transaction["hash"].to_0x_hex()
        return None

    def code(self, address: str) -> bytes:
        """The code of the contract at an address; empty if there is none."""
        with self.reporting():
            return bytes(self.web3.eth.get_code(to_checksum_address(address)))

    def transaction_count(self, address: str, block: BlockIdentifier = "latest") -> int:
        """How many transactions an account had sent by a block: the first nonce that was not used then."""
        with self.reporting():
            return self.web3.eth.get_transaction_count(to_checksum_address(address), block)

    def receipt(self, transaction: str) -> TxReceipt | None:
        """web3's receipt of a transaction (hash), reverted or not; None if it is in no block of the chain."""
        with self.reporting():
            try:
                return self.web3.eth.get_transaction_receipt(HexBytes(transaction))
            except TransactionNotFound:
                return None

    def transaction(self, transaction: str) -> TxData | None:
        """web3's view of a transaction (hash), in a block or waiting for one; None if the node does not have it."""
        with self.reporting():
            try:
                return self.web3.eth.get_transaction(HexBytes(transaction))
            except TransactionNotFound:
                return None

    def knows(self, transaction: str) -> bool:
        """Whether the node has a transaction (hash), in a block or waiting for one."""
        return self.transaction(transaction) is not None

    def require_contract(self, address: str) -> None:
        """NoContract if there is none at an address."""
        if not self.code(address):
            raise NoContract(f"there is no contract at {address} on chain {self.chain_id}; check the address and the chain")

    def base_fee_and_tip_wei(self) -> tuple[int, int]:
        """The newest block's base fee and the tip that the node suggests, per gas (EIP-1559)."""
        with self.reporting():
            base_fee_wei = self.web3.eth.get_block("latest").get("baseFeePerGas")
            tip_wei = self.web3.eth.max_priority_fee
        if base_fee_wei is None:
            raise ChainError(f"chain {self.chain_id} has no base fee (EIP-1559); it cannot be used")
        return base_fee_wei, tip_wei

    # Simulated at the pending block, whose clock is the one that counts: "latest" stands still on an idle local chain.

    def simulate(self, transaction: TxParams, abi: Sequence[dict[str, Any]] = ()) -> None:
        """Try a transaction without sending it; Refused, with the reason, if it would revert."""
        with self.reporting(abi):
            self.web3.eth.call(transaction, "pending")

    def gas_limit(self, transaction: TxParams, abi: Sequence[dict[str, Any]] = ()) -> int:
        """Gas for a transaction: the node's estimate and a tenth. Refused, with the reason, if it would revert."""
        with self.reporting(abi):
            return _with_margin(self.web3.eth.estimate_gas(transaction, "pending"))

    def deploy(self, artifact: CompiledContract, *arguments: Any, sender: str) -> tuple[str, Receipt]:
        """Deploy a contract; its address and the receipt."""
        with self.reporting(artifact.abi):
            contract = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
            constructor = contract.constructor(*arguments)
            gas = constructor.estimate_gas({"from": sender})
            transaction = constructor.transact({"from": sender, "gas": _with_margin(gas)})
            receipt, mined = self._mined(transaction)
        return receipt["contractAddress"], mined

    def deploy_verifier(self, artifact: CompiledContract, *, insecure: bool, sender: str) -> tuple[str, Receipt]:
        """Deploy a generated verifier. InsecureKey if its key is a development key and this is no development chain."""
        if insecure and not self.is_development:
            raise InsecureKey(
                f"{artifact.name} has an INSECURE development key, and {self.where} (chain {self.chain_id}) is no "
                "local development chain: anyone could forge proofs. Use a key from `dls-zk setup ceremony`"
            )
        return self.deploy(artifact, sender=sender)

    def verify(self, verifier: str, proof: ProofArguments) -> bool:
        """Ask a bare verifier contract; ChainError if there is none for this number of signals at the address."""
        with self.reporting():
            address = to_checksum_address(verifier)
            self.require_contract(address)
            try:
                answer = bytes(self.web3.eth.call({"to": address, "data": proof.verify_calldata(), "gas": _VERIFY_GAS}))
            except ContractLogicError:
                answer = b""
        if len(answer) != 32 or int.from_bytes(answer, "big") > 1:
            raise ChainError(f"the contract at {verifier} is no verifier for {len(proof.signals)} public signals")
        return int.from_bytes(answer, "big") == 1

    def contract(self, artifact: CompiledContract, address: str) -> Contract:
        """web3's view of a deployed contract; InputError if that is no address."""
        if not is_address(address):
            raise InputError("not an address (0x and 40 hex digits, with the right checksum if it has one)", artifact.name)
        return self.web3.eth.contract(to_checksum_address(address), abi=artifact.abi)

    def transact(self, function: ContractFunction, abi: Sequence[dict[str, Any]], sender: str) -> tuple[Any, Receipt]:
        """Simulate a call, so that a refusal costs nothing and has its reason; then send it and wait until it is mined.

        Returns web3's receipt (for the events) and ours.
        """
        with self.reporting(abi):
            function.call({"from": sender}, "pending")
            gas = function.estimate_gas({"from": sender}, "pending")
            return self._mined(function.transact({"from": sender, "gas": _with_margin(gas)}))

    def _mined(self, transaction: HexBytes) -> tuple[Any, Receipt]:
        sent = "0x" + bytes(transaction).hex()
        try:
            receipt = self.web3.eth.wait_for_transaction_receipt(transaction, timeout=_MINING_SECONDS)
        except TimeExhausted:
            raise ChainError(
                f"transaction {sent} was sent and not mined within {_MINING_SECONDS} s; it may still be: "
                "look it up before sending another"
            ) from None
        except (requests.RequestException, Web3Exception):
            raise ChainError(
                f"transaction {sent} was sent, then {self.where} stopped answering; look it up before sending another"
            ) from None
        if receipt["status"] != 1:
            message = f"transaction {sent} was mined and reverted; read the vault's state and try again"
            raise ChainError(message, code="transaction_reverted")
        return receipt, Receipt(sent, receipt["gasUsed"], receipt["blockNumber"])

    @contextmanager
    def reporting(self, abi: Sequence[dict[str, Any]] = ()) -> Iterator[None]:
        """Turn what goes wrong into one ChainError; a revert by the errors in ``abi``."""
        with reporting(self.where, abi):
            yield


@contextmanager
def reporting(where: str, abi: Sequence[dict[str, Any]] = ()) -> Iterator[None]:
    """Turn what web3 and requests raise into one ChainError, or InputError for a value that no contract takes.

    The texts of requests' errors hold the URL: not shown.
    """
    try:
        yield
    except ContractLogicError as error:
        refusal = explain_revert(abi, error.data)
        raise Refused(refusal.text, code=refusal.code) from None
    except BadFunctionCallOutput:
        raise NoContract("there is no such contract at the address; check it and the chain") from None
    except MismatchedABI:
        raise InputError("a value does not fit the type that the contract takes; check the numbers") from None
    except Web3RPCError as error:
        answer: Any = (error.rpc_response or {}).get("error")
        message = " ".join(str(answer.get("message") if isinstance(answer, dict) else "no reason given").split())[:200]
        raise Refused(f"{where} refused the request: {message}", message) from None
    except (BadResponseFormat, requests.JSONDecodeError, json.JSONDecodeError):
        raise NodeRefused(f"{where} is no Ethereum node: its answer is not JSON-RPC; check the URL") from None
    except requests.RequestException:
        raise NodeUnreachable(f"{where} does not answer; is the node running?") from None


def _with_margin(gas: int) -> int:
    """A gas limit a tenth over the estimate: what the chain's state costs may change until the transaction is mined."""
    return gas + gas // 10


def open_url(url: str, what: str, timeout_s: int) -> tuple[Web3, str]:
    """web3 on a JSON-RPC URL, and the part of the URL that may be shown: scheme, host and port. Asks nothing yet."""
    try:
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        parts = None
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ChainError(f"the {what} URL is not of the form http://host:port")
    session = requests.Session()
    session.trust_env = not is_loopback(url)  # a proxy from the environment cannot reach our loopback address
    provider = HTTPProvider(
        url, session=session, request_kwargs={"timeout": timeout_s}, exception_retry_configuration=_READS
    )
    return Web3(provider), where


def connect(rpc_url: str) -> Chain:
    """Connect to a node by HTTP; ChainError if it cannot be reached or is no Ethereum node."""
    web3, where = open_url(rpc_url, "RPC", _REQUEST_SECONDS)
    with reporting(where):
        return Chain(web3, web3.eth.chain_id, where, is_loopback(rpc_url))
