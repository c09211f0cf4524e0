"""The long soundness runs: steps in parts, each step with a table of what it measured. See scripts/soundness."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

from dls_zk.audit.markdown import table
from dls_zk.statement.circuits import CIRCUITS, REBALANCE, RECONCILIATION, of_family
from dls_zk.statement.families import CHECKS
from tests.soundness import mutate, runs
from tests.soundness.bench import Tally, forge_all, perturb
from tests.soundness.completeness import AT_A_LIMIT, prove_many, reconcile_many
from tests.soundness.families import FAMILIES
from tests.soundness.figures import with_sum
from tests.soundness.fuzz_targets import TARGETS
from tests.soundness.runs import Findings, Step

ROOT = Path(__file__).parents[2]
#: Of coverage-guided fuzzing, for each reader.
FUZZ_SECONDS = 30
#: True rebalances to prove, and in how many parts.
TRUE_REBALANCES, PROVING_PARTS = 5_000, 10
#: Slots → share of the digits of range checks, and wires a claim, that the forger tries.
FORGERY = {8: (1.0, 12), 16: (0.2, 2), 32: (0.1, 1)}

#: In how many ways each wire is changed: at least 100,000 changes in all.
WAYS = {REBALANCE: dict.fromkeys(FORGERY, 12), RECONCILIATION: {8: 32, 16: 21, 32: 12}}

Results = Mapping[str, Any]


# --- forged witnesses against every check of every circuit ------------------------------------------------------------


def forge(part: str, seed: int) -> Any:
    circuit = CIRCUITS[part]
    slots = circuit.size.slots
    share, wires = FORGERY[slots]
    tallies = forge_all(slots, Random(f"{seed} {slots}"), wires, share, circuit.family)
    return {check: asdict(tally) | {"families": sorted(tally.families)} for check, tally in tallies.items()}


def tell_forged(family: str, results: Results, whole: bool) -> Findings:
    """In at least 10,000, all is repaired but one constraint."""
    total = {check: Tally() for check in CHECKS[family]}
    for tallies in results.values():
        for check, tally in tallies.items():
            total[check].add(Tally(**tally | {"families": set(tally["families"])}))
    rows = [
        (f"{number}. {name}", x.forged, len(x.families), x.refused_by_one, x.true, len(x.accepted))
        for number, (name, x) in enumerate(total.items(), start=1)
    ]
    wrong = [f"accepted and false: {name}" for tally in total.values() for name in tally.accepted]
    if whole and (sum(row[3] for row in rows) < 10_000 or min(row[2] for row in rows) < 5):
        wrong.append("fewer than 10,000 refused by one constraint, or fewer than five families against some check")
    head = ("false in check", "forged", "families", "refused by one constraint", "true after all", "false and accepted")
    return Findings(table(head, with_sum(rows)), wrong)


# --- at least 100,000 single wires changed in each circuit ------------------------------------------------------------


def change_wires(part: str, seed: int) -> Any:
    circuit = CIRCUITS[part]
    slots = circuit.size.slots
    return asdict(perturb(slots, Random(f"{seed} {slots}"), WAYS[circuit.family][slots], circuit.family))


def tell_changed(family: str, results: Results, _: bool) -> Findings:
    rows, wrong = [], []
    for name, result in results.items():
        true, accepted, tried = result["true"], result["accepted"], result["tried"]
        wrong += [f"accepted and false: {wire} changed alone in {name}" for wire in accepted]
        wrong += [f"a second witness: {wire} in {name}" for wire in {*true} - FAMILIES[family].free]
        if tried < 100_000:
            wrong.append(f"only {tried} changes in {name}")
        rows.append((name, tried, len(true), ", ".join(sorted(set(true))), len(accepted)))
    head = ("circuit", "wires changed", "accepted and true", "which", "accepted and false")
    return Findings(table(head, rows), wrong)


# --- true rebalances of all sizes, each taken to a checked witness; the first that is refused ends a part ----------------


def proving_parts() -> list[str]:
    return [f"part {k} of {PROVING_PARTS}" for k in range(1, PROVING_PARTS + 1)]


def prove(part: str, seed: int) -> Any:
    first = part == proving_parts()[0]
    return dict(prove_many(Random(f"{seed} {part}"), TRUE_REBALANCES // PROVING_PARTS, extremes=first))


def reconcile(part: str, seed: int) -> Any:
    first = part == proving_parts()[0]
    return dict(reconcile_many(Random(f"{seed} {part}"), TRUE_REBALANCES // PROVING_PARTS, extremes=first))


def tell_proven(family: str, results: Results, whole: bool) -> Findings:
    done: Counter[str] = Counter()
    for result in results.values():
        done.update(result)
    few = whole and done[AT_A_LIMIT] < 0.3 * done.total()
    rows = [(kind, count, 0) for kind, count in done.items()]
    text = table((f"true {family}s", "proven", "refused"), with_sum(rows))
    return Findings(text, ["fewer than 30% within a unit of a limit"] if few else [])


# --- the tests that are marked slow, with the number of cases that each says that it tried ------------------------------


def slow_files() -> list[str]:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [path.relative_to(ROOT).as_posix() for path in files if "mark.slow" in path.read_text()]


def run_slow_tests(part: str, seed: int) -> Any:
    with tempfile.TemporaryDirectory(prefix="dls-zk-soundness-") as folder:
        report = Path(folder, "report.xml")
        options = [
            "--slow",
            "--seed",
            str(seed),
            "-m",
            "slow",
            "-n",
            str(min(4, os.cpu_count() or 1)),
            "--dist",
            "worksteal",
        ]
        options += ["-o", "junit_family=xunit1"]  # which has properties
        command = [sys.executable, "-m", "pytest", "-q", *options, f"--junitxml={report}", part]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code not in (0, 1):
            raise RuntimeError(f"not every test was run: pytest ended with code {code}")
        cases = [case for case in ElementTree.parse(report).iter("testcase") if case.get("classname")]  # our own file
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        name = case.get("name", "").partition("[")[0]
        outcome = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        counts[name]["failed"] += outcome in ("failure", "error")
        counts[name]["skipped"] += outcome == "skipped"
        tried = [int(x.get("value", "")) for x in case.iter("property") if x.get("name") == "tried"]
        counts[name]["tried"] += sum(tried) if tried else outcome == "passed"
    return dict(sorted(counts.items()))


def tell_slow_tests(results: Results, _: bool) -> Findings:
    rows = [
        (f"`{Path(file).name}::{name}`", count.get("tried", 0), count.get("failed", 0), count.get("skipped", 0))
        for file, counts in results.items()
        for name, count in counts.items()
    ]
    wrong = [f"{row[0]} failed" for row in rows if row[2]]
    return Findings(table(("test", "cases", "failed", "left out here"), rows), wrong)


# --- coverage-guided fuzzing of every reader ----------------------------------------------------------------------------


def fuzz(part: str, _: int) -> Any:
    """libFuzzer draws its own seeds; what breaks a reader is kept beside the corpus in any case."""
    command = [str(ROOT / "scripts" / "fuzz"), str(FUZZ_SECONDS), part]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    executed = re.search(r"number_of_executed_units: +(\d+)", run.stdout)
    return {"inputs": int(executed[1]) if executed else 0, "broken": run.stderr.strip() if run.returncode else ""}


def tell_fuzzed(results: Results, _: bool) -> Findings:
    rows = [(reader, result["inputs"], int(bool(result["broken"]))) for reader, result in results.items()]
    head = ("reader", f"inputs in {FUZZ_SECONDS} s", "traces, hangs and wrong values")
    wrong = [f"{reader}: {result['broken']}" for reader, result in results.items() if result["broken"]]
    return Findings(table(head, with_sum(rows)), wrong)


# --- 100,000 bad proofs against the bytecode of the generated verifiers and of the batch verifier ------------------------


def refuse_bad_proofs(_: str, __: int) -> Any:
    run = subprocess.run(
        [ROOT / "scripts" / "forge-test", "--match-test", "badProofs"],
        env={**os.environ, "FOUNDRY_PROFILE": "long"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    passed = re.search(r"\[PASS\] testFuzz_badProofsAreRefused\(bytes32\) \(runs: (\d+)", run.stdout)
    return 10 * int(passed[1]) if passed else 0


def tell_bad_proofs(results: Results, whole: bool) -> Findings:
    tried = sum(results.values())
    few = whole and tried < 100_000
    wrong = [f"{tried} bad proofs were refused: see scripts/forge-test --match-test badProofs"] if few else []
    return Findings(table(("bad proofs", "refused by both verifiers"), [(tried, tried)]), wrong)


def once(name: str) -> Callable[[], list[str]]:
    """The parts of a step that is one piece."""
    return lambda: [name]


def circuits_of(family: str) -> Callable[[], list[str]]:
    """The parts of a step that is done for each circuit of a family."""
    return lambda: [circuit.name for circuit in of_family(family)]


def steps_of(family: str, prefix: str, complete: Callable[[str, int], Any]) -> dict[str, Step]:
    """The steps that each family has. complete: takes true statements to a witness."""
    steps = {
        "mutants of the r1cs": Step(once(f"{family}_8"), mutate.sweep_the_r1cs, mutate.tell_swept),
        "mutants of the sources": Step(
            partial(mutate.files, family), partial(mutate.judge_file, family), partial(mutate.tell_judged, family)
        ),
        "forgery": Step(circuits_of(family), forge, partial(tell_forged, family)),
        "perturbation": Step(circuits_of(family), change_wires, partial(tell_changed, family)),
        "completeness": Step(proving_parts, complete, partial(tell_proven, family)),
    }
    return {prefix + name: replace(step, family=family) for name, step in steps.items()}


STEPS: dict[str, Step] = {
    **steps_of(REBALANCE, "", prove),
    "slow tests": Step(slow_files, run_slow_tests, tell_slow_tests),
    "fuzzing": Step(lambda: [*TARGETS], fuzz, tell_fuzzed),
    "bad proofs": Step(once("both verifiers"), refuse_bad_proofs, tell_bad_proofs),
    **steps_of(RECONCILIATION, "reconciliation: ", reconcile),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/soundness",
        description="Run the long soundness steps, and go on where the last run stopped: a part that is done is not run "
        "again while the circuits stay the same. Example: scripts/soundness forgery",
    )
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"[default: all of {', '.join(map(repr, STEPS))}]")
    parser.add_argument("--seed", type=int, help="seed of a step that begins [default: a random one, which is recorded]")
    parser.add_argument("--again", action="store_true", help="forget what is done of these steps, and run all of them")
    parser.add_argument("--status", action="store_true", help="run nothing; say what is still to run")
    arguments = parser.parse_args()
    for name in arguments.steps:
        if name not in STEPS:
            parser.error(f"no step {name!r}; there are: {', '.join(map(repr, STEPS))}")
    wanted = arguments.steps or [*STEPS]
    if len(wanted) > 1 and not arguments.status:
        return _run_apart(wanted, arguments)
    wrong = []
    for family in dict.fromkeys(STEPS[name].family for name in wanted):
        steps = {name: step for name, step in STEPS.items() if step.family == family}
        here = [name for name in wanted if name in steps]
        state = runs.State(key=runs.circuits_key(family=family))
        if arguments.status:
            print(runs.status({name: steps[name] for name in here}, state), end="")
        else:
            wrong += runs.run(steps, here, state, seed=arguments.seed, again=arguments.again, sections=STEPS)
    return 1 if wrong else 0


def _run_apart(wanted: list[str], arguments: argparse.Namespace) -> int:
    """Run each step in a process of its own. A step forks, and wasmtime, once it has compiled with threads, waits for them
    for ever in a fork of the process."""
    options = ["--again"] * arguments.again + ([] if arguments.seed is None else ["--seed", str(arguments.seed)])
    command = [sys.executable, "-m", "tests.soundness.long", *options]
    return max(subprocess.run([*command, name], cwd=ROOT, check=False).returncode for name in wanted)


if __name__ == "__main__":
    sys.exit(main())
