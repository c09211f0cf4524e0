"""What changes from one policy to another, and whether it tightens: the rule of ``PolicyRegistry.tightens``, in Python.

A vault may go to a policy at once if every change tightens, which means that the new policy accepts no book that the old
one refuses. ``verifier_contracts/PROPERTIES.md`` says why, field by field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .model import Policy
from .policy_fields import Field, FieldPath, Tighter, global_layout, slot_layout


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
            yield from _field_changes(slot_layout(old.size), old.slot_values(i), new.slot_values(i), names, new)
        else:
            effect = Effect.FORBIDDEN if before.instrument else Effect.LOOSER
            yield Change(f"slot {i}", "instrument", before.instrument, after.instrument, effect)


def _global_changes(old: Policy, new: Policy) -> Iterator[Change]:
    yield from _field_changes(global_layout(old.size), old.global_values(), new.global_values(), [], new)


def _field_changes(
    layout: Sequence[FieldPath], olds: Sequence[int], news: Sequence[int], names: list[str], policy: Policy
) -> Iterator[Change]:
    """The fields with another value. names: of what they all are about; ``policy`` names the rest."""
    for path, old, new in zip(layout, olds, news, strict=True):
        if old != new:
            subject = ", ".join(names + path.subjects(policy))
            yield Change(subject, path.field.name, old, new, _effect(path.field, old, new))


def _effect(field: Field, old: int, new: int) -> Effect:
    match field.tighter:
        case Tighter.FIXED:
            return Effect.FORBIDDEN
        case Tighter.LOWER if new < old:
            return Effect.TIGHTER
        case Tighter.HIGHER if new > old:
            return Effect.TIGHTER
    return Effect.LOOSER
