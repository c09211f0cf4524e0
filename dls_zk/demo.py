"""The whole story on a local chain, with the real example: a vault of USD 10 million, its hidden book and two rebalances."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from . import chain, contracts, files, operations, toolchain
from .calldata import ProofArguments
from .commitments import policy_hash
from .errors import ChainError, DlsError, ProofInvalid, StatementRefused
from .model import Opening, Policy, Prices, Rebalance
from .operations import Proven
from .progress import Stages
from .r1cs import r1cs_header
from .statement import pack_prices

DEPOSIT_E6 = 10_000_000 * 10**6  # of slot 0, USDC
DEADLINE_S = 3600


def run(stages: Stages, backend: str = "snarkjs") -> dict[str, Any]:
    """Tell the story and return its summary (see the README). Any step that does not go as told raises."""
    example = Path(__file__).parent / "examples" / "delta_neutral_eth"
    rules = files.read_policy(example / "policy.yaml")
    prices = files.read_prices(example / "prices.yaml", rules)
    book = files.read_book(example / "book_before.csv", rules)
    trades = files.read_trades(example / "trades.csv", rules)
    over_limit = files.read_trades(example / "trades_over_limit.csv", rules)

    with stages("Tools"):
        toolchain.ensure_node_packages()
    with stages("Circuit"):
        circuit = operations.build_circuit(rules.size.slots)
    with stages("Development key (INSECURE)") as moving:
        key = operations.development_key(circuit, moving=moving)
    target = operations.installed_target(key)
    with stages("Contracts"):
        name = operations.verifier_contract(key)
        compiled = contracts.compile_contracts({name: operations.verifier_source(key)})

    with ExitStack() as stack:
        with stages("Local chain, hub and vault"):
            local = chain.connect(stack.enter_context(toolchain.anvil()))
            operator = local.accounts()[0]
            oracle_address, _ = local.deploy(compiled["DevPriceOracle"], rules.size.slots, sender=operator)
            oracle = chain.Oracle(local, compiled["DevPriceOracle"], oracle_address)
            verifier_address, verifier_receipt = local.deploy_verifier(compiled[name], insecure=True, sender=operator)
            hub_address, hub_receipt = local.deploy(compiled["RebalanceHub"], sender=operator)
            hub = chain.Hub(local, compiled["RebalanceHub"], hub_address)
            vault, _ = hub.open_vault(_vault_config(operator, verifier_address, oracle_address, rules), operator)

        # 1. The deposit is put to work: from the empty book, in one step, to the hidden one.
        hub.record_flow(vault, DEPOSIT_E6, operator)
        teller = _Teller(hub, oracle, vault, operator, rules, prices, stages)
        opening = teller.next(Opening.empty(rules.size), book)
        first = operations.prove(opening.rebalance, key, circuit, backend, stages)
        first_accepted = teller.submit(first, opening)

        # 2. The rebalance, kept as an operator would: the opening is on the disk before the proof goes out.
        after = tuple(q + t for q, t in zip(book, trades, strict=True))
        move = teller.next(first.after, after)
        second = operations.prove(move.rebalance, key, circuit, backend, stages)
        operations.write_proven(second, Path(stack.enter_context(tempfile.TemporaryDirectory())) / "rebalance")
        verified = []
        for verifier in ("pyecc", "snarkjs"):
            with stages(f"Verified by {verifier}"):
                operations.verify(verifier, target, second.proof)
            verified.append(verifier)
        with stages("Verified by the contract"):
            if not local.verify(verifier_address, ProofArguments.from_proof(second.proof)):
                raise ProofInvalid("the generated contract refuses the proof that the others accept")
        verified.append("evm")

        # 3. Three frauds, each refused.
        public = second.public
        forged = replace(public, nav_floor=public.nav_floor + 1)
        tampered = replace(second.proof, public=tuple(forged.to_field()))
        with stages("A tampered copy is refused on chain"):
            tampered_error = _refusal(lambda: hub.submit(vault, ProofArguments.from_proof(tampered), *move.where, operator))
        second_accepted = teller.submit(second, move)
        with stages("The same proof again is refused on chain"):
            same = ProofArguments.from_proof(second.proof)
            replay_error = _refusal(lambda: hub.submit(vault, same, *move.where, operator))
        beyond = tuple(q + t for q, t in zip(book, over_limit, strict=True))
        with stages("A book one unit over a limit is refused by name"):
            over = replace(move.rebalance, before=first.after, after=Opening(beyond, move.rebalance.after.salt))
            over_error = _refusal(lambda: operations.require(operations.check(over)), StatementRefused)
        state = hub.state(vault)
        if state.commitment != public.commitment_after or state.sequence != 2:
            raise ChainError("the hub's state is not what the accepted proofs lead to")

    header = r1cs_header(circuit.r1cs)
    return {
        "proven": {
            "circuit": circuit.name,
            "checks": len(second.report.checks),
            "instruments": sum(bool(slot.instrument) for slot in rules.slots),
            "policy_hash": f"0x{policy_hash(rules):064x}",
            "commitment_before": f"0x{public.commitment_before:064x}",
            "commitment_after": f"0x{public.commitment_after:064x}",
            "nav_at_least_usd": public.nav_floor * rules.nav_granularity_usd,
        },
        "constraints": header.n_constraints,
        "verified_by": verified,
        "chain": {
            "chain_id": local.chain_id,
            "hub": hub_address,
            "vault": "0x" + vault.hex(),
            "sequence": state.sequence,
            "transactions": [first_accepted.receipt.hash, second_accepted.receipt.hash],
            "gas": {
                "deploy_hub": hub_receipt.gas_used,
                "deploy_verifier": verifier_receipt.gas_used,
                "submit_first": first_accepted.receipt.gas_used,
                "submit": second_accepted.receipt.gas_used,
            },
        },
        "refused": {"tampered": tampered_error, "replayed": replay_error, "over_limit": over_error},
        "seconds": stages.seconds,
        "insecure_key": True,
    }


def _vault_config(operator: str, verifier: str, oracle: str, rules: Policy) -> chain.VaultConfig:
    return chain.VaultConfig(
        operator=operator,
        flow_source=operator,
        verifier=verifier,
        oracle=oracle,
        policy_hash=policy_hash(rules),
        slots=rules.size.slots,
        max_snapshot_age_s=DEADLINE_S,
        accrual_rate_ppm_per_day=274,  # 10% a year
        accrual_cap_ppm=10_000,
    )


@dataclass(frozen=True)
class _Move:
    """A rebalance that is due, and where it belongs: round of the snapshot, deadline."""

    rebalance: Rebalance
    where: tuple[int, int]


@dataclass(frozen=True)
class _Teller:
    """The parts of the story that happen with each rebalance."""

    hub: chain.Hub
    oracle: chain.Oracle
    vault: bytes
    operator: str
    rules: Policy
    prices: Prices
    stages: Stages

    def next(self, before: Opening, quantities: tuple[int, ...]) -> _Move:
        """Post a price snapshot and set up the move to these quantities on the terms that the hub demands."""
        with self.stages("Prices posted"):
            snapshot, _ = self.oracle.post(pack_prices(self.rules.size, self.prices.usd_e8), self.operator)
        deadline = self.hub.chain.now() + DEADLINE_S
        terms = self.hub.terms(self.vault, snapshot, deadline)
        after = Opening(quantities, operations.fresh_salt())
        return _Move(Rebalance(self.rules, self.prices, terms, before, after), (snapshot.round, deadline))

    def submit(self, proven: Proven, move: _Move) -> chain.Accepted:
        with self.stages("Accepted on chain"):
            return self.hub.submit(self.vault, ProofArguments.from_proof(proven.proof), *move.where, self.operator)


def _refusal(attempt: Callable[[], object], kind: type[DlsError] = ChainError) -> str:
    """What is said to an attempt that must be refused."""
    try:
        attempt()
    except kind as error:
        return str(error)
    raise ProofInvalid("what must be refused was accepted: do not use this build")


def table(told: dict[str, Any]) -> Table:
    """The summary for a person."""
    proven, where, seconds = told["proven"], told["chain"], told["seconds"]
    rows = Table(title="A hidden rebalance, proven and accepted", show_header=False, title_justify="left")
    rows.add_column()
    rows.add_column(overflow="fold")
    rows.add_row("Proven", f"{proven['checks']} checks on a hidden book of {proven['instruments']} instruments")
    rows.add_row("Public", f"NAV of at least {proven['nav_at_least_usd']:,} USD, policy {proven['policy_hash'][:18]}…")
    rows.add_row("Circuit", f"{proven['circuit']}, {told['constraints']:,} constraints")
    rows.add_row("Commitment", f"{proven['commitment_before'][:18]}… → {proven['commitment_after'][:18]}…")
    rows.add_row("Verified by", ", ".join(told["verified_by"]))
    rows.add_row("Transaction", where["transactions"][-1])
    rows.add_row("Gas", f"{where['gas']['submit']:,} to submit ({where['gas']['submit_first']:,} for a vault's first)")
    for name, label in (("tampered", "Tampered copy"), ("replayed", "Replayed"), ("over_limit", "One unit over")):
        rows.add_row(label, "[red]refused[/red]: " + told["refused"][name].removeprefix("refused by "))
    rows.add_row("Seconds", ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items() if spent >= 0.05))
    rows.add_row("Key", "[yellow]INSECURE development key: for this machine only[/yellow]")
    return rows


