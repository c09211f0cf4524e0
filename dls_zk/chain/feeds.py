"""What a price feed says of itself: so that nobody adds one of another asset, in another currency, or stuck at a bound.

Chainlink's aggregators hold each answer between two bounds, and go on answering a bound when the price has left them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ChainError
from ..solidity.abi import Mismatch, Signature
from .connection import Chain, Question
from .rpc import Refused


def _view(name: str, *outputs: str) -> Signature:
    return Signature(name, (), tuple({"name": "", "type": output} for output in outputs))


_DESCRIPTION, _DECIMALS = _view("description", "string"), _view("decimals", "uint8")
_ROUND = _view("latestRoundData", "uint80", "int256", "uint256", "uint256", "uint80")
_AGGREGATOR = _view("aggregator", "address")
_BOUNDS = (_view("minAnswer", "int192"), _view("maxAnswer", "int192"))

#: Times have 40 bits, in the contracts and here; a feed may say anything.
_LAST_TIME = (1 << 40) - 1

#: The end of a description such as "ETH / USD" or "Calculated X/USD".
_QUOTE = re.compile(r"/\s*([A-Za-z0-9.]+)\s*$")


@dataclass(frozen=True)
class FeedReport:
    """What a feed says. address: of the feed. description: "" if it has none. answer, least, most: in units of 10^-decimals,
    None if it does not say. updated_at: Unix seconds, None if there is no answer, or no such time."""

    address: str
    description: str
    decimals: int | None
    answer: int | None
    updated_at: int | None
    least: int | None
    most: int | None

    @property
    def quote(self) -> str:
        """The currency that it prices in, by its description; "" if that does not say."""
        found = _QUOTE.search(self.description)
        return found[1].upper() if found else ""

    def faults(self) -> Iterator[str]:
        """Why it prices nothing in USD."""
        if self.decimals is None or self.answer is None:
            yield "it is no price feed (AggregatorV3Interface)"
            return
        if self.quote not in ("", "USD"):
            yield f"it prices in {self.quote}, not in USD"
        for bound, name in ((self.least, "lower"), (self.most, "upper")):
            if bound is not None and self.answer == bound:
                yield f"its answer is stuck at its {name} bound"

    def doubts(self) -> Iterator[str]:
        """What a person has to know better."""
        if not self.quote:
            yield "it does not say which currency it prices in"
        if self.answer == 0:
            yield "it has no answer yet"


def decimals(chain: Chain, address: str) -> int:
    """The decimals of a feed's answers. ChainError if it does not say."""
    try:
        found: int = _DECIMALS.answer(chain.call(Question(address, _DECIMALS.call(()))))
    except (Mismatch, Refused):
        raise ChainError(f"{address} does not say its decimals; it is no price feed (AggregatorV3Interface)") from None
    return found


def report(chain: Chain, address: str) -> FeedReport:
    """Ask a feed. ChainError if the node does not answer; a feed that does not is reported as one."""

    def ask(view: Signature, of: str = address) -> Any:
        try:
            return view.answer(chain.call(Question(of, view.call(()))))
        except (Mismatch, Refused):
            return None

    description, data = ask(_DESCRIPTION), ask(_ROUND)
    aggregator = ask(_AGGREGATOR) or address
    least, most = (ask(bound, aggregator) for bound in _BOUNDS)
    return FeedReport(
        address=address,
        description="".join(char for char in description or "" if char.isprintable())[:64],
        decimals=ask(_DECIMALS),
        answer=data[1] if data else None,
        updated_at=data[3] if data and data[3] <= _LAST_TIME else None,
        least=least,
        most=most,
    )
