"""``dls-zk vault status``: all that a depositor, a lender or an indexer needs to know of a vault now."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..errors import ChainError
from ..files import Fixed
from ..files.values import time_text
from ..statement.bounds import BucketRate, OperatorTerms
from ..statement.buckets import DAY_S, Bucket
from ..statement.constants import PPB, QUANTITY_DECIMALS
from ..statement.ethereum import NOBODY
from .common import beside, console, example, json_option, print_json, table
from .mandate import mandate_json
from .options import Access, ceremony_options, chain_command
from .orders import shares_json
from .params import EXAMPLE_VAULT, Percent, VaultId
from .write_down import write_down_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..chain import Mandate, Protocol, VaultState
    from ..chain.deployment import AuditFinding, Transcript
    from ..statement.model import Policy

_QUANTITY = Fixed(QUANTITY_DECIMALS, 0, 0)


@click.command("status", **example(f"dls-zk vault status {EXAMPLE_VAULT} --json"))
@click.argument("vault", type=VaultId())
@chain_command()
@click.option(
    "--price-lag",
    type=Percent(),
    default="0.5%",
    show_default=True,
    help="How far a round's prices may lie behind the market: the feeds' deviation threshold, and a move in the grace.",
)
@ceremony_options
@json_option
def status(access: Access, vault: bytes, price_lag: int, transcripts: tuple[Transcript, ...], as_json: bool) -> None:
    """Show a vault's state, what waits, its shares, mandate, feeds, key and roles.

    Also compares the contracts with those that this package compiles, and the keys with its circuits, as `deploy --check`
    does, and says what an operator whose proofs are all valid can take at most: from the book, by gains that nobody made,
    and by orders of its own, beside what it announces as a write-down. With --ceremony and --ptau, also verifies the
    transcript of the ceremony that made a key. Times are in UTC, with --json in Unix seconds.
    """
    from .. import chain

    protocol = access.protocol()
    findings = chain.audit(protocol, transcripts, access.stages)
    found = vault_json(protocol, vault, findings, price_lag)
    faults = [f"{one.contract} at {one.address}: {one.fault}" for one in findings if one.fault]
    if found["key"]["circuit"] is None:
        faults.append("its key is none of the deployment's: nobody here knows what it proves")
    found["contracts"] = "; ".join(faults) or "as compiled"
    if not as_json:
        _print(found)
    with beside(found):
        if faults:
            raise ChainError("the contracts and keys are not as they should be; do not rely on them")
    if as_json:
        print_json(found)


# --- what there is to say -------------------------------------------------------------------------------------------


def vault_json(protocol: Protocol, vault: bytes, findings: Sequence[AuditFinding], price_lag_ppm: int) -> dict[str, Any]:
    """What ``vault status`` shows. findings: of the audit. Times in Unix seconds, amounts as text."""
    from .. import chain

    hub, now = protocol.hub, protocol.chain.now()
    state, roles = hub.state(vault), hub.roles(vault)
    mandate = hub.mandate(state.mandate)
    policy = protocol.registry.policy(mandate.policy_hash)
    share = chain.ShareToken.of(protocol, vault)
    return {
        "vault": f"0x{vault.hex()}",
        "status": state.status.words,
        "reason": _reason(protocol, vault, state, mandate),
        "sequence": state.sequence,
        "commitment": f"0x{state.commitment:064x}",
        "nav_at_least_usd": str(state.nav_floor * policy.nav_step_usd),
        "proven_at_prices_of": state.snapshot_timestamp,
        "age_s": max(now - state.snapshot_timestamp, 0),
        "stale_from": state.snapshot_timestamp + mandate.max_proof_age_s + 1,
        "next_round_from": _next_round_from(state, mandate),
        "pending_flow": _QUANTITY.show(state.pending_flow_e6),
        "waiting": _waiting(protocol, vault, mandate),
        "shares": shares_json(share) if share else None,
        "opened_by": "its share token, as compiled" if share else _unknown_opener(protocol, roles.opener),
        "buckets": _buckets(protocol, vault, mandate, now),
        "operator_can_take": operator_can_take(mandate, policy, price_lag_ppm),
        "mandate": {"version": state.mandate_version} | mandate_json(mandate),
        "policy": _policy(protocol, mandate.policy_hash),
        "feeds": _feeds(protocol, mandate.feed_set, policy),
        "key": _key(protocol, mandate.key, findings),
        "roles": asdict(roles),
    }


def _reason(protocol: Protocol, vault: bytes, state: VaultState, mandate: Mandate) -> str:
    from ..chain import VaultStatus

    last = "the last proof's prices are of" if state.sequence else "nothing is proven yet; it was opened at"
    since = f"{last} {time_text(state.snapshot_timestamp)} UTC"
    return {
        VaultStatus.ACTIVE: since,
        VaultStatus.STALE: f"{since}, older than {mandate.max_proof_age_s} s: the next proof ends it",
        VaultStatus.PAUSED: "its guardian paused it until "
        f"{time_text(protocol.hub.paused_until(vault)) if state.status is VaultStatus.PAUSED else ''} UTC",
        VaultStatus.WIND_DOWN: "it was wound down for good: only redemptions and flows back",
    }[state.status]


def _next_round_from(state: VaultState, mandate: Mandate) -> int:
    """From which second on a round may be of which the next rebalance takes its prices."""
    least = state.snapshot_timestamp + (mandate.min_interval_s if state.sequence else 0)
    return max(least, state.rounds_after + 1 if state.rounds_after else 0)


def _waiting(protocol: Protocol, vault: bytes, mandate: Mandate) -> dict[str, Any]:
    """Changes that wait for their time; null where there is none."""
    hub = protocol.hub
    proposal, offer, write_down = hub.proposal(vault), hub.operator_offer(vault), write_down_json(protocol, vault)
    unconfirmed = protocol.oracle.unconfirmed(mandate.feed_set)
    return {
        "mandate": proposal and asdict(proposal) | {"mandate": f"0x{proposal.mandate.hex()}"},
        "operator": offer and asdict(offer),
        "write_down": write_down if write_down["nav_steps"] else None,
        "prices": unconfirmed and _unconfirmed(protocol, mandate, unconfirmed.confirmable_at),
    }


def _unconfirmed(protocol: Protocol, mandate: Mandate, confirmable_at: int) -> dict[str, int]:
    delay_s = protocol.oracle.feed_set(mandate.feed_set).confirmation_delay_s
    return {"confirmable_at": confirmable_at, "lapses_at": confirmable_at + delay_s}


def _unknown_opener(protocol: Protocol, opener: str) -> str:
    if not protocol.chain.code(opener):
        return "an account: there is no share token"
    return "a contract that is not known to be a genuine share token (none that a factory made is); do not rely on it"


def _buckets(protocol: Protocol, vault: bytes, mandate: Mandate, now: int) -> dict[str, Any]:
    """What the buckets would hold for a rebalance at a round of now."""
    held = protocol.hub.allowances(vault, now)
    found = {}
    for name, unit in (("gain", "ppb"), ("loss", "ppb"), ("turnover", "ppm")):
        bucket, level = getattr(mandate, name), getattr(held, f"{name}_{unit}")
        wait_s = bucket.wait_s(level, bucket.cap)
        found[name] = {
            f"level_{unit}": level,
            f"cap_{unit}": bucket.cap,
            f"rate_{unit}_per_day": bucket.rate_per_day,
            "full_at": None if wait_s is None else now + wait_s,
        }
    return found


def operator_can_take(mandate: Mandate, policy: Policy, price_lag_ppm: int) -> dict[str, Any]:
    """What an operator whose proofs are all valid can take at most, in ppb of NAV: see ``statement.bounds``."""

    def rate(bucket: Bucket) -> BucketRate:
        return BucketRate(bucket.rate_per_day, bucket.cap)

    terms = OperatorTerms(
        gain_ppb=rate(mandate.gain),
        loss_ppb=rate(mandate.loss),
        turnover_ppm=rate(mandate.turnover),
        max_turnover_bps=policy.max_turnover_bps,
        max_leverage_bps=policy.max_leverage_bps,
        price_lag_ppm=price_lag_ppm,
        least_interval_s=mandate.min_interval_s,
        order_delay_s=mandate.share.order_delay_s,
    )
    days = {"first_day": terms.most(DAY_S), "each_further_day": terms.per_day()}
    return {"price_lag_ppm": price_lag_ppm} | {
        name: {"from_book_ppb": bound.from_book_ppb} | asdict(bound) for name, bound in days.items()
    }


def _policy(protocol: Protocol, digest: int) -> dict[str, Any]:
    """The policy, and the names that accounts gave it: each is its author's word."""
    authors = protocol.registry.authors(digest, protocol.deployment.block)
    labels = [{"by": author, "name": name} for author, name in authors]
    return {"policy_hash": f"0x{digest:064x}", "labels": labels}


