"""``dls-zk prove`` and ``verify``."""

from __future__ import annotations

from pathlib import Path

import click

from .. import checking, files, operations
from ..groth16 import prover
from ..groth16.proof import Proof
from ..statement.circuits import RECONCILIATION, known, rebalance_signals, reconciliation_signals
from ..statement.signals import PublicSignals, ReconciliationSignals
from .check import book_before, rebalance_options, require_one_move
from .common import FILE, beside, example, json_option, key_option, print_json, warn_insecure, warn_readable
from .report import print_reconciliation, print_signals, signals_json
from .stages import Stages

backend_option = click.option(
    "--backend",
    type=click.Choice(prover.BACKENDS),
    default="auto",
    show_default=True,
    help="Proving backend. auto takes native if this machine can compile it, else rapidsnark from the PATH, else snarkjs.",
)


@click.command(
    "prove",
    **example(
        "dls-zk prove --policy policy.yaml --prices prices.yaml --before empty --after book.csv --terms terms.yaml --out r1"
    ),
)
@rebalance_options
@click.option("--terms", "terms_path", type=FILE, required=True, help="Terms (YAML): flow, allowances and context.")
@click.option("--out", type=FILE, required=True, help="Folder for proof.json and opening.json; must hold neither.")
@backend_option
@key_option
@json_option
def prove(
    policy_path: Path,
    prices_path: Path,
    before: str | None,
    trades_path: Path | None,
    after_path: Path | None,
    heartbeat: bool,
    terms_path: Path,
    out: Path,
    backend: str,
    kind: str | None,
    as_json: bool,
) -> None:
    """Prove a rebalance and write the proof.

    Writes opening.json (SECRET: the vault cannot move without it), and proof.json and terms.yaml (public) for `submit`.

    A rebalance that breaks a check is refused by name (exit code 4) before the circuit is touched, and nothing is written.
    """
    require_one_move(trades_path, after_path, heartbeat)
    stages = Stages(quiet=as_json)
    rebalance = checking.load_rebalance(
        policy_path, prices_path, book_before(before), trades_path=trades_path, after_path=after_path, terms=terms_path
    )
    warn_readable(trades_path, after_path)
    operations.proven_paths(out)
    with stages("Relation"):
        holding = operations.statement(rebalance, "; `dls-zk check` with the same files shows the values")
    with stages("Circuit"):
        circuit = operations.build_circuit(rebalance.circuit.name)
    key = operations.installed_key(circuit, kind)
    proven = operations.prove_statement(holding, key, circuit, backend, stages)
    opening_path, terms_path, proof_path = operations.write_proven(proven, out)
    if proven.insecure:
        warn_insecure()
    if as_json:
        print_json(
            {
                "proof": str(proof_path),
                "opening": str(opening_path),
                "terms": str(terms_path),
                "circuit": circuit.name,
                "insecure": proven.insecure,
                "signals": signals_json(proven.signals),
                "seconds": stages.seconds,
            }
        )
    else:
        click.echo(f"proof    {proof_path}")
        click.echo(f"terms    {terms_path}")
        click.echo(f"opening  {opening_path}  (secret; keep a copy: the vault cannot move without it)")


@click.command("verify", **example("dls-zk verify r1/proof.json --verifier all --policy policy.yaml --prices prices.yaml"))
@click.argument("proof_path", metavar="PROOF", type=FILE)
@click.option(
    "--verifier",
    type=click.Choice([*operations.VERIFIERS, "all"]),
    default="pyecc",
    show_default=True,
    help="Verifier; with `all`, each must accept.",
)
@click.option("--vkey", "vkey_path", type=FILE, help="Verify against this verification_key.json, not an installed key.")
@click.option("--policy", "policy_path", type=FILE, help="Also demand that the proof is about this policy.")
@click.option("--prices", "prices_path", type=FILE, help="Also demand these prices (with --policy).")
@click.option(
    "--terms", "terms_path", type=FILE, help="Also demand this flow, allowances and context (chain, hub, vault, …)."
)
@key_option
@json_option
def verify(
    proof_path: Path,
    verifier: str,
    vkey_path: Path | None,
    policy_path: Path | None,
    prices_path: Path | None,
    terms_path: Path | None,
    kind: str | None,
    as_json: bool,
) -> None:
    """Verify a proof, by one verifier or by all.

    pyecc verifies in pure Python. evm runs the generated contract: in process where pyrevm is installed, else on an anvil of
    its own.

    Exit code 7 if it does not hold. That a proof holds says nothing of what it is about: give the policy, the prices and the
    terms that it should be about, or leave that to the hub, which compares them with its own.
    """
    if prices_path and not policy_path:
        raise click.UsageError("--prices needs --policy, which says which instrument is in which slot.")
    proof = Proof.read(proof_path)
    if known(proof.circuit).family == RECONCILIATION:
        if terms_path:
            raise click.UsageError("--terms is for the proof of a rebalance; a reconciliation has none.")
        signals: PublicSignals | ReconciliationSignals = reconciliation_signals(proof.circuit, proof.signals)
    else:
        signals = rebalance_signals(proof.circuit, proof.signals)
    policy = files.read_policy(policy_path) if policy_path else None
    names = operations.VERIFIERS if verifier == "all" else (verifier,)
    if vkey_path and "evm" in names:
        raise click.UsageError("The evm verifier is generated from an installed key; leave --vkey out.")
    stages = Stages(quiet=as_json)
    with stages("Key"):
        target = operations.verification_target(proof, vkey_path, kind)
    demanded = {"policy": policy_path, "prices": prices_path}
    if isinstance(signals, PublicSignals):
        demanded["terms"] = terms_path
    not_compared = [name for name, path in demanded.items() if path is None]
    summary = {
        "circuit": proof.circuit,
        "insecure": target.insecure,
        "not_compared": not_compared,
        "signals": signals_json(signals),
    }
    with beside({"holds": False} | summary):
        if isinstance(signals, PublicSignals):
            operations.require_signals(signals, policy, prices_path, terms_path)
        else:
            operations.require_reconciliation_signals(signals, policy, prices_path)
        for name in names:
            with stages(f"Verified by {operations.verifier_in_full(name)}"):
                operations.verify(name, target, proof)
    if target.insecure:
        warn_insecure()
    if as_json:
        print_json({"holds": True, "verifiers": list(names)} | summary | {"seconds": stages.seconds})
    elif isinstance(signals, PublicSignals):
        print_signals(signals, policy)
    else:
        print_reconciliation(signals, known(proof.circuit).size.slots)
    if not as_json and not_compared:
        options = ", ".join(f"--{name}" for name in not_compared)
        click.echo(f"note: not compared with what it should be about: {options}", err=True)
