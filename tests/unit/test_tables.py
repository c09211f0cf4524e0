"""Tables: text from outside is shown as it is, and what a pipe gets can be read and searched."""

from __future__ import annotations

import ast
import io

import pytest
from rich.console import Console

from dls_zk.cli import tables
from dls_zk.cli.common import console, marked, table
from dls_zk.storage.places import PACKAGE


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    rows = table("[/x]", "")
    rows.add_row("[red]label[/red]", "[/x] :smile:")
    rows.add_row("mark", marked("red", "[/y]", ": [b]"))
    shown = io.StringIO()
    Console(file=shown, width=80).print(rows)
    for text in ("[/x]", "[red]label[/red]", "[/x] :smile:", "[/y]: [b]"):
        assert text in shown.getvalue()


def test_in_a_pipe_sentences_wrap_and_names_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    identity, path, sentence = "0x" + "ab" * 32, "/" + "deep/" * 40 + "proof.json", "why it was refused, at length; " * 20
    rows = table("id", "file", "")
    rows.add_row(identity, path, sentence)
    rows.add_row("short", "", marked("red", "refused", ": " + sentence))
    console.print(rows)
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert identity in lines[2] and path in lines[2]
    assert max(map(len, lines)) <= len(identity) + len(path) + tables.WRAPPED_AT + 4  # and what parts columns
    assert not [line for line in lines if line != line.rstrip()] and lines[0] and lines[-1]
    assert shown.count("length;") == 40


def test_tables_are_made_in_one_place() -> None:
    """So that what holds of one holds of all."""
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        made = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich")
            for alias in node.names
        }
        assert path.name == "tables.py" or "Table" not in made, path.name
