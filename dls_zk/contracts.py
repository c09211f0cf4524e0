"""The Solidity sources, compiled into what can be deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import artifacts, toolchain
from .errors import ToolError

# The compiler settings, the same as in verifier_contracts/foundry.toml (a test compares the two).
EVM_VERSION = "cancun"
OPTIMIZER_RUNS = 10_000


@dataclass(frozen=True)
class Artifact:
    """A compiled contract: its name, its ABI and its creation code (hex with 0x)."""

    name: str
    abi: list[dict[str, Any]] = field(repr=False)
    bytecode: str = field(repr=False)


def compile_contracts(verifiers: Mapping[str, str] | None = None) -> dict[str, Artifact]:
    """Compile the hub and the development oracle, and with them generated verifiers (contract name → source).

    Returns every contract that can be deployed by its name. ToolError with the compiler's first complaint.
    """
    root = artifacts.data_dir("verifier_contracts")
    sources = {
        path.relative_to(root).as_posix(): {"content": path.read_text()}
        for path in sorted((root / "src").rglob("*.sol"))
        if path.parent.name != "generated"
    }
    sources |= {f"src/generated/{name}.sol": {"content": text} for name, text in (verifiers or {}).items()}
    output = toolchain.solc(
        {
            "language": "Solidity",
            "sources": sources,
            "settings": {
                "evmVersion": EVM_VERSION,
                "optimizer": {"enabled": True, "runs": OPTIMIZER_RUNS},
                "metadata": {"bytecodeHash": "none", "appendCBOR": False},
                "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
            },
        }
    )
    for complaint in output.get("errors", []):
        if complaint["severity"] == "error":
            message = " ".join(complaint.get("formattedMessage", complaint["message"]).split())
            raise ToolError(f"solc refused the contracts: {message[:500]}")
    return {
        name: Artifact(name, contract["abi"], "0x" + contract["evm"]["bytecode"]["object"])
        for contracts in output["contracts"].values()
        for name, contract in contracts.items()
        if contract["evm"]["bytecode"]["object"] and contract["abi"]
    }
