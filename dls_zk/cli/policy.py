"""``dls-zk policy``: policies."""

from __future__ import annotations

import re
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import files
from ..errors import InputError
from ..statement.commitments import policy_hash
from ..statement.constants import QUANTITY_DECIMALS, USD_E14
from ..statement.model import Policy
from ..statement.policy_diff import changes, verdict
from ..statement.policy_lint import Finding, lint
from .common import FILE, beside, console, example, json_option, marked, print_json, table
from .options import Access, chain_command
from .params import Address, Quantity

if TYPE_CHECKING:
    from ..chain import Mandate, Protocol, Sender


def hash_of(text: str) -> int | None:
    """The number of a policy hash or a vault id; None if that is no 32 bytes in hex."""
    return int(text, 16) if re.fullmatch("0x[0-9a-fA-F]{64}", text) else None


def policy_of(text: str, protocol: Protocol | None, beside: Path = Path(), labels_by: str | None = None) -> Policy:
    """The policy of a file, or of a hash or a vault on the chain. labels_by: whose labels it gets there."""
    number = hash_of(text)
    if number is None:
        return files.read_policy(beside / text)
    if protocol is None:
        raise InputError(f"{text} is a hash, which only a chain can look up")
    if not protocol.registry.is_registered(number):
        number = mandate_of(protocol, bytes.fromhex(text[2:])).policy_hash
    return protocol.registry.policy(number, labels_by)


def mandate_of(protocol: Protocol, vault: bytes) -> Mandate:
    return protocol.hub.mandate(protocol.hub.state(vault).mandate)


@click.group("policy")
def policy() -> None:
    """Lint, register, show and compare policies."""


