"""The operator's side: asks an attestor's service for an attestation, and believes nothing that it cannot check."""

from __future__ import annotations

import base64
import binascii
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from ..chain import Chain, Signer, is_loopback
from ..chain.signatures import is_signed
from ..errors import CODES, DlsError, InputError, RateLimited, SourceError
from ..statement.attestation import AttestationRequest
from ..statement.commitments import policy_hash
from ..statement.model import Policy
from ..statement.typed_data import Domain
from ..storage.disk import read_limited
from ..storage.sealed import unseal
from ..storage.strict_json import parse_json
from .documents import AttestationInvalid, AttestedOpening, SignedAttestation, read_attestation, read_opening
from .wire import PATH, SignedRequest

_ANSWER_BYTES = 1 << 18
#: Seconds until a request that is under way lapses.
_LAPSES_S = 120


@dataclass(frozen=True)
class Wanted:
    """What an operator wants attested. attestor: the account that the mandate names, with checksum."""

    domain: Domain
    attestor: str
    vault_id: bytes
    policy: Policy
    venue: int
    observed_at_s: int


@dataclass(frozen=True)
class Collected:
    """An attestation that holds, and what it hides. sealed: the opening as it came, to be kept."""

    attestation: SignedAttestation
    opening: AttestedOpening = field(repr=False)
    sealed: bytes = field(repr=False)


def collect(
    url: str, wanted: Wanted, signer: Signer, identity_file: Path, chain: Chain | None = None, timeout_s: float = 60
) -> Collected:
    """Ask an attestor's service for an attestation. signer: the operator. identity_file: age identity of the operator.

    chain: where the attestor is a contract, which is asked (ERC-1271). DlsError: SourceError or RateLimited if it does not
    answer, AttestationInvalid if its answer is not what was asked for, InputError if the opening cannot be opened.
    """
    where = _require_url(url)
    deadline = int(time.time()) + _LAPSES_S
    request = AttestationRequest(wanted.vault_id, wanted.venue, policy_hash(wanted.policy), wanted.observed_at_s, deadline)
    asked = SignedRequest(request, signer.sign_typed_data(request.typed_data(wanted.domain)))
    document = _post(url.rstrip("/") + PATH, asked.to_document(), where, timeout_s)
    signed = SignedAttestation.of(document.get("attestation"), where)
    try:
        sealed = base64.b64decode(str(document.get("opening")), validate=True)
    except binascii.Error:
        raise AttestationInvalid("the opening is not base64", where) from None
    return _checked(signed, sealed, wanted, identity_file, chain, where)


def read(attestation: Path, opening: Path, wanted: Wanted, identity_file: Path, chain: Chain | None = None) -> Collected:
    """An attestation that came as the two files of ``attest sign``, checked as ``collect`` does. DlsError as there."""
    sealed = read_limited(opening, _ANSWER_BYTES)
    return _checked(read_attestation(attestation), sealed, wanted, identity_file, chain, str(opening))


def _checked(
    signed: SignedAttestation, sealed: bytes, wanted: Wanted, identity_file: Path, chain: Chain | None, where: str
) -> Collected:
    require_wanted(signed, wanted, chain)
    opening = read_opening(unseal(sealed, identity_file, where), signed, where)
    require_in_venue(opening, wanted, where)
    return Collected(signed, opening, sealed)


def require_wanted(signed: SignedAttestation, wanted: Wanted, chain: Chain | None = None) -> None:
    """AttestationInvalid unless the attestation is the one that is wanted, and its attestor signed it."""
    said = signed.attestation
    compared = {
        "chain or contract": (signed.domain, wanted.domain),
        "attestor": (signed.attestor, wanted.attestor),
        "vault": (said.vault_id, wanted.vault_id),
        "venue": (said.venue, wanted.venue),
        "policy": (said.policy_hash, policy_hash(wanted.policy)),
        "second": (said.observed_at_s, wanted.observed_at_s),
    }
    other = [name for name, (is_, should_be) in compared.items() if is_ != should_be]
    if other:
        raise AttestationInvalid(f"the attestation has another {', '.join(other)} than was asked for")
    require_signed(signed, chain)


def require_signed(signed: SignedAttestation, chain: Chain | None = None) -> None:
    """AttestationInvalid unless the attestor signed. chain: where a contract may be the attestor."""
    if not is_signed(signed.digest(), signed.signature, signed.attestor, chain):
        hint = "" if chain else "; if the attestor is a contract, give its chain"
        raise AttestationInvalid(f"the signature is not one of {signed.attestor}{hint}")


def require_in_venue(opening: AttestedOpening, wanted: Wanted, where: str) -> None:
    """AttestationInvalid if the opening has a quantity in a slot of another venue: no reconciliation would take it."""
    slots = wanted.policy.slots
    if len(slots) != len(opening.opening.quantities_e6):
        raise AttestationInvalid("the opening is of another size than the policy", where)
    if any(q and slot.venue != wanted.venue for q, slot in zip(opening.opening.quantities_e6, slots, strict=True)):
        raise AttestationInvalid("the opening holds something in a slot of another venue", where)


def _require_url(url: str) -> str:
    """Scheme, host and port of a URL. InputError unless it is https, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError("the attestor's URL is not of the form https://host:port")
    if parts.scheme == "http" and not is_loopback(url):
        raise InputError("the attestor's URL has to be https, except on this machine")
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _post(url: str, body: dict[str, Any], where: str, timeout_s: float) -> dict[str, Any]:
    ends = time.monotonic() + timeout_s
    content = b""
    try:
        with requests.post(url, json=body, timeout=timeout_s, allow_redirects=False, stream=True) as answer:
            # In pieces: each that comes would put the time limit of one read off.
            while len(content) <= _ANSWER_BYTES and (piece := answer.raw.read1(_ANSWER_BYTES, decode_content=True)):
                content += piece
                if time.monotonic() > ends:
                    raise requests.Timeout
            status, after = answer.status_code, answer.headers.get("Retry-After", "")
    # requests lets some of urllib3's errors through, and urllib3 some of the system's
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError):
        raise SourceError("the attestor does not answer, or not in time", where, code="source_unreachable") from None
    if len(content) > _ANSWER_BYTES:
        raise SourceError("the attestor's answer is too long", where)
    try:
        document = parse_json(content, where)
    except InputError:
        document = None
    if status == 200 and isinstance(document, dict):
        return document
    raise _refused(status, document, int(after) if re.fullmatch("[0-9]{1,9}", after) else None, where)


def _refused(status: int, document: object, after: int | None, where: str) -> DlsError:
    """What an attestor's refusal is for us. Its words are shown as far as they can be."""
    error = document.get("error") if isinstance(document, dict) else None
    said, code = ("", "")
    if isinstance(error, dict):
        said = "".join(char for char in str(error.get("message", ""))[:300] if char.isprintable())
        code = str(error.get("code"))
    because = f": {said}" if said else ""
    if status == 429:
        return RateLimited(f"{where} asks to wait{because}", after=after)
    if status == 401:
        return SourceError("the attestor does not answer this operator for this vault; compare its configuration", where)
    retry = status >= 500
    fallback = "source_unreachable" if retry else "source_refused"
    taken = code if code in CODES and CODES[code].retryable == retry and code not in ("unexpected", "usage") else fallback
    return SourceError(f"the attestor refuses (HTTP {status}){because}", where, code=taken, after=after)
