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
from .statement.allowances import Allowances
from .statement.buckets import shortages
from .statement.commitments import book_commitment, empty_commitment, policy_hash
from .statement.constants import FIELD, USD_E14, Size
from .statement.model import Opening, Policy, Prices, Rebalance, Terms
from .statement.needs import HIGHEST, least_allowances, policy_allowances
from .statement.verdict import Report


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
    them no flow, the allowances that the policy alone leaves (``policy_allowances``) and context 0. InputError, also for an
    opening or prices that the terms say are not theirs.
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
    prices = files.read_prices(prices_path, policy)
    terms = files.read_terms(terms) if isinstance(terms, Path) else terms or Terms(0, policy_allowances(policy), 0)
    require_same_round(prices, terms, str(prices_path))
    if opening_required and terms.policy_hash is not None:
        require_policy(policy_hash(policy), terms, str(policy_path))
    if terms.commitment_before is not None and (before_path is None or _is_opening(before_path)):
        require_commitment_before(book_commitment(before), terms, policy.size, str(before_path or ""))
    rebalance = Rebalance(policy, prices, terms, before, Opening(quantities, fresh_salt()))
    return with_least_allowances(rebalance, refuse=opening_required)


def with_least_allowances(rebalance: Rebalance, *, refuse: bool = True) -> Rebalance:
    """The rebalance with terms that name of the vault's buckets the least that it needs, in multiples of their steps.

    As it is if its terms name their allowances already. InputError (``allowance_too_large``) if a bucket does not hold that
    much; without ``refuse``, or if the rebalance is refused whatever the buckets hold, it names all that they hold.
    """
    terms = rebalance.terms
    if terms.buckets is None:
        return rebalance

    def naming(allowances: Allowances) -> Rebalance:
        return replace(rebalance, terms=replace(terms, allowances=allowances, buckets=None))

    held, needed = terms.allowances, least_allowances(rebalance)
    if not (missing := shortages(terms.buckets, held, needed)):
        return naming(terms.buckets.named(needed))
    unbounded = policy_allowances(rebalance.policy, HIGHEST, held.write_down_steps)
    if not refuse or not relation.evaluate(naming(unbounded)).holds:
        return naming(replace(held, turnover_ppm=min(held.turnover_ppm, unbounded.turnover_ppm)))
    waits_s = [shortage.wait_s for shortage in missing]
    names = " and ".join(shortage.bucket for shortage in missing)
    never = any(wait_s is None for wait_s in waits_s)
    after = None if never else max(wait_s or 0 for wait_s in waits_s)
    when = (
        "at no time will it; split the rebalance" if never else f"it will {after} s after this round; take later terms then"
    )
    message = f"the rebalance needs more {names} than the vault's bucket holds at the round: {when}"
    raise InputError(message, "terms", code="allowance_too_large", after=after)


def require_same_round(prices: Prices, terms: Terms, where: str = "") -> None:
    """Return unless prices and terms both say of which snapshot they are, and differ: then InputError. where: the file."""
    if prices.round is None or terms.context is None:
        return
    advice = "`dls-zk vault terms` writes both from one snapshot with --prices-out"
    for name, ours, theirs in (
        ("chain", prices.round.chain_id, terms.context.chain_id),
        ("oracle", prices.round.oracle.lower(), (terms.oracle or prices.round.oracle).lower()),
        ("round", prices.round.number, terms.context.round),
    ):
        if ours != theirs:
            raise InputError(f"the prices are of {name} {ours}, and the terms of {name} {theirs}; {advice}", where)


def require_policy(policy_hash: int, terms: Terms, where: str = "") -> None:
    """Return unless the terms name another policy in the vault's mandate: then InputError. where: the policy's file."""
    if terms.policy_hash not in (None, policy_hash):
        raise InputError(
            f"has the hash 0x{policy_hash:064x}, and the vault of these terms has the policy 0x{terms.policy_hash:064x}: "
            "`dls-zk policy show` shows that one, and `dls-zk vault mandate propose` moves the vault to another",
            where,
            code="policy_mismatch",
        )


def require_commitment_before(commitment: int, terms: Terms, size: Size, where: str = "") -> None:
    """Return unless the terms name another commitment that the vault holds: then InputError. where: the opening's file."""
    held = terms.commitment_before
    if held is None or held == commitment:
        return
    if held == empty_commitment(size.slots):
        text = "the vault of these terms holds the empty book; use `--before empty`"
        raise InputError(text, where, code="opening_mismatch")
    opens = "the vault is not empty any more" if commitment == empty_commitment(size.slots) else f"opens 0x{commitment:064x}"
    raise InputError(
        f"{opens}; the vault of these terms holds 0x{held:064x}: "
        f"`dls-zk opening find DIR --commitment 0x{held:064x}` finds the opening to use",
        where,
        code="opening_mismatch",
    )


def fresh_salt() -> int:
    """A salt of full entropy: a uniform field element from the operating system's generator."""
    return secrets.randbelow(FIELD)


def _is_opening(path: Path) -> bool:
    return path.suffix == ".json"


def _read_before(path: Path | None, policy: Policy, opening_required: bool) -> Opening:
    if path is None:
        return Opening.empty(policy.size)
    if not _is_opening(path):
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
