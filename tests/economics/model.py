"""The protocol in plain integers, written from the documents: price rounds, proofs with buckets, the share and its orders.

The model shares no code with the contracts and none with ``dls_zk``. An action that the protocol refuses raises ``Refused``
before it changes anything. Nothing here checks a property: ``properties.py`` looks at the state from outside.

Units: assets are 1e-6 of the settlement asset (slot 0), prices USD 1e-8, values USD 1e-14, gain and loss ppb of NAV,
turnover ppm of NAV, times Unix seconds. Share units: 10^6 of them cost one asset unit at the first settlement.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

DAY_S = 86_400
BPS, PPM, PPB = 10**4, 10**6, 10**9
USD_E14 = 10**14
VIRTUAL_SHARES = 10**6
MOST_ORDER_LEVY_PPM = 20_000
#: Nothing settles while one NAV step is more than one part in so many of what the shares are worth.
LEAST_NAV_STEPS = 100
#: Nothing settles while the shares are worth less than one part in so many of what they cost at first.
LEAST_WORTH_PARTS = 10**6
VESTING_S = 30 * DAY_S
WRITE_DOWN_PERIOD_S = 30 * DAY_S
#: Seconds after which a proposal that nobody activated lapses.
PROPOSAL_WINDOW_S = 7 * DAY_S
#: Open orders that a claim without an id looks at.
CLAIM_WIDTH = 16


class Refused(Exception):
    """The protocol refuses the action. The text names the rule."""


def require(holds: bool, rule: str) -> None:
    """Refused by this rule unless it holds."""
    if not holds:
        raise Refused(rule)


def ceil_div(x: int, y: int) -> int:
    return -(-x // y)


# --- prices -----------------------------------------------------------------------------------------------------------


@dataclass
class Feed:
    """A price feed: its answer (USD 1e-8), the time of the answer, and the greatest age of an answer in seconds."""

    answer: int
    updated_at: int
    heartbeat_s: int


@dataclass(frozen=True)
class Round:
    """A snapshot: it copies answers that are on chain already."""

    number: int
    time: int
    prices: tuple[int, ...]
    answered_at: tuple[int, ...]


class Oracle:
    """Rounds of one feed set, which anybody may take. Their numbers start from 1."""

    def __init__(self, feeds: list[Feed]) -> None:
        self.feeds = feeds
        self.rounds: list[Round] = []
        self.times: list[int] = []

    @property
    def latest(self) -> int:
        return len(self.rounds)

    def round(self, number: int) -> Round:
        require(1 <= number <= len(self.rounds), "unknown round")
        return self.rounds[number - 1]

    def take(self, now: int) -> int:
        """Take a round and return its number."""
        require(not self.times or now > self.times[-1], "two rounds in one second")
        require(all(now - feed.updated_at <= feed.heartbeat_s for feed in self.feeds), "answer stale")
        answers = tuple(feed.answer for feed in self.feeds)
        self.rounds.append(Round(len(self.rounds) + 1, now, answers, tuple(feed.updated_at for feed in self.feeds)))
        self.times.append(now)
        return len(self.rounds)

    def newest_until(self, time: int) -> int:
        """The newest round taken at this time or before; 0 if there is none."""
        return bisect_right(self.times, time)


# --- what a vault may do ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bucket:
    """An allowance in time: it fills at this rate a day up to its cap; a rebalance names a multiple of the step."""

    rate_per_day: int
    cap: int
    step: int


@dataclass(frozen=True)
class Mandate:
    """The limits of a vault, and of its policy what the model needs. Times in seconds, orders and cap in assets."""

    grace_s: int = 1800
    least_interval_s: int = 3600
    max_proof_age_s: int = DAY_S
    order_delay_s: int = 3600
    redemption_period_s: int = 3 * DAY_S
    gain: Bucket = Bucket(300_000, 3_000_000, 10_000)
    loss: Bucket = Bucket(500_000, 5_000_000, 50_000)
    turnover: Bucket = Bucket(1_000_000, 2_500_000, 50_000)
    write_down_ppm: int = 10_000
    slippage_bps: int = 30
    max_turnover_bps: int = 25_000
    max_leverage_bps: int = 25_000
    nav_step_usd: int = 1000
    least_order: int = 100 * 10**6
    cap: int = 10**9 * 10**6
    order_levy_ppm: int = 0

    @property
    def nav_step_e14(self) -> int:
        return self.nav_step_usd * USD_E14

    def check(self, heartbeats_s: Sequence[int]) -> None:
        """Clocks that depend on each other are compared when they are set."""
        require(self.order_delay_s >= max(heartbeats_s), "order delay below a heartbeat")
        require(3 * self.least_interval_s < self.max_proof_age_s, "interval too long for the proof age")
        require(0 < self.grace_s <= self.max_proof_age_s // 4, "grace too long for the proof age")
        require(self.order_delay_s <= self.max_proof_age_s, "order delay too long for the proof age")
        require(self.max_proof_age_s + self.order_delay_s <= self.redemption_period_s, "redemption period too short")
        require(0 <= self.order_levy_ppm <= MOST_ORDER_LEVY_PPM, "order levy too large")

    def tightens(self, old: Mandate) -> bool:
        """Whether a move from the old mandate to this one only tightens. Any change of the levy favours some and burdens
        others; any change of the proof age moves the time at which a vault is stale and its deposits come back."""
        lower = ("grace_s", "redemption_period_s", "write_down_ppm", "slippage_bps", "max_turnover_bps")
        buckets = all(
            new.rate_per_day <= was.rate_per_day and new.cap <= was.cap
            for new, was in ((self.gain, old.gain), (self.loss, old.loss), (self.turnover, old.turnover))
        )
        higher = self.order_delay_s == old.order_delay_s and self.least_interval_s >= old.least_interval_s
        same = self.order_levy_ppm == old.order_levy_ppm and self.max_proof_age_s == old.max_proof_age_s
        return buckets and higher and same and all(getattr(self, name) <= getattr(old, name) for name in lower)


@dataclass(frozen=True)
class Named:
    """What a rebalance takes of each bucket, in multiples of the bucket's step."""

    gain: int = 0
    loss: int = 0
    turnover: int = 0


