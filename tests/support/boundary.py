"""For each check, rebalances that stand exactly at its bound, each with a twin one unit past it.

A unit is the smallest step that the statement knows: 1e-14 USD of value (the slot ``DUST`` has a price of 1e-8 USD, so
1e-6 of it is worth 1e-14 USD), one unit of a quantity, or 1 in a public signal. Relation and circuit are held to the
same cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dls_zk.audit.instances import vacuous_policy
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.model import Opening, Policy, Prices, Rebalance, SlotPolicy, Terms
from dls_zk.statement.needs import HIGHEST, policy_allowances
from dls_zk.statement.relation import public_signals
from dls_zk.statement.signals import PublicSignals

SIZE = SIZES[8]
CASH, SPOT, PERP, LOAN, DUST, NULL = range(6)  # slots; the rest are null as well
ONE = 10**6  # one unit of an instrument
TOP_CAP = (1 << 17) - 1


@dataclass(frozen=True)
class Case:
    """A rebalance with the public signals that its prover claims; ``check`` is the one that it stands at."""

    name: str
    check: str
    at: tuple[Rebalance, PublicSignals]
    past: tuple[Rebalance, PublicSignals]


def _terms(instrument: str, **changes: object) -> SlotPolicy:
    slot = SlotPolicy(instrument, True, 10_000, 10_000, TOP_CAP, 0, 0, 0, 0, 0, 0, (0,) * SIZE.factors)
    return replace(slot, **changes)


def policy(limits: dict[str, object] | None = None, **slots: dict[str, object]) -> Policy:
    """A loose policy over CASH, SPOT, PERP, LOAN and DUST, with changes to its limits and to the slots' terms."""
    terms = {
        "CASH": _terms("CASH", liquid_bps=10_000),
        "SPOT": _terms("SPOT"),
        "PERP": _terms("PERP", funded=False),
        "LOAN": _terms("LOAN"),
        "DUST": _terms("DUST"),
    }
    for name, changes in slots.items():
        terms[name] = replace(terms[name], **changes)
    nulls = (SlotPolicy.null(SIZE.factors),) * (SIZE.slots - len(terms))
    return replace(vacuous_policy(SIZE, tuple(terms.values()) + nulls), **(limits or {}))


def rebalance(
    rules: Policy,
    after: dict[int, int],
    before: dict[int, int] | None = None,
    flow: int = 0,
    gain: int = 0,
    prices: dict[int, int] | None = None,
    **allowances: int,
) -> Rebalance:
    """Quantities in 1e-6; without ``before`` nothing is traded. Prices: 1 USD, 2000, 2000, 1 USD and 1e-8 USD. gain, in ppb,
    and the other allowances, by the names of ``Allowances``: by default what the policy alone leaves."""
    price = {CASH: 10**8, SPOT: 2000 * 10**8, PERP: 2000 * 10**8, LOAN: 10**8, DUST: 1} | (prices or {})
    old = after if before is None else before
    return Rebalance(
        rules,
        Prices(tuple(price.get(i, 0) for i in range(SIZE.slots))),
        Terms(flow, replace(policy_allowances(rules, gain), **allowances), 7),
        Opening(tuple(old.get(i, 0) for i in range(SIZE.slots)), 11),
        Opening(tuple(after.get(i, 0) for i in range(SIZE.slots)), 13),
    )


def honest(r: Rebalance) -> tuple[Rebalance, PublicSignals]:
    return r, public_signals(r)


#: NAV 1,000,000 USD: 700,000 cash (600,000 of it the perpetual's cash leg and 100,000 borrowed), 1,000,000 spot,
#: 600,000 short perpetual, 100,000 loan.
BOOK = {CASH: 700_000 * ONE, SPOT: 500 * ONE, PERP: -300 * ONE, LOAN: -100_000 * ONE}


