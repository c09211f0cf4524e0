"""Groth16 keys, read in Python: snarkjs's .zkey and verification_key.json. Whether they are sound: see ``key_lint``.

Points are affine, coordinates plain integers below BASE_FIELD; (0, 0) and ((0, 0), (0, 0)) stand for infinity, as in
the zkey. An element a + b·i of the quadratic extension is (a, b).
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ArtifactError, InputError
from ..statement.constants import BASE_FIELD, FIELD
from ..storage.built import ProvingKey
from ..storage.strict_json import parse_json
from .binfile import BinFile, Cursor
from .r1cs import constraints, r1cs_header

Fq2 = tuple[int, int]
PointG1 = tuple[int, int]
PointG2 = tuple[Fq2, Fq2]

INFINITY_G1: PointG1 = (0, 0)
INFINITY_G2: PointG2 = ((0, 0), (0, 0))

#: The name of the contribution in a development key, as node/dev_setup.mjs writes it.
MARKER = "INSECURE development setup (single party, known toxic waste): never use with value"
# snarkjs cuts names to 64 characters when somebody contributes to such a key, so only the start is compared.
_MARKER_START = "INSECURE development setup"
_DEV_LABEL = b"dls-zk/dev-setup/v1"

_GROTH16 = 1
_MONTGOMERY_INVERSE = pow(1 << 256, -1, BASE_FIELD)  # zkeys hold x·2^256 mod q
_COEFFICIENT = struct.Struct("<III32s")  # matrix, row, wire, value
_COEFFICIENT_SCALE = pow(1 << 512, -1, FIELD)  # and of a coefficient x·2^512 mod r


# --- what keys hold -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contribution:
    """One step of the second phase. ``beacon``: the hash and the log2 of the iterations, if it applied a beacon."""

    name: str
    delta_after: PointG1
    beacon: tuple[bytes, int] | None


@dataclass(frozen=True)
class VerifyingKey:
    """What a verifier needs. ``ic`` has a point for the constant 1 and one for each public signal.

    development: the key says of itself that it is an insecure one for development.
    """

    alpha1: PointG1
    beta2: PointG2
    gamma2: PointG2
    delta2: PointG2
    ic: tuple[PointG1, ...] = field(repr=False)
    n_public: int
    development: bool = field(default=False, compare=False)

    @classmethod
    def from_json(cls, text: bytes | str, where: str = "verification_key.json") -> VerifyingKey:
        """Read snarkjs's verification_key.json. ArtifactError unless it is one, with every number in canonical decimal.

        vk_alphabeta_12, which snarkjs writes and does not use, may be there and is not looked at.
        """
        try:
            return cls._from_members(parse_json(text, where))
        except InputError as error:
            raise ArtifactError(str(error)) from None
        except ValueError as error:
            raise ArtifactError(f"{where} is not a Groth16 verification key: {error}") from None

    def to_snarkjs(self) -> dict[str, Any]:
        """snarkjs's members of verification_key.json, less vk_alphabeta_12, which nothing uses."""

        def g1(point: PointG1) -> list[str]:
            return ["0", "1", "0"] if point == INFINITY_G1 else [str(point[0]), str(point[1]), "1"]

        def g2(point: PointG2) -> list[list[str]]:
            if point == INFINITY_G2:
                return [["0", "0"], ["1", "0"], ["0", "0"]]
            return [*([str(part) for part in coordinate] for coordinate in point), ["1", "0"]]

        return {
            "protocol": "groth16",
            "curve": "bn128",
            "nPublic": self.n_public,
            "vk_alpha_1": g1(self.alpha1),
            "vk_beta_2": g2(self.beta2),
            "vk_gamma_2": g2(self.gamma2),
            "vk_delta_2": g2(self.delta2),
            "IC": [g1(point) for point in self.ic],
        }

    def words(self) -> tuple[int, ...]:
        """The key as contracts take it: α, β, γ, δ, IC; in points of G2 the imaginary parts come first (EIP-197)."""
        points = (self.beta2, self.gamma2, self.delta2)
        g2 = (part for point in points for real, imaginary in point for part in (imaginary, real))
        return (*self.alpha1, *g2, *(part for point in self.ic for part in point))

    @classmethod
    def from_words(cls, words: Sequence[int]) -> VerifyingKey:
        """The key behind ``words``; ValueError for a number of words that no key has."""
        if len(words) < 16 or len(words) % 2:
            raise ValueError(f"{len(words)} words are no verifying key")

        def g2(at: int) -> PointG2:
            x_imaginary, x_real, y_imaginary, y_real = words[at : at + 4]
            return (x_real, x_imaginary), (y_real, y_imaginary)

        ic = tuple((words[k], words[k + 1]) for k in range(14, len(words), 2))
        return cls((words[0], words[1]), g2(2), g2(6), g2(10), ic, len(ic) - 1)

    @classmethod
    def _from_members(cls, members: Any) -> VerifyingKey:
        if not isinstance(members, dict):
            raise ValueError("it is not a JSON object")
        points = ("vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2", "IC")
        missing = {"protocol", "curve", "nPublic", *points} - members.keys()
        unknown = members.keys() - {"protocol", "curve", "nPublic", *points, "vk_alphabeta_12", "dls_zk"}
        if missing or unknown:
            raise ValueError(f"{min(missing)} is missing" if missing else "it has a member that no such key has")
        if members["protocol"] != "groth16" or members["curve"] != "bn128":
            raise ValueError("protocol must be groth16 and curve bn128")
        n_public = members["nPublic"]
        if not isinstance(n_public, int) or isinstance(n_public, bool) or not 0 <= n_public < 1 << 32:
            raise ValueError("nPublic must be a number of signals")
        if not isinstance(members["IC"], list):
            raise ValueError("IC must be a list")
        ours = members.get("dls_zk", {})
        if not isinstance(ours, dict) or not all(isinstance(value, str) for value in ours.values()):
            raise ValueError("dls_zk must hold texts")
        return cls(
            alpha1=_json_g1(members["vk_alpha_1"], "vk_alpha_1"),
            beta2=_json_g2(members["vk_beta_2"], "vk_beta_2"),
            gamma2=_json_g2(members["vk_gamma_2"], "vk_gamma_2"),
            delta2=_json_g2(members["vk_delta_2"], "vk_delta_2"),
            ic=tuple(_json_g1(point, f"IC[{i}]") for i, point in enumerate(members["IC"])),
            n_public=n_public,
            development=ours.get("setup", "").startswith(_MARKER_START),
        )


