"""Who acts on a vault: holders, strangers, attackers with capital, and operators, honest or with valid proofs that cheat.

An agent has one method, ``act``: it looks at the world as anybody can who sees the chain and the true prices (an operator
and an insider see the book too) and tries one thing or several in one block. What it may do the protocol decides.
"""

from __future__ import annotations

from collections.abc import Callable

from .model import BPS, PPB, Bucket, ceil_div
from .world import PPM, World


class Agent:
    """An account, and what it does when it is its turn."""

    def __init__(self, name: str) -> None:
        self.name = name

    def act(self, world: World) -> None:
        raise NotImplementedError

    # --- what every account can do with its own orders ---

    def balance(self, world: World) -> int:
        return world.share.balances.get(self.name, 0)

    def orders(self, world: World, kind: str) -> list[int]:
        return [key[1] for key in getattr(world.share, kind) if key[0] == self.name]

    def claim_all(self, world: World) -> None:
        """Claim whatever a settlement has made claimable."""
        share = world.share
        for order_id in self.orders(world, "deposits"):
            held, entry = share.deposits[self.name, order_id], share.entry(order_id)
            if entry is not None and entry[0]:
                world.do("claim_deposit", self.name, order=order_id, assets=held)
            elif entry is not None:
                world.do("claim_returned", self.name, order=order_id)
        for order_id in self.orders(world, "redemptions"):
            assets = share.claimable(order_id, share.redemptions[self.name, order_id])
            if assets:
                world.do("claim_redeem", self.name, order=order_id, assets=assets)

    def cancel_all(self, world: World) -> None:
        for order_id in self.orders(world, "deposits"):
            if order_id > world.share.deposit_cutoff:
                world.do("cancel_deposit", self.name, order=order_id)
        for order_id in self.orders(world, "redemptions"):
            if world.share.pending(order_id, world.share.redemptions[self.name, order_id]):
                world.do("cancel_redeem", self.name, order=order_id)

    def redeem_all(self, world: World) -> None:
        if self.balance(world):
            world.do("request_redeem", self.name, shares=self.balance(world))


