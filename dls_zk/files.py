"""The one door from what a person writes to the exact integers of ``model``.

    policy   YAML        what the vault may do                         read_policy   → model.Policy
    prices   YAML, CSV   USD prices of every instrument                read_prices, write_prices ↔ model.Prices
    book     YAML, CSV   quantities held (secret)                      read_book     → N quantities
    trades   YAML, CSV   quantities after minus before (secret)        read_trades   → N quantities
    terms    YAML        flow, accrual and context of one rebalance    read_terms, write_terms ↔ model.Terms
    feeds    YAML        which price feed prices which instrument      read_feeds, write_feeds
    vault    YAML        what a vault is opened with                   read_vault
    deployment JSON      where the contracts are on a chain            read_deployment, write_deployment
    opening  JSON        what opens a commitment (secret, mode 0600)   read_opening, write_opening ↔ model.Opening
    proof    JSON        a proof and its public signals                (read by ``proof``; its schema is here)

Numbers are plain decimals ("-1250.5"), percentages ("25%", at most two decimals: basis points are exact) and names,
never scaled integers; nothing passes through a float, nothing is rounded. The models below are both the parser and
the source of the JSON schemas in ``schemas/``.

Errors are ``InputError``: file, field, what was expected. A value of a public file is quoted; of a book, trades or an
opening neither values nor unknown keys are, because a swapped column makes a quantity look like a name.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

import yaml
from eth_utils import to_checksum_address
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from .artifacts import parse_json, read_limited, write_new
from .constants import (
    ACCRUAL_BITS,
    BPS,
    PPM,
    PRICE_BITS,
    PRICE_DECIMALS,
    QUANTITY_BITS,
    QUANTITY_DECIMALS,
    SIZES,
    Size,
    global_fields,
    slot_fields,
)
from .context import Context, is_address
from .errors import InputError
from .field import require_canonical
from .model import Opening, Policy, Prices, SlotTerms, Terms, is_signed_field

FILE_LIMIT = 1 << 17    # bytes; the largest policy is a fifth of this
DEPTH_LIMIT = 8         # nesting of a YAML file
DIGITS_LIMIT = 100      # characters of a number: 2^256 has 78 digits

OPENING_FORMAT = "dls-zk/opening/v1"


# --- how single values are written ------------------------------------------------------------


@dataclass(frozen=True)
class Fixed:
    """A number as a person writes it, read into an exact integer: pydantic metadata for an ``int`` field.

    The text is a plain decimal with at most ``decimals`` digits after the point, then ``unit``; the integer is the
    decimal times 10^decimals, and low ≤ integer ≤ high. A ``secret`` value is never quoted in an error.
    """

    decimals: int
    low: int
    high: int
    unit: str = ""
    secret: bool = False

    def parse(self, text: object) -> int:
        """The integer that ``text`` writes; ValueError with what was expected."""
        shown = "the value" if self.secret or not isinstance(text, str) else _quote(text)
        if not isinstance(text, str) or len(text) > DIGITS_LIMIT:
            raise ValueError(f"{shown} is not {self.expected}")
        match = re.fullmatch(rf"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?{self.unit}", text)
        if not match or (match[3] and not self.decimals):
            raise ValueError(f"{shown} is not {self.expected}")
        sign, whole, fraction = match[1], match[2], match[3] or ""
        if len(fraction) > self.decimals:
            raise ValueError(f"{shown} has more than {self.decimals} decimals; it would have to be rounded")
        value = int(whole + fraction.ljust(self.decimals, "0"))
        if sign and not value:
            raise ValueError(f"{shown} is zero with a sign; write 0{self.unit}")
        value = -value if sign else value
        if not self.low <= value <= self.high:
            raise ValueError(f"{shown} is outside {self.show(self.low)} to {self.show(self.high)}")
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
        fraction = rf"(\.[0-9]{{1,{self.decimals}}})?" if self.decimals else ""
        sign = "-?" if self.low < 0 else ""
        return {
            # Other YAML readers see a number where no unit follows; here every scalar is its text.
            "type": "string" if self.unit else ["string", "number" if self.decimals else "integer"],
            "pattern": f"^{sign}(0|[1-9][0-9]*){fraction}{self.unit}$",
            "$comment": f"{self.show(self.low)} to {self.show(self.high)}",
        }


@dataclass(frozen=True)
class Text:
    """Text of a given form: pydantic metadata for a ``str`` field. ``expected`` says the form in words."""

    pattern: str
    expected: str
    secret: bool = False

    def parse(self, text: object) -> str:
        """``text`` itself if it has the form; ValueError with what was expected."""
        if not isinstance(text, str) or not re.fullmatch(self.pattern, text):
            shown = "the value" if self.secret or not isinstance(text, str) else _quote(text)
            raise ValueError(f"{shown} is not {self.expected}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


def _quote(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


_WIDTHS = dict(slot_fields(SIZES[32]) + global_fields(SIZES[32]))


def _largest(field: str) -> int:
    """The largest value that the packed policy has room for in ``field``; for a limit that means no limit."""
    return (1 << _WIDTHS[field]) - 1


def _percent(field: str, low: int = 0, high: int | None = None) -> Fixed:
    """A percentage for the packed field of this name, in basis points; its room is the range unless one is given."""
    if is_signed_field(field):
        return Fixed(2, -(1 << _WIDTHS[field] - 1), (1 << _WIDTHS[field] - 1) - 1, "%")
    return Fixed(2, low, _largest(field) if high is None else high, "%")


_QUANTITY = (-(1 << QUANTITY_BITS - 1), (1 << QUANTITY_BITS - 1) - 1)


def _real_days(text: str) -> str:
    """Refuse dates that are not in the calendar, and intervals that end before they begin."""
    days = [date.fromisoformat(day) for day in text.split("/")]
    if days != sorted(days):
        raise ValueError(f"{text!r} ends before it begins")
    return text


def _checksum(text: str) -> str:
    """An address with its checksum (EIP-55); one that is written has to be right."""
    if not is_address(text):
        raise ValueError(f"{text!r} has a wrong checksum; was it copied whole?")
    return to_checksum_address(text)


T = TypeVar("T")
Many = Annotated[tuple[T, ...], Strict(False)]
NAME_PATTERN = r"[A-Za-z][A-Za-z0-9._/+-]{0,31}"
Name = Annotated[
    str, Text(NAME_PATTERN, "a name: a letter, then at most 31 letters, digits or . _ / + -")
]
Line = Annotated[
    str,
    Text(
        r"[^\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]{1,400}",
        "one line of text of 1 to 400 characters",
    ),
]
Day = Annotated[str, Text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day such as 2024-08-28"), AfterValidator(_real_days)]
Days = Annotated[
    str,
    Text(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(/[0-9]{4}-[0-9]{2}-[0-9]{2})?",
        "a day such as 2020-03-12 or an interval such as 2022-11-08/2022-11-09",
    ),
    AfterValidator(_real_days),
]
Loading = Annotated[int, _percent("loading_bps[0]")]
Shock = Annotated[int, _percent("shock_bps[0][0]")]
Quantity = Annotated[int, Fixed(QUANTITY_DECIMALS, *_QUANTITY, secret=True)]
Price = Annotated[int, Fixed(PRICE_DECIMALS, 1, (1 << PRICE_BITS) - 1)]
Uint256 = Annotated[int, Fixed(0, 0, (1 << 256) - 1)]
Address = Annotated[str, Text("0x[0-9a-fA-F]{40}", "an address (0x and 40 hex digits)")]
Bytes32 = Annotated[str, Text("0x[0-9a-fA-F]{64}", "32 bytes (0x and 64 hex digits)")]
ChecksumAddress = Annotated[str, Text("0x[0-9a-fA-F]{40}", "an address (0x and 40 hex digits)"), AfterValidator(_checksum)]
Uint32 = Annotated[int, Fixed(0, 0, (1 << 32) - 1)]
Seconds = Annotated[int, Fixed(0, 0, (1 << 32) - 1, " s")]
SecretElement = Annotated[str, Text("0x[0-9a-f]{64}", "a field element (0x and 64 small hex digits)", secret=True)]
Circuit = Literal["rebalance_8", "rebalance_16", "rebalance_32"]


class _Document(BaseModel):
    """Base of all documents: strict, closed, immutable; what it holds is not shown in errors."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


