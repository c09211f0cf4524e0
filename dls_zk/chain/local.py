"""A local chain with everything on it: for development, and for the demo."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import operations, toolchain
from ..errors import ChainError
from ..files import FeedsFile
from ..model import Policy, Prices
from ..operations import Stage
from .connection import connect
from .deployment import Protocol, checked_key, create, deploy
from .oracle import DEV_FEED_DECIMALS, DevFeed, FeedSet, Snapshot, development_feeds
from .share import Asset
from .signers import from_url
from .transactions import Delivery, Sender

#: The development feeds' answers stay good for as long as a person may leave the chain up.
_HEARTBEAT_S = 365 * 86_400
_MAX_DEVIATION_BPS = 1_000


@dataclass(frozen=True)
class LocalMarket:
    """What is up. people: senders for the node's accounts; the first owns the feeds. round: of the first snapshot."""

    rpc: str
    protocol: Protocol
    people: tuple[Sender, ...]
    policy: Policy
    feeds: dict[str, DevFeed]
    feeds_file: FeedsFile
    feed_set: int
    asset: Asset
    round: int

    @property
    def owner(self) -> Sender:
        return self.people[0]

    def snapshot(self, prices: Prices) -> Snapshot:
        """Post these prices and take a snapshot."""
        now = self.protocol.chain.now()
        for slot, usd_e8 in zip(self.policy.slots, prices.usd_e8, strict=True):
            if slot.instrument:
                self.feeds[slot.instrument].post(self.owner, usd_e8, now)
        taken = self.protocol.oracle.take_snapshot(self.owner, self.feed_set)
        if not isinstance(taken, Snapshot):
            raise ChainError("the prices moved too far for one snapshot; take it again")
        return taken


@contextmanager
def up(policy: Policy, prices: Prices, stage: Stage, *, port: int = 0, chain_id: int = 31337) -> Iterator[LocalMarket]:
    """For the length of a ``with``: contracts with a development key, feeds at these prices, an asset, a snapshot."""
    with stage("Circuit"):
        circuit = operations.build_circuit(policy.size.slots)
    with stage("Development key (INSECURE)"):
        key = checked_key(operations.development_key(circuit), circuit)
    with tempfile.TemporaryDirectory() as journal, toolchain.anvil(port, chain_id=chain_id) as rpc:
        chain = connect(rpc)
        people = tuple(
            Sender(chain, from_url(rpc, account), Path(journal), Delivery.on(chain, poll_s=0.02))
            for account in chain.accounts()
        )
        owner = people[0]
        protocol = Protocol.on(chain, deploy(owner, [key], stage))
        with stage("Feeds, policy and asset"):
            artifact, feeds = protocol.artifacts["DevFeed"], {}
            for slot in policy.slots:
                if slot.instrument:
                    address = create(owner, artifact, DEV_FEED_DECIMALS, f"{slot.instrument} / USD")
                    feeds[slot.instrument] = DevFeed(chain, artifact, address)
            addresses = {name: feed.address for name, feed in feeds.items()}
            feeds_file = development_feeds(addresses, _HEARTBEAT_S, _MAX_DEVIATION_BPS)
            feed_set = protocol.oracle.add_feed_set(owner, FeedSet.of(feeds_file, policy))
            protocol.registry.register(owner, policy)
            settlement = policy.slots[0].instrument
            asset = protocol.artifacts["DevAsset"]
            dollar = Asset(chain, asset, create(owner, asset, f"Development {settlement}", settlement))
            market = LocalMarket(rpc, protocol, people, policy, feeds, feeds_file, feed_set, dollar, 1)
            market.snapshot(prices)
        yield market
