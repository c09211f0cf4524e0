"""The standard streams as a program finds them: of another encoding, closed, or with nobody left who reads.

What is printed tells of the work and never decides it: no sign that a terminal lacks and no reader that has gone ends a
command, least of all one that has just sent a transaction.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
import unicodedata
from contextlib import suppress
from typing import Any

_ERRORS = "dls_zk_in_ascii"
_SIGNS = {
    "✓": "ok",
    "✗": "no",
    "≥": ">=",
    "≤": "<=",
    "…": "...",
    "→": "->",
    "−": "-",
    "─": "-",
    "–": "-",
    "·": "*",
    "×": "x",
}


def prepare() -> None:
    """Make the standard streams of this process ones to which all text can be written. Streams of a test are left alone."""
    codecs.register_error(_ERRORS, _in_ascii)
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file that is opened would be taken for the stream
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    if sys.stdout is sys.__stdout__:
        sys.stdout = _lasting(sys.stdout, 1, "standard output")
    if sys.stderr is sys.__stderr__:
        sys.stderr = _lasting(sys.stderr, 2, "standard error")


def reader_is_gone() -> bool:
    """Whether nobody reads what is printed any more. Work goes on to its end; only what would print for ever asks."""
    return _Sink.without_reader


class _Sink(io.FileIO):
    """A descriptor of a standard stream. From the first write that fails, what is written is lost: without an error if
    its reader has gone, as in ``| head``; OSError once for any other cause, such as a full disk."""

    without_reader = False

    def __init__(self, number: int, name: str):
        super().__init__(number, "w", closefd=False)
        self._name = name

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            with suppress(OSError), open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), self.fileno())
            if error.errno != errno.EPIPE:
                raise OSError(error.errno, error.strerror, self._name) from None
        _Sink.without_reader = True
        return memoryview(data).nbytes


def _lasting(stream: io.TextIOWrapper | None, number: int, name: str) -> io.TextIOWrapper:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8", errors=_ERRORS)
    return io.TextIOWrapper(
        io.BufferedWriter(_Sink(stream.fileno(), name)),
        encoding=stream.encoding,
        errors=_ERRORS,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that the stream's encoding has no bytes for."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_stand_in, error.object[error.start : error.end])), error.end


def _stand_in(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if unicodedata.category(character) == "So":  # bars and spinners
        return "*"
    return character.encode("ascii", "backslashreplace").decode()
