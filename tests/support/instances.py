"""Random rebalances at their limits, exactly at, just inside or just past a book; and random policies without a book.

Everything comes from one ``random.Random``, so that hypothesis (which draws its seed) can replay a case.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Any

from dls_zk.audit.instances import random_rebalance, with_allowances
from dls_zk.statement.constants import (
    BPS,
    USD_E14,
    Size,
)
from dls_zk.statement.model import Policy, Rebalance, SlotPolicy
from dls_zk.statement.needs import least_allowances
from dls_zk.statement.policy_fields import FIELDS, GLOBAL_FIELDS, Field, Tighter, global_layout, slot_fields, slot_layout
from dls_zk.statement.relation import evaluate
from dls_zk.statement.verdict import Limit

#: Fields of which some change tightens.
DIRECTED = {name for name, field in FIELDS.items() if field.tighter in (Tighter.LOWER, Tighter.HIGHER)}


def tighten(rebalance: Rebalance, field: str, index: int, past: int) -> Rebalance:
    """Set one limit of the policy to the tightest value, in bps, that the book still meets, then ``past`` bps past it.

    Returns the rebalance unchanged where the limit has no such value (nothing at stake, or wider than the field).
    """
    check, lower = LIMITS[field]
    limit = evaluate(rebalance)[check].limits[index]
    if limit.value is None:
        return rebalance
    bound = floor(limit.value * BPS) + past if lower else ceil(limit.value * BPS) - past
    try:
        return with_limit(rebalance, field, index, bound)
    except ValueError:
        return rebalance


#: policy field → (check, whether it is a lower limit)
LIMITS = {
    "max_turnover_bps": ("turnover", False),
    "max_leverage_bps": ("gross leverage", False),
    "factor_limit_bps": ("factor exposure", False),
    "cap_bps": ("concentration", False),
    "venue_cap_bps": ("venue exposure", False),
    "min_collateral_ratio_bps": ("collateral ratio", True),
    "stress_collateral_ratio_bps": ("stress solvency", True),
    "max_stress_loss_bps": ("stress loss", False),
    "min_reserve_bps": ("liquidity reserve", True),
    "max_impermanent_loss_bps": ("impermanent loss", False),
    "min_capital_efficiency_bps": ("capital efficiency", True),
    "max_var_bps": ("value at risk", False),
}


def with_limit(rebalance: Rebalance, field: str, index: int, bound: int) -> Rebalance:
    """The rebalance under a policy with this one limit changed; ValueError if the field cannot hold it."""
    path = f"slots[{index}].cap_bps" if field == "cap_bps" else field
    if isinstance(getattr(rebalance.policy, field, None), tuple):
        path += f"[{index}]"
    return replace(rebalance, policy=with_field(rebalance.policy, path, bound))


def field_of(policy: Policy, path: str) -> int:
    """The field at a path such as ``slots[3].loading_bps[1]``."""
    value: Any = policy
    for name in re.findall(r"\w+", path):
        value = value[int(name)] if isinstance(value, tuple) else getattr(value, name)
    return value


def with_field(policy: Policy, path: str, value: object) -> Policy:
    """The policy with the field at a path changed; ValueError if it cannot hold the value."""

    def changed(holder: object, names: list[str]) -> object:
        if not names:
            return value
        if isinstance(holder, tuple):
            index = int(names[0])
            return (*holder[:index], changed(holder[index], names[1:]), *holder[index + 1 :])
        return replace(holder, **{names[0]: changed(getattr(holder, names[0]), names[1:])})

    return changed(policy, re.findall(r"\w+", path))


def near_a_limit(rng: Random, size: Size) -> Rebalance:
    """A random rebalance with one to three limits within one basis point of what its book needs."""
    rebalance = random_rebalance(rng, size)
    for _ in range(rng.randint(1, 3)):
        field = rng.choice(list(LIMITS))
        index = rng.randrange(len(evaluate(rebalance)[LIMITS[field][0]].limits))
        rebalance = tighten(rebalance, field, index, past=rng.choice([0, 0, 0, 1, -1]))
    return rebalance


def at_its_limits(rebalance: Rebalance) -> Rebalance:
    """The rebalance with every limit at the tightest value, in bps, that the book still meets, and its least allowances."""
    rebalance = with_allowances(rebalance, least_allowances(rebalance))
    report, policy = evaluate(rebalance), rebalance.policy

    def tightest(field: str, limits: Sequence[Limit]) -> int:
        least, most = _room(FIELDS[field])
        bounds = [floor(x.value * BPS) if x.at_least else ceil(x.value * BPS) for x in limits if x.value is not None]
        bound = min(bounds, default=most) if limits[0].at_least else max(bounds, default=most)
        return min(max(bound, least), most)

    bounds = {}
    for field, (check, _) in LIMITS.items():
        limits = report[check].limits
        scalar = isinstance(getattr(policy, field, None), int)
        bounds[field] = tightest(field, limits) if scalar else tuple(tightest(field, [limit]) for limit in limits)
    caps = bounds.pop("cap_bps")
    slots = tuple(replace(slot, cap_bps=cap) for slot, cap in zip(policy.slots, caps, strict=True))

    cost = next(limit for limit in report["value conservation"].limits if limit.subject == "cost")
    traded_usd = sum(abs(a - b) * p for a, b, p in _slots(rebalance)[1:]) / Fraction(USD_E14)
    spare = floor((cost.bound - cost.value) * BPS / traded_usd) if traded_usd else policy.slippage_bps
    slippage = min(max(policy.slippage_bps - spare, 0), policy.slippage_bps)
    return replace(rebalance, policy=replace(policy, slots=slots, slippage_bps=slippage, **bounds))


def _slots(rebalance: Rebalance) -> list[tuple[int, int, int]]:
    """Quantity after, quantity before and price of each slot."""
    books = rebalance.after.quantities_e6, rebalance.before.quantities_e6
    return list(zip(*books, rebalance.prices.usd_e8, strict=True))


# --- policies alone --------------------------------------------------------------------------------


def random_policy(rng: Random, size: Size) -> Policy:
    """Any policy that can be registered: every field anywhere in its room, often at an end of it."""
    # Either the scenarios take no slot below zero (at most 6 · 40% · 40% of it), or all slots are
    # derivatives that count in full.
    tame = rng.random() < 0.5
    fields = {field.name: field for field in (*slot_fields(size), *GLOBAL_FIELDS)}

    def value(name: str) -> int:
        if name == "funded":
            return tame and rng.random() < 0.7
        if name == "haircut_bps" and not tame:
            return BPS
        if tame and fields[name].signed:
            return rng.randint(-4000, 4000)
        least, most = _room(fields[name])
        return rng.choice([least, most, rng.randint(least, most)])

    def many(name: str, count: int) -> tuple[int, ...]:
        return tuple(value(name) for _ in range(count))

    def slot(i: int) -> SlotPolicy:
        if i and rng.random() < 0.3:
            return SlotPolicy.null(size.factors)
        scalars = {field.name: value(field.name) for field in slot_fields(size) if not field.axes}
        return SlotPolicy(random_name(rng, f"I{i}."), **scalars, loading_bps=many("loading_bps", size.factors))

    return Policy(
        size=size,
        slots=tuple(slot(i) for i in range(size.slots)),
        **{field.name: value(field.name) for field in GLOBAL_FIELDS if not field.axes},
        venue_cap_bps=many("venue_cap_bps", size.venues),
        factor_limit_bps=many("factor_limit_bps", size.factors),
        factor_volatility_bps=many("factor_volatility_bps", size.factors),
        max_stress_loss_bps=many("max_stress_loss_bps", size.scenarios),
        shock_bps=tuple(many("shock_bps", size.factors) for _ in range(size.scenarios)),
        name="".join(chr(rng.randint(0x20, 0x7E)) for _ in range(rng.choice([0, 30, 400]))),
        venue_names=tuple(random_name(rng) for _ in range(rng.randint(0, size.venues))),
        factor_names=tuple(random_name(rng) for _ in range(rng.randint(0, size.factors))),
        scenario_names=tuple(random_name(rng) for _ in range(rng.randint(0, size.scenarios))),
    )


def random_name(rng: Random, stem: str = "N") -> str:
    """A name as a policy may have, of any length."""
    return stem + "".join(rng.choice("AZaz09$._/:+-") for _ in range(rng.choice([0, 3, 64 - len(stem)])))


def changed(rng: Random, policy: Policy, among: Container[str] | None = None) -> Policy:
    """The policy with one field of a used slot or of no slot (``among`` those named) changed: by one, to an end of its
    room, or to anything."""
    slot = f"slots[{rng.choice([i for i, slot in enumerate(policy.slots) if slot.instrument])}]."
    paths = [(slot, path) for path in slot_layout(policy.size)] + [("", path) for path in global_layout(policy.size)]
    paths = [(holder, path) for holder, path in paths if among is None or path.field.name in among]
    while True:
        holder, changing = rng.choice(paths)
        path = f"{holder}{changing}"
        (least, most), old = _room(changing.field), field_of(policy, path)
        value = rng.choice([old - 1, old + 1, least, most, rng.randint(least, most)])
        if value != old and least <= value <= most:
            try:
                return with_field(policy, path, type(old)(value))
            except ValueError:
                continue  # a scenario would take a funded slot below zero


def _room(field: Field) -> tuple[int, int]:
    """Smallest and largest value of a field."""
    return int(field.name == "nav_step_usd") or field.low, field.high
