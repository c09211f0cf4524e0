"""Every verifier that there is, under one development key, and proofs under that key for any public signals.

pyecc, snarkjs    dls_zk.verifier
native            the native core's pairing, for the proof alone and for three proofs at once
hub               a contract that asks the generated verifier as the hub does (Judge.sol, with the hub's own library)
evm               dls_zk.operations, with the generated verifier in pyrevm, where that is installed
contract alone    the generated verifier, given the numbers as they are; also in pyrevm
batch             BatchVerifier, with this one proof; also with its price words given as shared by all
batch of three    BatchVerifier, with the proof between two good ones
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from eth_utils import function_signature_to_4byte_selector
from py_ecc.optimized_bn128 import G1, add, multiply, neg, normalize

from dls_zk import chain, operations
from dls_zk.audit.simulator import g1, g2
from dls_zk.chain import Chain, Question, Refused
from dls_zk.chain.connection import VERIFY_GAS
from dls_zk.errors import ProofInvalid
from dls_zk.groth16 import native_verifier, pyecc_verifier, verifier, zkey
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.zkey import _DEV_LABEL, VerifyingKey
from dls_zk.solidity import contracts, verifiers
from dls_zk.solidity.contracts import CompiledContract
from dls_zk.statement.circuits import of_size
from dls_zk.statement.constants import FIELD
from dls_zk.statement.signals import NAMES
from dls_zk.storage.built import ProvingKey
from dls_zk.tools import foundry, revm

#: More than any of the contracts needs for three proofs.
from tests.support.sending import deployed

GAS = 3_000_000

#: The generated verifier takes a proof whose A.y has q added, because it negates A modulo q. Hence the hub's own check.
LENIENT = "contract alone"
LENIENT_IN_PROCESS = "contract alone, in pyrevm"


class Simulator:
    """Proofs of any public signals under a development key: its secrets are known to everybody (node/dev_setup.mjs)."""

    def __init__(self, key: ProvingKey, vk: VerifyingKey) -> None:
        self.circuit, self.vk = key.circuit, vk
        seed = _DEV_LABEL + bytes.fromhex(key.r1cs_sha256)
        self.alpha, self.beta, self.delta = (_secret(seed + name) for name in (b"alpha", b"beta", b"delta"))
        assert (g1(self.alpha), g2(self.beta), g2(1), g2(self.delta)) == (vk.alpha1, vk.beta2, vk.gamma2, vk.delta2)

    def prove(self, signals: Sequence[int], rng: Random) -> Proof:
        """C = ((a·b − α·β)·G − Σ xᵢ·ICᵢ) / δ for random a and b: without a book, a witness or a prover."""
        a, b = rng.randrange(1, FIELD), rng.randrange(1, FIELD)
        point = multiply(G1, (a * b - self.alpha * self.beta) % FIELD)
        for signal, ic in zip((1, *signals), self.vk.ic, strict=True):
            point = add(point, neg(multiply(pyecc_verifier.to_g1(ic), signal)))
        x, y = normalize(multiply(point, pow(self.delta, -1, FIELD)))
        return Proof(self.circuit, g1(a), g2(b), (int(x), int(y)), tuple(signals))


def _secret(seed: bytes) -> int:
    halves = (hashlib.sha256(seed + bytes([i])).digest() for i in range(2))
    return int.from_bytes(b"".join(halves), "big") % FIELD


@dataclass(frozen=True)
class Bench:
    """The verifiers of one key: name → whether it accepts a proof."""

    key: ProvingKey
    vk: VerifyingKey
    simulator: Simulator
    verifiers: dict[str, Callable[[Proof], bool]]
    batch: Callable[..., bool]

    def verdicts(self, proof: Proof) -> dict[str, bool]:
        return {name: holds(proof) for name, holds in self.verifiers.items()}

    def verdict(self, proof: Proof) -> bool:
        """The one verdict of all; AssertionError if they differ."""
        verdicts = self.verdicts(proof)
        lenient = verdicts.pop(LENIENT)
        assert verdicts.pop(LENIENT_IN_PROCESS, lenient) == lenient, "one contract, two verdicts"
        assert len(set(verdicts.values())) == 1, verdicts
        assert lenient or not verdicts["hub"], "the contract alone refuses what the hub takes"
        return verdicts["hub"]


@contextmanager
def bench(slots: int) -> Iterator[Bench]:
    """All verifiers for the development key of this size, the contracts on a chain of their own."""
    circuit = operations.build_circuit(of_size(slots).name)
    key = operations.development_key(circuit)
    vk = zkey.verifying_key(key)
    compiled = _compiled(key, vk)
    simulator = Simulator(key, vk)
    rng = Random(0)
    good = [simulator.prove([rng.randrange(FIELD) for _ in range(vk.n_public)], rng) for _ in range(2)]
    with foundry.anvil() as url:
        local = chain.connect(url)
        generated = deployed(local, compiled[verifiers.contract_name(key.circuit)])
        hub = deployed(local, compiled["Judge"], generated, vk.n_public)
        batch_verifier = deployed(local, compiled["BatchVerifier"], _solidity_key(vk.words()), True)

        def on_hub(proof: Proof) -> bool:
            selector = "holds((uint256[2],uint256[2][2],uint256[2]),uint256[])"
            words = (*_coordinates(proof), 32 * 9, len(proof.signals), *proof.signals)
            return _answer(local, hub, selector, _words(*words))

        def alone(proof: Proof) -> bool:
            selector = f"verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[{len(proof.signals)}])"
            return _answer(local, generated, selector, _words(*_coordinates(proof), *proof.signals))

        def in_process(proof: Proof) -> bool:
            selector = f"verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[{len(proof.signals)}])"
            data = function_signature_to_4byte_selector(selector) + _words(*_coordinates(proof), *proof.signals)
            code = compiled[verifiers.contract_name(key.circuit)].creation_code()
            return revm.call(code, data, VERIFY_GAS) == _words(1)

        def by_operations(proof: Proof) -> bool:
            try:
                operations.verify("evm", operations.installed_target(key), proof)
            except ProofInvalid:
                return False
            return True

        def batch(proofs: Sequence[Proof], shared: Sequence[int] = ()) -> bool:
            """``shared``: signals that end each of the proofs, and are given once."""
            words = [
                w for proof in proofs for w in (*_coordinates(proof), *proof.signals[: len(proof.signals) - len(shared)])
            ]
            arguments = (64, 96 + 32 * len(shared), len(shared), *shared, len(words), *words)
            return _answer(local, batch_verifier, "verify(uint256[],uint256[])", _words(*arguments))

        yield Bench(
            key,
            vk,
            simulator,
            {
                "pyecc": lambda proof: _holds("pyecc", vk, proof),
                "snarkjs": lambda proof: _holds("snarkjs", vk, proof),
                "native": lambda proof: _holds("native", vk, proof),
                "native, with others": lambda proof: native_verifier.hold_together(vk, [good[0], proof, good[1]]),
                "hub": on_hub,
                LENIENT: alone,
                **({"evm": by_operations, LENIENT_IN_PROCESS: in_process} if revm.found() else {}),
                "batch": lambda proof: batch([proof]),
                "batch with shared prices": lambda proof: batch([proof], proof.signals[len(NAMES) - 1 :]),
                "batch of three": lambda proof: batch([good[0], proof, good[1]]),
            },
            batch,
        )


def _holds(name: str, vk: VerifyingKey, proof: Proof) -> bool:
    try:
        verifier.verify(name, vk, proof)
    except ProofInvalid:
        return False
    return True


# --- the contracts, without our own checks before them ------------------------------------------------------------------


def _compiled(key: ProvingKey, vk: VerifyingKey) -> dict[str, CompiledContract]:
    """The generated verifier, the judge with what it imports, and our own contracts."""
    sources = {name: text for name, text in contracts._sources().items() if name in _IMPORTED_BY_JUDGE}
    sources["src/generated/Judge.sol"] = (Path(__file__).parent / "Judge.sol").read_text()
    name = verifiers.contract_name(key.circuit)
    source = verifiers.contract_source(vk, key.circuit, insecure=True)
    return contracts._compiled(sources) | contracts.compile_verifiers({name: source}) | contracts.compile_contracts()


_IMPORTED_BY_JUDGE = ("src/libraries/Groth16.sol", "src/interfaces/IBatchVerifier.sol")


def _answer(local: Chain, address: str, signature: str, arguments: bytes) -> bool:
    """Whether a view function answers true. One that reverts or fails does not."""
    data = function_signature_to_4byte_selector(signature) + arguments
    try:
        answer = local.call(Question(address, data, gas=GAS))
    except Refused:
        return False
    assert answer in (b"", _words(0), _words(1)), answer
    return answer == _words(1)


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def _coordinates(proof: Proof) -> tuple[int, ...]:
    """The eight coordinates as contracts take them: imaginary parts first."""
    return (*proof.pi_a, *proof.pi_b[0][::-1], *proof.pi_b[1][::-1], *proof.pi_c)


def _solidity_key(words: Sequence[int]) -> tuple[object, ...]:
    """``VerifyingKey.words`` as the constructor's struct."""
    ic = [words[k : k + 2] for k in range(14, len(words), 2)]
    return (words[:2], words[2:6], words[6:10], words[10:14], ic)