class Holder(Agent):
    """Saves, leaves, changes its mind, sells its orders: without a plan."""

    def act(self, world: World) -> None:
        random, share = world.random, world.share
        choice = random.randrange(10)
        if choice < 2:
            world.do("request_deposit", self.name, assets=random.randrange(1, world.wallets[self.name] // 4 + 2))
        elif choice < 4 and self.balance(world):
            world.do("request_redeem", self.name, shares=random.randrange(1, self.balance(world) + 1))
        elif choice == 4:
            self.cancel_all(world)
        elif choice == 5 and self.balance(world):
            world.do("transfer", self.name, to=self.other(world), shares=random.randrange(1, self.balance(world) + 1))
        elif choice == 6:
            for order_id in self.orders(world, "deposits")[-1:]:
                if order_id > share.deposit_cutoff:
                    world.do("transfer_deposit", self.name, to=self.other(world), order=order_id)
                elif share.entry(order_id)[0]:
                    part = random.randrange(1, share.deposits[self.name, order_id] + 1)
                    world.do("claim_deposit", self.name, order=order_id, assets=part)
        elif choice == 7:
            for order_id in self.orders(world, "redemptions")[-1:]:
                world.do("transfer_redeem", self.name, to=self.other(world), order=order_id)
        elif choice == 8:
            most = sum(share.claimable(i, share.redemptions[self.name, i]) for i in self.orders(world, "redemptions")[:16])
            if most:
                world.do("claim_oldest", self.name, assets=random.randrange(1, most + 1))
        else:
            self.claim_all(world)

    def other(self, world: World) -> int:
        return world.random.randrange(len(world.accounts))


class Sandwich(Agent):
    """Borrows everything for one block: orders, has a round taken, waits for the proof, and leaves, all in that block."""

    def __init__(self, name: str, prove: Callable[[World], None]) -> None:
        super().__init__(name)
        self.prove = prove

    def act(self, world: World) -> None:
        before = world.wallets[self.name]
        order_id = world.do("request_deposit", self.name, assets=before)
        if world.random.random() < 0.5:
            world.do("take_round", self.name)
        self.prove(world)
        self.claim_all(world)
        self.redeem_all(world)
        self.prove(world)
        self.claim_all(world)
        if order_id is not None and world.random.random() < 0.7:
            # The loan is due at the end of the block.
            world.do("cancel_deposit", self.name, order=order_id)


class LagTrader(Agent):
    """Knows the true prices while the feeds lag: enters where the worth is about to be understated, leaves where it is
    overstated, and takes back what turns out badly."""

    least_ppm = 300

    def act(self, world: World) -> None:
        self.claim_all(world)
        off_ppm = self.misprice_ppm(world)
        if off_ppm > self.least_ppm:
            self.cancel(world, "redemptions")
            world.do("request_deposit", self.name, assets=world.wallets[self.name] // 2)
        elif off_ppm < -self.least_ppm:
            self.cancel(world, "deposits")
            self.redeem_all(world)

    def cancel(self, world: World, kind: str) -> None:
        for order_id in self.orders(world, kind)[-4:]:
            if order_id not in world.share.groups and order_id > world.share.deposit_cutoff:
                world.do("cancel_deposit" if kind == "deposits" else "cancel_redeem", self.name, order=order_id)

    def book(self, world: World) -> tuple[int, ...]:
        """An outsider guesses the book; here it guesses right."""
        return world.hub.book

    def misprice_ppm(self, world: World) -> int:
        """By how much the book is worth more at the true prices than at the feeds' answers."""
        book = self.book(world)
        known = sum(q * feed.answer for q, feed in zip(world.hub.book, world.oracle.feeds, strict=True))
        true = sum(q * p for q, p in zip(book, world.true_prices(), strict=True))
        return (true - known) * PPM // known if known > 0 else 0


class Insider(LagTrader):
    """Also knows what custody really holds, so what the next proof will say."""

    def book(self, world: World) -> tuple[int, ...]:
        return tuple(world.real)


class CancelOption(LagTrader):
    """Orders both ways in every round, and cancels the worse side once it sees a round that will price them."""

    least_ppm = 0

    def act(self, world: World) -> None:
        self.claim_all(world)
        latest = world.oracle.latest
        if latest and self.orders(world, "deposits"):
            prices, true = world.oracle.rounds[-1].prices, world.true_prices()
            book = world.hub.book
            settled = sum(q * p for q, p in zip(book, prices, strict=True)) * true[0]
            worth = sum(q * p for q, p in zip(book, true, strict=True)) * prices[0]
            self.cancel(world, "redemptions" if worth > settled else "deposits")
        else:
            world.do("request_deposit", self.name, assets=world.wallets[self.name] // 2)
            if self.balance(world):
                world.do("request_redeem", self.name, shares=self.balance(world))


class Duster(Agent):
    """Tries to make others' numbers round badly and their lists long."""

    def act(self, world: World) -> None:
        random, share = world.random, world.share
        choice = random.randrange(8)
        least = world.hub.mandate.least_order
        if choice == 0:
            world.do("request_deposit", self.name, assets=random.choice((1, least - 1, least, least + 1)))
        elif choice == 1 and self.balance(world):
            world.do("request_redeem", self.name, shares=random.choice((1, min(self.balance(world), 10**9))))
            if self.balance(world) > 1:
                # A whole balance may be smaller than the least order.
                world.do("transfer", self.name, to=random.randrange(4), shares=self.balance(world) - 1)
            world.do("request_redeem", self.name, shares=1)
        elif choice == 2:
            world.do("contribute", self.name, assets=random.choice((1, 10, 10**6)))
        elif choice == 3 and self.balance(world):
            world.do("transfer", self.name, to=random.randrange(len(world.accounts)), shares=1)
        elif choice == 4:
            for order_id in self.orders(world, "deposits")[-2:]:
                world.do("transfer_deposit", self.name, to=random.randrange(len(world.accounts)), order=order_id)
                world.do("claim_deposit", self.name, order=order_id, assets=1)
        elif choice == 5:
            for order_id in self.orders(world, "redemptions")[-2:]:
                world.do("transfer_redeem", self.name, to=random.randrange(len(world.accounts)), order=order_id)
                world.do("claim_redeem", self.name, order=order_id, assets=1)
        elif choice == 6:
            world.do("take_round", self.name)
        else:
            self.claim_all(world)
            if len(self.orders(world, "redemptions")) > 8:
                world.do("claim_oldest", self.name, assets=1)
        del share


class Public(Agent):
    """Keeps the vault going, or ends it: takes rounds, activates what has waited, winds down what is overdue."""

    def act(self, world: World) -> None:
        choice, proposal = world.random.randrange(20), world.hub.proposal
        if proposal and world.now >= proposal.active_from and world.random.random() < 0.5:
            world.do("activate", self.name)
        if choice < 15:
            world.do("take_round", self.name)
        elif choice < 18:
            world.do("activate", self.name)
        elif choice == 18:
            world.do("wind_down", self.name)


class Guardian(Agent):
    """Pauses now and then, also to help an operator; lets write-downs pass."""

    def act(self, world: World) -> None:
        if world.hub.paused(world.now):
            world.do("unpause", self.name)
        elif world.random.random() < 0.1:
            world.do("pause", self.name)
        elif world.hub.write_down_open(world.now) or world.random.random() < 0.1:
            world.do("approve", self.name)


class Operator(Agent):
    """Holds a hedged book: buys the asset, sells its hedge. Honest: what it proves custody holds."""

    def __init__(self, name: str = World.OPERATOR) -> None:
        super().__init__(name)
        #: What the operator took from the book for itself, in units of each slot.
        self.own: list[int] = [0, 0, 0]

    def act(self, world: World) -> None:
        random = world.random
        choice = random.randrange(40)
        if choice < 22:
            self.prove(world)
        elif choice < 27:
            self.draw(world)
        elif choice < 32:
            self.pay(world)
        elif choice < 36:
            self.world_moves_custody(world)
        elif choice == 36:
            if world.hub.proposal is None or random.random() < 0.1:
                world.do("propose", self.name, looser=int(random.random() < 0.8))
        elif choice == 37:
            world.do("activate", self.name)
        elif choice == 38 and random.random() < 0.02:
            world.do("wind_down", self.name)
        elif choice == 39:
            missing = self.missing_steps(world)
            if missing > 0 or random.random() < 0.1:
                world.do("announce", self.name, steps=max(missing, 1))
            elif random.random() < 0.1:
                world.do("withdraw_write_down", self.name)

    def draw(self, world: World) -> None:
        share = world.share
        free = share.booked - share.reserved(world.now)
        if free > 0:
            # One in four tries too much.
            most = share.booked if world.random.random() < 0.25 else free
            world.do("draw", self.name, assets=world.random.randrange(1, most + 1))

    def pay(self, world: World) -> None:
        """Bring back what redemptions need, as far as cash reaches."""
        share = world.share
        owed = sum(share.waiting_redemptions.values()) + share.line_end - share.filled
        assets = share.redeemable(owed, world.now) + 1 - share.booked
        assets = min(assets, world.real[0]) if world.random.random() < 0.9 else world.random.randrange(1, 10**9)
        if assets > 0:
            world.do("give_back", self.name, assets=assets)

    def world_moves_custody(self, world: World) -> None:
        """Funding and fees come in, trades cost, and at times something is lost."""
        random = world.random
        cash = world.real[0] - world.phantom
        if cash <= 0:
            return
        if random.random() < 0.02:
            world.real[0] -= cash * random.randrange(1, 80) // 1000
        else:
            world.real[0] += cash * random.randrange(-3, 6) // 10_000

    def missing_steps(self, world: World) -> int:
        """NAV steps of loss that the loss bucket does not cover."""
        hub = world.hub
        missing = hub.book[0] + hub.pending_flow - world.real[0] - world.phantom
        price = world.oracle.feeds[0].answer
        nav = hub.nav_floor * hub.mandate.nav_step_e14
        uncovered = missing * price - hub.levels["loss"] * nav // PPB
        return max(ceil_div(uncovered, hub.mandate.nav_step_e14), 0)

    # --- proving ---

    def prove(self, world: World) -> None:
        """Prove what custody holds, traded towards the hedge, at the latest round; mostly at a new one."""
        if world.random.random() < 0.7:
            world.do("take_round", self.name)
        self.submit(world, world.oracle.latest, self.traded(world))

    def held(self, world: World) -> list[int]:
        """What the committed book becomes without a trade."""
        return [world.real[0] + world.phantom, *world.real[1:]]

    def traded(self, world: World) -> list[int]:
        """Buy or sell the asset at the market and hedge it, with a small cost."""
        after = self.held(world)
        true, random = world.true_prices(), world.random
        if random.random() < 0.7:
            nav = sum(q * p for q, p in zip(after, true, strict=True))
            if nav <= 0:
                return after
            for slot, side in ((1, 1), (2, -1)):
                target = side * random.randrange(0, 90) * nav // (100 * true[slot])
                trade = (target - after[slot]) * random.randrange(0, 3) // 2
                after[slot] += trade
                after[0] -= ceil_div(trade * true[slot], true[0]) + abs(trade) * true[slot] // true[0] // 5000
        return after

    def submit(self, world: World, number: int, after: list[int], spare: tuple[int, int, int] = (0, 0, 0)) -> bool:
        """Prove this book at this round, naming the least that covers it. Custody holds it then, but for the phantom."""
        hub = world.hub
        if not number:
            return False
        prices = world.oracle.rounds[number - 1].prices
        trades = [new - old for new, old in zip(after, hub.book, strict=True)]
        nav = sum(q * p for q, p in zip(after, prices, strict=True))
        left = nav + max(-hub.pending_flow, 0) * prices[0]
        cost = hub.pending_flow * prices[0] - sum(t * p for t, p in zip(trades, prices, strict=True))
        traded = sum(abs(t) * p for t, p in zip(trades[1:], prices[1:], strict=True))
        if nav <= 0:
            least = [0, 0, 0]
        else:
            mandate = hub.mandate
            announced = hub.announced.steps * mandate.nav_step_e14 if hub.write_down_open(world.now) else 0
            dear = cost - announced - mandate.slippage_bps * traded // BPS
            gain = ceil_div(max(-cost, dear, 0) * PPB, nav)
            loss = ceil_div(max(cost - announced, 0) * PPB, left)
            turnover = ceil_div(traded * PPM, left)
            least = [
                ceil_div(need, bucket.step)
                for need, bucket in ((gain, mandate.gain), (loss, mandate.loss), (turnover, mandate.turnover))
            ]
        gain, loss, turnover = (max(n + s, 0) for n, s in zip(least, spare, strict=True))
        quantities = {f"q{slot}": q for slot, q in enumerate(after)}
        # Without an interval a second proof may hide the first from the share, in one batch.
        twice = int(not hub.mandate.least_interval_s and world.random.random() < 0.1)
        named = {"gain": gain, "loss": loss, "turnover": turnover, "twice": twice}
        done = world.do("prove", self.name, round=number, **named, **quantities)
        if done is None:
            return False
        world.real = [after[0] - world.phantom, *after[1:]]
        return True


class Thief(Operator):
    """An operator whose proofs are valid: takes cost, trades with an account of its own at prices that lag, chooses among
    rounds, claims gains that nobody made, deposits and redeems with money of its own at the moment that it chooses."""

    def act(self, world: World) -> None:
        random = world.random
        choice = random.randrange(20)
        if choice < 6:
            self.take_cost(world)
        elif choice < 12:
            self.trade_with_itself(world)
        elif choice < 14:
            self.claim_a_gain(world)
        elif choice < 16:
            self.time_own_orders(world)
        elif choice == 16:
            # Skip a price: two proofs in a row, with the guardian's help or without.
            self.prove(world)
            world.do("pause", World.GUARDIAN)
            world.do("unpause", World.GUARDIAN)
            self.prove(world)
        else:
            super().act(world)

    def rounds(self, world: World) -> list[int]:
        """Rounds to choose from, newest first; at times one that is too old. Takes one if there is none."""
        oracle, grace = world.oracle, world.hub.mandate.grace_s
        if not oracle.rounds or world.now - oracle.rounds[-1].time > grace:
            world.do("take_round", self.name)
        oldest = oracle.newest_until(world.now - grace - 1)
        return list(range(oracle.latest, max(oldest - (world.random.random() < 0.1), 0), -1))

    def pay(self, world: World) -> None:
        """Keep holders waiting, mostly."""
        if world.random.random() < 0.3:
            super().pay(world)

    def lie(self, world: World) -> tuple[int, int, int]:
        """What to name beside the least that covers a proof: at times a step too little."""
        return world.random.choice(((0, 0, 0), (0, 0, 0), (-1, 0, 0), (0, -1, 0), (0, 0, -1)))

    def level(self, world: World, name: str, number: int) -> tuple[int, Bucket]:
        bucket: Bucket = getattr(world.hub.mandate, name)
        level = world.hub.refilled(world.oracle.rounds[number - 1].time)[name]
        return level // bucket.step * bucket.step, bucket

    def take_cost(self, world: World) -> None:
        """Pay as much as the buckets allow, to itself; one in four tries one unit more."""
        rounds = self.rounds(world)
        if not rounds:
            return
        number = world.random.choice(rounds)
        prices = world.oracle.rounds[number - 1].prices
        after = self.held(world)
        nav = sum(q * p for q, p in zip(after, prices, strict=True))
        if nav <= 0:
            return
        (loss, _), (gain, _) = self.level(world, "loss", number), self.level(world, "gain", number)
        most = min(loss, gain) * nav // PPB // prices[0] * 999 // 1000
        take = most + world.random.choice((0, 0, 0, most // 50 + 1))
        after[0] -= take
        if take > 0 and self.submit(world, number, after, self.lie(world)):
            self.own[0] += take

    def trade_with_itself(self, world: World) -> None:
        """Trade at the snapshot's prices, at cost 0, where they are furthest from the market."""
        best: tuple[int, int, int] = (0, 0, 0)
        true = world.true_prices()
        for number in self.rounds(world):
            prices = world.oracle.rounds[number - 1].prices
            for slot in (1, 2):
                off = (true[slot] * prices[0] - prices[slot] * true[0]) * PPM // (prices[slot] * true[0])
                if abs(off) > abs(best[0]):
                    best = off, slot, number
        off, slot, number = best
        if not number:
            return
        prices = world.oracle.rounds[number - 1].prices
        after = self.held(world)
        nav = sum(q * p for q, p in zip(after, prices, strict=True))
        level, _ = self.level(world, "turnover", number)
        level = min(level, world.random.choice((level, world.hub.mandate.max_turnover_bps * 100)))
        amount = nav * level // PPM // prices[slot] * 95 // 100
        # The asset is dearer in truth: the vault sells it to the operator.
        trade = -amount if off > 0 else amount
        cash = ceil_div(-trade * prices[slot], prices[0])
        after[slot] += trade
        after[0] += cash
        if amount > 0 and self.submit(world, number, after, self.lie(world)):
            self.own[slot] -= trade
            self.own[0] -= cash

    def claim_a_gain(self, world: World) -> None:
        """State cash that custody does not hold, as far as the bucket of gains reaches; or a little further."""
        rounds = self.rounds(world)
        if not rounds:
            return
        number = world.random.choice(rounds)
        prices = world.oracle.rounds[number - 1].prices
        after = self.held(world)
        nav = sum(q * p for q, p in zip(after, prices, strict=True))
        gain, _ = self.level(world, "gain", number)
        more = nav * gain // PPB // max(prices[0], 1) * world.random.choice((90, 99, 105)) // 100
        if more > 0:
            after[0] += more
            world.phantom += more
            if not self.submit(world, number, after, self.lie(world)):
                world.phantom -= more

    def time_own_orders(self, world: World) -> None:
        """Enter with money of its own if a usable round understates the worth, leave if one overstates it."""
        self.claim_all(world)
        true, book = world.true_prices(), world.hub.book
        worth = sum(q * p for q, p in zip(book, true, strict=True)) * PPM // true[0]
        offs = []
        for number in self.rounds(world):
            prices = world.oracle.rounds[number - 1].prices
            offs.append((worth - sum(q * p for q, p in zip(book, prices, strict=True)) * PPM // prices[0], number))
        if not offs:
            return
        entering = bool(self.orders(world, "deposits"))
        _, number = max(offs) if entering else min(offs)
        self.submit(world, number, self.held(world))
        if self.balance(world):
            self.redeem_all(world)
        else:
            world.do("request_deposit", self.name, assets=world.wallets[self.name] // 2)
