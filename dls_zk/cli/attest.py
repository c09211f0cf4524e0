"""``dls-zk attest``: what a custodian, a fund administrator or an auditor runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import files
from ..files.attest import ATTESTATION, SEALED
from ..files.values import time_text
from ..statement.commitments import policy_hash
from ..storage import disk
from .common import FILE, console, example, json_option, print_json, table, uint
from .options import signer_options
from .params import EXAMPLE_VAULT, VaultId

if TYPE_CHECKING:
    from ..attest.documents import SignedAttestation
    from ..chain import Signer
    from ..statement.model import Policy

#: What a signature says, for whoever has to judge it.
_MEANING = (
    "The attestor says: at that second these accounts held for the vault, at this venue, what the commitment hides, net of "
    "all their debts there and free of liens that the attestor knows of. Each account is this vault's alone, for good. But "
    "for what is left out, that is all. As far as the attestor knows, nothing came in from outside since it is steady."
)

#: Seconds as they are signed.
_SECOND = uint(40)


@click.group("attest")
def attest() -> None:
    """Attest what you hold of a vault's book, without showing it."""


@attest.command("init", **example("dls-zk attest init attestor.yaml"))
@click.argument("file", type=FILE, default="attestor.yaml")
def attest_init(file: Path) -> None:
    """Write a configuration with comments, to be filled in: vaults, accounts, and which slot takes what."""
    from ..attest.configuration import TEMPLATE

    disk.write_new(file, TEMPLATE)
    click.echo(file)


@attest.command("sign", **example(f"dls-zk attest sign attestor.yaml {EXAMPLE_VAULT} --keystore key.json --out today"))
@click.argument("configuration", type=FILE)
@click.argument("vault", type=VaultId())
@click.option("--venue", help="Venue of the policy [default: the only one that the configuration has for the vault].")
@click.option("--at", "at_s", type=_SECOND, metavar="SECOND", help="Second to attest, in Unix seconds [default: now].")
@click.option("--prices", type=FILE, help="Prices, with which the equity of margin accounts is compared.")
@click.option(
    "--steady-since",
    "steady_since_s",
    type=_SECOND,
    metavar="SECOND",
    help="Since when nothing has come in from outside, if you know [default: what your record shows].",
)
@click.option("--out", type=FILE, required=True, help="Folder to write attestation.json and opening.age to.")
@signer_options
@json_option
def attest_sign(
    configuration: Path,
    vault: bytes,
    venue: str | None,
    at_s: int | None,
    prices: Path | None,
    steady_since_s: int | None,
    out: Path,
    signer_of: Callable[[], Signer],
    as_json: bool,
) -> None:
    """Read the accounts of a vault's venue, and sign a commitment to what they hold.

    attestation.json is public. opening.age holds the quantities, encrypted to the operator's recipients: give both to the
    operator. Nothing of what the accounts hold is printed. For a second that was signed before, writes the same again.
    """
    from ..attest import configuration as configurations
    from ..attest.attestor import Attestor

    read = configurations.read(configuration)
    attested = read.find(vault, venue)
    known = files.read_prices(prices, attested.policy) if prices else None
    for name in (ATTESTATION, SEALED):
        disk.require_absent(out / name)
    attestor = Attestor.of(read, signer_of())
    signed = attestor.attest(attested, at_s or int(time.time()), prices=known, steady_since_s=steady_since_s)
    disk.make_dir(out)
    disk.write_secret(out / SEALED, signed.sealed)
    disk.write_new(out / ATTESTATION, _text(signed.attestation.to_document()))
    if signed.again:
        click.echo("note: this second was signed before; the same attestation is written again", err=True)
    if signed.dust:
        click.echo(f"note: rounded down below a millionth: {', '.join(sorted(signed.dust))}", err=True)
    paths = {"attestation_file": str(out / ATTESTATION), "opening_file": str(out / SEALED)}
    if as_json:
        print_json(_json(signed.attestation, attested.policy) | paths | {"again": signed.again})
    else:
        _print(signed.attestation, attested.policy)


