"""How a function says what goes on, without printing: callables that a display implements."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

#: Moves a progress bar: what is done, how much of it, of how much.
Moving = Callable[[str, int, int], None]
#: Tells what goes on: ``with stage("Witness"): …``
Stage = Callable[[str], AbstractContextManager[object]]


def no_stages(_: str) -> AbstractContextManager[object]:
    return nullcontext()
