"""Events as they come. The newest blocks are read again each time, so that what a reorganisation takes back is told too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .client import Event
from .hub import Hub


@dataclass(frozen=True)
class Sighting:
    """An event, or that one which was seen before is gone: its block is not in the chain any more."""

    event: Event
    gone: bool = False


class Watch:
    """Follows the hub's events from a block on. depth: how many of the newest blocks may still be reorganised."""

    def __init__(self, hub: Hub, first: int, depth: int) -> None:
        self._hub, self._first, self._next, self._depth = hub, first, first, depth
        self._seen: dict[tuple[int, str, int], Event] = {}

    def look(self) -> Iterator[Sighting]:
        """What is new since the last look, after what is gone since, both in the order of the chain."""
        latest = self._hub.chain.block_number()
        first = max(min(self._next, latest + 1) - self._depth, self._first)
        now = {event.where: event for event in self._hub.history(first=first, last=latest)}
        for where in [where for where in self._seen if where not in now and where[0] >= first]:
            yield Sighting(self._seen.pop(where), gone=True)
        for where, event in now.items():
            if where not in self._seen:
                yield Sighting(event)
        # What lies deeper than a reorganisation goes is forgotten.
        kept = {where: event for where, event in self._seen.items() if where[0] > latest - self._depth}
        self._seen = kept | {where: event for where, event in now.items() if where[0] > latest - self._depth}
        self._next = latest + 1
