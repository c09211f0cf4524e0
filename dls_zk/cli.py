"""The command line: parse, one call into the library, print. Exit codes are those of ``errors``."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from . import artifacts, calldata, ceremony_cli, chain_cli, files, operations, prover, toolchain, vault_cli
from .cli_common import FILE, console, example, json_option, marked, print_json, size_option, table, warn_insecure
from .constants import QUANTITY_DECIMALS, SIZES
from .errors import DlsError, InputError, ProofInvalid, ToolError
from .model import Policy
from .operations import decimal_text, show_amount, show_value
from .progress import Stages
from .proof import Proof
from .relation import Report
from .statement import PublicSignals

EPILOG = """Exit codes: 0 done, 1 unexpected, 2 usage, 3 bad input, 4 the statement does not hold, 5 a tool is missing or
failed, 6 a built file is damaged or missing, 7 a proof does not verify, 8 an insecure key, 9 the chain, 10 a vault is
stale, 130 interrupted."""


class _Commands(click.Group):
    """Turns our errors into one line on stderr and their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DlsError as error:
            _fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            _fail("interrupted", 130)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except OSError as error:  # a full disk, a folder that may not be written: no bug
            _fail(f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}", InputError.exit_code)
        except Exception as error:  # a bug: say where, and nothing of what was being worked on
            if os.environ.get("DLS_ZK_TRACEBACK"):
                raise
            last = error.__traceback__
            while last and last.tb_next:
                last = last.tb_next
            place = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "?"
            _fail(f"unexpected {type(error).__name__} at {place}; set DLS_ZK_TRACEBACK=1 to see it (may show secrets)", 1)


def _fail(message: str, code: int) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(code)


backend_option = click.option(
    "--backend",
    type=click.Choice(list(prover.BACKENDS)),
    default="snarkjs",
    show_default=True,
    help="What makes the proof; rapidsnark is faster, and used from the PATH.",
)
key_option = click.option(
    "--key", "kind", type=click.Choice(operations.KEY_KINDS), help="Kind of key; a ceremony's before a development key."
)


