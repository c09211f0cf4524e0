"""Tables with one value an instrument, from YAML or CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..statement.model import Policy
from .documents import PricesFile
from .text import read_text, read_yaml
from .validation import D, validate
from .values import Document, quote


def read_table(model: type[D], key: str, path: str | Path, policy: Policy, *, secret: bool) -> D:
    """A document with one value an instrument under ``key``, from YAML or CSV."""
    names = {slot.instrument for slot in policy.slots} - {""}
    suffix = Path(path).suffix.lower()
    document: Any
    if suffix == ".csv":
        document, entries = _read_csv(model, key, path)
    elif suffix in (".yaml", ".yml"):
        document = read_yaml(path, secret=secret)
        table = document.get(key) if isinstance(document, dict) else None
        entries = [(f"{key}: entry {i + 1}", name) for i, name in enumerate(table if isinstance(table, dict) else ())]
    else:
        raise InputError("expected a file that ends in .yaml, .yml or .csv", str(path))
    seen: set[str] = set()
    for place, name in entries:
        if name not in names:
            shown = "" if secret else f" {quote(name)}"
            listed = ", ".join(slot.instrument for slot in policy.slots if slot.instrument)
            raise InputError(f"unknown instrument{shown}; the policy has {listed}", f"{path}: {place}")
        if name in seen:
            raise InputError(f"{name} is given twice", f"{path}: {place}")
        seen.add(name)
    return validate(model, document, path, known=names if secret else None)


def _read_csv(model: type[Document], key: str, path: str | Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A CSV file as (the document that it stands for, the place and name of each row)."""
    value, common = ("price", ("date", "source")) if model is PricesFile else ("quantity", ())
    header = ["instrument", value, *common]
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    rows = []
    try:
        for cells in reader:
            if cells:  # the csv module gives an empty line as no cells
                rows.append((f"row {reader.line_num}", [cell.strip(" \t") for cell in cells]))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", f"{path}: row {reader.line_num}") from None
    if not rows or rows[0][1] != header:
        raise InputError(f"the first row is not {','.join(header)}", f"{path}: row 1")
    del rows[0]
    for place, cells in rows:
        if len(cells) != len(header):
            raise InputError(f"{len(cells)} cells; expected {len(header)}: {', '.join(header)}", f"{path}: {place}")
        if cells[2:] != rows[0][1][2:]:
            raise InputError(f"{' and '.join(common)} differ from the rows above", f"{path}: {place}")
    document: dict[str, Any] = {}
    if rows:
        document |= zip(common, rows[0][1][2:], strict=True)
    document[key] = {cells[0]: cells[1] for _, cells in rows}
    return document, [(place, cells[0]) for place, cells in rows]
