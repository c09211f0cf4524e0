"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, numbers with thousands set apart. Columns of numbers, after the first one, stand to the right."""
    shown = [list(row) for row in rows]
    numbers = [k > 0 and any(isinstance(row[k], int) for row in shown) for k in range(len(head))]
    rule = ["---:" if number else "---" for number in numbers]
    cells = [[f"{x:,}" if isinstance(x, int) else str(x) for x in row] for row in shown]
    return "".join(f"| {' | '.join(line)} |\n" for line in [head, rule, *cells])
