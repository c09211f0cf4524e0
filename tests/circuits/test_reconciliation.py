"""The statement of a reconciliation: relation and circuit give one verdict, and the constraints are the judge."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dls_zk.audit.circuits import circuit
from dls_zk.errors import StatementRefused
from dls_zk.statement.circuit_inputs import reconciliation_inputs
from dls_zk.statement.circuits import RECONCILIATION, of_family
from dls_zk.statement.commitments import attestation_commitment, book_commitment, empty_attestation
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.model import Opening, Prices
from dls_zk.statement.reconciliation import CHECKS, evaluate, reconciliation_signals
from dls_zk.statement.signals import unpack_prices, unpack_venues
from tests.support.reconciliations import (
    BOOK,
    CASH,
    DUST,
    Claim,
    at_venues,
    cases,
    full_reconciliation,
    honest,
    random_reconciliation,
    reconciliation,
    unattested,
    within_a_unit,
)

CASES = list(cases())

#: The components of reconciliation.circom that refuse for a check.
COMPONENTS = {
    "commitment": {"book"},
    "venues": {"venueWord", "venues", "attestation"},
    "attestations": {"attestation"},
    "prices": {"priceWords", "prices", "reconciled"},
    "quantities": {"reconciled"},
    "solvency": {"solvent"},
    "tolerance": {"shortfall"},
    "shortfall": {"shortfall"},
}


def small():
    return circuit("reconciliation_8")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_accepted_at_the_bound_and_refused_one_unit_past_it(case):
    assert evaluate(*case.at).failures == ()
    assert case.check in [check.name for check in evaluate(*case.past).failures]
    at, past = reconciliation_inputs(*case.at), reconciliation_inputs(*case.past)
    assert small().violated(small().honest(at)) == []
    with pytest.raises(StatementRefused):
        small().honest(past)

    # The generator's refusal is no evidence. The witness of a prover who ignores it breaks constraints of this check.
    broken = [small().places(k) for k in small().violated(small().lying(past))]
    assert any(places & COMPONENTS[case.check] for places in broken), broken


def test_every_check_has_a_bound():
    assert {case.check for case in CASES} == {*CHECKS} == COMPONENTS.keys()


def _verdicts(claim: Claim) -> tuple[bool, bool]:
    judged = circuit(claim[0].circuit.name)
    return evaluate(*claim).holds, not judged.violated(judged.lying(reconciliation_inputs(*claim)))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**64), st.sampled_from([8, 8, 8, 16, 32]))
def test_relation_and_circuit_agree(seed, slots):
    relation, constraints = _verdicts(honest(random_reconciliation(Random(seed), SIZES[slots])))
    assert relation == constraints


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_relation_and_circuit_agree_on_ten_thousand(part, run_seed, record_property):
    rng = Random(f"{run_seed} {part}")
    made = [random_reconciliation(rng, SIZES[(8, 16, 32)[k % 3]]) for k in range(1000)]
    verdicts = Counter(_verdicts(honest(one)) for one in made)
    assert verdicts.keys() == {(True, True), (False, False)}
    assert min(verdicts.values()) > 100, "both verdicts are well represented"
    record_property("tried", len(made))


@pytest.mark.parametrize("slots", SIZES)
def test_within_a_unit_of_the_tolerance_a_millionth_less_is_refused(slots):
    rng = Random(slots)
    for _ in range(5):
        made, slot = within_a_unit(rng, SIZES[slots])
        assert _verdicts(honest(made)) == (True, True)
        opening = made.attested[made.venues[slot]]
        less = tuple(q - (i == slot) for i, q in enumerate(opening.quantities_e6))
        openings = tuple(replace(opening, quantities_e6=less) if o is opening else o for o in made.attested)
        assert _verdicts(honest(replace(made, attested=openings))) == (False, False)


# --- every input, alone -----------------------------------------------------------------------------

#: Nothing is missing and nothing may be, so that every input matters.
TIGHT = honest(replace(reconciliation(BOOK | {DUST: 1}, prices=dict.fromkeys(range(5, 8), 3)), tolerance_ppm=0))

#: Inputs that may change alone, and why. Each is a public signal, which whoever verifies compares with what it knows.
FREE = {
    "tolerance": "a larger tolerance is a weaker statement",
    "prices": "other prices make another statement, which holds if what is booked is attested at them",
    "venues": "of an empty slot no venue attests anything",
}


def _true_with(name, value):
    """Whether the statement is true with one public signal of TIGHT changed."""
    made, signals = TIGHT
    if name == "tolerance":
        return evaluate(made, replace(signals, tolerance_ppm=value[0])).holds
    if name == "venues":
        if value[0] >= 1 << made.size.venue_bits * made.size.slots:
            return False
        return evaluate(replace(made, venues=unpack_venues(made.size, value[0])), replace(signals, venues=value[0])).holds
    if any(word >= 1 << 240 for word in value):
        return False
    moved = replace(made, prices=Prices(unpack_prices(made.size, value)))
    return evaluate(moved, replace(signals, prices=tuple(value))).holds


@pytest.mark.parametrize("change", [1, -1, 4, 1 << 14, 2**64, FIELD // 2])
@pytest.mark.parametrize(
    ("name", "k"), [(name, k) for name, value in reconciliation_inputs(*TIGHT).items() for k in range(len(value))]
)
def test_an_input_changed_alone_is_refused(name, k, change):
    inputs = reconciliation_inputs(*TIGHT)
    inputs[name][k] = (inputs[name][k] + change) % FIELD
    true = name in FREE and _true_with(name, inputs[name])
    assert bool(small().violated(small().lying(inputs))) != true


def test_every_public_signal_is_in_a_constraint():
    """A public signal that no constraint uses could be changed after proving."""
    for row in of_family(RECONCILIATION):
        used = {wire for sides in circuit(row.name).system for side in sides for wire in side}
        assert {*range(1, len(row.signals) + 1)} <= used


@pytest.mark.parametrize("wrap", [FIELD - 1, FIELD // 2, FIELD // 2 + 1, 1 << 253, FIELD - (1 << 56), (1 << 120) + 1])
@pytest.mark.parametrize("name", ["quantity", "attested", "venues", "tolerance", "prices"])
def test_numbers_from_the_far_end_of_the_field_are_refused(name, wrap):
    inputs = reconciliation_inputs(*TIGHT)
    inputs[name][0] = wrap
    assert small().violated(small().lying(inputs))


# --- what the statement means ---------------------------------------------------------------------------


@pytest.mark.parametrize("slots", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_no_venue_fills_the_gap_of_another(slots, seed):
    """With full vectors the weakest attestor could: here what it shows in a slot of another venue opens nothing."""
    rng, size = Random(seed), SIZES[slots]
    made = full_reconciliation(rng, size)
    slot = rng.randrange(size.slots)
    other = (made.venues[slot] + 1) % size.venues
    openings = [*made.attested]
    for k, q in ((made.venues[slot], 0), (other, made.book.quantities_e6[slot])):
        quantities = [*openings[k].quantities_e6]
        quantities[slot] = q
        openings[k] = replace(openings[k], quantities_e6=tuple(quantities))
    assert _verdicts(honest(replace(made, attested=tuple(openings)))) == (False, False)


def test_a_book_is_no_attestation_and_an_attestation_no_book():
    opening = TIGHT[0].book
    assert attestation_commitment(opening) != book_commitment(opening)
    made, signals = TIGHT
    alone = at_venues(made, (0,) * made.size.slots, Random(1))
    alone = replace(alone, attested=(made.book, *alone.attested[1:]))
    mistaken = replace(reconciliation_signals(alone), attestations=(signals.commitment, *signals.attestations[1:]))
    assert _verdicts((alone, reconciliation_signals(alone))) == (True, True)
    assert _verdicts((alone, mistaken)) == (False, False)


@pytest.mark.parametrize("slots", SIZES)
def test_a_venue_that_nobody_attests_has_one_commitment_and_holds_nothing(slots):
    size = SIZES[slots]
    made = full_reconciliation(Random(slots), size)
    for k in range(size.venues):
        without = unattested(made, k)
        assert reconciliation_signals(without).attestations[k] == empty_attestation(slots)
        held = [a for a, venue in zip(without.attested_e6, without.venues, strict=True) if venue == k]
        assert not any(held) and _verdicts(honest(without))[0] == _verdicts(honest(without))[1]
    # Nothing else opens it: a prover who shows quantities at such a venue is refused.
    openings = (replace(made.attested[0], salt=0), *made.attested[1:])
    claim = replace(made, attested=openings)
    signals = reconciliation_signals(claim)
    pretended = replace(signals, attestations=(empty_attestation(slots), *signals.attestations[1:]))
    assert _verdicts((claim, pretended)) == (False, False)
    assert empty_attestation(slots) == attestation_commitment(Opening.empty(size)) != 0


def test_a_nav_of_nearly_nothing_leaves_no_tolerance():
    """Whatever the tolerance: below 10^6 / tolerance units of value, a single unit that is missing is too much."""
    for dust, holds in ((50, True), (49, False)):  # 2% of 50 units is one
        made = reconciliation({DUST: dust}, {DUST: dust - 1}, tolerance_ppm=20_000)
        assert _verdicts(honest(made)) == (holds, holds)


def test_a_surplus_is_no_wealth():
    """The tolerance is a share of what is booked; what is attested beyond it changes nothing."""
    made = reconciliation(BOOK, {CASH: BOOK[CASH] * 1000, DUST: -1}, tolerance_ppm=0)
    assert _verdicts(honest(made)) == (False, False)
