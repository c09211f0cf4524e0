"""The long run of the economic model: its figures, or one recorded sequence. See scripts/economics."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from dls_zk.storage import disk
from dls_zk.tools.machine import in_a_line
from tests.soundness.runs import commit

from .defects import DEFECTS, hunt, mutated
from .edges import Edge, edge
from .model import Mandate
from .prices import DayPrices, read_days, read_series
from .recorder import Recorder
from .simulation import EPISODE_STEPS, Result, episode, terms

FIGURES = Path(__file__).with_name("FIGURES.md")
DELAYS_S = (0, 600, 3600)
EDGE_DAYS = 60
HUNT_EPISODES = 100

EDGES_TEXT = """\
Mean gain of a settled order in basis points ± its standard error (number of orders), over {days} days of a market that moves
by 0.11% a minute at even odds, with feeds of 0.5% and one hour, a vault that holds the asset without a hedge, and proofs 120
seconds after their round (`edges.py`). The feeds' heartbeat is the least order delay that a mandate may have."""
BOUND_TEXT = """\
The closed form (`dls_zk/statement/bounds.py`) for the mandate of `model.Mandate`, in % of NAV a day once the caps are used
up. The last column needs capital as large as the vault, and prices that are wrong by the whole lag at every settlement."""


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells) + " |"

    return "\n".join([line(heads), line("---" if k == 0 else "---:" for k in range(len(heads))), *map(line, rows)])


def counted(head: str, counter: Counter[str]) -> str:
    return table((head, "times"), sorted(counter.items(), key=lambda item: (-item[1], item[0])))


def simulate(steps: int, seed: int, days: Sequence[tuple[DayPrices, ...]] | None) -> tuple[Result, bool]:
    """Episodes until so many steps are done. Returns the sums, and whether the run is whole (False: interrupted)."""
    result, number = Result(), 0
    try:
        while result.steps < steps:
            result.add(episode(f"{seed} {number}", steps=min(EPISODE_STEPS, steps), days=days))
            number += 1
            if sys.stderr.isatty():
                print(f"\r{result.steps:,} of {steps:,} steps", end="", file=sys.stderr)
    except KeyboardInterrupt:
        return result, False
    return result, True


def defects(seed: int, episodes: int, quick: bool) -> str:
    rows = []
    for defect in DEFECTS[:4] if quick else DEFECTS:
        catch = hunt(defect, seed, episodes)
        rows.append((defect.name, catch.identity or "**survived**", catch.episodes))
    return table(("defect", "caught by", "in episode"), rows)


def edges(seed: int, days: int) -> str:
    """The edges by order delay, with the rule of the model and with cancels until the settlement."""
    (free,) = (mutated(defect) for defect in DEFECTS if defect.name == "cancel until the settlement")

    def shown(measured: Edge) -> str:
        return f"{measured.mean_ppm / 100:.1f} ± {measured.error_ppm / 100:.1f} ({measured.orders:,})"

    rows = []
    for attacker in ("lag", "option"):
        for delay in DELAYS_S:
            ours, theirs = edge(attacker, delay, seed, days), edge(attacker, delay, seed, days, free)
            rows.append((attacker, f"{delay:,} s", shown(ours), shown(theirs)))
    heads = ("attacker", "order delay", "committed from the order's round on", "cancelled until the settlement")
    return table(heads, rows)


def bound() -> str:
    """The closed form for the default mandate of the model."""
    mandate, rows = Mandate(), []
    for lag_ppm in (2_500, 7_500, 15_000):
        daily = terms(mandate, lag_ppm).per_day()
        parts = (daily.cost_ppb, daily.trading_ppb, daily.from_book_ppb, daily.gains_ppb, daily.own_orders_ppb)
        rows.append((f"{lag_ppm / 10_000:.2f}%", *(f"{part / 10**7:.3f}%" for part in parts)))
    return table(("price lag", "cost", "trading", "both", "gains that nobody made", "orders of its own"), rows)


def tables(seed: int, quick: bool) -> tuple[str, str]:
    """The tables of seeded defects and of edges."""
    episodes, days = (2, 1) if quick else (HUNT_EPISODES, EDGE_DAYS)
    return defects(seed, episodes, quick), edges(seed, days)


def figures(result: Result, whole: bool, seed: int, prices: str, tables: tuple[str, str], edge_days: int) -> str:
    date = datetime.now(UTC).date().isoformat()
    part = "whole" if whole else "**partial**: interrupted"
    return (
        "\n\n".join(
            [
                "# Figures of the economic model",
                "Written by `scripts/economics`; do not edit.",
                f"Commit `{commit()}`, {date}, seed {seed}, {result.steps:,} steps in {result.episodes:,} vaults, {part}. "
                f"Prices: {prices}. Machine: {in_a_line()}.",
                "No property broke in these steps.",
                "## Checks of each property",
                table(("property", "checks"), sorted(result.checked.items(), key=lambda item: int(item[0][2:]))),
                "## Actions that succeeded",
                counted("action", result.done),
                "## Settlements, and ends of all orders on copies",
                counted("outcome", result.settled + result.ends),
                "## Refusals, by the rule",
                counted("rule", result.refusals),
                "## Largest values seen",
                table(("value", "largest"), sorted(result.worst.items())),
                "## Seeded defects",
                "Each is a mistake in the model; episodes run until a property breaks.",
                tables[0],
                "## Orders by those who know the true prices",
                EDGES_TEXT.format(days=edge_days),
                tables[1],
                "## What an operator with valid proofs can take a day",
                BOUND_TEXT,
                bound(),
            ]
        )
        + "\n"
    )


def record(steps: int, seed: int, file: Path) -> None:
    recorder = Recorder()
    episode(f"record {seed}", steps=steps, watchers=[recorder], drills=0, without={"propose", "activate"})
    disk.write_atomic(file, "\n".join(recorder.lines) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/economics", description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000, help="actions to try [default: 1000000]")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random [default: 1]")
    parser.add_argument("--prices", type=Path, help="folder of daily series [default: days made from the seed]")
    parser.add_argument(
        "--out", type=Path, default=FIGURES, help=f"file of the figures [default: {FIGURES.name} of the model]"
    )
    parser.add_argument("--record", type=Path, help="write one sequence of so many steps to this file, and no figures")
    parser.add_argument("--quick", action="store_true", help="hunt defects and measure edges for a moment only")
    options = parser.parse_args(arguments)
    if options.record:
        record(options.steps, options.seed, options.record)
        return 0
    days, prices = None, "days made from the seed"
    if options.prices:
        days = read_days(options.prices)
        dates = [date for date, _ in read_series(options.prices, "STETH")]
        prices = f"daily USDC, STETH and ETH in USD, {dates[0]} to {dates[-1]}, Yahoo Finance"
    with ProcessPoolExecutor(max_workers=1) as pool:
        beside = pool.submit(tables, options.seed, options.quick)
        result, whole = simulate(options.steps, options.seed, days)
        made = beside.result()
    edge_days = 1 if options.quick else EDGE_DAYS
    disk.write_atomic(options.out, figures(result, whole, options.seed, prices, made, edge_days))
    print(f"{result.steps:,} steps; figures in {options.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
