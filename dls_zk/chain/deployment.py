"""The contracts on a chain: put there, and compared with what this package compiles, by whoever relies on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..errors import ChainError, InsecureKey, listed
from ..groth16 import ceremony as ceremonies
from ..groth16 import zkey
from ..groth16.zkey import VerifyingKey
from ..progress import Stage, no_stages
from ..solidity import contracts, verifiers
from ..solidity.contracts import CompiledContract
from ..statement.circuits import known, of_size
from ..statement.deployment import DeployedKey, DeployedVerifiers, Deployment
from ..statement.ethereum import keccak256
from ..storage.built import BuiltCircuit, ProvingKey
from ..tools import circom, snarkjs
from .client import Client
from .connection import Chain, Receipt
from .creation import NotGenuine, constructor_arguments
from .hub import Hub
from .oracle import Oracle
from .registry import Registry
from .transactions import Call, Sender


@dataclass(frozen=True)
class Protocol:
    """The contracts of a deployment, to be read and acted on."""

    chain: Chain
    deployment: Deployment

    @classmethod
    def on(cls, chain: Chain, deployment: Deployment) -> Protocol:
        """ChainError if the deployment is one on another chain."""
        if (chain.chain_id, chain.genesis_hash()) != (deployment.chain_id, deployment.genesis):
            again = "; was the local chain started again?" if chain.chain_id == deployment.chain_id else ""
            raise ChainError(
                f"the deployment is on chain {deployment.chain_id}, and {chain.where} is on chain {chain.chain_id} or has "
                f"another first block{again}",
                code="wrong_chain",
            )
        return cls(chain, deployment)

    @cached_property
    def contracts(self) -> dict[str, CompiledContract]:
        return contracts.compile_contracts()

    @cached_property
    def share_token(self) -> CompiledContract:
        """The share token, linked with the deployment's libraries."""
        return self.contracts["ShareToken"].linked(self.deployment.libraries)

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.chain, self.contracts["PolicyRegistry"], self.deployment.policy_registry)

    @cached_property
    def oracle(self) -> Oracle:
        return Oracle(self.chain, self.contracts["PriceOracle"], self.deployment.price_oracle)

    @cached_property
    def hub(self) -> Hub:
        return Hub(self.chain, self.contracts["RebalanceHub"], self.deployment.hub, self.deployment.block)

    def key_for(self, slots: int) -> bytes:
        """The name of the deployed key for books of a size; ChainError if there is none."""
        name = of_size(slots).name
        if name not in self.deployment.keys:
            message = f"no key for {name} is deployed; there are {listed(self.deployment.keys)}"
            raise ChainError(message, code="unknown_id")
        return bytes.fromhex(self.deployment.keys[name].name[2:])

    def key_hash(self, name: bytes) -> str:
        """The hash of a key (by its name on the hub) as its batch verifier has it, hex with 0x."""
        contract = Client(self.chain, self.contracts["BatchVerifier"], self.hub.key(name).batch_verifier)
        return "0x" + bytes(contract.read("keyHash")).hex()


# --- keys that may be deployed ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CheckedKey:
    """A verifying key that was found sound for a circuit. insecure: whether it is a development key."""

    circuit: str
    vk: VerifyingKey
    r1cs_sha256: str
    insecure: bool


def checked_key(key: ProvingKey, circuit: BuiltCircuit) -> CheckedKey:
    """An installed key, once everything that can be known of it is found right.

    InsecureKey for one that ``key_lint.lint`` finds fault with; ArtifactError if it is not for this constraint system, or if
    the verification key beside it is another's.
    """
    read = zkey.read_zkey(key.zkey)
    from ..groth16 import key_lint  # it brings py_ecc

    key_lint.require_sound(read, n_public=len(known(circuit.name).signals))
    zkey.require_for_circuit(key.zkey, circuit.r1cs)
    vk = zkey.verifying_key(key)
    if vk != read.verifying_key:
        raise InsecureKey(f"{key.verification_key} is not the verification key of {key.zkey}; install the key again")
    return CheckedKey(circuit.name, vk, circuit.r1cs_sha256, zkey.is_development(read, circuit.r1cs_sha256))


def key_hash(vk: VerifyingKey) -> str:
    """keccak256 of a key's words, as ``BatchVerifier.keyHash`` has it; hex with 0x."""
    return "0x" + keccak256(_bytes(vk.words())).hex()


