"""The one shape of what commands print as JSON: docs/json.md. Every test that runs a command with --json holds it."""

from __future__ import annotations

import json
import re

from dls_zk.errors import CODES

#: Members whose own members are data: names of instruments, circuits, stages; addresses.
MAPS = {"book", "prices_usd", "keys", "seconds", "caps_bps", "created", "libraries"}
#: Members that hold fractions of seconds, as measured.
MEASURED = {"seconds"}
#: Members of an error.
ERROR = {"code", "message", "exit_code", "retryable", "after", "where"}
#: What begins with 0x: a hash, an address, or data of any length under these names.
DATA = {"calldata", "data"}


def require_shape(stdout: str, code: int) -> None:
    """One JSON object, or one a line for what goes on; a failure has an error with the exit code in the last."""
    documents = [json.loads(line) for line in stdout.splitlines()] if _is_lines(stdout) else [json.loads(stdout)]
    for document in documents:
        assert isinstance(document, dict), stdout
        _require(document, "")
    error = documents[-1].get("error")
    assert (error is not None) == (code != 0), stdout
    assert not any("error" in document for document in documents[:-1])
    if error:
        assert error.keys() >= ERROR and error["exit_code"] == code == CODES[error["code"]].exit_code
        assert error["retryable"] is CODES[error["code"]].retryable


def _is_lines(stdout: str) -> bool:
    lines = stdout.splitlines()
    return all(line.startswith("{") and line.endswith("}") for line in lines)


def _require(value: object, name: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            assert name in MAPS or re.fullmatch(r"[a-z][a-z0-9_]*", key), f"{key} is not in snake case"
            _require(inner, key if name not in MAPS or isinstance(inner, dict) else name)
    elif isinstance(value, list):
        for inner in value:
            _require(inner, name)
    elif isinstance(value, float):
        assert name in MEASURED, f"{name} is a number with a fraction"
    elif isinstance(value, int):
        assert abs(value) < 1 << 53, f"{name} is a number that JSON readers round"
        assert not name.endswith("_usd"), f"{name} is an amount, and no text"
    elif isinstance(value, str) and value.startswith("0x") and name not in DATA:
        assert re.fullmatch(r"0x([0-9a-f]{64}|[0-9a-fA-F]{40})", value), f"{name} is neither a hash nor an address"