# --- policy -------------------------------------------------------------------------------------


class Venue(_Document):
    """A place where instruments are held: a custodian, a lending market, a pool, an exchange."""

    name: Name
    """name of the venue, unique"""
    cap: Annotated[int, _percent("venue_cap_bps[0]")] = _largest("venue_cap_bps[0]")
    """largest sum of |value| at this venue as a share of NAV; absent: 1310.71%, the widest value"""


class Factor(_Document):
    """A risk factor: something that moves the value of several instruments."""

    name: Name
    """name of the factor, unique"""
    limit: Annotated[int, _percent("factor_limit_bps[0]")] = _largest("factor_limit_bps[0]")
    """largest |net exposure| to this factor as a share of NAV; absent: 1310.71%, the widest value"""
    daily_volatility: Annotated[int, _percent("factor_volatility_bps[0]")]
    """standard deviation of the factor's move over one day, the horizon of the value at risk"""


class Instrument(_Document):
    """What one slot holds. Slots are numbered in the order of the file; the first is the settlement instrument."""

    name: Name
    """name of the instrument, unique; part of the policy hash, so a slot cannot change its meaning unseen"""
    kind: Literal["funded", "derivative"]
    """funded: spot, deposit or loan (a negative quantity). derivative: marked to market, its cash leg in slot 0"""
    venue: str
    """name of the venue that holds it"""
    haircut: Annotated[int | None, _percent("haircut_bps", high=BPS)] = None
    """share of a long's value that counts as collateral; required for funded, not allowed for derivative"""
    liability: Annotated[int | None, _percent("liability_bps", low=BPS)] = None
    """share of a short's value that counts as debt, at least 100%; required for funded, not allowed for derivative"""
    cap: Annotated[int, _percent("cap_bps")]
    """largest |value| as a share of NAV"""
    gross: Annotated[int, _percent("gross_bps")]
    """weight in gross leverage: 0% for cash and stablecoins, 100% for a plain exposure, more for a levered token"""
    liquid: Annotated[int | None, _percent("liquid_bps", high=BPS)] = None
    """share of a long's value that counts as liquidity reserve; absent: 0%; not allowed for derivative"""
    impermanent_loss: Annotated[int, _percent("impermanent_loss_bps", high=BPS)] = 0
    """impermanent loss at the policy's reference move, as a share of the value; absent: 0%"""
    depth: Annotated[int, _percent("depth_bps")] = 0
    """trading volume that the position supports, as a share of its value; absent: 0%"""
    residual: Annotated[int, _percent("residual_bps")] = 0
    """daily volatility that no factor explains, for the value at risk; absent: 0%"""
    loadings: dict[str, Loading] = {}
    """move of the instrument for a move of 100% in each factor named here; absent: 0%"""

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Self:
        for field in ("haircut", "liability"):
            if self.kind == "funded" and getattr(self, field) is None:
                raise ValueError(f"a funded instrument needs {field!r}")
        for field in ("haircut", "liability", "liquid"):
            if self.kind == "derivative" and getattr(self, field) is not None:
                raise ValueError(f"{field!r} has no effect on a derivative; leave it out")
        return self


