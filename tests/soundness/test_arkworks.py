"""arkworks, by groth16py, agrees with us: on proofs of either, and on mutants.

It shares no code with the other provers and verifiers. The tests are skipped where it is not installed. It is no dependency,
as its licence is the GPL-3.0. To run them: ``uv pip install groth16py==0.2.0`` and ``pytest --slow`` on this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dls_zk import operations
from dls_zk.audit.simulator import Secrets
from dls_zk.groth16 import verifier, zkey
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.witness import WitnessCalculator, to_wtns
from dls_zk.groth16.zkey import VerifyingKey
from dls_zk.statement.circuit_inputs import circuit_inputs
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.relation import evaluate, public_signals
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from tests.soundness.proof_mutants import mutants
from tests.soundness.verifiers import Simulator
from tests.support.instances import near_a_limit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def groth16py() -> Any:
    return pytest.importorskip("groth16py", exc_type=ImportError)


@pytest.fixture(scope="module")
def circuit() -> BuiltCircuit:
    return operations.build_circuit("rebalance_8")


@pytest.fixture(scope="module")
def key(circuit: BuiltCircuit) -> ProvingKey:
    return operations.development_key(circuit)


@pytest.fixture(scope="module")
def vk(key: ProvingKey) -> VerifyingKey:
    return zkey.verifying_key(key)


@pytest.fixture(scope="module")
def arkworks(groth16py: Any, vk: VerifyingKey) -> Callable[[Proof], bool]:
    """Its verdict on the numbers as they are; a form that it refuses to read is no proof."""
    checker = groth16py.Verifier(groth16py.VerifyingKey.from_snarkjs(json.dumps(vk.to_snarkjs())))

    def holds(proof: Proof) -> bool:
        try:
            return bool(checker.verify_snarkjs(json.dumps(proof.to_snarkjs()), json.dumps(proof.signal_strings())))
        except (groth16py.VerificationError, groth16py.EncodingError, ValueError):
            return False

    return holds


@pytest.fixture(scope="module")
def its_prover(groth16py: Any, key: ProvingKey, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], bytes]:
    """From a witness the eight words of a proof. Invented books only: the witness is in a file for its time."""
    imported, _ = groth16py.import_zkey(str(key.zkey))
    folder = tmp_path_factory.mktemp("arkworks")

    def prove(witness: bytes) -> bytes:
        path: Path = folder / "witness.wtns"
        path.write_bytes(to_wtns(witness))
        try:
            return bytes(groth16py.prove_wtns(imported, str(path)))
        finally:
            path.unlink()

    return prove


def read(circuit: str, answer: bytes, signals: tuple[int, ...]) -> Proof:
    """A proof from its eight words: imaginary parts first."""
    ax, ay, bx_i, bx, by_i, by, cx, cy = (int.from_bytes(answer[at : at + 32], "big") for at in range(0, 256, 32))
    return Proof(circuit, (ax, ay), ((bx, bx_i), (by, by_i)), (cx, cy), signals)


@pytest.mark.parametrize("seed", range(8))
def test_proofs_of_either_from_one_witness_hold_for_both(
    seed: int,
    circuit: BuiltCircuit,
    key: ProvingKey,
    vk: VerifyingKey,
    arkworks: Callable[[Proof], bool],
    its_prover: Callable[[bytes], bytes],
) -> None:
    rng = Random(f"arkworks {seed}")
    case = next(case for _ in range(100) if evaluate(case := near_a_limit(rng, SIZES[8])).holds)
    signals = public_signals(case)
    ours = operations.prove(case, key, circuit).proof
    theirs = read(key.circuit, its_prover(WitnessCalculator(circuit).calculate(circuit_inputs(case, signals))), ours.signals)
    assert ours.pi_a != theirs.pi_a
    for proof in (ours, theirs):
        assert arkworks(proof)
        for name in verifier.NAMES:
            verifier.verify(name, vk, proof)


def test_one_verdict_on_mutants(
    key: ProvingKey, vk: VerifyingKey, arkworks: Callable[[Proof], bool], record_property: Callable[[str, object], None]
) -> None:
    tried = 0
    for seed in range(8):
        rng = Random(f"mutants {seed}")
        simulator = Simulator(key, vk)
        proof, second = (simulator.prove([rng.randrange(1, FIELD) for _ in range(vk.n_public)], rng) for _ in range(2))
        other = Secrets(*(rng.randrange(2, FIELD) for _ in range(4)), tuple(rng.randrange(FIELD) for _ in vk.ic))
        foreign = other.prove(proof.signals, rng.randrange(1, FIELD), rng.randrange(1, FIELD))
        for mutant in mutants(vk, proof, second, foreign, rng):
            assert arkworks(mutant.proof) == mutant.holds, mutant
            tried += 1
    record_property("tried", tried)
