"""``policy``, ``oracle`` and ``vault``: what stands behind a vault's proofs, on chain."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from eth_utils import to_checksum_address

from . import files
from .chain_cli import EXAMPLE_VAULT, LAST_SECOND, VaultId, event_json, event_text, time_text
from .chain_options import Access, chain_command
from .cli_common import FILE, console, example, json_option, marked, print_json, table, uint
from .commitments import policy_hash
from .constants import ACCRUAL_BITS
from .context import is_address
from .errors import ChainError, InputError
from .files import Fixed
from .model import Policy, Prices
from .operations import decimal_text
from .policy_diff import changes, verdict

if TYPE_CHECKING:
    from .chain import Mandate, Protocol, Sender, Share, Snapshot

_QUANTITY = Fixed(6, 1, (1 << 56) - 1)


class Quantity(click.ParamType):  # type: ignore[type-arg]
    """A positive decimal with at most six places, in millionths."""

    name = "quantity"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return _QUANTITY.parse(value) if isinstance(value, str) else int(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Address(click.ParamType):  # type: ignore[type-arg]
    """An account, with its checksum."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not isinstance(value, str) or not is_address(value):
            self.fail("not an address (0x and 40 hex digits, with the right checksum if it has one)", param, ctx)
        return to_checksum_address(value)


def _hash(text: str) -> int | None:
    """The number of a policy hash or a vault id; None if that is no 32 bytes in hex."""
    return int(text, 16) if re.fullmatch("0x[0-9a-fA-F]{64}", text) else None


def _policy(text: str, protocol: Protocol | None, beside: Path = Path()) -> Policy:
    """The policy of a file, or of a hash or a vault on the chain."""
    number = _hash(text)
    if number is None:
        return files.read_policy(beside / text)
    if protocol is None:
        raise InputError(f"{text} is a hash, which only a chain can look up")
    if protocol.registry.is_registered(number):
        return protocol.registry.policy(number)
    return protocol.registry.policy(_mandate(protocol, bytes.fromhex(text[2:])).policy_hash)


def _mandate(protocol: Protocol, vault: bytes) -> Mandate:
    return protocol.hub.mandate(protocol.hub.state(vault).mandate)


# --- policy -----------------------------------------------------------------------------------------------------


@click.group("policy")
def policy_group() -> None:
    """Policies on a chain: register, read back, compare, and move a vault to another."""


@policy_group.command("register", **example("dls-zk policy register policy.yaml"))
@click.argument("policy", type=FILE)
@chain_command(signing=True)
@json_option
def policy_register(access: Access, policy: Path, as_json: bool) -> None:
    """Register a policy, so that anyone can read what a proof's policy hash stands for."""
    rules = files.read_policy(policy)
    protocol = access.protocol()
    with access.stages("Policy registered"):
        mined = protocol.registry.register(access.sender(protocol.chain), rules)
    digest = policy_hash(rules)
    as_given = protocol.registry.policy(digest) == rules
    told = {
        "policy_hash": f"0x{digest:064x}",
        "transaction": mined and mined.summary.hash,
        "names_as_given": as_given,
    }
    if not as_given:
        click.echo(
            "warning: somebody registered this policy before, with another name or other names of venues, factors or "
            "scenarios; the hash does not bind these",
            err=True,
        )
    if as_json:
        print_json(told)
    else:
        click.echo(told["policy_hash"])


@policy_group.command("show", **example("dls-zk policy show 0x1f…8e"))
@click.argument("policy", metavar="HASH|VAULT|FILE")
@chain_command()
@json_option
def policy_show(access: Access, policy: str, as_json: bool) -> None:
    """Show the policy behind a hash or a vault, as the registry has it."""
    rules = _policy(policy, access.protocol() if _hash(policy) is not None else None)
    fields = {"policy_hash": f"0x{policy_hash(rules):064x}"} | asdict(rules)
    if as_json:
        print_json(fields)
        return
    slots = fields.pop("slots")
    rows = table(rules.name or "policy", "")
    for name, value in fields.items():
        if name not in ("name", "shock_bps"):
            rows.add_row(name.replace("_", " "), _listed(value))
    for name, shocks in zip(rules.scenario_names, rules.shock_bps, strict=False):
        rows.add_row(f"shock bps, {name}", _listed(shocks))
    console.print(rows)
    named = [slot for slot in slots if slot["instrument"]]
    columns = [name for name in named[0] if any(slot[name] for slot in named)]
    rows = table(*(name.replace("_", " ") for name in columns))
    for slot in named:
        rows.add_row(*(_listed(slot[name]) for name in columns))
    console.print(rows)


