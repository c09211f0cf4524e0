"""A local chain with everything on it: for development, and for the demo."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ChainError
from ..progress import Stage, no_stages
from ..statement.feeds import NamedFeeds
from ..statement.model import Policy, Prices
from ..tools import foundry
from .connection import Chain, connect
from .deployment import CheckedKey, Protocol, create, deploy
from .feeds import report
from .oracle import DEV_FEED_DECIMALS, DevFeed, FeedSet, Snapshot, development_feeds
from .share_token import Asset
from .signers import from_url
from .transactions import Delivery, Sender

#: How old an answer of a development feed may be: ``LocalMarket.refresh`` posts it anew in time.
HEARTBEAT_S = 3_600
_MAX_DEVIATION_BPS = 1_000
#: Whoever refreshes feeds has done so within these seconds.
ANSWERS_WITHIN_S = 60


@dataclass(frozen=True)
class LocalMarket:
    """What is up. people: senders for the node's accounts; the last owns the feeds."""

    rpc: str
    protocol: Protocol
    people: tuple[Sender, ...]
    policy: Policy
    feeds: dict[str, DevFeed]
    named_feeds: NamedFeeds
    feed_set: bytes
    asset: Asset

    @property
    def owner(self) -> Sender:
        return self.people[0]

    def snapshot(self, prices: Prices, after_s: int = 1) -> Snapshot:
        """Post these prices and take a snapshot, seconds after whatever came before: the oracle takes one a second."""
        wait(self.protocol.chain, after_s)
        now = self.protocol.chain.now()
        for slot, usd_e8 in zip(self.policy.slots, prices.usd_e8, strict=True):
            if slot.instrument:
                self.feeds[slot.instrument].post(self.people[-1], usd_e8, now)
        taken = self.protocol.oracle.take_snapshot(self.owner, self.feed_set)
        if not isinstance(taken, Snapshot):
            raise ChainError("the prices moved too far for one snapshot; take it again", code="price_moved")
        return taken

    def refresh(self) -> None:
        """Post each feed's answer anew if it will soon be too old."""
        now = self.protocol.chain.now()
        for feed in self.feeds.values():
            _, answer, _, updated_at, _ = feed.read("latestRoundData")
            if now - updated_at < HEARTBEAT_S // 2:
                return
            feed.post(self.people[-1], answer, now)


def require_answers(on: Chain, feeds: Iterable[str]) -> None:
    """Wait until feeds (addresses) that somebody refreshes have answers that are young enough; ChainError if none comes."""
    for address in feeds:
        for _ in range(ANSWERS_WITHIN_S * 10):
            if (report(on, address).updated_at or 0) >= on.now() - HEARTBEAT_S // 2:
                break
            time.sleep(0.1)
        else:
            raise ChainError(f"the feed {address} does not answer anew; is `chain up` running?", code="feed_not_ready")


def wait(on: Chain, seconds: int) -> None:
    """Let time pass on a local chain."""
    rpc(on, "evm_increaseTime", seconds)
    rpc(on, "evm_mine")


@dataclass(frozen=True)
class Accounts:
    """A bare local chain: its URL, and senders for its accounts."""

    rpc: str
    people: tuple[Sender, ...]


def rpc(on: Chain, method: str, *parameters: object) -> Any:
    """A method that a development node alone has, such as ``evm_increaseTime``; ChainError if the node refuses it."""
    return on.rpc.ask(method, *parameters)


@contextmanager
def people(*, port: int = 0, chain_id: int = 31337) -> Iterator[Accounts]:
    """A bare local chain for the length of a ``with``."""
    with tempfile.TemporaryDirectory() as journal, foundry.anvil(port, chain_id=chain_id) as rpc:
        chain = connect(rpc)
        delivery = Delivery.on(chain, poll_s=0.02)
        yield Accounts(rpc, tuple(Sender(chain, from_url(rpc, who), Path(journal), delivery) for who in chain.accounts()))


def furnish(accounts: Accounts, key: CheckedKey, policy: Policy, prices: Prices, stage: Stage = no_stages) -> LocalMarket:
    """Contracts with this key, feeds of a policy's instruments at these prices, an asset for slot 0, a first snapshot.

    What is on the chain already is used.
    """
    owner, keeper = accounts.people[0], accounts.people[-1]
    chain = owner.chain
    protocol = Protocol.on(chain, deploy(owner, [key], stage))
    with stage("Feeds, policy and asset"):
        feeds = {}
        for slot in policy.slots:
            if slot.instrument:
                feed = protocol.contracts["DevFeed"]
                address = create(keeper, feed, DEV_FEED_DECIMALS, f"{slot.instrument} / USD")
                feeds[slot.instrument] = DevFeed(chain, feed, address)
        addresses = {name: feed.address for name, feed in feeds.items()}
        named_feeds = development_feeds(addresses, HEARTBEAT_S, _MAX_DEVIATION_BPS)
        feed_set = protocol.oracle.add_feed_set(owner, FeedSet.of(named_feeds, policy))
        protocol.registry.register(owner, policy)
        settlement, token = policy.slots[0].instrument, protocol.contracts["DevAsset"]
        asset = Asset(chain, token, create(owner, token, f"Development {settlement}", settlement))
        market = LocalMarket(accounts.rpc, protocol, accounts.people, policy, feeds, named_feeds, feed_set, asset)
        market.snapshot(prices)
    return market
