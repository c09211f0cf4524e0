"""Balances on a chain: its coin and ERC-20 tokens of named addresses, at the final block nearest to a second."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ..chain import Chain, Question, Refused, connect
from ..errors import ChainError, InputError
from ..statement.ethereum import keccak256, word
from .source import TOLERANCE_S, Reading, require_close

_BALANCE_OF = keccak256(b"balanceOf(address)")[:4]
_DECIMALS = keccak256(b"decimals()")[:4]
_COIN_DECIMALS = 18


@dataclass(frozen=True)
class ChainBalances:
    """What addresses hold on a chain.

    rpc: URL of a node, or several with commas between them, or $NAME of the variable that holds that. coin: name for the
    chain's coin, None: not read. tokens: address and decimals by name.
    """

    rpc: str = field(repr=False)
    chain_id: int
    addresses: tuple[str, ...]
    coin: str | None
    tokens: Mapping[str, tuple[str, int]]

    looks_back = True

    @property
    def identities(self) -> tuple[str, ...]:
        return tuple(f"eip155:{self.chain_id}:{address.lower()}" for address in self.addresses)

    def balances(self, at_s: int) -> Reading:
        chain = self._connect()
        block, second = _final_block(chain, at_s)
        holdings: dict[str, Fraction] = {}
        if self.coin:
            units = sum(chain.balance(address, block) for address in self.addresses)
            holdings[self.coin] = Fraction(units, 10**_COIN_DECIMALS)
        for name, (token, decimals) in self.tokens.items():
            said = _ask(chain, name, token, _DECIMALS, block)
            if said != decimals:
                raise InputError(f"the token at {token} has {said} decimals, the configuration says {decimals}", name)
            held = (_ask(chain, name, token, _BALANCE_OF + word(int(one, 16)), block) for one in self.addresses)
            holdings[name] = Fraction(sum(held), 10**decimals)
        return Reading(second, {name: amount for name, amount in holdings.items() if amount})

    def _connect(self) -> Chain:
        url = self.rpc
        if url.startswith("$"):
            url = os.environ.get(self.rpc[1:], "")
            if not url:
                raise InputError("is not set; it has to hold the URL of a node", self.rpc)
        chain = connect(*url.split(","))
        if chain.chain_id != self.chain_id:
            message = f"{chain.where} is on chain {chain.chain_id}, the configuration says {self.chain_id}"
            raise ChainError(message, code="wrong_chain")
        ahead = chain.now() - int(time.time())
        if ahead > TOLERANCE_S and not chain.is_development:
            message = f"the newest block of {chain.where} is {ahead} s ahead of this machine's clock; set the clock"
            raise InputError(message, code="clock_skew")
        return chain


def _ask(chain: Chain, name: str, token: str, data: bytes, block: int) -> int:
    """The number that a token answers with."""
    try:
        answer = chain.call(Question(token, data), block)
    except Refused as refusal:
        if refusal.revert is None:
            raise
        answer = b""
    if len(answer) != 32:
        raise InputError(f"there was no ERC-20 token at {token} at block {block}", name)
    return int.from_bytes(answer, "big")


def _final_block(chain: Chain, at_s: int) -> tuple[int, int]:
    """Number and timestamp of the block nearest to a second, final and at most ``TOLERANCE_S`` from it.

    ChainError (``too_early``) if the blocks around that second are not final yet, InputError if none is near.
    """
    last, last_s = chain.finalized()
    if last_s < at_s:
        message = (
            f"the newest final block of {chain.where} is {at_s - last_s} s before the second asked for; ask again later"
        )
        raise ChainError(message, code="too_early", after=at_s - last_s)
    first = 0
    if chain.timestamp(first) > at_s:
        raise InputError(f"the chain at {chain.where} has no block of that second; it begins later", code="stale_source")
    low, high = first, last  # timestamp(low) ≤ at_s ≤ timestamp(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if chain.timestamp(middle) <= at_s else (low, middle)
    near = min((low, high), key=lambda number: abs(chain.timestamp(number) - at_s))
    second = chain.timestamp(near)
    require_close(second, at_s, f"block {near}, the nearest of {chain.where},")
    return near, second
