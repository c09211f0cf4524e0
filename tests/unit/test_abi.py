"""The ABI codec against eth_abi, over the types of all our contracts: the same bytes, and no reading of others."""

from __future__ import annotations

from functools import cache
from typing import Any

import eth_abi
import pytest
from eth_abi.exceptions import DecodingError
from eth_utils import function_signature_to_4byte_selector, to_checksum_address
from eth_utils.abi import collapse_if_tuple
from hypothesis import given, settings
from hypothesis import strategies as st

from dls_zk.solidity import abi, contracts
from dls_zk.solidity.abi import Mismatch, Signature

ODD = (
    [{"type": "string[][2]", "name": "a"}, {"type": "int24[3][]", "name": "b"}],
    [{"type": "tuple[2][]", "name": "a", "components": [{"type": "bytes", "name": "x"}, {"type": "bool", "name": "y"}]}],
    [{"type": "bytes1", "name": "a"}, {"type": "bytes31", "name": "b"}, {"type": "int256", "name": "c"}],
)


@cache
def all_parameters() -> dict[str, list[abi.Parameter]]:
    """What functions take and answer, and what errors, events and constructors hold: of all contracts, each kind once."""
    found: dict[str, list[abi.Parameter]] = {collapse(odd): odd for odd in map(list, ODD)}
    for artifact in contracts.compile_contracts().values():
        for item in artifact.abi:
            for part in (item.get("inputs"), item.get("outputs")):
                if part:
                    found.setdefault(collapse(part), part)
    return found


def collapse(parameters: list[Any]) -> str:
    return ",".join(collapse_if_tuple(one) for one in parameters)


def values(one: abi.Type) -> st.SearchStrategy[Any]:
    if isinstance(one, abi._Number):
        return st.sampled_from([one.least, one.most]) | st.integers(one.least, one.most)
    if isinstance(one, abi._Address):
        return st.binary(min_size=20, max_size=20).map(to_checksum_address)
    if isinstance(one, abi._FixedBytes):
        return st.binary(min_size=one.length, max_size=one.length)
    if isinstance(one, abi._Bytes):
        return st.text(max_size=40) if one.text else st.binary(max_size=70)
    if isinstance(one, abi._Array):
        fixed = one.length
        return st.lists(values(one.item), min_size=fixed or 0, max_size=3 if fixed is None else fixed).map(tuple)
    if isinstance(one, abi._Struct):
        return st.tuples(*map(values, one.members))
    return st.booleans()


@st.composite
def encodings(draw: st.DrawFn) -> tuple[tuple[abi.Type, ...], list[str], tuple[Any, ...]]:
    parameters = all_parameters()
    chosen = parameters[draw(st.sampled_from(sorted(parameters)))]
    types = tuple(map(abi.type_of, chosen))
    return types, [collapse_if_tuple(dict(one)) for one in chosen], draw(st.tuples(*map(values, types)))


def as_they_say(value: Any) -> Any:
    """A decoded value as eth_abi has it: addresses in small letters."""
    if isinstance(value, tuple):
        return tuple(map(as_they_say, value))
    return value.lower() if isinstance(value, str) and len(value) == 42 and value[:2] == "0x" else value


@given(encodings())
@settings(max_examples=100, derandomize=True, deadline=None, database=None)
def test_there_and_back_as_eth_abi(case: tuple[tuple[abi.Type, ...], list[str], tuple[Any, ...]]) -> None:
    types, names, value = case
    assert [one.name for one in types] == names
    encoded = abi.encode(types, value)
    assert encoded == eth_abi.encode(names, value)
    assert abi.decode(types, encoded) == value == abi.decode(types, encoded + b"\1" * 32)


@given(encodings(), st.data())
@settings(max_examples=200, derandomize=True, deadline=None, database=None)
def test_what_is_damaged_is_refused_or_another_value(
    case: tuple[tuple[abi.Type, ...], list[str], tuple[Any, ...]], data: st.DataObject
) -> None:
    """What is read is what eth_abi reads, and nothing but its one encoding."""
    types, names, value = case
    damaged = bytearray(abi.encode(types, value))
    where = data.draw(st.integers(0, len(damaged) - 1))
    damaged[where] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(damaged) - 1)) :]
    try:
        read = abi.decode(types, bytes(damaged))
    except Mismatch:
        return
    assert bytes(damaged).startswith(abi.encode(types, read))
    try:
        theirs = eth_abi.decode(names, bytes(damaged))
    except (DecodingError, UnicodeDecodeError) as error:
        raise AssertionError(f"eth_abi does not read this: {error}") from None
    assert as_they_say(read) == as_they_say(theirs)


