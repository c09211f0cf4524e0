"""Small linear relations between the points of a key: jX = ±kY for numbers that anybody can try.

In an honest setup the discrete logarithms of all points are random, and no such relation holds. Where one does, somebody
knows more of the setup's secrets than anybody may, and for most pairs of points that is enough to forge (see ``zkey``).

Baby-step giant-step (Shanks, 1971), with X and −X taken for one: a group gives each element a name that its inverse has
too. A table of the first multiples of every element finds all jX = ±kY with j and k within the table; Y ± i·S for S
just past the table finds Y = ±kX with k up to LARGEST. On the curves additions are done many at a time, so that they share
one inversion (Montgomery, Math. Comp. 48, 1987, section 10.3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from py_ecc.optimized_bn128 import FQ12, pairing

from ..statement.constants import BASE_FIELD, FIELD

#: The largest multiple that is tried.
LARGEST = 1 << 16

#: An element of a group: a finite affine point, or an element of the target group. None: the neutral element.
Element = Any


@dataclass(frozen=True)
class Group:
    """A group of prime order as this module needs it.

    combine: the sums of pairs, many at once; None where a sum is the neutral element. negate: the inverse. name: the same
    for an element and its inverse, and for no other. table: how many multiples are kept of each element.
    """

    combine: Callable[[Sequence[tuple[Element, Element]]], list[Element]]
    negate: Callable[[Element], Element]
    name: Callable[[Element], object]
    table: int

    def related(self, elements: Mapping[str, Element]) -> list[tuple[str, str]]:
        """The pairs of names whose elements are small multiples of one another, up to the sign.

        No element may be the neutral one. All jX = ±kY are found with j and k up to ``table``, and all with one of them 1
        and the other up to LARGEST.
        """
        tables = {name: self._multiples(element) for name, element in elements.items()}
        seen = {name: {self.name(element) for element in table} for name, table in tables.items()}
        steps = {name: self._steps(table) for name, table in tables.items()}
        return [
            (one, other)
            for one, other in combinations(elements, 2)
            if not seen[one].isdisjoint(seen[other])
            or self._reaches(elements[other], steps[one], seen[one])
            or self._reaches(elements[one], steps[other], seen[other])
        ]

    def _multiples(self, element: Element) -> list[Element]:
        """1 to ``table`` times an element; ``table`` is a power of two."""
        multiples = [element]
        while len(multiples) < self.table:
            multiples += self.combine([(multiple, multiples[-1]) for multiple in multiples])
        return multiples

    def _steps(self, multiples: Sequence[Element]) -> list[Element]:
        """Multiples of S, each with its inverse, where S is one past what the table and its inverses cover."""
        ((double,), (first, *_)) = self.combine([(multiples[-1], multiples[-1])]), multiples
        (step,) = self.combine([(double, first)])
        steps = [step]
        while len(steps) * (2 * self.table + 1) + self.table < LARGEST:
            steps += self.combine([(one, steps[-1]) for one in steps])
        return [*steps, *map(self.negate, steps)]

    def _reaches(self, element: Element, steps: Iterable[Element], seen: set[object]) -> bool:
        sums = self.combine([(element, step) for step in steps])
        return any(sum_ is None or self.name(sum_) in seen for sum_ in sums)


# --- the curves -------------------------------------------------------------------------------------------


def _curve(
    times: Callable[[Any, Any], Any], minus: Callable[[Any, Any], Any], inverse: Callable[[Any], Any], zero: Any, one: Any
) -> Callable[[Sequence[tuple[Element, Element]]], list[Element]]:
    """Addition on y² = x³ + b, affine, over the field with these operations."""

    def plus(a: Any, b: Any) -> Any:
        return minus(a, minus(zero, b))

    def combine(pairs: Sequence[tuple[Element, Element]]) -> list[Element]:
        slopes: list[tuple[Any, Any] | None] = []  # numerator and denominator; None for a point and its inverse
        for (x1, y1), (x2, y2) in pairs:
            if x1 != x2:
                slopes.append((minus(y2, y1), minus(x2, x1)))
            elif y1 == y2:
                square = times(x1, x1)
                slopes.append((plus(plus(square, square), square), plus(y1, y1)))
            else:
                slopes.append(None)
        products, product = [], one
        for slope in slopes:
            products.append(product)
            if slope:
                product = times(product, slope[1])
        rest = inverse(product)
        sums: list[Element] = []
        for ((x1, y1), (x2, _)), slope, before in zip(reversed(pairs), reversed(slopes), reversed(products), strict=True):
            if slope is None:
                sums.append(None)
                continue
            gradient = times(slope[0], times(rest, before))
            rest = times(rest, slope[1])
            x = minus(minus(times(gradient, gradient), x1), x2)
            sums.append((x, minus(times(gradient, minus(x1, x)), y1)))
        return sums[::-1]

    return combine


def _fq2_times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    low, high = a[0] * b[0], a[1] * b[1]
    return (low - high) % BASE_FIELD, ((a[0] + a[1]) * (b[0] + b[1]) - low - high) % BASE_FIELD


def _fq2_minus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return (a[0] - b[0]) % BASE_FIELD, (a[1] - b[1]) % BASE_FIELD


def _fq2_inverse(a: tuple[int, int]) -> tuple[int, int]:
    inverse = pow(a[0] * a[0] + a[1] * a[1], -1, BASE_FIELD)
    return a[0] * inverse % BASE_FIELD, -a[1] * inverse % BASE_FIELD


def _x(point: Element) -> object:
    return point[0]


G1 = Group(
    _curve(
        lambda a, b: a * b % BASE_FIELD, lambda a, b: (a - b) % BASE_FIELD, lambda a: pow(a, -1, BASE_FIELD), zero=0, one=1
    ),
    lambda point: (point[0], -point[1] % BASE_FIELD),
    _x,
    table=1024,
)

G2 = Group(
    _curve(_fq2_times, _fq2_minus, _fq2_inverse, zero=(0, 0), one=(1, 0)),
    lambda point: (point[0], _fq2_minus((0, 0), point[1])),
    _x,
    table=1024,
)


# --- what pairings give --------------------------------------------------------------------------------------


def _conjugate(element: FQ12) -> FQ12:
    """The power q⁶, which takes w to −w and keeps the subfield of its even powers. In the target group, the inverse."""
    return FQ12([-part if k % 2 else part for k, part in enumerate(element.coeffs)])


def paired(left: tuple[Any, Any, Any], right: tuple[Any, Any, Any]) -> FQ12:
    """The pairing of a point of G1 and one of G2 (py_ecc's projective points), in half of py_ecc's time.

    Of the power (q¹² − 1)/r, q⁶ is a conjugation.
    """
    line = pairing(right, left, final_exponentiate=False)
    return (_conjugate(line) / line) ** _REST_OF_THE_POWER


_REST_OF_THE_POWER = (BASE_FIELD**2 + 1) * (BASE_FIELD**4 - BASE_FIELD**2 + 1) // FIELD


def _times(pairs: Sequence[tuple[FQ12, FQ12]]) -> list[FQ12 | None]:
    products = [one * other for one, other in pairs]
    return [None if product == FQ12.one() else product for product in products]


TARGET = Group(_times, _conjugate, lambda element: tuple(map(int, element.coeffs[::2])), table=256)
