"""Ethereum's hash, and addresses with its checksum."""

from __future__ import annotations

from Crypto.Hash import keccak as _keccak


def keccak(data: bytes) -> bytes:
    """keccak256, as Ethereum has it."""
    return _keccak.new(data=data, digest_bits=256).digest()


def checksum_address(address: bytes | str) -> str:
    """An address, 20 bytes or 0x and 40 hex digits, with its checksum (EIP-55). ValueError for anything else."""
    raw = address if isinstance(address, bytes) else bytes.fromhex(address.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError("not an address")
    digits = raw.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks, strict=False))
