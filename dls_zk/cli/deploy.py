"""``dls-zk deploy``: contracts and keys on a chain."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import files, operations
from ..errors import ChainError
from ..statement.circuits import REBALANCE
from ..statement.deployment import Deployment
from ..storage import disk, places
from .common import (
    FILE,
    beside,
    chosen_circuits,
    console,
    example,
    json_option,
    marked,
    print_json,
    size_option,
    table,
    warn_insecure,
)
from .options import Access, ceremony_options, chain_command

if TYPE_CHECKING:
    from ..chain.deployment import AuditFinding, CheckedKey, Transcript


@click.command("deploy", **example("dls-zk deploy --size 16 --out deployment.json"))
@chain_command(signing=True)
@size_option
@click.option("--key", "kind", type=click.Choice(places.KEY_KINDS), help="Kind of key [default: a ceremony's, else dev].")
@click.option("--out", type=FILE, help="File to write: the addresses of the contracts.")
@click.option("--check", is_flag=True, help="Deploy nothing; compare the deployed contracts with this package's.")
@ceremony_options
@json_option
def deploy(
    access: Access,
    sizes: tuple[str, ...],
    kind: str | None,
    out: Path | None,
    check: bool,
    transcripts: tuple[Transcript, ...],
    as_json: bool,
) -> None:
    """Deploy all contracts and the verifying keys of the given sizes.

    Before deploying, checks each key's points, ceremony and circuit, and refuses development keys outside a local chain. If
    interrupted, run it again to resume.

    Use --check to audit someone else's deployment. It believes nothing that the deployment file says of a key: it compares
    the circuit with the one that this package builds, and refuses development keys outside a local chain. That the key comes
    from an honest ceremony only the transcript shows: pass --ceremony and --ptau.
    """
    from .. import chain

    if check == bool(out) or (transcripts and not check):
        raise click.UsageError("Give one of --out and --check, and --ceremony with --check only.")
    if check:
        findings = chain.audit(access.protocol(), transcripts, access.stages)
        print_audit(findings, as_json, "the deployed contracts and keys are not as they should be; do not use them")
        return
    assert out
    disk.require_absent(out)
    keys = checked_keys(access, sizes, kind, REBALANCE)
    on = access.chain()
    deployment = chain.deploy(access.sender(on), keys, access.stages)
    files.write_deployment(out, deployment)
    if any(key.insecure for key in keys):
        warn_insecure()
    if as_json:
        print_json(asdict(deployment) | {"file": str(out)})
    else:
        console.print(_deployment_table(deployment))
        click.echo(f"deployment  {out}")


def _deployment_table(deployment: Deployment) -> object:
    rows = table("contract", "address")
    for name in ("hub", "policy_registry", "price_oracle"):
        rows.add_row(name.replace("_", " "), getattr(deployment, name))
    for circuit, key in deployment.keys.items():
        rows.add_row(f"key of {circuit}", f"{key.name}: {key.verifier}, batches {key.batch_verifier}")
    return rows


def checked_keys(access: Access, sizes: tuple[str, ...], kind: str | None, family: str) -> list[CheckedKey]:
    """The installed keys of a family and of these sizes, each looked at before it goes to a chain."""
    from .. import chain

    keys = []
    for row in chosen_circuits(sizes, (family,)):
        circuit = operations.build_circuit(row.name)
        with access.stages(f"Key of {circuit.name} checked"):
            keys.append(chain.checked_key(operations.installed_key(circuit, kind), circuit))
    return keys


def print_audit(findings: list[AuditFinding], as_json: bool, fault: str) -> None:
    """Print what an audit found; ChainError with these words if something is not as it should be."""
    document = {"contracts": [asdict(finding) for finding in findings]}
    if not as_json:
        console.print(findings_table(findings))
    with beside(document):
        if any(finding.fault for finding in findings):
            raise ChainError(fault)
    if as_json:
        print_json(document)


def findings_table(findings: list[AuditFinding]) -> object:
    """What was found of each contract."""
    rows = table("contract", "address", "")
    for finding in findings:
        mark = marked("red", finding.fault) if finding.fault else marked("green", "as compiled")
        if finding.key_hash:
            mark.append(f", key {finding.key_hash}")
        if finding.ceremony:
            mark.append(f", ceremony {ceremony_text(finding)}", "" if finding.contributions else "yellow")
        rows.add_row(
            finding.contract, finding.address, mark.append(", INSECURE key", "yellow") if finding.insecure else mark
        )
    return rows


def ceremony_text(finding: AuditFinding) -> str:
    """What is known of a key's setup, with the contributions to compare with what their authors published."""
    return f"{finding.ceremony}" + "".join(f", {name}" for name in finding.contributions)
