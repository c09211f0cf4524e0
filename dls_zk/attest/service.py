"""``attest serve``: answers the operators' signed requests over HTTP, and samples the accounts each minute.

It speaks plain HTTP and belongs behind a proxy that ends TLS; by default it listens on the loopback address alone. A request
tells nobody more than its operator may know: what comes back is a hiding commitment, and an opening that is encrypted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ..chain.signatures import signer_of
from ..errors import CODES, DlsError, InputError
from ..statement.commitments import policy_hash
from ..storage.strict_json import parse_json
from . import extra
from .attestor import Attestor
from .configuration import AttestedVault
from .source import TOLERANCE_S
from .wire import HEALTH, LONGEST_S, PATH, SignedRequest

#: Seconds between two samples of an account.
SAMPLE_EVERY_S = 60
_REQUEST_BYTES = 4096
#: Seconds that requests under way may take at shutdown.
_SHUTDOWN_S = 10

#: Requests a minute: of one operator, and of all that nobody has signed.
OPERATOR_PER_MINUTE = 12
ANYBODY_PER_MINUTE = 120


def log(event: str, **fields: object) -> None:
    """A line of JSON on stderr. Names, seconds and codes only: never a balance, a salt, a key or a signature."""
    line = {"time": int(time.time()), "event": event, **fields}
    print(json.dumps(line), file=sys.stderr, flush=True)


@dataclass
class Bucket:
    """Lets so many requests a minute through, as many at once."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _left: float = field(init=False)
    _then: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._then = self.per_minute, self.clock()

    def wait_s(self) -> int:
        """Seconds to wait before the next request; 0: this one is taken."""
        with self._turn:
            now = self.clock()
            self._left = min(self.per_minute, self._left + (now - self._then) * self.per_minute / 60)
            self._then = now
            if self._left >= 1:
                self._left -= 1
                return 0
            return max(1, int((1 - self._left) * 60 / self.per_minute) + 1)


class NotAnswered(InputError):
    """A request that is not answered, for whoever may not be told why."""


@dataclass
class Desk:
    """Decides about requests, in several threads at once."""

    attestor: Attestor
    anybody: Bucket = field(default_factory=lambda: Bucket(ANYBODY_PER_MINUTE))
    _operators: dict[str, Bucket] = field(default_factory=dict)

    def answer(self, body: bytes) -> tuple[int, dict[str, Any], int | None]:
        """HTTP status, document, and seconds to wait."""
        vault: AttestedVault | None = None
        observed: int | None = None
        try:
            asked = SignedRequest.of(parse_json(body, "request"))
            vault, observed = self._admitted(asked), asked.request.observed_at_s
            if wait := self._operators.setdefault(vault.operator, Bucket(OPERATOR_PER_MINUTE)).wait_s():
                return _too_many(wait)
            signed = self.attestor.attest(vault, asked.request.observed_at_s, sampled=True)
        except DlsError as error:
            # Only what no operator signed takes from the bucket of all: else strangers could shut the operators out.
            if vault is None and (wait := self.anybody.wait_s()):
                return _too_many(wait)
            status = _status(error)
            log("refused", status=status, code=error.code, **_about(vault, observed))
            return status, _refusal(error, error.after), error.after
        log("attested", again=signed.again, **_about(vault, observed))
        opening = base64.b64encode(signed.sealed).decode()
        return 200, {"attestation": signed.attestation.to_document(), "opening": opening}, None

    def _admitted(self, asked: SignedRequest) -> AttestedVault:
        """The vault of a request that its operator signed. NotAnswered, always with the same words, for any other."""
        request, now = asked.request, int(time.time())
        configuration = self.attestor.configuration
        try:
            sender = signer_of(request.typed_data(configuration.domain).digest(), asked.signature)
            vault = configuration.find(request.vault_id, request.venue)
        except (ValueError, InputError):
            raise NotAnswered("not a request of an operator of this attestor") from None
        if sender != vault.operator:
            raise NotAnswered("not a request of an operator of this attestor")
        if request.deadline_s < now:
            raise InputError("the deadline of the request has passed; compare the clocks", code="clock_skew")
        if request.deadline_s > now + LONGEST_S + TOLERANCE_S:
            raise InputError(f"the deadline of the request is more than {LONGEST_S} s away", "request: deadline")
        if request.policy_hash != policy_hash(vault.policy):
            text = "the attestor's configuration has another policy of this vault than the request"
            raise InputError(text, "request: policy_hash", code="policy_mismatch")
        return vault

    def sample(self) -> None:
        """Sample every venue; a source that fails is logged, and hinders no other."""
        for vault in self.attestor.configuration.vaults:
            try:
                self.attestor.sample(vault)
            except DlsError as error:
                log("sample_failed", code=error.code, **_about(vault, None))
            except Exception as error:  # a fault of ours: it must not end the sampling of the others
                log("sample_failed", code="unexpected", kind=type(error).__name__, **_about(vault, None))


def _about(vault: AttestedVault | None, observed_at_s: int | None) -> dict[str, object]:
    if vault is None:
        return {}
    return {"vault": f"0x{vault.vault_id.hex()}", "venue": vault.venue_name, "observed_at": observed_at_s}


def _too_many(wait_s: int) -> tuple[int, dict[str, Any], int]:
    return 429, _refusal(InputError("too many requests", code="rate_limited"), wait_s), wait_s


def _refusal(error: DlsError, after: int | None) -> dict[str, Any]:
    return {"error": error.as_json() | {"after": after}}


def _status(error: DlsError) -> int:
    if isinstance(error, NotAnswered):
        return 401
    return 503 if CODES[error.code].retryable else 422


def application(desk: Desk) -> Any:
    """The service as an ASGI application, which samples as long as it runs."""
    extra.load("starlette")
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def attest(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _REQUEST_BYTES:
                return JSONResponse(_refusal(InputError("the request is too long"), None), 413)
        status, document, after = await run_in_threadpool(desk.answer, body)
        return JSONResponse(document, status, {"Retry-After": str(after)} if after else None)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def sampling() -> None:
        while True:
            started = time.monotonic()
            await run_in_threadpool(desk.sample)
            await asyncio.sleep(max(0.0, SAMPLE_EVERY_S - (time.monotonic() - started)))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(sampling())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    routes = [Route(PATH, attest, methods=["POST"]), Route(HEALTH, health, methods=["GET"])]
    return Starlette(routes=routes, lifespan=lifespan)


def serve(attestor: Attestor, host: str, port: int, started: Callable[[str], None]) -> None:
    """Serve until a signal ends the process; requests under way are answered first. started: gets the URL."""
    uvicorn: Any = extra.load("uvicorn")
    configuration = uvicorn.Config(
        application(Desk(attestor)),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        limit_concurrency=64,
    )

    class Server(uvicorn.Server):  # type: ignore[misc]
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                listening = self.servers[0].sockets[0].getsockname()
                shown = f"[{listening[0]}]" if ":" in listening[0] else listening[0]
                started(f"http://{shown}:{listening[1]}")

    try:
        Server(configuration).run()
    except SystemExit as ended:  # uvicorn's way to say that it could not listen
        if ended.code in (1, 3):
            raise InputError(f"cannot listen on {host} port {port}; is another program there?", "serve") from None
        raise
    finally:
        log("stopped")
