"""The Poseidon permutations in a constraint system: what goes in, what comes out, and under which domain tag.

They are found by the names of the signals in circuits/lib/poseidon.circom: no other template has a ``fourth``. That what is
found is Poseidon is tried out: from random inputs the constraints must give the digest that Python gives.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from ..groth16.r1cs import Constraint
from ..statement.constants import FIELD
from ..statement.poseidon import PARTIAL_ROUNDS, _parameters, poseidon


@dataclass(frozen=True)
class Hash:
    """One instance of Poseidon. constraints: their indices. inputs: the wires that go in; constant inputs have none.

    first: the wire of the first input, None where that is a constant; then tag is the constant.
    """

    name: str
    constraints: frozenset[int]
    inputs: frozenset[int]
    digest: int
    first: int | None
    tag: int | None


def find_hashes(constraints: Sequence[Constraint], names: Mapping[int, Sequence[str]]) -> list[Hash]:
    """All instances in a system; ValueError if one does not look like circuits/lib/poseidon.circom."""
    signal: dict[int, tuple[str, str, int]] = {}  # wire → instance, signal, index
    for wire, found in names.items():
        for name in found:
            if inner := re.fullmatch(r"(.+)\.(square|fourth|fifth)\[(\d+)\]", name):
                signal[wire] = inner[1], inner[2], int(inner[3])
    instances = {instance for instance, kind, _ in signal.values() if kind == "fourth"}
    touching: dict[str, set[int]] = defaultdict(set)
    for index, constraint in enumerate(constraints):
        for side in constraint:
            for wire in side:
                if wire in signal and signal[wire][0] in instances:
                    touching[signal[wire][0]].add(index)
    return [_hash(name, touching[name], constraints, signal) for name in sorted(instances)]


def _hash(
    name: str, touching: set[int], constraints: Sequence[Constraint], signal: Mapping[int, tuple[str, str, int]]
) -> Hash:
    own = {(kind, index): wire for wire, (instance, kind, index) in signal.items() if instance == name}
    inputs: set[int] = set()
    digests: set[int] = set()
    alone = True  # each input goes into its S-box alone, as what the hash is said to bind
    for k in touching:
        a, b, c = constraints[k]
        outside = {*a, *b, *c} - {0, *own.values()}
        if a and b:
            inputs |= outside
            alone &= len(outside) <= 1
        else:
            digests |= outside
    boxes = sum(kind == "fourth" for kind, _ in own)
    width = next((t for t, partial in enumerate(PARTIAL_ROUNDS, start=2) if 8 * t + partial == boxes), 0)
    if len(digests) != 1 or len(touching) != 3 * boxes or not width or not alone:
        raise ValueError(f"{name} is no Poseidon as in circuits/lib/poseidon.circom")

    # The S-box after the first takes (input + constant): x·fourth = fifth, and with a constant input x is a coefficient.
    wires: dict[int, int] = {}  # place of an input → its wire, or its value if that is a constant
    fixed: dict[int, int] = {}
    for k in touching:
        a, b, c = constraints[k]
        for box in range(1, width):
            fifth, fourth = own["fifth", box], own["fourth", box]
            if c.keys() == {fifth}:
                (wires[box],) = (a.keys() | b.keys()) - {0, fourth}
            elif c.keys() == {fifth, fourth}:
                x = -c[fourth] * pow(c[fifth], -1, FIELD)
                fixed[box] = (x - _parameters(width)[0][box]) % FIELD
    (digest,) = digests
    rng = Random(name)
    given = {wire: rng.randrange(FIELD) for wire in inputs}
    hashed = [given[wires[box]] if box in wires else fixed[box] for box in range(1, width)]
    if _solved(given, [constraints[k] for k in sorted(touching)]).get(digest) != poseidon(hashed):
        raise ValueError(f"{name} is no Poseidon: from {hashed} it makes another digest")
    return Hash(name, frozenset(touching), frozenset(inputs), digest, wires.get(1), fixed.get(1))


def _solved(given: Mapping[int, int], constraints: Sequence[Constraint]) -> dict[int, int]:
    """The given wires and those that the constraints give on their right side, one after the other."""
    values, left_over = {0: 1, **given}, [*constraints]
    while left_over:
        waiting = []
        for a, b, c in left_over:
            unknown = c.keys() - values.keys()
            if len(unknown) == 1 and values.keys() >= a.keys() | b.keys():
                (wire,) = unknown
                left, right, rest = (sum(factor * values.get(w, 0) for w, factor in side.items()) for side in (a, b, c))
                values[wire] = (left * right - rest) * pow(c[wire], -1, FIELD) % FIELD
            else:
                waiting.append((a, b, c))
        if len(waiting) == len(left_over):
            break
        left_over = waiting
    return values
