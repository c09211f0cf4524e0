"""What scripts/determinism and scripts/ledger print: tables of the deployed circuits, as DETERMINISM.md has them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache

from ..groth16 import constraint_table
from ..statement.circuits import of_size
from ..statement.constants import SIZES
from ..statement.relation import CHECKS
from .circuits import circuit
from .determinism import determine, main_inputs, public_inputs
from .gates import Subject, may_wrap, unbound, undetermined
from .markdown import table


@cache
def deployed(slots: int) -> Subject:
    """The circuit of this size as it is deployed."""
    return Subject(circuit(of_size(slots).name))


def determinism_table(sizes: Sequence[int]) -> str:
    """How many wires each rule settles, and what is left."""
    rows: dict[str, list[int]] = {}
    for subject in map(deployed, sizes):
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


def ledger_table(sizes: Sequence[int]) -> str:
    """For each check the smallest headroom in bits, and how many constraints hold as integers."""
    nearest: dict[int, dict[int, tuple[int, int]]] = {number: {} for number in range(1, len(CHECKS) + 1)}
    verdicts: dict[int, Counter[str]] = {}
    for slots in sizes:
        lines = deployed(slots).ledger
        checks = [check for check, _ in constraint_table.attribute(*constraint_table.systems(slots))]
        for line, check in zip(lines, checks, strict=True):
            if line.headroom_bits is not None:
                found = line.headroom_bits, line.constraint
                nearest[check][slots] = min(found, nearest[check].get(slots, found))
        verdicts[slots] = Counter(line.allowed or ("may wrap" if line.may_wrap else "holds as integers") for line in lines)
    rows: list[list[object]] = []
    for (number, at), name in zip(nearest.items(), CHECKS, strict=True):
        place = deployed(sizes[-1]).place(at[sizes[-1]][1]) if at else "no integers"
        rows.append([number, name, *(at[slots][0] if at else "–" for slots in sizes), place])
    for verdict in ("holds as integers", "hash", "zero test", "square", "**may wrap**"):
        rows.append(["", verdict, *(f"{verdicts[slots][verdict.strip('*')]:,}" for slots in sizes), ""])
    return table(["", "check", *_headings(sizes), "nearest"], rows)


def _headings(sizes: Sequence[int]) -> list[str]:
    return [f"{slots} slots" for slots in sizes]


def main(what: str, *options: str) -> int:
    """Print one of the tables; 1 if something is left to be explained, which goes to stderr."""
    parser = argparse.ArgumentParser(prog=f"scripts/{what}", description=f"The {what} of the deployed circuits.")
    parser.add_argument("--slots", type=int, choices=[*SIZES], action="append", help="a circuit size (all, by default)")
    sizes = parser.parse_args(options).slots or [*SIZES]
    table, gates = {
        "determinism": (determinism_table, (undetermined, unbound)),
        "ledger": (ledger_table, (may_wrap,)),
    }[what]
    print(table(sizes), end="")
    left = [f"{slots} slots: {found}" for slots in sizes for gate in gates for found in gate(deployed(slots))]
    for line in left:
        print(line, file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