def _bytes(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in words)


def compiled_verifier(key: CheckedKey) -> CompiledContract:
    """The contract that snarkjs generates for a key."""
    name = verifiers.contract_name(key.circuit)
    return contracts.compile_verifiers({name: verifiers.contract_source(key.vk, key.circuit, insecure=key.insecure)})[name]


# --- deploying ----------------------------------------------------------------------------------------------------


def deploy(sender: Sender, keys: Sequence[CheckedKey], stage: Stage = no_stages) -> Deployment:
    """Put all contracts and these keys on a chain, and compare what is there then. Cut off and called again, it goes on.

    InsecureKey for a development key on a chain that is no local development chain, before anything is sent.
    """
    chain = sender.chain
    require_deployable(chain, keys)
    created: dict[str, str] = {}
    blocks: list[int] = []

    def put(artifact: CompiledContract, *arguments: object) -> str:
        address, mined = create_seen(sender, artifact, *arguments)
        created[address] = mined.hash
        blocks.append(mined.block)
        return address

    compiled = contracts.compile_contracts()
    with stage("Contracts deployed"):
        libraries = {name: put(compiled[name]) for name in _libraries(compiled)}
        registry = put(compiled["PolicyRegistry"].linked(libraries))
        oracle = put(compiled["PriceOracle"])
        hub = Hub(chain, compiled["RebalanceHub"], put(compiled["RebalanceHub"], oracle, registry))
        block = min(blocks) - 1
    deployed = {}
    for key in keys:
        with stage(f"Key of {key.circuit} deployed"):
            verifier = put(compiled_verifier(key))
            batch_verifier = put(compiled["BatchVerifier"], *batch_verifier_arguments(key))
            deployed[key.circuit] = DeployedKey(
                name="0x" + hub.add_key(sender, verifier, batch_verifier, known(key.circuit).size.slots).hex(),
                verifier=verifier,
                batch_verifier=batch_verifier,
                key_hash=key_hash(key.vk),
                r1cs_sha256=key.r1cs_sha256,
                insecure=key.insecure,
            )
    deployment = Deployment(
        chain_id=chain.chain_id,
        genesis=chain.genesis_hash(),
        block=block,
        hub=hub.address,
        policy_registry=registry,
        price_oracle=oracle,
        libraries=libraries,
        keys=deployed,
        created=created,
    )
    with stage("Deployed contracts compared"):
        require_sound(Protocol.on(chain, deployment))
    return deployment


def require_deployable(chain: Chain, keys: Sequence[CheckedKey]) -> None:
    """InsecureKey for a development key on a chain that is no local development chain."""
    for key in keys:
        if key.insecure and not chain.is_development:
            raise InsecureKey(
                f"the key of {key.circuit} is an INSECURE development key, and {chain.where} (chain {chain.chain_id}) is "
                "no local development chain: anyone could forge proofs. Use a key from `dls-zk setup ceremony`"
            )


def _libraries(compiled: Mapping[str, CompiledContract]) -> list[str]:
    """Names of the contracts that others are linked with; these are linked with none."""
    return sorted({name for artifact in compiled.values() for name in artifact.links})


def create(sender: Sender, artifact: CompiledContract, *arguments: object) -> str:
    """Deploy a contract, once for an account and the same code and arguments; its address."""
    return create_seen(sender, artifact, *arguments)[0]


def create_seen(sender: Sender, artifact: CompiledContract, *arguments: object) -> tuple[str, Receipt]:
    """As ``create``, with the transaction."""
    call = Call.deploying(artifact, *arguments)
    mined = sender.perform(
        ("deploy", sender.chain.chain_id, artifact.name, sender.address, keccak256(call.data).hex()), call
    )
    if not mined or not mined.contract_address:
        raise ChainError(f"{artifact.name} was not deployed: its transaction has no contract address")
    return mined.contract_address, mined


def batch_verifier_arguments(key: CheckedKey) -> tuple[object, ...]:
    """What the constructor of a key's ``BatchVerifier`` takes."""
    return _struct(key.vk), key.insecure


def _struct(vk: VerifyingKey) -> tuple[object, ...]:
    """``IBatchVerifier.VerifyingKey``."""
    words = vk.words()
    return words[:2], words[2:6], words[6:10], words[10:14], [words[k : k + 2] for k in range(14, len(words), 2)]


