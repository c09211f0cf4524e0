import re
from random import Random

import pytest
from instances import random_rebalance

from dls_zk import artifacts, statement
from dls_zk.constants import FIELD, SIZES
from dls_zk.errors import InputError
from dls_zk.relation import public_signals
from dls_zk.statement import PublicSignals


def _snake(name):
    return re.sub(r"([A-Z])", r"_\1", name).lower()


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda s: s.name)
def test_names_and_order_are_those_of_the_circuit(size):
    main = (artifacts.data_dir("circuits") / "main" / f"{size.name}.circom").read_text()
    declared = re.search(r"public \[([^\]]+)\]", main).group(1).split(", ")
    assert [_snake(name) for name in declared] == list(statement.NAMES)
    body = (artifacts.data_dir("circuits") / "rebalance.circom").read_text()
    inputs = re.findall(r"signal input (\w+)", body)
    assert inputs[: len(declared)] == declared, "the order of declaration is the order of the signals"


def test_names_and_order_are_those_of_the_contract():
    source = (artifacts.data_dir("verifier_contracts") / "src" / "libraries" / "Signals.sol").read_text()
    constants = re.findall(r"uint256 internal constant ([A-Z_]+) = (\d+);", source)
    places = {name.lower(): int(place) for name, place in constants if name.lower() in statement.NAMES}
    assert places == {name: k for k, name in enumerate(statement.NAMES)}


@pytest.mark.parametrize("seed", range(30))
def test_signals_survive_the_field(seed):
    size = list(SIZES.values())[seed % 3]
    signals = public_signals(random_rebalance(Random(seed), size))
    elements = signals.to_field()
    assert PublicSignals.from_field(elements) == signals
    assert statement.pack_prices(size, statement.unpack_prices(size, signals.prices)) == signals.prices
    for k in range(len(elements)):
        for alias in (elements[k] + FIELD, elements[k] - FIELD):
            with pytest.raises(InputError, match="canonical"):
                PublicSignals.from_field(elements[:k] + [alias] + elements[k + 1 :])


@pytest.mark.parametrize(
    ("place", "value"), [(3, 1 << 56), (3, FIELD - (1 << 56) - 1), (4, 1 << 20), (5, 1 << 42), (7, 1 << 240)]
)
def test_signals_outside_their_range_are_refused(place, value):
    elements = public_signals(random_rebalance(Random(1), SIZES[8])).to_field()
    elements[place] = value
    with pytest.raises(InputError, match="range"):
        PublicSignals.from_field(elements)


@pytest.mark.parametrize("count", [0, 8, 10, 15])
def test_a_wrong_number_of_signals_is_refused(count):
    with pytest.raises(InputError, match="public signals"):
        PublicSignals.from_field([0] * count)