class Scenario(_Document):
    """A stress scenario: all factors move at once."""

    name: Name
    """name of the scenario, unique"""
    date: Days
    """the day that it comes from, or the interval first/last"""
    source: Line
    """where the figures come from and how they were taken"""
    shocks: dict[str, Shock]
    """move of each factor named here; absent: 0%"""
    max_loss: Annotated[int, _percent("max_stress_loss_bps[0]")]
    """largest loss under this scenario as a share of NAV"""


class Limits(_Document):
    """Limits on the whole book. An absent one takes the value that refuses nothing, named in its description."""

    max_turnover: Annotated[int, _percent("max_turnover_bps")]
    """notional traded outside the settlement slot, as a share of NAV after the rebalance"""
    max_leverage: Annotated[int, Fixed(4, 0, _largest("max_leverage_bps"), "x")]
    """sum of gross weight times |value|, as a multiple of NAV, such as 2.5x"""
    slippage: Annotated[int, _percent("slippage_bps")]
    """what a rebalance may cost, as a share of its turnover"""
    nav_granularity: Annotated[int, Fixed(0, 1, _largest("nav_granularity_usd"), " USD")]
    """step in which the NAV is made public, in whole dollars, such as 1000 USD"""
    min_collateral_ratio: Annotated[int, _percent("min_collateral_ratio_bps")]
    """collateral after haircuts over debt"""
    stress_collateral_ratio: Annotated[int, _percent("stress_collateral_ratio_bps")] = 0
    """collateral over debt under every scenario, at most min_collateral_ratio; absent: 0%"""
    min_reserve: Annotated[int, _percent("min_reserve_bps")] = 0
    """liquid value as a share of NAV; absent: 0%. Short derivatives count against it in full, so even 0% binds a
    book whose liquid value does not cover them"""
    max_impermanent_loss: Annotated[int, _percent("max_impermanent_loss_bps")] = _largest("max_impermanent_loss_bps")
    """impermanent loss at the reference move as a share of NAV; absent: 1310.71%, the widest value"""
    min_capital_efficiency: Annotated[int, _percent("min_capital_efficiency_bps")] = 0
    """supported trading volume over the value of funded longs; absent: 0%"""
    max_var: Annotated[int | None, _percent("max_var_bps")] = None
    """one-day value at risk as a share of NAV; absent: no such limit (quantile 0)"""
    var_quantile: Annotated[int | None, Fixed(4, 0, _largest("var_quantile_bps"))] = None
    """normal quantile of the value at risk, such as 2.3263 for 99%; given with max_var"""

    @model_validator(mode="after")
    def _limits_fit_together(self) -> Self:
        if (self.max_var is None) != (self.var_quantile is None):
            raise ValueError("'max_var' and 'var_quantile' are given together or not at all")
        if self.stress_collateral_ratio > self.min_collateral_ratio:
            # Unused scenarios move nothing, and would ask the higher ratio of the book as it stands.
            raise ValueError("'stress_collateral_ratio' is above 'min_collateral_ratio'")
        return self


