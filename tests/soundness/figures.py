"""FIGURES.md: what the long runs measured, one section a step, each written anew by the run that measures it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dls_zk import artifacts

FILE = Path(__file__).with_name("FIGURES.md")
_HEAD = "# Figures of the long soundness runs\n\nWritten by `scripts/soundness` and `scripts/mutate`; do not edit.\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, the first column to the left and numbers to the right, with thousands set apart."""
    cells = [[f"{x:,}" if isinstance(x, int) else str(x) for x in row] for row in rows]
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def record(step: str, text: str) -> None:
    """Print a step's figures and put them in the place of its last ones."""
    print(f"\n## {step}\n\n{text}", flush=True)
    old = FILE.read_text() if FILE.exists() else _HEAD
    head, *sections = re.split(r"^(?=## )", old, flags=re.MULTILINE)
    kept = {section.partition("\n")[0].removeprefix("## "): section for section in sections}
    kept[step] = f"## {step}\n\n{text.rstrip()}\n\n"
    artifacts.write_atomic(FILE, head.rstrip() + "\n\n" + "".join(kept[name] for name in sorted(kept)).rstrip() + "\n")
