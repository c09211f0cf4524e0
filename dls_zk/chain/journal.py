"""What was signed and what became of it, on the disk before anything is sent. Public data only.

One intent is one effect that somebody wants on a chain, known by a key that the caller gives, for example
("submit", chain id, hub, vault, sequence, commitment after). It has one nonce at a time, and one or more attempts: signed
transactions with that nonce. Of those the chain takes one at most, so an intent is never carried out twice.

    pending    an attempt may be on its way, or not yet sent: the chain has to be asked
    confirmed  an attempt was mined, and its block is deep enough
    reverted   an attempt was mined and had no effect
    replaced   a transaction that is none of the attempts was mined with the nonce
    refused    the node would not take the last attempt

The last three may be taken up again with another nonce. Until the end of an intent was reported to whoever asked for it, it
stays that command's: run again, the command finds it, although something else of the account has seen it through meanwhile.

A chain is known by the hash of its first block, because every
local development chain has the same chain id.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ..errors import ChainError, InputError
from ..storage import disk
from ..storage.trust import require_trusted

#: What an intent is known by. Addresses in it are written with their checksum.
IntentKey = tuple[str | int, ...]

_FORMAT = 1
_TABLES = """
CREATE TABLE intents (
    chain TEXT, key TEXT, sender TEXT, nonce INTEGER, status TEXT, hash TEXT,
    block_number INTEGER, block_hash TEXT, reason TEXT, PRIMARY KEY (chain, key)
);
CREATE TABLE attempts (
    chain TEXT, hash TEXT, key TEXT, sender TEXT, nonce INTEGER, raw BLOB, PRIMARY KEY (chain, hash)
);
"""
#: The intents whose end nobody has been told yet. A table of its own: an older version, which does not know it, can read the
#: journal, and what that version began counts as reported.
_UNREPORTED = "CREATE TABLE IF NOT EXISTS unreported (chain TEXT, key TEXT, PRIMARY KEY (chain, key))"


class IntentStatus(StrEnum):
    """What became of an intent."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    REPLACED = "replaced"
    REFUSED = "refused"


@dataclass(frozen=True)
class Intent:
    """One row. hash: of the attempt that was mined, else of the newest, hex with 0x. block_*: where it was mined.

    reason: why it was refused or reverted, "" otherwise. is_reported: whether who asked for it was told how it ended.
    """

    key: IntentKey
    sender: str
    nonce: int
    status: IntentStatus
    hash: str
    block_number: int | None
    block_hash: str | None
    reason: str
    is_reported: bool = False


@dataclass(frozen=True)
class Attempt:
    """A signed transaction. hash: hex with 0x. raw: as it is sent."""

    hash: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True)
