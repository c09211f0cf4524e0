"""Reading .r1cs files and checking witnesses: the format, every kind of damage, and the verdict."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dls_zk.errors import ArtifactError
from dls_zk.groth16.r1cs import R1CS, Header, constraints, r1cs_header
from dls_zk.statement.constants import FIELD
from tests.support.binfiles import SYSTEM, container, r1cs_sections
from tests.support.binfiles import r1cs_header as header

(_, HEADER), (_, BODY), _ = r1cs_sections()
GOOD = container("r1cs", r1cs_sections())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "circuit.r1cs"
    path.write_bytes(GOOD)
    return path


def witness(x: int, y: int) -> list[int]:
    return [1, (x**3 + y) % FIELD, y, x, x * x % FIELD]


def test_header_and_constraints(file: Path) -> None:
    assert r1cs_header(file) == Header(5, 1, 1, 1, 3, FIELD)
    assert r1cs_header(file).n_public == 2
    assert tuple(constraints(file)) == SYSTEM


def test_sections_may_come_in_any_order(file: Path) -> None:
    file.write_bytes(container("r1cs", [(2, BODY), (3, bytes(40)), (1, HEADER)]))
    assert R1CS.read(file).constraints == SYSTEM


@given(x=st.integers(0, FIELD - 1), y=st.sampled_from([0, 1]), wire=st.integers(1, 4), change=st.integers(1, FIELD - 1))
def test_a_witness_holds_and_a_changed_one_does_not(x: int, y: int, wire: int, change: int) -> None:
    system = R1CS(Header(5, 1, 1, 1, 3), SYSTEM)
    good = witness(x, y)
    assert system.first_failing(good) is None
    bad = list(good)
    bad[wire] = (bad[wire] + change) % FIELD
    expected = next((i for i, ok in enumerate(by_definition(bad)) if not ok), None)
    assert system.first_failing(bad) == expected


def by_definition(w: list[int]) -> list[bool]:
    _, z, y, x, t = w
    return [x * x % FIELD == t, (t * x - z + y) % FIELD == 0, y * (y - 1) % FIELD == 0]


def test_the_first_broken_constraint_is_named() -> None:
    system = R1CS(Header(5, 1, 1, 1, 3), SYSTEM)
    assert system.first_failing([1, 2, 1, 1, 2]) == 0
    assert system.first_failing([1, 3, 1, 1, 1]) == 1
    assert system.first_failing(witness(5, 2)) == 2


@pytest.mark.parametrize(
    "values",
    [witness(3, 1)[:-1], [*witness(3, 1), 0], [0] * 5, [2, 28, 1, 3, 9], [1, 28 + FIELD, 1, 3, 9], [1, 28, 1, -3, 9]],
    ids=["short", "long", "zero", "wire 0", "value + r", "negative"],
)
def test_what_is_no_witness(values: list[int]) -> None:
    with pytest.raises(ValueError):
        R1CS(Header(5, 1, 1, 1, 3), SYSTEM).first_failing(values)


BAD = {
    "empty": b"",
    "magic": b"zkey" + GOOD[4:],
    "version": container("r1cs", [(1, HEADER), (2, BODY)], version=2),
    "no header": container("r1cs", [(2, BODY)]),
    "no constraints": container("r1cs", [(1, HEADER)]),
    "header twice": container("r1cs", [(1, HEADER), (1, HEADER), (2, BODY)]),
    "another field": container("r1cs", [(1, header(5, 1, 1, 1, 3, FIELD - 2)), (2, BODY)]),
    "long header": container("r1cs", [(1, HEADER + b"\0"), (2, BODY)]),
    "fewer wires than signals": container("r1cs", [(1, header(3, 1, 1, 1, 3)), (2, BODY)]),
    "wire out of range": container("r1cs", [(1, header(4, 1, 1, 1, 3)), (2, BODY)]),
    "more constraints than there are": container("r1cs", [(1, header(5, 1, 1, 1, 4)), (2, BODY)]),
    "2^32 − 1 constraints": container("r1cs", [(1, header(5, 1, 1, 1, 2**32 - 1)), (2, BODY)]),
    "bytes left over": container("r1cs", [(1, header(5, 1, 1, 1, 2)), (2, BODY)]),
    "2^32 − 1 terms": container("r1cs", [(1, HEADER), (2, b"\xff" * 4 + BODY[4:])]),
    "coefficient ≥ r": container("r1cs", [(1, HEADER), (2, BODY[:8] + FIELD.to_bytes(32, "little") + BODY[40:])]),
    "wire twice": container("r1cs", [(1, header(5, 1, 1, 1, 1)), (2, struct.pack("<I", 2) + BODY[4:40] * 2 + bytes(8))]),
    "custom gates": container("r1cs", [(1, HEADER), (2, BODY), (4, bytes(4)), (5, bytes(4))]),
    "after the end": GOOD + b"\0",
    "a section of 2^63 bytes": GOOD[:16] + struct.pack("<Q", 2**63) + GOOD[24:],
    "2^32 − 1 sections": GOOD[:8] + b"\xff" * 4 + GOOD[12:],
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_damaged_and_foreign_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.r1cs"
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as error:
        R1CS.read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_cut_at_every_byte(file: Path) -> None:
    for length in range(len(GOOD)):
        file.write_bytes(GOOD[:length])
        with pytest.raises(ArtifactError):
            R1CS.read(file)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "none", tmp_path / "pipe", Path("/dev/zero"), tmp_path / "a\0b"):
        with pytest.raises(ArtifactError):
            R1CS.read(path)
