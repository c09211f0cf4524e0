"""The whole story on local chains: a vault of USD 10 million with its hidden book, and one book that spans two chains."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from .. import chain, files, operations
from ..chain import ShareToken, local
from ..chain.deployment import checked_key
from ..chain.local import LocalMarket
from ..errors import ChainError, DlsError, ProofInvalid, StatementRefused
from ..groth16.proof import Proof
from ..groth16.r1cs import r1cs_header
from ..operations import Proven
from ..solidity.calldata import ProofArguments
from ..statement.buckets import Bucket
from ..statement.circuits import of_size
from ..statement.commitments import policy_hash
from ..statement.model import Opening, Policy, Prices, Rebalance, Terms
from ..storage.built import BuiltCircuit, ProvingKey
from ..storage.places import PACKAGE
from ..tools import node
from .stages import Stages
from .tables import Rows, marked, table

DEPOSIT_E6 = 10_000_000 * 10**6  # of slot 0, USDC
DEADLINE_S = 3600
ORDER_DELAY_S = local.HEARTBEAT_S  # no shorter than a feed may be silent
EXAMPLES = PACKAGE / "examples"


def run(stages: Stages, backend: str = "snarkjs") -> dict[str, Any]:
    """Tell the story and return its summary (see the README). Raises if a step ends otherwise than the story says."""
    with stages("Tools"):
        node.ensure_node_packages()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = stack.enter_context(local.people(chain_id=31337))
        result = _one_chain(home, _Prover.ready(16, backend, stages), folder, stages)
        away = stack.enter_context(local.people(chain_id=1337))
        two_chains = _two_chains(home, away, _Prover.ready(8, backend, stages), folder, stages)
    return result | {"two_chains": two_chains, "seconds": stages.seconds, "insecure_key": True}


# --- one chain --------------------------------------------------------------------------------------------------


def _one_chain(home: local.Accounts, prover: _Prover, folder: Path, stages: Stages) -> dict[str, Any]:
    example = EXAMPLES / "delta_neutral_eth"
    policy = files.read_policy(example / "policy.yaml")
    prices = files.read_prices(example / "prices.yaml", policy)
    book = files.read_book(example / "book_before.csv", policy)
    trades = files.read_trades(example / "trades.csv", policy)
    over_limit = files.read_trades(example / "trades_over_limit.csv", policy)

    market = local.furnish(home, prover.checked(), policy, prices, stages)
    protocol, (owner, operator, depositor, custody, *_) = market.protocol, market.people
    with stages("Vault opened"):
        mandate = protocol.hub.add_mandate(owner, _mandate(market))
        token = (market.asset.address, "Delta-neutral ETH", "dnETH", custody.address)
        share = ShareToken.open(owner, protocol, *token, mandate, operator.address)
    teller = _Teller(market, operator, share.vault, prices, prover, folder, stages)

    # 1. A deposit at a price that nobody knows yet: ordered, priced by a round an hour later, settled by the proof at it.
    with stages("10 million ordered"):
        market.asset.mint(owner, depositor.address, DEPOSIT_E6)
        order = share.request(depositor, protocol.hub, "deposit", DEPOSIT_E6)
    with stages("The round that the order waits for"):
        market.snapshot(prices)
    empty = Opening.empty(policy.size)
    settling = prover.prove(teller.next(empty, empty.quantities_e6, after_s=ORDER_DELAY_S))
    settling_accepted = teller.submit(settling)
    with stages("Shares claimed, 10 million drawn"):
        (settled,) = share.orders(depositor.address)
        share.claim(depositor, settled, depositor.address, depositor.address)
        share.move(operator, protocol.hub, DEPOSIT_E6)
    claimed = share.read("balanceOf", depositor.address)
    if (settled.id, settled.pending, share.orders(depositor.address)) != (order, 0, []) or not claimed:
        raise ChainError("the order was not settled by the first proof after it")

    # 2. The deposit is put to work: from the empty book, in one step, to the hidden one.
    opening = teller.next(settling.after, book)
    first = prover.prove(opening)
    first_accepted = teller.submit(first)

    # 3. The rebalance, kept as an operator would: the opening is on the disk before the proof goes out.
    move = teller.next(first.after, tuple(q + t for q, t in zip(book, trades, strict=True)))
    second = prover.prove(move)
    verified = _verified(market, prover, second.proof, stages)

    # 4. Three frauds, each refused.
    signals = second.signals
    forged = replace(signals, nav_floor=signals.nav_floor + 1)
    tampered = replace(second.proof, signals=tuple(forged.to_field()))
    with stages("A tampered copy is refused on chain"):
        tampered_error = _refusal(lambda: teller.send("tampered", tampered, second.terms))
    second_accepted = teller.submit(second)
    with stages("The same proof again is refused on chain"):
        replay_error = _refusal(lambda: teller.send("again", second.proof, second.terms))
    beyond = tuple(q + t for q, t in zip(book, over_limit, strict=True))
    with stages("A book one unit over a limit is refused by name"):
        over_error = _refused_by_name(replace(move, before=first.after, after=Opening(beyond, move.after.salt)))
    state, holdings = protocol.hub.state(share.vault), share.holdings()
    if state.commitment != signals.commitment_after or state.sequence != 3:
        raise ChainError("the hub's state is not what the accepted proofs lead to")

    return {
        "proven": {
            "circuit": prover.circuit.name,
            "checks": len(second.report.checks),
            "instruments": sum(bool(slot.instrument) for slot in policy.slots),
            "policy_hash": f"0x{policy_hash(policy):064x}",
            "commitment_before": f"0x{signals.commitment_before:064x}",
            "commitment_after": f"0x{signals.commitment_after:064x}",
            "nav_at_least_usd": signals.nav_floor * policy.nav_step_usd,
        },
        "constraints": r1cs_header(prover.circuit.r1cs).n_constraints,
        "verified_by": verified,
        "chain": {
            "chain_id": protocol.chain.chain_id,
            "hub": protocol.hub.address,
            "vault": "0x" + share.vault.hex(),
            "share": share.address,
            "sequence": state.sequence,
            "transactions": [one.accepted.transaction for one in (settling_accepted, first_accepted, second_accepted)],
            "gas": {
                "submit_and_settle": settling_accepted.gas_used,
                "submit_first": first_accepted.gas_used,
                "submit": second_accepted.gas_used,
            },
        },
        "order": {
            "id": order,
            "deposited_usdc": DEPOSIT_E6 // 10**6,
            "delay_s": ORDER_DELAY_S,
            "settled_by": settling_accepted.accepted.sequence,
            "shares": claimed // 10 ** share.decimals()[1],
        },
        "shares": {"worth_usdc": (holdings.worth or (0,))[0] // 10**6, "idle_usdc": holdings.idle // 10**6},
        "refused": {"tampered": tampered_error, "replayed": replay_error, "over_limit": over_error},
    }


def _verified(market: LocalMarket, prover: _Prover, proof: Proof, stages: Stages) -> list[str]:
    """Verified by two programs and by the contract on the chain."""
    target = operations.installed_target(prover.key)
    for verifier in ("pyecc", "snarkjs"):
        with stages(f"Verified by {verifier}"):
            operations.verify(verifier, target, proof)
    verifier = market.protocol.deployment.keys[prover.circuit.name].verifier
    with stages("Verified by the contract"):
        if not market.protocol.chain.verify(verifier, ProofArguments.from_proof(proof)):
            raise ProofInvalid("the generated contract refuses the proof that the others accept")
    return ["pyecc", "snarkjs", "evm"]


# --- two chains -------------------------------------------------------------------------------------------------


def _two_chains(home: local.Accounts, away: local.Accounts, prover: _Prover, folder: Path, stages: Stages) -> dict[str, Any]:
    """A book with a part on each chain, proven once, accepted where its hub is, and refused by the hub on the other."""
    example = EXAMPLES / "two_chains"
    policy = files.read_policy(example / "policy.yaml")
    prices = files.read_prices(example / "prices.yaml", policy)
    book = files.read_book(example / "book.csv", policy)
    over_cap = files.read_book(example / "book_over_cap.csv", policy)

    key = prover.checked()
    with stages("Two chains"):
        markets = [local.furnish(accounts, key, policy, prices) for accounts in (home, away)]
        tellers = []
        for market in markets:
            owner, hub = market.owner, market.protocol.hub
            vault = hub.open_vault(owner, policy.name, hub.add_mandate(owner, _mandate(market)), owner.address)
            tellers.append(_Teller(market, owner, vault, prices, prover, folder, stages))
    # The first proof of a vault is of its empty book: it earns and loses nothing. Its opening is public, and so the same.
    empty = Opening.empty(policy.size)
    for teller in tellers:
        teller.submit(prover.prove(replace(teller.next(empty, empty.quantities_e6), after=empty)))
        teller.market.protocol.hub.record_flow(teller.operator, teller.vault, DEPOSIT_E6)
    here, there = tellers
    move = here.next(empty, book)
    proven = prover.prove(move)
    accepted = here.submit(proven)
    alike = there.next(empty, book)  # prices, flow, policy and empty book are the same there
    with stages("Its proof is refused by the other chain's hub"):
        other_chain = _refusal(lambda: there.send("from the other chain", proven.proof, alike.terms))
    with stages("A book over the second chain's cap is refused by name"):
        over = _refused_by_name(replace(move, after=Opening(over_cap, move.after.salt)))
    venues = zip(policy.venue_names, policy.venue_cap_bps, strict=False)
    return {
        "chain_ids": [market.protocol.chain.chain_id for market in markets],
        "caps_bps": dict(venues),
        "hubs": [market.protocol.hub.address for market in markets],
        "transaction": accepted.accepted.transaction,
        "refused": {"other_chain": other_chain, "over_cap": over},
    }


# --- the parts of both ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Prover:
    """A circuit with its development key."""

    circuit: BuiltCircuit
    key: ProvingKey
    backend: str
    stages: Stages

    @classmethod
    def ready(cls, slots: int, backend: str, stages: Stages) -> _Prover:
        with stages("Circuit"):
            circuit = operations.build_circuit(of_size(slots).name)
        with stages("Development key (INSECURE)") as moving:
            key = operations.development_key(circuit, moving=moving)
        return cls(circuit, key, backend, stages)

    def checked(self) -> chain.deployment.CheckedKey:
        with self.stages("Key checked"):
            return checked_key(self.key, self.circuit)

    def prove(self, rebalance: Rebalance) -> Proven:
        return operations.prove(rebalance, self.key, self.circuit, self.backend, self.stages)


def _mandate(market: LocalMarket) -> chain.Mandate:
    return chain.Mandate(
        policy_hash=policy_hash(market.policy),
        feed_set=market.feed_set,
        key=market.protocol.key_for(market.policy.size.slots),
        grace_s=DEADLINE_S,
        min_interval_s=0,
        max_proof_age_s=2 * 86_400,
        write_down_ppm=10_000,
        gain=Bucket(rate_per_day=274_000, cap=10_000_000, step=1_000),  # 10% a year, at most 1%
        loss=Bucket(rate_per_day=500_000, cap=5_000_000, step=100_000),
        turnover=Bucket(rate_per_day=1_000_000, cap=4_000_000, step=50_000),
        share=chain.ShareTerms(
            order_delay_s=ORDER_DELAY_S,
            redemption_period_s=7 * 86_400,
            least_order_e6=100 * 10**6,
            deposit_cap_e6=2 * DEPOSIT_E6,
            order_levy_ppm=0,
            management_fee_ppm=0,
            performance_fee_ppm=0,
            band_ppm_per_day=0,
            band_wait_s=0,
        ),
    )


@dataclass(frozen=True)
class _Teller:
    """What happens with each rebalance of a vault."""

    market: LocalMarket
    operator: chain.Sender
    vault: bytes
    prices: Prices
    prover: _Prover
    folder: Path
    stages: Stages

    @property
    def policy(self) -> Policy:
        return self.market.policy

    def next(self, before: Opening, quantities: tuple[int, ...], after_s: int = 2) -> Rebalance:
        """Take a price snapshot and set up the move to these quantities on the terms that the hub demands."""
        with self.stages("Prices posted"):
            snapshot = self.market.snapshot(self.prices, after_s)
        hub = self.market.protocol.hub
        terms = hub.terms(self.vault, snapshot, hub.chain.now() + DEADLINE_S)
        return Rebalance(self.policy, self.prices, terms, before, Opening(quantities, operations.fresh_salt()))

    def submit(self, proven: Proven) -> chain.Outcome:
        """Write the proof as ``prove`` does, and submit what was written."""
        context = proven.terms.known_context()
        folder = self.folder / f"{context.chain_id}-{self.vault.hex()[:8]}-{context.sequence}"
        operations.write_proven(proven, folder)
        submission = chain.Submission.read(folder)
        vk = operations.installed_target(self.prover.key).vk
        (outcome,) = chain.submit(self.market.protocol, self.operator, [submission], lambda _: vk, self.stages)
        return outcome

    def send(self, what: str, proof: Proof, terms: Terms) -> None:
        """Send a proof straight to the hub, on these terms and without any of the checks before."""
        context, hub = terms.known_context(), self.market.protocol.hub
        call = hub.submission(self.vault, ProofArguments.from_proof(proof), context.round, context.deadline)
        self.operator.perform((what, hub.chain.chain_id, hub.address, self.vault.hex(), context.sequence), call)


def _refusal(attempt: Callable[[], object], kind: type[DlsError] = ChainError) -> str:
    """What is said to an attempt that must be refused."""
    try:
        attempt()
    except kind as error:
        return str(error)
    raise ProofInvalid("what must be refused was accepted: do not use this build")


def _refused_by_name(rebalance: Rebalance) -> str:
    named = operations.with_least_allowances(rebalance)
    return _refusal(lambda: operations.require(operations.check(named)), StatementRefused)


def summary(result: dict[str, Any]) -> Rows:
    """The summary for a person."""
    proven, where, two, seconds = result["proven"], result["chain"], result["two_chains"], result["seconds"]
    rows = table("a hidden rebalance", "proven and accepted")
    rows.add_row("Proven", f"{proven['checks']} checks on a hidden book of {proven['instruments']} instruments")
    rows.add_row("Public", f"NAV of at least {proven['nav_at_least_usd']:,} USD, policy {proven['policy_hash'][:18]}…")
    rows.add_row("Circuit", f"{proven['circuit']}, {result['constraints']:,} constraints")
    rows.add_row("Commitment", f"{proven['commitment_before'][:18]}… → {proven['commitment_after'][:18]}…")
    rows.add_row("Verified by", ", ".join(result["verified_by"]))
    rows.add_row("Transaction", where["transactions"][-1])
    order = result["order"]
    rows.add_row(
        "Order",
        f"{order['deposited_usdc']:,} USDC ordered, settled by proof {order['settled_by']} at prices {order['delay_s']} s "
        f"younger: {order['shares']:,} shares",
    )
    rows.add_row("Gas", f"{where['gas']['submit']:,} to submit, {where['gas']['submit_and_settle']:,} if it settles orders")
    rows.add_row("Shares", f"worth {result['shares']['worth_usdc']:,} USDC by the proven floor")
    for name, label in (("tampered", "Tampered copy"), ("replayed", "Replayed"), ("over_limit", "One unit over")):
        rows.add_row(label, _red(result["refused"][name]))
    caps = ", ".join(f"{name} {bps // 100}%" for name, bps in two["caps_bps"].items())
    rows.add_row("Two chains", f"one book, venues {caps} of NAV; accepted on chain {two['chain_ids'][0]}")
    rows.add_row("Other chain", _red(two["refused"]["other_chain"]))
    rows.add_row("Over its cap", _red(two["refused"]["over_cap"]))
    rows.add_row("Seconds", ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items() if spent >= 0.05))
    rows.add_row("Key", marked("yellow", "INSECURE development key: for this machine only"))
    return rows


def _red(refusal: str) -> Text:
    return marked("red", "refused", ": " + refusal.removeprefix("refused by "))
