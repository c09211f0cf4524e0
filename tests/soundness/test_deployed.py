"""The circuits as they are deployed: every gate, the figures in DETERMINISM.md, and what the analysis would miss."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest

from dls_zk.audit import gates
from dls_zk.audit.determinism import determine, main_inputs
from dls_zk.audit.facts import Facts
from dls_zk.audit.gates import GATES, Subject
from dls_zk.audit.ledger import ALLOWED, ledger
from dls_zk.audit.report import deployed, determinism_table, ledger_table
from dls_zk.groth16.r1cs import Constraint
from dls_zk.statement.circuits import REBALANCE, RECONCILIATION
from dls_zk.statement.constants import (
    ALLOWANCE_BITS,
    NAV_BITS,
    NAV_FLOOR_BITS,
    PRICE_BITS,
    PRICES_PER_WORD,
    QUANTITY_BITS,
    QUANTITY_LIMB_BITS,
    SIZES,
    TOLERANCE_BITS,
    attestation_domain,
    book_domain,
    policy_domain,
)
from dls_zk.statement.families import CHECKS
from dls_zk.statement.policy_fields import global_layout, slot_layout
from dls_zk.tools import process

DOCUMENT = (Path(__file__).parent / "DETERMINISM.md").read_text()
SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize("family", CHECKS)
@pytest.mark.parametrize("slots", SIZES)
def test_every_gate_is_passed(slots, family):
    # Compiled with --inspect, where a warning fails the build; tests/circuits/ has the gate "edges".
    assert {gate: found for gate, look in GATES.items() if (found := look(deployed(slots, family)))} == {}


@pytest.mark.parametrize("family", CHECKS)
@pytest.mark.parametrize("slots", SIZES)
def test_every_wire_is_settled_by_one_rule(slots, family):
    header = deployed(slots, family).system.header
    found = determine(deployed(slots, family).facts, main_inputs(header))
    assert found.remaining == [] and found.wires == {*range(header.n_wires)}
    assert sum(found.by_rule.values()) == header.n_wires - 1 - len(main_inputs(header))


@pytest.mark.parametrize("slots", SIZES)
def test_what_need_not_hold_as_integers_is_what_has_a_reason(slots):
    subject, size = deployed(slots), SIZES[slots]
    allowed = {reason: [line.constraint for line in subject.ledger if line.allowed == reason] for reason in ALLOWED}
    assert all(allowed.values())
    # Each IsZero has in·inverse = 1 − isZero and isZero·inverse = 0: one a price, one a factor.
    assert len(allowed["zero test"]) == 2 * (size.slots + size.factors)
    assert [subject.place(k) for k in allowed["square"]] == ["context, contextSquare"]
    assert {found.tag for found in subject.hashes} == {None, book_domain(slots), policy_domain(slots)}


@pytest.mark.parametrize("slots", SIZES)
def test_what_need_not_hold_as_integers_in_a_reconciliation(slots):
    subject, size = deployed(slots, RECONCILIATION), SIZES[slots]
    allowed = {reason: [line.constraint for line in subject.ledger if line.allowed == reason] for reason in ALLOWED}
    assert len(allowed["zero test"]) == 2 * size.slots and allowed["square"] == [] and allowed["hash"]
    tags = [found.tag for found in subject.hashes]
    assert sorted(tags) == sorted([book_domain(slots), *[attestation_domain(slots)] * size.venues])


@pytest.mark.parametrize("slots", SIZES)
def test_nothing_comes_to_nothing_in_a_reconciliation(slots, monkeypatch):
    monkeypatch.setattr(gates, "IDLE", {})
    assert gates.idle(deployed(slots, RECONCILIATION)) == []


@pytest.mark.parametrize("slots", SIZES)
def test_numbers_of_a_reconciliation_are_in_their_declared_ranges(slots):
    subject, size = deployed(slots, RECONCILIATION), SIZES[slots]

    def span(name: str) -> tuple[int, int]:
        return subject.facts.ranges[subject.circuit.wire[f"main.{name}"]]

    assert span("tolerance") == unsigned(TOLERANCE_BITS)  # and what is left of it up to the highest is not negative, below
    assert span("nav") == unsigned(NAV_BITS)
    assert span("shortfall.slack")[0] == span("shortfall.room")[0] == 0
    for i in range(slots):
        assert span(f"quantity[{i}]") == span(f"reconciled[{i}].gap") == signed(QUANTITY_BITS)
        # What BookCommitment needs of what is attested, and of the part of it at each venue.
        widest = 1 << QUANTITY_LIMB_BITS - 1
        for name in (f"attested[{i}]", *(f"attestation[{k}].quantity[{i}]" for k in range(size.venues))):
            assert -widest < span(name)[0] <= span(name)[1] < widest, name
    words = dict(enumerate_words("prices", [PRICE_BITS] * slots, most=PRICES_PER_WORD))
    words["venues"] = [1] * (slots * size.venue_bits)
    for name, widths in words.items():
        assert unpacking(subject, name) == [*zip(accumulate(widths, initial=0), widths, strict=False)], name


@pytest.mark.parametrize("slots", SIZES)
def test_what_comes_to_nothing_is_what_has_a_reason(slots, monkeypatch):
    reasons = {*gates.IDLE}
    monkeypatch.setattr(gates, "IDLE", {})
    assert {*gates.idle(deployed(slots))} == reasons


# --- the ranges that the constraints prove are the declared ones ------------------------------------------------------


def signed(bits: int) -> tuple[int, int]:
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def unsigned(bits: int) -> tuple[int, int]:
    return 0, (1 << bits) - 1


@pytest.mark.parametrize("slots", SIZES)
def test_numbers_are_in_their_declared_ranges(slots):
    subject = deployed(slots)

    def span(name: str) -> tuple[int, int]:
        return subject.facts.ranges[subject.circuit.wire[f"main.{name}"]]

    assert span("flow") == signed(QUANTITY_BITS)
    assert span("navFloor") == unsigned(NAV_FLOOR_BITS)
    assert span("nav") == unsigned(NAV_BITS)
    for i in range(slots):
        assert span(f"quantityAfter[{i}]") == span(f"trade[{i}]") == signed(QUANTITY_BITS)


@pytest.mark.parametrize("slots", SIZES)
def test_words_unpack_into_fields_of_the_declared_widths(slots):
    subject, size = deployed(slots), SIZES[slots]
    fields = [path.field for path in slot_layout(size)]
    slot = [width for field in fields for width in ([1] * field.bits if field.name == "venue" else [field.bits])]
    words = {f"slotWord[{i}]": slot for i in range(slots)}
    words |= dict(enumerate_words("globalWord", [path.field.bits for path in global_layout(size)]))
    words |= dict(enumerate_words("prices", [PRICE_BITS] * slots, most=PRICES_PER_WORD))
    for name, widths in words.items():
        assert unpacking(subject, name) == [*zip(accumulate(widths, initial=0), widths, strict=False)], name


@pytest.mark.parametrize("slots", SIZES)
def test_allowances_unpack_into_four_fields(slots):
    subject = deployed(slots)
    word = subject.circuit.wire["main.allowances"]
    (equation,) = (c for a, _, c in subject.facts.constraints if not a and word in c)
    fields = [subject.circuit.wire[f"main.allowance.field[{k}]"] for k in range(4)]
    scale = -equation[word]
    assert {wire: factor * scale for wire, factor in equation.items() if wire != word} == {
        wire: 1 << ALLOWANCE_BITS * k for k, wire in enumerate(fields)
    }
    # Of the turnover, a policy's maximum in basis points leaves less.
    most = ((1 << ALLOWANCE_BITS) - 1,) * 2 + (100 * ((1 << 20) - 1), (1 << ALLOWANCE_BITS) - 1)
    assert [subject.facts.ranges[wire] for wire in fields] == [(0, top) for top in most]


def enumerate_words(name: str, widths: list[int], most: int = 253) -> list[tuple[str, list[int]]]:
    """The fields, by their widths, in words of 253 bits and at most ``most`` fields."""
    words: list[list[int]] = [[]]
    for width in widths:
        if sum(words[-1]) + width > 253 or len(words[-1]) == most:
            words.append([])
        words[-1].append(width)
    return [(f"{name}[{k}]", word) for k, word in enumerate(words)]


def unpacking(subject: Subject, word: str) -> list[tuple[int, int]]:
    """Offset and width of each field of a word, from the equation word = Σ 2^offset·field and the fields' ranges."""
    wire = subject.circuit.wire[f"main.{word}"]
    linear = [c for a, _, c in subject.facts.constraints if not a and wire in c]
    if not linear:  # a word of one field is that field
        return [(0, subject.facts.ranges[wire][1].bit_length())]
    (equation,) = linear
    assert abs(equation[wire]) == 1
    fields = []
    for field, factor in equation.items() - {(wire, equation[wire])}:
        low, high = subject.facts.ranges[field]
        assert low == 0 and (high + 1).bit_count() == 1 and abs(factor).bit_count() == 1
        assert (factor > 0) != (equation[wire] > 0)
        fields.append((abs(factor).bit_length() - 1, high.bit_length()))
    return sorted(fields)