class PolicyFile(_Document):
    """What a vault may do: public, written by its manager, registered on chain by its hash.

    Refused beside what does not fit a field: a derivative or levered settlement instrument, collateral above its
    value, debt below it, names that clash or are not listed, a scenario that takes a funded instrument below zero.
    """

    name: Line
    """what people call the policy (not part of its hash)"""
    size: Annotated[Literal["8", "16", "32"], WithJsonSchema({"enum": [8, 16, 32]})]
    """size of the circuit in slots: 8 (4 scenarios, 4 factors, 4 venues), 16 (8, 6, 4) or 32 (8, 6, 8)"""
    venues: Many[Venue]
    """the venues"""
    factors: Many[Factor] = ()
    """the risk factors"""
    instruments: Many[Instrument]
    """the instruments in slot order; the first is the settlement instrument"""
    scenarios: Many[Scenario] = ()
    """the stress scenarios"""
    limits: Limits
    """limits on the whole book"""

    @property
    def circuit_size(self) -> Size:
        return SIZES[int(self.size)]

    @model_validator(mode="after")
    def _sane(self) -> Self:
        size = self.circuit_size
        lists = {"venues": size.venues, "factors": size.factors, "instruments": size.slots, "scenarios": size.scenarios}
        for field, room in lists.items():
            entries = getattr(self, field)
            if len(entries) > room:
                raise ValueError(f"{field}: {len(entries)} entries; size {self.size} has room for {room}")
            seen: set[str] = set()
            for i, entry in enumerate(entries):
                if entry.name.lower() in seen:
                    raise ValueError(f"{field}[{i}].name: {entry.name!r} is taken (large and small letters are equal)")
                seen.add(entry.name.lower())
        venues, factors = {v.name for v in self.venues}, {f.name for f in self.factors}
        for i, instrument in enumerate(self.instruments):
            where = f"instruments[{i}] ({instrument.name})"
            _require_listed(instrument.venue, venues, f"{where}.venue", "venue")
            for factor in instrument.loadings:
                _require_listed(factor, factors, f"{where}.loadings", "factor")
        for s, scenario in enumerate(self.scenarios):
            for factor in scenario.shocks:
                _require_listed(factor, factors, f"scenarios[{s}] ({scenario.name}).shocks", "factor")
        if not self.instruments:
            raise ValueError("instruments: none given; the first is the settlement instrument")
        settlement = self.instruments[0]
        if settlement.kind != "funded" or settlement.gross:
            where = f"instruments[0] ({settlement.name})"
            raise ValueError(f"{where}: the settlement instrument is of kind funded with gross 0%")
        for s, scenario in enumerate(self.scenarios):
            for instrument in self.instruments:
                # Prices do not fall below zero; a collateral that did would be worth less than nothing.
                move = sum(shock * instrument.loadings.get(factor, 0) for factor, shock in scenario.shocks.items())
                if instrument.kind == "funded" and move < -BPS * BPS:
                    where = f"scenarios[{s}] ({scenario.name}).shocks"
                    raise ValueError(f"{where}: {instrument.name} would lose more than 100%")
        return self

    def to_policy(self) -> Policy:
        """The policy in exact integers, with unused places padded: the null instrument, a factor and a venue without
        exposure or limit, a scenario that moves nothing."""
        size, limits = self.circuit_size, self.limits
        names = [factor.name for factor in self.factors]
        venues = [venue.name for venue in self.venues]

        def by_factor(values: Mapping[str, int]) -> tuple[int, ...]:
            return _pad((values.get(name, 0) for name in names), size.factors, 0)

        slots = (
            SlotTerms(
                instrument=i.name,
                funded=i.kind == "funded",
                haircut_bps=i.haircut or 0,
                liability_bps=i.liability or 0,
                cap_bps=i.cap,
                venue=venues.index(i.venue),
                gross_bps=i.gross,
                liquid_bps=i.liquid or 0,
                impermanent_loss_bps=i.impermanent_loss,
                depth_bps=i.depth,
                residual_bps=i.residual,
                loading_bps=by_factor(i.loadings),
            )
            for i in self.instruments
        )
        return Policy(
            size=size,
            slots=_pad(slots, size.slots, SlotTerms.null(size.factors)),
            max_turnover_bps=limits.max_turnover,
            max_leverage_bps=limits.max_leverage,
            min_collateral_ratio_bps=limits.min_collateral_ratio,
            stress_collateral_ratio_bps=limits.stress_collateral_ratio,
            min_reserve_bps=limits.min_reserve,
            max_impermanent_loss_bps=limits.max_impermanent_loss,
            min_capital_efficiency_bps=limits.min_capital_efficiency,
            max_var_bps=_largest("max_var_bps") if limits.max_var is None else limits.max_var,
            var_quantile_bps=limits.var_quantile or 0,
            slippage_bps=limits.slippage,
            nav_granularity_usd=limits.nav_granularity,
            venue_cap_bps=_pad((v.cap for v in self.venues), size.venues, _largest("venue_cap_bps[0]")),
            factor_limit_bps=_pad((f.limit for f in self.factors), size.factors, _largest("factor_limit_bps[0]")),
            factor_volatility_bps=_pad((f.daily_volatility for f in self.factors), size.factors, 0),
            max_stress_loss_bps=_pad(
                (s.max_loss for s in self.scenarios), size.scenarios, _largest("max_stress_loss_bps[0]")
            ),
            shock_bps=_pad((by_factor(s.shocks) for s in self.scenarios), size.scenarios, (0,) * size.factors),
            factor_names=tuple(names),
            venue_names=tuple(venues),
            scenario_names=tuple(s.name for s in self.scenarios),
            name=self.name,
        )


def _require_listed(name: str, names: set[str], where: str, what: str) -> None:
    if name not in names:
        raise ValueError(f"{where}: there is no {what} {_quote(name)}; listed are {', '.join(sorted(names)) or 'none'}")


def _pad(values: Iterable[T], length: int, filler: T) -> tuple[T, ...]:
    given = tuple(values)
    return given + (filler,) * (length - len(given))


# --- the other documents --------------------------------------------------------------------------


class PricesFile(_Document):
    """Prices of all instruments at one moment: public. As CSV: columns instrument,price,date,source."""

    date: Day
    """the day of the prices (in CSV the same in every row)"""
    source: Line
    """where they come from (in CSV the same in every row)"""
    prices: dict[str, Price]
    """USD per unit of every instrument of the policy, at most 8 decimals"""


class BookFile(_Document):
    """What a vault holds: secret. As CSV: columns instrument,quantity."""

    book: dict[str, Quantity] = Field(repr=False)
    """quantity of each instrument, at most 6 decimals, negative for a short or a loan; absent: 0"""


class TradesFile(_Document):
    """What a rebalance changes, after minus before: secret. As CSV: columns instrument,quantity."""

    trades: dict[str, Quantity] = Field(repr=False)
    """change of each instrument's quantity, at most 6 decimals, cash legs included; absent: 0"""


class ContextFields(_Document):
    """What ties a proof to one chain, hub, vault and moment."""

    chain_id: Uint256
    """EIP-155 chain id"""
    hub: Address
    """address of the hub contract"""
    vault_id: Bytes32
    """id of the vault"""
    sequence: Uint256
    """number of this rebalance of the vault, from 1"""
    policy_version: Uint256
    """version of the policy, as the hub counts"""
    oracle_round: Uint256
    """round of the price snapshot, as the hub counts"""
    operator: Address
    """address that submits the proof"""
    deadline: Uint256
    """last moment at which the hub accepts the proof, in Unix seconds"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self.to_context()  # refuses a wrong address checksum
        return self

    def to_context(self) -> Context:
        return Context(**(self.model_dump() | {"vault_id": bytes.fromhex(self.vault_id[2:])}))


class TermsFile(_Document):
    """The public terms of one rebalance."""

    flow: Annotated[int, Fixed(QUANTITY_DECIMALS, *_QUANTITY)]
    """units of the settlement instrument paid in by share holders (negative: paid out), at most 6 decimals"""
    accrual: Annotated[int, Fixed(0, 0, (1 << ACCRUAL_BITS) - 1, " ppm")]
    """gains or costs without a trade (funding, fees), in parts per million of NAV, such as 12 ppm"""
    context: ContextFields
    """where and when the proof holds"""


class FeedEntry(_Document):
    """What prices one instrument."""

    aggregator: ChecksumAddress
    """address of a Chainlink price feed (AggregatorV3Interface) in USD"""
    heartbeat: Seconds
    """an answer older than this is refused, such as 3600 s"""
    deviation: Annotated[int, Fixed(2, 1, (1 << 16) - 1, "%")]
    """largest move from one snapshot to the next that needs no second confirmation, such as 10%"""


class Sequencer(_Document):
    """On a rollup: what says whether its sequencer is up."""

    feed: ChecksumAddress
    """address of Chainlink's feed of the sequencer's uptime"""
    grace_period: Seconds
    """how long after the sequencer came back prices are refused"""


class FeedsFile(_Document):
    """The price feeds of a policy's instruments: public, added to the oracle once."""

    feeds: dict[str, FeedEntry]
    """the feed of every instrument of the policy"""
    confirmation_delay: Seconds = 0
    """how long a move beyond the deviation waits for its second confirmation; absent: 0 s"""
    sequencer: Sequencer | None = None
    """on a rollup; absent: none"""


