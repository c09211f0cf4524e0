"""What the commands have in common: options, and how they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from ..errors import DlsError
from ..statement.circuits import CIRCUITS, REBALANCE, Circuit
from ..statement.constants import SIZES
from ..storage import disk, places

if TYPE_CHECKING:
    from rich.text import Text

    from .tables import Rows

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
size_option = click.option(
    "--size", "sizes", type=click.Choice([str(n) for n in SIZES]), multiple=True, help="Circuit size; all if not given."
)
FAMILIES = tuple(dict.fromkeys(circuit.family for circuit in CIRCUITS.values()))
families_option = click.option(
    "--family", "families", type=click.Choice(FAMILIES), multiple=True, help="Family of circuits; all if not given."
)


class Epilog(TypedDict):
    """The end of a command's help, as click takes it."""

    epilog: str


def example(text: str) -> Epilog:
    """The end of a command's help: an example to copy."""
    return {"epilog": f"\b\nExample:\n  {text}"}  # \b: click leaves the line as it is, to be copied


def print_json(document: Mapping[str, object]) -> None:
    click.echo(json.dumps(document, indent=2))


@contextmanager
def beside(document: Mapping[str, object]) -> Iterator[None]:
    """Have a failure show a document beside the error, where JSON is asked for."""
    try:
        yield
    except DlsError as error:
        error.document = document
        raise


class _Console:
    """Standard output for tables; rich is loaded when the first is printed."""

    def print(self, *parts: object) -> None:
        from .tables import show

        show(*parts)


console = _Console()


def table(*columns: str) -> Rows:
    """A table in which nothing is cut. Colours are for cells that ``marked`` makes."""
    from . import tables

    return tables.table(*columns)


def marked(colour: str, word: str, rest: str = "") -> Text:
    """A cell that begins with a word in a colour."""
    from . import tables

    return tables.marked(colour, word, rest)


def uint(bits: int, least: int = 0) -> click.IntRange:
    """A number that fits Solidity's unsigned type of so many bits."""
    return click.IntRange(least, (1 << bits) - 1)


def warn_insecure() -> None:
    from ..groth16 import zkey

    click.echo(f"warning: {zkey.MARKER}", err=True)


def warn_readable(*paths: Path | None) -> None:
    """Warn of each secret input that other users can get at. The package's own examples are no secrets."""
    for path in paths:
        if path is None or path.resolve().is_relative_to(places.PACKAGE / "examples"):
            continue
        if exposed := disk.exposure(path):
            click.echo(f"warning: {path}: {exposed}", err=True)


key_option = click.option(
    "--key", "kind", type=click.Choice(places.KEY_KINDS), help="Kind of key; a ceremony's before a development key."
)


def chosen_circuits(sizes: tuple[str, ...], families: tuple[str, ...] = ()) -> list[Circuit]:
    """The circuits of these sizes and families; of all sizes, of all families, if none is chosen."""
    return [
        circuit
        for circuit in CIRCUITS.values()
        if (not sizes or str(circuit.size.slots) in sizes) and (not families or circuit.family in families)
    ]


def one_circuit_options(required: bool = True) -> Callable[[F], F]:
    """``--size`` and ``--family``: together they choose one circuit."""

    def with_options(command: F) -> F:
        family = click.option(
            "--family", type=click.Choice(FAMILIES), default=REBALANCE, show_default=True, help="Family of circuits."
        )
        size = click.option("--size", type=click.Choice([str(n) for n in SIZES]), required=required, help="Circuit size.")
        return size(family(command))

    return with_options


class NoTerminal(click.UsageError):
    """There is nobody to ask. document: what there was to look at, shown beside the error where JSON is asked for."""

    def __init__(self, message: str, document: Mapping[str, object]):
        super().__init__(message)
        self.document = document


def confirm(question: str, without_terminal: str, document: Mapping[str, object] | None = None) -> None:
    """Ask before a step, and end if the answer is no; ``NoTerminal`` where there is none, saying what to pass."""
    if not sys.stdin.isatty():
        raise NoTerminal(without_terminal, document or {})
    click.confirm(question, abort=True, err=True)
