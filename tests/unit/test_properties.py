"""Every property of PROPERTIES.md has an id of its own, an argument, and tests that exist."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (TESTS / "PROPERTIES.md").read_text().splitlines()
    if re.match(r"\| [CTE]-", line)
]


def test_ids_count_up() -> None:
    for kind in "CTE":
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


# --- the contracts' page ----------------------------------------------------------------------------------------------

CONTRACTS = TESTS.parent / "verifier_contracts"
CONTRACT_ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (CONTRACTS / "PROPERTIES.md").read_text().splitlines()
    if re.match(r"\| (OR|HB|BV|RC|ST|SYS)-", line)
]


def _functions() -> dict[str, set[str]]:
    """Name of each test contract or file, without its ending → its functions, tests also without the prefix ``test_``."""
    found: dict[str, set[str]] = {}
    for path in (CONTRACTS / "test").rglob("*.sol"):
        source = path.read_text()
        contracts = re.findall(r"^(?:abstract )?contract (\w+?)(?:Test|Symbolic)? ", source, re.MULTILINE)
        for contract in {*contracts, path.name.split(".")[0]}:
            names = set(re.findall(r"^    function (\w+)\(", source, re.MULTILINE))
            found.setdefault(contract, set()).update(names, (name.removeprefix("test_") for name in names))
    return found


def test_ids_of_contracts_count_up() -> None:
    for kind in ("OR", "HB", "BV", "RC", "ST", "SYS"):
        numbers = [int(row[0].rpartition("-")[2]) for row in CONTRACT_ROWS if row[0].startswith(f"{kind}-")]
        assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 8


@pytest.mark.parametrize("row", CONTRACT_ROWS, ids=lambda row: row[0])
def test_its_tests_of_contracts_exist(row: list[str]) -> None:
    """A row names tests as ``Suite: pattern``; a further pattern belongs to the suite before it, a suite alone is whole."""
    functions, suite = _functions(), ""
    _, prose, tests = row
    assert prose.rstrip(" S(),").endswith(".") and "`" in tests
    for name in re.findall(r"`([^`]+)`", tests):
        if name.endswith(".py"):
            assert list(TESTS.rglob(name)), name
            continue
        first, _, pattern = name.rpartition(": ")
        suite = first or (name if name in functions else suite)
        assert suite.removesuffix("Test") in functions, name
        if name != suite:
            assert fnmatch.filter(functions[suite.removesuffix("Test")], pattern), name