@pytest.mark.parametrize("slots", SIZES)
def test_what_a_limit_leaves_is_not_negative(slots):
    subject = deployed(slots)
    ends = ("slack", "Slack", ".rest", ".room", ".low")
    names = [name for name in subject.circuit.wire if re.sub(r"\[\d+\]", "", name).endswith(ends)]
    places = {re.sub(r"\[\d+\]", "", name).split(".")[1] for name in names}
    assert len(places) == 14
    for name in names:
        assert subject.facts.ranges[subject.circuit.wire[name]][0] == 0, name


# --- what is missing is noticed -------------------------------------------------------------------------------------

KINDS: dict[str, Callable[[Constraint], bool]] = {
    "a bit": lambda c: bool(c[0] and not c[2] and len({*c[0], *c[1]} - {0}) == 1),
    "the lowest bit of a range check": lambda c: bool(c[0] and not c[2] and len({*c[0], *c[1]} - {0}) > 2),
    "a product": lambda c: len(c[0]) == len(c[1]) == len(c[2]) == 1,
    "a sum": lambda c: not c[0] and len(c[2]) > 3,
    "in·inverse = 1 − isZero": lambda c: len(c[0]) == len(c[1]) == 1 and len(c[2]) == 2 and 0 in c[2],
    "isZero·in = 0 or isZero·inverse = 0": lambda c: len({*c[0], *c[1]}) == 2 and 0 not in {*c[0], *c[1]} and not c[2],
}


