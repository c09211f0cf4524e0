"""Three ways to sign: each gives exactly the transaction that was asked for, or one line, and never shows a key."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from dls_zk.chain import KeySigner, Signer, Transaction, connect, eip1559, signers
from dls_zk.chain.signatures import is_signed
from dls_zk.errors import ChainError, InputError
from dls_zk.statement.attestation import AttestationRequest
from dls_zk.statement.ethereum import keccak256
from dls_zk.statement.typed_data import Domain
from dls_zk.tools import foundry
from tests.support import faults

KEY = bytes.fromhex("8da4ef21b864d2cc526dbdb2a120bd2874c36c9d0a1fb7f8c63d7f7a8b41de8f")
ADDRESS = Account.from_key(KEY).address
PASSWORD = "correct horse Batterie ätzend"
OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

CALL = Transaction(
    chain_id=31337,
    nonce=7,
    to=OTHER,
    data=bytes.fromhex("d09de08a"),
    value_wei=0,
    gas=50_000,
    max_fee_wei=10**10,
    tip_wei=10**9,
)


def forms_of_the_key() -> list[str]:
    return [KEY.hex(), KEY.hex().upper(), str(int.from_bytes(KEY, "big")), str(KEY)[2:-1]]


def shows_no_key(text: str) -> bool:
    return not [form for form in [*forms_of_the_key(), PASSWORD] if form in text]


# --- a key in this process ---------------------------------------------------------------------------------------


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "operator.json"
    path.write_text(json.dumps(Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=2)))
    return path


@pytest.fixture
def signer(monkeypatch: pytest.MonkeyPatch) -> KeySigner:
    monkeypatch.setenv("DLS_ZK_PRIVATE_KEY", KEY.hex())
    return signers.from_environment()


@pytest.mark.parametrize("changes", [{}, {"to": None, "value_wei": 1}, {"nonce": 0, "data": b"", "tip_wei": 0}])
def test_what_is_signed_decodes_to_itself(signer: KeySigner, changes: dict[str, Any]) -> None:
    transaction = replace(CALL, **changes)
    raw = signer.sign(transaction)
    assert eip1559.decode(raw) == (transaction, ADDRESS) and raw[0] == 2
    assert signer.sign(transaction) == raw


@pytest.mark.parametrize("prefix", ["", "0x", "  0x", "\ufeff0x"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_key_in_the_environment(monkeypatch: pytest.MonkeyPatch, prefix: str, end: str) -> None:
    monkeypatch.setenv("DLS_ZK_PRIVATE_KEY", prefix + KEY.hex() + end)
    assert signers.from_environment().address == ADDRESS


@pytest.mark.parametrize(
    "text", ["", "0x", KEY.hex()[1:], KEY.hex() + "00", "0x" + "00" * 32, "ff" * 32, KEY.hex()[:-1] + "g"]
)
def test_no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DLS_ZK_PRIVATE_KEY", text)
    with pytest.raises(InputError, match=r"^\$DLS_ZK_PRIVATE_KEY: is no private key \(64 hex digits\)$") as caught:
        signers.from_environment()
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    monkeypatch.delenv("DLS_ZK_PRIVATE_KEY")
    with pytest.raises(InputError, match=r"^\$DLS_ZK_PRIVATE_KEY: is not set$"):
        signers.from_environment()


def test_keystore_with_the_password_in_the_environment(monkeypatch: pytest.MonkeyPatch, keystore: Path) -> None:
    monkeypatch.setenv("DLS_ZK_KEYSTORE_PASSWORD", PASSWORD)
    signer = signers.from_keystore(keystore)
    assert eip1559.decode(signer.sign(CALL)) == (CALL, ADDRESS)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n", "\r\n \r\n"])
def test_keystore_with_the_password_in_a_file(
    monkeypatch: pytest.MonkeyPatch, keystore: Path, end: str, mark: bytes
) -> None:
    """It goes before the environment."""
    monkeypatch.setenv("DLS_ZK_KEYSTORE_PASSWORD", "another")
    file = keystore.with_name("password")
    file.write_bytes(mark + PASSWORD.encode() + end.encode())
    assert signers.from_keystore(keystore, file).address == ADDRESS


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PASSWORD.encode() + b"\nanother\n", "more than one line; a password is one"),
        (PASSWORD.encode("utf-16"), "not UTF-8 text but UTF-16, which Windows calls Unicode; save it as UTF-8"),
        (PASSWORD.encode("latin-1"), "not UTF-8 text"),
        (PASSWORD.encode() + b" \n", "the password is wrong"),  # a blank may be part of it
        (b"\n" + PASSWORD.encode(), "more than one line"),
    ],
)
def test_password_files_of_another_form_are_named(keystore: Path, content: bytes, expected: str) -> None:
    file = keystore.with_name("password")
    file.write_bytes(content)
    with pytest.raises(InputError, match=expected) as caught:
        signers.from_keystore(keystore, file)
    hung: BaseException | None = caught.value
    while hung:  # also what a debugger or a logger could dig out
        assert shows_no_key(str(hung) + repr(getattr(hung, "object", b"")))
        hung = hung.__context__


def test_a_password_file_may_be_what_a_shell_hands_over(keystore: Path) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as end:
        end.write(PASSWORD.encode() + b"\n")
    assert signers.from_keystore(keystore, Path(f"/dev/fd/{read_end}")).address == ADDRESS
    os.close(read_end)


@pytest.mark.parametrize("typed", ["NFC", "NFD"])
@pytest.mark.parametrize("made", ["NFC", "NFD", "NFKC"])
def test_accents_may_be_composed_or_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, made: Any, typed: Any) -> None:
    password = unicodedata.normalize("NFC", "é ätzend ﬁ")  # of the last letter, NFKC makes two
    path = tmp_path / "operator.json"
    path.write_text(json.dumps(Account.encrypt(KEY, unicodedata.normalize(made, password), kdf="scrypt", iterations=2)))
    monkeypatch.setenv("DLS_ZK_KEYSTORE_PASSWORD", unicodedata.normalize(typed, password))
    assert signers.from_keystore(path).address == ADDRESS
    monkeypatch.setenv("DLS_ZK_KEYSTORE_PASSWORD", "e atzend fi")
    with pytest.raises(InputError, match="the password is wrong"):
        signers.from_keystore(path)


def test_a_password_that_is_no_text_is_named(monkeypatch: pytest.MonkeyPatch, keystore: Path) -> None:
    monkeypatch.setenv("DLS_ZK_KEYSTORE_PASSWORD", "\udce4tzend")
    with pytest.raises(InputError, match=r"^\$DLS_ZK_KEYSTORE_PASSWORD: not UTF-8 text$"):
        signers.from_keystore(keystore)


def test_a_keystore_may_begin_with_a_mark(monkeypatch: pytest.MonkeyPatch, keystore: Path) -> None:
    monkeypatch.setenv("DLS_ZK_KEYSTORE_PASSWORD", PASSWORD)
    keystore.write_bytes(b"\xef\xbb\xbf" + keystore.read_bytes())
    assert signers.from_keystore(keystore).address == ADDRESS


OPEN_KEYSTORE = """
import sys
from pathlib import Path
from dls_zk.chain import signers
print(signers.from_keystore(Path(sys.argv[1])))
"""


def test_keystore_with_the_password_asked_for(keystore: Path) -> None:
    """On a real terminal, which does not show it."""
    environment = {name: value for name, value in os.environ.items() if name != "DLS_ZK_KEYSTORE_PASSWORD"}
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-c", OPEN_KEYSTORE, str(keystore)], environment)
    said = b""
    while not said.endswith(b"operator.json: "):
        said += os.read(terminal, 1024)
    os.write(terminal, PASSWORD.encode() + b"\n")
    try:
        while more := os.read(terminal, 1024):
            said += more
    except OSError:  # the terminal of a process that has ended
        pass
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert status == 0 and f"KeySigner({ADDRESS})" in said.decode()
    assert shows_no_key(said.decode())


def test_keystore_without_a_terminal(keystore: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DLS_ZK_KEYSTORE_PASSWORD"}
    command = [sys.executable, "-c", OPEN_KEYSTORE, str(keystore)]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.stderr.decode().endswith("no terminal to ask for the password; set $DLS_ZK_KEYSTORE_PASSWORD\n")


def test_keystore_with_a_wrong_password(monkeypatch: pytest.MonkeyPatch, keystore: Path) -> None:
    for password in ("", PASSWORD[:-1], PASSWORD + " "):
        monkeypatch.setenv("DLS_ZK_KEYSTORE_PASSWORD", password)
        with pytest.raises(InputError, match="^.*/operator.json: the password is wrong$"):
            signers.from_keystore(keystore)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda file: [], "not an Ethereum keystore file"),
        (lambda file: {}, "not an Ethereum keystore file"),
        (lambda file: file | {"version": 4}, "not an Ethereum keystore file"),
        (lambda file: file | {"crypto": {}}, "damaged"),
        (lambda file: file | {"crypto": file["crypto"] | {"kdf": "md5"}}, "damaged"),
        (lambda file: file | {"crypto": file["crypto"] | {"ciphertext": "zz"}}, "damaged"),
        (lambda file: file | {"crypto": file["crypto"] | {"ciphertext": "00" * 32}}, "the password is wrong"),
    ],
)
def test_what_is_no_keystore(
    monkeypatch: pytest.MonkeyPatch, keystore: Path, change: Callable[[Any], Any], expected: str
) -> None:
    monkeypatch.setenv("DLS_ZK_KEYSTORE_PASSWORD", PASSWORD)
    keystore.write_text(json.dumps(change(json.loads(keystore.read_text()))))
    with pytest.raises(InputError, match=f"^.*/operator.json: .*{expected}") as caught:
        signers.from_keystore(keystore)
    assert "\n" not in str(caught.value)


def test_a_key_is_never_shown(signer: KeySigner) -> None:
    shown = [repr(signer), f"{signer}", [signer], vars(signer)]
    with suppress(TypeError):  # accounts cannot be copied where coincurve is installed
        shown += [asdict(signer), astuple(signer)]
    assert all(shows_no_key(str(value)) for value in shown)
    assert repr(signer) == f"KeySigner({ADDRESS})"
    assert CALL.data.hex() not in repr(CALL)


# --- a key elsewhere -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with foundry.anvil(chain_id=31337, accounts=2) as url:
        yield url


def test_anvils_own_accounts(url: str) -> None:
    first, second = connect(url).accounts()
    with pytest.raises(InputError, match="holds 2 accounts; say which by its address"):
        signers.from_url(url)
    for address in (second, second.lower()):
        signer: Signer = signers.from_url(url, address)
        for transaction in (CALL, replace(CALL, to=None)):
            assert eip1559.decode(signer.sign(transaction)) == (transaction, second)
    with pytest.raises(InputError, match=f"does not hold the account {ADDRESS}"):
        signers.from_url(url, ADDRESS)
    with pytest.raises(InputError, match="not an address"):
        signers.from_url(url, first[:-1])


def test_it_can_send_with_an_external_signer(url: str, tmp_path: Path) -> None:
    with faults.world(url, faults.compile_counter(), tmp_path / "journal") as world:
        signer = signers.from_url(url, world.chain.accounts()[0])
        sender = replace(world.sender(), signer=signer)
        assert sender.perform(("increment", 1), world.call()) and world.count() == 1


@contextmanager
def fake(answer: Callable[[str, Any], Any]) -> Iterator[str]:
    """A signer whose result for a method and its parameter is made by ``answer``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            result = answer(request["method"], (request["params"] or [None])[0])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **result}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret-access-key"
    finally:
        server.shutdown()
        server.server_close()


