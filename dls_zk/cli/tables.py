"""Tables on a terminal or in a pipe. rich takes long to load, so ``common`` imports this when one is printed."""

from __future__ import annotations

import sys

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

#: On a terminal the terminal's width counts. In a pipe nobody knows the width: there, as wide as the columns need.
CONSOLE = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 1000)
#: In a pipe sentences are wrapped at this width. What has no space in it, as an id or a path, is never broken.
WRAPPED_AT = 80


#: As rich has it, and said to be ASCII: rich draws no other box where the encoding lacks its line, and ``streams`` prints -.
_BOX = box.Box(str(box.SIMPLE_HEAD), ascii=True)


class Rows(Table):
    """A table whose cells are shown as they are: text from a chain or a file may look like rich's markup."""

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        plain = [Text(cell) if isinstance(cell, str) else cell for cell in cells]
        super().add_row(*plain, style=style, end_section=end_section)
        if not sys.stdout.isatty():
            for column, cell in zip(self.columns, plain, strict=False):
                words = (cell_len(word) for word in str(cell or "").split())
                column.max_width = max(column.max_width or WRAPPED_AT, *words, 0)


def show(*parts: object) -> None:
    """Print a table or text; in a pipe without the blanks that fill its lines."""
    if sys.stdout.isatty():
        CONSOLE.print(*parts)
        return
    with CONSOLE.capture() as captured:
        CONSOLE.print(*parts)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n"))


def table(*columns: str) -> Rows:
    """A table in which nothing is cut: what does not fit is wrapped between words, and on a narrow terminal folded within
    them. Colours are for cells that ``marked`` makes."""
    rows = Rows(box=_BOX, padding=0, pad_edge=False)
    for column in columns:
        rows.add_column(Text(column), overflow="fold")
    return rows


def marked(colour: str, word: str, rest: str = "") -> Text:
    """A cell that begins with a word in a colour."""
    return Text.assemble((word, colour), rest)
