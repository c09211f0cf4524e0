"""Events as they come. The newest blocks are read again each time, so that what a reorganisation takes back is told too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .client import Event
from .hub import Hub
from .share_token import EVENTS, ShareToken


@dataclass(frozen=True)
class Sighting:
    """An event, or that one which was seen before is gone: its block is not in the chain any more.

    share: the share token that it is of; None for the hub's. Its ``vaultId`` is the vault's there too.
    """

    event: Event
    share: ShareToken | None = None
    gone: bool = False


class Watch:
    """Follows the events of the hub and of share tokens from a block on. depth: how many of the newest blocks may still be
    reorganised."""

    def __init__(self, hub: Hub, first: int, depth: int) -> None:
        self._hub, self._first, self._next, self._depth = hub, first, first, depth
        self._seen: dict[tuple[int, str, int], Sighting] = {}
        self._shares: dict[bytes, ShareToken] = {}

    def follow(self, share: ShareToken) -> None:
        """Follow the events of a vault's share token too, from the next look on."""
        self._shares[share.vault] = share

    def look(self) -> Iterator[Sighting]:
        """What is new since the last look, after what is gone since, both in the order of the chain."""
        latest = self._hub.chain.block_number()
        first = max(min(self._next, latest + 1) - self._depth, self._first)
        now = {one.event.where: one for one in sorted(self._between(first, latest), key=_place)}
        for where in [where for where in self._seen if where not in now and where[0] >= first]:
            yield replace(self._seen.pop(where), gone=True)
        for where, one in now.items():
            if where not in self._seen:
                yield one
        # What lies deeper than a reorganisation goes is forgotten.
        kept = {where: event for where, event in self._seen.items() if where[0] > latest - self._depth}
        self._seen = kept | {where: one for where, one in now.items() if where[0] > latest - self._depth}
        self._next = latest + 1

    def _between(self, first: int, last: int) -> Iterator[Sighting]:
        for event in self._hub.history(first=first, last=last):
            yield Sighting(event)
        for vault, share in self._shares.items():
            for event in share.events(max(first, share.first_block), last):
                if event.name in EVENTS:
                    yield Sighting(replace(event, arguments={"vaultId": vault, **event.arguments}), share)


def _place(one: Sighting) -> tuple[int, int]:
    block, _, index = one.event.where
    return block, index
