"""The forger and the judge are what they say; no forged witness and no changed wire is accepted."""

from __future__ import annotations

from random import Random

import pytest

from dls_zk.statement import reconciliation
from dls_zk.statement.circuit_inputs import circuit_inputs, reconciliation_inputs
from dls_zk.statement.circuits import RECONCILIATION
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.relation import CHECKS, evaluate, public_signals
from tests.soundness.bench import forge_all, perturb
from tests.soundness.claims import NOWHERE, Claims
from tests.soundness.families import claims_of, inputs_of
from tests.soundness.forge import forger
from tests.soundness.judge import is_true
from tests.soundness.lies import lies
from tests.soundness.scenes import full_book, limits, past_a_limit
from tests.support import reconciliations
from tests.support.boundary import cases
from tests.support.instances import near_a_limit

#: Sizes that take longer to compile than to test.
LARGER = [pytest.param(slots, marks=pytest.mark.slow) for slots in (16, 32)]


@pytest.mark.parametrize("slots", [8, *LARGER])
def test_the_forger_solves_the_generators_witness(slots):
    f, rng = forger(slots), Random(slots)
    for k in range(10):
        book = full_book(rng, SIZES[slots]) if k % 2 else near_a_limit(rng, SIZES[slots])
        inputs = circuit_inputs(book, public_signals(book))
        assert f.deploy(f.solve(inputs)) == f.built.lying(inputs)


def test_the_judge_agrees_with_the_relation():
    for case in cases():
        assert is_true(8, circuit_inputs(*case.at).__getitem__)
        assert not is_true(8, circuit_inputs(*case.past).__getitem__)
    rng = Random(8)
    for _ in range(50):
        book = near_a_limit(rng, SIZES[8])
        public = public_signals(book)
        assert is_true(8, circuit_inputs(book, public).__getitem__) == evaluate(book, public).holds


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("policyHash", 1),  # of no policy
        ("slotWord", 1 << 240),  # a word with more than its fields
        ("globalWord", 1),
        ("instrumentsWord", 1),
        ("flow", 1 << 56),
        ("allowances", 1 << 120),
        ("navFloor", FIELD - 1),
        ("quantityAfter", FIELD // 2),
        ("saltBefore", 1),
    ],
)
def test_the_judge_finds_every_input_that_is_not_what_it_was(name, wrong):
    book = full_book(Random(1), SIZES[8])
    inputs = circuit_inputs(book, public_signals(book))
    inputs[name][0] = (inputs[name][0] + wrong) % FIELD
    assert not is_true(8, inputs.__getitem__)


@pytest.mark.parametrize("slots", [8, *LARGER])
def test_every_limit_can_be_passed_alone(slots):
    rng = Random(slots)
    for field, index in limits(SIZES[slots]):
        book = past_a_limit(rng, SIZES[slots], field, index)
        assert len(forger(slots).broken(forger(slots).solve(circuit_inputs(book, public_signals(book))))) == 1


def test_every_claim_has_a_place_for_its_lie():
    f = forger(8)
    nowhere = [claim.family for claim in Claims(f, 8, Random(6)).all() if claim.at == NOWHERE]
    assert nowhere == []


def test_a_witness_forged_step_by_step_is_that_forged_at_once():
    f = forger(8)
    claim = next(claim for claim in Claims(f, 8, Random(3)).of("gross leverage"))
    wires = sorted(f.ancestors(claim.at))
    for lie in lies(f, claim, wires[:: len(wires) // 10]):
        assert lie.broken == f.plain.broken(lie.values)
        assert f.broken_after(lie.values, lie.changed, f.broken(claim.values)) == f.broken(lie.values)


def test_no_forged_witness_is_accepted():
    tallies = forge_all(8, Random(2), wires_a_claim=2, share=0.03)
    assert [accepted for tally in tallies.values() for accepted in tally.accepted] == []
    assert all(len(tallies[check].families) >= 5 for check in CHECKS)
    # A forger who leaves half of the constraints broken would prove nothing by being refused.
    forged = sum(tally.forged for tally in tallies.values())
    assert forged > 1000
    assert sum(tally.refused_by_one for tally in tallies.values()) > forged / 3


@pytest.mark.parametrize("slots", [8, *LARGER])
def test_no_wire_can_be_changed_alone(slots):
    result = perturb(slots, Random(slots), ways=4)
    assert result.tried > 40_000
    assert result.accepted == []
    assert {*result.true} == {"main.context"}  # no inner wire: that would be a second witness


def test_another_context_with_the_same_square_is_another_true_statement():
    """The one wire that can change alone: whoever knows a witness can prove any context with it."""
    f = forger(8)
    book = full_book(Random(5), SIZES[8])
    values, changed = f.forge(f.solve(circuit_inputs(book, public_signals(book))), {})
    context = f.wire["main.context"]
    values[context] = FIELD - values[context]
    assert f.broken(values) == frozenset()
    assert is_true(8, f.read(values))


@pytest.mark.slow
@pytest.mark.parametrize("slots", [16, 32])
def test_no_forged_witness_is_accepted_in_larger_circuits(slots, run_seed, record_property):
    tallies = forge_all(slots, Random(f"{run_seed} {slots}"), wires_a_claim=1, share=0.03)
    assert [accepted for tally in tallies.values() for accepted in tally.accepted] == []
    record_property("tried", sum(tally.forged for tally in tallies.values()))


# --- reconciliations ------------------------------------------------------------------------------------------------------


def test_the_judge_agrees_with_the_relation_on_reconciliations():
    for case in reconciliations.cases():
        for claim, holds in ((case.at, True), (case.past, False)):
            inputs = {name: [x % FIELD for x in value] for name, value in reconciliation_inputs(*claim).items()}
            assert is_true(8, inputs.__getitem__, RECONCILIATION) == holds, case.name
    rng = Random(8)
    for _ in range(50):
        made = reconciliations.random_reconciliation(rng, SIZES[8])
        assert is_true(8, inputs_of(made).__getitem__, RECONCILIATION) == reconciliation.evaluate(made).holds


@pytest.mark.parametrize("slots", [8, *LARGER])
def test_the_forger_solves_the_generators_witness_of_a_reconciliation(slots):
    f, rng = forger(slots, RECONCILIATION), Random(slots)
    for _ in range(5):
        inputs = inputs_of(reconciliations.full_reconciliation(rng, SIZES[slots]))
        assert f.deploy(f.solve(inputs)) == f.built.lying(inputs)


def test_every_claim_of_a_reconciliation_has_a_place_for_its_lie():
    claims = [*claims_of(forger(8, RECONCILIATION), 8, Random(6)).all()]
    assert [claim.family for claim in claims if claim.at == NOWHERE] == []
    assert [claim.family for claim in claims if len(claim.broken) > 1] == []


def test_no_forged_reconciliation_is_accepted():
    tallies = forge_all(8, Random(2), wires_a_claim=1, share=0.01, family=RECONCILIATION)
    assert [accepted for tally in tallies.values() for accepted in tally.accepted] == []
    assert all(len(tallies[check].families) >= 5 for check in reconciliation.CHECKS)
    forged = sum(tally.forged for tally in tallies.values())
    assert forged > 500
    assert sum(tally.refused_by_one for tally in tallies.values()) > forged / 3


@pytest.mark.parametrize("slots", [8, *LARGER])
def test_no_wire_of_a_reconciliation_can_be_changed_alone(slots):
    result = perturb(slots, Random(slots), 4, RECONCILIATION)
    assert result.tried > 10_000
    assert result.accepted == result.true == []  # no second witness, and no other statement beside it
