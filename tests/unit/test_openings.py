"""Openings as they are kept: verified, looked for, demanded beside a proof, and never left readable to others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dls_zk import files, openings, operations
from dls_zk.errors import InputError
from dls_zk.statement.commitments import book_commitment
from dls_zk.statement.model import KeptOpening, Opening

BOOK = Opening((10_000_000_000000, -1_234_567891, *[0] * 6), 0x5EED << 200)
COMMITMENT = book_commitment(BOOK)
HUB = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SECRETS = ("5eed", str(BOOK.salt), "1234567891", "1234.567891", "10000000")


def kept(opening: Opening = BOOK, *, vault: int = 0xAB, sequence: int = 3, created_s: int = 1_724_889_600) -> KeptOpening:
    names = ("USDC", "ETH", *[""] * 6)
    place = (31337, HUB, bytes([vault]) * 32, sequence)
    return KeptOpening(opening, book_commitment(opening), names, *place, created_s)


def other(salt: int) -> Opening:
    return replace(BOOK, salt=BOOK.salt + salt)


def write(folder: Path, opening: KeptOpening, *, proof: bool = True) -> Path:
    folder.mkdir(parents=True)
    files.write_opening(folder / "opening.json", opening)
    if proof:
        (folder / "proof.json").write_text("{}")
    return folder / "opening.json"


def refusal(act: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        act(*arguments)
    text = str(caught.value)
    assert "\n" not in text and not any(secret in text for secret in SECRETS)
    return text


# --- beside a proof -------------------------------------------------------------------------------------------------


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("none")


def become_another(path: Path) -> None:
    """The opening of another book, as sound as the right one."""
    path.unlink()
    files.write_opening(path, kept(other(1)))


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), "cannot be read: No such file"),
    "a folder": (become_a_folder, "cannot be read: Is a directory"),
    "a dangling link": (become_a_dangling_link, "cannot be read: No such file"),
    "empty": (lambda path: path.write_text(""), "not JSON"),
    "cut short": (lambda path: path.write_text(path.read_text()[:400]), "not JSON"),
    "no opening": (lambda path: path.write_text("{}"), "format: missing"),
    "of another version": (lambda path: edit(path, "opening/v2", "opening/v1"), "format: expected 'dls-zk/opening/v2'"),
    "readable by the group": (lambda path: path.chmod(0o640), "open to other users (mode 0640) and secret; run `chmod 600"),
    "writable by others": (lambda path: path.chmod(0o602), "open to other users (mode 0602) and secret; run `chmod 600"),
    "another quantity": (lambda path: edit(path, "10000000000000", "10000000000001"), "damaged: it does not open"),
    "another salt": (lambda path: edit(path, "5eed", "5eee"), "damaged: it does not open"),
    "another label": (lambda path: edit(path, f"{COMMITMENT:064x}", f"{7:064x}"), "damaged: it does not open"),
    "another opening": (become_another, f"opens 0x{book_commitment(other(1)):064x}, and the proof beside it leads to 0x"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_proof_without_its_opening(tmp_path: Path, name: str) -> None:
    spoil, said = SPOILT[name]
    path = write(tmp_path / "r1", kept())
    openings.require_beside_proof(tmp_path / "r1", COMMITMENT)
    spoil(path)
    message = refusal(openings.require_beside_proof, tmp_path / "r1", COMMITMENT)
    assert message.startswith(f"{path}: {said}")
    assert "--without-opening" in message and "dls-zk opening find" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_opening_that_may_not_be_read(tmp_path: Path) -> None:
    write(tmp_path / "r1", kept()).chmod(0)
    assert "Permission denied" in refusal(openings.require_beside_proof, tmp_path / "r1", COMMITMENT)


# --- looked for -------------------------------------------------------------------------------------------------------


def test_a_search_tells_openings_apart(tmp_path: Path) -> None:
    late = write(tmp_path / "a/r9", kept(vault=2, sequence=9))
    again = write(tmp_path / "a/r9-again", kept(other(1), vault=2, sequence=9, created_s=1_724_889_601), proof=False)
    early = write(tmp_path / "b/deep/er/r2", kept(other(2), vault=2, sequence=2))
    first = write(tmp_path / "c", kept(other(3), vault=1, sequence=7))
    backup = tmp_path / "backup-of-r9.json"
    backup.write_bytes(late.read_bytes())
    backup.chmod(0o600)
    (tmp_path / "package.json").write_text('{"name": "something else"}')
    (tmp_path / "large.json").write_text("[" + "0," * files.FILE_LIMIT + "0]")
    open_ = write(tmp_path / "open", kept())
    open_.chmod(0o644)
    cut = write(tmp_path / "z-cut", kept())
    cut.write_text("")
    found = openings.search([tmp_path])
    assert [entry.path for entry in found] == [first, early, late, backup, again, open_, cut]
    assert [entry.has_proof for entry in found] == [True, True, True, False, False, True, True]
    assert ["open to other users" in entry.problem for entry in found if not entry.kept] == [True, False]
    assert openings.search([tmp_path / "a", tmp_path / "a", late]) == [
        entry for entry in found if entry.path in (late, again)
    ]
    assert not any(secret in repr(found) for secret in SECRETS)
    assert "does not exist" in refusal(openings.search, [tmp_path / "none"])


@pytest.mark.parametrize(
    "name", ["opening.json.bak", "opening.json~", "opening.JSON", "old.opening", "r1", ".hidden", "a b.txt"]
)
def test_an_opening_is_found_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "backup" / "2024"
    write(folder, kept()).rename(folder / name)
    (folder / "notes.txt").write_text("the format is dls-zk/opening/v2\n")
    (folder / "no-text").write_bytes(bytes(range(256)))
    (folder / "dangling").symlink_to("none")
    os.mkfifo(folder / "pipe")
    assert [entry.path for entry in openings.search([tmp_path])] == [folder / name]
    assert [entry.path for entry in openings.find([tmp_path], COMMITMENT)] == [folder / name]
    (folder / name).chmod(0o644)
    assert f"{folder / name}: open to other users (mode 0644)" in refusal(openings.find, [tmp_path], COMMITMENT)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("mode", [0, 0o400])
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, mode: int) -> None:
    folder = write(tmp_path / "r1", kept()).parent
    folder.chmod(mode)
    try:
        assert f"{folder}" in (message := refusal(openings.find, [tmp_path], COMMITMENT))
        assert "cannot be read: Permission denied" in message
    finally:
        folder.chmod(0o700)


def test_what_opens_a_commitment_is_found(tmp_path: Path) -> None:
    one = write(tmp_path / "r1", kept())
    write(tmp_path / "r2", kept(other(1)))
    (tmp_path / "copy.json").write_bytes(one.read_bytes())
    (tmp_path / "copy.json").chmod(0o600)
    assert {entry.path for entry in openings.find([tmp_path], COMMITMENT)} == {one, tmp_path / "copy.json"}
    edit(tmp_path / "copy.json", "5eed", "5eee")  # names the commitment, and does not open it
    assert [entry.path for entry in openings.find([tmp_path], COMMITMENT)] == [one]
    one.unlink()
    message = refusal(openings.find, [tmp_path], COMMITMENT)
    assert message == (
        f"none of 2 openings here opens 0x{COMMITMENT:064x}; look in your backups; "
        f"{tmp_path / 'copy.json'} should, but is damaged"
    )
    write(tmp_path / "r3", kept()).chmod(0o604)
    assert "open to other users (mode 0604)" in refusal(openings.find, [tmp_path], COMMITMENT)


# --- on disks that keep no modes -----------------------------------------------------------------------------------------


@pytest.fixture
def modeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder on which new files and folders come out open to all, as on exFAT, vfat or a network share."""
    place = tmp_path / "usb"
    place.mkdir()
    real_open, real_mkdir, real_link = os.open, os.mkdir, os.link

    def ours(path: object) -> bool:
        return str(path).startswith(str(place))

    def open_(path: str, flags: int, mode: int = 0o777, **more: int) -> int:
        descriptor = real_open(path, flags, mode, **more)
        if flags & (os.O_CREAT | os.O_TMPFILE) and ours(path):
            os.fchmod(descriptor, 0o777)
        return descriptor

    def mkdir(path: str, mode: int = 0o777, **more: int) -> None:
        real_mkdir(path, mode, **more)
        if ours(path):
            os.chmod(path, 0o777)

    def link(source: str, target: str, **more: bool) -> None:
        if ours(target):
            raise PermissionError(1, "Operation not permitted")
        real_link(source, target, **more)

    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "mkdir", mkdir)
    monkeypatch.setattr(os, "link", link)
    monkeypatch.delenv("DLS_ZK_ALLOW_MODELESS_DISK", raising=False)
    place.chmod(0o777)
    return place


