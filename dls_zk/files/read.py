"""Reading and writing each document.

    policy   YAML        the public rules of a vault                   read_policy   → model.Policy
    prices   YAML, CSV   USD prices of every instrument                read_prices, write_prices ↔ model.Prices
    book     YAML, CSV   quantities held (secret)                      read_book     → N quantities
    trades   YAML, CSV   quantities after minus before (secret)        read_trades   → N quantities
    terms    YAML        flow, allowances, context of a rebalance      read_terms, write_terms ↔ model.Terms
    feeds    YAML        the price feed of each instrument             read_feeds, write_feeds ↔ feeds.NamedFeeds
    mandate  YAML        what a vault may do                           read_mandate, write_mandate
    vault    YAML        the mandate and roles of a new vault          read_vault
    deployment JSON      where the contracts are on a chain            read_deployment, write_deployment
    opening  JSON        opens a commitment (secret, mode 0600)        read_opening, write_opening ↔ model.KeptOpening
    proof    JSON        a proof and its public signals                (read by ``groth16.proof``; its schema is here)

Errors are ``InputError``: file, field, expectation. A value of a public file is quoted; of a book, trades or an
opening neither values nor unknown keys are, because a swapped column makes a quantity look like a name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import InputError, listed
from ..statement.buckets import Bucket, Buckets
from ..statement.circuits import of_size
from ..statement.constants import (
    PRICE_BITS,
    PRICE_DECIMALS,
    QUANTITY_DECIMALS,
)
from ..statement.deployment import Deployment
from ..statement.ethereum import NOBODY
from ..statement.feeds import NamedFeeds
from ..statement.model import KeptOpening, Opening, Policy, Prices, Round, Terms
from ..storage.disk import exposure, read_limited, write_new, write_secret
from ..storage.strict_json import parse_json
from .documents import (
    DEPLOYMENT_FORMAT,
    OPENING_FAMILY,
    OPENING_FORMAT,
    BookFile,
    DeploymentFile,
    FeedsFile,
    MandateFields,
    OpeningFile,
    PricesFile,
    TermsFile,
    TradesFile,
    VaultFile,
)
from .policy import PolicyFile, name_problems
from .tables import read_table
from .text import FILE_LIMIT, read_yaml
from .validation import problems, validate
from .values import QUANTITY_RANGE, Fixed, as_written, quote


def read_policy(path: str | Path) -> Policy:
    """Read a policy (YAML). InputError, also for a policy that no vault should have (see ``PolicyFile``)."""
    policy, errors = lint_policy(path)
    if policy is None:
        others = f"; {len(errors) - 1} more, which `dls-zk policy lint` shows" if len(errors) > 1 else ""
        raise InputError(f"{errors[0]}{others}")
    return policy


def lint_policy(path: str | Path) -> tuple[Policy | None, list[InputError]]:
    """A policy (YAML), or None and everything that is wrong with it. InputError if the file cannot be read as YAML."""
    file, errors = problems(PolicyFile, read_yaml(path, secret=False), path, more=name_problems)
    return file.to_policy() if file else None, errors


def read_prices(path: str | Path, policy: Policy) -> Prices:
    """Read the prices (YAML or CSV) of all of the policy's instruments; unused slots get 0. InputError."""
    table = read_table(PricesFile, "prices", path, policy, secret=False)
    for slot in policy.slots:
        if slot.instrument and slot.instrument not in table.prices:
            raise InputError(f"no price for {slot.instrument}; every instrument of the policy needs one", str(path))
    snapshot = None
    if table.chain_id is not None and table.oracle is not None and table.round is not None:
        snapshot = Round(table.chain_id, table.oracle, table.round)
    return Prices(_by_slot(table.prices, policy), snapshot)


def write_prices(path: str | Path, prices: Prices, policy: Policy, day: str, source: str) -> None:
    """Write the prices of a policy's instruments (YAML). InputError if the file exists."""
    price = Fixed(PRICE_DECIMALS, 1, (1 << PRICE_BITS) - 1)
    named = zip(policy.slots, prices.usd_e8, strict=True)
    lines = [f"  {slot.instrument}: {price.show(usd_e8)}" for slot, usd_e8 in named if slot.instrument]
    head = [f"date: {day}", f"source: {source}"]
    if at := prices.round:
        head += [f"chain_id: {at.chain_id}", f'oracle: "{at.oracle}"', f"round: {at.number}"]
    write_new(Path(path), "\n".join([*head, "", "prices:", *lines, ""]))


