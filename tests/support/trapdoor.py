"""Groth16 keys whose secrets the test knows: with them a valid proof of any public signals takes no circuit.

The verifiers are snarkjs's own contract for such a key, and cannot tell.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from dls_zk.chain.deployment import CheckedKey
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.zkey import VerifyingKey
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.circuits import of_size
from dls_zk.statement.constants import FIELD
from tests.support.simulator import Secrets


def _random() -> int:
    return secrets.randbelow(FIELD - 2) + 2


class Trapdoor:
    """A Groth16 key with known discrete logarithms, for books of a size."""

    def __init__(self, slots: int):
        circuit = of_size(slots)
        self.circuit = circuit.name
        ic = tuple(_random() for _ in range(len(circuit.signals) + 1))
        self.secrets = Secrets(_random(), _random(), _random(), _random(), ic)
        self.vk = self.secrets.key
        self.key = CheckedKey(self.circuit, self.vk, "00" * 32, insecure=True)

    def verifying_key(self, proof: Proof) -> VerifyingKey:
        """The key that its proofs are verified against."""
        return self.vk

    def prove(self, signals: Sequence[int]) -> Proof:
        """A valid proof of any signals, another each time."""
        return self.secrets.prove(signals, _random(), _random(), self.circuit)

    def arguments(self, signals: Sequence[int]) -> ProofArguments:
        return ProofArguments.from_proof(self.prove(signals))
