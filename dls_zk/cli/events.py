"""How events and times are printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..files.values import Fixed, time_text

if TYPE_CHECKING:
    from ..chain.client import Event
    from ..statement.allowances import Allowances


def _hex_32(value: int | bytes) -> str:
    return f"0x{value:064x}" if isinstance(value, int) else f"0x{value.hex()}"


def _quantity(value_e6: int) -> str:
    return Fixed(6, -(1 << 63), 1 << 63).show(value_e6)


def _hex_words(words: list[int]) -> list[str]:
    return [_hex_32(word) for word in words]


def _status(value: int) -> str:
    from ..chain import VaultStatus

    return VaultStatus(value).words


def _summary(word: int) -> dict[str, object]:
    from ..chain.summary import Summary

    summary = Summary.unpack(word)
    return {
        "round": summary.round,
        "sequence": summary.sequence,
        "nav_floor_steps": summary.nav_floor,
        "allowances": allowances_json(summary.allowances),
    }


def allowances_json(allowances: Allowances) -> dict[str, int]:
    """What a rebalance may use, or has named, in the units that the names end in."""
    return {
        "gain_ppb": allowances.gain_ppb,
        "loss_ppb": allowances.loss_ppb,
        "turnover_ppm": allowances.turnover_ppm,
        "write_down_steps": allowances.write_down_steps,
    }


def _mandate(content: dict[str, Any]) -> dict[str, Any]:
    from ..chain import Mandate
    from .mandate import mandate_json

    values = (tuple(value.values()) if isinstance(value, dict) else value for value in content.values())
    return mandate_json(Mandate.of(list(values)))


def _why(value: int) -> str:
    from ..chain.share_token import RETURNED

    return RETURNED[value]


#: Parameter of an event, as Solidity names it → its key in JSON, and how its value is shown. What is not here is an address,
#: a yes or no, or a number of at most 48 bits, and is shown as it is under its name in snake case. A test holds the
#: contracts against it.
_PARAMETERS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "vaultId": ("vault", _hex_32),
    "key": ("key", _hex_32),
    "mandate": ("mandate", _hex_32),
    "feedSet": ("feed_set", _hex_32),
    "policyHash": ("policy_hash", _hex_32),
    "commitmentBefore": ("commitment_before", _hex_32),
    "commitmentAfter": ("commitment_after", _hex_32),
    "words": ("words", _hex_words),
    "content": ("content", _mandate),
    "flow": ("flow", _quantity),
    "pendingFlow": ("pending_flow", _quantity),
    "quantityE6": ("quantity", _quantity),
    "summary": ("summary", _summary),
    "navSteps": ("nav_steps", int),
    "status": ("status", _status),
    "why": ("why", _why),
    "looseningDelay": ("loosening_delay_s", int),
}

#: Keys of moments, which are shown to people in UTC.
_MOMENTS = ("active_from", "acceptable_from", "usable_from", "lapses_at", "until", "confirmable_at")


#: Amounts in the events of a share token: 0 of the asset, 1 of shares.
_AMOUNTS = {
    "assets": 0,
    "deposited": 0,
    "paid": 0,
    "supply": 1,
    "shares": 1,
    "redeemed": 1,
    "managementShares": 1,
    "performanceShares": 1,
}


def event_json(event: Event, decimals: tuple[int, int] | None = None) -> dict[str, object]:
    """An event for pipelines. decimals: of asset and shares, for an event of a share token."""
    return {
        "event": event.name,
        "block": event.block,
        "transaction": event.transaction,
        "arguments": _arguments(event.arguments, decimals),
    }


def _arguments(arguments: dict[str, Any], decimals: tuple[int, int] | None = None) -> dict[str, object]:
    shown = {}
    for name, value in arguments.items():
        key, show = _PARAMETERS.get(name, (snake_case(name), _plain))
        if decimals and name in _AMOUNTS:
            show = Fixed(decimals[_AMOUNTS[name]], 0, 0).show
        shown[key] = show(value)
    return shown


def _plain(value: Any) -> object:
    if isinstance(value, bytes):
        return _hex_32(value)
    return _arguments(value) if isinstance(value, dict) else value


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def event_text(event: Event, decimals: tuple[int, int] | None = None) -> str:
    """An event's arguments in a line."""
    found = _arguments(event.arguments, decimals)
    return ", ".join(f"{name.replace('_', ' ')} {_text(name, value)}" for name, value in found.items() if name != "vault")


def _text(name: str, value: object) -> str:
    if name in _MOMENTS and isinstance(value, int):
        return f"{time_text(value)} UTC" if value else "none"
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key.replace('_', ' ')} {_text(key, inner)}" for key, inner in value.items()) + ")"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text[:10] + "…" if text.startswith("0x") and len(text) > 42 else text
