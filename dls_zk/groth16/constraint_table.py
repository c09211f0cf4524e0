"""What each check of a statement costs: every constraint of a deployed circuit, counted for one check.

The deployed constraints (circom --O1) do not say where they come from: a wire that leads from one component to the next
keeps one of its names. So the circuit is compiled a second time by --O0, where nothing is merged and each constraint lies
in one component. Signals that --O0 holds equal are then merged here, and every deployed constraint is found again
among those of --O0: all of them, each once. So the table also shows that the optimiser has lost no constraint.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from rich.table import Table

from ..errors import ArtifactError
from ..statement.circuits import REBALANCE, RECONCILIATION, Circuit
from ..statement.constants import FIELD
from ..statement.families import CHECKS
from ..storage import places
from ..tools import circom
from .r1cs import Combination, Constraint, Header, constraints, r1cs_header

#: By family: where a constraint lies → the check that it serves: a component or a signal of the top template, or a signal
#: inside a component. The last rules over its component's entry, for the constraints that name the signal and for those of a
#: part of the component that has it as input or output (the IsZero of a price, the range checks that bound the NAV).
CHECK_OF = {
    REBALANCE: {
        "bookBefore": 1,
        "bookAfter": 1,
        "policy": 2,
        "slot": 2,
        "globals": 2,
        "priceWords": 3,
        "valued.unpriced": 3,
        "valued": 4,
        "conservation": 5,
        "flowParts": 5,
        "allowance": 5,
        "turnover": 6,
        "navDisclosure.navHigh": 7,
        "navDisclosure.low": 7,
        "leverage": 8,
        "exposures": 9,
        "factor": 9,
        "concentration": 10,
        "venue": 11,
        "parts": 12,
        "collateralRatio": 12,
        "stressSolvency": 13,
        "stressLoss": 14,
        "reserve": 15,
        "impermanentLoss": 16,
        "capitalEfficiency": 17,
        "valueAtRisk": 18,
        "navDisclosure": 19,
        "contextSquare": 20,
    },
    RECONCILIATION: {
        "book": 1,
        "venueWord": 2,
        "parts": 3,
        "attestation": 3,
        "priceWords": 4,
        "reconciled.unpriced": 4,
        "reconciled": 5,
        "solvent": 6,
        "shortfall.tolerance": 7,
        "shortfall.room": 7,
        "shortfall": 8,
    },
}


@dataclass(frozen=True)
class Cost:
    """A number of constraints. Linear ones are what is left where neither side of a product holds two signals."""

    non_linear: int
    linear: int

    @property
    def total(self) -> int:
        return self.non_linear + self.linear

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.non_linear + other.non_linear, self.linear + other.linear)


@dataclass(frozen=True)
class CircuitCost:
    """What a circuit costs, check by check, in the order of its family's checks."""

    circuit: Circuit
    header: Header
    checks: tuple[Cost, ...]

    @property
    def total(self) -> Cost:
        return reduce(Cost.__add__, self.checks)

    @property
    def per_slot(self) -> int:
        """Constraints a slot, rounded up."""
        return -(-self.total.total // self.circuit.size.slots)

    @property
    def domain(self) -> int:
        """Length of the prover's FFTs: the power of two that holds the constraints, the public signals and the constant."""
        return 1 << (self.header.n_constraints + self.header.n_public).bit_length()


@dataclass(frozen=True)
class System:
    """Constraints, and the name of each wire but the constant's (wire 0)."""

    constraints: tuple[Constraint, ...]
    names: dict[int, str]

    @classmethod
    def read(cls, r1cs: Path, sym: Path) -> System:
        """Read the two files that circom writes. A signal that it merged into another has wire −1 and no name here."""
        rows = (line.split(",") for line in sym.read_text().splitlines())
        return cls(tuple(constraints(r1cs)), {int(wire): name for _, wire, _, name in rows if wire != "-1"})


def measure(circuit: Circuit) -> CircuitCost:
    """Count the constraints of a circuit."""
    counts = Counter(attribute(circuit.family, *systems(circuit)))
    costs = (Cost(counts[k, False], counts[k, True]) for k in range(1, len(CHECKS[circuit.family]) + 1))
    return CircuitCost(circuit, r1cs_header(circom.compile_circuit(circuit.name).r1cs), tuple(costs))


def systems(circuit: Circuit) -> tuple[System, System]:
    """A circuit as it is deployed, and by --O0, for which it is compiled again: what ``attribute`` takes."""
    name = circuit.name
    deployed = circom.compile_circuit(name)
    with circom.run_circom(name, ("--r1cs", "--sym", "--O0"), places.data_dir("circuits")) as (out, _):
        plain = System.read(out / f"{name}.r1cs", out / f"{name}.sym")
    return System.read(deployed.r1cs, deployed.sym), plain


def attribute(family: str, deployed: System, plain: System) -> Iterator[tuple[int, bool]]:
    """For each deployed constraint of a circuit of this family: the number of its check, and whether it is linear.

    deployed, plain and ArtifactError: as for ``sources``; also ArtifactError if a constraint belongs to no check, or to
    several.
    """
    merged = _Merged(plain)
    for (a, b, _), k in zip(deployed.constraints, sources(deployed, plain), strict=True):
        yield _check(CHECK_OF[family], merged, plain.constraints[k]), not (a and b)


def sources(deployed: System, plain: System) -> list[int]:
    """For each deployed constraint: the place of the one in ``plain`` that it comes from.

    deployed: by --O1. plain: the same circuit by --O0. ArtifactError if they differ by more than merged signals.
    """
    merged = _Merged(plain)
    wire_of = {name: wire for wire, name in plain.names.items()}
    renamed = {0: 0} | {wire: wire_of[name] for wire, name in deployed.names.items()}
    places: dict[object, list[int]] = defaultdict(list)
    for k, constraint in enumerate(plain.constraints):
        places[merged.form(constraint)].append(k)
    places.pop(_NOTHING, None)  # the equalities by which signals were merged
    origins: list[int] = []
    for constraint in deployed.constraints:
        a, b, c = ({renamed[wire]: factor for wire, factor in side.items()} for side in constraint)
        same = places[merged.form((a, b, c))]
        if not same:
            raise ArtifactError("the deployed circuit has a constraint that its source has not")
        origins.append(same.pop())
    if any(places.values()):
        raise ArtifactError("the deployed circuit lacks a constraint of its source")
    return origins


#: The form of a constraint that always holds.
_NOTHING = frozenset[tuple[int, int]]()


class _Merged:
    """A circuit by --O0 whose equal signals are one, as --O1 makes them: equal to each other or to a constant."""

    def __init__(self, plain: System) -> None:
        self.names = plain.names
        self._parent = list(range(max(plain.names) + 1))
        constants = []
        for a, b, c in plain.constraints:
            wires = [*c.keys() - {0}]
            if a and b:
                continue
            if len(wires) == 2 and 0 not in c and sum(c.values()) == FIELD:
                first, second = sorted(map(self.root, wires))
                self._parent[second] = first
            elif len(wires) == 1:
                constants.append((wires[0], -c.get(0, 0) * pow(c[wires[0]], -1, FIELD) % FIELD))
        self._constants: dict[int, int] = {}
        for wire, value in constants:
            self._constants.setdefault(self.root(wire), value)

        # The signals of a top-level component that lead into or out of a part of it, by the part's name.
        members: dict[int, set[str]] = defaultdict(set)
        for wire, name in self.names.items():
            members[self.root(wire)].add(name)
        self.around: dict[str, set[str]] = defaultdict(set)
        for wire, name in self.names.items():
            component, _, part = _place(name)
            if part:
                self.around[part] |= {_place(x)[1] for x in members[self.root(wire)] if _place(x)[0] == component}

    def root(self, wire: int) -> int:
        """The wire that stands for all that are equal to this one."""
        while self._parent[wire] != wire:
            wire = self._parent[wire]
        return wire

    def form(self, constraint: Constraint) -> object:
        """What is the same for two constraints exactly if they say the same of merged signals: no order, no scale."""
        a, b, c = map(self._merge, constraint)
        for factor, other in ((a, b), (b, a)):
            if factor.keys() <= {0}:
                k = factor.get(0, 0)
                wires = other.keys() | c.keys()
                rest = {wire: (k * other.get(wire, 0) - c.get(wire, 0)) % FIELD for wire in wires}
                return _monic({wire: value for wire, value in rest.items() if value})[0]
        (left, left_scale), (right, right_scale) = _monic(a), _monic(b)
        return frozenset({left, right}), _scaled(c, left_scale * right_scale)

    def _merge(self, side: Combination) -> Combination:
        total: Combination = defaultdict(int)
        for wire, factor in side.items():
            wire = self.root(wire)
            if wire in self._constants:
                wire, factor = 0, factor * self._constants[wire]
            total[wire] += factor
        return {wire: factor % FIELD for wire, factor in total.items() if factor % FIELD}


def _monic(side: Combination) -> tuple[frozenset[tuple[int, int]], int]:
    """A combination over its leading factor, and that factor's inverse."""
    scale = pow(side[max(side)], -1, FIELD) if side else 0
    return _scaled(side, scale), scale


def _scaled(side: Combination, scale: int) -> frozenset[tuple[int, int]]:
    return frozenset((wire, factor * scale % FIELD) for wire, factor in side.items())


def _place(name: str) -> tuple[str, str, str]:
    """Of a signal's name: the top-level component or signal, the signal in it, and the part of the component it is in.

    main.nav → nav, "", "";  main.valued[3].price → valued, valued.price, "";
    main.valued[3].IsZero_28_1316.in → valued, "", main.valued[3].IsZero_28_1316
    """
    _, component, *inner = re.sub(r"\[\d+\]", "", name).split(".")
    if len(inner) == 1:
        return component, f"{component}.{inner[0]}", ""
    return component, "", ".".join(name.split(".")[:3]) if inner else ""


def _check(check_of: Mapping[str, int], merged: _Merged, constraint: Constraint) -> int:
    """The check of a constraint by --O0."""
    names = {merged.names[wire] for side in constraint for wire in side if wire}
    components, signals = set(), set()
    for component, signal, part in map(_place, names):
        components.add(component)
        signals |= merged.around[part] if part else {signal}
    checks = {check_of[x] for x in signals & check_of.keys()} or {check_of[x] for x in components & check_of.keys()}
    if len(checks) != 1:
        raise ArtifactError(f"a constraint on {min(names)} belongs to {len(checks)} checks: see CHECK_OF")
    return checks.pop()


# --- showing -------------------------------------------------------------------------------------------------------


def table(circuits: Sequence[CircuitCost]) -> Table:
    """All of it for a person at a terminal, of circuits of one family."""
    family = circuits[0].circuit.family
    title = f"Constraints of a {family} by check: non-linear + linear = total"
    rows = Table("", "check", title=title, title_justify="left")
    for circuit in circuits:
        rows.add_column(f"{circuit.circuit.size.slots} slots", justify="right")
    for number, name in enumerate(CHECKS[family], start=1):
        rows.add_row(str(number), name, *(_sum(circuit.checks[number - 1]) for circuit in circuits))
    rows.add_section()
    rows.add_row("", "all", *(_sum(circuit.total) for circuit in circuits))
    for label, values in _facts(circuits):
        rows.add_row("", label, *values)
    return rows


def markdown(circuits: Sequence[CircuitCost]) -> str:
    """The totals as a table for docs/statement.md, of circuits of one family."""
    checks = CHECKS[circuits[0].circuit.family]
    lines = [
        ["", "check", *(f"{circuit.circuit.size.slots} slots" for circuit in circuits)],
        ["---:", "---", *("---:" for _ in circuits)],
        *([str(k), name, *(f"{circuit.checks[k - 1].total:,}" for circuit in circuits)] for k, name in enumerate(checks, 1)),
        ["", "**all**", *(f"**{circuit.total.total:,}**" for circuit in circuits)],
        ["", "of which linear", *(f"{circuit.total.linear:,}" for circuit in circuits)],
        *(["", label, *values] for label, values in _facts(circuits)),
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def to_json(circuits: Iterable[CircuitCost]) -> list[dict[str, Any]]:
    """The same as JSON values."""
    return [
        {
            "circuit": circuit.circuit.name,
            "slots": circuit.circuit.size.slots,
            "checks": [
                {"number": number, "name": name, **_counts(cost)}
                for number, (name, cost) in enumerate(
                    zip(CHECKS[circuit.circuit.family], circuit.checks, strict=True), start=1
                )
            ],
            **_counts(circuit.total),
            "per_slot": circuit.per_slot,
            "public_signals": circuit.header.n_public,
            "wires": circuit.header.n_wires,
            "fft_domain": circuit.domain,
        }
        for circuit in circuits
    ]


def _facts(circuits: Sequence[CircuitCost]) -> list[tuple[str, list[str]]]:
    return [
        ("a slot", [f"{circuit.per_slot:,}" for circuit in circuits]),
        ("wires", [f"{circuit.header.n_wires:,}" for circuit in circuits]),
        ("FFT domain", [f"{circuit.domain:,}" for circuit in circuits]),
    ]


def _sum(cost: Cost) -> str:
    return f"{cost.non_linear:,} + {cost.linear:,} = {cost.total:,}"


def _counts(cost: Cost) -> dict[str, int]:
    return {"non_linear": cost.non_linear, "linear": cost.linear, "total": cost.total}
