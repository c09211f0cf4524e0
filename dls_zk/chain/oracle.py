"""Clients of the price oracle and of development feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

from ..files import FeedEntry, FeedsFile
from ..statement.constants import PRICE_DECIMALS, SIZES
from ..statement.ethereum import keccak256
from ..statement.model import Policy
from ..statement.signals import unpack_prices
from .client import Client
from .connection import Receipt
from .transactions import Sender

NOBODY = "0x" + "00" * 20


@dataclass(frozen=True)
class Feed:
    """What prices one slot; fields in the order of the contract's struct.

    aggregator: address, ``NOBODY`` for a slot without a price. heartbeat_s: seconds. max_deviation_bps: basis points.
    """

    aggregator: str = NOBODY
    heartbeat_s: int = 0
    max_deviation_bps: int = 0


@dataclass(frozen=True)
class FeedSet:
    """Feeds of all slots, and what holds for them together; fields in the order of the contract's struct.

    sequencer_feed: address, ``NOBODY`` where there is none. grace_period_s, confirmation_delay_s: seconds.
    """

    feeds: tuple[Feed, ...]
    sequencer_feed: str = NOBODY
    grace_period_s: int = 0
    confirmation_delay_s: int = 0

    @classmethod
    def of(cls, named: FeedsFile, policy: Policy) -> FeedSet:
        """The feeds of a file, in the order of a policy's slots."""

        def feed(instrument: str) -> Feed:
            entry = named.feeds[instrument]
            return Feed(entry.aggregator, entry.heartbeat, entry.deviation)

        feeds = tuple(feed(slot.instrument) if slot.instrument else Feed() for slot in policy.slots)
        sequencer = (named.sequencer.feed, named.sequencer.grace_period) if named.sequencer else (NOBODY, 0)
        return cls(feeds, *sequencer, named.confirmation_delay)


@dataclass(frozen=True)
class Snapshot:
    """Prices at a round of an oracle (address). timestamp: Unix seconds. words: packed as ``statement.pack_prices`` does."""

    round: int
    feed_set: int
    timestamp: int
    words: tuple[int, ...]
    oracle: str

    @property
    def usd_e8(self) -> tuple[int, ...]:
        """The price of each slot in USD 1e-8; 0 for a slot without one."""
        (size,) = (size for size in SIZES.values() if size.price_words == len(self.words))
        return unpack_prices(size, self.words)


@dataclass(frozen=True)
class Unconfirmed:
    """Prices that moved too far for one look. confirmable_at: Unix seconds from which on they can be confirmed."""

    confirmable_at: int
    words: tuple[int, ...]


class Oracle(Client):
    """``PriceOracle``: feed sets and their snapshots, shared by all vaults."""

    def add_feed_set(self, sender: Sender, feeds: FeedSet) -> int:
        """Add a feed set; its number. The same sender adds the same set once."""
        mined = self.act(sender, "addFeedSet", astuple(feeds), once=(keccak256(repr(feeds).encode()).hex(),))
        assert mined  # only a check of the state makes it None
        return self.said(mined, "FeedSetAdded")["feedSet"]

    def feed_set(self, number: int) -> FeedSet:
        """A feed set as it was added."""
        feeds, *rest = self.read("feedSetOf", number)
        return FeedSet(tuple(Feed(*feed) for feed in feeds), *rest)

    def take_snapshot(self, sender: Sender, feed_set: int) -> Snapshot | Unconfirmed:
        """Read all feeds and keep their prices, or prices that wait for a second confirmation.

        A call that was cut off is found again, unless another snapshot of the set was taken meanwhile.
        """
        before, waiting = self.latest_round(feed_set), self.read("unconfirmed", feed_set)[0]
        mined = self.act(sender, "takeSnapshot", feed_set, once=(feed_set, before, waiting))
        assert mined
        said = self.said(mined, "SnapshotTaken", "ConfirmationNeeded")
        if "round" in said:
            return Snapshot(said["round"], said["feedSet"], said["timestamp"], tuple(said["words"]), self.address)
        return Unconfirmed(said["confirmableAt"], tuple(said["words"]))

    def latest_round(self, feed_set: int) -> int:
        """The newest round of a feed set; 0 if there is none yet."""
        return self.read("latestRound", feed_set)

    def snapshot(self, number: int) -> Snapshot:
        """The snapshot of a round."""
        feed_set, timestamp, words = self.read("snapshot", number)
        return Snapshot(number, feed_set, timestamp, tuple(words), self.address)

    def latest(self, feed_set: int) -> Snapshot | None:
        """The newest snapshot of a feed set."""
        number = self.latest_round(feed_set)
        return self.snapshot(number) if number else None

    def unconfirmed(self, feed_set: int) -> Unconfirmed | None:
        """The prices of a feed set that wait for a second confirmation, if some do."""
        confirmable_at, words = self.read("unconfirmed", feed_set)
        return Unconfirmed(confirmable_at, tuple(words)) if confirmable_at else None


class DevFeed(Client):
    """``DevFeed``: a price that its owner says, on local development chains only."""

    def post(self, sender: Sender, usd_e8: int, timestamp: int) -> Receipt | None:
        """Answer this price (USD 1e-8) from now on, as of a time (Unix seconds)."""
        return self.act(sender, "post", usd_e8, timestamp, once=(usd_e8, timestamp))


def development_feeds(addresses: Mapping[str, str], heartbeat_s: int, max_deviation_bps: int) -> FeedsFile:
    """The file of feeds (instrument → address) that are all alike."""

    def entry(feed: str) -> FeedEntry:
        return FeedEntry.model_construct(aggregator=feed, heartbeat=heartbeat_s, deviation=max_deviation_bps)

    return FeedsFile.model_construct(feeds={name: entry(feed) for name, feed in addresses.items()})


#: Decimals of the answers that development feeds give: those of the statement's prices.
DEV_FEED_DECIMALS = PRICE_DECIMALS
