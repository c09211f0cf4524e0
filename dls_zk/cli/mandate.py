"""``dls-zk vault mandate``: what a vault may do, and how it moves to something else."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .. import files
from ..errors import ChainError, InputError
from ..files import Fixed
from ..files.values import Document, time_text
from ..statement.buckets import Bucket
from ..statement.commitments import policy_hash
from ..statement.constants import QUANTITY_DECIMALS
from ..statement.model import Policy
from ..statement.policy_diff import changes, verdict
from ..statement.policy_lint import lint_turnover_step
from .common import FILE, beside, confirm, console, example, json_option, marked, print_json, table
from .options import Access, chain_command
from .params import EXAMPLE_VAULT, Name, VaultId
from .policy import hash_of, mandate_of, policy_of, registered

if TYPE_CHECKING:
    from ..chain import Mandate, Protocol, Sender

EXAMPLE_MANDATE = "0x" + "77a0" * 16

D = TypeVar("D", bound=Document)


@click.group("mandate")
def mandate() -> None:
    """Show a vault's mandate, and move the vault to another one."""


# --- from a file to the chain, and back ------------------------------------------------------------------------------


def resolved(protocol: Protocol, fields: files.MandateFields, beside: Path) -> tuple[Mandate, Policy]:
    """The mandate that a file describes, with its policy. Nothing is sent. beside: the folder that paths start from."""
    from .. import chain

    policy = policy_of(fields.policy, protocol, beside)
    for finding in lint_turnover_step(policy, fields.turnover.step):
        click.echo(f"warning: {fields.policy}: {finding.where}: {finding.text}", err=True)
    feed_set = hash_of(fields.feeds)
    if feed_set is None:
        named = files.read_feeds(beside / fields.feeds, policy)
        name = protocol.oracle.name_of(chain.FeedSet.of(named, policy))
    else:
        name = feed_set.to_bytes(32, "big")
    protocol.oracle.feed_set(name)  # the oracle has it; what to do if not, the refusal says
    fees, band = fields.fees, fields.band
    terms = chain.Mandate(
        policy_hash=policy_hash(policy),
        feed_set=name,
        key=bytes.fromhex(fields.key[2:]) if fields.key else protocol.key_for(policy.size.slots),
        grace_s=fields.grace,
        min_interval_s=fields.min_interval,
        max_proof_age_s=fields.max_proof_age,
        write_down_ppm=fields.write_down,
        gain=_bucket(fields.gain),
        loss=_bucket(fields.loss),
        turnover=_bucket(fields.turnover),
        share=chain.ShareTerms(
            order_delay_s=fields.orders.delay,
            redemption_period_s=fields.orders.redemption_period,
            least_order_e6=fields.orders.least,
            deposit_cap_e6=fields.orders.cap,
            management_fee_ppm=fees.management if fees else 0,
            performance_fee_ppm=fees.performance if fees else 0,
            band_ppm_per_day=band.per_day if band else 0,
            band_wait_s=band.wait if band else 0,
        ),
    )
    return terms, policy


def _bucket(fields: files.CostBucketFields | files.TurnoverBucketFields) -> Bucket:
    return Bucket(fields.per_day, fields.cap, fields.step)


def added(protocol: Protocol, sender: Sender, terms: Mandate, fields: files.MandateFields, beside: Path) -> bytes:
    """Register the mandate's policy and add the mandate, if the chain lacks them; the mandate's name."""
    registered(protocol, sender, fields.policy, beside)
    return protocol.hub.add_mandate(sender, terms)


