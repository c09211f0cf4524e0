"""``operations.prove_many``: many rebalances under one key, each with its own verdict."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from dls_zk import operations
from dls_zk.audit.instances import random_rebalance
from dls_zk.audit.simulator import g1
from dls_zk.errors import DlsError, InputError, StatementRefused, ToolError
from dls_zk.groth16 import native, native_verifier, prover, verifier
from dls_zk.groth16.proof import Proof
from dls_zk.operations import Proven
from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import Rebalance
from dls_zk.statement.relation import evaluate
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.tools import native as tools_native
from tests.support.native import core


@pytest.fixture(scope="module")
def circuit() -> BuiltCircuit:
    return operations.build_circuit("rebalance_8")


@pytest.fixture(scope="module")
def key(circuit: BuiltCircuit) -> ProvingKey:
    return operations.development_key(circuit)


@pytest.fixture(scope="module")
def true_ones() -> list[Rebalance]:
    rng = Random("many")
    found = (case for _ in range(1000) if evaluate(case := random_rebalance(rng, SIZES[8])).holds)
    return [next(found) for _ in range(12)]


@pytest.fixture(scope="module")
def false_one() -> Rebalance:
    rng = Random("false")
    return next(case for _ in range(1000) if not evaluate(case := random_rebalance(rng, SIZES[8])).holds)


@pytest.fixture(autouse=True)
def the_core() -> None:
    core(0)


def require_good(result: Proven | DlsError, rebalance: Rebalance, key: ProvingKey) -> None:
    assert isinstance(result, Proven), result
    assert result.after == rebalance.after and result.signals == operations.statement(rebalance).signals
    verifier.verify("native", operations.installed_target(key).vk, result.proof)


class Counter:
    """Counts the calls of a function that it stands before."""

    def __init__(self, function: Any, patch: pytest.MonkeyPatch, owner: object, name: str) -> None:
        self.function, self.calls = function, 0
        patch.setattr(owner, name, self)

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        return self.function(*arguments)


def test_many_in_their_order_by_few_equations_and_one_reading_of_the_key(
    true_ones: list[Rebalance],
    false_one: Rebalance,
    key: ProvingKey,
    circuit: BuiltCircuit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    native._open_keys.cache_clear()
    readings = Counter(ProvingKey.read_zkey, monkeypatch, ProvingKey, "read_zkey")
    monkeypatch.setattr(ProvingKey, "read_zkey", lambda self: readings(self))
    equations = Counter(native.pairings_are_one, monkeypatch, native, "pairings_are_one")
    larger = random_rebalance(Random(1), SIZES[16])
    asked = [*true_ones[:5], false_one, *true_ones[5:], larger]
    results = [*operations.prove_many(asked, key, circuit)]
    assert readings.calls == 1 and equations.calls == 2
    assert isinstance(results[5], StatementRefused) and isinstance(results[-1], DlsError)
    for result, rebalance in zip([*results[:5], *results[6:-1]], true_ones, strict=True):
        require_good(result, rebalance, key)
    assert len({result.proof.pi_a for result in results if isinstance(result, Proven)}) == len(true_ones)


def test_a_bad_proof_among_good_ones_is_the_one_that_is_named(
    true_ones: list[Rebalance], key: ProvingKey, circuit: BuiltCircuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that a sum without random factors would not see."""
    made, lock, number = prover.NativeProver._run, threading.Lock(), iter(range(99))
    bad = {}

    def run(self: prover.NativeProver, *arguments: Any) -> Proof:
        proof = made(self, *arguments)
        with lock:
            if next(number) in (1, 3):
                bad[proof.signals] = proof = replace(proof, pi_c=g1(7))
        return proof

    monkeypatch.setattr(prover.NativeProver, "_run", run)
    results = [*operations.prove_many(true_ones[:5], key, circuit, "native")]
    assert len(bad) == 2
    for result, rebalance in zip(results, true_ones, strict=False):
        if tuple(operations.statement(rebalance).signals.to_field()) in bad:
            assert isinstance(result, ToolError) and "does not verify" in str(result)
        else:
            require_good(result, rebalance, key)


def test_a_batch_that_cannot_be_computed_is_verified_one_by_one(
    true_ones: list[Rebalance], key: ProvingKey, circuit: BuiltCircuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> bool:
        raise ToolError("there is not enough memory for the native prover")

    monkeypatch.setattr(native_verifier, "hold_together", no_memory)
    one_by_one = Counter(native_verifier.require_holds, monkeypatch, native_verifier, "require_holds")
    results = [*operations.prove_many(true_ones[:2], key, circuit)]
    for result, rebalance in zip(results, true_ones[:2], strict=True):
        require_good(result, rebalance, key)
    assert one_by_one.calls == 4  # two of them by this test


def test_without_a_core_to_verify_by_each_is_verified_by_py_ecc(
    true_ones: list[Rebalance], key: ProvingKey, circuit: BuiltCircuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools_native, "ready", lambda: False)
    one_by_one = Counter(verifier.verify, monkeypatch, verifier, "verify")
    [result] = operations.prove_many(true_ones[:1], key, circuit)
    assert one_by_one.calls == 1
    require_good(result, true_ones[0], key)


def test_no_more_is_taken_than_is_needed_and_whoever_stops_leaves_no_threads(
    true_ones: list[Rebalance], key: ProvingKey, circuit: BuiltCircuit
) -> None:
    taken = 0

    def endless() -> Iterator[Rebalance]:
        nonlocal taken
        while True:
            taken += 1
            yield true_ones[taken % len(true_ones)]

    before = threading.active_count()
    results = operations.prove_many(endless(), key, circuit)
    assert isinstance(next(results), Proven)
    assert taken <= operations._TOGETHER + native.threads() + 1
    results.close()
    assert threading.active_count() == before


def test_what_stops_all_goes_through(true_ones: list[Rebalance], key: ProvingKey, circuit: BuiltCircuit) -> None:
    with pytest.raises(InputError, match="there is no prover 'fast'"):
        next(operations.prove_many(true_ones, key, circuit, "fast"))
    assert [*operations.prove_many([], key, circuit)] == []

    def broken() -> Iterator[Rebalance]:
        yield true_ones[0]
        raise OSError("the source is gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="the source is gone"):
        list(operations.prove_many(broken(), key, circuit))
    assert threading.active_count() == before
