import re
from dataclasses import replace
from random import Random

import pytest

from dls_zk.audit.instances import random_rebalance
from dls_zk.cli.common import chosen_circuits
from dls_zk.errors import InputError
from dls_zk.groth16.proof import Proof
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.solidity.verifiers import contract_name
from dls_zk.statement import reconciliation
from dls_zk.statement.circuits import (
    CIRCUITS,
    REBALANCE,
    RECONCILIATION,
    Circuit,
    known,
    of_family,
    of_size,
    rebalance_signals,
    reconciliation_signals,
)
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.model import Opening, Prices, Reconciliation
from dls_zk.statement.relation import public_signals
from dls_zk.statement.signals import (
    NAMES,
    RECONCILIATION_NAMES,
    PublicSignals,
    ReconciliationSignals,
    pack_prices,
    pack_venues,
    unpack_prices,
    unpack_venues,
)
from dls_zk.storage import places
from tests.support.reconciliations import full_reconciliation, past_the_tolerance


def _snake(name):
    return re.sub(r"([A-Z])", r"_\1", name).lower()


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_names_and_order_are_those_of_the_circuit(circuit):
    main = (places.data_dir("circuits") / "main" / f"{circuit}.circom").read_text()
    declared = re.search(r"public \[([^\]]+)\]", main).group(1).split(", ")
    family = CIRCUITS[circuit].family
    names = {REBALANCE: NAMES, RECONCILIATION: RECONCILIATION_NAMES}[family]
    assert [_snake(name) for name in declared] == list(names)
    assert list(dict.fromkeys(name.partition("[")[0] for name in CIRCUITS[circuit].signals)) == list(names)
    body = (places.data_dir("circuits") / f"{family}.circom").read_text()
    inputs = re.findall(r"signal input (\w+)", body)
    assert inputs[: len(declared)] == declared, "the order of declaration is the order of the signals"


def test_names_and_order_are_those_of_the_contract():
    source = (places.data_dir("verifier_contracts") / "src" / "libraries" / "Signals.sol").read_text()
    constants = re.findall(r"uint256 internal constant ([A-Z_]+) = (\d+);", source)
    indices = {name.lower(): int(index) for name, index in constants if name.lower() in NAMES}
    assert indices == {name: k for k, name in enumerate(NAMES)}


def test_the_table_has_every_main_and_says_its_signals():
    mains = {path.stem: path.read_text() for path in (places.data_dir("circuits") / "main").glob("*.circom")}
    assert mains.keys() == CIRCUITS.keys() and all(name == circuit.name for name, circuit in CIRCUITS.items())
    assert [len(circuit.signals) for circuit in CIRCUITS.values()] == [9, 11, 14, 9, 11, 18]
    rows = [of_size(slots, family) for family in (REBALANCE, RECONCILIATION) for slots in SIZES]
    assert rows == [*CIRCUITS.values()] == [*of_family(REBALANCE), *of_family(RECONCILIATION)]


def test_a_circuit_that_the_table_does_not_have_is_refused():
    for name in ("rebalance_9", "rebalance", "8", ""):
        with pytest.raises(InputError, match="unknown circuit .* knows rebalance_8, rebalance_16, rebalance_32"):
            known(name)
        with pytest.raises(InputError, match="unknown circuit"):
            rebalance_signals(name, [0] * 9)


def test_a_circuit_of_another_family_is_known_and_is_no_rebalance(monkeypatch):
    """A row in the table is enough: nothing takes a circuit for a rebalance by its size or its number of signals."""
    other = Circuit("other_8", "other", SIZES[8], CIRCUITS["rebalance_8"].signals)
    monkeypatch.setitem(CIRCUITS, other.name, other)
    assert known("other_8") is of_size(8, "other") is other and of_size(8) is CIRCUITS["rebalance_8"]
    with pytest.raises(InputError, match="a proof of other_8 is no rebalance proof"):
        rebalance_signals("other_8", [0] * 9)
    proof = Proof("other_8", (1, 2), ((1, 2), (3, 4)), (1, 2), (0,) * 9)
    assert ProofArguments.from_proof(proof).circuit == "other_8"
    assert contract_name("other_8") != contract_name("rebalance_8")
    assert [circuit.name for circuit in chosen_circuits(("8",))] == ["rebalance_8", "reconciliation_8", "other_8"]
    assert [circuit.name for circuit in chosen_circuits((), ("other",))] == ["other_8"]
    with pytest.raises(InputError, match="8 public signals; a proof of other_8 has 9"):
        ProofArguments.from_proof(replace(proof, signals=(0,) * 8))


