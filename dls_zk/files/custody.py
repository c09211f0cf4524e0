"""What an operator writes and keeps for reconciliations: the terms of custody, and where the reconciler is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import model_validator

from ..errors import InputError, listed
from ..statement.circuits import RECONCILIATION, of_family
from ..statement.constants import MAX_TOLERANCE_PPM
from ..statement.custody import CLASSES, MAX_AGE_S, MAX_SEQUENCES, STEADY_PART, Custody, VenueAttestor
from ..statement.deployment import DeployedVerifiers, ReconcilerDeployment
from ..statement.model import Policy
from ..storage.disk import read_limited, write_new
from ..storage.strict_json import parse_json
from .documents import DeployedVerifiersFields
from .text import FILE_LIMIT, read_yaml
from .validation import validate
from .values import Bytes32, ChecksumAddress, Document, Fixed, Line, Whole, one_of, quote

RECONCILER_FORMAT = "dls-zk/reconciler/v1"


class VenueAttestorFields(Document):
    """Who attests a venue."""

    attestor: ChecksumAddress
    """account that signs for the venue, or a contract that accepts its signatures (ERC-1271)"""
    attestor_class: one_of(CLASSES)  # type: ignore[valid-type]
    """how far the attestor is from the operator: operator, administrator, custodian, enclave or chain state"""
    service: Line | None = None
    """URL of the attestor's service (https, or http on this machine); absent: its attestation comes as files"""


class CustodyFile(Document):
    """What a vault has to show of its custody: public."""

    tolerance: Annotated[int, Fixed(4, 0, MAX_TOLERANCE_PPM, "%")]
    """how much of NAV the book may have more than is attested, at most 2%"""
    max_sequences: Annotated[int, Fixed(0, *MAX_SEQUENCES)]
    """how many rebalances after a reconciled one still count as reconciled, from 1 to 255"""
    max_age: Annotated[int, Fixed(0, *MAX_AGE_S, " s")]
    """age of the last reconciliation after which its attestors may be replaced, from an hour to 90 days"""
    steady_for: Annotated[int, Fixed(0, 0, MAX_AGE_S[1], " s")]
    """how long the holdings must have been there before they are attested, at most a quarter of max_age"""
    venues: dict[str, VenueAttestorFields]
    """who attests each venue, by its name in the policy; venues that are not named are attested by nobody"""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.venues:
            raise ValueError("venues: name one at least")
        if self.steady_for > self.max_age // STEADY_PART:
            raise ValueError("steady_for: more than a quarter of max_age")
        return self

    def to_custody(self) -> Custody:
        venues = {name: VenueAttestor(**one.model_dump()) for name, one in self.venues.items()}
        return Custody(self.tolerance, self.max_sequences, self.max_age, self.steady_for, venues)


class ReconcilerFile(Document):
    """Where the reconciler is on a chain, with the verifying keys of reconciliations: public."""

    format: Literal["dls-zk/reconciler/v1"]
    """format and version of this file"""
    chain_id: Whole
    """EIP-155 chain id"""
    genesis: Bytes32
    """hash of the chain's first block: every local development chain has the same id"""
    reconciler: ChecksumAddress
    """Reconciler"""
    keys: dict[str, DeployedVerifiersFields]
    """the verifying key of each circuit, by the circuit's name"""
    created: dict[ChecksumAddress, Bytes32]
    """hash of the transaction that created each of these contracts, by the contract's address"""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        names = [circuit.name for circuit in of_family(RECONCILIATION)]
        for circuit in self.keys:
            if circuit not in names:
                raise ValueError(f"keys: {quote(circuit)} is none of {', '.join(names)}")
        verifiers = (address for key in self.keys.values() for address in (key.verifier, key.batch_verifier))
        for address in (self.reconciler, *verifiers):
            if address not in self.created:
                raise ValueError(f"created: the transaction of {address} is missing")
        return self

    def to_deployment(self) -> ReconcilerDeployment:
        keys = {name: DeployedVerifiers(**key.model_dump()) for name, key in self.keys.items()}
        return ReconcilerDeployment(**self.model_dump(exclude={"format", "keys"}), keys=keys)


CUSTODY_DOCUMENTS: dict[str, type[Document]] = {"custody": CustodyFile, "reconciler": ReconcilerFile}


def read_custody(path: str | Path, policy: Policy) -> Custody:
    """Read the terms of custody (YAML). InputError, also for a venue that the policy does not name."""
    custody = validate(CustodyFile, read_yaml(path, secret=False), path).to_custody()
    for name in custody.venues:
        if name not in policy.venue_names:
            raise InputError(f"unknown venue {quote(name)}; the policy has {listed(policy.venue_names)}", f"{path}: venues")
    return custody


def read_reconciler(path: str | Path) -> ReconcilerDeployment:
    """Read where the reconciler is (JSON). InputError."""
    document = parse_json(read_limited(Path(path), FILE_LIMIT), str(path))
    return validate(ReconcilerFile, document, path).to_deployment()


def write_reconciler(path: str | Path, deployment: ReconcilerDeployment) -> None:
    """Write where the reconciler is (JSON). InputError if the file exists."""
    write_new(Path(path), json.dumps({"format": RECONCILER_FORMAT, **asdict(deployment)}, indent=2) + "\n")