def _from_struct(struct: Sequence[Any]) -> VerifyingKey:
    """The key of an ``IBatchVerifier.VerifyingKey``."""
    *points, ic = struct
    return VerifyingKey.from_words([word for point in (*points, *ic) for word in point])


# --- comparing ----------------------------------------------------------------------------------------------------


class Ceremony(StrEnum):
    """What is known of the setup that made a key."""

    DEVELOPMENT = "none: a development key"
    NOT_CHECKED = "not checked"
    REFUSED = "refused"
    VERIFIED = "verified"


@dataclass(frozen=True)
class AuditFinding:
    """What was found of one contract. fault: what is wrong, "" if nothing is.

    Of a contract that holds a key, and else None or empty: circuit, by its name. key_hash: of the key, hex with 0x.
    insecure: it is a development key. ceremony: what is known of the setup that made the key. contributions: the names in
    its transcript, if that was verified.
    """

    contract: str
    address: str
    fault: str
    circuit: str | None = None
    key_hash: str | None = None
    insecure: bool = False
    ceremony: Ceremony | None = None
    contributions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transcript:
    """A ceremony's final key, which holds all its contributions, and the powers of tau that it started from.

    ptau_blake2b: as in ``ceremony.verify``.
    """

    final_key: Path
    ptau: Path
    ptau_blake2b: str | None = None


def require_sound(protocol: Protocol) -> None:
    """ChainError with the first fault that ``audit`` finds."""
    for finding in audit(protocol):
        if finding.fault:
            raise ChainError(f"{finding.contract} at {finding.address}: {finding.fault}; do not use this deployment")


def audit(protocol: Protocol, transcripts: Sequence[Transcript] = (), stage: Stage = no_stages) -> list[AuditFinding]:
    """Compare what is on the chain with what this package compiles: for a depositor, who trusts no deployer.

    The creation code of each contract, byte by byte, and the arguments of its constructor; of each key that both verifiers
    hold the same one, that its hash is the one in the deployment file, that ``key_lint.lint`` finds no fault with it, that
    its circuit is the one that this package builds, and that it is no development key, unless the chain is for development.
    The deployment file is believed in nothing of this. That it is the key of the circuit and of an honest ceremony only the
    ceremony's transcript says, which is verified if it is among ``transcripts``.

    InsecureKey for a transcript of a key that is not deployed; ArtifactError or InputError for one that cannot be read.
    """
    by_key = transcripts_by_key(transcripts)
    findings = list(_audit_contracts(protocol))
    chain, created = protocol.chain, protocol.deployment.created
    for name, key in protocol.deployment.keys.items():
        findings += audit_key(chain, created, name, key, by_key, stage, partial(_hub_fault, protocol, name, key))
    require_deployed(by_key, findings)
    return findings


def transcripts_by_key(transcripts: Sequence[Transcript]) -> dict[str, Transcript]:
    """Transcripts by the hash of the key that each leads to."""
    return {key_hash(zkey.read_zkey(one.final_key).verifying_key): one for one in transcripts}


def require_deployed(by_key: Mapping[str, Transcript], findings: Sequence[AuditFinding]) -> None:
    """InsecureKey for a transcript of a key that is not among the deployed ones."""
    audited = {finding.key_hash for finding in findings}
    for hash_, transcript in by_key.items():
        if hash_ not in audited:
            raise InsecureKey(
                f"this ceremony's key ({hash_}) is not deployed; the deployed keys come from elsewhere, do not rely on them",
                str(transcript.final_key),
            )


def _audit_contracts(protocol: Protocol) -> Iterator[AuditFinding]:
    deployment, compiled = protocol.deployment, protocol.contracts
    for artifact, address in (
        *((compiled[name], deployment.libraries[name]) for name in _libraries(compiled)),
        (compiled["PolicyRegistry"].linked(deployment.libraries), deployment.policy_registry),
        (compiled["PriceOracle"], deployment.price_oracle),
    ):
        yield AuditFinding(artifact.name, address, given_to(protocol.chain, artifact, address, deployment.created)[1])
    given, fault = given_to(protocol.chain, compiled["RebalanceHub"], deployment.hub, deployment.created)
    for name, held, expected in zip(
        ("oracle", "registry"), given, (deployment.price_oracle, deployment.policy_registry), strict=False
    ):
        if held != expected:
            fault = f"its {name} is not the one of the deployment"
    yield AuditFinding("RebalanceHub", deployment.hub, fault)