@policy.command("lint", **example("dls-zk policy lint policy.yaml --nav 10000000"))
@click.argument("policy_path", metavar="FILE", type=FILE)
@click.option("--nav", "nav_e6", type=Quantity(), metavar="USD", help="NAV of the vault, to judge the NAV step.")
@click.option("--prices", "prices_path", type=FILE, help="Prices that value --book, instead of --nav.")
@click.option("--book", "book_path", type=FILE, help="Book whose value is the NAV, with --prices. Secret.")
@click.option("--strict", is_flag=True, help="Fail on a warning, too (exit code 3).")
@json_option
def policy_lint(
    policy_path: Path,
    nav_e6: int | None,
    prices_path: Path | None,
    book_path: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Show every error in a policy file, and what is odd about a policy without errors.

    Warnings name limits that limit nothing (absent, or so wide that other limits keep a book from reaching them), names that
    nothing uses, missing scenarios, and a NAV step that gives the book away. The rule for the step: at half of the tightest
    factor limit times NAV, who follows the NAV floor for a month learns nothing of the size of that exposure.
    """
    if bool(prices_path) != bool(book_path) or (nav_e6 is not None and prices_path):
        raise click.UsageError("Give --nav, or --prices and --book, or neither.")
    policy, errors = files.lint_policy(policy_path)
    findings: tuple[Finding, ...] = ()
    if policy:
        nav_usd = None if nav_e6 is None else Fraction(nav_e6, 10**QUANTITY_DECIMALS)
        if prices_path and book_path:
            prices, book = files.read_prices(prices_path, policy), files.read_book(book_path, policy)
            nav_usd = Fraction(sum(q * p for q, p in zip(book, prices.usd_e8, strict=True)), USD_E14)
        findings = lint(policy, nav_usd)
    warnings = [finding for finding in findings if not finding.note]
    document = {"file": str(policy_path), "errors": list(map(str, errors)), "findings": list(map(asdict, findings))}
    if not as_json:
        for error in errors:
            click.echo(str(error))
        for finding in findings:
            kind = "note" if finding.note else "warning"
            click.echo(f"{policy_path}: {kind}: {finding.where}: {finding.text} [{finding.code}]")
    with beside(document):
        if errors:
            raise InputError(f"{len(errors)} {'error' if len(errors) == 1 else 'errors'}", str(policy_path))
        if strict and warnings:
            raise InputError(f"{len(warnings)} {'warning' if len(warnings) == 1 else 'warnings'}", str(policy_path))
    if as_json:
        print_json(document)
    elif not findings:
        click.echo(f"{policy_path}: nothing to remark")


@policy.command("register", **example("dls-zk policy register policy.yaml"))
@click.argument("policy_path", metavar="POLICY", type=FILE)
@chain_command(signing=True)
@json_option
def policy_register(access: Access, policy_path: Path, as_json: bool) -> None:
    """Register a policy, so that anyone can read the policy behind a proof's policy hash.

    The names of the policy, its venues, factors and scenarios are registered as yours: show them with your address.
    """
    policy = files.read_policy(policy_path)
    protocol = access.protocol()
    with access.stages("Policy registered"):
        sender = access.sender(protocol.chain)
        mined = protocol.registry.register(sender, policy)
    digest = policy_hash(policy)
    names_as_given = protocol.registry.policy(digest, sender.address) == policy
    summary = {
        "policy_hash": f"0x{digest:064x}",
        "transaction": mined and mined.hash,
        "names_as_given": names_as_given,
    }
    if not names_as_given:
        click.echo(
            f"warning: {sender.address} registered this policy before, with another name or other names of venues, factors "
            "or scenarios; those stay",
            err=True,
        )
    if as_json:
        print_json(summary)
    else:
        click.echo(summary["policy_hash"])


@policy.command("show", **example("dls-zk policy show 0x1f…8e"))
@click.argument("reference", metavar="HASH|VAULT|FILE")
@chain_command()
@click.option(
    "--labels-by", type=Address(), help="Account whose names of the policy, venues, factors and scenarios to show."
)
@json_option
def policy_show(access: Access, reference: str, labels_by: str | None, as_json: bool) -> None:
    """Show the policy behind a hash or a vault, as the registry has it.

    Anybody can give a policy names, which its hash does not bind. Shows whose there are; pass the account that you trust.
    """
    protocol = access.protocol() if hash_of(reference) is not None else None
    policy = policy_of(reference, protocol, labels_by=labels_by)
    digest = policy_hash(policy)
    fields = {"policy_hash": f"0x{digest:064x}"} | asdict(policy)
    authors = [*protocol.registry.authors(digest, protocol.deployment.block)] if protocol else []
    if as_json:
        labels = [{"by": author, "name": name} for author, name in authors]
        print_json(fields | {"nav_step_usd": str(policy.nav_step_usd), "labels": labels})
        return
    for author, name in authors:
        click.echo(f"registered by {author}{f', who calls it {name!r}' if name else ', who gives it no name'}")
    slots = fields.pop("slots")
    rows = table(policy.name or "policy", "")
    for name, value in fields.items():
        if name not in ("name", "shock_bps"):
            rows.add_row(name.replace("_", " "), _listed(value))
    for name, shocks in zip(policy.scenario_names, policy.shock_bps, strict=False):
        rows.add_row(f"shock bps, {name}", _listed(shocks))
    console.print(rows)
    used = [slot for slot in slots if slot["instrument"]]
    columns = [name for name in used[0] if any(slot[name] for slot in used)]
    rows = table(*(name.replace("_", " ") for name in columns))
    for slot in used:
        rows.add_row(*(_listed(slot[name]) for name in columns))
    console.print(rows)


def _listed(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@policy.command("diff", **example("dls-zk policy diff 0x1f…8e policy.yaml"))
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@chain_command()
@json_option
def policy_diff(access: Access, old: str, new: str, as_json: bool) -> None:
    """Compare two policies, and say of each change whether it tightens.

    OLD and NEW are files, hashes or vaults. If every change tightens a vault may move at once, else after its delay; a
    change that is forbidden no vault may make. Values are those of the packed fields, mostly basis points.
    """
    needs_chain = any(hash_of(text) is not None for text in (old, new))
    protocol = access.protocol() if needs_chain else None
    before, after = policy_of(old, protocol), policy_of(new, protocol)
    differences, effect = changes(before, after), verdict(before, after)
    if as_json:
        print_json({"verdict": effect, "changes": [asdict(change) for change in differences]})
        return
    rows = table("subject", "field", "from", "to", "")
    colours = {"tighter": "green", "looser": "yellow", "forbidden": "red"}
    for change in differences:
        mark = marked(colours[change.effect], change.effect)
        rows.add_row(change.subject, change.field, str(change.old), str(change.new), mark)
    console.print(rows)
    click.echo(f"all together: {effect}" if differences else "no change")


def registered(protocol: Protocol, sender: Sender, text: str, beside: Path = Path()) -> int:
    """The hash of a policy that is registered, or of a file's, which is registered if it is not."""
    number = hash_of(text)
    if number is not None:
        return number
    policy = files.read_policy(beside / text)
    protocol.registry.register(sender, policy)
    return policy_hash(policy)
