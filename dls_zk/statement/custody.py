"""What a vault has to show of its custody: who attests which venue, and how much the book may have more than is attested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: How far an attestor is from the operator, weakest first; the contract counts them from 1.
CLASSES = ("operator", "administrator", "custodian", "enclave", "chain state")

#: Bounds of the terms, as ``Reconciler.sol`` has them: sequences, and seconds.
MAX_SEQUENCES = (1, 255)
MAX_AGE_S = (3600, 90 * 86_400)
#: steady_for is at most this part of max_age.
STEADY_PART = 4


@dataclass(frozen=True)
class VenueAttestor:
    """Who attests a venue. attestor: address with checksum. attestor_class: one of CLASSES. service: URL of its service, or
    None."""

    attestor: str
    attestor_class: str
    service: str | None = None


@dataclass(frozen=True)
class Custody:
    """The terms of reconciliations, but for the verifying key.

    tolerance_ppm: of NAV. max_sequences: how many rebalances after a reconciled one count as reconciled. max_age_s,
    steady_for_s: seconds. venues: by the names in the policy; venues that are not there are attested by nobody.
    """

    tolerance_ppm: int
    max_sequences: int
    max_age_s: int
    steady_for_s: int
    venues: Mapping[str, VenueAttestor]
