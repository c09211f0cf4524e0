"""Making proofs: one small interface and its backends.

No backend is trusted. snarkjs ends well on a damaged key or a false witness and gives an invalid proof, so the key's
hash is compared before, and every proof is verified before it is returned.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from ..errors import InputError, ProofInvalid, ToolError
from ..groth16 import verifier
from ..statement.constants import FIELD
from ..storage.built import ProvingKey
from ..storage.strict_json import parse_json
from ..tools import rapidsnark, snarkjs
from .proof import Proof
from .witness import to_wtns
from .zkey import VerifyingKey


class Prover(ABC):
    """Makes Groth16 proofs from a proving key and a witness."""

    name: ClassVar[str]

    def prove(self, key: ProvingKey, witness: bytes) -> Proof:
        """A proof for ``witness`` (from ``witness.WitnessCalculator``), verified by ``verifier``'s pyecc.

        ArtifactError if the key is damaged. ToolError if the backend fails, or if its proof does not verify, as
        happens when the witness does not satisfy the circuit of the key.
        """
        vk = VerifyingKey.from_json(key.verification_key.read_bytes(), str(key.verification_key))
        signals = _public_signals(witness, vk)
        try:
            proof = Proof.from_snarkjs(key.circuit, *self._run(key, to_wtns(witness)), where=self.name)
            if proof.signals != signals:
                raise ProofInvalid("its public signals are not those of the witness")
            verifier.verify("pyecc", vk, proof)
        except (InputError, ProofInvalid) as error:
            raise ToolError(
                f"{self.name} made a proof for {key.circuit} that does not verify ({error}); "
                "the witness is not one of this circuit, or the tool is broken"
            ) from None
        return proof

    @abstractmethod
    def _run(self, key: ProvingKey, wtns: bytes) -> tuple[Any, Any]:
        """The proof and the public signals as snarkjs's JSON values."""


class SnarkjsProver(Prover):
    """snarkjs in a Node process that stays, so that a key is read once."""

    name = "snarkjs"

    def _run(self, key: ProvingKey, wtns: bytes) -> tuple[Any, Any]:
        answer = snarkjs.worker().prove(key.zkey, key.zkey_sha256, wtns)
        return answer["proof"], answer["public"]


class RapidsnarkProver(Prover):
    """rapidsnark, if its binary is on the PATH: several times faster."""

    name = "rapidsnark"

    def _run(self, key: ProvingKey, wtns: bytes) -> tuple[Any, Any]:
        proof, public = (parse_json(text, self.name) for text in rapidsnark.prove(key.zkey, wtns))
        if isinstance(proof, dict):
            proof.setdefault("curve", "bn128")  # it names the protocol only
        return proof, public


BACKENDS = {prover.name: prover for prover in (SnarkjsProver, RapidsnarkProver)}


def backend(name: str) -> Prover:
    """The prover of this name; InputError if there is none."""
    if name not in BACKENDS:
        raise InputError(f"there is no prover {name!r}; there are: {', '.join(BACKENDS)}")
    return BACKENDS[name]()


def _public_signals(witness: bytes, vk: VerifyingKey) -> tuple[int, ...]:
    """The public signals in a witness: after the constant 1 come outputs and public inputs."""
    count = len(vk.ic)
    head = [int.from_bytes(witness[32 * k : 32 * (k + 1)], "little") for k in range(count)]
    if len(witness) % 32 or len(witness) < 32 * count or head[0] != 1 or max(head) >= FIELD:
        raise ToolError("the witness is damaged: it is not a list of field elements that begins with 1")
    return tuple(head[1:])
