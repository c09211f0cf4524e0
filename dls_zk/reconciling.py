"""The operator's side of a reconciliation: collect what attestors say, compare it with the book, prove, and send.

What is compared is as secret as the book. Only names of venues leave it, in the error of a book that more is missing of than
the terms allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import openings, operations
from .attest import client
from .attest.client import Collected, Wanted
from .attest.documents import read_attestation
from .chain.connection import Receipt
from .chain.deployment import Protocol, key_hash
from .chain.hub import ProvenBook
from .chain.oracle import Snapshot
from .chain.reconciler import Reconciler
from .chain.signers import Signer
from .chain.transactions import Sender
from .errors import ArtifactError, ChainError, DlsError, InputError
from .files.attest import ATTESTATION, SEALED
from .groth16 import zkey
from .progress import Stage, no_stages
from .solidity.calldata import ProofArguments
from .statement.circuits import RECONCILIATION, of_size
from .statement.commitments import policy_hash
from .statement.custody import Custody, VenueAttestor
from .statement.deployment import ReconcilerDeployment
from .statement.model import Opening, Policy, Prices, Reconciliation, Secret
from .statement.reconciliation import missing_e14
from .storage.built import ProvingKey


@dataclass(frozen=True)
class Subject:
    """What is to be reconciled: all of it is public. terms: their name on the reconciler. snapshot: of the book's round."""

    protocol: Protocol
    reconciler: Reconciler
    deployment: ReconcilerDeployment
    vault: bytes
    policy: Policy
    custody: Custody
    terms: bytes
    book: ProvenBook
    snapshot: Snapshot

    @classmethod
    def of(
        cls, protocol: Protocol, deployment: ReconcilerDeployment, vault: bytes, policy: Policy, custody: Custody
    ) -> Subject:
        """What the vault's last proof is about. ChainError if nothing can be reconciled now, or the terms are not added;
        InputError for another policy than the vault's."""
        reconciler = Reconciler.on(protocol.chain, deployment)
        terms = reconciler.name_of(reconciler.terms(custody, policy, deployment.keys))
        hub, book = protocol.hub, protocol.hub.proven_book(vault)
        if book.policy_hash != policy_hash(policy):
            text = f"the policy has the hash 0x{policy_hash(policy):064x}, and the vault's mandate 0x{book.policy_hash:064x}"
            raise InputError(text, code="policy_mismatch")
        accepted = hub.accepted(vault, book.sequence) if book.sequence else None
        if book.sequence and accepted is None:
            raise ChainError(
                "the node does not show the event of the last rebalance yet; run this again", code="node_behind"
            )
        round = accepted.round if accepted else 0
        nothing = [0] * len(custody.venues)
        reconciler.expected_signals(hub.address, vault, terms, len(policy.slots), round, nothing)  # refuses in words
        return cls(protocol, reconciler, deployment, vault, policy, custody, terms, book, protocol.oracle.snapshot(round))

    @property
    def attestors(self) -> dict[int, VenueAttestor]:
        """The attestor of each attested venue, by the venue's index, in order."""
        indexed = {self.policy.venue_names.index(name): one for name, one in self.custody.venues.items()}
        return dict(sorted(indexed.items()))

    @property
    def is_reconciled(self) -> bool:
        """Whether the last sequence itself is reconciled already."""
        return self.reconciler.last(self.protocol.hub.address, self.vault, self.terms).sequence >= self.book.sequence

    def wanted(self, venue: int) -> Wanted:
        """What the attestor of a venue is asked for."""
        attestor, second = self.attestors[venue].attestor, self.book.snapshot_timestamp
        return Wanted(self.reconciler.domain, attestor, self.vault, self.policy, venue, second)


# --- collecting ---------------------------------------------------------------------------------------------------


def venues_of(folders: Sequence[Path]) -> dict[int, Path]:
    """The folders of ``attest sign`` by the venue that each is for. InputError, also for two of one venue."""
    by_venue: dict[int, Path] = {}
    for folder in folders:
        venue = read_attestation(folder / ATTESTATION).attestation.venue
        if venue in by_venue:
            raise InputError(f"is of the same venue as {by_venue[venue]}; give one of them", str(folder))
        by_venue[venue] = folder
    return by_venue


def needs_services(subject: Subject, folders: Mapping[int, Path]) -> bool:
    """Whether an attestor has to be asked. InputError for a venue without folder and service, or a folder of no attested
    venue."""
    for venue, folder in folders.items():
        if venue not in subject.attestors:
            raise InputError("is of a venue that nobody may attest by these terms; leave it out", str(folder))
    for venue, attestor in subject.attestors.items():
        if venue not in folders and attestor.service is None:
            name = subject.policy.name_of("venue", venue)
            raise InputError(f"no attestation of {name}: pass its folder with --attested, or name its service", "custody")
    return any(venue not in folders for venue in subject.attestors)


def collect(
    subject: Subject, folders: Mapping[int, Path], signer: Signer | None, identity_file: Path, stage: Stage = no_stages
) -> dict[int, Collected]:
    """The attestation of each attested venue, from its folder or else from its attestor's service, all checked.

    signer: the operator, who signs the requests. DlsError, naming the venue.
    """
    collected = {}
    for venue, attestor in subject.attestors.items():
        name, wanted, chain = subject.policy.name_of("venue", venue), subject.wanted(venue), subject.protocol.chain
        with stage(f"Attestation of {name}"):
            try:
                if folder := folders.get(venue):
                    one = client.read(folder / ATTESTATION, folder / SEALED, wanted, identity_file, chain)
                else:
                    assert signer and attestor.service
                    one = client.collect(attestor.service, wanted, signer, identity_file, chain)
            except DlsError as error:
                raise error.at(name) from None
        _require_steady(subject, name, one)
        collected[venue] = one
    return collected


