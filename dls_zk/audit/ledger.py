"""The no-wrap ledger: how near each constraint comes to the order r of the field.

A constraint is an equation modulo r. It says what its author meant, in integers, only if it cannot hold in any other
way. For each constraint the ledger takes the ranges that all constraints together prove (facts.py: bits, fields,
public signals as they are checked in the circuit, and what follows from them) and computes its *reach*:

A·B = C     the most by which A·B and C can differ as integers. If that is below r, being congruent makes them equal.
            (Where neither side is negative, each may come up to r; where they are signed, up to r/2.)
0 = C       the largest |C|, likewise.
A·B = 0     the larger of |A| and |B|. A field has no zero divisors, so one of them is zero in the field, and being
            below r it is zero as an integer. The product itself may be larger: that of a range check is.

An equation may be multiplied by any factor before, which rids it of fractions.
A private input has no range but what constraints give it.

What has no range, or reaches r, is allowed only where the argument is one about the field: ``ALLOWED`` has the reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..groth16.r1cs import Constraint
from .facts import Facts, multiply, wires_of
from .hashes import Hash

#: Why a constraint may speak of field elements that are no bounded integers.
ALLOWED = {
    "hash": "a permutation of the field: its inputs are any field elements, and it is binding as a whole",
    "zero test": "x·x⁻¹ = 1 − flag is about the field's inverse; lib/zero.circom has the argument",
    "square": "the square of an input that no other constraint uses, itself unused: it binds the proof to the input",
}


@dataclass(frozen=True)
class Line:
    """One constraint. reach: as above, None if a wire in it has no range. allowed: a key of ``ALLOWED``, if it needs one."""

    constraint: int
    reach: int | None
    headroom_bits: int | None
    allowed: str | None

    @property
    def may_wrap(self) -> bool:
        return self.headroom_bits is None and self.allowed is None


def ledger(facts: Facts, hashes: Sequence[Hash] = ()) -> list[Line]:
    """A line for each constraint, in their order. headroom_bits: the largest k ≥ 0 with reach·2^k < r, None if none."""
    reasons = {index: "hash" for found in hashes for index in found.constraints}
    reasons |= {index: "zero test" for test in facts.zero_tests for index in test.constraints}
    reasons |= dict.fromkeys(_lone_squares(facts), "square")
    lines = []
    for index, constraint in enumerate(facts.constraints):
        reach = reach_of(facts, constraint) if facts.have_ranges(*constraint) else None
        headroom = None
        if reach is not None and reach < facts.prime:
            headroom = ((facts.prime - 1) // max(reach, 1)).bit_length() - 1
        lines.append(Line(index, reach, headroom, reasons.get(index) if headroom is None else None))
    return lines


def reach_of(facts: Facts, constraint: Constraint) -> int:
    """The reach of a constraint in one of the forms of ``Facts.constraints`` whose wires all have ranges."""
    a, b, c = constraint
    if a and not c:
        return max(reach_of(facts, ({}, {}, factor)) for factor in (a, b))
    reaches = []
    for form in integer_forms(facts, constraint):
        reaches.append(reach_of_integers(facts, form))
        if reaches[-1] < facts.prime:
            break
    return min(reaches)


def integer_forms(facts: Facts, constraint: Constraint) -> Iterator[Constraint]:
    """A constraint A·B = C or 0 = C as it is, then multiplied by each factor that may make its coefficients small."""
    a, b, c = constraint
    for scale in dict.fromkeys([*facts.scales(a), *facts.scales(c)]):
        yield facts.scaled(a, scale), b, facts.scaled(c, scale)


def reach_of_integers(facts: Facts, constraint: Constraint) -> int:
    """The most by which A·B and C can differ, in a constraint whose wires all have ranges."""
    a, b, c = map(facts.interval, constraint)
    left = multiply(a, b)
    return max(left[1] - c[0], c[1] - left[0])


def _lone_squares(facts: Facts) -> Iterator[int]:
    """The constraints x·x = y of two wires that are in no other constraint."""
    uses = Counter(wire for constraint in facts.constraints for wire in wires_of(constraint))
    for index, (a, b, c) in enumerate(facts.constraints):
        if a.keys() == b.keys() and len(a) == len(c) == 1 and all(uses[wire] == 1 for wire in (*a, *c)):
            yield index
