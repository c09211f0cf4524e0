"""The example vault: its files are read, its rebalances hold, and its figures are those of the market.

The last part needs the daily prices that the figures come from, which are not in this repository: a folder with
ETH.csv, BTC.csv, … (columns date,open,high,low,close), named by the environment variable DLS_ZK_PRICE_DATA.
"""

import csv
import json
import math
import os
import re
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from statistics import stdev

import pytest
import yaml

from dls_zk import files
from dls_zk.statement.constants import BPS
from dls_zk.statement.model import Opening, Prices, Rebalance
from dls_zk.statement.relation import evaluate, nav
from dls_zk.storage.places import PACKAGE

EXAMPLE = PACKAGE / "examples" / "delta_neutral_eth"
POLICY = files.read_policy(EXAMPLE / "policy.yaml")
PRICES = files.read_prices(EXAMPLE / "prices.yaml", POLICY)
BOOK = files.read_book(EXAMPLE / "book_before.csv", POLICY)
DOCUMENT = yaml.load((EXAMPLE / "policy.yaml").read_text(), Loader=yaml.BaseLoader)
SLOT = {slot.instrument: i for i, slot in enumerate(POLICY.slots) if slot.instrument}


def deposit() -> Rebalance:
    """The first rebalance: from nothing to book_before.csv."""
    terms = files.read_terms(EXAMPLE / "terms_deposit.yaml")
    return Rebalance(POLICY, PRICES, terms, Opening.empty(POLICY.size), Opening(BOOK, 1))


def rebalance(trades: str) -> Rebalance:
    """The second: book_before.csv and these trades."""
    after = tuple(q + t for q, t in zip(BOOK, files.read_trades(EXAMPLE / trades, POLICY), strict=True))
    return Rebalance(POLICY, PRICES, files.read_terms(EXAMPLE / "terms.yaml"), Opening(BOOK, 1), Opening(after, 2))


@pytest.mark.parametrize("step", [deposit(), rebalance("trades.csv")], ids=["deposit", "rebalance"])
def test_rebalances_hold(step):
    assert not evaluate(step).failures
    assert 9_900_000 < nav(step) / 10**14 < 10_000_000


@pytest.mark.parametrize("step", [deposit(), rebalance("trades.csv")], ids=["deposit", "rebalance"])
def test_every_limit_has_room(step):
    """At least 4% of each limit is left."""
    for check in evaluate(step).checks:
        for limit in check.limits:
            if limit.unit in ("of NAV", "x") and limit.value and limit.bound:
                used = limit.bound / limit.value if limit.at_least else limit.value / limit.bound
                assert used < Fraction(96, 100), (check.name, limit.subject)


@pytest.mark.parametrize("step", [deposit(), rebalance("trades.csv")], ids=["deposit", "rebalance"])
def test_cost_is_five_basis_points(step):
    """The USDC leg pays for the other legs and 0.05% of their turnover, rounded up to the next 0.000001 USDC."""
    trades = [after - before for after, before in zip(step.after.quantities_e6, step.before.quantities_e6, strict=True)]
    price = PRICES.usd_e8
    turnover = sum(abs(t) * p for t, p in list(zip(trades, price, strict=True))[1:])
    cost = step.terms.flow_e6 * price[0] - sum(t * p for t, p in zip(trades, price, strict=True))
    assert 0 <= cost * BPS - 5 * turnover < price[0] * BPS + BPS


def test_delta():
    def delta(step: Rebalance) -> Fraction:
        return next(limit.value for limit in evaluate(step)["factor exposure"].limits if limit.subject == "ETH")

    assert round(delta(deposit()), 4) == Fraction("0.0161")
    assert delta(rebalance("trades.csv")) < Fraction("0.0001")


def test_over_limit_is_over_by_one_unit():
    step = rebalance("trades_over_limit.csv")
    (failure,) = evaluate(step).failures
    assert failure.name == "factor exposure"
    assert [limit.subject for limit in failure.limits if not limit.holds] == ["ETH"]

    less = list(step.after.quantities_e6)
    less[SLOT["ETH-PERP"]] -= 1
    assert evaluate(replace(step, after=Opening(tuple(less), 2))).holds


