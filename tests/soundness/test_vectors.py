"""The vectors of tests/vectors/rebalance.json: one verdict by the relation, by the constraints and by the contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dls_zk.audit.circuits import circuit
from dls_zk.errors import StatementRefused
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.witness import to_wtns
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.circuit_inputs import circuit_inputs
from dls_zk.statement.circuits import CIRCUITS, REBALANCE, of_family
from dls_zk.statement.commitments import book_commitment, global_words, instruments_word, policy_hash, slot_words
from dls_zk.statement.model import Opening, Policy, Prices, Rebalance, SlotPolicy, Terms
from dls_zk.statement.policy_fields import FieldPath, gathered, global_layout, slot_layout
from dls_zk.statement.relation import CHECKS, evaluate, public_signals
from dls_zk.statement.signals import PublicSignals
from dls_zk.tools import snarkjs
from tests.soundness.verifiers import Bench, bench

FOLDER = Path(__file__).parents[1] / "vectors"
DOCUMENT = json.loads((FOLDER / "rebalance.json").read_text())
VECTORS = DOCUMENT["vectors"]
NAMES = [circuit.name for circuit in of_family(REBALANCE)]

#: Vectors whose proofs are put to the contract in the default run.
SAMPLE = ("turnover: at the bound", "turnover: past it", "commitment after: past it", "flow: past it")


# --- reading the file ------------------------------------------------------------------------------------------------


def read_fields(layout: Sequence[FieldPath], written: dict[str, Any]) -> dict[str, Any]:
    """Field → value or tuple of values, from an object with a member for each path."""
    return gathered(layout, [int(written[str(path)]) for path in layout])


def policy_of(written: dict[str, Any]) -> Policy:
    size = CIRCUITS[written["circuit"]].size
    slots = [read_fields(slot_layout(size), slot) | {"instrument": slot["instrument"]} for slot in written["slots"]]
    terms = [SlotPolicy(**slot | {"funded": bool(slot["funded"])}) for slot in slots]
    terms += [SlotPolicy.null(size.factors)] * (size.slots - len(terms))
    return Policy(size=size, slots=tuple(terms), **read_fields(global_layout(size), written))


def opening_of(written: dict[str, Any]) -> Opening:
    return Opening(tuple(map(int, written["quantities_e6"])), int(written["salt"]))


def read(vector: dict[str, Any]) -> tuple[Rebalance, PublicSignals]:
    words = tuple(map(int, vector["public"]["prices"]))
    numbers = {name: int(text) for name, text in vector["public"].items() if name != "prices"}
    numbers["allowances"] = Allowances.unpack(numbers["allowances"])
    public = PublicSignals(**numbers, prices=words)
    return Rebalance(
        policy_of(DOCUMENT["policies"][vector["policy"]]),
        Prices(tuple(map(int, vector["prices_usd_e8"]))),
        Terms(public.flow, public.allowances, int(vector["context"])),
        opening_of(vector["before"]),
        opening_of(vector["after"]),
    ), public


# --- the verdicts ------------------------------------------------------------------------------------------------------


def test_the_file_is_what_its_script_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    from tests.vectors import make_rebalance

    assert (FOLDER / "rebalance.json").read_text() == make_rebalance.text()


def test_the_corpus_has_both_verdicts_for_every_check() -> None:
    assert len(VECTORS) == len({vector["name"] for vector in VECTORS}) == 122
    for check in CHECKS[:-1]:  # the context is free for the prover: see the tests of the proofs
        verdicts = {not vector["broken"] for vector in VECTORS if vector["stands_at"] == check}
        assert verdicts == {True, False}, check
    for name in NAMES:
        assert {not vector["broken"] for vector in VECTORS if vector["circuit"] == name} == {True, False}


@pytest.mark.parametrize("written", DOCUMENT["policies"], ids=range(len(DOCUMENT["policies"])))
def test_policies_pack_and_hash(written: dict[str, Any]) -> None:
    policy = policy_of(written)
    assert [str(word) for word in slot_words(policy)] == written["slot_words"]
    assert [str(word) for word in global_words(policy)] == written["global_words"]
    assert str(instruments_word(policy)) == written["instruments_word"]
    assert str(policy_hash(policy)) == written["policy_hash"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_by_the_relation(vector: dict[str, Any]) -> None:
    rebalance, public = read(vector)
    assert [failed.name for failed in evaluate(rebalance, public).failures] == vector["broken"]
    assert vector["stands_at"] in ("", *vector["broken"]) or not vector["broken"]
    if not vector["broken"]:
        assert public == public_signals(rebalance)
        assert public.commitment_after == book_commitment(rebalance.after)


def judged_by_constraints(vector: dict[str, Any]) -> None:
    inputs, judged = circuit_inputs(*read(vector)), circuit(vector["circuit"])
    assert (judged.violated(judged.lying(inputs)) == []) == (not vector["broken"])
    if vector["broken"]:
        with pytest.raises(StatementRefused):
            judged.honest(inputs)
    else:
        assert judged.honest(inputs) == judged.lying(inputs)


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["circuit"] == "rebalance_8"], ids=lambda v: v["name"])
def test_by_the_constraints(vector: dict[str, Any]) -> None:
    judged_by_constraints(vector)


@pytest.mark.slow
@pytest.mark.parametrize("vector", [v for v in VECTORS if v["circuit"] != "rebalance_8"], ids=lambda v: v["name"])
def test_by_the_constraints_of_larger_circuits(vector: dict[str, Any]) -> None:
    judged_by_constraints(vector)


@pytest.fixture(scope="module", params=NAMES)
def verifiers(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with bench(CIRCUITS[request.param].size.slots) as made:
        yield made


def proof_without_a_look(verifiers: Bench, vector: dict[str, Any]) -> Proof:
    """What snarkjs makes of the witness of a prover who ignores every assertion."""
    witness = circuit(vector["circuit"]).unchecked.calculate(circuit_inputs(*read(vector)))
    answer = snarkjs.worker().prove(verifiers.key.zkey, verifiers.key.zkey_sha256, to_wtns(witness))
    return Proof.from_snarkjs(vector["circuit"], answer["proof"], answer["public"])


@pytest.mark.parametrize("verifiers", ["rebalance_8"], indirect=True)
def test_a_sample_by_the_contract(verifiers: Bench) -> None:
    sample = [vector for vector in VECTORS if vector["name"] in SAMPLE]
    verdicts = {v["name"]: verifiers.verifiers["hub"](proof_without_a_look(verifiers, v)) for v in sample}
    assert verdicts == {v["name"]: not v["broken"] for v in sample} and len(sample) == len(SAMPLE)


@pytest.mark.slow
def test_all_by_the_contract_and_by_every_verifier(verifiers: Bench, record_property: Callable[[str, object], None]) -> None:
    vectors = [v for v in VECTORS if v["circuit"] == verifiers.key.circuit]
    for vector in vectors:
        proof = proof_without_a_look(verifiers, vector)
        assert list(proof.signals) == read(vector)[1].to_field()
        assert verifiers.verdict(proof) == (not vector["broken"]), vector["name"]
    record_property("tried", len(vectors))
