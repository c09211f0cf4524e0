"""``dls-zk vault``: opening, watching and running a vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import files
from ..errors import ChainError, InputError
from ..files import Fixed
from .common import FILE, beside, confirm, console, example, json_option, print_json, table, uint
from .events import event_json, event_text, time_text
from .options import Access, ceremony_options, chain_command
from .oracle import write_prices
from .params import EXAMPLE_VAULT, LAST_SECOND, Address, Quantity, VaultId
from .policy import mandate_of, registered
from .report import decimal_text

if TYPE_CHECKING:
    from ..chain import Protocol, ShareToken
    from ..chain.deployment import AuditFinding, Transcript


@click.group("vault")
def vault() -> None:
    """Open a vault, read its state, and act on it."""


@vault.command("open", **example("dls-zk vault open vault.yaml"))
@click.argument("vault", type=FILE)
@chain_command(signing=True)
@json_option
def vault_open(access: Access, vault: Path, as_json: bool) -> None:
    """Open a vault, with a share token if the file describes one, and print its id.

    Registers the policy and adds the mandate if the chain lacks them. Running the command again opens no second vault.
    """
    from .. import chain
    from ..chain.oracle import NOBODY

    vault_file = files.read_vault(vault)
    protocol = access.protocol()
    sender = access.sender(protocol.chain)
    with access.stages("Policy and mandate"):
        digest = registered(protocol, sender, vault_file.policy, vault.parent)
        slots = protocol.registry.policy(digest).size.slots
        mandate = protocol.hub.add_mandate(
            sender,
            chain.Mandate(
                policy_hash=digest,
                feed_set=vault_file.mandate.feed_set,
                key=protocol.key_for(slots),
                max_snapshot_age_s=vault_file.mandate.max_snapshot_age,
                accrual_rate_ppm_per_day=vault_file.mandate.accrual_rate,
                accrual_cap_ppm=vault_file.mandate.accrual_cap,
                max_proof_age_s=vault_file.mandate.max_proof_age,
            ),
        )
    roles = (vault_file.operator, vault_file.guardian or NOBODY, vault_file.loosening_delay)
    share: ShareToken | None = None
    with access.stages("Vault opened"):
        if vault_file.share:
            token = (vault_file.share.asset, vault_file.name, vault_file.share.symbol, vault_file.share.custody)
            share = chain.ShareToken.open(sender, protocol, *token, mandate, *roles)
            opened = share.vault
        else:
            opened = protocol.hub.open_vault(sender, vault_file.name, mandate, *roles)
    if as_json:
        print_json({"vault": f"0x{opened.hex()}", "share": share and share.address, "mandate": mandate})
    else:
        click.echo(f"0x{opened.hex()}")


@vault.command("status", **example(f"dls-zk vault status {EXAMPLE_VAULT} --json"))
@click.argument("vault", type=VaultId())
@chain_command()
@ceremony_options
@json_option
def vault_status(access: Access, vault: bytes, transcripts: tuple[Transcript, ...], as_json: bool) -> None:
    """Show a vault's state, last proof, mandate, verifying key, roles and shares.

    Also compares the contracts with those that this package compiles, and the keys with its circuits, as `deploy --check`
    does. With --ceremony and --ptau, also verifies the transcript of the ceremony that made a key.
    """
    from .. import chain

    protocol = access.protocol()
    status = _status(protocol, vault)
    findings = chain.audit(protocol, transcripts, access.stages)
    faults = [f"{found.contract} at {found.address}: {found.fault}" for found in findings if found.fault]
    status["key"] = _key(protocol, status["mandate"]["key"], findings)
    if status["key"] is None:
        faults.append(f"its key {status['mandate']['key']} is none of the deployment's: nobody here knows what it proves")
    status["contracts"] = "; ".join(faults) or "as compiled"
    if not as_json:
        rows = table(f"vault 0x{vault.hex()}", "")
        for name, value in status.items():
            for part, inner in value.items() if isinstance(value, dict) else [("", value)]:
                rows.add_row(f"{name} {part}".replace("_", " ").strip(), "" if inner is None else str(inner))
        console.print(rows)
    with beside(status):
        if faults:
            raise ChainError("the contracts and keys are not as they should be; do not rely on them")
    if as_json:
        print_json(status)


def _key(protocol: Protocol, number: int, findings: Sequence[AuditFinding]) -> dict[str, Any] | None:
    """What is known of a mandate's key; None if it is none of the deployment's."""
    circuits = {name for name, key in protocol.deployment.keys.items() if key.number == number}
    for found in findings:
        if found.circuit in circuits:
            return {
                "circuit": found.circuit,
                "hash": found.key_hash,
                "insecure": found.insecure,
                "ceremony": found.ceremony,
                "contributions": list(found.contributions),
            }
    return (
        {"circuit": min(circuits), "hash": None, "insecure": None, "ceremony": None, "contributions": []}
        if circuits
        else None
    )


def _status(protocol: Protocol, vault: bytes) -> dict[str, Any]:
    """What ``vault status`` shows. Times in Unix seconds, amounts as text."""
    from .. import chain

    hub, now = protocol.hub, protocol.chain.now()
    state, roles = hub.state(vault), hub.roles(vault)
    mandate, (proposed, active_from) = hub.mandate(state.mandate), hub.proposal(vault)
    policy = protocol.registry.policy(mandate.policy_hash)
    share = chain.ShareToken.of(protocol, vault)
    return {
        "status": state.status.words,
        "sequence": state.sequence,
        "commitment": f"0x{state.commitment:064x}",
        "nav_at_least_usd": str(state.nav_floor * policy.nav_step_usd),
        "proven_at_prices_of": state.snapshot_timestamp,
        "age_s": max(now - state.snapshot_timestamp, 0),
        "stale_from": state.snapshot_timestamp + mandate.max_proof_age_s + 1,
        "round": state.round,
        "pending_flow": Fixed(6, -(1 << 56), 1 << 56).show(state.pending_flow_e6),
        "policy": policy.name,
        "mandate": {"number": state.mandate, "version": state.mandate_version}
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


def _shares(share: ShareToken) -> dict[str, Any]:
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


@vault.command("history", **example(f"dls-zk vault history {EXAMPLE_VAULT}"))
@click.argument("vault", type=VaultId())
@chain_command()
@json_option
def vault_history(access: Access, vault: bytes, as_json: bool) -> None:
    """Show everything that happened to a vault, in order."""
    protocol = access.protocol()
    protocol.hub.state(vault)  # there is such a vault
    events = [(event, protocol.chain.timestamp(event.block)) for event in protocol.hub.history(vault)]
    if as_json:
        print_json({"events": [event_json(event) | {"timestamp": timestamp} for event, timestamp in events]})
        return
    rows = table("UTC", "block", "event", "")
    for event, timestamp in events:
        rows.add_row(time_text(timestamp), str(event.block), event.name, event_text(event))
    console.print(rows)


@vault.command("terms", **example(f"dls-zk vault terms {EXAMPLE_VAULT} --out terms.yaml"))
@click.argument("vault", type=VaultId())
@chain_command()
@click.option("--round", "number", type=uint(32, least=1), help="Price round [default: the newest of the vault's feed set].")
@click.option("--valid-for", type=uint(32, least=1), default=3600, show_default=True, help="Seconds until the deadline.")
@click.option("--deadline", type=click.IntRange(1, LAST_SECOND), help="Deadline in Unix seconds, instead of --valid-for.")
@click.option("--out", type=FILE, required=True, help="File to write: the terms of the next rebalance, for `prove`.")
@click.option("--prices-out", type=FILE, help="File to write as well: the prices of the same snapshot, for `prove`.")
@json_option
def vault_terms(
    access: Access,
    vault: bytes,
    number: int | None,
    valid_for: int,
    deadline: int | None,
    out: Path,
    prices_out: Path | None,
    as_json: bool,
) -> None:
    """Write the terms that the hub demands of a vault's next rebalance: flow, accrual and context.

    --prices-out also writes the prices of the same snapshot, for the instruments of the vault's policy.
    """
    protocol = access.protocol()
    mandate = mandate_of(protocol, vault)
    feed_set = mandate.feed_set
    snapshot = protocol.oracle.snapshot(number) if number else protocol.oracle.latest(feed_set)
    if snapshot is None:
        message = f"there is no snapshot of feed set {feed_set} yet; run `dls-zk oracle snapshot {feed_set}`"
        raise ChainError(message, code="unknown_id")
    if snapshot.feed_set != feed_set:
        raise InputError(f"round {snapshot.round} is of feed set {snapshot.feed_set}; the vault's is {feed_set}")
    terms = protocol.hub.terms(vault, snapshot, deadline or protocol.chain.now() + valid_for)
    if prices_out:
        write_prices(prices_out, snapshot, protocol.registry.policy(mandate.policy_hash), protocol.chain.chain_id)
    try:
        files.write_terms(out, terms)
    except InputError:
        if prices_out:  # written a moment ago, and of no use without the terms
            prices_out.unlink()
        raise
    context = terms.known_context()
    if as_json:
        paths = {"terms": str(out), "prices": str(prices_out) if prices_out else None}
        print_json(paths | {"round": snapshot.round, "deadline": context.deadline})
    else:
        click.echo(f"terms   {out}  (round {snapshot.round}, until {time_text(context.deadline)} UTC)")
        if prices_out:
            click.echo(f"prices  {prices_out}")


def _flow_command(name: str, example_text: str, help_text: str, direction: int) -> None:
    @vault.command(name, help=help_text, **example(example_text))
    @click.argument("vault", type=VaultId())
    @click.argument("quantity", type=Quantity())
    @chain_command(signing=True)
    @click.option("--label", default="", help="Distinguishes two equal flows between rebalances.")
    @json_option
    def flow(access: Access, vault: bytes, quantity: int, label: str, as_json: bool) -> None:
        from .. import chain

        protocol = access.protocol()
        sender = access.sender(protocol.chain)
        share = chain.ShareToken.of(protocol, vault)
        with access.stages("Flow recorded"):
            if share is None:
                mined = protocol.hub.record_flow(sender, vault, direction * quantity, label)
            else:
                mined = share.move(sender, protocol.hub, direction * quantity, label)
        pending = Fixed(6, -(1 << 56), 1 << 56).show(protocol.hub.state(vault).pending_flow_e6)
        if as_json:
            print_json({"transaction": mined and mined.hash, "pending_flow": pending})
            return
        click.echo(f"pending flow  {pending}")
        if mined is None:
            click.echo("recorded before; to record an equal flow once more, pass another --label", err=True)


_flow_command(
    "draw",
    f"dls-zk vault draw {EXAMPLE_VAULT} 10000000",
    """Transfer a quantity of the settlement asset from the share token to custody.

    Without a share token, the vault's opener records the flow. Re-running an interrupted command does not draw twice: to
    draw the same quantity once more before the next rebalance, pass another --label.
    """,
    1,
)


_flow_command(
    "give-back",
    f"dls-zk vault give-back {EXAMPLE_VAULT} 250000.5",
    """Transfer a quantity of the settlement asset from the operator's account to the share token.

    Without a share token, the vault's opener records the flow. Re-running works as for `vault draw`.
    """,
    -1,
)


def _mark_command(name: str, function: str, help_text: str, *, for_good: bool = False) -> None:
    """A command that marks a vault. for_good: it cannot be undone, so it asks first."""
    asking = click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")

    @vault.command(name, help=help_text, **example(f"dls-zk vault {name} {EXAMPLE_VAULT}{' --yes' * for_good}"))
    @click.argument("vault", type=VaultId())
    @chain_command(signing=True)
    @json_option
    def mark(access: Access, vault: bytes, as_json: bool, yes: bool = False) -> None:
        if for_good and not yes:
            confirm(
                "This cannot be undone. Go on?", "This cannot be undone, and there is no terminal to ask on: pass --yes."
            )
        protocol = access.protocol()
        with access.stages(f"Vault: {name}"):
            mined = protocol.hub.mark(access.sender(protocol.chain), vault, function)
        status = protocol.hub.state(vault).status.words
        if as_json:
            print_json({"transaction": mined and mined.hash, "status": status})
        else:
            click.echo(status)

    if for_good:
        asking(mark)


_mark_command("pause", "pause", "Pause a vault: no rebalances, no flow into the book, no deposits. Only its guardian may.")


_mark_command("unpause", "unpause", "Resume a paused vault. Only its guardian may.")


_mark_command(
    "wind-down",
    "windDown",
    "Wind a vault down for good. Its operator may, and anyone once it has been stale for long.",
    for_good=True,
)


_mark_command("call-stale", "callStale", "Record on chain that a vault is stale. Anyone may.")


_mark_command("withdraw-mandate", "withdrawMandate", "Withdraw the proposed mandate. Its operator and its guardian may.")


@vault.command(
    "propose-operator",
    **example(f"dls-zk vault propose-operator {EXAMPLE_VAULT} 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
)
@click.argument("vault", type=VaultId())
@click.argument("operator", type=Address())
@chain_command(signing=True)
@json_option
def vault_propose_operator(access: Access, vault: bytes, operator: str, as_json: bool) -> None:
    """Propose another account as operator. Only the operator may; the other account then accepts."""
    protocol = access.protocol()
    with access.stages("Operator proposed"):
        protocol.hub.propose_operator(access.sender(protocol.chain), vault, operator)
    _print_operators(protocol, vault, as_json)


@vault.command("accept-operator", **example(f"dls-zk vault accept-operator {EXAMPLE_VAULT} --keystore new.json"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@json_option
def vault_accept_operator(access: Access, vault: bytes, as_json: bool) -> None:
    """Take over as operator. Only the proposed account may; proofs made for the old operator are void from then on."""
    protocol = access.protocol()
    with access.stages("Operator accepted"):
        protocol.hub.accept_operator(access.sender(protocol.chain), vault)
    _print_operators(protocol, vault, as_json)


def _print_operators(protocol: Protocol, vault: bytes, as_json: bool) -> None:
    roles = protocol.hub.roles(vault)
    accounts = {"operator": roles.operator, "proposed_operator": roles.proposed_operator}
    if as_json:
        print_json(accounts)
    else:
        for name, address in accounts.items():
            click.echo(f"{name.replace('_', ' ')}  {address}")
