"""The constraints of a compiled circuit, read from circom's .r1cs file, and their check in plain Python integers.

A constraint says ⟨A, w⟩·⟨B, w⟩ = ⟨C, w⟩ in the scalar field for the witness w; A, B and C map wires to coefficients.
Wire 0 is the constant 1; then come the public outputs, the public inputs, the private inputs and the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ArtifactError
from ..statement.constants import FIELD
from .binfile import BinFile

#: A linear combination: wire → coefficient, 0 ≤ coefficient < FIELD.
Combination = dict[int, int]
Constraint = tuple[Combination, Combination, Combination]

_ELEMENT = 32  # bytes of a field element
_TERM = struct.Struct("<I32s")


@dataclass(frozen=True)
class Header:
    """The sizes of a constraint system. ``n_wires`` counts the constant wire 0 too."""

    n_wires: int
    n_public_outputs: int
    n_public_inputs: int
    n_private_inputs: int
    n_constraints: int
    prime: int = FIELD

    @property
    def n_public(self) -> int:
        """The number of public signals."""
        return self.n_public_outputs + self.n_public_inputs


def r1cs_header(path: Path) -> Header:
    """Read a circuit's sizes. ArtifactError if the file is damaged, no r1cs, or not over the field of BN254."""
    return _open(path)[1]


def _open(path: Path) -> tuple[BinFile, Header]:
    file = BinFile.open(path, "r1cs")
    section = file.read(1)
    if section.uint(4) != _ELEMENT or section.uint(_ELEMENT) != FIELD:
        raise ArtifactError(f"{path} is not a circuit over the scalar field of BN254; compile it with --prime bn128")
    wires, outputs, inputs, private = (section.uint(4) for _ in range(4))
    section.uint(8)  # labels: names in the .sym file
    header = Header(wires, outputs, inputs, private, section.uint(4))
    section.end()
    if wires < 1 + outputs + inputs + private:
        raise ArtifactError(f"{path} is damaged (fewer wires than signals)")
    if file.sections.keys() & {4, 5}:
        raise ArtifactError(f"{path} has custom gates, which Groth16 cannot prove")
    return file, header


def constraints(path: Path) -> Iterator[Constraint]:
    """The constraints in their order, as (A, B, C). ArtifactError, at the latest on the way, if the file is damaged."""
    file, header = _open(path)
    section = file.read(2)
    values: dict[bytes, int] = {}  # most coefficients are a few values over and over

    def combination() -> Combination:
        terms = _TERM.iter_unpack(section.take(_TERM.size * section.uint(4)))
        result = {}
        for wire, raw in terms:
            value = values.get(raw)
            if value is None:
                value = values[raw] = int.from_bytes(raw, "little")
                if value >= FIELD:
                    raise ArtifactError(f"{path} is damaged (a coefficient is not in the field)")
            if wire >= header.n_wires or wire in result:
                raise ArtifactError(f"{path} is damaged (a constraint names a wire twice or one that does not exist)")
            result[wire] = value
        return result

    for _ in range(header.n_constraints):
        yield combination(), combination(), combination()
    section.end()


@dataclass(frozen=True)
class R1CS:
    """A constraint system in memory, to check witnesses against."""

    header: Header
    constraints: tuple[Constraint, ...] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> R1CS:
        """Read a .r1cs file; ArtifactError if it is damaged or foreign."""
        return cls(r1cs_header(path), tuple(constraints(path)))

    def first_failing(self, witness: Sequence[int]) -> int | None:
        """Index of the first constraint that the witness breaks; None if it satisfies all.

        ValueError if it is no witness of this circuit: wrong length, wire 0 not 1, a value outside [0, FIELD).
        """
        if len(witness) != self.header.n_wires:
            raise ValueError(f"{len(witness)} values for {self.header.n_wires} wires")
        if witness[0] != 1 or not all(0 <= value < FIELD for value in witness):
            raise ValueError("wire 0 is not 1, or a value is not in the scalar field")
        for index, (a, b, c) in enumerate(self.constraints):
            left = sum([value * witness[wire] for wire, value in a.items()])
            right = sum([value * witness[wire] for wire, value in b.items()])
            product = sum([value * witness[wire] for wire, value in c.items()])
            if (left * right - product) % FIELD:
                return index
        return None
