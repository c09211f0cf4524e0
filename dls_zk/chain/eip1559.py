"""The one kind of transaction that is sent (EIP-1559, without an access list), and its signed bytes read back.

2, then RLP of: chain id, nonce, tip, fee, gas, to, value, data, access list, parity of the signature's y, r, s
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..statement.ethereum import checksum_address, keccak256
from .signatures import recover

TYPE = 2

#: How many fields are signed; the rest are the signature.
_SIGNED = 9


@dataclass(frozen=True)
class Transaction:
    """An EIP-1559 transaction without an access list.

    to: address with checksum, None to deploy. gas: its limit. max_fee_wei, tip_wei: per gas, the tip is part of the fee.
    """

    chain_id: int
    nonce: int
    to: str | None
    data: bytes = field(repr=False)
    value_wei: int
    gas: int
    max_fee_wei: int
    tip_wei: int

    def fields(self) -> dict[str, Any]:
        """Its fields by the names that JSON-RPC has for them; data is hex with 0x."""
        fields = {
            "chainId": self.chain_id,
            "nonce": self.nonce,
            "data": "0x" + self.data.hex(),
            "value": self.value_wei,
            "gas": self.gas,
            "maxFeePerGas": self.max_fee_wei,
            "maxPriorityFeePerGas": self.tip_wei,
        }
        return fields | ({"to": self.to} if self.to else {})


def parse(raw: bytes) -> Transaction:
    """A signed transaction, whoever signed it. ValueError if the bytes are anything but a signed ``Transaction``."""
    items, _ = _items(raw)
    return _transaction(items)


def decode(raw: bytes) -> tuple[Transaction, str]:
    """A signed transaction and its sender's address. ValueError if it is anything but a signed ``Transaction``."""
    items, signed = _items(raw)
    transaction = _transaction(items)
    parity, r, s = map(_integer, items[_SIGNED:])
    digest = keccak256(bytes([TYPE]) + _head(0xC0, len(signed)) + signed)
    return transaction, recover(digest, parity, r, s)


def _transaction(items: Sequence[Any]) -> Transaction:
    chain_id, nonce, tip, fee, gas, to, value, data, access_list, *signature = items
    if access_list != [] or not isinstance(data, bytes) or not isinstance(to, bytes) or len(to) not in (0, 20):
        raise ValueError("no EIP-1559 transaction without an access list")
    for number in signature:
        _integer(number)
    return Transaction(
        chain_id=_integer(chain_id),
        nonce=_integer(nonce),
        to=checksum_address("0x" + to.hex()) if to else None,
        data=data,
        value_wei=_integer(value),
        gas=_integer(gas),
        max_fee_wei=_integer(fee),
        tip_wei=_integer(tip),
    )


# --- RLP ----------------------------------------------------------------------------------------------------------


def _items(raw: bytes) -> tuple[list[Any], bytes]:
    """The twelve items, and the bytes of those that are signed."""
    if raw[:1] != bytes([TYPE]):
        raise ValueError("no EIP-1559 transaction")
    kind, start, end = _measure(raw, 1, len(raw))
    if kind != "list" or end != len(raw):
        raise ValueError("no EIP-1559 transaction")
    items, ends, at = [], [], start
    while at < end:
        kind, inner, at = _measure(raw, at, end)
        if kind == "list" and inner != at:
            raise ValueError("an access list, or no transaction")
        items.append([] if kind == "list" else raw[inner:at])
        ends.append(at)
    if len(items) != _SIGNED + 3:
        raise ValueError("no signed EIP-1559 transaction")
    return items, raw[start : ends[_SIGNED - 1]]


def _measure(data: bytes, at: int, end: int) -> tuple[str, int, int]:
    """Of the item that begins at a byte: its kind, and where its content begins and ends. ValueError if it is cut."""
    if at >= end:
        raise ValueError("cut")
    first = data[at]
    kind = "list" if first >= 0xC0 else "text"
    if first < 0x80:
        return kind, at, at + 1
    length, start = first - (0xC0 if kind == "list" else 0x80), at + 1
    if length > 55:
        start += length - 55
        size = data[at + 1 : start]
        length = int.from_bytes(size, "big")
        if size[:1] in (b"", b"\0") or length < 56:
            raise ValueError("not the shortest form")
    if start + length > end:
        raise ValueError("cut")
    if kind == "text" and length == 1 and data[start] < 0x80:
        raise ValueError("not the shortest form")
    return kind, start, start + length


def _head(base: int, length: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size


def _integer(item: object) -> int:
    if not isinstance(item, bytes) or item[:1] == b"\0" or len(item) > 32:
        raise ValueError("no number")
    return int.from_bytes(item, "big")
