"""``dls-zk audit``: what an auditor or a lender runs on what an operator has disclosed."""

from __future__ import annotations

from pathlib import Path

import click

from .. import files, openings
from ..errors import InputError
from ..files import Fixed
from ..statement.constants import QUANTITY_DECIMALS
from ..statement.model import KeptOpening
from .common import FILE, console, example, json_option, key_option, print_json, table, warn_insecure
from .opening import kept_json, print_kept
from .options import Access, chain_command
from .params import EXAMPLE_COMMITMENT, EXAMPLE_VAULT, Commitment, VaultId
from .policy import mandate_of

_commitment_option = click.option("--commitment", type=Commitment(), help="Commitment that it has to be about.")
_vault_option = click.option("--vault", type=VaultId(), help="Vault on the chain, whose commitments count.")


@click.group("audit")
def audit() -> None:
    """Check what an operator has disclosed to you."""


@audit.command("open", **example(f"dls-zk audit open book.age --identity auditor.age --vault {EXAMPLE_VAULT}"))
@click.argument("file", type=FILE)
@click.option("--identity", "identity_file", type=FILE, required=True, help="Your age identity (as age-keygen writes it).")
@_commitment_option
@_vault_option
@chain_command()
@json_option
def audit_open(
    access: Access,
    file: Path,
    identity_file: Path,
    commitment: int | None,
    vault: bytes | None,
    as_json: bool,
) -> None:
    """Open a disclosed book, and compare it with a commitment, or with the chain. SECRET: the output is the book.

    With --vault, says whether it is the vault's book now (current) or was at an accepted rebalance (earlier). Exit code 3 if
    it is neither: then the vault has never committed to it.
    """
    if (commitment is None) == (vault is None):
        raise click.UsageError("Give one of --commitment and --vault.")
    kept = openings.read_sealed(file, identity_file)
    standing = None
    if vault:
        standing = _standing(access, vault, kept, file)
    elif kept.commitment != commitment:
        text = f"opens 0x{kept.commitment:064x}, and the commitment is 0x{commitment:064x}"
        raise InputError(text, str(file), code="opening_mismatch")
    quantity = Fixed(QUANTITY_DECIMALS, 0, 0)
    named = zip(kept.instruments, kept.opening.quantities_e6, strict=True)
    book = {name or f"slot {i}": quantity.show(amount) for i, (name, amount) in enumerate(named) if name or amount}
    click.echo("warning: this output is secret: it is the vault's book", err=True)
    if as_json:
        print_json(kept_json(file, kept) | {"standing": standing, "book": book})
        return
    print_kept(kept)
    rows = table("instrument", "quantity")
    for name, text in book.items():
        rows.add_row(name, text)
    console.print(rows)
    click.echo("it opens the commitment" if standing is None else f"on the chain: {standing}")


def _standing(access: Access, vault: bytes, kept: KeptOpening, file: Path) -> str:
    """What a book is to a vault: current, or earlier. InputError if the vault never committed to it."""
    from ..chain.hub import Accepted

    hub = access.protocol().hub
    if kept.commitment == hub.state(vault).commitment:
        return "current"
    accepted = {Accepted.of(event).commitment_after for event in hub.history(vault) if event.name == "Rebalanced"}
    if kept.commitment in accepted:
        return "earlier"
    text = f"opens 0x{kept.commitment:064x}, to which the vault has never committed"
    raise InputError(text, str(file), code="opening_mismatch")


@audit.command(
    "covenant",
    **example(
        f"dls-zk audit covenant covenant.json --policy lender.yaml --prices prices.yaml --commitment {EXAMPLE_COMMITMENT}"
    ),
)
@click.argument("proof_path", metavar="PROOF", type=FILE)
@click.option("--policy", "policy_path", type=FILE, required=True, help="Your policy.")
@click.option("--prices", "prices_path", type=FILE, required=True, help="The prices that it is to be judged at.")
@_commitment_option
@_vault_option
@click.option("--vkey", "vkey_path", type=FILE, help="Verify against this verification_key.json, not an installed key.")
@chain_command()
@key_option
@json_option
def audit_covenant(
    access: Access,
    proof_path: Path,
    policy_path: Path,
    prices_path: Path,
    commitment: int | None,
    vault: bytes | None,
    vkey_path: Path | None,
    kind: str | None,
    as_json: bool,
) -> None:
    """Verify that the book behind a commitment, or the one that a vault holds now, keeps your policy at your prices.

    With --vault, also compares your policy's instruments with those of the vault's own policy, slot by slot. Exit code 7 if
    the proof does not hold, or is about another book, policy or prices.
    """
    from .. import covenant, operations
    from ..groth16.proof import Proof

    if (commitment is None) == (vault is None):
        raise click.UsageError("Give one of --commitment and --vault.")
    proof = Proof.read(proof_path)
    policy = files.read_policy(policy_path)
    if vault:
        protocol = access.protocol()
        commitment = protocol.hub.state(vault).commitment
        own = protocol.registry.policy(mandate_of(protocol, vault).policy_hash)
        covenant.require_layout(policy, [slot.instrument for slot in own.slots], str(policy_path))
    assert commitment is not None
    covenant.require(proof, policy, prices_path, commitment)
    with access.stages("Key"):
        target = operations.verification_target(proof, vkey_path, kind)
    with access.stages("Verified"):
        operations.verify("pyecc", target, proof)
    if target.insecure:
        warn_insecure()
    if as_json:
        print_json({"holds": True, "commitment": f"0x{commitment:064x}", "policy": policy.name, "insecure": target.insecure})
    else:
        click.echo(f"the book behind 0x{commitment:064x} keeps the policy {policy.name or policy_path} at these prices")
