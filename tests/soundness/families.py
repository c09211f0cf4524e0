"""What the bench has of each family of circuits: claims, true and false cases, and how its files are mapped to checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from dls_zk.statement.circuit_inputs import circuit_inputs, reconciliation_inputs
from dls_zk.statement.circuits import REBALANCE, RECONCILIATION
from dls_zk.statement.constants import Size
from dls_zk.statement.model import Reconciliation
from dls_zk.statement.reconciliation import reconciliation_signals
from dls_zk.statement.relation import public_signals
from tests.soundness.claims import AnyClaims, Claims
from tests.soundness.forge import Forger
from tests.soundness.judge import is_true
from tests.soundness.reconciliation_claims import ReconciliationClaims
from tests.soundness.scenes import full_book
from tests.support.reconciliations import full_reconciliation

Inputs = dict[str, list[int]]


@dataclass(frozen=True)
class Family:
    """claims: of a forger, for so many slots. full: the inputs of a true statement that uses everything.

    free: signals that may change alone, for what they then say is true. check_of_file: file below circuits/ → the check that
    it serves; other files serve several.
    """

    claims: Callable[[Forger, int, Random], AnyClaims]
    full: Callable[[Random, Size], Inputs]
    free: frozenset[str]
    check_of_file: Mapping[str, str]


def inputs_of(made: Reconciliation) -> Inputs:
    return reconciliation_inputs(made, reconciliation_signals(made))


def _full_rebalance(rng: Random, size: Size) -> Inputs:
    book = full_book(rng, size)
    return circuit_inputs(book, public_signals(book))


FAMILIES = {
    REBALANCE: Family(
        Claims,
        _full_rebalance,
        frozenset({"main.context"}),
        {
            "book/commitment.circom": "commitments",
            "policy/hash.circom": "policy",
            "policy/fields.circom": "policy",
            "book/trades.circom": "quantities",
            "book/flow.circom": "value conservation",
            "book/conservation.circom": "value conservation",
            "book/nav.circom": "nav disclosure",
            "limits/turnover.circom": "turnover",
            "limits/leverage.circom": "gross leverage",
            "limits/factor_exposure.circom": "factor exposure",
            "limits/concentration.circom": "concentration",
            "limits/venue.circom": "venue exposure",
            "limits/collateral.circom": "collateral ratio",
            "limits/stress.circom": "stress solvency",
            "limits/reserve.circom": "liquidity reserve",
            "limits/impermanent_loss.circom": "impermanent loss",
            "limits/capital_efficiency.circom": "capital efficiency",
            "limits/value_at_risk.circom": "value at risk",
        },
    ),
    RECONCILIATION: Family(
        ReconciliationClaims,
        lambda rng, size: inputs_of(full_reconciliation(rng, size)),
        frozenset(),
        {
            "book/commitment.circom": "commitment",
            "custody/venue_parts.circom": "attestations",
            "custody/reconciled_slot.circom": "quantities",
            "custody/shortfall.circom": "shortfall",
        },
    ),
}


def claims_of(forger: Forger, slots: int, rng: Random) -> AnyClaims:
    """The claims for a forger's circuit."""
    return FAMILIES[forger.family].claims(forger, slots, rng)


def tells_the_truth(forger: Forger, slots: int, values: list[int]) -> bool:
    """Whether a plain witness of a forger's circuit claims what is true."""
    return is_true(slots, forger.read(values), forger.family)
