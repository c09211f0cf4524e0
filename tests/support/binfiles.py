"""Small valid r1cs, zkey and ptau files made by hand, part by part, so that a test can spoil any of them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from dls_zk.audit.simulator import g1, g2
from dls_zk.groth16.r1cs import Combination, Constraint
from dls_zk.groth16.zkey import PointG1, PointG2
from dls_zk.statement.constants import BASE_FIELD, FIELD


def container(magic: str, sections: Iterable[tuple[int, bytes]], version: int = 1) -> bytes:
    """A file of iden3's container: sections with their numbers."""
    parts = list(sections)
    body = b"".join(struct.pack("<IQ", number, len(content)) + content for number, content in parts)
    return magic.encode() + struct.pack("<II", version, len(parts)) + body


def _prime(prime: int) -> bytes:
    return struct.pack("<I", 32) + prime.to_bytes(32, "little")


# --- r1cs -------------------------------------------------------------------------------------------------

# Wires: 1, z (output), y (public input), x (private input), t = x².  z = t·x + y, and y·(y − 1) = 0.
SYSTEM: tuple[Constraint, ...] = (
    ({3: 1}, {3: 1}, {4: 1}),
    ({4: 1}, {3: 1}, {1: 1, 2: FIELD - 1}),
    ({2: 1}, {2: 1, 0: FIELD - 1}, {}),
)


def _combination(terms: Combination) -> bytes:
    pairs = (struct.pack("<I", wire) + value.to_bytes(32, "little") for wire, value in terms.items())
    return struct.pack("<I", len(terms)) + b"".join(pairs)


def r1cs_header(wires: int, outputs: int, inputs: int, private: int, count: int, prime: int = FIELD) -> bytes:
    return _prime(prime) + struct.pack("<IIIIQI", wires, outputs, inputs, private, wires, count)


def r1cs_sections() -> list[tuple[int, bytes]]:
    """The sections of SYSTEM."""
    body = b"".join(_combination(side) for constraint in SYSTEM for side in constraint)
    return [(1, r1cs_header(5, 1, 1, 1, len(SYSTEM))), (2, body), (3, bytes(40))]


# --- zkey -------------------------------------------------------------------------------------------------

N_VARS, N_PUBLIC, DOMAIN = 5, 2, 4
# γ is the generator; between the others there are no small relations.
ALPHA, BETA, DELTA, *_IC = (int.from_bytes(hashlib.sha256(b"key %d" % k).digest()) % FIELD for k in range(6))
GAMMA, IC = 1, tuple(_IC)


def raw_point(point: PointG1 | PointG2) -> bytes:
    """Coordinates as a zkey has them: times 2^256."""
    return b"".join(
        (part * 2**256 % BASE_FIELD).to_bytes(32, "little") if isinstance(part, int) else raw_point(part) for part in point
    )


def contribution(name: bytes, delta: int, kind: int = 0, parameters: bytes | None = None) -> bytes:
    parameters = bytes([1, len(name)]) + name if parameters is None else parameters
    keys = raw_point(g1(2)) + raw_point(g1(4)) + raw_point(g2(2)) + bytes(64)
    return raw_point(g1(delta)) + keys + struct.pack("<II", kind, len(parameters)) + parameters


def groth16_header(n_vars: int = N_VARS, n_public: int = N_PUBLIC, domain: int = DOMAIN, q: int = BASE_FIELD) -> bytes:
    points = (g1(ALPHA), g1(BETA), g2(BETA), g2(GAMMA), g1(DELTA), g2(DELTA))
    return _prime(q) + _prime(FIELD) + struct.pack("<III", n_vars, n_public, domain) + b"".join(map(raw_point, points))


def zkey_sections(*contributions: bytes) -> dict[int, bytes]:
    """The sections of a key with these contributions, by default one of Alice's."""
    made = contributions or (contribution(b"Alice", DELTA),)
    return {
        1: struct.pack("<I", 1),
        2: groth16_header(),
        3: b"".join(raw_point(g1(k)) for k in IC),
        4: struct.pack("<I", 1) + bytes(44),
        5: bytes(64 * N_VARS),
        6: bytes(64 * N_VARS),
        7: bytes(128 * N_VARS),
        8: bytes(64 * (N_VARS - N_PUBLIC - 1)),
        9: bytes(64 * DOMAIN),
        10: bytes(64) + struct.pack("<I", len(made)) + b"".join(made),
    }


# --- ptau -------------------------------------------------------------------------------------------------


def ptau_sections(power: int = 3) -> list[tuple[int, bytes]]:
    """The sections of prepared powers of tau as far as we look at them; their points are zeros."""
    header = _prime(BASE_FIELD) + struct.pack("<II", power, power)
    return [(1, header), *((number, bytes(64)) for number in (2, 3, 4, 5, 6, 7, 12, 13, 14, 15))]
