"""Random rebalances of any size: books of any scale under a loose policy, no secret of anybody's.

Everything is drawn from one ``random.Random``, so that a case is known by its seed.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from ..statement.allowances import Allowances
from ..statement.constants import BPS, FIELD, NAV_BITS, PRICE_BITS, QUANTITY_BITS, Size
from ..statement.model import Opening, Policy, Prices, Rebalance, SlotPolicy, Terms
from ..statement.needs import HIGHEST, least_allowances, policy_allowances
from ..statement.policy_fields import GLOBAL_FIELDS

QUANTITY_MAX = (1 << (QUANTITY_BITS - 1)) - 1
#: Limits that switch a check off: the widest value of an upper limit, zero for a lower one.
UPPER = ("max_turnover_bps", "max_leverage_bps", "max_impermanent_loss_bps", "max_var_bps", "slippage_bps")
LOWER = ("min_collateral_ratio_bps", "stress_collateral_ratio_bps", "min_reserve_bps", "min_capital_efficiency_bps")


def vacuous_policy(size: Size, slots: tuple[SlotPolicy, ...], nav_step_usd: int = 1) -> Policy:
    """A policy that forbids as little as a policy can."""
    top: dict[str, Any] = {field.name: field.high for field in GLOBAL_FIELDS}
    off: dict[str, Any] = {name: top[name] for name in UPPER} | dict.fromkeys(LOWER, 0)
    return Policy(
        size=size,
        slots=slots,
        **off,
        var_quantile_bps=0,
        nav_step_usd=nav_step_usd,
        venue_cap_bps=(top["venue_cap_bps"],) * size.venues,
        factor_limit_bps=(top["factor_limit_bps"],) * size.factors,
        factor_volatility_bps=(0,) * size.factors,
        max_stress_loss_bps=(top["max_stress_loss_bps"],) * size.scenarios,
        shock_bps=((0,) * size.factors,) * size.scenarios,
    )


def random_rebalance(rng: Random, size: Size) -> Rebalance:
    """A rebalance under a loose policy. Most hold; those that do not break a check that no limit can loosen."""
    nav_target = rng.randrange(1 << rng.randint(47, NAV_BITS - 1))
    used = rng.randint(1, size.slots)
    slots, prices, after = [], [], []
    for i in range(size.slots):
        if i >= used:
            slots.append(SlotPolicy.null(size.factors))
            prices.append(rng.choice([0, 0, rng.getrandbits(PRICE_BITS)]))
            after.append(0)
            continue
        slots.append(_random_slot(rng, size, i))
        weight_bps = 0 if rng.random() < 0.1 else rng.randint(-15_000, 30_000) // (1 + used // 4)
        value = weight_bps * nav_target // BPS
        least_price = abs(value) // QUANTITY_MAX + 1
        price = min((1 << PRICE_BITS) - 1, least_price << rng.randint(0, max(0, PRICE_BITS - least_price.bit_length())))
        prices.append(price)
        after.append(_clamp(value // price))
    rest = nav_target - sum(q * p for q, p in zip(after[1:], prices[1:], strict=True))
    prices[0] = max(prices[0], abs(rest) // QUANTITY_MAX + 1)
    after[0] = _clamp(rest // prices[0])

    scale = rng.choice([0, 10, BPS // 10, BPS])  # a heartbeat, small trades, large ones
    trades = [_clamp(abs(q) * rng.randint(-scale, scale) // BPS) for q in after]
    flow = _clamp(abs(after[0]) * rng.choice([0, rng.randint(-BPS, BPS)]) // BPS)
    traded = sum(abs(t) * p for t, p in zip(trades[1:], prices[1:], strict=True))
    cost = traded * rng.choice([0, rng.randint(-100, 100)]) // BPS
    trades[0] = _clamp(flow - (sum(t * p for t, p in zip(trades[1:], prices[1:], strict=True)) + cost) // prices[0])
    before = [q - t for q, t in zip(after, trades, strict=True)]

    policy = vacuous_policy(size, tuple(slots), nav_step_usd=rng.choice([1, 1000, rng.randint(1, (1 << 24) - 1)]))
    policy = replace(
        policy,
        var_quantile_bps=rng.choice([0, 16_449, 23_263, rng.getrandbits(16)]),
        factor_volatility_bps=tuple(rng.getrandbits(rng.randint(1, 10)) for _ in range(size.factors)),
    )
    for _ in range(20):  # shocks that take no slot below zero which may not go there
        shocks = tuple(
            tuple(rng.randint(-reach, reach) for _ in range(size.factors))
            for reach in (rng.choice([0, 500, 5000]) for _ in range(size.scenarios))
        )
        try:
            policy = replace(policy, shock_bps=shocks)
            break
        except ValueError:
            continue
    rebalance = Rebalance(
        policy,
        Prices(tuple(prices)),
        Terms(flow, Allowances(write_down_steps=rng.choice([0, 0, 1, rng.getrandbits(30)])), rng.randrange(FIELD)),
        Opening(tuple(before), rng.randrange(FIELD)),
        Opening(tuple(after), rng.randrange(FIELD)),
    )
    return with_allowances(rebalance, _random_allowances(rng, rebalance))


def with_allowances(rebalance: Rebalance, allowances: Allowances) -> Rebalance:
    """The rebalance with these allowances in its terms."""
    return replace(rebalance, terms=replace(rebalance.terms, allowances=allowances))


def _random_allowances(rng: Random, rebalance: Rebalance) -> Allowances:
    """What the rebalance needs, or more, or (seldom) one unit less."""
    least, most = least_allowances(rebalance), policy_allowances(rebalance.policy, gain_ppb=HIGHEST)

    def some(name: str) -> int:
        low, high = getattr(least, name), getattr(most, name)
        if low and rng.random() < 0.05:
            return low - 1
        return rng.choice([low, low, max(low, high), rng.randint(low, max(low, high))])

    return replace(least, **{name: some(name) for name in ("gain_ppb", "loss_ppb", "turnover_ppm")})


def _random_slot(rng: Random, size: Size, i: int) -> SlotPolicy:
    return SlotPolicy(
        instrument=f"I{i}",
        funded=i == 0 or rng.random() < 0.7,
        haircut_bps=rng.choice([BPS, rng.randint(0, BPS)]),
        liability_bps=rng.randint(BPS, 15_000),
        cap_bps=(1 << 17) - 1,
        venue=rng.randrange(size.venues),
        gross_bps=rng.choice([0, BPS, 30_000, rng.getrandbits(16)]),
        liquid_bps=rng.randint(0, BPS),
        impermanent_loss_bps=rng.choice([0, rng.randint(0, 3000)]),
        depth_bps=rng.choice([0, rng.getrandbits(20)]),
        residual_bps=rng.choice([0, rng.randint(0, 500)]),
        loading_bps=tuple(rng.choice([0, BPS, rng.randint(-20_000, 20_000)]) for _ in range(size.factors)),
    )


def _clamp(q: int) -> int:
    return max(-QUANTITY_MAX, min(QUANTITY_MAX, q))
