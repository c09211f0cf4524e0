"""The public signals of a rebalance proof: their order, their names, and the one way to read them.

The same names in the same order stand in ``circuits/rebalance.circom`` and
``verifier_contracts/src/libraries/Signals.sol``; a test holds the three lists against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from .allowances import Allowances
from .constants import NAV_FLOOR_BITS, PRICE_BITS, PRICES_PER_WORD, QUANTITY_BITS, Size
from .field import decode_signed, encode_signed, fits_signed, require_canonical

#: Names of the public signals in their order; ``prices`` stands for ⌈N/5⌉ words.
NAMES = ("commitment_before", "commitment_after", "policy_hash", "flow", "allowances", "nav_floor", "context", "prices")


def signal_names(size: Size) -> tuple[str, ...]:
    """The name of each public signal of a rebalance of this size, in order."""
    return (*NAMES[:-1], *(f"prices[{k}]" for k in range(size.price_words)))


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
        names = signal_names(size)
        if len(elements) != len(names):
            raise InputError(f"{len(elements)} public signals; a rebalance of {size.slots} slots has {len(names)}")
        try:
            for name, element in zip(names, elements, strict=True):
                require_canonical(element, name)
        except ValueError as error:
            raise InputError(str(error), "public signals") from None
        before, after, policy, flow, word, nav_floor, context = elements[:7]
        try:
            allowances = Allowances.unpack(word)
        except ValueError:
            raise InputError("allowances is outside its range", "public signals") from None
        signals = cls(before, after, policy, decode_signed(flow), allowances, nav_floor, context, tuple(elements[7:]))
        for name, ok in (
            ("flow", fits_signed(signals.flow, QUANTITY_BITS)),
            ("nav_floor", signals.nav_floor < 1 << NAV_FLOOR_BITS),
            ("prices", all(word < 1 << (PRICE_BITS * PRICES_PER_WORD) for word in signals.prices)),
        ):
            if not ok:
                raise InputError(f"{name} is outside its range", "public signals")
        return signals


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
