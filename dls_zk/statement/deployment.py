"""Where the contracts are on a chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DeployedVerifiers:
    """The contracts of a verifying key on a chain.

    verifier, batch_verifier: addresses of the contract that snarkjs generated and of the one that checks many proofs.
    key_hash: keccak256 of the key's words, hex with 0x. r1cs_sha256: of the constraint system that it is for, hex. insecure:
    it is a development key, against which anybody can forge proofs.
    """

    verifier: str
    batch_verifier: str
    key_hash: str
    r1cs_sha256: str
    insecure: bool


@dataclass(frozen=True)
class DeployedKey(DeployedVerifiers):
    """A verifying key of a hub. name: on the hub, hex with 0x."""

    name: str


@dataclass(frozen=True)
class Deployment:
    """The contracts. Addresses with checksum, hashes hex with 0x.

    chain_id: EIP-155. genesis: hash of the first block. block: the one before the deployment. libraries: those that others
    are linked with, by their names. keys: by circuit. created: the transaction that created each contract, by its address.
    """

    chain_id: int
    genesis: str
    block: int
    hub: str
    policy_registry: str
    price_oracle: str
    libraries: Mapping[str, str]
    keys: Mapping[str, DeployedKey]
    created: Mapping[str, str]


@dataclass(frozen=True)
class ReconcilerDeployment:
    """The reconciler and the verifying keys of reconciliations, as ``Deployment`` has the others.

    reconciler: address. keys: by circuit. created: the transaction that created each contract, by its address.
    """

    chain_id: int
    genesis: str
    reconciler: str
    keys: Mapping[str, DeployedVerifiers]
    created: Mapping[str, str]
