"""All mutants of a family's smallest circuit: every constraint of the r1cs left out, every mistake in the sources.

See scripts/mutate."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from dls_zk.audit.markdown import table
from dls_zk.statement.circuits import REBALANCE, known
from dls_zk.statement.families import CHECKS
from dls_zk.storage import places
from tests.soundness.deletion import EQUIVALENT as EQUIVALENT_CONSTRAINTS
from tests.soundness.deletion import Sweep, short, sweep
from tests.soundness.figures import with_sum
from tests.soundness.forge import forger
from tests.soundness.runs import Findings
from tests.soundness.sources import SEVERAL, SLOTS, Arena, Mutant, Verdict, mutants

_arena: Arena | None = None  # of this process and those that it forks


def _judge(mutant: Mutant) -> tuple[Mutant, Verdict]:
    assert _arena
    return mutant, _arena.judge(mutant)


@cache
def _swept(seed: int, family: str) -> Sweep:
    print("Leaving out each constraint of the r1cs in turn; this takes minutes", flush=True)
    return sweep(forger(SLOTS, family), SLOTS, seed, {*range(len(forger(SLOTS, family).plain.all))})


@cache
def _all(family: str) -> tuple[Mutant, ...]:
    return tuple(mutants(places.data_dir("circuits"), family))


# --- every constraint of the r1cs left out in turn ----------------------------------------------------------------------


def sweep_the_r1cs(circuit: str, seed: int) -> Any:
    """By check, how many mutants were killed, are equivalent, or survived; and the signals of the survivors."""
    family = known(circuit).family
    f, swept = forger(SLOTS, family), _swept(seed, family)
    left = (f.plain.all[f.source[k]] for k in swept.survivors())
    names = [" ".join(sorted({short(f.system.names[w]) for side in sides for w in side if w})) for sides in left]
    return {"checks": [*swept.by_check()], "survivors": names}


def tell_swept(results: Mapping[str, Any], _: bool) -> Findings:
    (found,) = results.values()
    rows = [(f"{number}. {name}", *counts) for number, (name, *counts) in enumerate(found["checks"], start=1)]
    head = ("constraint left out of check", "killed", "equivalent", "survived")
    reasons = "".join(f"- `{pattern}`: {reason}\n" for pattern, reason in EQUIVALENT_CONSTRAINTS.items())
    text = f"{table(head, with_sum(rows))}\nEquivalent, by the signals in the constraint:\n\n{reasons}"
    return Findings(text, [f"survived: {signals}" for signals in found["survivors"]])


# --- every mistake in the sources ---------------------------------------------------------------------------------------


def files(family: str) -> list[str]:
    """The files below circuits/ of a family that have mutants."""
    return list(dict.fromkeys(mutant.file for mutant in _all(family)))


def judge_file(family: str, file: str, seed: int) -> Any:
    """Name, verdict and reason of each mutant of a file."""
    judged = judge(family, [mutant for mutant in _all(family) if mutant.file == file], seed, os.cpu_count())
    return [(mutant.name, verdict.kind, verdict.how) for mutant, verdict in judged]


def judge(family: str, chosen: Sequence[Mutant], seed: int, jobs: int | None) -> Iterator[tuple[Mutant, Verdict]]:
    """Judge these mutants, so many at a time."""
    global _arena
    if _arena is None or (_arena.seed, _arena.circuit.family) != (seed, family):
        _arena = Arena(_swept(seed, family), seed)
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for count, (mutant, verdict) in enumerate(pool.imap_unordered(_judge, chosen), start=1):
            print(f"{count}/{len(chosen)} {verdict.kind}: {mutant.name} ({verdict.how})", flush=True)
            yield mutant, verdict


def tell_judged(family: str, results: Mapping[str, Any], _: bool) -> Findings:
    verdicts = {name: Verdict(kind, how) for lines in results.values() for name, kind, how in lines}
    judged = [(mutant, verdicts[mutant.name]) for mutant in _all(family) if mutant.name in verdicts]
    return Findings(_tables(family, judged), [f"survived: {m.name}" for m, v in judged if v.kind == "survived"])


def _tables(family: str, judged: Sequence[tuple[Mutant, Verdict]]) -> str:
    kinds = ("killed", "equivalent", "survived")
    counted = [(mutant, verdict) for mutant, verdict in judged if verdict.kind in kinds]

    def counts(title: str, groups: Iterable[str], key: str) -> str:
        found = Counter((getattr(mutant, key), verdict.kind) for mutant, verdict in counted)
        rows = [(group, *(found[group, kind] for kind in kinds)) for group in groups]
        return table((title, *kinds), with_sum(rows)) + "\n"

    text = counts("mutant of check", [*CHECKS[family], SEVERAL], "check")
    text += counts("mistake", sorted({mutant.operator for mutant, _ in counted}), "operator")
    how = Counter(verdict.how.partition(":")[0] for _, verdict in counted if verdict.kind == "killed")
    text += table(("killed how", "mutants"), sorted(how.items()))
    kind = Counter(verdict.kind for _, verdict in judged)
    text += f"\nNot counted: {kind['the same']} that compile to the same constraints, {kind['void']} that do not compile.\n"
    for rest in ("equivalent", "survived"):
        lines = [f"- `{m.name}`" + (f": {v.how}" if v.how else "") for m, v in counted if v.kind == rest]
        text += f"\n{rest.capitalize()}:\n\n" + "\n".join(lines or ["- none"]) + "\n"
    return text


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/mutate",
        description="Make some mutants of the circuits' sources and say what kills each. `scripts/soundness 'mutants of the "
        "sources'` takes all of them. Example: scripts/mutate 'limits/turnover.*removed'",
    )
    parser.add_argument("pattern", help="pattern for the names of the mutants, such as 'limits/turnover.*removed'")
    parser.add_argument("--family", choices=[*CHECKS], default=REBALANCE, help="family of circuits [default: rebalance]")
    parser.add_argument("--list", action="store_true", help="print the names and judge nothing")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random books and lies [default: 1]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time [default: one a core]")
    arguments = parser.parse_args()
    try:
        chosen = [mutant for mutant in _all(arguments.family) if re.search(arguments.pattern, mutant.name)]
    except re.error as error:
        parser.error(f"pattern {arguments.pattern!r} is no regular expression: {error}")
    if not chosen:
        parser.error(f"no mutant has a name like {arguments.pattern!r}; see scripts/mutate --list .")
    if arguments.jobs is not None and arguments.jobs < 1:
        parser.error("--jobs must be 1 or more")
    if arguments.list:
        print(*(mutant.name for mutant in chosen), sep="\n")
        return 0
    judged = [*judge(arguments.family, chosen, arguments.seed, arguments.jobs)]
    survivors = [mutant.name for mutant, verdict in judged if verdict.kind == "survived"]
    print(*(f"survived: {name}" for name in survivors), sep="\n", end="", file=sys.stderr)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
