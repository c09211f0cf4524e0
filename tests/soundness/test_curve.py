"""The curve under us (py_ecc, as the verifier and the key's judge call it) and the precompiles of EIP-196 and EIP-197.

The vectors are Ethereum's own for the precompiles (tests/vectors/bn254.json), run through both. Beyond them both are asked
the same random questions, above all which points are points at all: a verifier that takes a point the chain refuses, or
the other way round, would not give one verdict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from py_ecc.optimized_bn128 import FQ, FQ2, G1, Z1, Z2, add, b, b2, is_inf, is_on_curve, multiply, normalize

from dls_zk import chain
from dls_zk.audit.simulator import g1, g2, outside_the_subgroup
from dls_zk.groth16 import key_lint
from dls_zk.groth16.pyecc_verifier import pairings_are_one, to_g1, to_g2
from dls_zk.groth16.zkey import PointG1, PointG2
from dls_zk.statement.constants import BASE_FIELD, FIELD
from dls_zk.tools import foundry

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "bn254.json").read_text())
ADD, MULTIPLY, PAIRING = 6, 7, 8  # addresses of the precompiles

#: A precompile: address and input → output, None where it fails.
Ask = Callable[[int, bytes], bytes | None]


# --- the encoding of EIP-196 and EIP-197 ------------------------------------------------------------------------


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[k : k + 32], "big") for k in range(0, len(data), 32)]


def point1(x: int, y: int) -> tuple[FQ, FQ, FQ]:
    return Z1 if (x, y) == (0, 0) else to_g1((x, y))


def point2(x_imaginary: int, x_real: int, y_imaginary: int, y_real: int) -> tuple[FQ2, FQ2, FQ2]:
    coordinates = ((x_real, x_imaginary), (y_real, y_imaginary))
    return Z2 if coordinates == ((0, 0), (0, 0)) else to_g2(coordinates)


def encoded(point: tuple[FQ, FQ, FQ]) -> bytes:
    return words(0, 0) if is_inf(point) else words(*(int(part) for part in normalize(point)))


def words2(point: PointG2) -> bytes:
    (x_real, x_imaginary), (y_real, y_imaginary) = point
    return words(x_imaginary, x_real, y_imaginary, y_real)


def by_pyecc(address: int, data: bytes) -> bytes:
    """What the precompile answers for points that are points, by the functions that our verifier is made of."""
    if address == PAIRING:
        rows = [numbers(data[k : k + 192]) for k in range(0, len(data), 192)]
        return words(int(pairings_are_one(*((point1(*row[:2]), point2(*row[2:])) for row in rows))))
    size = {ADD: 128, MULTIPLY: 96}[address]
    x, y, *second = numbers(data[:size].ljust(size, b"\0"))
    if address == ADD:
        return encoded(add(point1(x, y), point1(*second)))
    return encoded(multiply(point1(x, y), second[0] % FIELD))  # py_ecc 8 takes any scalar, in time that grows with it


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with foundry.anvil() as url:
        local = chain.connect(url)

        def call(address: int, data: bytes) -> bytes | None:
            try:
                return local.call(chain.Question(f"0x{address:040x}", data, gas=10_000_000))
            except chain.Refused:
                return None

        yield call


# --- Ethereum's vectors -------------------------------------------------------------------------------------------

CASES = [
    pytest.param(address, bytes.fromhex(vector["input"]), bytes.fromhex(vector["output"]), id=f"{name}-{vector['name']}")
    for name, address in (("add", ADD), ("multiply", MULTIPLY), ("pairing", PAIRING))
    for vector in VECTORS[name]
]


@pytest.mark.parametrize(("address", "data", "output"), CASES)
def test_vectors_by_our_curve(address: int, data: bytes, output: bytes) -> None:
    assert by_pyecc(address, data) == output


def test_vectors_by_the_precompiles(ask: Ask) -> None:
    assert [ask(*case.values[:2]) for case in CASES] == [case.values[2] for case in CASES]


# --- the same questions to both --------------------------------------------------------------------------------------


def test_sums_and_multiples_agree(ask: Ask) -> None:
    rng = Random(1)
    edges = [0, 1, 2, FIELD - 1]
    for _ in range(40):
        k, m = (rng.choice([*edges, rng.randrange(FIELD), rng.randrange(FIELD)]) for _ in range(2))
        left, right = encoded(multiply(G1, k)), encoded(multiply(G1, m))
        for address, data in ((ADD, left + right), (MULTIPLY, left + words(m))):
            assert ask(address, data) == by_pyecc(address, data), (address, k, m)


def test_products_of_pairings_agree(ask: Ask) -> None:
    """e(a·G, b·H)·e(c·G, d·H) = 1 exactly if ab + cd = 0."""
    rng = Random(2)
    for holds in (True, False, True, False):
        a, b, c = (rng.randrange(1, FIELD) for _ in range(3))
        d = -a * b * pow(c, -1, FIELD) % FIELD if holds else rng.randrange(1, FIELD)
        data = words(*g1(a)) + words2(g2(b)) + words(*g1(c)) + words2(g2(d))
        assert ask(PAIRING, data) == by_pyecc(PAIRING, data) == words(int(holds))


def off_curve(rng: Random) -> PointG1:
    while True:
        x, y = rng.randrange(BASE_FIELD), rng.randrange(BASE_FIELD)
        if not is_on_curve(to_g1((x, y)), b):
            return x, y


def test_what_is_a_point_of_g1_is_agreed(ask: Ask) -> None:
    rng = Random(3)
    points = [g1(rng.randrange(1, FIELD)) for _ in range(5)]
    x, y = points[0]
    points += [(x, BASE_FIELD - y), (x, (y + 1) % BASE_FIELD), (y, x), (0, 0), (0, 1), (1, 3)]
    points += [(x + BASE_FIELD, y), (x, y + BASE_FIELD), (BASE_FIELD, BASE_FIELD), (BASE_FIELD + 1, 2), (2**256 - 1, 2)]
    points += [off_curve(rng) for _ in range(10)]
    verdicts = {point: ask(ADD, words(*point)) is not None for point in points}
    assert verdicts.pop((0, 0))  # infinity is a point to the precompile; in keys and proofs of ours it has no place
    assert key_lint._point_fault((0, 0)) == "is the point at infinity"
    assert {point: key_lint._point_fault(point) == "" for point in verdicts} == verdicts
    assert sum(verdicts.values()) == 6


def test_what_is_a_point_of_g2_is_agreed(ask: Ask) -> None:
    rng = Random(4)
    points = [g2(rng.randrange(1, FIELD)) for _ in range(3)]
    (a, b), (c, d) = points[0]
    points += [((a, b), (BASE_FIELD - c, BASE_FIELD - d)), ((b, a), (d, c)), ((a, b), (d, c)), ((0, 0), (0, 0))]
    points += [
        tuple(map(tuple, (flat[:2], flat[2:])))  # type: ignore[misc]
        for k in range(4)
        for change in (1, BASE_FIELD)
        if (flat := [part + change * (place == k) for place, part in enumerate((a, b, c, d))])
    ]
    points += [outside_the_subgroup(start) for start in (1, 100, 200, BASE_FIELD - 200)]
    verdicts = {point: ask(PAIRING, words(0, 0) + words2(point)) == words(1) for point in points}
    assert verdicts.pop(((0, 0), (0, 0)))
    assert key_lint._point_fault(((0, 0), (0, 0))) == "is the point at infinity"
    assert {point: key_lint._point_fault(point) == "" for point in verdicts} == verdicts
    assert sum(verdicts.values()) == 4
    assert all(is_on_curve(to_g2(point), b2) for point in points[-4:])