@pytest.mark.parametrize("family", CHECKS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_constraint_leaves_something_undetermined(kind, family):
    subject = deployed(8, family)
    (*_, last) = (k for k, constraint in enumerate(subject.facts.constraints) if KINDS[kind](constraint))
    constraints = subject.system.constraints
    broken = replace(subject.system, constraints=constraints[:last] + constraints[last + 1 :])
    assert determine(Facts(broken), main_inputs(broken.header)).remaining


@pytest.mark.parametrize(
    ("family", "name"),
    [
        *((REBALANCE, name) for name in ("price[0]", "quantityAfter[0]", "limit[0]", "navFloor")),
        *((RECONCILIATION, name) for name in ("priceWords.field[0]", "quantity[0]", "reconciled[0].gap", "nav")),
    ],
)
def test_a_missing_range_check_may_wrap(family, name):
    subject = deployed(8, family)
    wire = subject.circuit.wire[f"main.{name}"]
    kept = [
        constraint
        for constraint, (a, b, c) in zip(subject.system.constraints, subject.facts.constraints, strict=True)
        if c or not (wire in a and wire in b)
    ]
    assert 1 <= len(subject.system.constraints) - len(kept) <= 2
    facts = Facts(replace(subject.system, constraints=tuple(kept)))
    assert any(line.may_wrap for line in ledger(facts))


# --- the figures -----------------------------------------------------------------------------------------------------


def test_the_document_has_the_figures():
    for family in CHECKS:
        for table in (determinism_table([*SIZES], family), ledger_table([*SIZES], family)):
            assert table in DOCUMENT


@pytest.mark.parametrize("name", ["determinism", "ledger"])
def test_the_scripts(name):
    shown = process.run([SCRIPTS / name, "--slots", "8"], timeout=300, env=dict(os.environ)).stdout
    assert shown.startswith("| ") and "| 8 slots |" in shown.splitlines()[0]
