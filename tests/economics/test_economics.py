"""The economic model: a part of what scripts/economics runs for a million steps."""

from __future__ import annotations

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from dls_zk.statement.bounds import BucketRate, OperatorBound, OperatorTerms
from tests.economics import run
from tests.economics.defects import DEFECTS, Defect, hunt, mutated
from tests.economics.edges import edge
from tests.economics.model import DAY_S, Mandate, Refused
from tests.economics.prices import ASSETS, made_days, read_days
from tests.economics.recorder import Recorder
from tests.economics.simulation import Result, episode

EPISODES = 16
#: Whatever else a seed brings, these happen in every run.
ACTIONS = {"request_deposit", "request_redeem", "prove", "draw", "claim_deposit", "claim_redeem", "transfer_redeem"}
#: A folder of daily series, which the repository does not contain.
SERIES = os.environ.get("DLS_ZK_PRICES", "")


@cache
def lives() -> Result:
    result = Result()
    for number in range(EPISODES):
        result.add(episode(f"test {number}", steps=1000))
    return result


def test_a_life_of_a_vault():
    """Every property is checked at every step, each on something."""
    result = lives()
    assert result.steps > 500 * EPISODES
    assert result.done.keys() >= ACTIONS
    assert result.checked.keys() >= {f"E-{number}" for number in range(1, 20)} | {"E-22"}
    assert result.settled["deposits settled"] and result.settled["redemptions filled in part"]
    assert result.ends["operator gone"] and result.ends["operator goes on"]


def test_the_default_run_meets_most_rules():
    assert len(lives().refusals) > 36


@pytest.mark.slow
def test_a_long_life(run_seed: int):
    result = Result()
    for number in range(300):
        result.add(episode(f"{run_seed} {number}"))
    assert result.steps > 100_000


@pytest.mark.skipif(not SERIES, reason="needs a folder of daily series in DLS_ZK_PRICES")
def test_real_prices():
    days = read_days(Path(SERIES))
    for number in range(4):
        episode(f"real {number}", steps=1000, days=days)


@pytest.mark.parametrize("defect", DEFECTS[:8], ids=lambda defect: defect.name)
def test_a_defect_is_caught(defect: Defect):
    assert hunt(defect, 1, 4).identity in defect.caught_by


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_is_one_change(defect: Defect):
    assert mutated(defect).Hub


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_every_defect_is_caught(defect: Defect):
    assert hunt(defect, 1, 100).identity in defect.caught_by


@pytest.mark.parametrize("attacker", ["lag", "option"])
def test_an_order_against_lagging_feeds_gains_nothing(attacker: str):
    fair = edge(attacker, 3600, 1, 40)
    assert fair.orders > 300
    assert fair.mean_ppm <= 3 * fair.error_ppm
    # Without a delay it is worth a third of the feed's threshold at least, so the experiment can see a gain.
    assert edge("lag", 0, 1, 20).mean_ppm > 1000


def test_clocks_are_compared():
    Mandate().check((3600, 3600))
    for wrong in (
        {"order_delay_s": 3599},
        {"least_interval_s": 8 * 3600},
        {"grace_s": 6 * 3600 + 1},
        {"redemption_period_s": DAY_S + 3599},
        {"order_levy_ppm": 20_001},
    ):
        with pytest.raises(Refused):
            Mandate(**wrong).check((3600, 3600))


# --- the closed form --------------------------------------------------------------------------------------------------

TERMS = {
    "gain_ppb": BucketRate(300_000, 3_000_000),
    "loss_ppb": BucketRate(500_000, 5_000_000),
    "turnover_ppm": BucketRate(1_000_000, 2_500_000),
    "max_turnover_bps": 25_000,
    "max_leverage_bps": 25_000,
    "price_lag_ppm": 7_500,
    "least_interval_s": 600,
    "order_delay_s": 3_600,
    "order_levy_ppm": 0,
}


