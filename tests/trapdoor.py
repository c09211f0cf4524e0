"""Groth16 keys whose secrets the test knows: with them a valid proof of any public signals takes no circuit.

The verifiers are snarkjs's own contract for such a key, and cannot tell.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from simulator import Secrets

from dls_zk.calldata import ProofArguments
from dls_zk.chain.deployment import CheckedKey
from dls_zk.constants import FIELD, SIZES
from dls_zk.operations import Target
from dls_zk.proof import Proof
from dls_zk.statement import signal_count


def _random() -> int:
    return secrets.randbelow(FIELD - 2) + 2


class Trapdoor:
    """A Groth16 key with known discrete logarithms, for books of a size."""

    def __init__(self, slots: int):
        self.circuit = SIZES[slots].name
        ic = tuple(_random() for _ in range(signal_count(SIZES[slots]) + 1))
        self.secrets = Secrets(_random(), _random(), _random(), _random(), ic)
        self.vk = self.secrets.key
        self.key = CheckedKey(self.circuit, self.vk, "00" * 32, insecure=True)

    def target(self, proof: Proof) -> Target:
        """What its proofs are verified against."""
        return Target(self.vk, None, insecure=True)

    def prove(self, signals: Sequence[int]) -> Proof:
        """A valid proof of any signals, another each time."""
        return self.secrets.prove(signals, _random(), _random(), self.circuit)

    def arguments(self, signals: Sequence[int]) -> ProofArguments:
        return ProofArguments.from_proof(self.prove(signals))