class MandateFields(_Document):
    """What a vault may do, beside its policy."""

    feed_set: Uint32
    """number of the feed set, as `oracle add` says it"""
    max_snapshot_age: Seconds
    """oldest price snapshot that a rebalance may use"""
    max_proof_age: Seconds
    """a vault whose last proof's prices are older than this is stale; at least max_snapshot_age"""
    accrual_rate: Annotated[int, Fixed(0, 0, (1 << 24) - 1, " ppm")]
    """what may accrue without a trade in a day, in parts per million of NAV"""
    accrual_cap: Annotated[int, Fixed(0, 0, PPM - 1, " ppm")]
    """the most that may accrue in one rebalance, in parts per million of NAV"""


class ShareFields(_Document):
    """The ERC-4626 token of a vault's shares."""

    symbol: Name
    """symbol of the token"""
    asset: ChecksumAddress
    """ERC-20 token that the first instrument of the policy stands for, with 6 to 18 decimals"""
    custody: ChecksumAddress
    """where drawn assets go"""


class VaultFile(_Document):
    """What a vault is opened with: public."""

    name: Line
    """name of the vault, and of its share token. Opening a vault of the same name and content again opens no second one"""
    policy: Line
    """policy file (a path from this file's folder) or policy hash (0x and 64 hex digits) of a registered policy"""
    mandate: MandateFields
    """what it may do beside its policy"""
    operator: ChecksumAddress
    """submits rebalances and proposes mandates"""
    guardian: ChecksumAddress | None = None
    """may pause the vault and withdraw a proposed mandate; absent: nobody"""
    loosening_delay: Seconds
    """how long a mandate that does not only tighten waits, at least 86400 s (a day)"""
    share: ShareFields | None = None
    """the share token; absent: none, and whoever opens the vault records its flows"""


Sha256 = Annotated[str, Text("[0-9a-f]{64}", "a sha256 (64 small hex digits)")]
Whole = Annotated[int, Field(ge=0, lt=1 << 63)]


class DeployedKey(_Document):
    """A verifying key on a chain."""

    number: Whole
    """number of the key, as the hub counts"""
    verifier: ChecksumAddress
    """contract that snarkjs generated for the key"""
    batch_verifier: ChecksumAddress
    """contract that checks many proofs at once"""
    key_hash: Bytes32
    """keccak256 of the key's words, as the batch verifier has it"""
    r1cs_sha256: Sha256
    """sha256 of the constraint system that the key is for"""
    insecure: bool
    """whether it is a development key, against which anybody can forge proofs"""


class Deployment(_Document):
    """Where the contracts are on a chain: public."""

    format: Literal["dls-zk/deployment/v1"]
    """format and version of this file"""
    chain_id: Whole
    """EIP-155 chain id"""
    genesis: Bytes32
    """hash of the chain's first block: every local development chain has the same id"""
    block: Whole
    """block before the deployment, from which on there may be events"""
    hub: ChecksumAddress
    """RebalanceHub"""
    policy_registry: ChecksumAddress
    """PolicyRegistry"""
    price_oracle: ChecksumAddress
    """PriceOracle"""
    poseidon: ChecksumAddress
    """PoseidonT6, the library that the policy registry is linked with"""
    keys: dict[str, DeployedKey]
    """the verifying key of each circuit, by the circuit's name"""
    created: dict[ChecksumAddress, Bytes32]
    """hash of the transaction that created each of these contracts, by the contract's address"""

    @model_validator(mode="after")
    def _creations_are_complete(self) -> Self:
        verifiers = (address for key in self.keys.values() for address in (key.verifier, key.batch_verifier))
        for address in (self.hub, self.policy_registry, self.price_oracle, self.poseidon, *verifiers):
            if address not in self.created:
                raise ValueError(f"created: the transaction of {address} is missing")
        return self

    @model_validator(mode="after")
    def _circuits_are_ours(self) -> Self:
        for circuit in self.keys:
            if circuit not in get_args(Circuit):
                raise ValueError(f"keys: {_quote(circuit)} is none of {', '.join(get_args(Circuit))}")
        return self


class OpeningFile(_Document):
    """What opens the commitment to a book: secret, kept at mode 0600. Lose it and the vault can never move again."""

    format: Literal["dls-zk/opening/v1"]
    """format and version of this file"""
    circuit: Circuit
    """circuit of the commitment"""
    quantities: Many[Annotated[int, Fixed(0, *_QUANTITY, secret=True)]] = Field(repr=False)
    """quantity of each slot in millionths of the instrument, one per slot of the circuit"""
    salt: SecretElement = Field(repr=False)
    """salt of the commitment"""
    commitment: SecretElement
    """the commitment that the quantities and the salt open"""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        slots = int(self.circuit.removeprefix("rebalance_"))
        if len(self.quantities) != slots:
            raise ValueError(f"quantities: {len(self.quantities)} entries; {self.circuit} has {slots}")
        for field in ("salt", "commitment"):
            require_canonical(int(getattr(self, field), 16), field)
        return self


