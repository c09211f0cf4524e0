"""FIGURES.md: what the long runs measured, one section a step, each written anew by the run that measures it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dls_zk.storage import disk

FILE = Path(__file__).with_name("FIGURES.md")
_HEAD = "# Figures of the long soundness runs\n\nWritten by `scripts/soundness` and `scripts/mutate`; do not edit.\n"


@dataclass(frozen=True)
class Step:
    """What a step measured, as Markdown, and what in it should not be, a line each: nothing if all is well."""

    text: str
    wrong: list[str] = field(default_factory=list)


def with_sum(rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
    """The rows, all but their first column numbers, and the sum of each column."""
    return [*rows, ("**all**", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))]  # type: ignore[arg-type]


def record(name: str, step: Step) -> None:
    """Print a step's figures and put them in the place of its last ones."""
    print(f"\n## {name}\n\n{step.text}", flush=True)
    old = FILE.read_text() if FILE.exists() else _HEAD
    head, *sections = re.split(r"^(?=## )", old, flags=re.MULTILINE)
    kept = {section.partition("\n")[0].removeprefix("## "): section for section in sections}
    kept[name] = f"## {name}\n\n{step.text.rstrip()}\n\n"
    disk.write_atomic(FILE, head.rstrip() + "\n\n" + "".join(kept[name] for name in sorted(kept)).rstrip() + "\n")


def report(steps: Mapping[str, Step]) -> int:
    """A line on stderr for each thing that is wrong; the exit code of a run of these steps."""
    wrong = [f"{name}: {what}" for name, step in steps.items() for what in step.wrong]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0
