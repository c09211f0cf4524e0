"""Small linear relations between points of a key: each is found, and what the harmful ones let anybody forge is refused."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from py_ecc.optimized_bn128 import pairing

from dls_zk.audit.simulator import Secrets, g1, g2
from dls_zk.errors import InsecureKey
from dls_zk.groth16 import pyecc_verifier, relations
from dls_zk.groth16.key_lint import lint
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.verifier import verify
from dls_zk.groth16.zkey import VerifyingKey
from dls_zk.statement.constants import FIELD

RNG = Random("relations")
ALPHA, BETA, DELTA, *IC = (RNG.randrange(1 << 200, FIELD) for _ in range(7))
#: What a false statement would say.
SIGNALS = (FIELD - 1, 0, 987654321)
STATEMENT = (IC[0] + sum(point * signal for point, signal in zip(IC[1:], SIGNALS, strict=True))) % FIELD


def inverse(k: int) -> int:
    return pow(k, -1, FIELD)


def key(alpha: int = ALPHA, beta: int = BETA, delta: int = DELTA, ic: tuple[int, ...] = tuple(IC)) -> VerifyingKey:
    return Secrets(alpha, beta, 1, delta, ic).key


# --- multiples: those on both sides of every edge of the search ---------------------------------------------------

EDGES = [1, 2, 3, 1023, 1024, 1025, 2048, 2049, 2050, 3073, 3074, 65535, 65536]
FRACTIONS = [(2, 3), (256, 255), (1023, 1024), (1024, 1021)]
RATIOS = [*EDGES, *map(inverse, EDGES), *(a * inverse(b) % FIELD for a, b in FRACTIONS)]
RATIOS += [-ratio % FIELD for ratio in RATIOS]


@pytest.mark.parametrize(("group", "point"), [(relations.G1, g1), (relations.G2, g2)], ids=["G1", "G2"])
def test_every_small_multiple_is_found(group: relations.Group, point: object) -> None:
    assert callable(point)
    for ratio in RATIOS:
        assert group.related({"x": point(ALPHA), "y": point(ALPHA * ratio)}) == [("x", "y")], ratio
    assert group.related({"x": point(ALPHA), "y": point(BETA), "z": point(DELTA)}) == []
    assert group.related({"x": point(ALPHA), "y": point(DELTA), "z": point(2 * ALPHA)}) == [("x", "z")]
    assert group.related({"x": point(ALPHA), "y": point(70_000 * ALPHA)}) == [], "past the search"
    assert group.related({}) == []


def test_every_small_multiple_is_found_through_the_pairing() -> None:
    points = pyecc_verifier.to_g1(g1(ALPHA)), pyecc_verifier.to_g2(g2(BETA))
    one = relations.paired(*points)
    assert one == pairing(*points[::-1])
    for ratio in (1, 2, 255, 256, 257, 513, 514, 65535, 65536, inverse(3), inverse(65536), 255 * inverse(256)):
        for signed in (ratio % FIELD, -ratio % FIELD):
            assert relations.TARGET.related({"x": one, "y": one**signed}) == [("x", "y")], ratio
    assert relations.TARGET.related({"x": one, "y": one ** (ALPHA * BETA % FIELD)}) == []


def test_a_lint_is_quick() -> None:
    start = time.process_time()
    assert lint(key(ic=tuple(RNG.randrange(FIELD) for _ in range(15)))) == []
    assert time.process_time() - start < 5  # 1.2 s; the bound leaves room for a busy machine


# --- what a relation is worth: an arbitrary false statement, from the key's points alone -----------------------------

RELATED = [1, -1, 3, inverse(2)]
#: name → the key for a ratio, and a forger who is told the ratio and holds α, β, δ in G1, β, δ in G2 and IC.
FORGERS = {
    "δ = kγ": (lambda k: (ALPHA, BETA, k), lambda k: (ALPHA, BETA, -STATEMENT * inverse(k))),
    "β = kδ": (lambda k: (ALPHA, k * DELTA, DELTA), lambda k: (STATEMENT, 1, -k * ALPHA)),
    "β = kγ": (lambda k: (ALPHA, k, DELTA), lambda k: (k * ALPHA + STATEMENT, 1 + DELTA, k * ALPHA + STATEMENT)),
    "α = kγ": (lambda k: (k, BETA, DELTA), lambda k: (k * BETA + STATEMENT, 1 + DELTA, k * BETA + STATEMENT)),
    "α = kδ": (lambda k: (k * DELTA, BETA, DELTA), lambda k: (STATEMENT, 1, -k * BETA)),
}


@pytest.mark.parametrize("ratio", RELATED)
@pytest.mark.parametrize("name", FORGERS)
def test_a_forgery_against_related_points_is_refused(name: str, ratio: int) -> None:
    """γ = ±δ, β = ±δ, β = ±γ, δ = 2γ, β = 3γ, δ = 2β and their kind."""
    secrets, forge = FORGERS[name]
    alpha, beta, delta = (secret % FIELD for secret in secrets(ratio))
    vk = key(alpha, beta, delta)
    a, b, c = forge(ratio)
    forged = Proof("simulated", g1(a), g2(b), g1(c), SIGNALS)
    assert pyecc_verifier.holds(vk, forged), "the equation alone takes it"
    with pytest.raises(InsecureKey, match="small multiples of one another, so that proofs of anything can be forged"):
        verify("pyecc", vk, forged)


def test_alpha_and_beta_that_are_related_are_refused() -> None:
    for ratio in (1, -1, 5, inverse(256)):
        (fault,) = lint(key(beta=ALPHA * ratio % FIELD))
        assert fault == "α and β are small multiples of one another, so that proofs of anything can be forged"


def test_a_proof_of_one_value_is_no_proof_of_another_where_points_of_ic_are_related() -> None:
    """Of two related points only kx + y is bound; with a point kδ nothing is, and C takes up the difference."""
    k = 300
    vk = key(ic=(*IC[:3], k * IC[1] % FIELD))
    honest = Secrets(ALPHA, BETA, 1, DELTA, (*IC[:3], k * IC[1] % FIELD)).prove((9, 8, 7), 31337, 4242)
    moved = replace(honest, signals=(9 + k, 8, 6))
    assert pyecc_verifier.holds(vk, moved)
    with pytest.raises(InsecureKey, match="public signals 0 and 2 are bound only together"):
        verify("pyecc", vk, moved)


def test_gamma_is_the_generator() -> None:
    for gamma, delta in product((-1, 2, BETA, DELTA, RNG.randrange(FIELD)), (DELTA,)):
        vk = Secrets(ALPHA, BETA, gamma % FIELD, delta, tuple(IC)).key
        assert "γ is not the generator, as every setup leaves it" in lint(vk)
