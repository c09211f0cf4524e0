"""What is odd about a policy that is a policy: limits that limit nothing, and a NAV step that gives the book away.

Each rule is arithmetic on the policy alone; only the rules of the NAV step need a NAV.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm

from .constants import BPS, PPM
from .model import Policy, SlotPolicy
from .policy_fields import FIELDS

#: A step of this share of the tightest factor limit hides the size of that exposure for about a month (LEAKAGE.md).
HIDING_SHARE = Fraction(1, 2)
#: Basis points that the rounding of exposures and NAV may cost a book that is worth 2,000 USD or more (docs/statement.md).
ROUNDED = 1
#: The share token stands still while a step is more than this share of the NAV (``ShareToken.sol``).
COARSE_SHARE = Fraction(1, 100)

_PPM_A_BPS = PPM // BPS


@dataclass(frozen=True)
class Finding:
    """One thing that its author should know. code: for programs. where: the field, in the words of the policy file.

    note: whether it is a fact to know and no warning.
    """

    code: str
    where: str
    text: str
    note: bool = False


def lint(policy: Policy, nav_usd: Fraction | None = None) -> tuple[Finding, ...]:
    """All findings. nav_usd: of the vault, for the rules of the NAV step; without it these say up to which NAV they hold."""
    return (
        *_absent(policy),
        *_idle_caps(policy),
        *_idle_limits(policy),
        *_scenarios(policy),
        *_nav_step(policy, nav_usd),
    )


def lint_turnover_step(policy: Policy, step_ppm: int) -> tuple[Finding, ...]:
    """Whether a mandate's step of turnover divides the policy's maximum: a rebalance names whole steps.

    Where it does not, the last part of what the policy allows costs a whole step of the bucket.
    """
    if _is_absent("max_turnover_bps", policy.max_turnover_bps) or not policy.max_turnover_bps * _PPM_A_BPS % step_ppm:
        return ()
    grid_bps = lcm(step_ppm, _PPM_A_BPS) // _PPM_A_BPS
    below_bps = policy.max_turnover_bps // grid_bps * grid_bps
    above_bps = below_bps + grid_bps
    is_below_nearer = policy.max_turnover_bps - below_bps <= above_bps - policy.max_turnover_bps
    nearest_bps = below_bps if below_bps and is_below_nearer else above_bps
    text = (
        f"{_percent(policy.max_turnover_bps)} is no multiple of the mandate's turnover step of {step_ppm} ppm, in which a "
        f"rebalance names its turnover; the nearest that is: {_percent(nearest_bps)}"
    )
    return (Finding("turnover_step", "limits.max_turnover", text),)


def _used(policy: Policy) -> list[SlotPolicy]:
    return [slot for slot in policy.slots if slot.instrument]


def _is_absent(name: str, value: int) -> bool:
    """Whether an upper limit has the value that a limit which is left out has."""
    return value == FIELDS[name].high


def _absent(policy: Policy) -> Iterator[Finding]:
    for k, venue in enumerate(policy.venue_names):
        if _is_absent("venue_cap_bps", policy.venue_cap_bps[k]):
            yield Finding("no_limit", f"venues ({venue}).cap", "absent: the venue may hold any share of NAV")
    for f, factor in enumerate(policy.factor_names):
        if _is_absent("factor_limit_bps", policy.factor_limit_bps[f]):
            yield Finding("no_limit", f"factors ({factor}).limit", "absent: no limit on the exposure to this factor")
    for s, scenario in enumerate(policy.scenario_names):
        if _is_absent("max_stress_loss_bps", policy.max_stress_loss_bps[s]):
            yield Finding("no_limit", f"scenarios ({scenario}).max_loss", "the widest value: no limit on the loss")
    for name, field in (("max_turnover", "max_turnover_bps"), ("max_leverage", "max_leverage_bps")):
        if _is_absent(field, getattr(policy, field)):
            yield Finding("no_limit", f"limits.{name}", "the widest value: no limit")
    used = _used(policy)
    if _is_absent("max_impermanent_loss_bps", policy.max_impermanent_loss_bps) and any(s.impermanent_loss_bps for s in used):
        yield Finding("no_limit", "limits.max_impermanent_loss", "absent, and instruments have an impermanent loss")
    if not policy.min_capital_efficiency_bps and any(slot.depth_bps for slot in used):
        yield Finding("no_limit", "limits.min_capital_efficiency", "absent, and instruments have a depth")
    if not policy.var_quantile_bps:
        yield Finding("no_limit", "limits.max_var", "absent: no limit on the value at risk")
    if not policy.min_collateral_ratio_bps:
        yield Finding("no_limit", "limits.min_collateral_ratio", "0%: no limit on debt")
    if not policy.stress_collateral_ratio_bps and policy.scenario_names:
        yield Finding("no_limit", "limits.stress_collateral_ratio", "absent: solvency is not asked for under the scenarios")
    if not policy.min_reserve_bps:
        yield Finding(
            "no_limit", "limits.min_reserve", "absent: no liquidity is asked for beyond what short derivatives need"
        )


def _idle_caps(policy: Policy) -> Iterator[Finding]:
    """Caps of instruments that another limit keeps from ever being reached, and instruments that nobody may hold."""
    for slot in _used(policy):
        where, cap = f"instruments ({slot.instrument}).cap", slot.cap_bps
        if not cap:
            yield Finding("nothing_allowed", where, "0%: nothing of it can be held")
            continue
        venue_cap = policy.venue_cap_bps[slot.venue]
        if venue_cap < cap:
            text = f"cannot bind: its venue {policy.name_of('venue', slot.venue)} is limited to {_percent(venue_cap)}"
            yield Finding("cannot_bind", where, text)
        elif slot.gross_bps and policy.max_leverage_bps * BPS < cap * slot.gross_bps:
            yield Finding("cannot_bind", where, "cannot bind: max_leverage allows less of it alone")


def _idle_limits(policy: Policy) -> Iterator[Finding]:
    """Limits on sums that no book which keeps the instruments' caps reaches."""
    used = _used(policy)
    for k, venue in enumerate(policy.venue_names):
        here = [slot for slot in used if slot.venue == k]
        if not here:
            yield Finding("unused", f"venues ({venue})", "no instrument is held there")
            continue
        cap, most = policy.venue_cap_bps[k], sum(slot.cap_bps for slot in here)
        if not _is_absent("venue_cap_bps", cap) and most < cap:
            text = f"cannot bind: its instruments' caps add up to {_percent(most)}"
            yield Finding("cannot_bind", f"venues ({venue}).cap", text)
    for f, factor in enumerate(policy.factor_names):
        most_e4 = sum(abs(slot.loading_bps[f]) * slot.cap_bps for slot in used)
        if not most_e4:
            yield Finding("unused", f"factors ({factor})", "no instrument moves with it")
        elif not _is_absent("factor_limit_bps", limit := policy.factor_limit_bps[f]) and most_e4 <= (limit - ROUNDED) * BPS:
            text = f"cannot bind: the instruments' caps allow {_percent(Fraction(most_e4, BPS))} at most"
            yield Finding("cannot_bind", f"factors ({factor}).limit", text)
    for name, field, weight in (
        ("max_leverage", "max_leverage_bps", "gross_bps"),
        ("max_impermanent_loss", "max_impermanent_loss_bps", "impermanent_loss_bps"),
    ):
        most_e4, limit = sum(getattr(slot, weight) * slot.cap_bps for slot in used), getattr(policy, field)
        if not _is_absent(field, limit) and most_e4 < limit * BPS:
            text = f"cannot bind: the instruments' caps allow {_percent(Fraction(most_e4, BPS))} of NAV at most"
            yield Finding("cannot_bind", f"limits.{name}", text)