def _feeds(protocol: Protocol, name: bytes, policy: Policy) -> list[dict[str, Any]]:
    """Which feed prices what, and what it says of itself."""
    from ..chain.feeds import report

    feed_set = protocol.oracle.feed_set(name)
    return [
        {
            "instrument": slot.instrument,
            "aggregator": feed.aggregator,
            "description": report(protocol.chain, feed.aggregator).description,
            "heartbeat_s": feed.heartbeat_s,
            "max_deviation_bps": feed.max_deviation_bps,
        }
        for slot, feed in zip(policy.slots, feed_set.feeds, strict=True)
        if slot.instrument
    ]


def _key(protocol: Protocol, name: bytes, findings: Sequence[AuditFinding]) -> dict[str, Any]:
    """The verifying key, and what the audit says of it. circuit: null if the deployment has no such key."""
    shown = f"0x{name.hex()}"
    circuit = next((circuit for circuit, key in protocol.deployment.keys.items() if key.name == shown), None)
    finding = next((one for one in findings if circuit and one.circuit == circuit), None)
    return {
        "name": shown,
        "circuit": circuit,
        "key_hash": protocol.key_hash(name),
        "insecure": finding and finding.insecure,
        "ceremony": finding and finding.ceremony,
        "contributions": list(finding.contributions) if finding else [],
    }