@attest.command("serve", **example("dls-zk attest serve attestor.yaml --keystore key.json"))
@click.argument("configuration", type=FILE)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True, help="Port; 0 for any free one.")
@signer_options
def attest_serve(configuration: Path, host: str, port: int, signer_of: Callable[[], Signer]) -> None:
    """Answer the operators' signed requests over HTTP, and sample the accounts each minute.

    Speaks plain HTTP: put a proxy in front that ends TLS. Writes its log on stderr, a JSON object a line, without secrets.
    SIGTERM ends it once the requests under way are answered.
    """
    from ..attest import configuration as configurations
    from ..attest import service
    from ..attest.attestor import Attestor

    attestor = Attestor.of(configurations.read(configuration), signer_of())
    service.serve(attestor, host, port, lambda url: click.echo(url))


@attest.command("show", **example("dls-zk attest show today/attestation.json --policy policy.yaml"))
@click.argument("file", type=FILE)
@click.option("--policy", "policy_path", type=FILE, help="Policy of the vault: compares its hash, and names the venue.")
@click.option("--rpc", metavar="URL", help="Node of the vault's chain, to ask an attestor that is a contract (ERC-1271).")
@json_option
def attest_show(file: Path, policy_path: Path | None, rpc: str | None, as_json: bool) -> None:
    """Show what an attestation says, and verify who signed it. Exit code 7 if its attestor did not.

    Judge the attestor, the vault, the accounts and what is left out: the signature says only who said so.
    """
    from .. import chain
    from ..attest.client import require_signed
    from ..attest.documents import AttestationInvalid, read_attestation
    from ..errors import ChainError

    signed = read_attestation(file)
    connected = chain.connect(rpc) if rpc else None
    if connected and connected.chain_id != signed.domain.chain_id:
        text = f"the node is on chain {connected.chain_id}, the attestation is for chain {signed.domain.chain_id}"
        raise ChainError(text, str(file), code="wrong_chain")
    require_signed(signed, connected)
    policy = files.read_policy(policy_path) if policy_path else None
    if policy and policy_hash(policy) != signed.attestation.policy_hash:
        raise AttestationInvalid("the attestation is for another policy", str(file))
    if policy and signed.attestation.venue >= len(policy.venue_names):
        raise AttestationInvalid("the policy has no such venue", str(file))
    if as_json:
        print_json(_json(signed, policy))
    else:
        _print(signed, policy)
        click.echo(_MEANING)
        click.echo(f"signed by {signed.attestor}")


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _venue(signed: SignedAttestation, policy: Policy | None) -> str | None:
    return policy.name_of("venue", signed.attestation.venue) if policy else None


def _json(signed: SignedAttestation, policy: Policy | None) -> dict[str, Any]:
    said = signed.attestation
    return {
        "attestor": signed.attestor,
        "chain_id": signed.domain.chain_id,
        "contract": signed.domain.verifying_contract,
        "vault": f"0x{said.vault_id.hex()}",
        "venue": said.venue,
        "venue_name": _venue(signed, policy),
        "policy_hash": f"0x{said.policy_hash:064x}",
        "commitment": f"0x{said.commitment:064x}",
        "observed_at": said.observed_at_s,
        "steady_since": said.steady_since_s,
        "accounts": [{"name": one.name, "id": f"0x{one.id.hex()}"} for one in signed.accounts],
        "exclusions": [
            {"account": one.account, "instrument": one.instrument, "reason": one.reason} for one in signed.exclusions
        ],
    }


def _print(signed: SignedAttestation, policy: Policy | None) -> None:
    said = signed.attestation
    rows = table("attestation", "")
    rows.add_row("attestor", signed.attestor)
    rows.add_row("chain", str(signed.domain.chain_id))
    rows.add_row("checked by", signed.domain.verifying_contract)
    rows.add_row("vault", f"0x{said.vault_id.hex()}")
    rows.add_row("venue", _venue(signed, policy) or f"number {said.venue}")
    rows.add_row("policy", f"0x{said.policy_hash:064x}")
    rows.add_row("commitment", f"0x{said.commitment:064x}")
    rows.add_row("observed", f"{time_text(said.observed_at_s)} UTC")
    rows.add_row("steady since", f"{time_text(said.steady_since_s)} UTC")
    for account in signed.accounts:
        rows.add_row("account", f"{account.name} (0x{account.id.hex()})")
    for one in signed.exclusions:
        rows.add_row("left out", f"{one.instrument} of {one.account}: {one.reason}")
    console.print(rows)
