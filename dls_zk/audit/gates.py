"""What every deployed circuit passes: each gate returns its findings, and none for a circuit that is sound in that respect.

``test_gates.py`` shows that they bite: each is the one that catches some bug of the past, re-created in bad/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ..groth16.r1cs import R1CS
from .circuits import Circuit
from .determinism import determine, main_inputs, public_inputs
from .facts import Facts, wires_of
from .hashes import Hash, find_hashes
from .ledger import Line, ledger


@dataclass(frozen=True)
class Subject:
    """A circuit and what the analysis found out about it."""

    circuit: Circuit

    @cached_property
    def system(self) -> R1CS:
        return R1CS.read(self.circuit.built.r1cs)

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.system)

    @cached_property
    def hashes(self) -> list[Hash]:
        return find_hashes(self.system.constraints, self.circuit.names)

    @cached_property
    def ledger(self) -> list[Line]:
        return ledger(self.facts, self.hashes)

    def name(self, wire: int) -> str:
        return self.circuit.names[wire][0].removeprefix("main.")

    def names(self, wires: Iterable[int]) -> list[str]:
        return [self.name(wire) for wire in sorted(wires)]

    def place(self, constraint: int) -> str:
        """A constraint by the names in it: three at most."""
        wires = dict.fromkeys(wire for side in self.system.constraints[constraint] for wire in side if wire)
        shown = [self.name(wire) for wire in wires]
        return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def undetermined(subject: Subject) -> list[str]:
    """Wires that the inputs of main are not shown to determine."""
    return subject.names(determine(subject.facts, main_inputs(subject.system.header)).remaining)


def may_wrap(subject: Subject) -> list[str]:
    """Constraints that may hold modulo r without holding as integers."""
    return [subject.place(line.constraint) for line in subject.ledger if line.may_wrap]


def unused_inputs(subject: Subject) -> list[str]:
    """Inputs of main, public or private, that no constraint uses."""
    used = set().union(*map(wires_of, subject.facts.constraints))
    return subject.names(set(main_inputs(subject.system.header)) - used)


def unbound(subject: Subject) -> list[str]:
    """Wires that the public signals are not shown to determine, if nobody finds a collision of Poseidon: what a prover may
    choose freely for the same public statement."""
    return subject.names(determine(subject.facts, public_inputs(subject.system.header), subject.hashes).remaining)


def outputs(subject: Subject) -> list[str]:
    """Outputs of main: verdicts that somebody else would have to look at."""
    return subject.names(range(1, 1 + subject.system.header.n_public_outputs))


#: Wires that come to nothing in the deployed circuits, and why.
IDLE = {
    "contextSquare": "its constraint is there to bind the context",
    "valued[0].absTradeValue": "trades in the settlement asset are no turnover",
}


def idle(subject: Subject) -> list[str]:
    """Wires that come to nothing: defined by a constraint, and used by none but what comes to nothing itself."""
    header, constraints = subject.system.header, dict(enumerate(subject.system.constraints))
    uses: dict[int, set[int]] = defaultdict(set)
    for index, constraint in constraints.items():
        for wire in wires_of(constraint):
            uses[wire].add(index)
    found, looked_at = set(), [*range(main_inputs(header).stop, header.n_wires)]
    while looked_at:
        wire = looked_at.pop()
        if len(uses[wire]) == 1:
            (index,) = uses[wire]
            a, b, _ = constraints[index]
            if wire not in a.keys() | b.keys():  # whatever the others are, it can be solved for this wire
                found.add(wire)
                for other in wires_of(constraints[index]):
                    uses[other].discard(index)
                    if other >= main_inputs(header).stop:
                        looked_at.append(other)
    return [name for name in subject.names(found) if name not in IDLE]


def untagged_hashes(subject: Subject) -> list[str]:
    """Hashes whose first input is neither a constant domain tag nor the digest of a hash that has one."""
    tagged = {found.digest for found in subject.hashes if found.tag is not None}
    left = [found for found in subject.hashes if found.tag is None]
    while chained := [found for found in left if found.first in tagged]:
        tagged |= {found.digest for found in chained}
        left = [found for found in left if found not in chained]
    return [found.name for found in left]


def guessable(subject: Subject) -> list[str]:
    """Hashes behind a public digest without an input that is private, of any value, and used for nothing else: a salt."""
    header = subject.system.header
    private = set(main_inputs(header)) - set(public_inputs(header))
    uses: dict[int, set[int]] = defaultdict(set)
    for index, constraint in enumerate(subject.system.constraints):
        for wire in wires_of(constraint) & private:
            uses[wire].add(index)
    return [
        found.name
        for found in subject.hashes
        if found.digest <= header.n_public
        and not any(
            wire in private and wire not in subject.facts.ranges and uses[wire] <= found.constraints for wire in found.inputs
        )
    ]


#: The gates that look at a circuit alone.
GATES: dict[str, Callable[[Subject], list[str]]] = {
    "determinism": undetermined,
    "ledger": may_wrap,
    "unused inputs": unused_inputs,
    "unbound by the public signals": unbound,
    "outputs": outputs,
    "idle": idle,
    "hash domains": untagged_hashes,
    "salts": guessable,
}


def disagreements(circuit: Circuit, truth: Callable[..., bool], grid: Mapping[str, Iterable[int]]) -> list[dict[str, int]]:
    """The gate "edges": the inputs, of all combinations in the grid, for which the constraints and the truth differ.

    The constraints judge the witness of a prover who follows the hints and ignores every assertion. ``truth`` takes the
    inputs by name.
    """
    combinations = (dict(zip(grid, values, strict=True)) for values in product(*grid.values()))
    return [x for x in combinations if truth(**x) == bool(circuit.violated(circuit.lying(x)))]
