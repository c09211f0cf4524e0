"""What scripts/determinism and scripts/ledger print: tables of the deployed circuits, as DETERMINISM.md has them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache

from ..groth16 import constraint_table
from ..statement.circuits import REBALANCE, Circuit, of_family, of_size
from ..statement.constants import SIZES
from ..statement.families import CHECKS
from .circuits import circuit
from .determinism import determine, main_inputs, public_inputs
from .gates import Subject, may_wrap, unbound, undetermined
from .ledger import ALLOWED
from .markdown import table


@cache
def deployed(slots: int, family: str = REBALANCE) -> Subject:
    """The circuit of this family and size as it is deployed."""
    return Subject(circuit(of_size(slots, family).name))


def determinism_table(sizes: Sequence[int], family: str = REBALANCE) -> str:
    """How many wires each rule settles, and what is left."""
    rows: dict[str, list[int]] = {}
    for subject in (deployed(slots, family) for slots in sizes):
        header = subject.system.header
        by_inputs = determine(subject.facts, main_inputs(header))
        by_signals = determine(subject.facts, public_inputs(header), subject.hashes)
        for name, count in {
            "constraints": header.n_constraints,
            "wires": header.n_wires,
            "given: the constant and the inputs of main": 1 + len(main_inputs(header)),
            "linear": by_inputs.by_rule["linear"],
            "digits": by_inputs.by_rule["digits"],
            "zero test": by_inputs.by_rule["zero test"],
            "**left**": len(by_inputs.remaining),
            "left by the public signals, unless Poseidon has a collision": len(by_signals.remaining),
        }.items():
            rows.setdefault(name, []).append(count)
    return table(["", *_headings(sizes)], ([name, *counts] for name, counts in rows.items()))


def ledger_table(sizes: Sequence[int], family: str = REBALANCE) -> str:
    """For each check the smallest headroom in bits, and how many constraints hold as integers."""
    names = CHECKS[family]
    nearest: dict[int, dict[int, tuple[int, int]]] = {number: {} for number in range(1, len(names) + 1)}
    verdicts: dict[int, Counter[str]] = {}
    for slots in sizes:
        lines = deployed(slots, family).ledger
        checks = [
            check for check, _ in constraint_table.attribute(family, *constraint_table.systems(of_size(slots, family)))
        ]
        for line, check in zip(lines, checks, strict=True):
            if line.headroom_bits is not None:
                found = line.headroom_bits, line.constraint
                nearest[check][slots] = min(found, nearest[check].get(slots, found))
        verdicts[slots] = Counter(line.allowed or ("may wrap" if line.may_wrap else "holds as integers") for line in lines)
    rows: list[list[object]] = []
    for (number, at), name in zip(nearest.items(), names, strict=True):
        place = deployed(sizes[-1], family).place(at[sizes[-1]][1]) if at else "no integers"
        rows.append([number, name, *(at[slots][0] if at else "–" for slots in sizes), place])
    for verdict in ("holds as integers", *ALLOWED, "**may wrap**"):
        rows.append(["", verdict, *(f"{verdicts[slots][verdict.strip('*')]:,}" for slots in sizes), ""])
    return table(["", "check", *_headings(sizes), "nearest"], rows)


def _headings(sizes: Sequence[int]) -> list[str]:
    return [f"{slots} slots" for slots in sizes]


def main(what: str, *options: str) -> int:
    """Print one of the tables; 1 if something is left to be explained, which goes to stderr."""
    parser = argparse.ArgumentParser(prog=f"scripts/{what}", description=f"The {what} of the deployed circuits.")
    parser.add_argument("--slots", type=int, choices=[*SIZES], action="append", help="a circuit size (all, by default)")
    parser.add_argument("--family", choices=[*CHECKS], action="append", help="a family of circuits (all, by default)")
    arguments = parser.parse_args(options)
    sizes, families = arguments.slots or [*SIZES], arguments.family or [*CHECKS]
    table, gates = {
        "determinism": (determinism_table, (undetermined, unbound)),
        "ledger": (ledger_table, (may_wrap,)),
    }[what]
    print("\n".join(table(sizes, family) for family in families), end="")
    circuits = [circuit for family in families for circuit in of_family(family) if circuit.size.slots in sizes]
    left = [f"{circuit.name}: {found}" for circuit in circuits for gate in gates for found in gate(_subject(circuit))]
    for line in left:
        print(line, file=sys.stderr)
    return 1 if left else 0


def _subject(circuit: Circuit) -> Subject:
    return deployed(circuit.size.slots, circuit.family)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
