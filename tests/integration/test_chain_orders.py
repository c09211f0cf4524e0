"""Orders on a real anvil, through ``dls_zk.chain``: made, settled by the next proof, claimed, cancelled, transferred."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dls_zk import chain
from dls_zk.chain import Order, Sender, ShareToken
from dls_zk.errors import ChainError
from dls_zk.files import Fixed
from tests.support import market as markets
from tests.support.market import Market, mint, open_share, settle

ONE = 10**6  # a unit of the asset


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


@pytest.fixture
def share(market: Market, request: pytest.FixtureRequest) -> ShareToken:
    """A share token of this test's own, whose operator is the second account."""
    return open_share(market, market.people[1], request.node.name)


@pytest.fixture
def holder(market: Market, share: ShareToken) -> Sender:
    """An account with assets."""
    who = market.people[2]
    mint(market, share, who.address, 1_000 * ONE)
    return who


def test_a_deposit_settles_at_the_first_proof_whose_prices_are_younger(
    market: Market, share: ShareToken, holder: Sender
) -> None:
    hub, operator = market.protocol.hub, market.people[1]
    order = share.request(holder, hub, "deposit", 600 * ONE)
    assert order == share.next_order() and share.request(holder, hub, "deposit", 600 * ONE) == order, "ordered twice"
    assert share.orders(holder.address) == [Order("deposit", order, 600 * ONE, 0, 0)]
    assert hub.state(share.vault).orders_wait and share.holdings().pending_deposits == 600 * ONE
    assert share.settled_price().timestamp == 0

    vault = markets.Vault(market, share.vault, operator)
    early = vault.rebalance(market.snapshot(), nav_floor=0)  # the round that it waits for: no delay has passed
    at = early.terms.known_context()
    proof = markets.arguments(market.trapdoor, early.signals.to_field())
    operator.perform(("early",), hub.submission(vault.id, proof, at.round, at.deadline))
    assert share.orders(holder.address) == [Order("deposit", order, 600 * ONE, 0, 0)], "settled at a price that was known"

    settled = settle(market, share, operator)
    assert share.orders(holder.address) == [Order("deposit", order, 0, 600 * ONE, 0)]
    assert not hub.state(share.vault).orders_wait
    price = share.settled_price()
    assert price.sequence == settled.terms.known_context().sequence and share.price() == 1
    mined = share.claim(holder, share.orders(holder.address)[0], holder.address, holder.address)
    assert len(mined) == 1 and share.orders(holder.address) == []
    asset_decimals, share_decimals = share.decimals()
    assert share.read("balanceOf", holder.address) == 600 * 10**share_decimals and asset_decimals == 6
    holdings = share.holdings()
    assert (holdings.idle, holdings.available, holdings.pending_deposits) == (600 * ONE, 600 * ONE, 0)
    assert holdings.worth == (600 * ONE, holdings.worth[1])


