import re
from random import Random

import pytest

from dls_zk.audit.instances import random_rebalance
from dls_zk.errors import InputError
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.relation import public_signals
from dls_zk.statement.signals import NAMES, PublicSignals, pack_prices, unpack_prices
from dls_zk.storage import places


def _snake(name):
    return re.sub(r"([A-Z])", r"_\1", name).lower()


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda s: s.name)
def test_names_and_order_are_those_of_the_circuit(size):
    main = (places.data_dir("circuits") / "main" / f"{size.name}.circom").read_text()
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


@pytest.mark.parametrize("seed", range(30))
def test_signals_survive_the_field(seed):
    size = list(SIZES.values())[seed % 3]
    signals = public_signals(random_rebalance(Random(seed), size))
    elements = signals.to_field()
    assert PublicSignals.from_field(elements) == signals
    assert pack_prices(size, unpack_prices(size, signals.prices)) == signals.prices
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
