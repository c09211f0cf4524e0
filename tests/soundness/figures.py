"""FIGURES.md: what the long runs measured, a section a step. Every section is made by a program, and says itself which
commit it is of, when and on what it was measured, and whether it is whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dls_zk.storage import disk

FILE = Path(__file__).with_name("FIGURES.md")
_HEAD = """\
# Figures of the long soundness runs

Written by `scripts/soundness`, which goes on where it stopped; do not edit. `scripts/soundness --status` says what is
still to run for the circuits as they are now.
"""


def with_sum(rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
    """The rows, all but their first column numbers, and the sum of each column."""
    columns = list(zip(*rows, strict=True))[1:]
    return [*rows, ("**all**", *(sum(x for x in column if isinstance(x, int)) for column in columns))]


def sections(file: Path = FILE) -> dict[str, str]:
    """Title → text of the sections of the file, as they are; none if there is no file."""
    text = file.read_text() if file.exists() else ""
    found = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)[1:]
    return {title: body.strip() for title, body in zip(found[::2], found[1::2], strict=True)}


def write(steps: Iterable[str], fresh: Mapping[str, str], file: Path = FILE) -> None:
    """Write the sections of these steps, in their order: a fresh one, or the old one, or that it was never run."""
    old = sections(file)
    texts = {name: fresh.get(name) or old.get(name) or f"Not run yet: `scripts/soundness '{name}'`." for name in steps}
    body = "\n".join(f"## {name}\n\n{text.strip()}\n" for name, text in texts.items())
    disk.write_atomic(file, f"{_HEAD}\n{body}")