def _book_cases() -> Iterator[tuple[str, str, dict[str, object], dict[str, dict[str, object]], int]]:
    """Name, check, limits, terms of slots, and the units of DUST that go past the limit."""
    full = {"loading_bps": (10_000, 0, 0, 0)}
    yield (
        "gross leverage",
        "gross leverage",
        {"max_leverage_bps": 16_000},
        {"SPOT": {"gross_bps": 10_000}, "PERP": {"gross_bps": 10_000}, "DUST": {"gross_bps": 16_001}},
        1,
    )
    yield (
        "venue exposure",
        "venue exposure",
        {"venue_cap_bps": (TOP_CAP, TOP_CAP, TOP_CAP, 6_000)},
        {"PERP": {"venue": 3}, "DUST": {"venue": 3}},
        1,
    )
    # Collateral 700,000 + 1,000,000·0.8 − 600,000 = 900,000 over a debt of 100,000·1.2 = 120,000: 750%.
    yield (
        "collateral ratio",
        "collateral ratio",
        {"min_collateral_ratio_bps": 75_000},
        {"SPOT": {"haircut_bps": 8_000}, "LOAN": {"liability_bps": 12_000}, "DUST": {"liability_bps": 12_000}},
        -1,
    )
    # Spot and perpetual at −50%: 700,000 + 400,000 − 300,000 = 800,000 over the same 120,000, here at 666.66%: 799,992.
    shocks = {"shock_bps": ((0,) * 4, (-5_000, 0, 0, 0), (0,) * 4, (0,) * 4)}
    yield (
        "stress solvency",
        "stress solvency",
        shocks | {"stress_collateral_ratio_bps": 80_000},
        {
            "SPOT": {"haircut_bps": 8_000} | full,
            "PERP": full,
            "LOAN": {"liability_bps": 10_000},
            "DUST": {"liability_bps": 12_000},
        },
        -1,
    )
    # 700,000 cash less the 600,000 that the short perpetual owes.
    yield "liquidity reserve", "liquidity reserve", {"min_reserve_bps": 1_000}, {"DUST": {"liquid_bps": 999}}, 1
    yield (
        "impermanent loss",
        "impermanent loss",
        {"max_impermanent_loss_bps": 1_000},
        {"SPOT": {"impermanent_loss_bps": 1_000}, "DUST": {"impermanent_loss_bps": 1_001}},
        1,
    )
    # Depth 600,000·17 over 1,700,000 of funded longs: 6.
    yield (
        "capital efficiency",
        "capital efficiency",
        {"min_capital_efficiency_bps": 60_000},
        {"PERP": {"depth_bps": 170_000}, "DUST": {"depth_bps": 59_999}},
        1,
    )


def _finest() -> Iterator[Case]:
    """Limits whose weights are fixed, passed by 1 in their own scale: a bps of a value unit, or what is finer."""
    # 99.99% of NAV is DUST.
    for name, check, limits, dust in (
        ("concentration", "concentration", {}, {"cap_bps": 9_999}),
        ("venue exposure", "venue exposure", {"venue_cap_bps": (TOP_CAP, TOP_CAP, TOP_CAP, 9_999)}, {"venue": 3}),
    ):
        rules, most = policy(limits, DUST=dust), 9_999 * 10**8
        at, past = ({CASH: 1, DUST: most + more} for more in (0, 1))
        yield Case(f"{name}, finest step", check, honest(rebalance(rules, at)), honest(rebalance(rules, past)))
    # All but a millionth of NAV is bought.
    million = 10**6
    at, past = (
        rebalance(policy(), {CASH: 1, DUST: bought}, {CASH: million}, gain=1, prices={CASH: million}, turnover_ppm=999_999)
        for bought in (999_999 * million, 999_999 * million + 1)
    )
    yield Case("turnover, finest step", "turnover", honest(at), honest(past))

    # 10,001·1 bps of collateral over 10,000·1 bps of debt, at 10,001 bps; under stress, both worth 1e-8 of what they were.
    shock = (-10_001, 0, 0, 0)
    for name, check, limits in (
        ("collateral ratio", "collateral ratio", {"min_collateral_ratio_bps": 10_001}),
        (
            "stress solvency",
            "stress solvency",
            {
                "stress_collateral_ratio_bps": 10_001,
                "shock_bps": ((0, -10_000, 0, 0), shock, (0, -10_000, 0, 0), (0, -10_000, 0, 0)),
            },
        ),
    ):
        rules = policy(
            limits,
            CASH={"haircut_bps": 0},
            DUST={"haircut_bps": 1, "loading_bps": (9_999, 0, 0, 0)},
            LOAN={"liability_bps": 1, "loading_bps": (9_999, 1, 0, 0)},
        )
        at, past = ({CASH: ONE, DUST: 10_001 + more, LOAN: -10_000 - more} for more in (0, 1))
        yield Case(
            f"{name}, finest step",
            check,
            honest(rebalance(rules, at, prices={LOAN: 1})),
            honest(rebalance(rules, past, prices={LOAN: 1})),
        )

    # All but a billionth of a NAV of 10^12 is gained, or lost, without a slippage; the billionth is rounded.
    rules, kept, nav = policy({"slippage_bps": 0}), 10**3, 10**12
    for name, sign, allowances in (
        ("gain", -1, {"gain": 999_999_999}),
        ("cost", 1, {"gain": 999_999_999}),
        ("loss", 1, {"gain": HIGHEST, "loss_ppb": 999_999_999}),
    ):
        at, past = (rebalance(rules, {DUST: e}, {DUST: e + sign * (e - kept)}, **allowances) for e in (nav, nav + 1))
        yield Case(f"{name}, finest step", "value conservation", honest(at), honest(past))
    # Nothing is left but what was paid out, 10^12 of it, and of these all but a part was lost, or turned over, on the way.
    cash = nav // 10**8
    for check, allowance, most in (
        ("value conservation", {"loss_ppb": 999_999_999}, nav - 10**3),
        ("turnover", {"turnover_ppm": 999_999}, nav - 10**6),
    ):
        at, past = (rebalance(policy(), {}, {DUST: e, CASH: cash}, flow=-cash, **allowance) for e in (most, most + 1))
        yield Case(f"{check}, with nothing left", check, honest(at), honest(past))


