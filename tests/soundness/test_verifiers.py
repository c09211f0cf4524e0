"""Proofs of every prover, simulated proofs and mutants: one verdict of py_ecc, snarkjs, the contracts, and in batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

import pytest

from dls_zk import operations
from dls_zk.audit.simulator import Secrets, g1
from dls_zk.groth16 import prover
from dls_zk.groth16.proof import Proof
from dls_zk.statement.circuits import of_size
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.model import Rebalance
from dls_zk.statement.relation import evaluate
from dls_zk.tools import rapidsnark
from tests.soundness.proof_mutants import Mutant, _sum, mutants
from tests.soundness.verifiers import LENIENT, Bench, bench
from tests.support.instances import near_a_limit

#: Backends that are on this machine.
BACKENDS = [
    pytest.param(name, marks=pytest.mark.skipif(name == "rapidsnark" and not rapidsnark.program(), reason="not here"))
    for name in prover.BACKENDS
]


@pytest.fixture(scope="module")
def small() -> Iterator[Bench]:
    with bench(8) as verifiers:
        yield verifiers


def a_true_statement(slots: int, rng: Random) -> Rebalance:
    return next(case for _ in range(100) if evaluate(case := near_a_limit(rng, SIZES[slots])).holds)


def signals_of(rng: Random, count: int) -> list[int]:
    """Edges of the field and random elements, two of them different and not zero."""
    return [1, *(rng.choice([0, 1, FIELD - 1, rng.randrange(FIELD)]) for _ in range(count - 2)), rng.randrange(2, FIELD)]


def mutants_of(verifiers: Bench, proof: Proof, rng: Random) -> Iterator[Mutant]:
    second = verifiers.simulator.prove(signals_of(rng, len(proof.signals)), rng)
    other = Secrets(*(rng.randrange(2, FIELD) for _ in range(4)), tuple(rng.randrange(FIELD) for _ in verifiers.vk.ic))
    foreign = other.prove(proof.signals, rng.randrange(1, FIELD), rng.randrange(1, FIELD))
    yield from mutants(verifiers.vk, proof, second, foreign, rng)


def judge(verifiers: Bench, mutant: Mutant) -> None:
    assert verifiers.verdict(mutant.proof) == mutant.holds, mutant
    assert verifiers.verifiers[LENIENT](mutant.proof) == (mutant.holds or mutant.reduces), mutant


# --- provers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BACKENDS)
def test_every_verifier_takes_the_proofs_of_every_prover(small: Bench, name: str) -> None:
    case = a_true_statement(8, Random(1))
    proof = operations.prove(case, small.key, operations.build_circuit("rebalance_8"), backend=name).proof
    assert small.verdict(proof)
    assert not small.verdict(replace(proof, signals=(*proof.signals[:-1], (proof.signals[-1] + 1) % FIELD)))


def test_every_verifier_takes_a_simulated_proof(small: Bench) -> None:
    """It has no witness behind it: a development key proves nothing, and a proof shows nothing beyond its signals."""
    rng = Random(2)
    for signals in ([0] * 9, [FIELD - 1] * 9):
        assert small.verdict(small.simulator.prove(signals, rng))


@pytest.mark.slow
@pytest.mark.parametrize("slots", [16, 32])
def test_larger_sizes(slots: int, run_seed: int, record_property: Callable[[str, object], None]) -> None:
    with bench(slots) as verifiers:
        rng, circuit = Random(f"{run_seed} {slots}"), operations.build_circuit(of_size(slots).name)
        proof = operations.prove(a_true_statement(slots, rng), verifiers.key, circuit).proof
        found = list(mutants_of(verifiers, proof, rng))
        for mutant in found:
            judge(verifiers, mutant)
    record_property("tried", len(found))


# --- mutants -----------------------------------------------------------------------------------------------------------


def test_a_mutant_of_every_fourth_kind(small: Bench) -> None:
    rng = Random(3)
    found = list(mutants_of(small, small.simulator.prove(signals_of(rng, 9), rng), rng))
    assert Counter(mutant.holds for mutant in found) == {True: 4, False: 44}
    assert len({mutant.kind for mutant in found}) == len({mutant.proof for mutant in found}) == 48
    for mutant in found[1::4]:
        judge(small, mutant)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(12))
def test_hundreds_of_mutants(small: Bench, part: int, run_seed: int, record_property: Callable[[str, object], None]) -> None:
    """12 parts of one real and one simulated proof with 47 mutants each: 1,152 proofs and mutants."""
    rng = Random(f"{run_seed} {part}")
    real = operations.prove(a_true_statement(8, rng), small.key, operations.build_circuit("rebalance_8")).proof
    proofs = (real, small.simulator.prove(signals_of(rng, 9), rng))
    found = [mutant for proof in proofs for mutant in mutants_of(small, proof, rng)]
    for mutant in found:
        judge(small, mutant)
    record_property("tried", len(found))


# --- batches -----------------------------------------------------------------------------------------------------------


def test_a_batch_holds_if_all_of_it_does(small: Bench) -> None:
    rng = Random(4)
    good = [small.simulator.prove(signals_of(rng, 9), rng) for _ in range(6)]
    bad = replace(good[0], pi_c=g1(7))
    assert small.batch(good) and small.batch(good[::-1]) and small.batch([good[0]] * 4)
    assert not small.batch([])
    for place in range(6):
        assert not small.batch([*good[:place], bad, *good[place + 1 :]])
    signals = [proof.signals for proof in good]
    assert not small.batch([replace(proof, signals=signals[k - 1]) for k, proof in enumerate(good)])


def test_shared_signals_are_those_of_every_proof(small: Bench) -> None:
    rng = Random(6)
    end = (7, 8)
    good = [small.simulator.prove([*signals_of(rng, 7), *end], rng) for _ in range(3)]
    assert small.batch(good, end) and small.batch(good, end[1:]) and small.batch(good)
    assert not small.batch(good, (7, 9)) and not small.batch(good, (8, 7)) and not small.batch(good, (7, 8 + FIELD))
    other = small.simulator.prove(signals_of(rng, 9), rng)
    assert small.batch([*good, other]) and not small.batch([*good, other], end)


def test_faults_that_cancel_are_refused(small: Bench) -> None:
    """C + D and C − D: the two equations are wrong, their plain product is right. So are multiples by small powers."""
    rng = Random(5)
    one, other = (small.simulator.prove(signals_of(rng, 9), rng) for _ in range(2))
    for factor in (1, 2, 3, -1, 1 << 128):
        fault = rng.randrange(1, FIELD)
        first = replace(one, pi_c=_sum(one.pi_c, g1(fault)))
        second = replace(other, pi_c=_sum(other.pi_c, g1(-factor * fault)))
        assert not small.batch([first, second]) and not small.batch([second, first])
