"""The price oracle on a real anvil: the words that it stores are those that the statement packs, price for price; sets are
known by the names that Python computes; and what the client says of feeds and waiting prices."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dls_zk import chain
from dls_zk.chain import Sender
from dls_zk.chain.deployment import create
from dls_zk.chain.local import wait
from dls_zk.chain.oracle import DevFeed, Oracle, Snapshot, Unconfirmed
from dls_zk.errors import ChainError
from dls_zk.solidity import contracts
from dls_zk.statement.constants import PRICE_BITS, PRICE_DECIMALS, SIZES, Size
from dls_zk.statement.ethereum import NOBODY
from dls_zk.statement.feeds import CONFIRMATION_DELAY_S, DEVIATION_PERIOD_S, GRACE_PERIOD_S, Feed, FeedSet
from dls_zk.statement.signals import pack_prices, unpack_prices
from dls_zk.tools import foundry
from tests.support.sending import first_account

FEED_DECIMALS_MAX = 18  # MOST_FEED_DECIMALS in src/libraries/Prices.sol
PRICE_MAX = (1 << PRICE_BITS) - 1
ROUNDS = 3
HEARTBEAT_S = 86_400


class Market:
    """An oracle and development feeds on one chain."""

    def __init__(self, owner: Sender):
        self.owner = owner
        self.contracts = contracts.compile_contracts()
        artifact = self.contracts["PriceOracle"]
        self.oracle = Oracle(owner.chain, artifact, create(owner, artifact))
        self.feeds = 0

    def feed(self, decimals: int) -> DevFeed:
        self.feeds += 1
        artifact = self.contracts["DevFeed"]
        return DevFeed(self.owner.chain, artifact, create(self.owner, artifact, decimals, str(self.feeds)))

    def post(self, feed: DevFeed, answer: int) -> None:
        feed.post(self.owner, answer, self.owner.chain.now())

    def named(self, feeds: list[DevFeed | None], **terms: int) -> FeedSet:
        """A set of these feeds (None: no feed), each with a bound of one basis point."""
        listed = tuple(Feed(feed.address, HEARTBEAT_S, 1) if feed else Feed() for feed in feeds)
        return FeedSet(listed, NOBODY, 0, **{"confirmation_delay_s": 300, "deviation_period_s": 60} | terms)

    def snapshot(self, feeds: list[DevFeed | None]) -> tuple[int, ...]:
        """The words of a snapshot of a new set: the first of a set has nothing that it must be close to."""
        name = self.oracle.add_feed_set(self.owner, self.named(feeds))
        taken = self.oracle.take_snapshot(self.owner, name)
        assert isinstance(taken, Snapshot) and taken.feed_set == name
        assert self.oracle.snapshot(taken.round) == taken
        return taken.words


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
        named = [feed if slot == 0 or rng.random() < 0.8 else None for slot, feed in enumerate(feeds)]
        prices = [0] * size.slots
        for slot, feed in enumerate(named):
            if feed:
                answer, prices[slot] = random_answer(rng, decimals[slot])
                market.post(feed, answer)
        words = market.snapshot(named)
        assert words == pack_prices(size, prices)
        assert unpack_prices(size, words) == tuple(prices)


# --- feed sets -----------------------------------------------------------------------------------------------------


def ready(market: Market, slots: int = 8, decimals: int = 8) -> list[DevFeed | None]:
    """A feed for slots 0 and 1, which answer a dollar."""
    feeds = [market.feed(decimals), market.feed(8)]
    market.post(feeds[0], 10**decimals)
    market.post(feeds[1], 10**8)
    return [*feeds, *[None] * (slots - 2)]


@pytest.mark.parametrize("slots", SIZES)
def test_names_are_those_of_the_contract(market: Market, slots: int):
    """Whoever adds a set, and however often, its name is the one that Python computes of its content."""
    oracle, named = market.oracle, market.named(ready(market, slots, decimals=18))
    name = oracle.name_of(named)
    with pytest.raises(ChainError, match=r"\(UnknownFeedSet\)$"):
        oracle.feed_set(name)
    assert oracle.add_feed_set(market.owner, named) == oracle.add_feed_set(market.owner, named) == name
    assert oracle.added(name) == (named, (18, 8, *[0] * (slots - 2)))
    for other in ({"confirmation_delay_s": 301}, {"deviation_period_s": 61}, {"grace_period_s": 1}):
        assert oracle.name_of(replace(named, **other)) != name


def test_what_is_no_feed_has_no_name(market: Market):
    named = market.named([*ready(market)[:1], *[None] * 7])
    wrong = replace(named, feeds=(Feed(market.owner.address, 1, 1), *named.feeds[1:]))
    with pytest.raises(ChainError, match="it is no price feed"):
        market.oracle.name_of(wrong)


def test_another_set_than_the_one_named_is_refused(market: Market, monkeypatch: pytest.MonkeyPatch):
    """A node that answers with a set of another content, or with other decimals, is not believed."""
    oracle = market.oracle
    name = oracle.add_feed_set(market.owner, market.named(ready(market)))
    feeds, decimals = oracle.read("feedSetOf", name)
    for lie in ((feeds, (18, *decimals[1:])), ((*feeds[:-1], feeds[-1] + 1), decimals)):
        monkeypatch.setattr(Oracle, "read", lambda *_, lie=lie: lie)
        with pytest.raises(ChainError, match="another feed set than the one named"):
            oracle.feed_set(name)


@pytest.mark.parametrize(
    ("field", "name", "bounds"),
    [
        ("confirmation_delay_s", "confirmationDelay", CONFIRMATION_DELAY_S),
        ("deviation_period_s", "deviationPeriod", DEVIATION_PERIOD_S),
        ("grace_period_s", "sequencerGracePeriod", GRACE_PERIOD_S),
    ],
)
def test_bounds_are_those_of_the_contract(market: Market, field: str, name: str, bounds: tuple[int, int]):
    least, most = bounds
    named = market.named(ready(market))
    for value in bounds:
        market.oracle.add_feed_set(market.owner, replace(named, **{field: value}))
    for value in {most + 1, max(least - 1, 0)} - {least}:
        message = rf"the feed set's {name} is {value} s, and it has to be from {least} to {most} s.*\(PeriodOutOfRange\)$"
        with pytest.raises(ChainError, match=message):
            market.oracle.add_feed_set(market.owner, replace(named, **{field: value}))


# --- moves, and feeds that die ---------------------------------------------------------------------------------------


def test_a_far_move_waits_and_lapses(market: Market):
    oracle, owner, feeds = market.oracle, market.owner, ready(market)
    name = oracle.add_feed_set(owner, market.named(feeds))
    assert oracle.anchor(name) is None and oracle.latest(name) is None
    first = oracle.take_snapshot(owner, name)
    assert isinstance(first, Snapshot) and oracle.anchor(name) == (first.round, first.timestamp)

    def look(after_s: int) -> Snapshot | Unconfirmed:
        wait(owner.chain, after_s)
        return oracle.take_snapshot(owner, name)

    assert feeds[0]
    market.post(feeds[0], 2 * 10**8)
    waiting = look(1)
    assert isinstance(waiting, Unconfirmed) and oracle.unconfirmed(name) == waiting
    with pytest.raises(ChainError, match=r"\(ConfirmationTooEarly\)$") as refused:
        look(1)
    assert refused.value.code == "price_moved"
    again = look(2 * 300 + 60)  # too late: it waits anew
    assert isinstance(again, Unconfirmed) and again.confirmable_at > waiting.confirmable_at
    taken = look(300)
    assert isinstance(taken, Snapshot) and taken.usd_e8[0] == 2 * 10**8
    assert oracle.anchor(name) == (taken.round, taken.timestamp) and oracle.unconfirmed(name) is None


def test_a_late_first_snapshot_waits(market: Market):
    name = market.oracle.add_feed_set(market.owner, market.named(ready(market), confirmation_delay_s=600))
    wait(market.owner.chain, 301)
    assert isinstance(market.oracle.take_snapshot(market.owner, name), Unconfirmed)
    wait(market.owner.chain, 600)
    assert isinstance(market.oracle.take_snapshot(market.owner, name), Snapshot)


def test_dead_feeds_and_their_repair(market: Market):
    oracle, owner, feeds = market.oracle, market.owner, ready(market)
    named = market.named(feeds)
    name = oracle.add_feed_set(owner, named)
    assert oracle.dead_feeds(name) == frozenset()
    wait(owner.chain, HEARTBEAT_S + 1)
    assert oracle.dead_feeds(name) == {0, 1}
    assert feeds[0]
    market.post(feeds[0], 10**8)
    assert oracle.dead_feeds(name) == {1}

    fresh = market.feed(8)
    mended = replace(named, feeds=(named.feeds[0], Feed(fresh.address, HEARTBEAT_S, 1), *named.feeds[2:]))
    new_name = oracle.add_feed_set(owner, mended)
    assert not oracle.is_repair(name, new_name)  # has no answer yet
    market.post(fresh, 10**8)
    assert oracle.is_repair(name, new_name) and not oracle.is_repair(new_name, name)
