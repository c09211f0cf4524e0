"""``dls-zk chain``: a local chain."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import files, operations
from ..errors import ChainError
from ..files.values import time_text
from ..statement.circuits import of_size
from ..statement.constants import DEVELOPMENT_CHAIN_IDS
from ..storage import disk
from ..storage.places import PACKAGE
from .common import FILE, console, example, json_option, print_json, table, warn_insecure
from .options import Access, chain_command
from .stages import Stages

if TYPE_CHECKING:
    from ..chain.local import LocalMarket


#: What each account of the local chain holds of the asset, in its smallest unit: a billion.
ASSETS = 10**9 * 10**6


@click.group("chain")
def chain() -> None:
    """Run a local chain for development."""


@chain.command("up", **example("dls-zk chain up --port 8545"))
@click.option("--port", type=click.IntRange(0, 65535), default=8545, show_default=True, help="Port, or 0 for a free one.")
@click.option(
    "--chain-id",
    type=click.Choice([str(n) for n in DEVELOPMENT_CHAIN_IDS]),
    default="31337",
    show_default=True,
    help="Id of the chain.",
)
@click.option("--out", type=FILE, default="deployment.json", show_default=True, help="File to write: the contracts.")
@click.option("--feeds", "feeds_out", type=FILE, default="feeds.json", show_default=True, help="File to write: the feeds.")
@click.option("--policy", "policy_path", type=FILE, help="Policy whose instruments get feeds [default: the example's].")
@click.option("--prices", "prices_path", type=FILE, help="First prices of the feeds [default: the example's].")
@json_option
def chain_up(
    port: int, chain_id: str, out: Path, feeds_out: Path, policy_path: Path | None, prices_path: Path | None, as_json: bool
) -> None:
    """Run a local chain with all contracts on it.

    Deploys the contracts with an INSECURE key, development feeds at the example's prices, a feed set and an asset that
    anyone can mint, and takes a first price snapshot. Runs until interrupted, then removes the two files that it wrote.
    While it runs, the feeds answer their last price anew before it gets too old.
    """
    from ..chain import checked_key, local

    if (policy_path is None) != (prices_path is None):
        raise click.UsageError("Give --policy and --prices together, or neither.")
    for path in (out, feeds_out):
        disk.require_absent(path)
    folder = PACKAGE / "examples" / "delta_neutral_eth"
    policy = files.read_policy(policy_path or folder / "policy.yaml")
    prices = files.read_prices(prices_path or folder / "prices.yaml", policy)
    stages = Stages(quiet=as_json)
    with stages("Circuit"):
        circuit = operations.build_circuit(of_size(policy.size.slots).name)
    with stages("Development key (INSECURE)") as moving:
        key = checked_key(operations.development_key(circuit, moving=moving), circuit)
    with local.people(port=port, chain_id=int(chain_id)) as accounts:
        market = local.furnish(accounts, key, policy, prices, stages)
        for person in market.people[:-1]:
            market.asset.mint(market.owner, person.address, ASSETS)
        try:
            files.write_deployment(out, market.protocol.deployment)
            files.write_feeds(feeds_out, market.named_feeds)
            _show_market(market, out, feeds_out, as_json)
            while True:
                market.refresh()
                time.sleep(1)
        finally:
            out.unlink(missing_ok=True)
            feeds_out.unlink(missing_ok=True)


@chain.command("wait", **example("dls-zk chain wait 3600"))
@click.argument("seconds", type=click.IntRange(1, 366 * 86_400))
@chain_command()
@click.option("--feeds", type=FILE, default="feeds.json", show_default=True, help="Feeds to wait for, if the file exists.")
@json_option
def chain_wait(access: Access, seconds: int, feeds: Path, as_json: bool) -> None:
    """Let seconds pass on a local development chain, and wait until the feeds of `chain up` have answered anew.

    For trying what takes days: a delay of orders, a looser mandate, a vault that goes stale.
    """
    from ..chain import local

    on = access.chain()
    if not on.is_development:
        raise ChainError(f"{on.where} is no local development chain; only there time can be moved", code="wrong_chain")
    addresses = files.read_feed_addresses(feeds) if feeds.exists() else {}
    local.wait(on, seconds)
    with access.stages("Feeds answered anew"):
        local.require_answers(on, addresses.values())
    now = on.now()
    if as_json:
        print_json({"timestamp": now})
    else:
        click.echo(f"{time_text(now)} UTC")


def _show_market(market: LocalMarket, out: Path, feeds_out: Path, as_json: bool) -> None:
    deployment = market.protocol.deployment
    found = {
        "rpc": market.rpc,
        "chain_id": deployment.chain_id,
        "deployment": str(out),
        "feeds": str(feeds_out),
        "hub": deployment.hub,
        "asset": market.asset.address,
        "feed_set": f"0x{market.feed_set.hex()}",
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
