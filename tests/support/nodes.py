"""Nodes that behave as others in the field do: a real one behind a way that changes or replaces what it says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

#: The end of each URL: an access key, which no message may show.
SECRET = "k3y-0f-0ur-acc0unt"


@dataclass(frozen=True)
class Reply:
    """An answer instead of the node's. body: bytes as they are, anything else as JSON. byte_s: seconds before each byte."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    byte_s: float = 0
    drop: bool = False


@dataclass(frozen=True)
class Request:
    """What was asked. count: how many requests came before it."""

    method: str
    params: list[Any]
    id: int
    count: int

    def error(self, message: str, code: int = -32000, status: int = 200, **more: Any) -> Reply:
        body = {"jsonrpc": "2.0", "id": self.id, "error": {"code": code, "message": message} | more}
        return Reply(body, status)

    def result(self, value: Any) -> Reply:
        return Reply({"jsonrpc": "2.0", "id": self.id, "result": value})


#: What comes instead of the node's answer; None: its answer.
Behaviour = Callable[[Request], Reply | None]
#: What becomes of the node's result.
Change = Callable[[Request, Any], Any]


@dataclass
class Node:
    """One node. asked: the methods so far, in order."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def node(upstream: str, behaves: Behaviour = lambda _: None, change: Change = lambda _, value: value) -> Iterator[Node]:
    """A node in front of the one at a URL."""
    made = Node("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            asked = json.loads(raw)
            request = Request(asked["method"], asked["params"], asked["id"], len(made.asked))
            made.asked.append(request.method)
            reply = behaves(request)
            if reply is None:
                answer = requests.post(upstream, data=raw, headers={"Content-Type": "application/json"}, timeout=60).json()
                if "result" in answer:
                    answer["result"] = change(request, answer["result"])
                reply = Reply(answer)
            if reply.drop:
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for byte in body if reply.byte_s else b"":
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(reply.byte_s)
                self.wfile.write(b"" if reply.byte_s else body)
                self.wfile.flush()
            except OSError:  # the other side has given up
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}/{SECRET}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


# --- kinds of nodes -----------------------------------------------------------------------------------------------


def proof_of_authority(request: Request, value: Any) -> Any:
    """Blocks are signed in their extraData, which is longer than Ethereum's, as on BSC, Polygon and clique chains."""
    if request.method.startswith("eth_getBlockBy") and value:
        return value | {"extraData": "0x" + "d7" * 97}
    return value


def without_pending(request: Request) -> Reply | None:
    """There is no pending block."""
    return request.error("pending block is not available") if "pending" in request.params else None


def without_tip(request: Request) -> Reply | None:
    """Nobody says what tip to pay."""
    if request.method in ("eth_maxPriorityFeePerGas", "eth_feeHistory"):
        return request.error(f"the method {request.method} does not exist/is not available", -32601)
    return None


def logs_of_at_most(blocks: int, answer: Callable[[Request], Reply]) -> Behaviour:
    """Events of a limited number of blocks."""

    def behaves(request: Request) -> Reply | None:
        if request.method != "eth_getLogs":
            return None
        (query,) = request.params
        asked = int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1
        return answer(request) if asked > blocks else None

    return behaves


def silent(seconds: float) -> Behaviour:
    """Takes the question and says nothing for so long."""

    def behaves(_: Request) -> Reply | None:
        time.sleep(seconds)
        return Reply(drop=True)

    return behaves


def both(*behaviours: Behaviour) -> Behaviour:
    """The first of them that has something to say."""

    def behaves(request: Request) -> Reply | None:
        return next((reply for one in behaviours if (reply := one(request)) is not None), None)

    return behaves
