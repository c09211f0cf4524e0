"""The commitment of an attestation."""

from __future__ import annotations

from collections.abc import Sequence

from ..statement.constants import QUANTITIES_PER_WORD, QUANTITY_LIMB_BITS
from ..statement.field import encode_signed
from ..statement.model import Opening
from ..statement.poseidon import poseidon


def attestation_commitment(opening: Opening) -> int:
    """Replaced by ``statement.commitments`` in the next step of this work."""
    quantities: Sequence[int] = opening.quantities_e6
    domain = int.from_bytes(b"dls-zk/attestation/v1", "big") * 256 + len(quantities)
    words = [
        encode_signed(
            sum(q << QUANTITY_LIMB_BITS * k for k, q in enumerate(quantities[start : start + QUANTITIES_PER_WORD]))
        )
        for start in range(0, len(quantities), QUANTITIES_PER_WORD)
    ]
    return poseidon([domain, *words, opening.salt])
