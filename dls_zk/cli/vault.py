"""``dls-zk vault``: opening, watching and running a vault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import files
from ..errors import ChainError, InputError
from ..files import Fixed
from ..files.values import LAST_SECOND, time_text
from ..statement.ethereum import NOBODY
from .common import FILE, confirm, console, example, json_option, print_json, table, uint
from .events import event_json, event_text
from .mandate import added, mandate, resolved
from .markets import price_feed, wrapper
from .options import Access, chain_command
from .oracle import write_prices
from .orders import claim, contribute, order, settle, share_of
from .params import EXAMPLE_VAULT, Address, Quantity, VaultId
from .policy import mandate_of
from .vault_status import status
from .write_down import write_down

if TYPE_CHECKING:
    from ..chain import Protocol, Receipt, Sender, ShareToken
    from ..chain.client import Event


@click.group("vault")
def vault() -> None:
    """Open a vault, read its state, and act on it."""


@vault.command("open", **example("dls-zk vault open vault.yaml"))
@click.argument("vault", type=FILE)
@chain_command(signing=True)
@json_option
def vault_open(access: Access, vault: Path, as_json: bool) -> None:
    """Open a vault, with a share token if the file describes one, and print its id.

    Registers the policy and adds the mandate if the chain lacks them. Running the command again opens no second vault.
    """
    from .. import chain

    vault_file = files.read_vault(vault)
    protocol = access.protocol()
    sender = access.sender(protocol.chain)
    with access.stages("Policy and mandate"):
        terms, _ = resolved(protocol, vault_file.mandate, vault.parent)
        mandate = added(protocol, sender, terms, vault_file.mandate, vault.parent)
    roles = (vault_file.operator, vault_file.guardian or NOBODY, vault_file.loosening_delay)
    share: ShareToken | None = None
    with access.stages("Vault opened"):
        if vault_file.share:
            token = (vault_file.share.asset, vault_file.name, vault_file.share.symbol, vault_file.share.custody)
            share = chain.ShareToken.open(sender, protocol, *token, mandate, *roles)
            opened = share.vault
        else:
            opened = protocol.hub.open_vault(sender, vault_file.name, mandate, *roles)
    if as_json:
        print_json({"vault": f"0x{opened.hex()}", "share": share and share.address, "mandate": f"0x{mandate.hex()}"})
    else:
        click.echo(f"0x{opened.hex()}")


@vault.command("history", **example(f"dls-zk vault history {EXAMPLE_VAULT}"))
@click.argument("vault", type=VaultId())
@chain_command()
@json_option
def vault_history(access: Access, vault: bytes, as_json: bool) -> None:
    """Show everything that happened to a vault and to its orders, in order."""
    from .. import chain
    from ..chain.share_token import EVENTS

    protocol = access.protocol()
    protocol.hub.state(vault)  # there is such a vault
    happened: list[tuple[Event, tuple[int, int] | None]] = []
    happened += [(event, None) for event in protocol.hub.history(vault)]
    if share := chain.ShareToken.of(protocol, vault):
        decimals, last = share.decimals(), protocol.chain.block_number()
        events = share.events(share.first_block, last)
        happened += [(event, decimals) for event in events if event.name in EVENTS]
    happened.sort(key=lambda one: (one[0].where[0], one[0].where[2]))
    timed = [(event, decimals, protocol.chain.timestamp(event.block)) for event, decimals in happened]
    if as_json:
        print_json({"events": [event_json(event, of) | {"timestamp": timestamp} for event, of, timestamp in timed]})
        return
    rows = table("UTC", "block", "event", "")
    for event, of, timestamp in timed:
        rows.add_row(time_text(timestamp), str(event.block), event.name, event_text(event, of))
    console.print(rows)


@vault.command("terms", **example(f"dls-zk vault terms {EXAMPLE_VAULT} --out terms.yaml"))
@click.argument("vault", type=VaultId())
@chain_command()
@click.option("--round", "number", type=uint(32, least=1), help="Price round [default: the newest of the vault's feed set].")
@click.option("--valid-for", type=uint(32, least=1), default=3600, show_default=True, help="Seconds until the deadline.")
@click.option("--deadline", type=click.IntRange(1, LAST_SECOND), help="Deadline in Unix seconds, instead of --valid-for.")
@click.option("--out", type=FILE, required=True, help="File to write: the terms of the next rebalance, for `prove`.")
@click.option("--prices-out", type=FILE, help="File to write as well: the prices of the same snapshot, for `prove`.")
@json_option
def vault_terms(
    access: Access,
    vault: bytes,
    number: int | None,
    valid_for: int,
    deadline: int | None,
    out: Path,
    prices_out: Path | None,
    as_json: bool,
) -> None:
    """Write the terms of a vault's next rebalance: flow, context, and what its buckets hold.

    `prove` names of the buckets the least that the rebalance needs, in the mandate's steps.

    --prices-out also writes the prices of the same snapshot, for the instruments of the vault's policy.
    """
    protocol = access.protocol()
    mandate = mandate_of(protocol, vault)
    now = protocol.chain.now()
    if deadline and deadline <= now:
        passed = f"{time_text(deadline)} UTC has passed; the chain's time is {time_text(now)} UTC ({now})"
        raise InputError(passed, "--deadline")
    feed_set = mandate.feed_set
    snapshot = protocol.oracle.snapshot(number) if number else protocol.oracle.latest(feed_set)
    if snapshot is None:
        message = f"there is no round of the vault's feeds yet; run `dls-zk oracle snapshot 0x{feed_set.hex()}`"
        raise ChainError(message, code="unknown_id")
    if snapshot.feed_set != feed_set:
        theirs, ours = snapshot.feed_set.hex(), feed_set.hex()
        raise InputError(f"round {snapshot.round} is of the feed set 0x{theirs}; the vault's is 0x{ours}")
    terms = protocol.hub.terms(vault, snapshot, deadline or now + valid_for)
    if prices_out:
        write_prices(prices_out, snapshot, protocol.registry.policy(mandate.policy_hash), protocol.chain.chain_id)
    try:
        files.write_terms(out, terms)
    except InputError:
        if prices_out:  # written a moment ago, and of no use without the terms
            prices_out.unlink()
        raise
    context = terms.known_context()
    if as_json:
        paths = {"terms": str(out), "prices": str(prices_out) if prices_out else None}
        print_json(paths | {"round": snapshot.round, "deadline": context.deadline})
    else:
        click.echo(f"terms   {out}  (round {snapshot.round}, until {time_text(context.deadline)} UTC)")
        if prices_out:
            click.echo(f"prices  {prices_out}")


def _flow_command(name: str, example_text: str, help_text: str, direction: int) -> None:
    @vault.command(name, help=help_text, **example(example_text))
    @click.argument("vault", type=VaultId())
    @click.argument("quantity", type=Quantity())
    @chain_command(signing=True)
    @click.option("--label", default="", help="Distinguishes two equal flows between rebalances.")
    @json_option
    def flow(access: Access, vault: bytes, quantity: int, label: str, as_json: bool) -> None:
        from .. import chain

        protocol = access.protocol()
        sender = access.sender(protocol.chain)
        share = chain.ShareToken.of(protocol, vault)
        with access.stages("Flow recorded"):
            if share is None:
                mined = protocol.hub.record_flow(sender, vault, direction * quantity, label)
            else:
                mined = share.move(sender, protocol.hub, direction * quantity, label)
        pending = Fixed(6, -(1 << 56), 1 << 56).show(protocol.hub.state(vault).pending_flow_e6)
        if as_json:
            print_json({"transaction": mined and mined.hash, "pending_flow": pending})
            return
        click.echo(f"pending flow  {pending}")


_flow_command(
    "draw",
    f"dls-zk vault draw {EXAMPLE_VAULT} 10000000",
    """Transfer a quantity of the settlement asset from the share token to custody.

    Without a share token, the vault's opener records the flow. Re-running an interrupted command does not draw twice: to
    draw the same quantity once more before the next rebalance, pass another --label.
    """,
    1,
)


_flow_command(
    "give-back",
    f"dls-zk vault give-back {EXAMPLE_VAULT} 250000.5",
    """Transfer a quantity of the settlement asset from the operator's account to the share token.

    Without a share token, the vault's opener records the flow. Re-running works as for `vault draw`.
    """,
    -1,
)


def _mark(function: str) -> Callable[[Protocol, Sender, bytes], Receipt | None]:
    return lambda protocol, sender, vault: protocol.hub.mark(sender, vault, function)


def _wind_down(protocol: Protocol, sender: Sender, vault: bytes) -> Receipt | None:
    """By the hub, or by the share if its redemptions are overdue by twice their period, which the hub does not know of."""
    from .. import chain

    share = chain.ShareToken.of(protocol, vault)
    period_s, oldest = mandate_of(protocol, vault).share.redemption_period_s, share.exits().oldest if share else 0
    overdue = oldest and protocol.chain.now() > oldest + 2 * period_s
    if share and overdue and protocol.hub.roles(vault).operator != sender.address:
        return share.wind_down(sender)
    return protocol.hub.mark(sender, vault, "windDown")


def _mark_command(
    name: str, act: Callable[[Protocol, Sender, bytes], Receipt | None], help_text: str, *, for_good: bool = False
) -> None:
    """A command that marks a vault. for_good: it cannot be undone, so it asks first."""
    asking = click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")

    @vault.command(name, help=help_text, **example(f"dls-zk vault {name} {EXAMPLE_VAULT}{' --yes' * for_good}"))
    @click.argument("vault", type=VaultId())
    @chain_command(signing=True)
    @json_option
    def mark(access: Access, vault: bytes, as_json: bool, yes: bool = False) -> None:
        if for_good and not yes:
            confirm(
                "This cannot be undone. Go on?", "This cannot be undone, and there is no terminal to ask on: pass --yes."
            )
        protocol = access.protocol()
        with access.stages(f"Vault: {name}"):
            mined = act(protocol, access.sender(protocol.chain), vault)
        status = protocol.hub.state(vault).status.words
        if as_json:
            print_json({"transaction": mined and mined.hash, "status": status})
        else:
            click.echo(status)

    if for_good:
        asking(mark)


_mark_command(
    "pause",
    _mark("pause"),
    "Pause a vault: no rebalances, no flow into the book, no settlement. Only its guardian may, once between two "
    "rebalances. The pause ends by itself after half of the mandate's greatest proof age.",
)


_mark_command("unpause", _mark("unpause"), "Resume a paused vault. Only its guardian may.")


_mark_command(
    "wind-down",
    _wind_down,
    "Wind a vault down for good: no rebalances, only flows back from the book, and redemptions. Its operator may, "
    "and anybody once the last proof is older than twice the greatest proof age, or a redemption waits for twice the "
    "redemption period.",
    for_good=True,
)


@vault.command("collect-fees", **example(f"dls-zk vault collect-fees {EXAMPLE_VAULT}"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@click.option("--receiver", type=Address(), help="Account that gets the shares [default: the signer's].")
@json_option
def vault_collect_fees(access: Access, vault: bytes, receiver: str | None, as_json: bool) -> None:
    """Take the shares that settlements minted as fees. Only the operator may; `vault status` shows how many there are."""
    protocol = access.protocol()
    share, sender = share_of(protocol, vault), access.sender(protocol.chain)
    with access.stages("Fees collected"):
        mined = share.collect_fees(sender, receiver or sender.address)
    collected = share.said(mined, "FeesCollected")["shares"] if mined else 0
    shares = Fixed(share.decimals()[1], 0, 0).show(collected)
    if as_json:
        print_json({"transaction": mined and mined.hash, "shares": shares})
    else:
        click.echo(f"collected  {shares} shares")


@vault.command(
    "propose-operator",
    **example(f"dls-zk vault propose-operator {EXAMPLE_VAULT} 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
)
@click.argument("vault", type=VaultId())
@click.argument("operator", type=Address())
@chain_command(signing=True)
@json_option
def vault_propose_operator(access: Access, vault: bytes, operator: str, as_json: bool) -> None:
    """Propose another account as operator. Only the operator may.

    The other account accepts between one day and eight days later, so that holders see it coming. The address 0 withdraws
    the offer, which the guardian may, too.
    """
    protocol = access.protocol()
    with access.stages("Operator proposed"):
        protocol.hub.propose_operator(access.sender(protocol.chain), vault, operator)
    _print_operators(protocol, vault, as_json)


@vault.command("accept-operator", **example(f"dls-zk vault accept-operator {EXAMPLE_VAULT} --keystore new.json"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@json_option
def vault_accept_operator(access: Access, vault: bytes, as_json: bool) -> None:
    """Take over as operator. Only the proposed account may; proofs made for the old operator are void from then on."""
    protocol = access.protocol()
    with access.stages("Operator accepted"):
        protocol.hub.accept_operator(access.sender(protocol.chain), vault)
    _print_operators(protocol, vault, as_json)


def _print_operators(protocol: Protocol, vault: bytes, as_json: bool) -> None:
    operator, offer = protocol.hub.roles(vault).operator, protocol.hub.operator_offer(vault)
    if as_json:
        print_json({"operator": operator, "proposed": offer and asdict(offer)})
        return
    click.echo(f"operator  {operator}")
    if offer:
        click.echo(f"proposed  {offer.operator}")
        if offer.acceptable_from and offer.lapses_at:
            click.echo(f"accepts   from {time_text(offer.acceptable_from)} UTC on, before {time_text(offer.lapses_at)} UTC")


for command in (status, mandate, order, claim, settle, contribute, write_down, price_feed, wrapper):
    vault.add_command(command)
