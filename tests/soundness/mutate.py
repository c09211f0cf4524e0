"""All mutants of rebalance_8: every constraint of the r1cs left out, every mistake in the sources. See scripts/mutate."""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

from dls_zk.statement.relation import CHECKS
from dls_zk.storage import disk, places
from tests.soundness import figures
from tests.soundness.deletion import EQUIVALENT as EQUIVALENT_CONSTRAINTS
from tests.soundness.deletion import Sweep, short, sweep
from tests.soundness.figures import Step
from tests.soundness.forge import forger
from tests.soundness.sources import SEVERAL, SLOTS, Arena, Mutant, Verdict, mutants

#: A line for each mutant of the sources: its name, the verdict on it, and how it was killed or why it is equivalent.
VERDICTS = Path(__file__).with_name("mutants.tsv")

_arena: Arena | None = None  # of this process and those that it forks


def _judge(mutant: Mutant) -> tuple[Mutant, Verdict]:
    assert _arena
    return mutant, _arena.judge(mutant)


@cache
def _swept(seed: int) -> Sweep:
    return sweep(forger(SLOTS), SLOTS, seed, {*range(len(forger(SLOTS).plain.all))})


def of_the_r1cs(seed: int) -> Step:
    """Every constraint of the r1cs left out in turn: by check, how many were killed, are equivalent, or survived."""
    f, swept = forger(SLOTS), _swept(seed)
    rows = [(f"{number}. {name}", *counts) for number, (name, *counts) in enumerate(swept.by_check(), start=1)]
    head = ("constraint left out of check", "killed", "equivalent", "survived")
    reasons = "".join(f"- `{pattern}`: {reason}\n" for pattern, reason in EQUIVALENT_CONSTRAINTS.items())
    text = f"{figures.table(head, figures.with_sum(rows))}\nEquivalent, by the signals in the constraint:\n\n{reasons}"
    left = (f.plain.all[f.source[k]] for k in swept.survivors())
    names = (sorted({short(f.system.names[w]) for side in sides for w in side if w}) for sides in left)
    return Step(text, [f"survived: {' '.join(signals)}" for signals in names])


def of_the_sources(seed: int, only: str = "", jobs: int | None = None) -> Step:
    """Every mistake in the sources: by check, by kind of mistake, by what killed it. only: a pattern for names; the others
    have the verdicts that VERDICTS keeps."""
    global _arena
    print("Leaving out each constraint of the r1cs, for what is tried on the mutants; this takes minutes", flush=True)
    _arena = Arena(_swept(seed), seed)
    everything = list(mutants(places.data_dir("circuits")))
    chosen = [mutant for mutant in everything if re.search(only, mutant.name)]
    verdicts = _kept() if only else {}
    with multiprocessing.get_context("fork").Pool(jobs or os.cpu_count()) as pool:
        for count, (mutant, verdict) in enumerate(pool.imap_unordered(_judge, chosen), start=1):
            verdicts[mutant.name] = verdict
            print(f"{count}/{len(chosen)} {verdict.kind}: {mutant.name} ({verdict.how})", flush=True)
    judged = [(mutant, verdicts[mutant.name]) for mutant in everything if mutant.name in verdicts]
    lines = (f"{mutant.name}\t{verdict.kind}\t{verdict.how}\n" for mutant, verdict in judged)
    disk.write_atomic(VERDICTS, _head() + "".join(lines))
    now = {mutant.name for mutant in chosen}
    survivors = [mutant.name for mutant, verdict in judged if verdict.kind == "survived"]
    wrong = [f"survived: {name}" if name in now else f"survived an earlier run: {name}" for name in survivors]
    wrong += [f"not judged: {len(everything) - len(judged)} mutants"] if len(judged) < len(everything) else []
    return Step(_tables(judged), wrong)


def _kept() -> dict[str, Verdict]:
    """Name → verdict of the mutants that were judged before, of the same circuits. Attacks may have come since, never gone:
    what was killed is."""
    head, *lines = VERDICTS.read_text().splitlines() if VERDICTS.exists() else [""]
    if f"{head}\n" != _head():
        return {}
    return {name: Verdict(kind, how) for name, kind, how in (line.split("\t") for line in lines)}


def _head() -> str:
    """The first line of VERDICTS: its columns, and which circuits the mutants are of."""
    root = places.data_dir("circuits")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(root.rglob("*.circom"))))
    return f"mutant\tverdict\thow ({digest.hexdigest()})\n"


def _tables(judged: list[tuple[Mutant, Verdict]]) -> str:
    kinds = ("killed", "equivalent", "survived")
    counted = [(mutant, verdict) for mutant, verdict in judged if verdict.kind in kinds]

    def table(title: str, groups: list[str], key: str) -> str:
        found = Counter((getattr(mutant, key), verdict.kind) for mutant, verdict in counted)
        rows = [(group, *(found[group, kind] for kind in kinds)) for group in groups]
        return figures.table((title, *kinds), figures.with_sum(rows)) + "\n"

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
    parser = argparse.ArgumentParser(
        prog="scripts/mutate",
        description="Some mutants of the circuits' sources and what kills them; scripts/soundness takes all.",
    )
    parser.add_argument("pattern", help="for the names of the mutants, such as 'limits/turnover.*removed'")
    parser.add_argument("--seed", type=int, default=1, help="of the random books and lies")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time")
    arguments = parser.parse_args()
    try:
        found = any(re.search(arguments.pattern, mutant.name) for mutant in mutants(places.data_dir("circuits")))
    except re.error as error:
        parser.error(f"pattern {arguments.pattern!r} is no regular expression: {error}")
    if not found:
        parser.error(f"no mutant has a name like {arguments.pattern!r}; the names are in {VERDICTS}")
    if arguments.jobs is not None and arguments.jobs < 1:
        parser.error("--jobs must be 1 or more")
    step = of_the_sources(arguments.seed, arguments.pattern, arguments.jobs)
    step = Step(f"Seed {arguments.seed}; the last run judged a part.\n\n{step.text}", step.wrong)
    figures.record("mutants of the sources", step)
    return figures.report({"mutants of the sources": step})


if __name__ == "__main__":
    sys.exit(main())
