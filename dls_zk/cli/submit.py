"""``dls-zk submit``: rebalances brought to the hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import operations
from ..groth16.proof import Proof
from ..groth16.zkey import VerifyingKey
from .common import FILE, beside, console, example, json_option, marked, print_json, table
from .options import Access, chain_command

if TYPE_CHECKING:
    from ..chain import NotAccepted, Outcome


@click.command("submit", **example("dls-zk submit r1 r2 --keystore operator.json"))
@click.argument("folders", type=FILE, nargs=-1, required=True)
@chain_command(signing=True)
@click.option("--vkey", type=FILE, help="verification_key.json to verify against first, instead of the installed key's.")
@click.option(
    "--without-opening", is_flag=True, help="Submit although opening.json is not in the folder: you keep it elsewhere."
)
@json_option
def submit(access: Access, folders: tuple[Path, ...], vkey: Path | None, without_opening: bool, as_json: bool) -> None:
    """Submit one or many rebalances, each exactly once.

    FOLDERS are what `prove --out` wrote. The opening in each has to open what its proof leads to: without it, nobody can
    move the vault once the proof is accepted. No proof is sent before it is verified here and compared with what the hub
    demands. Of many, the good ones are sent although others are bad, and the table says of each what became of it.
    Rebalances of one operator at one price round and with one deadline go in batches. Killed or cut off and run again, it
    finds out what happened and ends the same.

    Exit code 0 if all are accepted, now or before. Else that of what is wrong: 75 to run this again, 11 to prove again;
    12 if it differs from one to another.
    """
    from .. import chain

    protocol = access.protocol()
    sender = access.sender(protocol.chain)

    def verifying_key(proof: Proof) -> VerifyingKey:
        return operations.verification_target(proof, vkey).vk

    incomplete: chain.BatchIncomplete | None = None
    results: Sequence[Outcome | NotAccepted]
    try:
        results = chain.submit(
            protocol, sender, chain.read_all(folders), verifying_key, access.stages, without_opening=without_opening
        )
    except chain.BatchIncomplete as error:
        incomplete, results = error, error.results
    document = {"submissions": [_result_json(result) for result in results], "seconds": access.stages.seconds}
    if not as_json and (len(results) > 1 or not incomplete):  # of a single one the error says all
        console.print(_results_table(results))
    with beside(document):
        if incomplete:
            raise incomplete
    if as_json:
        print_json(document)


def _results_table(results: Sequence[Outcome | NotAccepted]) -> object:
    from ..chain import NotAccepted

    rows = table("rebalance", "vault", "number", "", "transaction, or what is wrong", "gas")
    for result in results:
        one = _result_json(result)
        vault = "" if one["vault"] is None else f"{str(one['vault'])[:10]}…"
        number = "" if one["sequence"] is None else str(one["sequence"])
        if isinstance(result, NotAccepted):
            mark = marked("red", result.state.replace("_", " "))
            rows.add_row(result.where, vault, number, mark, result.error.message, "")
        else:
            gas = "" if result.gas_used is None else f"{result.gas_used // result.shared_by:,}"
            mark = marked("green", "accepted before" if result.before else "accepted")
            rows.add_row(result.where, vault, number, mark, result.accepted.transaction, gas)
    return rows


def _result_json(result: Outcome | NotAccepted) -> dict[str, object]:
    """What became of one folder. Members that nothing is known of are null."""
    from ..chain import NotAccepted

    submission = result.submission
    accepted = None if isinstance(result, NotAccepted) else result
    return {
        "folder": result.where,
        "state": result.state if isinstance(result, NotAccepted) else "accepted",
        "vault": submission and f"0x{submission.context.vault_id.hex()}",
        "sequence": submission and submission.context.sequence,
        "commitment_after": submission and f"0x{submission.signals.commitment_after:064x}",
        "transaction": accepted and accepted.accepted.transaction,
        "block": accepted and accepted.accepted.block,
        "accepted_before": accepted and accepted.before,
        "gas_used": accepted and accepted.gas_used,
        "shared_by": accepted and accepted.shared_by,
        "error": result.error.as_json() if isinstance(result, NotAccepted) else None,
    }
