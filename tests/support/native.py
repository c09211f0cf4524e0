"""The native core for tests: loaded once, and Python integers to compare it with."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from py_ecc.optimized_bn128 import FQ, FQ2, add, multiply, neg, normalize

from dls_zk.groth16.binfile import BinFile
from dls_zk.groth16.native import Core
from dls_zk.groth16.zkey import read_zkey
from dls_zk.statement.constants import BASE_FIELD, FIELD
from dls_zk.tools import native

R = 1 << 256


@cache
def core(path: int) -> Core:
    """The core by one of its paths; the test is skipped where the machine has none, which CI's must have."""
    if not os.environ.get("CI") and not native.packaged() and not native.compilers():
        pytest.skip(native.NO_COMPILER)
    library = native.library()
    if path > library.dls_zk_best_path():
        pytest.skip(f"this processor lacks what path {path} uses")
    return Core(library, path)


def word(x: int) -> bytes:
    return x.to_bytes(32, "little")


# --- points: py_ecc's, and the key file's bytes (affine, Montgomery form, zeros for infinity) ----------------------------


def to_bytes(point: Any) -> bytes:
    if point[2] == type(point[2]).zero():
        return bytes(64 if isinstance(point[2], FQ) else 128)
    return b"".join(word(part * R % BASE_FIELD) for x in normalize(point) for part in _parts(x))


def _parts(x: Any) -> list[int]:
    return [int(x)] if isinstance(x, FQ) else [int(c) for c in x.coeffs]


def from_bytes(data: bytes) -> Any:
    numbers = [
        int.from_bytes(data[i : i + 32], "little") * pow(R, -1, BASE_FIELD) % BASE_FIELD for i in range(0, len(data), 32)
    ]
    if len(numbers) == 2:
        return (FQ.one(), FQ.one(), FQ.zero()) if not any(numbers) else (FQ(numbers[0]), FQ(numbers[1]), FQ.one())
    if not any(numbers):
        return FQ2.one(), FQ2.one(), FQ2.zero()
    return FQ2(numbers[:2]), FQ2(numbers[2:]), FQ2.one()


def native_sum(core: Core, points: Sequence[bytes], scalars: Sequence[int], threads: int = 1) -> bytes:
    """Σ kᵢ·Pᵢ by the core; ValueError for a number of its answers that is not 0."""
    size = len(points[0])
    out = ctypes.create_string_buffer(size)
    answer = core.library.dls_zk_sum(
        core.path,
        1 if size == 64 else 2,
        b"".join(points),
        b"".join(map(word, scalars)),
        ctypes.c_uint32(len(points)),
        threads,
        out,
    )
    if answer:
        raise ValueError(answer)
    return out.raw


# --- a proof by plain integers -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlainKey:
    """All of a proving key, as py_ecc's points and integers."""

    n_public: int
    domain: int
    alpha1: Any
    beta1: Any
    beta2: Any
    delta1: Any
    delta2: Any
    terms: list[tuple[int, int, int, int]]  # matrix, row, wire, value
    a: list[Any]
    b1: list[Any]
    b2: list[Any]
    c: list[Any]
    h: list[Any]

    @classmethod
    def read(cls, path: Path) -> PlainKey:
        known, file = read_zkey(path), BinFile.open(path, "zkey")
        vk = known.verifying_key

        def points(section: int, size: int) -> list[Any]:
            data = file.read(section).data
            return [from_bytes(data[at : at + size]) for at in range(0, len(data), size)]

        data, terms = file.read(4).data, []
        for at in range(4, len(data), 44):
            matrix, row, wire = (int.from_bytes(data[at + k : at + k + 4], "little") for k in (0, 4, 8))
            terms.append(
                (matrix, row, wire, int.from_bytes(data[at + 12 : at + 44], "little") * pow(R * R, -1, FIELD) % FIELD)
            )

        def g1(p: Any) -> Any:
            return FQ(p[0]), FQ(p[1]), FQ.one()

        def g2(p: Any) -> Any:
            return FQ2(p[0]), FQ2(p[1]), FQ2.one()

        return cls(
            vk.n_public,
            known.domain_size,
            g1(vk.alpha1),
            g1(known.beta1),
            g2(vk.beta2),
            g1(known.delta1),
            g2(vk.delta2),
            terms,
            points(5, 64),
            points(6, 64),
            points(7, 128),
            points(8, 64),
            points(9, 64),
        )

    def sums(self, witness: Sequence[int]) -> PlainSums:
        """All of a proof but its random numbers, with transforms by definition."""
        n = self.domain
        root = pow(5, (FIELD - 1) // (2 * n), FIELD)  # of order 2n; its even powers are the domain, its odd ones the coset
        rows = [[0] * n, [0] * n]
        for matrix, row, wire, value in self.terms:
            rows[matrix][row] = (rows[matrix][row] + value * witness[wire]) % FIELD
        rows.append([x * y % FIELD for x, y in zip(*rows, strict=True)])
        powers = [pow(root, k, FIELD) for k in range(2 * n)]

        def on_coset(values: list[int]) -> list[int]:
            inverse = pow(n, -1, FIELD)
            c = [sum(v * powers[-2 * i * j % (2 * n)] for j, v in enumerate(values)) * inverse % FIELD for i in range(n)]
            return [sum(v * powers[(2 * i + 1) * j % (2 * n)] for j, v in enumerate(c)) % FIELD for i in range(n)]

        a, b, c = map(on_coset, rows)
        quotient = [(x * y - z) % FIELD for x, y, z in zip(a, b, c, strict=True)]
        private = witness[self.n_public + 1 :]
        return PlainSums(
            self,
            add(self.alpha1, plain_sum(self.a, witness)),
            add(self.beta1, plain_sum(self.b1, witness)),
            add(self.beta2, plain_sum(self.b2, witness)),
            add(plain_sum(self.c, private), plain_sum(self.h, quotient)),
        )


@dataclass(frozen=True)
class PlainSums:
    """The sums of a proof, α and β included."""

    key: PlainKey
    a: Any
    b1: Any
    b2: Any
    c: Any

    def proof(self, r: int, s: int) -> tuple[int, ...]:
        """The coordinates of A, B and C, by the formulas of the paper."""
        a = add(self.a, multiply(self.key.delta1, r))
        b1, b2 = add(self.b1, multiply(self.key.delta1, s)), add(self.b2, multiply(self.key.delta2, s))
        blind = add(multiply(a, s), add(multiply(b1, r), neg(multiply(self.key.delta1, r * s % FIELD))))
        return tuple(part for point in (a, b2, add(self.c, blind)) for x in normalize(point) for part in _parts(x))


def plain_sum(points: Sequence[Any], scalars: Sequence[int]) -> Any:
    total = multiply(points[0], 0)
    for point, scalar in zip(points, scalars, strict=True):
        total = add(total, multiply(point, scalar))
    return total


Spoil = Callable[[bytearray], object]
