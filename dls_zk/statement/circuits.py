"""The table of circuits: the only place that says which there are, of what size, with which public signals.

``circuits/main/<name>.circom`` instantiates each. A row here is all that reading proofs, calldata, generated verifiers, the
folders of built files and the commands need of a new circuit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from .constants import SIZES, Size
from .signals import PublicSignals, ReconciliationSignals, reconciliation_signal_names, signal_names


@dataclass(frozen=True)
class Circuit:
    """A circuit of the product.

    name: of its main and of everything built from it. family: its statement. size: what it has room for.
    signals: the names of its public signals in the order that the verifier takes.
    """

    name: str
    family: str
    size: Size
    signals: tuple[str, ...]


#: The families of ``circuits/rebalance.circom`` and ``circuits/reconciliation.circom``.
REBALANCE, RECONCILIATION = "rebalance", "reconciliation"

#: Family → the names of the public signals by size.
_SIGNALS = {REBALANCE: signal_names, RECONCILIATION: reconciliation_signal_names}

CIRCUITS = {
    circuit.name: circuit
    for circuit in (
        Circuit(f"{family}_{size.slots}", family, size, names(size))
        for family, names in _SIGNALS.items()
        for size in SIZES.values()
    )
}


def known(name: str) -> Circuit:
    """The circuit of this name; InputError if the table has none."""
    if name not in CIRCUITS:
        raise InputError(f"unknown circuit {name[:64]!r}; this version knows {', '.join(CIRCUITS)}")
    return CIRCUITS[name]


def of_family(family: str) -> list[Circuit]:
    """The circuits of a family, the smallest first."""
    return [circuit for circuit in CIRCUITS.values() if circuit.family == family]


def of_size(slots: int, family: str = REBALANCE) -> Circuit:
    """The circuit of a family with so many slots; KeyError if there is none."""
    for circuit in CIRCUITS.values():
        if (circuit.family, circuit.size.slots) == (family, slots):
            return circuit
    raise KeyError(f"no circuit of {family} has {slots} slots")


def rebalance_signals(circuit: str, elements: Sequence[int]) -> PublicSignals:
    """The public signals of a rebalance proof of this circuit. InputError if it is another kind of circuit, or if the
    elements are not signals of it."""
    return PublicSignals.from_field(_require(circuit, REBALANCE, elements).size, elements)


def reconciliation_signals(circuit: str, elements: Sequence[int]) -> ReconciliationSignals:
    """The public signals of a reconciliation proof of this circuit. InputError as for ``rebalance_signals``."""
    return ReconciliationSignals.from_field(_require(circuit, RECONCILIATION, elements).size, elements)


def _require(circuit: str, family: str, elements: Sequence[int]) -> Circuit:
    row = known(circuit)
    if row.family != family:
        raise InputError(f"a proof of {circuit} is no {family} proof")
    if len(elements) != len(row.signals):
        raise InputError(f"{len(elements)} public signals; a proof of {circuit} has {len(row.signals)}")
    return row
