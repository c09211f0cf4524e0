"""``attest serve`` as a process, asked by the operator's client; and its desk, by whoever else asks."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from dls_zk.attest import service
from dls_zk.attest.client import Wanted, collect
from dls_zk.attest.documents import read_opening
from dls_zk.attest.service import Bucket, Desk
from dls_zk.attest.source import Reading
from dls_zk.attest.statements import Statement
from dls_zk.attest.wire import PATH, SignedRequest
from dls_zk.chain.signers import KeySigner
from dls_zk.errors import DlsError
from dls_zk.statement.attestation import AttestationRequest
from dls_zk.statement.commitments import policy_hash
from dls_zk.statement.typed_data import Domain
from dls_zk.storage.sealed import unseal
from tests.support.attesting import (
    ATTESTOR,
    CHAIN_ID,
    CONTRACT,
    ETH,
    OPERATOR,
    STRANGER,
    USDC,
    VAULT,
    attestor_of,
    identity,
    now,
    statement_account,
    wanted,
    write_configuration,
    write_statement,
)
from tests.support.bybit import SECRET, USER, Account, coin, position, serving

#: What no log, answer or file of the service may show: balances, the attestor's key, the exchange's key.
NEEDLES = ("4001708", "1234.567891", "1234567891", "31.25", "01" * 32, SECRET, "AGE-SECRET")


@dataclass
class Service:
    folder: Path
    url: str
    key: Path
    process: subprocess.Popen[str]
    log: Path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Service]:
    """A service with a statement at the custody, as a process of its own."""
    write_statement(tmp_path, {"USDC": USDC, "ETH": ETH}, now())
    key, recipient = identity(tmp_path)
    write_configuration(tmp_path, recipient)
    yield from running(tmp_path, key)


def running(folder: Path, key: Path) -> Iterator[Service]:
    log = folder / "log"
    environment = os.environ | {"DLS_ZK_PRIVATE_KEY": "01" * 32}
    command = [sys.executable, "-m", "dls_zk", "attest", "serve", "attestor.yaml", "--port", "0"]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL, text=True
        )
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), log.read_text()
        yield Service(folder, url, key, process, log)
    finally:
        process.terminate()
        process.wait(20)


def sampled(place: Service) -> None:
    """Wait until the first sample is in the record."""
    attestor, vault = attestor_of(place.folder / "attestor.yaml")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if attestor.record.nearest(attestor.place(vault), vault.accounts[0].name, now()):
            return
        time.sleep(0.05)
    raise AssertionError(place.log.read_text())


def wanted_at(place: Service, at_s: int) -> Wanted:
    attestor, vault = attestor_of(place.folder / "attestor.yaml")
    return wanted(vault, attestor, at_s)


def test_an_operator_collects_and_nobody_else(served: Service) -> None:
    assert requests.get(served.url + "/healthz", timeout=10).json() == {"status": "ok"}
    sampled(served)
    at = now()
    what = wanted_at(served, at)
    first = collect(served.url, what, OPERATOR, served.key)
    assert first.opening.opening.quantities_e6 == (4001708_612345, 1234_567891, *[0] * 6)
    assert first.attestation.attestor == ATTESTOR.address
    again = collect(served.url, what, OPERATOR, served.key)
    assert (again.attestation, again.sealed) == (first.attestation, first.sealed)
    for signer, changed in (
        (STRANGER, what),
        (OPERATOR, replace(what, vault_id=b"\xcd" * 32)),
        (OPERATOR, replace(what, domain=Domain(1, CONTRACT))),
        (OPERATOR, replace(what, venue=1)),
    ):
        with pytest.raises(DlsError, match="does not answer this operator") as caught:
            collect(served.url, changed, signer, served.key)
        assert caught.value.code == "source_refused"
    # Stopped, and started again: the same second has the same attestation.
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(20) == 143
    lines = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    assert {line["event"] for line in lines} >= {"attested", "refused", "stopped"}
    assert "Traceback" not in served.log.read_text()
    for again_served in running(served.folder, served.key):
        third = collect(again_served.url, what, OPERATOR, served.key)
        assert (third.attestation, third.sealed) == (first.attestation, first.sealed)
    shows_no_secret(served.folder)


def shows_no_secret(folder: Path) -> None:
    """Balances are in the statement and in the attestor's own record, and nowhere else."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("statement.csv", "attest-record.sqlite", "operator.age", "bybit.json"):
            assert not [one for one in NEEDLES if one.encode() in path.read_bytes()], path
    assert stat.S_IMODE((folder / "attest-record.sqlite").stat().st_mode) == 0o600


def test_a_second_without_a_sample_near_it_is_refused(served: Service) -> None:
    sampled(served)
    with pytest.raises(DlsError) as caught:
        collect(served.url, wanted_at(served, now() - 200), OPERATOR, served.key)
    assert caught.value.code == "stale_source"
    with pytest.raises(DlsError) as caught:
        collect(served.url, wanted_at(served, now() + 200), OPERATOR, served.key)
    assert caught.value.code == "stale_source"


