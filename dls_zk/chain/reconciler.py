"""Client of the reconciler: deployed and audited, terms of custody, and what is reconciled under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from ..errors import ChainError, InsecureKey, listed
from ..progress import Stage, no_stages
from ..solidity import contracts
from ..solidity.abi import encode, type_of
from ..solidity.calldata import ProofArguments
from ..solidity.contracts import CompiledContract
from ..statement.attestation import Attestation
from ..statement.circuits import RECONCILIATION, of_size, reconciliation_signals
from ..statement.custody import CLASSES, Custody
from ..statement.deployment import DeployedVerifiers, ReconcilerDeployment
from ..statement.ethereum import NOBODY, keccak256
from ..statement.model import Policy
from ..statement.signals import ReconciliationSignals
from ..statement.typed_data import Domain
from .client import Client
from .connection import Block, Chain, Receipt
from .deployment import (
    AuditFinding,
    CheckedKey,
    Transcript,
    audit_key,
    batch_verifier_arguments,
    compiled_verifier,
    create_seen,
    given_to,
    key_hash,
    require_deployable,
    require_deployed,
    transcripts_by_key,
)
from .transactions import Sender

# --- deployed and audited -----------------------------------------------------------------------------------------


def deploy(sender: Sender, keys: Sequence[CheckedKey], stage: Stage = no_stages) -> ReconcilerDeployment:
    """Put the reconciler and keys of reconciliations on a chain, and compare what is there then. Cut off and called again,
    it goes on. InsecureKey for a development key on a chain that is no local development chain, before anything is sent."""
    chain = sender.chain
    require_deployable(chain, keys)
    created: dict[str, str] = {}

    def put(artifact: CompiledContract, *arguments: object) -> str:
        address, mined = create_seen(sender, artifact, *arguments)
        created[address] = mined.hash
        return address

    compiled, deployed = contracts.compile_contracts(), {}
    with stage("Reconciler deployed"):
        reconciler = put(compiled["Reconciler"])
    for key in keys:
        with stage(f"Key of {key.circuit} deployed"):
            deployed[key.circuit] = DeployedVerifiers(
                verifier=put(compiled_verifier(key)),
                batch_verifier=put(compiled["BatchVerifier"], *batch_verifier_arguments(key)),
                key_hash=key_hash(key.vk),
                r1cs_sha256=key.r1cs_sha256,
                insecure=key.insecure,
            )
    deployment = ReconcilerDeployment(chain.chain_id, chain.genesis_hash(), reconciler, deployed, created)
    with stage("Deployed contracts compared"):
        for finding in audit(chain, deployment):
            if finding.fault:
                raise ChainError(f"{finding.contract} at {finding.address}: {finding.fault}; do not use this deployment")
    return deployment


def audit(
    chain: Chain, deployment: ReconcilerDeployment, transcripts: Sequence[Transcript] = (), stage: Stage = no_stages
) -> list[AuditFinding]:
    """Compare the reconciler and its keys with what this package compiles, as ``deployment.audit`` does the others."""
    by_key, artifact = transcripts_by_key(transcripts), contracts.compile_contracts()["Reconciler"]
    _, fault = given_to(chain, artifact, deployment.reconciler, deployment.created)
    findings = [AuditFinding(artifact.name, deployment.reconciler, fault)]
    for circuit, key in deployment.keys.items():
        findings += audit_key(chain, deployment.created, circuit, key, by_key, stage)
    require_deployed(by_key, findings)
    return findings


# --- terms and reconciliations --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Terms:
    """Terms of custody; fields in the order of the contract's struct. venues: attestor and class (0: nobody) of each."""

    slots: int
    verifier: str
    verifier_code: bytes
    batch_verifier: str
    tolerance_ppm: int
    max_sequences: int
    max_age_s: int
    steady_for_s: int
    venues: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class LastReconciled:
    """The last reconciled sequence of a vault, and the second of its prices (Unix); 0 and 0 if none is."""

    sequence: int
    observed_at_s: int


