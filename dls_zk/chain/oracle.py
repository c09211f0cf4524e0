"""Clients of the price oracle and of development feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from ..errors import ChainError
from ..solidity.abi import encode, type_of
from ..statement.constants import PRICE_DECIMALS, SIZES
from ..statement.ethereum import NOBODY, keccak256
from ..statement.feeds import CONFIRMATION_DELAY_S, DEVIATION_PERIOD_S, Feed, FeedSet, NamedFeeds
from ..statement.signals import unpack_prices
from . import feeds as asked
from .client import Client
from .connection import Receipt
from .transactions import Sender


@dataclass(frozen=True)
class Snapshot:
    """Prices at a round of an oracle (address). feed_set: its name. timestamp: Unix seconds. words: packed as
    ``statement.pack_prices`` does."""

    round: int
    feed_set: bytes
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
    """Prices that moved too far for one look. confirmable_at: Unix seconds from which on they can be confirmed, for as long
    again as they waited."""

    confirmable_at: int
    words: tuple[int, ...]


class Oracle(Client):
    """``PriceOracle``: feed sets and their snapshots, shared by all vaults."""

    def name_of(self, feeds: FeedSet) -> bytes:
        """The name of a feed set, whether it is added or not: the hash of the set and of its feeds' decimals.

        Computed here: all that the node says of it is the decimals, and those the oracle asks the feeds for itself.
        """
        decimals = [asked.decimals(self.chain, one.aggregator) if one.aggregator != NOBODY else 0 for one in feeds.feeds]
        return self._name(feeds, decimals)

    def _name(self, feeds: FeedSet, decimals: Sequence[int]) -> bytes:
        types = type_of(self.artifact.functions["addFeedSet"].inputs[0]), type_of({"name": "", "type": "uint8[]"})
        return keccak256(encode(types, (astuple(feeds), tuple(decimals))))

    def add_feed_set(self, sender: Sender, feeds: FeedSet) -> bytes:
        """Add a feed set, if nobody has added it yet; its name."""
        return self.add(sender, "addFeedSet", "pricedSlots", astuple(feeds), name=self.name_of(feeds))

    def feed_set(self, name: bytes) -> FeedSet:
        """A feed set as it was added."""
        return self.added(name)[0]

    def added(self, name: bytes) -> tuple[FeedSet, tuple[int, ...]]:
        """A feed set, and the decimals of each slot's feed when it was added: together they must have this name."""
        (feeds, *rest), decimals = self.read("feedSetOf", name)
        feed_set = FeedSet(tuple(Feed(*feed) for feed in feeds), *rest)
        if self._name(feed_set, decimals) != name:
            raise ChainError("the oracle's answer is another feed set than the one named; check its address and the node")
        return feed_set, tuple(decimals)

    def dead_feeds(self, name: bytes) -> frozenset[int]:
        """The slots of whose feeds the oracle would not take the present answer."""
        bits: int = self.read("deadFeeds", name)
        return frozenset(slot for slot in range(32) if bits >> slot & 1)

    def is_repair(self, old: bytes, new: bytes) -> bool:
        """Whether the new set differs from the old one only in feeds that are dead now, and replaces them by live ones."""
        return self.read("isRepair", old, new, 2**40 - 1)  # a time to come counts as now

    def anchor(self, name: bytes) -> tuple[int, int] | None:
        """The round whose prices bound the next round's, and its time (Unix seconds); None before the first round."""
        number, timestamp = self.read("anchor", name)
        return (number, timestamp) if number else None

    def take_snapshot(self, sender: Sender, feed_set: bytes) -> Snapshot | Unconfirmed:
        """Read all feeds and keep their prices, or prices that wait for a second confirmation.

        A call that was cut off is found again while its round is the newest of the set, or its prices wait.
        """

        def stands(mined: Receipt) -> bool:
            said = self._snapshot_said(mined)
            newest = said.get("round") == self.latest_round(feed_set)
            return newest if "round" in said else said["confirmableAt"] > self.chain.now()

        mined = self.act(sender, "takeSnapshot", feed_set, once=(feed_set.hex(),), period="run", stands=stands)
        assert mined  # only a check of the state makes it None
        said = self._snapshot_said(mined)
        if "round" in said:
            return Snapshot(said["round"], bytes(said["feedSet"]), said["timestamp"], tuple(said["words"]), self.address)
        return Unconfirmed(said["confirmableAt"], tuple(said["words"]))

    def _snapshot_said(self, mined: Receipt) -> dict[str, Any]:
        return self.said(mined, "SnapshotTaken", "ConfirmationNeeded")

    def latest_round(self, feed_set: bytes) -> int:
        """The newest round of a feed set; 0 if there is none yet."""
        return self.read("latestRound", feed_set)

    def snapshot(self, number: int) -> Snapshot:
        """The snapshot of a round."""
        feed_set, timestamp, words = self.read("snapshot", number)
        return Snapshot(number, bytes(feed_set), timestamp, tuple(words), self.address)

    def latest(self, feed_set: bytes) -> Snapshot | None:
        """The newest snapshot of a feed set."""
        number = self.latest_round(feed_set)
        return self.snapshot(number) if number else None

    def unconfirmed(self, feed_set: bytes) -> Unconfirmed | None:
        """The prices of a feed set that wait for a second confirmation, if some do and have not lapsed."""
        confirmable_at, words = self.read("unconfirmed", feed_set)
        return Unconfirmed(confirmable_at, tuple(words)) if words else None


class DevFeed(Client):
    """``DevFeed``: a price that its owner says, on local development chains only."""

    def post(self, sender: Sender, usd_e8: int, timestamp: int) -> Receipt | None:
        """Answer this price (USD 1e-8) from now on, as of a time (Unix seconds)."""
        return self.act(sender, "post", usd_e8, timestamp, once=(usd_e8, timestamp))


def development_feeds(addresses: Mapping[str, str], heartbeat_s: int, max_deviation_bps: int) -> NamedFeeds:
    """Feeds (instrument → address) that are all alike, with the shortest waiting times."""
    feeds = {name: Feed(address, heartbeat_s, max_deviation_bps) for name, address in addresses.items()}
    return NamedFeeds(feeds, CONFIRMATION_DELAY_S[0], DEVIATION_PERIOD_S[0])


#: Decimals of the answers that development feeds give: those of the statement's prices.
DEV_FEED_DECIMALS = PRICE_DECIMALS
