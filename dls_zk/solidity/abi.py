"""The contract ABI: values as calldata, return data, events and errors have them, and back.

Only what Solidity's own encoder writes is read: paddings are zero, and each part of varying length begins where the one
before it ends. So no two texts decode to one value, and no answer of a node makes much out of little. The ABI's
specification: https://docs.soliditylang.org/en/latest/abi-spec.html

    uint, int       int                    address          text with its checksum (EIP-55)
    bool            bool                   bytes, bytesN    bytes
    string          str                    arrays, structs  tuple
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from ..statement.ethereum import checksum_address, is_address, keccak256

_WORD = 32

#: What the ABI says of a parameter, an event's argument, or a struct's member: name, type, components and more.
Parameter = Mapping[str, Any]

_ARRAY = re.compile(r"(.+)\[([1-9][0-9]*)?\]")
_ELEMENTARY = re.compile(r"(uint|int)([1-9][0-9]*)|bytes([1-9][0-9]?)|(address|bool|bytes|string)")


class Mismatch(ValueError):
    """A value does not fit its type, or bytes are no encoding of it."""


# --- types --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Type:
    """A type of the ABI. name: as signatures have it. head: bytes in its place, None if it varies and an offset is there."""

    name: str
    head: int | None = _WORD

    def encode(self, value: Any) -> bytes:
        """Mismatch if the value is none of this type."""
        raise NotImplementedError

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        """The value that begins at a byte, and the byte after it. Mismatch if there is none."""
        raise NotImplementedError

    def mismatch(self) -> Mismatch:
        return Mismatch(f"no {self.name}")


@dataclass(frozen=True)
class _Number(Type):
    least: int = 0
    most: int = 0

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise self.mismatch()
        return value.to_bytes(_WORD, "big", signed=self.least < 0)

    def decode(self, data: bytes, at: int) -> tuple[int, int]:
        value = int.from_bytes(_word(data, at), "big", signed=self.least < 0)
        if not self.least <= value <= self.most:
            raise self.mismatch()
        return value, at + _WORD


@dataclass(frozen=True)
class _Bool(Type):
    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bool):
            raise self.mismatch()
        return int(value).to_bytes(_WORD, "big")

    def decode(self, data: bytes, at: int) -> tuple[bool, int]:
        value = int.from_bytes(_word(data, at), "big")
        if value > 1:
            raise self.mismatch()
        return value == 1, at + _WORD


@dataclass(frozen=True)
class _Address(Type):
    def encode(self, value: Any) -> bytes:
        if not isinstance(value, str) or not is_address(value):
            raise self.mismatch()
        return bytes.fromhex(value[2:]).rjust(_WORD, b"\0")

    def decode(self, data: bytes, at: int) -> tuple[str, int]:
        word = _word(data, at)
        if any(word[:12]):
            raise self.mismatch()
        return checksum_address("0x" + word[12:].hex()), at + _WORD


@dataclass(frozen=True)
class _FixedBytes(Type):
    length: int = 0

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != self.length:
            raise self.mismatch()
        return value.ljust(_WORD, b"\0")

    def decode(self, data: bytes, at: int) -> tuple[bytes, int]:
        word = _word(data, at)
        if any(word[self.length :]):
            raise self.mismatch()
        return word[: self.length], at + _WORD


@dataclass(frozen=True)
class _Bytes(Type):
    """``bytes``, and ``string``, whose bytes are UTF-8."""

    head: int | None = None
    text: bool = False

    def encode(self, value: Any) -> bytes:
        if self.text and isinstance(value, str):
            try:
                value = value.encode()
            except UnicodeEncodeError:  # half a surrogate pair
                raise self.mismatch() from None
        elif self.text or not isinstance(value, bytes):
            raise self.mismatch()
        return _length(value) + value + bytes(-len(value) % _WORD)

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        start = at + _WORD
        end = start + int.from_bytes(_word(data, at), "big")
        padded = end + -(end - start) % _WORD
        if padded > len(data) or any(data[end:padded]):
            raise self.mismatch()
        try:
            return data[start:end].decode() if self.text else data[start:end], padded
        except UnicodeDecodeError:
            raise self.mismatch() from None


@dataclass(frozen=True)
class _Array(Type):
    """length: None if it varies."""

    item: Type = Type("")
    length: int | None = None

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, list | tuple) or self.length not in (None, len(value)):
            raise self.mismatch()
        return (_length(value) if self.length is None else b"") + _encode([self.item] * len(value), value)

    def decode(self, data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        length = self.length
        if length is None:
            length, at = int.from_bytes(_word(data, at), "big"), at + _WORD
        if length * (self.item.head or _WORD) > len(data) - at:
            raise self.mismatch()
        return _decode([self.item] * length, data, at)


@dataclass(frozen=True)
class _Struct(Type):
    members: tuple[Type, ...] = ()

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, list | tuple) or len(value) != len(self.members):
            raise self.mismatch()
        return _encode(self.members, value)

    def decode(self, data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        return _decode(self.members, data, at)


def _word(data: bytes, at: int) -> bytes:
    word = data[at : at + _WORD]
    if len(word) != _WORD:
        raise Mismatch("the data ends too early")
    return word


def _length(value: Sequence[Any]) -> bytes:
    return len(value).to_bytes(_WORD, "big")


def _encode(types: Sequence[Type], values: Sequence[Any]) -> bytes:
    """The heads, then what varies, in one order."""
    heads, tails, end = [], [], sum(one.head or _WORD for one in types)
    for one, value in zip(types, values, strict=True):
        encoded = one.encode(value)
        if one.head is None:
            heads.append(end.to_bytes(_WORD, "big"))
            tails.append(encoded)
            end += len(encoded)
        else:
            heads.append(encoded)
    return b"".join([*heads, *tails])


def _decode(types: Sequence[Type], data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    start, values = at, []
    end = at + sum(one.head or _WORD for one in types)
    for one in types:
        if one.head is None:
            if int.from_bytes(_word(data, at), "big") != end - start:
                raise Mismatch("a part does not begin where the one before it ends")
            value, end = one.decode(data, end)
            at += _WORD
        else:
            value, at = one.decode(data, at)
        values.append(value)
    return tuple(values), end


@cache
def elementary(name: str) -> Type:
    """A type without parts, by its name. ValueError if there is none of this name."""
    match = _ELEMENTARY.fullmatch(name)
    if not match:
        raise ValueError(f"no type of the ABI: {name}")
    number, bits, length, word = match.groups()
    if number:
        size = int(bits)
        if size % 8 or size > 256:
            raise ValueError(f"no type of the ABI: {name}")
        least, most = (0, (1 << size) - 1) if number == "uint" else (-(1 << size - 1), (1 << size - 1) - 1)
        return _Number(name, least=least, most=most)
    if length:
        if int(length) > _WORD:
            raise ValueError(f"no type of the ABI: {name}")
        return _FixedBytes(name, length=int(length))
    return {"address": _Address(name), "bool": _Bool(name)}.get(word) or _Bytes(name, text=word == "string")


def type_of(parameter: Parameter) -> Type:
    """The type of a parameter as a contract's ABI (JSON) has it; a struct with its components."""
    name: str = parameter["type"]
    if array := _ARRAY.fullmatch(name):
        item = type_of({**parameter, "type": array[1]})
        length = int(array[2]) if array[2] else None
        head = None if length is None or item.head is None else length * item.head
        return _Array(item.name + name[len(array[1]) :], head, item, length)
    if name != "tuple":
        return elementary(name)
    members = tuple(type_of(member) for member in parameter["components"])
    heads = [member.head for member in members]
    head = None if None in heads else sum(size or 0 for size in heads)
    return _Struct(f"({','.join(member.name for member in members)})", head, members)


