"""``dls-zk opening``: the secret files without which a vault cannot move."""

from __future__ import annotations

from pathlib import Path

import click

from .. import openings
from ..errors import InputError
from ..files import Fixed
from ..files.values import time_text
from ..openings import Entry
from ..statement.commitments import book_commitment
from ..statement.constants import QUANTITY_DECIMALS, SIZES
from ..statement.model import KeptOpening, Opening
from .common import FILE, console, example, json_option, print_json, table
from .options import Access, chain_command
from .params import EXAMPLE_COMMITMENT, EXAMPLE_VAULT, Commitment, VaultId

_vault_option = click.option("--vault", type=VaultId(), help="Vault on the chain, whose commitment counts.")


@click.group("opening")
def opening() -> None:
    """Openings, the secret files that move a vault: list, find, show and verify them."""


@opening.command("list", **example("dls-zk opening list rounds backup"))
@click.argument("folders", type=FILE, nargs=-1, required=True, metavar="DIR...")
@_vault_option
@chain_command()
@json_option
def opening_list(access: Access, folders: tuple[Path, ...], vault: bytes | None, as_json: bool) -> None:
    """List the openings in folders and below, by vault, sequence and time. Shows no secret.

    With --vault only those of this vault, and what each is to it: current, earlier, or not accepted. An opening that is not
    accepted may still be needed as long as somebody can submit its proof.

    `opening verify` recomputes the commitment that a file names; this command does not.
    """
    entries = openings.search(folders)
    standing = {}
    if vault:
        standing = _standing(access, vault, entries)
        entries = [entry for entry in entries if entry.path in standing or not entry.kept]
    documents = [_entry_json(entry) | {"standing": standing.get(entry.path)} for entry in entries]
    if as_json:
        print_json({"openings": documents})
        return
    rows = table("vault", "sequence", "written (UTC)", "commitment", *(["standing"] if vault else []), "proof", "file")
    for entry in entries:
        kept = entry.kept
        if kept:
            cells = [_short(kept.vault_id), str(kept.sequence), time_text(kept.created_s), _short(_bytes(kept.commitment))]
        else:
            cells = ["?", "", "", ""]
        cells += [standing.get(entry.path, "")] if vault else []
        rows.add_row(*cells, "yes" if entry.has_proof else "no", str(entry.path))
    console.print(rows)
    for entry in entries:
        if entry.problem:
            click.echo(f"warning: {entry.problem}", err=True)


@opening.command("find", **example(f"dls-zk opening find rounds backup --commitment {EXAMPLE_COMMITMENT}"))
@click.argument("folders", type=FILE, nargs=-1, required=True, metavar="DIR...")
@click.option("--commitment", type=Commitment(), help="Commitment that the opening has to open.")
@_vault_option
@chain_command()
@json_option
def opening_find(
    access: Access, folders: tuple[Path, ...], commitment: int | None, vault: bytes | None, as_json: bool
) -> None:
    """Find the opening of a commitment, or of the one that a vault holds; prints what `--before` of `prove` takes.

    That is the path of a file, or the word `empty` for a vault that has no book yet. Every file is tried in full: the
    commitment is computed from what it holds.
    """
    if (commitment is None) == (vault is None):
        raise click.UsageError("Give one of --commitment and --vault.")
    if vault:
        commitment = access.protocol().hub.state(vault).commitment
    assert commitment is not None
    if commitment in {book_commitment(Opening.empty(size)) for size in SIZES.values()}:
        before, paths = "empty", []
    else:
        paths = [str(entry.path) for entry in openings.find(folders, commitment)]
        before = paths[0]
    if as_json:
        print_json({"before": before, "commitment": f"0x{commitment:064x}", "files": paths})
    else:
        click.echo(before)


@opening.command("show", **example("dls-zk opening show r1/opening.json"))
@click.argument("file", type=FILE)
@json_option
def opening_show(file: Path, as_json: bool) -> None:
    """Show the book that an opening holds. SECRET: the output is the book, without the salt."""
    kept = openings.read(file)
    quantity = Fixed(QUANTITY_DECIMALS, 0, 0)
    book = {
        name or f"slot {i}": quantity.show(quantity_e6)
        for i, (name, quantity_e6) in enumerate(zip(kept.instruments, kept.opening.quantities_e6, strict=True))
        if name or quantity_e6
    }
    click.echo("warning: this output is secret: it is the vault's book", err=True)
    if as_json:
        print_json(kept_json(file, kept) | {"book": book})
        return
    rows = table("instrument", "quantity")
    for name, text in book.items():
        rows.add_row(name, text)
    print_kept(kept)
    console.print(rows)


