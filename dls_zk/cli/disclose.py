"""``dls-zk disclose``: to one person what everybody else only knows to be proven."""

from __future__ import annotations

from pathlib import Path

import click

from .. import openings
from ..storage import disk
from .common import FILE, example, json_option, key_option, print_json, warn_insecure
from .params import EXAMPLE_RECIPIENT, Recipient
from .proofs import backend_option
from .stages import Stages


@click.group("disclose")
def disclose() -> None:
    """Disclose a book to an auditor, or prove a covenant to a lender."""


@disclose.command("book", **example(f"dls-zk disclose book r1/opening.json --to {EXAMPLE_RECIPIENT} --out book.age"))
@click.argument("opening", type=FILE)
@click.option(
    "--to", "recipients", type=Recipient(), multiple=True, required=True, help="Who can open it; repeat it for several."
)
@click.option("--out", type=FILE, required=True, help="File to write, encrypted (age).")
@json_option
def disclose_book(opening: Path, recipients: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Encrypt an opening to an auditor's key: the whole book, at the moment of that commitment.

    The auditor runs `audit open`, which compares it with the chain. Whoever has the file and one of the keys has that book
    for ever.
    """
    disk.require_absent(out)
    kept = openings.read(opening)
    disk.write_secret(out, openings.seal_for(opening, recipients))
    if as_json:
        print_json({"file": str(out), "commitment": f"0x{kept.commitment:064x}", "recipients": list(recipients)})
    else:
        click.echo(out)


@disclose.command(
    "covenant",
    **example("dls-zk disclose covenant r1/opening.json --policy lender.yaml --prices prices.yaml --out covenant.json"),
)
@click.argument("opening", type=FILE)
@click.option("--policy", "policy_path", type=FILE, required=True, help="The lender's policy, with the vault's slots.")
@click.option("--prices", "prices_path", type=FILE, required=True, help="Prices (YAML or CSV) that the lender knows too.")
@click.option("--out", type=FILE, required=True, help="File to write: the proof, which shows no quantity.")
@backend_option
@key_option
@json_option
def disclose_covenant(
    opening: Path, policy_path: Path, prices_path: Path, out: Path, backend: str, kind: str | None, as_json: bool
) -> None:
    """Prove that the book behind a commitment keeps a lender's own policy; the lender learns nothing else.

    The policy has the vault's instruments in the vault's slots, and the lender's limits. The lender runs `audit covenant`.
    A book that breaks a limit is refused by name (exit code 4). The proof moves no vault: no hub accepts it.
    """
    from .. import covenant, operations

    stages = Stages(quiet=as_json)
    disk.require_absent(out)
    with stages("Relation"):
        holding = covenant.statement(opening, policy_path, prices_path)
    with stages("Circuit"):
        circuit = operations.build_circuit(holding.rebalance.circuit.name)
    key = operations.installed_key(circuit, kind)
    proven = operations.prove_statement(holding, key, circuit, backend, stages)
    disk.write_new(out, proven.proof.to_json())
    if proven.insecure:
        warn_insecure()
    commitment, policy = proven.signals.commitment_before, proven.signals.policy_hash
    if as_json:
        print_json(
            {
                "proof": str(out),
                "commitment": f"0x{commitment:064x}",
                "policy_hash": f"0x{policy:064x}",
                "insecure": proven.insecure,
                "seconds": stages.seconds,
            }
        )
    else:
        click.echo(out)
