"""The policy file: the public rules of a vault, and its reading into ``statement.model.Policy``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import model_validator

from ..errors import listed
from ..statement.constants import (
    BPS,
    SIZES,
    Size,
)
from ..statement.model import Policy, SlotPolicy
from .validation import Problems
from .values import (
    NAME_PATTERN,
    Days,
    Document,
    Fixed,
    Line,
    Loading,
    Many,
    Name,
    Shock,
    SizeName,
    T,
    largest,
    percent,
    quote,
)


class Venue(Document):
    """A place where instruments are held: a custodian, a lending market, a pool, an exchange."""

    name: Name
    """name of the venue, unique"""
    cap: Annotated[int, percent("venue_cap_bps")] = largest("venue_cap_bps")
    """largest sum of |value| at this venue as a share of NAV; absent: 1310.71%, the widest value"""


class Factor(Document):
    """A risk factor: something that moves the value of several instruments."""

    name: Name
    """name of the factor, unique"""
    limit: Annotated[int, percent("factor_limit_bps")] = largest("factor_limit_bps")
    """largest |net exposure| to this factor as a share of NAV; absent: 1310.71%, the widest value"""
    daily_volatility: Annotated[int, percent("factor_volatility_bps")]
    """standard deviation of the factor's move over one day, the horizon of the value at risk"""


class Instrument(Document):
    """What one slot holds. Slots are numbered in the order of the file; the first is the settlement instrument."""

    name: Name
    """name of the instrument, unique; part of the policy hash, so a slot cannot change its meaning unseen"""
    kind: Literal["funded", "derivative"]
    """funded: spot, deposit or loan (a negative quantity). derivative: marked to market, its cash leg in slot 0"""
    venue: str
    """name of the venue that holds it"""
    haircut: Annotated[int, percent("haircut_bps", high=BPS)]
    """share of a long's value that counts as collateral; 100% for a derivative that a scenario takes below zero"""
    liability: Annotated[int | None, percent("liability_bps", low=BPS)] = None
    """share of a short's value that counts as debt, at least 100%; required for funded, not allowed for derivative"""
    cap: Annotated[int, percent("cap_bps")]
    """largest |value| as a share of NAV"""
    gross: Annotated[int, percent("gross_bps")]
    """weight in gross leverage: 0% for cash and stablecoins, 100% for a plain exposure, more for a levered token"""
    liquid: Annotated[int | None, percent("liquid_bps", high=BPS)] = None
    """share of a long's value that counts as liquidity reserve; absent: 0%; not allowed for derivative"""
    impermanent_loss: Annotated[int, percent("impermanent_loss_bps", high=BPS)] = 0
    """impermanent loss at the policy's reference move, as a share of the value; absent: 0%"""
    depth: Annotated[int, percent("depth_bps")] = 0
    """trading volume that the position supports, as a share of its value; absent: 0%"""
    residual: Annotated[int, percent("residual_bps")] = 0
    """daily volatility that no factor explains, for the value at risk; absent: 0%"""
    loadings: dict[str, Loading] = {}
    """move of the instrument for a move of 100% in each factor named here; absent: 0%"""

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Self:
        if self.kind == "funded" and self.liability is None:
            raise ValueError("a funded instrument needs 'liability'")
        for field in ("liability", "liquid"):
            if self.kind == "derivative" and getattr(self, field) is not None:
                raise ValueError(f"{field!r} has no effect on a derivative; leave it out")
        return self


class Scenario(Document):
    """A stress scenario: all factors move at once."""

    name: Name
    """name of the scenario, unique"""
    date: Days
    """the day that it comes from, or the interval first/last"""
    source: Line
    """where the figures come from and how they were taken"""
    shocks: dict[str, Shock]
    """move of each factor named here; absent: 0%"""
    max_loss: Annotated[int, percent("max_stress_loss_bps")]
    """largest loss under this scenario as a share of NAV"""


