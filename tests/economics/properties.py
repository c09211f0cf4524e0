"""What has to hold at every step, whatever anybody does. The ids are those of ``tests/PROPERTIES.md``.

Each check looks at the state from outside, and where a rule is a formula it computes it another way than the model.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from .model import DAY_S, LEAST_NAV_STEPS, PPB, PPM, VIRTUAL_SHARES, Settlement, ceil_div
from .world import World


class Broken(AssertionError):
    """A property does not hold."""

    def __init__(self, identity: str, text: str) -> None:
        super().__init__(f"{identity}: {text}")
        self.identity = identity


def totals(world: World) -> tuple[object, ...]:
    """Everything that a refused action must leave as it was: scalars, and the size and sum of every collection."""
    share, hub = world.share, world.hub
    scalars = tuple(
        value
        for holder in (share, hub, world.oracle, world)
        for name, value in vars(holder).items()
        if isinstance(value, (int, tuple, str)) and name != "now"
    )
    waiting = (share.waiting_deposits, share.waiting_redemptions, share.deposits, share.balances, world.wallets, hub.levels)
    orders = tuple((order.shares, order.owed, order.mark) for order in share.redemptions.values())
    return scalars, tuple((len(x), sum(x.values())) for x in waiting), orders, tuple(share.fill_assets[-1:]), hub.proposal


class Properties:
    """Looks at every action of one world. ``checked`` counts how often each property was tested on something."""

    #: Actions after which the shares may be worth less or more: the world moved, not the holders.
    MARKET = frozenset({"prove", "take_round", "wind_down", "contribute"})

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.taken_units = 0
        self.asked: dict[tuple[str, int], int] = {}
        self.pool = {"gain": Fraction(0), "loss": Fraction(0), "turnover": Fraction(0)}
        self.used = {"gain": 0, "loss": 0, "turnover": 0}
        self.last_fill = 0
        self.first_fill = 0
        self.last_proof: tuple[int, int, int] = (0, 0, 0)
        self.met: dict[int, int] = {}
        self.cycle_from = 0
        self.loosening = 0
        self.take_e14 = 0
        self.take_of_nav = Fraction(0)
        self.max_lag_ppm = 0
        self.max_misprice_ppm = 0
        self.written_down_of_nav = Fraction(0)
        self.edges: dict[str, list[int]] = {}

    def require(self, identity: str, holds: bool, text: str, *values: object) -> None:
        self.checked[identity] += 1
        if not holds:
            raise Broken(identity, f"{text} {values}" if values else text)

    # --- hooks ---

    def before(self, world: World, action: str, who: str, args: dict[str, int]) -> None:
        share = world.share
        self.was = totals(world)
        self.was_worth, self.was_supply = share.worth(world.now), share.supply
        self.was_idle, self.was_wound_down = share.booked, world.hub.wound_down
        self.was_open = world.hub.write_down_open(world.now)
        self.was_stale = world.now - world.hub.snapshot_at > world.hub.mandate.max_proof_age_s
        self.was_paused = world.now < world.hub.paused_until
        if action in ("prove", "propose", "activate"):
            self.was_waiting = {i: x for i, x in share.waiting_deposits.items() if x}
            self.was_mandate = world.hub.mandate
        if action == "prove":
            hub = world.hub
            self.was_book, self.was_flow, self.was_filled = hub.book, hub.pending_flow, share.filled
            self.was_cutoff, self.was_deposit_cutoff = share.last_cutoff, share.deposit_cutoff
            self.was_announced = hub.announced
            self.was_orders = [*share.deposits, *share.redemptions]
        if action in ("cancel_deposit", "cancel_redeem"):
            self.was_committed = self.committed(world, args["order"])
        if action == "transfer_redeem":
            self.was_claimable = self._claimable(world, who, args)

    def refused(self, world: World, action: str, who: str, args: dict[str, int], rule: str) -> None:
        self.require("E-15", totals(world) == self.was, f"refused {action} changed something: {rule}")

    def after(self, world: World, action: str, who: str, args: dict[str, int], result: object) -> None:
        getattr(self, f"_after_{action}", self._nothing)(world, who, args, result)
        if action not in self.MARKET:
            self.price_does_not_fall(world, action)
        self.claims_are_covered(world)
        self.tokens_are_accounted(world)

    def _nothing(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        pass

    # --- money ---

    def claims_are_covered(self, world: World) -> None:
        """E-1: what all accounts can claim is set aside."""
        share = world.share
        assets = sum(share.claimable(key[1], order) for key, order in share.redemptions.items())
        self.require("E-1", assets <= share.set_aside, "claims above what is set aside", assets, share.set_aside)
        shares = returned = pending = 0
        for (_, order_id), held in share.deposits.items():
            entry = share.entry(order_id)
            if entry is None:
                pending += held
            elif entry[0]:
                shares += held * entry[0] // entry[1]
            else:
                returned += held
        self.require("E-1", shares <= share.escrow_entered, "deposits claim more shares than were minted", shares)
        self.require("E-1", returned <= share.cancelled, "returned deposits above what is kept for them", returned)
        self.require("E-1", pending == share.pending_deposits, "deposits that wait are not what is booked", pending)
        waiting = sum(share.pending(key[1], order) for key, order in share.redemptions.items())
        self.require("E-1", waiting <= share.escrow_asked, "redemptions that wait exceed the escrow", waiting)

    def tokens_are_accounted(self, world: World) -> None:
        """E-2: each token of the share has one purpose, and each share an owner."""
        share = world.share
        assets = share.booked + share.locked + share.pending_deposits + share.set_aside + share.cancelled
        self.require("E-2", assets == world.tokens, "tokens without a purpose", assets, world.tokens)
        pots = (share.booked, share.locked, share.pending_deposits, share.set_aside, share.cancelled)
        self.require("E-2", min(pots) >= 0, "a pot below zero", pots)
        shares = sum(share.balances.values()) + share.escrow_entered + share.escrow_asked
        self.require("E-2", shares == share.supply, "shares without an owner", shares, share.supply)
        if share.balances:
            self.require("E-2", min(share.balances.values()) >= 0, "a balance below zero")

    def price_does_not_fall(self, world: World, action: str) -> None:
        """E-3, for everything but a proof: the price of those who stay, at both ends of the NAV step."""
        share = world.share
        if world.hub.wound_down:
            # The rest is for those who stay: a share of what is idle.
            before, after = self.was_idle * share.supply, share.booked * self.was_supply
            self.require("E-3", after >= before or not share.supply, f"{action} lowers the price in wind-down")
            return
        for was, now in zip(self.was_worth, share.worth(world.now), strict=True):
            left, right = (now + 1) * (self.was_supply + VIRTUAL_SHARES), (was + 1) * (share.supply + VIRTUAL_SHARES)
            self.require("E-3", left >= right, f"{action} lowers the price", was, now)

    # --- orders ---

    def committed(self, world: World, order_id: int) -> bool:
        """Whether an order that was made now would get a later id: then the round of this one is taken."""
        return order_id <= len(world.oracle.rounds)

    def _after_request_deposit(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        self._asked(world, who, result)
        active = not (self.was_stale or self.was_paused or self.was_wound_down)
        self.require("E-14", active, "a deposit while the vault takes none")

    def _after_request_redeem(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        if not world.hub.wound_down:
            self._asked(world, who, result)

    def _asked(self, world: World, who: str, order_id: object) -> None:
        assert isinstance(order_id, int)
        self.require("E-6", order_id > world.oracle.latest, "an order under the number of a round that exists", order_id)
        self.require("E-7", order_id not in self.met, "an order joins an id that has met its proof", order_id)
        # The latest order of an id counts: the price has to be younger than all of them.
        self.asked[who, order_id] = world.now

    def _after_cancel_deposit(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        allowed = self.was_stale or self.was_wound_down or not self.was_committed
        self.require("E-6", allowed, "a deposit cancelled after its round", args["order"])

    def _after_cancel_redeem(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        self.require("E-6", self.was_wound_down or not self.was_committed, "a redemption cancelled after its round", args)

    def _after_transfer_deposit(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        key = args["order"]
        to = world.accounts[args["to"]]
        self.asked[to, key] = max(self.asked.get((to, key), 0), self.asked[who, key])

    def _after_transfer_redeem(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        """E-19: what is filled stays with its owner."""
        self._after_transfer_deposit(world, who, args, result)
        now = self._claimable(world, who, args)
        self.require("E-19", now == self.was_claimable, "a transfer moved what could be claimed", self.was_claimable, now)

    def _claimable(self, world: World, who: str, args: dict[str, int]) -> list[int]:
        orders = [world.share.redemptions.get((name, args["order"])) for name in (who, world.accounts[args["to"]])]
        return [world.share.claimable(args["order"], order) if order else 0 for order in orders]

    # --- proofs ---

    def _after_prove(self, world: World, who: str, args: dict[str, int], result: Settlement) -> None:
        taken = world.oracle.rounds[args["round"] - 1]
        self._round_is_allowed(world, taken.number, taken.time)
        self._buckets(world, args, taken.time)
        self._take(world, args, taken.prices)
        self._orders_meet_their_proof(world, result, taken.answered_at)
        self._settlement(world, result, taken.prices)
        self.last_proof = (taken.time, taken.number, self.last_proof[2] + 1)

    def _round_is_allowed(self, world: World, number: int, time: int) -> None:
        """E-16: no older than grace, not below the last one, not before the least interval."""
        mandate, (last, last_round, proofs) = world.hub.mandate, self.last_proof
        self.require("E-16", world.now - time <= mandate.grace_s and number >= last_round, "a round that is too old")
        early = proofs >= 1 and time - last < mandate.least_interval_s
        self.require("E-16", not early and not self.was_paused, "a proof too early")

    def _buckets(self, world: World, args: dict[str, int], time: int) -> None:
        """E-8: in every stretch of time what is used is at most rate × time + cap. The excess over the rate, floored at
        zero, is the largest over all stretches that end here."""
        mandate = world.hub.mandate
        elapsed = time - self.last_fill if self.last_fill else 0
        self.last_fill = max(self.last_fill, time)
        self.first_fill = self.first_fill or time
        for name in self.pool:
            bucket = getattr(mandate, name)
            used = args[name] * bucket.step
            self.used[name] += used
            drained = max(self.pool[name] - Fraction(bucket.rate_per_day * max(elapsed, 0), DAY_S), Fraction(0))
            self.pool[name] = drained + used
            self.require("E-8", self.pool[name] <= bucket.cap, f"more {name} used than time allows", self.pool[name])

    def _take(self, world: World, args: dict[str, int], prices: tuple[int, ...]) -> None:
        """E-9: what the book lost at the true prices is bounded by what the proof named.

        Values in USD 1e-14 at the snapshot's price of the settlement asset; the truth is the market's price of each slot
        over that of the settlement asset, so that a common error of the two cancels.
        """
        hub, true = world.hub, world.true_prices()
        trades = [new - old for new, old in zip(hub.book, self.was_book, strict=True)]
        fair = [Fraction(p * prices[0], true[0]) for p in true]
        take = self.was_flow * prices[0] - sum(t * p for t, p in zip(trades, fair, strict=True))
        nav = sum(q * p for q, p in zip(hub.book, prices, strict=True))
        left = nav + max(-self.was_flow, 0) * prices[0]
        lag = max((abs(p - f) / p for p, f in zip(prices[1:], fair[1:], strict=True)), default=Fraction(0))
        self.max_lag_ppm = max(self.max_lag_ppm, ceil_div(lag.numerator * PPM, lag.denominator))
        mandate, announced = hub.mandate, self.was_announced
        carried = announced.steps * mandate.nav_step_e14 if announced and self.was_open else 0
        loss = Fraction(args["loss"] * mandate.loss.step * left, PPB)
        turnover = Fraction(args["turnover"] * mandate.turnover.step * left, PPM)
        gain = Fraction(args["gain"] * mandate.gain.step * nav, PPB)
        self.require("E-9", take <= loss + carried + turnover * lag, "the book lost more than the proof named", take)
        self.require("E-9", -take <= gain + turnover * lag, "the book gained more than the proof named", take)
        if left:
            self.take_of_nav += Fraction(int(take), left)
            self.written_down_of_nav += Fraction(carried, left)
        gross = sum(abs(q) * abs(p - f) for q, p, f in zip(hub.book, prices, fair, strict=True))
        if nav:
            self.max_misprice_ppm = max(self.max_misprice_ppm, int(gross * PPM / nav))

    def _orders_meet_their_proof(self, world: World, done: Settlement, answered_at: tuple[int, ...]) -> None:
        """E-6 and E-7: no answer is older than an order that it prices, and a group of deposits meets one proof in whole."""
        share = world.share
        for key in self.was_orders:
            last = self.was_deposit_cutoff if key in share.deposits else self.was_cutoff
            if last < key[1] <= done.cutoff:
                asked = self.asked[key]
                self.require("E-6", asked <= min(answered_at), "an order meets a price from before it", key, asked)
        for order_id, assets in self.was_waiting.items():
            if order_id <= done.cutoff:
                self.require("E-7", order_id not in self.met, "deposits meet a second proof", order_id)
                self.met[order_id] = assets
                self.require("E-7", not share.waiting_deposits.get(order_id), "deposits wait on after their proof")
        met = sum(assets for i, assets in self.was_waiting.items() if i <= done.cutoff)
        self.require("E-7", met == done.deposited + done.returned, "a part of the deposits met no proof", met)
        self.require("E-7", not (done.deposited and done.returned), "a part of the deposits returned")
        if self.was_stale or self.was_open or done.refused:
            self.require("E-14", not done.deposited, "deposits settled where they must be returned")
        announced = self.was_announced
        if self.was_open and announced and world.now < announced.opens_at:
            self.require("E-14", False, "a proof while a write-down waits")

    def _settlement(self, world: World, done: Settlement, prices: tuple[int, ...]) -> None:
        """E-3 to E-5 and E-11 for one settlement, at the exact worth E/p₀ and at both ends of the NAV step."""
        share, hub = world.share, world.hub
        if share.last is not done:
            return  # no order waited, so nothing was settled
        nav = sum(q * p for q, p in zip(hub.book, prices, strict=True))
        idle = share.booked - done.deposited + done.paid
        exact = Fraction(nav, prices[0]) + idle
        supply, supply_after = done.supply + VIRTUAL_SHARES, share.supply + VIRTUAL_SHARES
        moved = done.deposited - done.paid
        step = Fraction(hub.mandate.nav_step_e14, prices[0]) + 2
        self.require("E-3", share.supply == done.supply + done.minted - done.filled, "shares made or burnt elsewhere")
        if done.supply:
            self.require("E-3", exact <= done.top and done.bottom <= exact, "the worth is outside its NAV step")
        for worth in (done.bottom, exact, done.top):
            left, right = (worth + moved + 1) * supply, (worth + 1) * supply_after
            self.require("E-3", left >= right, "a settlement lowers the price of those who stay", worth)
        if done.deposited:
            # Who enters: worth of the shares minus what was paid for them, in asset units.
            received = done.minted * (exact + 1) / supply
            self.require("E-4", received <= done.deposited, "who enters takes from the others", received)
            least = done.deposited - (step * done.minted / supply + (exact + 1) / supply + 1)
            self.require(
                "E-5", received >= least or not done.supply, "who enters overpays more than a NAV step's share", received
            )
        if done.paid:
            worth = done.filled * (exact + 1) / supply
            self.require("E-4", done.paid <= worth, "who leaves takes from the others", worth)
            least = worth - (step * done.filled / supply + (exact + 1) / supply + 1)
            self.require("E-5", done.paid >= least, "who leaves forgoes more than a NAV step's share", worth)
        # Redemptions are paid in whole, or nothing is left that could pay one more unit.
        if not done.refused:
            rest = done.asked - done.filled
            self.require("E-11", not rest or not share.booked, "idle assets, and redemptions wait", rest)
            self.require("E-17", not rest or not idle or rest * (done.bottom + 1) >= supply, "dust waits", rest)
            self.require("E-11", share.filled == self.was_filled + done.filled <= share.line_end, "more filled than asked")
        coarse = done.supply and (done.top - done.bottom) * LEAST_NAV_STEPS > done.bottom
        self.require("E-14", not coarse or not (done.filled or done.deposited), "settled in a step that is too coarse")
        self._edges(world, done, prices)

    def _edges(self, world: World, done: Settlement, prices: tuple[int, ...]) -> None:
        """For the figures: how far, in ppm, the settled worth was from the worth at the true prices, for those who enter
        (cheap is good for them) and for those who leave (dear is good)."""
        true = world.true_prices()
        book = world.hub.book
        settled = Fraction(sum(q * p for q, p in zip(book, prices, strict=True)), prices[0])
        truth = Fraction(sum(q * p for q, p in zip(book, true, strict=True)), true[0])
        idle = world.share.booked - done.deposited + done.paid
        if truth + idle > 0:
            off = int((truth - settled) * PPM / (truth + idle))
            if done.deposited:
                self.edges.setdefault("enter", []).append(off)
            if done.paid:
                self.edges.setdefault("leave", []).append(-off)

    # --- operator and mandate ---

    def _after_contribute(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        """E-18: what is given counts over time, so nobody enters for it."""
        self.require("E-18", world.share.worth(world.now) == self.was_worth, "a gift changes the worth at once")

    def _after_draw(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        """E-12: redemptions that cannot be cancelled any more stay covered at the bottom price."""
        share = world.share
        self.require("E-14", not (self.was_stale or self.was_paused or self.was_wound_down), "a draw while closed")
        closed = 0
        for (_, order_id), order in share.redemptions.items():
            if order_id in share.groups or self.committed(world, order_id):
                closed += share.pending(order_id, order)
        owed = Fraction(closed * (share.worth(world.now)[0] + 1), share.supply + VIRTUAL_SHARES)
        self.require("E-12", share.booked >= owed, "a draw of what redemptions are owed", share.booked, owed)

    def _after_propose(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        if world.hub.proposal is not None and args["looser"]:
            self.loosening = world.now
        if world.hub.mandate is not self.was_mandate:
            # The operator could look at the price, tighten, and take its own deposit back.
            waiting = {i: x for i, x in world.share.waiting_deposits.items() if x}
            self.require("E-13", waiting == self.was_waiting, "a tightening returns deposits")

    def _after_activate(self, world: World, who: str, args: dict[str, int], result: object) -> None:
        """E-13: who asked to leave until the middle of a loosening's delay is paid, and the delay is over."""
        share, delay = world.share, world.hub.loosening_delay_s
        self.require("E-13", not share.pending_deposits, "deposits wait on under a looser mandate")
        self.met.update(self.was_waiting)
        self.require("E-13", world.now >= self.loosening + delay, "a loosening before its delay")
        for key, order in share.redemptions.items():
            asked, waiting = self.asked.get(key), share.pending(key[1], order)
            if asked is not None and asked <= self.loosening + delay // 2:
                worth = share.redeemable(waiting, world.now)
                self.require("E-13", not worth, "a loosening before those were paid who asked first", key, worth)
