"""Types of arguments: vaults, addresses, quantities."""

from __future__ import annotations

import math
import re
from typing import Any

import click

from ..files.values import QUANTITY_RANGE, Fixed
from ..statement.constants import PPM, QUANTITY_DECIMALS
from ..statement.ethereum import checksum_address, is_address
from ..statement.field import require_canonical

QUANTITY = Fixed(QUANTITY_DECIMALS, 1, QUANTITY_RANGE[1])
_SIGNED = Fixed(QUANTITY_DECIMALS, *QUANTITY_RANGE)


class Quantity(click.ParamType):  # type: ignore[type-arg]
    """A positive decimal with at most six places, in millionths."""

    name = "quantity"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return QUANTITY.parse(value) if isinstance(value, str) else int(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SignedQuantity(click.ParamType):  # type: ignore[type-arg]
    """A decimal with at most six places, in millionths; with a minus for money paid out."""

    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return _SIGNED.parse(value) if isinstance(value, str) else int(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Percent(click.ParamType):  # type: ignore[type-arg]
    """A share such as 0.5%, in parts per million."""

    name = "percent"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return Fixed(4, 0, PPM, "%").parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Seconds(click.FloatRange):
    """A number of seconds in a range; what is no number, as `nan`, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


class Amount(click.ParamType):  # type: ignore[type-arg]
    """A positive decimal with as many places as a token may have; ``of_decimals`` makes units of it."""

    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            Fixed(18, 1, (1 << 256) - 1).parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


def of_decimals(amount: str, decimals: int) -> int:
    """An ``Amount`` in the smallest unit of a token with so many decimals. UsageError if it is finer than that."""
    try:
        return Fixed(decimals, 1, (1 << 256) - 1).parse(amount)
    except ValueError as error:
        raise click.UsageError(f"the amount {error}") from None


class Address(click.ParamType):  # type: ignore[type-arg]
    """An account, with its checksum."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not isinstance(value, str) or not is_address(value):
            self.fail("not an address (0x and 40 hex digits, with the right checksum if it has one)", param, ctx)
        return checksum_address(value)


class Recipient(click.ParamType):  # type: ignore[type-arg]
    """Whom a file is encrypted to: an age recipient."""

    name = "recipient"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from ..storage.sealed import is_recipient

        if not isinstance(value, str) or not is_recipient(value):
            self.fail("not an age recipient (age1 and 58 characters)", param, ctx)
        return value


#: For the examples of the help.
EXAMPLE_RECIPIENT = "age1gde3ncmahlqd9gg50tanl99r960llztrhfapnmx853s4tjum03uqfssgdh"
EXAMPLE_VAULT = "0x" + "3fc1" * 16
EXAMPLE_FEED_SET = "0x" + "b27a" * 16
EXAMPLE_COMMITMENT = "0x" + "1e5a" * 16


class Name(click.ParamType):  # type: ignore[type-arg]
    """What is known by the hash of its content, or by another hash: 32 bytes in hex. what: the word for it."""

    def __init__(self, what: str):
        self.name = what

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        text = str(value)
        try:
            found = bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            found = b""
        if len(found) != 32:
            self.fail(f"{text!r} is no {self.name} (0x and 64 hex digits)", param, ctx)
        return found


class VaultId(Name):
    """The id of a vault."""

    def __init__(self) -> None:
        super().__init__("vault id")


class FeedSetName(Name):
    """The name of a feed set."""

    def __init__(self) -> None:
        super().__init__("name of a feed set")


class Commitment(click.ParamType):  # type: ignore[type-arg]
    """A commitment: a field element in hex."""

    name = "commitment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        try:
            return require_canonical(int(text, 16) if re.fullmatch("0x[0-9a-fA-F]{64}", text) else -1)
        except ValueError:
            self.fail(f"{text!r} is no commitment (0x and 64 hex digits, below the field's modulus)", param, ctx)