@pytest.mark.parametrize("seed", range(30))
def test_signals_survive_the_field(seed):
    size = list(SIZES.values())[seed % 3]
    signals = public_signals(random_rebalance(Random(seed), size))
    elements = signals.to_field()
    assert PublicSignals.from_field(size, elements) == signals
    assert pack_prices(size, unpack_prices(size, signals.prices)) == signals.prices
    for k in range(len(elements)):
        for alias in (elements[k] + FIELD, elements[k] - FIELD):
            with pytest.raises(InputError, match="canonical"):
                PublicSignals.from_field(size, elements[:k] + [alias] + elements[k + 1 :])


@pytest.mark.parametrize(
    ("place", "value"), [(3, 1 << 56), (3, FIELD - (1 << 56) - 1), (4, 1 << 120), (5, 1 << 42), (7, 1 << 240)]
)
def test_signals_outside_their_range_are_refused(place, value):
    elements = public_signals(random_rebalance(Random(1), SIZES[8])).to_field()
    elements[place] = value
    with pytest.raises(InputError, match="range"):
        PublicSignals.from_field(SIZES[8], elements)


@pytest.mark.parametrize("count", [0, 8, 10, 11])
def test_a_wrong_number_of_signals_is_refused(count):
    with pytest.raises(InputError, match="public signals"):
        PublicSignals.from_field(SIZES[8], [0] * count)


# --- reconciliations ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_signals_of_a_reconciliation_survive_the_field(seed):
    made = full_reconciliation(Random(seed), list(SIZES.values())[seed % 3])
    size, signals = made.size, reconciliation.reconciliation_signals(made)
    elements = signals.to_field()
    assert reconciliation_signals(made.circuit.name, elements) == ReconciliationSignals.from_field(size, elements) == signals
    assert unpack_venues(size, signals.venues) == made.venues
    for k in range(len(elements)):
        for alias in (elements[k] + FIELD, elements[k] - FIELD):
            with pytest.raises(InputError, match="canonical"):
                ReconciliationSignals.from_field(size, elements[:k] + [alias] + elements[k + 1 :])


@pytest.mark.parametrize(("place", "value"), [(5, 1 << 16), (6, 20_001), (6, FIELD - 1), (7, 1 << 240)])
def test_signals_of_a_reconciliation_outside_their_range_are_refused(place, value):
    made = full_reconciliation(Random(1), SIZES[8])
    elements = reconciliation.reconciliation_signals(made).to_field()
    elements[place] = value
    with pytest.raises(InputError, match="range"):
        ReconciliationSignals.from_field(SIZES[8], elements)


def test_a_family_is_not_known_by_its_number_of_signals():
    """With 8 and with 16 slots, both families have the same number."""
    for slots in (8, 16):
        rebalance, other = (of_size(slots, family) for family in (REBALANCE, RECONCILIATION))
        assert len(rebalance.signals) == len(other.signals)
        for read, row in ((rebalance_signals, other), (reconciliation_signals, rebalance)):
            with pytest.raises(InputError, match=f"a proof of {row.name} is no "):
                read(row.name, [0] * len(row.signals))
    for count in (0, 8, 10):
        with pytest.raises(InputError, match="public signals"):
            reconciliation_signals("reconciliation_8", [0] * count)
        with pytest.raises(InputError, match="public signals"):
            ReconciliationSignals.from_field(SIZES[8], [0] * count)


def test_a_venue_that_there_is_not_is_refused():
    for venues in ([0] * 7, [0] * 7 + [4], [0] * 7 + [-1]):
        with pytest.raises(ValueError, match="venue"):
            pack_venues(SIZES[8], venues)


def test_a_reconciliation_of_a_policy_takes_its_venues():
    policy = random_rebalance(Random(3), SIZES[8]).policy
    opening = Opening((5, *(0,) * 7), 9)
    made = Reconciliation.of(policy, Prices((1,) * 8), 100, opening, {policy.slots[0].venue: opening})
    assert made.venues == tuple(slot.venue for slot in policy.slots)
    assert made.attested_e6 == opening.quantities_e6
    assert [opening.salt for opening in made.attested].count(0) == SIZES[8].venues - 1
    with pytest.raises(ValueError, match="attestations; size 8 takes 4"):
        replace(made, attested=(opening,))
    with pytest.raises(ValueError, match="7 venues; size 8"):
        replace(made, venues=(0,) * 7)


def test_a_refused_reconciliation_names_the_venues_and_no_number():
    made = replace(past_the_tolerance(Random(2), SIZES[8]), venue_names=("Binance", "Anchor", "Base", "Kraken"))
    report = reconciliation.evaluate(made)
    missing = reconciliation.missing_e14(made)
    off = {made.venue_names[k] for k, amount in zip(made.venues, missing, strict=True) if amount}
    assert str(report) == f"refused by shortfall (8): {', '.join(x for x in made.venue_names if x in off)}"
    for thing in (made, report, *report.checks, *(limit for check in report.checks for limit in check.limits)):
        for secret in {*made.book.quantities_e6, *made.attested_e6, *missing, made.book.salt}:
            assert str(abs(secret)) not in repr(thing) or abs(secret) < 10_000
