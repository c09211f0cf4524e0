"""True rebalances are provable, up to the widest values; and no range check is wider than some true rebalance needs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from dls_zk.audit.circuits import circuit
from dls_zk.statement import reconciliation
from dls_zk.statement.circuit_inputs import circuit_inputs
from dls_zk.statement.circuits import RECONCILIATION, of_size
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.relation import evaluate, public_signals
from tests.soundness.completeness import AT_A_LIMIT, _moved, prove_many, reconcile_many, within_a_unit
from tests.soundness.extremes import widest
from tests.soundness.families import inputs_of
from tests.soundness.forge import forger
from tests.soundness.scenes import full_book, limits, past_a_limit
from tests.support import reconciliations
from tests.support.instances import tighten

#: Sizes that take longer to compile than to test.
LARGER = [pytest.param(slots, marks=pytest.mark.slow) for slots in (16, 32)]

#: Range checks with room that nothing true fills. Of the first three, the widths are those of longs up to the venues' caps;
#: shorts, which do not count there, stand against them. Of the allowances, the policy's maximum bounds the turnover.
ROOMY = {"collateralRatio", "reserve", "stressSolvency", "allowance"}


@pytest.mark.parametrize("slots", SIZES)
def test_the_extremes_are_true(slots):
    for name, rebalance in widest(SIZES[slots]):
        assert evaluate(rebalance).failures == (), name


def test_true_rebalances_are_provable():
    done = prove_many(Random(1), 115)  # the extremes are 63
    assert done.total() == 115
    assert done[AT_A_LIMIT] >= 20


@pytest.mark.parametrize("slots", [8, *LARGER])
def test_no_range_check_is_wider_than_some_true_rebalance_needs(slots):
    f, rng = forger(slots), Random(slots)
    books = [*(book for _, book in widest(SIZES[slots])), *(full_book(rng, SIZES[slots]) for _ in range(8))]
    reached = dict.fromkeys(f.ranges, 0)
    for book in books:
        values = f.solve(circuit_inputs(book, public_signals(book)))
        for name, r in f.ranges.items():
            value = values[r.of]
            if r.sign is not None:  # one bit is the sign's
                value = 1 + 2 * (value if value < FIELD // 2 else FIELD - 1 - value)
            reached[name] = max(reached[name], value.bit_length())
    roomy = {name for name, bits in reached.items() if bits < f.ranges[name].width}
    assert {name.split(".")[1].partition("[")[0] for name in roomy} == ROOMY


@pytest.mark.parametrize("seed", range(5))
def test_within_a_unit_of_a_limit_a_millionth_more_is_refused(seed):
    book = within_a_unit(Random(seed), SIZES[8])
    steps = itertools.product(range(8), (1, -1), (True, False))
    assert not all(evaluate(_moved(book, slot, by, traded)).holds for slot, by, traded in steps)


#: Limits that stand for each scenario, factor or venue, or sum over the factors.
BY_OTHER_COUNTS = {
    "factor_limit_bps", "venue_cap_bps", "stress_collateral_ratio_bps", "max_stress_loss_bps", "max_var_bps",
}  # fmt: skip


@pytest.mark.parametrize("slots", [16, 32])
def test_each_limit_by_scenario_factor_and_venue_holds_alone(slots):
    """Here the numbers of scenarios, factors and venues differ: a line that takes one for another would show."""
    size, rng = SIZES[slots], Random(slots)
    judge = circuit(of_size(slots).name)
    for field, index in (limit for limit in limits(size) if limit[0] in BY_OTHER_COUNTS):
        past = past_a_limit(rng, size, field, index)
        assert len(judge.violated(judge.lying(circuit_inputs(past, public_signals(past))))) == 1, (field, index)
        at = tighten(past, field, index, past=0)
        assert judge.violated(judge.lying(circuit_inputs(at, public_signals(at)))) == [], (field, index)


def verdicts_beside_a_limit(rng: Random, sizes: Sequence[int], count: int) -> Counter[bool]:
    """Books within one unit of a limit and those a millionth further, any way, by relation and constraints alike."""
    verdicts: Counter[bool] = Counter()
    while verdicts.total() < count:
        size = SIZES[rng.choice(sizes)]
        book, judge = within_a_unit(rng, size), circuit(of_size(size.slots).name)
        steps = [*itertools.product(range(size.slots), (1, -1), (True, False))]
        for slot, by, traded in rng.sample(steps, 5):
            moved = _moved(book, slot, by, traded)
            public = public_signals(moved)
            holds = evaluate(moved, public).holds
            assert holds == (not judge.violated(judge.lying(circuit_inputs(moved, public))))
            verdicts[holds] += 1
    return verdicts


def test_relation_and_circuit_agree_beside_a_limit():
    verdicts = verdicts_beside_a_limit(Random(1), [8], 80)
    assert min(verdicts[True], verdicts[False]) >= 10, verdicts


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_relation_and_circuit_agree_beside_a_limit_in_thousands(part, run_seed, record_property):
    verdicts = verdicts_beside_a_limit(Random(f"{run_seed} {part}"), [*SIZES], 450)
    assert min(verdicts[True], verdicts[False]) > 450 / 10, verdicts  # most slots do not lead to the limit
    record_property("tried", verdicts.total())


# --- reconciliations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", SIZES)
def test_the_extremes_of_reconciliations_are_true(slots):
    for name, made in reconciliations.widest(SIZES[slots]):
        assert reconciliation.evaluate(made).failures == (), name


def test_true_reconciliations_are_provable():
    done = reconcile_many(Random(1), 50)  # the extremes are 43
    assert done.total() == 50 and done[AT_A_LIMIT] >= 2


@pytest.mark.parametrize("slots", [8, *LARGER])
def test_no_range_check_of_a_reconciliation_is_wider_than_some_true_one_needs(slots):
    f, rng = forger(slots, RECONCILIATION), Random(slots)
    made = [*(one for _, one in reconciliations.widest(SIZES[slots]))]
    made += [reconciliations.full_reconciliation(rng, SIZES[slots]) for _ in range(4)]
    reached = dict.fromkeys(f.ranges, 0)
    for one in made:
        values = f.solve(inputs_of(one))
        for name, r in f.ranges.items():
            value = values[r.of]
            if r.sign is not None:  # one bit is the sign's
                value = 1 + 2 * (value if value < FIELD // 2 else FIELD - 1 - value)
            reached[name] = max(reached[name], value.bit_length())
    assert [name for name, bits in reached.items() if bits < f.ranges[name].width] == []
