"""``dls-zk reconcile``: the committed book is what named attestors hold."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import files
from ..files.values import time_text
from ..statement.circuits import RECONCILIATION
from ..statement.constants import PRICE_DECIMALS, QUANTITY_DECIMALS, USD_E14, VALUE_DECIMALS
from ..storage import disk
from .common import (
    FILE,
    beside,
    console,
    example,
    json_option,
    key_option,
    marked,
    print_json,
    size_option,
    table,
    warn_insecure,
)
from .deploy import checked_keys, print_audit
from .options import Access, ceremony_options, chain_command
from .params import EXAMPLE_VAULT, VaultId
from .proofs import backend_option
from .report import decimal_text

if TYPE_CHECKING:
    from ..attest.client import Collected
    from ..chain.deployment import Transcript
    from ..reconciling import Comparison, Subject


@click.group("reconcile")
def reconcile() -> None:
    """Prove that the book is what its venues' attestors hold."""


_RECONCILER = click.option(
    "--reconciler", type=FILE, default="reconciler.json", show_default=True, help="File that `reconcile deploy` wrote."
)


def _terms_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name terms of custody."""
    decorated: Any = command
    for option in (
        _RECONCILER,
        click.option(
            "--policy", "policy_path", type=FILE, required=True, help="The vault's policy, which names its venues."
        ),
        click.option(
            "--custody",
            "custody_path",
            type=FILE,
            default="custody.yaml",
            show_default=True,
            help="Terms of custody (YAML).",
        ),
    ):
        decorated = option(decorated)
    return decorated


@reconcile.command("deploy", **example("dls-zk reconcile deploy --size 16 --out reconciler.json"))
@chain_command(signing=True)
@size_option
@key_option
@click.option("--out", type=FILE, help="File to write: where the reconciler and its keys are.")
@click.option("--check", type=FILE, help="Deploy nothing; compare what this file names with this package's contracts.")
@ceremony_options
@json_option
def reconcile_deploy(
    access: Access,
    sizes: tuple[str, ...],
    kind: str | None,
    out: Path | None,
    check: Path | None,
    transcripts: tuple[Transcript, ...],
    as_json: bool,
) -> None:
    """Deploy the reconciler and the verifying keys of reconciliations of the given sizes.

    Judges keys, and audits with --check, as `dls-zk deploy` does. If interrupted, run it again to resume.
    """
    from ..chain import reconciler as reconcilers

    if bool(check) == bool(out) or (transcripts and not check):
        raise click.UsageError("Give one of --out and --check, and --ceremony with --check only.")
    on = access.chain()
    if check:
        deployment = files.read_reconciler(check)
        reconcilers.Reconciler.on(on, deployment)
        findings = reconcilers.audit(on, deployment, transcripts, access.stages)
        print_audit(findings, as_json, "the reconciler and its keys are not as they should be; do not use them")
        return
    assert out
    disk.require_absent(out)
    keys = checked_keys(access, sizes, kind, RECONCILIATION)
    deployment = reconcilers.deploy(access.sender(on), keys, access.stages)
    files.write_reconciler(out, deployment)
    if any(key.insecure for key in keys):
        warn_insecure()
    if as_json:
        print_json(asdict(deployment) | {"file": str(out)})
    else:
        click.echo(f"reconciler  {deployment.reconciler}")
        click.echo(f"deployment  {out}")


@reconcile.command("add", **example("dls-zk reconcile add --policy policy.yaml --custody custody.yaml"))
@_terms_options
@chain_command(signing=True)
@json_option
def reconcile_add(access: Access, custody_path: Path, policy_path: Path, reconciler: Path, as_json: bool) -> None:
    """Add terms of custody to the reconciler: who attests each venue, and the tolerance. Anybody may.

    Terms have a name, the hash of their content, and never change. No mandate can demand them yet.
    """
    from ..chain.reconciler import Reconciler

    policy, deployment = files.read_policy(policy_path), files.read_reconciler(reconciler)
    custody = files.read_custody(custody_path, policy)
    client = Reconciler.on(access.chain(), deployment)
    terms = client.terms(custody, policy, deployment.keys)
    with access.stages("Terms added"):
        name = client.add_terms(access.sender(client.chain), terms)
    if as_json:
        print_json({"terms": f"0x{name.hex()}", "reconciler": client.address})
    else:
        click.echo(f"0x{name.hex()}")


@reconcile.command("show", **example(f"dls-zk reconcile show {EXAMPLE_VAULT} --policy policy.yaml"))
@click.argument("vault", type=VaultId())
@_terms_options
@chain_command()
@json_option
def reconcile_show(
    access: Access, vault: bytes, custody_path: Path, policy_path: Path, reconciler: Path, as_json: bool
) -> None:
    """Show what was reconciled last of a vault under terms of custody, and the second that attestors have to attest.

    A reconciliation is worth what its attestors are: judge who they are.
    """
    from ..chain.reconciler import Reconciler

    policy, deployment = files.read_policy(policy_path), files.read_reconciler(reconciler)
    custody, protocol = files.read_custody(custody_path, policy), access.protocol()
    client = Reconciler.on(protocol.chain, deployment)
    name = client.name_of(client.terms(custody, policy, deployment.keys))
    book, last = protocol.hub.proven_book(vault), client.last(protocol.hub.address, vault, name)
    counts = client.is_reconciled(protocol.hub.address, vault, name, book.sequence)
    if as_json:
        print_json(
            {
                "vault": f"0x{vault.hex()}",
                "terms": f"0x{name.hex()}",
                "sequence": book.sequence,
                "attest_at": book.snapshot_timestamp if book.sequence else None,
                "last_reconciled": last.sequence or None,
                "observed_at": last.observed_at_s or None,
                "reconciled": counts,
            }
        )
        return
    click.echo(f"last rebalance   {book.sequence or 'none'}")
    if book.sequence:
        click.echo(f"to attest        {time_text(book.snapshot_timestamp)} UTC (second {book.snapshot_timestamp})")
    when = f"{last.sequence}, of {time_text(last.observed_at_s)} UTC" if last.sequence else "none"
    click.echo(f"last reconciled  {when}")
    click.echo(f"reconciled       {'yes' if counts else 'no'}")


@reconcile.command(
    "run",
    **example(
        f"dls-zk reconcile run {EXAMPLE_VAULT} --policy policy.yaml --opening r1/opening.json --identity operator.age "
        "--attested custodian --keystore operator.json"
    ),
)
@click.argument("vault", type=VaultId())
@_terms_options
@click.option("--opening", "opening_path", type=FILE, required=True, help="opening.json of the vault's book (SECRET).")
@click.option("--identity", type=FILE, required=True, help="Your age identity, to which attestors seal (SECRET).")
@click.option(
    "--attested",
    "folders",
    type=FILE,
    multiple=True,
    help="Folder that `attest sign` wrote for one venue; repeat it. Attestors of other venues are asked at their service.",
)
@click.option("--dry-run", is_flag=True, help="Collect and compare only: prove and send nothing.")
@click.option("--amounts", is_flag=True, help="Show the amounts also where output is no terminal, and in JSON. SECRET.")
@backend_option
@key_option
@chain_command(signing=True)
@json_option
def reconcile_run(
    access: Access,
    vault: bytes,
    custody_path: Path,
    policy_path: Path,
    reconciler: Path,
    opening_path: Path,
    identity: Path,
    folders: tuple[Path, ...],
    dry_run: bool,
    amounts: bool,
    backend: str,
    kind: str | None,
    as_json: bool,
) -> None:
    """Collect attestations, compare them with the book, prove that nothing is missing, and send the proof.

    The attestations are of the second of the prices that the last rebalance used. The table of what is missing, slot by slot
    in USD, is as secret as the book: it is shown on a terminal only, unless --amounts is given.

    If more is missing than the terms tolerate, the venues are named (exit code 4), and nothing is proven or sent. If
    interrupted, run it again: it finds what it sent.
    """
    from .. import reconciling

    policy, deployment = files.read_policy(policy_path), files.read_reconciler(reconciler)
    custody, protocol = files.read_custody(custody_path, policy), access.protocol()
    subject = reconciling.Subject.of(protocol, deployment, vault, policy, custody)
    if subject.is_reconciled and not dry_run:
        hub, sequence = protocol.hub.address, subject.book.sequence
        found = subject.reconciler.finish(access.sender(protocol.chain), hub, vault, subject.terms, sequence)
        _print_outcome(subject, _document(subject, found.hash if found else None, before=found is None), as_json)
        return
    by_venue = reconciling.venues_of(folders)
    asks = reconciling.needs_services(subject, by_venue)
    book = reconciling.read_book(opening_path, subject)
    sender = access.sender(protocol.chain) if asks or not dry_run else None
    collected = reconciling.collect(subject, by_venue, sender.signer if sender else None, identity, access.stages)
    comparison = reconciling.compare(subject, book, collected)
    document: dict[str, object] = {"venues": _venues_json(subject, collected)}
    if amounts:
        document |= _amounts_json(comparison)
    if not as_json and (amounts or sys.stdout.isatty()):
        console.print(_comparison_table(comparison))
    with beside(document):
        reconciling.require_within_tolerance(comparison)
        if dry_run:
            document |= _document(subject, None, before=False)
            if as_json:
                print_json(document)
            else:
                click.echo("within the tolerance; nothing was proven or sent")
            return
        assert sender
        proven = reconciling.prove(comparison, collected, kind, backend, access.stages)
        with access.stages("Reconciled"):
            mined = reconciling.submit(subject, collected, proven, sender)
    if proven.insecure:
        warn_insecure()
    document |= _document(subject, mined.hash if mined else None, before=mined is None)
    _print_outcome(subject, document, as_json)


def _document(subject: Subject, transaction: str | None, before: bool) -> dict[str, object]:
    """What became of the vault. before: somebody had reconciled the sequence already."""
    return {
        "vault": f"0x{subject.vault.hex()}",
        "terms": f"0x{subject.terms.hex()}",
        "sequence": subject.book.sequence,
        "observed_at": subject.book.snapshot_timestamp,
        "reconciled": subject.is_reconciled,
        "reconciled_before": before,
        "counts_until_sequence": subject.book.sequence + subject.custody.max_sequences,
        "transaction": transaction,
    }


def _print_outcome(subject: Subject, document: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    sequence, last = subject.book.sequence, document["counts_until_sequence"]
    when = time_text(subject.book.snapshot_timestamp)
    click.echo(f"rebalance {sequence} of {when} UTC is reconciled; the vault counts as reconciled up to rebalance {last}")
    if document["transaction"]:
        click.echo(f"transaction  {document['transaction']}")


def _venues_json(subject: Subject, collected: dict[int, Collected]) -> list[dict[str, object]]:
    """What is public of each attestation."""
    return [
        {
            "venue": subject.policy.name_of("venue", venue),
            "attestor": one.attestation.attestor,
            "attestor_class": subject.attestors[venue].attestor_class,
            "commitment": f"0x{one.attestation.attestation.commitment:064x}",
            "steady_since": one.attestation.attestation.steady_since_s,
            "exclusions": len(one.attestation.exclusions),
        }
        for venue, one in collected.items()
    ]


def _amounts_json(comparison: Comparison) -> dict[str, object]:
    """The comparison: as secret as the book."""
    policy = comparison.subject.policy
    return {
        "missing_usd": _exact_usd(comparison.missing_e14),
        "tolerated_usd": _exact_usd(comparison.tolerated_e14),
        "slots": [
            {
                "venue": policy.name_of("venue", slot.venue),
                "instrument": slot.instrument,
                "booked": _quantity(slot.booked_e6),
                "attested": _quantity(slot.attested_e6),
                "price_usd": decimal_text(Fraction(slot.price_usd_e8, 10**PRICE_DECIMALS)),
                "missing_usd": _exact_usd(slot.missing_e14),
            }
            for slot in comparison.slots
        ],
    }


def _comparison_table(comparison: Comparison) -> object:
    """The comparison for a person: as secret as the book. What is missing is rounded up, what is tolerated down."""
    subject = comparison.subject
    rows = table("venue", "instrument", "in the book", "attested", "missing (USD)")
    for venue, name in enumerate(subject.policy.venue_names):
        slots = [slot for slot in comparison.slots if slot.venue == venue]
        shown = name if venue in subject.attestors else f"{name} (nobody attests)"
        for slot in slots:
            missing = _usd(slot.missing_e14) if slot.missing_e14 else ""
            rows.add_row(shown, slot.instrument, _quantity(slot.booked_e6, ","), _quantity(slot.attested_e6, ","), missing)
            shown = ""
        if off := comparison.missing_at_e14(venue):
            rows.add_row("", f"missing at {name}", "", "", marked("yellow", _usd(off)))
    over = comparison.missing_e14 > comparison.tolerated_e14
    total = marked("red" if over else "green", _usd(comparison.missing_e14))
    rows.add_row("all", f"tolerated: {_usd(comparison.tolerated_e14, down=True)}", "", "", total)
    return rows


def _quantity(quantity_e6: int, separator: str = "") -> str:
    return decimal_text(Fraction(quantity_e6, 10**QUANTITY_DECIMALS), separator=separator)


def _usd(value_e14: int, down: bool = False) -> str:
    return decimal_text(Fraction(value_e14, USD_E14), down, separator=",", decimals=2)


def _exact_usd(value_e14: int) -> str:
    return decimal_text(Fraction(value_e14, USD_E14), decimals=VALUE_DECIMALS)
