"""The buckets that a vault's rebalances use up: what they hold, and which amounts a rebalance names.

The hub fills each bucket by its rate over the time of the price rounds, up to its cap, and takes off what a rebalance names.
A rebalance names multiples of the bucket's step, so that the name tells little of the book.
"""

from __future__ import annotations

from dataclasses import dataclass

from .allowances import Allowances

DAY_S = 86_400


@dataclass(frozen=True)
class Bucket:
    """What rebalances may use up over time; fields in the order of the contract's struct. Starts full.

    rate_per_day: what it fills by in a day. cap: its size, < 2^30. step: a rebalance names a multiple of this, > 0. Units:
    parts per billion of NAV for gain and loss, parts per million for turnover.
    """

    rate_per_day: int
    cap: int
    step: int

    def named(self, needed: int) -> int:
        """The least multiple of the step that covers an amount."""
        return -(-needed // self.step) * self.step if self.step else needed

    def wait_s(self, level: int, amount: int) -> int | None:
        """Seconds from a moment at which it holds ``level`` until it holds ``amount``, rounded up; None if it never does."""
        missing = max(amount - level, 0)
        if not missing:
            return 0
        if amount > self.cap or not self.rate_per_day:
            return None
        return -(-missing * DAY_S // self.rate_per_day)


@dataclass(frozen=True)
class Buckets:
    """The three buckets of a vault, by its mandate."""

    gain: Bucket
    loss: Bucket
    turnover: Bucket

    def named(self, needed: Allowances) -> Allowances:
        """The least allowances in steps that cover those that a rebalance needs; the write-down is what is announced.
        ValueError if one would not fit its bits: then no bucket holds it."""
        return Allowances(
            self.gain.named(needed.gain_ppb),
            self.loss.named(needed.loss_ppb),
            self.turnover.named(needed.turnover_ppm),
            needed.write_down_steps,
        )


@dataclass(frozen=True)
class Shortage:
    """A bucket that does not hold what a rebalance needs. amount: the least multiple of the step. wait_s: as ``wait_s``."""

    bucket: str
    unit: str
    amount: int
    level: int
    wait_s: int | None


def shortages(buckets: Buckets, level: Allowances, needed: Allowances) -> list[Shortage]:
    """The buckets that do not hold what is needed, at these levels."""
    found = []
    for name, unit in (("gain", "ppb"), ("loss", "ppb"), ("turnover", "ppm")):
        bucket: Bucket = getattr(buckets, name)
        held = getattr(level, f"{name}_{unit}")
        amount = bucket.named(getattr(needed, f"{name}_{unit}"))
        if amount > held:
            found.append(Shortage(name, unit, amount, held, bucket.wait_s(held, amount)))
    return found
