"""Which tools this machine has, and how to get the missing ones."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from dataclasses import dataclass

from ..errors import ToolError
from ..storage import places
from .foundry import foundry_path
from .node import NODE_REQUIRED, node_path, node_version, npm_path
from .process import run
from .rapidsnark import program

PYTHON_REQUIRED = (3, 11)


@dataclass(frozen=True)
class ToolStatus:
    """One line of ``doctor``. ``ok`` is None for what is missing and need not be there: it is installed when needed."""

    tool: str
    found: str
    required: str
    ok: bool | None
    remedy: str


def examine() -> list[ToolStatus]:
    """Look at every tool. Installs nothing and writes nothing."""
    findings = [_python_finding(), _node_finding(), _npm_finding(), *_package_findings()]
    findings += [_library_finding(library) for library in ("wasmtime", "py_ecc")]
    return [*findings, _rapidsnark_finding(), _disk_finding(), _memory_finding()]


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
    folder = places.node_dir()
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


def _rapidsnark_finding() -> ToolStatus:
    found = program()
    return ToolStatus("rapidsnark", str(found or "missing"), "optional", bool(found) or None, "a faster prover")


_DISK_REQUIRED = 1 << 30  # 250 MB of Node packages, and keys of some 30 MB each
_MEMORY_REQUIRED = 2 << 30  # circom and solc take up to 1 GB each


def _disk_finding() -> ToolStatus:
    folder = places.home()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    ok = free >= _DISK_REQUIRED
    return ToolStatus("disk", f"{free / 2**30:.1f} GiB free", ">= 1 GiB", ok, f"make room on the disk that holds {folder}")


def _memory_finding() -> ToolStatus:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return ToolStatus("memory", f"{total / 2**30:.1f} GiB", ">= 2 GiB", total >= _MEMORY_REQUIRED, "use a larger machine")
