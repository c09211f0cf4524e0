"""A vault in its surroundings: markets, lagging feeds, wallets, what custody really holds, and one door for every action.

``World.do`` is the only way to act: it counts what succeeded and what each rule refused, lets the properties look before and
after, and hands the action with the state that follows to the recorder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from types import ModuleType
from typing import Any, Protocol

from . import model as reference
from .model import DAY_S, Mandate, Named, Refused, Settlement

GRID_S = 300
PPM = 10**6


class Prices(Protocol):
    def prices(self, time: int) -> tuple[int, ...]: ...


class Watcher(Protocol):
    """What looks at every action."""

    def before(self, world: World, action: str, who: str, args: dict[str, int]) -> None: ...
    def after(self, world: World, action: str, who: str, args: dict[str, int], result: object) -> None: ...
    def refused(self, world: World, action: str, who: str, args: dict[str, int], rule: str) -> None: ...


class World:
    """One vault with its accounts.

    protocol: the module that holds the rules; a seeded defect is another module. thresholds_ppm: the move at which a feed
    answers anew before its heartbeat. real: what custody holds; the committed book is the hub's.
    """

    OPERATOR, GUARDIAN, PUBLIC = "operator", "guardian", "public"

    def __init__(
        self,
        random: Random,
        market: Prices,
        mandate: Mandate,
        start: int,
        heartbeats_s: Sequence[int],
        thresholds_ppm: Sequence[int],
        accounts: Sequence[str],
        capital: int,
        watchers: Sequence[Watcher] = (),
        protocol: ModuleType = reference,
        loosening_delay_s: int = 7 * DAY_S,
    ) -> None:
        self.random, self.market, self.now, self.thresholds_ppm = random, market, start, tuple(thresholds_ppm)
        answers = market.prices(start)
        self.refused = (Refused, protocol.Refused)
        feeds = [protocol.Feed(p, start, h) for p, h in zip(answers, heartbeats_s, strict=True)]
        self.oracle = protocol.Oracle(feeds)
        self.hub = protocol.Hub(self.oracle, mandate, start, loosening_delay_s)
        self.share = self.hub.share
        self.feeds_dead_until = 0
        self.accounts = tuple(accounts)
        self.wallets = dict.fromkeys((*accounts, self.OPERATOR, self.PUBLIC), capital)
        self.tokens = 0
        self.real = [0] * len(answers)
        self.phantom = 0
        self.done: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.watchers = tuple(watchers)
        #: Actions that nobody tries.
        self.without = frozenset[str]()

    # --- time ---

    def advance(self, seconds: int) -> None:
        """Let time pass. On the way the feeds answer as such feeds do: after a move, and when their heartbeat is over."""
        end = self.now + seconds
        if end < self.feeds_dead_until:
            self.now = end
            return
        time = self.now
        while time < end:
            time = min(time - time % GRID_S + GRID_S, end)
            if time < self.feeds_dead_until:
                continue
            prices = self.market.prices(time)
            for feed, price, threshold in zip(self.oracle.feeds, prices, self.thresholds_ppm, strict=True):
                moved = abs(price - feed.answer) * PPM >= threshold * feed.answer
                # The last grid point before the heartbeat is over: a keeper acts in time.
                if moved or time + GRID_S - feed.updated_at > feed.heartbeat_s:
                    feed.answer, feed.updated_at = price, time
        self.now = end

    def true_prices(self) -> tuple[int, ...]:
        return self.market.prices(self.now)

    # --- the door ---

    def do(self, action: str, who: str, **args: int) -> Any:
        """Try an action. Returns what it gave, None if it was refused."""
        if action in self.without:
            return None
        method: Callable[..., object] = getattr(self, f"_{action}")
        for watcher in self.watchers:
            watcher.before(self, action, who, args)
        try:
            result = method(who, **args)
        except self.refused as refused:
            rule = str(refused)
            self.refusals[rule] += 1
            for watcher in self.watchers:
                watcher.refused(self, action, who, args, rule)
            return None
        self.done[action] += 1
        for watcher in self.watchers:
            watcher.after(self, action, who, args, result)
        return result if result is not None else True

    def _pay(self, who: str, assets: int) -> None:
        self.wallets[who] -= assets
        self.tokens += assets

    # --- actions of anybody ---

    def _take_round(self, who: str) -> int:
        return self.oracle.take(self.now)

    def _request_deposit(self, who: str, assets: int) -> int:
        if assets > self.wallets[who]:
            raise Refused("token: balance")
        order_id = self.share.request_deposit(self.now, who, assets)
        self._pay(who, assets)
        return order_id

    def _request_redeem(self, who: str, shares: int) -> int:
        return self.share.request_redeem(self.now, who, shares)

    def _cancel_deposit(self, who: str, order: int) -> None:
        self._pay(who, -self.share.cancel_deposit(self.now, who, order))

    def _cancel_redeem(self, who: str, order: int) -> int:
        return self.share.cancel_redeem(self.now, who, order)

    def _claim_deposit(self, who: str, order: int, assets: int) -> int:
        return self.share.claim_deposit(who, order, assets)

    def _claim_returned(self, who: str, order: int) -> None:
        self._pay(who, -self.share.claim_returned(who, order))

    def _claim_redeem(self, who: str, order: int, assets: int) -> None:
        self._pay(who, -self.share.claim_redeem(who, order, assets))

    def _claim_oldest(self, who: str, assets: int) -> None:
        self._pay(who, -self.share.claim_oldest(who, assets))

    def _transfer_deposit(self, who: str, to: int, order: int) -> None:
        self.share.transfer_deposit(self.now, who, self.accounts[to], order)

    def _transfer_redeem(self, who: str, to: int, order: int) -> None:
        self.share.transfer_redeem(self.now, who, self.accounts[to], order)

    def _transfer(self, who: str, to: int, shares: int) -> None:
        self.share.transfer(who, self.accounts[to], shares)

    def _contribute(self, who: str, assets: int) -> None:
        self.share.contribute(self.now, assets)
        self._pay(who, assets)

    def _wind_down(self, who: str) -> None:
        self.hub.wind_down(self.now, by_operator=who == self.OPERATOR)

    def _activate(self, who: str) -> None:
        self.hub.activate(self.now)

    # --- actions of the guardian ---

    def _pause(self, who: str) -> None:
        self.hub.pause(self.now)

    def _unpause(self, who: str) -> None:
        self.hub.unpause(self.now)

    def _approve(self, who: str) -> None:
        self.hub.approve(self.now)

    # --- actions of the operator ---

    def _draw(self, who: str, assets: int) -> None:
        self.share.draw(self.now, assets)
        self.tokens -= assets
        self.real[0] += assets

    def _give_back(self, who: str, assets: int) -> None:
        if assets > self.real[0]:
            raise Refused("token: custody's balance")
        self.share.give_back(assets)
        self.tokens += assets
        self.real[0] -= assets

    def _announce(self, who: str, steps: int) -> None:
        self.hub.announce(self.now, steps)

    def _withdraw_write_down(self, who: str) -> None:
        self.hub.withdraw_write_down(self.now)

    def _propose(self, who: str, looser: int) -> None:
        self.hub.propose(self.now, self.looser if looser else self.tighter)

    def _prove(self, who: str, round: int, gain: int, loss: int, turnover: int, twice: int = 0, **after: int) -> Settlement:
        quantities = [after[f"q{slot}"] for slot in range(len(self.hub.book))]
        return self.hub.prove(self.now, round, quantities, Named(gain, loss, turnover), bool(twice))

    #: The mandates that the operator proposes; a simulation sets them.
    looser = tighter = Mandate()
