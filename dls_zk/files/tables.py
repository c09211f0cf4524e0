"""Tables with one value an instrument, from YAML or CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Set
from pathlib import Path
from typing import Any

from ..errors import InputError, listed
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
        document, entries = _read_csv(model, key, path, names, secret=secret)
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
            known = listed(slot.instrument for slot in policy.slots if slot.instrument)
            raise InputError(f"unknown instrument{shown}; the policy has {known}", f"{path}: {place}")
        if name in seen:
            raise InputError(f"{name} is given twice", f"{path}: {place}")
        seen.add(name)
    return validate(model, document, path, known=names if secret else None)


def _read_csv(
    model: type[Document], key: str, path: str | Path, names: Set[str], *, secret: bool
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A CSV file as (the document that it stands for, the place and name of each row).

    Rows and columns at the end that hold nothing, as spreadsheets leave them, are no rows and no columns.
    """
    value, common = ("price", ("date", "source")) if model is PricesFile else ("quantity", ())
    header = ["instrument", value, *common]
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    rows = []
    try:
        for raw in reader:
            cells = [cell.strip() for cell in raw]
            while len(cells) > len(header) and not cells[-1]:
                del cells[-1]
            if any(cells):
                rows.append((f"row {reader.line_num}", cells))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", f"{path}: row {reader.line_num}") from None
    place, first = rows.pop(0) if rows else ("row 1", [])
    if first != header:
        problem = _header_problem(first, header, names, secret=secret)
        raise InputError(f"the first row is not {','.join(header)}: {problem}", f"{path}: {place}")
    for place, cells in rows:
        if len(cells) != len(header):
            problem = f"{len(cells)} cells; expected {len(header)}: {', '.join(header)} (decimals are written with a point)"
            raise InputError(problem, f"{path}: {place}")
        if cells[2:] != rows[0][1][2:]:
            raise InputError(f"{' and '.join(common)} differ from the rows above", f"{path}: {place}")
    document: dict[str, Any] = {}
    if rows:
        document |= zip(common, rows[0][1][2:], strict=True)
    document[key] = {cells[0]: cells[1] for _, cells in rows}
    return document, [(place, cells[0]) for place, cells in rows]


_SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'"}


def _header_problem(first: list[str], header: list[str], names: Set[str], *, secret: bool) -> str:
    """What is wrong with a first row. Of a ``secret`` file, of which it may be a row of content, only words are shown."""
    row = ",".join(first)
    for separator, word in _SEPARATORS.items():
        if separator in row:
            # Not read: where ';' separates, a comma is the decimal mark, and 1.234 may be a thousand times as much.
            return f"the file is separated by {word}; save it with commas between the columns and points in the numbers"
    if not first:
        return "the file is empty"
    if first[0].startswith("sep="):
        return "remove the line sep=, that a spreadsheet has put in front"
    if first[0] in names:
        return "there is no header; put this line in front"
    lower = [cell.lower() for cell in first]
    if lower == header:
        return "write it in small letters"
    if sorted(lower) == sorted(header):
        return "the columns are in another order"
    missing = [f"there is no column {column}" for column in header if column not in lower]
    others = []
    for number, cell in enumerate(first, 1):
        if cell.lower() not in header:
            shown = not secret or re.fullmatch("[A-Za-z_ ]{1,40}", cell)
            others.append(f"column {number} is {quote(cell) if shown else 'another'}")
        elif cell.lower() in lower[: number - 1]:
            others.append(f"column {number} is {cell.lower()} again")
    return "; ".join([*missing, *([listed(others, 3, "; ")] if others else [])])
