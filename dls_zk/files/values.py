"""How single values are written: numbers, names, days, addresses; and the base of all documents.

Numbers are plain decimals ("-1250.5"), percentages ("25%", at most two decimals: basis points are exact) and names,
never scaled integers; nothing passes through a float, nothing is rounded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    WithJsonSchema,
)
from pydantic_core import core_schema

from ..statement.circuits import CIRCUITS, REBALANCE, of_family
from ..statement.constants import (
    PRICE_BITS,
    PRICE_DECIMALS,
    QUANTITY_BITS,
    QUANTITY_DECIMALS,
    SIZES,
)
from ..statement.ethereum import checksum_address, is_address
from ..statement.field import require_canonical
from ..statement.policy_fields import FIELDS

DIGITS_LIMIT = 100  # characters of a number: 2^256 has 78 digits


@dataclass(frozen=True)
class Fixed:
    """A number as a person writes it, read into an exact integer: pydantic metadata for an ``int`` field.

    The text is a plain decimal with at most ``decimals`` digits after the point (and zeros after them, as exchanges and
    chains pad their numbers), then ``unit``; the integer is the decimal times 10^decimals, and low ≤ integer ≤ high.
    A ``secret`` value is never quoted in an error. too_fine, too_large: the way out for a value with more decimals, or
    above ``high``, added to the error.
    """

    decimals: int
    low: int
    high: int
    unit: str = ""
    secret: bool = False
    too_fine: str = ""
    too_large: str = ""

    def parse(self, text: object) -> int:
        """The integer that ``text`` writes; ValueError with what was expected."""
        shown = "the value" if self.secret or not isinstance(text, str) else quote(text)
        if not isinstance(text, str) or len(text) > DIGITS_LIMIT:
            raise ValueError(f"{shown} is not {self.expected}")
        match = re.fullmatch(rf"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?{self.unit}", text)
        if not match or (match[3] and not self.decimals):
            raise ValueError(f"{shown} is not {self.expected}")
        sign, whole, fraction = match[1], match[2], (match[3] or "").rstrip("0")
        if len(fraction) > self.decimals:
            raise ValueError(f"{shown} has more than {self.decimals} decimals; it would have to be rounded{self.too_fine}")
        value = int(whole + fraction.ljust(self.decimals, "0"))
        if sign and not value:
            raise ValueError(f"{shown} is zero with a sign; write 0{self.unit}")
        value = -value if sign else value
        if not self.low <= value <= self.high:
            advice = self.too_large if value > self.high else ""
            raise ValueError(f"{shown} is outside {self.show(self.low)} to {self.show(self.high)}{advice}")
        return value

    def show(self, value: int) -> str:
        """``value`` as a person writes it."""
        if value > 1 << 64 and not value & (value + 1):
            return f"2^{value.bit_length()} - 1"
        digits = str(abs(value)).rjust(self.decimals + 1, "0")
        point = len(digits) - self.decimals
        fraction = digits[point:].rstrip("0")
        return f"{'-' if value < 0 else ''}{digits[:point]}{'.' + fraction if fraction else ''}{self.unit}"

    @property
    def expected(self) -> str:
        number = f"a plain decimal with at most {self.decimals} decimals" if self.decimals else "a whole number"
        unit = f" followed by {self.unit!r}" if self.unit else ""
        return f"{number}{unit} (no exponent, separators, leading zeros or +)"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        fraction = rf"(\.[0-9]{{1,{self.decimals}}}0*)?" if self.decimals else ""
        sign = rf"(?!-0(\.0+)?{self.unit}$)-?" if self.low < 0 else ""  # a zero has no sign
        return {
            # Other YAML readers see a number where no unit follows; here every scalar is its text.
            "type": "string" if self.unit else ["string", "number" if self.decimals else "integer"],
            "pattern": f"^{sign}(0|[1-9][0-9]*){fraction}{self.unit}$",
            "$comment": f"{self.show(self.low)} to {self.show(self.high)}",
        }


@dataclass(frozen=True)
class Text:
    """Text of a given form: pydantic metadata for a ``str`` field. ``expected`` says the form in words.

    advice: of a text that has another form, what to do about it, added to the error; "" for nothing.
    """

    pattern: str
    expected: str
    secret: bool = False
    advice: Callable[[str], str] | None = None

    def parse(self, text: object) -> str:
        """``text`` itself if it has the form; ValueError with what was expected."""
        if not isinstance(text, str) or not re.fullmatch(self.pattern, text):
            shown = "the value" if self.secret or not isinstance(text, str) else quote(text)
            advice = self.advice(text) if self.advice and isinstance(text, str) else ""
            raise ValueError(f"{shown} is not {self.expected}{advice}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


def quote(text: str) -> str:
    """Text of a file in a message: its beginning, and signs that do not print as Python writes them."""
    shown = repr(text if len(text) <= 60 else text[:57] + "...")
    return shown if len(shown) <= 80 else f"{shown[:76]}...{shown[0]}"


def largest(name: str) -> int:
    """The largest value of this field of a policy; of an upper limit that means no limit."""
    return FIELDS[name].high


def percent(name: str, low: int | None = None, high: int | None = None) -> Fixed:
    """A percentage for this field of a policy, in basis points; what the field can hold unless low or high says less."""
    field = FIELDS[name]
    return Fixed(2, field.low if low is None else low, field.high if high is None else high, "%")


QUANTITY_RANGE = (-(1 << QUANTITY_BITS - 1), (1 << QUANTITY_BITS - 1) - 1)


def _real_days(text: str) -> str:
    """Refuse dates that are not in the calendar, and intervals that end before they begin."""
    days = [date.fromisoformat(day) for day in text.split("/")]
    if days != sorted(days):
        raise ValueError(f"{text!r} ends before it begins")
    return text


def _real_moment(text: str) -> str:
    """Refuse what is in no calendar and on no clock."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("the value is in no calendar or on no clock") from None
    return text


