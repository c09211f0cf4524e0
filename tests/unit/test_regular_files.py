"""Whatever path a person names: a pipe, a socket, a device or a folder is refused in one line, at once."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from dls_zk import files, openings, operations
from dls_zk.chain import signers
from dls_zk.cli.main import main
from dls_zk.errors import ArtifactError, DlsError, InputError
from dls_zk.groth16 import ceremony
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.r1cs import constraints, r1cs_header
from dls_zk.groth16.zkey import read_zkey
from dls_zk.storage import disk
from tests.support import commandline

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """A reader that waits is interrupted; nothing here takes a second."""

    def late(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["pipe", "link to a pipe", "socket", "device", "folder"])
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    path = Path("odd.yaml")
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "link to a pipe":
        os.mkfifo("pipe")
        path.symlink_to("pipe")
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            yield path
        return
    yield path


POLICY = files.PolicyFile.model_validate(yaml.load(commandline.POLICY, Loader=yaml.BaseLoader)).to_policy()

#: Every function that reads a path which a person names.
READERS: dict[str, Callable[[Path], Any]] = {
    "policy": files.read_policy,
    "prices": lambda path: files.read_prices(path, POLICY),
    "book": lambda path: files.read_book(path, POLICY),
    "trades": lambda path: files.read_trades(path, POLICY),
    "terms": files.read_terms,
    "feeds": lambda path: files.read_feeds(path, POLICY),
    "feed_addresses": files.read_feed_addresses,
    "mandate": files.read_mandate,
    "vault": files.read_vault,
    "deployment": files.read_deployment,
    "custody": lambda path: files.read_custody(path, POLICY),
    "reconciler": files.read_reconciler,
    "opening": files.read_opening,
    "kept opening": openings.read,
    "proof": Proof.read,
    "keystore": signers.from_keystore,
    "password": lambda path: disk.read_text(path, 4096),
}
BINARY: dict[str, Callable[[Path], Any]] = {
    "zkey": read_zkey,
    "r1cs": r1cs_header,
    "constraints": lambda path: list(constraints(path)),
    "ptau": lambda path: ceremony._check_ptau(path, None, None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("reader", [*READERS, *BINARY])
def test_every_reader_refuses_what_is_no_file(odd: Path, reader: str) -> None:
    with pytest.raises(DlsError) as error:
        (READERS | BINARY)[reader](odd)
    assert isinstance(error.value, ArtifactError if reader in BINARY else InputError)
    assert re.search("odd.*(not a regular file|Is a directory)", str(error.value)) and "\n" not in str(error.value)


def test_a_verifying_key_is_a_file(odd: Path) -> None:
    proof = Proof("rebalance_8", (1, 2), ((1, 2), (3, 4)), (1, 2), (1,))
    with pytest.raises(InputError, match="odd.*(not a regular file|Is a directory)"):
        operations.verification_target(proof, odd)


def test_every_reader_of_documents_is_here() -> None:
    names = {name.removeprefix("read_") for name in vars(files) if name.startswith("read_")}
    assert names <= READERS.keys(), names - READERS.keys()


#: Modules that open files of their own making, whose folder nobody else can write to, or that come with the package.
OWN_FILES = {
    "attest/record.py", "audit/circuits.py", "chain/journal.py", "cli/export.py", "cli/streams.py",
    "groth16/constraint_table.py", "groth16/native.py", "groth16/prover.py", "groth16/witness.py", "groth16/zkey.py",
    "solidity/contracts.py", "storage/built.py", "tools/doctor.py", "tools/machine.py", "tools/native.py",
    "tools/process.py", "tools/rapidsnark.py",
}  # fmt: skip
#: Modules that open what a person names, and look first.
DOORS = {"groth16/binfile.py", "groth16/ceremony.py", "storage/disk.py"}


def test_no_other_module_opens_files() -> None:
    opens = re.compile(r"(?<![\w.])(?<!def )open\(|os\.open\(|\.read_bytes\(|(?<!disk)\.read_text\(")
    package = ROOT / "dls_zk"
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if opens.search(path.read_text("utf-8"))}
    assert found <= OWN_FILES | DOORS, found - OWN_FILES - DOORS


# --- the commands ----------------------------------------------------------------------------------------------------


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


OUTPUTS = {"out", "prices_out", "zkey_out", "json_path"}
#: Values of other required arguments that every command takes.
VALUES = {"before": "empty", "name": "Ada", "beacon_hex": "00" * 32, "size": "8", "sizes": "8", "number": "1"}


def inputs(command: click.Command) -> list[click.Parameter]:
    return [one for one in command.params if isinstance(one.type, click.Path) and one.name not in OUTPUTS]


NAMED = {" ".join(path): command for path, command in commands(main) if inputs(command)}


def test_the_commands_that_read_files_are_known() -> None:
    assert {"check", "prove", "verify", "submit", "policy lint", "vault open", "setup ceremony finish"} <= NAMED.keys()


@pytest.mark.parametrize("name", NAMED)
def test_no_command_waits_for_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """All that it reads is a pipe to which nobody writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLS_ZK_RPC", "http://127.0.0.1:9")
    monkeypatch.delenv("DLS_ZK_DEPLOYMENT", raising=False)
    os.mkfifo("pipe")
    command, arguments = NAMED[name], name.split()
    taken = {one.name for one in inputs(command)}
    for one in command.params:
        if one.name in taken:
            value = "pipe"
        elif one.required:
            value = VALUES.get(str(one.name), "0x" + "00" * 32) if one.name not in OUTPUTS else "new"
        else:
            continue
        arguments += [value] if isinstance(one, click.Argument) else [one.opts[0], value]
    result = CliRunner().invoke(main, arguments)
    # A folder that is none holds no openings, and listing those of no folder is no mistake.
    assert result.exit_code != 1 and (result.exit_code or name == "opening list"), (arguments, result.output)
