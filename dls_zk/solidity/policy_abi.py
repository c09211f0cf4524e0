"""A policy as the structs of ``IPolicyRegistry`` and back: ``Policy``, ``Slot`` and ``Labels`` as web3 takes and gives them.

The structs have the fields of ``model.Policy`` and ``model.SlotPolicy`` in the same order, in camel case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from ..errors import ChainError
from ..statement.commitments import policy_hash
from ..statement.constants import SIZES
from ..statement.model import Policy, SlotPolicy

#: Fields of a policy that are in no struct (the size is the number of slots), or in ``Labels``.
LABELS = ("name", "venue_names", "factor_names", "scenario_names")
FIELDS = tuple(name for name in Policy.__dataclass_fields__ if name not in ("size", *LABELS))


def to_abi(policy: Policy) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The structs ``Policy`` and ``Labels`` of a policy."""
    slots = tuple(astuple(slot) for slot in policy.slots)
    fields = (slots, *(getattr(policy, name) for name in FIELDS[1:]))
    return fields, tuple(getattr(policy, name) for name in LABELS)


def from_abi(fields: Sequence[Any], labels: Sequence[Any], expected_hash: int) -> Policy:
    """The policy of two structs, which must have the hash that was asked for: so the node's word is not taken for it.

    The hash does not bind the labels; that they are text for a terminal is checked. ChainError.
    """
    try:
        slots, *rest = fields
        policy = Policy(
            size=SIZES[len(slots)],
            slots=tuple(SlotPolicy(*(_frozen(value) for value in slot)) for slot in slots),
            **dict(zip(FIELDS[1:], map(_frozen, rest), strict=True)),
            **dict(zip(LABELS, map(_frozen, labels), strict=True)),
        )
        digest = policy_hash(policy)
    except (TypeError, ValueError, KeyError):
        raise ChainError("the registry's answer is no policy; check its address") from None
    names = [policy.name, *policy.venue_names, *policy.factor_names, *policy.scenario_names]
    if not all(name.isascii() and name.isprintable() for name in [*names, *(slot.instrument for slot in policy.slots)]):
        raise ChainError("the registry's answer has names that are no printable ASCII; check its address")
    if digest != expected_hash:
        raise ChainError("the registry's answer is another policy than the one asked for; check its address and the node")
    return policy


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