@dataclass(frozen=True)
class ZKey:
    """The parts of a proving key that say what it is; the prover's points stay in the file."""

    n_vars: int
    domain_size: int
    beta1: PointG1
    delta1: PointG1
    verifying_key: VerifyingKey
    contributions: tuple[Contribution, ...]


# --- reading a zkey -----------------------------------------------------------------------------------


def read_zkey(path: Path) -> ZKey:
    """Read a snarkjs Groth16 .zkey over BN254.

    ArtifactError if it is cut short, damaged or another kind of file. The sizes of all its sections are checked
    against its header; of the prover's points only that they are all there.
    """
    file = BinFile.open(path, "zkey")
    protocol = file.read(1)
    if protocol.uint(4) != _GROTH16:
        raise ArtifactError(f"{path} is not a Groth16 key")
    protocol.end()

    header = file.read(2)
    for prime in (BASE_FIELD, FIELD):
        if header.uint(4) != 32 or header.uint(32) != prime:
            raise ArtifactError(f"{path} is not a key over BN254")
    n_vars, n_public, domain_size = (header.uint(4) for _ in range(3))
    alpha1, beta1 = _read_g1(header), _read_g1(header)
    beta2, gamma2 = _read_g2(header), _read_g2(header)
    delta1, delta2 = _read_g1(header), _read_g2(header)
    header.end()
    _check_sizes(file, n_vars, n_public, domain_size)

    points = file.read(3)
    ic = tuple(_read_g1(points) for _ in range(n_public + 1))
    contributions = _read_contributions(file.read(10))
    development = any(one.name.startswith(_MARKER_START) for one in contributions)
    key = VerifyingKey(alpha1, beta2, gamma2, delta2, ic, n_public, development)
    return ZKey(n_vars, domain_size, beta1, delta1, key, contributions)


