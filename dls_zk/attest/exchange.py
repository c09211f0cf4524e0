"""An account of an exchange, read through ccxt with a key that can only read.

Each exchange has its own rule of what its figures mean, and so its own class here and its own test. ccxt signs the requests,
paces them and names the errors; its unified figures pass through floats and are not used. What is read is the text of the
exchange's own answers.

    net     what is in a currency but for open positions: the reported equity less the unrealised profit, so net of debts
    cash    net − Σ position · entry          position   signed quantity of the contract
    equity  cash + Σ position · mark, and it has to be what the exchange reports
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import InputError, RateLimited, SourceError
from ..storage.disk import exposure, read_limited
from ..storage.strict_json import parse_json
from . import extra
from .amounts import decimal
from .source import Equity, Reading, require_close

#: How far apart the clocks of exchange and machine may be, and how long reading an account may take.
_CLOCK_S = 10
_READING_S = 30
_CREDENTIALS_BYTES = 1 << 14
#: Pages of positions that are asked for at most, of 200 each.
_PAGES = 50
_TIMEOUT_MS = 10_000

#: By how much an equity may be off, of the sum of the sizes that make it: the venue rounds its figures.
_OWN_MARKS_PPM = 1_000
#: By how much the figures of one currency may be off, in units of it.
_ROUNDING = Fraction(1, 10**6)


@dataclass(frozen=True)
class Bybit:
    """A unified trading account of Bybit (interface v5): spot, loans, and contracts settled in USDT or USDC.

    account: the user id. Not read: the funding wallet, Earn products, and classic accounts; what is in them is not attested.
    An open inverse contract or option is refused: its value is not quantity · price.
    """

    account: str
    credentials: Path
    url: str | None = field(default=None, repr=False)

    looks_back = False

    @property
    def identities(self) -> tuple[str, ...]:
        return (f"bybit:{self.account}",)

    def balances(self, at_s: int) -> Reading:
        require_close(int(time.time()), at_s, "what the exchange shows now")
        session = _Session(self._client())  # to load ccxt takes seconds
        started = int(time.time())
        require_close(started, at_s, "what the exchange shows now")
        self._require_clock(session)
        self._require_account(session)
        wallet = session.ask("private_get_v5_account_wallet_balance", {"accountType": "UNIFIED"})
        holdings: dict[str, Fraction] = defaultdict(Fraction)
        positions = self._positions(session)
        coins = _coins(wallet)
        equities = []
        for settle in positions:
            if settle not in coins:
                raise SourceError(f"Bybit shows positions settled in {settle} and no such currency", "wallet-balance")
        for name, coin in coins.items():
            net = coin.net(name)
            legs = positions.get(name, [])
            cash = net - sum((leg.quantity * leg.entry for leg in legs), Fraction(0))
            holdings[name] += cash
            if not legs and coin.unrealised:
                raise SourceError(f"Bybit shows an unrealised profit in {name} and no position", "wallet-balance")
            if legs:
                _require_own_marks(name, cash, legs, coin)
                parts: dict[str, Fraction] = defaultdict(Fraction, {name: cash})
                for leg in legs:
                    holdings[leg.symbol] += leg.quantity
                    parts[leg.symbol] += leg.quantity
                equities.append(Equity(name, coin.equity, dict(parts)))
        for name, debt in _loans(session):
            holdings[name] -= debt
        if int(time.time()) - started > _READING_S:
            raise SourceError(f"Bybit took more than {_READING_S} s to show the account", code="source_unreachable")
        return Reading(started, {name: amount for name, amount in holdings.items() if amount}, tuple(equities))

    def _client(self) -> Any:
        ccxt = extra.load("ccxt")
        key, secret = _credentials(self.credentials)
        client = ccxt.bybit({"apiKey": key, "secret": secret, "timeout": _TIMEOUT_MS, "enableRateLimit": True})
        if self.url:
            client.urls["api"] = dict.fromkeys(client.urls["api"], self.url)
        return client

    def _require_clock(self, session: _Session) -> None:
        before = int(time.time())
        theirs = session.ask("public_get_v5_market_time", {}).get("timeSecond")
        if not isinstance(theirs, str) or not re.fullmatch("[0-9]{1,12}", theirs):
            raise _not_understood("market/time")
        off = int(theirs) - before
        if abs(off) > _CLOCK_S:
            text = f"Bybit's clock is {abs(off)} s {'ahead of' if off > 0 else 'behind'} this machine's; set the clock"
            raise InputError(text, code="clock_skew")

    def _require_account(self, session: _Session) -> None:
        """The key belongs to the account, and can do nothing but read."""
        said = session.ask("private_get_v5_user_query_api", {})
        if str(said.get("userID")) != self.account:
            raise InputError("the key belongs to another account than the configuration names", str(self.credentials))
        if said.get("readOnly") != 1:
            raise InputError("the key can do more than read; use one that is read-only", str(self.credentials))

    def _positions(self, session: _Session) -> dict[str, list[_Leg]]:
        """Open positions by the currency that they are settled in."""
        legs: dict[str, list[_Leg]] = {}
        for settle in ("USDT", "USDC"):
            rows = session.pages("private_get_v5_position_list", {"category": "linear", "settleCoin": settle})
            if of_this := [leg for row in rows if (leg := _Leg.of(row))]:
                legs[settle] = of_this
        for category in ("inverse", "option"):
            for row in session.pages("private_get_v5_position_list", {"category": category}):
                if _number(row, "size"):
                    raise InputError(
                        f"the account has an open {category} position ({_text(row, 'symbol')}), which no slot can hold",
                        "bybit",
                        code="no_slot",
                    )
        return legs


# --- the exchange's figures ---------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class _Coin:
    """A currency of the wallet, as the exchange shows it."""

    equity: Fraction
    unrealised: Fraction
    wallet: Fraction
    borrowed: Fraction
    interest: Fraction

    def net(self, name: str) -> Fraction:
        """What there is, net of debts. SourceError if the figures do not say that the equity is net of them."""
        net = self.equity - self.unrealised
        readings = [self.wallet - self.borrowed, self.wallet - self.borrowed - self.interest]
        # The interface has shown the wallet before and after its debts. After them, it is below zero by as much.
        if self.wallet <= -self.borrowed:
            readings.append(self.wallet)
        if not any(abs(net - one) <= _ROUNDING for one in readings):
            raise SourceError(f"Bybit's equity in {name} is not its wallet less its debts", "wallet-balance")
        return net


@dataclass(frozen=True, repr=False)
class _Leg:
    """An open position. quantity: signed."""

    symbol: str
    quantity: Fraction
    entry: Fraction
    mark: Fraction

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> _Leg | None:
        """None for an empty position, which Bybit may show too."""
        size, side = _number(row, "size"), _text(row, "side")
        if not size:
            return None
        if size < 0 or side not in ("Buy", "Sell"):
            raise _not_understood("position/list")
        sign = 1 if side == "Buy" else -1
        return cls(_text(row, "symbol"), sign * size, _number(row, "avgPrice"), _number(row, "markPrice"))


def _coins(wallet: Mapping[str, Any]) -> dict[str, _Coin]:
    accounts = wallet.get("list")
    account = accounts[0] if isinstance(accounts, list) and len(accounts) == 1 else None
    rows = account.get("coin") if isinstance(account, Mapping) else None
    if not isinstance(rows, list):
        raise _not_understood("wallet-balance")
    coins: dict[str, _Coin] = {}
    for row in rows:
        name = _text(row, "coin")
        if name in coins:
            raise _not_understood("wallet-balance")
        borrowed = max(_number(row, "borrowAmount"), _number(row, "spotBorrow", "0"))
        coins[name] = _Coin(
            equity=_number(row, "equity"),
            unrealised=_number(row, "unrealisedPnl"),
            wallet=_number(row, "walletBalance"),
            borrowed=borrowed,
            interest=_number(row, "accruedInterest"),
        )
    return coins


def _loans(session: _Session) -> Iterator[tuple[str, Fraction]]:
    """Debts of crypto loans, whose collateral is not in the account."""
    loans = session.ask("private_get_v5_crypto_loan_common_position", {}).get("borrowList")
    if not isinstance(loans, list):
        raise _not_understood("crypto-loan-common/position")
    for row in loans:
        yield _text(row, "loanCurrency"), _number(row, "fixedTotalDebt") + _number(row, "flexibleTotalDebt")


def _require_own_marks(name: str, cash: Fraction, legs: list[_Leg], coin: _Coin) -> None:
    """The equity that Bybit reports is cash and positions at Bybit's own marks."""
    value = cash + sum((leg.quantity * leg.mark for leg in legs), Fraction(0))
    sizes = abs(cash) + sum((abs(leg.quantity * leg.mark) for leg in legs), Fraction(0))
    if abs(value - coin.equity) * 10**6 > _OWN_MARKS_PPM * sizes:
        text = f"the equity that Bybit reports in {name} is not its positions at its own marks and its cash"
        raise InputError(text, "bybit", code="equity_mismatch")


