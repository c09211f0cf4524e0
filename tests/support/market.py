"""All contracts on a local chain, with a key whose secret the test knows, feeds, and vaults that can be moved at will."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from dls_zk import files
from dls_zk.audit.instances import vacuous_policy
from dls_zk.audit.simulator import Trapdoor
from dls_zk.chain import connection, signers
from dls_zk.chain.deployment import CheckedKey, Protocol, create, deploy
from dls_zk.chain.hub import Accepted
from dls_zk.chain.local import rpc
from dls_zk.chain.mandate import Mandate, ShareTerms
from dls_zk.chain.oracle import DevFeed, FeedSet, Snapshot, development_feeds
from dls_zk.chain.share_token import Asset, ShareToken
from dls_zk.chain.submission import Submission
from dls_zk.chain.transactions import Delivery, Sender
from dls_zk.files.documents import SHARE_NAME_BYTES
from dls_zk.operations import Proven
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.buckets import Bucket
from dls_zk.statement.commitments import policy_hash
from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import Opening, Policy, SlotPolicy, Terms
from dls_zk.statement.signals import PublicSignals
from dls_zk.statement.verdict import Report
from dls_zk.tools import circom, foundry, node

SLOTS = 8

#: Of the feeds: prices are posted anew for each snapshot.
HEARTBEAT_S = 3600


@cache
def trapdoor(slots: int = SLOTS) -> Trapdoor:
    return Trapdoor(slots, Random(slots))


def checked_key(known: Trapdoor) -> CheckedKey:
    """A trapdoor's key as one that ``deploy`` takes."""
    return CheckedKey(known.circuit, known.vk, circom.compile_circuit(known.circuit).r1cs_sha256, insecure=True)


def arguments(known: Trapdoor, signals: Sequence[int]) -> ProofArguments:
    """A valid proof of any signals, as a contract takes it."""
    return ProofArguments.from_proof(known.prove(signals))


def policy(slots: int = SLOTS, **changes: Any) -> Policy:
    """A policy with two instruments that refuses nothing."""
    size = SIZES[slots]
    dollar, ether = (
        replace(SlotPolicy.null(size.factors), instrument=name, funded=True, liability_bps=10_000, cap_bps=2**17 - 1)
        for name in ("USDC", "ETH")
    )
    return replace(vacuous_policy(size, (dollar, ether, *[SlotPolicy.null(size.factors)] * (slots - 2))), **changes)


@dataclass(frozen=True)
class Market:
    """A chain with everything on it. people: senders for its unlocked accounts; the first deployed all."""

    protocol: Protocol
    people: tuple[Sender, ...]
    policy: Policy
    feeds: dict[str, DevFeed]
    feed_set: bytes
    mandate: Mandate
    trapdoor: Trapdoor

    @property
    def chain(self) -> connection.Chain:
        return self.protocol.chain

    @property
    def owner(self) -> Sender:
        return self.people[0]

    def snapshot(self, *, after_s: int = 0, ether_usd: int = 2500) -> Snapshot:
        """Post prices and take a snapshot."""
        rpc(self.chain, "evm_increaseTime", max(after_s, 1))  # no two snapshots in one second
        rpc(self.chain, "evm_mine")
        for name, usd in (("USDC", 1), ("ETH", ether_usd)):
            self.feeds[name].post(self.owner, usd * 10**8, self.chain.now())
        taken = self.protocol.oracle.take_snapshot(self.owner, self.feed_set)
        assert isinstance(taken, Snapshot)
        return taken

    def open(self, name: str, operator: Sender | None = None, **changes: Any) -> Vault:
        """A vault, opened by the first account; the operator is the first account too, unless given."""
        operator = operator or self.owner
        mandate = self.protocol.hub.add_mandate(self.owner, replace(self.mandate, **changes))
        return Vault(self, self.protocol.hub.open_vault(self.owner, name, mandate, operator.address), operator)


@dataclass(frozen=True)
class Vault:
    """A vault of a market, whose proofs the trapdoor makes."""

    market: Market
    id: bytes
    operator: Sender

    def rebalance(
        self,
        snapshot: Snapshot,
        *,
        after: int = 12345,
        nav_floor: int = 678,
        deadline: int = 0,
        allowances: Allowances | None = None,
    ) -> Rebalance:
        """The next rebalance, to any commitment. allowances: what it names, by default nothing but the open write-down."""
        hub, size = self.market.protocol.hub, self.market.policy.size
        terms = hub.terms(self.id, snapshot, deadline or self.market.chain.now() + 3600)
        named = allowances or Allowances(write_down_steps=terms.allowances.write_down_steps)
        terms = replace(terms, allowances=named, buckets=None)
        public = PublicSignals(
            commitment_before=hub.state(self.id).commitment,
            commitment_after=after,
            policy_hash=policy_hash(self.market.policy),
            flow=terms.flow_e6,
            allowances=named,
            nav_floor=nav_floor,
            context=terms.context_hash,
            prices=snapshot.words,
        )
        assert len(public.prices) == size.price_words
        return Rebalance(self, terms, public)