def test_stale_prices_are_noticed():
    """The example lives by its prices: with ETH at another day's close the cash legs no longer balance."""
    other = list(PRICES.usd_e8)
    other[SLOT["ETH"]] = 245_872_660_000
    failures = evaluate(replace(rebalance("trades.csv"), prices=Prices(tuple(other)))).failures
    assert "value conservation" in [check.name for check in failures]


def test_files_match_their_schemas():
    jsonschema = pytest.importorskip("jsonschema")
    for path in EXAMPLE.glob("*.yaml"):
        text = path.read_text()
        schema = (EXAMPLE / re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)[1]).resolve()
        jsonschema.validate(yaml.load(text, Loader=yaml.BaseLoader), _sizes_as_numbers(json.loads(schema.read_text())))


def _sizes_as_numbers(schema: dict) -> dict:
    """The schema for a document whose scalars are all text, as this package reads it."""
    if size := schema["properties"].get("size"):
        size["enum"] = [str(number) for number in size["enum"]]
    return schema


def test_readme_names_every_file():
    readme = (EXAMPLE / "README.md").read_text()
    for path in EXAMPLE.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in readme, path.name


def test_impermanent_loss_at_the_reference_move():
    """1 − 2√r/(1+r) at r = 1/2, rounded up."""
    loss = 1 - 2 * math.sqrt(0.5) / 1.5
    assert POLICY.slots[SLOT["ETH/USDC-LP"]].impermanent_loss_bps == math.ceil(loss * BPS)


def test_pool_share_price():
    """2·√(ETH·USDC) of the file's own prices, rounded down."""
    share, eth, usdc = (PRICES.usd_e8[SLOT[name]] for name in ("ETH/USDC-LP", "ETH", "USDC"))
    assert share == math.isqrt(4 * eth * usdc)


# --- against the market's data ------------------------------------------------------------------------------

DATA = os.environ.get("DLS_ZK_PRICE_DATA", "")
needs_data = pytest.mark.skipif(
    not (DATA and Path(DATA, "ETH.csv").is_file()),
    reason="no price data: set DLS_ZK_PRICE_DATA to a folder with ETH.csv, BTC.csv, … (date,open,high,low,close)",
)


def day_after(day: str, days: int) -> str:
    return str(date.fromisoformat(day) + timedelta(days))


def days_of(first: str, last: str) -> list[str]:
    return [day_after(first, i) for i in range((date.fromisoformat(last) - date.fromisoformat(first)).days + 1)]


@pytest.fixture(scope="module")
def market():
    series = {}

    def market(asset: str, day: str, column: str = "close") -> Fraction | None:
        if asset not in series:
            with open(Path(DATA, f"{asset}.csv"), newline="") as file:
                series[asset] = {row["date"]: row for row in csv.DictReader(file)}
        row = series[asset].get(day)
        return Fraction(row[column]) if row else None

    return market


def away_from_zero_bps(move: Fraction) -> int:
    return math.ceil(move * BPS) if move > 0 else math.floor(move * BPS)


@needs_data
def test_prices_are_the_closes(market):
    day = "2024-08-28"
    assert f"date: {day}\n" in (EXAMPLE / "prices.yaml").read_text()
    sources = {
        "USDC": "USDC", "USDT": "USDT", "ETH": "ETH", "stETH": "STETH", "wstETH": "WSTETH", "WBTC": "WBTC",
        "ETH-PERP": "ETH", "BTC-PERP": "BTC", "USDC-LOAN": "USDC",
    }  # fmt: skip
    assert sources.keys() == SLOT.keys() - {"ETH/USDC-LP"}
    for instrument, asset in sources.items():
        assert PRICES.usd_e8[SLOT[instrument]] == market(asset, day) * 10**8, instrument


