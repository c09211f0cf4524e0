"""EIP-712: structs of static types that a wallet shows and signs.

digest = keccak256(0x19 01 ‖ domain separator ‖ keccak256(type hash ‖ each value in a word))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .ethereum import checksum_address, is_address, keccak256, word

Value = int | bytes | str

_DOMAIN_FIELDS = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))


@dataclass(frozen=True)
class Domain:
    """Whose statements these are: the contract (address) on the chain (EIP-155 id) that checks them."""

    chain_id: int
    verifying_contract: str

    name = "dls-zk"
    version = "1"

    def __post_init__(self) -> None:
        if not 0 <= self.chain_id < 1 << 256:
            raise ValueError("chain_id is outside [0, 2^256)")
        if not is_address(self.verifying_contract):
            raise ValueError("the verifying contract is not an address (0x and 40 hex digits)")

    def separator(self) -> bytes:
        """keccak256 of the domain's type hash and fields."""
        names = (keccak256(self.name.encode()), keccak256(self.version.encode()))
        place = (word(self.chain_id), word(int(self.verifying_contract, 16)))
        return keccak256(_type_hash("EIP712Domain", _DOMAIN_FIELDS) + b"".join(names + place))

    def document(self) -> dict[str, Any]:
        """As wallets take it in JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": checksum_address(self.verifying_contract),
        }


@dataclass(frozen=True)
class Struct:
    """A type: its name, and the (name, type) of each field; bytes32 and unsigned integers alone."""

    name: str
    fields: tuple[tuple[str, str], ...]

    def hash(self, values: dict[str, Value]) -> bytes:
        """keccak256 of the type hash and the values. ValueError if a value does not fit its field."""
        words = b"".join(_encode(kind, values[name], name) for name, kind in self.fields)
        return keccak256(_type_hash(self.name, self.fields) + words)


@dataclass(frozen=True)
class TypedData:
    """Something to be signed: values (by field) of a struct, for one domain."""

    domain: Domain
    struct: Struct
    values: dict[str, Value]

    def digest(self) -> bytes:
        """What the key signs."""
        return keccak256(b"\x19\x01" + self.domain.separator() + self.struct.hash(self.values))

    def document(self) -> dict[str, Any]:
        """As ``eth_signTypedData_v4`` takes it."""
        types = {"EIP712Domain": _DOMAIN_FIELDS, self.struct.name: self.struct.fields}
        return {
            "types": {name: [{"name": field, "type": kind} for field, kind in fields] for name, fields in types.items()},
            "primaryType": self.struct.name,
            "domain": self.domain.document(),
            "message": {name: _shown(self.values[name]) for name, _ in self.struct.fields},
        }


def _type_hash(name: str, fields: tuple[tuple[str, str], ...]) -> bytes:
    return keccak256(f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})".encode())


def _encode(kind: str, value: Value, name: str) -> bytes:
    if kind == "bytes32":
        if not isinstance(value, bytes) or len(value) != 32:
            raise ValueError(f"{name} is not 32 bytes")
        return value
    bits = int(kind.removeprefix("uint"))
    if not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise ValueError(f"{name} is outside [0, 2^{bits})")
    return word(value)


def _shown(value: Value) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
