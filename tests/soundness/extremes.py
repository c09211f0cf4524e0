"""True rebalances at the far ends of what the statement admits, where the range checks are as full as they can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dls_zk.audit.instances import LOWER, vacuous_policy
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.constants import BPS, FIELD, PPB, PRICE_BITS, USD_E14, Size
from dls_zk.statement.model import Opening, Prices, Rebalance, SlotPolicy, Terms
from dls_zk.statement.needs import HIGHEST
from dls_zk.statement.policy_fields import GLOBAL_FIELDS, slot_fields

LONGEST = (1 << 56) - 1  # a quantity, a trade, the flow; the shortest is −LONGEST − 1
TOP_LIMIT = (1 << 17) - 1
TOP_LOADING = (1 << 16) - 1
TOP_PRICE = (1 << PRICE_BITS) - 1
#: The largest turnover that a policy lets a proof name, in ppm.
TOP_TURNOVER = 100 * ((1 << 20) - 1)
MOST = Allowances(HIGHEST, HIGHEST, TOP_TURNOVER, HIGHEST)
#: A price at which a NAV of 2^88 − 2^44 is a whole number of millionths.
PRICE = 1 << 44
NAV = PRICE - 1  # in cash at that price


def widest(size: Size) -> Iterator[tuple[str, Rebalance]]:
    """Every extreme, by name."""
    yield from _nav(size)
    yield from _policy(size)
    yield from _quantities(size)
    yield from _turnover(size)
    yield "the widest book", _widest_book(size)
    yield "the widest exposures", _widest_exposures(size)


def _rebalance(
    size: Size,
    after: dict[int, int],
    prices: dict[int, int],
    trades: dict[int, int] | None = None,
    flow: int = 0,
    allowances: Allowances = Allowances(0, HIGHEST, TOP_TURNOVER),  # noqa: B008 (frozen)
    slots: Sequence[SlotPolicy] | None = None,
    **policy: object,
) -> Rebalance:
    """Slot → quantity, price and trade; where nothing is said, zero, under a policy that forbids as little as it can."""
    q = tuple(after.get(i, 0) for i in range(size.slots))
    rules = vacuous_policy(size, tuple(slots or [_terms(size)] * size.slots))
    return Rebalance(
        replace(rules, **policy),
        Prices(tuple(prices.get(i, 0) for i in range(size.slots))),
        Terms(flow, allowances, FIELD - 1),
        Opening(tuple(x - (trades or {}).get(i, 0) for i, x in enumerate(q)), FIELD - 1),
        Opening(q, FIELD - 1),
    )


def _terms(size: Size, **changes: object) -> SlotPolicy:
    return replace(SlotPolicy.null(size.factors), **{"funded": True, "cap_bps": TOP_LIMIT, **changes})


def _highest_terms(size: Size, **changes: object) -> SlotPolicy:
    """Every field of a slot at its top, but for ``changes``."""
    top = {field.name: field.high for field in slot_fields(size) if field.name not in ("funded", "loading_bps")}
    return SlotPolicy("X", True, **{**top, "loading_bps": (TOP_LOADING,) * size.factors, **changes})


def _nav(size: Size) -> Iterator[tuple[str, Rebalance]]:
    # E = 2^88 − 1, in cash and in a slot whose unit is worth 1e-14 USD.
    yield "the highest NAV", _rebalance(size, {0: (1 << 41) - 1, 1: (1 << 47) - 1}, {0: 1 << 47, 1: 1})
    usd = (1 << 24) - 1
    for name, nav in (("at a step", 100 * usd * USD_E14), ("one unit below a step", 101 * usd * USD_E14 - 1)):
        cash = {0: nav >> 40, 1: nav % (1 << 40)}
        yield f"NAV in the widest steps, {name}", _rebalance(size, cash, {0: 1 << 40, 1: 1}, nav_step_usd=usd)


def _policy(size: Size) -> Iterator[tuple[str, Rebalance]]:
    """Every field of the policy at its top in one of these: no book could meet them all at once."""
    top = {field.name: field.high for field in GLOBAL_FIELDS}
    cash, price = {0: NAV}, {0: PRICE}
    calm = {"loading_bps": (0,) * size.factors, "residual_bps": 0}
    yield "the highest policy", _rebalance(
        size, cash, price, slots=[_highest_terms(size, residual_bps=0)] * size.slots,
        shock_bps=((TOP_LOADING,) * size.factors,) * size.scenarios,
        **{name: top[name] for name in (*LOWER, "max_var_bps", "var_quantile_bps", "nav_step_usd")},
    )  # fmt: skip
    volatility = (top["factor_volatility_bps"],) * size.factors
    slots = [_highest_terms(size, **calm)] * size.slots
    yield "the highest volatilities", _rebalance(size, cash, price, slots=slots, factor_volatility_bps=volatility)
    slots = [_highest_terms(size, loading_bps=(0,) * size.factors)] * size.slots
    yield "the highest residuals", _rebalance(size, cash, price, slots=slots)


def _quantities(size: Size) -> Iterator[tuple[str, Rebalance]]:
    everywhere = range(1, size.slots)
    ends = {i: LONGEST if i % 2 else -LONGEST - 1 for i in everywhere}
    prices = {0: 1 << 40} | dict.fromkeys(everywhere, 1)
    yield "the longest and the shortest quantities", _rebalance(size, {0: LONGEST >> 10} | ends, prices)
    yield "the largest trades", _rebalance(size, {0: LONGEST >> 10}, prices, ends, allowances=MOST)
    for flow, cash in ((LONGEST, LONGEST), (-LONGEST - 1, 0)):
        yield "the largest flow", _rebalance(size, {0: cash, 1: 1 << 40}, {0: 1, 1: 1 << 40}, {0: flow}, flow)
    each = range(size.slots)
    exchanged = {i: 3**i for i in everywhere}  # no slot counts as none or twice
    yield (
        "an exact exchange in every slot",
        _rebalance(
            size, {0: LONGEST} | exchanged, dict.fromkeys(each, 1), {0: -sum(exchanged.values())} | exchanged, slippage_bps=0
        ),
    )
    yield "the highest prices", _rebalance(size, dict.fromkeys(each, 1), dict.fromkeys(each, (1 << 48) - 1))


def _turnover(size: Size) -> Iterator[tuple[str, Rebalance]]:
    """52 NAVs sold and as many bought: 104.8575 in all."""
    half = ((1 << 20) - 1) * NAV // (2 * BPS)
    free = HIGHEST * NAV // PPB
    most = ((1 << 14) - 1) * 2 * half // BPS + free
    step = (1 << 24) - 1
    for name, cost, allowances, nav_step in (
        ("no cost", 0, MOST, step),
        ("the highest cost", most, MOST, step),
        ("the highest loss", free, replace(MOST, write_down_steps=0), 1),
        ("the highest gain", -free, MOST, step),
    ):
        trades = {1: half, 2: -half, 0: -cost}
        prices = dict.fromkeys(range(3), PRICE)
        book = _rebalance(size, {0: NAV}, prices, trades, allowances=allowances, nav_step_usd=nav_step)
        yield f"the highest turnover at {name}", book
    # What is paid in is in no NAV before: here L is E.
    trades = {1: half, 2: -half, 0: NAV // 4}
    yield (
        "the highest turnover, paid in",
        _rebalance(size, {0: NAV}, dict.fromkeys(range(3), PRICE), trades, NAV // 4, MOST, nav_step_usd=step),
    )
    # All that a proof can know of is sold and bought, and paid out: as many sales as purchases, and one sale more.
    out = -LONGEST - 1
    trades = {i: LONGEST if i % 2 == 0 else -LONGEST for i in range(1, size.slots)} | {0: out + LONGEST}
    prices = dict.fromkeys(range(size.slots), TOP_PRICE)
    yield "the largest turnover, paid out", _rebalance(size, {}, prices, trades, out, MOST, nav_step_usd=step)
    # All that was paid out is lost on the way as well, and what is written down.
    worth = -out * TOP_PRICE
    lost = (HIGHEST * worth // PPB + HIGHEST * step * USD_E14) // TOP_PRICE
    trades = {0: out, 1: -LONGEST, 2: LONGEST - lost}
    yield "the largest loss", _rebalance(size, {}, prices, trades, out, MOST, nav_step_usd=step)
    yield "the largest outflow", _rebalance(size, {}, {0: TOP_PRICE}, {0: out}, out, MOST, nav_step_usd=step)


def _widest_book(size: Size) -> Rebalance:
    """Longs and shorts as far as the caps of slots and venues go, with the weights that count for them at their top."""
    cap = TOP_LIMIT * NAV // BPS
    book = {i: cap if i % 2 == 0 else -cap for i in range(size.venues)}
    book[size.venues - 1] += NAV - sum(book.values())
    weights = {"liability_bps": 0, "gross_bps": 0, "impermanent_loss_bps": 0}
    slots = [_highest_terms(size, venue=i % size.venues, **weights) for i in range(size.slots)]
    shocks = ((TOP_LOADING,) * size.factors,) * size.scenarios
    return _rebalance(size, book, dict.fromkeys(range(size.slots), PRICE), slots=slots, shock_bps=shocks)


def _widest_exposures(size: Size) -> Rebalance:
    """One derivative as large as the factors' limits admit with its loadings at their end, and shocks that are a gain."""
    ends = (-TOP_LOADING - 1,) * size.factors
    large = TOP_LIMIT * NAV // (TOP_LOADING + 1)
    slots = [_terms(size), *[_terms(size, funded=False, loading_bps=ends)] * (size.slots - 1)]
    book = {0: NAV - large, 1: large}
    return _rebalance(size, book, {0: PRICE, 1: PRICE}, slots=slots, shock_bps=(ends,) * size.scenarios)
