"""The chain: deploying the contracts, and a client for the hub and for the development oracle.

The only module with web3. What the chain or the way to it does wrong becomes one ``ChainError``: for a revert, what the
contract refused and what to do. Transactions are signed by the node that the URL leads to, with an account that it
holds unlocked, so no private key passes through here.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

import requests
from eth_abi import decode
from eth_utils import function_signature_to_4byte_selector, is_address, to_checksum_address
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import (
    BadFunctionCallOutput,
    BadResponseFormat,
    ContractLogicError,
    TimeExhausted,
    Web3Exception,
    Web3RPCError,
)

from .calldata import ProofArguments
from .constants import DEVELOPMENT_CHAIN_IDS
from .context import Context
from .contracts import Artifact
from .errors import ChainError, InputError, InsecureKey
from .field import decode_signed
from .model import Terms
from .statement import PublicSignals

#: Gas for asking a verifier: as much as the hub gives it (``Groth16.GAS_CAP``), and the price of the call itself.
_VERIFY_GAS = 600_000 + 100_000

_REQUEST_SECONDS = 30
_MINING_SECONDS = 120


# --- what the contracts refuse, in words ---------------------------------------------------------------

#: Error of a contract → what it means and what to do; the error's parameters by name.
EXPLAINED = {
    "InsecureDevelopmentKey": "chain {chainId} is no development chain, and against this key anybody can forge proofs; "
    "use a key from `dls-zk setup ceremony`",
    "ZeroAddress": "the operator and the flow source must be addresses other than 0",
    "NoCode": "there is no contract at {account}; deploy the verifier and the oracle first",
    "UnsupportedSlots": "{slots} slots; a book has 8, 16 or 32",
    "InvalidPolicyHash": "the policy hash is 0 or outside the scalar field; compute it from the policy file",
    "ZeroSnapshotAge": "with a greatest snapshot age of 0 seconds no rebalance could be accepted; give more",
    "AccrualCapOutOfRange": "the accrual cap {cap} ppm is not below 2^20; lower it",
    "UnknownVault": "the hub has no vault {vaultId}; check the vault id and the hub's address",
    "NotOperator": "{caller} is not the vault's operator; send from the operator's account",
    "NotFlowSource": "{caller} is not the vault's flow source; send from that account",
    "FlowOutOfRange": "the pending flow would be {pendingFlow}, outside [-2^56, 2^56); submit a rebalance first",
    "DeadlinePassed": "the deadline {deadline} has passed; prove again with a later one",
    "SnapshotTooOld": "the price snapshot of {timestamp} is older than {maxSnapshotAge} s; prove at a newer round",
    "SnapshotBeforeLast": "the price snapshot of {timestamp} is older than the last one used, of {lastTimestamp}; "
    "prove at a newer round",
    "SnapshotFromFuture": "the price snapshot of {timestamp} is ahead of the chain's clock; wait, or check the oracle",
    "WrongPriceWordCount": "the oracle's snapshot has {given} price words and the vault takes {expected}; "
    "the vault was opened with an oracle for another size",
    "WrongSignalCount": "the proof has {given} public signals and the vault takes {expected}; "
    "prove with the circuit of the vault's size",
    "SignalNotInField": "public signal {index} is not below the scalar field; the proof file is damaged",
    "CommitmentMismatch": "the proof starts from the commitment {given} and the vault is at {expected}; "
    "prove again from the book that was accepted last",
    "PolicyMismatch": "the proof is for the policy {given} and the vault's is {expected}; prove with that one",
    "FlowMismatch": "the proof states the flow {given} and {expected} is pending; prove again with that flow",
    "AccrualMismatch": "the proof states an accrual of {given} ppm and it is {expected} ppm; prove again with that",
    "NavFloorOutOfRange": "the NAV floor {navFloor} is not below 2^42; the proof file is damaged",
    "ContextMismatch": "the proof was made for another chain, hub, vault, sequence, policy version, oracle round, "
    "operator or deadline; prove again with the vault's next context",
    "PriceMismatch": "price word {word} differs from the oracle's snapshot; prove again at the prices of that round",
    "ProofCoordinateNotInField": "a coordinate of the proof is not below the base field; the proof file is damaged",
    "NotEnoughGas": "the transaction has too little gas left for the verifier; send it with more",
    "ProofRejected": "the verifier says that the proof is not valid; check that the vault's verifier belongs to the "
    "proving key, and that the proof and its signals were not changed",
    "VerifierFailed": "the vault's verifier gave no verdict; it is no verifier of the vault's size",
    "UnknownRound": "the oracle has no round {round}; use one that it has",
    "NotDevelopmentChain": "the development oracle cannot be deployed on chain {chainId}; only on 31337 and 1337",
    "NotOwner": "{caller} is not the oracle's owner; send from the account that deployed it",
    "WrongWordCount": "{given} price words; the oracle takes {expected}",
    "PriceWordOutOfRange": "price word {word} has bits beyond its prices",
    "SettlementPriceMissing": "the price of slot 0, the settlement asset, is 0; give it one",
    "TwoSnapshotsInOneSecond": "the chain's clock has not moved since the last snapshot; try again in a second",
    "UnknownPolicy": "the registry has no policy {policyHash}; register it first",
    "WrongLength": "{field} has {given} entries and the policy's size takes {expected}",
    "OutOfRange": "place {index} of {field} has a value that the packed policy has no room for",
    "InvalidName": "place {index} of {field} is no name: a letter, then at most 31 letters, digits or . _ / + -; "
    "for the policy itself, at most 400 ASCII characters",
    "DuplicateInstrument": "slot {slot} has the instrument of another slot; give it a name of its own",
    "UnusedSlotNotEmpty": "slot {slot} has no instrument, and so everything in it must be 0",
    "SettlementSlotUnused": "slot 0 has no instrument; it is the settlement asset",
    "ZeroGranularity": "the NAV granularity is 0 USD; give at least 1",
    "ScenarioBelowZero": "scenario {scenario} takes the funded slot {slot} below zero; soften its shocks",
    "SizeChanged": "the new policy is for books of another size; open a new vault for it",
    "GranularityChanged": "the new policy has another NAV granularity; open a new vault for it",
    "InstrumentChanged": "the new policy has another instrument in slot {slot}; leave it there, and use an empty slot",
}


def explain_revert(abi: Sequence[dict[str, Any]], data: object) -> str:
    """One line for the return data of a revert: an error of ``abi`` in words, or else its selector."""
    raw = _hex_bytes(data)
    for item in abi:
        if item["type"] != "error":
            continue
        name, inputs = item["name"], item["inputs"]
        types = [i["type"] for i in inputs]
        if function_signature_to_4byte_selector(f"{name}({','.join(types)})") != raw[:4]:
            continue
        values = decode(types, raw[4:])
        if name == "FlowMismatch":
            values = tuple(decode_signed(value) for value in values)
        shown = {i["name"]: _shown(value) for i, value in zip(inputs, values, strict=True)}
        return f"{EXPLAINED[name].format(**shown)} ({name})"
    return f"the contract refused with the unknown error 0x{raw[:4].hex()}" if raw else "the contract refused"


def _hex_bytes(data: object) -> bytes:
    try:
        return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        return b""


def _shown(value: object) -> str:
    """A value for a message; field elements by their first digits only."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and value >= 1 << 64:
        return f"0x{value:064x}"[:12] + "…"
    return str(value)


