"""The whole statement: relation and circuit give one verdict, and the constraints, not the generator, are the judge."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dls_zk.audit.circuits import circuit
from dls_zk.errors import StatementRefused
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.circuit_inputs import circuit_inputs
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.model import Prices
from dls_zk.statement.relation import evaluate, public_signals
from dls_zk.statement.signals import unpack_prices
from tests.support.boundary import BOOK, cases, honest, policy, rebalance
from tests.support.instances import near_a_limit

CASES = list(cases())

#: The components of rebalance.circom that refuse for a check.
COMPONENTS = {
    "commitments": {"bookBefore", "bookAfter"},
    "policy": {"policy"},
    "prices": {"priceWords", "prices", "valued"},
    "quantities": {"valued"},
    "value conservation": {"conservation"},
    "turnover": {"turnover"},
    "solvency": {"navDisclosure"},
    "gross leverage": {"leverage"},
    "factor exposure": {"factor"},
    "concentration": {"concentration"},
    "venue exposure": {"venue"},
    "collateral ratio": {"collateralRatio"},
    "stress solvency": {"stressSolvency"},
    "stress loss": {"stressLoss"},
    "liquidity reserve": {"reserve"},
    "impermanent loss": {"impermanentLoss"},
    "capital efficiency": {"capitalEfficiency"},
    "value at risk": {"valueAtRisk"},
    "nav disclosure": {"navDisclosure"},
}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_accepted_at_the_bound_and_refused_one_unit_past_it(case):
    small = circuit("rebalance_8")
    at, past = circuit_inputs(*case.at), circuit_inputs(*case.past)

    assert small.violated(small.honest(at)) == []
    with pytest.raises(StatementRefused):
        small.honest(past)

    # The generator's refusal is no evidence. The witness of a prover who ignores it breaks constraints of this check.
    broken = [small.places(k) for k in small.violated(small.lying(past))]
    assert any(places & COMPONENTS[case.check] for places in broken), broken
    if case.name != "no NAV":
        assert all(places & COMPONENTS[case.check] for places in broken), broken


def _verdicts(seed: object, slots: int) -> tuple[bool, bool]:
    case = near_a_limit(Random(str(seed)), SIZES[slots])
    public = public_signals(case)
    judged = circuit(f"rebalance_{slots}")
    return evaluate(case, public).holds, not judged.violated(judged.lying(circuit_inputs(case, public)))


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**64))
def test_relation_and_circuit_agree_on_8_slots(seed):
    relation, constraints = _verdicts(seed, 8)
    assert relation == constraints


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64), st.sampled_from([16, 32]))
def test_relation_and_circuit_agree_on_16_and_32_slots(seed, slots):
    relation, constraints = _verdicts(seed, slots)
    assert relation == constraints


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_relation_and_circuit_agree_on_ten_thousand(part, run_seed, record_property):
    verdicts = [_verdicts(f"{run_seed} {part} {k}", (8, 16, 32)[k % 3]) for k in range(500)]
    assert all(relation == constraints for relation, constraints in verdicts)
    assert 100 < sum(relation for relation, _ in verdicts) < 400, "both verdicts are well represented"
    record_property("tried", len(verdicts))


# --- every input, alone -----------------------------------------------------------------------------

#: A tight book: nothing is traded, nothing may be gained or lost, so that every input matters.
TIGHT = honest(rebalance(policy({"slippage_bps": 0, "nav_step_usd": 1}), BOOK))

#: Inputs that may change alone, and why. Each is a public signal, which the hub compares with its own state.
FREE = {
    "context": "any context can be proven; it is the finished proof that cannot be lifted to another",
    "allowances": "larger allowances only loosen; the hub takes them out of what the vault has left",
    "prices": "other prices make another statement, which holds if the book obeys the policy at them",
}


def _true_with(name, value):
    """Whether the statement is true with one public signal of TIGHT changed."""
    if name == "context":
        return True
    case, signals = TIGHT
    if name == "allowances":
        return value < 1 << 120 and evaluate(case, replace(signals, allowances=Allowances.unpack(value))).holds
    words = tuple(value)
    if any(word >= 1 << 240 for word in words):
        return False
    moved = replace(case, prices=Prices(unpack_prices(case.size, words)))
    return evaluate(moved, replace(signals, prices=words)).holds


@pytest.mark.parametrize("change", [1, -1, 2**64, FIELD // 2], ids=["+1", "-1", "+2^64", "+p/2"])
@pytest.mark.parametrize(
    ("name", "k"), [(name, k) for name, value in circuit_inputs(*TIGHT).items() for k in range(len(value))]
)
def test_an_input_changed_alone_is_refused(name, k, change):
    small = circuit("rebalance_8")
    inputs = circuit_inputs(*TIGHT)
    inputs[name][k] = (inputs[name][k] + change) % FIELD
    value = inputs[name] if name == "prices" else inputs[name][k]
    assert bool(small.violated(small.lying(inputs))) != (name in FREE and _true_with(name, value))


def test_every_public_signal_is_in_a_constraint():
    """A public signal that no constraint uses could be changed after proving."""
    for name in SIZES:
        big = circuit(f"rebalance_{name}")
        used = {wire for sides in big.system for side in sides for wire in side}
        public = 7 + SIZES[name].price_words
        assert set(range(1, public + 1)) <= used


# --- the edges of the field ---------------------------------------------------------------------------


RANGED = {"quantityAfter", "trade", "flow", "allowances", "navFloor", "slotWord", "globalWord", "prices"}


@pytest.mark.parametrize("wrap", [FIELD - 1, FIELD // 2, FIELD // 2 + 1, 1 << 253, FIELD - (1 << 56), (1 << 120) + 1])
@pytest.mark.parametrize("name", sorted(RANGED))
def test_numbers_from_the_far_end_of_the_field_are_refused(name, wrap):
    small = circuit("rebalance_8")
    inputs = circuit_inputs(*TIGHT)
    inputs[name][0] = wrap
    assert small.violated(small.lying(inputs))


def test_a_book_and_its_mirror_image_do_not_share_a_commitment():
    """−q and p − q are one field element, q and −q are not: the sign is in the commitment."""
    after = TIGHT[0].after
    mirrored = replace(TIGHT[0], after=replace(after, quantities_e6=tuple(-q for q in after.quantities_e6)))
    assert public_signals(mirrored).commitment_after != TIGHT[1].commitment_after
