"""Hashes, addresses and encodings against eth-utils and eth-abi, which know every type."""

from random import Random

import pytest
from eth_abi import encode
from eth_utils import is_checksum_address, keccak, to_checksum_address

from dls_zk.statement.constants import FIELD
from dls_zk.statement.context import Context
from dls_zk.statement.ethereum import checksum_address, encode_strings, is_address, keccak256

RNG = Random(7)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 135, 136, 137, 272, 1000])
def test_keccak(length):
    data = RNG.randbytes(length)
    assert keccak256(data) == keccak(data)


def test_checksums():
    for _ in range(200):
        address = "0x" + RNG.randbytes(20).hex()
        assert checksum_address(address) == checksum_address("0x" + address[2:].upper()) == to_checksum_address(address)


def test_addresses():
    for _ in range(200):
        text = "0x" + "".join(RNG.choice([digit, digit.upper()]) for digit in RNG.randbytes(20).hex())
        one_case = text[2:] in (text[2:].lower(), text[2:].upper())
        assert is_address(text) == (one_case or is_checksum_address(text))
        assert is_address(to_checksum_address(text)) and is_address(text.lower())
    zero = "0x" + "00" * 20
    for text in (
        "",
        "0x",
        zero[2:],
        "0X" + "00" * 20,
        zero + "0",
        zero[:-1],
        zero[:-1] + "g",
        zero + "\n",
        " " + zero,
        "0x" + "٠" * 40,
    ):
        assert not is_address(text)
    with pytest.raises(ValueError, match="not an address"):
        checksum_address("0x12")


@pytest.mark.parametrize("count", [0, 1, 8, 16, 32])
def test_strings(count):
    for _ in range(20):
        texts = [
            "".join(RNG.choice("aZ9$/:-é₮") for _ in range(RNG.choice([0, 1, 5, 31, 32, 33, 64]))) for _ in range(count)
        ]
        assert encode_strings(texts) == encode(["string[]"], [texts])


def test_contexts():
    types = ("uint256", "address", "bytes32", "uint256", "uint256", "uint256", "address", "uint256")
    for _ in range(50):
        numbers = [RNG.choice([0, 1, RNG.getrandbits(256), 2**256 - 1]) for _ in range(5)]
        hub, operator = ("0x" + RNG.randbytes(20).hex() for _ in range(2))
        values = (numbers[0], hub, RNG.randbytes(32), *numbers[1:4], operator, numbers[4])
        expected = int.from_bytes(keccak(encode(types, values)), "big") % FIELD
        assert (
            Context(*values).to_field()
            == Context(*values[:6], to_checksum_address(operator), values[7]).to_field()
            == expected
        )
