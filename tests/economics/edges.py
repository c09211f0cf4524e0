"""What it is worth to know the true price while the feeds lag: experiments with one attacker, on a market that nobody can
predict, for an order delay and a rule of cancelling; and what it is worth to choose the proof as well, on real prices.

In the first the vault holds the asset unhedged, its operator proves honestly a short time after each round, and the attacker
enters and leaves with as much capital as the vault has. The edge of an order is the difference between the worth at the true
prices, in the second in which the proof settles it, and the worth that it was settled at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from types import ModuleType

from . import model as reference
from .agents import CancelOption, Holder, LagTrader, Operator
from .model import DAY_S, Bucket, Mandate, Settlement
from .prices import DayPrices, Market, Walk
from .world import PPM, World

HOUR_S = 3_600
START_S = 1_700_000_000
#: About 80% a year: 0.11% a minute, at even odds.
STEP_PPM = (0, 1_100, 1_100)
CAPITAL = 10**7 * 10**6
PROOF_S = 120  # to prove and to send
LOOK_S = 300  # how often an operator looks whether to prove: as often as the prices of a real day change
ATTACKERS = {"lag": LagTrader, "option": CancelOption}


@dataclass(frozen=True)
class Edge:
    """Edges of all settled orders of the attacker: their number, mean and standard error in ppm."""

    orders: int
    mean_ppm: int
    error_ppm: int


class EdgeOf:
    """Collects the edge of each order of one account at its settlement."""

    def __init__(self, who: str) -> None:
        self.who, self.edges_ppm = who, list[int]()

    def before(self, world: World, action: str, who: str, args: dict[str, int]) -> None:
        share = world.share
        if action == "prove":
            self.cutoff = share.last_cutoff
            self.own = {kind: self._waiting(getattr(share, kind)) for kind in ("deposits", "redemptions")}

    def _waiting(self, orders: dict[tuple[str, int], object]) -> list[int]:
        return [key[1] for key in orders if key[0] == self.who]

    def refused(self, world: World, action: str, who: str, args: dict[str, int], rule: str) -> None:
        pass

    def after(self, world: World, action: str, who: str, args: dict[str, int], result: Settlement) -> None:
        if action != "prove":
            return
        prices, true, book = world.oracle.rounds[args["round"] - 1].prices, world.true_prices(), world.hub.book
        idle = world.share.booked - result.deposited + result.paid
        settled = sum(q * p for q, p in zip(book, prices, strict=True)) // prices[0] + idle
        truth = sum(q * p for q, p in zip(book, true, strict=True)) // true[0] + idle
        off = (truth - settled) * PPM // max(truth, 1)
        if result.deposited and any(self.cutoff < i <= result.cutoff for i in self.own["deposits"]):
            self.edges_ppm.append(off)
        if result.paid and any(self.cutoff < i <= result.cutoff for i in self.own["redemptions"]):
            self.edges_ppm.append(-off)


def edge(attacker: str, order_delay_s: int, seed: int, days: int, protocol: ModuleType = reference) -> Edge:
    """The attacker's edge. A delay below the feeds' heartbeat, which a mandate may not have, is set past that check."""
    mandate = Mandate(
        grace_s=600,
        least_interval_s=600,
        order_delay_s=HOUR_S,
        loss=Bucket(10**7, 10**8, 10**4),
        gain=Bucket(10**7, 10**8, 10**4),
        turnover=Bucket(10**7, 10**7, 10**4),
        nav_step_usd=1,
        max_leverage_bps=20_000,
        redemption_period_s=30 * DAY_S,
    )
    own = EdgeOf("attacker")
    random = Random(f"edge {attacker} {order_delay_s} {seed}")
    world = World(
        random,
        Walk(START_S, seed, STEP_PPM),
        mandate,
        START_S,
        heartbeats_s=(HOUR_S,) * 3,
        thresholds_ppm=(2_500, 5_000, 5_000),
        accounts=("ada", "attacker"),
        capital=CAPITAL,
        watchers=(own,),
        protocol=protocol,
    )
    world.hub.mandate = replace(mandate, order_delay_s=order_delay_s)
    operator, agent = Operator(), ATTACKERS[attacker]("attacker")
    world.do("request_deposit", "ada", assets=CAPITAL)
    world.advance(60)
    world.do("take_round", World.PUBLIC)
    world.advance(HOUR_S)
    number = int(str(world.do("take_round", World.PUBLIC)))
    operator.submit(world, number, [0, 0, 0])
    Holder("ada").claim_all(world)
    end = world.now + days * DAY_S
    while world.now < end:
        for _ in range(random.randrange(2, 6)):
            world.advance(random.randrange(200, 500))
            agent.act(world)
        _prove(world, operator, agent)
    mean = sum(own.edges_ppm) // max(len(own.edges_ppm), 1)
    variance = sum((x - mean) ** 2 for x in own.edges_ppm) // max(len(own.edges_ppm) - 1, 1)
    return Edge(len(own.edges_ppm), mean, int((variance / max(len(own.edges_ppm), 1)) ** 0.5))


def _prove(world: World, operator: Operator, agent: LagTrader) -> None:
    """A round; the attacker sees it; the proof a little later."""
    if world.do("take_round", World.PUBLIC) is None:
        return
    number = world.oracle.latest
    _draw(world, operator)
    world.advance(PROOF_S)
    agent.act(world)
    _submit(world, operator, number)


def _draw(world: World, operator: Operator) -> None:
    """Keep a tenth of the worth idle, and bring back what redemptions need."""
    share = world.share
    free = share.booked - share.reserved(world.now) - share.worth(world.now)[0] // 10
    operator.pay(world)
    if free > 0:
        world.do("draw", World.OPERATOR, assets=free)


def _submit(world: World, operator: Operator, number: int) -> None:
    """A proof that puts all cash of the book into the asset, or sells what cash lacks."""
    prices = world.oracle.rounds[number - 1].prices
    after = [world.hub.book[0] + world.hub.pending_flow, *world.hub.book[1:]]
    after[1] += (after[0] - 10**6) * prices[0] // prices[1]
    traded = after[1] - world.hub.book[1]
    after[0] = world.hub.book[0] + world.hub.pending_flow - -(-traded * prices[1] // prices[0])
    operator.submit(world, number, after)


# --- an operator with orders of its own ---


@dataclass(frozen=True)
class Taken:
    """What an operator's account took: orders that settled, and the gain a day in ppm of its capital."""

    orders: int
    ppm_per_day: int