def _canonical(text: str) -> str:
    require_canonical(int(text, 16))
    return text


def _checksum(text: str) -> str:
    """An address with its checksum (EIP-55); one that is written has to be right."""
    if not is_address(text):
        raise ValueError(f"{text!r} has a wrong checksum; was it copied whole?")
    return checksum_address(text)


def one_of(names: Collection[object]) -> Any:
    """The type of a text that is one of these."""
    texts = [str(name) for name in names]
    kind = {"type": "string"} if all(isinstance(name, str) for name in names) else {}
    *others, last = map(repr, texts)
    expected = f"expected {', '.join(others)} or {last}" if others else f"expected {last}"

    def require(text: str) -> str:
        if text not in texts:
            raise ValueError(expected)
        return text

    return Annotated[str, AfterValidator(require), WithJsonSchema({"enum": [*names]} | kind)]


T = TypeVar("T")
Many = Annotated[tuple[T, ...], Strict(False)]
NAME_PATTERN = r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9$][A-Za-z0-9$._/:+-]{0,63}"
"""Names as markets use them, as far as nothing in them looks like another name, a number, a formula of a spreadsheet (= + -
@ in front), markup or an order to a terminal. ``PolicyNames.sol`` has the same rule."""
_NAME_FORM = "a name: at most 64 letters, digits or $ . _ / : + -, with a letter among them and none of . _ / : + - in front"
_ASCII_TWINS = str.maketrans({"₮": "T", "₿": "B", "Ξ": "ETH"})


def _name_advice(text: str) -> str:
    """For a name that is not ASCII, the name in ASCII that it resembles. Two that look alike would be two instruments."""
    strange = next((character for character in text if not character.isascii()), None)
    if strange is None:
        return ""
    apart = unicodedata.normalize("NFKD", text.translate(_ASCII_TWINS))
    plain = "".join(character for character in apart if not unicodedata.combining(character))
    proposal = f"write {plain}" if re.fullmatch(NAME_PATTERN, plain) else "write it in ASCII"
    return f"; U+{ord(strange):04X} ({unicodedata.name(strange, 'unnamed')}) is not ASCII: {proposal}"


