"""Whether a contract is what this package compiles: by the transaction that created it.

The code at an address does not tell. Creation code can write anything into the storage, prices or shares, and then leave the
genuine code. So the creation code itself is compared; ours leaves the genuine code and no contract of ours can be replaced.
"""

from __future__ import annotations

from typing import Any

from ..errors import ChainError
from ..solidity.abi import Mismatch, constructor_types, decode, encode
from ..solidity.contracts import CompiledContract
from .connection import Chain


class NotGenuine(ChainError):
    """A contract was not created as this package would, or that cannot be told."""


def constructor_arguments(chain: Chain, artifact: CompiledContract, address: str, transaction: str) -> tuple[Any, ...]:
    """What the constructor of a contract was given: structs as tuples.

    NotGenuine unless the transaction (hash) created the contract at this address, itself and not through another contract,
    from the artifact's creation code (linked, if it is to be) and arguments of its types behind it, and nothing else.
    """
    sent, receipt = chain.transaction(transaction), chain.receipt(transaction)
    if not sent or not receipt:
        raise NotGenuine(f"{chain.where} does not have {transaction}, which created it; ask a node that keeps all")
    if sent.to or not receipt.succeeded or receipt.contract_address != address:
        raise NotGenuine(f"transaction {transaction} did not create it")
    code, types = artifact.creation_code_alone, constructor_types(artifact.abi)
    encoded = sent.data[len(code) :]
    try:
        arguments = decode(types, encoded)
    except Mismatch:
        arguments = None
    if not sent.data.startswith(code) or arguments is None or encode(types, arguments) != encoded:
        raise NotGenuine("its creation code is not what this version of dls-zk compiles")
    return arguments
