"""JSON-RPC over HTTP: one question, one answer, whatever the way to the node does.

A question that changes nothing is repeated: a few times where a connection breaks, and after a node's Retry-After where it
asks us to wait; never for longer than the timeout. What is sent or signed is asked once: whether it arrived is for
``transactions`` to find out.

Several endpoints are one node and its stand-ins. One of them answers until it fails; the next one takes over only if it is
on the same chain (id and first block) and has the newest block that was seen. So answers never go back in time because an
endpoint was replaced. A URL may hold an access key, and is never shown beyond scheme, host and port.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from ..errors import ChainError, InputError, NodeRefused, NodeUnreachable, RateLimited
from ..storage.strict_json import require_shallow

#: Seconds that a read takes at most, repeats and other endpoints included.
TIMEOUT_S = 15.0

#: Methods that may be asked again: they change nothing.
READS = frozenset(
    {
        "eth_accounts",
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_getBalance",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
    }
)

#: How often an endpoint is asked whose connection breaks, and the first pause between, which doubles.
_ATTEMPTS = 4
_PAUSE_S = 0.125
#: The pause for a node that asks to wait and does not say how long.
_RATE_PAUSE_S = 1.0

#: Bytes that an answer may have; the largest are the events of thousands of blocks.
_ANSWER_BYTES = 1 << 25

#: Blocks asked for events at a time, until a node says that it is too many.
_LOG_BLOCKS = 10_000

# How nodes ask us to wait by a JSON-RPC error and not by HTTP. Its code does not tell: some say -32005 of too many events.
_RATE = re.compile(
    r"(?i)rate.?limit|too many requests|request (count|limit)|requests? per|throughput|capacity|compute units|quota"
)
_RANGE = re.compile(r"(?i)range|results|more than|response size")


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine by its loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Refused(ChainError):
    """The node answered, and the answer is no: a revert, or a request that it does not take.

    answer: the node's words for a request, "" for a revert. revert: what a revert returned, None if it is none.
    """

    code = "node_refused"

    def __init__(self, message: str, answer: str = "", *, revert: bytes | None = None, code: str | None = None):
        no_funds = "insufficient_funds" if "insufficient funds" in answer.lower() else None
        super().__init__(message, code=code or no_funds)
        self.answer, self.revert = answer, revert


class TooMuch(NodeRefused):
    """The question is too large for the node, or the answer for us."""


class Behind(NodeUnreachable):
    """An endpoint does not have a block yet that another one had."""

    code = "node_behind"


@dataclass(eq=False)
class Endpoint:
    """One URL, and what was learnt of the node behind it.

    where: scheme, host and port. rests_until: monotonic seconds, before which it does not want to be asked.
    log_blocks: how many blocks it lets one ask for events.
    """

    url: str = field(repr=False)
    where: str
    session: requests.Session = field(repr=False)
    rests_until: float = 0
    log_blocks: int = _LOG_BLOCKS

    @classmethod
    def of(cls, url: str, what: str) -> Endpoint:
        """InputError if it is no HTTP URL. what: what it leads to."""
        try:
            parts = urlsplit(url)
            where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        except ValueError:
            parts = None
        if not parts or parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"the {what} URL is not of the form http://host:port")
        return cls(url, where, _session(url))

    def readable(self, text: object) -> str:
        """What the node says, for a message: one line of printable text, without the secrets of the URL."""
        parts = urlsplit(self.url)
        secrets = {parts.username, parts.password, *re.split(r"[/?&=;]", f"{parts.path}?{parts.query}")}
        said = str(text)
        for secret in sorted((one for one in secrets if one and len(one) >= 6), key=len, reverse=True):
            said = said.replace(secret, "…").replace(unquote(secret), "…")
        said = "".join(char if char.isprintable() else " " for char in said)
        return " ".join(said.split())[:200]


class Rpc:
    """The way to a node, and its stand-ins."""

    def __init__(self, urls: Sequence[str], what: str = "RPC", name: str = "", timeout_s: float = TIMEOUT_S):
        """what: what the URLs lead to, for messages; name: "the signer at ", say. timeout_s: see ``TIMEOUT_S``."""
        if not urls:
            raise InputError(f"there is no {what} URL")
        self.endpoints = [Endpoint.of(url, what) for url in urls]
        self._name, self.timeout_s = name, timeout_s
        self._current = self.endpoints[0]
        self._admitted: Endpoint | None = None
        self._identity: tuple[int, str] | None = None
        self._newest = 0
        self._ids = itertools.count(1)
        #: Counts how often another endpoint took over. Between two looks at it that are alike, one endpoint answered all.
        self.turns = 0

    @property
    def url(self) -> str:
        """The URL of the endpoint that answers now."""
        return self._current.url

    @property
    def where(self) -> str:
        """The endpoint that answers now, as messages name it."""
        return self._name + self._current.where

    def saw(self, block: int) -> None:
        """Note that a block exists: what stands in later must have it too."""
        self._newest = max(self._newest, block)

    def ask(self, method: str, *parameters: Any) -> Any:
        """The result of one call.

        Refused if the node answers with an error, NodeRefused if no endpoint serves us, RateLimited if all that do ask us to
        wait, NodeUnreachable if none answers in time.
        """
        deadline = time.monotonic() + self.timeout_s
        if method not in READS:
            return self._ask_once(method, parameters, deadline)
        failures: dict[Endpoint, ChainError] = {}
        for attempt in itertools.count(1):
            for endpoint in self._in_turn():
                if isinstance(failures.get(endpoint), NodeRefused) or endpoint.rests_until > time.monotonic():
                    continue
                try:
                    answer = self._ask(endpoint, method, parameters, self._share(endpoint, deadline))
                except (NodeRefused, NodeUnreachable, RateLimited) as failure:
                    if not isinstance(failure, NodeUnreachable):
                        failures[endpoint] = failure
                    failures.setdefault(endpoint, failure)  # later ones have less time, and say less
                else:
                    self._current = endpoint
                    return answer
            if not self._wait(failures, attempt, deadline):
                raise self._verdict(failures)
        raise AssertionError

    def _ask_once(self, method: str, parameters: Sequence[Any], deadline: float) -> Any:
        endpoint = self._current
        try:
            answer = self._ask(endpoint, method, parameters, _left(deadline))
        except (NodeRefused, NodeUnreachable, RateLimited):
            later = [other for other in self._in_turn() if other is not endpoint]
            self._current = (later or [endpoint])[0]  # the next question, which may be whether it arrived, goes elsewhere
            raise
        return answer

    def _in_turn(self) -> list[Endpoint]:
        at = self.endpoints.index(self._current)
        return self.endpoints[at:] + self.endpoints[:at]

    def _share(self, endpoint: Endpoint, deadline: float) -> float:
        """Seconds that one endpoint may take of those left: as much as each of those that come after it in this round."""
        others = len(self.endpoints) - self._in_turn().index(endpoint)
        return _left(deadline) / others

    def _wait(self, failures: dict[Endpoint, ChainError], attempt: int, deadline: float) -> bool:
        """Wait before the next round; False if there is none that could go better."""
        now = time.monotonic()
        pauses = []
        for endpoint in self.endpoints:
            failure = failures.get(endpoint)
            if isinstance(failure, NodeRefused):
                continue
            rest = endpoint.rests_until - now
            if rest > 0:
                pauses.append(rest)
            elif attempt < _ATTEMPTS or isinstance(failure, Behind):
                pauses.append(min(_PAUSE_S * 2 ** (attempt - 1), 1))
        if not pauses or now + min(pauses) >= deadline:
            return False
        time.sleep(min(pauses))
        return True

    def _verdict(self, failures: dict[Endpoint, ChainError]) -> ChainError:
        """What to say when no endpoint answers: the first one's failure, a temporary one before a final one."""
        now = time.monotonic()
        for endpoint in self.endpoints:
            if endpoint not in failures:
                after = max(1, round(endpoint.rests_until - now))
                failures[endpoint] = RateLimited(f"{self._name}{endpoint.where} asks to wait for {after} s", after=after)
        ordered = sorted(self.endpoints, key=lambda endpoint: isinstance(failures[endpoint], NodeRefused))
        failure = failures[ordered[0]]
        if len(ordered) > 1:
            others = "; ".join(str(failures[endpoint]) for endpoint in ordered[1:])
            return type(failure)(f"{failure}; {others}", after=failure.after)
        return failure

    # --- one endpoint ---------------------------------------------------------------------------------------------

    def _ask(self, endpoint: Endpoint, method: str, parameters: Sequence[Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        if endpoint is not self._admitted:
            self._admit(endpoint, deadline)
        return self._post(endpoint, method, parameters, deadline)

    def _admit(self, endpoint: Endpoint, deadline: float) -> None:
        """Let an endpoint answer from now on. ChainError if it is on another chain; NodeUnreachable if it is behind."""
        if len(self.endpoints) > 1:
            identity = self._identify(endpoint, deadline)
            if self._identity not in (None, identity):
                raise ChainError(
                    f"{self._name}{endpoint.where} is on another chain than {self._name}{self.endpoints[0].where}; "
                    "name endpoints of one chain",
                    code="wrong_chain",
                )
            newest = as_int(self._post(endpoint, "eth_blockNumber", (), deadline), endpoint.where)
            if newest < self._newest:
                raise Behind(
                    f"{self._name}{endpoint.where} is at block {newest}, behind the block {self._newest} that was seen"
                )
            self._identity = identity
            self.saw(newest)
        self.turns += 1
        self._admitted = endpoint

    def _identify(self, endpoint: Endpoint, deadline: float) -> tuple[int, str]:
        chain_id = as_int(self._post(endpoint, "eth_chainId", (), deadline), endpoint.where)
        first = self._post(endpoint, "eth_getBlockByNumber", ("0x0", False), deadline)
        if not isinstance(first, dict) or not isinstance(first.get("hash"), str):
            raise NodeRefused(f"{self._name}{endpoint.where} does not have the chain's first block; use another node")
        return chain_id, first["hash"].lower()

    def _post(self, endpoint: Endpoint, method: str, parameters: Sequence[Any], deadline: float) -> Any:
        where = self._name + endpoint.where
        number = next(self._ids)
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": list(parameters)})
        try:
            status, headers, content = _exchange(endpoint, body, deadline)
        except requests.exceptions.SSLError:
            raise NodeRefused(f"{where} has no certificate that can be trusted; check the URL") from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise NodeUnreachable(f"{where} did not answer in time; is the node overloaded or hanging?") from None
        # requests lets some of urllib3's errors through, and urllib3 some of the system's
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError):
            raise NodeUnreachable(f"{where} does not answer; is the node running?") from None
        answer = _parsed(content)
        after = _retry_after(headers.get("Retry-After"))
        error = answer.get("error") if answer else None
        said = endpoint.readable(error.get("message") if isinstance(error, dict) else error) if error else ""
        because = f": {said}" if said else ""
        ours = answer is not None and answer.get("id") in (number, None)
        if error and ours and (revert := _revert_data(error, said)) is not None:
            raise Refused(f"{where} refused the request: it reverts", revert=revert)
        too_many = _RATE.search(said) and not (method == "eth_getLogs" and _RANGE.search(said))
        if status == 429 or too_many:
            endpoint.rests_until = time.monotonic() + (_RATE_PAUSE_S if after is None else after)
            hint = "" if after is None else f" ({after} s)"
            raise RateLimited(f"{where} asks to wait{hint}: too many requests{because}", after=after)
        if status in (401, 402, 403):
            raise NodeRefused(f"{where} does not let us in (HTTP {status}){because}; check the access key in its URL")
        if status == 413:
            raise TooMuch(f"{where} does not take so large a request (HTTP 413)")
        if error and ours:
            said = said or "no reason given"
            raise Refused(f"{where} refused the request: {said}", said)
        if status == 408 or status >= 500:
            if after is not None:
                endpoint.rests_until = time.monotonic() + after
            raise NodeUnreachable(f"{where} fails (HTTP {status}); try again, or use another node", after=after)
        if status >= 300:
            hint = "it leads elsewhere" if status < 400 else "the request is not taken"
            raise NodeRefused(f"{where} is no Ethereum node (HTTP {status}: {hint}); check the URL")
        if not answer or answer.get("id") != number or "result" not in answer:
            raise NodeRefused(f"{where} is no Ethereum node: its answer is not JSON-RPC; check the URL")
        return answer["result"]

    # --- events ---------------------------------------------------------------------------------------------------

    def logs(self, query: dict[str, Any], first: int, last: int) -> Iterator[list[Any]]:
        """The logs of these blocks, in parts that the node takes: half as many blocks each time that it does not."""
        while first <= last:
            endpoint = self._current
            blocks = min(endpoint.log_blocks, last - first + 1)
            span = {"fromBlock": hex(first), "toBlock": hex(first + blocks - 1)}
            try:
                found = self.ask("eth_getLogs", query | span)
            except (Refused, TooMuch):
                # Nodes have many words for it, so any refusal may be one; that of a single block is none.
                if blocks == 1:
                    raise
                self._current.log_blocks = blocks // 2
                continue
            if not isinstance(found, list):
                raise not_understood(self.where)
            yield found
            first += blocks


def _exchange(endpoint: Endpoint, body: str, deadline: float) -> tuple[int, Any, bytes]:
    """Status, headers and body of the answer. A node that sends it byte by byte gets no more time than another.

    In a thread of its own: nothing else ends the looking up of a name, or a head whose bytes keep coming.
    """
    exchanged: Future[tuple[int, Any, bytes]] = Future()

    def exchange(session: requests.Session) -> None:
        try:
            exchanged.set_result(_posted(session, endpoint, body, deadline))
        except Exception as error:
            exchanged.set_exception(error)

    threading.Thread(target=exchange, args=[endpoint.session], daemon=True).start()
    try:
        return exchanged.result(_left(deadline))
    except TimeoutError:
        endpoint.session = _session(endpoint.url)  # the thread may still use the other one
        raise requests.Timeout from None


def _posted(session: requests.Session, endpoint: Endpoint, body: str, deadline: float) -> tuple[int, Any, bytes]:
    seconds = _left(deadline)
    with session.post(
        endpoint.url,
        data=body.encode(),
        headers={"Content-Type": "application/json"},
        timeout=(seconds, seconds),
        stream=True,
        allow_redirects=False,  # another host would get the question, and the access key
    ) as response:
        content = b""
        while part := response.raw.read1(1 << 16, decode_content=True):
            content += part
            if len(content) > _ANSWER_BYTES:
                raise TooMuch(f"{endpoint.where} answers with more than {_ANSWER_BYTES >> 20} MiB")
            if time.monotonic() > deadline:
                raise requests.Timeout
        return response.status_code, response.headers, content


def _session(url: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = not is_loopback(url)  # a proxy from the environment cannot reach our loopback address
    return session


def _left(deadline: float) -> float:
    """Seconds until a deadline; never 0, which some take for no limit."""
    return max(deadline - time.monotonic(), 0.001)


def _parsed(content: bytes) -> dict[str, Any] | None:
    """A JSON object, or None."""
    try:
        text = content.decode()
        require_shallow(text, "")
        answer = json.loads(text)
    except (ValueError, InputError):
        return None
    return answer if isinstance(answer, dict) else None


def _retry_after(value: str | None) -> int | None:
    """Seconds of a Retry-After header, a number or a date; a day at most. None if there is none that can be read."""
    if value is None:
        return None
    try:
        if re.fullmatch(r"[0-9]{1,9}", value.strip()):
            seconds = int(value)
        else:
            seconds = round(parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None
    return min(max(seconds, 0), 86_400)


def _revert_data(error: object, said: str) -> bytes | None:
    """What a revert returned; None if the error is none. Nodes put it in different places."""
    if not isinstance(error, dict):
        return None
    data = error.get("data")
    if isinstance(data, dict):
        data = data.get("data", data.get("result"))
    text = data if isinstance(data, str) else ""
    if error.get("code") != 3 and "revert" not in f"{said} {text}".lower():
        return None
    hexadecimal = re.search(r"0x((?:[0-9a-fA-F]{2})*)$", text)
    return bytes.fromhex(hexadecimal[1]) if hexadecimal else b""


# --- answers ------------------------------------------------------------------------------------------------------


def not_understood(where: str) -> NodeRefused:
    return NodeRefused(f"{where} is no Ethereum node: one of its answers has another form; check the URL")


def as_int(value: object, where: str) -> int:
    """A number as JSON-RPC has it."""
    if isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value):
        return int(value, 16)
    raise not_understood(where)


def as_bytes(value: object, where: str, length: int | None = None) -> bytes:
    """Bytes as JSON-RPC has them; length: how many, if that is known."""
    if isinstance(value, str) and re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", value):
        data = bytes.fromhex(value[2:])
        if length in (None, len(data)):
            return data
    raise not_understood(where)
