"""The long soundness runs: named steps, each of which ends in figures or in an AssertionError. See scripts/soundness."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from random import Random

import figures
from bench import Tally, forge_all, perturb
from completeness import AT_A_LIMIT, prove_many

from dls_zk.constants import SIZES
from dls_zk.relation import CHECKS


def forgery(seed: int) -> str:
    """At least 10,000 forged witnesses against the smallest circuit, and some thousands against each of the others."""
    total = {check: Tally() for check in CHECKS}
    for slots, share, wires in ((8, 1.0, 12), (16, 0.2, 2), (32, 0.1, 1)):
        for check, tally in forge_all(slots, Random(f"{seed} {slots}"), wires, share).items():
            total[check].add(tally)
    accepted = [name for tally in total.values() for name in tally.accepted]
    assert not accepted, f"{len(accepted)} false witnesses accepted; the first: {accepted[0]}"
    rows = [
        (f"{number}. {name}", x.forged, len(x.families), x.refused_by_one, x.true, len(x.accepted))
        for number, (name, x) in enumerate(total.items(), start=1)
    ]
    assert sum(row[1] for row in rows) >= 10_000 and min(row[2] for row in rows) >= 5
    rows.append(("**all**", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    head = ("false in check", "forged", "families", "refused by one constraint", "true after all", "false and accepted")
    return figures.table(head, rows)


def perturbation(seed: int) -> str:
    """At least 100,000 single wires changed in each circuit."""
    rows = []
    for slots, size in SIZES.items():
        result = perturb(slots, Random(f"{seed} {slots}"), ways=12)
        assert not result.accepted, f"a false witness accepted: {result.accepted[0]} changed alone in {size.name}"
        assert result.tried >= 100_000
        rows.append((size.name, result.tried, len(result.true), ", ".join(sorted(set(result.true))), len(result.accepted)))
    head = ("circuit", "wires changed", "accepted and true", "which", "accepted and false")
    return figures.table(head, rows)


def completeness(seed: int) -> str:
    """At least 5,000 true rebalances of all sizes, each taken to a checked witness."""
    done = prove_many(Random(seed), 5_000)
    assert done[AT_A_LIMIT] >= 0.3 * done.total()
    rows = [(kind, count, 0) for kind, count in [*done.items(), ("**all**", done.total())]]
    return figures.table(("true rebalances", "proven", "refused"), rows)


#: Name → step. A step takes a seed and returns a Markdown table of what it measured.
STEPS: dict[str, Callable[[int], str]] = {
    "forgery": forgery,
    "perturbation": perturbation,
    "completeness": completeness,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/soundness", description="The long soundness runs, step by step.")
    parser.add_argument("steps", nargs="*", choices=[*STEPS, []], help="which (all by default)")
    parser.add_argument("--seed", type=int, default=1, help="of the random books and lies")
    arguments = parser.parse_args()
    for name in arguments.steps or STEPS:
        start = time.monotonic()
        table = STEPS[name](arguments.seed)
        figures.record(name, f"Seed {arguments.seed}, {time.monotonic() - start:.0f} s.\n\n{table}")


if __name__ == "__main__":
    main()
