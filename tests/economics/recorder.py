"""Writes what happened as JSON lines, so that another implementation can do the same and compare: see README.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .world import World

FORMAT = "dls-zk/economics/1"
#: The lists below ``state.orders``: direction (0 deposit, 1 redemption), index of the account, id, and what waits, can be
#: claimed and was returned: assets, but shares of a redemption that waits.
ORDER = ("direction", "account", "id", "pending", "claimable", "returned")


def _texts(value: Any) -> Any:
    """Integers as decimal text, so that no reader loses a digit; truth values as 0 and 1."""
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_texts(item) for item in value]
    return value if isinstance(value, str) else str(int(value))


class Recorder:
    """One line an action, accepted or refused, with the whole state after it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def before(self, world: World, action: str, who: str, args: dict[str, int]) -> None:
        if not self.lines:
            self._write(
                {
                    "format": FORMAT,
                    "at": world.now,
                    "accounts": [*world.accounts, world.OPERATOR, world.PUBLIC],
                    "capital": world.wallets[world.accounts[0]],
                    "loosening_delay": world.hub.loosening_delay_s,
                    "mandate": asdict(world.hub.mandate),
                    "feeds": self._feeds(world),
                }
            )

    def after(self, world: World, action: str, who: str, args: dict[str, int], result: object) -> None:
        self._action(world, action, who, args, "", result if isinstance(result, int) else 0)

    def refused(self, world: World, action: str, who: str, args: dict[str, int], rule: str) -> None:
        self._action(world, action, who, args, rule, 0)

    def _write(self, line: dict[str, object]) -> None:
        self.lines.append(json.dumps(_texts(line), separators=(",", ":")))

    def _feeds(self, world: World) -> list[dict[str, int]]:
        return [asdict(feed) for feed in world.oracle.feeds]

    def _action(self, world: World, action: str, who: str, args: dict[str, int], rule: str, result: int) -> None:
        line: dict[str, object] = {
            "n": len(self.lines),
            "at": world.now,
            "action": action,
            "who": who,
            "args": args,
            "refused": rule,
            "result": result,
        }
        if action == "take_round":
            line["feeds"] = self._feeds(world)
        line["state"] = self._state(world)
        self._write(line)

    def _state(self, world: World) -> dict[str, object]:
        hub, share = world.hub, world.share
        bottom, top = share.worth(world.now)
        names = (*world.accounts, world.OPERATOR, world.PUBLIC)
        orders = self._orders(world, names)
        return {
            "sequence": hub.sequence,
            "nav_floor": hub.nav_floor,
            "pending_flow": hub.pending_flow,
            "snapshot_at": hub.snapshot_at,
            "levels": list(hub.levels.values()),
            "active": hub.active(world.now),
            "wound_down": hub.wound_down,
            "latest_round": world.oracle.latest,
            "supply": share.supply,
            "idle": share.booked + share.vested(world.now),
            "pending_deposits": share.pending_deposits,
            "set_aside": share.set_aside + share.cancelled,
            "next_id": share.request_id(),
            "cutoffs": [share.deposit_cutoff, share.last_cutoff],
            "worth": [bottom, top],
            "quote": [share.quote_assets, share.quote_supply],
            "wallets": [world.wallets[name] for name in names],
            "shares": [share.balances.get(name, 0) for name in names],
            "orders": {key: [order[k] for order in orders] for k, key in enumerate(ORDER)},
        }

    def _orders(self, world: World, names: Sequence[str]) -> list[tuple[int, ...]]:
        """All open orders, a tuple each, as ORDER names its members."""
        share, orders = world.share, []
        for (name, order_id), assets in share.deposits.items():
            entry = share.entry(order_id)
            place = 0 if entry is None else 1 if entry[0] else 2
            amounts = [0, 0, 0]
            amounts[place] = assets
            orders.append((0, names.index(name), order_id, *amounts))
        for (name, order_id), order in share.redemptions.items():
            pending, claimable = share.pending(order_id, order), share.claimable(order_id, order)
            orders.append((1, names.index(name), order_id, pending, claimable, 0))
        return orders
