"""The documents and the program agree: references, scripts, paths, exit codes. Other tests run their commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dls_zk import errors

ROOT = Path(__file__).parents[2]
AT_THE_ROOT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
MANUAL = sorted((ROOT / "docs").glob("*.md"))
PAGES = pytest.mark.parametrize("page", [*AT_THE_ROOT, *MANUAL], ids=lambda page: page.name)


def test_the_references_are_what_the_program_says() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "docs.py", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_page_is_on_the_site() -> None:
    configuration = (ROOT / "scripts" / "docs.toml").read_text()
    on_the_site = set(re.findall(r'= "([a-z/-]+\.md)"', configuration))
    assert on_the_site == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def test_every_script_is_in_the_table_of_contributing() -> None:
    table = set(re.findall(r"^\| `(scripts/[a-z-]+)`", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    scripts = {f"scripts/{path.name}" for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix}
    assert table == scripts


@PAGES
def test_every_script_that_is_named_is_there(page: Path) -> None:
    for name in set(re.findall(r"(?<![\w/])(?:\./)?scripts/([a-z-]+)(?![\w./-])", page.read_text())):
        assert os.access(ROOT / "scripts" / name, os.R_OK), name


@PAGES
def test_every_path_that_is_named_is_there(page: Path) -> None:
    folders = "circuits|dls_zk|verifier_contracts|tests|scripts|docs"
    for path in set(re.findall(rf"`((?:{folders})/[\w./-]*)`", page.read_text())):
        assert (ROOT / path).exists(), path


@PAGES
def test_every_file_that_is_linked_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_page_of_variables_has_every_variable() -> None:
    page = (ROOT / "docs" / "environment.md").read_text()
    folders = [ROOT / name for name in ("dls_zk", "scripts", "tests")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix in ("", ".py")]
    read = {name for path in files for name in re.findall(r"\bDLS_ZK(?:_[A-Z]+)+\b", path.read_text())}
    assert len(read) > 8
    assert read == set(re.findall(r"^\| `(DLS_ZK_\w+)` \|", page, re.MULTILINE))


def test_the_page_of_exit_codes_has_every_code() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text()
    expected = [
        f"| {code.exit_code} | `{name}` | {'yes' if code.retryable else 'no'} | {code.meaning} |"
        for name, code in errors.CODES.items()
    ]
    assert [line for line in page.splitlines() if re.match(r"\| \d+ \| `\w+` \| (yes|no) ", line)] == expected
