"""What everything costs on a chain: gas used by whole transactions, from their receipts on a local anvil.

Every figure has the 21,000 of a transaction and its calldata in it. Rebalances are those of vaults that have rebalanced
before, at a fresh snapshot. Proofs are valid ones of a key whose secret is known: a verifier cannot tell.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from eth_utils import to_checksum_address

from dls_zk.audit.instances import vacuous_policy
from dls_zk.audit.simulator import Trapdoor
from dls_zk.chain import Asset, Call, DevFeed, FeedSet, Mandate, Protocol, Sender, ShareToken, Snapshot, deploy, local
from dls_zk.chain.deployment import CheckedKey, create
from dls_zk.chain.mandate import ShareTerms
from dls_zk.chain.oracle import development_feeds
from dls_zk.chain.summary import Summary
from dls_zk.cli.stages import Stages
from dls_zk.solidity import contracts
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.buckets import Bucket
from dls_zk.statement.circuits import of_size
from dls_zk.statement.commitments import policy_hash
from dls_zk.statement.constants import SIZES
from dls_zk.statement.ethereum import NOBODY
from dls_zk.statement.model import Policy, SlotPolicy
from dls_zk.statement.signals import PublicSignals
from dls_zk.storage import disk
from dls_zk.tools import circom, node

OUT = Path(__file__).parents[1] / "verifier_contracts" / "GAS.md"
BATCHES = (1, 5, 10, 20, 50)
USD = 10**6
DAY = 86_400

# EIP-2929 and EIP-3529: two cold storage slots, read, and changed from one value other than 0 to another.
STATE_GAS = 2 * (2_100 + 2_900)
# The same: a cold storage slot, read, and changed from 0.
SLOT_GAS = 2_100 + 20_000
# LOG2 with three words of data.
EVENT_GAS = 375 + 2 * 375 + 8 * 32 * 3


@dataclass(frozen=True)
class Once:
    """Gas of a transaction, and the storage slots that it changed from 0."""

    gas: int
    slots_set: int


@dataclass
class Figures:
    """Gas: deployment of each contract, by the name of the action, by action and size, parts by name and size."""

    deployed: dict[str, int] = field(default_factory=dict)
    once: dict[str, Once] = field(default_factory=dict)
    by_size: dict[str, dict[int, int]] = field(default_factory=dict)
    parts: dict[str, dict[int, int]] = field(default_factory=dict)

    def note(self, action: str, slots: int, gas: int) -> None:
        self.by_size.setdefault(action, {})[slots] = gas

    def note_part(self, part: str, slots: int, gas: int) -> None:
        self.parts.setdefault(part, {})[slots] = gas


@dataclass(frozen=True)
class Site:
    """The contracts on a chain of their own, and the one account that does it all."""

    protocol: Protocol
    owner: Sender
    trapdoors: dict[int, Trapdoor]

    def used(self, key: str, call: Call) -> tuple[int, str]:
        """Gas that a transaction used, and its hash."""
        mined = self.owner.perform(("gas", key), call)
        assert mined
        return mined.gas_used, mined.hash

    def later(self, seconds: int) -> None:
        local.rpc(self.protocol.chain, "evm_increaseTime", seconds)
        local.rpc(self.protocol.chain, "evm_mine")

    def created(self) -> Iterator[tuple[str, int]]:
        """Address of each contract so far, and what its deployment used."""
        eth = self.protocol.chain.web3.eth
        for number in range(eth.block_number + 1):
            for receipt in eth.get_block_receipts(number):
                if address := receipt["contractAddress"]:
                    yield address, receipt["gasUsed"]

    def gas_of_calls(self, transaction: str, target: str) -> int:
        """What calls of a contract used in a transaction."""
        trace = local.rpc(self.protocol.chain, "debug_traceTransaction", transaction, {"tracer": "callTracer"})
        return sum(int(call["gasUsed"], 16) for call in _calls(trace) if call["to"].lower() == target.lower())

    def slots_set(self, transaction: str) -> int:
        """How many storage slots a transaction changed from 0 to another value."""
        options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
        trace = local.rpc(self.protocol.chain, "debug_traceTransaction", transaction, options)
        before, after = (trace[when] for when in ("pre", "post"))
        return sum(
            int(value, 16) != 0 and int(before.get(account, {}).get("storage", {}).get(slot, "0x0"), 16) == 0
            for account, changed in after.items()
            for slot, value in changed.get("storage", {}).items()
        )


def _calls(trace: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for call in trace.get("calls", ()):
        yield call
        yield from _calls(call)


def calldata_gas(data: bytes) -> int:
    """EIP-2028."""
    return sum(16 if byte else 4 for byte in data)


# --- one size ---------------------------------------------------------------------------------------------------------


def full_policy(slots: int) -> Policy:
    """A policy with an instrument in each slot but the last."""
    unused = SlotPolicy.null(SIZES[slots].factors)
    funded = replace(unused, funded=True, liability_bps=10_000, cap_bps=2**17 - 1)
    names = ("USDC", *(f"ASSET-{i}" for i in range(1, slots - 1)))
    return vacuous_policy(SIZES[slots], (*(replace(funded, instrument=name) for name in names), unused))


@dataclass
class Fleet:
    """Vaults of one size under one mandate, with their feeds."""

    site: Site
    slots: int
    feeds: list[DevFeed]
    feed_set: bytes
    mandate: bytes
    policy: Policy
    vaults: list[bytes] = field(default_factory=list)
    nav_floor: int = 123_456

    def snapshot(self, after_s: int = 3600) -> tuple[Snapshot, int]:
        """At prices that moved a little, seconds after the last; what it used."""
        site = self.site
        site.later(after_s)
        now = site.protocol.chain.now()
        for slot, feed in enumerate(self.feeds):
            feed.post(site.owner, (slot + 1) * 10**8 + now % 10**6, now)
        oracle = site.protocol.oracle
        gas, _ = site.used(f"snapshot {self.slots} {now}", oracle.call("takeSnapshot", self.feed_set))
        return oracle.snapshot(oracle.latest_round(self.feed_set)), gas

    def proof(self, vault: bytes, snapshot: Snapshot, deadline: int) -> tuple[PublicSignals, ProofArguments, int]:
        """A rebalance of a vault: its signals, its proof and its sequence."""
        hub = self.site.protocol.hub
        terms = hub.terms(vault, snapshot, deadline)
        state = hub.state(vault)
        public = PublicSignals(
            commitment_before=state.commitment,
            commitment_after=(state.commitment * 7 + 1) % 2**253,
            policy_hash=policy_hash(self.policy),
            flow=terms.flow_e6,
            allowances=Allowances(turnover_ppm=50_000),
            nav_floor=self.nav_floor,
            context=terms.context_hash,
            prices=snapshot.words,
        )
        proof = self.site.trapdoors[self.slots].prove(public.to_field())
        return public, ProofArguments.from_proof(proof), state.sequence + 1

    def single(self) -> tuple[int, str]:
        """One submission; gas and hash."""
        snapshot, _ = self.snapshot()
        deadline = self.site.protocol.chain.now() + 600
        _, proof, sequence = self.proof(self.vaults[0], snapshot, deadline)
        call = self.site.protocol.hub.submission(self.vaults[0], proof, snapshot.round, deadline)
        return self.site.used(f"single {self.vaults[0].hex()} {sequence}", call)

    def batch(self, n: int) -> tuple[int, str]:
        """One submission of so many; gas and hash."""
        snapshot, _ = self.snapshot()
        hub, deadline = self.site.protocol.hub, self.site.protocol.chain.now() + 600
        entries = []
        for vault in self.vaults[:n]:
            public, proof, sequence = self.proof(vault, snapshot, deadline)
            summary = Summary(snapshot.round, sequence, public.nav_floor, public.allowances)
            entries.append((vault, summary.pack(), public.commitment_after, (proof.a, proof.b, proof.c)))
        key = self.site.protocol.key_for(self.slots)
        call = hub.call("submitBatch", key, deadline, entries)
        return self.site.used(f"batch {self.slots} {snapshot.round}", call)


def fleet(site: Site, slots: int, figures: Figures) -> Fleet:
    """Policy, feeds and mandate of a size, and as many vaults as the largest batch takes, each of which has rebalanced."""
    policy, protocol, owner = full_policy(slots), site.protocol, site.owner
    mined = protocol.registry.register(owner, policy)
    assert mined
    figures.note("register a policy", slots, mined.gas_used)
    names = [slot.instrument for slot in policy.slots if slot.instrument]
    artifact = protocol.contracts["DevFeed"]
    feeds = [DevFeed(owner.chain, artifact, create(owner, artifact, 8, f"{name} {slots}")) for name in names]
    addresses = {name: feed.address for name, feed in zip(names, feeds, strict=True)}
    listed = FeedSet.of(development_feeds(addresses, 30 * DAY, 1_000), policy)
    feed_set = protocol.oracle.add_feed_set(owner, listed)
    mandate = Mandate(
        policy_hash=policy_hash(policy),
        feed_set=feed_set,
        key=protocol.key_for(slots),
        grace_s=3600,
        min_interval_s=60,
        max_proof_age_s=30 * DAY,
        write_down_ppm=10_000,
        gain=Bucket(500_000, 2_000_000, 1_000),
        loss=Bucket(1_000_000, 5_000_000, 10_000),
        turnover=Bucket(10_000_000, 40_000_000, 50_000),
        share=ShareTerms(3_600, 31 * DAY, USD, 2**50, 5_000, 0, 0, 0, 0),
    )
    made = Fleet(site, slots, feeds, feed_set, protocol.hub.add_mandate(owner, mandate), policy)
    made.snapshot(1)  # a first one that came late would wait for a confirmation
    for number in range(max(BATCHES)):
        call = protocol.hub.call("openVault", owner.address, NOBODY, DAY, made.mandate)
        gas, transaction = site.used(f"open {slots} {number}", call)
        receipt = owner.chain.receipt(transaction)
        assert receipt
        made.vaults.append(protocol.hub.said(receipt, "VaultOpened")["vaultId"])
    figures.note("open a vault", slots, gas)
    made.batch(max(BATCHES))
    return made


def measure_size(made: Fleet, figures: Figures) -> None:
    slots, site = made.slots, made.site
    key = site.protocol.hub.key(site.protocol.key_for(slots))
    _, gas = made.snapshot()
    figures.note("snapshot", slots, gas)
    single, transaction = made.single()
    figures.note("single rebalance", slots, single)
    figures.note_part("single: verification", slots, site.gas_of_calls(transaction, key.verifier))
    figures.note_part("single: calldata", slots, _calldata(site, transaction))

    batches = {n: made.batch(n) for n in BATCHES}
    for n, (gas, _) in batches.items():
        figures.note(f"batch of {n}", slots, gas)
        figures.note(f"batch of {n}, for each vault", slots, round(gas / n))
    few, many = BATCHES[-2:]

    def further(of: Callable[[int], int]) -> int:
        return round((of(many) - of(few)) / (many - few))

    total = further(lambda n: batches[n][0])
    verification = further(lambda n: site.gas_of_calls(batches[n][1], key.batch_verifier))
    data = further(lambda n: _calldata(site, batches[n][1]))
    figures.note("a further proof of a batch", slots, total)
    figures.note_part("further: verification", slots, verification)
    figures.note_part("further: calldata", slots, data)
    figures.note_part("further: state", slots, STATE_GAS)
    figures.note_part("further: event", slots, EVENT_GAS)
    figures.note_part("further: rest", slots, total - verification - data - STATE_GAS - EVENT_GAS)


def _calldata(site: Site, transaction: str) -> int:
    sent = site.protocol.chain.transaction(transaction)
    assert sent
    return calldata_gas(sent.data)


# --- the share token --------------------------------------------------------------------------------------------------


def account(number: int) -> str:
    """Somebody's address."""
    return to_checksum_address(f"{10**30 + number:#042x}")


