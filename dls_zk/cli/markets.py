"""``dls-zk vault price-feed`` and ``vault wrapper``: what lenders and yield markets take a share by."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..files import Fixed
from ..files.values import time_text
from ..statement.constants import PRICE_DECIMALS
from .common import example, json_option, print_json
from .options import Access, chain_command
from .orders import share_of
from .params import EXAMPLE_VAULT, Name, VaultId

if TYPE_CHECKING:
    from ..chain.client import Client
    from ..chain.markets import Market
    from ..chain.share_token import ShareToken

EXAMPLE_TRANSACTION = "0x" + "9d1c" * 16


@click.group("price-feed")
def price_feed() -> None:
    """Deploy or check the price feed of a share, for contracts that lend against it."""


@click.group("wrapper")
def wrapper() -> None:
    """Deploy or check the wrapped share, for markets that trade yield apart from principal (EIP-5115)."""


def _commands(group: click.Group, market: Market, words: str) -> None:
    name = f"vault {group.name}"

    @group.command(
        "deploy",
        help=f"Deploy {words}; prints its address and the transaction that created it, by which anybody can check it. "
        "Anybody may. Running the command again deploys no second one from this account.",
        **example(f"dls-zk {name} deploy {EXAMPLE_VAULT}"),
    )
    @click.argument("vault", type=VaultId())
    @chain_command(signing=True)
    @json_option
    def deploy(access: Access, vault: bytes, as_json: bool) -> None:
        from ..chain import markets

        protocol = access.protocol()
        share = share_of(protocol, vault)
        with access.stages("Deployed"):
            contract, transaction = markets.deploy(access.sender(protocol.chain), protocol, share, market)
        _show(contract, transaction, share, as_json)

    @group.command(
        "show",
        help=f"Check {words} by the transaction that created it, and show what it says. It has to be created from the code "
        "that this package compiles, for this vault's share token. Exit code 9 if it is not: do not rely on it then.",
        **example(f"dls-zk {name} show {EXAMPLE_VAULT} {EXAMPLE_TRANSACTION}"),
    )
    @click.argument("vault", type=VaultId())
    @click.argument("transaction", type=Name("transaction"))
    @chain_command()
    @json_option
    def show(access: Access, vault: bytes, transaction: bytes, as_json: bool) -> None:
        from ..chain import markets

        protocol = access.protocol()
        share, created_in = share_of(protocol, vault), f"0x{transaction.hex()}"
        _show(markets.of(protocol, share, market, created_in), created_in, share, as_json)

    def _show(contract: Client, transaction: str, share: ShareToken, as_json: bool) -> None:
        from ..chain import markets

        document: dict[str, object] = {"address": contract.address, "transaction": transaction, "share": share.address}
        if market == "SharePriceFeed":
            found = markets.answer(contract)
            is_price = isinstance(found, markets.FeedAnswer)
            document |= {"price_usd": None, "sequence": None, "timestamp": None, "no_price": None if is_price else found}
            if isinstance(found, markets.FeedAnswer):
                price = Fixed(PRICE_DECIMALS, 0, 0).show(found.price_usd_e8)
                document |= {key: value for key, value in asdict(found).items() if key != "price_usd_e8"}
                document |= {"price_usd": price}
        else:
            document["symbol"] = contract.read("symbol")
        if as_json:
            print_json(document)
            return
        for key, value in document.items():
            if value is not None:
                shown = f"{time_text(value)} UTC" if key == "timestamp" and isinstance(value, int) else value
                click.echo(f"{key.replace('_', ' '):<12} {shown}")


_commands(price_feed, "SharePriceFeed", "the price feed of a vault's share (Chainlink's form, and ERC-7726)")
_commands(wrapper, "StandardizedYield", "the wrapped share of a vault (EIP-5115)")