def as_fields(terms: Mandate) -> files.MandateFields:
    """A mandate as its file has it: policy, feed set and key by their names. InputError if no file could have it."""

    def built(model: type[D], **values: Any) -> D:
        return files.built(model, "the mandate on the chain", **values)

    def cost(bucket: Bucket) -> files.CostBucketFields:
        return built(files.CostBucketFields, per_day=bucket.rate_per_day, cap=bucket.cap, step=bucket.step)

    share, turnover = terms.share, terms.turnover
    return built(
        files.MandateFields,
        policy=f"0x{terms.policy_hash:064x}",
        feeds=f"0x{terms.feed_set.hex()}",
        key=f"0x{terms.key.hex()}",
        grace=terms.grace_s,
        min_interval=terms.min_interval_s,
        max_proof_age=terms.max_proof_age_s,
        write_down=terms.write_down_ppm,
        gain=cost(terms.gain),
        loss=cost(terms.loss),
        turnover=built(files.TurnoverBucketFields, per_day=turnover.rate_per_day, cap=turnover.cap, step=turnover.step),
        orders=built(
            files.OrderFields,
            delay=share.order_delay_s,
            redemption_period=share.redemption_period_s,
            least=share.least_order_e6,
            cap=share.deposit_cap_e6,
        ),
        fees=built(files.FeeFields, management=share.management_fee_ppm, performance=share.performance_fee_ppm),
        band=built(files.BandFields, per_day=share.band_ppm_per_day, wait=share.band_wait_s)
        if share.band_ppm_per_day
        else None,
    )


# --- how terms are printed -------------------------------------------------------------------------------------------

_SECONDS, _PPM, _PPB = Fixed(0, 0, 0, " s"), Fixed(4, 0, 0, "%"), Fixed(7, 0, 0, "%")
_AMOUNT = Fixed(QUANTITY_DECIMALS, 0, 0)
#: How a term is shown: by the end of its name, its unit.
_UNITS = {"_s": _SECONDS, "_ppm": _PPM, "_ppm_per_day": _PPM, "_e6": _AMOUNT}


def term_text(term: str, value: int | bytes) -> str:
    """A term of a mandate for a person, in its unit."""
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if term == "policy_hash":
        return f"0x{value:064x}"
    if term == "band_ppm_per_day" and not value:
        return "none"
    if "." in term:
        return (_PPM if term.startswith("turnover.") else _PPB).show(value)
    unit = next(unit for end, unit in _UNITS.items() if term.endswith(end))
    return unit.show(value)


def term_words(term: str) -> str:
    """The name of a term for a person: its unit stands with the value."""
    for end in ("_per_day", "_ppm", "_s", "_e6"):
        term = term.removesuffix(end)
    return term.replace(".rate", " per day").replace(".", " ").replace("_", " ")


def mandate_json(terms: Mandate) -> dict[str, Any]:
    """A mandate for pipelines: integers in the units that the names end in, amounts as text."""

    def bucket(held: Bucket, unit: str) -> dict[str, int]:
        return {f"rate_{unit}_per_day": held.rate_per_day, f"cap_{unit}": held.cap, f"step_{unit}": held.step}

    share = asdict(terms.share)
    for name in ("least_order", "deposit_cap"):
        share[name] = _AMOUNT.show(share.pop(f"{name}_e6"))
    return {
        "name": f"0x{terms.name.hex()}",
        "policy_hash": f"0x{terms.policy_hash:064x}",
        "feed_set": f"0x{terms.feed_set.hex()}",
        "key": f"0x{terms.key.hex()}",
        "grace_s": terms.grace_s,
        "min_interval_s": terms.min_interval_s,
        "max_proof_age_s": terms.max_proof_age_s,
        "write_down_ppm": terms.write_down_ppm,
        "gain": bucket(terms.gain, "ppb"),
        "loss": bucket(terms.loss, "ppb"),
        "turnover": bucket(terms.turnover, "ppm"),
        "share": share,
    }


# --- what a move changes ---------------------------------------------------------------------------------------------


