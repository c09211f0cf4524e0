"""Openings as they are kept: read and verified, looked for in folders, demanded beside a proof, sealed for an auditor.

Nothing here shows what an opening holds; commitments, vaults, sequences and times are public.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import files
from .errors import InputError, listed
from .statement.commitments import book_commitment
from .statement.model import KeptOpening
from .storage.disk import read_limited
from .storage.sealed import seal, unseal

#: Names of what ``prove`` writes into a folder.
OPENING, PROOF = "opening.json", "proof.json"


def read(path: Path) -> KeptOpening:
    """An opening that opens the commitment that its file names. InputError, without the content."""
    return _sound(files.read_opening(path), str(path))


def _sound(kept: KeptOpening, where: str) -> KeptOpening:
    if book_commitment(kept.opening) != kept.commitment:
        raise InputError("damaged: it does not open the commitment that it names; restore it from a copy", where)
    return kept


def seal_for(path: Path, recipients: Sequence[str]) -> bytes:
    """An opening as a file that only age recipients (age1…) can open. InputError if it is none, or damaged."""
    read(path)
    return seal(read_limited(path, files.FILE_LIMIT), recipients)


def read_sealed(path: Path, identity_file: Path) -> KeptOpening:
    """An opening that was sealed to an identity of a file, and opens the commitment that it names. InputError."""
    content = unseal(read_limited(path, 2 * files.FILE_LIMIT), identity_file, str(path))
    return _sound(files.parse_opening(content, str(path)), str(path))


def require_beside_proof(folder: Path, commitment: int) -> None:
    """Return if a proof's folder holds the opening of the commitment that the proof leads to. InputError.

    Once the hub has accepted the proof, nobody can move the vault without that opening.
    """
    path = folder / OPENING
    try:
        kept = read(path)
    except InputError as error:
        raise InputError(f"{error.message}; {_BEFORE_SUBMITTING}", error.where, code="opening_missing") from None
    if kept.commitment != commitment:
        text = f"opens 0x{kept.commitment:064x}, and the proof beside it leads to 0x{commitment:064x}; {_BEFORE_SUBMITTING}"
        raise InputError(text, str(path), code="opening_mismatch")


_BEFORE_SUBMITTING = (
    "nobody could move the vault once this proof is accepted. Look for the opening with `dls-zk opening find`, "
    "or pass --without-opening if you keep it elsewhere"
)


@dataclass(frozen=True)
class Entry:
    """A file that is, or may be, an opening, or a folder that cannot be read. kept: None if it cannot be read, and then
    ``problem`` says why.

    has_proof: whether proof.json is beside it.
    """

    path: Path
    kept: KeptOpening | None
    problem: str
    has_proof: bool


def search(folders: Iterable[Path]) -> list[Entry]:
    """The openings in folders and below them, by vault, sequence and time; last what cannot be read.

    A file counts that is JSON of an opening's format, whatever its name is (a backup may have given it another), and one
    that is called opening.json, whatever it holds. Symbolic links to folders are not followed. InputError for a folder that
    is not there.
    """
    paths: dict[Path, None] = {}
    closed: list[OSError] = []
    for folder in folders:
        if not folder.exists():
            raise InputError("does not exist", str(folder))
        if not folder.is_dir():
            paths[folder] = None
            continue
        for parent, _, names in os.walk(folder, onerror=closed.append):
            paths |= dict.fromkeys(Path(parent, name) for name in names)
    entries = [entry for path in paths if (entry := _entry(path))]
    entries += [_unreadable(Path(error.filename), error) for error in closed]
    return sorted(entries, key=_order)


def find(folders: Iterable[Path], commitment: int) -> list[Entry]:
    """The files (copies of each other, if several) that open a commitment. InputError if there is none."""
    entries = search(folders)
    named = [entry for entry in entries if entry.kept and entry.kept.commitment == commitment]
    if opening := [entry for entry in named if entry.kept and book_commitment(entry.kept.opening) == commitment]:
        return opening
    damaged = [f"{entry.path} should, but is damaged" for entry in named]
    unread = [entry.problem for entry in entries if not entry.kept]
    said = "".join(f"; {listed(of_them, 3, '; ')}" for of_them in (damaged, unread) if of_them)
    none = f"none of {len(entries)} openings here opens 0x{commitment:064x}"
    raise InputError(f"{none}; look in your backups{said}", code="opening_missing")


def _entry(path: Path) -> Entry | None:
    try:
        status = path.stat()
    except FileNotFoundError:  # a link to nothing, or gone by now
        return None
    except OSError as error:
        return _unreadable(path, error)
    if not stat.S_ISREG(status.st_mode) or (path.name != OPENING and status.st_size > files.FILE_LIMIT):
        return None
    kept, problem = None, ""
    try:
        if path.name != OPENING and not _is_of_the_family(path, read_limited(path, files.FILE_LIMIT)):
            return None
        kept = files.read_opening(path)
    except InputError as error:
        problem = str(error)
    return Entry(path, kept, problem, os.path.isfile(path.parent / PROOF))


def _is_of_the_family(path: Path, data: bytes) -> bool:
    """Whether a file's content is an opening's, perhaps damaged. Programs and texts that name the format are none."""
    is_json = path.suffix == ".json" or data.lstrip().startswith(b"{")
    return is_json and files.OPENING_FAMILY.encode() in data


def _unreadable(path: Path, error: OSError) -> Entry:
    return Entry(path, None, f"{path}: cannot be read: {error.strerror}", has_proof=False)


def _order(entry: Entry) -> tuple[bool, bytes, int, int, str]:
    kept = entry.kept
    place = (kept.vault_id, kept.sequence, kept.created_s) if kept else (b"", 0, 0)
    return (kept is None, *place, str(entry.path))
