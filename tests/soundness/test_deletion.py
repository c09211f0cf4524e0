"""Constraints of the deployed circuit, left out in turn: each is missed by some forged witness, or listed with a reason."""

from __future__ import annotations

from random import Random

import pytest
from claims import Claims
from deletion import EQUIVALENT, equivalent, short, sweep, unbound
from forge import forger
from judge import is_true

from dls_zk.constants import SIZES
from dls_zk.relation import CHECKS
from dls_zk.statement import signal_count

#: Checks whose constraints the claims against them alone can kill.
SOME = ("turnover", "gross leverage", "collateral ratio", "impermanent loss", "capital efficiency", "nav disclosure")


def test_every_constraint_of_some_checks_is_killed():
    f = forger(8)
    mine = {k for k, number in enumerate(f.check) if CHECKS[number - 1] in SOME}
    swept = sweep(f, 8, 3, {f.source[k] for k in mine}, SOME)
    assert len(mine) > 500
    assert mine <= swept.deployed.keys()
    for k in Random(1).sample(sorted(swept.plain), 20):
        assert f.plain.broken(swept.plain[k].values) == {k}
        assert not is_true(8, f.read(swept.plain[k].values))


def test_what_the_square_of_the_context_is_for():
    f = forger(8)
    (k,) = unbound(f.deployed, signal_count(SIZES[8]))
    assert CHECKS[f.check[k] - 1] == "context"


@pytest.mark.parametrize(
    ("wires", "pattern"),
    [
        # An unpriced slot: the inverse of zero can be anything.
        ({"valued[3].IsZero.inverse": 5}, 1),
        # A priced and empty slot that calls itself unpriced.
        ({"valued[2].IsZero.isZero": 1, "valued[2].IsZero.inverse": 0}, 0),
        ({"valued[0].absTradeValue": 5}, 3),
        ({"factor[1].IsZero.inverse": 5}, 1),
    ],
)
def test_an_equivalent_mutant_has_a_second_witness_for_the_same_truth(wires, pattern):
    """Why an equivalent constraint stays all the same: with it, every claim has one witness."""
    f = forger(8)
    values = Claims(f, 8, Random(4))._small_change(unpriced=3)
    values, _ = f.forge(values, {f.wire["main.quantityAfter[2]"]: 0})
    assert f.plain.broken(values) == frozenset()
    wire = {short(name): wire for name, wire in f.wire.items()}
    second, _ = f.forge(values, {wire[name]: value for name, value in wires.items()})
    (k,) = f.plain.broken(second)
    assert equivalent(f, k) == [*EQUIVALENT.values()][pattern]
    assert is_true(8, f.read(second))
