"""Long runs in parts: what is done is kept below $DLS_ZK_HOME and not done again while the circuits stay the same."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dls_zk.statement.circuits import REBALANCE
from dls_zk.storage import disk, places
from dls_zk.tools.machine import in_a_line
from tests.soundness import figures

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Findings:
    """What was measured, as Markdown, and what of it should not be, a line each: nothing if all is well."""

    text: str
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """A long run. parts: their names. run: one part with a seed; what it measured, as JSON. tell: the findings of the parts
    that are done, by their names, and whether these are all. family: of the circuits that it is of: what is done stays done
    while their sources do."""

    parts: Callable[[], Sequence[str]]
    run: Callable[[str, int], Any]
    tell: Callable[[Mapping[str, Any], bool], Findings]
    family: str = REBALANCE


@dataclass(frozen=True)
class Done:
    """A part that was run: when (ISO date), for how long, at which commit, on what, and what it measured."""

    commit: str
    date: str
    machine: str
    seconds: float
    result: Any


@dataclass
class Record:
    """What is done of a step, all with one seed."""

    seed: int
    parts: dict[str, Done] = field(default_factory=dict)


def circuit_sources(root: Path | None = None, family: str = REBALANCE) -> list[str]:
    """The sources from which a family's circuits are made, below the folder of circuits: its mains, and what they include
    (but ``lib/poseidon_constants.circom``, which a build makes from fixed parameters)."""
    folder = (root or places.data_dir("circuits")).resolve()
    waiting, sources = sorted((folder / "main").glob(f"{family}_*.circom")), set[Path]()
    while waiting:
        path = waiting.pop()
        if path not in sources:
            sources.add(path)
            included = re.findall(r'^include "([^"]+)";', path.read_text(), re.MULTILINE)
            waiting += [(path.parent / name).resolve() for name in included if name != "poseidon_constants.circom"]
    return sorted(path.relative_to(folder).as_posix() for path in sources)


def circuits_key(root: Path | None = None, family: str = REBALANCE) -> str:
    """16 hex digits that change with any byte, and any name, of a family's sources."""
    folder = root or places.data_dir("circuits")
    digest = hashlib.sha256()
    for name in circuit_sources(folder, family):
        digest.update(f"{name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def commit() -> str:
    """The commit that is checked out, in short; with a + if a file of the repository differs from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!tests/soundness/FIGURES.md")
        return git("rev-parse", "--short=10", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


class State:
    """The file that keeps what is done for one set of circuits. A change is on the disk before anything else is begun."""

    def __init__(self, folder: Path | None = None, key: str = "") -> None:
        self.key = key or circuits_key()
        self.file = (folder or places.home() / "soundness") / f"{self.key}.json"
        self.records: dict[str, Record] = {}
        if self.file.exists():
            for name, record in json.loads(self.file.read_text()).items():
                parts = {part: Done(**done) for part, done in record["parts"].items()}
                self.records[name] = Record(record["seed"], parts)

    def write(self) -> None:
        disk.make_dir(self.file.parent)
        disk.write_atomic(self.file, json.dumps({name: asdict(record) for name, record in self.records.items()}) + "\n")


def left(step: Step, record: Record | None) -> list[str]:
    """The parts of a step that are still to be run."""
    return [part for part in step.parts() if not record or part not in record.parts]


def findings(step: Step, record: Record) -> Findings:
    """What the parts that are done measured; those that the step no longer has do not count."""
    results = {part: record.parts[part].result for part in step.parts() if part in record.parts}
    return step.tell(results, len(results) == len(step.parts()))


def section(name: str, step: Step, record: Record, key: str) -> str:
    """The section of FIGURES.md on a step of which something is done."""
    parts = [done for part, done in record.parts.items() if part in step.parts()]
    dates = sorted({done.date for done in parts})
    commits = ", ".join(f"`{commit}`" for commit in dict.fromkeys(done.commit for done in parts))
    machines = "; ".join(dict.fromkeys(done.machine for done in parts))
    seconds = sum(done.seconds for done in parts)
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    text = f"Commit {commits}, {when}, circuits `{key}`, seed {record.seed}, {seconds:.0f} s. {machines}.\n\n"
    if rest := left(step, record):
        text += f"**Partial**: {len(parts)} of {len(step.parts())} parts; not run yet: {', '.join(rest)}.\n\n"
    found = findings(step, record)
    wrong = "".join(f"- {line}\n" for line in found.wrong)
    whole = text + found.text + (f"\n**Wrong**:\n\n{wrong}" if wrong else "")
    # What a program said of a fault names folders of this machine.
    for folder, written in ((str(places.home()), "$DLS_ZK_HOME"), (f"{ROOT}/", "")):
        whole = whole.replace(folder, written)
    return whole


def status(steps: Mapping[str, Step], state: State, file: Path = figures.FILE) -> str:
    """A line a step: what is done for the circuits as they are, and of which circuits the section in FIGURES.md is."""
    sections, lines = figures.sections(file), [f"circuits {state.key}"]
    for name, step in steps.items():
        record, rest = state.records.get(name), left(step, state.records.get(name))
        done = len(step.parts()) - len(rest)
        if not rest:
            said = "done"
        elif done:
            said = f"{done} of {len(step.parts())} parts done; still to run: {', '.join(rest)}"
        else:
            said = "still to run"
        if not record and (published := sections.get(name)):
            same = f"circuits `{state.key}`" in published and "**Partial**" not in published
            if same:
                said = "done (FIGURES.md)"
            elif "circuits `" in published:
                said += "; FIGURES.md has figures of other circuits, or of a part"
        lines.append(f"{name}: {said}")
    return "\n".join(lines) + "\n"


def run(
    steps: Mapping[str, Step],
    wanted: Iterable[str],
    state: State,
    *,
    seed: int | None = None,
    again: bool = False,
    file: Path = figures.FILE,
    sections: Iterable[str] = (),
) -> list[str]:
    """Run what is still to run of the wanted steps, and write FIGURES.md after each part. Returns what is wrong.

    sections: the names of all steps, also of those of other families, in the order of the file [default: of ``steps``].

    A part that ends with an exception stays to be run; it is kept in $DLS_ZK_HOME/failures with its seed.
    """
    wrong: list[str] = []
    names = [*sections] or [*steps]
    for name in wanted:
        step = steps[name]
        if again or name not in state.records:
            state.records[name] = Record(secrets.randbits(32) if seed is None else seed)
        record = state.records[name]
        for part in left(step, record):
            print(f"{name}: {part} (seed {record.seed})", flush=True)
            start = time.monotonic()
            try:
                result = step.run(part, record.seed)
            except Exception:
                kept = _keep(name, part, record.seed, traceback.format_exc())
                wrong.append(f"{name}: {part} did not end well: see {kept}")
                continue
            today = datetime.now(UTC).date().isoformat()
            record.parts[part] = Done(commit(), today, in_a_line(), round(time.monotonic() - start, 1), result)
            state.write()
            figures.write(names, _sections(steps, state), file)
        if record.parts:
            found = findings(step, record)
            print(f"\n## {name}\n\n{found.text}", flush=True)
            wrong += [f"{name}: {line} (seed {record.seed})" for line in found.wrong]
    figures.write(names, _sections(steps, state), file)
    for line in wrong:
        print(line, file=sys.stderr)
    return wrong


def _sections(steps: Mapping[str, Step], state: State) -> dict[str, str]:
    records = {name: record for name, record in state.records.items() if name in steps and record.parts}
    return {name: section(name, steps[name], record, state.key) for name, record in records.items()}


def _keep(name: str, part: str, seed: int, what: str) -> Path:
    folder = places.home() / "failures"
    disk.make_dir(folder)
    file = folder / f"soundness-{hashlib.sha256(f'{name} {part} {seed}'.encode()).hexdigest()[:10]}.txt"
    disk.write_atomic(file, f"{name}: {part}, seed {seed}\n\n{what}", mode=0o600)
    return file