@pytest.mark.parametrize("act", ["request", "contribute"])
def test_an_interrupted_command_is_not_done_twice_after_a_proof(
    market: Market, share: ShareToken, holder: Sender, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when its transaction was sent, and run again when another rebalance has been accepted."""
    hub, operator = market.protocol.hub, market.people[1]
    if act == "contribute":
        share.request(holder, hub, "deposit", 100 * ONE)
        settle(market, share, operator)
    share.asset.approve(holder, share.address, 600 * ONE)
    before, send = share.asset.balance(holder.address), chain.Chain.send

    def run() -> object:
        if act == "contribute":
            return share.contribute(holder, hub, 600 * ONE)
        return share.request(holder, hub, "deposit", 600 * ONE)

    def killed(self: chain.Chain, raw: bytes) -> None:
        send(self, raw)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(chain.Chain, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            run()
    settle(market, share, operator)
    assert run()
    assert share.asset.balance(holder.address) == before - 600 * ONE


def test_a_redemption_waits_for_assets_and_is_paid(market: Market) -> None:
    hub, operator, holder = market.protocol.hub, market.people[1], market.owner
    share = markets.funded(market, operator, 777 * ONE)
    shares = share.read("balanceOf", holder.address)
    share.move(operator, hub, 700 * ONE)  # to custody, which is the owner
    order = share.request(holder, hub, "redeem", shares)
    assert share.exits().shares == shares and share.exits().owed == 0 and share.exits().oldest > 0
    nav_steps = 700 * 10**6 // (market.policy.nav_step_usd * 10**6)
    settle(market, share, operator, nav_floor=nav_steps)
    found = next(one for one in share.orders(holder.address) if one.id == order)
    assert found.claimable and found.pending and found.claimable + found.pending <= shares
    assert share.exits().owed == share.exits().shares > 0
    (waiting,) = share.waiting_exits(share.exits().shares)
    assert (waiting.id, waiting.controller, waiting.since) == (order, holder.address, share.exits().oldest)
    assert (waiting.pending, waiting.claimable) == (found.pending, found.claimable)
    with pytest.raises(chain.Refused, match=r"\(NothingToCancel\)$"):
        share.cancel(holder, "redeem", order, holder.address)
    with pytest.raises(chain.Refused, match=r"77 USDC were asked for and \d+(\.\d+)? USDC lie idle.*\(NotEnoughIdle\)$"):
        share.move(operator, hub, 77 * ONE)
    before = share.asset.balance(holder.address)
    share.claim(holder, found, holder.address, holder.address)
    assert share.asset.balance(holder.address) > before


def test_an_order_is_cancelled_and_taken_back(market: Market, share: ShareToken, holder: Sender) -> None:
    before = share.asset.balance(holder.address)
    order = share.request(holder, market.protocol.hub, "deposit", 100 * ONE)
    share.cancel(holder, "deposit", order, holder.address)
    (found,) = share.orders(holder.address)
    assert (found.pending, found.claimable, found.returned) == (0, 0, 100 * ONE)
    share.claim(holder, found, holder.address, holder.address)
    assert share.orders(holder.address) == [] and share.asset.balance(holder.address) == before
    with pytest.raises(chain.Refused, match=rf"order {order} can be cancelled.*\(NothingToCancel\)$"):
        share.cancel(holder, "deposit", order, holder.address)


def test_an_order_is_transferred(market: Market, share: ShareToken, holder: Sender) -> None:
    heir = market.people[3]
    order = share.request(holder, market.protocol.hub, "deposit", 100 * ONE)
    with pytest.raises(chain.Refused, match=r"\(NotController\)$"):
        share.transfer(heir, "deposit", order, holder.address, heir.address)
    share.transfer(holder, "deposit", order, holder.address, heir.address)
    assert share.orders(holder.address) == []
    assert share.orders(heir.address) == [Order("deposit", order, 100 * ONE, 0, 0)]
    settle(market, share, market.people[1])
    (found,) = share.orders(heir.address)
    share.claim(heir, found, heir.address, holder.address)
    assert share.read("balanceOf", holder.address) > 0


def test_orders_have_bounds_which_are_said_in_whole_units(market: Market, holder: Sender) -> None:
    hub = market.protocol.hub
    share = open_share(market, market.people[1], "bounds", least_order_e6=10 * ONE, deposit_cap_e6=500 * ONE)
    mint(market, share, holder.address, 1_000 * ONE)
    least = r"is worth 9\.999999 USDC and the mandate's least order is 10 USDC; order more \(OrderTooSmall\)$"
    with pytest.raises(chain.Refused, match=least):
        share.request(holder, hub, "deposit", 10 * ONE - 1)
    most = r"would be worth 500\.000001 USDC and the mandate allows 500 USDC; order less \(CapExceeded\)$"
    with pytest.raises(chain.Refused, match=most):
        share.request(holder, hub, "deposit", 500 * ONE + 1)
    has = share.asset.balance(holder.address)
    more = (
        rf" has {Fixed(6, 0, 0).show(has)} USDC and needs {Fixed(6, 0, 0).show(has + 1)} USDC \(ERC20InsufficientBalance\)$"
    )
    with pytest.raises(chain.Refused, match=more):
        share.contribute(holder, hub, has + 1)
    with pytest.raises(chain.Refused, match=r" has 0 shares and needs 1\.5 shares \(ERC20InsufficientBalance\)$"):
        share.request(holder, hub, "redeem", 3 * 10 ** share.decimals()[1] // 2)
    number = share.request(holder, hub, "deposit", 500 * ONE)
    with pytest.raises(chain.Refused, match=r"2\.5 USDC were to be claimed and 0 USDC can be.*\(MoreThanClaimable\)$"):
        share.claim(holder, Order("deposit", number, 0, 5 * ONE // 2, 0), holder.address, holder.address)


def test_deposits_that_cannot_settle_are_returned(market: Market, share: ShareToken, holder: Sender) -> None:
    """Of a vault that was stale until the proof."""
    order = share.request(holder, market.protocol.hub, "deposit", 100 * ONE)
    market.snapshot(after_s=8 * 86_400)
    settle(market, share, market.people[1])
    assert share.orders(holder.address) == [Order("deposit", order, 0, 0, 100 * ONE)]
    returned = [event for event in share.events(0, market.chain.block_number()) if event.name == "DepositsReturned"]
    assert [event.arguments["why"] for event in returned] == [2]


def test_contributions_count_bit_by_bit(market: Market) -> None:
    operator, giver = market.people[1], market.people[3]
    share = markets.funded(market, operator, 888 * ONE)
    mint(market, share, giver.address, 300 * ONE)
    assert share.contribute(giver, market.protocol.hub, 300 * ONE)
    assert share.contribute(giver, market.protocol.hub, 300 * ONE), "found again"
    assert share.asset.balance(giver.address) == 0
    idle = share.holdings().idle
    assert idle < 889 * ONE
    markets.rpc(market.chain, "evm_increaseTime", 15 * 86_400)
    markets.rpc(market.chain, "evm_mine")
    assert idle + 140 * ONE < share.holdings().idle < idle + 160 * ONE


def test_settling_again_does_nothing(market: Market, tmp_path: Path) -> None:
    share = markets.funded(market, market.people[1], 999 * ONE)
    before = share.settled_price()
    share.settle(market.people[3])
    assert share.settled_price() == before


def test_contracts_for_other_markets_are_deployed_and_checked(market: Market, tmp_path: Path) -> None:
    """By the transaction that created them: of this package's code and of this share."""
    from dls_zk.chain import deployment
    from dls_zk.chain import markets as others

    share, other = markets.funded(market, market.people[1], 333 * ONE), open_share(market, market.people[1], "other share")
    protocol, who = market.protocol, market.people[3]
    kinds: tuple[others.Market, ...] = ("SharePriceFeed", "StandardizedYield")
    for kind in kinds:
        made, transaction = others.deploy(who, protocol, share, kind)
        assert others.deploy(who, protocol, share, kind) == (made, transaction), "deployed twice"
        assert others.of(protocol, share, kind, transaction).address == made.address
        with pytest.raises(ChainError, match="of another share token"):
            others.of(protocol, other, kind, transaction)
        for wrong in kinds:
            if wrong != kind:
                with pytest.raises(ChainError, match="creation code is not what"):
                    others.of(protocol, share, wrong, transaction)
        if kind == "SharePriceFeed":
            answer = others.answer(made)
            assert isinstance(answer, others.FeedAnswer) and answer.timestamp == share.settled_price().timestamp
            assert answer.price_usd_e8 == 10**8 and answer.sequence == share.settled_price().sequence
        else:
            assert made.read("symbol") == "SY-V" and made.read("yieldToken") == share.address
    _, unpriced = deployment.create_seen(who, protocol.contracts["DevAsset"], "No", "market")
    with pytest.raises(ChainError, match="creation code is not what"):
        others.of(protocol, share, "SharePriceFeed", unpriced.hash)
    with pytest.raises(ChainError, match="created no contract"):
        others.of(protocol, share, "SharePriceFeed", "0x" + "00" * 32)
    feed, _ = others.deploy(who, protocol, other, "SharePriceFeed")
    assert "NotSettled" in str(others.answer(feed)), "no proof, no price"
