"""Rebalances for forgers to start from: books that use every slot, weight, factor, shock and venue, under a policy none of
whose fields is at an end of its range, so that every constraint has something at stake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from dls_zk.audit.instances import LOWER, UPPER, vacuous_policy
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.constants import BPS, FIELD, QUANTITY_BITS, Size
from dls_zk.statement.field import fits_signed
from dls_zk.statement.model import Opening, Policy, Prices, Rebalance, SlotPolicy, Terms
from dls_zk.statement.relation import evaluate
from tests.support.instances import LIMITS, tighten


def full_book(rng: Random, size: Size) -> Rebalance:
    """A true rebalance under a loose policy. Longs and shorts, funded and not; something is traded in every slot."""
    while True:
        rebalance = _full_book(rng, size)
        # A cheap instrument in slot 0 may not be able to settle the trades.
        if all(fits_signed(q, QUANTITY_BITS) for q in rebalance.before.quantities_e6) and evaluate(rebalance).holds:
            return rebalance


def past_a_limit(rng: Random, size: Size, field: str, index: int) -> Rebalance:
    """A full book that breaks one limit of the policy by one basis point, and nothing else."""
    while True:
        rebalance = tighten(full_book(rng, size), field, index, past=1)
        failures = evaluate(rebalance).failures
        failing = [(check.name, k) for check in failures for k, limit in enumerate(check.limits) if not limit.holds]
        if failing == [(LIMITS[field][0], index)]:
            return rebalance


def limits(size: Size) -> Iterator[tuple[str, int]]:
    """Every inequality that a limit of a policy stands in: the limit's field, and the inequality's place in its check."""
    lengths = {
        "factor_limit_bps": size.factors, "cap_bps": size.slots, "venue_cap_bps": size.venues,
        "max_stress_loss_bps": size.scenarios, "stress_collateral_ratio_bps": size.scenarios,
    }  # fmt: skip
    return ((field, index) for field in LIMITS for index in range(lengths.get(field, 1)))


def _full_book(rng: Random, size: Size) -> Rebalance:
    nav_target = rng.randrange(1 << 54, 1 << rng.randint(55, 86))
    values = []
    for _ in range(size.slots):
        weight_bps = rng.randint(10, rng.choice([100, 2000])) * rng.choice([1, 1, -1])
        values.append(nav_target * weight_bps // (BPS * size.slots // 8))
    largest = rng.choice([0, rng.randrange(size.slots)])
    values[largest] += nav_target - sum(values)
    prices, after = [], []
    for value in values:
        bits = rng.randint(max(10, value.bit_length() - 46), min(54, value.bit_length() - 4))
        prices.append(max(1, abs(value) >> bits))
        after.append(value // prices[-1])
    trades = [rng.choice([-1, 1]) * (abs(q) * rng.randint(1, 500) // BPS or 1) for q in after]
    flow = after[0] * rng.randint(-200, 200) // BPS or 1
    # Rounded so that what is left over is a cost.
    trades[0] = flow - -(-sum(t * p for t, p in zip(trades[1:], prices[1:], strict=True)) // prices[0])
    slots = tuple(_slot(rng, size, i) for i in range(size.slots))
    exposure = [sum(s.loading_bps[f] * v for s, v in zip(slots, values, strict=True)) for f in range(size.factors)]
    return Rebalance(
        _policy(rng, size, slots, exposure),
        Prices(tuple(prices)),
        Terms(flow, _allowances(rng), rng.randrange(FIELD)),
        Opening(tuple(q - t for q, t in zip(after, trades, strict=True)), rng.randrange(FIELD)),
        Opening(tuple(after), rng.randrange(FIELD)),
    )


def _allowances(rng: Random) -> Allowances:
    """More than the book needs, none at an end of its range."""
    low, high = 10**6, 5 * 10**8
    return Allowances(rng.randint(low, high), rng.randint(low, high), rng.randint(10**6, 7 * 10**7), rng.randint(1, 5))


def _slot(rng: Random, size: Size, i: int) -> SlotPolicy:
    return SlotPolicy(
        instrument=f"I{i}",
        funded=i == 0 or rng.random() < 0.6,
        haircut_bps=rng.randint(5000, 9500),
        liability_bps=rng.randint(10_500, 14_000),
        cap_bps=rng.randint(100_000, 130_000),
        venue=rng.randrange(size.venues),
        gross_bps=rng.randint(8000, 30_000),
        liquid_bps=rng.randint(2000, BPS),
        impermanent_loss_bps=rng.randint(50, 300),
        depth_bps=rng.randint(BPS, 900_000),
        residual_bps=rng.randint(50, 400),
        loading_bps=tuple(rng.choice([-1, 1]) * rng.randint(1000, BPS) for _ in range(size.factors)),
    )


def _policy(rng: Random, size: Size, slots: tuple[SlotPolicy, ...], exposure: list[int]) -> Policy:
    """A loose policy. Every scenario is a loss for a book with these exposures."""

    def below(top: int) -> int:
        return top - rng.randint(2, top // 8)

    def against(exposure_bps: int) -> int:
        return rng.randint(200, 1500) * (-1 if exposure_bps > 0 else 1)

    loosest = vacuous_policy(size, slots)
    several = ("venue_cap_bps", "factor_limit_bps", "max_stress_loss_bps")
    return replace(
        loosest,
        **{name: below(getattr(loosest, name)) for name in UPPER},
        **{name: rng.randint(2, 50) for name in LOWER},
        **{name: tuple(below(top) for top in getattr(loosest, name)) for name in several},
        nav_step_usd=rng.randint(2, 1000),
        var_quantile_bps=rng.randint(16_000, 60_000),
        factor_volatility_bps=tuple(rng.randint(50, 800) for _ in range(size.factors)),
        shock_bps=tuple(tuple(against(y) for y in exposure) for _ in range(size.scenarios)),
    )
