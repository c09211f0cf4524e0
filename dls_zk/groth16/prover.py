"""Making proofs: one small interface and its backends.

No backend is trusted, ours no more than the others. snarkjs ends well on a damaged key or a false witness and gives an
invalid proof, so the key's hash is compared before, and every proof is verified before it is returned.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import ClassVar

from ..errors import DlsError, InputError, ProofInvalid, ToolError
from ..statement.constants import FIELD
from ..storage.built import ProvingKey
from ..storage.strict_json import parse_json
from ..tools import native as tools_native
from ..tools import rapidsnark, snarkjs
from . import native, native_verifier, verifier, zkey
from .proof import Proof
from .witness import to_wtns
from .zkey import VerifyingKey

logger = logging.getLogger("dls_zk")


class Prover(ABC):
    """Makes Groth16 proofs from a proving key and a witness."""

    name: ClassVar[str]

    def prove(self, key: ProvingKey, witness: bytes) -> Proof:
        """A proof for ``witness`` (from ``witness.WitnessCalculator``), verified.

        ArtifactError if the key is damaged. ToolError if the backend fails, or if its proof does not verify, as
        happens when the witness does not satisfy the circuit of the key.
        """
        proof = self.make(key, witness)
        self.require_holds(key, proof)
        return proof

    def make(self, key: ProvingKey, witness: bytes, threads: int | None = None) -> Proof:
        """As ``prove``, but nobody has verified the proof. threads: as ``_run`` takes them."""
        signals = _public_signals(witness, zkey.verifying_key(key))
        try:
            proof = self._run(key, witness, signals, threads)
            if proof.signals != signals:
                raise ProofInvalid("its public signals are not those of the witness")
        except (InputError, ProofInvalid) as error:
            raise self._does_not_verify(key, error) from None
        return proof

    def require_holds(self, key: ProvingKey, proof: Proof) -> None:
        """Return if a proof that this prover made holds; else ToolError."""
        try:
            _require_holds(zkey.verifying_key(key), proof)
        except (InputError, ProofInvalid) as error:
            raise self._does_not_verify(key, error) from None

    def hold_together(self, key: ProvingKey, proofs: Sequence[Proof]) -> bool:
        """Whether many proofs that this prover made all hold, by one equation. If not, or if there is no core to compute it,
        ``require_holds`` says of each whether it does."""
        try:
            return tools_native.ready() and native_verifier.hold_together(zkey.verifying_key(key), proofs)
        except ToolError:
            return False

    def at_once(self) -> int:
        """Proofs to make at the same time, each by one thread, so that many take the least time."""
        return 1

    def _does_not_verify(self, key: ProvingKey, error: DlsError) -> ToolError:
        return ToolError(
            f"{self.name} made a proof for {key.circuit} that does not verify ({error}); "
            "the witness is not one of this circuit, or the tool is broken"
        )

    @abstractmethod
    def _run(self, key: ProvingKey, witness: bytes, signals: tuple[int, ...], threads: int | None) -> Proof:
        """The proof as the backend makes it. signals: the public ones of the witness. threads: None for one a processor; a
        backend that is a program of its own has as many as it likes."""


class NativeProver(Prover):
    """The native core of this package: the fastest."""

    name = "native"

    def _run(self, key: ProvingKey, witness: bytes, signals: tuple[int, ...], threads: int | None) -> Proof:
        ax, ay, bx, bx_i, by, by_i, cx, cy = native.prove(key, witness, threads or native.threads())
        return Proof(key.circuit, (ax, ay), ((bx, bx_i), (by, by_i)), (cx, cy), signals)

    def at_once(self) -> int:
        return native.threads()


class SnarkjsProver(Prover):
    """snarkjs in a Node process that stays, so that a key is read once."""

    name = "snarkjs"

    def _run(self, key: ProvingKey, witness: bytes, signals: tuple[int, ...], threads: int | None) -> Proof:
        answer = snarkjs.worker().prove(key.zkey, key.zkey_sha256, to_wtns(witness))
        return Proof.from_snarkjs(key.circuit, answer["proof"], answer["public"], where=self.name)


class RapidsnarkProver(Prover):
    """rapidsnark, if its binary is on the PATH: several times faster."""

    name = "rapidsnark"

    def _run(self, key: ProvingKey, witness: bytes, signals: tuple[int, ...], threads: int | None) -> Proof:
        proof, public = (parse_json(text, self.name) for text in rapidsnark.prove(key.zkey, to_wtns(witness)))
        if isinstance(proof, dict):
            proof.setdefault("curve", "bn128")  # it names the protocol only
        return Proof.from_snarkjs(key.circuit, proof, public, where=self.name)


_PROVERS = {prover.name: prover for prover in (NativeProver, RapidsnarkProver, SnarkjsProver)}

#: ``auto``, and the names of the provers, the one that it prefers first.
BACKENDS = ("auto", *_PROVERS)


def backend(name: str = "auto") -> Prover:
    """The prover of this name, or the fastest that this machine has. InputError if there is none of this name.

    Where the native core cannot be had, ``auto`` says why in one line of the log.
    """
    if name not in BACKENDS:
        raise InputError(f"there is no prover {name!r}; there are: {', '.join(BACKENDS)}")
    return _PROVERS[_fastest() if name == "auto" else name]()


@cache
def _fastest() -> str:
    reason = tools_native.why_not()
    if not reason:
        return NativeProver.name
    slower = (RapidsnarkProver if rapidsnark.program() else SnarkjsProver).name
    logger.warning("Proofs are made by %s: %s", slower, reason)
    return slower


def _require_holds(vk: VerifyingKey, proof: Proof) -> None:
    """That the key is sound was seen when it was set up, and is looked at by ``verify`` and ``submit``."""
    if tools_native.ready():
        native_verifier.require_holds(vk, proof)
    else:
        verifier.verify("pyecc", vk, proof)


def _public_signals(witness: bytes, vk: VerifyingKey) -> tuple[int, ...]:
    """The public signals in a witness: after the constant 1 come outputs and public inputs."""
    count = len(vk.ic)
    head = [int.from_bytes(witness[32 * k : 32 * (k + 1)], "little") for k in range(count)]
    if len(witness) % 32 or len(witness) < 32 * count or head[0] != 1 or max(head) >= FIELD:
        raise ToolError("the witness is damaged: it is not a list of field elements that begins with 1")
    return tuple(head[1:])
