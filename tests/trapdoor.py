"""Groth16 keys whose secrets the test knows: with them a valid proof of any public signals takes no circuit.

The verifiers are snarkjs's own contract for such a key, and cannot tell.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from py_ecc.optimized_bn128 import G1, G2, multiply, normalize

from dls_zk.calldata import ProofArguments
from dls_zk.chain.deployment import CheckedKey
from dls_zk.constants import FIELD, SIZES
from dls_zk.operations import Target
from dls_zk.proof import Proof
from dls_zk.statement import signal_count
from dls_zk.zkey import PointG1, PointG2, VerifyingKey

R = FIELD


def _g1(scalar: int) -> PointG1:
    x, y = normalize(multiply(G1, scalar % R))
    return int(x), int(y)


def _g2(scalar: int) -> PointG2:
    x, y = normalize(multiply(G2, scalar % R))
    return (int(x.coeffs[0]), int(x.coeffs[1])), (int(y.coeffs[0]), int(y.coeffs[1]))


class Trapdoor:
    """A Groth16 key with known discrete logarithms, for books of a size."""

    def __init__(self, slots: int):
        self.circuit = SIZES[slots].name
        self.alpha, self.beta, self.gamma, self.delta = (secrets.randbelow(R - 2) + 2 for _ in range(4))
        self.ic = [secrets.randbelow(R) for _ in range(signal_count(SIZES[slots]) + 1)]
        points = (_g1(self.alpha), _g2(self.beta), _g2(self.gamma), _g2(self.delta))
        self.vk = VerifyingKey(*points, tuple(map(_g1, self.ic)), len(self.ic) - 1)
        self.key = CheckedKey(self.circuit, self.vk, "00" * 32, insecure=True)

    def target(self, proof: Proof) -> Target:
        """What its proofs are verified against."""
        return Target(self.vk, None, insecure=True)

    def prove(self, signals: Sequence[int]) -> Proof:
        """A proof: a·b = α·β + γ·(ic₀ + Σ icᵢ·xᵢ) + δ·c in the exponent."""
        a, b = secrets.randbelow(R - 1) + 1, secrets.randbelow(R - 1) + 1
        statement = self.ic[0] + sum(k * x for k, x in zip(self.ic[1:], signals, strict=True))
        c = (a * b - self.alpha * self.beta - self.gamma * statement) * pow(self.delta, -1, R)
        return Proof(self.circuit, _g1(a), _g2(b), _g1(c), tuple(signals))

    def arguments(self, signals: Sequence[int]) -> ProofArguments:
        return ProofArguments.from_proof(self.prove(signals))
