"""How reports and public signals are printed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..operations import decimal_text, show_amount, show_value
from ..statement.constants import QUANTITY_DECIMALS
from ..statement.model import Policy
from ..statement.relation import Report
from ..statement.signals import PublicSignals
from .common import console, marked, table

if TYPE_CHECKING:
    pass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def report_json(report: Report) -> dict[str, Any]:
    """A report for pipelines. value, limit: decimals in ``unit`` (a share "of NAV", a ratio "x", or "USD"), the value
    rounded towards breaking its limit, null where there is nothing to compare with. slack: exact, an integer in the
    inequality's own scale, negative where it is broken."""
    return {
        "holds": report.holds,
        "checks": [
            {
                "number": check.number,
                "name": check.name,
                "holds": check.holds,
                "limits": [
                    {
                        "subject": limit.subject,
                        "holds": limit.holds,
                        "value": None if limit.value is None else decimal_text(limit.value, down=limit.at_least),
                        "limit": decimal_text(limit.bound),
                        "unit": limit.unit,
                        "at_least": limit.at_least,
                        "slack": str(limit.slack),
                    }
                    for limit in check.limits
                    if limit.unit
                ],
                "broken": [limit.subject for limit in check.limits if not limit.unit and not limit.holds],
            }
            for check in report.checks
        ],
    }


def print_report(report: Report) -> None:
    rows = table("", "check", "nearest to its limit", "value", "limit", "headroom")
    for check in report.checks:
        limit = check.tightest
        mark = marked("green", "✓") if check.holds else marked("red", "✗")
        name = f"{check.number:2d} {check.name}"
        if not limit.unit:
            rows.add_row(mark, name, "" if check.holds else limit.subject, "", "", "" if check.holds else "broken")
            continue
        room = None if limit.value is None else (limit.value - limit.bound) * (1 if limit.at_least else -1)
        rows.add_row(
            mark,
            name,
            limit.subject,
            show_value(limit),
            f"{'≥' if limit.at_least else '≤'} {show_amount(limit.bound, limit.unit)}",
            "" if room is None else show_amount(room, limit.unit, down=True),
        )
    console.print(rows)
    if report.holds:
        console.print(f"All {len(report.checks)} checks hold.")


def signals_json(signals: PublicSignals) -> dict[str, Any]:
    """Public signals by name; field elements as hex, amounts as decimal strings (nav_floor in the policy's steps)."""
    return {
        "commitment_before": f"0x{signals.commitment_before:064x}",
        "commitment_after": f"0x{signals.commitment_after:064x}",
        "policy_hash": f"0x{signals.policy_hash:064x}",
        "flow_e6": str(signals.flow),
        "accrual_ppm": str(signals.accrual),
        "nav_floor": str(signals.nav_floor),
        "context": f"0x{signals.context:064x}",
        "prices": [f"0x{word:064x}" for word in signals.prices],
    }


def print_signals(signals: PublicSignals, policy: Policy | None, demanded: tuple[Path | None, ...]) -> None:
    """What a proof that holds says in public, and what of it nobody has compared."""
    rows = table("the proof holds", "")
    floor = f"{signals.nav_floor:,} NAV steps"
    if policy:
        step = policy.nav_step_usd
        floor = f"at least {signals.nav_floor * step:,} USD, below {(signals.nav_floor + 1) * step:,} USD"
    rows.add_row("NAV", floor)
    flow = decimal_text(Fraction(signals.flow, 10**QUANTITY_DECIMALS), separator=",")
    rows.add_row("flow", f"{flow} of slot 0")
    rows.add_row("accrual", f"{signals.accrual} ppm of NAV")
    for name, value in signals_json(signals).items():
        if name.startswith(("commitment", "policy", "context")):
            rows.add_row(name.replace("_", " "), str(value))
    console.print(rows)
    missing = [f"--{name}" for name, path in zip(("policy", "prices", "terms"), demanded, strict=True) if not path]
    if missing:
        click.echo(f"note: not compared with what it should be about: {', '.join(missing)}", err=True)
