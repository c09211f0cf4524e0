"""What the relation accepts can be proven: from rebalance to a witness of the deployed generator, checked against the r1cs.

A good third of the cases stand within one unit of a limit: one more millionth of an instrument, and the relation refuses.
The others are at the extremes, within a basis point of a limit, or anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from random import Random

from dls_zk.audit.circuits import circuit
from dls_zk.audit.instances import random_rebalance
from dls_zk.statement import relation
from dls_zk.statement.circuit_inputs import circuit_inputs, reconciliation_inputs
from dls_zk.statement.constants import QUANTITY_BITS, SIZES, Size
from dls_zk.statement.model import Rebalance, Reconciliation
from dls_zk.statement.reconciliation import evaluate as evaluate_reconciliation
from dls_zk.statement.reconciliation import reconciliation_signals
from dls_zk.statement.relation import evaluate, public_signals
from tests.soundness.extremes import widest
from tests.soundness.scenes import full_book, limits
from tests.support import reconciliations
from tests.support.instances import LIMITS, near_a_limit, tighten

AT_A_LIMIT = "within one unit of a limit"


def prove_many(rng: Random, count: int, *, extremes: bool = True) -> Counter[str]:
    """Take so many true rebalances to a checked witness, the extremes first: how many of each kind. StatementRefused or
    AssertionError where the generator or the constraints refuse one."""
    done: Counter[str] = Counter()
    for kind, rebalance in chain(_extremes() if extremes else (), _at_random(rng)):
        judge = circuit(rebalance.circuit.name)
        assert judge.violated(judge.honest(circuit_inputs(rebalance, public_signals(rebalance)))) == []
        done[kind] += 1
        if done.total() == count:
            break
    return done


def reconcile_many(rng: Random, count: int, *, extremes: bool = True) -> Counter[str]:
    """The same of so many true reconciliations."""
    done: Counter[str] = Counter()
    for kind, made in chain(_widest_reconciliations() if extremes else (), _reconciliations(rng)):
        judge = circuit(made.circuit.name)
        assert judge.violated(judge.honest(reconciliation_inputs(made, reconciliation_signals(made)))) == []
        done[kind] += 1
        if done.total() == count:
            break
    return done


def _widest_reconciliations() -> Iterator[tuple[str, Reconciliation]]:
    return (("at an extreme", made) for size in SIZES.values() for _, made in reconciliations.widest(size))


def _reconciliations(rng: Random) -> Iterator[tuple[str, Reconciliation]]:
    """True reconciliations without end."""
    while True:
        size = SIZES[rng.choice([8, 8, 8, 16, 32])]
        yield AT_A_LIMIT, reconciliations.within_a_unit(rng, size)[0]
        yield "a full book", reconciliations.full_reconciliation(rng, size)
        made = reconciliations.random_reconciliation(rng, size)
        if evaluate_reconciliation(made).holds:
            yield "any book", made


def _extremes() -> Iterator[tuple[str, Rebalance]]:
    return (("at an extreme", rebalance) for size in SIZES.values() for _, rebalance in widest(size))


def _at_random(rng: Random) -> Iterator[tuple[str, Rebalance]]:
    """True rebalances without end."""
    while True:
        size = SIZES[rng.choice([8, 8, 8, 16, 32])]
        yield from ((AT_A_LIMIT, within_a_unit(rng, size)) for _ in range(2))
        yield "a full book", full_book(rng, size)
        for kind, make in (("within a basis point of a limit", near_a_limit), ("any book", random_rebalance)):
            rebalance = make(rng, size)
            if evaluate(rebalance).holds:
                yield kind, rebalance


def within_a_unit(rng: Random, size: Size) -> Rebalance:
    """A true rebalance that one more millionth in one slot would make false."""
    choices = [(LIMITS[field][0], field, index) for field, index in limits(size)]
    choices += [("value conservation", "", index) for index in (2, 2, 3, 3)]  # the gain and the cost
    while True:
        check, field, index = rng.choice(choices)
        book = full_book(rng, size)
        book = tighten(book, field, index, past=0) if field else book
        if evaluate(book).holds and (pushed := _pushed(rng, book, check, index, traded=not field)):
            return pushed


def _pushed(rng: Random, book: Rebalance, check: str, index: int, traded: bool) -> Rebalance | None:
    """The book with the quantity (or the trade) in one slot moved as far as this inequality of this check lets it; None if
    the slot does not lead there, or past another limit."""
    slot, step, public = rng.randrange(book.size.slots), rng.choice([1, -1]), public_signals(book)
    holds, breaks = 0, _room(book, slot, step)  # numbers of steps

    def is_kept(steps: int) -> bool:
        shared = relation._Limits(_moved(book, slot, step * steps, traded), public)  # one check alone, without the hashes
        return [*getattr(shared, f"check_{check.replace(' ', '_')}")()][index].holds

    if is_kept(breaks):
        return None
    while breaks - holds > 1:
        middle = (holds + breaks) // 2
        holds, breaks = (middle, breaks) if is_kept(middle) else (holds, middle)
    book = _moved(book, slot, step * holds, traded)
    return book if evaluate(book).holds else None


def _room(rebalance: Rebalance, slot: int, step: int) -> int:
    """How far a quantity and a trade can move that way without a change of sign or leaving their range."""
    after, before = (x.quantities_e6[slot] for x in (rebalance.after, rebalance.before))
    to_the_end = (1 << QUANTITY_BITS - 1) - 1 - max(abs(after), abs(before), abs(after - before))
    return min(abs(after), to_the_end) if (after > 0) != (step > 0) else to_the_end


def _moved(rebalance: Rebalance, slot: int, by: int, traded: bool) -> Rebalance:
    """The rebalance with one quantity moved, after as before, or before alone, so that the trade moves."""

    def moved(quantities: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(q + by * (i == slot) for i, q in enumerate(quantities))

    before, after = (replace(x, quantities_e6=moved(x.quantities_e6)) for x in (rebalance.before, rebalance.after))
    return replace(rebalance, before=before, after=rebalance.after if traded else after)