@given(st.binary(max_size=400), st.sampled_from(["string[]", "bytes[][]", "string", "uint8[]", "bytes32[2][]"]))
@settings(max_examples=100, derandomize=True, deadline=None, database=None)
def test_noise_is_refused(noise: bytes, name: str) -> None:
    types = [abi.type_of({"type": name})]
    try:
        read = abi.decode(types, noise)
    except Mismatch:
        return
    assert noise.startswith(abi.encode(types, read))


WORD = b"\0" * 31


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bool", WORD + b"\2"),
        ("uint8", WORD[:-1] + b"\1\0"),
        ("int8", WORD + b"\x80"),
        ("address", b"\1" + WORD),
        ("bytes4", b"\1" * 5 + WORD[:27]),
        ("string", WORD + b"\x40" + WORD + b"\0" + WORD + b"\0"),
        ("string", WORD + b"\x20" + WORD + b"\1" + b"\xff" + WORD),
        ("bytes", WORD + b"\x20" + WORD + b"\1" + b"\1\1" + WORD[:30]),
        ("bytes", WORD + b"\x20" + b"\xff" * 32),
        ("uint256[]", WORD + b"\x20" + b"\xff" * 32 + WORD + b"\0"),
        ("uint256", WORD),
    ],
)
def test_what_no_encoder_writes(name: str, data: bytes) -> None:
    with pytest.raises(Mismatch):
        abi.decode([abi.type_of({"type": name})], data)


@pytest.mark.parametrize(
    ("name", "value"),
    [("uint8", 256), ("uint8", -1), ("uint8", True), ("uint8", "1"), ("int8", 128), ("int8", -129), ("bool", 1)]
    + [("address", "0x" + "1" * 39), ("address", b"1" * 20), ("address", "0x70997970c51812DC3A010C7d01b50e0d17dc79C8")]
    + [("bytes4", b"abc"), ("bytes4", "0x01020304"), ("bytes", "ab"), ("string", b"ab"), ("string", "\ud800")]
    + [("uint8[2]", (1,)), ("uint8[2]", (1, 2, 3)), ("uint8[]", 1), ("uint8[]", (1, 256))],
)
def test_what_does_not_fit(name: str, value: object) -> None:
    with pytest.raises(Mismatch):
        abi.encode([abi.type_of({"type": name})], [value])


@pytest.mark.parametrize("name", ["uint", "uint7", "uint264", "int0", "bytes33", "bytes0", "fixed128x18", "", "string[0]"])
def test_what_is_no_type(name: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        abi.type_of({"type": name})


def test_selectors_are_those_of_eth_utils() -> None:
    count = 0
    for artifact in contracts.compile_contracts().values():
        for kind in ("function", "error", "event"):
            for one in abi.signatures(artifact.abi, kind):
                declared = f"{one.name}({','.join(collapse_if_tuple(dict(part)) for part in one.inputs)})"
                assert one.selector == function_signature_to_4byte_selector(declared)
                count += 1
    assert count > 200


def test_events() -> None:
    inputs: tuple[abi.Parameter, ...] = (
        {"name": "who", "type": "address", "indexed": True},
        {"name": "what", "type": "string", "indexed": True},
        {"name": "pair", "type": "tuple", "components": [{"name": "a", "type": "uint8"}, {"name": "b", "type": "bytes4"}]},
    )
    one = Signature("Odd", inputs)
    who, what = b"\0" * 12 + b"\1" * 20, b"\7" * 32
    data = abi.encode([abi.type_of(inputs[2])], [(7, b"abcd")])
    expected = {"who": "0x" + "01" * 20, "what": what, "pair": {"a": 7, "b": b"abcd"}}
    assert one.event([one.digest, who, what], data) == expected
    for topics in ([one.digest, who], [one.digest, who, what, what], [what, who, what], [one.digest, b"\1" * 32, what], []):
        with pytest.raises(Mismatch):
            one.event(topics, data)
    with pytest.raises(Mismatch):
        one.event([one.digest, who, what], data[:-1])
