"""``dls-zk submit``: rebalances brought to the hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import operations
from ..groth16.proof import Proof
from .common import FILE, console, example, json_option, print_json, table
from .options import Access, chain_command

if TYPE_CHECKING:
    pass
from typing import TYPE_CHECKING

from ..groth16.zkey import VerifyingKey

if TYPE_CHECKING:
    from ..chain import Outcome


@click.command("submit", **example("dls-zk submit r1 r2 --keystore operator.json"))
@click.argument("folders", type=FILE, nargs=-1, required=True)
@chain_command(signing=True)
@click.option("--vkey", type=FILE, help="verification_key.json to verify against first, instead of the installed key's.")
@click.option(
    "--without-opening", is_flag=True, help="Submit although opening.json is not in the folder: you keep it elsewhere."
)
@json_option
def submit(access: Access, folders: tuple[Path, ...], vkey: Path | None, without_opening: bool, as_json: bool) -> None:
    """Submit rebalances, one or many, each once.

    FOLDERS are what `prove --out` wrote. The opening in each has to open what its proof leads to: without it, nobody can
    move the vault once the proof is accepted. Each proof is verified here and compared with what the hub demands before
    anything is sent; a bad one is named. Rebalances of one operator at one price round and with one deadline go in batches.
    Killed or cut off and run again, it finds out what happened and ends the same.
    """
    from .. import chain

    protocol = access.protocol()
    submissions = [chain.Submission.read(folder) for folder in folders]
    sender = access.sender(protocol.chain)

    def verifying_key(proof: Proof) -> VerifyingKey:
        return operations.verification_target(proof, vkey).vk

    outcomes = chain.submit(protocol, sender, submissions, verifying_key, access.stages, without_opening=without_opening)
    if as_json:
        print_json({"submissions": [_outcome_json(outcome) for outcome in outcomes], "seconds": access.stages.seconds})
        return
    rows = table("rebalance", "vault", "number", "transaction", "gas")
    for outcome in outcomes:
        accepted = outcome.accepted
        gas = "" if outcome.gas_used is None else f"{outcome.gas_used // outcome.shared_by:,}"
        rows.add_row(
            outcome.submission.where,
            f"0x{accepted.vault.hex()[:8]}…",
            str(accepted.sequence),
            accepted.transaction + (" (before)" if outcome.before else ""),
            gas,
        )
    console.print(rows)


def _outcome_json(outcome: Outcome) -> dict[str, object]:
    accepted = outcome.accepted
    return {
        "folder": outcome.submission.where,
        "vault": f"0x{accepted.vault.hex()}",
        "sequence": accepted.sequence,
        "commitment_after": f"0x{accepted.commitment_after:064x}",
        "transaction": accepted.transaction,
        "block": accepted.block,
        "accepted_before": outcome.before,
        "gas_used": outcome.gas_used,
        "shared_by": outcome.shared_by,
    }