def test_an_exchange_is_sampled_and_attested_from_the_samples(tmp_path: Path) -> None:
    """One venue, from the exchange's answers to the operator's quantities, and the equity is the value of the slots."""
    shown = Account(
        coins=[coin("USDT", "31.25", equity="41.25", pnl="10"), coin("ETH", "0.1234567891")],
        linear={"USDT": [position("ETHUSDT", "Sell", "2", "2505", "2500")]},
    )
    key, recipient = identity(tmp_path)
    credentials = tmp_path / "bybit.json"
    credentials.write_text(json.dumps({"key": "key-of-the-test", "secret": SECRET}))
    credentials.chmod(0o600)
    with serving(shown) as url:
        source = {"exchange": "bybit", "account": USER, "credentials": "bybit.json", "url": url}
        slots = {"USDT": "USDT-B", "ETH": "ETH-B", "ETHUSDT": "ETH-PERP"}
        accounts = [{"name": "trading account", "exchange": source, "slots": slots}]
        write_configuration(tmp_path, recipient, accounts, venue="exchange")
        attestor, vault = attestor_of(tmp_path / "attestor.yaml")
        attestor.sample(vault)
        sampled_at = now()
    # The exchange is gone; the sample is attested all the same.
    signed = attestor.attest(vault, sampled_at, sampled=True)
    answer = Desk(attestor).answer(body_of(signed_request(vault, sampled_at, OPERATOR)))
    assert answer[0] == 200 and answer[1]["attestation"] == signed.attestation.to_document()
    opening = read_opening(unseal(signed.sealed, key, "it"), signed.attestation, "it")
    assert opening.opening.quantities_e6 == (0, 0, 5041_250000, 123456, -2_000000, 0, 0, 0)


# --- the desk -----------------------------------------------------------------------------------------------------------


def signed_request(vault: Any, at_s: int, signer: KeySigner, **changes: int) -> dict[str, Any]:
    fields = {"vault_id": VAULT, "venue": 0, "policy_hash": policy_hash(vault.policy), "observed_at_s": at_s}
    request = AttestationRequest(**(fields | {"venue": vault.venue, "deadline_s": now() + 60} | changes))
    signature = signer.sign_typed_data(request.typed_data(Domain(CHAIN_ID, CONTRACT)))
    return SignedRequest(request, signature).to_document()


def body_of(document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    write_statement(tmp_path, {"USDC": USDC, "ETH": ETH, "LEND": "31.25"}, now())
    account = statement_account(exclude={"LEND": "closed loan"})
    attestor, vault = attestor_of(write_configuration(tmp_path, identity(tmp_path)[1], [account]))
    attestor.sample(vault)
    return Desk(attestor)


def ask(desk: Desk, signer: KeySigner = OPERATOR, **changes: Any) -> tuple[int, str]:
    """HTTP status and code of the answer to a request; ``changes`` with a capital letter are made after it was signed."""
    vault = desk.attestor.configuration.vaults[0]
    before = {name: value for name, value in changes.items() if name.islower()}
    document = signed_request(vault, before.pop("at_s", now()), signer, **before)
    document |= {name.lower(): value for name, value in changes.items() if not name.islower()}
    status, answer, _ = desk.answer(body_of(document))
    assert not [needle for needle in NEEDLES if needle in json.dumps(answer)]
    return status, answer.get("error", {}).get("code", "")


def test_who_may_ask_what(desk: Desk) -> None:
    assert ask(desk) == (200, "")
    assert ask(desk, STRANGER)[0] == 401
    assert ask(desk, vault_id=b"\xcd" * 32)[0] == 401
    assert ask(desk, venue=3)[0] == 401
    assert ask(desk, deadline_s=now() - 1) == (422, "clock_skew")
    assert ask(desk, deadline_s=now() + 9999) == (422, "bad_input")
    assert ask(desk, policy_hash=5) == (422, "policy_mismatch")
    for change in ({"Observed_At": now() - 5}, {"Deadline": now() + 61}, {"Venue": 1}, {"Signature": "0x" + "00" * 65}):
        assert ask(desk, **change)[0] == 401, change


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"null", b"\xff", b'{"a": 1, "a": 1}', b'{"venue": 1.5}', b"[" * 3000, b'"x"', b"{" + b" " * 4000],
)
def test_what_is_no_request_is_refused(desk: Desk, body: bytes) -> None:
    assert desk.answer(body)[0] in (401, 422)


@pytest.mark.parametrize(
    "change",
    [{"Venue": "1"}, {"Venue": True}, {"Venue": -1}, {"Venue": 256}, {"Observed_At": 1 << 40}, {"Signature": "0x00"}]
    + [{"Vault_Id": "ab"}, {"Policy_Hash": "0x" + "ff" * 32}, {"More": 1}, {"Signature": None}],
)
def test_a_request_with_a_wrong_value_is_refused(desk: Desk, change: dict[str, object]) -> None:
    assert ask(desk, **change) == (422, "bad_input")


