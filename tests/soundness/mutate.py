"""All mutants of rebalance_8: every constraint of the r1cs left out, every mistake in the sources. See scripts/mutate."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import time
from collections import Counter

import figures
from deletion import EQUIVALENT as EQUIVALENT_CONSTRAINTS
from deletion import Sweep, sweep
from forge import forger
from sources import SEVERAL, SLOTS, Arena, Mutant, Verdict, mutants

from dls_zk import artifacts
from dls_zk.relation import CHECKS

_arena: Arena | None = None  # of this process and those that it forks


def _judge(mutant: Mutant) -> tuple[Mutant, Verdict]:
    assert _arena
    return mutant, _arena.judge(mutant)


def constraints(swept: Sweep) -> str:
    """The table of the deletion mutants."""
    rows = [(f"{number}. {name}", *counts) for number, (name, *counts) in enumerate(swept.by_check(), start=1)]
    rows.append(("**all**", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    reasons = "".join(f"- `{pattern}`: {reason}\n" for pattern, reason in EQUIVALENT_CONSTRAINTS.items())
    head = ("constraint left out of check", "killed", "equivalent", "survived")
    return f"{figures.table(head, rows)}\nEquivalent, by the signals in the constraint:\n\n{reasons}"


def sources(judged: list[tuple[Mutant, Verdict]]) -> str:
    """The tables of the source mutants: by check, by kind of mistake, by what killed them."""
    kinds = ("killed", "equivalent", "survived")
    counted = [(mutant, verdict) for mutant, verdict in judged if verdict.kind in kinds]

    def table(title: str, groups: list[str], key: str) -> str:
        found = Counter((getattr(mutant, key), verdict.kind) for mutant, verdict in counted)
        rows = [(group, *(found[group, kind] for kind in kinds)) for group in groups]
        rows.append(("**all**", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
        return figures.table((title, *kinds), rows) + "\n"

    text = table("mutant of check", [*CHECKS, SEVERAL], "check")
    text += table("mistake", sorted({mutant.operator for mutant, _ in counted}), "operator")
    how = Counter(verdict.how.partition(":")[0] for _, verdict in counted if verdict.kind == "killed")
    text += figures.table(("killed how", "mutants"), sorted(how.items()))
    kind = Counter(verdict.kind for _, verdict in judged)
    text += f"\nNot counted: {kind['the same']} that compile to the same constraints, {kind['void']} that do not compile.\n"
    for rest in ("equivalent", "survived"):
        lines = [f"- `{m.name}`" + (f": {v.how}" if v.how else "") for m, v in counted if v.kind == rest]
        text += f"\n{rest.capitalize()}:\n\n" + "\n".join(lines or ["- none"]) + "\n"
    return text


def main() -> int:
    global _arena
    parser = argparse.ArgumentParser(prog="scripts/mutate", description="Mutants of the circuits and what kills them.")
    parser.add_argument("--only", metavar="PATTERN", help="source mutants whose name matches, and no figures written")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    start = time.monotonic()
    everything = {*range(len(forger(SLOTS).plain.all))}
    swept = sweep(forger(SLOTS), SLOTS, arguments.seed, everything)
    took = f"rebalance_{SLOTS}, seed {arguments.seed}, {{:.0f}} s.\n\n"
    table = took.format(time.monotonic() - start) + constraints(swept)
    survived = len(swept.survivors())
    if not arguments.only:
        figures.record("mutants of the r1cs", table)

    start = time.monotonic()
    _arena = Arena(swept, arguments.seed)
    chosen = [m for m in mutants(artifacts.data_dir("circuits")) if re.search(arguments.only or "", m.name)]
    judged = []
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
        for mutant, verdict in pool.imap_unordered(_judge, chosen):
            judged.append((mutant, verdict))
            print(f"{len(judged)}/{len(chosen)} {verdict.kind}: {mutant.name} ({verdict.how})", flush=True)
    judged.sort(key=lambda pair: chosen.index(pair[0]))
    survived += sum(verdict.kind == "survived" for _, verdict in judged)
    if not arguments.only:
        figures.record("mutants of the sources", took.format(time.monotonic() - start) + sources(judged))
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
