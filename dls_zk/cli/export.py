"""``dls-zk export``: files that chains and other tools read."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .. import operations
from ..groth16.proof import Proof
from ..solidity import calldata, verifiers
from ..statement.circuits import of_size
from ..storage import built, disk
from .common import FILE, example, key_option, one_circuit_options, warn_insecure


@click.group()
def export() -> None:
    """Export verifiers, verifying keys and calldata for chains and other tools."""


def _emit(text: str, out: Path | None) -> None:
    if out:
        disk.write_new(out, text)
    else:
        click.echo(text, nl=not text.endswith("\n"))


def _key_to_export(size: str, family: str, kind: str | None) -> tuple[built.ProvingKey, operations.Target]:
    key = operations.installed_key(operations.build_circuit(of_size(int(size), family).name), kind)
    target = operations.installed_target(key)
    if target.insecure:
        warn_insecure()
    return key, target


out_option = click.option("--out", type=FILE, help="File to write [default: standard output].")


@export.command("verifier", **example("dls-zk export verifier --size 16 --out Groth16Verifier_rebalance_16.sol"))
@one_circuit_options()
@key_option
@out_option
def export_verifier(size: str, family: str, kind: str | None, out: Path | None) -> None:
    """Print the Solidity verifier of a key, as snarkjs generates it."""
    key, target = _key_to_export(size, family, kind)
    _emit(verifiers.contract_source(target.vk, key.circuit, insecure=target.insecure), out)


@export.command("vkey", **example("dls-zk export vkey --size 16 --out verification_key.json"))
@one_circuit_options()
@key_option
@out_option
def export_vkey(size: str, family: str, kind: str | None, out: Path | None) -> None:
    """Print the verifying key (JSON), for snarkjs and `dls-zk verify --vkey`."""
    key, _ = _key_to_export(size, family, kind)
    _emit(key.verification_key.read_text(), out)


@export.command("calldata", **example("dls-zk export calldata r1/proof.json --out calldata.json"))
@click.argument("proof_path", metavar="PROOF", type=FILE)
@out_option
def export_calldata(proof_path: Path, out: Path | None) -> None:
    """Print a proof as Solidity arguments and as the calldata of verifyProof (JSON)."""
    arguments = calldata.ProofArguments.from_proof(Proof.read(proof_path))
    solidity = json.loads(f"[{arguments.to_solidity()}]")
    document = {"arguments": solidity, "calldata": "0x" + arguments.verify_calldata().hex()}
    _emit(json.dumps(document, indent=2) + "\n", out)
