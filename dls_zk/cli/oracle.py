"""``dls-zk oracle``: feeds and price snapshots."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import files
from ..errors import ChainError, InputError
from ..files import Fixed
from ..files.values import time_text
from ..statement.ethereum import NOBODY
from ..statement.model import Policy, Prices, Round
from .common import FILE, confirm, console, example, json_option, print_json, table, uint
from .options import Access, chain_command
from .params import EXAMPLE_FEED_SET, FeedSetName
from .policy import policy_of
from .report import decimal_text

if TYPE_CHECKING:
    from ..chain import Snapshot
    from ..chain.feeds import FeedReport
    from ..statement.feeds import Feed


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
    """Add the feeds of a policy's instruments to the oracle; prints the name of the feed set, the hash of its content.

    Take its first snapshot within five minutes: later, the first one needs a confirmation like a price that moved too far.

    Shows what each feed says of itself, and asks. Refuses, also with --yes, a feed that prices in another currency than USD
    or whose answer is stuck at one of its bounds.
    """
    from ..chain.feeds import report
    from ..statement.feeds import FeedSet

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
        added = protocol.oracle.add_feed_set(access.sender(protocol.chain), FeedSet.of(named, policy))
    if as_json:
        print_json({"feed_set": _hex(added)})
    else:
        click.echo(_hex(added))


@oracle.command("feeds", **example(f"dls-zk oracle feeds {EXAMPLE_FEED_SET} --policy policy.yaml"))
@click.argument("feed_set", type=FeedSetName())
@chain_command()
@click.option("--policy", "policy_text", metavar="FILE|HASH", help="Policy that names the slots.")
@json_option
def oracle_feeds(access: Access, feed_set: bytes, policy_text: str | None, as_json: bool) -> None:
    """Show the feeds of a set: what each says of itself, which bounds hold, and whether the oracle would take its answer."""
    from ..chain.feeds import report

    protocol = access.protocol()
    oracle, now = protocol.oracle, protocol.chain.now()
    terms, decimals = oracle.added(feed_set)
    policy = policy_of(policy_text, protocol) if policy_text else None
    dead, anchor, waiting = oracle.dead_feeds(feed_set), oracle.anchor(feed_set), oracle.unconfirmed(feed_set)
    names = _names(policy, len(terms.feeds))
    priced = {slot: feed for slot, feed in enumerate(terms.feeds) if feed.aggregator != NOBODY}
    reports = {slot: report(protocol.chain, feed.aggregator) for slot, feed in priced.items()}
    feeds = [
        {"slot": slot, "instrument": names[slot]}
        | _feed_json(feed, reports[slot], decimals[slot], now)
        | {"dead": slot in dead}
        for slot, feed in priced.items()
    ]
    document = {
        "feed_set": _hex(feed_set),
        "sequencer_feed": None if terms.sequencer_feed == NOBODY else terms.sequencer_feed,
        "grace_period_s": terms.grace_period_s,
        "confirmation_delay_s": terms.confirmation_delay_s,
        "deviation_period_s": terms.deviation_period_s,
        "latest_round": oracle.latest_round(feed_set) or None,
        "anchor": anchor and {"round": anchor[0], "timestamp": anchor[1]},
        "confirmable_at": waiting and waiting.confirmable_at,
        "feeds": feeds,
    }
    if as_json:
        print_json(document)
        return
    for feed in feeds:
        slot = feed["slot"]
        click.echo(f"{names[slot] or f'slot {slot}'}: {_feed_text(reports[slot])}")
        move = Fixed(2, 0, 1 << 16, "%").show(feed["max_deviation_bps"])
        age = "no answer" if feed["age_s"] is None else f"answered {feed['age_s']} s ago"
        click.echo(f"    {age}, not older than {feed['heartbeat_s']} s; a move beyond {move} waits for a confirmation")
        if feed["dead"]:
            click.echo(
                "    dead: the oracle does not take its answer, so there are no snapshots until it is back or replaced"
            )
    if terms.sequencer_feed != NOBODY:
        click.echo(f"sequencer feed {terms.sequencer_feed}, {terms.grace_period_s} s of grace")
    bounded = f"round {anchor[0]} of {time_text(anchor[1])} UTC" if anchor else "no round yet"
    click.echo(
        f"prices are compared with those of {bounded}, which a later round replaces after {terms.deviation_period_s} s"
    )
    click.echo(f"a confirmation waits for {terms.confirmation_delay_s} s, and is possible for as long again")
    if waiting:
        click.echo(f"prices wait for their confirmation, from {time_text(waiting.confirmable_at)} UTC on")


def _names(policy: Policy | None, slots: int) -> list[str | None]:
    """The instrument of each slot, as far as it is known. InputError if the policy is of another size."""
    if policy is None:
        return [None] * slots
    if policy.size.slots != slots:
        raise InputError(f"the policy has {policy.size.slots} slots and the feed set {slots}")
    return [slot.instrument or None for slot in policy.slots]


def _feed_json(feed: Feed, said: FeedReport, decimals: int, now: int) -> dict[str, Any]:
    """A feed of a set. decimals: as the oracle read them when the set was added."""
    faults = list(said.faults())
    if said.decimals is not None and said.decimals != decimals:
        faults.append(f"it has {said.decimals} decimals now and had {decimals} when it was added")
    return {
        "address": said.address,
        "heartbeat_s": feed.heartbeat_s,
        "max_deviation_bps": feed.max_deviation_bps,
        "description": said.description,
        "decimals": decimals,
        "quote": said.quote,
        "answer": _amount(said, said.answer),
        "least": _amount(said, said.least),
        "most": _amount(said, said.most),
        "updated_at": said.updated_at,
        "faults": faults,
        "age_s": now - said.updated_at if said.updated_at else None,
    }


def _amount(said: FeedReport, value: int | None) -> str | None:
    """What a feed says, in whole units."""
    return None if value is None or said.decimals is None else decimal_text(Fraction(value, 10**said.decimals))


def _feed_text(said: FeedReport) -> str:
    """What a feed says of itself, in a line."""

    def shown(value: int | None) -> str:
        return _amount(said, value) or "unknown"

    bounds = "no bounds" if said.least is None and said.most is None else f"from {shown(said.least)} to {shown(said.most)}"
    said_of_itself = f'"{said.description}", answers {shown(said.answer)}, {said.decimals} decimals, {bounds}'
    return "; ".join([f"{said.address} {said_of_itself}", *said.faults(), *said.doubts()])


@oracle.command("snapshot", **example(f"dls-zk oracle snapshot {EXAMPLE_FEED_SET}"))
@click.argument("feed_set", type=FeedSetName())
@chain_command(signing=True)
@json_option
def oracle_snapshot(access: Access, feed_set: bytes, as_json: bool) -> None:
    """Take a price snapshot, which all vaults with these feeds may use; prints the number of its round.

    Exit code 75 if a price moved too far: then run this again after the time that it says, and before it says that the
    prices lapse. The first snapshot of a set is such a case, too, unless it is taken within five minutes of `oracle add`.
    """
    from .. import chain

    protocol = access.protocol()
    with access.stages("Snapshot taken"):
        taken = protocol.oracle.take_snapshot(access.sender(protocol.chain), feed_set)
    if isinstance(taken, chain.Unconfirmed):
        lapse_at = taken.confirmable_at + protocol.oracle.feed_set(feed_set).confirmation_delay_s
        raise ChainError(
            "a price moved too far for one look, or there is none to compare it with; take the snapshot again from "
            f"{time_text(taken.confirmable_at)} UTC on, and not after {time_text(lapse_at)} UTC",
            code="price_moved",
            after=max(taken.confirmable_at - protocol.chain.now(), 0),
        )
    if as_json:
        print_json(_snapshot_json(taken, None))
    else:
        click.echo(taken.round)


@oracle.command("show", **example(f"dls-zk oracle show {EXAMPLE_FEED_SET} --policy policy.yaml --out prices.yaml"))
@click.argument("feed_set", type=FeedSetName())
@chain_command()
@click.option("--round", "number", type=uint(32, least=1), help="Round [default: the newest].")
@click.option("--policy", "reference", metavar="FILE|HASH", help="Policy that names the slots.")
@click.option("--out", type=FILE, help="File to write: the prices, for `prove` (with --policy).")
@json_option
def oracle_show(
    access: Access, feed_set: bytes, number: int | None, reference: str | None, out: Path | None, as_json: bool
) -> None:
    """Show a price snapshot."""
    if out and not reference:
        raise click.UsageError("--out needs --policy, which says which instrument is in which slot.")
    protocol = access.protocol()
    snapshot = protocol.oracle.snapshot(number) if number else protocol.oracle.latest(feed_set)
    if snapshot is None:
        message = f"there is no snapshot of this feed set yet; run `dls-zk oracle snapshot {_hex(feed_set)}`"
        raise ChainError(message, code="unknown_id")
    if snapshot.feed_set != feed_set:
        raise InputError(f"round {snapshot.round} is of feed set {_hex(snapshot.feed_set)}, not {_hex(feed_set)}")
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
        "feed_set": _hex(snapshot.feed_set),
        "timestamp": snapshot.timestamp,
        "prices_usd": prices_by_name(snapshot, policy),
        "words": [f"0x{word:064x}" for word in snapshot.words],
    }


def _hex(name: bytes) -> str:
    return f"0x{name.hex()}"