def read_book(path: str | Path, policy: Policy) -> tuple[int, ...]:
    """Read a book (YAML or CSV): N quantities in 1e-6 of the instrument, secret. InputError, without the content."""
    return _by_slot(read_table(BookFile, "book", path, policy, secret=True).book, policy)


def read_trades(path: str | Path, policy: Policy) -> tuple[int, ...]:
    """Read trades (YAML or CSV): N quantities in 1e-6 of the instrument, after minus before, secret. InputError,
    without the content."""
    return _by_slot(read_table(TradesFile, "trades", path, policy, secret=True).trades, policy)


def read_terms(path: str | Path) -> Terms:
    """Read the terms of a rebalance (YAML). InputError."""
    terms = validate(TermsFile, read_yaml(path, secret=False), path)
    commitment, policy = (None if x is None else int(x, 16) for x in (terms.commitment_before, terms.policy_hash))
    allowances = terms.allowances.to_allowances()
    buckets = terms.buckets.to_buckets() if terms.buckets else None
    return Terms.at(terms.context.to_context(), terms.flow, allowances, commitment, terms.oracle, policy, buckets)


def write_terms(path: str | Path, terms: Terms) -> None:
    """Write the terms of a rebalance (YAML). ValueError if they have no context; InputError if the file exists."""
    context = terms.known_context()
    allowances = terms.allowances
    flow = Fixed(QUANTITY_DECIMALS, *QUANTITY_RANGE).show(terms.flow_e6)
    elements = {"commitment_before": terms.commitment_before, "policy_hash": terms.policy_hash}
    known = "".join(f'{name}: "0x{value:064x}"\n' for name, value in elements.items() if value is not None)
    oracle = "" if terms.oracle is None else f'oracle: "{terms.oracle}"\n'
    write_new(
        Path(path),
        f"""flow: {flow}
{known}{oracle}
allowances:
  gain: {allowances.gain_ppb} ppb
  loss: {allowances.loss_ppb} ppb
  turnover: {allowances.turnover_ppm} ppm
  write_down: {allowances.write_down_steps} steps
{_buckets(terms.buckets)}
context:
  chain_id: {context.chain_id}
  hub: "{context.hub}"
  vault_id: "0x{context.vault_id.hex()}"
  sequence: {context.sequence}
  mandate_version: {context.mandate_version}
  round: {context.round}
  operator: "{context.operator}"
  deadline: {context.deadline}
""",
    )


def _buckets(buckets: Buckets | None) -> str:
    """The buckets of terms, as lines that end the paragraph before the context."""
    if buckets is None:
        return ""
    units = {"gain": "ppb", "loss": "ppb", "turnover": "ppm"}
    lines = [
        "",
        "# Of the allowances, which are what the vault holds, `prove` names the least that the rebalance needs.",
        "buckets:",
    ]
    for name, unit in units.items():
        bucket: Bucket = getattr(buckets, name)
        values = f"per_day: {bucket.rate_per_day} {unit}, cap: {bucket.cap} {unit}, step: {bucket.step} {unit}"
        lines.append(f"  {name}: {{{values}}}")
    return "\n".join([*lines, ""])


def read_feeds(path: str | Path, policy: Policy) -> NamedFeeds:
    """Read the feeds (YAML) of all of a policy's instruments. InputError."""
    document = validate(FeedsFile, read_yaml(path, secret=False), path)
    names = [slot.instrument for slot in policy.slots if slot.instrument]
    for name in [*document.feeds, *names]:
        if name not in names:
            raise InputError(f"unknown instrument {quote(name)}; the policy has {listed(names)}", str(path))
        if name not in document.feeds:
            raise InputError(f"no feed for {name}; every instrument of the policy needs one", str(path))
    return document.to_feeds()


def read_feed_addresses(path: str | Path) -> dict[str, str]:
    """Read the addresses of a file's feeds (YAML), by instrument, whatever the policy. InputError."""
    document = validate(FeedsFile, read_yaml(path, secret=False), path)
    return {name: feed.aggregator for name, feed in document.feeds.items()}


