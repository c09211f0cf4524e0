"""A vault's mandate: its terms, the name that they have on chain, and which change of a term tightens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Literal

from ..statement.buckets import Bucket, Buckets
from ..statement.ethereum import keccak256


@dataclass(frozen=True)
class ShareTerms:
    """Orders, fees and the price of a share; fields in the order of the contract's struct.

    order_delay_s, redemption_period_s, band_wait_s: seconds. least_order_e6, deposit_cap_e6: 1e-6 of slot 0.
    order_levy_ppm: of each order, for those who stay. management_fee_ppm: of NAV, a year. performance_fee_ppm: of gains.
    band_ppm_per_day: of the price, 0 for no band.
    """

    order_delay_s: int
    redemption_period_s: int
    least_order_e6: int
    deposit_cap_e6: int
    order_levy_ppm: int
    management_fee_ppm: int
    performance_fee_ppm: int
    band_ppm_per_day: int
    band_wait_s: int


@dataclass(frozen=True)
class Mandate:
    """What a vault may do; fields in the order of the contract's struct.

    policy_hash: field element. feed_set, key: names on oracle and hub, 32 bytes. grace_s, min_interval_s, max_proof_age_s:
    seconds. write_down_ppm: parts per million of the settled NAV that the operator may write down alone in 30 days.
    """

    policy_hash: int
    feed_set: bytes
    key: bytes
    grace_s: int
    min_interval_s: int
    max_proof_age_s: int
    write_down_ppm: int
    gain: Bucket
    loss: Bucket
    turnover: Bucket
    share: ShareTerms

    @classmethod
    def of(cls, values: Sequence[Any]) -> Mandate:
        """A mandate as the contract's struct has it."""
        policy, feed_set, key, grace, interval, age, write_down, *parts = values
        gain, loss, turnover, share = parts
        buckets = Bucket(*gain), Bucket(*loss), Bucket(*turnover)
        return cls(policy, feed_set, key, grace, interval, age, write_down, *buckets, ShareTerms(*share))

    @property
    def buckets(self) -> Buckets:
        return Buckets(self.gain, self.loss, self.turnover)

    @property
    def name(self) -> bytes:
        """The name that the hub gives it: keccak256 of its terms, a word each."""
        return keccak256(b"".join(map(_word, _flat(astuple(self)))))


def _flat(values: Sequence[Any]) -> Iterator[int | bytes]:
    for value in values:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield value


def _word(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.to_bytes(32, "big")


# --- what a change means ------------------------------------------------------------------------------------------

Effect = Literal["tighter", "looser"]


@dataclass(frozen=True)
class TermChange:
    """A term that differs. effect: what the change means for share holders; the policy's own is ``policy_diff``'s."""

    term: str
    old: int | bytes
    new: int | bytes
    effect: Effect


#: Terms of which a greater value tightens. Of the others a smaller one does, but for those that favour some holders and
#: burden others, of which every change loosens (``docs/states.md``).
_GREATER_TIGHTENS = {"min_interval_s"}
_ANY_CHANGE_LOOSENS = {
    "feed_set",
    "key",
    "step",
    "max_proof_age_s",
    "order_delay_s",
    "least_order_e6",
    "order_levy_ppm",
    "band_ppm_per_day",
    "band_wait_s",
}


def term_changes(old: Mandate, new: Mandate) -> list[TermChange]:
    """The terms that differ, but for the policy, in the order of the mandate."""
    pairs = zip(flat_terms(old), flat_terms(new), strict=True)
    return [
        TermChange(term, before, after, _effect(term, before, after))
        for (term, before), (_, after) in pairs
        if before != after and term != "policy_hash"
    ]


def flat_terms(terms: Mandate | Bucket | ShareTerms, prefix: str = "") -> Iterator[tuple[str, int | bytes]]:
    """All terms with their values; those of a bucket under its name and a point."""
    for field in fields(terms):
        value = getattr(terms, field.name)
        if isinstance(value, Bucket | ShareTerms):
            yield from flat_terms(value, f"{field.name}." if isinstance(value, Bucket) else "")
        else:
            yield prefix + field.name, value


def _effect(term: str, old: int | bytes, new: int | bytes) -> Effect:
    name = term.rpartition(".")[2]
    if name in _ANY_CHANGE_LOOSENS or isinstance(old, bytes) or isinstance(new, bytes):
        return "looser"
    return "tighter" if (new > old) == (name in _GREATER_TIGHTENS) else "looser"