def own_orders(levy_ppm: int, least_interval_s: int, days: Sequence[tuple[DayPrices, ...]], seed: int) -> Taken:
    """An operator with an account of its own, as large as the vault, that proves when the worth is wrong in its favour.

    The book holds nine tenths of the others' capital in the asset, without a hedge; the account's own stays idle in the
    share. The account always has an order that waits, or shares. Whenever the interval lets it, the operator looks at the
    true prices and at a round of this second, and proves if its order gains more than the levy; else as late as the greatest
    proof age lets it. The gain is what each order was worth at the true prices of its settlement less what it was settled at
    and the levy: moves of the market in between are not counted.
    """
    mandate = Mandate(
        grace_s=600,
        least_interval_s=least_interval_s,
        order_delay_s=HOUR_S,
        loss=Bucket(10**7, 10**8, 10**4),
        gain=Bucket(10**7, 10**8, 10**4),
        turnover=Bucket(10**7, 10**7, 10**4),
        nav_step_usd=1,
        max_leverage_bps=20_000,
        redemption_period_s=30 * DAY_S,
        order_levy_ppm=levy_ppm,
    )
    own = EdgeOf("attacker")
    world = World(
        Random(f"own {seed}"),
        Market(days, START_S, seed),
        mandate,
        START_S,
        heartbeats_s=(HOUR_S,) * 3,
        thresholds_ppm=(2_500, 5_000, 5_000),
        accounts=("ada", "attacker"),
        capital=CAPITAL,
        watchers=(own,),
    )
    operator, account = Operator(), Holder("attacker")
    world.do("request_deposit", "ada", assets=CAPITAL)
    world.advance(60)
    world.do("take_round", World.PUBLIC)
    world.advance(HOUR_S)
    number = int(str(world.do("take_round", World.PUBLIC)))
    operator.submit(world, number, [0, 0, 0])
    Holder("ada").claim_all(world)
    world.do("draw", World.OPERATOR, assets=CAPITAL * 9 // 10)  # the rest pays what the account gains
    world.advance(least_interval_s)
    world.do("take_round", World.PUBLIC)
    _submit(world, operator, world.oracle.latest)
    first_day, end = world.now, START_S + (len(days) - 1) * DAY_S
    while world.now < end:
        account.claim_all(world)
        if account.balance(world):
            account.redeem_all(world)
        elif not account.orders(world, "deposits") and not account.orders(world, "redemptions"):
            world.do("request_deposit", "attacker", assets=min(world.wallets["attacker"], CAPITAL))
        world.advance(LOOK_S)
        if world.do("take_round", World.PUBLIC) is None or world.now - world.hub.snapshot_at < least_interval_s:
            continue
        late = world.now - world.hub.snapshot_at > mandate.max_proof_age_s - HOUR_S
        if late or _gain_ppm(world, account) > levy_ppm:
            _submit(world, operator, world.oracle.latest)
    gained = sum(own.edges_ppm) - levy_ppm * len(own.edges_ppm)
    return Taken(len(own.edges_ppm), gained * DAY_S // (world.now - first_day))


def _gain_ppm(world: World, account: Holder) -> int:
    """What the account's order that the latest round would settle gains at it, by the true prices."""
    share, hub = world.share, world.hub
    cutoff = hub.cutoff(world.oracle.latest)
    entering = any(share.deposit_cutoff < i <= cutoff for i in account.orders(world, "deposits"))
    leaving = any(i <= cutoff for i in account.orders(world, "redemptions"))
    if not entering and not leaving:
        return -PPM
    answers, true = [feed.answer for feed in world.oracle.feeds], world.true_prices()
    settled = sum(q * p for q, p in zip(hub.book, answers, strict=True)) // answers[0] + share.booked
    truth = sum(q * p for q, p in zip(hub.book, true, strict=True)) // true[0] + share.booked
    off = (truth - settled) * PPM // max(truth, 1)
    return off if entering else -off