def test_too_many_requests(desk: Desk) -> None:
    statuses = [ask(desk)[0] for _ in range(service.OPERATOR_PER_MINUTE + 2)]
    assert statuses.count(200) == service.OPERATOR_PER_MINUTE and statuses[-1] == 429
    status, answer, after = desk.answer(body_of(signed_request(desk.attestor.configuration.vaults[0], now(), OPERATOR)))
    assert (status, answer["error"]["code"]) == (429, "rate_limited") and after and after <= 6
    noise = [desk.answer(b"{}")[0] for _ in range(service.ANYBODY_PER_MINUTE + 2)]
    assert noise[0] == 422 and noise[-1] == 429


def test_strangers_do_not_shut_an_operator_out(desk: Desk) -> None:
    noise = [desk.answer(b"{}")[0] for _ in range(service.ANYBODY_PER_MINUTE + 2)]
    assert noise[-1] == 429 and ask(desk, STRANGER)[0] == 429
    assert ask(desk) == (200, "")


def test_a_fault_in_one_venue_ends_no_sampling(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: Statement, at_s: int) -> Reading:
        raise AttributeError("4001708 has no attribute")

    with monkeypatch.context() as patch:
        patch.setattr(Statement, "balances", fails)
        desk.sample()
    said = json.loads(capsys.readouterr().err)
    assert (said["event"], said["code"], said["kind"]) == ("sample_failed", "unexpected", "AttributeError")
    assert not [needle for needle in NEEDLES if needle in json.dumps(said)]


def test_a_bucket_fills_with_time() -> None:
    clock = [0.0]
    bucket = Bucket(6, lambda: clock[0])
    assert [bucket.wait_s() for _ in range(7)] == [0] * 6 + [11]
    clock[0] = 9.9
    assert bucket.wait_s() == 1
    clock[0] = 10.0
    assert bucket.wait_s() == 0 and bucket.wait_s() > 0


def test_a_body_that_is_too_long_is_not_read(served: Service) -> None:
    answer = requests.post(served.url + PATH, data=b"x" * 10_000, timeout=10)
    assert answer.status_code == 413 and "error" in answer.json()
    assert requests.get(served.url + PATH, timeout=10).status_code == 405
    assert requests.get(served.url + "/", timeout=10).status_code == 404


# --- the client ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://attestor.example", "ftp://127.0.0.1", "127.0.0.1:80", "", "https://"])
def test_the_client_speaks_https_beyond_this_machine(url: str, desk: Desk, tmp_path: Path) -> None:
    vault = desk.attestor.configuration.vaults[0]
    with pytest.raises(DlsError, match="URL"):
        collect(url, wanted(vault, desk.attestor, now()), OPERATOR, tmp_path / "operator.age")


def test_the_client_says_that_nobody_answers(desk: Desk, tmp_path: Path) -> None:
    vault = desk.attestor.configuration.vaults[0]
    with pytest.raises(DlsError) as caught:
        collect("http://127.0.0.1:9", wanted(vault, desk.attestor, now()), OPERATOR, tmp_path / "operator.age")
    assert caught.value.code == "source_unreachable" and caught.value.retryable


def say(answer: bytes, trickle: bytes = b"") -> Iterator[str]:
    """A service that answers with these bytes, then with others for ever, each some time after the one before; its URL."""

    def serve() -> None:
        with suppress(OSError):  # closed
            while True:
                caller, _ = listener.accept()
                with caller, suppress(OSError):
                    caller.recv(1 << 16)
                    caller.sendall(answer)
                    while trickle:
                        time.sleep(0.05)
                        caller.sendall(trickle)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


BROKEN = {
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
    "cut off in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{",
    "no chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\r\n",
    "not as it was packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "a wait that is no number": b"HTTP/1.1 503 No\r\nRetry-After: \xb2\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_the_client_takes_no_broken_answer(answer: bytes, desk: Desk, tmp_path: Path) -> None:
    vault = desk.attestor.configuration.vaults[0]
    for url in say(answer):
        with pytest.raises(DlsError) as caught:
            collect(url, wanted(vault, desk.attestor, now()), OPERATOR, tmp_path / "operator.age", timeout_s=5)
        assert caught.value.code == "source_unreachable"


def test_the_client_waits_for_the_whole_answer_and_no_longer(desk: Desk, tmp_path: Path) -> None:
    vault = desk.attestor.configuration.vaults[0]
    for url in say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{", trickle=b" "):
        began = time.monotonic()
        with pytest.raises(DlsError) as caught:
            collect(url, wanted(vault, desk.attestor, now()), OPERATOR, tmp_path / "operator.age", timeout_s=0.5)
        assert caught.value.code == "source_unreachable" and time.monotonic() - began < 3
