"""Prices of three markets in time: the dollar coin that the vault settles in, the asset that it holds, and its hedge.

Days are real ones, if a folder of daily series is given (``ASSET.csv``: date, open, high, low, close in USD), else made from
a seed. Inside a day the price is a random bridge from the open to the close that stays between low and high, so that nobody
who knows the present price can tell the next one.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

DAY_S = 86_400
GRID_S = 300
POINTS = 256  # a bridge halves its way; the last points of a day repeat the close
E8 = 10**8
PPM = 10**6

#: The series of the three slots: settlement asset, held asset, and the asset whose perpetual hedges it.
ASSETS = ("USDC", "STETH", "ETH")

#: Worst days of ETH against the dollar, previous close to low, in ppm, from Yahoo Finance daily (USD pairs): 2020-03-12,
#: 2021-05-19, 2022-11-08 with 09, 2024-08-05, 2022-05-12, 2022-06-15, and the best, 2021-01-03 (previous close to high).
CRASHES_PPM = (-429_400, -422_400, -309_400, -209_900, -156_300, -153_500, 299_600)


@dataclass(frozen=True)
class DayPrices:
    """One day of one asset, USD 1e-8."""

    open: int
    high: int
    low: int
    close: int


def read_series(folder: Path, asset: str) -> list[tuple[str, DayPrices]]:
    """The days of an asset with their dates, oldest first."""
    with (folder / f"{asset}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ("open", "high", "low", "close")
    return [(row["date"], DayPrices(*(int(Decimal(row[column]) * E8) for column in columns))) for row in rows]


def read_days(folder: Path) -> list[tuple[DayPrices, ...]]:
    """The days on which all three assets were traded."""
    series = [dict(read_series(folder, asset)) for asset in ASSETS]
    dates = sorted(set.intersection(*map(set, series)))
    return [tuple(days[date] for days in series) for date in dates]


def _noise(random: Random, size: int) -> int:
    """A sum of uniform numbers: about normal, with a standard deviation of ``size``, in integers."""
    return sum(random.randint(-size, size) for _ in range(3))


def made_days(seed: int, count: int) -> list[tuple[DayPrices, ...]]:
    """Days made from a seed: a volatile asset with crashes, a staked form of it at a discount, and a dollar coin."""
    random = Random(f"days {seed}")
    eth, discount, days = 2000 * E8, 0, []
    for _ in range(count):
        move = random.choice(CRASHES_PPM) if random.random() < 0.02 else _noise(random, 35_000)
        close = max(eth * (PPM + move) // PPM, E8)
        wick = abs(_noise(random, 10_000))
        high, low = max(eth, close) * (PPM + wick) // PPM, min(eth, close) * (PPM - wick // 2) // PPM
        later = min(max(discount + _noise(random, 2_000), -60_000), 0)
        off = [x * (PPM + d) // PPM for x, d in ((eth, discount), (close, later))]
        staked = DayPrices(off[0], max(*off, high * (PPM + later) // PPM), min(*off, low * (PPM + later) // PPM), off[1])
        coin = [E8 + _noise(random, 30_000) for _ in range(2)]
        days.append((DayPrices(coin[0], max(coin), min(coin), coin[1]), staked, DayPrices(eth, high, low, close)))
        eth, discount = close, later
    return days


def bridge(random: Random, day: DayPrices) -> list[int]:
    """The day on a grid of 300 seconds: a random bridge from open to close between low and high."""
    points = [0] * (POINTS + 1)
    points[0], points[-1] = day.open, day.close
    # About the range of the day; it halves with each halving of the span, by a factor of √2 a time.
    size, span = max(day.high - day.low, 2) // 3, POINTS
    while span > 1:
        half = span // 2
        for start in range(0, POINTS, span):
            middle = (points[start] + points[start + span]) // 2 + random.randint(-size, size)
            points[start + half] = min(max(middle, day.low), day.high)
        size, span = size * 7 // 10, half
    return points + [day.close] * (DAY_S // GRID_S - POINTS - 1)


class Market:
    """The true prices of all assets from a time on. Days follow each other; the last one is repeated for ever."""

    def __init__(self, days: Sequence[tuple[DayPrices, ...]], start: int, seed: int) -> None:
        self.days, self.start, self.seed = days, start, seed
        self._grids: dict[int, list[list[int]]] = {}

    def prices(self, time: int) -> tuple[int, ...]:
        """The true prices at a time, USD 1e-8."""
        day, second = divmod(time - self.start, DAY_S)
        grids = self._grids.get(day)
        if grids is None:
            # A perpetual's market is its own: the same day, another path through it.
            random = Random(f"market {self.seed} {day}")
            grids = self._grids[day] = [bridge(random, asset) for asset in self.days[min(day, len(self.days) - 1)]]
        return tuple(grid[second // GRID_S] for grid in grids)


class Walk:
    """A market whose next price nobody can know: each price moves up or down by a share, at even odds, once a minute."""

    def __init__(self, start: int, seed: int, step_ppm: Sequence[int]) -> None:
        self.start, self.random, self.step_ppm = start, Random(f"walk {seed}"), step_ppm
        self.path = [(E8, 2000 * E8, 2000 * E8)]

    def prices(self, time: int) -> tuple[int, ...]:
        minute = (time - self.start) // 60
        while len(self.path) <= minute:
            moves = [self.random.choice((-1, 1)) * ppm for ppm in self.step_ppm]
            self.path.append(tuple(p + p * move // PPM for p, move in zip(self.path[-1], moves, strict=True)))
        return self.path[minute]