# --- how it is printed ----------------------------------------------------------------------------------------------

#: Keys of moments, which are shown in UTC.
_MOMENTS = {
    "proven_at_prices_of",
    "stale_from",
    "next_round_from",
    "active_from",
    "acceptable_from",
    "usable_from",
    "lapses_at",
    "confirmable_at",
    "full_at",
    "since",
    "next_from",
    "timestamp",
}


#: The end of a key whose value is shown in percent, and its decimals.
_UNIT = re.compile("_(ppb|ppm|bps)(?=_per_day|$)")
_PERCENT = {"ppb": Fixed(7, 0, 0, "%"), "ppm": Fixed(4, 0, 0, "%"), "bps": Fixed(2, 0, 0, "%")}


def _print(found: dict[str, Any]) -> None:
    rows = table("", "")
    for name, value in found.items():
        lines = _rows(name, value)
        for number, (label, text) in enumerate(lines, 1):
            rows.add_row(label, text, end_section=isinstance(value, dict | list) and number == len(lines))
    console.print(rows)


def _rows(name: str, value: Any) -> list[tuple[str, str]]:
    """What there is under a name, a line each: (label, text)."""
    label = _UNIT.sub("", name).replace("_", " ")
    if isinstance(value, dict):
        return [(f"{label} {inner}".strip(), text) for key, part in value.items() for inner, text in _rows(key, part)]
    if isinstance(value, list):
        return [(label, _line(item)) for item in value] or [(label, "none")]
    return [(label, text_of(name, value))]


def _line(item: dict[str, Any]) -> str:
    """The parts of an item of a list; what is no text, or a number as text, with its name."""

    def named(key: str, part: Any) -> bool:
        return not isinstance(part, str) or key.endswith("_shares")

    parts = [" ".join(_rows(key, part)[0]) if named(key, part) else part for key, part in item.items()]
    return ", ".join(part for part in parts if part)


def text_of(name: str, value: Any) -> str:
    """A value for a person, by the name of its key: moments in UTC, shares of NAV in percent, nobody's address as a word."""
    if value is None:
        return "none"
    if value == NOBODY:
        return "nobody"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name in _MOMENTS:
        return f"{time_text(value)} UTC"
    if name == "own_orders_ppb" and value >= PPB:
        return "all of it, with capital of the vault's size"
    if isinstance(value, int) and (unit := _UNIT.search(name)):
        return _PERCENT[unit[1]].show(value)
    return str(value)
