"""Where a false claim can put its lie: each wire that the broken place is solved from, set so that the place is whole.

A wire that a constraint gives takes the value that the broken place asks for (it is found by solving: what shows at the
place is linear in most wires), or 0, 1, its negative, its half, its double. A sign becomes one half, so that a magnitude is
zero. A field of a packed word takes its least or greatest value, or borrows from the field above it. Where a range
check is what stands in the way, the digits are forged as well: one of them takes the whole value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass

from dls_zk.statement.constants import FIELD
from tests.soundness.claims import Claim
from tests.soundness.forge import Forger, Pins, inverse

HALF = inverse(2)


@dataclass(frozen=True)
class Lie:
    """A false witness. where: the wire that was set by hand last. broken: the plain constraints that stand in its way."""

    values: list[int]
    changed: set[int]
    where: int
    broken: frozenset[int]


def lies(forger: Forger, claim: Claim, wires: Collection[int], settled: Set[int] = frozenset()) -> Iterator[Lie]:
    """The claim as it stands, and the lies at these wires, of those before its place. settled: constraints that need no
    more lies."""
    yield Lie(claim.values, set(), claim.at, claim.broken)
    yield from _digits(forger, claim, {}, claim.broken, settled)
    for wire in wires:
        guards = forger.guards(wire)
        if wire in claim.pins or guards <= settled:
            continue
        for pins in _candidates(forger, claim, wire):
            if guards <= settled:
                break
            values, changed = forger.forge(claim.values, {**claim.pins, **pins})
            broken = forger.plain.broken_after(values, changed, claim.broken)
            yield Lie(values, changed, wire, broken)
            yield from _digits(forger, claim, pins, broken, settled)


def _candidates(forger: Forger, claim: Claim, wire: int) -> Iterator[dict[int, int]]:
    value, step = claim.values[wire], forger.steps[forger.step_of[wire]]
    if wire in forger.fields:
        field = forger.fields[wire]
        yield from ({wire: 0}, {wire: (1 << field.width) - 1})
        if field.above is not None:
            for carry in (1, -1, 2, -2):
                yield {wire: value + (carry << field.width), field.above: claim.values[field.above] - carry}
    elif not claim.broken:
        yield {wire: value + 1}
    elif step.constraint is not None:
        for wanted in _solutions(forger, claim, wire):
            yield {wire: wanted}
        for other in {0, 1, -value % FIELD, value * HALF % FIELD, 2 * value, value + 1, value - 1} - {value}:
            yield {wire: other}
    elif step.range and step.range.sign == wire:
        yield from ({wire: HALF}, {wire: 1 - value})


def _solutions(forger: Forger, claim: Claim, wire: int) -> Iterator[int]:
    """The values of a wire by which the broken place is whole, if that is a linear matter."""
    (k,) = claim.broken
    into = forger.remainder.get(k)

    def shown(values: list[int]) -> int:
        return values[into.of] if into else forger.plain.residue(k, values)

    start = shown(claim.values)
    moved, _ = forger.forge(claim.values, {**claim.pins, wire: claim.values[wire] + 1})
    slope = shown(moved) - start
    if slope % FIELD:
        for target in (0, 1 << into.width - 2) if into else (0,):
            yield claim.values[wire] + (target - start) * inverse(slope)


def _digits(forger: Forger, claim: Claim, pins: dict[int, int], broken: frozenset[int], settled: Set[int]) -> Iterator[Lie]:
    """A value beyond its range: in digits that are not all bits, or kept from the range check."""
    pins = {**claim.pins, **pins}

    def lie(where: int, pins: Pins, loose: dict[str, int]) -> Lie:
        values, changed = forger.forge(claim.values, pins, loose)
        return Lie(values, changed, where, forger.plain.broken_after(values, changed, claim.broken))

    for k in broken if len(broken) == 1 else ():
        if into := forger.remainder.get(k):
            for place, wire in into.bit.items():
                if into.constraint[place] not in settled and wire not in pins:
                    yield lie(wire, pins, {into.name: place})
            yield lie(into.of, {**pins, into.of: 1}, {})
        for wire in forger.booleans.get(k, ()):
            yield lie(wire, {**pins, wire: 1}, {})
