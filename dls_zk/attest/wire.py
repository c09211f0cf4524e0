"""What an operator and an attestor's service say to each other: JSON over HTTP.

POST /v1/attestations   a request, signed by the operator (EIP-712) → the attestation, and its opening in base64 of age
GET  /healthz           → whether the service runs
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..statement.attestation import AttestationRequest
from ..statement.constants import FIELD

PATH = "/v1/attestations"
HEALTH = "/healthz"

#: How far in the future, in seconds, a request's deadline may be.
LONGEST_S = 3600

_NUMBERS = {"venue": 8, "observed_at": 40, "deadline": 40}


@dataclass(frozen=True)
class SignedRequest:
    """A request as it comes."""

    request: AttestationRequest
    signature: bytes

    def to_document(self) -> dict[str, Any]:
        asked = self.request
        return {
            "vault_id": f"0x{asked.vault_id.hex()}",
            "venue": asked.venue,
            "policy_hash": f"0x{asked.policy_hash:064x}",
            "observed_at": asked.observed_at_s,
            "deadline": asked.deadline_s,
            "signature": f"0x{self.signature.hex()}",
        }

    @classmethod
    def of(cls, document: object) -> SignedRequest:
        """InputError if it is no request."""
        expected = {"vault_id", "venue", "policy_hash", "observed_at", "deadline", "signature"}
        if not isinstance(document, dict) or set(document) != expected:
            raise InputError(f"expected {', '.join(sorted(expected))}", "request")
        numbers = {name: document[name] for name in _NUMBERS}
        for name, value in numbers.items():
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << _NUMBERS[name]:
                raise InputError("not a whole number in its range", f"request: {name}")
        policy = int.from_bytes(_bytes(document, "policy_hash", 32), "big")
        if policy >= FIELD:
            raise InputError("not a field element", "request: policy_hash")
        request = AttestationRequest(
            _bytes(document, "vault_id", 32), numbers["venue"], policy, numbers["observed_at"], numbers["deadline"]
        )
        return cls(request, _bytes(document, "signature", 65))


def _bytes(document: dict[str, Any], name: str, length: int) -> bytes:
    text = document[name]
    try:
        value = bytes.fromhex(text.removeprefix("0x")) if isinstance(text, str) and text.startswith("0x") else b""
    except ValueError:
        value = b""
    if len(value) != length:
        raise InputError(f"not {length} bytes (0x and {2 * length} hex digits)", f"request: {name}")
    return value
