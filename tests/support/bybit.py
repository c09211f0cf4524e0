"""A local server that answers as Bybit's public API (v5) documents it, for one account with one read-only key.

It checks the signature of each private request. Quantities occur nowhere else, so that a leak is found.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY, SECRET, USER = "key-of-the-test", "secret-of-the-test", "24617703"


def coin(name: str, wallet: str, *, equity: str | None = None, pnl: str = "0", borrowed: str = "0") -> dict[str, str]:
    """A currency of a unified account, with the fields of the documents."""
    return {
        "availableToBorrow": "",
        "bonus": "0",
        "accruedInterest": "0",
        "availableToWithdraw": "",
        "totalOrderIM": "0",
        "equity": wallet if equity is None else equity,
        "totalPositionMM": "0",
        "usdValue": "0",
        "spotHedgingQty": "0",
        "unrealisedPnl": pnl,
        "collateralSwitch": True,
        "borrowAmount": borrowed,
        "totalPositionIM": "0",
        "walletBalance": wallet,
        "cumRealisedPnl": "0",
        "locked": "0",
        "marginCollateral": True,
        "coin": name,
        "spotBorrow": borrowed,
    }


def position(symbol: str, side: str, size: str, entry: str, mark: str) -> dict[str, Any]:
    """An open position, with the fields of the documents that matter and some that do not."""
    return {
        "positionIdx": 0,
        "riskId": 1,
        "symbol": symbol,
        "side": side,
        "size": size,
        "avgPrice": entry,
        "markPrice": mark,
        "positionValue": "0",
        "leverage": "10",
        "positionStatus": "Normal",
        "unrealisedPnl": "0",
    }


@dataclass
class Account:
    """What the server shows. error: (HTTP status, retCode, retMsg) of every private answer, instead."""

    coins: list[dict[str, Any]] = field(default_factory=list)
    linear: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    inverse: list[dict[str, Any]] = field(default_factory=list)
    option: list[dict[str, Any]] = field(default_factory=list)
    loans: list[dict[str, str]] = field(default_factory=list)
    read_only: int = 1
    user: int = int(USER)
    skew_s: int = 0
    page: int = 200
    error: tuple[int, int, str] | None = None
    broken: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, str]) -> object:
        self.asked.append(path)
        match path:
            case "/v5/market/time":
                now = int(time.time()) + self.skew_s
                return {"timeSecond": str(now), "timeNano": f"{now}000000000"}
            case "/v5/user/query-api":
                return {"id": "1", "apiKey": KEY, "readOnly": self.read_only, "userID": self.user, "ips": ["*"], "type": 1}
            case "/v5/account/wallet-balance":
                return {"list": [{"accountType": query["accountType"], "totalEquity": "0", "coin": self.coins}]}
            case "/v5/position/list":
                rows = self.linear.get(query.get("settleCoin", ""), []) if query["category"] == "linear" else None
                rows = getattr(self, query["category"]) if rows is None else rows
                start = int(query.get("cursor") or 0)
                more = str(start + self.page) if start + self.page < len(rows) else ""
                page = rows[start : start + self.page]
                return {"category": query["category"], "list": page, "nextPageCursor": more}
            case "/v5/crypto-loan-common/position":
                return {"borrowList": self.loans, "collateralList": [], "supplyList": [], "ltv": "0", "totalDebt": "0"}
        raise AssertionError(path)


@contextmanager
def serving(account: Account) -> Iterator[str]:
    """The account's exchange, for the length of a ``with``; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            private = parts.path != "/v5/market/time"
            document: dict[str, Any] = {"retCode": 0, "retMsg": "OK", "retExtInfo": {}, "time": int(time.time() * 1000)}
            status = 200
            if private and not self._is_signed(parts.query):
                document |= {"retCode": 10004, "retMsg": "error sign!", "result": {}}
            elif private and account.error:
                status, document["retCode"], document["retMsg"] = account.error
                document["result"] = {}
            else:
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                document["result"] = account.answer(parts.path, query)
            body = (account.broken if private and account.broken else json.dumps(document)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _is_signed(self, query: str) -> bool:
            at, key, window = (self.headers.get(f"X-BAPI-{name}", "") for name in ("TIMESTAMP", "API-KEY", "RECV-WINDOW"))
            signed = hmac.new(SECRET.encode(), f"{at}{key}{window}{query}".encode(), hashlib.sha256).hexdigest()
            return key == KEY and hmac.compare_digest(signed, self.headers.get("X-BAPI-SIGN", ""))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