class Limits(Document):
    """Limits on the whole book. An absent one takes the value that refuses nothing, named in its description."""

    max_turnover: Annotated[int, percent("max_turnover_bps")]
    """notional traded outside the settlement slot, as a share of NAV after the rebalance and what a flow took out"""
    max_leverage: Annotated[int, Fixed(4, 0, largest("max_leverage_bps"), "x")]
    """sum of gross weight times |value|, as a multiple of NAV, such as 2.5x"""
    slippage: Annotated[int, percent("slippage_bps")]
    """what a rebalance may cost, as a share of its turnover"""
    nav_step: Annotated[int, Fixed(0, 1, largest("nav_step_usd"), " USD")]
    """step in which the NAV is made public, in whole dollars, such as 1000 USD"""
    min_collateral_ratio: Annotated[int, percent("min_collateral_ratio_bps")]
    """collateral after haircuts over debt"""
    stress_collateral_ratio: Annotated[int, percent("stress_collateral_ratio_bps")] = 0
    """collateral over debt under every scenario, at most min_collateral_ratio; absent: 0%"""
    min_reserve: Annotated[int, percent("min_reserve_bps")] = 0
    """liquid value as a share of NAV; absent: 0%. Short derivatives count against it in full, so even 0% binds a
    book whose liquid value does not cover them"""
    max_impermanent_loss: Annotated[int, percent("max_impermanent_loss_bps")] = largest("max_impermanent_loss_bps")
    """impermanent loss at the reference move as a share of NAV; absent: 1310.71%, the widest value"""
    min_capital_efficiency: Annotated[int, percent("min_capital_efficiency_bps")] = 0
    """supported trading volume over the value of funded longs; absent: 0%"""
    max_var: Annotated[int | None, percent("max_var_bps")] = None
    """one-day value at risk as a share of NAV; absent: no such limit (quantile 0)"""
    var_quantile: Annotated[int | None, Fixed(4, 0, largest("var_quantile_bps"))] = None
    """normal quantile of the value at risk, such as 2.3263 for 99%; given with max_var"""

    @model_validator(mode="after")
    def _limits_fit_together(self) -> Self:
        if (self.max_var is None) != (self.var_quantile is None):
            raise ValueError("'max_var' and 'var_quantile' are given together or not at all")
        if self.stress_collateral_ratio > self.min_collateral_ratio:
            # Unused scenarios move nothing, and would ask the higher ratio of the book as it stands.
            raise ValueError("'stress_collateral_ratio' is above 'min_collateral_ratio'")
        return self


