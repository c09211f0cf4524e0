"""The forgery bench: every claim, with its lie wherever it can be put, and every wire of a true witness changed alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from dls_zk.statement.circuits import REBALANCE
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.families import CHECKS
from tests.soundness.families import FAMILIES, claims_of, tells_the_truth
from tests.soundness.forge import forger, inverse
from tests.soundness.lies import lies


@dataclass
class Tally:
    """What became of the witnesses forged against one check."""

    forged: int = 0
    refused_by_one: int = 0  # by a single constraint: all else had been repaired
    true: int = 0  # accepted, and true after all
    families: set[str] = field(default_factory=set)
    accepted: list[str] = field(default_factory=list)  # accepted and false: must stay empty

    def add(self, other: Tally) -> None:
        """Count another run's witnesses here too."""
        self.forged += other.forged
        self.refused_by_one += other.refused_by_one
        self.true += other.true
        self.families |= other.families
        self.accepted += other.accepted


def forge_all(slots: int, rng: Random, wires_a_claim: int, share: float = 1, family: str = REBALANCE) -> dict[str, Tally]:
    """Forge witnesses for all claims: each as it stands, with its lie at so many random wires before its place, and with
    this share of the digits of a range check that is in the way."""
    f = forger(slots, family)
    tallies = {check: Tally() for check in CHECKS[family]}
    left_out = {k for r in f.ranges.values() for k in r.constraint.values() if rng.random() >= share}
    for claim in claims_of(f, slots, rng).all():
        tally, start = tallies[claim.check], f.broken(claim.values)
        wires = sorted(f.ancestors(claim.at))
        for lie in lies(f, claim, rng.sample(wires, min(wires_a_claim, len(wires))), left_out):
            broken = f.broken_after(lie.values, lie.changed, start)
            tally.forged += 1
            tally.refused_by_one += len(broken) == 1
            where = re.sub(r"\[\d+\]|_\d+_\d+", "", f.system.names[lie.where])
            tally.families.add(f"{claim.family}, at {where}")
            if not broken and tells_the_truth(f, slots, lie.values):
                tally.true += 1
            elif not broken:
                tally.accepted.append(f"{claim.family}, at {f.system.names[lie.where]}")
    return tallies


@dataclass
class Perturbed:
    """Single wires of a true witness changed. true: names of wires whose change was accepted and is true."""

    tried: int = 0
    true: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)


def perturb(slots: int, rng: Random, ways: int, family: str = REBALANCE) -> Perturbed:
    """Change each wire of a true witness in ``ways`` ways and ask the constraints."""
    f, result = forger(slots, family), Perturbed()
    plain = f.solve(FAMILIES[family].full(rng, SIZES[slots]))
    values = f.deploy(plain)
    for wire in range(1, len(values)):
        right = values[wire]
        for wrong in _changes(rng, right, ways):
            values[wire] = wrong
            result.tried += 1
            if not any(f.deployed.residue(k, values) for k in f.deployed.touching.get(wire, ())):
                claimed = [wrong if plain_wire == f.stands_for[wire] else x for plain_wire, x in enumerate(plain)]
                true = tells_the_truth(f, slots, claimed)
                (result.true if true else result.accepted).append(f.system.names[f.stands_for[wire]])
        values[wire] = right
    return result


def _changes(rng: Random, x: int, ways: int) -> Iterator[int]:
    """This many other values: neighbours, p − x, 1 − x, shifts, halves, inverses, a carry past each width, random."""
    wrong = [x + 1, x - 1, -x, 1 - x, 0, 1, 2 * x, x * inverse(2), inverse(x), x + (1 << 48), x - (1 << 57), x + (1 << 253)]
    seen = {x}
    while len(seen) <= ways:
        other = (wrong.pop(0) if wrong else rng.randrange(FIELD)) % FIELD
        if other not in seen:
            seen.add(other)
            yield other
