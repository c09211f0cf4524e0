"""What the statement shares with the EVM: keccak-256, addresses, and the ABI encodings that it hashes.

eth-abi and eth-utils do the same for any type and take half a second to load; tests hold these functions against theirs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from Crypto.Hash import keccak

#: The address of nobody.
NOBODY = "0x" + "00" * 20


def keccak256(data: bytes) -> bytes:
    """The hash of the EVM (Keccak before its standard, SHA-3, changed the padding)."""
    return keccak.new(digest_bits=256, data=data).digest()


def checksum_address(address: str) -> str:
    """An address, 0x and 40 hex digits, with its checksum (EIP-55). ValueError if it is none."""
    if not re.fullmatch("0x[0-9a-fA-F]{40}", address):
        raise ValueError("not an address (0x and 40 hex digits)")
    digits = address[2:].lower()
    hashed = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, hashed, strict=False)
    )


def is_address(text: str) -> bool:
    """0x and 40 hex digits; digits of both cases are a checksum (EIP-55), which has to be right."""
    if not re.fullmatch("0x[0-9a-fA-F]{40}", text):
        return False
    return text[2:] in (text[2:].lower(), text[2:].upper()) or text == checksum_address(text)


def word(value: int) -> bytes:
    """An unsigned integer below 2^256, or an address as one, in the 32 bytes of the ABI."""
    return value.to_bytes(32, "big")


def encode_strings(texts: Sequence[str]) -> bytes:
    """``abi.encode(string[])``: the array's place, its length, the place of each string, then length and bytes of each."""
    tails = []
    for text in texts:
        data = text.encode()
        tails.append(word(len(data)) + data + bytes(-len(data) % 32))
    places, place = [], 32 * len(texts)
    for tail in tails:
        places.append(word(place))
        place += len(tail)
    return b"".join((word(32), word(len(texts)), *places, *tails))