Coordinate = Annotated[str, Text("0|[1-9][0-9]{0,76}", "a field element (a whole number in decimal digits)")]
Pair = Annotated[tuple[Coordinate, Coordinate], Strict(False)]


class Groth16Proof(_Document):
    """A Groth16 proof as snarkjs writes it: affine points in decimal digits, with the third coordinate one."""

    pi_a: Annotated[tuple[Coordinate, Coordinate, Literal["1"]], Strict(False)]
    """point A of G1"""
    pi_b: Annotated[
        tuple[Pair, Pair, Annotated[tuple[Literal["1"], Literal["0"]], Strict(False)]],
        Strict(False),
    ]
    """point B of G2, each coordinate as (real, imaginary)"""
    pi_c: Annotated[tuple[Coordinate, Coordinate, Literal["1"]], Strict(False)]
    """point C of G1"""
    protocol: Literal["groth16"]
    """proof system"""
    curve: Literal["bn128"]
    """curve, by snarkjs's name for BN254"""


class ProofFile(_Document):
    """A proof and the public signals that it proves. Described here for its schema; ``proof.Proof`` reads it."""

    format: Literal["dls-zk/proof/v1"]
    """format and version of this file"""
    circuit: Circuit
    """circuit of the proof"""
    proof: Groth16Proof
    """the proof"""
    public: Many[Coordinate]
    """the public signals, in the order of the statement"""


DOCUMENTS: dict[str, type[_Document]] = {
    "policy": PolicyFile,
    "prices": PricesFile,
    "book": BookFile,
    "trades": TradesFile,
    "terms": TermsFile,
    "feeds": FeedsFile,
    "vault": VaultFile,
    "deployment": Deployment,
    "opening": OpeningFile,
    "proof": ProofFile,
}


class _Schema(GenerateJsonSchema):
    """Pydantic's schemas without titles and defaults: the defaults are integers, which no file can hold."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def json_schemas() -> dict[str, str]:
    """The JSON schema of each document, as the text of ``schemas/<name>.json``."""
    dialect = {"$schema": GenerateJsonSchema.schema_dialect}
    return {
        name: json.dumps(dialect | document.model_json_schema(schema_generator=_Schema), indent=2) + "\n"
        for name, document in DOCUMENTS.items()
    }


# --- reading ------------------------------------------------------------------------------------


def read_policy(path: str | Path) -> Policy:
    """Read a policy (YAML). InputError, also for a policy that no vault should have (see ``PolicyFile``)."""
    return _validate(PolicyFile, _read_yaml(path, secret=False), path).to_policy()


def read_prices(path: str | Path, policy: Policy) -> Prices:
    """Read the prices (YAML or CSV) of all of the policy's instruments; unused slots get 0. InputError."""
    table = _read_table(PricesFile, "prices", path, policy, secret=False)
    for slot in policy.slots:
        if slot.instrument and slot.instrument not in table.prices:
            raise InputError(f"no price for {slot.instrument}; every instrument of the policy needs one", str(path))
    return Prices(_by_slot(table.prices, policy))


def write_prices(path: str | Path, prices: Prices, policy: Policy, day: str, source: str) -> None:
    """Write the prices of a policy's instruments (YAML). InputError if the file exists."""
    price = Fixed(PRICE_DECIMALS, 1, (1 << PRICE_BITS) - 1)
    named = zip(policy.slots, prices.usd_e8, strict=True)
    lines = [f"  {slot.instrument}: {price.show(usd_e8)}" for slot, usd_e8 in named if slot.instrument]
    write_new(Path(path), "\n".join([f"date: {day}", f"source: {source}", "", "prices:", *lines, ""]))


def read_book(path: str | Path, policy: Policy) -> tuple[int, ...]:
    """Read a book (YAML or CSV): N quantities in 1e-6 of the instrument, secret. InputError, without the content."""
    return _by_slot(_read_table(BookFile, "book", path, policy, secret=True).book, policy)


def read_trades(path: str | Path, policy: Policy) -> tuple[int, ...]:
    """Read trades (YAML or CSV): N quantities in 1e-6 of the instrument, after minus before, secret. InputError,
    without the content."""
    return _by_slot(_read_table(TradesFile, "trades", path, policy, secret=True).trades, policy)


def read_terms(path: str | Path) -> Terms:
    """Read the terms of a rebalance (YAML). InputError."""
    terms = _validate(TermsFile, _read_yaml(path, secret=False), path)
    return Terms.at(terms.context.to_context(), terms.flow, terms.accrual)


def write_terms(path: str | Path, terms: Terms) -> None:
    """Write the terms of a rebalance (YAML). ValueError if they have no place; InputError if the file exists."""
    if terms.place is None:
        raise ValueError("terms without a place cannot be written: their context is a hash")
    place = terms.place
    flow = Fixed(QUANTITY_DECIMALS, *_QUANTITY).show(terms.flow_e6)
    write_new(
        Path(path),
        f"""flow: {flow}
accrual: {terms.accrual_ppm} ppm

context:
  chain_id: {place.chain_id}
  hub: "{place.hub}"
  vault_id: "0x{place.vault_id.hex()}"
  sequence: {place.sequence}
  policy_version: {place.policy_version}
  oracle_round: {place.oracle_round}
  operator: "{place.operator}"
  deadline: {place.deadline}
""",
    )