def test_the_closed_form():
    """Its terms, and that the simulation comes near it: a bound that nothing approaches says little."""
    at_once, daily = OperatorTerms(**TERMS).most(0), OperatorTerms(**TERMS).per_day()
    assert at_once == OperatorBound(5_000_000, 18_750_000, 3_000_000, 18_750_000)
    assert daily == OperatorBound(500_000, 7_500_000, 300_000, 24 * 18_750_000)
    assert at_once.total_ppb == at_once.from_book_ppb + 3_000_000 + 18_750_000 == 23_750_000 + 21_750_000
    later = OperatorTerms(**TERMS).most(10 * DAY_S)
    assert later.from_book_ppb == at_once.from_book_ppb + 10 * daily.from_book_ppb
    thieves = [episode(f"thief {number}", steps=300, thief=True, drills=0) for number in range(12)]
    assert max(thief.worst["taken from the book, per mille of the closed form"] for thief in thieves) > 100


def test_the_closed_form_knows_the_policy_too():
    # One proof of at most 10% turnover, though the bucket holds more.
    assert OperatorTerms(**{**TERMS, "max_turnover_bps": 1_000, "least_interval_s": DAY_S}).most(0).trading_ppb == 750_000
    # Without an interval there is one round a second; the same capital waits for its order delay in any case.
    assert (
        OperatorTerms(**{**TERMS, "least_interval_s": 0, "max_turnover_bps": 1}).most(1).trading_ppb
        == 2 * 100 * 7_500 // 1000
    )
    assert OperatorTerms(**{**TERMS, "least_interval_s": 0}).most(3_600).own_orders_ppb == 2 * 18_750_000
    # Each order leaves the levy to those who stay; a levy above the gain leaves nothing to take.
    assert OperatorTerms(**{**TERMS, "order_levy_ppm": 10_000}).per_day().own_orders_ppb == 24 * 8_750_000
    assert OperatorTerms(**{**TERMS, "order_levy_ppm": 18_751}).per_day().own_orders_ppb == 0


@pytest.mark.parametrize(
    "term", ["max_turnover_bps", "max_leverage_bps", "price_lag_ppm", "least_interval_s", "order_delay_s", "order_levy_ppm"]
)
def test_the_closed_form_refuses_what_makes_no_sense(term: str):
    with pytest.raises(ValueError):
        OperatorTerms(**{**TERMS, term: -1})


# --- prices, sequences, figures ---------------------------------------------------------------------------------------


def test_days_are_made_and_read_alike(tmp_path: Path):
    days = made_days(1, 3)
    assert days == made_days(1, 3) != made_days(2, 3)
    for slot, asset in enumerate(ASSETS):
        rows = [
            f"2020-01-0{number},"
            + ",".join(
                f"{x // 10**8}.{x % 10**8:08d}" for x in (day[slot].open, day[slot].high, day[slot].low, day[slot].close)
            )
            for number, day in enumerate(days, start=1)
        ]
        (tmp_path / f"{asset}.csv").write_text("\n".join(["date,open,high,low,close", *rows]) + "\n")
    assert read_days(tmp_path) == days


def test_a_sequence_is_written_whole():
    recorder = Recorder()
    episode("record", steps=200, watchers=[recorder], drills=0)
    first, *lines = map(json.loads, recorder.lines)
    assert first["format"] == "dls-zk/economics/1" and len(first["feeds"]) == 3
    assert [line["n"] for line in lines] == [str(n) for n in range(1, len(lines) + 1)]
    assert {line["refused"] for line in lines} > {""}
    kinds = Counter(line["action"] for line in lines)
    assert kinds["prove"] and kinds["take_round"]
    for line in lines:
        assert line["state"]["supply"].isdigit() and ("feeds" in line) == (line["action"] == "take_round")


def test_the_figures_are_written_by_program(tmp_path: Path):
    file = tmp_path / "FIGURES.md"
    assert run.main(["--steps", "600", "--seed", "3", "--quick", "--out", str(file)]) == 0
    text = file.read_text()
    assert "seed 3" in text and "whole" in text and "| request_deposit |" in text


def test_a_sequence_is_recorded_by_program(tmp_path: Path):
    file = tmp_path / "sequence.jsonl"
    assert run.main(["--record", str(file), "--steps", "100", "--seed", "3"]) == 0
    assert len(file.read_text().splitlines()) > 100
