"""Deletion mutants of the r1cs: each constraint of a deployed circuit left out in turn, and a prover let loose on the rest.

A mutant is **killed** by a witness that satisfies every other constraint and claims something false (``judge.py``). It
is enough to forge each false claim with its lie in one place after the other: a witness that breaks one constraint and no
other kills the mutant without that constraint. A mutant in which no constraint is left on a public signal is killed
too: a witness of it passes with any value of the signal. (A finished proof does not, under a key with a row in A for each
public signal, as snarkjs makes them. The circuit does not rely on how its key is made.)

A mutant is **equivalent** if its constraint cannot matter for what is claimed; ``EQUIVALENT`` lists these, with the
argument. All else has **survived**.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from random import Random

from dls_zk.statement.circuits import of_size
from dls_zk.statement.families import CHECKS
from tests.soundness.claims import Claim
from tests.soundness.families import claims_of, tells_the_truth
from tests.soundness.forge import Constraints, DeployedForger, Forger
from tests.soundness.lies import lies

#: The signals in a constraint (sorted, without the lines of nameless components) → why no false claim gains by its absence.
EQUIVALENT = {
    r"(valued|reconciled)\[\d+\]\.IsZero\.in (valued|reconciled)\[\d+\]\.IsZero\.isZero": (
        "isZero·price = 0: without it a priced slot may call itself unpriced, which only forbids it to hold anything"
    ),
    r"(valued|factor|reconciled)\[\d+\]\.IsZero\.inverse (valued|factor|reconciled)\[\d+\]\.IsZero\.isZero": (
        "isZero·inverse = 0 makes the inverse of zero unique; isZero follows from the other two constraints"
    ),
    r"valued\[0\]\.SignedRange\.nonNegative valued\[0\]\.bought": "only leads to the next",
    r"valued\[0\]\.absTradeValue valued\[0\]\.bought valued\[0\]\.tradeValue": (
        "trades in the settlement asset are no turnover: of slot 0, this magnitude goes nowhere"
    ),
}


@dataclass(frozen=True)
class Kill:
    """A witness that a mutant accepts though it is false: that of a claim, with some wires changed (plain)."""

    claim: Claim
    changes: dict[int, int]

    @property
    def values(self) -> list[int]:
        return [self.changes.get(wire, value) for wire, value in enumerate(self.claim.values)]


@dataclass
class Sweep:
    """What became of the mutants.

    plain: the kills by constraint of --O0. deployed: how the mutant without a constraint of --O1 died.
    """

    forger: DeployedForger
    plain: dict[int, Kill] = field(default_factory=dict)
    deployed: dict[int, str] = field(default_factory=dict)

    def survivors(self) -> list[int]:
        """The deployed constraints whose mutants are neither killed nor equivalent."""
        left = ((k, source) for k, source in enumerate(self.forger.source) if k not in self.deployed)
        return [k for k, source in left if not equivalent(self.forger, source)]

    def by_check(self) -> Iterator[tuple[str, int, int, int]]:
        """For each check: its name, mutants killed, equivalent, survived."""
        survivors = {*self.survivors()}
        for number, name in enumerate(CHECKS[self.forger.family], start=1):
            mine = {k for k, check in enumerate(self.forger.check) if check == number}
            killed, survived = len(mine & self.deployed.keys()), len(mine & survivors)
            yield name, killed, len(mine) - killed - survived, survived


def short(name: str) -> str:
    """A signal's name without ``main`` and without the lines that name a component without a name."""
    return re.sub(r"_\d+_\d+", "", name.removeprefix("main."))


def equivalent(forger: Forger, k: int) -> str | None:
    """Why the mutant without plain constraint k is equivalent, or None."""
    names = " ".join(sorted({short(forger.system.names[w]) for side in forger.plain.all[k] for w in side if w}))
    return next((reason for pattern, reason in EQUIVALENT.items() if re.fullmatch(pattern, names)), None)


def unbound(constraints: Constraints, n_public: int) -> set[int]:
    """The constraints that are the only one on some public signal."""
    touching = (constraints.touching[wire] for wire in range(1, n_public + 1))
    return {k for ks in touching if len(ks) == 1 for k in ks}


def sweep(
    forger: DeployedForger, slots: int, seed: int, wanted: Set[int], checks: Sequence[str] | None = None, rounds: int = 16
) -> Sweep:
    """Forge until the mutants of all wanted plain constraints are killed or equivalent: the claims against these checks (by
    default all), with new books in each round."""
    n_public, checks = len(of_size(slots, forger.family).signals), checks or CHECKS[forger.family]
    result = Sweep(forger)
    result.deployed = dict.fromkeys(unbound(forger.deployed, n_public), "a public signal that no constraint binds")
    open_ = {k for k in wanted - unbound(forger.plain, n_public) if not equivalent(forger, k)}
    settled = {*range(len(forger.plain.all))} - open_
    for round_ in range(rounds):
        claims = claims_of(forger, slots, Random(f"{seed} {round_}"))
        for claim in (claim for check in checks for claim in claims.of(check)):
            if not open_:
                return result
            start = forger.broken(claim.values)
            for lie in lies(forger, claim, forger.ancestors(claim.at), settled):
                if len(lie.broken) != 1 or not lie.broken <= open_ or tells_the_truth(forger, slots, lie.values):
                    continue
                (k,) = lie.broken
                open_.discard(k)
                settled.add(k)
                result.plain[k] = Kill(claim, {wire: lie.values[wire] for wire in lie.changed})
                broken = forger.broken_after(lie.values, lie.changed, start)
                if len(broken) == 1:
                    result.deployed.setdefault(*broken, f"{claim.family}, at {short(forger.system.names[lie.where])}")
    return result