class Reconciler(Client):
    """``Reconciler``: which sequence of a vault is reconciled under which terms. Vaults and terms are known by 32 bytes."""

    @classmethod
    def on(cls, chain: Chain, deployment: ReconcilerDeployment) -> Reconciler:
        """The reconciler of a deployment. ChainError if that is one on another chain."""
        if (chain.chain_id, chain.genesis_hash()) != (deployment.chain_id, deployment.genesis):
            raise ChainError(
                f"the reconciler is on chain {deployment.chain_id}, and {chain.where} is on chain {chain.chain_id} or has "
                "another first block",
                code="wrong_chain",
            )
        return cls(chain, contracts.compile_contracts()["Reconciler"], deployment.reconciler)

    @property
    def domain(self) -> Domain:
        """For which attestations are signed."""
        return Domain(self.chain.chain_id, self.address)

    def terms(self, custody: Custody, policy: Policy, keys: Mapping[str, DeployedVerifiers]) -> Terms:
        """The terms of custody for vaults with a policy. ChainError if no key of the policy's size is deployed."""
        circuit = of_size(policy.size.slots, RECONCILIATION).name
        if circuit not in keys:
            message = f"no key for {circuit} is deployed with the reconciler; there are {listed(keys)}"
            raise ChainError(message, code="unknown_id")
        key = keys[circuit]
        if key.insecure and not self.chain.is_development:
            raise InsecureKey(f"the key of {circuit} is an INSECURE development key, and this is no local development chain")
        venues = [(NOBODY, 0)] * policy.size.venues
        for name, one in custody.venues.items():
            venues[policy.venue_names.index(name)] = (one.attestor, 1 + CLASSES.index(one.attestor_class))
        return Terms(
            policy.size.slots,
            key.verifier,
            keccak256(self.chain.code(key.verifier)),
            key.batch_verifier,
            custody.tolerance_ppm,
            custody.max_sequences,
            custody.max_age_s,
            custody.steady_for_s,
            tuple(venues),
        )

    def name_of(self, terms: Terms) -> bytes:
        """The name of terms, whether they are added or not: the hash of their content."""
        return keccak256(encode([type_of(self.artifact.functions["addTerms"].inputs[0])], [astuple(terms)]))

    def add_terms(self, sender: Sender, terms: Terms) -> bytes:
        """Add terms; their name. Nothing is sent if the reconciler has them."""
        return self.add(sender, "addTerms", "termsOf", astuple(terms), name=self.name_of(terms))

    def expected_signals(
        self, hub: str, vault: bytes, terms: bytes, slots: int, round: int, commitments: Sequence[int]
    ) -> ReconciliationSignals:
        """The public signals that ``reconcile`` would demand now, for these commitments of the attested venues, in order.
        Refused if nothing can be reconciled now."""
        elements = self.read("expectedSignals", hub, vault, terms, round, list(commitments))
        return reconciliation_signals(of_size(slots, RECONCILIATION).name, elements)

    def last(self, hub: str, vault: bytes, terms: bytes, block: Block = "latest") -> LastReconciled:
        """The last reconciliation of a vault under some terms."""
        return LastReconciled(*self.read("lastReconciled", hub, vault, terms, block=block))

    def is_reconciled(self, hub: str, vault: bytes, terms: bytes, sequence: int) -> bool:
        """Whether a sequence, or one of the ``max_sequences`` before it, is reconciled."""
        return bool(self.read("isReconciled", hub, vault, terms, sequence))

    def reconcile(
        self,
        sender: Sender,
        hub: str,
        vault: bytes,
        terms: bytes,
        sequence: int,
        round: int,
        attestations: Sequence[tuple[Attestation, bytes]],
        proof: ProofArguments,
    ) -> Receipt | None:
        """Reconcile a sequence, once. attestations: each with its signature, in the order of the venues.

        None if the sequence is reconciled, and not by a transaction of ours.
        """
        said = [
            (a.venue, a.commitment, a.exclusions_hash, a.accounts_hash, a.observed_at_s, a.steady_since_s, signature)
            for a, signature in attestations
        ]
        return self._send(sender, hub, vault, terms, sequence, round, said, (proof.a, proof.b, proof.c))

    def finish(self, sender: Sender, hub: str, vault: bytes, terms: bytes, sequence: int) -> Receipt | None:
        """The transaction of a run that was cut off, by which a sequence is reconciled; None if there is none.

        Call it of a reconciled sequence only. Nothing is sent: without attestations the reconciler refuses the call.
        """
        head = (*self._calls(sender, "reconcile"), hub, vault.hex(), terms.hex())
        if (*head, sequence) not in sender.interrupted(head):
            return None
        nothing = ((0, 0), ((0, 0), (0, 0)), (0, 0))
        return self._send(sender, hub, vault, terms, sequence, 0, [], nothing)

    def _send(
        self,
        sender: Sender,
        hub: str,
        vault: bytes,
        terms: bytes,
        sequence: int,
        round: int,
        attestations: Sequence[tuple[object, ...]],
        points: tuple[object, ...],
    ) -> Receipt | None:
        return self.act(
            sender,
            "reconcile",
            hub,
            vault,
            terms,
            round,
            attestations,
            points,
            once=(hub, vault.hex(), terms.hex(), sequence),
            is_done=lambda block: self.last(hub, vault, terms, block).sequence >= sequence,
        )
