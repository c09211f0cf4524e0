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
from dls_zk.statement.circuits import CIRCUITS, Circuit, known, of_size, rebalance_signals
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.relation import public_signals
from dls_zk.statement.signals import NAMES, PublicSignals, pack_prices, unpack_prices
from dls_zk.storage import places


def _snake(name):
    return re.sub(r"([A-Z])", r"_\1", name).lower()


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_names_and_order_are_those_of_the_circuit(circuit):
    main = (places.data_dir("circuits") / "main" / f"{circuit}.circom").read_text()
    declared = re.search(r"public \[([^\]]+)\]", main).group(1).split(", ")
    assert [_snake(name) for name in declared] == list(NAMES)
    body = (places.data_dir("circuits") / "rebalance.circom").read_text()
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
    assert [len(circuit.signals) for circuit in CIRCUITS.values()] == [9, 11, 14]
    assert [of_size(slots) for slots in SIZES] == [*CIRCUITS.values()]


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
    assert [circuit.name for circuit in chosen_circuits(("8",))] == ["rebalance_8", "other_8"]
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
