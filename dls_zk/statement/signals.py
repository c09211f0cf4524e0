"""The public signals of rebalance and reconciliation proofs: their order, their names, and the one way to read them.

The same names in the same order stand in the circuits and, of a rebalance, in
``verifier_contracts/src/libraries/Signals.sol``; a test holds the lists against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from .allowances import Allowances
from .constants import MAX_TOLERANCE_PPM, NAV_FLOOR_BITS, PRICE_BITS, PRICES_PER_WORD, QUANTITY_BITS, Size
from .field import decode_signed, encode_signed, fits_signed, require_canonical

#: Names of the public signals of a rebalance in their order; ``prices`` stands for ⌈N/5⌉ words.
NAMES = ("commitment_before", "commitment_after", "policy_hash", "flow", "allowances", "nav_floor", "context", "prices")


def signal_names(size: Size) -> tuple[str, ...]:
    """The name of each public signal of a rebalance of this size, in order."""
    return (*NAMES[:-1], *(f"prices[{k}]" for k in range(size.price_words)))


#: Names of the public signals of a reconciliation in their order; ``attestations`` stands for one a venue.
RECONCILIATION_NAMES = ("commitment", "attestations", "venues", "tolerance", "prices")


def reconciliation_signal_names(size: Size) -> tuple[str, ...]:
    """The name of each public signal of a reconciliation of this size, in order."""
    attestations = (f"attestations[{k}]" for k in range(size.venues))
    return ("commitment", *attestations, "venues", "tolerance", *(f"prices[{k}]" for k in range(size.price_words)))


@dataclass(frozen=True)
class PublicSignals:
    """What a rebalance proof says in public.

    commitment_before, commitment_after, policy_hash, context: field elements.
    flow: signed quantity of slot 0 in 1e-6 units, −2^56 ≤ flow < 2^56; positive is money into the book.
    allowances: what the rebalance may use, one word below 2^120. nav_floor: NAV in NAV steps of the policy, < 2^42.
    prices: the packed price words, five 48-bit prices (USD 1e-8) a word, lowest slot in the lowest bits.
    """

    commitment_before: int
    commitment_after: int
    policy_hash: int
    flow: int
    allowances: Allowances
    nav_floor: int
    context: int
    prices: tuple[int, ...]

    def to_field(self) -> list[int]:
        """The signals as canonical field elements, in the order that the verifier takes."""
        return [
            self.commitment_before,
            self.commitment_after,
            self.policy_hash,
            encode_signed(self.flow),
            self.allowances.pack(),
            self.nav_floor,
            self.context,
            *self.prices,
        ]

    @classmethod
    def from_field(cls, size: Size, elements: Sequence[int]) -> PublicSignals:
        """Read the signals of a rebalance of this size from field elements. InputError if there are too few or too many, or
        if one is not canonical or outside its range."""
        _require_canonical(f"a rebalance of {size.slots} slots", signal_names(size), elements)
        before, after, policy, flow, word, nav_floor, context = elements[:7]
        try:
            allowances = Allowances.unpack(word)
        except ValueError:
            raise InputError("allowances is outside its range", "public signals") from None
        signals = cls(before, after, policy, decode_signed(flow), allowances, nav_floor, context, tuple(elements[7:]))
        for name, ok in (
            ("flow", fits_signed(signals.flow, QUANTITY_BITS)),
            ("nav_floor", signals.nav_floor < 1 << NAV_FLOOR_BITS),
            ("prices", are_price_words(signals.prices)),
        ):
            if not ok:
                raise InputError(f"{name} is outside its range", "public signals")
        return signals


@dataclass(frozen=True)
class ReconciliationSignals:
    """What a reconciliation proof says in public.

    commitment, attestations (one a venue): field elements. venues: the venue of each slot, one word (``pack_venues``).
    tolerance_ppm: of NAV, at most 20,000. prices: the packed price words, as in ``PublicSignals``.
    """

    commitment: int
    attestations: tuple[int, ...]
    venues: int
    tolerance_ppm: int
    prices: tuple[int, ...]

    def to_field(self) -> list[int]:
        """The signals as canonical field elements, in the order that the verifier takes."""
        return [self.commitment, *self.attestations, self.venues, self.tolerance_ppm, *self.prices]

    @classmethod
    def from_field(cls, size: Size, elements: Sequence[int]) -> ReconciliationSignals:
        """Read the signals of a reconciliation of this size from field elements. InputError if there are too few or too
        many, or if one is not canonical or outside its range."""
        _require_canonical(f"a reconciliation of {size.slots} slots", reconciliation_signal_names(size), elements)
        commitment, *rest = elements
        attestations, (venues, tolerance_ppm, *prices) = tuple(rest[: size.venues]), rest[size.venues :]
        signals = cls(commitment, attestations, venues, tolerance_ppm, tuple(prices))
        for name, ok in (
            ("venues", venues < 1 << size.venue_bits * size.slots),
            ("tolerance", tolerance_ppm <= MAX_TOLERANCE_PPM),
            ("prices", are_price_words(signals.prices)),
        ):
            if not ok:
                raise InputError(f"{name} is outside its range", "public signals")
        return signals


def _require_canonical(kind: str, names: Sequence[str], elements: Sequence[int]) -> None:
    """InputError unless there is one canonical element for each name."""
    if len(elements) != len(names):
        raise InputError(f"{len(elements)} public signals; {kind} has {len(names)}")
    try:
        for name, element in zip(names, elements, strict=True):
            require_canonical(element, name)
    except ValueError as error:
        raise InputError(str(error), "public signals") from None


def pack_venues(size: Size, venues: Sequence[int]) -> int:
    """The venue of each slot (its index, below the size's number of venues) in one word, lowest slot in the lowest bits."""
    if len(venues) != size.slots:
        raise ValueError(f"{len(venues)} venues for {size.slots} slots")
    if any(not 0 <= venue < size.venues for venue in venues):
        raise ValueError(f"a venue is outside [0, {size.venues})")
    return sum(venue << size.venue_bits * i for i, venue in enumerate(venues))


def unpack_venues(size: Size, word: int) -> tuple[int, ...]:
    """The venue of each slot in a word, which must be in range (see ``ReconciliationSignals.from_field``)."""
    return tuple(word >> size.venue_bits * i & size.venues - 1 for i in range(size.slots))


def are_price_words(words: Sequence[int]) -> bool:
    """Whether each word holds prices and nothing else."""
    return all(0 <= word < 1 << PRICE_BITS * PRICES_PER_WORD for word in words)


def pack_prices(size: Size, prices_usd_e8: Sequence[int]) -> tuple[int, ...]:
    """Pack N prices (USD 1e-8, each < 2^48) into ⌈N/5⌉ words, lowest slot in the lowest bits."""
    if len(prices_usd_e8) != size.slots:
        raise ValueError(f"{len(prices_usd_e8)} prices for {size.slots} slots")
    if any(not 0 <= price < 1 << PRICE_BITS for price in prices_usd_e8):
        raise ValueError(f"a price is outside [0, 2^{PRICE_BITS})")
    return tuple(
        sum(price << (PRICE_BITS * k) for k, price in enumerate(prices_usd_e8[start : start + PRICES_PER_WORD]))
        for start in range(0, size.slots, PRICES_PER_WORD)
    )


def unpack_prices(size: Size, words: Sequence[int]) -> tuple[int, ...]:
    """The N prices in the words; the words must be in range (see ``PublicSignals.from_field``)."""
    mask = (1 << PRICE_BITS) - 1
    prices = [(word >> (PRICE_BITS * k)) & mask for word in words for k in range(PRICES_PER_WORD)]
    return tuple(prices[: size.slots])
