"""Nodes as they are: of other chains, with limits, busy, hanging, behind gateways, without parts that others have.

Whatever a node does, a read gives its answer or one ``ChainError`` in time, which shows no access key; and an intent is
performed once.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dls_zk.chain import Chain, Question, Refused, connect, rpc
from dls_zk.chain.client import Client
from dls_zk.errors import ChainError, InputError, NodeRefused, NodeUnreachable, RateLimited
from dls_zk.solidity.contracts import CompiledContract
from dls_zk.tools import foundry, solc
from tests.support import faults, nodes
from tests.support.faults import World
from tests.support.nodes import Behaviour, Reply, Request
from tests.support.sending import deployed, first_account

KEY = ("increment", 1)

EMITTER = """
contract Emitter {
    event Happened(uint256 indexed number, string what);

    error Throttled(string why);

    function happen(uint256 number) external {
        emit Happened(number, "something");
    }

    function throttled() external pure {
        revert Throttled("rate limit exceeded: too many requests");
    }
}
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with foundry.anvil(chain_id=31337, accounts=1) as url:
        yield url


@pytest.fixture(scope="module")
def counter() -> CompiledContract:
    return faults.compile_counter()


@pytest.fixture
def world(url: str, counter: CompiledContract, tmp_path: Path) -> Iterator[World]:
    with faults.world(url, counter, tmp_path / "journal") as world:
        yield world


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are short where no node says how long."""
    monkeypatch.setattr(rpc, "_PAUSE_S", 0.001)
    monkeypatch.setattr(rpc, "_RATE_PAUSE_S", 0.05)


def failure(kind: type[Exception], act: Callable[[], object]) -> Any:
    """The error of an act: one line, without the access key."""
    with pytest.raises(kind) as caught:
        act()
    assert nodes.SECRET not in str(caught.value) and "\n" not in str(caught.value) and str(caught.value).isprintable()
    return caught.value


# --- chains of other kinds ------------------------------------------------------------------------------------------


def test_a_chain_with_proof_of_authority_and_nothing_optional(world: World) -> None:
    """Long extraData, no pending block, no tip, no fee history: all is read, and performed once."""
    behaves = nodes.both(nodes.without_pending, nodes.without_tip)
    with nodes.node(world.url, behaves, nodes.proof_of_authority) as node:
        on = connect(node.url)
        assert on.now() == world.chain.now() and on.genesis_hash() == world.chain.genesis_hash()
        assert on.web3.eth.get_block("latest")["number"] == on.block_number()
        assert world.sender(node.url).perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (1, 1)


def test_a_refusal_at_the_pending_block_is_no_missing_block(world: World) -> None:
    """What reverts at the pending block is not asked at the newest, where it may pass."""
    with nodes.node(world.url) as node:
        on = connect(node.url)
        call = world.call("advance", 5)
        refusal = failure(Refused, lambda: on.simulate(Question(call.to, call.data), call.abi))
        assert "WrongSequence" in str(refusal) and node.asked.count("eth_call") == 1


def tip(world: World, behaves: Behaviour) -> int:
    with nodes.node(world.url, behaves) as node:
        return connect(node.url).base_fee_and_tip_wei()[1]


def test_where_nobody_suggests_a_tip(world: World) -> None:
    """What was paid in the newest blocks, in their middle; where that is not known either, 1 gwei."""

    def history(rewards: Any) -> Behaviour:
        def behaves(request: Request) -> Reply | None:
            if request.method == "eth_feeHistory":
                return request.result({"oldestBlock": "0x1", "gasUsedRatio": [0.5, 1e-3], "reward": rewards})
            return nodes.without_tip(request)

        return behaves

    assert tip(world, nodes.without_tip) == 10**9
    assert tip(world, history([["0x7"], ["0x5"], ["0x3b9aca00"]])) == 7
    for nothing in ([], None, [[]]):
        assert tip(world, history(nothing)) == 10**9
    failure(NodeRefused, lambda: tip(world, history(["0x5"])))


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emitter(url: str) -> Client:
    """A contract with 30 events in 30 blocks."""
    settings = {"evmVersion": "cancun", "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}}}
    request = {"language": "Solidity", "sources": {"E": {"content": EMITTER}}, "settings": settings}
    compiled = solc.compile_standard_json(request)["contracts"]["E"]["Emitter"]
    artifact = CompiledContract("Emitter", compiled["abi"], "0x" + compiled["evm"]["bytecode"]["object"])
    on = connect(url)
    client = Client(on, artifact, deployed(on, artifact))
    with first_account(on) as owner:
        for number in range(30):
            client.act(owner, "happen", number, once=(number,))
    return client


def asks_too_much(message: str, code: int = -32000, status: int = 200) -> Callable[[Request], Reply]:
    return lambda request: request.error(message, code, status)


#: What nodes say to a question for the events of too many blocks: collected from public bug reports.
TOO_MANY = {
    "plan": asks_too_much(
        "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.", -32600
    ),
    "range": asks_too_much("eth_getLogs is limited to a 2,000 range", -32614),
    "results": asks_too_much("query returned more than 10000 results", -32005),
    "exceed": asks_too_much("exceed maximum block range: 500"),
    "response": asks_too_much("Log response size exceeded. You can request up to a 2K block range.", -32602),
    "status 400": asks_too_much("block range is too wide", -32600, 400),
    "status 413": lambda _: Reply(b"", 413),
    "no words": lambda request: Reply({"jsonrpc": "2.0", "id": request.id, "error": "no"}),
    "too long an answer": lambda request: request.result(["x" * (1 << 20)] * 33),
}


@pytest.mark.parametrize("words", TOO_MANY)
@pytest.mark.parametrize("limit", [1, 3, 10])
def test_events_of_a_node_with_a_limit(emitter: Client, words: str, limit: int) -> None:
    """All are found, in order, each once; and what is learnt of the limit is kept."""
    if words == "too long an answer" and limit != 3:
        pytest.skip("slow, and the same")
    last = emitter.chain.block_number()
    with nodes.node(emitter.chain.rpc.url, nodes.logs_of_at_most(limit, TOO_MANY[words])) as node:
        behind = Client(connect(node.url), emitter.artifact, emitter.address)
        found = [event.arguments["number"] for event in behind.events(0, last)]
        assert found == list(range(30))
        refused = node.asked.count("eth_getLogs")
        assert [event.arguments["number"] for event in behind.events(0, last)] == found
        again = node.asked.count("eth_getLogs") - refused
        assert again < refused and again >= (last + 1) // limit
    assert [event.arguments["number"] for event in emitter.events(0, last)] == found


@pytest.mark.parametrize("limit", [500, 2_000])
def test_events_of_many_blocks(emitter: Client, limit: int) -> None:
    last = emitter.chain.block_number() + 5_000

    def later(request: Request) -> Reply | None:
        """Blocks that the node does not have are empty."""
        ahead = request.method == "eth_getLogs" and int(request.params[0]["fromBlock"], 16) > last - 5_000
        return request.result([]) if ahead else None

    behaves = nodes.both(nodes.logs_of_at_most(limit, TOO_MANY["range"]), later)
    with nodes.node(emitter.chain.rpc.url, behaves) as node:
        behind = Client(connect(node.url), emitter.artifact, emitter.address)
        assert [event.arguments["number"] for event in behind.events(0, last)] == list(range(30))
        assert node.asked.count("eth_getLogs") < 40


def test_a_node_that_gives_no_events_at_all(emitter: Client) -> None:
    """It is asked for one block at last, and its words are told."""
    refuse = nodes.logs_of_at_most(0, asks_too_much("eth_getLogs is disabled"))
    with nodes.node(emitter.chain.rpc.url, refuse) as node:
        behind = Client(connect(node.url), emitter.artifact, emitter.address)
        assert "eth_getLogs is disabled" in str(failure(Refused, lambda: list(behind.events(0, 30))))
        assert node.asked.count("eth_getLogs") <= 6


def test_an_error_of_a_contract_is_no_request_to_wait(emitter: Client) -> None:
    with nodes.node(emitter.chain.rpc.url) as node:
        behind = Client(connect(node.url), emitter.artifact, emitter.address)
        refusal = failure(Refused, lambda: behind.read("throttled"))
        assert refusal.revert is not None and node.asked.count("eth_call") == 1


# --- busy, closed and broken ------------------------------------------------------------------------------------------


def now_and_then(reply: Callable[[Request], Reply], seed: int) -> Behaviour:
    """Half of the answers; not every second one, which could be the sending each time."""
    rng = Random(seed)
    return lambda request: reply(request) if rng.random() < 0.5 else None


BUSY: dict[str, Callable[[Request], Reply]] = {
    "429": lambda _: Reply(b"", 429),
    "429 and a hint": lambda _: Reply({"error": {"message": "Too Many Requests"}}, 429, {"Retry-After": "0"}),
    "429 and a date": lambda _: Reply(b"", 429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "429 and nonsense": lambda _: Reply(b"", 429, {"Retry-After": "soon"}),
    "in words": lambda request: request.error("daily request count exceeded, request rate limited", -32005),
    "in units": lambda request: request.error("Your app has exceeded its compute units per second capacity.", 429),
    "502": lambda _: Reply(b"<html><body>502 Bad Gateway</body></html>", 502, {"Content-Type": "text/html"}),
    "503 and a hint": lambda _: Reply(b"", 503, {"Retry-After": "0"}),
    "500": lambda _: Reply(b"x", 500),
    "cut": lambda _: Reply(drop=True),
    "cut within the answer": lambda _: Reply(b'{"jsonrpc":', headers={"Content-Length": "99", "Connection": "close"}),
}


@pytest.mark.parametrize("kind", BUSY)
def test_a_node_that_is_busy_now_and_then(world: World, kind: str) -> None:
    """Half of its answers: reads are repeated, and an intent is performed once, at the latest when it is asked for again."""
    with nodes.node(world.url, now_and_then(BUSY[kind], seed=len(kind))) as node:
        for _ in range(20):
            try:
                assert world.sender(node.url).perform(KEY, world.call())
                break
            except ChainError as error:
                assert error.retryable, error
    assert (world.count(), world.nonce()) == (1, 1)


@pytest.mark.parametrize("kind", BUSY)
def test_a_node_that_is_busy_for_good(world: World, kind: str) -> None:
    started = time.monotonic()
    with nodes.node(world.url, lambda request: BUSY[kind](request)) as node:
        error = failure(ChainError, lambda: connect(node.url, timeout_s=0.4))
    assert error.retryable and len(node.asked) >= 2
    assert isinstance(error, RateLimited if kind.startswith(("429", "in ")) else NodeUnreachable)
    assert time.monotonic() - started < 10


def test_a_long_retry_after_is_told_and_not_waited_for(world: World) -> None:
    with nodes.node(world.url, lambda _: Reply(b"", 429, {"Retry-After": "3600"})) as node:
        error = failure(RateLimited, lambda: connect(node.url))
    assert error.after == 3600 and "3600 s" in str(error) and len(node.asked) == 1


def test_a_short_retry_after_is_kept(world: World) -> None:
    with nodes.node(world.url, lambda r: None if r.count else Reply(b"", 429, {"Retry-After": "1"})) as node:
        started = time.monotonic()
        assert connect(node.url).chain_id == 31337
        assert time.monotonic() - started >= 1 and len(node.asked) == 2


CLOSED: dict[str, tuple[Callable[[Request], Reply], str]] = {
    "401": (lambda r: r.error(f"invalid project id {nodes.SECRET}", -32002, 401), "does not let us in .HTTP 401.: invalid"),
    "402": (lambda _: Reply(b"pay", 402), "does not let us in .HTTP 402."),
    "403": (lambda _: Reply(b"<html>", 403), "check the access key"),
    "404": (lambda _: Reply(b"<html>", 404), "is no Ethereum node .HTTP 404"),
    "moved": (lambda _: Reply(b"", 307, {"Location": "http://127.0.0.1:1/"}), "leads elsewhere"),
    "a page": (lambda _: Reply(b"<html>Welcome</html>"), "not JSON-RPC"),
    "another's answer": (lambda _: Reply({"jsonrpc": "2.0", "id": 10**6, "result": "0x1"}), "not JSON-RPC"),
    "nothing": (lambda _: Reply({}), "not JSON-RPC"),
    "a list": (lambda _: Reply([]), "not JSON-RPC"),
    "too deep": (lambda _: Reply(b"[" * 100_000), "not JSON-RPC"),
    "a long number": (lambda _: Reply(b'{"id": ' + b"9" * 10_000 + b"}"), "not JSON-RPC"),
    "no text": (lambda _: Reply(b"\xff\xfe"), "not JSON-RPC"),
    "no number": (lambda r: r.result("one"), "another form"),
}


@pytest.mark.parametrize("kind", CLOSED)
def test_a_node_that_does_not_serve_us(world: World, kind: str) -> None:
    """It is asked once, and the reason is told."""
    reply, expected = CLOSED[kind]
    with nodes.node(world.url, reply) as node:
        error = failure(NodeRefused, lambda: connect(node.url))
    assert len(node.asked) == 1 and not error.retryable
    with pytest.raises(NodeRefused, match=expected):
        raise error


def test_what_a_node_says_is_one_line_of_text(world: World) -> None:
    words = f"no\n\x1b[31msuch\x00 method at https://node/v3/{nodes.SECRET}?x=1"
    with nodes.node(world.url, lambda r: r.error(words) if r.method == "eth_blockNumber" else None) as node:
        error = failure(Refused, connect(node.url).block_number)
    assert "no [31msuch method at https://node/v3/…?x=1" in str(error)


def test_an_answer_may_be_compressed(world: World) -> None:
    def compressed(request: Request) -> Reply:
        body = json.dumps({"jsonrpc": "2.0", "id": request.id, "result": "0x7a69"}).encode()
        return Reply(gzip.compress(body), headers={"Content-Encoding": "gzip"})

    with nodes.node(world.url, compressed) as node:
        assert connect(node.url).chain_id == 31337


# --- hanging ----------------------------------------------------------------------------------------------------------


HANGING: dict[str, nodes.Behaviour] = {
    "silent": nodes.silent(3),
    "byte by byte": lambda request: Reply({"id": request.id, "result": "0x1", "x": "x" * 99}, byte_s=0.1),
    "header by header": lambda request: Reply(
        {"id": request.id, "result": "0x1"}, headers={f"X-{k}": "x" for k in range(30)}, header_s=0.1
    ),
}


@pytest.mark.parametrize("kind", HANGING)
def test_a_node_that_hangs(world: World, kind: str) -> None:
    with nodes.node(world.url, HANGING[kind]) as node:
        started = time.monotonic()
        error = failure(NodeUnreachable, lambda: connect(node.url, timeout_s=0.5))
        assert 0.4 < time.monotonic() - started < 2.5 and "did not answer in time" in str(error)
    assert rpc.TIMEOUT_S <= 15


# --- answers of another form --------------------------------------------------------------------------------------------

HASH = "0x" + "7" * 64
ADDRESS = "0x" + "11" * 20
READS: dict[str, Callable[[Chain], object]] = {
    "eth_blockNumber": lambda on: on.block_number(),
    "eth_getCode": lambda on: on.code(ADDRESS),
    "eth_getTransactionCount": lambda on: on.transaction_count(ADDRESS),
    "eth_getTransactionReceipt": lambda on: on.receipt(HASH),
    "eth_getTransactionByHash": lambda on: on.transaction(HASH),
    "eth_getBlockByNumber": lambda on: (on.now(), on.block_gas_limit(), on.genesis_hash(), on.base_fee_and_tip_wei()),
    "eth_getBlockByNumber ": lambda on: (on.block_hash(1), on.transaction_in(1, ADDRESS, 0)),
    "eth_accounts": lambda on: on.accounts(),
    "eth_call": lambda on: on.call(Question(ADDRESS, b"")),
    "eth_estimateGas": lambda on: on.gas_limit(Question(ADDRESS, b"")),
    "eth_getLogs": lambda on: list(on.logs(ADDRESS, 0, 1)),
    "eth_maxPriorityFeePerGas": lambda on: on.base_fee_and_tip_wei(),
}
NONSENSE: list[Any] = [7, 0.5, True, "", "0x", "0xzz", "7", "0x" + "f" * 65, [], [7], [None], [{}], {}, {"hash": 7}]
NONSENSE += [{"hash": HASH, "transactions": [7]}, {"blockHash": HASH}, {"blockHash": HASH, "logs": [{}]}, HASH, ADDRESS]


@pytest.mark.parametrize("asked", READS)
def test_an_answer_of_another_form(world: World, asked: str) -> None:
    """No answer is anything but what was asked for, or a ``ChainError``."""
    for nonsense in NONSENSE:
        behaves = lambda r, value=nonsense: r.result(value) if r.method == asked.strip() else None  # noqa: E731
        with nodes.node(world.url, behaves) as node:
            on = connect(node.url)
            try:
                READS[asked](on)
            except ChainError as error:
                assert nodes.SECRET not in str(error)


def test_a_block_that_is_not_there(world: World) -> None:
    """As nodes say that threw away old blocks."""
    with nodes.node(world.url, lambda r: r.result(None) if "0x0" in r.params else None) as node:
        error = failure(ChainError, connect(node.url).genesis_hash)
    assert "does not have block 0" in str(error)


# --- several endpoints --------------------------------------------------------------------------------------------------


def gone(_: Request) -> Reply:
    return Reply(drop=True)


FAILING: dict[str, Behaviour] = {
    "gone": gone,
    "silent": nodes.silent(3),
    "closed": lambda _: Reply(b"", 401),
    "busy": lambda _: Reply(b"", 429, {"Retry-After": "3600"}),
    "broken": lambda _: Reply(b"", 502),
    "a page": lambda _: Reply(b"<html>"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_another_endpoint_takes_over(world: World, kind: str) -> None:
    """From the start, and from then on without asking the first one again."""
    with nodes.node(world.url, FAILING[kind]) as first, nodes.node(world.url) as second:
        on = connect(first.url, second.url, timeout_s=2)
        assert on.chain_id == 31337 and on.where in second.url
        asked = len(first.asked)
        assert on.block_number() == world.chain.block_number() and len(first.asked) == asked


def test_no_endpoint_answers(world: World) -> None:
    """Both are named; what may pass decides the code."""
    with nodes.node(world.url, FAILING["closed"]) as first, nodes.node(world.url, gone) as second:
        error = failure(NodeUnreachable, lambda: connect(first.url, second.url, timeout_s=1))
    assert all(node.url.removesuffix(f"/{nodes.SECRET}") in str(error) for node in (first, second)) and error.retryable


def dying(after: int) -> Behaviour:
    return lambda request: gone(request) if request.count >= after else None


def test_an_endpoint_of_another_chain_never_answers(world: World) -> None:
    """Neither of another id, nor of the same id with another first block."""
    for options in ({"chain_id": 5}, {"chain_id": 31337, "timestamp": 1}):
        with foundry.anvil(accounts=0, **options) as other, nodes.node(world.url, dying(5)) as first:
            on = connect(first.url, other)
            assert on.block_number() == world.chain.block_number()
            error = failure(ChainError, lambda on=on: [on.block_number() for _ in range(3)])
            assert error.code == "wrong_chain" and "another chain" in str(error)


def test_an_endpoint_that_is_behind_waits_until_it_is_not(world: World) -> None:
    """An answer never goes back in time because another endpoint gave it."""
    newest = world.chain.block_number()
    late = iter([newest - 3, newest - 1])
    behaves: Behaviour = lambda r: r.result(hex(next(late, newest))) if r.method == "eth_blockNumber" else None  # noqa: E731
    with nodes.node(world.url, dying(5)) as first, nodes.node(world.url, behaves) as second:
        on = connect(first.url, second.url, timeout_s=5)
        assert on.block_number() == newest and on.where in first.url
        assert on.now() == world.chain.now() and on.where in second.url
        assert second.asked.count("eth_blockNumber") == 3


@pytest.mark.parametrize("asked", ["the number of the block", "another question"])
def test_an_endpoint_that_stays_behind(world: World, asked: str) -> None:
    newest = world.chain.block_number()
    behaves: Behaviour = lambda r: r.result(hex(newest - 1)) if r.method == "eth_blockNumber" else None  # noqa: E731
    with nodes.node(world.url, dying(5)) as first, nodes.node(world.url, behaves) as second:
        on = connect(first.url, second.url, timeout_s=1)
        assert on.block_number() == newest if asked == "the number of the block" else on.now() == world.chain.now()
        assert f"is at block {newest - 1}, behind the block {newest}" in str(failure(NodeUnreachable, on.now))


@pytest.mark.parametrize("after", range(4, 24))
def test_the_first_endpoint_dies_while_an_intent_is_performed(world: World, after: int) -> None:
    """Wherever it is: the second one goes on, and the effect is there once."""
    with nodes.node(world.url, dying(after)) as first, nodes.node(world.url) as second:
        assert world.sender(first.url, second.url).perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (1, 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_endpoints_that_come_and_go(world: World, seed: int) -> None:
    """Each drops a third of the questions, also those that send: each intent is performed once."""
    rng = Random(seed)
    flapping: Behaviour = lambda r: gone(r) if rng.random() < 0.33 else None  # noqa: E731
    with nodes.node(world.url, flapping) as first, nodes.node(world.url, flapping) as second:
        for number in range(3):
            for _ in range(20):
                try:
                    assert world.sender(first.url, second.url).perform(("increment", number), world.call())
                    break
                except ChainError as error:
                    assert error.retryable, error
    assert (world.count(), world.nonce()) == (3, 3)


def test_a_nonce_is_not_signed_that_another_endpoint_counted(world: World) -> None:
    """The endpoint dies between the nonce and the signing: all is asked anew of the one that takes over."""
    with nodes.node(world.url) as first, nodes.node(world.url) as second:
        sender = world.sender(first.url, second.url)
        free = type(sender)._free_nonce
        turns = []

        def overtaken(one: Any) -> int:
            nonce = free(one)
            if not turns:
                one.chain.rpc._current = one.chain.rpc.endpoints[1]
            turns.append(one.chain.rpc.turns)
            return nonce

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(sender), "_free_nonce", overtaken)
            assert sender.perform(KEY, world.call())
    assert len(turns) == 2 and turns[0] < turns[1] and (world.count(), world.nonce()) == (1, 1)


def test_what_is_no_list_of_endpoints() -> None:
    with pytest.raises(InputError, match="there is no RPC URL"):
        connect()
    with pytest.raises(InputError, match="not of the form"):
        connect("http://127.0.0.1:1", "ws://127.0.0.1:2")


# --- what is loaded -----------------------------------------------------------------------------------------------------

LOADED = """
import sys
from pathlib import Path
import dls_zk.cli.main, dls_zk.cli.vault, dls_zk.cli.oracle, dls_zk.cli.events
from dls_zk.chain import Delivery, Oracle, Sender, connect, signers
from dls_zk.chain.deployment import create
from dls_zk.solidity import contracts

def loaded():
    heavy = ("web3", "eth_account", "eth_abi", "eth_utils", "eth_keys", "py_ecc.bls", "wasmtime", "aiohttp")
    return [name for name in heavy if name in sys.modules]

on = connect(sys.argv[1])
artifact = contracts.compile_contracts()["PriceOracle"]
owner = Sender(on, signers.from_url(sys.argv[1], on.accounts()[0]), Path(sys.argv[2]), Delivery.on(on))
oracle = Oracle(on, artifact, "0x" + "11" * 20)
list(oracle.events(0, on.block_number()))
try:
    oracle.latest_round(bytes(32))
except dls_zk.errors.ChainError:
    pass
print(loaded())
create(owner, artifact)
print(loaded())
"""


def test_what_a_chain_command_loads(url: str, tmp_path: Path) -> None:
    """No web3 to read or to send; a signature that another program made takes the library that recovers its key."""
    command = [sys.executable, "-c", LOADED, url, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "['eth_utils', 'eth_keys']"]
