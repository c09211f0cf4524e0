"""Mutations of the model, each a mistake that an implementation could make, and the property that catches it.

A defect is a replacement in the source of ``model.py``; the mutated module is compiled in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from . import model
from .prices import DayPrices
from .properties import Broken
from .simulation import episode

SOURCE = Path(model.__file__)


@dataclass(frozen=True)
class Defect:
    """name: the mistake. old, new: the replacement; old occurs once. caught_by: the properties that may catch it."""

    name: str
    old: str
    new: str
    caught_by: tuple[str, ...]


DEFECTS = (
    Defect(
        "settle at the last proof's totals",
        "        bottom, top = self.worth(now)\n        if not",
        "        w = self.last\n        bottom, top = (w.bottom, w.top) if w else self.worth(now)\n        if not",
        ("E-3", "E-4"),
    ),
    Defect(
        "price redemptions after deposits have settled",
        "supply, worth = done.supply + VIRTUAL_SHARES, done.bottom + 1",
        "supply, worth = self.supply + VIRTUAL_SHARES, done.bottom + done.deposited + 1",
        ("E-3", "E-4"),
    ),
    Defect(
        "let deposits in at the bottom of the NAV step",
        "rate = self.supply + VIRTUAL_SHARES, top + 1",
        "rate = self.supply + VIRTUAL_SHARES, bottom + 1",
        ("E-3", "E-4"),
    ),
    Defect(
        "pay redemptions at the top of the NAV step",
        "VIRTUAL_SHARES, done.bottom + 1\n",
        "VIRTUAL_SHARES, done.top + 1\n",
        ("E-3", "E-4"),
    ),
    Defect(
        "mint rounded up",
        "assets, assets * rate[0] // rate[1]",
        "assets, ceil_div(assets * rate[0], rate[1])",
        ("E-3", "E-4"),
    ),
    Defect(
        "pay rounded up", "assets = shares * worth // supply", "assets = ceil_div(shares * worth, supply)", ("E-3", "E-4")
    ),
    Defect(
        "burn rounded down in a partial fill",
        "min(shares, ceil_div(idle * supply, worth))",
        "min(shares, idle * supply // worth)",
        ("E-3", "E-4"),
    ),
    Defect(
        "round up in pending",
        "order.shares * (end - filled) // (end - mark) if",
        "ceil_div(order.shares * (end - filled), end - mark) if",
        ("E-1", "E-2"),
    ),
    Defect(
        "move an order's claimable part with its pending part",
        "        self.recover(now)\n        self.update(order_id, order)\n",
        "        self.recover(now)\n",
        ("E-19", "E-1"),
    ),
    Defect("cutoff without delay", ".time - self.mandate.order_delay_s)", ".time)", ("E-6",)),
    Defect(
        "orders under the latest round's number",
        "self.hub.oracle.latest + 1, max(",
        "self.hub.oracle.latest, max(",
        ("E-6",),
    ),
    Defect(
        "cancel until the settlement",
        "require(returns or not self.committed(order_id)",
        "require(True",
        ("E-6",),
    ),
    Defect(
        "settle one group of deposits a proof",
        "ids = [i for i in self.waiting_deposits if i <= cutoff]",
        "ids = [i for i in self.waiting_deposits if i <= cutoff][:1]",
        ("E-7", "E-1"),
    ),
    Defect(
        "bucket per proof instead of per time",
        "levels[name] = min(bucket.cap, level + bucket.rate_per_day * elapsed // DAY_S)",
        "levels[name] = bucket.cap",
        ("E-8",),
    ),
    Defect(
        "buckets fill from the opening on",
        "elapsed = max(time - self.filled_at, 0)",
        "elapsed = max(time - self.opened_at, 0)",
        ("E-8",),
    ),
    Defect("no bound on loss", '    require(excess * PPB <= loss_ppb * left, "statement: loss")\n', "", ("E-9",)),
    Defect(
        "no bound on turnover in time",
        '    require(turnover * PPM <= turnover_ppm * left, "statement: turnover")\n',
        "",
        ("E-9",),
    ),
    Defect("no bound on gains", '    require(-cost * PPB <= gain_ppb * nav, "statement: gain")\n', "", ("E-9",)),
    Defect("no least interval", "early = self.sequence >= 1 and", "early = False and", ("E-16",)),
    Defect("rounds of any age", "require(now - taken.time <= self.mandate.grace_s,", "require(True,", ("E-16",)),
    Defect("draw what redemptions are owed", "self.vested(now) - self.reserved(now)", "self.vested(now)", ("E-12",)),
    Defect("pay claims without taking them off what is set aside", "        self.set_aside -= assets\n", "", ("E-2",)),
    Defect(
        "leave returned deposits in the totals",
        "        self.cancelled += assets\n",
        "        self.booked += assets\n",
        ("E-1", "E-2", "E-3"),
    ),
    Defect(
        "loosen before those are paid who asked first",
        "self.share.paid_before(proposal.served_before)",
        "True",
        ("E-13",),
    ),
    Defect(
        "settle deposits made for a stricter mandate",
        "        if not tightens:\n            self.share.return_deposits()\n",
        "",
        ("E-13",),
    ),
    Defect(
        "return deposits when the operator tightens",
        "        if not tightens:\n            self.share.return_deposits()\n",
        "        self.share.return_deposits()\n",
        ("E-13",),
    ),
    Defect(
        "settle deposits in the proof that ends staleness",
        "deposits = not (late or written_down)",
        "deposits = not written_down",
        ("E-14",),
    ),
    Defect(
        "settle deposits in the proof that carries a write-down",
        "deposits = not (late or written_down)",
        "deposits = not late",
        ("E-14",),
    ),
    Defect(
        "look for a write-down in the last proof only",
        "hub.written_down not in (0, self.seen_write_down)",
        "hub.written_down == hub.sequence",
        ("E-14",),
    ),
    Defect("settle in a NAV step that is too coarse", 'done.refused = "coarse" if coarse else', "done.refused =", ("E-14",)),
    Defect(
        "keep idle assets while redemptions wait",
        "shares, idle = done.asked, self.booked",
        "shares, idle = done.asked, self.booked // 2",
        ("E-11",),
    ),
    Defect("no end without the operator", "require(by_operator or old or", "require(by_operator or", ("E-10",)),
    Defect(
        "let a rest wait that no payment clears",
        "        if not shares or not idle:\n",
        "        if not assets:\n",
        ("E-11", "E-17"),
    ),
    Defect(
        "what is contributed counts at once",
        "if not self.locked or now >= self.vests_until:",
        "if True:",
        ("E-18",),
    ),
    Defect(
        "pay above the share in wind-down",
        "assets = shares * (self.booked + self.vested(now)) // self.supply",
        "assets = ceil_div(shares * (self.booked + self.vested(now)), self.supply)",
        ("E-3",),
    ),
    Defect(
        "change something before the rules are asked",
        '        require(self.hub.active(now), "deposit: not active")\n',
        '        self.last_id += not self.hub.active(now)\n        require(self.hub.active(now), "deposit: not active")\n',
        ("E-15",),
    ),
)


def mutated(defect: Defect) -> ModuleType:
    """The model with this defect."""
    source = SOURCE.read_text()
    if source.count(defect.old) != 1:
        raise ValueError(f"{defect.name}: the text to replace occurs {source.count(defect.old)} times")
    module = ModuleType("tests.economics.mutated_model")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(compile(source.replace(defect.old, defect.new), f"<{defect.name}>", "exec"), module.__dict__)
    return module


@dataclass(frozen=True)
class Catch:
    """Which property caught a defect, and after how many episodes; property "" if none did."""

    defect: Defect
    identity: str
    episodes: int
    text: str


def hunt(defect: Defect, seed: int, episodes: int, days: Sequence[tuple[DayPrices, ...]] | None = None) -> Catch:
    """Run episodes of the mutated model until a property breaks."""
    module = mutated(defect)
    for number in range(episodes):
        try:
            episode(f"{seed} {number}", days=days, protocol=module)
        except Broken as broken:
            return Catch(defect, broken.identity, number + 1, str(broken))
    return Catch(defect, "", episodes, "")
