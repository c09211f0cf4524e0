"""A chain that misbehaves, for what sends transactions: processes that die at a chosen step, connections that are cut.

What shows a lost or doubled transaction is a counter: whoever calls ``increment`` adds one, and nothing guards it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount

from dls_zk.chain import Call, Chain, Delivery, Intent, IntentKey, KeySigner, Receipt, Sender, connect, journal
from dls_zk.chain.client import Client
from dls_zk.chain.rpc import TIMEOUT_S
from dls_zk.errors import InputError
from dls_zk.solidity.contracts import CompiledContract
from dls_zk.statement.ethereum import keccak256
from dls_zk.tools import solc
from tests.support.sending import deployed

COUNTER = """
contract Counter {
    error WrongSequence(uint256 expected, uint256 given);

    uint256 public count;
    uint256 public sequence;

    function increment() external {
        count += 1;
    }

    function advance(uint256 given) external {
        if (given != sequence + 1) revert WrongSequence(sequence + 1, given);
        sequence = given;
        count += 1;
    }
}
"""


def compile_counter() -> CompiledContract:
    settings = {"evmVersion": "cancun", "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}}}
    sources = {"Counter": {"content": COUNTER}}
    output = solc.compile_standard_json({"language": "Solidity", "sources": sources, "settings": settings})
    contract = output["contracts"]["Counter"]["Counter"]
    return CompiledContract("Counter", contract["abi"], "0x" + contract["evm"]["bytecode"]["object"])


#: For a local chain: looks often. What gives up after this has hung, however busy the machine is.
FAST = {"confirmations": 1, "poll_s": 0.1, "give_up_after_s": 60}


@dataclass(frozen=True)
class World:
    """A counter on a chain, an account that calls it, and the folder with the account's journal."""

    chain: Chain
    url: str
    artifact: CompiledContract
    counter: str
    account: LocalAccount
    folder: Path

    def rpc(self, method: str, *parameters: object) -> Any:
        return self.chain.rpc.ask(method, *parameters)

    @property
    def client(self) -> Client:
        return Client(self.chain, self.artifact, self.counter)

    def mine(self, blocks: int = 1) -> None:
        self.rpc("anvil_mine", hex(blocks))

    def count(self) -> int:
        return self.client.read("count")

    def nonce(self) -> int:
        return self.chain.transaction_count(self.account.address)

    def call(self, function: str = "increment", *arguments: int) -> Call:
        return self.client.call(function, *arguments)

    def advanced(self, sequence: int) -> Callable[[Any], bool]:
        """Whether the counter has come to a sequence, asked at a block."""
        return lambda block: self.client.read("sequence", block=block) >= sequence

    def sender(
        self,
        *urls: str,
        progress: Callable[[str, int, int], None] | None = None,
        timeout_s: float = TIMEOUT_S,
        **delivery: Any,
    ) -> Sender:
        """The account as a sender; over other URLs, with other settings, and with what happens when it waits."""
        on = connect(*urls, timeout_s=timeout_s) if urls else self.chain
        shown = {"progress": progress} if progress else {}
        return Sender(on, KeySigner(self.account), self.folder, Delivery(**FAST | delivery), **shown)

    def intent(self, key: IntentKey) -> Intent:
        with journal.opened(self.folder, self.chain.genesis_hash()) as opened:
            found = opened.find(key)
            assert found
            return found

    def attempts(self, key: IntentKey) -> list[journal.Attempt]:
        with journal.opened(self.folder, self.chain.genesis_hash()) as opened:
            return opened.attempts(self.intent(key))

    def send_as(
        self, account: LocalAccount, call: Call, nonce: int | None = None, fee_gwei: int = 100, tip_gwei: int = 50
    ) -> str:
        """A transaction that the journal knows nothing of, sent and not waited for; its hash."""
        raw = account.sign_transaction(
            {
                "type": 2,
                "chainId": self.chain.chain_id,
                "nonce": self.chain.transaction_count(account.address) if nonce is None else nonce,
                "to": call.to,
                "data": call.data,
                "value": 0,
                "gas": 200_000,
                "maxFeePerGas": fee_gwei * 10**9,
                "maxPriorityFeePerGas": tip_gwei * 10**9,
            }
        ).raw_transaction
        return self.rpc("eth_sendRawTransaction", raw.to_0x_hex())

    def fund(self, account: LocalAccount) -> None:
        self.rpc("anvil_setBalance", account.address, hex(10**21))