def _check_sizes(file: BinFile, n_vars: int, n_public: int, domain_size: int) -> None:
    if n_public >= n_vars or domain_size < 1 or domain_size & (domain_size - 1):
        raise ArtifactError(f"{file.path} is damaged (impossible sizes in its header)")
    expected = {3: 64 * (n_public + 1), 5: 64 * n_vars, 6: 64 * n_vars, 7: 128 * n_vars}
    expected |= {8: 64 * (n_vars - n_public - 1), 9: 64 * domain_size}
    for section, size in expected.items():
        if file.size(section) != size:
            raise ArtifactError(f"{file.path} is damaged (section {section} has the wrong size)")
    if file.size(4) < 4 or (file.size(4) - 4) % 44:
        raise ArtifactError(f"{file.path} is damaged (section 4 has the wrong size)")


def require_for_circuit(path: Path, r1cs: Path) -> None:
    """ArtifactError unless a zkey is for this constraint system: its sizes, and its matrices A and B term by term.

    snarkjs adds to A a row for the constant and for each public signal, so that each is bound to a row of its own.
    """
    key, header = read_zkey(path), r1cs_header(r1cs)
    rows = header.n_constraints + header.n_public + 1
    sizes = (header.n_wires, header.n_public, 1 << (rows - 1).bit_length())
    if (key.n_vars, key.verifying_key.n_public, key.domain_size) != sizes:
        raise ArtifactError(f"{path} is a key for another circuit than {r1cs} (other sizes)")
    expected = {(0, header.n_constraints + wire, wire): 1 for wire in range(header.n_public + 1)}
    for row, (left, right, _) in enumerate(constraints(r1cs)):
        expected |= {(0, row, wire): value for wire, value in left.items()}
        expected |= {(1, row, wire): value for wire, value in right.items()}
    section = BinFile.open(path, "zkey").read(4)
    values: dict[bytes, int] = {}  # most coefficients are a few values over and over
    for matrix, row, wire, raw in _COEFFICIENT.iter_unpack(section.take(_COEFFICIENT.size * section.uint(4))):
        if raw not in values:
            values[raw] = int.from_bytes(raw, "little") * _COEFFICIENT_SCALE % FIELD
        if expected.pop((matrix, row, wire), None) != values[raw]:
            raise ArtifactError(f"{path} is a key for another circuit than {r1cs} (row {row} differs)")
    section.end()
    if expected:
        raise ArtifactError(f"{path} is a key for another circuit than {r1cs} (it lacks terms)")


def _read_coordinate(cursor: Cursor) -> int:
    value = cursor.uint(32)
    if value >= BASE_FIELD:
        raise ArtifactError(f"{cursor.fault}: a coordinate is not in the base field")
    return value * _MONTGOMERY_INVERSE % BASE_FIELD


def _read_g1(cursor: Cursor) -> PointG1:
    return _read_coordinate(cursor), _read_coordinate(cursor)


def _read_g2(cursor: Cursor) -> PointG2:
    return _read_g1(cursor), _read_g1(cursor)  # each coordinate is a pair, like a point of G1


def _read_contributions(cursor: Cursor) -> tuple[Contribution, ...]:
    cursor.take(64)  # hash of the circuit and the first phase
    contributions = []
    for _ in range(cursor.uint(4)):
        delta_after = _read_g1(cursor)
        cursor.take(2 * 64 + 128 + 64)  # the contributor's public key and the transcript
        kind = cursor.uint(4)
        parameters = Cursor(cursor.take(cursor.uint(4)), cursor.fault)
        name, beacon = _read_parameters(parameters)
        if kind not in (0, 1) or (kind == 1) != (beacon is not None):
            raise ArtifactError(f"{cursor.fault}: a contribution of an unknown kind")
        contributions.append(Contribution(name, delta_after, beacon))
    cursor.end()
    return tuple(contributions)


def _read_parameters(cursor: Cursor) -> tuple[str, tuple[bytes, int] | None]:
    """A contribution's name ('' if it has none) and its beacon."""
    parameters: dict[int, bytes] = {}
    while cursor.position < len(cursor.data):
        kind = cursor.uint(1)
        if kind not in (1, 2, 3) or kind <= max(parameters, default=0):
            raise ArtifactError(f"{cursor.fault}: a contribution with unknown parameters")
        parameters[kind] = cursor.take(1 if kind == 2 else cursor.uint(1))
    name = parameters.get(1, b"").decode("utf-8", "replace")
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)  # it is shown on terminals
    if (2 in parameters) != (3 in parameters):
        raise ArtifactError(f"{cursor.fault}: a contribution with half a beacon")
    return printable, (parameters[3], parameters[2][0]) if 3 in parameters else None


