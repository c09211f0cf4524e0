"""A statement of account in a file: CSV with a row a balance, or JSON (``files.attest.StatementFile``)."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from ..errors import InputError
from ..files.attest import StatementColumns, StatementFile
from ..files.text import read_text
from ..files.validation import validate
from ..storage.disk import read_limited
from ..storage.strict_json import parse_json
from .amounts import decimal
from .source import Reading, require_close

_FILE_BYTES = 1 << 20
#: The first second that is none of this century: a time in milliseconds is not taken for one in seconds.
_TIME_LIMIT = 1 << 32


@dataclass(frozen=True)
class Statement:
    """The statement of one account."""

    path: Path
    account: str
    columns: StatementColumns

    looks_back = False

    @property
    def identities(self) -> tuple[str, ...]:
        return (f"statement:{self.account}",)

    def balances(self, at_s: int) -> Reading:
        suffix = self.path.suffix.lower()
        if suffix == ".csv":
            reading = self._read_csv()
        elif suffix == ".json":
            reading = self._read_json()
        else:
            raise InputError("expected a statement that ends in .csv or .json", str(self.path))
        require_close(reading.at_s, at_s, f"{self.path}: the statement")
        return reading

    def _read_json(self) -> Reading:
        where = str(self.path)
        document = parse_json(read_limited(self.path, _FILE_BYTES), where)
        statement = validate(StatementFile, document, where, known=set())
        if statement.account != self.account:
            raise InputError("is of another account than the configuration names", f"{where}: account")
        holdings = {name: decimal(text, f"{where}: balances") for name, text in statement.balances.items()}
        return Reading(_second(statement.time, f"{where}: time"), _without_zeros(holdings))

    def _read_csv(self) -> Reading:
        where = str(self.path)
        reader = csv.reader(io.StringIO(read_text(self.path), newline=""), strict=True)
        names = (self.columns.time, self.columns.account, self.columns.instrument, self.columns.quantity)
        holdings: dict[str, Fraction] = {}
        moment: int | None = None
        try:
            header = [cell.strip() for cell in next(reader, [])]
            for name in names:
                if header.count(name) != 1:
                    raise InputError(f"the first row has to have one column {name!r}", f"{where}: row 1")
            places = [header.index(name) for name in names]
            for row in reader:
                cells = [cell.strip() for cell in row]
                if not any(cells):
                    continue
                place = f"{where}: row {reader.line_num}"
                if len(cells) != len(header):
                    raise InputError(f"{len(cells)} cells; the first row has {len(header)}", place)
                time, account, instrument, quantity = (cells[k] for k in places)
                if account != self.account:
                    continue
                second = _second(time, place)
                if moment not in (None, second):
                    raise InputError("is of another moment than the rows above; give one moment in a file", place)
                if not instrument:
                    raise InputError("names no instrument", place)
                if instrument in holdings:
                    raise InputError(f"{instrument} is given twice for this account; add it up", place)
                moment = second
                holdings[instrument] = decimal(quantity, place)
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", f"{where}: row {reader.line_num}") from None
        if moment is None:
            raise InputError("has no row of the account that the configuration names", where)
        return Reading(moment, _without_zeros(holdings))


def _second(text: str, where: str) -> int:
    """Unix seconds, or a moment in UTC that ends with Z."""
    if re.fullmatch("[0-9]{1,12}", text) and int(text) < _TIME_LIMIT:
        return int(text)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text):
        try:
            return int(datetime.fromisoformat(text).timestamp())
        except ValueError:
            pass
    raise InputError("the time is neither Unix seconds nor a moment in UTC such as 2026-11-28T17:50:06Z", where)


def _without_zeros(holdings: dict[str, Fraction]) -> dict[str, Fraction]:
    return {name: amount for name, amount in holdings.items() if amount}
