"""The rules of the analysis against the truth: small fields, where all witnesses of a random system can be listed.

A rule that concludes too much (a sum of digits that can wrap, an inverse that is free at zero, a range by the wrong sign) is
found out by a witness that contradicts it; so is each rule here once a condition is taken out of it. Then, over the real
field, gadgets with one thing missing. That the rules conclude enough shows on the deployed circuits.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from dls_zk.audit import determinism, facts, ledger
from dls_zk.audit.determinism import determine
from dls_zk.audit.facts import Facts
from dls_zk.audit.hashes import Hash
from dls_zk.groth16.r1cs import R1CS, Combination, Constraint, Header
from dls_zk.statement.constants import FIELD


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
        match rng.randrange(9):
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
                elif rng.random() < 0.15:
                    first[2].pop(flag)
                return [first, *(constraint for constraint in others if rng.random() < 0.75)]
            case 6:  # |v|, and a half of |v| ± v
                z, v, t = wire(), wire(), wire()
                half = {t: (prime + 1) // 2, v: rng.choice([1, -1]) * (prime + 1) // 2}
                return [boolean(z), ({z: 2, 0: -1}, {v: 1}, {t: rng.choice([1, 1, 2])}), (half, {wire(): 1}, {wire(): 1})]
            case 7:  # x to one of two places: y = e·x, and what is left of x
                e, x, y, z = rng.sample(range(1, wires), 4) if wires > 4 else (wire() for _ in range(4))
                low_bit, rest = (
                    ({wire: 1, 0: -low}, {wire: 1, 0: -low - 1}, {})  # low or low + 1
                    for wire, low in ((x, rng.choice([0, 1])), rng.choice([(e, 0), (y, rng.choice([0, -1]))]))
                )
                return [low_bit, rest, ({e: 1}, {x: 1}, {y: 1}), ({}, {}, {x: 1, y: -1, z: -1})]
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
    """Hold all that the rules say of a system against its witnesses; count what they said of it."""
    prime, inputs = system.header.prime, range(1, 1 + system.header.n_private_inputs)
    found = facts.Facts(system)
    determined = determinism.determine(found, inputs).wires
    lines = [line for line in ledger.ledger(found) if line.headroom_bits is not None]
    first: dict[tuple[int, ...], list[int]] = {}  # inputs → the first witness with them
    said: Counter[str] = Counter()
    for witness in witnesses(system):
        values = dict(enumerate(witness))
        for product, (a, b) in found.products.items():
            x, y = (sum(factor * values[wire] for wire, factor in side.items()) for side in (a, b))
            values[product] = x * y % prime
        integers = {w: integer(x, found.ranges[w], prime) for w, x in values.items() if w in found.ranges}
        like = first.setdefault(tuple(witness[w] for w in inputs), witness)
        assert all(witness[w] == like[w] for w in determined), "a determined wire differs between witnesses"
        for line in lines:
            check_integers(found, found.constraints[line.constraint], integers)
    if first:
        said["determined"] = len(determined) - 1 - len(inputs)
        said["ranges"] = sum(w in found.ranges for w in range(1, system.header.n_wires))
        said["integers"] = len(lines)
    return said


def check_integers(found: Facts, constraint: Constraint, integers: dict[int, int]) -> None:
    """Where the ledger says that a constraint cannot wrap, it is an equation of integers."""

    def holds(form: Constraint) -> bool:
        a, b, c = (sum(factor * integers[wire] for wire, factor in side.items()) for side in form)
        return a * b == c

    def certain(constraint: Constraint) -> list[Constraint]:
        forms = ledger.integer_forms(found, constraint)
        return [form for form in forms if ledger.reach_of_integers(found, form) < found.prime]

    a, b, c = constraint
    if a and not c:
        assert any(holds(form) for factor in (a, b) for form in certain(({}, {}, factor)))
    else:
        assert all(holds(form) for form in certain(constraint))


@pytest.mark.parametrize(("prime", "count"), [(5, 800), (7, 600), (11, 400), (13, 200), (31, 30)])
def test_nothing_is_concluded_that_a_witness_contradicts(request, prime: int, count: int) -> None:
    rng = Random(prime)
    said: Counter[str] = Counter()
    count *= 20 if request.config.getoption("--slow") else 1
    for _ in range(count):
        said += check_against_all_witnesses(random_system(rng, prime))
    assert min(said[x] for x in ("determined", "ranges", "integers")) >= count // 5, said


class Exchange(ast.NodeTransformer):
    """Puts one expression in the place of another wherever it stands; counts how often it did."""

    def __init__(self, expression: str, instead: str) -> None:
        self.wanted = ast.dump(ast.parse(expression, mode="eval").body)
        self.instead = ast.parse(instead, mode="eval").body
        self.count = 0

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and ast.dump(node) == self.wanted:
            self.count += 1
            return self.instead
        return self.generic_visit(node)


@contextmanager
def changed(module: ModuleType, expression: str, instead: str) -> Iterator[None]:
    """The module with one expression of its source replaced, however it is laid out, for the length of a ``with``."""
    assert module.__file__
    source = Path(module.__file__).read_text()
    exchange = Exchange(expression, instead)
    tree = ast.fix_missing_locations(exchange.visit(ast.parse(source)))
    assert isinstance(tree, ast.Module)
    assert exchange.count == 1, f"{expression} stands {exchange.count} times in {module.__name__}"
    try:
        exec(compile(tree, module.__file__, "exec"), module.__dict__)
        yield
    finally:
        exec(compile(source, module.__file__, "exec"), module.__dict__)


#: The conditions that the rules stand on, and each taken out.
CONDITIONS = [
    # digits: the sum cannot wrap; each factor outweighs the reach of those below it
    (determinism, "reach < facts.prime", "True"),
    (determinism, "abs(factor) <= reach", "False"),
    (determinism, "abs(factor) * widths[wire]", "widths[wire]"),
    # linear: one wire left; all wires of a product settled
    (determinism, "left[index] == 1", "left[index] <= 2"),
    (determinism, "not wires", "True"),
    # zero test: the constraints that it takes
    (determinism, "[t.inverse] if t.complete else []", "[t.inverse]"),
    (facts, "zeroing(flag, form)", "True"),
    (facts, "sum(c.values()) % self.prime == 0", "True"),
    (facts, "c.keys() == {0}", "c.keys() <= {0}"),
    # ranges: the sign of the factor, one integer only
    (facts, "(-rest[1], -rest[0]) if factor == 1 else rest", "rest"),
    (facts, "max(old[1], span[1]) - min(old[0], span[0]) >= self.prime", "False"),
    (facts, "[x * y for x in a for y in b]", "[x * y for x, y in zip(a, b)]"),
    (facts, "self.ranges.get(e) == (0, 1)", "True"),
    (facts, "rest == other", "True"),
    (facts, "(min(low, 0), max(high, 0))", "(low, high)"),
    # algebra: two roots, halves, a common factor
    (
        facts,
        "self.signed(a.get(0, 0) - b.get(0, 0) * pow(k, -1, self.prime))",
        "self.signed(a.get(0, 0) + b.get(0, 0) * pow(k, -1, self.prime))",
    ),
    (facts, "self.signed(-scale)", "self.signed(scale)"),
    (facts, "self.combine(other, {0: 1}, -k)", "self.combine(other, {0: 1}, k)"),
    # ledger: the difference of the sides, both factors, below r
    (ledger, "max(left[1] - c[0], c[1] - left[0])", "max(left[1], c[1])"),
    (
        ledger,
        "max(reach_of(facts, ({}, {}, factor)) for factor in (a, b))",
        "min(reach_of(facts, ({}, {}, factor)) for factor in (a, b))",
    ),
    (ledger, "reach < facts.prime", "reach <= 2 * facts.prime"),
]


@pytest.mark.parametrize(("module", "condition", "instead"), CONDITIONS, ids=[condition for _, condition, _ in CONDITIONS])
def test_a_rule_without_a_condition_is_contradicted(module: ModuleType, condition: str, instead: str) -> None:
    rng = Random(1)
    with changed(module, condition, instead), pytest.raises(AssertionError):
        for _ in range(3000):
            check_against_all_witnesses(random_system(rng, rng.choice([5, 7, 11])))


# --- gadgets over the real field, whole and with one thing missing ----------------------------------------------------

X, Y = 1, 2  # the inputs; other wires follow
BITS = range(3, 11)


def bits(count: int) -> list[Constraint]:
    """x as a sum of bits."""
    wires = range(3, 3 + count)
    return [*map(boolean, wires), ({}, {}, {X: -1} | {wire: 1 << k for k, wire in enumerate(wires)})]


def range_check(count: int) -> list[Constraint]:
    """As in lib/range.circom: the lowest bit is x − Σ 2^k·b_k."""
    form = {X: 1} | {wire: -(2 << k) for k, wire in enumerate(range(3, 2 + count))}
    return [*map(boolean, range(3, 2 + count)), (form, form | {0: -1}, {})]


ZERO = is_zero({X: 1}, 3, 4)
SIGN = [boolean(3), *map(boolean, range(5, 13)), ({}, {}, {4: -1} | {w: 1 << k for k, w in enumerate(range(5, 13))})]


#: Constraints, and what is left undetermined.
GADGETS: dict[str, tuple[list[Constraint], list[int]]] = {
    "eight bits": (bits(8), []),
    "one of them not a bit": (bits(8)[1:], [*BITS]),
    "two of one weight": ([*bits(8)[:-1], ({}, {}, {X: -1, 10: 1} | {w: 1 << k for k, w in enumerate(BITS[:-1])})], [*BITS]),
    "a bit by itself": ([boolean(3)], [3]),
    "253 bits": (bits(253), []),
    "254 bits can be those of x or of x + r": (bits(254), [*range(3, 257)]),
    "range check of 253 bits": (range_check(253), []),
    "range check of 254 bits": (range_check(254), [*range(3, 256)]),
    "range check without its lowest bit": (range_check(8)[:-1], [*range(3, 10)]),
    "times a constant": ([({3: 7}, {0: 1}, {X: 1})], []),
    "times an input, which may be zero": ([({3: 1}, {Y: 1}, {X: 1})], [3]),
    "the square is known, not the root": ([({3: 1}, {3: 1}, {X: 1})], [3]),
    "an inverse": ([({X: 1}, {3: 1}, {0: 1})], []),
    "zero test": (ZERO, []),
    "zero test whose inverse is free at zero": (ZERO[:2], [4]),
    "zero test without flag·x = 0": ([ZERO[0], ZERO[2]], [3, 4]),
    "zero test without x·inverse = 1 − flag": (ZERO[1:], [3, 4]),
    "sign and magnitude, with two zeros": ([*SIGN, ({3: 2, 0: -1}, {4: 1}, {X: 1})], [3, *range(4, 13)]),
    "nothing said of a wire": ([({X: 1}, {Y: 1}, {3: 1})], [4]),
}


@pytest.mark.parametrize(("constraints", "left"), GADGETS.values(), ids=GADGETS)
def test_what_is_left_of_a_gadget(constraints: list[Constraint], left: list[int]) -> None:
    wires = max([Y, *left, *(wire for constraint in constraints for side in constraint for wire in side)]) + 1
    assert determine(Facts(system(FIELD, wires, 2, constraints)), [X, Y]).remaining == left


ANY = {X: 1}, {Y: 1}, {3: 1}  # no wire has a range


@pytest.mark.parametrize(
    ("constraints", "hash_at", "allowed"),
    [
        ([ANY], None, [None]),
        ([ANY], 0, ["hash"]),
        ([({X: 1}, {X: 1}, {3: 1})], None, ["square"]),
        ([({X: 1}, {X: 1}, {3: 1}), ({3: 1}, {Y: 1}, {4: 1})], None, [None, None]),  # the square is used
        ([({X: 1}, {X: 1}, {3: 1}), ({X: 1}, {Y: 1}, {4: 1})], None, [None, None]),  # the input is
        ([({X: 1}, {3: 1}, {0: 1}), ({3: 1}, {Y: 1, 0: 1}, {4: 1})], None, ["zero test", None]),  # the inverse is
        ([*is_zero({X: 1}, 3, 4), ({4: 1}, {3: 1}, {5: 1})], None, ["zero test", "zero test", "zero test", None]),
    ],
)
def test_the_ledger_allows_no_more_than_its_reasons(constraints, hash_at, allowed) -> None:
    wires = max(wire for constraint in constraints for wire in facts.wires_of(constraint)) + 1
    hashes = [Hash("h", frozenset({hash_at}), frozenset(), 3, None, None)] if hash_at is not None else []
    lines = ledger.ledger(Facts(system(FIELD, wires, 2, constraints)), hashes)
    assert [line.allowed for line in lines] == allowed
    assert [line.may_wrap for line in lines] == [reason is None for reason in allowed]
