"""``dls-zk watch``: events as they come."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from ..errors import VaultStale
from ..files.values import time_text
from . import streams
from .common import example, json_option
from .events import event_json, event_text
from .options import Access, chain_command
from .params import EXAMPLE_VAULT, Seconds, VaultId

if TYPE_CHECKING:
    from ..chain.client import Event


@click.command("watch", **example(f"dls-zk watch {EXAMPLE_VAULT} --json"))
@click.argument("vaults", type=VaultId(), nargs=-1, metavar="[VAULT]...")
@chain_command()
@click.option("--from-block", type=click.IntRange(0), help="First block [default: the newest].")
@click.option("--once", is_flag=True, help="Look once, then end.")
@click.option(
    "--depth",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Recent blocks that a reorganisation may replace.",
)
@click.option("--every", type=Seconds(0.1, 86_400), default=2.0, show_default=True, help="Seconds between two looks.")
@json_option
def watch(
    access: Access,
    vaults: tuple[bytes, ...],
    from_block: int | None,
    once: bool,
    depth: int,
    every: float,
    as_json: bool,
) -> None:
    """Print the events of vaults and of their share tokens as they come, a line each.

    Of a share token: orders, their cancellation and transfer, settlements and returns (a price out of the mandate's band is
    a reason), claims, flows and fees.

    Ends with exit code 10 as soon as a watched vault is stale or winds down; without arguments, watches all vaults that have
    events. If a reorganisation removes an event, it is printed again, marked "gone".
    """
    from ..chain import ShareToken, VaultStatus
    from ..chain.watching import Watch

    protocol = access.protocol()
    for vault in vaults:
        protocol.hub.state(vault)  # there is such a vault
    watched = dict.fromkeys(vaults)
    follow = Watch(protocol.hub, protocol.chain.block_number() if from_block is None else from_block, depth)
    decimals = {}

    def follow_share(vault: bytes) -> None:
        if share := ShareToken.of(protocol, vault):
            follow.follow(share)
            decimals[share.address] = share.decimals()

    for vault in vaults or protocol.hub.vaults():
        follow_share(vault)
    while True:
        for sighting in follow.look():
            event, share = sighting.event, sighting.share
            whose = event.arguments.get("vaultId")
            if vaults and whose not in watched:
                continue
            if whose is not None:
                watched[bytes(whose)] = None
                if event.name == "VaultOpened" and not sighting.gone:
                    follow_share(bytes(whose))
            timestamp = None if sighting.gone else protocol.chain.timestamp(event.block)
            _tell(event, decimals[share.address] if share else None, timestamp, as_json)
        for vault in watched:
            status = protocol.hub.state(vault).status
            if status in (VaultStatus.STALE, VaultStatus.WIND_DOWN):
                raise VaultStale(f"vault 0x{vault.hex()} is {status.words}")
        if once or streams.reader_is_gone():
            return
        time.sleep(every)


def _tell(event: Event, decimals: tuple[int, int] | None, timestamp: int | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(event_json(event, decimals) | {"timestamp": timestamp, "gone": timestamp is None}))
        return
    vault = event.arguments.get("vaultId")
    whose = f" {('0x' + vault.hex())[:10]}…" if vault is not None else ""
    when = "gone" if timestamp is None else time_text(timestamp)
    click.echo(f"{when}  block {event.block}{whose}  {event.name}  {event_text(event, decimals)}")
