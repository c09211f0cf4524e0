"""Every property of PROPERTIES.md has an id of its own, an argument, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (TESTS / "PROPERTIES.md").read_text().splitlines()
    if re.match(r"\| [CT]-", line)
]


def test_ids_count_up() -> None:
    for kind in "CT":
        numbers = [int(row[0][2:]) for row in ROWS if row[0].startswith(f"{kind}-")]
        assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_its_tests_exist(row: list[str]) -> None:
    _, prose, argument, tests = row
    assert prose.endswith(".") and argument.endswith(".")
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", tests)
    assert named and len(named) == tests.count("`") // 2
    for file, test in named:
        (path,) = TESTS.rglob(file)
        assert re.search(rf"^def {test}\(", path.read_text(), re.MULTILINE), f"{file}::{test}"