def read_feeds(path: str | Path, policy: Policy) -> FeedsFile:
    """Read the feeds (YAML) of all of a policy's instruments. InputError."""
    feeds = _validate(FeedsFile, _read_yaml(path, secret=False), path)
    names = [slot.instrument for slot in policy.slots if slot.instrument]
    for name in [*feeds.feeds, *names]:
        if name not in names:
            raise InputError(f"unknown instrument {_quote(name)}; the policy has {', '.join(names)}", str(path))
        if name not in feeds.feeds:
            raise InputError(f"no feed for {name}; every instrument of the policy needs one", str(path))
    return feeds


def write_feeds(path: str | Path, feeds: FeedsFile) -> None:
    """Write feeds (JSON, which is YAML too). InputError if the file exists."""
    seconds, percent = Fixed(0, 0, (1 << 32) - 1, " s"), Fixed(2, 1, (1 << 16) - 1, "%")
    document: dict[str, Any] = {"confirmation_delay": seconds.show(feeds.confirmation_delay)}
    if feeds.sequencer:
        grace_period = seconds.show(feeds.sequencer.grace_period)
        document["sequencer"] = {"feed": feeds.sequencer.feed, "grace_period": grace_period}
    document["feeds"] = {
        name: {
            "aggregator": feed.aggregator,
            "heartbeat": seconds.show(feed.heartbeat),
            "deviation": percent.show(feed.deviation),
        }
        for name, feed in feeds.feeds.items()
    }
    write_new(Path(path), json.dumps(document, indent=2) + "\n")


def read_vault(path: str | Path) -> VaultFile:
    """Read what a vault is opened with (YAML). InputError."""
    return _validate(VaultFile, _read_yaml(path, secret=False), path)


def read_deployment(path: str | Path) -> Deployment:
    """Read where the contracts are (JSON). InputError."""
    return _validate(Deployment, parse_json(read_limited(Path(path), FILE_LIMIT), str(path)), path)


def write_deployment(path: str | Path, deployment: Deployment) -> None:
    """Write where the contracts are (JSON). InputError if the file exists."""
    write_new(Path(path), deployment.model_dump_json(indent=2) + "\n")


def read_opening(path: str | Path) -> tuple[Opening, int]:
    """Read an opening (JSON): the opening and the commitment that the file names beside it.

    The caller computes the commitment of the opening and compares. InputError, without the content; also for a file
    that other users may read.
    """
    document = parse_json(read_limited(Path(path), FILE_LIMIT), str(path))
    mode = Path(path).stat().st_mode
    # Of a file that is no opening it would be wrong to say that it is secret; what it is not is said below.
    if mode & 0o077 and isinstance(document, dict) and document.get("format") == OPENING_FORMAT:
        raise InputError(f"open to other users (mode {mode & 0o777:04o}) and secret; run `chmod 600 {path}`", str(path))
    opening = _validate(OpeningFile, document, path, known=set())
    return Opening(opening.quantities, int(opening.salt, 16)), int(opening.commitment, 16)


def write_opening(path: str | Path, opening: Opening, commitment: int) -> None:
    """Write an opening (JSON, mode 0600). InputError if it cannot be written, or if the file exists, even if it came
    a moment ago: an opening that something still needs is never overwritten."""
    document = OpeningFile.model_validate(
        {
            "format": OPENING_FORMAT,
            "circuit": f"rebalance_{len(opening.quantities_e6)}",
            "quantities": [str(quantity) for quantity in opening.quantities_e6],
            "salt": f"0x{opening.salt:064x}",
            "commitment": f"0x{commitment:064x}",
        }
    )
    text = document.model_dump() | {"quantities": [str(quantity) for quantity in document.quantities]}
    write_new(Path(path), json.dumps(text, indent=2) + "\n", 0o600)


def _by_slot(values: Mapping[str, int], policy: Policy) -> tuple[int, ...]:
    return tuple(values.get(slot.instrument, 0) for slot in policy.slots)


D = TypeVar("D", bound=_Document)


def _validate(model: type[D], document: object, path: str | Path, known: set[str] | None = None) -> D:
    """The document as ``model``; InputError for the first thing that is wrong.

    A misspelt field is said before the one that is missing for it. ``known``: for a secret document, the names that
    an error may say beside the model's own fields; items of a list are named, and a spelling proposed, for others only.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    # Outside of the handler, so that no exception with the content hangs on this one.
    first = next((e for e in errors if known is None and e["type"] == "extra_forbidden"), errors[0])
    where = str(path)
    place = ""
    for depth, part in enumerate(first["loc"], 1):
        if isinstance(part, int):
            place += f"[{part}]"
            if known is None and (name := _item_name(document, first["loc"][:depth])):
                place += f" ({name})"
        elif known is None or part in known or part in model.model_fields:
            place += f".{part}" if re.fullmatch(r"[\w./+-]{1,40}", part) else f".{_quote(part)}"
        else:
            place += ".(not shown)"
    if place:
        where += f": {place.lstrip('.')}"
    raise InputError(_explain(first, model, propose=known is None), where)


def _item_name(document: Any, place: Sequence[Any]) -> str:
    """The name that an item of a list in a raw document gives itself, if that can be a name, else ''."""
    for part in place:
        document = document[part]
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) and re.fullmatch(NAME_PATTERN, name) else ""


def _explain(error: Mapping[str, Any], model: type[_Document], *, propose: bool) -> str:
    """One of pydantic's errors in our words. ``propose``: for an unknown field, say which one it resembles."""
    inner, description = model, ""
    for part in error["loc"]:
        field = inner.model_fields.get(part) if isinstance(part, str) else None
        if field is not None:
            description = field.description or ""
            inner = next(_documents_in(field.annotation), inner)
    match error["type"]:
        case "missing":
            return f"missing; expected: {description}"
        case "extra_forbidden":
            close = difflib.get_close_matches(str(error["loc"][-1]), inner.model_fields, 1) if propose else []
            known = f"known here: {', '.join(inner.model_fields)}"
            return f"unknown field; {f'did you mean {close[0]}?' if close else known}"
        case "value_error":
            return str(error["ctx"]["error"])
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"expected fields (name: value); here: {', '.join(inner.model_fields)}"
        case "tuple_type" | "list_type":
            return f"expected a list: {description}"
        case "string_type":
            return f"expected text: {description}"
        case "literal_error":
            return f"expected {error['ctx']['expected']}"
        case _:
            return str(error["msg"])


