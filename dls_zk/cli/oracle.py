"""``dls-zk oracle``: feeds and price snapshots."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import files
from ..errors import ChainError, InputError
from ..files import Fixed
from ..files.values import time_text
from ..statement.model import Policy, Prices, Round
from .common import FILE, confirm, console, example, json_option, print_json, table, uint
from .options import Access, chain_command
from .policy import policy_of
from .report import decimal_text

if TYPE_CHECKING:
    from ..chain import Snapshot
    from ..chain.feeds import FeedReport


@click.group("oracle")
def oracle() -> None:
    """Add price feeds, take snapshots of their prices, and show them."""


@oracle.command("add", **example("dls-zk oracle add feeds.yaml --policy policy.yaml --yes"))
@click.argument("feeds", type=FILE)
@chain_command(signing=True)
@click.option("--policy", "policy_path", type=FILE, required=True, help="Policy that assigns the slots.")
@click.option("--yes", is_flag=True, help="Add the feeds without asking; needed where there is no terminal.")
@json_option
def oracle_add(access: Access, feeds: Path, policy_path: Path, yes: bool, as_json: bool) -> None:
    """Add the feeds of a policy's instruments to the oracle; prints the number of the feed set.

    Shows what each feed says of itself, and asks. Refuses, also with --yes, a feed that prices in another currency than USD
    or whose answer is stuck at one of its bounds.
    """
    from .. import chain
    from ..chain.feeds import report

    policy = files.read_policy(policy_path)
    named = files.read_feeds(feeds, policy)
    protocol = access.protocol()
    reports = {name: report(protocol.chain, feed.aggregator) for name, feed in named.feeds.items()}
    for name, said in reports.items():
        click.echo(f"{name}: {_feed_text(said)}", err=True)
    for name, said in reports.items():
        for fault in said.faults():
            raise InputError(f"the feed {said.address} of {name} must not be added: {fault}", str(feeds))
    if not yes:
        confirm("Add these feeds?", "There is no terminal to ask on: look at the feeds, then pass --yes.")
    with access.stages("Feed set added"):
        number = protocol.oracle.add_feed_set(access.sender(protocol.chain), chain.FeedSet.of(named, policy))
    if as_json:
        print_json({"feed_set": number})
    else:
        click.echo(number)


@oracle.command("feeds", **example("dls-zk oracle feeds 1 --policy policy.yaml"))
@click.argument("feed_set", type=uint(32))
@chain_command()
@click.option("--policy", "policy_text", metavar="FILE|HASH", help="Policy that names the slots.")
@json_option
def oracle_feeds(access: Access, feed_set: int, policy_text: str | None, as_json: bool) -> None:
    """Show the feeds of a set: what each says of itself, and within which bounds its answers are used."""
    from ..chain.feeds import report
    from ..chain.oracle import NOBODY

    protocol = access.protocol()
    listed = protocol.oracle.feed_set(feed_set)
    slots = policy_of(policy_text, protocol).slots if policy_text else ()
    names = [slot.instrument for slot in slots] or [f"slot {slot}" for slot in range(len(listed.feeds))]
    used = {name: feed for name, feed in zip(names, listed.feeds, strict=False) if feed.aggregator != NOBODY}
    reports = {name: report(protocol.chain, feed.aggregator) for name, feed in used.items()}
    if as_json:
        print_json(
            {
                "feed_set": feed_set,
                "sequencer_feed": None if listed.sequencer_feed == NOBODY else listed.sequencer_feed,
                "grace_period_s": listed.grace_period_s,
                "confirmation_delay_s": listed.confirmation_delay_s,
                "feeds": {
                    name: {"heartbeat_s": feed.heartbeat_s, "max_deviation_bps": feed.max_deviation_bps}
                    | asdict(reports[name])
                    | {"quote": reports[name].quote, "faults": list(reports[name].faults())}
                    for name, feed in used.items()
                },
            }
        )
        return
    for name, feed in used.items():
        click.echo(f"{name}: {_feed_text(reports[name])}")
        move = Fixed(2, 0, 1 << 16, "%").show(feed.max_deviation_bps)
        click.echo(f"    not older than {feed.heartbeat_s} s; a move beyond {move} waits for a confirmation")
    if listed.sequencer_feed != NOBODY:
        click.echo(f"sequencer feed {listed.sequencer_feed}, {listed.grace_period_s} s of grace")
    click.echo(f"a confirmation waits for {listed.confirmation_delay_s} s")


def _feed_text(said: FeedReport) -> str:
    """What a feed says of itself, in a line."""

    def shown(value: int | None) -> str:
        return "unknown" if value is None or said.decimals is None else decimal_text(Fraction(value, 10**said.decimals))

    bounds = "no bounds" if said.least is None and said.most is None else f"from {shown(said.least)} to {shown(said.most)}"
    said_of_itself = f'"{said.description}", answers {shown(said.answer)}, {said.decimals} decimals, {bounds}'
    return "; ".join([f"{said.address} {said_of_itself}", *said.faults(), *said.doubts()])


@oracle.command("snapshot", **example("dls-zk oracle snapshot 1"))
@click.argument("feed_set", type=uint(32))
@chain_command(signing=True)
@json_option
def oracle_snapshot(access: Access, feed_set: int, as_json: bool) -> None:
    """Take a price snapshot, which all vaults with these feeds may use; prints the number of its round.

    Exit code 75 if a price moved too far: then run this again after the time that it says.
    """
    from .. import chain

    protocol = access.protocol()
    with access.stages("Snapshot taken"):
        taken = protocol.oracle.take_snapshot(access.sender(protocol.chain), feed_set)
    if isinstance(taken, chain.Unconfirmed):
        raise ChainError(
            f"a price moved too far for one look; take the snapshot again from {time_text(taken.confirmable_at)} UTC on",
            code="price_moved",
            after=max(taken.confirmable_at - protocol.chain.now(), 0),
        )
    if as_json:
        print_json(_snapshot_json(taken, None))
    else:
        click.echo(taken.round)


@oracle.command("show", **example("dls-zk oracle show 1 --policy policy.yaml --out prices.yaml"))
@click.argument("feed_set", type=uint(32))
@chain_command()
@click.option("--round", "number", type=uint(32, least=1), help="Round [default: the newest].")
@click.option("--policy", "reference", metavar="FILE|HASH", help="Policy that names the slots.")
@click.option("--out", type=FILE, help="File to write: the prices, for `prove` (with --policy).")
@json_option
def oracle_show(
    access: Access, feed_set: int, number: int | None, reference: str | None, out: Path | None, as_json: bool
) -> None:
    """Show a price snapshot."""
    if out and not reference:
        raise click.UsageError("--out needs --policy, which says which instrument is in which slot.")
    protocol = access.protocol()
    snapshot = protocol.oracle.snapshot(number) if number else protocol.oracle.latest(feed_set)
    if snapshot is None:
        message = f"there is no snapshot of feed set {feed_set} yet; run `dls-zk oracle snapshot {feed_set}`"
        raise ChainError(message, code="unknown_id")
    if snapshot.feed_set != feed_set:
        raise InputError(f"round {snapshot.round} is of feed set {snapshot.feed_set}, not {feed_set}")
    policy = policy_of(reference, protocol) if reference else None
    if out and policy:
        write_prices(out, snapshot, policy, protocol.chain.chain_id)
    if as_json:
        print_json(_snapshot_json(snapshot, policy))
        return
    rows = table(f"round {snapshot.round}, {time_text(snapshot.timestamp)} UTC", "USD")
    for name, price in prices_by_name(snapshot, policy).items():
        rows.add_row(name, price)
    console.print(rows)


def write_prices(out: Path, snapshot: Snapshot, policy: Policy, chain_id: int) -> None:
    """Write a snapshot's prices of a policy's instruments, and which round they are of. InputError if the file exists."""
    at = Round(chain_id, snapshot.oracle, snapshot.round)
    source = f"round {at.number} of the oracle {at.oracle} on chain {at.chain_id}"
    prices = Prices(snapshot.usd_e8[: policy.size.slots], at)
    files.write_prices(out, prices, policy, time_text(snapshot.timestamp)[:10], source)


def prices_by_name(snapshot: Snapshot, policy: Policy | None) -> dict[str, str]:
    """Prices in USD by instrument, or by slot."""
    price = Fixed(8, 0, (1 << 48) - 1)
    names = [slot.instrument for slot in policy.slots] if policy else [f"slot {i}" for i in range(len(snapshot.usd_e8))]
    return {name: price.show(usd_e8) for name, usd_e8 in zip(names, snapshot.usd_e8, strict=False) if name and usd_e8}


def _snapshot_json(snapshot: Snapshot, policy: Policy | None) -> dict[str, Any]:
    return {
        "round": snapshot.round,
        "feed_set": snapshot.feed_set,
        "timestamp": snapshot.timestamp,
        "prices_usd": prices_by_name(snapshot, policy),
        "words": [f"0x{word:064x}" for word in snapshot.words],
    }
