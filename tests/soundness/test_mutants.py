"""Mutants of the r1cs and of the sources: a part of what scripts/mutate does to all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from dls_zk.statement import families, reconciliation
from dls_zk.statement.circuits import REBALANCE, RECONCILIATION, of_size
from dls_zk.statement.relation import CHECKS
from dls_zk.storage import places
from tests.soundness.claims import Claims
from tests.soundness.deletion import EQUIVALENT, Sweep, equivalent, short, sweep, unbound
from tests.soundness.forge import forger
from tests.soundness.judge import is_true
from tests.soundness.sources import OPERATORS, Arena, Mutant, mutants

#: Checks whose constraints the claims against them alone can kill.
SOME = ("turnover", "gross leverage", "collateral ratio", "impermanent loss", "capital efficiency", "nav disclosure")


@pytest.fixture(scope="module")
def swept() -> Sweep:
    f = forger(8)
    equation = f.plain.touching[f.wire["main.leverage.nav"]]  # --O1 keeps no constraint of it, a mutant below lacks it
    return sweep(f, 8, 3, {f.source[k] for k in _of(SOME)} | equation, SOME)


def _of(checks: tuple[str, ...], family: str = REBALANCE) -> set[int]:
    return {k for k, number in enumerate(forger(8, family).check) if families.CHECKS[family][number - 1] in checks}


def test_every_constraint_of_some_checks_is_killed(swept):
    assert len(_of(SOME)) > 500
    assert _of(SOME) <= swept.deployed.keys()
    for k in Random(1).sample(sorted(swept.plain), 20):
        assert forger(8).plain.broken(swept.plain[k].values) == {k}
        assert not is_true(8, forger(8).read(swept.plain[k].values))


def test_the_square_of_the_context_is_all_that_binds_it():
    assert _of(("context",)) <= unbound(forger(8).deployed, len(of_size(8).signals))


@pytest.mark.parametrize(
    ("wires", "reason"),
    [
        # A priced and empty slot that calls itself unpriced; an unpriced one, where the inverse of zero can be anything.
        ({"valued[2].IsZero.isZero": 1, "valued[2].IsZero.inverse": 0}, 0),
        ({"valued[3].IsZero.inverse": 5}, 1),
        ({"factor[1].IsZero.inverse": 5}, 1),
        ({"valued[0].absTradeValue": 5}, 3),
    ],
)
def test_without_an_equivalent_constraint_a_truth_has_a_second_witness(wires, reason):
    """Why such a constraint stays all the same: every claim has one witness."""
    f = forger(8)
    values = Claims(f, 8, Random(4))._small_change(unpriced=3)
    values, _ = f.forge(values, {f.wire["main.quantityAfter[2]"]: 0})
    assert f.plain.broken(values) == frozenset()
    wire = {short(name): wire for name, wire in f.wire.items()}
    second, _ = f.forge(values, {wire[name]: value for name, value in wires.items()})
    (k,) = f.plain.broken(second)
    assert equivalent(f, k) == [*EQUIVALENT.values()][reason]
    assert is_true(8, f.read(second))


# --- sources ------------------------------------------------------------------------------------------------------------

ALL = list(mutants(places.data_dir("circuits")))
RECONCILIATIONS = list(mutants(places.data_dir("circuits"), RECONCILIATION))


def test_there_are_mutants_of_every_kind_and_check():
    assert Counter(mutant.operator for mutant in ALL).keys() == OPERATORS.keys()
    assert {mutant.check for mutant in ALL} >= {*CHECKS}
    assert len({mutant.name for mutant in ALL}) == len(ALL) >= 150
    assert all(mutant.before != mutant.after for mutant in ALL)
    assert {mutant.check for mutant in RECONCILIATIONS} >= {*reconciliation.CHECKS}
    assert {mutant.file for mutant in ALL} & {mutant.file for mutant in RECONCILIATIONS} == {
        f"{name}.circom"
        for name in ("book/commitment", "lib/constants", "lib/poseidon", "lib/range", "lib/words", "lib/zero")
    }


@pytest.fixture(scope="module")
def arena(swept) -> Arena:
    return Arena(swept, 1)


@pytest.mark.parametrize(
    ("file", "operator", "after", "how"),
    [
        ("rebalance.circom", "assigned, not constrained", "contextSquare <-- context", "unbound"),
        ("rebalance.circom", "assigned, not constrained", "leverage.nav <-- nav", "forged: gross leverage"),
        ("main/rebalance_8.circom", "public signal made private", "policyHash, flow, navFloor, context", "unbound"),
        ("limits/factor_exposure.circom", "another hint", "(exposure - (1 << BITS))", "refused: "),
        ("limits/turnover.circom", "range check removed", "", "forged: turnover"),
        ("limits/turnover.circom", "range check narrowed", "TURNOVER_BITS() - 1", "refused: "),
        ("limits/reserve.circom", "plus for minus", "liquidValue[i] + BPS()", "accepted: "),
    ],
)
def test_a_mutant_is_killed(arena, file, operator, after, how):
    found = [m for m in ALL if m.file == file and m.operator == operator and after in m.after]
    verdict = arena.judge(found[0])
    assert verdict.kind == "killed"
    assert verdict.how.startswith(how)


def test_what_is_no_mutant_is_told_apart(arena):
    line = Mutant("lib/zero.circom", 14, "none", "", "    signal inverse <-- in != 0 ? 1 / in : 0; // a comment", "")
    assert arena.judge(line).kind == "the same"
    assert arena.judge(replace(line, after="    signal inverse <--")).kind == "void"


# --- reconciliations ------------------------------------------------------------------------------------------------------

#: Checks whose constraints the claims against them alone can kill.
SOME_OF_A_RECONCILIATION = ("venues", "solvency", "tolerance", "shortfall")


@pytest.fixture(scope="module")
def swept_reconciliation() -> Sweep:
    f = forger(8, RECONCILIATION)
    equation = f.plain.touching[f.wire["main.shortfall.nav"]]  # --O1 keeps no constraint of it, a mutant below lacks it
    wanted = {f.source[k] for k in _of(SOME_OF_A_RECONCILIATION, RECONCILIATION)} | equation
    return sweep(f, 8, 3, wanted, SOME_OF_A_RECONCILIATION)


@pytest.fixture(scope="module")
def reconciliation_arena(swept_reconciliation) -> Arena:
    return Arena(swept_reconciliation, 1)


def test_every_constraint_of_some_checks_of_a_reconciliation_is_killed(swept_reconciliation):
    mine = _of(SOME_OF_A_RECONCILIATION, RECONCILIATION)
    assert len(mine) > 200
    assert mine <= swept_reconciliation.deployed.keys()


@pytest.mark.parametrize(
    ("file", "operator", "after"),
    [
        ("reconciliation.circom", "assigned, not constrained", "shortfall.nav <-- nav"),
        ("custody/shortfall.circom", "plus for minus", "tolerance * nav + PPM() * missing"),
        ("custody/venue_parts.circom", "plus for minus", "at[j] += moved[i][m]"),
    ],
)
def test_a_mutant_of_a_reconciliation_is_killed(reconciliation_arena, file, operator, after):
    found = [m for m in RECONCILIATIONS if m.file == file and m.operator == operator and after in m.after]
    assert reconciliation_arena.judge(found[0]).kind == "killed"
