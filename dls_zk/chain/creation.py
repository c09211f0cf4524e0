"""Whether a contract is what this package compiles: by the transaction that created it.

The code at an address does not tell. Creation code can write anything into the storage, prices or shares, and then leave the
genuine code. So the creation code itself is compared; ours leaves the genuine code and no contract of ours can be replaced.
"""

from __future__ import annotations

from typing import Any

from eth_abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple

from ..errors import ChainError
from ..solidity.contracts import CompiledContract
from .connection import Chain


class NotGenuine(ChainError):
    """A contract was not created as this package would, or that cannot be told."""


def constructor_arguments(chain: Chain, artifact: CompiledContract, address: str, transaction: str) -> tuple[Any, ...]:
    """What the constructor of a contract was given: addresses in small letters, structs as tuples.

    NotGenuine unless the transaction (hash) created the contract at this address, itself and not through another contract,
    from the artifact's creation code (linked, if it is to be) and arguments of its types behind it, and nothing else.
    """
    sent, receipt = chain.transaction(transaction), chain.receipt(transaction)
    if not sent or not receipt:
        raise NotGenuine(f"{chain.where} does not have {transaction}, which created it; ask a node that keeps all")
    if sent.get("to") or receipt["status"] != 1 or receipt["contractAddress"] != address:
        raise NotGenuine(f"transaction {transaction} did not create it")
    code, data = bytes.fromhex(artifact.bytecode.removeprefix("0x")), bytes(sent["input"])
    given, types = data[len(code) :], _constructor_types(artifact)
    try:
        arguments = decode(types, given)
    except (DecodingError, UnicodeDecodeError):
        arguments = None
    if not data.startswith(code) or arguments is None or encode(types, arguments) != given:
        raise NotGenuine("its creation code is not what this version of dls-zk compiles")
    return arguments


def _constructor_types(artifact: CompiledContract) -> list[str]:
    inputs = (item["inputs"] for item in artifact.abi if item["type"] == "constructor")
    return [collapse_if_tuple(one) for one in next(inputs, [])]
