"""Tables: text from outside is shown as it is."""

from __future__ import annotations

import io

from rich.console import Console

from dls_zk.cli.common import marked, table


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    rows = table("[/x]", "")
    rows.add_row("[red]label[/red]", "[/x] :smile:")
    rows.add_row("mark", marked("red", "[/y]", ": [b]"))
    shown = io.StringIO()
    Console(file=shown, width=80).print(rows)
    for text in ("[/x]", "[red]label[/red]", "[/x] :smile:", "[/y]: [b]"):
        assert text in shown.getvalue()