def _listed(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@policy_group.command("diff", **example("dls-zk policy diff 0x1f…8e policy.yaml"))
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@chain_command()
@json_option
def policy_diff(access: Access, old: str, new: str, as_json: bool) -> None:
    """What changes from one policy to another, and whether each change tightens.

    OLD and NEW are files, hashes or vaults. If every change tightens a vault may move at once, else after its delay; a
    change that is forbidden no vault may make. Values are those of the packed fields, mostly basis points.
    """
    needs_chain = any(_hash(text) is not None for text in (old, new))
    protocol = access.protocol() if needs_chain else None
    before, after = _policy(old, protocol), _policy(new, protocol)
    found, effect = changes(before, after), verdict(before, after)
    if as_json:
        print_json({"verdict": effect, "changes": [asdict(change) for change in found]})
        return
    rows = table("subject", "field", "from", "to", "")
    colours = {"tighter": "green", "looser": "yellow", "forbidden": "red"}
    for change in found:
        mark = marked(colours[change.effect], change.effect)
        rows.add_row(change.subject, change.field, str(change.old), str(change.new), mark)
    console.print(rows)
    click.echo(f"all together: {effect}" if found else "no change")


@policy_group.command("activate", **example(f"dls-zk policy activate {EXAMPLE_VAULT} --policy tighter.yaml"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@click.option("--policy", metavar="FILE|HASH", help="The policy; the present one if not given.")
@click.option("--feed-set", type=uint(32), help="Number of the feed set; the present one if not given, and so on.")
@click.option("--key", type=uint(24), help="Number of the verifying key.")
@click.option("--max-snapshot-age", type=uint(32), metavar="SECONDS", help="Oldest price snapshot that a rebalance may use.")
@click.option("--max-proof-age", type=uint(32), metavar="SECONDS", help="Age of the last proof's prices that is too old.")
@click.option("--accrual-rate", type=uint(24), metavar="PPM", help="What may accrue in a day without a trade.")
@click.option("--accrual-cap", type=uint(ACCRUAL_BITS), metavar="PPM", help="What may accrue in one rebalance.")
@json_option
def policy_activate(
    access: Access,
    vault: bytes,
    policy: str | None,
    feed_set: int | None,
    key: int | None,
    max_snapshot_age: int | None,
    max_proof_age: int | None,
    accrual_rate: int | None,
    accrual_cap: int | None,
    as_json: bool,
) -> None:
    """Move a vault to another policy or mandate.

    At once if every change tightens; else it is proposed, and this says from when on it can be activated: run it again then.
    A proposal that waits already is left as it is.
    """
    protocol = access.protocol()
    sender, hub = access.sender(protocol.chain), protocol.hub
    given = {
        "policy_hash": None if policy is None else _registered(protocol, sender, policy),
        "feed_set": feed_set,
        "key": key,
        "max_snapshot_age_s": max_snapshot_age,
        "max_proof_age_s": max_proof_age,
        "accrual_rate_ppm_per_day": accrual_rate,
        "accrual_cap_ppm": accrual_cap,
    }
    wanted = replace(_mandate(protocol, vault), **{name: value for name, value in given.items() if value is not None})
    with access.stages("Mandate"):
        number = hub.add_mandate(sender, wanted)
        proposed, active_from = hub.proposal(vault)
        if proposed == number and protocol.chain.now() >= active_from:
            hub.activate_mandate(sender, vault)
        else:
            hub.propose_mandate(sender, vault, number)
    _, active_from = hub.proposal(vault)
    active = hub.state(vault).mandate == number
    if as_json:
        print_json({"mandate": number, "active": active, "active_from": None if active else active_from})
    else:
        click.echo("active" if active else f"proposed; run this again from {time_text(active_from)} UTC on to activate it")


def _registered(protocol: Protocol, sender: Sender, text: str, beside: Path = Path()) -> int:
    """The hash of a policy that is registered, or of a file's, which is registered if it is not."""
    number = _hash(text)
    if number is not None:
        return number
    rules = files.read_policy(beside / text)
    protocol.registry.register(sender, rules)
    return policy_hash(rules)


# --- oracle -----------------------------------------------------------------------------------------------------


@click.group("oracle")
def oracle_group() -> None:
    """Price feeds and their snapshots."""


@oracle_group.command("add", **example("dls-zk oracle add feeds.yaml --policy policy.yaml"))
@click.argument("feeds", type=FILE)
@chain_command(signing=True)
@click.option("--policy", type=FILE, required=True, help="Policy that says which instrument is in which slot.")
@json_option
def oracle_add(access: Access, feeds: Path, policy: Path, as_json: bool) -> None:
    """Add the feeds of a policy's instruments to the oracle; prints the number of the feed set."""
    from . import chain

    rules = files.read_policy(policy)
    named = files.read_feeds(feeds, rules)
    protocol = access.protocol()
    with access.stages("Feed set added"):
        number = protocol.oracle.add_feed_set(access.sender(protocol.chain), chain.FeedSet.of(named, rules))
    if as_json:
        print_json({"feed_set": number})
    else:
        click.echo(number)


@oracle_group.command("snapshot", **example("dls-zk oracle snapshot 1"))
@click.argument("feed_set", type=uint(32))
@chain_command(signing=True)
@json_option
def oracle_snapshot(access: Access, feed_set: int, as_json: bool) -> None:
    """Take a price snapshot, which all vaults with these feeds may use; prints the number of its round.

    Exit code 9 if a price moved too far: then run this again after the time that it says.
    """
    from . import chain

    protocol = access.protocol()
    with access.stages("Snapshot taken"):
        taken = protocol.oracle.take_snapshot(access.sender(protocol.chain), feed_set)
    if isinstance(taken, chain.Unconfirmed):
        raise ChainError(
            f"a price moved too far for one look; take the snapshot again from {time_text(taken.confirmable_at)} UTC on"
        )
    if as_json:
        print_json(_snapshot_json(taken, None))
    else:
        click.echo(taken.round)


@oracle_group.command("show", **example("dls-zk oracle show 1 --policy policy.yaml --out prices.yaml"))
@click.argument("feed_set", type=uint(32))
@chain_command()
@click.option("--round", "number", type=uint(32, least=1), help="Round; the newest if not given.")
@click.option("--policy", metavar="FILE|HASH", help="Policy that names the slots.")
@click.option("--out", type=FILE, help="File to write: the prices, for `prove` (with --policy).")
@json_option
def oracle_show(
    access: Access, feed_set: int, number: int | None, policy: str | None, out: Path | None, as_json: bool
) -> None:
    """Show a price snapshot."""
    if out and not policy:
        raise click.UsageError("--out needs --policy, which says which instrument is in which slot.")
    protocol = access.protocol()
    snapshot = protocol.oracle.snapshot(number) if number else protocol.oracle.latest(feed_set)
    if snapshot is None:
        raise ChainError(f"there is no snapshot of feed set {feed_set} yet; run `dls-zk oracle snapshot {feed_set}`")
    if snapshot.feed_set != feed_set:
        raise InputError(f"round {snapshot.round} is of feed set {snapshot.feed_set}, not {feed_set}")
    rules = _policy(policy, protocol) if policy else None
    if out and rules:
        source = f"round {snapshot.round} of the oracle {protocol.oracle.address} on chain {protocol.chain.chain_id}"
        prices = Prices(snapshot.usd_e8[: rules.size.slots])
        files.write_prices(out, prices, rules, time_text(snapshot.timestamp)[:10], source)
    if as_json:
        print_json(_snapshot_json(snapshot, rules))
        return
    rows = table(f"round {snapshot.round}, {time_text(snapshot.timestamp)} UTC", "USD")
    for name, price in _prices(snapshot, rules).items():
        rows.add_row(name, price)
    console.print(rows)


def _prices(snapshot: Snapshot, rules: Policy | None) -> dict[str, str]:
    """Prices in USD by instrument, or by slot."""
    price = Fixed(8, 0, (1 << 48) - 1)
    names = [slot.instrument for slot in rules.slots] if rules else [f"slot {i}" for i in range(len(snapshot.usd_e8))]
    return {name: price.show(usd_e8) for name, usd_e8 in zip(names, snapshot.usd_e8, strict=False) if name and usd_e8}


def _snapshot_json(snapshot: Snapshot, rules: Policy | None) -> dict[str, Any]:
    return {
        "round": snapshot.round,
        "feed_set": snapshot.feed_set,
        "timestamp": snapshot.timestamp,
        "prices_usd": _prices(snapshot, rules),
        "words": [f"0x{word:064x}" for word in snapshot.words],
    }


# --- vault ------------------------------------------------------------------------------------------------------


@click.group("vault")
def vault_group() -> None:
    """Vaults: open, look at, and act on."""


@vault_group.command("open", **example("dls-zk vault open vault.yaml"))
@click.argument("vault", type=FILE)
@chain_command(signing=True)
@json_option
def vault_open(access: Access, vault: Path, as_json: bool) -> None:
    """Open a vault, with its share token if the file has one; prints its id.

    Its policy is registered and its mandate added where they are not there. The same file opens one vault, however often.
    """
    from . import chain
    from .chain.oracle import NOBODY

    told = files.read_vault(vault)
    protocol = access.protocol()
    sender = access.sender(protocol.chain)
    with access.stages("Policy and mandate"):
        digest = _registered(protocol, sender, told.policy, vault.parent)
        slots = protocol.registry.policy(digest).size.slots
        mandate = protocol.hub.add_mandate(
            sender,
            chain.Mandate(
                policy_hash=digest,
                feed_set=told.mandate.feed_set,
                key=protocol.key_for(slots),
                max_snapshot_age_s=told.mandate.max_snapshot_age,
                accrual_rate_ppm_per_day=told.mandate.accrual_rate,
                accrual_cap_ppm=told.mandate.accrual_cap,
                max_proof_age_s=told.mandate.max_proof_age,
            ),
        )
    roles = (told.operator, told.guardian or NOBODY, told.loosening_delay)
    share: Share | None = None
    with access.stages("Vault opened"):
        if told.share:
            token = (told.share.asset, told.name, told.share.symbol, told.share.custody)
            share = chain.Share.open(sender, protocol, *token, mandate, *roles)
            opened = share.vault
        else:
            opened = protocol.hub.open_vault(sender, told.name, mandate, *roles)
    if as_json:
        print_json({"vault": f"0x{opened.hex()}", "share": share and share.address, "mandate": mandate})
    else:
        click.echo(f"0x{opened.hex()}")


@vault_group.command("status", **example(f"dls-zk vault status {EXAMPLE_VAULT} --json"))
@click.argument("vault", type=VaultId())
@chain_command()
@json_option
def vault_status(access: Access, vault: bytes, as_json: bool) -> None:
    """Show where a vault is.

    State, last proof, mandate, roles and shares; and whether the contracts are what this package compiles.
    """
    from . import chain

    protocol = access.protocol()
    told = _status(protocol, vault)
    faults = [f"{found.contract} at {found.address}: {found.fault}" for found in chain.audit(protocol) if found.fault]
    if told["mandate"]["key"] not in [key.number for key in protocol.deployment.keys.values()]:
        faults.append(f"its key {told['mandate']['key']} is none of the deployment's: nobody here knows what it proves")
    told["contracts"] = "; ".join(faults) or "as compiled"
    if as_json:
        print_json(told)
    else:
        rows = table(f"vault 0x{vault.hex()}", "")
        for name, value in told.items():
            for part, inner in value.items() if isinstance(value, dict) else [("", value)]:
                rows.add_row(f"{name} {part}".replace("_", " ").strip(), "" if inner is None else str(inner))
        console.print(rows)
    if faults:
        raise ChainError("the contracts are not what this package compiles; do not rely on them")


def _status(protocol: Protocol, vault: bytes) -> dict[str, Any]:
    """What ``vault status`` shows. Times in Unix seconds, amounts as text."""
    from . import chain

    hub, now = protocol.hub, protocol.chain.now()
    state, roles = hub.state(vault), hub.roles(vault)
    mandate, (proposed, active_from) = hub.mandate(state.mandate), hub.proposal(vault)
    rules = protocol.registry.policy(mandate.policy_hash)
    share = chain.Share.of(protocol, vault)
    return {
        "status": state.status.words,
        "sequence": state.sequence,
        "commitment": f"0x{state.commitment:064x}",
        "nav_at_least_usd": state.nav_floor * rules.nav_granularity_usd,
        "proven_at_prices_of": state.snapshot_timestamp,
        "age_s": max(now - state.snapshot_timestamp, 0),
        "stale_from": state.snapshot_timestamp + mandate.max_proof_age_s + 1,
        "round": state.round,
        "pending_flow": Fixed(6, -(1 << 56), 1 << 56).show(state.pending_flow_e6),
        "policy": rules.name,
        "mandate": {"number": state.mandate, "version": state.version}
        | asdict(mandate)
        | {"policy_hash": f"0x{mandate.policy_hash:064x}"},
        "proposal": {"mandate": proposed, "active_from": active_from} if active_from else None,
        "roles": asdict(roles),
        "opened_by": "its share token, as compiled" if share else _unknown_opener(protocol, roles.opener),
        "shares": _shares(share) if share else None,
    }


def _unknown_opener(protocol: Protocol, opener: str) -> str:
    if not protocol.chain.code(opener):
        return "an account: there is no share token"
    return "a contract that is not known to be a genuine share token (none that a factory made is); do not rely on it"


def _shares(share: Share) -> dict[str, Any]:
    holdings = share.holdings()
    asset_decimals, share_decimals = share.decimals()
    amounts = {
        name: Fixed(asset_decimals, 0, 0).show(getattr(holdings, name)) for name in ("assets", "idle", "available")
    } | {name: Fixed(share_decimals, 0, 0).show(getattr(holdings, name)) for name in ("shares", "queued_shares")}
    price = share.price()
    return {
        "token": share.address,
        "asset": share.asset.address,
        "custody": share.read("custody"),
        "price": decimal_text(price, down=True),
        **amounts,
        "deposits_open": holdings.deposits_open,
    }


@vault_group.command("history", **example(f"dls-zk vault history {EXAMPLE_VAULT}"))
@click.argument("vault", type=VaultId())
@chain_command()
@json_option
def vault_history(access: Access, vault: bytes, as_json: bool) -> None:
    """Show everything that happened to a vault, in order."""
    protocol = access.protocol()
    protocol.hub.state(vault)  # there is such a vault
    events = [(event, protocol.chain.timestamp(event.block)) for event in protocol.hub.history(vault)]
    if as_json:
        print_json([event_json(event) | {"timestamp": timestamp} for event, timestamp in events])
        return
    rows = table("UTC", "block", "event", "")
    for event, timestamp in events:
        rows.add_row(time_text(timestamp), str(event.block), event.name, event_text(event))
    console.print(rows)


@vault_group.command("terms", **example(f"dls-zk vault terms {EXAMPLE_VAULT} --out terms.yaml"))
@click.argument("vault", type=VaultId())
@chain_command()
@click.option("--round", "number", type=uint(32, least=1), help="Price round; the newest of the vault's feeds if not given.")
@click.option("--valid-for", type=uint(32, least=1), default=3600, show_default=True, help="Seconds until the deadline.")
@click.option("--deadline", type=click.IntRange(1, LAST_SECOND), help="The deadline itself, in Unix seconds.")
@click.option("--out", type=FILE, required=True, help="File to write: the terms of the next rebalance, for `prove`.")
@json_option
def vault_terms(
    access: Access, vault: bytes, number: int | None, valid_for: int, deadline: int | None, out: Path, as_json: bool
) -> None:
    """Write the terms of a vault's next rebalance: flow, accrual and context as the hub will demand them."""
    protocol = access.protocol()
    feed_set = _mandate(protocol, vault).feed_set
    snapshot = protocol.oracle.snapshot(number) if number else protocol.oracle.latest(feed_set)
    if snapshot is None:
        raise ChainError(f"there is no snapshot of feed set {feed_set} yet; run `dls-zk oracle snapshot {feed_set}`")
    if snapshot.feed_set != feed_set:
        raise InputError(f"round {snapshot.round} is of feed set {snapshot.feed_set}; the vault's is {feed_set}")
    terms = protocol.hub.terms(vault, snapshot, deadline or protocol.chain.now() + valid_for)
    files.write_terms(out, terms)
    assert terms.place  # the hub's terms have it
    if as_json:
        print_json({"terms": str(out), "round": snapshot.round, "deadline": terms.place.deadline})
    else:
        click.echo(f"terms  {out}  (round {snapshot.round}, until {time_text(terms.place.deadline)} UTC)")


def _flow_command(name: str, example_text: str, help_text: str, direction: int) -> None:
    @vault_group.command(name, help=help_text, **example(example_text))
    @click.argument("vault", type=VaultId())
    @click.argument("quantity", type=Quantity())
    @chain_command(signing=True)
    @click.option("--label", default="", help="Tells this flow from one of the same quantity before the next rebalance.")
    @json_option
    def flow(access: Access, vault: bytes, quantity: int, label: str, as_json: bool) -> None:
        from . import chain

        protocol = access.protocol()
        sender = access.sender(protocol.chain)
        share = chain.Share.of(protocol, vault)
        with access.stages("Flow recorded"):
            if share is None:
                mined = protocol.hub.record_flow(sender, vault, direction * quantity, label)
            else:
                mined = share.move(sender, protocol.hub, direction * quantity, label)
        pending = Fixed(6, -(1 << 56), 1 << 56).show(protocol.hub.state(vault).pending_flow_e6)
        if as_json:
            print_json({"transaction": mined and mined.summary.hash, "pending_flow": pending})
        else:
            click.echo(f"pending flow  {pending}")


_flow_command(
    "draw",
    f"dls-zk vault draw {EXAMPLE_VAULT} 10000000",
    """Bring a quantity of the settlement asset into the book.

    Out of the share token into custody; of a vault without one, recorded by its opener. Cut off and run again, it is one
    flow: for the same quantity once more before the next rebalance, give it another --label.
    """,
    1,
)
_flow_command(
    "give-back",
    f"dls-zk vault give-back {EXAMPLE_VAULT} 250000.5",
    """Bring a quantity of the settlement asset back out of the book.

    From the operator's account into the share token; of a vault without one, recorded by its opener. As `vault draw`.
    """,
    -1,
)


def _mark_command(name: str, function: str, help_text: str) -> None:
    @vault_group.command(name, help=help_text, **example(f"dls-zk vault {name} {EXAMPLE_VAULT}"))
    @click.argument("vault", type=VaultId())
    @chain_command(signing=True)
    @json_option
    def mark(access: Access, vault: bytes, as_json: bool) -> None:
        protocol = access.protocol()
        with access.stages(f"Vault: {name}"):
            mined = protocol.hub.mark(access.sender(protocol.chain), vault, function)
        status = protocol.hub.state(vault).status.words
        if as_json:
            print_json({"transaction": mined and mined.summary.hash, "status": status})
        else:
            click.echo(status)


_mark_command("pause", "pause", "Stop a vault: no rebalances, no flow into the book, no deposits. For its guardian.")
_mark_command("unpause", "unpause", "Let a paused vault go on. For its guardian.")
_mark_command("wind-down", "windDown", "Wind a vault down, for good. For its operator, or anyone once it is stale for long.")
_mark_command("call-stale", "callStale", "Put on record that a vault is stale. Anyone may.")
_mark_command("withdraw-mandate", "withdrawMandate", "Withdraw the mandate that was proposed. For operator and guardian.")


@vault_group.command(
    "propose-operator",
    **example(f"dls-zk vault propose-operator {EXAMPLE_VAULT} 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
)
@click.argument("vault", type=VaultId())
@click.argument("operator", type=Address())
@chain_command(signing=True)
@json_option
def vault_propose_operator(access: Access, vault: bytes, operator: str, as_json: bool) -> None:
    """Name the account that may take over as operator. For the operator; the other account then accepts."""
    protocol = access.protocol()
    with access.stages("Operator proposed"):
        protocol.hub.propose_operator(access.sender(protocol.chain), vault, operator)
    _print_operators(protocol, vault, as_json)


@vault_group.command("accept-operator", **example(f"dls-zk vault accept-operator {EXAMPLE_VAULT} --keystore new.json"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@json_option
def vault_accept_operator(access: Access, vault: bytes, as_json: bool) -> None:
    """Take over as operator. For the account that was named; proofs made for the old operator are void from then on."""
    protocol = access.protocol()
    with access.stages("Operator accepted"):
        protocol.hub.accept_operator(access.sender(protocol.chain), vault)
    _print_operators(protocol, vault, as_json)


def _print_operators(protocol: Protocol, vault: bytes, as_json: bool) -> None:
    roles = protocol.hub.roles(vault)
    told = {"operator": roles.operator, "proposed_operator": roles.proposed_operator}
    if as_json:
        print_json(told)
    else:
        for name, address in told.items():
            click.echo(f"{name.replace('_', ' ')}  {address}")
