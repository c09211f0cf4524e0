"""The vectors of tests/vectors/reconciliation.json: one verdict by the relation, by the constraints and by the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dls_zk import operations
from dls_zk.audit.circuits import circuit
from dls_zk.errors import ProofInvalid, StatementRefused
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.witness import to_wtns
from dls_zk.statement.circuit_inputs import reconciliation_inputs
from dls_zk.statement.circuits import CIRCUITS, RECONCILIATION, of_family
from dls_zk.statement.constants import FIELD
from dls_zk.statement.model import Opening, Prices, Reconciliation
from dls_zk.statement.reconciliation import CHECKS, evaluate, reconciliation_signals
from dls_zk.statement.signals import ReconciliationSignals
from dls_zk.tools import snarkjs
from tests.vectors import make_reconciliation

DOCUMENT = json.loads((Path(__file__).parents[1] / "vectors" / "reconciliation.json").read_text())
VECTORS = DOCUMENT["vectors"]
SMALL = [vector for vector in VECTORS if vector["circuit"] == "reconciliation_8"]

#: Vectors whose proofs are put to the contract in the default run.
SAMPLE = ("shortfall, cash: at the bound", "shortfall, cash: past it", "a slot of another venue: past it")


def opening_of(written: dict[str, Any]) -> Opening:
    return Opening(tuple(map(int, written["quantities_e6"])), int(written["salt"]))


def read(vector: dict[str, Any]) -> tuple[Reconciliation, ReconciliationSignals]:
    public = vector["public"]
    signals = ReconciliationSignals(
        int(public["commitment"]),
        tuple(map(int, public["attestations"])),
        int(public["venues"]),
        int(public["tolerance_ppm"]),
        tuple(map(int, public["prices"])),
    )
    return Reconciliation(
        CIRCUITS[vector["circuit"]].size,
        tuple(vector["venues"]),
        Prices(tuple(map(int, vector["prices_usd_e8"]))),
        vector["tolerance_ppm"],
        opening_of(vector["book"]),
        tuple(map(opening_of, vector["attested"])),
    ), signals


def test_the_file_is_what_its_script_makes() -> None:
    assert make_reconciliation.FILE.read_text() == make_reconciliation.text()


def test_the_corpus_has_both_verdicts_for_every_check_and_size() -> None:
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)
    for check in CHECKS:
        assert {not vector["broken"] for vector in VECTORS if vector["stands_at"] == check} == {True, False}, check
    for row in of_family(RECONCILIATION):
        assert {not vector["broken"] for vector in VECTORS if vector["circuit"] == row.name} == {True, False}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_by_the_relation(vector: dict[str, Any]) -> None:
    made, public = read(vector)
    assert [failed.name for failed in evaluate(made, public).failures] == vector["broken"]
    assert vector["stands_at"] in ("", *vector["broken"]) or not vector["broken"]
    if not vector["broken"]:
        assert public == reconciliation_signals(made)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_by_the_constraints(vector: dict[str, Any]) -> None:
    inputs, judged = reconciliation_inputs(*read(vector)), circuit(vector["circuit"])
    assert (judged.violated(judged.lying(inputs)) == []) == (not vector["broken"])
    if vector["broken"]:
        with pytest.raises(StatementRefused):
            judged.honest(inputs)
    else:
        assert judged.honest(inputs) == judged.lying(inputs)


def by_the_contract(vector: dict[str, Any]) -> bool:
    """The verdict of the generated contract on what snarkjs makes of the witness of a prover who ignores every assertion."""
    built = operations.build_circuit(vector["circuit"])
    key = operations.development_key(built)
    witness = circuit(vector["circuit"]).unchecked.calculate(reconciliation_inputs(*read(vector)))
    answer = snarkjs.worker().prove(key.zkey, key.zkey_sha256, to_wtns(witness))
    proof = Proof.from_snarkjs(vector["circuit"], answer["proof"], answer["public"])
    assert list(proof.signals) == [signal % FIELD for signal in read(vector)[1].to_field()]
    try:
        for name in ("evm", "pyecc"):
            operations.verify(name, operations.installed_target(key), proof)
    except ProofInvalid:
        return False
    return True


def test_a_sample_by_the_contract() -> None:
    sample = [vector for vector in SMALL if vector["name"] in SAMPLE]
    assert [by_the_contract(vector) for vector in sample] == [not vector["broken"] for vector in sample]
    assert len(sample) == len(SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("row", of_family(RECONCILIATION), ids=lambda row: row.name)
def test_all_by_the_contract(row, record_property) -> None:
    vectors = [vector for vector in VECTORS if vector["circuit"] == row.name]
    for vector in vectors:
        assert by_the_contract(vector) == (not vector["broken"]), vector["name"]
    record_property("tried", len(vectors))
