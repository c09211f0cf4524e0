"""What an attestor signs of the part of a vault's book that it holds, and what an operator signs to ask for it.

An attestation says: at ``observed_at_s`` the named accounts held for the vault, at this venue, what ``commitment`` hides,
net of all debts at the venue and free of liens that the attestor knows of. But for the declared exclusions that is all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .ethereum import encode_strings, keccak256
from .typed_data import Domain, Struct, TypedData

_ATTESTATION = Struct(
    "Attestation",
    (
        ("vaultId", "bytes32"),
        ("venue", "uint8"),
        ("policyHash", "uint256"),
        ("commitment", "uint256"),
        ("exclusionsHash", "bytes32"),
        ("accountsHash", "bytes32"),
        ("observedAt", "uint40"),
        ("steadySince", "uint40"),
    ),
)
_REQUEST = Struct(
    "AttestationRequest",
    (
        ("vaultId", "bytes32"),
        ("venue", "uint8"),
        ("policyHash", "uint256"),
        ("observedAt", "uint40"),
        ("deadline", "uint40"),
    ),
)


@dataclass(frozen=True, order=True)
class Exclusion:
    """What an account shows and the attestation leaves out.

    account: as the attestor names it. instrument: as the source names it.
    """

    account: str
    instrument: str
    reason: str


@dataclass(frozen=True, order=True)
class Account:
    """An account that is attested for. name: the attestor's, public. id: a blinded hash of what the account is (see
    ``account_id``), the same in every attestation."""

    name: str
    id: bytes


@dataclass(frozen=True)
class Attestation:
    """The public content of an attestation.

    venue: its index in the policy. policy_hash, commitment: field elements. observed_at_s, steady_since_s: Unix seconds;
    of the balances, and since when no transfer from outside above the attestor's tolerance has come in.
    """

    vault_id: bytes
    venue: int
    policy_hash: int
    commitment: int
    exclusions_hash: bytes
    accounts_hash: bytes
    observed_at_s: int
    steady_since_s: int

    def typed_data(self, domain: Domain) -> TypedData:
        """What the attestor signs."""
        values = (self.vault_id, self.venue, self.policy_hash, self.commitment, self.exclusions_hash, self.accounts_hash)
        times = (self.observed_at_s, self.steady_since_s)
        return TypedData(domain, _ATTESTATION, _named(_ATTESTATION, *values, *times))


@dataclass(frozen=True)
class AttestationRequest:
    """An operator's request to attest a venue of a vault as of a second; void after its deadline (Unix seconds)."""

    vault_id: bytes
    venue: int
    policy_hash: int
    observed_at_s: int
    deadline_s: int

    def typed_data(self, domain: Domain) -> TypedData:
        """What the operator signs."""
        values = (self.vault_id, self.venue, self.policy_hash, self.observed_at_s, self.deadline_s)
        return TypedData(domain, _REQUEST, _named(_REQUEST, *values))


def _named(struct: Struct, *values: int | bytes) -> dict[str, int | bytes | str]:
    return {name: value for (name, _), value in zip(struct.fields, values, strict=True)}


def exclusions_hash(exclusions: Iterable[Exclusion]) -> bytes:
    """keccak256(abi.encode(string[])) of account, instrument and reason of each exclusion, in order of these three."""
    ordered = sorted(exclusions)
    return keccak256(encode_strings([text for one in ordered for text in (one.account, one.instrument, one.reason)]))


def accounts_hash(accounts: Iterable[Account]) -> bytes:
    """keccak256(abi.encode(string[])) of name and id (0x and 64 hex digits) of each account, in order of these two."""
    return keccak256(encode_strings([text for one in sorted(accounts) for text in (one.name, f"0x{one.id.hex()}")]))


def account_id(identity: str, blinding: bytes) -> bytes:
    """keccak256(abi.encode(string[])) of a tag, what the account is, and 32 random bytes that hide it.

    identity: such as "bybit:12345678" or "eip155:1:0x…". Whoever is shown the blinding can check the id.
    """
    if len(blinding) != 32:
        raise ValueError("the blinding is not 32 bytes")
    return keccak256(encode_strings(["dls-zk/account/v1", identity, blinding.hex()]))