def encode(types: Sequence[Type], values: Sequence[Any]) -> bytes:
    """The encoding of values, one of each type. Mismatch if one does not fit."""
    if len(types) != len(values):
        raise Mismatch(f"{len(values)} values for {len(types)} types")
    return _encode(types, values)


def decode(types: Sequence[Type], data: bytes) -> tuple[Any, ...]:
    """The values that bytes begin with, one of each type; what follows them is left. Mismatch if they do not."""
    return _decode(types, data, 0)[0]


# --- contracts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Signature:
    """A function, event or error, by what the ABI says of it."""

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...] = ()

    @cached_property
    def types(self) -> tuple[Type, ...]:
        return tuple(map(type_of, self.inputs))

    @cached_property
    def output_types(self) -> tuple[Type, ...]:
        return tuple(map(type_of, self.outputs))

    @property
    def declaration(self) -> str:
        """The name with its types."""
        return f"{self.name}({','.join(one.name for one in self.types)})"

    @cached_property
    def digest(self) -> bytes:
        """keccak256 of the name with its types: first topic of an event; its first four bytes select a function or error."""
        return keccak256(self.declaration.encode())

    @property
    def selector(self) -> bytes:
        return self.digest[:4]

    def call(self, arguments: Sequence[Any]) -> bytes:
        """The calldata. Mismatch if an argument does not fit its type."""
        return self.selector + encode(self.types, arguments)

    def answer(self, data: bytes) -> Any:
        """What a function returned: its one value, or a tuple of several. Mismatch if the data is no answer of it."""
        values = decode(self.output_types, data)
        return values[0] if len(values) == 1 else values

    def event(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """The arguments of an event by their names, structs as dicts; Mismatch if the log is none of it.

        Of an indexed argument whose encoding is more than a word the topic has the hash, which is what comes back.
        """
        topic_of = iter(topics[1:])
        plain = [one for one, part in zip(self.types, self.inputs, strict=True) if not part.get("indexed")]
        if len(topics) != 1 + len(self.types) - len(plain) or topics[0] != self.digest:
            raise Mismatch(f"no {self.name}")
        values = iter(decode(plain, data))
        arguments = {}
        for one, part in zip(self.types, self.inputs, strict=True):
            if not part.get("indexed"):
                arguments[part["name"]] = _by_name(part, next(values))
            elif one.head == _WORD and not isinstance(one, _Array | _Struct):
                arguments[part["name"]] = decode([one], next(topic_of))[0]
            else:
                arguments[part["name"]] = next(topic_of)
        return arguments


def _by_name(parameter: Parameter, value: Any) -> Any:
    """A struct as a dict, also within an array."""
    if array := _ARRAY.fullmatch(parameter["type"]):
        return tuple(_by_name({**parameter, "type": array[1]}, item) for item in value)
    if parameter["type"] != "tuple":
        return value
    members = zip(parameter["components"], value, strict=True)
    return {member["name"]: _by_name(member, inner) for member, inner in members}


def signatures(abi: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Signature]:
    """The functions, events or errors (``kind``) of a contract's ABI."""
    for item in abi:
        if item["type"] == kind:
            yield Signature(item["name"], tuple(item["inputs"]), tuple(item.get("outputs", ())))


def constructor_types(abi: Sequence[Mapping[str, Any]]) -> tuple[Type, ...]:
    """The types of what a contract's constructor takes."""
    inputs: Sequence[Parameter] = next((item["inputs"] for item in abi if item["type"] == "constructor"), ())
    return tuple(map(type_of, inputs))
