"""A Groth16 proof over BN254 with its public signals, and its file format.

    {"format": "dls-zk/proof/v1", "circuit": "rebalance_16", "proof": {snarkjs's proof}, "public": ["…", …]}

A proof has one form only: numbers are canonical decimal strings below their field's order, the points are affine,
there is no other member. Whether the points are on their curves and the proof holds is the verifier's to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..statement.constants import BASE_FIELD, FIELD
from ..storage.disk import read_limited
from ..storage.places import require_circuit_name
from ..storage.strict_json import parse_json

FORMAT = "dls-zk/proof/v1"

#: No proof file is larger. Read before anything is parsed.
SIZE_LIMIT = 1_000_000

_DIGITS = 77  # of the largest number below either field's order


@dataclass(frozen=True)
class Proof:
    """circuit: its name. pi_a, pi_c: (x, y) on G1. pi_b: ((x, x·i), (y, y·i)) on G2, real part first as in snarkjs.

    signals: the public signals, field elements in the order of ``statement.NAMES``.
    """

    circuit: str
    pi_a: tuple[int, int]
    pi_b: tuple[tuple[int, int], tuple[int, int]]
    pi_c: tuple[int, int]
    signals: tuple[int, ...]

    def to_snarkjs(self) -> dict[str, Any]:
        """The proof as snarkjs writes it, without the public signals."""
        return {
            "pi_a": [*map(str, self.pi_a), "1"],
            "pi_b": [*(list(map(str, pair)) for pair in self.pi_b), ["1", "0"]],
            "pi_c": [*map(str, self.pi_c), "1"],
            "protocol": "groth16",
            "curve": "bn128",
        }

    def signal_strings(self) -> list[str]:
        """The public signals as snarkjs writes them."""
        return [str(signal) for signal in self.signals]

    def to_json(self) -> str:
        """The content of a proof file."""
        document = {
            "format": FORMAT,
            "circuit": self.circuit,
            "proof": self.to_snarkjs(),
            "public": self.signal_strings(),
        }
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> Proof:
        """Read a proof file; InputError says what is wrong with it."""
        return cls.from_json(read_limited(path, SIZE_LIMIT), str(path))

    @classmethod
    def from_json(cls, data: bytes | str, where: str = "proof") -> Proof:
        """Read the content of a proof file; InputError (naming ``where``) unless it has exactly the one right form."""
        if len(data) > SIZE_LIMIT:
            raise InputError(f"larger than {SIZE_LIMIT} bytes, which no proof is", where)
        document = parse_json(data, where)
        _require_members(document, {"format", "circuit", "proof", "public"}, where)
        if document["format"] != FORMAT:
            raise InputError(f"format is not {FORMAT!r}", where)
        return cls.from_snarkjs(document["circuit"], document["proof"], document["public"], where)

    @classmethod
    def from_snarkjs(cls, circuit: Any, proof: Any, public: Any, where: str = "proof") -> Proof:
        """From a circuit's name and snarkjs's two JSON values, parsed; InputError unless they have the right form."""
        require_circuit_name(circuit)
        _require_members(proof, {"pi_a", "pi_b", "pi_c", "protocol", "curve"}, f"{where}, proof")
        if proof["protocol"] != "groth16" or proof["curve"] != "bn128":
            raise InputError("not a groth16 proof over bn128", f"{where}, proof")
        match proof["pi_b"]:
            case [x, y, ["1", "0"]]:
                pi_b = (_pair(x, f"{where}, pi_b"), _pair(y, f"{where}, pi_b"))
            case _:
                raise InputError('not a point of the form [[x, x·i], [y, y·i], ["1", "0"]]', f"{where}, pi_b")
        if not isinstance(public, list):
            raise InputError("not a list of strings", f"{where}, public")
        return cls(
            circuit,
            _point(proof["pi_a"], f"{where}, pi_a"),
            pi_b,
            _point(proof["pi_c"], f"{where}, pi_c"),
            tuple(_number(text, FIELD, f"{where}, public[{k}]") for k, text in enumerate(public)),
        )


def _require_members(value: Any, names: set[str], where: str) -> None:
    if not isinstance(value, dict) or value.keys() != names:
        raise InputError(f"not an object with exactly the members {', '.join(sorted(names))}", where)


def _point(value: Any, where: str) -> tuple[int, int]:
    match value:
        case [x, y, "1"]:
            return _pair([x, y], where)
    raise InputError('not a point of the form [x, y, "1"]', where)


def _pair(value: Any, where: str) -> tuple[int, int]:
    match value:
        case [x, y]:
            return _number(x, BASE_FIELD, where), _number(y, BASE_FIELD, where)
    raise InputError("not a pair of numbers", where)


def _number(text: Any, order: int, where: str) -> int:
    """The number of a canonical decimal string, if it is below ``order``."""
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise InputError(f"not a decimal number of at most {_DIGITS} digits, as a string", where)
    number = int(text)
    if str(number) != text:
        raise InputError("a decimal number with leading zeros", where)
    if number >= order:
        raise InputError("not below the order of its field", where)
    return number
