"""The statement of a rebalance in plain Python integers: the readable definition, check for check.

``circuits/rebalance.circom`` is the same statement as constraints; it shares no code with this and is tested against it.
A check never raises on a book that breaks it: the report names every check that fails and the headroom of all.

Units: quantities 1e-6, prices USD 1e-8, values USD 1e-14, ratios and weights basis points, allowances as in ``Allowances``.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import isqrt

from .commitments import book_commitment, has_commitment, policy_hash
from .constants import (
    BPS,
    EXPOSURE_SHIFT,
    FIELD,
    NAV_BITS,
    NAV_FLOOR_BITS,
    NAV_SHIFT,
    PPB,
    PPM,
    PRICE_BITS,
    QUANTITY_BITS,
    SIGNED_OFFSET,
    USD_E14,
)
from .field import fits_signed
from .model import Rebalance
from .policy_fields import FIELDS
from .signals import PublicSignals, pack_prices
from .verdict import Check, Limit, Report, condition

#: The checks in order; a check's number is its place, from 1.
CHECKS = (
    "commitments",
    "policy",
    "prices",
    "quantities",
    "value conservation",
    "turnover",
    "solvency",
    "gross leverage",
    "factor exposure",
    "concentration",
    "venue exposure",
    "collateral ratio",
    "stress solvency",
    "stress loss",
    "liquidity reserve",
    "impermanent loss",
    "capital efficiency",
    "value at risk",
    "nav disclosure",
    "context",
)


def nav(rebalance: Rebalance) -> int:
    """E: the value of the book after, USD 1e-14, signed."""
    return sum(q * p for q, p in zip(rebalance.after.quantities_e6, rebalance.prices.usd_e8, strict=True))


def public_signals(rebalance: Rebalance) -> PublicSignals:
    """The public signals that an honest prover shows. ValueError if an opening or a price is outside its range."""
    policy, terms = rebalance.policy, rebalance.terms
    return PublicSignals(
        commitment_before=book_commitment(rebalance.before),
        commitment_after=book_commitment(rebalance.after),
        policy_hash=policy_hash(policy),
        flow=terms.flow_e6,
        allowances=terms.allowances,
        nav_floor=_nav_floor(nav(rebalance), policy.nav_step_usd * USD_E14),
        context=terms.context_hash,
        prices=pack_prices(rebalance.size, rebalance.prices.usd_e8),
    )


def evaluate(rebalance: Rebalance, signals: PublicSignals | None = None) -> Report:
    """Decide all twenty checks for these inputs and public signals.

    Without signals, those of an honest prover are meant: ``public_signals``, where it gives any. They are right by
    definition, so no hash is computed; a quantity or a price that no signal can hold breaks its check as any other.
    """
    limits = _Limits(rebalance, signals)
    methods = [f"check_{name.replace(' ', '_')}" for name in CHECKS]
    return Report(
        tuple(
            Check(number, label, tuple(getattr(limits, method)()))
            for number, (label, method) in enumerate(zip(CHECKS, methods, strict=True), start=1)
        )
    )


def _nav_floor(nav: int, step_e14: int) -> int:
    """The NAV in whole steps, as an honest prover shows it; 0 for a NAV below zero or a step of zero, which are refused."""
    return max(nav, 0) // step_e14 if step_e14 else 0


class _Limits:
    """The quantities that the checks share, and one method ``check_…`` for each name of CHECKS.

    signals: None for those of an honest prover, which are what the checks of them compute.
    """

    def __init__(self, rebalance: Rebalance, signals: PublicSignals | None):
        self.rebalance, self.signals, self.policy = rebalance, signals, rebalance.policy
        self.p = rebalance.prices.usd_e8
        self.q = rebalance.after.quantities_e6
        self.t = [after - before for after, before in zip(self.q, rebalance.before.quantities_e6, strict=True)]
        slots = self.policy.slots
        self.v = [q * p for q, p in zip(self.q, self.p, strict=True)]
        self.nav = sum(self.v)
        flow = signals.flow if signals else rebalance.terms.flow_e6
        self.flow, self.allowances = flow, signals.allowances if signals else rebalance.terms.allowances
        #: What a negative flow took out was in the book: the bounds on costs and on turnover are shares of both.
        self.nav_before_outflow = self.nav + max(-flow, 0) * self.p[0]
        self.turnover_e14 = sum(abs(t) * p for t, p in list(zip(self.t, self.p, strict=True))[1:])
        # In bps of a value unit, slot by slot.
        self.collateral = [
            slot.haircut_bps * v if v > 0 else 0 if slot.funded else BPS * v for slot, v in zip(slots, self.v, strict=True)
        ]
        self.debt = [slot.liability_bps * -v if slot.funded and v < 0 else 0 for slot, v in zip(slots, self.v, strict=True)]
        self.exposure = [
            sum(slot.loading_bps[f] * v for slot, v in zip(slots, self.v, strict=True))
            for f in range(self.policy.size.factors)
        ]
        # NAV in units of 2^40 and exposures in units of 2^48, rounded against the prover (checks 9, 14 and 18).
        self.nav_units = self.nav >> NAV_SHIFT
        self.exposure_units = [_shift_up(abs(y), EXPOSURE_SHIFT) for y in self.exposure]
        self.funded_long = [v if slot.funded and v > 0 else 0 for slot, v in zip(slots, self.v, strict=True)]

    def _of_nav(self, subject: str, amount: int, bound_bps: int, field: str, used: bool = True) -> Limit:
        """amount (bps of a value unit) at most bound_bps of NAV, the value of this field of the policy."""
        value = Fraction(amount, BPS * self.nav) if self.nav > 0 else None
        limited = used and bound_bps < FIELDS[field].high
        return Limit(subject, value, Fraction(bound_bps, BPS), "of NAV", False, bound_bps * self.nav - amount, limited)

    def _of_nav_units(self, subject: str, units: Fraction, bound_bps: int, field: str, scale: int = 1) -> Limit:
        """units·2^48 bps of a value unit at most bound_bps of NAV in units of 2^40. The slack is in 2^40/scale bps."""
        amount = units * (1 << EXPOSURE_SHIFT - NAV_SHIFT)
        value = amount / (BPS * self.nav_units) if self.nav_units > 0 else None
        slack = (bound_bps * self.nav_units - amount) * scale
        limited = bound_bps < FIELDS[field].high
        return Limit(subject, value, Fraction(bound_bps, BPS), "of NAV", False, int(slack), limited)

    def _weighted(self, field: str) -> int:
        """Σ weight_i·|v_i| in bps of a value unit."""
        return sum(getattr(slot, field) * abs(v) for slot, v in zip(self.policy.slots, self.v, strict=True))

    def check_commitments(self) -> Iterator[Limit]:
        for side in ("before", "after"):
            opening = getattr(self.rebalance, side)
            holds = has_commitment(opening) and (
                self.signals is None or book_commitment(opening) == getattr(self.signals, f"commitment_{side}")
            )
            yield condition(f"commitment {side}", holds)

    def check_policy(self) -> Iterator[Limit]:
        yield condition("policy hash", self.signals is None or policy_hash(self.policy) == self.signals.policy_hash)

    def check_prices(self) -> Iterator[Limit]:
        in_range = all(0 <= p < 1 << PRICE_BITS for p in self.p)
        packed = self.signals is None or (in_range and pack_prices(self.policy.size, self.p) == self.signals.prices)
        yield condition("price words", in_range and packed)
        for i, (p, q) in enumerate(zip(self.p, self.q, strict=True)):
            yield condition(f"slot {i} is priced or empty", p != 0 or q == 0)

    def check_quantities(self) -> Iterator[Limit]:
        for i, (q, t) in enumerate(zip(self.q, self.t, strict=True)):
            yield condition(f"quantity of slot {i} in range", fits_signed(q, QUANTITY_BITS))
            yield condition(f"trade of slot {i} in range", fits_signed(t, QUANTITY_BITS))

    def check_value_conservation(self) -> Iterator[Limit]:
        yield condition("flow in range", fits_signed(self.flow, QUANTITY_BITS))
        cost = self.flow * self.p[0] - sum(t * p for t, p in zip(self.t, self.p, strict=True))
        gained = Fraction(self.allowances.gain_ppb * self.nav, PPB)
        written_down = self.allowances.write_down_steps * self.policy.nav_step_usd * USD_E14
        most = gained + Fraction(self.policy.slippage_bps * self.turnover_e14, BPS) + written_down
        lost = Fraction(self.allowances.loss_ppb * self.nav_before_outflow, PPB) + written_down
        for subject, value, bound in (("unexplained gain", -cost, gained), ("cost", cost, most), ("loss", cost, lost)):
            slack = (bound - value) * PPB
            yield Limit(subject, Fraction(value, USD_E14), bound / USD_E14, "USD", False, int(slack))

    def check_turnover(self) -> Iterator[Limit]:
        named, most, whole = self.allowances.turnover_ppm, self.policy.max_turnover_bps, self.nav_before_outflow
        most_ppm = most * (PPM // BPS)
        # Of the policy's own maximum the limit of what is traded says all.
        limited = named != most_ppm
        yield Limit("allowance", Fraction(named, PPM), Fraction(most, BPS), "of NAV", False, most_ppm - named, limited)
        slack = named * whole - PPM * self.turnover_e14
        value = Fraction(self.turnover_e14, whole) if whole > 0 else None
        limited = most < FIELDS["max_turnover_bps"].high or named < most_ppm
        yield Limit("traded", value, Fraction(named, PPM), "of NAV", False, slack, limited)

    def check_solvency(self) -> Iterator[Limit]:
        yield Limit("NAV", Fraction(self.nav, USD_E14), Fraction(0), "USD", True, self.nav)
        yield condition(f"NAV below 2^{NAV_BITS}", self.nav < 1 << NAV_BITS)

    def check_gross_leverage(self) -> Iterator[Limit]:
        yield self._of_nav("", self._weighted("gross_bps"), self.policy.max_leverage_bps, "max_leverage_bps")

    def check_factor_exposure(self) -> Iterator[Limit]:
        for f, (units, bound) in enumerate(zip(self.exposure_units, self.policy.factor_limit_bps, strict=True)):
            yield self._of_nav_units(self.policy.name_of("factor", f), Fraction(units), bound, "factor_limit_bps")

    def check_concentration(self) -> Iterator[Limit]:
        for i, (slot, v) in enumerate(zip(self.policy.slots, self.v, strict=True)):
            subject, used = slot.instrument or f"slot {i}", bool(slot.instrument)
            yield self._of_nav(subject, BPS * abs(v), slot.cap_bps, "cap_bps", used)

    def check_venue_exposure(self) -> Iterator[Limit]:
        for k, cap in enumerate(self.policy.venue_cap_bps):
            total = sum(abs(v) for slot, v in zip(self.policy.slots, self.v, strict=True) if slot.venue == k)
            yield self._of_nav(self.policy.name_of("venue", k), BPS * total, cap, "venue_cap_bps")

    def check_collateral_ratio(self) -> Iterator[Limit]:
        yield _coverage("", sum(self.collateral), sum(self.debt), self.policy.min_collateral_ratio_bps)

    def check_stress_solvency(self) -> Iterator[Limit]:
        for s, shocks in enumerate(self.policy.shock_bps):
            scale = [
                BPS * BPS + sum(shock * loading for shock, loading in zip(shocks, slot.loading_bps, strict=True))
                for slot in self.policy.slots
            ]
            collateral = sum(c * m for c, m in zip(self.collateral, scale, strict=True))
            debt = sum(d * m for d, m in zip(self.debt, scale, strict=True))
            subject, ratio = self.policy.name_of("scenario", s), self.policy.stress_collateral_ratio_bps
            yield _coverage(subject, collateral, debt, ratio, used=any(shocks))

    def check_stress_loss(self) -> Iterator[Limit]:
        """Exposures in units, rounded down: what that leaves out can lose a unit times 2^16 bps, the largest shock."""
        high = [y >> EXPOSURE_SHIFT for y in self.exposure]
        left_out = sum(SIGNED_OFFSET for y in self.exposure if y % (1 << EXPOSURE_SHIFT))
        for s, (shocks, most) in enumerate(zip(self.policy.shock_bps, self.policy.max_stress_loss_bps, strict=True)):
            loss = left_out - sum(shock * units for shock, units in zip(shocks, high, strict=True))
            subject = self.policy.name_of("scenario", s)
            yield self._of_nav_units(subject, Fraction(loss, BPS), most, "max_stress_loss_bps", scale=BPS // 16)

    def check_liquidity_reserve(self) -> Iterator[Limit]:
        liquid = sum(slot.liquid_bps * v for slot, v in zip(self.policy.slots, self.funded_long, strict=True))
        owed = sum(-v for slot, v in zip(self.policy.slots, self.v, strict=True) if not slot.funded and v < 0)
        reserve, bound = liquid - BPS * owed, self.policy.min_reserve_bps
        value = Fraction(reserve, BPS * self.nav) if self.nav > 0 else None
        # Never without a limit: at 0% too, short derivatives have to be covered.
        yield Limit("", value, Fraction(bound, BPS), "of NAV", True, reserve - bound * self.nav)

    def check_impermanent_loss(self) -> Iterator[Limit]:
        loss, bound = self._weighted("impermanent_loss_bps"), self.policy.max_impermanent_loss_bps
        yield self._of_nav("", loss, bound, "max_impermanent_loss_bps")

    def check_capital_efficiency(self) -> Iterator[Limit]:
        supported, capital = self._weighted("depth_bps"), sum(self.funded_long)
        bound = self.policy.min_capital_efficiency_bps
        value = Fraction(supported, BPS * capital) if capital else None
        yield Limit("", value, Fraction(bound, BPS), "x", True, supported - bound * capital, bool(bound))

    def check_value_at_risk(self) -> Iterator[Limit]:
        """Exposures in units of 2^48 bps of a value unit, rounded up; NAV in units of 2^40, rounded down."""
        variance = (BPS * _shift_up(self._weighted("residual_bps"), EXPOSURE_SHIFT)) ** 2 + sum(
            (volatility * units) ** 2
            for volatility, units in zip(self.policy.factor_volatility_bps, self.exposure_units, strict=True)
        )
        # z·√variance·2^48 / 1e12 ≤ maxVaR·Ê·2^40 / 1e4, squared and cleared of common factors; no bound where E < 0.
        bound = (self.policy.max_var_bps * 5**8 * self.nav_units) ** 2 if self.nav >= 0 else -1
        risk = self.policy.var_quantile_bps**2 * variance
        value = _square_root_up(Fraction(risk, (BPS * 5**8 * self.nav_units) ** 2)) if self.nav_units > 0 else None
        limited = bool(self.policy.var_quantile_bps)
        yield Limit("", value, Fraction(self.policy.max_var_bps, BPS), "of NAV", False, bound - risk, limited)

    def check_nav_disclosure(self) -> Iterator[Limit]:
        nav_step_e14 = self.policy.nav_step_usd * USD_E14
        nav_floor = self.signals.nav_floor if self.signals else _nav_floor(self.nav, nav_step_e14)
        yield condition("NAV floor in range", 0 <= nav_floor < 1 << NAV_FLOOR_BITS)
        yield condition("NAV floor", nav_floor * nav_step_e14 <= self.nav < (nav_floor + 1) * nav_step_e14)

    def check_context(self) -> Iterator[Limit]:
        own = self.rebalance.terms.context_hash
        context = self.signals.context if self.signals else own
        yield condition("context", 0 <= context < FIELD and context == own)


def _coverage(subject: str, collateral: int, debt: int, ratio_bps: int, used: bool = True) -> Limit:
    """collateral ≥ ratio × debt, both in one scale. used: False for a scenario that moves nothing."""
    value = Fraction(collateral, debt) if debt > 0 else None
    slack = BPS * collateral - ratio_bps * debt
    return Limit(subject, value, Fraction(ratio_bps, BPS), "x", True, slack, used and ratio_bps > 0)


def _shift_up(x: int, bits: int) -> int:
    """⌈x / 2^bits⌉ for x ≥ 0."""
    return -(-x >> bits)


def _square_root_up(x: Fraction) -> Fraction:
    """√x to nine decimals, rounded up: for display; the check itself compares squares."""
    scaled = -(-x.numerator * 10**18 // x.denominator)
    root = isqrt(scaled)
    return Fraction(root + (root * root < scaled), 10**9)
