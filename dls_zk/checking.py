"""A rebalance from its files, and the verdict of the relation on it: all of ``operations`` that needs no circuit and no key.

It stands alone because it loads in a fraction of the time that provers and verifiers take to.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

from . import files, openings
from .errors import InputError, StatementRefused
from .statement import relation
from .statement.constants import FIELD, USD_E14
from .statement.model import Opening, Policy, Rebalance, Terms
from .statement.relation import Report


def load_rebalance(
    policy_path: Path,
    prices_path: Path,
    before_path: Path | None,
    *,
    trades_path: Path | None = None,
    after_path: Path | None = None,
    terms: Path | Terms | None = None,
    opening_required: bool = True,
) -> Rebalance:
    """Read the files of one rebalance. The salt of the book after is drawn here.

    before_path: an opening (JSON); None is the empty book from which every vault starts. Without ``opening_required`` a book
    (CSV, YAML) will do, which has no salt and so can be checked but not proven. At most one of ``trades_path`` and
    ``after_path``; with neither the book stays as it is (a heartbeat). terms: their file, or the terms themselves; without
    them no flow, no accrual and context 0. InputError.
    """
    if trades_path and after_path:
        raise InputError("give the trades or the book after, not both")
    policy = files.read_policy(policy_path)
    before = _read_before(before_path, policy, opening_required)
    if trades_path:
        trades = files.read_trades(trades_path, policy)
        quantities = tuple(q + t for q, t in zip(before.quantities_e6, trades, strict=True))
    else:
        quantities = files.read_book(after_path, policy) if after_path else before.quantities_e6
    return Rebalance(
        policy,
        files.read_prices(prices_path, policy),
        files.read_terms(terms) if isinstance(terms, Path) else terms or Terms(0, 0, 0),
        before,
        Opening(quantities, fresh_salt()),
    )


def fresh_salt() -> int:
    """A salt of full entropy: a uniform field element from the operating system's generator."""
    return secrets.randbelow(FIELD)


def _read_before(path: Path | None, policy: Policy, opening_required: bool) -> Opening:
    if path is None:
        return Opening.empty(policy.size)
    if path.suffix != ".json":
        if opening_required:
            raise InputError("an opening (.json) is needed, which has the salt; a book can only be checked", str(path))
        return Opening(files.read_book(path, policy), 0)
    opening = openings.read(path).opening
    if len(opening.quantities_e6) != policy.size.slots:
        raise InputError(f"for {len(opening.quantities_e6)} slots, and the policy has {policy.size.slots}", str(path))
    return opening


def check(rebalance: Rebalance) -> Report:
    """The verdict of the relation on a rebalance, with the public signals of an honest prover. Computes no hash."""
    return relation.evaluate(rebalance)


def require(report: Report, advice: str = "") -> None:
    """Return if all checks hold, else raise StatementRefused with the name of every check that fails, its subjects, and
    the advice. No value: messages go where logs go."""
    if not report.holds:
        raise StatementRefused(f"{report}{advice}", report)


def is_a_flow_missing(rebalance: Rebalance, report: Report) -> bool:
    """Whether value is not conserved, the terms have no flow, and with one it would be: money came in or went out, and the
    terms do not say so."""
    price = rebalance.prices.usd_e8[0]
    if report["value conservation"].holds or rebalance.terms.flow_e6 or price <= 0:
        return False
    gain = next(limit.value for limit in report["value conservation"].limits if limit.subject == "unexplained gain")
    assert gain is not None  # dollars are always known
    units = gain * USD_E14 / price
    for flow in (-(-units.numerator // units.denominator), units.numerator // units.denominator):
        terms = replace(rebalance.terms, flow_e6=flow)
        if relation.evaluate(replace(rebalance, terms=terms))["value conservation"].holds:
            return True
    return False
