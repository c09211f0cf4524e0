"""Balances as sources show them, exact: a fraction from a decimal text, never through a float."""

from __future__ import annotations

import re
from fractions import Fraction

from ..errors import InputError
from ..files.values import QUANTITY_RANGE
from ..statement.constants import QUANTITY_DECIMALS

_DECIMAL = re.compile(r"-?[0-9]{1,78}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?")


def decimal(text: object, where: str) -> Fraction:
    """The number that a text writes as a decimal, also with an exponent. InputError, without the text; a float is none."""
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise InputError("not a decimal number as text", where)
    return Fraction(text)


def rounded_against_prover(amount: Fraction, where: str) -> tuple[int, Fraction]:
    """A balance in whole millionths (1e-6), and the rest below that, 0 ≤ rest < 1e-6 in units of the instrument.

    Rounded down: an asset towards zero, a debt or a short away from zero. Less is attested than is held, never more.
    InputError, without the amount, if it is more than a slot takes.
    """
    scaled = amount * 10**QUANTITY_DECIMALS
    units = scaled.numerator // scaled.denominator
    if not QUANTITY_RANGE[0] <= units <= QUANTITY_RANGE[1]:
        raise InputError("the balance is larger than a slot takes; hold it in lots", where)
    return units, amount - Fraction(units, 10**QUANTITY_DECIMALS)