def _documents_in(annotation: object) -> Iterator[type[_Document]]:
    if isinstance(annotation, type) and issubclass(annotation, _Document):
        yield annotation
    for argument in get_args(annotation):
        yield from _documents_in(argument)


def _read_text(path: str | Path) -> str:
    data = read_limited(Path(path), FILE_LIMIT)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = error.start
    else:
        if control := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text):
            raise InputError(f"not a text file (control character {control[0]!r})", str(path))
        return text
    raise InputError(f"not UTF-8 text (byte {place}); save it as UTF-8", str(path))


# --- tables: YAML or CSV ---------------------------------------------------------------------------


def _read_table(model: type[D], key: str, path: str | Path, policy: Policy, *, secret: bool) -> D:
    """A document with one value an instrument under ``key``, from YAML or CSV."""
    names = {slot.instrument for slot in policy.slots} - {""}
    suffix = Path(path).suffix.lower()
    document: Any
    if suffix == ".csv":
        document, entries = _read_csv(model, key, path)
    elif suffix in (".yaml", ".yml"):
        document = _read_yaml(path, secret=secret)
        table = document.get(key) if isinstance(document, dict) else None
        entries = [(f"{key}: entry {i + 1}", name) for i, name in enumerate(table if isinstance(table, dict) else ())]
    else:
        raise InputError("expected a file that ends in .yaml, .yml or .csv", str(path))
    seen: set[str] = set()
    for place, name in entries:
        if name not in names:
            shown = "" if secret else f" {_quote(name)}"
            listed = ", ".join(slot.instrument for slot in policy.slots if slot.instrument)
            raise InputError(f"unknown instrument{shown}; the policy has {listed}", f"{path}: {place}")
        if name in seen:
            raise InputError(f"{name} is given twice", f"{path}: {place}")
        seen.add(name)
    return _validate(model, document, path, known=names if secret else None)


def _read_csv(model: type[_Document], key: str, path: str | Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A CSV file as (the document that it stands for, the place and name of each row)."""
    value, common = ("price", ("date", "source")) if model is PricesFile else ("quantity", ())
    header = ["instrument", value, *common]
    reader = csv.reader(io.StringIO(_read_text(path), newline=""), strict=True)
    rows = []
    try:
        for cells in reader:
            if cells:  # the csv module gives an empty line as no cells
                rows.append((f"row {reader.line_num}", [cell.strip(" \t") for cell in cells]))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", f"{path}: row {reader.line_num}") from None
    if not rows or rows[0][1] != header:
        raise InputError(f"the first row is not {','.join(header)}", f"{path}: row 1")
    del rows[0]
    for place, cells in rows:
        if len(cells) != len(header):
            raise InputError(f"{len(cells)} cells; expected {len(header)}: {', '.join(header)}", f"{path}: {place}")
        if cells[2:] != rows[0][1][2:]:
            raise InputError(f"{' and '.join(common)} differ from the rows above", f"{path}: {place}")
    document: dict[str, Any] = {}
    if rows:
        document |= zip(common, rows[0][1][2:], strict=True)
    document[key] = {cells[0]: cells[1] for _, cells in rows}
    return document, [(place, cells[0]) for place, cells in rows]


# --- YAML -------------------------------------------------------------------------------------------


def _read_yaml(path: str | Path, *, secret: bool) -> object:
    """A YAML file as dicts, lists and text: every scalar stays as it was written (no floats, dates or booleans).

    Refused: repeated keys, anchors and aliases, tags, more than one document, deep nesting. What the parser says of
    bad YAML can quote it, so of a ``secret`` file only the place is told.
    """
    text = _read_text(path)
    try:
        events = yaml.parse(text, Loader=yaml.BaseLoader)
        next(events)  # stream start
        if isinstance(next(events), yaml.StreamEndEvent):
            raise ValueError("the file is empty")
        document = _node(next(events), events, DEPTH_LIMIT)
        next(events)  # document end
        if not isinstance(next(events), yaml.StreamEndEvent):
            raise ValueError("more than one YAML document (---) in the file")
        return document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"not YAML at line {mark.line + 1}, column {mark.column + 1}" if mark else "not YAML"
        if not secret:
            tab = "; indent with spaces, not tabs" if r"'\t'" in str(error.problem) else ""
            problem += f": {error.problem}{tab}"
    except yaml.YAMLError:
        problem = "not YAML: it holds a character that YAML does not allow"
    except ValueError as error:
        problem = str(error)
    raise InputError(problem, str(path))


def _node(event: Any, events: Iterator[Any], depth: int) -> Any:
    """The value that begins with ``event``; ValueError with the line of what is refused."""
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise ValueError(f"line {line}: anchors (&) and aliases (*) are not used here; write the value out")
    if event.tag is not None:
        raise ValueError(f"line {line}: tags (!) are not used here")
    if not depth:
        raise ValueError(f"line {line}: nested too deep")
    if isinstance(event, yaml.ScalarEvent):
        return event.value
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, depth - 1))
        return items
    fields: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        line = event.start_mark.line + 1
        key = _node(event, events, depth - 1)
        if not isinstance(key, str):
            raise ValueError(f"line {line}: a list or mapping cannot name a field")
        if key in fields:
            raise ValueError(f"line {line}: this field is given twice")
        fields[key] = _node(next(events), events, depth - 1)
    return fields
