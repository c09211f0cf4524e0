"""A proof as the arguments of a Solidity verifier.

snarkjs's contract takes ``verifyProof(uint256[2] a, uint256[2][2] b, uint256[2] c, uint256[n] signals)`` with n fixed.
All of it is static, so its encoding is the selector and 8 + n words. In ``b`` the imaginary part of each coordinate
comes first (EIP-197), in a proof file the real part (snarkjs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError, ProofInvalid
from ..groth16.proof import Proof
from ..statement.circuits import known
from ..statement.constants import BASE_FIELD, FIELD
from ..statement.ethereum import keccak256

Point = tuple[int, int]


@dataclass(frozen=True)
class ProofArguments:
    """A Groth16 proof and its public signals as the verifier takes them.

    circuit: its name. a, c: points of G1. b: a point of G2, coordinates as (imaginary, real). signals: as many field
    elements as the circuit has public signals; InputError for another number, or an unknown circuit. ProofInvalid if a
    coordinate is not below the base field or a signal not below the scalar field: some verifiers reduce such numbers, so
    that the same proof would have several forms.
    """

    circuit: str
    a: Point
    b: tuple[Point, Point]
    c: Point
    signals: tuple[int, ...]

    def __post_init__(self) -> None:
        expected = len(known(self.circuit).signals)
        if len(self.signals) != expected:
            raise InputError(f"{len(self.signals)} public signals; a proof of {self.circuit} has {expected}")
        if any(not 0 <= coordinate < BASE_FIELD for coordinate in self.coordinates):
            raise ProofInvalid("a coordinate of the proof is not below the base field; no verifier may accept it")
        for k, signal in enumerate(self.signals):
            if not 0 <= signal < FIELD:
                raise ProofInvalid(f"public signal {k} is not below the scalar field; no verifier may accept it")

    @property
    def coordinates(self) -> tuple[int, ...]:
        """The eight coordinates in the order of the encoding."""
        return (*self.a, *self.b[0], *self.b[1], *self.c)

    @classmethod
    def from_proof(cls, proof: Proof) -> ProofArguments:
        """The arguments of a proof; ProofInvalid if a number is out of its range, InputError for an unknown circuit."""
        (x_real, x_imaginary), (y_real, y_imaginary) = proof.pi_b
        return cls(proof.circuit, proof.pi_a, ((x_imaginary, x_real), (y_imaginary, y_real)), proof.pi_c, proof.signals)

    def verify_calldata(self) -> bytes:
        """Calldata of ``verifyProof`` for this number of signals."""
        signature = f"verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[{len(self.signals)}])"
        words = (*self.coordinates, *self.signals)
        return keccak256(signature.encode())[:4] + b"".join(word.to_bytes(32, "big") for word in words)

    def to_solidity(self) -> str:
        """The four arguments as text, for a block explorer or a script (the format of snarkjs)."""

        def listed(numbers: Sequence[int]) -> str:
            return "[" + ", ".join(f'"0x{number:064x}"' for number in numbers) + "]"

        b = ", ".join(listed(pair) for pair in self.b)
        return f"{listed(self.a)}, [{b}], {listed(self.c)}, {listed(self.signals)}"