@dataclass(frozen=True)
class WriteDown:
    """An announced loss in NAV steps, for the next sequence, within a window of time."""

    steps: int
    opens_at: int
    lapses_at: int


@dataclass(frozen=True)
class Proposal:
    """A looser mandate that waits. served_before: redemptions that were asked for until then are paid first."""

    mandate: Mandate
    active_from: int
    lapses_at: int
    served_before: int


def statement(
    mandate: Mandate,
    before: Sequence[int],
    after: Sequence[int],
    prices: Sequence[int],
    flow: int,
    gain_ppb: int,
    loss_ppb: int,
    turnover_ppm: int,
    write_down_steps: int,
) -> int:
    """Checks 3, 5 to 8 and 19 of a rebalance. Returns the NAV floor in steps; Refused where a check fails."""
    trades = [new - old for new, old in zip(after, before, strict=True)]
    values = [q * p for q, p in zip(after, prices, strict=True)]
    nav, step = sum(values), mandate.nav_step_e14
    turnover = sum(abs(t) * p for t, p in zip(trades[1:], prices[1:], strict=True))
    cost = flow * prices[0] - sum(t * p for t, p in zip(trades, prices, strict=True))
    left = nav + max(-flow, 0) * prices[0]
    announced = write_down_steps * step
    require(nav >= 0, "statement: solvency")
    require(-cost * PPB <= gain_ppb * nav, "statement: gain")
    excess = cost - announced
    require(excess * PPB * BPS <= BPS * gain_ppb * nav + PPB * mandate.slippage_bps * turnover, "statement: cost")
    require(excess * PPB <= loss_ppb * left, "statement: loss")
    require(turnover * PPM <= turnover_ppm * left, "statement: turnover")
    require(turnover * BPS <= mandate.max_turnover_bps * left, "statement: max turnover")
    require(sum(map(abs, values[1:])) * BPS <= mandate.max_leverage_bps * nav, "statement: leverage")
    return nav // step


# --- the hub ----------------------------------------------------------------------------------------------------------


