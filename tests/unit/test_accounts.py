"""The example of docs/accounts.md: its books follow from the accounts, and the page's figures are the example's."""

from __future__ import annotations

import csv
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest

from dls_zk import files
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.model import Opening, Rebalance, Terms
from dls_zk.statement.needs import least_allowances, policy_allowances
from dls_zk.statement.relation import evaluate, nav
from dls_zk.storage.places import PACKAGE

EXAMPLE = PACKAGE / "examples" / "exchange_accounts"
PAGE = (Path(__file__).parents[2] / "docs" / "accounts.md").read_text(encoding="utf-8")
POLICY = files.read_policy(EXAMPLE / "policy.yaml")
SLOT = {slot.instrument: i for i, slot in enumerate(POLICY.slots) if slot.instrument}
#: The slots of an account: cash, and the derivative if it has one.
SLOTS = {"treasury": ("USDC", None), "exchange-a": ("USDC-A", "BTC-PERP-A"), "exchange-b": ("USDC-B", "BTC-PERP-B")}
DAYS = ("", "_next")


def accounts(day: str) -> dict[str, dict[str, Decimal]]:
    with open(EXAMPLE / f"accounts{day}.csv", newline="") as file:
        return {row.pop("account"): {name: Decimal(value) for name, value in row.items()} for row in csv.DictReader(file)}


def book(day: str) -> tuple[int, ...]:
    return files.read_book(EXAMPLE / f"book{day}.csv", POLICY)


def rebalance(day: str, before: tuple[int, ...], flow_e6: int, gain_ppb: int) -> Rebalance:
    prices = files.read_prices(EXAMPLE / f"prices{day}.yaml", POLICY)
    return Rebalance(
        POLICY, prices, Terms(flow_e6, policy_allowances(POLICY, gain_ppb), 0), Opening(before, 0), Opening(book(day), 0)
    )


def money(value: Decimal) -> str:
    return f"{value:,.2f}".replace("-", "−")


@pytest.mark.parametrize("day", DAYS)
def test_the_book_follows_from_the_accounts(day: str) -> None:
    expected = dict.fromkeys(SLOT, Decimal(0)) | {"BTC": Decimal(200)}
    for name, account in accounts(day).items():
        cash, derivative = SLOTS[name]
        expected[cash] = account["wallet"] - account["position"] * account["entry"]
        if derivative:
            expected[derivative] = account["position"]
    quantities = book(day)
    assert {name: Decimal(quantities[slot]).scaleb(-6) for name, slot in SLOT.items()} == expected


@pytest.mark.parametrize("day", DAYS)
def test_the_slots_of_an_account_are_worth_its_equity(day: str) -> None:
    step = rebalance(day, book(day), 0, 0)
    total = Decimal(200) * Decimal(step.prices.usd_e8[SLOT["BTC"]]).scaleb(-8)
    for name, account in accounts(day).items():
        assert account["unrealised"] == account["position"] * (account["mark"] - account["entry"])
        assert account["equity"] == account["wallet"] + account["unrealised"]
        slots = [SLOT[instrument] for instrument in SLOTS[name] if instrument]
        worth = sum(step.after.quantities_e6[i] * step.prices.usd_e8[i] for i in slots)
        assert Decimal(worth).scaleb(-14) == account["equity"]
        total += account["equity"]
    assert Decimal(nav(step)).scaleb(-14) == total


def test_a_settlement_at_the_mark_changes_no_quantity() -> None:
    for account in accounts("").values():
        settled = account["wallet"] + account["unrealised"] - account["position"] * account["mark"]
        assert settled == account["wallet"] - account["position"] * account["entry"]


def test_both_days_hold_and_the_second_needs_its_gain() -> None:
    nothing = (0,) * POLICY.size.slots
    assert evaluate(rebalance("", nothing, 20_000_000 * 10**6, 0)).holds
    assert evaluate(rebalance("_next", book(""), 0, 162_000)).holds
    least = least_allowances(rebalance("_next", book(""), 0, 0))
    assert least == Allowances(gain_ppb=least.gain_ppb, turnover_ppm=least.turnover_ppm)
    for gain_ppb, holds in ((0, False), (least.gain_ppb - 1, False), (least.gain_ppb, True)):
        report = evaluate(rebalance("_next", book(""), 0, gain_ppb))
        assert [check.name for check in report.failures] == ([] if holds else ["value conservation"])


def test_the_figures_of_the_page() -> None:
    for name, account in accounts("").items():
        if name == "treasury":
            assert f"| treasury | {money(account['wallet'])} | | | | | {money(account['equity'])} |" in PAGE
        else:
            row = [money(account["wallet"]), f"{account['position']}".replace("-", "−")]
            row += [f"{account['entry']:,}", f"{account['mark']:,}", money(account["unrealised"]), money(account["equity"])]
            assert f"| {name} | {' | '.join(row)} |" in PAGE
    assert (EXAMPLE / "book.csv").read_text() in PAGE

    first, second = rebalance("", (0,) * POLICY.size.slots, 0, 0), rebalance("_next", book(""), 0, 0)
    total = Decimal(nav(first)).scaleb(-14)
    assert f"{money(total)} USD" in PAGE
    exposure = next(limit for limit in evaluate(first)["venue exposure"].limits if limit.subject == "exchange-a")
    assert exposure.value is not None and f"{float(exposure.value):.2%} of NAV" in PAGE
    assert money(Decimal(round(exposure.value * Fraction(total) * 100)) / 100) in PAGE
    assert f"({accounts('')['exchange-a']['equity'] / total:.2%})" in PAGE

    gain = Decimal(sum(book("_next")) - sum(book(""))).scaleb(-6)
    gain_ppm = ceil(Fraction(gain) * 10**6 * 10**14 / nav(second))
    assert f"by {money(gain)} USDC together: {gain_ppm} ppm" in PAGE
    for words in ("0.0162% of NAV a day: `per_day: 0.0162%`", "7 days make 0.1134%", "about 5.9% of NAV"):
        assert words in PAGE
    assert (3 * 100 * 54 // 100, 7 * 162, round(365 * 0.0162, 1)) == (162, 1134, 5.9)


def test_the_turnover_of_a_cash_slot_counts() -> None:
    """Selling a derivative moves its slot and, unless that is slot 0, its cash leg."""
    before = book("")
    for cash, expected in (("USDC", 1), ("USDC-A", 2)):
        change = {cash: 54_010 * 10**6, "BTC-PERP-A": -(10**6)}
        after = tuple(quantity + change.get(POLICY.slots[i].instrument, 0) for i, quantity in enumerate(before))
        step = rebalance("", before, 0, 0)
        report = evaluate(Rebalance(POLICY, step.prices, step.terms, step.before, Opening(after, 0)))
        assert report["turnover"].tightest.value == Fraction(expected * 54_010 * 10**14, nav(step))