@opening.command("verify", **example(f"dls-zk opening verify r1/opening.json --vault {EXAMPLE_VAULT}"))
@click.argument("file", type=FILE)
@_vault_option
@chain_command()
@json_option
def opening_verify(access: Access, file: Path, vault: bytes | None, as_json: bool) -> None:
    """Verify that an opening opens the commitment that it names, and with --vault that the vault holds it. Shows no secret.

    Exit code 3 if it does not.
    """
    kept = openings.read(file)
    if vault:
        _require_held(access, vault, file, kept)
    if as_json:
        print_json(kept_json(file, kept) | {"held": True if vault else None})
        return
    print_kept(kept)
    click.echo("the vault holds it" if vault else "it opens its commitment")


def _require_held(access: Access, vault: bytes, file: Path, kept: KeptOpening) -> None:
    protocol = access.protocol()
    held = protocol.hub.state(vault).commitment
    if kept.commitment == held:
        return
    of_this_vault = _is_of(kept, protocol.chain.chain_id, protocol.hub.address, vault)
    another = f"of vault 0x{kept.vault_id.hex()} on chain {kept.chain_id}"
    whose = f"of rebalance {kept.sequence}" if of_this_vault else another
    advice = f"`dls-zk opening find DIR --commitment 0x{held:064x}` finds the one to use"
    text = f"{whose}, opens 0x{kept.commitment:064x}, and the vault holds 0x{held:064x}; {advice}"
    raise InputError(text, str(file), code="opening_mismatch")


def _standing(access: Access, vault: bytes, entries: list[Entry]) -> dict[Path, str]:
    """What the openings of a vault are to it. Those of other vaults, chains and hubs are left out."""
    from ..chain.hub import Accepted

    protocol = access.protocol()
    hub, chain_id = protocol.hub, protocol.chain.chain_id
    held = hub.state(vault).commitment
    accepted = {Accepted.of(event).commitment_after for event in hub.history(vault) if event.name == "Rebalanced"}
    standing = {}
    for entry in entries:
        if entry.kept and _is_of(entry.kept, chain_id, hub.address, vault):
            commitment = entry.kept.commitment
            earlier = "earlier" if commitment in accepted else "not accepted"
            standing[entry.path] = "current" if commitment == held else earlier
    return standing


def _is_of(kept: KeptOpening, chain_id: int, hub: str, vault: bytes) -> bool:
    return (kept.chain_id, kept.hub.lower(), kept.vault_id) == (chain_id, hub.lower(), vault)


def print_kept(kept: KeptOpening) -> None:
    rows = table("opening", "")
    rows.add_row("commitment", f"0x{kept.commitment:064x}")
    rows.add_row("vault", f"0x{kept.vault_id.hex()}")
    rows.add_row("chain", str(kept.chain_id))
    rows.add_row("hub", kept.hub)
    rows.add_row("sequence", str(kept.sequence))
    rows.add_row("written", f"{time_text(kept.created_s)} UTC")
    console.print(rows)


def kept_json(path: Path, kept: KeptOpening) -> dict[str, object]:
    """What tells an opening from others; no secret. timestamp: when it was written, in Unix seconds."""
    return {
        "file": str(path),
        "commitment": f"0x{kept.commitment:064x}",
        "vault": f"0x{kept.vault_id.hex()}",
        "chain_id": kept.chain_id,
        "hub": kept.hub,
        "sequence": kept.sequence,
        "timestamp": kept.created_s,
        "instruments": [name for name in kept.instruments if name],
    }


def _entry_json(entry: Entry) -> dict[str, object]:
    if entry.kept:
        known = kept_json(entry.path, entry.kept)
    else:
        unknown = ("commitment", "vault", "chain_id", "hub", "sequence", "timestamp", "instruments")
        known = {"file": str(entry.path)} | dict.fromkeys(unknown)
    return known | {"has_proof": entry.has_proof, "problem": entry.problem or None}


def _bytes(element: int) -> bytes:
    return element.to_bytes(32, "big")


def _short(value: bytes) -> str:
    return f"0x{value.hex()[:8]}…"
