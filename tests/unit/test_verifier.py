"""Proofs and their file form, and the verdict of py_ecc.

The proofs here are made from a setup whose secrets the test knows (Groth, 2016, section 3.2: the simulator), so that
valid and invalid ones of every shape can be had without a prover. tests/integration/test_prover.py verifies snarkjs's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dls_zk.audit.simulator import Secrets, g1, g2, outside_the_subgroup
from dls_zk.errors import InputError, InsecureKey, ProofInvalid
from dls_zk.groth16 import proof as proof_module
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.verifier import verify
from dls_zk.groth16.zkey import VerifyingKey
from dls_zk.statement.constants import BASE_FIELD, FIELD
from dls_zk.tools import snarkjs

# γ is the generator; between the others there are no small relations.
ALPHA, BETA, DELTA, *_IC = (pow(k, -1, FIELD) for k in (1234567, 7654321, 5647382, 10000019, 20000003, 30000001, 40000003))
GAMMA, IC = 1, tuple(_IC)
SIGNALS = (0, FIELD - 1, 987654321)


def make_key(gamma: int = GAMMA, delta: int = DELTA) -> VerifyingKey:
    return Secrets(ALPHA, BETA, gamma, delta, IC).key


def simulate(signals: tuple[int, ...] = SIGNALS, delta: int = DELTA) -> Proof:
    return Secrets(ALPHA, BETA, GAMMA, delta, IC).prove(signals, 31337, 4242, "small")


KEY = make_key()
GOOD = simulate()


def with_b(proof: Proof, index: int, change: Callable[[int], int]) -> Proof:
    flat = [*proof.pi_b[0], *proof.pi_b[1]]
    flat[index] = change(flat[index])
    return replace(proof, pi_b=((flat[0], flat[1]), (flat[2], flat[3])))


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is refused must be refused before snarkjs is asked."""

    def fail() -> None:
        raise AssertionError("snarkjs was asked")

    monkeypatch.setattr(snarkjs, "worker", fail)


# --- the pairing equation -----------------------------------------------------------------------------


@pytest.mark.parametrize("signals", [SIGNALS, (0, 0, 0), (FIELD - 1,) * 3])
def test_a_valid_proof_is_accepted(signals: tuple[int, ...]) -> None:
    verify("pyecc", KEY, simulate(signals))


def test_a_proof_of_another_shape_is_accepted_too() -> None:
    """Groth16 proofs can be re-randomised: A and B of (r·A, B/r) and many others hold. A proof is no identifier."""
    r = 99
    inverse = pow(r, -1, FIELD)
    verify("pyecc", KEY, replace(GOOD, pi_a=g1(31337 * r), pi_b=g2(4242 * inverse)))


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, signals=(1, *SIGNALS[1:])),
        replace(GOOD, signals=(*SIGNALS[:2], SIGNALS[2] + 1)),
        replace(GOOD, signals=SIGNALS[::-1]),
        replace(GOOD, pi_a=GOOD.pi_c, pi_c=GOOD.pi_a),
        replace(GOOD, pi_a=(GOOD.pi_a[0], BASE_FIELD - GOOD.pi_a[1])),
        replace(GOOD, pi_c=(1, 2)),
        replace(GOOD, pi_b=g2(4243)),
        simulate(delta=DELTA + 1),
    ],
)
def test_a_false_proof_is_refused(bad: Proof) -> None:
    with pytest.raises(ProofInvalid, match=r"does not hold .*\(pyecc\)"):
        verify("pyecc", KEY, bad)


def test_verifying_is_quick() -> None:
    verify("pyecc", KEY, GOOD)
    start = time.process_time()
    verify("pyecc", KEY, GOOD)
    assert time.process_time() - start < 2  # 0.6 s; the bound leaves room for a busy machine


# --- forms on which verifiers differ: refused for all of them alike -------------------------------------------


@pytest.mark.parametrize("name", ["pyecc", "snarkjs"])
@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (replace(GOOD, pi_a=(GOOD.pi_a[0] + BASE_FIELD, GOOD.pi_a[1])), "base field"),
        (replace(GOOD, pi_a=(GOOD.pi_a[0], GOOD.pi_a[1] + BASE_FIELD)), "base field"),
        (replace(GOOD, pi_c=(GOOD.pi_c[0], GOOD.pi_c[1] + BASE_FIELD)), "base field"),
        (replace(GOOD, pi_c=(-GOOD.pi_c[0], GOOD.pi_c[1])), "base field"),
        *((with_b(GOOD, k, lambda x: x + BASE_FIELD), "base field") for k in range(4)),
        (replace(GOOD, signals=(FIELD, *SIGNALS[1:])), "scalar field"),
        (replace(GOOD, signals=(0, -1, SIGNALS[2])), "scalar field"),
        (replace(GOOD, signals=(*SIGNALS[:2], SIGNALS[2] + FIELD)), "scalar field"),
        (replace(GOOD, signals=SIGNALS[:2]), "2 public signals; the key is for 3"),
        (replace(GOOD, signals=(*SIGNALS, 0)), "4 public signals; the key is for 3"),
        (replace(GOOD, signals=()), "0 public signals"),
        (replace(GOOD, pi_a=(1, 3)), "A of the proof is not on the curve"),
        (replace(GOOD, pi_c=(0, 0)), "C of the proof is not on the curve"),
        (replace(GOOD, pi_a=(0, 0)), "A of the proof is not on the curve"),
        (replace(GOOD, pi_b=((0, 0), (0, 0))), "B of the proof is not on the twisted curve"),
        (with_b(GOOD, 0, lambda x: x ^ 1), "B of the proof is not on the twisted curve"),
        (replace(GOOD, pi_b=outside_the_subgroup()), "B of the proof is not in the subgroup"),
    ],
)
def test_an_ill_formed_proof_is_refused_by_all(no_tools: None, name: str, bad: Proof, why: str) -> None:
    with pytest.raises(ProofInvalid, match=why):
        verify(name, KEY, bad)


