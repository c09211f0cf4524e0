"""The Ethereum virtual machine of pyrevm, in this process. Where it is installed, a contract runs without a local chain.

It has wheels for CPython 3.11 and 3.12 on Linux (glibc, x86-64); elsewhere a chain for the question takes its place.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

from ..errors import ToolError
from ..statement.constants import DEVELOPMENT_CHAIN_IDS

#: The rules of the EVM version that contracts are compiled for.
_RULES = "CANCUN"

_CALLER = "0x" + "22" * 20

#: More than the creation of any contract takes; none can be larger than 24 KB.
_CREATION_GAS = 10_000_000


@cache
def found() -> ModuleType | None:
    """pyrevm; None where it is not installed, or cannot be loaded."""
    try:
        return importlib.import_module("pyrevm")
    except ImportError:
        return None


def call(creation_code: bytes, data: bytes, gas: int) -> bytes:
    """The answer of a contract that lives for the call, empty if it reverts. gas: for the call, its own price included.

    The chain has the id of a development chain. ToolError if the contract cannot be created, or runs out of gas, or if there
    is no pyrevm.
    """
    pyrevm = found()
    if pyrevm is None:
        raise ToolError("pyrevm is not installed", code="tool_missing")
    machine = pyrevm.EVM(env=pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=DEVELOPMENT_CHAIN_IDS[0])), spec_id=_RULES)
    try:
        contract = machine.deploy(_CALLER, creation_code, gas=_CREATION_GAS)
    except RuntimeError:
        raise ToolError("the contract cannot be created in pyrevm; run `dls-zk doctor`") from None
    try:
        return bytes(machine.message_call(_CALLER, contract, data, gas=gas, is_static=True))
    except RuntimeError:
        if machine.result is None or machine.result.is_halt:
            raise ToolError("the contract did not end well in pyrevm; run `dls-zk doctor`") from None
        return b""
