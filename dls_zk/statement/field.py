"""The only door into the scalar field: exact integers in, canonical field elements out.

Nothing is reduced silently. A value outside its declared range is refused here, not wrapped.
"""

from __future__ import annotations

from .constants import FIELD


def encode_signed(value: int) -> int:
    """Field element of a signed integer with |value| < FIELD/2: negative numbers become FIELD − |value|."""
    if not -FIELD // 2 < value <= FIELD // 2:
        raise ValueError("integer too large for a signed field element")
    return value % FIELD


def decode_signed(element: int) -> int:
    """Inverse of ``encode_signed``; the element must be canonical (0 ≤ element < FIELD)."""
    require_canonical(element)
    return element - FIELD if element > FIELD // 2 else element


def require_canonical(element: int, name: str = "value") -> int:
    """Return ``element`` if 0 ≤ element < FIELD, else raise ValueError (x and x + FIELD must not both pass)."""
    if not isinstance(element, int) or isinstance(element, bool) or not 0 <= element < FIELD:
        raise ValueError(f"{name} is not a canonical element of the scalar field")
    return element


def require_unsigned(value: int, bits: int, name: str) -> int:
    """Return ``value`` if 0 ≤ value < 2^bits, else raise ValueError."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name} is outside [0, 2^{bits})")
    return value


def fits_signed(value: int, bits: int) -> bool:
    """Whether −2^(bits−1) ≤ value < 2^(bits−1): two's complement of that width."""
    return -(1 << (bits - 1)) <= value < 1 << (bits - 1)