@pytest.mark.parametrize("name", ["pyecc", "snarkjs"])
def test_a_forgery_against_a_key_without_second_phase_is_refused(no_tools: None, name: str) -> None:
    """γ = δ: (α, β, −Σ xᵢ·ICᵢ) satisfies the equation for any signals, and needs no secret."""
    key = make_key(gamma=1, delta=1)
    inputs = IC[0] + sum(x * ic for x, ic in zip(SIGNALS, IC[1:], strict=True))
    forged = Proof("small", key.alpha1, key.beta2, g1(-inputs), SIGNALS)
    with pytest.raises(InsecureKey, match="generator and δ are small multiples"):
        verify(name, key, forged)


@pytest.mark.parametrize(
    "key", [replace(KEY, ic=KEY.ic[:-1]), replace(KEY, delta2=g2(1)), replace(KEY, ic=(*KEY.ic[:-1], (0, 0)))]
)
def test_an_unsound_key_is_refused(no_tools: None, key: VerifyingKey) -> None:
    with pytest.raises(InsecureKey):
        verify("pyecc", key, GOOD)


def test_an_unknown_verifier() -> None:
    with pytest.raises(InputError, match="no verifier 'x'; there are: pyecc, snarkjs"):
        verify("x", KEY, GOOD)


# --- the proof file ------------------------------------------------------------------------------------------------


def test_a_proof_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    path.write_text(GOOD.to_json())
    assert Proof.read(path) == GOOD
    document = json.loads(GOOD.to_json())
    assert list(document) == ["format", "circuit", "proof", "public"]
    assert document["proof"]["pi_b"][2] == ["1", "0"] and document["public"] == [str(x) for x in SIGNALS]


def change(*path: Any, value: Any) -> Callable[[Any], None]:
    def apply(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return apply


def plus(order: int, *path: Any) -> Callable[[Any], None]:
    def apply(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = str(int(document[path[-1]]) + order)

    return apply


@pytest.mark.parametrize(
    "spoil",
    [
        change("format", value="dls-zk/proof/v2"),
        change("extra", value=1),
        change("proof", "extra", value=1),
        lambda document: document.pop("public"),
        lambda document: document["proof"].pop("curve"),
        change("circuit", value="../../etc"),
        change("circuit", value=7),
        change("proof", value=None),
        change("proof", "protocol", value="plonk"),
        change("proof", "curve", value="bls12381"),
        change("proof", "pi_a", value=["1", "2"]),
        change("proof", "pi_a", value=["0", "1", "0"]),
        change("proof", "pi_a", 2, value="2"),
        change("proof", "pi_a", 0, value=1),
        change("proof", "pi_a", 0, value=None),
        change("proof", "pi_a", 0, value=["1"]),
        change("proof", "pi_b", 2, value=["0", "0"]),
        change("proof", "pi_b", 0, value=["1"]),
        change("proof", "pi_b", value="1"),
        change("proof", "pi_c", value={}),
        change("public", value={}),
        change("public", value="1"),
        *(change("public", 0, value=value) for value in ("", "0x1", "+1", "-1", " 1", "1 ", "1\n", "01", "1_0", "1.0",
                                                          "1e3", "١", "²", "9" * 78, "9" * 10_000, True, 1, [], None)),
        plus(BASE_FIELD, "proof", "pi_a", 0),
        plus(BASE_FIELD, "proof", "pi_a", 1),
        plus(BASE_FIELD, "proof", "pi_b", 0, 0),
        plus(BASE_FIELD, "proof", "pi_b", 1, 1),
        plus(BASE_FIELD, "proof", "pi_c", 1),
        plus(FIELD, "public", 0),
        plus(FIELD, "public", 1),
    ],
)  # fmt: skip
def test_a_proof_has_one_form_only(spoil: Callable[[Any], None]) -> None:
    document = json.loads(GOOD.to_json())
    spoil(document)
    with pytest.raises(InputError) as caught:
        Proof.from_json(json.dumps(document), "p.json")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        GOOD.to_json().replace('"format"', '"circuit": "small", "format"').encode(),
        GOOD.to_json().replace('"0"', "NaN").encode(),
        GOOD.to_json()[:-10].encode(),
        b"\xff\xfe" + GOOD.to_json().encode(),
        GOOD.to_json().encode() + b"x",
    ],
)
def test_what_is_no_proof_at_all(text: bytes) -> None:
    with pytest.raises(InputError, match="p.json"):
        Proof.from_json(text, "p.json")


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(proof_module, "parse_json", fail)
    path = tmp_path / "huge.json"
    path.write_bytes(b" " * (proof_module.SIZE_LIMIT + 1))
    with pytest.raises(InputError, match="larger than 1000000 bytes"):
        Proof.read(path)
    with pytest.raises(InputError, match="larger than 1000000 bytes"):
        Proof.from_json(path.read_bytes())
