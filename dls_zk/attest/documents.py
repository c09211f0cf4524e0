"""Attestations and their openings as files: what an operator is given, and what it does with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DlsError, InputError
from ..files.attest import (
    ATTESTATION_FORMAT,
    ATTESTATION_OPENING_FORMAT,
    AttestationFile,
    AttestationOpeningFile,
)
from ..files.text import FILE_LIMIT
from ..files.validation import validate
from ..statement.attestation import Account, Attestation, Exclusion, accounts_hash, exclusions_hash
from ..statement.circuits import of_size
from ..statement.commitments import attestation_commitment
from ..statement.model import Opening, Policy, Secret
from ..statement.typed_data import Domain
from ..storage.disk import read_limited
from ..storage.strict_json import parse_json


class AttestationInvalid(DlsError):
    """An attestation that its attestor did not sign, or that is not the one that was asked for."""

    code = "attestation_invalid"


@dataclass(frozen=True)
class SignedAttestation:
    """An attestation with everything that a person needs to judge it. attestor: address with checksum."""

    domain: Domain
    attestor: str
    attestation: Attestation
    accounts: tuple[Account, ...]
    exclusions: tuple[Exclusion, ...]
    signature: bytes

    def digest(self) -> bytes:
        """What the attestor signed."""
        return self.attestation.typed_data(self.domain).digest()

    def to_document(self) -> dict[str, Any]:
        """As it is written to a file."""
        said = self.attestation
        return {
            "format": ATTESTATION_FORMAT,
            "chain_id": self.domain.chain_id,
            "contract": self.domain.verifying_contract,
            "attestor": self.attestor,
            "vault_id": f"0x{said.vault_id.hex()}",
            "venue": said.venue,
            "policy_hash": f"0x{said.policy_hash:064x}",
            "commitment": f"0x{said.commitment:064x}",
            "observed_at": said.observed_at_s,
            "steady_since": said.steady_since_s,
            "accounts": [{"name": one.name, "id": f"0x{one.id.hex()}"} for one in self.accounts],
            "exclusions": [
                {"account": one.account, "instrument": one.instrument, "reason": one.reason} for one in self.exclusions
            ],
            "signature": f"0x{self.signature.hex()}",
        }

    @classmethod
    def of(cls, document: object, where: str) -> SignedAttestation:
        """From a document as it is written. The hashes of accounts and exclusions are computed, so the signature holds for
        them too. InputError."""
        file = validate(AttestationFile, document, where)
        accounts = tuple(Account(one.name, bytes.fromhex(one.id[2:])) for one in file.accounts)
        exclusions = tuple(Exclusion(one.account, one.instrument, one.reason) for one in file.exclusions)
        said = Attestation(
            vault_id=bytes.fromhex(file.vault_id[2:]),
            venue=file.venue,
            policy_hash=int(file.policy_hash, 16),
            commitment=int(file.commitment, 16),
            exclusions_hash=exclusions_hash(exclusions),
            accounts_hash=accounts_hash(accounts),
            observed_at_s=file.observed_at,
            steady_since_s=file.steady_since,
        )
        if not said.steady_since_s <= said.observed_at_s < 1 << 40:
            raise InputError("steady_since is after observed_at, or observed_at is no second", where)
        signature = bytes.fromhex(file.signature[2:])
        return cls(Domain(file.chain_id, file.contract), file.attestor, said, accounts, exclusions, signature)


def read_attestation(path: Path) -> SignedAttestation:
    """Read an attestation (JSON). InputError."""
    return SignedAttestation.of(parse_json(read_limited(path, FILE_LIMIT), str(path)), str(path))


@dataclass(frozen=True, repr=False)
class AttestedOpening(Secret):
    """What opens an attestation: the quantities of the venue's slots, with the names of all slots."""

    opening: Opening
    instruments: tuple[str, ...]


def opening_document(signed: SignedAttestation, policy: Policy, opening: Opening) -> bytes:
    """The opening of an attestation, as it is sealed for the operator."""
    said = signed.attestation
    document = {
        "format": ATTESTATION_OPENING_FORMAT,
        "circuit": of_size(len(opening.quantities_e6)).name,
        "chain_id": signed.domain.chain_id,
        "contract": signed.domain.verifying_contract,
        "vault_id": f"0x{said.vault_id.hex()}",
        "venue": said.venue,
        "observed_at": said.observed_at_s,
        "commitment": f"0x{said.commitment:064x}",
        "instruments": [slot.instrument for slot in policy.slots],
        "quantities": [str(quantity) for quantity in opening.quantities_e6],
        "salt": f"0x{opening.salt:064x}",
    }
    AttestationOpeningFile.model_validate(document)
    return json.dumps(document, indent=2).encode() + b"\n"


def read_opening(content: bytes, signed: SignedAttestation, where: str) -> AttestedOpening:
    """The opening of this attestation, from what was sealed.

    InputError, without the content, if it is another's, or does not open the commitment.
    """
    file = validate(AttestationOpeningFile, parse_json(content, where), where, known=set())
    opening = Opening(file.quantities, int(file.salt, 16))
    said = signed.attestation
    if int(file.commitment, 16) != said.commitment or attestation_commitment(opening) != said.commitment:
        raise InputError("does not open the commitment of the attestation", where, code="opening_mismatch")
    return AttestedOpening(opening, file.instruments)