# --- the connection -----------------------------------------------------------------------------------------


def is_loopback(rpc_url: str) -> bool:
    """Whether a URL leads to this machine by its loopback address."""
    host = urlsplit(rpc_url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
            raise ChainError(f"the node at {self.where} holds no unlocked account to send from")
        return accounts

    def now(self) -> int:
        """Timestamp of the newest block, Unix seconds."""
        with self.reporting():
            return self.web3.eth.get_block("latest")["timestamp"]

    def deploy(self, artifact: Artifact, *arguments: Any, sender: str) -> tuple[str, Receipt]:
        """Deploy a contract; its address and the receipt."""
        with self.reporting(artifact.abi):
            contract = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
            constructor = contract.constructor(*arguments)
            gas = constructor.estimate_gas({"from": sender})
            transaction = constructor.transact({"from": sender, "gas": _with_margin(gas)})
            receipt, mined = self._mined(transaction)
        return receipt["contractAddress"], mined

    def deploy_verifier(self, artifact: Artifact, *, insecure: bool, sender: str) -> tuple[str, Receipt]:
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
            if not self.web3.eth.get_code(address):
                raise ChainError(f"there is no contract at {verifier} on chain {self.chain_id}; deploy the verifier")
            try:
                answer = bytes(self.web3.eth.call({"to": address, "data": proof.verify_calldata(), "gas": _VERIFY_GAS}))
            except ContractLogicError:
                answer = b""
        if len(answer) != 32 or int.from_bytes(answer, "big") > 1:
            raise ChainError(f"the contract at {verifier} is no verifier for {len(proof.signals)} public signals")
        return int.from_bytes(answer, "big") == 1

    def contract(self, artifact: Artifact, address: str) -> Contract:
        """web3's view of a deployed contract; InputError if that is no address."""
        if not is_address(address):
            raise InputError(
                "not an address (0x and 40 hex digits, with the right checksum if it has one)", artifact.name
            )
        return self.web3.eth.contract(to_checksum_address(address), abi=artifact.abi)

    def transact(self, function: ContractFunction, abi: Sequence[dict[str, Any]], sender: str) -> tuple[Any, Receipt]:
        """Simulate a call, so that a refusal costs nothing and has its reason; then send it and wait until it is mined.

        Returns web3's receipt (for the events) and ours.
        """
        with self.reporting(abi):
            # At the pending block, whose clock is the one that counts: "latest" stands still on an idle local chain.
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
            raise ChainError(f"transaction {sent} was mined and reverted; read the vault's state and try again")
        return receipt, Receipt(sent, receipt["gasUsed"], receipt["blockNumber"])

    @contextmanager
    def reporting(self, abi: Sequence[dict[str, Any]] = ()) -> Iterator[None]:
        """Turn what goes wrong into one ChainError; a revert by the errors in ``abi``."""
        with _reporting(self.where, abi):
            yield


@contextmanager
def _reporting(where: str, abi: Sequence[dict[str, Any]] = ()) -> Iterator[None]:
    """Turn what web3 and requests raise into one ChainError. The texts of requests' errors hold the URL: not shown."""
    try:
        yield
    except ContractLogicError as error:
        raise ChainError(explain_revert(abi, error.data)) from None
    except BadFunctionCallOutput:
        raise ChainError("there is no such contract at the address; check it and the chain") from None
    except Web3RPCError as error:
        answer: Any = (error.rpc_response or {}).get("error")
        message = " ".join(str(answer.get("message") if isinstance(answer, dict) else "no reason given").split())
        raise ChainError(f"{where} refused the request: {message[:200]}") from None
    except (BadResponseFormat, requests.JSONDecodeError, json.JSONDecodeError):
        raise ChainError(f"{where} is no Ethereum node: its answer is not JSON-RPC; check the URL") from None
    except requests.RequestException:
        raise ChainError(f"{where} does not answer; is the node running?") from None


def _with_margin(gas: int) -> int:
    """A gas limit a tenth over the estimate: what the chain's state costs may change until the transaction is mined."""
    return gas + gas // 10


def connect(rpc_url: str) -> Chain:
    """Connect to a node by HTTP; ChainError if it cannot be reached or is no Ethereum node."""
    try:
        parts = urlsplit(rpc_url)
        where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        parts = None
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ChainError("the RPC URL is not of the form http://host:port")
    local = is_loopback(rpc_url)
    session = requests.Session()
    session.trust_env = not local  # a proxy from the environment cannot reach our loopback address
    provider = HTTPProvider(
        rpc_url, session=session, request_kwargs={"timeout": _REQUEST_SECONDS}, exception_retry_configuration=None
    )
    web3 = Web3(provider)
    with _reporting(where):
        return Chain(web3, web3.eth.chain_id, where, local)


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