def _claimable(share: ShareToken, kind: str, controller: str) -> tuple[object, ...]:
    """The arguments that claim the first settled order of an account."""
    order = next(one for one in share.orders(controller) if one.kind == kind.lower() and one.claimable)
    return order.id, order.claimable, controller, controller


def measure_token(made: Fleet, figures: Figures) -> None:
    """A token in use: a proven book, other holders, an asset that is a plain ERC-20."""
    site, owner, protocol = made.site, made.site.owner, made.site.protocol
    artifact = protocol.contracts["DevAsset"]
    asset = Asset(owner.chain, artifact, create(owner, artifact, "Dollar", "USD"))
    share = ShareToken.open(
        owner, protocol, asset.address, "Neutral ETH", "dlsETH", account(99), made.mandate, owner.address
    )
    asset.mint(owner, owner.address, 10**12)
    asset.approve(owner, share.address, 2**255)

    numbers, me = count(), owner.address

    def act(function: str, *arguments: object) -> Once:
        gas, transaction = site.used(f"token {next(numbers)}", share.call(function, *arguments))
        return Once(gas, site.slots_set(transaction))

    def prove() -> Once:
        gas, transaction = made.single()
        return Once(gas, site.slots_set(transaction))

    def settle() -> Once:
        """Two rounds, an order delay apart, and the proof at the second."""
        made.snapshot()
        return prove()

    once = figures.once
    made.vaults[0], made.nav_floor = share.vault, 0
    once["order a deposit, the first of the vault"] = act("requestDeposit", 300_000 * USD, me, me)
    once["order a deposit, of an account that has one"] = act("requestDeposit", 1_000 * USD, me, me)
    once["order a deposit, the first of an account"] = act("requestDeposit", 1_000 * USD, account(1), me)
    once["cancel an order"] = act("cancelDepositRequest", share.next_order(), me)
    act("requestDeposit", 300_000 * USD, me, me)
    settle()
    once["claim a deposit"] = act("deposit(uint256,uint256,address,address)", *_claimable(share, "Deposit", me))
    act("draw", 100_000 * USD)
    made.nav_floor = 100_000 // made.policy.nav_step_usd
    once["order a deposit, the first of a round"] = act("requestDeposit", 1_000 * USD, me, me)
    once["order a redemption, the first of the vault"] = act("requestRedeem", 10**12, me, me)
    once["transfer an order"] = act("transferRedeemRequest", share.next_order(), me, account(2))
    once["order a redemption, in the round of another"] = act("requestRedeem", 10**12, me, me)
    once["a rebalance that settles deposits and redemptions"] = settle()
    once["claim a redemption"] = act("redeem(uint256,uint256,address,address)", *_claimable(share, "Redeem", me))
    once["a rebalance of the vault without orders"] = prove()
    once["draw"] = act("draw", USD)
    act("giveBack", USD)
    once["giveBack"] = act("giveBack", USD)
    figures.deployed["ShareToken"] = dict(site.created())[share.address]


