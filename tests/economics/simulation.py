"""Episodes of random actions, each the life of one vault, with every property checked at every step."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from types import ModuleType

from dls_zk.statement.bounds import BucketRate, OperatorTerms

from . import model as reference
from .agents import Agent, CancelOption, Duster, Guardian, Holder, Insider, LagTrader, Operator, Public, Sandwich, Thief
from .model import DAY_S, Bucket, Mandate
from .prices import DayPrices, Market, made_days
from .properties import Broken, Properties
from .world import Watcher, World

#: Actions in the life of one vault.
EPISODE_STEPS = 2_000
START_S = 1_700_000_000
HOUR_S = 3_600
CAPITAL = 10**7 * 10**6
HOLDERS = ("ada", "ben", "cleo", "dan")
ATTACKERS = ("flash", "lag", "insider", "option", "dust")


@dataclass
class Result:
    """What episodes did: sums over all of them."""

    steps: int = 0
    episodes: int = 0
    done: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    worst: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, other: Result) -> None:
        self.steps += other.steps
        self.episodes += other.episodes
        for name in ("done", "refusals", "checked", "settled", "ends"):
            getattr(self, name).update(getattr(other, name))
        for name, value in other.worst.items():
            self.worst[name] = max(self.worst[name], value)


class Tally:
    """Counts what settlements did."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def before(self, world: World, action: str, who: str, args: dict[str, int]) -> None:
        pass

    def refused(self, world: World, action: str, who: str, args: dict[str, int], rule: str) -> None:
        pass

    def after(self, world: World, action: str, who: str, args: dict[str, int], result: object) -> None:
        if action == "prove":
            done = world.share.last
            self.counts["deposits settled"] += bool(done.deposited)
            self.counts["deposits returned"] += bool(done.returned)
            self.counts["redemptions filled in whole"] += bool(done.filled and done.filled == done.asked)
            self.counts["redemptions filled in part"] += bool(done.filled and done.filled < done.asked)
            self.counts["redemptions that wait"] += bool(done.asked and not done.filled)
            self.counts[f"nothing settles: {done.refused}" if done.refused else "settlements"] += 1


