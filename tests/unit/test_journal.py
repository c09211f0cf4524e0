"""The journal: what it keeps, in which order, and what it will not take."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dls_zk.chain import journal
from dls_zk.chain.journal import Attempt, Intent, IntentStatus, Journal
from dls_zk.errors import ChainError, InputError
from tests.support import commandline

ALICE, BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
KEY = ("submit", 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x" + "ab" * 32, 5, 2**253)
BLOCK = (9, "0x" + "09" * 32)


def attempt(n: int) -> Attempt:
    return Attempt(f"0x{n:064x}", n.to_bytes(4, "big"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def book(folder: Path) -> Iterator[Journal]:
    with journal.opened(folder, "chain") as book:
        yield book


def found(book: Journal, key: journal.IntentKey = KEY) -> Intent:
    intent = book.find(key)
    assert intent
    return intent


def test_an_intent_from_begin_to_end(book: Journal, folder: Path) -> None:
    assert book.find(KEY) is None and book.intents() == []
    book.add(KEY, ALICE, 3, attempt(1))
    assert book.intents() == [Intent(KEY, ALICE, 3, IntentStatus.PENDING, attempt(1).hash, None, None, "")]
    book.add(KEY, ALICE, 3, attempt(2))
    assert found(book).hash == attempt(2).hash and book.attempts(found(book)) == [attempt(1), attempt(2)]
    book.settle(found(book), IntentStatus.CONFIRMED, attempt(1).hash, BLOCK)
    with journal.opened(folder, "chain") as again:
        assert again.intents() == [Intent(KEY, ALICE, 3, IntentStatus.CONFIRMED, attempt(1).hash, *BLOCK, "")]
    book.reopen(found(book))
    assert found(book) == Intent(KEY, ALICE, 3, IntentStatus.PENDING, attempt(1).hash, None, None, "")


def test_a_change_is_on_the_disk_for_others_at_once(book: Journal, folder: Path) -> None:
    with journal.opened(folder, "chain") as other:
        book.add(KEY, ALICE, 3, attempt(1))
        assert other.find(KEY) == book.find(KEY) is not None
    assert book._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert book._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


@pytest.mark.parametrize("status", [IntentStatus.REVERTED, IntentStatus.REPLACED, IntentStatus.REFUSED])
@pytest.mark.parametrize("sender", [ALICE, BOB])
def test_taken_up_again_with_another_nonce(book: Journal, status: IntentStatus, sender: str) -> None:
    book.add(KEY, ALICE, 3, attempt(1))
    book.settle(found(book), status, attempt(1).hash, reason="why")
    book.add(KEY, sender, 4, attempt(2))
    assert found(book) == Intent(KEY, sender, 4, IntentStatus.PENDING, attempt(2).hash, None, None, "")
    assert book.attempts(found(book)) == [attempt(2)]


@pytest.mark.parametrize("status", [IntentStatus.PENDING, IntentStatus.CONFIRMED])
@pytest.mark.parametrize(("sender", "nonce"), [(BOB, 3), (ALICE, 2), (ALICE, 4)])
def test_an_open_intent_keeps_its_account_and_nonce(book: Journal, status: IntentStatus, sender: str, nonce: int) -> None:
    book.add(KEY, ALICE, 3, attempt(1))
    book.settle(found(book), status, attempt(1).hash)
    before = book.intents(), book.attempts(found(book))
    with pytest.raises(ChainError):
        book.add(KEY, sender, nonce, attempt(2))
    assert (book.intents(), book.attempts(found(book))) == before


def test_what_is_unsettled(book: Journal) -> None:
    """Pending ones whatever their nonce; mined ones from the first nonce on that the chain has not used."""
    for nonce, name in enumerate(["CONFIRMED", "REVERTED", "REPLACED", "REFUSED", "PENDING"]):
        status = IntentStatus[name]
        book.add(("of Alice", nonce), ALICE, nonce, attempt(nonce))
        book.settle(found(book, ("of Alice", nonce)), status, attempt(nonce).hash)
    book.add(("of Bob", 0), BOB, 0, attempt(9))
    nonces = {used: [intent.nonce for intent in book.unsettled(ALICE, used)] for used in range(6)}
    assert nonces == {0: [0, 1, 2, 4], 1: [1, 2, 4], 2: [2, 4], 3: [4], 4: [4], 5: [4]}
    assert [intent.key for intent in book.unsettled(BOB, 7)] == [("of Bob", 0)]


def test_lowest_nonce_first(book: Journal) -> None:
    for nonce in (7, 5, 6):
        book.add(("n", nonce), ALICE, nonce, attempt(nonce))
    assert [intent.nonce for intent in book.unsettled(ALICE, 5)] == [5, 6, 7]
    assert [intent.nonce for intent in book.intents()] == [7, 5, 6]


def test_the_same_bytes_belong_to_the_intent_that_they_were_signed_for_last(book: Journal) -> None:
    book.add(("first",), ALICE, 3, attempt(1))
    book.settle(found(book, ("first",)), IntentStatus.REFUSED, attempt(1).hash)
    book.add(("second",), ALICE, 3, attempt(1))
    assert book.attempts(found(book, ("first",))) == [] and book.attempts(found(book, ("second",))) == [attempt(1)]


def test_signed_again_is_the_newest(book: Journal) -> None:
    for n in (1, 2, 1):
        book.add(KEY, ALICE, 3, attempt(n))
    assert book.attempts(found(book)) == [attempt(2), attempt(1)]


def test_chains_are_apart(book: Journal, folder: Path) -> None:
    book.add(KEY, ALICE, 3, attempt(1))
    with journal.opened(folder, "another chain") as other:
        assert other.find(KEY) is None and other.unsettled(ALICE, 0) == []
        other.add(KEY, BOB, 8, attempt(1))
        other.settle(found(other), IntentStatus.CONFIRMED, attempt(1).hash, BLOCK)
    assert found(book).status is IntentStatus.PENDING and book.attempts(found(book)) == [attempt(1)]


def test_only_the_user_may_read_it(folder: Path) -> None:
    before = os.umask(0)
    try:
        with journal.opened(folder, "chain") as book:
            book.add(KEY, ALICE, 3, attempt(1))
            modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("transactions.sqlite", "transactions.sqlite-wal", "transactions.sqlite-shm"), 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_another_format_is_refused(book: Journal, folder: Path) -> None:
    with sqlite3.connect(folder / "transactions.sqlite") as database:
        database.execute("PRAGMA user_version = 2")
    expected = "transactions.sqlite: has format 2; this version of dls-zk reads 1"
    with pytest.raises(InputError, match=expected), journal.opened(folder, "chain"):
        pass


def test_a_change_that_fails_leaves_nothing(book: Journal) -> None:
    book.add(KEY, ALICE, 3, attempt(1))
    with pytest.raises(sqlite3.Error):
        book.add(("other",), ALICE, 4, Attempt(attempt(2).hash, object()))  # type: ignore[arg-type]
    assert [intent.key for intent in book.intents()] == [KEY]
    book.add(("other",), ALICE, 4, attempt(2))


def test_the_intents_of_all_chains(folder: Path) -> None:
    assert journal.all_intents(folder) == [] and not folder.exists()
    for chain in ("second", "first"):
        with journal.opened(folder, chain) as book:
            book.add(KEY, ALICE, 3, attempt(1))
    with journal.opened(folder, "second") as book:
        book.settle(found(book), IntentStatus.REVERTED, attempt(1).hash, BLOCK, "it was reverted")
    (one, reverted), (other, pending) = journal.all_intents(folder)
    assert (one, reverted.status, reverted.reason) == ("second", IntentStatus.REVERTED, "it was reverted")
    assert (other, pending.status) == ("first", IntentStatus.PENDING)


def test_the_command_shows_the_journal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLS_ZK_STATE", str(folder))
    assert "not there yet" in commandline.invoke("journal").stdout and not folder.exists()
    with journal.opened(folder, "0x" + "11" * 32) as book:
        book.add(KEY, ALICE, 3, attempt(1))
        book.add(("other", "key"), ALICE, 4, attempt(2))
        book.settle(found(book), IntentStatus.CONFIRMED, attempt(1).hash, BLOCK)
    told = json.loads(commandline.invoke("journal", "--json").stdout)
    assert told["journal"] == str(folder / "transactions.sqlite")
    first, second = told["intents"]
    assert (first["state"], first["what"], first["chain_id"], first["block"]) == ("confirmed", "submit", 31337, 9)
    assert first["key"][-1] == str(2**253) and first["transaction"] == attempt(1).hash
    assert (second["state"], second["chain_id"], second["block"], second["reason"]) == ("pending", None, None, None)
    assert json.loads(commandline.invoke("journal", "--json", "--pending").stdout)["intents"] == [second]
    assert "confirmed" in commandline.invoke("journal").stdout
    (folder / "transactions.sqlite").write_bytes(b"damaged" * 1000)
    told = json.loads(commandline.invoke("journal", "--json").stdout)["error"]
    assert told["code"] == "file_unusable" and told["where"] == str(folder / "transactions.sqlite")
