"""``dls-zk check``, and the options that say what a rebalance is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .. import checking
from ..statement.constants import ACCRUAL_BITS
from ..statement.model import Terms
from .common import FILE, beside, example, json_option, print_json, uint, warn_readable
from .params import SignedQuantity
from .report import print_report, report_json

#: A flow and an accrual look alike in the books: both are value that no trade explains.
_MISSING_FLOW = (
    "; no flow is given, and one would explain it: pass --flow or --terms, "
    "or --accrual if it was gained or lost without a trade"
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
@click.option("--terms", "terms_path", type=FILE, help="Terms (YAML): flow and accrual.")
@click.option(
    "--flow", "flow_e6", type=SignedQuantity(), help="Settlement asset paid in, negative for paid out [default: 0]."
)
@click.option(
    "--accrual", "accrual_ppm", type=uint(ACCRUAL_BITS), metavar="PPM", help="Accrual, in ppm of NAV [default: 0]."
)
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
    accrual_ppm: int | None,
    show_all: bool,
    as_json: bool,
) -> None:
    """Decide the twenty checks, without a circuit.

    The table has every limit that is broken, and of each check that holds the limit nearest to its bound. A deposit needs
    no chain: pass it as --flow. --before may also be a book (CSV or YAML) here.

    The output is as secret as the book: it shows what is held.
    """
    require_one_move(trades_path, after_path, heartbeat)
    if terms_path and (flow_e6 is not None or accrual_ppm is not None):
        raise click.UsageError("--terms has the flow and the accrual; leave --flow and --accrual out.")
    rebalance = checking.load_rebalance(
        policy_path,
        prices_path,
        book_before(before),
        trades_path=trades_path,
        after_path=after_path,
        terms=terms_path or Terms(flow_e6 or 0, accrual_ppm or 0, 0),
        opening_required=False,
    )
    warn_readable(book_before(before), trades_path, after_path)
    report = checking.check(rebalance)
    document = report_json(report, rebalance)
    if not as_json:
        print_report(report, show_all=show_all)
    missing = checking.is_a_flow_missing(rebalance, report)
    with beside(document):
        checking.require(report, _MISSING_FLOW if missing else "")
    if as_json:
        print_json(document)
