"""Reconciliations through the whole path: a key by the one table, a proof by every backend, and all verifiers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dls_zk import operations
from dls_zk.errors import InputError, ProofInvalid, StatementRefused
from dls_zk.statement.circuits import RECONCILIATION, of_family, of_size, rebalance_signals
from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import Reconciliation
from dls_zk.statement.reconciliation import reconciliation_signals
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from tests.support.commandline import invoke
from tests.support.reconciliations import full_reconciliation, past_the_tolerance

ROW = of_size(8, RECONCILIATION)


@pytest.fixture(scope="module")
def circuit() -> BuiltCircuit:
    return operations.build_circuit(ROW.name)


@pytest.fixture(scope="module")
def key(circuit: BuiltCircuit) -> ProvingKey:
    return operations.development_key(circuit)


@pytest.fixture(scope="module")
def made() -> Reconciliation:
    return full_reconciliation(Random(1), SIZES[8])


@pytest.fixture(scope="module")
def proven(circuit: BuiltCircuit, key: ProvingKey, made: Reconciliation) -> operations.ProvenReconciliation:
    return operations.prove_reconciliation(made, key, circuit)


@pytest.mark.parametrize("backend", ["native", "snarkjs"])
def test_every_backend_proves_and_every_verifier_accepts(circuit, key, made, backend) -> None:
    proof = operations.prove_reconciliation(made, key, circuit, backend).proof
    target = operations.verification_target(proof, None)
    for name in operations.VERIFIERS if backend == "snarkjs" else ("pyecc",):
        operations.verify(name, target, proof)
    signals = list(proof.signals)
    for k in range(len(signals)):
        other = replace(proof, signals=(*signals[:k], signals[k] + 1, *signals[k + 1 :]))
        if k in (0, 1, 6):
            with pytest.raises(ProofInvalid):
                operations.verify("pyecc", target, other)


def test_what_is_proven_is_what_a_verifier_asks_for(circuit, key, made, proven) -> None:
    assert proven.signals == reconciliation_signals(made) and proven.insecure
    with pytest.raises(InputError, match="a proof of reconciliation_8 is no rebalance proof"):
        rebalance_signals(proven.proof.circuit, proven.proof.signals)
    expected = replace(proven.signals, tolerance_ppm=proven.signals.tolerance_ppm - 1)
    moved = replace(expected, attestations=proven.signals.attestations[::-1])
    with pytest.raises(StatementRefused, match=r"attestations \(3\)"):
        operations.prove_reconciliation(made, key, circuit, expected=moved)
    assert operations.prove_reconciliation(made, key, circuit, expected=expected).signals == expected


def test_what_is_missing_is_refused_by_name_before_the_circuit_is_touched(key, made) -> None:
    short = replace(past_the_tolerance(Random(2), SIZES[8]), venue_names=("A", "B", "C", "D"))
    with pytest.raises(StatementRefused, match=r"^refused by shortfall \(8\): [A-D](, [A-D])*$"):
        operations.prove_reconciliation(short, key, None)  # type: ignore[arg-type]


def test_the_command_line_knows_the_family(proven, tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_text(proven.proof.to_json())
    done = invoke("verify", str(tmp_path / "proof.json"), "--json")
    shown = json.loads(done.stdout)
    assert (shown["holds"], shown["circuit"]) == (True, "reconciliation_8")
    assert shown["signals"]["tolerance_ppm"] == proven.signals.tolerance_ppm
    assert len(shown["signals"]["attestations"]) == 4
    assert "tolerance" in invoke("verify", str(tmp_path / "proof.json")).stdout
    made = invoke("export", "verifier", "--family", "reconciliation", "--size", "8", "--out", str(tmp_path / "v.sol"))
    assert made.code == 0 and "contract Groth16Verifier_reconciliation_8 {" in (tmp_path / "v.sol").read_text()
    built = json.loads(invoke("setup", "dev", "--family", "reconciliation", "--size", "8", "--json").stdout)
    assert [key["circuit"] for key in built["keys"]] == ["reconciliation_8"]


@pytest.mark.slow
@pytest.mark.parametrize("row", of_family(RECONCILIATION), ids=lambda row: row.name)
def test_every_size_is_proven(row) -> None:
    circuit = operations.build_circuit(row.name)
    proven = operations.prove_reconciliation(
        full_reconciliation(Random(7), row.size), operations.development_key(circuit), circuit
    )
    target = operations.verification_target(proven.proof, None)
    for name in operations.VERIFIERS:
        operations.verify(name, target, proven.proof)