@dataclass(frozen=True)
class Rebalance:
    """What a proof is to say, with the terms that it is for."""

    vault: Vault
    terms: Terms
    signals: PublicSignals

    def proven(self) -> Proven:
        """The proof, as ``operations.prove`` returns it, with an opening that opens nothing."""
        proof = self.vault.market.trapdoor.prove(self.signals.to_field())
        empty = Opening.empty(self.vault.market.policy.size)
        return Proven(proof, self.signals, self.terms, empty, ("",) * SLOTS, Report(()), insecure=True)

    def write(self, folder: Path) -> Path:
        """A folder as ``prove`` writes it, less the opening."""
        folder.mkdir(parents=True)
        proven = self.proven()
        files.write_terms(folder / "terms.yaml", proven.terms)
        (folder / "proof.json").write_text(proven.proof.to_json())
        return folder

    def submission(self, folder: Path) -> Submission:
        return Submission.read(self.write(folder))


# --- shares -----------------------------------------------------------------------------------------------------


def open_share(market: Market, operator: Sender, name: str, **changes: Any) -> ShareToken:
    """A share token, whose asset anyone can mint, with its vault. changes: of the mandate's terms of shares."""
    owner = market.owner
    asset = create(owner, market.protocol.contracts["DevAsset"], "USDC", "USDC")
    terms = replace(market.mandate, share=replace(market.mandate.share, **changes))
    mandate = market.protocol.hub.add_mandate(owner, terms)
    return ShareToken.open(
        owner, market.protocol, asset, name[-SHARE_NAME_BYTES:], "V", owner.address, mandate, operator.address
    )


def mint(market: Market, share: ShareToken, to: str, assets: int) -> None:
    """Give an account assets of a share token."""
    asset = Asset(market.chain, market.protocol.contracts["DevAsset"], share.asset.address)
    asset.mint(market.owner, to, assets, label=str(market.chain.block_number()))


def settle(market: Market, share: ShareToken, operator: Sender, nav_floor: int = 0) -> Rebalance:
    """Two rounds, an order delay apart, and the proof at the second, which settles what was ordered before the first."""
    market.snapshot()
    vault = Vault(market, share.vault, operator)
    rebalance = vault.rebalance(market.snapshot(after_s=HEARTBEAT_S), nav_floor=nav_floor)
    at, proof = rebalance.terms.known_context(), arguments(market.trapdoor, rebalance.signals.to_field())
    call = market.protocol.hub.submission(vault.id, proof, at.round, at.deadline)
    operator.perform(("settle", vault.id.hex(), at.sequence), call)
    return rebalance


def funded(market: Market, operator: Sender, assets: int) -> ShareToken:
    """A share token with assets of the first account, by an order that a proof settled."""
    owner, share = market.owner, open_share(market, operator, f"funded {assets}")
    mint(market, share, owner.address, assets)
    share.request(owner, market.protocol.hub, "deposit", assets)
    settle(market, share, operator)
    for order in share.orders(owner.address):
        share.claim(owner, order, owner.address, owner.address)
    return share


def sender(chain: connection.Chain, url: str, account: str, folder: Path, **changes: Any) -> Sender:
    """A sender for an unlocked account of anvil."""
    return Sender(chain, signers.from_url(url, account), folder, Delivery.on(chain, poll_s=0.02, **changes))


@contextmanager
def market(folder: Path, slots: int = SLOTS, accounts: int = 4, **options: Any) -> Iterator[Market]:
    """A chain of its own, with everything on it, for the length of a ``with``."""
    node.ensure_node_packages()
    with foundry.anvil(chain_id=31337, accounts=accounts, **options) as url:
        yield on(url, folder, slots)


def on(url: str, folder: Path, slots: int = SLOTS) -> Market:
    """Everything on the chain at a URL."""
    chain = connection.connect(url)
    people = tuple(sender(chain, url, account, folder) for account in chain.accounts())
    owner, rules = people[0], policy(slots)
    protocol = Protocol.on(chain, deploy(owner, [checked_key(trapdoor(slots))]))
    artifact = protocol.contracts["DevFeed"]
    feeds = {name: DevFeed(chain, artifact, create(owner, artifact, 8, f"{name} / USD")) for name in ("USDC", "ETH")}
    named = development_feeds({name: feed.address for name, feed in feeds.items()}, HEARTBEAT_S, 65_535)
    feed_set = protocol.oracle.add_feed_set(owner, FeedSet.of(named, rules))
    protocol.registry.register(owner, rules)
    mandate = Mandate(
        policy_hash=policy_hash(rules),
        feed_set=feed_set,
        key=protocol.key_for(slots),
        grace_s=3600,
        min_interval_s=0,
        max_proof_age_s=7 * 86_400,
        write_down_ppm=10_000,
        gain=Bucket(rate_per_day=500_000, cap=2_000_000, step=1_000),
        loss=Bucket(rate_per_day=1_000_000, cap=5_000_000, step=10_000),
        turnover=Bucket(rate_per_day=1_000_000, cap=4_000_000, step=50_000),
        share=ShareTerms(
            order_delay_s=HEARTBEAT_S,
            redemption_period_s=14 * 86_400,
            least_order_e6=1_000_000,
            deposit_cap_e6=10**12 * 10**6,
            management_fee_ppm=0,
            performance_fee_ppm=0,
            band_ppm_per_day=0,
            band_wait_s=0,
        ),
    )
    return Market(protocol, people, rules, feeds, feed_set, mandate, trapdoor(slots))


def accepted(market: Market, rebalance: Rebalance) -> Accepted:
    """The rebalance as the hub has it; it must have."""
    context = rebalance.terms.known_context()
    found = market.protocol.hub.accepted(context.vault_id, context.sequence)
    assert found and found.commitment_after == rebalance.signals.commitment_after
    return found
