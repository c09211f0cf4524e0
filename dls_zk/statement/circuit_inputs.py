"""From the model to the inputs of the circuit, by the names in ``circuits/rebalance.circom``."""

from __future__ import annotations

from .commitments import global_words, instruments_word, slot_words
from .field import encode_signed
from .model import Rebalance
from .signals import PublicSignals


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
