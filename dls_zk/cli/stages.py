"""How long work shows itself: a moving line on a terminal, plain lines in a pipe; always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


def _nothing(what: str, done: int, of: int) -> None:
    pass


class Stages:
    """Runs stages one after the other, tells of each, and keeps the seconds that each took."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.seconds: dict[str, float] = {}
        self._show: Callable[[str, int, int], None] = _nothing

    def moving(self, what: str, done: int, of: int) -> None:
        """Move the bar of the stage that runs, for work that begins before its stage does."""
        self._show(what, done, of)

    @contextmanager
    def __call__(self, name: str) -> Iterator[Callable[[str, int, int], None]]:
        """``with stages("Proof") as progress:`` - progress(what, done, of) may be called to move the bar."""
        started, on_terminal = time.perf_counter(), sys.stderr.isatty()
        if on_terminal and not self.quiet:
            with _bar(name) as show:
                self._show = show
                yield show
                self._show = _nothing
        else:
            self._say(f"{name} …")
            yield _nothing
        seconds = time.perf_counter() - started
        self.seconds[name] = round(self.seconds.get(name, 0) + seconds, 3)
        mark, duration = "✓", f"{seconds:.1f} s"
        if on_terminal:
            mark, duration = click.style(mark, fg="green"), click.style(duration, dim=True)
        self._say(f"{mark} {name} {duration}")

    def _say(self, line: str) -> None:
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[str, int, int], None]]:
    """A line that moves, and goes at the end."""
    from rich.console import Console  # it takes a tenth of a second to load
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def show(what: str, done: int, of: int) -> None:
            bar.update(task, description=f"{name}: {what}", completed=done, total=of)

        yield show