def random_mandate(random: Random) -> Mandate:
    """A mandate within the rules that the clocks set each other."""
    proof_age = random.choice((DAY_S // 2, DAY_S, 3 * DAY_S))
    return Mandate(
        grace_s=random.choice((300, 1800, HOUR_S)),
        least_interval_s=random.choice((0, 600, HOUR_S, proof_age // 4)),
        max_proof_age_s=proof_age,
        order_delay_s=random.choice((HOUR_S, 2 * HOUR_S)),
        redemption_period_s=proof_age * random.choice((2, 3)),
        gain=Bucket(random.choice((300_000, 2_000_000)), random.choice((1_000_000, 10_000_000)), 10_000),
        loss=Bucket(random.choice((300_000, 3_000_000)), random.choice((2_000_000, 20_000_000)), 50_000),
        turnover=Bucket(random.choice((500_000, 2_500_000)), random.choice((1_000_000, 4_000_000)), 50_000),
        write_down_ppm=random.choice((0, 20_000)),
        slippage_bps=random.choice((0, 30)),
        nav_step_usd=random.choice((1, 100, 1000, 1000, 1000, 100_000)),
        least_order=random.choice((1, 100)) * 10**6,
        cap=random.choice((10**14, 2 * 10**13)),
        order_levy_ppm=random.choice((0, 1_000, 5_000, 20_000)),
    )


def build(
    seed: str,
    days: Sequence[tuple[DayPrices, ...]] | None = None,
    protocol: ModuleType = reference,
    watchers: Sequence[Watcher] = (),
    mandate: Mandate | None = None,
    thief: bool | None = None,
) -> tuple[World, list[Agent], Properties, Tally]:
    """A vault with all its agents. The seed determines everything; days are chosen from those given, else made."""
    random = Random(seed)
    number = random.randrange(1 << 30)
    if days is None:
        chosen = made_days(number, 120)
    else:
        first = random.randrange(max(len(days) - 120, 1))
        chosen = list(days[first : first + 120])
    limits = mandate or random_mandate(random)
    properties = Properties()
    tally = Tally()
    world = World(
        random,
        Market(chosen, START_S, number),
        limits,
        START_S,
        heartbeats_s=(HOUR_S, HOUR_S, HOUR_S),
        thresholds_ppm=(2_500, 5_000, 5_000),
        accounts=(*HOLDERS, *ATTACKERS),
        capital=CAPITAL,
        watchers=(properties, tally, *watchers),
        protocol=protocol,
        loosening_delay_s=random.choice((DAY_S, 7 * DAY_S)),
    )
    levy_ppm = random.choice((limits.order_levy_ppm, 0, 3_000, 10_000))
    world.looser = replace(limits, slippage_bps=limits.slippage_bps + 1, order_levy_ppm=levy_ppm)
    world.tighter = replace(limits, slippage_bps=max(limits.slippage_bps - 1, 0))
    steals = random.random() < 0.5 if thief is None else thief
    operator: Operator = Thief() if steals else Operator()
    agents: list[Agent] = [Holder(name) for name in HOLDERS]
    agents += [
        Sandwich("flash", operator.prove),
        LagTrader("lag"),
        Insider("insider"),
        CancelOption("option"),
        Duster("dust"),
    ]
    agents += [operator, operator, operator, operator, Public(World.PUBLIC), Public(World.PUBLIC), Guardian(World.GUARDIAN)]
    return world, agents, properties, tally


def launch(world: World, operator: Operator) -> None:
    """The first days of a vault: orders, a round, the delay, a round, the empty proof, claims, a draw, a proof."""
    for name in HOLDERS[:2]:
        world.do("request_deposit", name, assets=CAPITAL // 4)
    world.advance(60)
    world.do("take_round", World.PUBLIC)
    world.advance(world.hub.mandate.order_delay_s)
    world.do("take_round", World.PUBLIC)
    world.advance(60)
    world.do("take_round", World.PUBLIC)
    operator.submit(world, world.oracle.latest, [0, 0, 0])
    for name in HOLDERS[:2]:
        Holder(name).claim_all(world)
    operator.submit(world, world.oracle.latest - 1, [0, 0, 0])  # looks back
    operator.draw(world)
    world.advance(max(world.hub.mandate.least_interval_s, 60))
    world.do("take_round", World.PUBLIC)
    operator.prove(world)


def episode(
    seed: str,
    steps: int = EPISODE_STEPS,
    days: Sequence[tuple[DayPrices, ...]] | None = None,
    protocol: ModuleType = reference,
    watchers: Sequence[Watcher] = (),
    thief: bool | None = None,
    drills: int = 2,
    without: Iterable[str] = (),
) -> Result:
    """One vault from its opening to the end of these many actions. Raises ``Broken`` where a property does not hold."""
    world, agents, properties, tally = build(seed, days, protocol, watchers, thief=thief)
    operator = next(agent for agent in agents if isinstance(agent, Operator))
    random, result = world.random, Result(episodes=1)
    world.without = frozenset(without)
    launch(world, operator)
    drill_at = {random.randrange(steps) for _ in range(drills)}
    pace = random.choice((300, 900, 2700))
    step = 0
    while (count := world.done.total() + world.refusals.total()) < steps:
        if random.random() < 0.6:
            world.advance(random.randrange(1, pace))
        if random.random() < 0.001:
            world.feeds_dead_until = world.now + random.randrange(HOUR_S, DAY_S)
        random.choice(agents).act(world)
        due = {at for at in drill_at if at <= count}
        if due:
            drill_at -= due
            result.ends.update(every_order_ends(world))
        if world.hub.wound_down and random.random() < 0.02:
            break
        step += 1
        if step > 20 * steps:
            break
    if drills:
        result.ends.update(every_order_ends(world))
    result.steps = world.done.total() + world.refusals.total()
    result.done, result.refusals, result.checked = world.done, world.refusals, properties.checked
    result.checked["E-10"] = result.ends.total()
    result.settled = tally.counts
    _operator_bound(world, properties, result)
    return result


def terms(mandate: Mandate, price_lag_ppm: int) -> OperatorTerms:
    """The terms of the closed form for a mandate of the model."""

    def rate(bucket: Bucket) -> BucketRate:
        return BucketRate(bucket.rate_per_day, bucket.cap)

    return OperatorTerms(
        gain_ppb=rate(mandate.gain),
        loss_ppb=rate(mandate.loss),
        turnover_ppm=rate(mandate.turnover),
        max_turnover_bps=mandate.max_turnover_bps,
        max_leverage_bps=mandate.max_leverage_bps,
        price_lag_ppm=price_lag_ppm,
        least_interval_s=mandate.least_interval_s,
        order_delay_s=mandate.order_delay_s,
        order_levy_ppm=mandate.order_levy_ppm,
    )


def _operator_bound(world: World, properties: Properties, result: Result) -> None:
    """E-9 over the whole life: what the book lost is within the closed form, with the largest lag that was measured."""
    elapsed = max(properties.last_fill - properties.first_fill, 0)
    mandate = world.hub.mandate
    bound = terms(mandate, properties.max_lag_ppm).most(elapsed)
    bound_ppb = bound.from_book_ppb
    announced = properties.written_down_of_nav * 10**9
    properties.require(
        "E-9", properties.take_of_nav * 10**9 <= bound_ppb + announced, "more taken than the closed form allows"
    )
    result.worst["price lag, ppm"] = properties.max_lag_ppm
    result.worst["error of the worth, ppm"] = properties.max_misprice_ppm
    share = (properties.take_of_nav - properties.written_down_of_nav) * 10**12 / bound_ppb
    result.worst["taken from the book, per mille of the closed form"] = max(int(share), 0)


# --- every order ends -------------------------------------------------------------------------------------------------


def every_order_ends(world: World) -> Counter[str]:
    """E-10, on copies of the world: if the operator goes on, every order that waits is settled or returned and can be
    claimed; if it never comes back, anybody winds the vault down and everybody leaves with what is idle."""
    ends: Counter[str] = Counter()
    market, world.market = world.market, None
    copies = [copy.deepcopy(world) for _ in range(2)]
    world.market = market
    for twin in copies:
        twin.market = market
        twin.feeds_dead_until = 0
    if not world.hub.wound_down:
        ends["operator goes on"] += _goes_on(copies[0])
    _goes_away(copies[1])
    ends["operator gone"] += 1
    return ends


def _claimants(world: World) -> list[Agent]:
    names = {key[0] for key in (*world.share.deposits, *world.share.redemptions)} | set(world.share.balances)
    return [Agent(name) for name in sorted(names)]


def _goes_on(world: World) -> int:
    """Every order made until now is settled after at most a few proofs that bring back what is owed."""
    operator, share = Operator(), world.share
    if world.hub.paused(world.now):
        world.do("unpause", World.GUARDIAN)
    last_id = share.request_id()
    for _ in range(4):
        world.advance(max(world.hub.mandate.order_delay_s, world.hub.mandate.least_interval_s) + 60)
        # Custody brings cash back as far as it has some; a profit of the market is no cash, so sell first.
        world.real[0] = max(world.real[0], 0)
        if world.do("take_round", World.PUBLIC) is None:
            return 0
        operator.pay(world)
        after = [world.hub.book[0] + world.hub.pending_flow, *world.hub.book[1:]]
        if not operator.submit(world, world.oracle.latest, after):
            return 0
    left = [
        i for waiting in (share.waiting_deposits, share.waiting_redemptions) for i in waiting if waiting[i] and i <= last_id
    ]
    if left:
        raise Broken("E-10", f"orders {left} met no proof in four")
    for agent in _claimants(world):
        agent.claim_all(world)
        for order_id in agent.orders(world, "deposits"):
            if order_id <= last_id:
                raise Broken("E-10", f"a deposit of {agent.name} is stuck after its proof")
    waiting = sum(share.pending(key[1], order) for key, order in share.redemptions.items())
    payable = min(share.booked, share.redeemable(waiting, world.now))
    if payable and not share.last.refused:
        raise Broken("E-10", f"redemptions for {payable} units wait beside as many idle assets")
    return 1


def _goes_away(world: World) -> None:
    """Nobody proves any more: after twice the age anybody ends the vault, and all who hold anything leave."""
    world.advance(2 * world.hub.mandate.max_proof_age_s + 1)
    # A pause puts the end off by a half of that age more, once.
    world.advance(max(world.hub.paused_until + world.hub.mandate.max_proof_age_s // 2 + 1 - world.now, 0))
    if not world.hub.wound_down:
        world.do("wind_down", World.PUBLIC)
    if not world.hub.wound_down:
        raise Broken("E-10", "nobody can end a vault without proofs")
    claimants = _claimants(world)
    for agent in claimants:
        agent.cancel_all(world)
        agent.claim_all(world)
    for agent in (*claimants, *claimants):  # twice: what is worth less than a unit at first may be worth one at the end
        agent.redeem_all(world)
        agent.claim_all(world)
    share = world.share
    redemptions = share.redemptions.items()
    open_orders = len(share.deposits) + sum(bool(share.pending(k[1], o) or share.claimable(k[1], o)) for k, o in redemptions)
    if open_orders:
        raise Broken("E-10", f"{open_orders} orders are stuck in wind-down")
    if share.booked and any(shares * share.booked // share.supply for shares in share.balances.values()):
        raise Broken("E-10", "shares are stuck in wind-down")
    # What is left is rounding: below one unit for each fill, claim and settlement.
    dust = share.set_aside + share.cancelled + share.pending_deposits
    if dust > world.done.total() + len(share.fill_assets):
        raise Broken("E-10", f"{dust} units belong to nobody")
