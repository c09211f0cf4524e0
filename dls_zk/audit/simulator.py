"""Points of BN254 by their discrete logarithms, and Groth16 keys whose secrets are known.

With the secrets of a key a valid proof of any public signals takes no circuit and no witness (Groth, EUROCRYPT 2016,
section 3.2: the simulator). A verifier cannot tell, so all shapes of valid proofs are cheap to have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from py_ecc.optimized_bn128 import FQ2, G1, G2, b2, multiply, normalize

from ..groth16.proof import Proof
from ..groth16.zkey import PointG1, PointG2, VerifyingKey
from ..statement.circuits import of_size
from ..statement.constants import BASE_FIELD, FIELD


@cache
def g1(scalar: int) -> PointG1:
    """A multiple of the generator of G1; not infinity."""
    x, y = normalize(multiply(G1, scalar % FIELD))
    return int(x), int(y)


@cache
def g2(scalar: int) -> PointG2:
    """A multiple of the generator of G2; not infinity."""
    (a, b), (c, d) = (map(int, part.coeffs) for part in normalize(multiply(G2, scalar % FIELD)))
    return (a, b), (c, d)


def outside_the_subgroup(start: int = 1) -> PointG2:
    """A point of the twist that is not in the subgroup of order r: the first with an x from (start, 1) on.

    The twist has about q points for each in the subgroup, so practically every one is outside.
    """
    for real in range(start, start + 100):
        x = FQ2([real, 1])
        square = x * x * x + b2
        a, b = map(int, square.coeffs)
        # (c + d·i)² = a + b·i with i² = −1; q ≡ 3 (mod 4), so roots in the base field are powers.
        norm = pow(a * a + b * b, (BASE_FIELD + 1) // 4, BASE_FIELD)
        for root in (norm, -norm):
            c = pow((a + root) * pow(2, -1, BASE_FIELD), (BASE_FIELD + 1) // 4, BASE_FIELD)
            y = FQ2([c, b * pow(2 * c, -1, BASE_FIELD) % BASE_FIELD]) if c else x
            if y * y == square:
                return (real, 1), (int(y.coeffs[0]), int(y.coeffs[1]))
    raise AssertionError(f"no point with an x from ({start}, 1) to ({start + 99}, 1)")


@dataclass(frozen=True)
class Secrets:
    """The secrets of a key: its points are these multiples of the generators."""

    alpha: int
    beta: int
    gamma: int
    delta: int
    ic: tuple[int, ...]

    @property
    def key(self) -> VerifyingKey:
        return VerifyingKey(
            g1(self.alpha), g2(self.beta), g2(self.gamma), g2(self.delta), tuple(map(g1, self.ic)), len(self.ic) - 1
        )

    def prove(self, signals: Sequence[int], a: int, b: int, circuit: str = "simulated") -> Proof:
        """A valid proof of any signals, one for each a and b: a·b = α·β + γ·(ic₀ + Σ icᵢ·xᵢ) + δ·c in the exponent."""
        statement = self.ic[0] + sum(k * x for k, x in zip(self.ic[1:], signals, strict=True))
        c = (a * b - self.alpha * self.beta - self.gamma * statement) * pow(self.delta, -1, FIELD)
        return Proof(circuit, g1(a), g2(b), g1(c), tuple(signals))


class Trapdoor:
    """The key of a rebalance circuit whose secrets are known: it proves any public signals, true or not.

    All is drawn from ``rng``, so that a run is repeated by its seed. Such a key belongs on a chain of one's own alone.
    """

    def __init__(self, slots: int, rng: Random) -> None:
        circuit = of_size(slots)
        self.circuit = circuit.name
        self._rng = rng
        ic = tuple(self._scalar() for _ in range(len(circuit.signals) + 1))
        self._secrets = Secrets(self._scalar(), self._scalar(), 1, self._scalar(), ic)
        self.vk = self._secrets.key

    def _scalar(self) -> int:
        return self._rng.randrange(2, FIELD)

    def verifying_key(self, proof: Proof) -> VerifyingKey:
        """The key that its proofs are verified against, whichever proof it is."""
        return self.vk

    def prove(self, signals: Sequence[int]) -> Proof:
        """A valid proof of any signals, another each time."""
        return self._secrets.prove(signals, self._scalar(), self._scalar(), self.circuit)