def write_feeds(path: str | Path, feeds: NamedFeeds) -> None:
    """Write feeds (JSON, which is YAML too). InputError if the file exists."""
    seconds, percent = Fixed(0, 0, (1 << 32) - 1, " s"), Fixed(2, 1, (1 << 16) - 1, "%")
    document: dict[str, Any] = {
        "confirmation_delay": seconds.show(feeds.confirmation_delay_s),
        "deviation_period": seconds.show(feeds.deviation_period_s),
    }
    if feeds.sequencer_feed != NOBODY:
        document["sequencer"] = {"feed": feeds.sequencer_feed, "grace_period": seconds.show(feeds.grace_period_s)}
    document["feeds"] = {
        name: {
            "aggregator": feed.aggregator,
            "heartbeat": seconds.show(feed.heartbeat_s),
            "deviation": percent.show(feed.max_deviation_bps),
        }
        for name, feed in feeds.feeds.items()
    }
    write_new(Path(path), json.dumps(document, indent=2) + "\n")


def read_vault(path: str | Path) -> VaultFile:
    """Read what a vault is opened with (YAML). InputError."""
    return validate(VaultFile, read_yaml(path, secret=False), path)


def read_mandate(path: str | Path) -> MandateFields:
    """Read what a vault may do (YAML). InputError."""
    return validate(MandateFields, read_yaml(path, secret=False), path)


def write_mandate(path: str | Path, mandate: MandateFields) -> None:
    """Write what a vault may do (JSON, which is YAML too). InputError if the file exists."""
    write_new(Path(path), json.dumps(as_written(mandate), indent=2) + "\n")


def read_deployment(path: str | Path) -> Deployment:
    """Read where the contracts are (JSON). InputError."""
    document = parse_json(read_limited(Path(path), FILE_LIMIT), str(path))
    return validate(DeploymentFile, document, path).to_deployment()


def write_deployment(path: str | Path, deployment: Deployment) -> None:
    """Write where the contracts are (JSON). InputError if the file exists."""
    write_new(Path(path), json.dumps({"format": DEPLOYMENT_FORMAT, **asdict(deployment)}, indent=2) + "\n")


def read_opening(path: str | Path) -> KeptOpening:
    """Read an opening (JSON), and the commitment that the file names beside it: the caller computes it and compares.

    InputError, without the content; also for a file that other users may read.
    """
    content = read_limited(Path(path), FILE_LIMIT)
    document = parse_json(content, str(path))
    # Of a file that is no opening it would be wrong to say that it is secret; what it is not is said below.
    is_opening = isinstance(document, dict) and str(document.get("format")).startswith(OPENING_FAMILY)
    if is_opening and (exposed := exposure(Path(path))):
        raise InputError(exposed, str(path))
    return parse_opening(content, str(path))


def parse_opening(content: bytes, where: str) -> KeptOpening:
    """An opening from what its file holds, as ``read_opening``. where: for errors. InputError, without the content."""
    file = validate(OpeningFile, parse_json(content, where), where, known=set())
    return KeptOpening(
        Opening(file.quantities, int(file.salt, 16)),
        int(file.commitment, 16),
        file.instruments,
        file.chain_id,
        file.hub,
        bytes.fromhex(file.vault_id[2:]),
        file.sequence,
        int(datetime.fromisoformat(file.created).timestamp()),
    )


def write_opening(path: str | Path, kept: KeptOpening) -> None:
    """Write an opening (JSON, mode 0600). InputError if it cannot be written, if its disk would show it to other users,
    or if the file exists, even if it came a moment ago: an opening that something still needs is never overwritten."""
    opening = kept.opening
    document = {
        "format": OPENING_FORMAT,
        "circuit": of_size(len(opening.quantities_e6)).name,
        "chain_id": kept.chain_id,
        "hub": kept.hub,
        "vault_id": f"0x{kept.vault_id.hex()}",
        "sequence": kept.sequence,
        "created": f"{datetime.fromtimestamp(kept.created_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "commitment": f"0x{kept.commitment:064x}",
        "instruments": list(kept.instruments),
        "quantities": [str(quantity) for quantity in opening.quantities_e6],
        "salt": f"0x{opening.salt:064x}",
    }
    OpeningFile.model_validate(document)
    write_secret(Path(path), json.dumps(document, indent=2) + "\n")


def _by_slot(values: Mapping[str, int], policy: Policy) -> tuple[int, ...]:
    return tuple(values.get(slot.instrument, 0) for slot in policy.slots)
