"""How events and times are printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..files.values import Fixed
from .params import LAST_SECOND

if TYPE_CHECKING:
    from ..chain.client import Event


def _hex_32(value: int | bytes) -> str:
    return f"0x{value:064x}" if isinstance(value, int) else f"0x{value.hex()}"


def _quantity(value_e6: int) -> str:
    return Fixed(6, -(1 << 63), 1 << 63).show(value_e6)


def _hex_words(words: list[int]) -> list[str]:
    return [_hex_32(word) for word in words]


def _status(value: int) -> str:
    from ..chain import VaultStatus

    return VaultStatus(value).words


#: Parameter of an event, as Solidity names it → its key in JSON, and how its value is shown. What is not here is an address
#: or a number of at most 48 bits, and is shown as it is under its name in snake case. A test holds the contracts against it.
_PARAMETERS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "vaultId": ("vault", _hex_32),
    "policyHash": ("policy_hash", _hex_32),
    "commitmentBefore": ("commitment_before", _hex_32),
    "commitmentAfter": ("commitment_after", _hex_32),
    "words": ("words", _hex_words),
    "flow": ("flow", _quantity),
    "pendingFlow": ("pending_flow", _quantity),
    "quantityE6": ("quantity", _quantity),
    "accrual": ("accrual_ppm", int),
    "navFloor": ("nav_floor_steps", int),
    "status": ("status", _status),
    "maxSnapshotAge": ("max_snapshot_age_s", int),
    "maxProofAge": ("max_proof_age_s", int),
    "looseningDelay": ("loosening_delay_s", int),
}


def event_json(event: Event) -> dict[str, object]:
    """An event for pipelines."""
    return {
        "event": event.name,
        "block": event.block,
        "transaction": event.transaction,
        "arguments": _arguments(event.arguments),
    }


def _arguments(arguments: dict[str, Any]) -> dict[str, object]:
    shown = {}
    for name, value in arguments.items():
        key, show = _PARAMETERS.get(name, (snake_case(name), _plain))
        shown[key] = show(value)
    return shown


def _plain(value: Any) -> object:
    if isinstance(value, bytes):
        return _hex_32(value)
    return _arguments(value) if isinstance(value, dict) else value


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def event_text(event: Event) -> str:
    """An event's arguments in a line."""

    def shown(value: object) -> str:
        text = str(value)
        return text[:10] + "…" if text.startswith("0x") and len(text) > 42 else text

    found = _arguments(event.arguments)
    return ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in found.items() if name != "vault")


def time_text(timestamp: int) -> str:
    """Unix seconds for a person, UTC; as they are if they are beyond ``LAST_SECOND``, as a node may say."""
    if timestamp > LAST_SECOND:
        return str(timestamp)
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")
