"""The long soundness runs: named steps, each of which ends in a table of what it measured. See scripts/soundness."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from xml.etree import ElementTree

from dls_zk.statement.circuits import of_size
from dls_zk.statement.constants import SIZES
from dls_zk.statement.relation import CHECKS
from tests.soundness import figures, mutate
from tests.soundness.bench import Tally, forge_all, perturb
from tests.soundness.completeness import AT_A_LIMIT, prove_many
from tests.soundness.figures import Step
from tests.soundness.fuzz_targets import TARGETS

ROOT = Path(__file__).parents[2]
#: Of coverage-guided fuzzing, for each reader.
FUZZ_SECONDS = 30


def forgery(seed: int) -> Step:
    """Forged witnesses against every check of every circuit; in at least 10,000, all is repaired but one constraint."""
    total = {check: Tally() for check in CHECKS}
    for slots, share, wires in ((8, 1.0, 12), (16, 0.2, 2), (32, 0.1, 1)):
        for check, tally in forge_all(slots, Random(f"{seed} {slots}"), wires, share).items():
            total[check].add(tally)
    rows = [
        (f"{number}. {name}", x.forged, len(x.families), x.refused_by_one, x.true, len(x.accepted))
        for number, (name, x) in enumerate(total.items(), start=1)
    ]
    wrong = [f"accepted and false: {name}" for tally in total.values() for name in tally.accepted]
    if sum(row[3] for row in rows) < 10_000 or min(row[2] for row in rows) < 5:
        wrong.append("fewer than 10,000 refused by one constraint, or fewer than five families against some check")
    head = ("false in check", "forged", "families", "refused by one constraint", "true after all", "false and accepted")
    return Step(figures.table(head, figures.with_sum(rows)), wrong)


def perturbation(seed: int) -> Step:
    """At least 100,000 single wires changed in each circuit."""
    rows, wrong = [], []
    for slots in SIZES:
        circuit, result = of_size(slots).name, perturb(slots, Random(f"{seed} {slots}"), ways=12)
        wrong += [f"accepted and false: {name} changed alone in {circuit}" for name in result.accepted]
        wrong += [f"a second witness: {name} in {circuit}" for name in {*result.true} - {"main.context"}]
        if result.tried < 100_000:
            wrong.append(f"only {result.tried} changes in {circuit}")
        rows.append((circuit, result.tried, len(result.true), ", ".join(sorted(set(result.true))), len(result.accepted)))
    head = ("circuit", "wires changed", "accepted and true", "which", "accepted and false")
    return Step(figures.table(head, rows), wrong)


def completeness(seed: int) -> Step:
    """At least 5,000 true rebalances of all sizes, each taken to a checked witness: one that is refused ends the step."""
    done = prove_many(Random(seed), 5_000)
    wrong = [] if done[AT_A_LIMIT] >= 0.3 * done.total() else ["fewer than 30% within a unit of a limit"]
    rows = [(kind, count, 0) for kind, count in done.items()]
    return Step(figures.table(("true rebalances", "proven", "refused"), figures.with_sum(rows)), wrong)


def tests(_: int) -> Step:
    """The tests that are marked slow, with the number of cases that each says that it tried."""
    with tempfile.TemporaryDirectory(prefix="dls-zk-soundness-") as folder:
        report = Path(folder, "report.xml")
        options = ["--slow", "-m", "slow", "-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadscope"]
        options += ["-o", "junit_family=xunit1"]  # which has properties
        command = [sys.executable, "-m", "pytest", "-q", *options, f"--junitxml={report}"]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        cases = [case for case in ElementTree.parse(report).iter("testcase") if case.get("classname")]  # our own file
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for case in cases:
        file, name = case.get("classname", "").rpartition(".")[2], case.get("name", "").partition("[")[0]
        outcome = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        count = counts[file, name]
        count["failed"] += outcome in ("failure", "error")
        count["skipped"] += outcome == "skipped"
        tried = [int(x.get("value", "")) for x in case.iter("property") if x.get("name") == "tried"]
        count["tried"] += sum(tried) if tried else outcome == "passed"
    rows = [
        (f"`{file}.py::{name}`", count["tried"], count["failed"], count["skipped"])
        for (file, name), count in sorted(counts.items())
    ]
    wrong = [f"{row[0]} failed" for row in rows if row[2]]
    wrong += [f"not every test was run: pytest ended with code {code}"] if code not in (0, 1) else []
    return Step(figures.table(("test", "cases", "failed", "left out here"), rows), wrong)


def fuzzing(_: int) -> Step:
    """Coverage-guided fuzzing of every reader: inputs that were tried, and those that broke it."""
    rows, wrong = [], []
    for target in TARGETS:
        run = subprocess.run(
            [ROOT / "scripts" / "fuzz", str(FUZZ_SECONDS), target], capture_output=True, text=True, check=False
        )
        executed = re.search(r"number_of_executed_units: +(\d+)", run.stdout)
        rows.append((target, int(executed[1]) if executed else 0, int(run.returncode != 0)))
        wrong += [f"{target}: {run.stderr.strip()}"] if run.returncode else []
    head = ("reader", f"inputs in {FUZZ_SECONDS} s", "traces, hangs and wrong values")
    return Step(figures.table(head, figures.with_sum(rows)), wrong)


def bad_proofs(_: int) -> Step:
    """100,000 bad proofs against the bytecode of the generated verifiers and of the batch verifier."""
    run = subprocess.run(
        [ROOT / "scripts" / "forge-test", "--match-test", "badProofs"],
        env={**os.environ, "FOUNDRY_PROFILE": "long"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    passed = re.search(r"\[PASS\] testFuzz_badProofsAreRefused\(bytes32\) \(runs: (\d+)", run.stdout)
    tried = 10 * int(passed[1]) if passed else 0
    wrong = [] if tried >= 100_000 else [f"{tried} bad proofs were refused: see scripts/forge-test --match-test badProofs"]
    return Step(figures.table(("bad proofs", "refused by both verifiers"), [(tried, tried)]), wrong)


#: Name → step. A step takes a seed, which those whose tools draw their own do without.
STEPS: dict[str, Callable[[int], Step]] = {
    "mutants of the r1cs": mutate.of_the_r1cs,
    "mutants of the sources": mutate.of_the_sources,
    "forgery": forgery,
    "perturbation": perturbation,
    "completeness": completeness,
    "slow tests": tests,
    "fuzzing": fuzzing,
    "bad proofs": bad_proofs,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soundness", description="The long soundness runs, step by step.")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"all by default: {', '.join(map(repr, STEPS))}")
    parser.add_argument("--seed", type=int, default=1, help="of the random books and lies")
    arguments = parser.parse_args()
    for name in arguments.steps:
        if name not in STEPS:
            parser.error(f"no step {name!r}; there are: {', '.join(map(repr, STEPS))}")
    done = {}
    for name in arguments.steps or STEPS:
        start = time.monotonic()
        step = STEPS[name](arguments.seed)
        text = f"Seed {arguments.seed}, {time.monotonic() - start:.0f} s.\n\n{step.text}"
        done[name] = Step(text, step.wrong)
        figures.record(name, done[name])
    return figures.report(done)


if __name__ == "__main__":
    sys.exit(main())
