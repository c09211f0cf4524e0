"""An exchange account, through the real ccxt client against a local server that answers as Bybit's documents say."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dls_zk.attest import extra
from dls_zk.attest.exchange import Bybit
from dls_zk.errors import DlsError
from tests.support.attesting import now
from tests.support.bybit import KEY, SECRET, USER, Account, coin, position, serving

#: Spot ETH with a loan against it, USDT with two positions, USDC with one.
WALLET, PNL = "2998280.50", "1082.00"
EQUITY = "2999362.50"


def account(**changes: Any) -> Account:
    fields = {
        "coins": [
            coin("USDT", WALLET, equity=EQUITY, pnl=PNL),
            coin("ETH", "12.345678901234567", equity="2.345678901234567", borrowed="10"),
            coin("USDC", "-50.25", borrowed="50.25"),
            coin("BTC", "0"),
        ],
        "linear": {
            "USDT": [
                position("BTCUSDT", "Sell", "110", "54020", "54010"),
                position("ETHUSDT", "Buy", "9", "2500", "2498"),
                position("XRPUSDT", "", "0", "0", "0"),
            ]
        },
        "loans": [{"loanCurrency": "ETH", "fixedTotalDebt": "0.25", "flexibleTotalDebt": "0.125"}],
    }
    return Account(**fields | changes)


@contextmanager
def source(tmp_path: Path, shown: Account, key: str = KEY, user: str = USER) -> Iterator[Bybit]:
    path = tmp_path / "bybit.json"
    path.write_text(json.dumps({"key": key, "secret": SECRET}))
    path.chmod(0o600)
    with serving(shown) as url:
        yield Bybit(user, path, url)


def refusal(tmp_path: Path, shown: Account, at_s: int | None = None, **how: str) -> DlsError:
    """What reading the account ends with; without a balance or the key in it."""
    with source(tmp_path, shown, **how) as bybit, pytest.raises(DlsError) as caught:
        bybit.balances(now() if at_s is None else at_s)
    text = "".join(traceback.format_exception(caught.value))
    assert not [one for one in (SECRET, "2998280", "12.3456", "54020") if one in text]
    return caught.value


def test_wallets_loans_and_positions_with_their_cash_legs(tmp_path: Path) -> None:
    shown = account()
    with source(tmp_path, shown) as bybit:
        reading = bybit.balances(now())
    assert reading.holdings == {
        "USDT": Fraction(WALLET) + 110 * 54_020 - 9 * 2_500,
        "BTCUSDT": Fraction(-110),
        "ETHUSDT": Fraction(9),
        "ETH": Fraction("2.345678901234567") - Fraction("0.375"),
        "USDC": Fraction("-50.25"),
    }
    (equity,) = reading.equities
    assert (equity.currency, equity.reported) == ("USDT", Fraction(EQUITY))
    assert set(equity.parts) == {"USDT", "BTCUSDT", "ETHUSDT"}
    assert abs(reading.at_s - now()) <= 30 and bybit.identities == (f"bybit:{USER}",)
    assert not [digits for digits in ("2998280", "110") if digits in repr(reading) + str(reading) + repr(bybit)]


def test_all_pages_of_positions_are_read(tmp_path: Path) -> None:
    rows = [position(f"C{k}USDT", "Buy", "1", "0", "0") for k in range(5)]
    with source(tmp_path, account(linear={"USDT": rows}, coins=[coin("USDT", "5")], page=2)) as bybit:
        assert set(bybit.balances(now()).holdings) == {"USDT", "ETH", *(f"C{k}USDT" for k in range(5))}


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"read_only": 0}, "bad_input"),
        ({"user": 7}, "bad_input"),
        ({"skew_s": 11}, "clock_skew"),
        ({"skew_s": -12}, "clock_skew"),
        ({"error": (200, 10003, "API key is invalid.")}, "source_refused"),
        ({"error": (200, 10005, "Permission denied")}, "source_refused"),
        ({"error": (200, 10002, "invalid request, please check your server timestamp")}, "clock_skew"),
        ({"error": (200, 10006, "Too many visits!")}, "rate_limited"),
        ({"error": (403, 10018, "Exceeded the IP Rate Limit.")}, "rate_limited"),
        ({"error": (503, 0, "")}, "source_unreachable"),
        ({"error": (200, 10001, "2998280.50 is a bad parameter")}, "source_refused"),
        ({"broken": "<html>2998280.50</html>"}, "source_refused"),
        ({"broken": '{"retCode": 0, "result": []}'}, "source_refused"),
        ({"inverse": [position("ETHUSD", "Buy", "5", "1", "1")]}, "no_slot"),
        ({"option": [position("ETH-27NOV26-3000-C", "Buy", "5", "1", "1")]}, "no_slot"),
        ({"coins": [coin("USDT", WALLET, equity="2948280.50", pnl="-50000"), coin("ETH", "1")]}, "equity_mismatch"),
        ({"coins": [coin("ETH", "1")]}, "source_refused"),
        # A debt that the equity is not net of, and one that two fields tell differently.
        ({"coins": [coin("ETH", "12", borrowed="10")], "linear": {}}, "source_refused"),
        ({"coins": [coin("ETH", "1") | {"walletBalance": 1.5}], "linear": {}}, "source_refused"),
        ({"coins": [coin("ETH", "1", equity="2", pnl="1")], "linear": {}}, "source_refused"),
        ({"coins": [coin("ETH", "one")], "linear": {}}, "bad_input"),
        ({"coins": [coin("ETH", "1"), coin("ETH", "1")], "linear": {}}, "source_refused"),
        ({"linear": {"USDT": [position("BTCUSDT", "Long", "1", "1", "1")]}}, "source_refused"),
        ({"loans": [{"loanCurrency": "ETH"}]}, "source_refused"),
    ],
)
def test_what_is_wrong_is_said_without_a_figure(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    error = refusal(tmp_path, account(**changes))
    assert error.code == code
    if code == "rate_limited":
        assert error.retryable and error.after == 60 and "run the same again" in str(error)


@pytest.mark.parametrize("wallets", [None, [], ["x"], [None], [{}], [{"coin": None}], [{"coin": [1]}]])
def test_wallets_of_another_form_are_refused(tmp_path: Path, wallets: object) -> None:
    class Odd(Account):
        def answer(self, path: str, query: dict[str, str]) -> object:
            return {"list": wallets} if path == "/v5/account/wallet-balance" else super().answer(path, query)

    assert refusal(tmp_path, Odd()).code == "source_refused"


def test_a_wrong_key_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, account(), key="another").code == "source_refused"


def test_nobody_is_there(tmp_path: Path) -> None:
    with source(tmp_path, account()) as bybit:
        pass
    with pytest.raises(DlsError) as caught:
        bybit.balances(now())
    assert caught.value.code == "source_unreachable" and caught.value.retryable


@pytest.mark.parametrize("off", [-70, 70])
def test_an_exchange_shows_what_is_now(tmp_path: Path, off: int) -> None:
    shown = account()
    assert refusal(tmp_path, shown, now() + off).code == "stale_source"
    assert not shown.asked


@pytest.mark.parametrize("text", ["", "[]", '{"key": "k"}', '{"key": "k", "secret": 5}', '{"key": "k", "secret": ""}'])
def test_credentials_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bybit.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(DlsError):
        Bybit(USER, path, "http://127.0.0.1:9").balances(now())
    path.write_text(json.dumps({"key": KEY, "secret": SECRET}))
    path.chmod(0o644)
    with pytest.raises(DlsError, match="chmod 600"):
        Bybit(USER, path, "http://127.0.0.1:9").balances(now())


def test_without_the_extra_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ccxt", None)
    with source(tmp_path, account()) as bybit, pytest.raises(DlsError) as caught:
        bybit.balances(now())
    assert caught.value.code == "tool_missing" and "dls-zk[attest]" in str(caught.value)
    assert extra.load("json") is json
