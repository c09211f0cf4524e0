"""A refusal, and whatever else can be printed of a rebalance, names checks and subjects and shows no number of the book."""

from __future__ import annotations

import io
import logging
import pprint
import re
import traceback
from collections.abc import Iterator
from functools import cache

import pytest

from dls_zk import checking
from dls_zk.errors import StatementRefused
from dls_zk.groth16.proof import Proof
from dls_zk.operations import Proven
from dls_zk.statement.circuit_inputs import circuit_inputs
from dls_zk.statement.model import Opening, Rebalance
from dls_zk.statement.relation import CHECKS, evaluate
from dls_zk.statement.verdict import Report
from tests.support import boundary

CASES = {case.name: case for case in boundary.cases()}


@cache
def report_of(case: str) -> Report:
    return evaluate(*CASES[case].past)


@cache
def refusal_of(case: str) -> StatementRefused:
    with pytest.raises(StatementRefused) as caught:
        checking.require(report_of(case), "; advice")
    return caught.value


def numbers_in(text: str, report: Report) -> list[str]:
    """The numbers of a text that are neither a check's number nor part of a subject's public name."""
    subjects = {limit.subject for check in report.checks for limit in check.limits} - {""}
    for subject in sorted(subjects, key=len, reverse=True):
        text = text.replace(subject, "")
    return re.findall(r"\d+", re.sub(r"\((?:[1-9]|1[0-9]|20)\)", "", text))


def printed(thing: object) -> Iterator[str]:
    """The ways in which a program's log, a shell or a debugger prints a thing."""
    yield from (str(thing), repr(thing), f"{thing}", f"{thing!r}", pprint.pformat({"thing": thing}, width=1 << 20))
    stream = io.StringIO()
    logger = logging.Logger("secrecy")
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("went wrong: %s, %r", thing, [thing])
    yield stream.getvalue()


def secret_numbers(rebalance: Rebalance, report: Report) -> set[str]:
    """Quantities, salts, values and slacks of at least five digits: fewer are found in a trace by chance."""
    numbers = {*rebalance.before.quantities_e6, *rebalance.after.quantities_e6, rebalance.before.salt, rebalance.after.salt}
    for limit in (limit for check in report.checks for limit in check.limits):
        numbers |= {limit.slack, limit.value.numerator if limit.value is not None else 0}
    return {str(abs(number)) for number in numbers if abs(number) >= 10**4}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_and_its_report_show_names_only(case: str) -> None:
    error, report = refusal_of(case), report_of(case)
    limits = (limit for check in report.checks for limit in check.limits)
    for thing in (error, error.args, error.report, report.checks, *report.checks, *limits):
        for text in printed(thing):
            assert not numbers_in(text, report), text
    assert not numbers_in("".join(traceback.format_exception_only(error)), report)


@pytest.mark.parametrize("case", CASES)
def test_no_trace_holds_a_value(case: str) -> None:
    """A trace shows files and lines, so here the values themselves are looked for."""
    needles = secret_numbers(CASES[case].past[0], report_of(case))
    stream = io.StringIO()
    logger = logging.Logger("secrecy")
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("refused", exc_info=refusal_of(case))
    text = stream.getvalue() + "".join(traceback.format_exception(refusal_of(case)))
    assert "Traceback" in text
    assert needles and not [needle for needle in needles if needle in text]


@pytest.mark.parametrize("case", [name for name, case in CASES.items() if case.check == "quantities"])
def test_what_no_circuit_can_hold_is_refused_without_its_value(case: str) -> None:
    rebalance, public = CASES[case].past
    needles = secret_numbers(rebalance, report_of(case))
    for attempt in (lambda: checking.check(rebalance), lambda: circuit_inputs(rebalance, public)):
        try:
            attempt()
        except (StatementRefused, ValueError) as error:
            text = "".join(traceback.format_exception(error))
            assert not [needle for needle in needles if needle in text]


def test_every_check_is_broken_here() -> None:
    """But for the context, which its prover is free to choose."""
    assert {check.name for case in CASES for check in report_of(case).failures} == set(CHECKS) - {"context"}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_names_every_check_and_subject_that_is_broken(case: str) -> None:
    error, report = refusal_of(case), report_of(case)
    named = str(error).removeprefix("refused by ").removesuffix("; advice").split("; ")
    assert named == [
        f"{check.name} ({check.number})" + ("" if subjects == [""] else f": {', '.join(subjects)}")
        for check in report.failures
        for subjects in [[limit.subject for limit in check.limits if not limit.holds]]
    ]
    assert error.report is report


def test_what_holds_secrets_prints_its_type_only() -> None:
    rebalance, public = CASES["gain"].at
    proof = Proof.__new__(Proof)
    proven = Proven(proof, public, rebalance.terms, rebalance.after, ("ETH",) * 8, evaluate(rebalance, public), True)
    for thing in (rebalance.before, rebalance.after, rebalance, proven):
        for text in printed(thing):
            assert f"<{type(thing).__name__}: secret>" in text and not re.search(r"\d", text)
    assert {type(thing) for thing in (rebalance.after, rebalance, proven)} == {Opening, Rebalance, Proven}
