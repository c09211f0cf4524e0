"""``dls-zk check``, and the options that say what a rebalance is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .. import checking
from ..statement.constants import ALLOWANCE_BITS
from .common import FILE, beside, console, example, json_option, print_json, uint, warn_readable
from .params import SignedQuantity
from .report import needs_text, print_report, report_json

#: A flow and a gain look alike in the books: both are value that no trade explains.
_MISSING_FLOW = (
    "; no flow is given, and one would explain it: pass --flow or --terms, "
    "or --gain if it was gained or lost without a trade"
)


def rebalance_options(command: Any) -> Any:
    """The files of one rebalance."""
    for option in reversed(
        [
            click.option("--policy", "policy_path", type=FILE, required=True, help="Policy (YAML)."),
            click.option("--prices", "prices_path", type=FILE, required=True, help="Prices (YAML or CSV)."),
            click.option(
                "--before",
                metavar="PATH|empty",
                help="What is held before: an opening (JSON), or `empty` for the first rebalance.",
            ),
            click.option("--trades", "trades_path", type=FILE, help="Trades, after minus before (CSV or YAML). Secret."),
            click.option(
                "--after", "after_path", type=FILE, help="Book after (CSV or YAML), instead of the trades. Secret."
            ),
            click.option("--heartbeat", is_flag=True, help="No trades: the same book at these prices."),
        ]
    ):
        command = option(command)
    return command


def allowance_options(command: Any) -> Any:
    """What the rebalance may use, one option each."""
    for name, metavar, help_text in reversed(
        [
            ("--gain", "PPB", "Gain without a trade, in ppb of NAV [default: 0]."),
            ("--loss", "PPB", "Largest cost, in ppb of NAV before a withdrawal [default: the policy's slippage alone]."),
            ("--turnover", "PPM", "Largest turnover, in ppm of NAV before a withdrawal [default: the policy's]."),
            ("--write-down", "STEPS", "Announced loss, in NAV steps [default: 0]."),
        ]
    ):
        command = click.option(name, type=uint(ALLOWANCE_BITS), metavar=metavar, help=help_text)(command)
    return command


def require_one_move(trades: Path | None, after: Path | None, heartbeat: bool) -> None:
    """UsageError unless one of the three says what the rebalance does."""
    if sum(map(bool, (trades, after, heartbeat))) != 1:
        raise click.UsageError("Give one of --trades, --after and --heartbeat.")


def book_before(text: str | None) -> Path | None:
    """The file of what is held before, or None for `empty`."""
    if text is None:
        raise click.UsageError("Missing option '--before' (an opening, or `empty` for the first rebalance).")
    return None if text == "empty" else Path(text)


@click.command(
    "check",
    **example("dls-zk check --policy policy.yaml --prices prices.yaml --before empty --after book.csv --flow 10000000"),
)
@rebalance_options
@click.option("--terms", "terms_path", type=FILE, help="Terms (YAML): flow and allowances.")
@click.option(
    "--flow", "flow_e6", type=SignedQuantity(), help="Settlement asset paid in, negative for paid out [default: 0]."
)
@allowance_options
@click.option("--all", "show_all", is_flag=True, help="Show every limit that the policy sets.")
@json_option
def check(
    policy_path: Path,
    prices_path: Path,
    before: str | None,
    trades_path: Path | None,
    after_path: Path | None,
    heartbeat: bool,
    terms_path: Path | None,
    flow_e6: int | None,
    gain: int | None,
    loss: int | None,
    turnover: int | None,
    write_down: int | None,
    show_all: bool,
    as_json: bool,
) -> None:
    """Decide the twenty checks, without a circuit.

    The table has every limit that is broken, and of each check that holds the limit nearest to its bound. A deposit needs
    no chain: pass it as --flow. Below the table stands what the rebalance needs of the vault's buckets at least.
    --before may also be a book (CSV or YAML) here.

    The output is as secret as the book: it shows what is held.
    """
    require_one_move(trades_path, after_path, heartbeat)
    options = {"gain_ppb": gain, "loss_ppb": loss, "turnover_ppm": turnover, "write_down_steps": write_down}
    named = {name: value for name, value in options.items() if value is not None}
    if terms_path and (flow_e6 is not None or named):
        raise click.UsageError("--terms has the flow and the allowances; leave --flow, --gain and the like out.")
    rebalance = checking.load_rebalance(
        policy_path,
        prices_path,
        book_before(before),
        trades_path=trades_path,
        after_path=after_path,
        terms=terms_path,
        opening_required=False,
    )
    if not terms_path:
        terms = rebalance.terms
        allowances = replace(terms.allowances, **named)
        rebalance = replace(rebalance, terms=replace(terms, flow_e6=flow_e6 or 0, allowances=allowances))
    warn_readable(book_before(before), trades_path, after_path)
    report = checking.check(rebalance)
    document = report_json(report, rebalance)
    if not as_json:
        print_report(report, show_all=show_all)
        console.print(f"Needs at least: {needs_text(rebalance)}.")
    missing = checking.is_a_flow_missing(rebalance, report)
    with beside(document):
        checking.require(report, _MISSING_FLOW if missing else "")
    if as_json:
        print_json(document)
