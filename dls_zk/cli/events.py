"""How events and times are printed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..chain.client import Event
from .params import LAST_SECOND


def event_json(event: Event) -> dict[str, object]:
    """An event for pipelines: numbers of 64 bits and more as text, bytes as hex."""
    return {
        "event": event.name,
        "block": event.block,
        "transaction": event.transaction,
        "arguments": {name: _plain(value) for name, value in event.arguments.items()},
    }


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and value >= 1 << 53:
        return f"0x{value:064x}"
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value


def event_text(event: Event) -> str:
    """An event's arguments in a line."""

    def shown(value: object) -> str:
        text = str(_plain(value))
        return text[:10] + "…" if text.startswith("0x") and len(text) > 42 else text

    return ", ".join(f"{name} {shown(value)}" for name, value in event.arguments.items() if name != "vaultId")


def time_text(timestamp: int) -> str:
    """Unix seconds for a person, UTC; as they are if they are beyond ``LAST_SECOND``, as a node may say."""
    if timestamp > LAST_SECOND:
        return str(timestamp)
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")