@click.group(cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dls-zk")
def main() -> None:
    """Prove that a hidden vault rebalance conserves value and keeps every public risk limit."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):  # end as on an error, so that temporary files go too
            signal.signal(number, lambda received, _: sys.exit(128 + received))


@main.command(**example("dls-zk doctor --json"))
@json_option
def doctor(as_json: bool) -> None:
    """Show every tool, its version, and how to get what is missing. Exit code 5 if the main job cannot run."""
    findings = toolchain.doctor()
    ready = all(finding.ok is not False for finding in findings)
    if as_json:
        found = [
            {"tool": f.tool, "found": f.found, "required": f.required, "ok": f.ok, "remedy": f.remedy} for f in findings
        ]
        print_json({"ready": ready, "tools": found})
    else:
        rows = table("tool", "found", "required", "")
        for f in findings:
            mark = {True: ("green", "ok"), False: ("red", "missing"), None: ("yellow", "optional")}[f.ok]
            advice = "" if f.ok or not f.remedy else f": {f.remedy}"
            rows.add_row(f.tool, f.found, f.required, marked(*mark, advice))
        console.print(rows)
    if not ready:
        raise ToolError("the main job cannot run; see the rows that are not ok")


# --- circuits and keys ------------------------------------------------------------------------------


@main.group()
def circuits() -> None:
    """Compile the circuits."""


@circuits.command("build", **example("dls-zk circuits build --size 16"))
@size_option
@click.option("--force", is_flag=True, help="Compile again what is in the cache.")
@json_option
def circuits_build(sizes: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Compile circuits into the cache, keyed by the content of the sources and the compiler version."""
    stages, built = Stages(quiet=as_json), []
    for slots in _sizes(sizes):
        with stages(f"Circuit rebalance_{slots}"):
            circuit = operations.build_circuit(slots, force=force)
        built.append({"circuit": circuit.name, "r1cs": str(circuit.r1cs), "r1cs_sha256": circuit.r1cs_sha256})
    if as_json:
        print_json({"circuits": built, "seconds": stages.seconds})


@main.group()
def setup() -> None:
    """Make keys, for development or for value.

    `dev` in seconds and INSECURE, `ceremony` by several people and for value.
    """


@setup.command("dev", **example("dls-zk setup dev --size 16"))
@size_option
@click.option("--force", is_flag=True, help="Make again what is in the cache.")
@json_option
def setup_dev(sizes: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Make INSECURE single-party keys for development. Whoever reads this program can forge proofs against them."""
    stages, made = Stages(quiet=as_json), []
    for slots in _sizes(sizes):
        circuit = operations.build_circuit(slots)
        with stages(f"Development key rebalance_{slots}") as moving:
            key = operations.development_key(circuit, force=force, moving=moving)
        made.append({"circuit": key.circuit, "zkey": str(key.zkey), "zkey_sha256": key.zkey_sha256, "insecure": True})
    warn_insecure()
    if as_json:
        print_json({"keys": made, "seconds": stages.seconds})


setup.add_command(ceremony_cli.ceremony_group)


def _sizes(sizes: tuple[str, ...]) -> list[int]:
    return [int(size) for size in sizes] or list(SIZES)


# --- check and prove ---------------------------------------------------------------------------------


def rebalance_options(command: Any) -> Any:
    """The files of one rebalance."""
    for option in reversed(
        [
            click.option("--policy", type=FILE, required=True, help="Policy (YAML)."),
            click.option("--prices", type=FILE, required=True, help="Prices (YAML or CSV)."),
            click.option(
                "--before",
                metavar="PATH|empty",
                help="What is held before: an opening (JSON), or `empty` for the first rebalance.",
            ),
            click.option("--trades", type=FILE, help="Trades, after minus before (CSV or YAML). Secret."),
            click.option("--after", type=FILE, help="The book after (CSV or YAML), instead of the trades. Secret."),
            click.option("--heartbeat", is_flag=True, help="No trades: the same book at these prices."),
        ]
    ):
        command = option(command)
    return command


@main.command(**example("dls-zk check --policy policy.yaml --prices prices.yaml --before book.csv --trades trades.csv"))
@rebalance_options
@click.option("--terms", type=FILE, help="Terms (YAML); without them no flow and no accrual.")
@json_option
def check(
    policy: Path,
    prices: Path,
    before: str | None,
    trades: Path | None,
    after: Path | None,
    heartbeat: bool,
    terms: Path | None,
    as_json: bool,
) -> None:
    """Decide the twenty checks, without a circuit.

    In plain integers, with the headroom of every limit.
    --before may also be a book (CSV or YAML) here. The output is as secret as the book: it shows exposures.
    """
    _require_one_move(trades, after, heartbeat)
    rebalance = operations.load_rebalance(
        policy, prices, _before(before), trades=trades, after=after, terms=terms, opening_required=False
    )
    report = operations.check(rebalance)
    if as_json:
        print_json(report_json(report))
    else:
        _print_report(report)
    operations.require(report)


def report_json(report: Report) -> dict[str, Any]:
    """A report for pipelines. value, limit: decimals in ``unit`` (a share "of NAV", a ratio "x", or "USD"), the value
    rounded towards breaking its limit, null where there is nothing to compare with. slack: exact, an integer in the
    inequality's own scale, negative where it is broken."""
    return {
        "holds": report.holds,
        "checks": [
            {
                "number": check.number,
                "name": check.name,
                "holds": check.holds,
                "limits": [
                    {
                        "subject": limit.subject,
                        "holds": limit.holds,
                        "value": None if limit.value is None else decimal_text(limit.value, down=limit.at_least),
                        "limit": decimal_text(limit.bound),
                        "unit": limit.unit,
                        "at_least": limit.at_least,
                        "slack": str(limit.slack),
                    }
                    for limit in check.limits
                    if limit.unit
                ],
                "broken": [limit.subject for limit in check.limits if not limit.unit and not limit.holds],
            }
            for check in report.checks
        ],
    }


def _print_report(report: Report) -> None:
    rows = table("", "check", "nearest to its limit", "value", "limit", "headroom")
    for check in report.checks:
        limit = check.tightest
        mark = marked("green", "✓") if check.holds else marked("red", "✗")
        name = f"{check.number:2d} {check.name}"
        if not limit.unit:
            rows.add_row(mark, name, "" if check.holds else limit.subject, "", "", "" if check.holds else "broken")
            continue
        room = None if limit.value is None else (limit.value - limit.bound) * (1 if limit.at_least else -1)
        rows.add_row(
            mark,
            name,
            limit.subject,
            show_value(limit),
            f"{'≥' if limit.at_least else '≤'} {show_amount(limit.bound, limit.unit)}",
            "" if room is None else show_amount(room, limit.unit, down=True),
        )
    console.print(rows)
    if report.holds:
        console.print(f"All {len(report.checks)} checks hold.")


def _require_one_move(trades: Path | None, after: Path | None, heartbeat: bool) -> None:
    if sum(map(bool, (trades, after, heartbeat))) != 1:
        raise click.UsageError("Give one of --trades, --after and --heartbeat.")


def _before(text: str | None) -> Path | None:
    if text is None:
        raise click.UsageError("Missing option '--before' (an opening, or `empty` for the first rebalance).")
    return None if text == "empty" else Path(text)


@main.command(
    **example(
        "dls-zk prove --policy policy.yaml --prices prices.yaml --before empty --after book.csv --terms terms.yaml --out r1"
    )
)
@rebalance_options
@click.option("--terms", type=FILE, required=True, help="Terms of this rebalance (YAML): flow, accrual, context.")
@click.option("--out", type=FILE, required=True, help="Folder for proof.json and opening.json; must hold neither.")
@backend_option
@key_option
@json_option
def prove(
    policy: Path,
    prices: Path,
    before: str | None,
    trades: Path | None,
    after: Path | None,
    heartbeat: bool,
    terms: Path,
    out: Path,
    backend: str,
    kind: str | None,
    as_json: bool,
) -> None:
    """Prove a rebalance and write the proof.

    Writes opening.json (SECRET: the vault cannot move without it), and proof.json and terms.yaml (public) for `submit`.

    A rebalance that breaks a check is refused by name (exit code 4) before the circuit is touched, and nothing is written.
    """
    _require_one_move(trades, after, heartbeat)
    stages = Stages(quiet=as_json)
    rebalance = operations.load_rebalance(policy, prices, _before(before), trades=trades, after=after, terms=terms)
    operations.proven_paths(out)
    operations.require(operations.check(rebalance))
    with stages("Circuit"):
        circuit = operations.build_circuit(rebalance.size.slots)
    proven = operations.prove(rebalance, operations.installed_key(circuit, kind), circuit, backend, stages)
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
                "public": signals_json(proven.public),
                "seconds": stages.seconds,
            }
        )
    else:
        click.echo(f"proof    {proof_path}")
        click.echo(f"terms    {terms_path}")
        click.echo(f"opening  {opening_path}  (secret; keep a copy: the vault cannot move without it)")


