"""The Poseidon permutations in a constraint system: what goes in, what comes out, and under which domain tag.

They are found by the names of the signals in circuits/lib/poseidon.circom: no other template has a ``fourth``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dls_zk.constants import FIELD
from dls_zk.poseidon import PARTIAL_ROUNDS, _parameters
from dls_zk.r1cs import Constraint


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

    # The second S-box takes (first input + constant): x·fourth = fifth, and with a constant input x is a coefficient.
    first = tag = None
    for k in touching:
        a, b, c = constraints[k]
        if c.keys() == {own["fifth", 1]}:
            (first,) = (a.keys() | b.keys()) - {0, own["fourth", 1]}
        elif c.keys() == {own["fifth", 1], own["fourth", 1]}:
            x = -c[own["fourth", 1]] * pow(c[own["fifth", 1]], -1, FIELD)
            tag = (x - _parameters(width)[0][1]) % FIELD
    return Hash(name, frozenset(touching), frozenset(inputs), digests.pop(), first, tag)
