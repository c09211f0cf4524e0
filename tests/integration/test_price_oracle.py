"""The price oracle on a real anvil: the words that it stores are those that the statement packs, price for price."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from dls_zk import chain
from dls_zk.chain import Receipt, Sender
from dls_zk.chain.client import Client
from dls_zk.chain.deployment import create
from dls_zk.solidity import contracts
from dls_zk.statement.constants import PRICE_BITS, PRICE_DECIMALS, SIZES, Size
from dls_zk.statement.signals import pack_prices, unpack_prices
from dls_zk.tools import foundry
from tests.support.sending import first_account

FEED_DECIMALS_MAX = 18  # MOST_FEED_DECIMALS in src/libraries/Prices.sol
PRICE_MAX = (1 << PRICE_BITS) - 1
NOBODY = "0x" + "00" * 20
ROUNDS = 3


class Market:
    """An oracle and development feeds on one chain."""

    def __init__(self, owner: Sender):
        self.owner = owner
        self.contracts = contracts.compile_contracts()
        self.oracle = self._deploy("PriceOracle")
        self.feeds = 0

    def _deploy(self, name: str, *arguments: object) -> Client:
        artifact = self.contracts[name]
        return Client(self.owner.chain, artifact, create(self.owner, artifact, *arguments))

    def _act(self, client: Client, function: str, *arguments: object) -> Receipt:
        mined = client.act(self.owner, function, *arguments, once=(self.owner.chain.block_number(),))
        assert mined
        return mined

    def feed(self, decimals: int) -> Client:
        self.feeds += 1
        return self._deploy("DevFeed", decimals, str(self.feeds))

    def post(self, feed: Client, answer: int) -> None:
        self._act(feed, "post", answer, self.owner.chain.now())

    def snapshot(self, feeds: list[Client | None]) -> tuple[int, ...]:
        """The words of a snapshot of a new set (None: no feed): the first of a set has nothing that it must be close to."""
        rows = [(feed.address, 86_400, 1) if feed else (NOBODY, 0, 0) for feed in feeds]
        added = self.oracle.said(self._act(self.oracle, "addFeedSet", (rows, NOBODY, 0, 0)), "FeedSetAdded")
        taken = self.oracle.said(self._act(self.oracle, "takeSnapshot", added["feedSet"]), "SnapshotTaken")
        read = self.oracle.read("snapshot", taken["round"])
        assert read == tuple(taken[name] for name in ("feedSet", "timestamp", "words"))
        return taken["words"]


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with foundry.anvil() as url, first_account(chain.connect(url)) as owner:
        yield Market(owner)


def random_price(rng: random.Random, largest: int) -> int:
    """From 1 to the largest, of any magnitude, often one of the two."""
    return rng.choice([1, largest, rng.randint(1, largest), rng.randint(1, 1 << rng.randrange(largest.bit_length()))])


def random_answer(rng: random.Random, decimals: int) -> tuple[int, int]:
    """An answer with these decimals, and its price."""
    if decimals <= PRICE_DECIMALS:
        unit = 10 ** (PRICE_DECIMALS - decimals)
        answer = random_price(rng, PRICE_MAX // unit)
        return answer, answer * unit
    unit = 10 ** (decimals - PRICE_DECIMALS)
    price = random_price(rng, PRICE_MAX)
    return price * unit + rng.choice([0, unit - 1, rng.randrange(unit)]), price


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: str(size.slots))
def test_words_are_those_of_the_statement(market: Market, size: Size):
    rng = random.Random(size.slots)
    decimals = [rng.randint(0, FEED_DECIMALS_MAX) for _ in range(size.slots)]
    feeds = [market.feed(count) for count in decimals]
    for _ in range(ROUNDS):
        named: list = [feed if slot == 0 or rng.random() < 0.8 else None for slot, feed in enumerate(feeds)]
        prices = [0] * size.slots
        for slot, feed in enumerate(named):
            if feed:
                answer, prices[slot] = random_answer(rng, decimals[slot])
                market.post(feed, answer)
        words = market.snapshot(named)
        assert words == pack_prices(size, prices)
        assert unpack_prices(size, words) == tuple(prices)
