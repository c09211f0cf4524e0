"""``dls-zk vault write-down``: a loss that no bucket covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import ChainError, InputError
from ..files import Fixed
from ..files.values import time_text
from .common import confirm, example, json_option, print_json, uint
from .options import Access, chain_command
from .params import EXAMPLE_VAULT, VaultId
from .policy import mandate_of

if TYPE_CHECKING:
    from ..chain import Protocol

#: NAV steps of a write-down have 30 bits.
_STEPS = uint(30, least=1)


@click.group("write-down")
def write_down() -> None:
    """Announce, approve or withdraw a loss that no bucket covers."""


@write_down.command("announce", **example(f"dls-zk vault write-down announce {EXAMPLE_VAULT} 120"))
@click.argument("vault", type=VaultId())
@click.argument("nav_steps", type=_STEPS)
@chain_command(signing=True)
@click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@json_option
def write_down_announce(access: Access, vault: bytes, nav_steps: int, yes: bool, as_json: bool) -> None:
    """Announce a loss of so many NAV steps for the next rebalance: a hack, a liquidation, a venue that fails.

    The operator alone may write down the share of NAV in 30 days that the mandate names; a larger loss waits for the
    guardian, or for half of the greatest proof age. While it waits the hub accepts no rebalance, and until the rebalance
    that carries it nothing settles. It lapses if it is not used. Only the operator may.
    """
    protocol = access.protocol()
    policy = protocol.registry.policy(mandate_of(protocol, vault).policy_hash)
    floor = protocol.hub.state(vault).nav_floor
    # No rebalance is accepted while a mistyped loss waits, and after its withdrawal no other may be announced for a while.
    if 0 < floor < nav_steps:
        raise InputError(f"a loss of {nav_steps:,} NAV steps is more than the proven NAV, {floor:,} steps", "NAV_STEPS")
    if not yes:
        alone = Fixed(4, 0, 0, "%").show(protocol.hub.write_down(vault).alone_ppm)
        click.echo(
            f"{nav_steps:,} NAV steps are {nav_steps * policy.nav_step_usd:,} USD of a proven NAV of {floor:,} steps; "
            f"{alone} of it may be announced alone now. Deposits that wait will be returned.",
            err=True,
        )
        confirm("Announce the write-down?", "There is no terminal to ask on: look at the loss, then pass --yes.")
    with access.stages("Write-down announced"):
        mined = protocol.hub.announce_write_down(access.sender(protocol.chain), vault, nav_steps)
    _show(protocol, vault, mined.hash if mined else None, as_json)


@write_down.command("approve", **example(f"dls-zk vault write-down approve {EXAMPLE_VAULT} 120"))
@click.argument("vault", type=VaultId())
@click.argument("nav_steps", type=_STEPS)
@chain_command(signing=True)
@json_option
def write_down_approve(access: Access, vault: bytes, nav_steps: int, as_json: bool) -> None:
    """Let the announced write-down of so many NAV steps be used now. Only the guardian may."""
    protocol = access.protocol()
    with access.stages("Write-down approved"):
        mined = protocol.hub.approve_write_down(access.sender(protocol.chain), vault, nav_steps)
    _show(protocol, vault, mined.hash if mined else None, as_json)


@write_down.command("withdraw", **example(f"dls-zk vault write-down withdraw {EXAMPLE_VAULT}"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@json_option
def write_down_withdraw(access: Access, vault: bytes, as_json: bool) -> None:
    """Withdraw the announced write-down. Only the operator may; no other can be announced for a while."""
    protocol = access.protocol()
    hub, sender = protocol.hub, access.sender(protocol.chain)
    if not hub.write_down(vault).nav_steps and not hub.is_interrupted(sender, "withdrawWriteDown", vault.hex()):
        raise ChainError("no write-down is open; there is nothing to withdraw", code="unknown_id")
    with access.stages("Write-down withdrawn"):
        mined = hub.mark(sender, vault, "withdrawWriteDown")
    _show(protocol, vault, mined.hash if mined else None, as_json)


def write_down_json(protocol: Protocol, vault: bytes) -> dict[str, Any]:
    """What can be said of write-downs of a vault; times in Unix seconds, null where there is none."""
    found = protocol.hub.write_down(vault)
    is_open = found.nav_steps > 0
    return {
        "nav_steps": found.nav_steps,
        "usable_from": found.usable_from if is_open else None,
        "lapses_at": found.lapses_at if is_open else None,
        "next_from": found.next_from or None,
        "alone_ppm": found.alone_ppm,
    }


def _show(protocol: Protocol, vault: bytes, transaction: str | None, as_json: bool) -> None:
    found = write_down_json(protocol, vault)
    if as_json:
        print_json({"transaction": transaction, "write_down": found})
        return
    if not found["nav_steps"]:
        next_from = f"; the next may be announced from {time_text(found['next_from'])} UTC on" if found["next_from"] else ""
        click.echo(f"no write-down is open{next_from}")
        return
    usable, lapses = time_text(found["usable_from"]), time_text(found["lapses_at"])
    click.echo(f"write-down of {found['nav_steps']:,} NAV steps, usable from {usable} UTC on, lapses at {lapses} UTC")
