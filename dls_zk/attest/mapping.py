"""From what accounts show to the slots of a venue: every balance has a slot or a declared exclusion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..errors import InputError, listed
from ..statement.attestation import Exclusion
from ..statement.model import Policy, Prices, Secret
from .amounts import rounded_against_prover
from .source import Reading, Source


@dataclass(frozen=True)
class MappedAccount:
    """An account, and which slot takes what of it. All by the source's names: slots, instrument of the policy; units, how
    many make one unit of the slot's; exclude, the reason."""

    name: str
    source: Source
    slots: Mapping[str, str]
    units: Mapping[str, int]
    exclude: Mapping[str, str]

    def exclusions(self) -> tuple[Exclusion, ...]:
        return tuple(Exclusion(self.name, instrument, reason) for instrument, reason in self.exclude.items())


@dataclass(frozen=True, repr=False)
class Attested(Secret):
    """What is attested. quantities_e6: one a slot of the policy. dust: what was rounded away, by the policy's instrument, in
    units of it, at least zero."""

    quantities_e6: tuple[int, ...]
    dust: Mapping[str, Fraction]


def require_slots(account: MappedAccount, policy: Policy, venue: int, where: str) -> None:
    """InputError if an account names an instrument that the policy does not have at this venue."""
    here = [slot.instrument for slot in policy.slots if slot.instrument and slot.venue == venue]
    for name, instrument in account.slots.items():
        if instrument not in here:
            place = f"{where}: {account.name}: slots.{name}"
            raise InputError(f"{instrument} is no instrument of this venue; it has {listed(here)}", place)


def attested(
    readings: Sequence[tuple[MappedAccount, Reading]],
    policy: Policy,
    venue: int,
    tolerance_ppm: int,
    prices: Prices | None = None,
) -> Attested:
    """The quantities of the venue's slots; other slots are zero. Exact until the sum of a slot is rounded down.

    InputError: ``no_slot`` for what no slot takes and no exclusion names (all of it, by name and without amounts);
    ``equity_mismatch`` if prices are known and a margin account's equity is not the value of its slots at them, to within
    ``tolerance_ppm`` of their sizes.
    """
    homeless = [
        f"{name} ({account.name})"
        for account, reading in readings
        for name in sorted(reading.holdings)
        if name not in account.slots and name not in account.exclude
    ]
    if homeless:
        text = f"no slot takes {listed(homeless)}; give each a slot, or exclude it with a reason"
        raise InputError(text, code="no_slot")
    for account, reading in readings:
        _require_assets_alone(account, reading)
        if prices is not None:
            _require_equity(account, reading, policy, prices, tolerance_ppm)
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for account, reading in readings:
        for name, amount in reading.holdings.items():
            if name in account.slots:
                sums[account.slots[name]] += amount / account.units.get(name, 1)
    quantities, dust = [], {}
    for slot in policy.slots:
        units, rest = 0, Fraction(0)
        if slot.instrument and slot.venue == venue:
            units, rest = rounded_against_prover(sums.pop(slot.instrument, Fraction(0)), slot.instrument)
        quantities.append(units)
        if rest:
            dust[slot.instrument] = rest
    if sums:
        raise InputError(f"{listed(sums)}: no instrument of this venue", code="no_slot")
    return Attested(tuple(quantities), dust)


def _require_assets_alone(account: MappedAccount, reading: Reading) -> None:
    """InputError if a debt, a short or a part of a margin account is excluded: what is left would not be net of it."""
    margin = {name for equity in reading.equities for name in equity.parts}
    for name in account.exclude:
        if name in margin or reading.holdings.get(name, 0) < 0:
            text = f"{name} ({account.name}) is a debt, a short or a part of a margin account, and cannot be excluded"
            raise InputError(text, code="no_slot")


def _require_equity(account: MappedAccount, reading: Reading, policy: Policy, prices: Prices, tolerance_ppm: int) -> None:
    price = {slot.instrument: usd_e8 for slot, usd_e8 in zip(policy.slots, prices.usd_e8, strict=True)}

    def value(name: str, amount: Fraction) -> Fraction:
        return amount / account.units.get(name, 1) * price[account.slots[name]]

    for equity in reading.equities:
        values = [value(name, amount) for name, amount in equity.parts.items()]
        off = abs(sum(values, Fraction(0)) - value(equity.currency, equity.reported))
        if off * 10**6 > tolerance_ppm * sum(map(abs, values), Fraction(0)):
            text = f"the equity in {equity.currency} is not the value of its slots at the prices given, within the tolerance"
            raise InputError(text, account.name, code="equity_mismatch")
