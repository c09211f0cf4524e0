"""From the model to the inputs of the circuits, by their names in ``circuits/``."""

from __future__ import annotations

from .commitments import global_words, instruments_word, slot_words
from .field import encode_signed
from .model import Rebalance, Reconciliation
from .signals import PublicSignals, ReconciliationSignals


def circuit_inputs(rebalance: Rebalance, signals: PublicSignals) -> dict[str, list[int]]:
    """Canonical field elements of every input. Secret: never print or store the result."""
    before, after = rebalance.before.quantities_e6, rebalance.after.quantities_e6
    elements = signals.to_field()
    return {
        "commitmentBefore": elements[0:1],
        "commitmentAfter": elements[1:2],
        "policyHash": elements[2:3],
        "flow": elements[3:4],
        "allowances": elements[4:5],
        "navFloor": elements[5:6],
        "context": elements[6:7],
        "prices": elements[7:],
        "quantityAfter": [encode_signed(q) for q in after],
        "trade": [encode_signed(q - old) for q, old in zip(after, before, strict=True)],
        "saltBefore": [rebalance.before.salt],
        "saltAfter": [rebalance.after.salt],
        "slotWord": slot_words(rebalance.policy),
        "globalWord": global_words(rebalance.policy),
        "instrumentsWord": [instruments_word(rebalance.policy)],
    }


def reconciliation_inputs(reconciliation: Reconciliation, signals: ReconciliationSignals) -> dict[str, list[int]]:
    """Canonical field elements of every input of a reconciliation. Secret: never print or store the result."""
    return {
        "commitment": [signals.commitment],
        "attestations": [*signals.attestations],
        "venues": [signals.venues],
        "tolerance": [encode_signed(signals.tolerance_ppm)],
        "prices": [*signals.prices],
        "quantity": [encode_signed(q) for q in reconciliation.book.quantities_e6],
        "attested": [encode_signed(a) for a in reconciliation.attested_e6],
        "salt": [reconciliation.book.salt],
        "attestationSalt": [opening.salt for opening in reconciliation.attested],
    }