def _shock_figures(market, first: str, last: str, rally: bool) -> dict[str, tuple[Fraction, Fraction] | None]:
    """Each factor's shock as (from, to), by the rule in policy.yaml; None where there was no market."""
    days, before = days_of(first, last), day_after(first, -1)
    figures = {}
    for factor, asset in (("ETH", "ETH"), ("BTC", "BTC"), ("USDC_PEG", "USDC"), ("USDT_PEG", "USDT")):
        if rally and factor in ("ETH", "BTC"):
            extreme = max(market(asset, day, "high") for day in days)
        else:
            extreme = min(market(asset, day, "low") for day in days)
        figures[factor] = market(asset, before), extreme
    for factor, asset, base in (("STETH_DISCOUNT", "STETH", "ETH"), ("WBTC_DISCOUNT", "WBTC", "BTC")):
        price = market(asset, last)
        figures[factor] = None if price is None else (market(base, last), price)
    return figures


@needs_data
@pytest.mark.parametrize("s", range(8), ids=POLICY.scenario_names)
def test_shocks_are_the_market_s(market, s):
    scenario = DOCUMENT["scenarios"][s]
    first, last = scenario["date"].split("/")[0], scenario["date"].split("/")[-1]
    comments = (EXAMPLE / "policy.yaml").read_text().split(f"- name: {scenario['name']}")[1].split("max_loss")[0]
    shocks = _shock_figures(market, first, last, "rally" in scenario["name"])
    assert tuple(shocks) == POLICY.factor_names
    for f, (factor, figures) in enumerate(shocks.items()):
        move = Fraction(0) if figures is None else figures[1] / figures[0] - 1
        if factor not in ("ETH", "BTC"):
            move = min(move, Fraction(0))
        assert POLICY.shock_bps[s][f] == away_from_zero_bps(move), factor
        comment = re.search(rf"{factor}: .*#(.*)", comments)[1]
        if figures is not None:  # the comment quotes the two prices
            assert {Fraction(text) for text in re.findall(r"\d+\.\d+", comment)} == set(figures), factor


@needs_data
def test_steth_discount_day_is_the_widest(market):
    ratio = {day: market("STETH", day) / market("ETH", day) for day in days_of("2021-05-01", "2024-08-31")}
    assert min(ratio, key=ratio.get) == "2022-06-15"


@needs_data
def test_rally_is_the_largest(market):
    rise = {
        day: market("ETH", day, "high") / market("ETH", day_after(day, -1)) for day in days_of("2019-01-02", "2024-08-31")
    }
    assert max(rise, key=rise.get) == "2021-01-03"


def _volatility(market, asset: str, base: str | None, first: str = "2021-08-28") -> tuple[float, int]:
    """Sample standard deviation of the daily log returns of the closes (of the ratio to ``base``), and their number."""
    levels = [float(market(asset, day) / (market(base, day) if base else 1)) for day in days_of(first, "2024-08-28")]
    returns = [math.log(b / a) for a, b in zip(levels, levels[1:], strict=False)]
    return stdev(returns), len(returns)


@needs_data
def test_volatilities_are_the_market_s(market):
    text = (EXAMPLE / "policy.yaml").read_text()
    pairs = [("ETH", None), ("BTC", None), ("USDC", None), ("USDT", None), ("STETH", "ETH"), ("WBTC", "BTC")]
    for f, (asset, base) in enumerate(pairs):
        volatility, count = _volatility(market, asset, base)
        assert count == 1096
        assert POLICY.factor_volatility_bps[f] == math.ceil(volatility * BPS), asset
        line = next(line for line in text.splitlines() if f"name: {POLICY.factor_names[f]}," in line)
        assert f"# {volatility * 100:.3f}%" in line
    wrapped, _ = _volatility(market, "WSTETH", "STETH", first="2021-10-07")
    assert POLICY.slots[SLOT["wstETH"]].residual_bps == math.ceil(wrapped * BPS)
    assert f"# {wrapped * 100:.3f}%: WSTETH/STETH" in text