class Difference:
    """What changes from one mandate to another. verdict: ``no change``, ``tighter``, ``repair``, ``looser`` or
    ``forbidden``; of a repair the oracle says whether all feeds that change are dead now."""

    def __init__(self, protocol: Protocol, old: Mandate, new: Mandate, new_policy: Policy | None = None):
        from ..chain.mandate import term_changes

        self.old_policy = protocol.registry.policy(old.policy_hash)
        self.new_policy = new_policy or protocol.registry.policy(new.policy_hash)
        self.policy_changes = changes(self.old_policy, self.new_policy) if old.policy_hash != new.policy_hash else ()
        self.terms = term_changes(old, new)
        effects: set[str] = {change.effect for change in self.terms}
        if self.policy_changes:
            effects.add(verdict(self.old_policy, self.new_policy))
        repair = [change.term for change in self.terms] == ["feed_set"] and not self.policy_changes
        if repair and protocol.oracle.is_repair(old.feed_set, new.feed_set):
            self.verdict = "repair"
        else:
            self.verdict = next((e for e in ("forbidden", "looser", "tighter") if e in effects), "no change")

    def json(self) -> list[dict[str, Any]]:
        """The changes, for pipelines: values as text."""
        shown = [
            {
                "term": change.term,
                "old": term_text(change.term, change.old),
                "new": term_text(change.term, change.new),
                "effect": change.effect,
            }
            for change in self.terms
        ]
        for change in self.policy_changes:
            term = f"policy: {change.subject} {change.field}".replace(":  ", ": ")
            shown.append({"term": term, "old": str(change.old), "new": str(change.new), "effect": change.effect})
        return shown

    def print(self) -> None:
        rows = table("term", "from", "to", "")
        colours = {"tighter": "green", "looser": "yellow", "forbidden": "red"}
        for change in self.json():
            rows.add_row(
                term_words(change["term"]), change["old"], change["new"], marked(colours[change["effect"]], change["effect"])
            )
        console.print(rows)


#: What a proposal waits for, by its verdict.
_WAITS = {
    "tighter": "It takes effect at once.",
    "repair": "It replaces dead feeds only. Anybody may activate it after half of the greatest proof age, if they are still "
    "dead then.",
    "looser": "It waits for the vault's loosening delay, and until the redemptions are served that holders ask for in the "
    "first half of the delay. Then anybody may activate it for a week.",
}


# --- commands --------------------------------------------------------------------------------------------------------


@mandate.command("show", **example(f"dls-zk vault mandate show {EXAMPLE_VAULT} --out mandate.yaml"))
@click.argument("vault", type=VaultId())
@chain_command()
@click.option("--proposed", is_flag=True, help="Show the mandate that is proposed.")
@click.option("--out", type=FILE, help="Also write it as a file, to be edited and given to `vault mandate propose`.")
@json_option
def mandate_show(access: Access, vault: bytes, proposed: bool, out: Path | None, as_json: bool) -> None:
    """Show a vault's mandate, term by term."""
    protocol = access.protocol()
    terms = protocol.hub.mandate(_proposed(protocol, vault).mandate) if proposed else mandate_of(protocol, vault)
    if out:
        files.write_mandate(out, as_fields(terms))
    if as_json:
        print_json(mandate_json(terms))
        return
    from ..chain.mandate import flat_terms

    rows = table(f"mandate 0x{terms.name.hex()}", "")
    for term, value in flat_terms(terms):
        rows.add_row(term_words(term), term_text(term, value))
    console.print(rows)


def _proposed(protocol: Protocol, vault: bytes) -> Any:
    if found := protocol.hub.proposal(vault):
        return found
    raise ChainError("no mandate is proposed; propose one with `dls-zk vault mandate propose`", code="unknown_id")