def signals_json(public: PublicSignals) -> dict[str, Any]:
    """Public signals by name; field elements as hex, amounts as decimal strings (nav_floor in the policy's steps)."""
    return {
        "commitment_before": f"0x{public.commitment_before:064x}",
        "commitment_after": f"0x{public.commitment_after:064x}",
        "policy_hash": f"0x{public.policy_hash:064x}",
        "flow_e6": str(public.flow),
        "accrual_ppm": str(public.accrual),
        "nav_floor": str(public.nav_floor),
        "context": f"0x{public.context:064x}",
        "prices": [f"0x{word:064x}" for word in public.prices],
    }


# --- verify -------------------------------------------------------------------------------------------


@main.command(**example("dls-zk verify r1/proof.json --verifier all --policy policy.yaml --prices prices.yaml"))
@click.argument("proof", type=FILE)
@click.option(
    "--verifier",
    type=click.Choice([*operations.VERIFIERS, "all"]),
    default="pyecc",
    show_default=True,
    help="What verifies it; of all, each has to agree.",
)
@click.option("--vkey", type=FILE, help="verification_key.json to verify against, instead of the installed key's.")
@click.option("--policy", type=FILE, help="Also demand that the proof is about this policy.")
@click.option("--prices", type=FILE, help="Also demand these prices (with --policy).")
@click.option("--terms", type=FILE, help="Also demand this flow, accrual and context: chain, hub, vault, sequence, ….")
@key_option
@json_option
def verify(
    proof: Path,
    verifier: str,
    vkey: Path | None,
    policy: Path | None,
    prices: Path | None,
    terms: Path | None,
    kind: str | None,
    as_json: bool,
) -> None:
    """Verify a proof, by one verifier or by all.

    By pyecc in pure Python, by snarkjs, by evm (the generated contract on a local chain), or by all of them.

    Exit code 7 if it does not hold. That a proof holds says nothing of what it is about: give the policy, the prices and the
    terms that it should be about, or leave that to the hub, which compares them with its own.
    """
    if prices and not policy:
        raise click.UsageError("--prices needs --policy, which says which instrument is in which slot.")
    given = Proof.read(proof)
    public = PublicSignals.from_field(given.public)
    rules = files.read_policy(policy) if policy else None
    names = operations.VERIFIERS if verifier == "all" else (verifier,)
    if vkey and "evm" in names:
        raise click.UsageError("The evm verifier is generated from an installed key; leave --vkey out.")
    stages = Stages(quiet=as_json)
    with stages("Key"):
        target = operations.verification_target(given, vkey, kind)
    told = {"circuit": given.circuit, "insecure": target.insecure, "public": signals_json(public)}
    try:
        operations.require_signals(public, rules, prices, terms)
        for name in names:
            with stages(f"Verified by {name}"):
                operations.verify(name, target, given)
    except ProofInvalid as error:
        if as_json:
            print_json({"holds": False, "reason": str(error)} | told)
        raise
    if target.insecure:
        warn_insecure()
    if as_json:
        print_json({"holds": True, "verifiers": list(names)} | told | {"seconds": stages.seconds})
    else:
        _print_signals(public, rules, (policy, prices, terms))


