"""Which tools this machine has, how to get the missing ones, and whether ``prove`` and ``submit`` would work."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ArtifactError, DlsError, InputError, ToolError
from ..statement.circuits import CIRCUITS
from ..storage import built, places
from . import native, revm
from .foundry import foundry_path
from .node import NODE_REQUIRED, node_path, node_version, npm_path
from .process import run
from .rapidsnark import program

PYTHON_REQUIRED = (3, 11)


@dataclass(frozen=True)
class ToolStatus:
    """One line of ``doctor``. ``ok`` is None for what is missing and does not stop the main job: it is made when it is
    needed, or ``remedy`` says what to do first."""

    tool: str
    found: str
    required: str
    ok: bool | None
    remedy: str


def examine() -> list[ToolStatus]:
    """Look at every tool. Installs nothing and writes nothing."""
    findings = [_python_finding(), _node_finding(), _npm_finding(), *_package_findings()]
    findings += [_library_finding(library) for library in ("wasmtime", "py_ecc")]
    findings += [
        _native_finding(),
        _rapidsnark_finding(),
        _evm_finding(),
        _home_finding(),
        _disk_finding(),
        _memory_finding(),
        _clock_finding(),
    ]
    stopped = [finding.tool for finding in findings if finding.ok is False]
    return [*findings, *_prove_findings(stopped), *_submit_findings(stopped)]


def _python_finding() -> ToolStatus:
    required = ".".join(map(str, PYTHON_REQUIRED))
    ok = sys.version_info >= PYTHON_REQUIRED
    return ToolStatus("python", platform.python_version(), f">= {required}", ok, f"install Python {required} or newer")


def _node_finding() -> ToolStatus:
    try:
        found, ok, remedy = node_version(str(node_path())), True, ""
    except ToolError as error:
        found, ok, remedy = "missing", False, str(error)
    return ToolStatus("node", found, f">= {NODE_REQUIRED}", ok, remedy)


def _npm_finding() -> ToolStatus:
    try:
        found, ok, remedy = run([npm_path(), "--version"], timeout=30).stdout.strip(), True, ""
    except ToolError as error:
        found, ok, remedy = "missing", False, str(error)
    return ToolStatus("npm", found, "any", ok, remedy)


def _package_findings() -> list[ToolStatus]:
    """The tools in the Node packages, by the version in the package that is installed."""
    pinned = json.loads((places.node_sources() / "package.json").read_text())
    try:
        folder = places.node_dir()
    except InputError:  # the row of the home says why
        return [ToolStatus(tool, "not looked for", "any", None, "see home") for tool in [*_TOOL_PACKAGES, "anvil", "forge"]]
    remedy = f"remove {folder}; it is made anew when it is needed"
    findings = []
    for tool, package in _TOOL_PACKAGES.items():
        required = pinned["dependencies"][package]
        try:
            found = json.loads((folder / "node_modules" / package / "package.json").read_text())["version"]
        except (OSError, ValueError, KeyError):
            found = "missing"
        findings.append(ToolStatus(tool, found, required, found == required, remedy))
    for tool in ("anvil", "forge"):
        try:
            answer = run([foundry_path(tool, folder / "node_modules"), "--version"], timeout=30).stdout
            found, ok, advice = answer.splitlines()[0].split()[-1], True, ""
        except (ToolError, IndexError) as error:
            found, ok, advice = "missing", False, str(error) or remedy
        findings.append(ToolStatus(tool, found, "any", ok, advice))
    if not folder.is_dir():
        return [ToolStatus(f.tool, "not yet", f.required, None, "installed when it is first needed") for f in findings]
    return findings


#: Tools by the Node package that holds them.
_TOOL_PACKAGES = {"circom": "circom2", "circomlib": "circomlib", "snarkjs": "snarkjs", "solc": "solc"}


def _library_finding(library: str) -> ToolStatus:
    try:
        found, ok = importlib.metadata.version(library), True
    except importlib.metadata.PackageNotFoundError:
        found, ok = "missing", False
    return ToolStatus(library, found, "any", ok, "install the Python package again")


def _native_finding() -> ToolStatus:
    """The native prover: in use, or made at the first proof, or why proofs are made by a slower one."""
    required = "optional"
    try:
        if native.installed():
            origin = "came with the package" if native.packaged() else "compiled here"
            return ToolStatus("native", f"ready, {origin}", required, True, "")
    except DlsError as error:
        return ToolStatus("native", "not used", required, None, str(error))
    if native.packaged():
        return ToolStatus("native", "not yet", required, None, "came with the package; tried when it is first needed")
    if compilers := native.compilers():
        return ToolStatus("native", "not yet", required, None, f"compiled by {compilers[0][0]} when it is first needed")
    return ToolStatus("native", "missing", required, None, native.NO_COMPILER)


def _rapidsnark_finding() -> ToolStatus:
    found = program()
    return ToolStatus("rapidsnark", str(found or "missing"), "optional", bool(found) or None, "another prover")


def _evm_finding() -> ToolStatus:
    """What runs the contract of ``--verifier evm``."""
    found = importlib.metadata.version("pyrevm") if revm.found() else "missing"
    return ToolStatus("pyrevm", found, "optional", bool(revm.found()) or None, "anvil runs the verifier evm")


_DISK_REQUIRED = 1 << 30  # 250 MB of Node packages, and keys of some 30 MB each
_MEMORY_REQUIRED = 2 << 30  # circom and solc take up to 1 GB each


def _home_finding() -> ToolStatus:
    """$DLS_ZK_HOME, or what stands for it: of this user, and not writable by others."""
    try:
        folder = places.home()
    except InputError as error:
        return ToolStatus("home", "not safe", "yours alone", False, str(error))
    ok = _can_write(folder)
    return ToolStatus("home", str(folder), "writable", ok or None, "set DLS_ZK_HOME to a folder of yours, to build in")


def _clock_finding() -> ToolStatus:
    """Deadlines and the age of prices are judged by this clock. It cannot be earlier than the package."""
    made = max(path.stat().st_mtime for path in places.PACKAGE.glob("*.py"))
    now = datetime.now(UTC)
    ok = now.timestamp() > made - _CLOCK_TOLERANCE_SECONDS
    return ToolStatus("clock", f"{now:%Y-%m-%d %H:%M} UTC", "after the installation", ok or None, "set the clock")


_CLOCK_TOLERANCE_SECONDS = 86_400


def _prove_findings(stopped: list[str]) -> list[ToolStatus]:
    """What is compiled, the keys that are installed for it, and whether ``prove`` would work."""
    compiled: list[str] = []
    keys: list[str] = []
    provable: list[str] = []
    for name in CIRCUITS:
        with suppress(ArtifactError, InputError):
            circuit = built.built_circuit(name)
            compiled.append(name)
            for kind in places.KEY_KINDS:
                with suppress(ArtifactError):
                    built.proving_key(name, circuit.r1cs_sha256, kind)
                    keys.append(f"{name} ({'INSECURE dev' if kind == 'dev' else kind})")
                    provable.append(name)
    key_remedy = "`dls-zk setup dev`, for value `dls-zk setup ceremony`"
    remedy = f"see {', '.join(stopped)}" if stopped else f"first {key_remedy}"
    ready = bool(provable) and not stopped
    sizes = ", ".join(dict.fromkeys(provable))
    return [
        ToolStatus(
            "circuits", ", ".join(compiled) or "none yet", "compiled", bool(compiled) or None, "compiled at first use"
        ),
        ToolStatus("keys", ", ".join(keys) or "none yet", "one a circuit", bool(keys) or None, key_remedy),
        ToolStatus("prove", f"ready: {sizes}" if ready else "not ready", "a key", ready or None, remedy),
    ]


def _submit_findings(stopped: list[str]) -> list[ToolStatus]:
    """Where the journal of transactions is, and whether ``submit`` would work, as far as this machine can say."""
    remedy = "set DLS_ZK_STATE to a folder of yours that lasts"
    try:
        folder = places.state_dir()
        writable = _can_write(folder) and _can_write(folder / "transactions.sqlite", os.path.isfile)
        shown = str(folder)
    except InputError as error:
        writable, shown, remedy = False, "none", str(error)
    ready = writable and not stopped
    return [
        ToolStatus("journal", shown, "writable", writable or None, remedy),
        ToolStatus(
            "submit",
            "ready, given a chain (--rpc)" if ready else "not ready",
            "a journal",
            ready or None,
            f"see {', '.join(stopped or ['journal'])}",
        ),
    ]


def _can_write(path: Path, is_kind: Callable[[Path], bool] = os.path.isdir) -> bool:
    """Whether a folder, or a file, can be written, or made if it is not there."""
    place = _first_parent(path)
    return (is_kind(path) if place == path else place.is_dir()) and os.access(place, os.W_OK)


def _first_parent(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def _disk_finding() -> ToolStatus:
    try:
        folder = _first_parent(places.home())
    except InputError:
        folder = Path.cwd()
    free = shutil.disk_usage(folder).free
    ok = free >= _DISK_REQUIRED
    return ToolStatus("disk", f"{free / 2**30:.1f} GiB free", ">= 1 GiB", ok, f"make room on the disk that holds {folder}")


def _memory_finding() -> ToolStatus:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return ToolStatus("memory", f"{total / 2**30:.1f} GiB", ">= 2 GiB", total >= _MEMORY_REQUIRED, "use a larger machine")