def cases() -> Iterator[Case]:
    """All cases, at least one a check."""
    # 1–3, 19, 20 and the ranges of the signals: the book is honest, the claim is not.
    base = rebalance(policy({"nav_step_usd": 1000}), BOOK)
    honest_base = honest(base)
    signals = honest_base[1]
    for name, check, claim in (
        ("commitment before", "commitments", replace(signals, commitment_before=signals.commitment_before + 1)),
        ("commitment after", "commitments", replace(signals, commitment_after=signals.commitment_after + 1)),
        ("policy hash", "policy", replace(signals, policy_hash=signals.policy_hash + 1)),
        ("prices", "prices", replace(signals, prices=(signals.prices[0] + (1 << 240), signals.prices[1]))),
        ("context", "context", replace(signals, context=signals.context + 1)),
        ("nav floor up", "nav disclosure", replace(signals, nav_floor=signals.nav_floor + 1)),
        ("nav floor down", "nav disclosure", replace(signals, nav_floor=signals.nav_floor - 1)),
        ("nav floor wrapped", "nav disclosure", replace(signals, nav_floor=FIELD - 1)),
    ):
        # The context is free for the prover, who must know it beforehand: the case is in the tests of the proofs.
        if check != "context":
            yield Case(name, check, honest_base, (base, claim))

    unpriced = rebalance(policy(), BOOK | {DUST: 0}, prices={DUST: 0})
    yield Case(
        "quantity without a price",
        "prices",
        honest(unpriced),
        honest(rebalance(policy(), BOOK | {DUST: 1}, prices={DUST: 0})),
    )

    sold, bought = (
        honest(rebalance(policy(), BOOK | {DUST: after}, BOOK | {DUST: 1 - after}, prices={DUST: 0})) for after in (0, 1)
    )
    yield Case("trade without a price", "prices", sold, bought)

    top = (1 << 56) - 1
    rich = {CASH: 10**15}
    for name, least, over in (("longest quantity", top, top + 1), ("shortest quantity", -top - 1, -top - 2)):
        yield Case(
            name,
            "quantities",
            honest(rebalance(policy(), rich | {DUST: least})),
            honest(rebalance(policy(), rich | {DUST: over})),
        )
    for name, old, older in (("largest sale", top + 1, top + 2), ("largest purchase", -top, -top - 1)):
        loose = {"slippage_bps": 16_383}
        yield Case(
            name,
            "quantities",
            honest(rebalance(policy(loose), rich, rich | {DUST: old}, gain=10**9)),
            honest(rebalance(policy(loose), rich, rich | {DUST: older}, gain=10**9)),
        )

    # 5. Gain: 10,000 ppb of 1,000,000 USD is 10 USD. DUST held before makes a cost, DUST owed before a gain.
    gain = BOOK | {CASH: BOOK[CASH] - 10 * ONE}
    yield Case(
        "gain",
        "value conservation",
        honest(rebalance(policy(), BOOK, gain, gain=10_000)),
        honest(rebalance(policy(), BOOK, gain | {DUST: -1}, gain=10_000)),
    )
    # Cost: 1% of 100,000 USD turned over, and the same gain.
    rules = policy({"slippage_bps": 100})
    cost = BOOK | {SPOT: BOOK[SPOT] - 50 * ONE, CASH: BOOK[CASH] + 101_010 * ONE}
    yield Case(
        "cost",
        "value conservation",
        honest(rebalance(rules, BOOK, cost, gain=10_000)),
        honest(rebalance(rules, BOOK, cost | {DUST: 1}, gain=10_000)),
    )
    # Three NAV steps of 7 USD each are written off, and with them 10,000 ppb of NAV are lost.
    for name, limits, lost, allowances in (
        ("write-down of a cost", {"slippage_bps": 0}, 21, {"write_down_steps": 3}),
        ("write-down of a loss", {}, 21, {"write_down_steps": 3, "gain": 10**9, "loss_ppb": 0}),
        ("loss", {}, 10, {"gain": 10**9, "loss_ppb": 10_000}),
        ("loss and write-down", {}, 31, {"gain": 10**9, "write_down_steps": 3, "loss_ppb": 10_000}),
    ):
        rules, more = policy(limits | {"nav_step_usd": 7}), BOOK | {CASH: BOOK[CASH] + lost * ONE}
        yield Case(
            name,
            "value conservation",
            honest(rebalance(rules, BOOK, more, **allowances)),
            honest(rebalance(rules, BOOK, more | {DUST: 1}, **allowances)),
        )
    deposit = BOOK | {CASH: BOOK[CASH] - 5 * ONE}
    yield Case(
        "flow",
        "value conservation",
        honest(rebalance(policy(), BOOK, deposit, flow=5 * ONE)),
        honest(rebalance(policy(), BOOK, deposit, flow=5 * ONE - 1)),
    )

    # 6. 100,000 USD of turnover is 10% of NAV.
    rules = policy({"max_turnover_bps": 1_000})
    trade = BOOK | {SPOT: BOOK[SPOT] - 50 * ONE, CASH: BOOK[CASH] + 100_000 * ONE}
    yield Case(
        "turnover",
        "turnover",
        honest(rebalance(rules, BOOK, trade, gain=1)),
        honest(rebalance(rules, BOOK, trade | {DUST: 1}, gain=1)),
    )

    named, beyond = (rebalance(rules, BOOK, turnover_ppm=ppm) for ppm in (100_000, 100_001))
    yield Case("allowance for turnover", "turnover", honest(named), honest(beyond))

    # 7. NAV zero and the widest NAV.
    yield Case("no NAV", "solvency", honest(rebalance(policy(), {})), honest(rebalance(policy(), {DUST: -1})))
    widest = {CASH: (1 << 41) - 1, DUST: (1 << 47) - 1}
    yield Case(
        "widest NAV",
        "solvency",
        honest(rebalance(policy(), widest, prices={CASH: 1 << 47})),
        honest(rebalance(policy(), widest | {DUST: 1 << 47}, prices={CASH: 1 << 47})),
    )

    # 8, 11–13, 15–17: linear limits, met exactly; one unit of DUST more or less is past, most by 1 in the limit's own scale.
    for name, check, limits, slots, dust in _book_cases():
        rules = policy(limits, **slots)
        yield Case(name, check, honest(rebalance(rules, BOOK)), honest(rebalance(rules, BOOK | {DUST: dust})))

    yield from _finest()

    # 10. SPOT is all of NAV, and NAV falls by one unit; a cap of zero admits nothing.
    rules = policy(SPOT={"cap_bps": 10_000})
    yield Case("concentration", "concentration", honest(rebalance(rules, BOOK)), honest(rebalance(rules, BOOK | {DUST: -1})))
    rules = policy(DUST={"cap_bps": 0})
    yield Case("cap of zero", "concentration", honest(rebalance(rules, BOOK)), honest(rebalance(rules, BOOK | {DUST: 1})))

    # 9, 14. NAV 2^62 in cash that moves with factors, so that exposures and NAV are whole units; DUST makes one unit more.
    cash, price, loading = {CASH: 1 << 38}, {CASH: 1 << 24}, (10_000, 0, 0, 0)
    limit = {"factor_limit_bps": (10_000, *(TOP_CAP,) * 3)}
    for name, sign in (("long", 1), ("short", -1)):
        rules = policy(limit, CASH={"loading_bps": (sign * 10_000, 0, 0, 0)}, DUST={"loading_bps": (sign, 0, 0, 0)})
        at, past = (rebalance(rules, cash | dust, prices=price) for dust in ({}, {DUST: 1}))
        yield Case(f"factor exposure, {name}", "factor exposure", honest(at), honest(past))
    # A unit of NAV more, and with it a unit of exposure more: 255 against 256.
    rules = policy(
        {"factor_limit_bps": (255, *(TOP_CAP,) * 3)},
        CASH={"loading_bps": (255, 0, 0, 0)},
        DUST={"loading_bps": (255, 0, 0, 0)},
    )
    at, past = (rebalance(rules, cash | dust, prices=price) for dust in ({}, {DUST: 1 << 40}))
    yield Case("factor exposure, finest step", "factor exposure", honest(at), honest(past))
    # A loss of 15 bps; DUST that moves with another factor loses 586 of its units for each of NAV, 625·15 = 16·586 − 1.
    shocks = {
        "shock_bps": ((0,) * 4, (-15, -586, 0, 0), (0,) * 4, (0,) * 4),
        "max_stress_loss_bps": (TOP_CAP, 15, TOP_CAP, TOP_CAP),
    }
    for name, dust, moves in (("stress loss", 1, (0, 1, 0, 0)), ("stress loss, finest step", 1 << 40, (0, 256, 0, 0))):
        rules = policy(shocks, CASH={"loading_bps": loading}, DUST={"loading_bps": moves})
        at, past = (rebalance(rules, cash | more, prices=price) for more in ({}, {DUST: dust}))
        yield Case(name, "stress loss", honest(at), honest(past))

    # 18. NAV 2^40·256·k with residuals of 1%: the truncated bound is met exactly.
    unit = 1 << 14
    nav = (1 << 48) * unit
    cash = {CASH: nav >> 24}
    price = {CASH: 1 << 24}
    rules = policy({"max_var_bps": 100, "var_quantile_bps": 10_000}, CASH={"residual_bps": 100}, DUST={"residual_bps": 100})
    yield Case(
        "value at risk",
        "value at risk",
        honest(rebalance(rules, cash, prices=price)),
        honest(rebalance(rules, cash | {DUST: 1}, prices=price)),
    )
    rules = policy(
        {"max_var_bps": 100, "var_quantile_bps": 10_000, "factor_volatility_bps": (100, 0, 0, 0)},
        CASH={"loading_bps": (10_000, 0, 0, 0)},
        DUST={"loading_bps": (10_000, 0, 0, 0)},
    )
    yield Case(
        "value at risk, factor",
        "value at risk",
        honest(rebalance(rules, cash, prices=price)),
        honest(rebalance(rules, cash | {DUST: 1}, prices=price)),
    )

    # A residual of all of NAV against 0.01% of it at a quantile of 0.01%; DUST is one unit of a factor of 0.01%.
    rules = policy(
        {"max_var_bps": 1, "var_quantile_bps": 1, "factor_volatility_bps": (1, 0, 0, 0)},
        CASH={"residual_bps": 10_000},
        DUST={"loading_bps": (1, 0, 0, 0)},
    )
    yield Case(
        "value at risk, finest step",
        "value at risk",
        honest(rebalance(rules, cash, prices=price)),
        honest(rebalance(rules, cash | {DUST: 1}, prices=price)),
    )

    # 19. NAV exactly at a step, and one unit below the next.
    rules = policy({"nav_step_usd": 1000})
    on, below = honest(rebalance(rules, {CASH: 1000 * ONE})), honest(rebalance(rules, {CASH: 1000 * ONE, DUST: -1}))
    yield Case("NAV on a step", "nav disclosure", on, (below[0], replace(below[1], nav_floor=1)))
    yield Case("NAV below a step", "nav disclosure", below, (on[0], replace(on[1], nav_floor=0)))
