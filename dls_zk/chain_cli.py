"""``chain up``, ``deploy``, ``submit`` and ``watch``."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import files, operations
from .chain_options import Access, chain_command
from .cli_common import FILE, console, example, json_option, marked, print_json, size_option, table, warn_insecure
from .constants import DEVELOPMENT_CHAIN_IDS, SIZES
from .errors import ChainError, InputError, VaultStale
from .files import Deployment
from .progress import Stages
from .proof import Proof

if TYPE_CHECKING:
    from .chain import Outcome
    from .chain.client import Event
    from .chain.deployment import Finding
    from .chain.local import LocalMarket

#: For the examples of the help.
EXAMPLE_VAULT = "0x" + "3fc1" * 16


class VaultId(click.ParamType):  # type: ignore[type-arg]
    """The id of a vault: 32 bytes in hex."""

    name = "vault"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        text = str(value)
        try:
            found = bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            found = b""
        if len(found) != 32:
            self.fail(f"{text!r} is no vault id (0x and 64 hex digits)", param, ctx)
        return found


# --- chain up ---------------------------------------------------------------------------------------------------


@click.group("chain")
def chain_group() -> None:
    """A local chain for development."""


@chain_group.command("up", **example("dls-zk chain up --port 8545"))
@click.option("--port", type=click.IntRange(0, 65535), default=8545, show_default=True, help="Port; 0 for a free one.")
@click.option(
    "--chain-id",
    type=click.Choice([str(n) for n in DEVELOPMENT_CHAIN_IDS]),
    default="31337",
    show_default=True,
    help="Id of the chain.",
)
@click.option("--out", type=FILE, default="deployment.json", show_default=True, help="File to write: the contracts.")
@click.option("--feeds", "feeds_out", type=FILE, default="feeds.json", show_default=True, help="File to write: the feeds.")
@click.option("--policy", type=FILE, help="Policy whose instruments are priced; the example's if not given.")
@click.option("--prices", type=FILE, help="Their prices; the example's if not given.")
@json_option
def chain_up(
    port: int, chain_id: str, out: Path, feeds_out: Path, policy: Path | None, prices: Path | None, as_json: bool
) -> None:
    """A local chain with everything deployed on it.

    Contracts with an INSECURE key, development feeds at the example's prices, a feed set, an asset that anyone can mint, and
    a first price snapshot. Stays until it is interrupted, and then removes the two files that it wrote.
    """
    from .chain import checked_key, local

    if (policy is None) != (prices is None):
        raise click.UsageError("Give --policy and --prices together, or neither.")
    for path in (out, feeds_out):
        if os.path.lexists(path):
            raise InputError("exists, and is not overwritten; choose another name, or move it away", str(path))
    folder = Path(__file__).parent / "examples" / "delta_neutral_eth"
    rules = files.read_policy(policy or folder / "policy.yaml")
    at = files.read_prices(prices or folder / "prices.yaml", rules)
    stages = Stages(quiet=as_json)
    with stages("Circuit"):
        circuit = operations.build_circuit(rules.size.slots)
    with stages("Development key (INSECURE)") as moving:
        key = checked_key(operations.development_key(circuit, moving=moving), circuit)
    with local.people(port=port, chain_id=int(chain_id)) as accounts:
        market = local.furnish(accounts, key, rules, at, stages)
        try:
            files.write_deployment(out, market.protocol.deployment)
            files.write_feeds(feeds_out, market.feeds_file)
            _show_market(market, out, feeds_out, as_json)
            while True:
                time.sleep(3600)
        finally:
            out.unlink(missing_ok=True)
            feeds_out.unlink(missing_ok=True)


def _show_market(market: LocalMarket, out: Path, feeds_out: Path, as_json: bool) -> None:
    told = market.protocol.deployment
    found = {
        "rpc": market.rpc,
        "chain_id": told.chain_id,
        "deployment": str(out),
        "feeds": str(feeds_out),
        "hub": told.hub,
        "asset": market.asset.address,
        "feed_set": market.feed_set,
        "account": market.owner.address,
    }
    if as_json:
        click.echo(json.dumps(found))  # one line: whoever starts it reads just this
        return
    rows = table("a local chain is up", "")
    for name, value in found.items():
        rows.add_row(name.replace("_", " "), str(value))
    console.print(rows)
    warn_insecure()
    click.echo("Interrupt (Ctrl-C) to end it.", err=True)


# --- deploy -----------------------------------------------------------------------------------------------------


@click.command("deploy", **example("dls-zk deploy --size 16 --out deployment.json"))
@chain_command(signing=True)
@size_option
@click.option("--key", "kind", type=click.Choice(operations.KEY_KINDS), help="Kind of key; a ceremony's if there is one.")
@click.option("--out", type=FILE, help="File to write: where the contracts are.")
@click.option("--check", is_flag=True, help="Deploy nothing: compare what is deployed with what this package compiles.")
@json_option
def deploy(access: Access, sizes: tuple[str, ...], kind: str | None, out: Path | None, check: bool, as_json: bool) -> None:
    """Put all contracts and the keys of these sizes on a chain.

    Each key is checked first: its points, its ceremony, that it is for this circuit, and no development key but on a local
    development chain. Run again after being cut off, it goes on. --check is for whoever relies on a deployment.
    """
    from . import chain

    if check == bool(out):
        raise click.UsageError("Give one of --out and --check.")
    if check:
        findings = chain.audit(access.protocol())
        _show_findings(findings, as_json)
        if any(finding.fault for finding in findings):
            raise ChainError("what is deployed is not what this package compiles; do not use it")
        return
    assert out
    if os.path.lexists(out):
        raise InputError("exists, and is not overwritten; choose another name, or move it away", str(out))
    keys = []
    for slots in [int(size) for size in sizes] or list(SIZES):
        circuit = operations.build_circuit(slots)
        with access.stages(f"Key of {circuit.name} checked"):
            keys.append(chain.checked_key(operations.installed_key(circuit, kind), circuit))
    on = access.chain()
    deployment = chain.deploy(access.sender(on), keys, access.stages)
    files.write_deployment(out, deployment)
    if any(key.insecure for key in keys):
        warn_insecure()
    if as_json:
        print_json(deployment.model_dump() | {"file": str(out)})
    else:
        console.print(_deployment_table(deployment))
        click.echo(f"deployment  {out}")


def _deployment_table(deployment: Deployment) -> object:
    rows = table("contract", "address")
    for name in ("hub", "policy_registry", "price_oracle"):
        rows.add_row(name.replace("_", " "), getattr(deployment, name))
    for circuit, key in deployment.keys.items():
        rows.add_row(f"key {key.number}: {circuit}", f"{key.verifier}, batches {key.batch_verifier}")
    return rows


def _show_findings(findings: list[Finding], as_json: bool) -> None:
    if as_json:
        print_json([finding.__dict__ for finding in findings])
        return
    rows = table("contract", "address", "")
    for finding in findings:
        mark = marked("red", finding.fault) if finding.fault else marked("green", "as compiled")
        rows.add_row(finding.contract, finding.address, mark.append(" INSECURE key", "yellow") if finding.insecure else mark)
    console.print(rows)


# --- submit -----------------------------------------------------------------------------------------------------


@click.command("submit", **example("dls-zk submit r1 r2 --keystore operator.json"))
@click.argument("folders", type=FILE, nargs=-1, required=True)
@chain_command(signing=True)
@click.option("--vkey", type=FILE, help="verification_key.json to verify against first, instead of the installed key's.")
@json_option
def submit(access: Access, folders: tuple[Path, ...], vkey: Path | None, as_json: bool) -> None:
    """Submit rebalances, one or many, each once.

    FOLDERS are what `prove --out` wrote. Each proof is verified here and compared with what the hub demands before anything
    is sent; a bad one is named. Rebalances of one operator at one price round and with one deadline go in batches. Killed or
    cut off and run again, it finds out what happened and ends the same.
    """
    from . import chain

    protocol = access.protocol()
    submissions = [chain.Submission.read(folder) for folder in folders]
    sender = access.sender(protocol.chain)

    def target(proof: Proof) -> operations.Target:
        return operations.verification_target(proof, vkey)

    outcomes = chain.submit(protocol, sender, submissions, target, access.stages)
    if as_json:
        print_json({"submissions": [_outcome_json(outcome) for outcome in outcomes], "seconds": access.stages.seconds})
        return
    rows = table("rebalance", "vault", "number", "transaction", "gas")
    for outcome in outcomes:
        accepted = outcome.accepted
        gas = "" if outcome.gas_used is None else f"{outcome.gas_used // outcome.shared_by:,}"
        rows.add_row(
            outcome.submission.where,
            f"0x{accepted.vault.hex()[:8]}…",
            str(accepted.sequence),
            accepted.transaction + (" (before)" if outcome.before else ""),
            gas,
        )
    console.print(rows)


def _outcome_json(outcome: Outcome) -> dict[str, object]:
    accepted = outcome.accepted
    return {
        "folder": outcome.submission.where,
        "vault": f"0x{accepted.vault.hex()}",
        "sequence": accepted.sequence,
        "commitment_after": f"0x{accepted.commitment_after:064x}",
        "transaction": accepted.transaction,
        "block": accepted.block,
        "accepted_before": outcome.before,
        "gas_used": outcome.gas_used,
        "shared_by": outcome.shared_by,
    }


# --- watch ------------------------------------------------------------------------------------------------------


@click.command("watch", **example(f"dls-zk watch {EXAMPLE_VAULT} --json"))
@click.argument("vaults", type=VaultId(), nargs=-1, metavar="[VAULT]...")
@chain_command()
@click.option("--from-block", type=click.IntRange(0), help="First block; the present one if not given.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option("--depth", type=click.IntRange(1), default=3, show_default=True, help="Newest blocks that may still go.")
@click.option("--every", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between two looks.")
@json_option
def watch(
    access: Access,
    vaults: tuple[bytes, ...],
    from_block: int | None,
    once: bool,
    depth: int,
    every: float,
    as_json: bool,
) -> None:
    """Print what happens to vaults as it happens, a line for each event.

    Exit code 10 as soon as one of them (of all, if none is named, those that something happened to) is stale or winds down.
    An event that a reorganisation takes back is told again as gone.
    """
    from .chain import VaultStatus
    from .chain.watching import Watch

    protocol = access.protocol()
    for vault in vaults:
        protocol.hub.state(vault)  # there is such a vault
    watched = dict.fromkeys(vaults)
    follow = Watch(protocol.hub, protocol.chain.block_number() if from_block is None else from_block, depth)
    while True:
        for sighting in follow.look():
            whose = sighting.event.arguments.get("vaultId")
            if vaults and whose not in watched:
                continue
            if whose is not None:
                watched[bytes(whose)] = None
            _tell(sighting.event, protocol.chain.timestamp(sighting.event.block) if not sighting.gone else None, as_json)
        for vault in watched:
            status = protocol.hub.state(vault).status
            if status in (VaultStatus.STALE, VaultStatus.WIND_DOWN):
                raise VaultStale(f"vault 0x{vault.hex()} is {status.words}")
        if once:
            return
        time.sleep(every)


def event_json(event: Event) -> dict[str, object]:
    """An event for pipelines: numbers of 64 bits and more as text, bytes as hex."""
    return {
        "event": event.name,
        "block": event.block,
        "transaction": event.transaction,
        "arguments": {name: _plain(value) for name, value in event.arguments.items()},
    }


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and value >= 1 << 53:
        return f"0x{value:064x}"
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value


def event_text(event: Event) -> str:
    """An event's arguments in a line."""

    def shown(value: object) -> str:
        text = str(_plain(value))
        return text[:10] + "…" if text.startswith("0x") and len(text) > 42 else text

    return ", ".join(f"{name} {shown(value)}" for name, value in event.arguments.items() if name != "vaultId")


#: The last second that ``time_text`` has a date for, of the year 9999.
LAST_SECOND = 253_402_300_799


def time_text(timestamp: int) -> str:
    """Unix seconds for a person, UTC; as they are if they are beyond ``LAST_SECOND``, as a node may say."""
    if timestamp > LAST_SECOND:
        return str(timestamp)
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _tell(event: Event, timestamp: int | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(event_json(event) | {"timestamp": timestamp, "gone": timestamp is None}))
        return
    vault = event.arguments.get("vaultId")
    whose = f" {('0x' + vault.hex())[:10]}…" if vault is not None else ""
    when = "gone" if timestamp is None else time_text(timestamp)
    click.echo(f"{when}  block {event.block}{whose}  {event.name}  {event_text(event)}")