def _scenarios(policy: Policy) -> Iterator[Finding]:
    if not policy.scenario_names:
        yield Finding("no_scenario", "scenarios", "none: neither stress loss nor stress solvency limits anything")
    exposed = [any(slot.loading_bps[f] for slot in _used(policy)) for f in range(policy.size.factors)]
    for s, scenario in enumerate(policy.scenario_names):
        moves = [
            (shock, limit)
            for shock, limit, e in zip(policy.shock_bps[s], policy.factor_limit_bps, exposed, strict=True)
            if e
        ]
        where, most_e4 = f"scenarios ({scenario})", sum(abs(shock) * limit for shock, limit in moves)
        if not most_e4:
            yield Finding("unused", f"{where}.shocks", "moves nothing that an instrument moves with")
        elif most_e4 <= (policy.max_stress_loss_bps[s] - ROUNDED) * BPS:
            text = f"cannot bind: within the factors' limits the loss is {_percent(Fraction(most_e4, BPS))} of NAV at most"
            yield Finding("cannot_bind", f"{where}.max_loss", text)


def _nav_step(policy: Policy, nav_usd: Fraction | None) -> Iterator[Finding]:
    """The rule of LEAKAGE.md, and that of the share token."""
    limits = [
        (policy.factor_limit_bps[f], factor)
        for f, factor in enumerate(policy.factor_names)
        if any(slot.loading_bps[f] for slot in _used(policy)) and policy.factor_limit_bps[f]
    ]
    step, rule = policy.nav_step_usd, "half of the tightest factor limit times NAV hides that exposure for a month"
    limit_bps, factor = min(limits, key=lambda limit: limit[0], default=(FIELDS["factor_limit_bps"].high, ""))
    if not _is_absent("factor_limit_bps", limit_bps):
        share = HIDING_SHARE * Fraction(limit_bps, BPS)
        if nav_usd is None:
            text = f"{step:,} USD hides the exposure to {factor} up to a NAV of {int(step / share):,} USD: {rule}"
            yield Finding("nav_step", "limits.nav_step", text, note=True)
        elif step < share * nav_usd:
            text = (
                f"at {step:,} USD, anyone who follows the NAV floor for a month can tell the exposure to {factor} "
                f"(limit {_percent(limit_bps)}); use at least {ceil(share * nav_usd):,} USD: {rule}"
            )
            yield Finding("nav_step_too_fine", "limits.nav_step", text)
    if nav_usd and step > COARSE_SHARE * nav_usd:
        text = f"{step:,} USD is more than 1% of NAV: a share token would neither take deposits nor process its queue"
        yield Finding("nav_step_too_coarse", "limits.nav_step", text)


def _percent(bps: int | Fraction) -> str:
    """A share in percent, two decimals at most, rounded down."""
    hundredths = int(bps)
    return f"{hundredths // 100}{f'.{hundredths % 100:02d}'.rstrip('0').rstrip('.') if hundredths % 100 else ''}%"
