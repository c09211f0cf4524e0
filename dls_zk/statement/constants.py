"""Every constant of the statement, once: sizes, bit widths, scales, hash domains.

The circuits hold the same numbers in ``circuits/lib/constants.circom`` and, of a reconciliation,
``circuits/custody/constants.circom``; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

# The scalar field of BN254 (alt_bn128): the order of the curve's groups. EIP-196.
FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617
# The base field of BN254: where point coordinates live. EIP-196.
BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583

# Chains on which a development key may be used, if they run on this machine: the defaults of anvil (and hardhat), of geth.
DEVELOPMENT_CHAIN_IDS = (31337, 1337)

# --- scales -----------------------------------------------------------------
BPS = 10_000  # ratios and weights: 1e-4
PPM = 1_000_000  # turnover in the allowances and the tolerance of a reconciliation: 1e-6 of NAV
PPB = 1_000_000_000  # gain and loss in the allowances: 1e-9 of NAV
QUANTITY_DECIMALS = 6  # quantities: 1e-6 of the instrument
PRICE_DECIMALS = 8  # prices: USD 1e-8 (Chainlink's USD feeds)
VALUE_DECIMALS = QUANTITY_DECIMALS + PRICE_DECIMALS
USD_E14 = 10**VALUE_DECIMALS  # one dollar in value units

# --- bit widths: numbers named *_BITS bound what a field of that name can hold ----------
WORD_BITS = 253  # a packed word stays below 2^253 < FIELD, so its unpacking is unique
QUANTITY_BITS = 57  # two's complement: −2^56 ≤ q < 2^56
QUANTITY_LIMB_BITS = 58  # room of one quantity in a word of the book commitment (before = after − trade)
QUANTITIES_PER_WORD = 4
PRICE_BITS = 48
PRICES_PER_WORD = 5
ALLOWANCE_BITS = 30  # each of gain, loss, turnover and write-down
NAV_BITS = 88  # 0 ≤ E < 2^88 · 1e-14 USD, about 3.09e12 USD
NAV_FLOOR_BITS = 42  # 2^88 / 1e14 < 2^42
TOLERANCE_BITS = 15  # of a reconciliation, at most MAX_TOLERANCE_PPM
SIGNED_BITS = 17  # loadings and shocks: −65536 … 65535 bps, stored with offset 2^16
SIGNED_OFFSET = 1 << (SIGNED_BITS - 1)

# The highest tolerance of a reconciliation, in ppm of NAV.
MAX_TOLERANCE_PPM = 20_000

# Units of NAV and of factor exposures where they are rounded, against the prover: in the factors' limits, the stress loss
# and the value at risk. A unit of NAV is about 0.011 USD.
NAV_SHIFT = 40
EXPOSURE_SHIFT = 48


@dataclass(frozen=True)
class Size:
    """What a circuit has room for: slots N, scenarios S, factors F, venues V (a power of two)."""

    slots: int
    scenarios: int
    factors: int
    venues: int

    @property
    def venue_bits(self) -> int:
        return (self.venues - 1).bit_length()

    @property
    def price_words(self) -> int:
        return -(-self.slots // PRICES_PER_WORD)


SIZES = {
    8: Size(slots=8, scenarios=4, factors=4, venues=4),
    16: Size(slots=16, scenarios=8, factors=6, venues=4),
    32: Size(slots=32, scenarios=8, factors=6, venues=8),
}


def _ascii(tag: str) -> int:
    return int.from_bytes(tag.encode("ascii"), "big")


def book_domain(slots: int) -> int:
    """Hash domain of a book commitment: the ASCII bytes of the tag, then the slot count in one byte."""
    return _ascii("dls-zk/book/v1") * 256 + slots


def attestation_domain(slots: int) -> int:
    """Hash domain of an attestor's commitment: the ASCII bytes of the tag, then the slot count in one byte."""
    return _ascii("dls-zk/attestation/v1") * 256 + slots


def policy_domain(slots: int) -> int:
    """Hash domain of a policy hash: the ASCII bytes of the tag, then the slot count in one byte."""
    return _ascii("dls-zk/policy/v1") * 256 + slots
