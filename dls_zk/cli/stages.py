"""How long work shows itself: a moving line on a terminal, plain lines in a pipe; always on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


def _nothing(what: str, done: int, of: int) -> None:
    pass


class Stages:
    """Runs stages one after the other, tells of each, and keeps the seconds that each took."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self.seconds: dict[str, float] = {}
        self._show: Callable[[str, int, int], None] = _nothing

    def moving(self, what: str, done: int, of: int) -> None:
        """Move the bar of the stage that runs, for work that begins before its stage does."""
        self._show(what, done, of)

    @contextmanager
    def __call__(self, name: str) -> Iterator[Callable[[str, int, int], None]]:
        """``with stages("Proof") as progress:`` - progress(what, done, of) may be called to move the bar."""
        started = time.perf_counter()
        if self.console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
            with Progress(*columns, console=self.console, transient=True) as bar:
                task = bar.add_task(name, total=None)

                def show(what: str, done: int, of: int) -> None:
                    bar.update(task, description=f"{name}: {what}", completed=done, total=of)

                self._show = show
                yield show
                self._show = _nothing
        else:
            self.console.print(f"{name} …")
            yield _nothing
        self.seconds[name] = round(self.seconds.get(name, 0) + time.perf_counter() - started, 3)
        self.console.print(f"[green]✓[/green] {name} [dim]{time.perf_counter() - started:.1f} s[/dim]")
