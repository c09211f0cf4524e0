"""The rules of the analysis against the truth: small fields, where all witnesses of a random system can be listed.

A rule that concludes too much (a sum of digits that can wrap, an inverse that is free at zero, a range by the wrong sign) is
found out by a witness that contradicts it. That the rules conclude enough shows on the deployed circuits.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

import pytest

from dls_zk.constants import FIELD
from dls_zk.r1cs import R1CS, Combination, Constraint, Header

from determinism import determine
from facts import Facts
from ledger import integer_forms, ledger, reach_of, reach_of_integers

ONE = {0: 1}


def system(prime: int, wires: int, inputs: int, constraints: list[Constraint]) -> R1CS:
    """Wires 1 … inputs are private inputs; wire 0 counts."""
    reduced = tuple(tuple({w: f % prime for w, f in side.items()} for side in c) for c in constraints)
    return R1CS(Header(wires, 0, 0, inputs, len(reduced), prime), reduced)


def boolean(x: int) -> Constraint:
    return {x: 1}, {x: 1, 0: -1}, {}


def is_zero(form: Combination, flag: int, inverse: int) -> list[Constraint]:
    return [(form, {inverse: 1}, {0: 1, flag: -1}), ({flag: 1}, form, {}), ({flag: 1}, {inverse: 1}, {})]


# --- random systems over small fields ---------------------------------------------------------------------------------


def random_system(rng: Random, prime: int) -> R1CS:
    """A few pieces of gadgets, whole and broken, over few wires."""
    wires = rng.randint(3, 6 if prime < 11 else 5)

    def wire() -> int:
        return rng.randrange(1, wires)

    def combination(most: int = 3) -> Combination:
        factors = [1, 1, 1, -1, 2, 2, -2, 4, 8, (prime + 1) // 2, rng.randrange(1, prime)]
        side = {wire(): rng.choice(factors) for _ in range(rng.randint(1, most))}
        return side | ({0: rng.choice([1, -1, 2, rng.randrange(1, prime)])} if rng.random() < 0.3 else {})

    def piece() -> list[Constraint]:
        match rng.randrange(8):
            case 0 | 1:
                return [boolean(wire())]
            case 2:  # a range check: the lowest bit is an expression
                form = {wire(): 1} | {wire(): -(2**k) for k in range(1, rng.randint(2, 4))}
                return [(form, form | {0: form.get(0, 0) + rng.choice([-1, -1, 1, 2])}, {})]
            case 3:
                k = rng.randrange(1, prime)
                form = combination()
                other = {w: k * f for w, f in form.items()}
                return [(form, other | {0: other.get(0, 0) + rng.randrange(prime)}, {})]
            case 4:
                return [({}, {}, combination(4))]
            case 5:
                x, flag, inverse = sorted(rng.sample(range(wires), 3))
                form = {x: rng.choice([1, 2])} if x else combination()
                first, *others = is_zero(form, flag, inverse)
                if rng.random() < 0.15:
                    first[2][0] = rng.randrange(1, prime)
                return [first, *(constraint for constraint in others if rng.random() < 0.75)]
            case 6:  # |v|, and a half of |v| ± v
                z, v, t = wire(), wire(), wire()
                half = {t: (prime + 1) // 2, v: rng.choice([1, -1]) * (prime + 1) // 2}
                return [boolean(z), ({z: 2, 0: -1}, {v: 1}, {t: rng.choice([1, 1, 2])}), (half, {wire(): 1}, {wire(): 1})]
            case _:
                return [(combination(2), combination(2), combination(2))]

    constraints = [constraint for _ in range(rng.randint(2, 5)) for constraint in piece()]
    rng.shuffle(constraints)
    return system(prime, wires, rng.randint(0, wires - 2), constraints)


def witnesses(system: R1CS) -> Iterator[list[int]]:
    """Every witness, wire by wire; a constraint is looked at as soon as its wires have values."""
    prime = system.header.prime
    ready = defaultdict(list)
    for a, b, c in system.constraints:
        ready[max([*a, *b, *c], default=0)].append((a, b, c))

    def value(side: Combination, values: list[int]) -> int:
        return sum(factor * values[wire] for wire, factor in side.items())

    def extend(values: list[int]) -> Iterator[list[int]]:
        if any((value(a, values) * value(b, values) - value(c, values)) % prime for a, b, c in ready[len(values) - 1]):
            return
        if len(values) == system.header.n_wires:
            yield values
            return
        for x in range(prime):
            yield from extend([*values, x])

    return extend([1])


def integer(value: int, span: tuple[int, int], prime: int) -> int:
    """The integer of a wire: the one in its range. AssertionError if there is none."""
    result = span[0] + (value - span[0]) % prime
    assert result <= span[1], "a witness lies outside a proven range"
    return result


def check_against_all_witnesses(system: R1CS) -> Counter[str]:
    """Hold all that the rules say of a system against its witnesses; count what they said and what was to be said."""
    prime, inputs = system.header.prime, range(1, 1 + system.header.n_private_inputs)
    facts = Facts(system)
    determined = determine(facts, inputs).wires
    lines = ledger(facts)
    seen: dict[tuple[int, ...], list[int]] = {}
    said = Counter()
    agreed = set(range(system.header.n_wires))
    for witness in witnesses(system):
        said["witnesses"] += 1
        values = dict(enumerate(witness))
        for product, (a, b) in facts.products.items():
            x, y = (sum(factor * values[wire] for wire, factor in side.items()) for side in (a, b))
            values[product] = x * y % prime
        integers = {w: integer(x, facts.ranges[w], prime) for w, x in values.items() if w in facts.ranges}

        first = seen.setdefault(tuple(witness[w] for w in inputs), witness)
        agreed -= {w for w in agreed if witness[w] != first[w]}
        for line in lines:
            if line.headroom_bits is not None:
                said["holds as integers"] += 1
                check_integers(facts, facts.constraints[line.constraint], integers)
    if said["witnesses"]:
        assert determined <= agreed, f"{determined - agreed} differ between witnesses with the same inputs: {system}"
        said["determined"] = len(determined) - 1 - len(inputs)
        said["agreed"] = len(agreed) - 1 - len(inputs)
        said["ranges"] = sum(w in facts.ranges for w in range(1, system.header.n_wires))
    return said


def check_integers(facts: Facts, constraint: Constraint, integers: dict[int, int]) -> None:
    """Where the ledger says that a constraint cannot wrap, it is an equation of integers."""

    def value(side: Combination) -> int:
        return sum(factor * integers[wire] for wire, factor in side.items())

    a, b, c = constraint
    if a and not c:
        zero = []
        for factor in (a, b):
            for _, _, form in integer_forms(facts, ({}, {}, factor)):
                if reach_of(facts, ({}, {}, form)) < facts.prime:
                    zero.append(value(form) == 0)
        assert any(zero)
        return
    for form in integer_forms(facts, constraint):
        if reach_of_integers(facts, form) < facts.prime:
            a, b, c = map(value, form)
            assert a * b == c


@pytest.mark.parametrize(("prime", "count"), [(5, 800), (7, 800), (11, 500), (13, 400), (31, 60)])
def test_nothing_is_concluded_that_a_witness_contradicts(prime: int, count: int) -> None:
    rng = Random(prime)
    said = Counter()
    for _ in range(count):
        said += check_against_all_witnesses(random_system(rng, prime))
    print(prime, said)
    assert min(said[x] for x in ("determined", "ranges", "holds as integers")) >= count // 4