@contextmanager
def world(url: str, artifact: CompiledContract, folder: Path) -> Iterator[World]:
    """A fresh counter and account, five blocks deep; the chain mines by itself again afterwards."""
    on = connect(url)
    counter = deployed(on, artifact)
    account = Account.from_key(keccak256(bytes.fromhex(counter[2:])))  # another for each counter, and the same in each run
    made = World(on, url, artifact, counter, account, folder)
    made.fund(made.account)
    made.mine(5)
    try:
        yield made
    finally:
        made.rpc("anvil_dropAllTransactions")
        made.rpc("evm_setAutomine", True)


# --- processes that die ------------------------------------------------------------------------------------------

_processes = multiprocessing.get_context("forkserver")
# What the processes import, once for all of them.
_processes.set_forkserver_preload(["dls_zk.chain.transactions", "dls_zk.operations", "py_ecc.optimized_bn128", "pytest"])


@dataclass(frozen=True)
class Errand:
    """What a process of its own is to do: perform an intent, and die before the step ``die_at``, counted from 0.

    A step is a request (the sending also once it is answered), the signing, and what the journal writes; they are counted
    from the first one named ``since`` on. file_limit: bytes beyond which no file may grow.
    """

    url: str
    folder: Path
    key: IntentKey
    call: Call
    account: bytes
    die_at: int | None = None
    since: str = ""
    file_limit: int | None = None

    def act(self, sender: Sender) -> None:
        assert sender.perform(self.key, self.call)

    def __call__(self) -> None:
        """Exit codes: 0 performed, 3 refused by the disk, 1 anything else; -9 died."""
        try:
            count = 0

            def step(name: str) -> None:
                nonlocal count
                if count or not self.since or name == self.since:
                    if count == self.die_at:
                        os.kill(os.getpid(), signal.SIGKILL)
                    count += 1

            sender = _stepping(self, step)
            if self.file_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_limit, resource.RLIM_INFINITY))
            self.act(sender)
        except InputError:
            os._exit(3)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


def _stepping(errand: Errand, step: Callable[[str], None]) -> Sender:
    """A sender that calls ``step`` before all that it does to the world."""
    account = Account.from_key(errand.account)
    on = connect(errand.url)

    send = requests.Session.send

    def sent(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        method = json.loads(request.body)["method"]
        step(f"before {method}")
        answer = send(session, request, **options)
        if method == "eth_sendRawTransaction":
            step(f"after {method}")
        return answer

    requests.Session.send = sent  # type: ignore[method-assign]

    open_database = sqlite3.connect

    def opened(*arguments: Any, **options: Any) -> sqlite3.Connection:
        database = open_database(*arguments, **options)
        database.set_trace_callback(lambda statement: None if statement.startswith("SELECT") else step(statement[:40]))
        return database

    sqlite3.connect = opened  # type: ignore[assignment]

    class Steps(KeySigner):
        def sign(self, transaction: Any) -> bytes:
            step("before signing")
            raw = super().sign(transaction)
            step("after signing")
            return raw

    return Sender(on, Steps(account), errand.folder, Delivery(**FAST))


def run(errands: Sequence[Errand]) -> list[int]:
    """Run errands at the same time, each in a process of its own; how each ended."""
    started = [_processes.Process(target=errand) for errand in errands]
    for process in started:
        process.start()
    for process in started:
        process.join(600)
        assert process.exitcode is not None, "a process hangs"
    return [process.exitcode for process in started if process.exitcode is not None]


# --- connections that are cut ------------------------------------------------------------------------------------

#: Of a request's method and how many requests came before it: None lets it pass; "before" and "after" cut the connection
#: before or after the node has the request; "gateway" answers for the node, which has it.
Cut = Callable[[str, int], str | None]


@contextmanager
def proxy(url: str, cut: Cut) -> Iterator[str]:
    """A way to a node that breaks where ``cut`` says; yields its URL."""
    count = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else the second waits for the first to be acknowledged

        def do_POST(self) -> None:
            nonlocal count
            body = self.rfile.read(int(self.headers["Content-Length"]))
            where, count = cut(json.loads(body)["method"], count), count + 1
            status, answer = 200, b""
            if where != "before":
                headers = {"Content-Type": "application/json"}
                answer = requests.post(url, data=body, headers=headers, timeout=30).content
            if where in ("before", "after"):
                self.close_connection = True
                return
            if where == "gateway":
                status, answer = 502, b"<html>Bad Gateway</html>"
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def require_one(mined: Receipt | None) -> Receipt:
    assert mined
    return mined