Change = Callable[[dict[str, Any]], dict[str, Any]]


def signing(change: Change, key: bytes = KEY, form: str = "text") -> Callable[[str, Any], Any]:
    """A signer that signs something else than what it is asked to."""

    def answer(method: str, asked: Any) -> Any:
        if method == "eth_accounts":
            return {"result": [ADDRESS.lower()]}
        assert method == "eth_signTransaction" and asked.pop("from") == ADDRESS
        raw = Account.sign_transaction(change({"type": 2} | asked), key).raw_transaction.to_0x_hex()
        return {"result": raw if form == "text" else {"raw": raw, "tx": asked}}

    return answer


@pytest.mark.parametrize("form", ["text", "raw and tx"])
def test_an_honest_signer(form: str) -> None:
    with fake(signing(lambda asked: asked, form=form)) as url:
        signer = signers.from_url(url)
        assert signer.address == ADDRESS
        assert eip1559.decode(signer.sign(CALL)) == (CALL, ADDRESS)
        assert "secret" not in repr(signer)


OTHERS: dict[str, tuple[Change, str]] = {
    "to": (lambda asked: asked | {"to": ADDRESS}, "(to differs)"),
    "to nobody": (lambda asked: {name: asked[name] for name in asked if name != "to"}, "(to differs)"),
    "data": (lambda asked: asked | {"data": asked["data"] + "00"}, "(data differs)"),
    "value": (lambda asked: asked | {"value": 1}, "(value_wei differs)"),
    "nonce": (lambda asked: asked | {"nonce": 8}, "(nonce differs)"),
    "chain": (lambda asked: asked | {"chainId": 1}, "(chain_id differs)"),
    "gas": (lambda asked: asked | {"gas": 50_001}, "(gas differs)"),
    "fee": (lambda asked: asked | {"maxFeePerGas": 10**10 + 1}, "(max_fee_wei differs)"),
    "tip": (lambda asked: asked | {"maxPriorityFeePerGas": 10**9 - 1}, "(tip_wei differs)"),
    "two fields": (lambda asked: asked | {"nonce": 8, "value": 1}, "(nonce, value_wei differs)"),
    "access list": (
        lambda asked: asked | {"accessList": [{"address": ADDRESS, "storageKeys": []}]},
        "no signed EIP-1559 transaction",
    ),
    "legacy": (
        lambda asked: {name: asked[name] for name in asked if "Fee" not in name and name != "type"} | {"gasPrice": 10**10},
        "no signed EIP-1559 transaction",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_signer_that_signs_another_transaction(name: str) -> None:
    change, expected = OTHERS[name]
    with fake(signing(change)) as url, pytest.raises(ChainError) as caught:
        signers.from_url(url).sign(CALL)
    assert expected in str(caught.value) and "secret" not in str(caught.value)


def test_a_signer_that_signs_with_another_key() -> None:
    with fake(signing(lambda asked: asked, key=b"\1" * 32)) as url, pytest.raises(ChainError, match=r"\(sender differs\)"):
        signers.from_url(url).sign(CALL)


ANSWERS: dict[str, Any] = {
    "an error": {"error": {"code": -32000, "message": "request\ndenied"}},
    "nothing": {"result": None},
    "a number": {"result": 7},
    "no hex": {"result": "0xzz"},
    "empty": {"result": "0x"},
    "unsigned": {"result": "0x02c0"},
    "cut": {"result": "0x02f86c827a6980843b9aca0084b2d05e008275309470997970"},
    "a list": {"result": []},
    "an object": {"result": {"tx": {}}},
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_signer_that_answers_nonsense(name: str) -> None:
    def answer(method: str, asked: Any) -> Any:
        return {"result": [ADDRESS]} if method == "eth_accounts" else ANSWERS[name]

    with fake(answer) as url:
        signer = signers.from_url(url)
        with pytest.raises(ChainError) as caught:
            signer.sign(CALL)
    assert str(caught.value).startswith("the signer at http://127.0.0.1:") and "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


TYPED = AttestationRequest(b"\xab" * 32, 1, 2, 3, 4).typed_data(Domain(31337, OTHER))


@pytest.mark.parametrize("counts_from", [0, 27])
@pytest.mark.parametrize("named", ["eth_signTypedData", "eth_signTypedData_v4"])
def test_typed_data_by_programs_of_both_kinds(named: str, counts_from: int) -> None:
    """web3signer has the older name and takes a text; some programs count the last byte from 0."""

    def answer(method: str, asked: Any) -> Any:
        if method == "eth_accounts":
            return {"result": [ADDRESS]}
        if method != named:
            return {"error": {"code": -32601, "message": "Method not found"}}
        signature = bytes(Account.from_key(KEY).unsafe_sign_hash(TYPED.digest()).signature)
        return {"result": "0x" + (signature[:64] + bytes([signature[64] - 27 + counts_from])).hex()}

    with fake(answer) as url:
        signature = signers.from_url(url).sign_typed_data(TYPED)
    assert is_signed(TYPED.digest(), signature, ADDRESS)


@pytest.mark.parametrize("name", [*ANSWERS, "another key", "other data", "a prefix"])
def test_typed_data_that_was_signed_otherwise(name: str) -> None:
    other = AttestationRequest(b"\xab" * 32, 1, 2, 3, 5).typed_data(Domain(31337, OTHER))
    signed = {
        "another key": (b"\x09" * 32, TYPED.digest()),
        "other data": (KEY, other.digest()),
        "a prefix": (KEY, keccak256(b"\x19Ethereum Signed Message:\n32" + TYPED.digest())),
    }

    def answer(method: str, asked: Any) -> Any:
        if method == "eth_accounts":
            return {"result": [ADDRESS]}
        if name in ANSWERS:
            return ANSWERS[name]
        key, digest = signed[name]
        return {"result": "0x" + bytes(Account.from_key(key).unsafe_sign_hash(digest).signature).hex()}

    with fake(answer) as url:
        signer = signers.from_url(url)
        with pytest.raises(ChainError) as caught:
            signer.sign_typed_data(TYPED)
    assert caught.value.code in ("signer_refused", "node_refused") and "secret" not in str(caught.value)


@pytest.mark.parametrize("held", [None, [], "0x", [1], ["0x12"], [OTHER, ADDRESS]])
def test_which_account_is_never_guessed(held: object) -> None:
    with fake(lambda method, asked: {"result": held}) as url, pytest.raises(InputError, match="holds . accounts; say which"):
        signers.from_url(url)


def test_a_signer_that_is_not_there(tmp_path: Path) -> None:
    with fake(signing(lambda asked: asked)) as url:
        signer = signers.from_url(url)
    with pytest.raises(ChainError, match="^the signer at http://127.0.0.1:[0-9]+ does not answer"):
        signer.sign(CALL)
    with pytest.raises(InputError, match="^the signer URL is not of the form"):
        signers.from_url("127.0.0.1:9000")


def test_nothing_is_recorded_or_sent_of_another_transaction(url: str, tmp_path: Path) -> None:
    with (
        fake(signing(lambda asked: asked | {"to": OTHER})) as signer_url,
        faults.world(url, faults.compile_counter(), tmp_path / "journal") as world,
    ):
        world.rpc("anvil_setBalance", ADDRESS, hex(10**20))
        before = world.chain.block_number()
        sender = replace(world.sender(), signer=signers.from_url(signer_url))
        with pytest.raises(ChainError, match=r"than it was asked to sign \(to differs\); it was not sent"):
            sender.perform(("increment", 1), world.call())
        assert (world.chain.block_number(), world.chain.transaction_count(ADDRESS)) == (before, 0)
        with pytest.raises(AssertionError):
            world.intent(("increment", 1))


def test_decode_refuses_what_is_not_signed() -> None:
    for raw in (b"", b"\2", b"\2\xc0", b"\1\xc0", b"\xff" * 100):
        with pytest.raises(ValueError):
            eip1559.decode(raw)