def test_no_opening_is_written_where_modes_are_not_kept(modeless: Path) -> None:
    message = refusal(files.write_opening, modeless / "opening.json", kept())
    assert "keeps no file modes, so other users could read this secret; use a folder on another disk" in message
    assert "DLS_ZK_ALLOW_MODELESS_DISK=1" in message and "chmod" not in message
    assert list(modeless.iterdir()) == []


def test_one_that_is_there_is_not_read(modeless: Path, tmp_path: Path) -> None:
    """And its owner is not sent to a chmod that cannot help."""
    path = modeless / "opening.json"
    path.write_bytes(write(tmp_path / "r1", kept()).read_bytes())
    path.chmod(0o777)
    message = refusal(openings.read, path)
    assert "keeps no file modes" in message and "chmod" not in message


def test_who_is_alone_on_a_machine_may_use_such_a_disk(modeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLS_ZK_ALLOW_MODELESS_DISK", "1")
    files.write_opening(modeless / "opening.json", kept())
    assert (modeless / "opening.json").stat().st_mode & 0o777 == 0o777  # as this disk makes them
    assert openings.read(modeless / "opening.json") == kept()
    assert [path.name for path in modeless.iterdir()] == ["opening.json"]


def test_prove_finds_out_before_it_works(modeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (modeless / "there").mkdir()
    for folder in (modeless / "there", modeless / "not/yet"):
        assert "keeps no file modes" in refusal(operations.proven_paths, folder)
    assert [path.name for path in modeless.rglob("*")] == ["there"]
    monkeypatch.setenv("DLS_ZK_ALLOW_MODELESS_DISK", "1")
    for folder in (modeless / "there", modeless / "not/yet"):
        assert operations.proven_paths(folder)[0] == folder / "opening.json"


def test_no_opening_lies_where_anybody_can_delete_it(tmp_path: Path) -> None:
    for mode, safe in ((0o700, True), (0o755, True), (0o775, True), (0o1777, True), (0o777, False), (0o733, False)):
        tmp_path.chmod(mode)
        assert operations.proven_paths(tmp_path / "new")  # which prove would make at 0700
        if safe:
            assert operations.proven_paths(tmp_path)
        else:
            message = refusal(operations.proven_paths, tmp_path)
            assert message == f"{tmp_path}: anybody can delete or replace files in it; run `chmod o-w {tmp_path}`"


def test_the_variable_opens_no_other_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLS_ZK_ALLOW_MODELESS_DISK", "1")
    path = write(tmp_path / "r1", kept())
    path.chmod(0o644)
    assert f"run `chmod 600 {path}`" in refusal(openings.read, path)


def test_the_file_holds_what_tells_it_from_others(tmp_path: Path) -> None:
    document = json.loads(write(tmp_path / "r1", kept()).read_text())
    assert (document["vault_id"], document["sequence"], document["chain_id"]) == ("0x" + "ab" * 32, 3, 31337)
    assert (document["hub"], document["created"]) == (HUB, "2024-08-29T00:00:00Z")
    assert document["instruments"] == ["USDC", "ETH", "", "", "", "", "", ""]
