"""The price feeds of a policy's slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .ethereum import NOBODY
from .model import Policy

#: What the oracle takes, in seconds, the ends included.
CONFIRMATION_DELAY_S = (300, 86_400)
DEVIATION_PERIOD_S = (60, 7 * 86_400)
GRACE_PERIOD_S = (0, 86_400)


@dataclass(frozen=True)
class Feed:
    """What prices one slot; fields in the order of the contract's struct.

    aggregator: address, ``NOBODY`` for a slot without a price. heartbeat_s: seconds. max_deviation_bps: basis points of the
    smaller price, of the move from the anchor that needs no confirmation.
    """

    aggregator: str = NOBODY
    heartbeat_s: int = 0
    max_deviation_bps: int = 0


@dataclass(frozen=True)
class NamedFeeds:
    """The feed of each instrument, and what holds for them together.

    confirmation_delay_s, deviation_period_s, grace_period_s: seconds, as the oracle takes them. sequencer_feed: address,
    ``NOBODY`` where there is none.
    """

    feeds: Mapping[str, Feed]
    confirmation_delay_s: int
    deviation_period_s: int
    sequencer_feed: str = NOBODY
    grace_period_s: int = 0


@dataclass(frozen=True)
class FeedSet:
    """Feeds of all slots, and what holds for them together; fields in the order of the contract's struct."""

    feeds: tuple[Feed, ...]
    sequencer_feed: str
    grace_period_s: int
    confirmation_delay_s: int
    deviation_period_s: int

    @classmethod
    def of(cls, named: NamedFeeds, policy: Policy) -> FeedSet:
        """The feeds of a policy's instruments, in the order of its slots."""
        return cls(
            tuple(named.feeds[slot.instrument] if slot.instrument else Feed() for slot in policy.slots),
            named.sequencer_feed,
            named.grace_period_s,
            named.confirmation_delay_s,
            named.deviation_period_s,
        )
