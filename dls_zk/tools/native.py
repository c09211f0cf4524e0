"""The native core of the prover: compiled on first use, tried in a process of its own, and loaded.

A wheel may bring the object for its platform; elsewhere the machine's C++ compiler makes it from the sources in
``dls_zk/native``, in some seconds. Either way it takes its place below ``places.home()`` once it has passed its self-test
there, under a name that says what it was made from and which processor passed the test.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ..errors import DlsError, ToolError
from ..storage import built, places
from ..storage.disk import sha256_file
from .process import run

logger = logging.getLogger("dls_zk")

OBJECT = "core.so"

#: Never -march=native: an object may outlive its machine. What a processor can do is looked at when the object runs.
FLAGS = (
    *("-std=c++17", "-O2", "-fPIC", "-shared", "-pthread", "-fvisibility=hidden"),
    *("-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing", "-fno-threadsafe-statics"),
)

_COMPILERS = ("c++", "g++", "clang++")
NO_COMPILER = "there is no C++ compiler for the native prover; install g++ or clang, or set CC to one"

_SELF_TEST_SECONDS = 60  # it takes less than one

#: Ends with 0 if the object passes its self-test by the fastest path of this machine, and by the portable one.
_SELF_TEST = """
import ctypes, sys
core = ctypes.CDLL(sys.argv[1])
sys.exit(core.dls_zk_self_test(core.dls_zk_best_path()) or core.dls_zk_self_test(0))
"""


@cache
def library() -> ctypes.CDLL:
    """The core, loaded; ToolError says why it cannot be had."""
    with _executable(object_path()) as (name, _):
        try:
            return ctypes.CDLL(name)
        except OSError:
            raise ToolError("the native prover cannot be loaded; `dls-zk doctor` looks at it") from None


def object_path() -> Path:
    """The object that has passed its self-test on this machine, made if it is not there yet. ToolError, ArtifactError."""
    target = places.native_dir(_key())

    def fill(folder: Path) -> None:
        if packaged():
            shutil.copy(places.native_object(), folder / OBJECT)
        else:
            if not compilers():
                raise ToolError(NO_COMPILER, code="tool_missing")
            logger.warning("First use: compiling the native prover (some seconds) into %s …", target)
            _compile(folder / OBJECT)
        (folder / OBJECT).chmod(0o600)
        self_test(folder / OBJECT)
        built.write_manifest(folder)

    built.build(target, fill)
    return built.read_manifest(target, f"remove {target}; it is made anew").path(OBJECT)


def installed() -> Path | None:
    """The object if it is there and has passed its self-test; nothing is made."""
    target = places.native_dir(_key())
    return built.read_manifest(target, "").path(OBJECT) if target.is_dir() else None


def packaged() -> bool:
    """Whether this installation brought the object, so that no compiler is needed."""
    return places.native_object().is_file()


def compilers() -> list[list[str]]:
    """Commands to compile with, the first choice first: $CC, or what is on the PATH. ToolError if $CC is no command."""
    if chosen := os.environ.get("CC", "").strip():
        try:
            return [shlex.split(chosen)]
        except ValueError:
            raise ToolError("CC is no command (its quotation marks do not fit together); set it to a compiler") from None
    return [[found] for name in _COMPILERS if (found := shutil.which(name))]


def self_test(path: Path) -> None:
    """ToolError unless the object passes its self-test, in a process that may die of it."""
    with _executable(path) as (name, descriptors):
        try:
            run([sys.executable, "-I", "-S", "-c", _SELF_TEST, name], timeout=_SELF_TEST_SECONDS, pass_fds=descriptors)
        except ToolError:
            raise ToolError("the native prover fails its self-test on this machine and is not used") from None


def _compile(path: Path) -> None:
    source = places.native_sources() / "core.cpp"
    failures = []
    for command in compilers():
        try:
            run([*command, "-x", "c++", *FLAGS, source, "-o", path], timeout=300)
            return
        except ToolError as error:
            failures.append(error)
    raise failures[0]


def _key() -> str:
    """sha256 over all that decides what the object is and whether it runs: sources or object, flags, compilers, machine,
    libc, and what the processor can do."""
    if packaged():
        made_from: dict[str, object] = {"object": sha256_file(places.native_object())}
    else:
        sources = {path.name: sha256_file(path) for path in sorted(places.native_sources().glob("*.[ch]*"))}
        made_from = {"sources": sources, "flags": FLAGS, "compilers": [_identity(command) for command in compilers()]}
    parts = made_from | {"machine": platform.machine(), "libc": platform.libc_ver(), "processor": _abilities()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _identity(command: Sequence[str]) -> list[str | int]:
    """Command, size and time of a compiler: without starting it."""
    found = shutil.which(command[0]) if command else None
    if not found:
        return [*command]
    status = os.stat(found)
    return [*command, os.path.realpath(found), status.st_size, status.st_mtime_ns]


def _abilities() -> str:
    """The line of /proc/cpuinfo that names the extensions of the processor, or what else is known of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


@contextmanager
def _executable(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A name by which the object can be loaded, and the open files that a child needs for it: its path, or a file in memory
    where its disk lets nothing be run."""
    if not (hasattr(os, "memfd_create") and os.statvfs(path).f_flag & os.ST_NOEXEC):
        yield str(path), ()
        return
    descriptor = os.memfd_create("dls-zk-core")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(path.read_bytes())
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def ready() -> bool:
    """Whether the core is there and has passed its self-test, so that it can be used at once."""
    try:
        return installed() is not None
    except DlsError:
        return False


@cache
def why_not() -> str:
    """Why the core cannot be had; "" if it can. Makes it if need be."""
    try:
        library()
    except DlsError as error:
        return str(error)
    return ""