class PolicyFile(Document):
    """What a vault may do: public, written by its manager, registered on chain by its hash.

    Refused beside what does not fit a field: a derivative or levered settlement instrument, collateral above its
    value, debt below it, names that clash or are not listed, a scenario that takes an instrument below zero
    that is no derivative with a haircut of 100%.
    """

    name: Line
    """what people call the policy (not part of its hash)"""
    size: SizeName
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
        problems = [*name_problems(self._names()), *self._problems_of_values()]
        if problems:
            raise Problems(problems)
        return self

    def _names(self) -> dict[str, Any]:
        """The file as far as ``name_problems`` looks at it."""
        return {
            "size": self.size,
            "venues": [{"name": venue.name} for venue in self.venues],
            "factors": [{"name": factor.name} for factor in self.factors],
            "instruments": [{"name": i.name, "venue": i.venue, "loadings": i.loadings} for i in self.instruments],
            "scenarios": [{"name": scenario.name, "shocks": scenario.shocks} for scenario in self.scenarios],
        }

    def _problems_of_values(self) -> Iterator[str]:
        if not self.instruments:
            yield "instruments: none given; the first is the settlement instrument"
            return
        settlement = self.instruments[0]
        if settlement.kind != "funded" or settlement.gross:
            where = f"instruments[0] ({settlement.name})"
            yield f"{where}: the settlement instrument is of kind funded with gross 0%"
        for s, scenario in enumerate(self.scenarios):
            for instrument in self.instruments:
                # A haircut would count only a part of what is lost below zero.
                move = sum(shock * instrument.loadings.get(factor, 0) for factor, shock in scenario.shocks.items())
                in_full = instrument.kind == "derivative" and instrument.haircut == BPS
                if move < -BPS * BPS and not in_full:
                    where = f"scenarios[{s}] ({scenario.name}).shocks"
                    advice = "" if instrument.kind == "funded" else ", which needs a haircut of 100%"
                    yield f"{where}: {instrument.name} would lose more than 100%{advice}"

    def to_policy(self) -> Policy:
        """The policy in exact integers, with unused places padded: the null instrument, a factor and a venue without
        exposure or limit, a scenario that moves nothing."""
        size, limits = self.circuit_size, self.limits
        names = [factor.name for factor in self.factors]
        venues = [venue.name for venue in self.venues]

        def by_factor(values: Mapping[str, int]) -> tuple[int, ...]:
            return _pad((values.get(name, 0) for name in names), size.factors, 0)

        slots = (
            SlotPolicy(
                instrument=i.name,
                funded=i.kind == "funded",
                haircut_bps=i.haircut,
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
            slots=_pad(slots, size.slots, SlotPolicy.null(size.factors)),
            max_turnover_bps=limits.max_turnover,
            max_leverage_bps=limits.max_leverage,
            min_collateral_ratio_bps=limits.min_collateral_ratio,
            stress_collateral_ratio_bps=limits.stress_collateral_ratio,
            min_reserve_bps=limits.min_reserve,
            max_impermanent_loss_bps=limits.max_impermanent_loss,
            min_capital_efficiency_bps=limits.min_capital_efficiency,
            max_var_bps=largest("max_var_bps") if limits.max_var is None else limits.max_var,
            var_quantile_bps=limits.var_quantile or 0,
            slippage_bps=limits.slippage,
            nav_step_usd=limits.nav_step,
            venue_cap_bps=_pad((v.cap for v in self.venues), size.venues, largest("venue_cap_bps")),
            factor_limit_bps=_pad((f.limit for f in self.factors), size.factors, largest("factor_limit_bps")),
            factor_volatility_bps=_pad((f.daily_volatility for f in self.factors), size.factors, 0),
            max_stress_loss_bps=_pad((s.max_loss for s in self.scenarios), size.scenarios, largest("max_stress_loss_bps")),
            shock_bps=_pad((by_factor(s.shocks) for s in self.scenarios), size.scenarios, (0,) * size.factors),
            factor_names=tuple(names),
            venue_names=tuple(venues),
            scenario_names=tuple(s.name for s in self.scenarios),
            name=self.name,
        )


def name_problems(document: Any) -> Iterator[str]:
    """What is wrong with the names in a policy as it was written, whatever else is: too many entries, names that clash,
    names of venues and factors that are not listed. What has another form than a policy is passed over."""
    size = {str(slots): size for slots, size in SIZES.items()}.get(str(_get(document, "size")))
    rooms = {"venues": "venues", "factors": "factors", "instruments": "slots", "scenarios": "scenarios"}
    for field, room in rooms.items():
        entries = _list(document, field)
        if size and len(entries) > getattr(size, room):
            yield f"{field}: {len(entries)} entries; size {size.slots} has room for {getattr(size, room)}"
        seen: set[str] = set()
        for i, entry in enumerate(entries):
            name = _get(entry, "name")
            if not isinstance(name, str):
                continue
            if name.lower() in seen:
                yield f"{field}[{i}].name: {quote(name)} is taken (large and small letters are equal)"
            seen.add(name.lower())
    venues, factors = ({str(_get(entry, "name")) for entry in _list(document, field)} for field in ("venues", "factors"))
    for i, instrument in enumerate(_list(document, "instruments")):
        where = f"instruments[{i}]{_in_brackets(instrument)}"
        if isinstance(venue := _get(instrument, "venue"), str):
            yield from _unlisted([venue], venues, f"{where}.venue", "venue")
        yield from _unlisted(_get(instrument, "loadings"), factors, f"{where}.loadings", "factor")
    for s, scenario in enumerate(_list(document, "scenarios")):
        where = f"scenarios[{s}]{_in_brackets(scenario)}.shocks"
        yield from _unlisted(_get(scenario, "shocks"), factors, where, "factor")


def _get(holder: Any, field: str) -> Any:
    return holder.get(field) if isinstance(holder, dict) else None


def _list(holder: Any, field: str) -> list[Any]:
    value = _get(holder, field)
    return value if isinstance(value, list) else []


def _in_brackets(entry: Any) -> str:
    name = _get(entry, "name")
    return f" ({name})" if isinstance(name, str) and re.fullmatch(NAME_PATTERN, name) else ""


def _unlisted(names: Any, known: set[str], where: str, what: str) -> Iterator[str]:
    for name in names if isinstance(names, list | dict) else ():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            advice = f"did you mean {near[0]}?" if near else f"listed are {listed(sorted(known))}"
            yield f"{where}: there is no {what} {quote(str(name))}; {advice}"


def _pad(values: Iterable[T], length: int, filler: T) -> tuple[T, ...]:
    given = tuple(values)
    return given + (filler,) * (length - len(given))