def _text(row: Any, name: str) -> str:
    value = row.get(name) if isinstance(row, Mapping) else None
    if not isinstance(value, str):
        raise _not_understood(name)
    return value


def _number(row: Any, name: str, absent: str | None = None) -> Fraction:
    """A figure, exact; an empty text is zero, as Bybit writes what does not apply."""
    if absent is not None and isinstance(row, Mapping) and name not in row:
        return Fraction(absent)
    return decimal(_text(row, name) or "0", f"Bybit's {name}")


def _not_understood(what: str) -> SourceError:
    return SourceError("Bybit's answer is not what its documents say", what)


# --- the way to it ------------------------------------------------------------------------------------------------


class _Session:
    """Asks through ccxt, and turns its errors into ours. Nothing of an answer is shown."""

    def __init__(self, client: Any):
        self._client = client

    def ask(self, method: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """The result of one call. Its figures are texts; a number, which has passed through a float, is not taken as one."""
        ccxt = extra.load("ccxt")
        try:
            answer = getattr(self._client, method)(dict(parameters))
        except (ccxt.RateLimitExceeded, ccxt.DDoSProtection):
            raise RateLimited("Bybit asks to wait: too many requests; run the same again in a minute", after=60) from None
        except ccxt.InvalidNonce:
            raise InputError("Bybit refuses the time of the request; set this machine's clock", code="clock_skew") from None
        except (ccxt.AuthenticationError, ccxt.PermissionDenied):
            raise SourceError("Bybit does not accept the key; check the credentials and what the key may read") from None
        except ccxt.NetworkError:
            raise SourceError("Bybit does not answer, or not in time; try again", code="source_unreachable") from None
        except ccxt.BaseError as error:
            raise SourceError(f"Bybit refuses the question ({type(error).__name__})", method) from None
        result = answer.get("result") if isinstance(answer, Mapping) else None
        if not isinstance(result, Mapping):
            raise _not_understood(method)
        return result

    def pages(self, method: str, parameters: Mapping[str, str]) -> list[Any]:
        """The rows of all pages."""
        rows: list[Any] = []
        cursor = ""
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            result = self.ask(method, {**parameters, "limit": "200", **more})
            page = result.get("list")
            if not isinstance(page, list):
                raise _not_understood(method)
            rows += page
            following = result.get("nextPageCursor")
            if not following or not page:
                return rows
            if following == cursor:
                break
            cursor = str(following)
        raise _not_understood(method)


def _credentials(path: Path) -> tuple[str, str]:
    """The key and its secret. InputError, also if other users can read the file."""
    content = read_limited(path, _CREDENTIALS_BYTES)
    if exposed := exposure(path):
        raise InputError(exposed, str(path))
    document = parse_json(content, str(path))
    if not isinstance(document, dict) or set(document) != {"key", "secret"}:
        raise InputError('expected {"key": "…", "secret": "…"}', str(path))
    if not all(isinstance(text, str) and text for text in document.values()):
        raise InputError("key and secret have to be texts", str(path))
    return document["key"], document["secret"]