# --- verification_key.json -------------------------------------------------------------------------------

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)


def _json_number(value: object, name: str) -> int:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError(f"{name} must hold decimal numbers in quotation marks, without sign or leading zeros")
    return int(value)


def _json_list(value: object, length: int, name: str) -> list[Any]:
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"{name} must be a point: a list of three")
    return value


def _json_g1(value: object, name: str) -> PointG1:
    x, y, z = (_json_number(part, name) for part in _json_list(value, 3, name))
    if (x, y, z) == (0, 1, 0):
        return INFINITY_G1
    if z != 1:
        raise ValueError(f"{name} must have 1 as its third coordinate")
    return x, y


def _json_g2(value: object, name: str) -> PointG2:
    parts = [_json_list(part, 2, name) for part in _json_list(value, 3, name)]
    x, y, z = ((_json_number(part[0], name), _json_number(part[1], name)) for part in parts)
    if (x, y, z) == ((0, 0), (1, 0), (0, 0)):
        return INFINITY_G2
    if z != (1, 0):
        raise ValueError(f"{name} must have 1 as its third coordinate")
    return x, y


def verification_key_json(zkey: ZKey, circuit: str, r1cs_sha256: str) -> str:
    """verification_key.json for a key: snarkjs's members and one of ours, ``dls_zk``, that says how it was made."""
    key = zkey.verifying_key
    setup = MARKER if key.development else f"ceremony with {len(zkey.contributions)} contributions"
    members = key.to_snarkjs() | {"dls_zk": {"setup": setup, "circuit": circuit, "r1cs_sha256": r1cs_sha256}}
    return json.dumps(members, indent=1) + "\n"


# --- development keys -----------------------------------------------------------------------------------------------


def is_development(key: ZKey | VerifyingKey, r1cs_sha256: str | None = None) -> bool:
    """Whether this is a key that anybody can forge proofs against, made by our development setup.

    It says so itself, by a contribution's name or in verification_key.json. Given the circuit's r1cs_sha256 (hex), a
    key that has lost its mark, for instance in snarkjs's own export, is known by its α too.
    """
    key = key.verifying_key if isinstance(key, ZKey) else key
    return key.development or (r1cs_sha256 is not None and key.alpha1 == _development_alpha(r1cs_sha256))


@cache
def _development_alpha(r1cs_sha256: str) -> PointG1:
    """α·G1 of a circuit's development key: see toxicValue in node/dev_setup.mjs."""
    seed = _DEV_LABEL + bytes.fromhex(r1cs_sha256) + b"alpha"
    halves = [hashlib.sha256(seed + bytes([i])).digest() for i in range(2)]
    return _generator_times(int.from_bytes(b"".join(halves), "big") % FIELD)


def _generator_times(scalar: int) -> PointG1:
    """scalar·G1, by doubling and adding, for 0 < scalar < FIELD - 1: py_ecc takes longer to load than this takes to run."""
    point = _GENERATOR
    for bit in f"{scalar:b}"[1:]:
        point = _sum(point, point)
        if bit == "1":
            point = _sum(point, _GENERATOR)
    return point


_GENERATOR: PointG1 = (1, 2)


def _sum(one: PointG1, other: PointG1) -> PointG1:
    """ValueError for a point and its inverse."""
    (x1, y1), (x2, y2) = one, other
    rise, run = (3 * x1 * x1, 2 * y1) if one == other else (y2 - y1, x2 - x1)
    slope = rise * pow(run, -1, BASE_FIELD)
    x = (slope * slope - x1 - x2) % BASE_FIELD
    return x, (slope * (x1 - x) - y1) % BASE_FIELD


# --- installed keys ------------------------------------------------------------------------------------------------


def verifying_key(key: ProvingKey) -> VerifyingKey:
    """The verifying key of an installed key."""
    return VerifyingKey.from_json(key.verification_key.read_bytes(), str(key.verification_key))
