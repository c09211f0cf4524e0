"""What changes from one policy to another, and whether it tightens: the rule of ``PolicyRegistry.tightens``, in Python.

A vault may go to a policy at once if every change tightens, which means that the new policy accepts no book that the old
one refuses. ``verifier_contracts/PROPERTIES.md`` says why, field by field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .constants import global_fields, slot_fields
from .model import Policy

#: Which change of a field tightens: −1 a lower value, 1 a higher one. A change of any other field loosens.
TIGHTER = {
    "haircut_bps": -1,
    "liability_bps": 1,
    "cap_bps": -1,
    "gross_bps": 1,
    "liquid_bps": -1,
    "impermanent_loss_bps": 1,
    "depth_bps": -1,
    "residual_bps": 1,
    "max_turnover_bps": -1,
    "max_leverage_bps": -1,
    "min_collateral_ratio_bps": 1,
    "stress_collateral_ratio_bps": 1,
    "min_reserve_bps": 1,
    "max_impermanent_loss_bps": -1,
    "min_capital_efficiency_bps": 1,
    "max_var_bps": -1,
    "var_quantile_bps": 1,
    "slippage_bps": -1,
    "venue_cap_bps": -1,
    "factor_limit_bps": -1,
    "factor_volatility_bps": 1,
    "max_stress_loss_bps": -1,
}

#: What the places in a list of a policy stand for.
_PLACES = {
    "venue_cap_bps": ("venue",),
    "factor_limit_bps": ("factor",),
    "factor_volatility_bps": ("factor",),
    "max_stress_loss_bps": ("scenario",),
    "shock_bps": ("scenario", "factor"),
    "loading_bps": ("factor",),
}


class Effect(StrEnum):
    """What a change does."""

    TIGHTER = "tighter"
    #: Takes effect only after the vault's delay.
    LOOSER = "looser"
    #: No vault may make it: what it has committed to would change its meaning.
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Change:
    """One field that differs.

    subject: the instrument, venue, factor or scenario that it is about; "" for the whole policy.
    field: its name as in ``model``, without places. old, new: values in the field's unit, or names of instruments.
    """

    subject: str
    field: str
    old: int | str
    new: int | str
    effect: Effect


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Every field that differs, slot by slot and then those of no slot. Of another size, or of a slot with another
    instrument, nothing else is compared."""
    if old.size != new.size:
        return (Change("", "size", old.size.slots, new.size.slots, Effect.FORBIDDEN),)
    return (*_slot_changes(old, new), *_global_changes(old, new))


def verdict(old: Policy, new: Policy) -> Effect:
    """The gravest effect of all changes; of no change, tighter: nothing is looser."""
    effects = {change.effect for change in changes(old, new)}
    return max(effects, key=list(Effect).index, default=Effect.TIGHTER)


def _slot_changes(old: Policy, new: Policy) -> Iterator[Change]:
    for i, (before, after) in enumerate(zip(old.slots, new.slots, strict=True)):
        if before.instrument == after.instrument:
            names = [after.instrument or f"slot {i}"]
            yield from _field_changes(slot_fields(old.size), old.slot_values(i), new.slot_values(i), names, new)
        else:
            effect = Effect.FORBIDDEN if before.instrument else Effect.LOOSER
            yield Change(f"slot {i}", "instrument", before.instrument, after.instrument, effect)


def _global_changes(old: Policy, new: Policy) -> Iterator[Change]:
    yield from _field_changes(global_fields(old.size), old.global_values(), new.global_values(), [], new)


def _field_changes(
    fields: Sequence[tuple[str, int]], olds: Sequence[int], news: Sequence[int], names: list[str], policy: Policy
) -> Iterator[Change]:
    """The fields with another value. names: of what they all are about; ``policy`` names the rest."""
    for (path, _), old, new in zip(fields, olds, news, strict=True):
        if old != new:
            field, *places = path.replace("]", "").split("[")
            places_named = [policy.name_of(k, int(i)) for k, i in zip(_PLACES.get(field, ()), places, strict=True)]
            yield Change(", ".join(names + places_named), field, old, new, _effect(field, old, new))


def _effect(field: str, old: int, new: int) -> Effect:
    if field == "nav_step_usd":
        return Effect.FORBIDDEN
    return Effect.TIGHTER if (new - old) * TIGHTER.get(field, 0) > 0 else Effect.LOOSER