@mandate.command("propose", **example(f"dls-zk vault mandate propose {EXAMPLE_VAULT} mandate.yaml"))
@click.argument("vault", type=VaultId())
@click.argument("file", type=FILE)
@chain_command(signing=True)
@click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@json_option
def mandate_propose(access: Access, vault: bytes, file: Path, yes: bool, as_json: bool) -> None:
    """Move a vault to the mandate of a file, or propose it.

    Shows each change and whether it tightens, and asks. A mandate that only tightens takes effect at once. One that only
    replaces dead feeds (a repair), and one that loosens, wait; `vault mandate activate` activates them when their time has
    come. Replaces a proposal that waits. Only the operator may propose. `vault mandate show --out` writes a file to begin
    with.
    """
    fields, protocol = files.read_mandate(file), access.protocol()
    terms, policy = resolved(protocol, fields, file.parent)
    before, waiting = mandate_of(protocol, vault), protocol.hub.proposal(vault)
    difference = Difference(protocol, before, terms, policy)
    sender = access.sender(protocol.chain)
    is_proposed = protocol.hub.is_interrupted(sender, "proposeMandate", vault.hex(), terms.name.hex())
    if difference.verdict == "no change" and not is_proposed:
        raise InputError("the vault has this mandate already; nothing to propose", str(file))
    proposal = {"mandate": f"0x{terms.name.hex()}", "verdict": difference.verdict, "changes": difference.json()}
    if not as_json:
        difference.print()
    if difference.verdict == "forbidden":
        with beside(proposal):
            raise InputError(
                "a change is forbidden: no vault may make it, because its book would change its meaning", str(file)
            )
    if not yes and not is_proposed:  # by a run that was cut off: its end is all that is to be found
        for change in difference.json() if as_json else ():  # else the table shows them
            words = term_words(change["term"])
            click.echo(f"{words}: from {change['old']} to {change['new']} ({change['effect']})", err=True)
        replaces = waiting is not None and waiting.mandate != terms.name
        click.echo(_WAITS[difference.verdict] + " It replaces the proposal that waits." * replaces, err=True)
        confirm("Propose it?", "There is no terminal to ask on: look at the changes, then pass --yes.", proposal)
    with access.stages("Mandate"):
        name = added(protocol, sender, terms, fields, file.parent)
        protocol.hub.propose_mandate(sender, vault, name)
    _print_proposal(protocol, vault, name, difference, as_json)


@mandate.command("activate", **example(f"dls-zk vault mandate activate {EXAMPLE_VAULT} {EXAMPLE_MANDATE}"))
@click.argument("vault", type=VaultId())
@click.argument("name", metavar="MANDATE", type=Name("mandate"))
@chain_command(signing=True)
@json_option
def mandate_activate(access: Access, vault: bytes, name: bytes, as_json: bool) -> None:
    """Activate the proposed mandate, whose time has come. Anybody may.

    MANDATE is its name, as `vault mandate propose` and `vault status` show it, so that you activate what you looked at. The
    vault has to be active (for a repair: or stale), and the redemptions of the first half of a loosening's delay served.
    """
    protocol = access.protocol()
    hub = protocol.hub
    before = hub.state(vault).mandate
    difference = Difference(protocol, hub.mandate(before), hub.mandate(name))
    with access.stages("Mandate activated"):
        hub.activate_mandate(access.sender(protocol.chain), vault, name)
    _print_proposal(protocol, vault, name, difference, as_json)


def _print_proposal(protocol: Protocol, vault: bytes, name: bytes, difference: Difference, as_json: bool) -> None:
    active, waiting = protocol.hub.state(vault).mandate == name, protocol.hub.proposal(vault)
    times = None if active or waiting is None else waiting
    if as_json:
        print_json(
            {
                "mandate": f"0x{name.hex()}",
                "verdict": difference.verdict,
                "changes": difference.json(),
                "active": active,
                "active_from": times and times.active_from,
                "lapses_at": times and times.lapses_at,
            }
        )
    elif times:
        click.echo(f"proposed  0x{name.hex()}")
        click.echo(f"activate it from {time_text(times.active_from)} UTC on, before {time_text(times.lapses_at)} UTC")
    else:
        click.echo(f"active  0x{name.hex()}")


@mandate.command("withdraw", **example(f"dls-zk vault mandate withdraw {EXAMPLE_VAULT}"))
@click.argument("vault", type=VaultId())
@chain_command(signing=True)
@json_option
def mandate_withdraw(access: Access, vault: bytes, as_json: bool) -> None:
    """Withdraw the proposed mandate. Its operator and its guardian may."""
    protocol = access.protocol()
    hub, sender = protocol.hub, access.sender(protocol.chain)
    if not hub.is_interrupted(sender, "withdrawMandate", vault.hex()):
        _proposed(protocol, vault)
    with access.stages("Mandate withdrawn"):
        mined = hub.mark(sender, vault, "withdrawMandate")
    name = hub.withdrawn_mandate(vault, mined)
    if as_json:
        print_json({"mandate": f"0x{name.hex()}", "transaction": mined.hash})
    else:
        click.echo(f"withdrawn  0x{name.hex()}")
