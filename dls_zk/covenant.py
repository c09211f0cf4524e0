"""A covenant: a proof that the book that a vault has committed to keeps somebody else's policy, a lender's for example.

It is the proof of a rebalance that moves nothing: no flow and no allowance, so the book after is the book before in every
slot that has a price, and each limit of the policy holds for it. Its context names nobody as operator and a deadline long
past: no hub accepts it, so it moves no vault, and the opening that it leads to is thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from . import files, openings, operations
from .errors import InputError, ProofInvalid
from .groth16.proof import Proof
from .operations import Statement
from .statement.allowances import Allowances
from .statement.circuits import rebalance_signals
from .statement.context import Context
from .statement.ethereum import NOBODY
from .statement.model import Policy, Prices, Terms
from .statement.signals import PublicSignals


def statement(opening_path: Path, policy_path: Path, prices_path: Path) -> Statement:
    """What is proven of a book (its opening) and a lender's policy, at prices. StatementRefused if a limit does not hold;
    InputError, also if the policy has other instruments in its slots than the book."""
    policy = files.read_policy(policy_path)
    prices = files.read_prices(prices_path, policy)
    kept = openings.read(opening_path)
    require_layout(policy, kept.instruments, str(policy_path))
    terms = Terms.at(
        _context(kept.chain_id, kept.hub, kept.vault_id, kept.sequence, prices), 0, Allowances(), kept.commitment
    )
    rebalance = operations.load_rebalance(policy_path, prices_path, opening_path, terms=terms)
    return operations.statement(rebalance, "; the book does not keep this policy at these prices")


def require(proof: Proof, policy: Policy, prices_path: Path, commitment: int) -> PublicSignals:
    """The signals of a proof, if they say that the book behind ``commitment`` keeps the policy at the prices of the file.

    Whether the proof holds is for ``operations.verify``. ProofInvalid, naming what is another.
    """
    signals = rebalance_signals(proof.circuit, proof.signals)
    operations.require_signals(signals, policy, prices_path, None)
    if signals.commitment_before != commitment:
        raise ProofInvalid(f"the proof is about another book than the one behind 0x{commitment:064x}")
    if signals.flow or any(astuple(signals.allowances)):
        raise ProofInvalid("the proof lets the book change, so it may be about another book than the one committed to")
    return signals


def require_layout(policy: Policy, instruments: Sequence[str], where: str) -> None:
    """A commitment knows slots and no names: in another order, the policy would judge other instruments."""
    named = tuple(slot.instrument for slot in policy.slots)
    if named != tuple(instruments):
        raise InputError("has other instruments, or another order of them, than the vault's book", where)


def _context(chain_id: int, hub: str, vault_id: bytes, sequence: int, prices: Prices) -> Context:
    """Where the proof belongs, for nobody to submit."""
    return Context(chain_id, hub, vault_id, sequence, 0, prices.round.number if prices.round else 0, NOBODY, 0)
