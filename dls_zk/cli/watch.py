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
    """Print the events of vaults as they come, a line each.

    Ends with exit code 10 as soon as a watched vault is stale or winds down; without arguments, watches all vaults that have
    events. If a reorganisation removes an event, it is printed again, marked "gone".
    """
    from ..chain import VaultStatus
    from ..chain.watching import Watch

    protocol = access.protocol()
    for vault in vaults:
        protocol.hub.state(vault)  # there is such a vault
    watched = dict.fromkeys(vaults)
    follow = Watch(protocol.hub, protocol.chain.block_number() if from_block is None else from_block, depth)
    while True:
        for sighting in follow.look():
            whose = sighting.event.arguments.get("vaultId")
            if vaults and whose not in watched:
                continue
            if whose is not None:
                watched[bytes(whose)] = None
            _tell(sighting.event, protocol.chain.timestamp(sighting.event.block) if not sighting.gone else None, as_json)
        for vault in watched:
            status = protocol.hub.state(vault).status
            if status in (VaultStatus.STALE, VaultStatus.WIND_DOWN):
                raise VaultStale(f"vault 0x{vault.hex()} is {status.words}")
        if once or streams.reader_is_gone():
            return
        time.sleep(every)


def _tell(event: Event, timestamp: int | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(event_json(event) | {"timestamp": timestamp, "gone": timestamp is None}))
        return
    vault = event.arguments.get("vaultId")
    whose = f" {('0x' + vault.hex())[:10]}…" if vault is not None else ""
    when = "gone" if timestamp is None else time_text(timestamp)
    click.echo(f"{when}  block {event.block}{whose}  {event.name}  {event_text(event)}")
