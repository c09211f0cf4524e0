"""The one JSON parser: strict, so that two readers cannot take one text for two things."""

from __future__ import annotations

import json
import re
from typing import Any

from ..errors import InputError


def parse_json(data: bytes | str, where: str) -> Any:
    """Parse JSON strictly: UTF-8, no repeated keys, no floats, NaN or Infinity. InputError, never with the content."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise InputError("not accepted: a key is given twice", where)
        return members

    def no_float(_: str) -> None:
        raise InputError("not accepted: a number that is not an integer (write it as a string)", where)

    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data  # editors on Windows put a mark in front
        require_shallow(text, where)
        return json.loads(text, object_pairs_hook=unique, parse_float=no_float, parse_constant=no_float)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})", where) from None
    except UnicodeDecodeError:
        raise InputError("not JSON: not UTF-8 text", where) from None
    except ValueError:
        raise InputError("not accepted: a number of thousands of digits", where) from None


_JSON_DEPTH = 32  # ours have 4 at most
_JSON_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[][{}]')


def require_shallow(text: str, where: str) -> None:
    """InputError if JSON is nested deep. Python's own limit does not help: py_ecc lifts it so far that the parser,
    which is C, overflows the stack and the process dies."""
    depth = 0
    for token in _JSON_STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > _JSON_DEPTH:
            raise InputError("not accepted: nested too deep", where)
