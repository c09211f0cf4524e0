"""What a rebalance may use, packed into the one public word ``allowances``.

The hub takes each rebalance's use out of buckets that fill with time, so that what is lost, gained and traded is bounded per
time and not per proof. The contracts read the same word in ``verifier_contracts/src/libraries/Allowances.sol``.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from .constants import ALLOWANCE_BITS

_MASK = (1 << ALLOWANCE_BITS) - 1


@dataclass(frozen=True)
class Allowances:
    """What a rebalance may use of its vault's buckets, each below 2^30. ValueError if one is not.

    gain_ppb: value that no price explains (yield, fees earned), in parts per billion of the NAV after.
    loss_ppb: cost of all kinds, in parts per billion of the NAV after and what a negative flow took out.
    turnover_ppm: what is traded, in parts per million of the same. write_down_steps: announced losses, in NAV steps.
    """

    gain_ppb: int = 0
    loss_ppb: int = 0
    turnover_ppm: int = 0
    write_down_steps: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) <= _MASK:
                raise ValueError(f"{field.name} is outside [0, 2^{ALLOWANCE_BITS})")

    def pack(self) -> int:
        """gain + 2^30·loss + 2^60·turnover + 2^90·write-down, below 2^120."""
        return sum(value << ALLOWANCE_BITS * k for k, value in enumerate(astuple(self)))

    @classmethod
    def unpack(cls, word: int) -> Allowances:
        """The allowances in a word. ValueError if it is below zero or 2^120 or above."""
        count = len(fields(cls))
        if not 0 <= word < 1 << ALLOWANCE_BITS * count:
            raise ValueError(f"allowances is outside [0, 2^{ALLOWANCE_BITS * count})")
        return cls(*(word >> ALLOWANCE_BITS * k & _MASK for k in range(count)))

    def covers(self, other: Allowances) -> bool:
        """Whether each is at least what the other has."""
        return all(mine >= theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True))
