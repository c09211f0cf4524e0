"""``dls-zk vault order``, ``claim``, ``settle`` and ``contribute``: how share holders come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import ChainError
from ..files import Fixed
from ..files.values import time_text
from .common import confirm, console, example, json_option, print_json, table, uint
from .options import Access, chain_command
from .params import EXAMPLE_VAULT, Address, Amount, VaultId, of_decimals
from .report import decimal_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..chain import Order, Protocol, Receipt, ShareToken
    from ..chain.share_token import Kind

EXAMPLE_ACCOUNT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

_yes = click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
_label = click.option("--label", default="", help="Distinguishes two equal orders between rebalances.")
_controller = click.option("--controller", type=Address(), help="Account whose orders they are [default: the signer's].")
_kind = click.option(
    "--kind",
    type=click.Choice(["deposit", "redeem"]),
    help="Kind of order, if there are two with this id [default: the one].",
)


def share_of(protocol: Protocol, vault: bytes) -> ShareToken:
    """The vault's share token; ChainError if none is known."""
    from .. import chain

    share = chain.ShareToken.of(protocol, vault)
    if share is None:
        raise ChainError(
            "the vault has no share token that is known to be genuine; see `dls-zk vault status`", code="unknown_id"
        )
    return share


def shown(share: ShareToken, kind: Kind, amount: int) -> str:
    """An amount of a kind of order: assets, or shares."""
    return Fixed(share.decimals()[kind == "redeem"], 0, 0).show(amount)


# --- orders -----------------------------------------------------------------------------------------------------------


@click.group("order")
def order() -> None:
    """Order a deposit or a redemption, which the next proof settles; list, cancel and transfer orders."""


def _request_command(name: Kind, help_text: str) -> None:
    @order.command(name, help=help_text, **example(f"dls-zk vault order {name} {EXAMPLE_VAULT} 250000.5"))
    @click.argument("vault", type=VaultId())
    @click.argument("amount", type=Amount())
    @chain_command(signing=True)
    @click.option(
        "--controller", type=Address(), help="Account that may claim, cancel and transfer [default: the signer's]."
    )
    @_label
    @_yes
    @json_option
    def request(
        access: Access, vault: bytes, amount: str, controller: str | None, label: str, yes: bool, as_json: bool
    ) -> None:
        protocol = access.protocol()
        share, sender = share_of(protocol, vault), access.sender(protocol.chain)
        units = of_decimals(amount, share.decimals()[name == "redeem"])
        what = "of the asset" if name == "deposit" else "shares"
        if not yes:
            confirm(
                f"Order to {name} {amount} {what}, at a price that the next proof sets?",
                "The price of an order is not known before, and there is no terminal to ask on: pass --yes.",
            )
        with access.stages("Ordered"):
            number = share.request(sender, protocol.hub, name, units, controller, label)
        who = controller or sender.address
        _print_orders(share, who, [one for one in share.orders(who) if (one.kind, one.id) == (name, number)], as_json)


_request_command(
    "deposit",
    """Order a deposit of an amount of the asset.

    The first proof settles it whose prices are by the mandate's order delay younger than the order; the shares can then be
    claimed. If deposits cannot settle at that proof, the amount is returned, to be claimed as well. Pays the amount to the
    share token now. Re-running an interrupted command does not order twice; for an equal order before the next rebalance,
    pass another --label.
    """,
)


_request_command(
    "redeem",
    """Order the redemption of a number of shares.

    The first proof settles it whose prices are by the mandate's order delay younger than the order, as far as idle assets
    reach; the rest waits, first come first served. Until the next round is taken it can be cancelled. In wind-down it can
    be claimed at once. Re-running works as for `vault order deposit`. """,
)


@order.command("list", **example(f"dls-zk vault order list {EXAMPLE_VAULT} {EXAMPLE_ACCOUNT}"))
@click.argument("vault", type=VaultId())
@click.argument("holder", metavar="ACCOUNT", type=Address())
@chain_command()
@json_option
def order_list(access: Access, vault: bytes, holder: str, as_json: bool) -> None:
    """List the orders of an account: what of each is pending, claimable, or returned."""
    share = share_of(access.protocol(), vault)
    _print_orders(share, holder, share.orders(holder), as_json)