class Hub:
    """One vault's committed state. ``share`` is told of every accepted proof."""

    def __init__(self, oracle: Oracle, mandate: Mandate, now: int, loosening_delay_s: int) -> None:
        mandate.check([feed.heartbeat_s for feed in oracle.feeds])
        self.oracle, self.mandate, self.opened_at, self.loosening_delay_s = oracle, mandate, now, loosening_delay_s
        self.book: tuple[int, ...] = (0,) * len(oracle.feeds)
        self.sequence = self.round = self.nav_floor = self.pending_flow = 0
        self.snapshot_at = self.filled_at = now
        self.levels = {"gain": mandate.gain.cap, "loss": mandate.loss.cap, "turnover": mandate.turnover.cap}
        self.wound_down = self.paused_since_proof = False
        self.paused_until = 0
        self.proposal: Proposal | None = None
        self.announced: WriteDown | None = None
        #: The last proof that carried a write-down.
        self.written_down = 0
        self.next_announcement_at = 0
        self.alone_ppm, self.alone_at = mandate.write_down_ppm, now
        self.share = Share(self)

    # --- status ---

    def stale(self, now: int) -> bool:
        """Staleness is data: the age of the last proof's prices."""
        return now - self.snapshot_at > self.mandate.max_proof_age_s

    def active(self, now: int) -> bool:
        return not (self.wound_down or self.paused(now) or self.stale(now))

    def write_down_open(self, now: int) -> bool:
        return self.announced is not None and now <= self.announced.lapses_at

    def cutoff(self, number: int) -> int:
        """c(r): the newest round taken at least the order delay before this round."""
        if not number:
            return 0
        return self.oracle.newest_until(self.oracle.round(number).time - self.mandate.order_delay_s)

    # --- proofs ---

    def refilled(self, time: int) -> dict[str, int]:
        """The buckets at a snapshot's time: they fill with snapshot time, whatever the number of proofs."""
        elapsed = max(time - self.filled_at, 0)
        levels = {}
        for name, level in self.levels.items():
            bucket: Bucket = getattr(self.mandate, name)
            levels[name] = min(bucket.cap, level + bucket.rate_per_day * elapsed // DAY_S)
        return levels

    def prove(self, now: int, number: int, after: Sequence[int], named: Named, twice: bool = False) -> Settlement:
        """Accept a rebalance at this round. Returns what the share settled.

        twice: whether a proof of the same book at the same round follows in one batch, at whose end the share settles.
        """
        require(not self.wound_down, "prove: wound down")
        require(not self.paused(now), "prove: paused")
        taken = self.oracle.round(number)
        require(number >= self.round and taken.time >= self.opened_at, "prove: round below the last one used")
        require(now - taken.time <= self.mandate.grace_s, "prove: round older than grace")
        early = self.sequence >= 1 and taken.time - self.snapshot_at < self.mandate.least_interval_s
        require(not early and not (twice and self.mandate.least_interval_s), "prove: least interval")
        levels, used = self.refilled(taken.time), {}
        for name in levels:
            used[name] = getattr(named, name) * getattr(self.mandate, name).step
            # The empty book of the first proof earns and loses nothing.
            require(self.sequence > 0 or name == "turnover" or not used[name], "prove: first proof")
            require(used[name] <= levels[name], f"prove: bucket of {name}")
        announced = self.announced if self.write_down_open(now) else None
        require(announced is None or now >= announced.opens_at, "prove: write-down waits")
        carried = announced.steps if announced else 0
        nav_floor = statement(
            self.mandate,
            self.book,
            after,
            taken.prices,
            self.pending_flow,
            used["gain"],
            used["loss"],
            used["turnover"],
            carried,
        )

        self.levels = {name: levels[name] - used[name] for name in levels}
        self.filled_at = max(self.filled_at, taken.time)
        self.book, self.nav_floor, self.round = tuple(after), nav_floor, number
        self.snapshot_at, self.pending_flow = taken.time, 0
        self.sequence += 1
        self.paused_since_proof = False
        if announced:
            # It is consumed, whether it was needed or not.
            self.announced, self.next_announcement_at = None, now
            self.written_down = self.sequence
        self.sequence += twice
        return self.share.proven(now)

    # --- write-down ---

    def announce(self, now: int, steps: int) -> None:
        """Announce a loss for the next sequence. Above the share of NAV of 30 days it waits for the guardian or a delay."""
        require(not self.wound_down, "announce: wound down")
        require(0 < steps < 2**30, "announce: out of range")
        require(not self.write_down_open(now), "announce: one is open")
        require(now >= self.next_announcement_at, "announce: too soon after one that lapsed")
        # What the operator may announce alone fills over 30 days, like a bucket.
        limit = self.mandate.write_down_ppm
        level = min(limit, self.alone_ppm + limit * (now - self.alone_at) // WRITE_DOWN_PERIOD_S)
        nav = max(self.nav_floor, 1)
        alone = steps * PPM <= level * self.nav_floor
        self.alone_ppm, self.alone_at = level - ceil_div(steps * PPM, nav) if alone else level, now
        self._open(steps, now if alone else now + self.mandate.max_proof_age_s // 2)

    def _open(self, steps: int, opens_at: int) -> None:
        """It lapses after a window, and then none can be announced for as long again."""
        window = self.mandate.max_proof_age_s // 2
        self.announced = WriteDown(steps, opens_at, opens_at + window)
        self.next_announcement_at = opens_at + 2 * window

    def approve(self, now: int) -> None:
        """The guardian lets an announced write-down open at once."""
        require(self.announced is not None and now < self.announced.opens_at, "approve: nothing waits")
        self._open(self.announced.steps, now)

    def withdraw_write_down(self, now: int) -> None:
        require(self.write_down_open(now), "withdraw: no write-down")
        self.announced, self.next_announcement_at = None, now + self.mandate.max_proof_age_s // 2

    # --- mandates ---

    def propose(self, now: int, mandate: Mandate) -> None:
        """Move to another mandate: at once if it only tightens, else after the delay."""
        require(not self.wound_down, "propose: wound down")
        mandate.check([feed.heartbeat_s for feed in self.oracle.feeds])
        if mandate.tightens(self.mandate):
            require(not self.paused(now) and not self.stale(now), "propose: not active")
            self._move(now, mandate, tightens=True)
            return
        active_from = now + self.loosening_delay_s
        middle = now + self.loosening_delay_s // 2
        self.proposal = Proposal(mandate, active_from, active_from + PROPOSAL_WINDOW_S, middle)

    def activate(self, now: int) -> None:
        """Activate the looser mandate: not before the redemptions asked for in the first half of its delay are paid."""
        proposal = self.proposal
        require(self.active(now), "activate: not active")
        require(proposal is not None and now >= proposal.active_from, "activate: too early")
        require(now <= proposal.lapses_at, "activate: lapsed")
        require(not self.share.overdue(now), "activate: lapsed by an unpaid redemption")
        require(self.share.paid_before(proposal.served_before), "activate: earlier redemptions are unpaid")
        self._move(now, proposal.mandate, tightens=False)

    def _move(self, now: int, mandate: Mandate, tightens: bool) -> None:
        require(now - self.snapshot_at <= mandate.max_proof_age_s, "move: makes the vault stale")
        if not tightens:
            self.share.return_deposits()
        self.proposal = None
        self.levels = {name: min(level, getattr(mandate, name).cap) for name, level in self.levels.items()}
        self.share.follow_levy(mandate.order_levy_ppm)
        self.mandate = mandate

    # --- guardian and end ---

    def paused(self, now: int) -> bool:
        return now < self.paused_until

    def pause(self, now: int) -> None:
        """A pause ends by itself, and there is no second one before a rebalance."""
        require(not self.wound_down and not self.paused(now), "pause: not running")
        require(not self.paused_since_proof, "pause: again before a rebalance")
        self.paused_until, self.paused_since_proof = now + self.mandate.max_proof_age_s // 2, True

    def unpause(self, now: int) -> None:
        require(self.paused(now), "unpause: not paused")
        self.paused_until = now

    def wind_down(self, now: int, by_operator: bool) -> None:
        """The end: by the operator at any time, by anybody once prices or a redemption are twice overdue."""
        require(not self.wound_down, "wind down: done")
        age = self.mandate.max_proof_age_s
        old = now - self.snapshot_at > 2 * age and now - self.paused_until > age // 2
        require(by_operator or old or self.share.overdue(now, times=2), "wind down: not overdue")
        self.wound_down = True


# --- the share --------------------------------------------------------------------------------------------------------


@dataclass
class RedeemOrder:
    """Shares that wait from a mark in the queue on, and what a fill has made claimable."""

    shares: int
    mark: int
    asked_at: int
    owed: int = 0


@dataclass
class Settlement:
    """What one settlement did; the properties look at it."""

    cutoff: int
    supply: int
    bottom: int
    top: int
    deposited: int = 0
    minted: int = 0
    returned: int = 0
    asked: int = 0
    filled: int = 0
    paid: int = 0
    #: What deposits and redemptions paid to those who stay, ppm.
    entry_levy_ppm: int = 0
    exit_levy_ppm: int = 0
    refused: str = ""


class Share:
    """The share: orders both ways, settled by the proof whose prices are younger than they are."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.balances: dict[str, int] = {}
        self.supply = self.booked = self.pending_deposits = self.set_aside = self.cancelled = 0
        self.escrow_entered = self.escrow_asked = 0
        self.last_id = self.last_redemption = self.last_cutoff = self.deposit_cutoff = self.sequence = 0
        #: Of the last proof that was settled, or was there before an order waited: its time, and the last write-down then.
        self.seen_at, self.seen_write_down = hub.snapshot_at, 0
        self.quote_assets = self.quote_supply = 0
        #: What redemptions pay until this place in the line is filled: those up to this id keep a lower levy.
        self.exit_levy_ppm, self.exit_levy_until = hub.mandate.order_levy_ppm, 0
        self.drawn = False
        self.locked = self.locked_at = self.vests_until = 0
        # Deposits.
        self.deposits: dict[tuple[str, int], int] = {}
        self.waiting_deposits: dict[int, int] = {}
        self.entry_cutoffs: list[int] = []
        self.entries: list[tuple[int, int]] = []
        # Redemptions. Groups that have been through a settlement stand in one line of shares; fills are cumulative.
        self.redemptions: dict[tuple[str, int], RedeemOrder] = {}
        self.waiting_redemptions: dict[int, int] = {}
        self.asked_at: dict[int, int] = {}
        self.groups: dict[int, tuple[int, int]] = {}
        self.line_ids: list[int] = []
        self.line_ends: list[int] = []
        self.line_end = self.filled = 0
        self.fill_shares: list[int] = [0]
        self.fill_assets: list[int] = [0]
        self.last: Settlement | None = None

    # --- worth ---

    def vested(self, now: int) -> int:
        """Of what was contributed and is not booked yet, the part that counts: linear until the end of 30 days."""
        if not self.locked or now >= self.vests_until:
            return self.locked
        return self.locked * (now - self.locked_at) // (self.vests_until - self.locked_at)

    def worth(self, now: int) -> tuple[int, int]:
        """Assets of the holders at the bottom and at the top of the NAV step."""
        hub, here = self.hub, self.booked + self.vested(now)
        if hub.wound_down:
            return here, here
        if not hub.round:
            return here + hub.pending_flow, here + hub.pending_flow
        price, step = hub.oracle.round(hub.round).prices[0], hub.mandate.nav_step_e14
        bottom = hub.nav_floor * step // price
        top = ceil_div((hub.nav_floor + 1) * step, price) if self.drawn else bottom
        return max(here + bottom + hub.pending_flow, 0), max(here + top + hub.pending_flow, 0)

    def redeemable(self, shares: int, now: int) -> int:
        """What shares are worth at the bottom, rounded down."""
        return shares * (self.worth(now)[0] + 1) // (self.supply + VIRTUAL_SHARES)

    def quoted(self, shares: int) -> int:
        """What shares were worth at the last settlement, rounded down."""
        return shares * (self.quote_assets + 1) // (self.quote_supply + VIRTUAL_SHARES)

    # --- ids ---

    def request_id(self) -> int:
        return max(self.last_id, self.hub.oracle.latest + 1, max(self.last_cutoff, self.deposit_cutoff) + 1)

    def committed(self, order_id: int) -> bool:
        """Whether the round is taken that the order waited for. From then on a round may be the order delay away that
        settles it, and whoever could still take the order back would have a look at its price first."""
        return order_id <= self.hub.oracle.latest

    def in_line(self, order_id: int) -> bool:
        return order_id in self.groups

    def oldest_unpaid(self) -> int:
        """The id of the oldest redemption that waits; 0 if none does."""
        place = bisect_right(self.line_ends, self.filled)
        if place < len(self.line_ends):
            return self.line_ids[place]
        return next((order_id for order_id, shares in self.waiting_redemptions.items() if shares), 0)

    def paid_before(self, time: int) -> bool:
        """Whether every redemption that was asked for until this time is paid."""
        oldest = self.oldest_unpaid()
        return not oldest or self.asked_at[oldest] >= time

    def overdue(self, now: int, times: int = 1) -> bool:
        """Whether the oldest unpaid redemption is older than the redemption period."""
        oldest = self.oldest_unpaid()
        return oldest > 0 and now - self.asked_at[oldest] > times * self.hub.mandate.redemption_period_s

    # --- orders ---

    def request_deposit(self, now: int, who: str, assets: int) -> int:
        require(self.hub.active(now), "deposit: not active")
        require(not self.overdue(now), "deposit: redemption overdue")
        require(assets >= self.hub.mandate.least_order, "deposit: least order")
        room = self.hub.mandate.cap - self.quoted(self.supply) - self.pending_deposits
        require(assets <= room, "deposit: cap")
        self._see_the_last_proof()
        order_id = self.last_id = self.request_id()
        self.deposits[who, order_id] = self.deposits.get((who, order_id), 0) + assets
        self.waiting_deposits[order_id] = self.waiting_deposits.get(order_id, 0) + assets
        self.pending_deposits += assets
        return order_id

    def request_redeem(self, now: int, who: str, shares: int) -> int:
        balance = self.balances.get(who, 0)
        require(0 < shares <= balance, "redeem: balance")
        if self.hub.wound_down:
            return self._redeem_now(now, who, shares)
        large = self.quoted(shares) >= self.hub.mandate.least_order or shares == balance
        require(large, "redeem: least order")
        self._see_the_last_proof()
        order_id = self.last_id = self.last_redemption = self.request_id()
        self.balances[who] -= shares
        self.escrow_asked += shares
        order = self.redemptions.get((who, order_id))
        if order:
            order.shares += shares
        else:
            self.redemptions[who, order_id] = RedeemOrder(shares, -1, now)
        self.waiting_redemptions[order_id] = self.waiting_redemptions.get(order_id, 0) + shares
        self.asked_at.setdefault(order_id, now)
        return order_id

    def _redeem_now(self, now: int, who: str, shares: int) -> int:
        """In wind-down: a share of what is idle, claimable at once, under an id of its own."""
        assets = shares * (self.booked + self.vested(now)) // self.supply
        require(assets > 0, "redeem: worth nothing")
        self._book_vested(now)
        self.balances[who] -= shares
        self.supply -= shares
        self.booked -= assets
        self.set_aside += assets
        order_id = self.last_id = max(self.last_id, self.last_cutoff, self.deposit_cutoff) + 1
        self.redemptions[who, order_id] = RedeemOrder(0, 0, 0, owed=assets)
        return order_id

    def cancel_deposit(self, now: int, who: str, order_id: int) -> int:
        """Take an order back before its round is taken; later only if the vault will return it anyway."""
        assets = self.deposits.get((who, order_id), 0)
        require(assets > 0 and order_id > self.deposit_cutoff, "cancel deposit: nothing waits")
        hub = self.hub
        returns = hub.wound_down or (hub.stale(now) and not hub.paused(now))
        require(returns or not self.committed(order_id), "cancel deposit: committed")
        self.recover(now)
        del self.deposits[who, order_id]
        self.waiting_deposits[order_id] -= assets
        self.pending_deposits -= assets
        return assets

    def cancel_redeem(self, now: int, who: str, order_id: int) -> int:
        order = self.redemptions.get((who, order_id))
        require(order is not None, "cancel redeem: no order")
        if self.hub.wound_down:
            return self._take_back(who, order_id, order)
        require(not self.in_line(order_id), "cancel redeem: settled")
        require(not self.committed(order_id), "cancel redeem: committed")
        self.recover(now)
        shares = order.shares
        del self.redemptions[who, order_id]
        self.waiting_redemptions[order_id] -= shares
        self.escrow_asked -= shares
        self.balances[who] = self.balances.get(who, 0) + shares
        return shares

    def _take_back(self, who: str, order_id: int, order: RedeemOrder) -> int:
        """In wind-down what is pending comes back; what is filled stays claimable."""
        self.update(order_id, order)
        shares, order.shares = order.shares, 0
        require(shares > 0, "cancel redeem: nothing pending")
        if order_id in self.waiting_redemptions:
            self.waiting_redemptions[order_id] -= shares
        self.escrow_asked -= shares
        self.balances[who] = self.balances.get(who, 0) + shares
        if not order.owed:
            del self.redemptions[who, order_id]
        return shares

    def transfer_deposit(self, now: int, who: str, to: str, order_id: int) -> None:
        """Hand a deposit that waits to another account."""
        held = self.deposits.get((who, order_id), 0)
        require(order_id > self.deposit_cutoff and held > 0, "transfer deposit: nothing waits")
        self.recover(now)
        del self.deposits[who, order_id]
        self.deposits[to, order_id] = self.deposits.get((to, order_id), 0) + held

    def transfer_redeem(self, now: int, who: str, to: str, order_id: int) -> None:
        """Hand the pending part of a redemption on; what is filled stays. Both orders are brought up to date first."""
        order = self.redemptions.get((who, order_id))
        require(order is not None, "transfer redeem: no order")
        require(self.pending(order_id, order) > 0, "transfer redeem: nothing waits")
        self.recover(now)
        self.update(order_id, order)
        shares, order.shares = order.shares, 0
        other = self.redemptions.setdefault((to, order_id), RedeemOrder(0, order.mark, order.asked_at))
        self.update(order_id, other)
        other.shares += shares
        if not order.owed and not order.shares:
            del self.redemptions[who, order_id]

    def transfer(self, who: str, to: str, shares: int) -> None:
        require(0 < shares <= self.balances.get(who, 0), "transfer: balance")
        self.balances[who] -= shares
        self.balances[to] = self.balances.get(to, 0) + shares

    # --- what an order has become ---

    def entry(self, order_id: int) -> tuple[int, int] | None:
        """The shares and assets of all deposits that entered with it, (0, 0) if it was returned, None while it waits."""
        if order_id > self.deposit_cutoff:
            return None
        return self.entries[bisect_left(self.entry_cutoffs, order_id)]

    def paid_at(self, place: int) -> int:
        """G: assets paid to the first ``place`` shares of the line, linear inside a fill."""
        i = bisect_left(self.fill_shares, place)
        if self.fill_shares[i] == place:
            return self.fill_assets[i]
        (s0, s1), (a0, a1) = self.fill_shares[i - 1 : i + 1], self.fill_assets[i - 1 : i + 1]
        return a0 + (a1 - a0) * (place - s0) // (s1 - s0)

    def place(self, order_id: int) -> tuple[int, int, int] | None:
        """Start, filled part and end of an order's group in the line; None before its settlement."""
        group = self.groups.get(order_id)
        if group is None:
            return None
        start, end = group
        return start, min(max(self.filled, start), end), end

    def pending(self, order_id: int, order: RedeemOrder) -> int:
        """Shares of the order that wait. Rounded down: rounded up, three orders of one unit claim more than is set aside."""
        place = self.place(order_id)
        if place is None or not order.shares:
            return order.shares
        start, filled, end = place
        mark = max(order.mark, start)
        return order.shares * (end - filled) // (end - mark) if end > mark else 0

    def claimable(self, order_id: int, order: RedeemOrder) -> int:
        """Assets that the order may claim."""
        place = self.place(order_id)
        if place is None or not order.shares:
            return order.owed
        start, filled, end = place
        mark = max(order.mark, start)
        if filled == mark:
            return order.owed
        return order.owed + order.shares * (self.paid_at(filled) - self.paid_at(mark)) // (end - mark)

    def update(self, order_id: int, order: RedeemOrder) -> None:
        """Bring an order up to date: its mark moves to what is filled."""
        place = self.place(order_id)
        if place is not None:
            order.owed, order.shares = self.claimable(order_id, order), self.pending(order_id, order)
            order.mark = place[1]

    # --- claims ---

    def claim_deposit(self, who: str, order_id: int, assets: int) -> int:
        """Claim the shares of a settled deposit, for this part of its assets. Returns the shares."""
        held, entry = self.deposits.get((who, order_id), 0), self.entry(order_id)
        require(0 < assets <= held, "claim deposit: amount")
        require(entry is not None and entry[0] > 0, "claim deposit: not settled")
        shares = assets * entry[0] // entry[1]
        rest = held - assets
        # A rest that buys no share goes along.
        if rest * entry[0] // entry[1]:
            self.deposits[who, order_id] = rest
        else:
            del self.deposits[who, order_id]
        self.escrow_entered -= shares
        self.balances[who] = self.balances.get(who, 0) + shares
        return shares

    def claim_returned(self, who: str, order_id: int) -> int:
        """Take back a deposit that a settlement returned."""
        held, entry = self.deposits.get((who, order_id), 0), self.entry(order_id)
        require(held > 0 and entry is not None and entry[0] == 0, "claim returned: nothing")
        del self.deposits[who, order_id]
        self.cancelled -= held
        return held

    def claim_redeem(self, who: str, order_id: int, assets: int) -> int:
        """Claim assets of a redemption that is filled, in whole or in part."""
        order = self.redemptions.get((who, order_id))
        require(order is not None and 0 < assets <= self.claimable(order_id, order), "claim redeem: amount")
        self.update(order_id, order)
        order.owed -= assets
        self.set_aside -= assets
        if not order.owed and not order.shares:
            del self.redemptions[who, order_id]
        return assets

    def claim_oldest(self, who: str, assets: int) -> int:
        """Claim without an id: of the first open orders, in the order in which the account got them."""
        open_ids = [key[1] for key in self.redemptions if key[0] == who][:CLAIM_WIDTH]
        require(0 < assets <= sum(self.claimable(i, self.redemptions[who, i]) for i in open_ids), "claim oldest: amount")
        left = assets
        for i in open_ids:
            part = min(left, self.claimable(i, self.redemptions[who, i]))
            if part:
                self.claim_redeem(who, i, part)
                left -= part
        return assets

    # --- settlement ---

    def waiting(self) -> bool:
        """Whether orders wait: only then a proof settles."""
        return self.pending_deposits > 0 or self.escrow_asked > 0

    def _see_the_last_proof(self) -> None:
        """What happened before the first order that waits is none of its business."""
        if not self.waiting():
            self.seen_at, self.seen_write_down = self.hub.snapshot_at, self.hub.written_down

    def proven(self, now: int) -> Settlement:
        """The hub accepted a proof."""
        if self.waiting():
            return self.settle(now)
        bottom, top = self.worth(now)
        return Settlement(self.last_cutoff, self.supply, bottom, top)

    def recover(self, now: int) -> None:
        """Settle the hub's last proof if that has not happened: no order waited for it."""
        if self.sequence != self.hub.sequence and self.hub.active(now) and not self.hub.write_down_open(now):
            self.settle(now)

    def settle(self, now: int) -> Settlement:
        """Settle the orders up to the last proof's cutoff, at the totals before either side settles. It never reverts: what
        cannot settle here it returns (deposits) or leaves waiting (redemptions). It returns deposits if the vault was stale
        until this proof, or a proof that was not settled before carried a write-down.
        """
        hub = self.hub
        late = now > self.seen_at + hub.mandate.max_proof_age_s
        written_down = hub.written_down not in (0, self.seen_write_down)
        deposits = not (late or written_down)
        self.seen_at, self.seen_write_down = hub.snapshot_at, hub.written_down
        self._book_vested(now)
        cutoff = max(self.hub.cutoff(self.hub.round), self.last_cutoff)
        bottom, top = self.worth(now)
        if not self.supply:
            top = bottom
        self.sequence, self.quote_assets, self.quote_supply = self.hub.sequence, bottom, self.supply
        done = self.last = Settlement(cutoff, self.supply, bottom, top)
        coarse = self.supply > 0 and (top - bottom) * LEAST_NAV_STEPS > bottom
        worthless = (bottom + 1) * VIRTUAL_SHARES * LEAST_WORTH_PARTS < self.supply + VIRTUAL_SHARES
        done.refused = "coarse" if coarse else "worthless" if worthless else ""
        rate = self.supply + VIRTUAL_SHARES, top + 1
        self._line_up(cutoff)
        done.asked = self.line_end - self.filled
        # Where nobody stays nobody is paid.
        if done.asked < done.supply:
            done.entry_levy_ppm, done.exit_levy_ppm = hub.mandate.order_levy_ppm, self.exit_levy()
        self._settle_deposits(done, cutoff, rate if deposits and not done.refused else None)
        if not done.refused:
            self._settle_redemptions(done)
        self.last_cutoff = cutoff
        return done

    def follow_levy(self, levy_ppm: int) -> None:
        """The mandate moves: if the levy changes, who waits to leave keeps the lower one."""
        if levy_ppm == self.hub.mandate.order_levy_ppm:
            return
        before = self.exit_levy()
        waits = self.escrow_asked > 0 and before < levy_ppm
        self.exit_levy_ppm, self.exit_levy_until = (before, self.last_redemption) if waits else (levy_ppm, 0)

    def exit_levy(self) -> int:
        """What redemptions pay now, ppm."""
        oldest = self.oldest_unpaid()
        return self.exit_levy_ppm if 0 < oldest <= self.exit_levy_until else self.hub.mandate.order_levy_ppm

    def _settle_deposits(self, done: Settlement, cutoff: int, rate: tuple[int, int] | None) -> None:
        assets = self._meet(cutoff)
        priced = assets - ceil_div(assets * done.entry_levy_ppm, PPM)
        if assets and (rate is None or not priced * rate[0] // rate[1]):
            self._return(cutoff, assets)
            done.returned = assets
        elif assets:
            done.deposited, done.minted = assets, priced * rate[0] // rate[1]
            self._enter(cutoff, (done.minted, assets))
            self.booked += assets
            self.supply += done.minted
            self.escrow_entered += done.minted

    def _meet(self, cutoff: int) -> int:
        """The deposits up to the cutoff wait no longer. Returns their assets."""
        ids = [i for i in self.waiting_deposits if i <= cutoff]
        assets = sum(self.waiting_deposits.pop(i) for i in ids)
        self.deposit_cutoff = max(cutoff, self.deposit_cutoff)
        self.pending_deposits -= assets
        return assets

    def _enter(self, cutoff: int, rate: tuple[int, int]) -> None:
        self.entry_cutoffs.append(cutoff)
        self.entries.append(rate)

    def _return(self, cutoff: int, assets: int) -> None:
        self._enter(cutoff, (0, 0))
        self.cancelled += assets

    def return_deposits(self) -> None:
        """Whatever moves the mandate but a tightening returns the deposits that wait."""
        assets = self._meet(self.last_id)
        if assets:
            self._return(self.last_id, assets)

    def _line_up(self, cutoff: int) -> None:
        """From here on the redemptions up to the cutoff cannot be cancelled."""
        for order_id in sorted(i for i in self.waiting_redemptions if i <= cutoff):
            shares = self.waiting_redemptions.pop(order_id)
            if shares:
                self.groups[order_id] = self.line_end, self.line_end + shares
                self.line_end += shares
                self.line_ids.append(order_id)
                self.line_ends.append(self.line_end)

    def _settle_redemptions(self, done: Settlement) -> None:
        """Pay at the bottom less the levy, first come first served, as far as idle assets reach."""
        supply, worth = (done.supply + VIRTUAL_SHARES) * PPM, (done.bottom + 1) * (PPM - done.exit_levy_ppm)
        shares, idle = done.asked, self.booked
        assets = shares * worth // supply
        if assets > idle:
            assets = idle
            shares = min(shares, ceil_div(idle * supply, worth))
        # A rest that is worth less than a unit goes along: no payment could ever clear it.
        if not (done.asked - shares) * worth // supply:
            shares = done.asked
        if not shares or not idle:
            return
        self.filled += shares
        self.fill_shares.append(self.filled)
        self.fill_assets.append(self.fill_assets[-1] + assets)
        self.booked -= assets
        self.set_aside += assets
        self.supply -= shares
        self.escrow_asked -= shares
        done.filled, done.paid = shares, assets

    # --- flows ---

    def reserved(self, now: int) -> int:
        """What redemptions that can no longer be cancelled are worth at the bottom, rounded up."""
        closed = self.line_end - self.filled
        closed += sum(shares for i, shares in self.waiting_redemptions.items() if self.committed(i))
        return ceil_div(closed * (self.worth(now)[0] + 1), self.supply + VIRTUAL_SHARES)

    def draw(self, now: int, assets: int) -> None:
        """Move idle assets into the book."""
        require(self.hub.active(now), "draw: not active")
        require(not self.overdue(now), "draw: redemption overdue")
        require(0 < assets <= self.booked + self.vested(now) - self.reserved(now), "draw: not enough idle")
        self.recover(now)
        self._book_vested(now)
        self.drawn = True
        self.booked -= assets
        self.hub.pending_flow += assets

    def give_back(self, assets: int) -> None:
        """Move assets of the book back to the share."""
        require(assets > 0, "give back: nothing")
        self.booked += assets
        self.hub.pending_flow -= assets

    def contribute(self, now: int, assets: int) -> None:
        """Give assets to the holders; they count linearly over 30 days, or until the mean of the times of several gifts."""
        require(assets > 0, "contribute: nothing")
        self._book_vested(now)
        left = self.locked * (self.vests_until - now) if self.locked else 0
        self.locked += assets
        self.locked_at, self.vests_until = now, now + (left + assets * VESTING_S) // self.locked

    def _book_vested(self, now: int) -> None:
        vested = self.vested(now)
        if vested:
            self.booked += vested
            self.locked -= vested
            self.locked_at = now
