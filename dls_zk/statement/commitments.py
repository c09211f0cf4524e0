"""Packing and hashing: the policy's words and hash, and the commitments to a book and to what an attestor holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from weakref import WeakKeyDictionary

from .constants import (
    QUANTITIES_PER_WORD,
    QUANTITY_LIMB_BITS,
    SIZES,
    WORD_BITS,
    attestation_domain,
    book_domain,
    policy_domain,
)
from .ethereum import encode_strings, keccak256
from .field import encode_signed
from .model import Opening, Policy
from .policy_fields import FieldPath, global_layout, slot_layout
from .poseidon import poseidon


def pack(layout: Sequence[FieldPath], values: Sequence[int]) -> list[int]:
    """Words of values in their layout: each goes into the lowest free bits of the current word if it fits in its 253, else
    into the next word. Signed fields are stored with an offset. ValueError if a value does not fit its field."""
    words, used = [0], 0
    for path, value in zip(layout, values, strict=True):
        bits = path.field.bits
        if used + bits > WORD_BITS:
            words.append(0)
            used = 0
        words[-1] |= path.packed(value) << used
        used += bits
    return words


def slot_words(policy: Policy) -> list[int]:
    """One word a slot."""
    return [pack(slot_layout(policy.size), policy.slot_values(i))[0] for i in range(policy.size.slots)]


def global_words(policy: Policy) -> list[int]:
    """The words of the fields that belong to no slot."""
    return pack(global_layout(policy.size), policy.global_values())


def instruments_word(policy: Policy) -> int:
    """keccak256(abi.encode(string[] names)) >> 8: binds the slots' instruments into the policy hash."""
    return int.from_bytes(keccak256(encode_strings([slot.instrument for slot in policy.slots])), "big") >> 8


@lru_cache(maxsize=256)
def policy_hash(policy: Policy) -> int:
    """``words_hash`` of a policy's slot, global and instruments words."""
    return words_hash(policy.size.slots, [*slot_words(policy), *global_words(policy), instruments_word(policy)])


def words_hash(slots: int, words: Sequence[int]) -> int:
    """h_0 = domain(N), h_{k+1} = Poseidon(h_k, four words), zero-padded; each word 0 ≤ w < FIELD."""
    padded = [*words, *[0] * (-len(words) % 4)]
    digest = policy_domain(slots)
    for k in range(0, len(padded), 4):
        digest = poseidon([digest, *padded[k : k + 4]])
    return digest


def has_commitment(opening: Opening) -> bool:
    """Whether a commitment can hold the quantities: |quantity| < 2^57, for which the packed words are unique."""
    limit = 1 << (QUANTITY_LIMB_BITS - 1)
    return all(-limit < q < limit for q in opening.quantities_e6)


def book_commitment(opening: Opening) -> int:
    """Poseidon(domain(N), words, salt), four quantities a word in signed limbs of 58 bits.

    ValueError unless ``has_commitment`` (the quantity is not shown). Computed once for an opening, and forgotten with it.
    """
    return _cached(book_domain(len(opening.quantities_e6)), opening)


def attestation_commitment(opening: Opening) -> int:
    """The commitment of a venue's attestor to what it holds: as ``book_commitment``, under a domain of its own.

    Quantities in slots of other venues are zero: else no reconciliation opens it. ValueError unless ``has_commitment``.
    """
    return _cached(attestation_domain(len(opening.quantities_e6)), opening)


#: By domain. Nothing here keeps an opening, which is secret, in memory.
_COMMITMENTS: WeakKeyDictionary[Opening, dict[int, int]] = WeakKeyDictionary()


def _cached(domain: int, opening: Opening) -> int:
    known = _COMMITMENTS.setdefault(opening, {})
    if domain not in known:
        known[domain] = _commitment(domain, opening)
    return known[domain]


def _commitment(domain: int, opening: Opening) -> int:
    quantities = opening.quantities_e6
    if not has_commitment(opening):
        raise ValueError("a quantity is outside the range that a commitment can hold")
    words = [
        encode_signed(
            sum(q << (QUANTITY_LIMB_BITS * k) for k, q in enumerate(quantities[start : start + QUANTITIES_PER_WORD]))
        )
        for start in range(0, len(quantities), QUANTITIES_PER_WORD)
    ]
    return poseidon([domain, *words, opening.salt])


def empty_commitment(slots: int) -> int:
    """The public commitment from which every vault of this size starts: the empty book with salt 0."""
    return book_commitment(Opening.empty(SIZES[slots]))


def empty_attestation(slots: int) -> int:
    """The public commitment that stands for a venue of which nobody attests anything: the empty vector with salt 0."""
    return attestation_commitment(Opening.empty(SIZES[slots]))