@order.command("cancel", **example(f"dls-zk vault order cancel {EXAMPLE_VAULT} 42"))
@click.argument("vault", type=VaultId())
@click.argument("number", metavar="ID", type=uint(64, least=1))
@chain_command(signing=True)
@_kind
@_controller
@json_option
def order_cancel(
    access: Access, vault: bytes, number: int, kind: Kind | None, controller: str | None, as_json: bool
) -> None:
    """Cancel an order whose round is not taken yet, and take back what it was for."""
    protocol = access.protocol()
    share, sender = share_of(protocol, vault), access.sender(protocol.chain)
    who = controller or sender.address
    cancelled = _one(share, who, number, kind, share.interrupted(sender, "cancel", number, who))

    def take_back(orders: list[Order]) -> None:
        for one in orders:
            if (one.kind, one.id) == (cancelled.kind, number) and one.returned:
                share.claim(sender, one, who, who)

    with access.stages("Order cancelled"):
        share.cancel(sender, cancelled.kind, number, who)
        take_back(share.interrupted_claims(sender, who, who))
        take_back(share.orders(who))
    _print_orders(share, who, share.orders(who), as_json)


@order.command("transfer", **example(f"dls-zk vault order transfer {EXAMPLE_VAULT} 42 {EXAMPLE_ACCOUNT} --yes"))
@click.argument("vault", type=VaultId())
@click.argument("number", metavar="ID", type=uint(64, least=1))
@click.argument("to", type=Address())
@chain_command(signing=True)
@_kind
@_controller
@_yes
@json_option
def order_transfer(
    access: Access,
    vault: bytes,
    number: int,
    to: str,
    kind: Kind | None,
    controller: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Transfer what of an order is pending to another account, which then claims it."""
    protocol = access.protocol()
    share, sender = share_of(protocol, vault), access.sender(protocol.chain)
    who = controller or sender.address
    moved = _one(share, who, number, kind, share.interrupted(sender, "transfer", number, who, to))
    if not yes:
        confirm(
            f"Transfer the order to {moved.kind} {shown(share, moved.kind, moved.pending)} to {to} for good?",
            "A transfer cannot be undone, and there is no terminal to ask on: pass --yes.",
        )
    with access.stages("Order transferred"):
        share.transfer(sender, moved.kind, number, who, to)
    _print_orders(share, to, [one for one in share.orders(to) if (one.kind, one.id) == (moved.kind, number)], as_json)


def _one(share: ShareToken, controller: str, number: int, kind: Kind | None, interrupted: Sequence[Kind]) -> Order:
    """The order of an account with this id; an error if there is none, or if there are two.

    interrupted: kinds of such orders that a run which was cut off acted on, so that little or nothing of them may be left;
    one of them comes first.
    """
    from ..chain import Order

    orders = {one.kind: one for one in share.orders(controller) if one.id == number}
    acted_on = [orders.get(one, Order(one, number, 0, 0, 0)) for one in interrupted]
    found = [one for one in acted_on or orders.values() if kind in (None, one.kind)]
    if not found:
        raise ChainError(f"{controller} has no open order {number}; see `dls-zk vault order list`", code="unknown_id")
    if len(found) > 1:
        raise click.UsageError(f"Order {number} is a deposit and a redemption; choose one with --kind.")
    return found[0]


def _print_orders(share: ShareToken, account: str, orders: list[Order], as_json: bool) -> None:
    listed = [
        {
            "id": one.id,
            "kind": one.kind,
            "pending": shown(share, one.kind, one.pending),
            "claimable": shown(share, one.kind, one.claimable),
            "returned": shown(share, one.kind, one.returned),
        }
        for one in orders
    ]
    if as_json:
        print_json({"account": account, "orders": listed})
        return
    if not listed:
        click.echo(f"{account} has no open order")
        return
    rows = table("order", "kind", "pending", "claimable", "returned")
    for one in listed:
        rows.add_row(*map(str, one.values()))
    console.print(rows)


# --- what follows -----------------------------------------------------------------------------------------------------


@click.command("claim", **example(f"dls-zk vault claim {EXAMPLE_VAULT} --receiver {EXAMPLE_ACCOUNT}"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@_controller
@click.option("--receiver", type=Address(), help="Account that gets shares and assets [default: the controller].")
@json_option
def claim(access: Access, vault: bytes, controller: str | None, receiver: str | None, as_json: bool) -> None:
    """Claim all that is settled: shares of deposits, assets of redemptions, and what was returned or cancelled."""
    protocol = access.protocol()
    share, sender = share_of(protocol, vault), access.sender(protocol.chain)
    who = controller or sender.address
    to = receiver or who
    mined: list[Receipt] = []
    with access.stages("Claimed"):
        for one in share.interrupted_claims(sender, who, to):
            mined += share.claim(sender, one, who, to)
        for one in share.orders(who):
            mined += share.claim(sender, one, who, to)
    assets, shares = (
        Fixed(decimals, 0, 0).show(sum(token.received(one, to) for one in mined))
        for decimals, token in zip(share.decimals(), (share.asset, share.as_asset), strict=True)
    )
    if as_json:
        transactions = [receipt.hash for receipt in mined]
        print_json({"receiver": to, "assets": assets, "shares": shares, "transactions": transactions})
    elif mined:
        click.echo(f"{to} got {assets} of the asset and {shares} shares")
    else:
        click.echo(f"nothing to claim for {who}")


@click.command("settle", **example(f"dls-zk vault settle {EXAMPLE_VAULT}"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@json_option
def settle(access: Access, vault: bytes, as_json: bool) -> None:
    """Settle the orders that the last proof prices, if its own transaction could not. Anybody may.

    A proof settles the orders that wait in its own transaction. Where that failed (`SettlementFailed` in `vault history`),
    this settles them until the next proof. A second time it does nothing.
    """
    protocol = access.protocol()
    share = share_of(protocol, vault)
    with access.stages("Settled"):
        mined = share.settle(access.sender(protocol.chain))
    settled = shares_json(share)["settled"]
    if as_json:
        print_json({"transaction": mined and mined.hash, "settled": settled})
    else:
        click.echo(
            f"last settled price {settled['price']}, of proof {settled['sequence']} at the prices of "
            f"{time_text(settled['timestamp'])} UTC"
            if settled
            else "nothing has settled yet"
        )


@click.command("contribute", **example(f"dls-zk vault contribute {EXAMPLE_VAULT} 1000 --yes"))
@click.argument("vault", type=VaultId())
@click.argument("amount", type=Amount())
@chain_command(signing=True)
@_label
@_yes
@json_option
def contribute(access: Access, vault: bytes, amount: str, label: str, yes: bool, as_json: bool) -> None:
    """Give an amount of the asset to all share holders, such as money recovered after a loss. Anybody may.

    It counts bit by bit over 30 days, so that nobody enters for it. Re-running works as for `vault order deposit`.
    """
    protocol = access.protocol()
    share, sender = share_of(protocol, vault), access.sender(protocol.chain)
    units = of_decimals(amount, share.decimals()[0])
    if not yes:
        confirm(
            f"Give {amount} of the asset away to the share holders?",
            "What is given is gone, and there is no terminal to ask on: pass --yes.",
        )
    with access.stages("Contributed"):
        mined = share.contribute(sender, protocol.hub, units, label)
    if as_json:
        print_json({"transaction": mined and mined.hash, "amount": amount})
    else:
        click.echo(f"contributed  {amount}")


# --- what vault status says of shares -------------------------------------------------------------------------------------


#: Exits that are listed: the oldest.
LISTED_EXITS = 50


def shares_json(share: ShareToken) -> dict[str, Any]:
    """The shares of a vault: price, what is there, and who waits. Amounts as text, times in Unix seconds."""
    holdings, price, exits = share.holdings(), share.settled_price(), share.exits()
    asset, shares = (Fixed(decimals, 0, 0) for decimals in share.decimals())
    deposits_met, redemptions_met = share.cutoffs()
    worth, waiting = holdings.worth, share.waiting_exits(exits.shares)[:LISTED_EXITS]
    return {
        "token": share.address,
        "asset": share.asset.address,
        "custody": share.read("custody"),
        "settled": {
            "price": decimal_text(share.price(), down=True),
            "sequence": price.sequence,
            "timestamp": price.timestamp,
        }
        if price.timestamp
        else None,
        "supply": shares.show(holdings.shares),
        "worth": None if worth is None else {"least": asset.show(worth[0]), "most": asset.show(worth[1])},
        "idle": asset.show(holdings.idle),
        "available": asset.show(holdings.available),
        "withdrawable_ppm": 10**6 * min(holdings.idle, worth[0]) // worth[0] if worth and worth[0] else None,
        "set_aside": asset.show(holdings.set_aside),
        "pending_deposits": asset.show(holdings.pending_deposits),
        "exits": {
            "shares": shares.show(exits.shares),
            "owed_shares": shares.show(exits.owed),
            "since": exits.oldest or None,
            "waiting": [
                {
                    "id": one.id,
                    "controller": one.controller,
                    "owner": one.owner,
                    "pending_shares": shares.show(one.pending),
                    "claimable_shares": shares.show(one.claimable),
                    "since": one.since,
                }
                for one in waiting
            ],
            "unlisted_shares": shares.show(exits.shares - sum(one.pending for one in waiting)),
        },
        "next_order": share.next_order(),
        "last_orders_met": {"deposits": deposits_met, "redemptions": redemptions_met},
        "uncollected_fees_shares": shares.show(holdings.uncollected_fees),
    }
