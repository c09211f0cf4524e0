"""The Solidity sources, compiled into what can be deployed."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import ToolError
from ..storage import built, disk, places
from ..storage.trust import require_trusted
from ..tools import node, solc
from .abi import Signature, constructor_types, encode, signatures

# The compiler settings, the same as in verifier_contracts/foundry.toml (a test compares the two).
EVM_VERSION = "cancun"
OPTIMIZER_RUNS = 800

#: Contracts of Node packages that ours are linked with, and so have to be deployed themselves.
LIBRARIES = ("PoseidonT6",)

#: What is asked of the compiler beside the ABI.
_CODE = (
    "bytecode.object",
    "bytecode.linkReferences",
)

_IMPORT = re.compile(r'^import\s[^;]*?"([^"]+)"\s*;', re.MULTILINE)


@dataclass(frozen=True)
class CompiledContract:
    """A compiled contract: its name, its ABI, and its creation code (hex with 0x).

    links: library name → where in the code (offsets in bytes) the 20 bytes of its address go.
    """

    name: str
    abi: list[dict[str, Any]] = field(repr=False)
    bytecode: str = field(repr=False)
    links: dict[str, list[int]] = field(repr=False, default_factory=dict)

    @cached_property
    def functions(self) -> dict[str, Signature]:
        """Its functions by their names; those that share a name by name and types, such as ``deposit(uint256,address)``."""
        functions = list(signatures(self.abi, "function"))
        count = Counter(one.name for one in functions)
        return {one.name if count[one.name] == 1 else one.declaration: one for one in functions}

    @cached_property
    def events(self) -> dict[str, Signature]:
        """Its events by their names."""
        return {one.name: one for one in signatures(self.abi, "event")}

    def creation_code(self, *arguments: Any) -> bytes:
        """What deploys it. abi.Mismatch if its constructor does not take these arguments."""
        return self.creation_code_alone + encode(constructor_types(self.abi), arguments)

    @property
    def creation_code_alone(self) -> bytes:
        """The creation code without the constructor's arguments."""
        return bytes.fromhex(self.bytecode.removeprefix("0x"))

    def linked(self, libraries: Mapping[str, str]) -> CompiledContract:
        """The same contract with the addresses of its libraries in place; KeyError if one is missing."""
        code = self.bytecode
        for library, offsets in self.links.items():
            address = libraries[library].removeprefix("0x").lower()
            for offset in offsets:
                start = 2 + 2 * offset
                code = code[:start] + address + code[start + 40 :]
        return replace(self, bytecode=code, links={})


def compile_contracts() -> dict[str, CompiledContract]:
    """Our contracts by their names, all that can be deployed. ToolError with the compiler's first complaint.

    What was compiled before, from the same sources by the same compiler, is taken from the cache.
    """
    return _compiled(_sources())


def compile_verifiers(verifiers: Mapping[str, str]) -> dict[str, CompiledContract]:
    """As ``compile_contracts``, for generated verifiers alone (contract name → source)."""
    return _compiled({f"src/generated/{name}.sol": text for name, text in verifiers.items()})


def _compiled(sources: Mapping[str, str]) -> dict[str, CompiledContract]:
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": {
            "evmVersion": EVM_VERSION,
            "optimizer": {"enabled": True, "runs": OPTIMIZER_RUNS},
            "metadata": {"bytecodeHash": "none", "appendCBOR": False},
            "outputSelection": {"*": {"*": ["abi", *(f"evm.{code}" for code in _CODE)]}},
        },
    }
    digest = hashlib.sha256(json.dumps([places.node_dir().name, request], sort_keys=True).encode()).hexdigest()
    target = places.contracts_dir(digest)

    def fill(folder: Path) -> None:
        disk.write_atomic(folder / "contracts.json", json.dumps(_compile(request)))

    built.build(target, fill)
    require_trusted(target / "contracts.json", places.HOME_ADVICE)
    compiled = json.loads((target / "contracts.json").read_text())
    return {name: CompiledContract(name, **parts) for name, parts in compiled.items()}


def _sources() -> dict[str, str]:
    """Our sources, and all that they import from Node packages, by the name that imports use."""
    root = places.data_dir("verifier_contracts")
    sources = {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted((root / "src").rglob("*.sol"))
        if path.parent.name != "generated"
    }
    missing = [(name, text) for name, text in sources.items()]
    while missing:
        name, text = missing.pop()
        for imported in _IMPORT.findall(text):
            if imported.startswith("."):
                imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), imported))
            if imported not in sources:
                package, _, path = _package_and_path(imported)
                sources[imported] = node.package_file(package, path).read_text()
                missing.append((imported, sources[imported]))
    return sources


def _package_and_path(imported: str) -> tuple[str, str, str]:
    """ "@openzeppelin/contracts/x/Y.sol" → package, "/", path in it."""
    scope, _, rest = imported.partition("/")
    if not scope.startswith("@"):
        return imported.partition("/")
    name, slash, path = rest.partition("/")
    return f"{scope}/{name}", slash, path


def _compile(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    output = solc.compile_standard_json(request)
    for complaint in output.get("errors", []):
        if complaint["severity"] == "error":
            message = " ".join(complaint.get("formattedMessage", complaint["message"]).split())
            raise ToolError(f"solc refused the contracts: {message[:500]}")
    return {
        name: {
            "abi": contract["abi"],
            "bytecode": "0x" + code["object"],
            "links": _links(code["linkReferences"]),
        }
        for source, contracts in output["contracts"].items()
        for name, contract in contracts.items()
        if (code := contract["evm"]["bytecode"])["object"]
        and contract["abi"]
        and (source.startswith("src/") or name in LIBRARIES)
    }


def _links(references: Mapping[str, Mapping[str, list[dict[str, int]]]]) -> dict[str, list[int]]:
    return {
        library: [place["start"] for place in places]
        for libraries in references.values()
        for library, places in libraries.items()
    }
