"""What a series of NAV floors says of a hidden book: the measurement behind LEAKAGE.md.

    scripts/leakage            (needs DLS_ZK_PRICE_DATA: a folder with ETH.csv, columns date,open,high,low,close)

A vault of ten million dollars holds cash and a hidden net quantity of ETH, within a policy's limit of ±2% of NAV. It shows
its NAV floor at every daily close, and its book stays as it is for the whole period. The observer knows all that is
public and asks what the quantity is:

- **regression**: the slope of the NAV floors over the prices, by least squares;
- **exact**: every quantity that the floors do not rule out. Between two days with prices p and p', and floors f and f' in
  steps of g, q·(p' − p) lies strictly between (f' − f − 1)·g and (f' − f + 1)·g, and what all pairs of days leave is an
  interval. No observer of these floors can know more.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from statistics import median

from dls_zk.statement.constants import BPS, PRICE_DECIMALS, USD_E14

NAV_USD = 10_000_000
LIMIT_BPS = 200
EVERY_DAYS = 7  # between the first days of two periods

#: Steps of the NAV in dollars, for periods of 30 days; and periods in days, for one step.
STEPS_USD = (1, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 200_000)
PERIODS_DAYS = (7, 30, 90, 180)
PERIOD_DAYS, STEP_USD = 30, 50_000


def closes_usd_e8(folder: Path) -> list[int]:
    """The daily closes of ETH in USD 1e-8."""
    with open(folder / "ETH.csv", newline="") as file:
        return [int(Fraction(row["close"]) * 10**PRICE_DECIMALS) for row in csv.DictReader(file)]


@dataclass(frozen=True)
class Seen:
    """What one period taught. Quantities in 1e-6 ETH: the hidden one, the slope of the regression, what is not ruled out.

    limit_e6: the largest quantity that the policy allows, either way.
    """

    quantity_e6: int
    slope_e6: float
    least_e6: int
    most_e6: int
    limit_e6: int

    @property
    def error(self) -> float:
        """Error of the regression, as a share of the limit."""
        return abs(self.slope_e6 - self.quantity_e6) / self.limit_e6

    @property
    def left(self) -> float:
        """What is not ruled out, as a share of what the policy allows."""
        return (self.most_e6 - self.least_e6) / (2 * self.limit_e6)

    @property
    def sign_known(self) -> bool:
        return self.least_e6 > 0 or self.most_e6 < 0


def observe(prices: Sequence[int], step_usd: int, rng: Random) -> Seen:
    """One period of a vault with a random hidden quantity, through the eyes of the observer."""
    step = step_usd * USD_E14
    nav = NAV_USD * USD_E14 + rng.randrange(step)  # where in a step the period begins is chance
    limit = LIMIT_BPS * nav // (BPS * prices[0])
    quantity = rng.randint(-limit, limit)
    cash = nav - quantity * prices[0]
    floors = [(cash + quantity * price) // step for price in prices]

    least, most = not_ruled_out(prices, floors, step, limit)
    return Seen(quantity, _slope(prices, [floor * step for floor in floors]), least, most, limit)


def not_ruled_out(prices: Sequence[int], floors: Sequence[int], step: int, limit: int) -> tuple[int, int]:
    """The least and the largest quantity, of those that the policy allows, that these floors can come from."""
    least, most = -limit, limit
    for day, (p, f) in enumerate(zip(prices, floors, strict=True)):
        for p_later, f_later in zip(prices[day + 1 :], floors[day + 1 :], strict=True):
            rise, steps = (p_later - p, f_later - f) if p_later >= p else (p - p_later, f - f_later)
            if rise:  # (steps − 1)·step < quantity·rise < (steps + 1)·step
                least = max(least, (steps - 1) * step // rise + 1)
                most = min(most, ((steps + 1) * step - 1) // rise)
    return least, most


def _slope(x: Sequence[int], y: Sequence[int]) -> float:
    """Of the line through the points by least squares."""
    n, sum_x, sum_y = len(x), sum(x), sum(y)
    covariance = n * sum(a * b for a, b in zip(x, y, strict=True)) - sum_x * sum_y
    return float(Fraction(covariance, n * sum(a * a for a in x) - sum_x**2))


def periods(prices: Sequence[int], days: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(prices) - days, EVERY_DAYS):
        yield prices[first : first + days + 1]


def measure(prices: Sequence[int], step_usd: int, days: int) -> tuple[int, float, float, float]:
    """The number of periods, the medians of ``error`` and ``left``, and the share of periods that show the sign."""
    rng = Random(step_usd + days)
    seen = [observe(period, step_usd, rng) for period in periods(prices, days)]
    return (
        len(seen),
        median(one.error for one in seen),
        median(one.left for one in seen),
        sum(one.sign_known for one in seen) / len(seen),
    )


def tables(prices: Sequence[int]) -> str:
    """The two tables of LEAKAGE.md."""

    def row(step_usd: int, days: int) -> str:
        count, error, left, sign = measure(prices, step_usd, days)
        share = f"{100 * step_usd / NAV_USD:.5f}".rstrip("0").rstrip(".")
        cells = f"{step_usd:,}", f"{share}%", str(days), str(count), f"{error:.1%}", f"{left:.1%}", f"{sign:.0%}"
        return f"| {' | '.join(cells)} |"

    columns = "step, USD", "of NAV", "days", "periods", "regression: error", "exact: left", "sign known"
    head = f"| {' | '.join(columns)} |\n|{' ---: |' * len(columns)}"
    by_step = [row(step, PERIOD_DAYS) for step in STEPS_USD]
    by_period = [row(STEP_USD, days) for days in PERIODS_DAYS]
    return "\n".join([head, *by_step, "", head, *by_period]) + "\n"


if __name__ == "__main__":
    data = Path(os.environ.get("DLS_ZK_PRICE_DATA", ""))
    if not (data / "ETH.csv").is_file():
        sys.exit("error: no price data: set DLS_ZK_PRICE_DATA to a folder with ETH.csv (date,open,high,low,close)")
    print(tables(closes_usd_e8(data)), end="")
