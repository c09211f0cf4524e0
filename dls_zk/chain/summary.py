"""What an accepted rebalance says beside the commitment to its book, packed into one word.

An entry of a batch and the hub's event ``Rebalanced`` have this word. The contracts pack and read the same one in
``verifier_contracts/src/libraries/Summary.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..statement.allowances import Allowances
from ..statement.constants import NAV_FLOOR_BITS

_ROUND_BITS = 32
_SEQUENCE_BITS = 24

_SEQUENCE = _ROUND_BITS
_NAV_FLOOR = _SEQUENCE + _SEQUENCE_BITS
_ALLOWANCES = _NAV_FLOOR + NAV_FLOOR_BITS


@dataclass(frozen=True)
class Summary:
    """What a rebalance says beside its commitment. ValueError if a number is outside its range.

    round: of the price snapshot, < 2^32. sequence: the vault's after this rebalance, < 2^24. nav_floor: NAV of the book in
    NAV steps of the policy, rounded down, < 2^42. allowances: what the rebalance takes out of the vault's buckets.
    """

    round: int
    sequence: int
    nav_floor: int
    allowances: Allowances

    def __post_init__(self) -> None:
        for name, bits in (("round", _ROUND_BITS), ("sequence", _SEQUENCE_BITS), ("nav_floor", NAV_FLOOR_BITS)):
            if not 0 <= getattr(self, name) < 1 << bits:
                raise ValueError(f"{name} is outside [0, 2^{bits})")

    def pack(self) -> int:
        """round + 2^32·sequence + 2^56·NAV floor + 2^98·allowances, below 2^218."""
        word = self.allowances.pack() << _ALLOWANCES
        return word | self.nav_floor << _NAV_FLOOR | self.sequence << _SEQUENCE | self.round

    @classmethod
    def unpack(cls, word: int) -> Summary:
        """The summary in a word. ValueError if it is below zero or 2^218 or above."""
        return cls(
            round=word % (1 << _ROUND_BITS),
            sequence=(word >> _SEQUENCE) % (1 << _SEQUENCE_BITS),
            nav_floor=(word >> _NAV_FLOOR) % (1 << NAV_FLOOR_BITS),
            allowances=Allowances.unpack(word >> _ALLOWANCES),
        )