# --- all of it --------------------------------------------------------------------------------------------------------


def measure(sizes: Sequence[int], stages: Stages) -> Figures:
    """All figures, on a chain that lives for them."""
    figures = Figures()
    node.ensure_node_packages()
    with local.people() as accounts:
        owner = accounts.people[0]
        trapdoors = {slots: Trapdoor(slots, Random(slots)) for slots in sizes}
        keys = [
            CheckedKey(known.circuit, known.vk, circom.compile_circuit(known.circuit).r1cs_sha256, insecure=True)
            for known in trapdoors.values()
        ]
        with stages("Deployment"):
            deployment = deploy(owner, keys)
        site = Site(Protocol.on(owner.chain, deployment), owner, trapdoors)
        names = {
            **{address: name for name, address in deployment.libraries.items()},
            deployment.policy_registry: "PolicyRegistry",
            deployment.price_oracle: "PriceOracle",
            deployment.hub: "RebalanceHub",
        }
        for slots in sizes:
            key = deployment.keys[of_size(slots).name]
            names |= {key.verifier: f"verifier, {slots} slots", key.batch_verifier: f"BatchVerifier, {slots} slots"}
        figures.deployed = {names[address]: gas for address, gas in site.created()}
        for slots in sizes:
            with stages(f"{slots} slots"):
                made = fleet(site, slots, figures)
                measure_size(made, figures)
            if slots == sizes[0]:
                with stages("Share token"):
                    measure_token(made, figures)
    return figures


