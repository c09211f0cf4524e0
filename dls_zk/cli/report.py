"""How reports and public signals are printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from ..statement import relation
from ..statement.allowances import Allowances
from ..statement.commitments import empty_attestation
from ..statement.constants import PPM, PRICE_DECIMALS, QUANTITY_DECIMALS, USD_E14, VALUE_DECIMALS
from ..statement.model import Policy, Rebalance
from ..statement.needs import HIGHEST, least_allowances
from ..statement.signals import PublicSignals, ReconciliationSignals
from ..statement.verdict import Check, Limit, Report
from .common import console, marked, table


def show_value(limit: Limit) -> str:
    """The value of a limit; rounded towards breaking it, so that a value past its limit never looks like one within."""
    if limit.value is None:
        return "no NAV to compare with" if limit.unit == "of NAV" else "nothing to cover"
    return show_amount(limit.value, limit.unit, down=limit.at_least)


def show_amount(x: Fraction, unit: str, down: bool = False) -> str:
    """A ratio or an amount of dollars for a person: "25% of NAV", "2.5x", "1,000 USD"."""
    text = decimal_text(x * 100 if unit == "of NAV" else x, down, separator=",")
    return {"of NAV": f"{text}% of NAV", "x": f"{text}x", "USD": f"{text} USD"}[unit]


def decimal_text(x: Fraction, down: bool = False, separator: str = "", decimals: int = 8) -> str:
    """A number with up to so many decimals, no trailing zeros, rounded up (or down)."""
    scaled = x * 10**decimals
    units = scaled.numerator // scaled.denominator if down else -(-scaled.numerator // scaled.denominator)
    sign, units = ("-" if units < 0 else ""), abs(units)
    whole = f"{units // 10**decimals:,}".replace(",", separator)
    return f"{sign}{whole}.{units % 10**decimals:0{decimals}d}".rstrip("0").rstrip(".")


def report_json(report: Report, rebalance: Rebalance) -> dict[str, Any]:
    """A report for pipelines, as secret as the book.

    least_allowances: what the rebalance needs at least, null where no allowance is enough. nav_usd, value_usd: exact
    decimals. value, bound and slack of a limit: decimals in its ``unit`` (a share "of NAV", a ratio "x", or "USD"), value
    and slack rounded towards breaking it; slack is what is left until the bound, negative where broken; value and slack are
    null where there is nothing to compare with. limited: false where the policy sets no limit. broken: conditions that do
    not hold.
    """
    return {
        "holds": report.holds,
        "nav_usd": decimal_text(Fraction(relation.nav(rebalance), USD_E14), decimals=VALUE_DECIMALS),
        "least_allowances": {name: need if need < HIGHEST else None for name, need in _needs(rebalance).items()},
        "slots": list(_slots_json(rebalance)),
        "checks": [
            {
                "number": check.number,
                "name": check.name,
                "holds": check.holds,
                "limits": [_limit_json(limit) for limit in check.limits if limit.unit],
                "broken": [limit.subject for limit in check.broken if not limit.unit],
            }
            for check in report.checks
        ],
    }


def _limit_json(limit: Limit) -> dict[str, Any]:
    value, headroom = limit.value, limit.headroom
    return {
        "subject": limit.subject,
        "holds": limit.holds,
        "limited": limit.limited,
        "value": None if value is None else decimal_text(value, down=limit.at_least),
        "bound": decimal_text(limit.bound),
        "slack": None if headroom is None else decimal_text(headroom, down=True),
        "unit": limit.unit,
        "at_least": limit.at_least,
    }


def _slots_json(rebalance: Rebalance) -> Iterator[dict[str, str]]:
    """What each used slot holds after the rebalance."""
    rows = zip(rebalance.policy.slots, rebalance.after.quantities_e6, rebalance.prices.usd_e8, strict=True)
    for slot, quantity_e6, price_e8 in rows:
        if slot.instrument or quantity_e6:
            yield {
                "instrument": slot.instrument,
                "quantity": decimal_text(Fraction(quantity_e6, 10**QUANTITY_DECIMALS)),
                "price_usd": decimal_text(Fraction(price_e8, 10**PRICE_DECIMALS)),
                "value_usd": decimal_text(Fraction(quantity_e6 * price_e8, USD_E14), decimals=VALUE_DECIMALS),
            }


def print_report(report: Report, *, show_all: bool = False) -> None:
    """A table with every limit that is broken, and of each check that holds the limit nearest to its bound; or with every
    limit that the policy sets."""
    rows = table("", "check", "limit of", "value", "bound", "headroom")
    for check in report.checks:
        name = f"{check.number:2d} {check.name}"
        for limit in _shown(check, show_all):
            mark = marked("green", "✓") if limit.holds else marked("red", "✗")
            if not limit.unit:
                rows.add_row(mark, name, "" if limit.holds else limit.subject, "", "", "" if limit.holds else "broken")
            elif limit.holds and not limit.limited:
                rows.add_row("", name, "", "", "no limit", "")
            else:
                bound = f"{'≥' if limit.at_least else '≤'} {show_amount(limit.bound, limit.unit)}"
                headroom = "" if limit.headroom is None else show_amount(limit.headroom, limit.unit, down=True)
                rows.add_row(mark, name, limit.subject, show_value(limit), bound, headroom)
            name = ""
    console.print(rows)
    if report.holds:
        console.print(f"All {len(report.checks)} checks hold.")


def _shown(check: Check, show_all: bool) -> tuple[Limit, ...]:
    """The limits of a check that its rows are about. Of conditions that all hold, one stands for all."""
    limits = tuple(limit for limit in check.limits if limit.unit and limit.limited) if show_all else ()
    broken = tuple(limit for limit in check.broken if limit not in limits)
    return broken + limits or (check.tightest,)


def allowances_json(allowances: Allowances) -> dict[str, int]:
    """Allowances by name, in the units of ``Allowances``."""
    return asdict(allowances)


def allowances_text(allowances: Allowances) -> str:
    """Allowances for a person, as the terms file writes them."""
    return ", ".join(_allowance_text(name, value) for name, value in allowances_json(allowances).items())


def needs_text(rebalance: Rebalance) -> str:
    """What a rebalance needs at least for a person; an allowance of which no amount is enough in words."""
    return ", ".join(
        _allowance_text(name, need) if need < HIGHEST else f"more {name.rpartition('_')[0]} than any allowance holds"
        for name, need in _needs(rebalance).items()
    )


def _needs(rebalance: Rebalance) -> dict[str, int]:
    return allowances_json(least_allowances(rebalance))


def _allowance_text(name: str, value: int) -> str:
    word, _, unit = name.rpartition("_")
    return f"{word.replace('_', '-')} {value} {unit}"


def signals_json(signals: PublicSignals | ReconciliationSignals) -> dict[str, Any]:
    """Public signals by name; field elements as hex, amounts as decimal strings (nav_floor in the policy's steps)."""
    if isinstance(signals, ReconciliationSignals):
        return {
            "commitment": f"0x{signals.commitment:064x}",
            "attestations": [f"0x{attestation:064x}" for attestation in signals.attestations],
            "venues": f"0x{signals.venues:064x}",
            "tolerance_ppm": signals.tolerance_ppm,
            "prices": [f"0x{word:064x}" for word in signals.prices],
        }
    return {
        "commitment_before": f"0x{signals.commitment_before:064x}",
        "commitment_after": f"0x{signals.commitment_after:064x}",
        "policy_hash": f"0x{signals.policy_hash:064x}",
        "flow": decimal_text(Fraction(signals.flow, 10**QUANTITY_DECIMALS)),
        "allowances": allowances_json(signals.allowances),
        "nav_floor_steps": signals.nav_floor,
        "context": f"0x{signals.context:064x}",
        "prices": [f"0x{word:064x}" for word in signals.prices],
    }


def print_signals(signals: PublicSignals, policy: Policy | None) -> None:
    """What a proof that holds says in public."""
    rows = table("the proof holds", "")
    floor = f"{signals.nav_floor:,} NAV steps"
    if policy:
        step = policy.nav_step_usd
        floor = f"at least {signals.nav_floor * step:,} USD, below {(signals.nav_floor + 1) * step:,} USD"
    rows.add_row("NAV", floor)
    flow = decimal_text(Fraction(signals.flow, 10**QUANTITY_DECIMALS), separator=",")
    rows.add_row("flow", f"{flow} of slot 0")
    rows.add_row("allowances", allowances_text(signals.allowances))
    for name, value in signals_json(signals).items():
        if name.startswith(("commitment", "policy", "context")):
            rows.add_row(name.replace("_", " "), str(value))
    console.print(rows)


def print_reconciliation(signals: ReconciliationSignals, slots: int) -> None:
    """What a reconciliation proof that holds says in public."""
    rows = table("the proof holds", "")
    rows.add_row("tolerance", show_amount(Fraction(signals.tolerance_ppm, PPM), "of NAV"))
    rows.add_row("commitment", f"0x{signals.commitment:064x}")
    nobody = empty_attestation(slots)
    for k, attestation in enumerate(signals.attestations):
        rows.add_row(f"venue {k}", "nobody attests" if attestation == nobody else f"0x{attestation:064x}")
    console.print(rows)
