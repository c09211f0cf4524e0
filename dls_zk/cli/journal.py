"""``dls-zk journal``: what was signed, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..storage import places
from .common import console, example, json_option, marked, print_json, table

if TYPE_CHECKING:
    from ..chain.journal import Intent

_COLOURS = {"pending": "yellow", "confirmed": "green", "reverted": "red", "replaced": "red", "refused": "red"}


@click.command("journal", **example("dls-zk journal --pending"))
@click.option("--pending", is_flag=True, help="Only what may still be on its way.")
@json_option
def journal(pending: bool, as_json: bool) -> None:
    """Show what was signed on this machine, on all chains, and what became of it.

    States: pending (perhaps on its way, or not yet sent: run the command again that began it), confirmed, reverted (mined,
    without effect), replaced (another transaction took its nonce), refused (the node would not take it). As recorded: no
    node is asked. The journal is the file transactions.sqlite in $DLS_ZK_STATE; keep it as you keep openings.
    """
    from ..chain import journal as record

    folder = places.state_dir()
    path = record.path_in(folder)
    intents = [
        (chain, intent)
        for chain, intent in record.all_intents(folder)
        if not pending or intent.status is record.IntentStatus.PENDING
    ]
    if as_json:
        print_json({"journal": str(path), "intents": [_intent_json(chain, intent) for chain, intent in intents]})
        return
    rows = table("state", "what", "chain", "account", "nonce", "block", "transaction")
    for _, intent in intents:
        mark = marked(_COLOURS[intent.status], intent.status)
        block = "" if intent.block_number is None else str(intent.block_number)
        what, chain_id = str(intent.key[0]), "" if _chain_id(intent) is None else str(_chain_id(intent))
        rows.add_row(mark, what, chain_id, intent.sender, str(intent.nonce), block, intent.hash)
        if intent.status is record.IntentStatus.CONFIRMED and not intent.is_reported:
            rows.add_row("", "its end was not reported: the command that began it finds it when it runs again")
        if intent.reason:
            rows.add_row("", intent.reason)
    if intents:
        console.print(rows)
    click.echo(f"journal  {path}{'' if path.exists() else '  (not there yet: nothing was sent from here)'}")


def _chain_id(intent: Intent) -> int | None:
    """Every key of this package names the chain second."""
    return intent.key[1] if len(intent.key) > 1 and isinstance(intent.key[1], int) else None


def _intent_json(chain: str, intent: Intent) -> dict[str, object]:
    return {
        "state": intent.status,
        "what": intent.key[0],
        "key": [str(part) for part in intent.key],
        "chain_id": _chain_id(intent),
        "first_block_hash": chain,
        "account": intent.sender,
        "nonce": intent.nonce,
        "transaction": intent.hash,
        "block": intent.block_number,
        "reason": intent.reason or None,
        "reported": intent.is_reported,
    }
