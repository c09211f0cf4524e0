"""The price oracle on a real anvil: the words that it stores are those that the statement packs, price for price."""

from __future__ import annotations

import random

import pytest

from dls_zk import chain
from dls_zk.solidity import contracts
from dls_zk.statement.constants import PRICE_BITS, PRICE_DECIMALS, SIZES, Size
from dls_zk.statement.signals import pack_prices, unpack_prices
from dls_zk.tools import foundry

FEED_DECIMALS_MAX = 18  # MOST_FEED_DECIMALS in src/libraries/Prices.sol
PRICE_MAX = (1 << PRICE_BITS) - 1
NOBODY = "0x" + "00" * 20
ROUNDS = 3


class Market:
    """An oracle and development feeds on one chain."""

    def __init__(self, url: str):
        self.chain = chain.connect(url)
        self.sender = self.chain.accounts()[0]
        self.contracts = contracts.compile_contracts()
        self.oracle = self._deploy("PriceOracle")

    def _deploy(self, name: str, *arguments: object):
        address, _ = self.chain.deploy(self.contracts[name], *arguments, sender=self.sender)
        return self.chain.contract(self.contracts[name], address)

    def _send(self, function):
        receipt, _ = self.chain.transact(function, self.oracle.abi, self.sender)
        return receipt

    def feed(self, decimals: int):
        return self._deploy("DevFeed", decimals, "")

    def post(self, feed, answer: int) -> None:
        self._send(feed.functions.post(answer, self.chain.now()))

    def snapshot(self, feeds: list) -> tuple[int, ...]:
        """The words of a snapshot of a new set (None: no feed): the first of a set has nothing that it must be close to."""
        rows = [(feed.address, 86_400, 1) if feed else (NOBODY, 0, 0) for feed in feeds]
        receipt = self._send(self.oracle.functions.addFeedSet((rows, NOBODY, 0, 0)))
        (added,) = self.oracle.events.FeedSetAdded().process_receipt(receipt)
        receipt = self._send(self.oracle.functions.takeSnapshot(added["args"]["feedSet"]))
        (taken,) = self.oracle.events.SnapshotTaken().process_receipt(receipt)
        feed_set, timestamp, words = self.oracle.functions.snapshot(taken["args"]["round"]).call()
        assert [feed_set, timestamp, words] == [taken["args"][name] for name in ("feedSet", "timestamp", "words")]
        return tuple(words)


@pytest.fixture(scope="module")
def market():
    with foundry.anvil() as url:
        yield Market(url)


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
