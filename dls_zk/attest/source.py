"""What every source of balances offers: the balances of one account as of a second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from ..errors import InputError
from ..statement.model import Secret

#: How far, in seconds, balances may be from the second that they are attested for.
TOLERANCE_S = 60


@dataclass(frozen=True, repr=False)
class Equity(Secret):
    """A margin account in one currency. reported: its equity, as the venue says. parts: the quantities, by the source's
    names, whose value it is: the positions, and the cash with their cash legs."""

    currency: str
    reported: Fraction
    parts: Mapping[str, Fraction]


@dataclass(frozen=True, repr=False)
class Reading(Secret):
    """The balances of an account. at_s: their second, Unix. holdings: by the source's names, net of debts; no zeros."""

    at_s: int
    holdings: Mapping[str, Fraction]
    equities: tuple[Equity, ...] = field(default=())

    def to_json(self) -> str:
        """For the attestor's own record."""
        equities = [[one.currency, str(one.reported), _texts(one.parts)] for one in self.equities]
        return json.dumps({"at": self.at_s, "holdings": _texts(self.holdings), "equities": equities})

    @classmethod
    def from_json(cls, text: str) -> Reading:
        document: Any = json.loads(text)
        equities = tuple(Equity(name, Fraction(value), _fractions(parts)) for name, value, parts in document["equities"])
        return cls(document["at"], _fractions(document["holdings"]), equities)


def _texts(amounts: Mapping[str, Fraction]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def _fractions(texts: Mapping[str, str]) -> dict[str, Fraction]:
    return {name: Fraction(text) for name, text in texts.items()}


class Source(Protocol):
    """Where the balances of one account are read.

    identities: what the account is, such as "bybit:12345678"; each belongs to one vault for good. looks_back: whether it
    can be asked for any second of the past; others show what is now.
    """

    @property
    def identities(self) -> tuple[str, ...]: ...

    @property
    def looks_back(self) -> bool: ...

    def balances(self, at_s: int) -> Reading:
        """The balances of a second, read at most ``TOLERANCE_S`` before or after it. InputError or another DlsError, without
        any balance."""


def require_close(reading_s: int, at_s: int, what: str) -> None:
    """InputError (``stale_source``) if balances are too far from the second that they are to be attested for."""
    off = reading_s - at_s
    if abs(off) > TOLERANCE_S:
        side = "after" if off > 0 else "before"
        raise InputError(f"is {abs(off)} s {side} the second asked for; at most {TOLERANCE_S} s", what, code="stale_source")