def _require_steady(subject: Subject, name: str, one: Collected) -> None:
    """As the reconciler does, before anything is proven."""
    if one.attestation.attestation.steady_since_s + subject.custody.steady_for_s > subject.book.snapshot_timestamp:
        raise ChainError(
            f"the holdings were not there for {subject.custody.steady_for_s} s before the round; prove and reconcile at a "
            "later round",
            name,
            code="too_early",
        )


# --- comparing ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class SlotComparison(Secret):
    """A slot of the book beside what its venue's attestor holds. Quantities 1e-6, price USD 1e-8, missing USD 1e-14."""

    venue: int
    instrument: str
    booked_e6: int
    attested_e6: int
    price_usd_e8: int
    missing_e14: int


@dataclass(frozen=True, repr=False)
class Comparison(Secret):
    """The book beside all attestations, at the prices of its round."""

    subject: Subject = field(repr=False)
    reconciliation: Reconciliation
    slots: tuple[SlotComparison, ...]

    @property
    def missing_e14(self) -> int:
        """What the book has more than is attested, USD 1e-14."""
        return sum(slot.missing_e14 for slot in self.slots)

    @property
    def tolerated_e14(self) -> int:
        """The most that may be missing, USD 1e-14, rounded down."""
        return sum(slot.booked_e6 * slot.price_usd_e8 for slot in self.slots) * self.reconciliation.tolerance_ppm // 10**6

    def missing_at_e14(self, venue: int) -> int:
        """What is missing at a venue, USD 1e-14."""
        return sum(slot.missing_e14 for slot in self.slots if slot.venue == venue)


def read_book(path: Path, subject: Subject) -> Opening:
    """The opening of the book that is to be reconciled. InputError for another's."""
    kept, held = openings.read(path), subject.book.commitment
    if kept.commitment != held:
        raise InputError(
            f"opens 0x{kept.commitment:064x}, and the vault holds 0x{held:064x}: "
            f"`dls-zk opening find DIR --commitment 0x{held:064x}` finds the opening to use",
            str(path),
            code="opening_mismatch",
        )
    return kept.opening


def compare(subject: Subject, book: Opening, collected: Mapping[int, Collected]) -> Comparison:
    """The book beside what is attested, slot by slot."""
    prices, tolerance = Prices(subject.snapshot.usd_e8), subject.custody.tolerance_ppm
    attested = {venue: one.opening.opening for venue, one in collected.items()}
    made = Reconciliation.of(subject.policy, prices, tolerance, book, attested)
    values = (made.venues, book.quantities_e6, made.attested_e6, prices.usd_e8, missing_e14(made))
    names = [slot.instrument for slot in subject.policy.slots]
    rows = [
        SlotComparison(venue, name, *rest) for name, venue, *rest in zip(names, *values, strict=True) if name or any(rest)
    ]
    return Comparison(subject, made, tuple(rows))


def require_within_tolerance(comparison: Comparison) -> None:
    """StatementRefused, naming the venues at which too much is missing, and whatever else does not hold."""
    report = operations.check_reconciliation(comparison.reconciliation)
    operations.require(report, "; the book has more than its attestors hold, or another check fails: nothing was proven")


# --- proving and sending ------------------------------------------------------------------------------------------


def prove(
    comparison: Comparison,
    collected: Mapping[int, Collected],
    kind: str | None = None,
    backend: str = "auto",
    stage: Stage = no_stages,
) -> operations.ProvenReconciliation:
    """Prove what the reconciler asks for now. ArtifactError if the installed key is not the deployed one."""
    subject = comparison.subject
    name = of_size(subject.policy.size.slots, RECONCILIATION).name
    with stage("Circuit"):
        circuit = operations.build_circuit(name)
    key = operations.installed_key(circuit, kind)
    _require_deployed(subject.deployment, key, name)
    expected = subject.reconciler.expected_signals(
        subject.protocol.hub.address,
        subject.vault,
        subject.terms,
        subject.policy.size.slots,
        subject.snapshot.round,
        [one.attestation.attestation.commitment for one in collected.values()],
    )
    return operations.prove_reconciliation(comparison.reconciliation, key, circuit, backend, stage, expected)


def _require_deployed(deployment: ReconcilerDeployment, key: ProvingKey, circuit: str) -> None:
    deployed = deployment.keys[circuit].key_hash
    if key_hash(zkey.verifying_key(key)) != deployed:
        raise ArtifactError(
            f"the installed key of {circuit} is not the deployed one ({deployed}); install that, or choose with --key",
            str(key.zkey),
        )


def submit(
    subject: Subject, collected: Mapping[int, Collected], proven: operations.ProvenReconciliation, sender: Sender
) -> Receipt | None:
    """Bring a proof to the reconciler, once; None if somebody else has reconciled the sequence meanwhile."""
    return subject.reconciler.reconcile(
        sender,
        subject.protocol.hub.address,
        subject.vault,
        subject.terms,
        subject.book.sequence,
        subject.snapshot.round,
        [(one.attestation.attestation, one.attestation.signature) for one in collected.values()],
        ProofArguments.from_proof(proven.proof),
    )
