"""Work on files that is killed, or finds the disk full, at a step of its own: a process each, forked from a clean one.

A step is a file that is created or opened for writing, a folder that is made or removed, a rename, a link, a removal, or
an fsync, below the folder that is watched. ``kill`` ends the process with SIGKILL before the step, ``full`` fails it and
all later ones that need room, as a full disk does.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from dls_zk import files, operations
from dls_zk.errors import DlsError
from dls_zk.groth16 import ceremony
from dls_zk.groth16.witness import Value, WitnessCalculator
from dls_zk.operations import Proven
from dls_zk.storage import built, disk
from dls_zk.storage.built import BuiltCircuit
from tests.support.binfiles import DELTA, container, contribution, zkey_sections

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["dls_zk.operations"])

_NEEDS_ROOM = ("open", "fsync", "os.mkdir", "os.rename", "os.link")
_TAKES_NONE = ("os.remove", "os.rmdir", "shutil.rmtree")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

#: How a child ends whose disk is full: as a command with an InputError.
REFUSED = 3


class Action:
    """What is done in a folder, and what must hold of it."""

    def prepare(self, place: Path) -> None:
        """What is there before."""

    def __call__(self, place: Path) -> None:
        raise NotImplementedError

    def check(self, place: Path, *, killed: bool) -> None:
        """AssertionError if ``place`` holds what it must not hold after a kill, or after a refusal."""
        raise NotImplementedError

    def again(self, place: Path) -> Action:
        """The one next step of a person after a crash."""
        return self

    def done(self, place: Path) -> bool:
        """Whether all is there."""
        raise NotImplementedError


def steps(action: Action, place: Path) -> int:
    """The number of steps of an action that nothing disturbs."""
    receiver, sender = processes.Pipe(duplex=False)
    child = processes.Process(target=_child, args=(action, place, "", None, sender))
    child.start()
    child.join()
    assert child.exitcode == 0
    return receiver.recv()


def run(action: Action, place: Path, kind: str = "", at: int | None = None) -> int:
    """Run an action, with a fault at a step if one is given; the exit code of its process."""
    child = processes.Process(target=_child, args=(action, place, kind, at, None))
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def at_once(action: Action, place: Path, count: int) -> Counter[int | None]:
    """Exit codes of processes that act in one folder at the same time."""
    barrier = processes.Barrier(count)
    children = [processes.Process(target=_together, args=(barrier, action, place)) for _ in range(count)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return Counter(child.exitcode for child in children)


def _together(barrier: Barrier, action: Action, place: Path) -> None:
    barrier.wait()
    _child(action, place, "", None, None)


def _child(action: Action, place: Path, kind: str, at: int | None, counted: Connection | None) -> None:
    count = 0

    def step(event: str) -> None:
        nonlocal count
        if at is not None and count >= at:
            if kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if event in _NEEDS_ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count += 1

    _watch(place, step)
    try:
        action(place)
    except DlsError as error:
        if error.exit_code != REFUSED or not str(error).isprintable():
            traceback.print_exc()
            os._exit(1)
        os._exit(REFUSED)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    if counted:
        counted.send(count)
    os._exit(0)


def _watch(place: Path, step: Callable[[str], None]) -> None:
    fsync = os.fsync

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not (isinstance(arguments[0], (str, os.PathLike)) and arguments[2] & _WRITING):
            return
        if event in (*_NEEDS_ROOM, *_TAKES_NONE) and str(arguments[0]).startswith(str(place)):
            step(event)

    def stepping_fsync(descriptor: int) -> None:
        step("fsync")
        fsync(descriptor)

    sys.addaudithook(hook)
    os.fsync = stepping_fsync


# --- what is disturbed --------------------------------------------------------------------------------------------------


def temporary(place: Path) -> list[Path]:
    """What is left of writing to a temporary name."""
    return [path for path in place.rglob(".*") if path.suffix == ".tmp"]


@dataclass(frozen=True)
class WriteProven(Action):
    """The end of ``prove``: the opening, then the proof."""

    proven: Proven
    out: str = "r"

    def __call__(self, place: Path) -> None:
        operations.write_proven(self.proven, place / self.out)

    def check(self, place: Path, *, killed: bool) -> None:
        opening, proof = place / "r/opening.json", place / "r/proof.json"
        assert opening.exists() or not proof.exists(), "a proof without its opening"
        if opening.exists():
            kept = files.read_opening(opening)
            assert (kept.opening, kept.commitment) == (self.proven.after, self.proven.signals.commitment_after)
            assert opening.stat().st_mode & 0o777 == 0o600
        if proof.exists():
            assert proof.read_text() == self.proven.proof.to_json()
        if not killed:
            assert proof.exists() or not opening.exists()
        # A process that is killed cannot tidy up; what it leaves of the secret is where the secret was to be.
        left = temporary(place)
        assert killed or not left
        assert len(left) <= 1
        assert all(path.parent == place / "r" and path.stat().st_mode & 0o777 in (0o600, 0o644) for path in left)
        assert all(path.stat().st_mode & 0o077 == 0 for path in left if "opening" in path.name)

    def again(self, place: Path) -> Action:
        """The same command, into another folder if an opening is there, which nothing may replace."""
        return replace(self, out="again") if (place / "r/opening.json").exists() else self

    def done(self, place: Path) -> bool:
        made = place / self.out
        return (made / "opening.json").exists() and (made / "proof.json").read_text() == self.proven.proof.to_json()


@dataclass(frozen=True)
class InstallKey(Action):
    """The end of a setup: a folder that is there whole, or not at all."""

    circuit: BuiltCircuit
    source: Path

    def __call__(self, place: Path) -> None:
        os.environ["DLS_ZK_HOME"] = str(place)

        def fill(folder: Path) -> None:
            for name in ("proving_key.zkey", "verification_key.json"):
                shutil.copy(self.source / name, folder)

        built.install_key(self.circuit, "ceremony", fill)

    def _folder(self, place: Path) -> Path:
        return place / "keys" / self.circuit.name / f"{self.circuit.r1cs_sha256[:16]}-ceremony"

    def check(self, place: Path, *, killed: bool) -> None:
        folder = self._folder(place)
        assert self.done(place) or not folder.exists()
        if not killed and folder.parent.exists():
            assert {path for path in folder.parent.iterdir() if path.suffix != ".lock"} <= {folder}

    def done(self, place: Path) -> bool:
        if not self._folder(place).exists():
            return False
        manifest = built.read_manifest(self._folder(place), "")
        assert manifest.files.keys() == {"proving_key.zkey", "verification_key.json"}
        return all(manifest.path(name).read_bytes() == (self.source / name).read_bytes() for name in manifest.files)


@dataclass(frozen=True)
class CalculateWitness(Action):
    """The first witness of a circuit, which leaves machine code beside the generator."""

    circuit: BuiltCircuit
    inputs: dict[str, Value]
    witness: bytes

    def prepare(self, place: Path) -> None:
        shutil.copytree(self.circuit.manifest.folder, place / "circuit", ignore=shutil.ignore_patterns("*wasmtime*"))

    def __call__(self, place: Path) -> None:
        manifest = built.read_manifest(place / "circuit", "build it again")
        calculator = WitnessCalculator(BuiltCircuit(self.circuit.name, manifest))
        assert calculator.calculate(self.inputs) == self.witness

    def check(self, place: Path, *, killed: bool) -> None:
        assert killed or not temporary(place)

    def done(self, place: Path) -> bool:
        return {path.suffix for path in (place / "circuit").glob("small.wasmtime*")} == {".cwasm", ".json"}


@dataclass(frozen=True)
class Contribute(Action):
    """A step of a ceremony, whose arithmetic somebody has done already."""

    before: bytes = container("zkey", zkey_sections(contribution(b"Ada", 2)).items())
    after: bytes = container("zkey", zkey_sections(contribution(b"Ada", 2), contribution(b"Bob", DELTA)).items())
    out: str = "next.zkey"

    def prepare(self, place: Path) -> None:
        (place / "first.zkey").write_bytes(self.before)

    def __call__(self, place: Path) -> None:
        def run(args: Any, *, stdin: bytes = b"") -> object:
            return next(Path(part) for part in args if str(part).endswith("new.zkey")).write_bytes(self.after)

        ceremony.contribute(place / "first.zkey", place / self.out, "Bob", "entropy", run=run)

    def check(self, place: Path, *, killed: bool) -> None:
        assert (place / "first.zkey").read_bytes() == self.before
        if (place / "next.zkey").exists():
            assert (place / "next.zkey").read_bytes() == self.after
        assert killed or {path.name for path in place.iterdir()} <= {"first.zkey", "next.zkey"}

    def again(self, place: Path) -> Action:
        return replace(self, out="other.zkey") if (place / "next.zkey").exists() else self

    def done(self, place: Path) -> bool:
        return (place / self.out).read_bytes() == self.after


@dataclass(frozen=True)
class Replace(Action):
    """A file that replaces another."""

    old: bytes = b"old" * 1000
    new: bytes = b"new" * 2000

    def prepare(self, place: Path) -> None:
        (place / "file").write_bytes(self.old)

    def __call__(self, place: Path) -> None:
        disk.write_atomic(place / "file", self.new)

    def check(self, place: Path, *, killed: bool) -> None:
        assert (place / "file").read_bytes() in (self.old, self.new)
        assert killed or not temporary(place)

    def done(self, place: Path) -> bool:
        return (place / "file").read_bytes() == self.new
