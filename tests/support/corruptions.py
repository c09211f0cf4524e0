"""Valid files made invalid: bits, lengths, cuts and insertions in bytes, and nodes of a document replaced by odd ones.

Everything is drawn from one ``random.Random``, so that a case is known by its seed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from dls_zk.statement.constants import BASE_FIELD, FIELD

#: Integers that lengths, counts and elements are overwritten with.
_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, (1 << 64) - 1)
_ELEMENTS = (0, 1, FIELD - 1, FIELD, FIELD + 1, BASE_FIELD - 1, BASE_FIELD, (1 << 254) - 1, (1 << 256) - 1)

#: Text that parsers have tripped over: numbers, YAML, nesting, characters, quotes, dates, spreadsheet formulas.
TOKENS = tuple(
    token.encode()
    for token in (
        "NaN", "Infinity", "-0", "0x", "1e999", "1e-999", "9" * 400, "-" * 50, "0." + "0" * 200, "null", "~", "true", "yes",
        "&a ", "*a", "&a [*a]", "<<: *a", "!!python/object/apply:os.system [x]", "!!binary x", "---\n", "...\n", "%YAML 9\n",
        "[" * 60, "{" * 60, '{"a":' * 40, "- " * 60, "? ", ": ", ", ", "\t", "\r", "\n", "\r\n", "\0", "\x1b[31m", "\x7f",
        "\x85", "\u2028", "\u202e", "\ufeff", "\u0661", "\u00b2", "\U0010ffff", '"', "'", '""', "\\", "\\u0000", "\\ud800",
        "#", "|", ">", "2024-02-30", "0001-01-01/9999-12-31", "100%", "x" * 500, "=1+1", "@SUM(A1)", "USDC", "ETH",
    )
) + (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xff" * 8)  # fmt: skip


def corrupt(rng: Random, data: bytes) -> bytes:
    """``data`` after one to four changes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        rng.choice(_CHANGES)(rng, changed)
    return bytes(changed)


def _place(rng: Random, data: bytearray) -> int:
    return rng.randrange(len(data) + 1)


def _flip_bit(rng: Random, data: bytearray) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set_byte(rng: Random, data: bytearray) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice((*b'\0\n ",09\x7f\x80\xff', rng.randrange(256)))


def _cut(rng: Random, data: bytearray) -> None:
    del data[_place(rng, data) :]


def _delete(rng: Random, data: bytearray) -> None:
    start = _place(rng, data)
    del data[start : start + rng.choice((1, 1, 4, 8, 32, rng.randrange(1, 200)))]


def _insert(rng: Random, data: bytearray) -> None:
    start = _place(rng, data)
    data[start:start] = rng.choice((rng.choice(TOKENS), rng.randbytes(rng.randrange(1, 40)), bytes(rng.randrange(1, 40))))


def _overwrite(rng: Random, data: bytearray) -> None:
    start, token = _place(rng, data), rng.choice(TOKENS)
    data[start : start + len(token)] = token


def _repeat(rng: Random, data: bytearray) -> None:
    start = _place(rng, data)
    part = data[start : start + rng.randrange(1, 100)]
    data[start:start] = part * rng.choice((1, 1, 2, 50))


def _exchange(rng: Random, data: bytearray) -> None:
    size = rng.choice((1, 4, 32, 64))
    one, other = _place(rng, data), _place(rng, data)
    if abs(one - other) >= size:
        data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


def _set_length(rng: Random, data: bytearray) -> None:
    """A 32- or 64-bit integer, mostly where one may stand."""
    size, code = rng.choice(((4, "<I"), (8, "<Q")))
    start = rng.randrange(0, max(1, len(data) - size), rng.choice((1, 4))) if len(data) > size else 0
    value = rng.choice((*_EXTREMES, len(data), len(data) - start, rng.getrandbits(8 * size))) % (1 << 8 * size)
    data[start : start + size] = struct.pack(code, value)


def _nudge_length(rng: Random, data: bytearray) -> None:
    start = rng.randrange(0, max(1, len(data) - 4), 4) if len(data) > 4 else 0
    value = int.from_bytes(data[start : start + 4], "little") + rng.choice((-1, 1, 12, 32, 44, 64))
    data[start : start + 4] = (value % (1 << 32)).to_bytes(4, "little")


def _set_element(rng: Random, data: bytearray) -> None:
    start = _place(rng, data)
    data[start : start + 32] = rng.choice(_ELEMENTS).to_bytes(32, "little")


_CHANGES: Sequence[Callable[[Random, bytearray], None]] = (
    _flip_bit, _flip_bit, _set_byte, _cut, _delete, _insert, _overwrite, _repeat, _exchange, _set_length, _nudge_length,
    _set_element,
)  # fmt: skip


# --- documents ------------------------------------------------------------------------------------------------------


def odd_value(rng: Random, depth: int = 0) -> Any:
    """A value that a document of ours does not have at most places."""
    if depth < 3 and rng.random() < 0.2:
        return {odd_text(rng): odd_value(rng, depth + 1) for _ in range(rng.randrange(4))}
    if depth < 3 and rng.random() < 0.2:
        return [odd_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    number = rng.choice((0, 1, -1, 8, 1 << 53, 1 << 56, -(1 << 56), FIELD, BASE_FIELD, 1 << 256, 10**300))
    return rng.choice((None, True, False, number, str(number), f"{number}%", f"{number} USD", odd_text(rng)))


def odd_text(rng: Random) -> str:
    return rng.choice(TOKENS).decode(errors="replace")[:80]


def corrupt_document(rng: Random, document: Any) -> str:
    """A document as JSON (which is YAML too) with one to three of its nodes replaced, removed, renamed or doubled."""
    changed = json.loads(json.dumps(document))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        holder = changed
        while True:
            places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not places:
                break
            place = rng.choice(places)
            if isinstance(holder[place], (dict, list)) and holder[place] and rng.random() < 0.8:
                holder = holder[place]
                continue
            _change_node(rng, holder, place)
            break
    return json.dumps(changed, ensure_ascii=rng.random() < 0.5)


def _change_node(rng: Random, holder: Any, place: Any) -> None:
    change = rng.randrange(4)
    if change == 0:
        del holder[place]
    elif change == 1 and isinstance(holder, dict):
        holder[odd_text(rng)] = holder.pop(place)
    elif change == 1:
        holder.extend(holder[place:])
    else:
        holder[place] = odd_value(rng)
