"""The fields of a policy, once: from this table follow the packed words, the checks of ranges, the comparison of two
policies, the ranges of the policy file and (held by a test) the tables of the contracts' ``PolicyLayout.sol``.

Widths and order are also those of ``circuits/policy/fields.circom``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

from .constants import SIGNED_BITS, SIZES, Size

if TYPE_CHECKING:
    from .model import Policy


class Tighter(Enum):
    """Which change of a field tightens: the new policy then accepts no book that the old one refuses."""

    LOWER = -1
    HIGHER = 1
    #: Neither: any change loosens.
    NEITHER = 0
    #: No vault may change it: what it has committed to would change its meaning.
    FIXED = None


@dataclass(frozen=True)
class Field:
    """A field of a policy.

    name: the attribute of ``model.Policy`` or ``model.SlotPolicy``. bits: its room in the packed word. signed: two's
    complement of that width, packed with the offset 2^(bits−1). tighter: which change of it tightens.
    axes: of a list, what each index counts ("venue", "factor", "scenario").
    """

    name: str
    bits: int
    tighter: Tighter
    signed: bool = False
    axes: tuple[str, ...] = ()

    @property
    def low(self) -> int:
        """The smallest value that fits."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest value that fits; of a limit that may not be exceeded, the value that limits nothing."""
        return self.low + (1 << self.bits) - 1


@dataclass(frozen=True)
class FieldPath:
    """One value of a field: the field, and its indices if it is a list. As text ``shock_bps[2][0]``, for messages."""

    field: Field
    indices: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.field.name + "".join(f"[{index}]" for index in self.indices)

    def value(self, holder: object) -> int:
        """The value in a policy (or, of a slot's field, in the slot's policy)."""
        value = getattr(holder, self.field.name)
        for index in self.indices:
            value = value[index]
        return int(value)

    def require(self, value: int, where: str = "") -> None:
        """ValueError unless the value fits. where: a prefix of the path, such as ``slots[3].``."""
        if not self.field.low <= value <= self.field.high:
            raise ValueError(f"{where}{self} is outside [{self.field.low}, {self.field.high}]")

    def packed(self, value: int) -> int:
        """The value as the packed word holds it, 0 ≤ x < 2^bits. ValueError unless it fits."""
        self.require(value)
        return value - self.field.low

    def subjects(self, policy: Policy) -> list[str]:
        """The names of the venue, factor or scenario that the indices stand for."""
        return [policy.name_of(axis, index) for axis, index in zip(self.field.axes, self.indices, strict=True)]


@cache
def slot_fields(size: Size) -> tuple[Field, ...]:
    """The fields of one slot, in packing order, lowest bits first. They fill one word."""
    return (
        Field("funded", 1, Tighter.NEITHER),
        Field("haircut_bps", 14, Tighter.LOWER),
        Field("liability_bps", 16, Tighter.HIGHER),
        Field("cap_bps", 17, Tighter.LOWER),
        Field("venue", size.venue_bits, Tighter.NEITHER),
        Field("gross_bps", 16, Tighter.HIGHER),
        Field("liquid_bps", 14, Tighter.LOWER),
        Field("impermanent_loss_bps", 14, Tighter.HIGHER),
        Field("depth_bps", 20, Tighter.LOWER),
        Field("residual_bps", 14, Tighter.HIGHER),
        Field("loading_bps", SIGNED_BITS, Tighter.NEITHER, signed=True, axes=("factor",)),
    )


#: The fields that belong to no slot, in packing order.
GLOBAL_FIELDS = (
    Field("max_turnover_bps", 20, Tighter.LOWER),
    Field("max_leverage_bps", 20, Tighter.LOWER),
    Field("min_collateral_ratio_bps", 17, Tighter.HIGHER),
    Field("stress_collateral_ratio_bps", 17, Tighter.HIGHER),
    Field("min_reserve_bps", 14, Tighter.HIGHER),
    Field("max_impermanent_loss_bps", 17, Tighter.LOWER),
    Field("min_capital_efficiency_bps", 20, Tighter.HIGHER),
    Field("max_var_bps", 14, Tighter.LOWER),
    Field("var_quantile_bps", 16, Tighter.HIGHER),
    Field("slippage_bps", 14, Tighter.LOWER),
    Field("nav_step_usd", 24, Tighter.FIXED),
    Field("venue_cap_bps", 17, Tighter.LOWER, axes=("venue",)),
    Field("factor_limit_bps", 17, Tighter.LOWER, axes=("factor",)),
    Field("factor_volatility_bps", 14, Tighter.HIGHER, axes=("factor",)),
    Field("max_stress_loss_bps", 17, Tighter.LOWER, axes=("scenario",)),
    Field("shock_bps", SIGNED_BITS, Tighter.NEITHER, signed=True, axes=("scenario", "factor")),
)


#: Every field by its name. Only the bits of ``venue`` depend on the size; here they are those of the largest.
FIELDS = {field.name: field for field in (*slot_fields(SIZES[max(SIZES)]), *GLOBAL_FIELDS)}


@cache
def slot_layout(size: Size) -> tuple[FieldPath, ...]:
    """Every value of one slot, in packing order."""
    return _layout(slot_fields(size), size)


@cache
def global_layout(size: Size) -> tuple[FieldPath, ...]:
    """Every value that belongs to no slot, in packing order (of shocks, scenario by scenario)."""
    return _layout(GLOBAL_FIELDS, size)


def _layout(fields: tuple[Field, ...], size: Size) -> tuple[FieldPath, ...]:
    counts = {"venue": size.venues, "factor": size.factors, "scenario": size.scenarios}
    return tuple(
        FieldPath(field, indices) for field in fields for indices in product(*(range(counts[axis]) for axis in field.axes))
    )


def gathered(layout: Sequence[FieldPath], values: Sequence[int]) -> dict[str, Any]:
    """The values of a layout by the fields' names: an integer, or of a list a (nested) tuple of them."""
    fields: dict[str, Any] = {}
    for path, value in zip(layout, values, strict=True):
        outer: list[Any]
        *outer, last = (path.field.name, *path.indices)
        holder: dict[Any, Any] = fields
        for key in outer:
            holder = holder.setdefault(key, {})
        holder[last] = value
    return {name: _as_tuple(value) for name, value in fields.items()}


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value.values())) if isinstance(value, dict) else value
