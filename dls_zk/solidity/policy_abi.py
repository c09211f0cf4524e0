"""A policy as the structs of ``IPolicyRegistry`` and back: ``Policy``, ``Slot`` and ``Labels`` as web3 takes and gives them.

The structs have the fields of ``model.Policy`` and ``model.SlotPolicy`` in the same order, in camel case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
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


def from_abi(fields: Sequence[Any], expected_hash: int) -> Policy:
    """The policy of a struct, without labels. It must have the hash that was asked for: so the node's word is not taken for
    it. ChainError."""
    try:
        slots, *rest = fields
        policy = Policy(
            size=SIZES[len(slots)],
            slots=tuple(SlotPolicy(*(_frozen(value) for value in slot)) for slot in slots),
            **dict(zip(FIELDS[1:], map(_frozen, rest), strict=True)),
        )
        digest = policy_hash(policy)
    except (TypeError, ValueError, KeyError):
        raise ChainError("the registry's answer is no policy; check its address") from None
    _require_printable(slot.instrument for slot in policy.slots)
    if digest != expected_hash:
        raise ChainError("the registry's answer is another policy than the one asked for; check its address and the node")
    return policy


def with_labels(policy: Policy, labels: Sequence[Any]) -> Policy:
    """A policy with the names of a struct ``Labels``, which its hash does not bind: text for a terminal, and no more of them
    than the policy has places. ChainError."""
    try:
        name, venues, factors, scenarios = map(_frozen, labels)
        named = replace(policy, **dict(zip(LABELS, (name, venues, factors, scenarios), strict=True)))
        _require_printable([name, *venues, *factors, *scenarios])
        places = (policy.size.venues, policy.size.factors, policy.size.scenarios)
        fits = all(len(names) <= most for names, most in zip((venues, factors, scenarios), places, strict=True))
    except (TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise ChainError("the registry's answer is no set of labels; check its address")
    return named


def _require_printable(names: Iterable[str]) -> None:
    if not all(name.isascii() and name.isprintable() for name in names):
        raise ChainError("the registry's answer has names that are no printable ASCII; check its address")


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