def _hub_fault(protocol: Protocol, circuit: str, deployed: DeployedKey) -> str:
    """What is wrong with the contracts that the hub has for a key of this name ("": nothing)."""
    on_hub = protocol.hub.key(bytes.fromhex(deployed.name[2:]))
    expected = (deployed.verifier, deployed.batch_verifier, known(circuit).size.slots)
    is_same = (on_hub.verifier, on_hub.batch_verifier, on_hub.slots) == expected
    return "" if is_same else f"the hub has other contracts for key {deployed.name}"


def audit_key(
    chain: Chain,
    created: Mapping[str, str],
    circuit: str,
    deployed: DeployedVerifiers,
    transcripts: Mapping[str, Transcript],
    stage: Stage,
    used_fault: Callable[[], str] = lambda: "",
) -> Iterator[AuditFinding]:
    """What ``audit`` finds of one key. created: as in the deployment. used_fault: what is wrong where the key is used."""
    name = f"BatchVerifier of {circuit}"
    batch_verifier = contracts.compile_contracts()["BatchVerifier"]
    given, fault = given_to(chain, batch_verifier, deployed.batch_verifier, created)
    if fault:
        yield AuditFinding(name, deployed.batch_verifier, fault)
        return
    struct, called_insecure = given
    vk = _from_struct(struct)
    own_circuit = circom.compile_circuit(circuit)
    # A mark in the file, or on the chain, can make a key insecure, and not secure.
    insecure = deployed.insecure or called_insecure or zkey.is_development(vk, own_circuit.r1cs_sha256)
    from ..groth16 import key_lint  # it brings py_ecc

    faults = key_lint.lint(vk, n_public=len(known(circuit).signals))
    if insecure and not chain.is_development:
        faults.append("it has an INSECURE development key, and this is no local development chain: anybody can forge proofs")
    if own_circuit.r1cs_sha256 != deployed.r1cs_sha256:
        faults.append("the deployment file names another circuit than this version of dls-zk builds")
    if key_hash(vk) != deployed.key_hash:
        faults.append("its key is not the one of the deployment")
    if not deployed.insecure == called_insecure == insecure:
        faults.append("the deployment file says otherwise whether its key is a development key")
    if fault := used_fault():
        faults.append(fault)
    ceremony = Ceremony.DEVELOPMENT if insecure else Ceremony.NOT_CHECKED
    contributions: tuple[str, ...] = ()
    if transcript := transcripts.get(key_hash(vk)):
        with stage(f"Ceremony of {circuit} verified"):
            ceremony, contributions, fault = _verified(transcript, vk, own_circuit)
        faults += [fault] if fault else []
    yield AuditFinding(
        name, deployed.batch_verifier, "; ".join(faults), circuit, key_hash(vk), insecure, ceremony, contributions
    )
    verifier = compiled_verifier(CheckedKey(circuit, vk, own_circuit.r1cs_sha256, insecure))
    yield AuditFinding(verifier.name, deployed.verifier, given_to(chain, verifier, deployed.verifier, created)[1])


def _verified(transcript: Transcript, vk: VerifyingKey, circuit: BuiltCircuit) -> tuple[Ceremony, tuple[str, ...], str]:
    """What a transcript says of a key, the names of its contributions, and what is wrong with it ("": nothing)."""
    try:
        final = ceremonies.verify(
            transcript.final_key,
            transcript.ptau,
            circuit.r1cs,
            run=snarkjs.run_command,
            ptau_blake2b=transcript.ptau_blake2b,
        )
    except InsecureKey as error:
        return Ceremony.REFUSED, (), f"its ceremony is refused: {error}"
    if final.verifying_key != vk:  # the file has changed meanwhile
        return Ceremony.REFUSED, (), f"{transcript.final_key} is another key by now"
    return Ceremony.VERIFIED, tuple(one.name for one in final.contributions), ""


def given_to(
    chain: Chain, artifact: CompiledContract, address: str, created: Mapping[str, str]
) -> tuple[tuple[Any, ...], str]:
    """What the constructor of a contract was given, and what is wrong with its creation ("": nothing)."""
    try:
        return constructor_arguments(chain, artifact, address, created[address]), ""
    except NotGenuine as error:
        return (), str(error)
