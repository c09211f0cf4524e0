"""The attestor's own record, a SQLite file (mode 0600): which account belongs to which vault, what was signed and seen.

An account belongs to one venue of one vault for good. For one second of a venue one attestation is signed and no other:
whoever asks again gets the same. What was signed is in the record before anybody gets it. The record holds balances, and
no salt.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..storage.disk import exposure, require_private_place
from .source import Reading

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (identity TEXT PRIMARY KEY, vault TEXT NOT NULL, blinding BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS attestations (
    place TEXT NOT NULL, observed_at INTEGER NOT NULL, document TEXT NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (place, observed_at)) STRICT;
CREATE TABLE IF NOT EXISTS samples (
    place TEXT NOT NULL, account TEXT NOT NULL, at INTEGER NOT NULL, reading TEXT NOT NULL,
    PRIMARY KEY (place, account, at)) STRICT;
CREATE TABLE IF NOT EXISTS quantities (
    place TEXT NOT NULL, at INTEGER NOT NULL, quantities TEXT NOT NULL, PRIMARY KEY (place, at)) STRICT;
"""

#: How long samples serve requests, and quantities the question since when they are steady.
SAMPLES_S = 2 * 3600
QUANTITIES_S = 400 * 86_400
_WAIT_S = 30


@dataclass(frozen=True)
class Place:
    """What an attestation is about: the contract that checks it, vault, venue, and policy."""

    chain_id: int
    contract: str
    vault_id: bytes
    venue: int
    policy_hash: int

    def key(self) -> str:
        parts = (self.chain_id, self.contract.lower(), self.vault_id.hex(), self.venue, f"{self.policy_hash:064x}")
        return ":".join(map(str, parts))


@dataclass(frozen=True)
class Record:
    """A record's file; it is made when it is first needed."""

    path: Path

    # --- accounts -------------------------------------------------------------------------------------------------

    def bind(self, identities: Sequence[str], place: Place, name: str) -> list[bytes]:
        """Bind accounts to a vault's venue, or find that they are; returns what blinds the id of each.

        InputError (``account_bound``) if one of them belongs to another vault or venue; then none is bound. name: for the
        error.
        """
        vault = f"0x{place.vault_id.hex()} on chain {place.chain_id}, venue {place.venue}"
        blindings = []
        with self._open() as connection:
            for identity in identities:
                fresh = (identity, vault, secrets.token_bytes(32))
                connection.execute("INSERT OR IGNORE INTO accounts VALUES (?, ?, ?)", fresh)
                row = connection.execute("SELECT vault, blinding FROM accounts WHERE identity = ?", fresh[:1]).fetchone()
                if row[0] != vault:
                    text = f"this account, or one of its addresses, belongs for good to vault {row[0]}"
                    raise InputError(text, name, code="account_bound")
                blindings.append(row[1])
        return blindings

    # --- what was signed --------------------------------------------------------------------------------------------

    def signed(self, place: Place, observed_at_s: int) -> tuple[str, bytes] | None:
        """The document and the sealed opening that were signed for a second; None if nothing was."""
        question = "SELECT document, sealed FROM attestations WHERE place = ? AND observed_at = ?"
        with self._open() as connection:
            row = connection.execute(question, (place.key(), observed_at_s)).fetchone()
        return None if row is None else (row[0], row[1])

    def keep(self, place: Place, observed_at_s: int, document: str, sealed: bytes) -> tuple[str, bytes]:
        """Record what was signed for a second, and return what counts: what another process signed for it before, if any."""
        with self._open() as connection:
            row = (place.key(), observed_at_s, document, sealed)
            connection.execute("INSERT OR IGNORE INTO attestations VALUES (?, ?, ?, ?)", row)
        kept = self.signed(place, observed_at_s)
        assert kept is not None
        return kept

    # --- what was seen ----------------------------------------------------------------------------------------------

    def sample(self, place: Place, account: str, reading: Reading) -> None:
        """Keep what an account showed; forget what is too old to be asked for."""
        with self._open() as connection:
            row = (place.key(), account, reading.at_s, reading.to_json())
            connection.execute("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?)", row)
            connection.execute("DELETE FROM samples WHERE at < ?", (reading.at_s - SAMPLES_S,))

    def nearest(self, place: Place, account: str, at_s: int) -> Reading | None:
        """The sample of an account that is nearest to a second; None if there is none at all."""
        question = "SELECT reading FROM samples WHERE place = ? AND account = ? ORDER BY abs(at - ?), at LIMIT 1"
        with self._open() as connection:
            row = connection.execute(question, (place.key(), account, at_s)).fetchone()
        return None if row is None else Reading.from_json(row[0])

    def saw(self, place: Place, at_s: int, quantities_e6: Sequence[int]) -> None:
        """Keep what the slots held at a second."""
        with self._open() as connection:
            row = (place.key(), at_s, json.dumps(quantities_e6))
            connection.execute("INSERT OR REPLACE INTO quantities VALUES (?, ?, ?)", row)
            connection.execute("DELETE FROM quantities WHERE at < ?", (at_s - QUANTITIES_S,))

    def seen_before(self, place: Place, at_s: int) -> Iterator[tuple[int, list[int]]]:
        """What the slots held at seconds before this one, the latest first."""
        question = "SELECT at, quantities FROM quantities WHERE place = ? AND at < ? ORDER BY at DESC"
        with self._open() as connection:
            for at, text in connection.execute(question, (place.key(), at_s)):
                yield at, json.loads(text)

    # --- the file ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is kept, or nothing."""
        if not self.path.exists():
            require_private_place(self.path.parent)
            try:
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
            except OSError as error:
                raise InputError(f"cannot be written: {error.strerror}", str(self.path), code="file_unusable") from None
        if exposed := exposure(self.path):
            raise InputError(exposed, str(self.path))
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_SCHEMA)
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            problem = f"the record cannot be used: {error}"
        else:
            return
        raise InputError(problem, str(self.path), code="file_unusable")