Name = Annotated[str, Text(NAME_PATTERN, _NAME_FORM, advice=_name_advice)]
Line = Annotated[
    str,
    Text(
        r"[^\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]{1,400}",
        "one line of text of 1 to 400 characters",
    ),
]
Day = Annotated[str, Text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day such as 2024-08-28"), AfterValidator(_real_days)]
SecretMoment = Annotated[
    str,
    Text(
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
        "a moment in UTC such as 2026-11-28T17:50:06Z",
        secret=True,
    ),
    AfterValidator(_real_moment),
]
Days = Annotated[
    str,
    Text(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(/[0-9]{4}-[0-9]{2}-[0-9]{2})?",
        "a day such as 2020-03-12 or an interval such as 2022-11-08/2022-11-09",
    ),
    AfterValidator(_real_days),
]
Loading = Annotated[int, percent("loading_bps")]
Shock = Annotated[int, percent("shock_bps")]
_IN_LOTS = "hold it in lots, such as 1000SHIB: 1000 times the price, a thousandth of the quantity"
_IN_PARTS = "hold it in parts, such as mBTC: a thousandth of the price, 1000 times the quantity"
Quantity = Annotated[
    int,
    Fixed(
        QUANTITY_DECIMALS,
        *QUANTITY_RANGE,
        secret=True,
        too_fine=": round it yourself, against the vault",
        too_large=f"; {_IN_LOTS}",
    ),
]
Price = Annotated[
    int,
    Fixed(
        PRICE_DECIMALS,
        1,
        (1 << PRICE_BITS) - 1,
        too_fine=f": round it, or for a price this small {_IN_LOTS}",
        too_large=f"; {_IN_PARTS}",
    ),
]
Uint256 = Annotated[int, Fixed(0, 0, (1 << 256) - 1)]
Address = Annotated[str, Text("0x[0-9a-fA-F]{40}", "an address (0x and 40 hex digits)")]
Bytes32 = Annotated[str, Text("0x[0-9a-fA-F]{64}", "32 bytes (0x and 64 hex digits)")]
ChecksumAddress = Annotated[str, Text("0x[0-9a-fA-F]{40}", "an address (0x and 40 hex digits)"), AfterValidator(_checksum)]
Uint32 = Annotated[int, Fixed(0, 0, (1 << 32) - 1)]
Seconds = Annotated[int, Fixed(0, 0, (1 << 32) - 1, " s")]
Element = Annotated[str, Text("0x[0-9a-f]{64}", "a field element (0x and 64 small hex digits)"), AfterValidator(_canonical)]
# Of a file of secrets nothing is quoted: a field in the wrong place may be any of them.
SecretAddress = Annotated[str, Text("0x[0-9a-fA-F]{40}", "an address (0x and 40 hex digits)", secret=True)]
SecretBytes32 = Annotated[str, Text("0x[0-9a-fA-F]{64}", "32 bytes (0x and 64 hex digits)", secret=True)]
SecretElement = Annotated[str, Text("0x[0-9a-f]{64}", "a field element (0x and 64 small hex digits)", secret=True)]
CircuitName = one_of(CIRCUITS)
RebalanceCircuitName = one_of([circuit.name for circuit in of_family(REBALANCE)])
SizeName = one_of(SIZES)


class Document(BaseModel):
    """Base of all documents: strict, closed, immutable; what it holds is not shown in errors."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        defer_build=True,  # a command reads few of the documents
    )


def as_written(document: Document) -> dict[str, Any]:
    """A document in the form that is read: each number as its ``Fixed`` shows it, and nothing of what is absent."""
    return written_as(type(document), {name: getattr(document, name) for name in type(document).model_fields})


def written_as(model: type[Document], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a document's fields in the form that is read."""
    written: dict[str, Any] = {}
    for name, value in values.items():
        fixed = next((one for one in model.model_fields[name].metadata if isinstance(one, Fixed)), None)
        if isinstance(value, Document):
            written[name] = as_written(value)
        elif value is not None:
            written[name] = fixed.show(value) if fixed else value
    return written


#: The last second that ``time_text`` has a date for, of the year 9999.
LAST_SECOND = 253_402_300_799


def time_text(timestamp: int) -> str:
    """Unix seconds for a person, UTC; as they are if they are beyond ``LAST_SECOND``, as a node may say."""
    if timestamp > LAST_SECOND:
        return str(timestamp)
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")


Sha256 = Annotated[str, Text("[0-9a-f]{64}", "a sha256 (64 small hex digits)")]
Whole = Annotated[int, Field(ge=0, lt=1 << 63)]
WholeUint256 = Annotated[int, Field(ge=0, lt=1 << 256)]