def markdown(figures: Figures, sizes: Sequence[int]) -> str:
    """The report."""
    heads = [f"{slots} slots" for slots in sizes]

    def table(head: Sequence[str], rows: Iterator[tuple[str, Sequence[int]]]) -> str:
        lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
        lines += ["| " + " | ".join([name, *(f"{gas:,}" for gas in values)]) + " |" for name, values in rows]
        return "\n".join(lines)

    def of_sizes(rows: dict[str, dict[int, int]]) -> str:
        return table(["", *heads], ((name, [by[slots] for slots in sizes]) for name, by in rows.items()))

    def of_names(head: str, rows: dict[str, int]) -> str:
        return table([head, "gas"], ((name, [gas]) for name, gas in rows.items()))

    rows = ((name, [one.gas, one.slots_set]) for name, one in figures.once.items())
    token = table(["", "gas", "slots set"], rows)
    ratio = [figures.by_size["batch of 20, for each vault"][n] / figures.by_size["single rebalance"][n] for n in sizes]
    ratios = ", ".join(f"{100 * share:.1f}% with {head}" for share, head in zip(ratio, heads, strict=True))
    return f"""\
# Gas

`scripts/gas` writes this page. It reports the gas used by whole transactions, from their receipts on a local anvil
({contracts.EVM_VERSION}, solc with {contracts.OPTIMIZER_RUNS:,} optimizer runs). Every figure includes the 21,000 of a
transaction and its calldata. Each vault has rebalanced before, and rebalances at a fresh snapshot. All slots but the last
have an instrument and a feed.

A vault's rebalance in a batch of 20 costs this share of a single one: {ratios}.

{of_sizes(figures.by_size)}

The parts of a single rebalance, and of a further proof in a batch (from 20 to 50). Verification is the gas used by calls of
the verifier; state is two storage slots and the event has three words, at the EVM's prices; the hub's own steps are the
rest.

{of_sizes(figures.parts)}

The share token, over an asset that is a plain ERC-20:

{token}

Each storage slot that was 0 costs {SLOT_GAS:,}. Every order has a slot of its own, unless it adds to one that the account
has in the same round. The first order of a round sets the slot of its group, and that of the sums that wait unless another
order waits: with its own up to {3 * SLOT_GAS:,}. The first order of an account sets the slot of the ends of its list. The
first of the vault in a direction sets the slot that counts the groups, and perhaps the vault's balance. The settlement
clears the sums, and the claim clears the order.

Deployment:

{of_names("contract", figures.deployed)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/gas", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help=f"where to write it (default: {OUT.name})")
    arguments = parser.parse_args()
    report = markdown(measure([*SIZES], Stages()), [*SIZES])
    disk.write_atomic(arguments.out, report)
    print(report)


if __name__ == "__main__":
    main()
