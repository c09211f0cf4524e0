from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dls_zk.audit.instances import random_rebalance
from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import Opening, Prices
from dls_zk.statement.relation import CHECKS, evaluate, nav, public_signals
from tests.support.boundary import BOOK, SIZE, cases, honest, policy, rebalance
from tests.support.instances import LIMITS, near_a_limit, with_limit

CASES = list(cases())
SEEDS = st.integers(0, 2**64)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_holds_at_the_bound_and_fails_one_unit_past_it_under_its_name(case):
    assert evaluate(*case.at).failures == ()
    failures = [check.name for check in evaluate(*case.past).failures]
    assert case.check in failures
    # At NAV below zero every limit that is a share of NAV fails too.
    assert failures == [case.check] or case.name == "no NAV"


def test_every_check_has_a_case():
    assert {case.check for case in CASES} == set(CHECKS) - {"context"}


def test_every_limit_is_passed_by_the_least_that_there_is():
    """By 1 in its own scale, with nothing left at the bound."""
    found = set()
    for case in CASES:
        at, past = (evaluate(*claim)[case.check].limits for claim in (case.at, case.past))
        found |= {
            (case.check, was.subject if case.check in ("value conservation", "turnover") else "")
            for was, is_ in zip(at, past, strict=True)
            if (was.slack, is_.slack) == (0, -1) and was.unit
        }
    several = {("value conservation", subject) for subject in ("unexplained gain", "cost", "loss")}
    several |= {("turnover", subject) for subject in ("allowance", "traded")}
    others = {(check, "") for check, _ in LIMITS.values() if check != "turnover"}
    assert found - {("solvency", "")} == several | others


def test_the_context_is_the_one_that_was_agreed():
    base, signals = honest(rebalance(policy(), BOOK))
    assert [c.name for c in evaluate(base, replace(signals, context=signals.context + 1)).failures] == ["context"]


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.sampled_from(list(SIZES.values())))
def test_tightening_any_limit_never_turns_a_refusal_into_acceptance(seed, size):
    rng = Random(seed)
    case = random_rebalance(rng, size)
    field = rng.choice(list(LIMITS))
    name, lower = LIMITS[field]
    value = getattr(case.policy, field, None)
    index = 0 if not isinstance(value, tuple) else rng.randrange(len(value))
    bounds = sorted(rng.getrandbits(14) for _ in range(2))
    if lower:
        bounds.reverse()
    tight, loose = (evaluate(with_limit(case, field, index, bound))[name].holds for bound in bounds)
    # With a NAV below zero, a larger share of it is less.
    assert loose or not tight or nav(case) < 0


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.sampled_from(list(SIZES.values())))
def test_values_and_slacks_agree(seed, size):
    for check in evaluate(near_a_limit(Random(seed), size)).checks:
        for limit in check.limits:
            if limit.value is not None and limit.unit != "" and check.name != "value at risk":
                room = limit.value - limit.bound if limit.at_least else limit.bound - limit.value
                assert (room >= 0) == limit.holds, (check.name, limit.subject)


def test_secrets_do_not_print():
    case = rebalance(policy(), BOOK)
    for secret in (case, case.before, Opening.empty(SIZE)):
        assert str(secret) == repr(secret) == f"<{type(secret).__name__}: secret>"


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from(list(SIZES.values())))
def test_without_signals_the_report_is_that_of_an_honest_prover(seed, size):
    """No hash is computed then. With signals each is compared, and of honest ones the report is the same."""
    case = near_a_limit(Random(seed), size)
    assert evaluate(case) == evaluate(case, public_signals(case))


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("quantity", [1 << 57, -(1 << 57), 1 << 60])
def test_a_book_that_no_commitment_can_hold_breaks_its_checks(side, quantity):
    case = random_rebalance(Random(3), SIZES[8])
    opening = Opening((quantity, *getattr(case, side).quantities_e6[1:]), 1)
    report = evaluate(replace(case, **{side: opening}))
    assert not report["commitments"].holds and not report["quantities"].holds


@pytest.mark.parametrize("price", [-1, 1 << 48])
def test_a_price_that_no_signal_can_hold_breaks_its_check(price):
    case = random_rebalance(Random(3), SIZES[8])
    assert not evaluate(replace(case, prices=Prices((price, *case.prices.usd_e8[1:]))))["prices"].holds
