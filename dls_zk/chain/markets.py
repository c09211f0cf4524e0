"""Contracts that other markets take a share by: a price feed for lenders, and the share wrapped for yield markets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ChainError
from ..solidity.contracts import CompiledContract
from .client import Client
from .connection import Refused
from .creation import NotGenuine, constructor_arguments
from .deployment import Protocol, create_seen
from .share_token import ShareToken
from .transactions import Sender

Market = Literal["SharePriceFeed", "StandardizedYield"]


@dataclass(frozen=True)
class FeedAnswer:
    """What a price feed answers: the price of a share in USD 1e-8, the proof that it is of, and the time of its prices."""

    price_usd_e8: int
    sequence: int
    timestamp: int


def deploy(sender: Sender, protocol: Protocol, share: ShareToken, market: Market) -> tuple[Client, str]:
    """Deploy such a contract of a share token, once for an account; with the hash of the transaction that created it."""
    artifact = _artifact(protocol, market)
    address, mined = create_seen(sender, artifact, *_arguments(share, market))
    return Client(protocol.chain, artifact, address), mined.hash


def of(protocol: Protocol, share: ShareToken, market: Market, transaction: str) -> Client:
    """The contract that a transaction created. NotGenuine unless it is the one that this package deploys for this share."""
    receipt = protocol.chain.receipt(transaction)
    if receipt is None or receipt.contract_address is None:
        raise NotGenuine(f"transaction {transaction} created no contract, or {protocol.chain.where} does not have it")
    artifact = _artifact(protocol, market)
    found = constructor_arguments(protocol.chain, artifact, receipt.contract_address, transaction)
    if found != _arguments(share, market):
        raise NotGenuine("it is genuine, but of another share token, or of another name: do not use it for this vault")
    return Client(protocol.chain, artifact, receipt.contract_address)


def answer(feed: Client) -> FeedAnswer | str:
    """What a price feed answers now, or why it has no price."""
    try:
        sequence, price, _, timestamp, _ = feed.read("latestRoundData", block="pending")
    except Refused as refusal:
        return str(refusal)
    return FeedAnswer(price, sequence, timestamp)


def _artifact(protocol: Protocol, market: Market) -> CompiledContract:
    return protocol.contracts[market].linked(protocol.deployment.libraries)


def _arguments(share: ShareToken, market: Market) -> tuple[str, ...]:
    """A wrapped share has the name and the symbol of the share, marked as yield markets mark them."""
    if market == "SharePriceFeed":
        return (share.address,)
    name, symbol = share.read("name"), share.read("symbol")
    if not isinstance(name, str) or not isinstance(symbol, str):
        raise ChainError(f"the share token {share.address} has no name")
    return share.address, f"SY {name}", f"SY-{symbol}"
