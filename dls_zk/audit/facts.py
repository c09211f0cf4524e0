"""What the constraints of a circuit say of its wires: linear equations, products, zero tests, and ranges as integers.

Every fact holds for every witness, honest or forged: it follows from the constraints and the field alone. Each rule has
its argument beside it. ``determinism.py`` and ``ledger.py`` build on these facts.

A range [lo, hi] of a wire x says: x ≡ v mod r for an integer v with lo ≤ v ≤ hi. It is only kept where hi − lo < r, so
there is one such v, and one may speak of *the* integer of x. Negative numbers need no convention: −1 is v = −1.

The rules know nothing of the field but its order, which is r1cs.header.prime: tests run them over small fields, where
every witness can be enumerated.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isqrt

from ..groth16.r1cs import R1CS, Combination, Constraint

#: lo ≤ hi.
Range = tuple[int, int]


@dataclass(frozen=True)
class ZeroTest:
    """form·inverse = k·(1 − flag), flag·form = 0 and, if ``complete``, flag·inverse = 0: see ``Facts._find_zero_tests``.

    constraints: the indices of those with the inverse in them, the first and the last.
    """

    form: Combination
    flag: int
    inverse: int
    complete: bool
    constraints: tuple[int, ...]


class Facts:
    """The facts of one constraint system.

    constraints: as in the r1cs, in one of three forms, with coefficients between −r/2 and r/2 and none zero:
        A·B = C;   A·B = 0 (C empty);   0 = C (A and B empty).
    equations: combinations that are zero. They also name wires that we add, numbered from header.n_wires on.
    products: an added wire → the two combinations whose product it is.
    ranges: wire → its range, for the wires that have one.
    """

    def __init__(self, system: R1CS) -> None:
        self.prime = system.header.prime
        self.n_wires = system.header.n_wires
        self._added = 0
        self.equations: list[Combination] = []
        self.products: dict[int, tuple[Combination, Combination]] = {}
        self.ranges: dict[int, Range] = {0: (1, 1)}
        self.constraints = [self._normal(constraint) for constraint in system.constraints]
        self._take_halves()
        self.zero_tests = [*self._find_zero_tests()]
        self._selected = self._find_selections()
        for constraint in self.constraints:
            self._add(*constraint)
        self._propagate()

    # --- constraints to equations ----------------------------------------------------------------------------------

    def signed(self, value: int) -> int:
        """The integer of least magnitude that is ``value`` modulo r."""
        value %= self.prime
        return value - self.prime if value > self.prime // 2 else value

    def combine(self, x: Combination, y: Combination, k: int) -> Combination:
        """x + k·y, signed, without zeros."""
        total = dict(x)
        for wire, factor in y.items():
            total[wire] = total.get(wire, 0) + k * factor
        return {wire: value for wire, factor in total.items() if (value := self.signed(factor))}

    def _ratio(self, x: Combination, y: Combination) -> int | None:
        """The k with x = k·y, if there is one; y is not empty."""
        if x.keys() != y.keys():
            return None
        wire = next(iter(y))
        k: int = x[wire] * pow(y[wire], -1, self.prime) % self.prime
        return k if all((x[w] - k * y[w]) % self.prime == 0 for w in y) else None

    def _normal(self, constraint: Constraint) -> Constraint:
        """One of the three forms of the class's docstring.

        A constant factor k makes the constraint linear: C − k·B = 0. And A·B = k·A says A·(B − k) = 0.
        """
        a, b, c = (self.combine({}, side, 1) for side in constraint)
        for factor, other in ((a, b), (b, a)):
            if factor.keys() <= {0}:
                return {}, {}, self.combine(c, other, -factor.get(0, 0))
        for factor, other in ((a, b), (b, a)):
            if c and (k := self._ratio(c, factor)) is not None:
                return factor, self.combine(other, {0: 1}, -k), {}
        return a, b, c

    def _take_halves(self) -> None:
        """Where t = ±(2z − 1)·v, write ±t/2 in a factor as z·v ∓ v/2: t + v = 2·z·v holds in the field.

        So (|v| + v)/2 becomes z·v: no fraction is left, and nothing need be known of v's parity.
        """
        halves: dict[int, Combination] = {}
        for a, b, c in self.constraints:
            for sign, value in ((a, b), (b, a)):
                if len(sign) == 2 and 0 in sign and len(value) == len(c) == 1 and 0 not in value.keys() | c.keys():
                    (z,), (v,), (t,) = sign.keys() - {0}, value, c
                    scale = -sign[0] * value[v] * pow(c[t], -1, self.prime)  # t = scale·(2z − 1)·v
                    if self.signed(sign[z] + 2 * sign[0]) == 0 and t != v:
                        halves[t] = {self._product({z: 1}, {v: 1}): self.signed(2 * scale), v: self.signed(-scale)}
        for k, (a, b, c) in enumerate(self.constraints):
            if halves.keys() & (a.keys() | b.keys()):
                self.constraints[k] = self._normal((self._without_halves(a, halves), self._without_halves(b, halves), c))

    def _without_halves(self, side: Combination, halves: dict[int, Combination]) -> Combination:
        for t, whole in halves.items():
            if abs(2 * side.get(t, 0)) == self.prime - 1:
                rest = {wire: factor for wire, factor in side.items() if wire != t}
                side = self.combine(rest, whole, side[t])
        return side

    def _find_zero_tests(self) -> Iterator[ZeroTest]:
        """form·inverse = k·(1 − flag) with k ≠ 0, flag·form = 0 and, if complete, flag·inverse = 0, for any wires.

        If form ≠ 0, the second gives flag = 0. If form = 0, the first gives flag = 1. So flag ∈ {0, 1}, and form decides
        it. inverse is k/form where form ≠ 0; where form = 0, flag = 1 and the third gives inverse = 0.

        form·inverse = k is what is left if flag is 0 for another reason: then form ≠ 0, and inverse is k/form. It is given
        with the constant, wire 0, as flag.
        """
        zeroed: dict[int, dict[int, Combination]] = defaultdict(dict)  # wire → constraint → what the wire zeroes there
        for index, (a, b, c) in enumerate(self.constraints):
            for factor, other in ((a, b), (b, a)):
                if not c and len(factor) == 1:
                    zeroed[next(iter(factor))][index] = other

        def zeroing(flag: int, form: Combination) -> tuple[int, ...]:
            return tuple(index for index, other in zeroed[flag].items() if self._ratio(other, form))

        for index, (a, b, c) in enumerate(self.constraints):
            flags = c.keys() - {0}
            for form, other in ((a, b), (b, a)):
                if len(other) != 1:
                    continue
                (inverse,) = other
                if len(c) == 2 and len(flags) == 1 and sum(c.values()) % self.prime == 0:
                    (flag,) = flags
                    third = zeroing(flag, other)
                    if zeroing(flag, form):
                        yield ZeroTest(form, flag, inverse, bool(third), (index, *third))
                elif c.keys() == {0}:
                    yield ZeroTest(form, 0, inverse, True, (index,))

    def _find_selections(self) -> dict[int, list[tuple[int, Combination]]]:
        """y → e and X where y = e·X: if e ∈ {0, 1}, y is X or 0, and X − y the other one. See ``_span``."""
        found: dict[int, list[tuple[int, Combination]]] = defaultdict(list)
        for a, b, c in self.constraints:
            for factor, other in ((a, b), (b, a)):
                if len(factor) == len(c) == 1 and 0 not in factor.keys() | c.keys():
                    (e, y) = *factor, *c
                    scale = factor[e] * pow(c[y], -1, self.prime)
                    found[y].append((e, {wire: self.signed(scale * x) for wire, x in other.items()}))
        return found

    def _new_wire(self) -> int:
        self._added += 1
        return self.n_wires + self._added - 1

    def _product(self, a: Combination, b: Combination) -> int:
        wire = self._new_wire()
        self.products[wire] = a, b
        return wire

    def _add(self, a: Combination, b: Combination, c: Combination) -> None:
        """Write a constraint in its form as equations."""
        if not a:
            if c:
                self.equations.append(c)
        elif c:
            self.equations.append(self.combine(c, {self._product(a, b): 1}, -1))
        else:
            self._add_two_roots(a, b)

    def _add_two_roots(self, a: Combination, b: Combination) -> None:
        """(L + s)·(k·L + t) = 0 says L ∈ {−s, −t/k}, for a field has no zero divisors: L + s = (s − t/k)·e, e ∈ {0, 1}.

        e is a wire that we add. A boolean is L = x, s = 0, t = −1; a range check is one with L = in − Σ 2^k·b_k.
        """
        form = {wire: factor for wire, factor in a.items() if wire}
        k = self._ratio({wire: factor for wire, factor in b.items() if wire}, form)
        if not k:
            return
        root = self.signed(a.get(0, 0) - b.get(0, 0) * pow(k, -1, self.prime))
        if root == 0:
            self.equations.append(a)
        else:
            e = self._new_wire()
            self.ranges[e] = (0, 1)
            self.equations.append(self.combine(a, {e: 1}, -root))

    # --- ranges ------------------------------------------------------------------------------------------------------

    def scales(self, side: Combination) -> Iterator[int]:
        """Factors by which to multiply an equation, to rid it of fractions: 1, and the inverse of each large coefficient.

        Any factor but zero leaves an equation as it is; these are the ones that can make its coefficients small.
        """
        yield 1
        large = {abs(factor) for factor in side.values() if abs(factor) > isqrt(self.prime)}
        for factor in large:
            yield pow(factor, -1, self.prime)

    def scaled(self, side: Combination, scale: int) -> Combination:
        """scale·side, signed."""
        return side if scale == 1 else {wire: self.signed(factor * scale) for wire, factor in side.items()}

    def have_ranges(self, *sides: Combination) -> bool:
        """Whether every wire in these combinations has a range."""
        return all(wire in self.ranges for side in sides for wire in side)

    def interval(self, side: Combination) -> Range:
        """Between what integers a combination of the wires' integers lies; the wires must have ranges."""
        low = high = 0
        for wire, factor in side.items():
            span = self.ranges[wire]
            low += factor * span[factor < 0]
            high += factor * span[factor > 0]
        return low, high

    def _span(self, side: Combination) -> Range:
        """An interval with an integer in it that is congruent to a combination, whose wires must have ranges.

        k·(X − y) with y = e·X and e ∈ {0, 1} is k·X or 0, wherever the integers of X and y lie: it is between 0 and k·X.
        """
        for y in side.keys() & self._selected.keys():
            rest = {wire: factor for wire, factor in side.items() if wire != y}
            for e, x in self._selected[y]:
                other = {wire: self.signed(-side[y] * factor) for wire, factor in x.items()}
                if self.ranges.get(e) == (0, 1) and rest == other:
                    low, high = self._span(rest)
                    return min(low, 0), max(high, 0)
        return self.interval(side)

    def _propagate(self) -> None:
        """Derive ranges until none is found, or none is narrower by half than it was."""
        for test in self.zero_tests:
            self.ranges.setdefault(test.flag, (0, 1))
        in_equations: dict[int, list[int]] = defaultdict(list)
        in_products: dict[int, list[int]] = defaultdict(list)
        for index, equation in enumerate(self.equations):
            for wire in equation:
                in_equations[wire].append(index)
        for product, factors in self.products.items():
            for wire in factors[0].keys() | factors[1].keys():
                in_products[wire].append(product)
        without = [sum(wire not in self.ranges for wire in equation) for equation in self.equations]
        equations = deque(range(len(self.equations)))
        products = deque(self.products)

        def narrow(wire: int, span: Range) -> None:
            """Take over a derived range. Where there was one, both hold, and they speak of one integer if all integers of
            both lie within less than r of each other; then it is in their intersection."""
            if span[1] - span[0] >= self.prime:
                return
            old = self.ranges.get(wire)
            if old is None:
                for index in in_equations[wire]:
                    without[index] -= 1
            else:
                if max(old[1], span[1]) - min(old[0], span[0]) >= self.prime:
                    return
                span = max(old[0], span[0]), min(old[1], span[1])
                if span[0] > span[1] or 2 * (span[1] - span[0]) > old[1] - old[0] or span == old:
                    return
            self.ranges[wire] = span
            equations.extend(index for index in in_equations[wire] if without[index] <= 1)
            products.extend(in_products[wire])

        while equations or products:
            if equations:
                self._solve(self.equations[equations.popleft()], narrow)
            else:
                product = products.popleft()
                a, b = self.products[product]
                if self.have_ranges(a, b):
                    narrow(product, multiply(self._span(a), self._span(b)))

    def _solve(self, equation: Combination, narrow: Callable[[int, Range], None]) -> None:
        """Σ c_j·x_j = 0: where a coefficient can be made ±1, its wire is ∓ the sum of the others, an integer in the sum of
        their intervals, or nearer (``_span``). (Not so for another coefficient: 2x ≡ 1 has the solution (r + 1)/2.)"""
        unknown = [wire for wire in equation if wire not in self.ranges]
        if len(unknown) > 1:
            return
        for scale in self.scales(equation):
            terms = self.scaled(equation, scale)
            if unknown:
                wire = unknown[0]
                factor = terms[wire]
                if abs(factor) == 1:
                    low, high = self._span({w: f for w, f in terms.items() if w != wire})
                    narrow(wire, (-high, -low) if factor == 1 else (low, high))
            else:
                low, high = self.interval(terms)
                for wire, factor in terms.items():
                    if abs(factor) == 1:
                        own = self.ranges[wire]
                        rest = low - factor * own[factor < 0], high - factor * own[factor > 0]
                        narrow(wire, (-rest[1], -rest[0]) if factor == 1 else rest)


def wires_of(constraint: Constraint) -> set[int]:
    """The wires in a constraint, the constant's too."""
    a, b, c = constraint
    return {*a, *b, *c}


def multiply(a: Range, b: Range) -> Range:
    """The range of the product of two integers."""
    ends = [x * y for x in a for y in b]
    return min(ends), max(ends)
