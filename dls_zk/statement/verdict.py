"""The verdict of a relation: which of a statement's checks hold, each with its inequalities and what is left of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, repr=False)
class Limit:
    """One inequality of a check, ``value ≤ bound`` (or ≥ if ``at_least``), both exact and in the unit that ``unit`` names.

    unit: "of NAV" and "x" for ratios, "USD" for dollars, "" for yes-or-no conditions (value 1 where broken, bound 0).
    subject: what it is about where a check has several (an instrument, a factor, a venue, a scenario), else "".
    slack: value units left until the limit (negative where broken): an exact integer in the inequality's own scale.
    limited: False where the policy sets no limit: the bound is what a limit that is left out has, or the slot is unused.
    value and slack are secret, so printing shows the subject and the verdict only.
    """

    subject: str
    value: Fraction | None
    bound: Fraction
    unit: str
    at_least: bool
    slack: int
    limited: bool = True

    @property
    def holds(self) -> bool:
        return self.slack >= 0

    @property
    def headroom(self) -> Fraction | None:
        """What is left until the bound, in ``unit``; negative where broken, None where there is no value."""
        if self.value is None:
            return None
        return self.value - self.bound if self.at_least else self.bound - self.value

    def __repr__(self) -> str:
        return f"<Limit {self.subject!r}: {'holds' if self.holds else 'broken'}; values are secret>"


@dataclass(frozen=True, repr=False)
class Check:
    """A check of a statement with its inequalities. number: its place, from 1."""

    number: int
    name: str
    limits: tuple[Limit, ...]

    @property
    def holds(self) -> bool:
        return all(limit.holds for limit in self.limits)

    @property
    def broken(self) -> tuple[Limit, ...]:
        return tuple(limit for limit in self.limits if not limit.holds)

    def __str__(self) -> str:
        """Its name, its number, and the subjects of what it breaks: "factor exposure (9): ETH"."""
        subjects = ", ".join(limit.subject for limit in self.broken if limit.subject)
        return f"{self.name} ({self.number}){': ' if subjects else ''}{subjects}"

    def __repr__(self) -> str:
        return f"<Check {self}; values are secret>"

    @property
    def tightest(self) -> Limit:
        """The inequality that is broken or nearest to it, by share of its bound that is left; last what is without a limit,
        and what may be and is nothing."""

        def order(limit: Limit) -> tuple[bool, bool, bool, bool, Fraction]:
            empty = limit.value == limit.bound == 0
            return limit.holds, not limit.unit, not limit.limited, empty, _relative_room(limit)

        return min(self.limits, key=order)


@dataclass(frozen=True, repr=False)
class Report:
    """The verdict on a statement. Printing shows names only: values and slacks tell the book."""

    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.holds)

    def __str__(self) -> str:
        """Which checks refuse, and about what, without a value: "refused by turnover (6); factor exposure (9): ETH"."""
        return "refused by " + "; ".join(map(str, self.failures)) if self.failures else f"{len(self.checks)} checks hold"

    def __repr__(self) -> str:
        return f"<Report: {self}; values are secret>"

    def __getitem__(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)


def _relative_room(limit: Limit) -> Fraction:
    """Room left as a share of the bound, to compare inequalities of different size."""
    if limit.headroom is None or not limit.bound:
        return Fraction(limit.slack)
    return limit.headroom / abs(limit.bound)


def condition(subject: str, holds: bool) -> Limit:
    """A yes-or-no inequality: its value is 1 where it is broken."""
    return Limit(subject, Fraction(0 if holds else 1), Fraction(0), "", False, 0 if holds else -1)