def _print_signals(public: PublicSignals, rules: Policy | None, demanded: tuple[Path | None, ...]) -> None:
    """What a proof that holds says in public, and what of it nobody has compared."""
    rows = table("the proof holds", "")
    floor = f"{public.nav_floor:,} steps of the policy's granularity"
    if rules:
        step = rules.nav_granularity_usd
        floor = f"at least {public.nav_floor * step:,} USD, below {(public.nav_floor + 1) * step:,} USD"
    rows.add_row("NAV", floor)
    flow = decimal_text(Fraction(public.flow, 10**QUANTITY_DECIMALS), separator=",")
    rows.add_row("flow", f"{flow} of slot 0")
    rows.add_row("accrual", f"{public.accrual} ppm of NAV")
    for name, value in signals_json(public).items():
        if name.startswith(("commitment", "policy", "context")):
            rows.add_row(name.replace("_", " "), str(value))
    console.print(rows)
    missing = [f"--{name}" for name, path in zip(("policy", "prices", "terms"), demanded, strict=True) if not path]
    if missing:
        click.echo(f"note: not compared with what it should be about: {', '.join(missing)}", err=True)


# --- export --------------------------------------------------------------------------------------------


@main.group()
def export() -> None:
    """Export what chains and other tools need."""


def _emit(text: str, out: Path | None) -> None:
    if out:
        artifacts.write_new(out, text)
    else:
        click.echo(text, nl=not text.endswith("\n"))


def _key_to_export(size: str, kind: str | None) -> artifacts.ProvingKey:
    key = operations.installed_key(operations.build_circuit(int(size)), kind)
    if key.insecure:
        warn_insecure()
    return key


out_option = click.option("--out", type=FILE, help="File to write; standard output if not given.")
one_size_option = click.option("--size", type=click.Choice([str(n) for n in SIZES]), required=True, help="Circuit size.")


@export.command("verifier", **example("dls-zk export verifier --size 16 --out Groth16Verifier_16.sol"))
@one_size_option
@key_option
@out_option
def export_verifier(size: str, kind: str | None, out: Path | None) -> None:
    """The Solidity verifier of a key, as snarkjs generates it."""
    key = _key_to_export(size, kind)
    _emit(operations.verifier_source(operations.verifying_key(key), key.circuit, insecure=key.insecure), out)


@export.command("vkey", **example("dls-zk export vkey --size 16 --out verification_key.json"))
@one_size_option
@key_option
@out_option
def export_vkey(size: str, kind: str | None, out: Path | None) -> None:
    """The verification key (JSON), for snarkjs and `dls-zk verify --vkey`."""
    _emit(_key_to_export(size, kind).verification_key.read_text(), out)


@export.command("calldata", **example("dls-zk export calldata r1/proof.json --out calldata.json"))
@click.argument("proof", type=FILE)
@out_option
def export_calldata(proof: Path, out: Path | None) -> None:
    """A proof as Solidity arguments and as the calldata of verifyProof (JSON)."""
    given = Proof.read(proof)
    arguments = calldata.ProofArguments.from_proof(given)
    solidity = json.loads(f"[{arguments.to_solidity()}]")
    document = {"arguments": solidity, "calldata": "0x" + arguments.verify_calldata().hex()}
    _emit(json.dumps(document, indent=2) + "\n", out)


# --- the chain ------------------------------------------------------------------------------------------

for _command in (
    chain_cli.chain_group,
    chain_cli.deploy,
    vault_cli.policy_group,
    vault_cli.oracle_group,
    vault_cli.vault_group,
    chain_cli.submit,
    chain_cli.watch,
):
    main.add_command(_command)


# --- demo -----------------------------------------------------------------------------------------------


@main.command(**example("dls-zk demo --json summary.json"))
@click.option("--json", "summary", type=FILE, help="Also write the summary to this file.")
@backend_option
def demo(summary: Path | None, backend: str) -> None:
    """The whole story on a local chain.

    A hidden rebalance is proven, verified three ways and accepted on chain, and three frauds are refused.
    """
    from . import demo as story  # it brings web3, which takes a second to load

    if summary and os.path.lexists(summary):
        raise InputError("exists, and is not overwritten; choose another name, or move it away", str(summary))
    if summary and not summary.absolute().parent.is_dir():
        raise InputError("is in no folder that exists", str(summary))
    stages = Stages()
    told = story.run(stages, backend)
    console.print(story.table(told))
    if summary:
        artifacts.write_new(summary, json.dumps(told, indent=2) + "\n")
        click.echo(f"summary  {summary}")