class Journal:
    """The intents of one chain; made by ``opened``. Every change is on the disk when its method returns."""

    _database: sqlite3.Connection = field(repr=False)
    chain: str

    def intents(self) -> list[Intent]:
        """All intents, in the order in which they were begun."""
        return self._select("1 ORDER BY rowid")

    def find(self, key: IntentKey) -> Intent | None:
        """The intent with this key, if it was begun."""
        found = self._select("key = ?", _text(key))
        return found[0] if found else None

    def under(self, beginning: IntentKey) -> list[Intent]:
        """The intents whose keys begin with this and go on, in the order in which they were begun."""
        text = _text(beginning)[:-1] + ", "
        return self._select("substr(key, 1, ?) = ? ORDER BY rowid", len(text), text)

    def newest(self, key: IntentKey) -> Intent | None:
        """Of the intents whose keys are this one and one part more, the one that was begun last."""
        return next((one for one in reversed(self.under(key)) if len(one.key) == len(key) + 1), None)

    def unsettled(self, sender: str, used: int) -> list[Intent]:
        """A sender's intents that are pending, by nonce. ``used``: how many nonces of the sender the chain has used.

        With them those that were mined with a nonce that the chain has not used: a reorganisation has undone them.
        """
        return self._select(
            "sender = ? AND (status = 'pending' OR (status != 'refused' AND nonce >= ?)) ORDER BY nonce", sender, used
        )

    def attempts(self, intent: Intent) -> list[Attempt]:
        """What was signed for an intent with its present nonce, oldest first."""
        rows = self._database.execute(
            "SELECT hash, raw FROM attempts WHERE chain = ? AND key = ? AND sender = ? AND nonce = ? ORDER BY rowid",
            (self.chain, _text(intent.key), intent.sender, intent.nonce),
        )
        return [Attempt(*row) for row in rows]

    def add(self, key: IntentKey, sender: str, nonce: int, attempt: Attempt) -> None:
        """Record an attempt that is about to be sent: its intent is pending from here on.

        ChainError if the intent is another account's, or holds another nonce that is still open.
        """
        row = {"chain": self.chain, "key": _text(key), "sender": sender, "nonce": nonce, "hash": attempt.hash}
        with _change(self._database):
            begun = self._database.execute(
                "INSERT INTO intents VALUES (:chain, :key, :sender, :nonce, 'pending', :hash, NULL, NULL, '') "
                "ON CONFLICT DO UPDATE SET sender = :sender, nonce = :nonce, status = 'pending', hash = :hash, "
                "block_number = NULL, block_hash = NULL, reason = '' "
                "WHERE status NOT IN ('pending', 'confirmed') OR (sender = :sender AND nonce = :nonce)",
                row,
            )
            if not begun.rowcount:
                raise ChainError("another account has begun this; go on from that one", code="not_authorized")
            self._database.execute(
                "INSERT OR REPLACE INTO attempts VALUES (:chain, :hash, :key, :sender, :nonce, :raw)",
                row | {"raw": attempt.raw},
            )
            self._database.execute("INSERT OR IGNORE INTO unreported VALUES (:chain, :key)", row)

    def settle(
        self, intent: Intent, status: IntentStatus, hash: str, block: tuple[int, str] | None = None, reason: str = ""
    ) -> None:
        """Record what became of an intent. hash: of the attempt that decided. block: number and hash, if it was mined."""
        with _change(self._database):
            self._database.execute(
                "UPDATE intents SET status = ?, hash = ?, block_number = ?, block_hash = ?, reason = ? "
                "WHERE chain = ? AND key = ?",
                (status, hash, *(block or (None, None)), reason, self.chain, _text(intent.key)),
            )

    def report(self, keys: Iterable[IntentKey]) -> None:
        """Record that whoever asked for these intents was told how they ended."""
        with _change(self._database):
            self._database.executemany(
                "DELETE FROM unreported WHERE chain = ? AND key = ?", [(self.chain, _text(key)) for key in keys]
            )

    def reopen(self, intent: Intent) -> None:
        """Record that what was recorded does not hold any more: the intent is pending again."""
        self.settle(intent, IntentStatus.PENDING, intent.hash)

    def _select(self, condition: str, *values: str | int) -> list[Intent]:
        rows = self._database.execute(
            "SELECT key, sender, nonce, status, hash, block_number, block_hash, reason, "
            "NOT EXISTS (SELECT 1 FROM unreported AS u WHERE u.chain = intents.chain AND u.key = intents.key) "
            f"FROM intents WHERE chain = ? AND {condition}",
            (self.chain, *values),
        )
        return [
            Intent(tuple(json.loads(key)), sender, nonce, IntentStatus(status), hash, number, block, reason, bool(told))
            for key, sender, nonce, status, hash, number, block, reason, told in rows
        ]


@contextmanager
def _change(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _text(key: IntentKey) -> str:
    return json.dumps(key)


def path_in(folder: Path) -> Path:
    """The file of the journal in a folder."""
    return folder / "transactions.sqlite"


def all_intents(folder: Path) -> list[tuple[str, Intent]]:
    """The intents of all chains, each with the hash of its chain's first block, in the order in which they were begun.

    None of them if there is no journal yet; it is not made. InputError if it cannot be read.
    """
    if not path_in(folder).exists():
        return []
    with _database(folder) as database:
        chains = [chain for (chain,) in database.execute("SELECT chain FROM intents GROUP BY chain ORDER BY min(rowid)")]
        return [(chain, intent) for chain in chains for intent in Journal(database, chain).intents()]


@contextmanager
def opened(folder: Path, chain: str) -> Iterator[Journal]:
    """The journal in ``folder``, made if there is none, for the length of a ``with``. chain: hash of its first block.

    The folder is made with mode 0700, the file has mode 0600. InputError if the journal cannot be read or written.
    """
    with _database(folder) as database:
        yield Journal(database, chain)


@contextmanager
def _database(folder: Path) -> Iterator[sqlite3.Connection]:
    path = path_in(disk.make_dir(folder, "set DLS_ZK_STATE to a folder of yours that lasts"))
    require_trusted(path, "or set DLS_ZK_STATE to a folder of yours")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # the files that sqlite puts beside it take its mode
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", str(path), code="file_unusable") from None
    try:
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            with _change(database):
                (found,) = database.execute("PRAGMA user_version").fetchone()
                if found not in (0, _FORMAT):
                    raise InputError(f"has format {found}; this version of dls-zk reads {_FORMAT}", str(path))
                if found == 0:
                    for statement in _TABLES.split(";"):
                        database.execute(statement)
                    database.execute(f"PRAGMA user_version = {_FORMAT}")
                database.execute(_UNREPORTED)
            yield database
    except sqlite3.Error as error:
        message = f"the journal cannot be used ({error}); look at the file and its disk"
        raise InputError(message, str(path), code="file_unusable") from None
