"""What a witness claims, and whether it is true: the inputs are read from its wires and put to the relation.

A witness that the constraints accept is a **forgery** unless its claim is true, which means all of:

- its public signals are in their ranges, and its policy words are those of a policy that the model can hold;
- ``policyHash`` is the hash of these words and the instruments' word;
- the relation holds for that policy, the prices in the public words, and the two books (after, and after less trades)
  under their salts: all twenty checks, against the public signals on the wires.

So an accepted witness with another value on an inner wire is no forgery as long as what it says is so. It is a second
witness for one claim (``deletion.py`` reports those apart), which the determinism gate excludes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from dls_zk.errors import InputError
from dls_zk.statement import reconciliation
from dls_zk.statement.circuits import REBALANCE, RECONCILIATION
from dls_zk.statement.commitments import global_words, policy_hash, slot_words, words_hash
from dls_zk.statement.constants import SIZES, WORD_BITS, Size
from dls_zk.statement.field import decode_signed
from dls_zk.statement.model import Opening, Policy, Prices, Rebalance, Reconciliation, SlotPolicy, Terms
from dls_zk.statement.policy_fields import FieldPath, gathered, global_layout, slot_layout
from dls_zk.statement.relation import evaluate
from dls_zk.statement.signals import PublicSignals, ReconciliationSignals, unpack_prices, unpack_venues

#: A bench asks for one policy many times.
_hash = lru_cache(maxsize=256)(words_hash)

#: Name of an input, as in the circuit → its elements.
Read = Callable[[str], Sequence[int]]


def is_true(slots: int, read: Read, family: str = REBALANCE) -> bool:
    """Whether the claim of a witness is true. ``read`` gives the elements of an input by its name."""
    return {REBALANCE: _is_a_true_rebalance, RECONCILIATION: _is_a_true_reconciliation}[family](slots, read)


def _is_a_true_reconciliation(slots: int, read: Read) -> bool:
    """Its public signals are in their ranges, and the relation holds for the venues and prices in the public words, the book
    under its salt, and of what is attested each venue's part under the salt of its attestor: all eight checks."""
    size = SIZES[slots]
    names = ("commitment", "attestations", "venues", "tolerance", "prices")
    try:
        public = ReconciliationSignals.from_field(size, [x for name in names for x in read(name)])
    except InputError:
        return False
    venues, attested = unpack_venues(size, public.venues), [decode_signed(x) for x in read("attested")]
    openings = tuple(
        Opening(tuple(a if venue == k else 0 for a, venue in zip(attested, venues, strict=True)), salt)
        for k, salt in enumerate(read("attestationSalt"))
    )
    book = Opening(tuple(decode_signed(x) for x in read("quantity")), read("salt")[0])
    prices = Prices(unpack_prices(size, public.prices))
    made = Reconciliation(size, venues, prices, public.tolerance_ppm, book, openings)
    return reconciliation.evaluate(made, public).holds


def _is_a_true_rebalance(slots: int, read: Read) -> bool:
    size = SIZES[slots]
    names = ("commitmentBefore", "commitmentAfter", "policyHash", "flow", "allowances", "navFloor", "context", "prices")
    try:
        public = PublicSignals.from_field(size, [x for name in names for x in read(name)])
        policy = read_policy(size, read("slotWord"), read("globalWord"))
    except (InputError, ValueError):
        return False
    if public.policy_hash != _hash(slots, (*read("slotWord"), *read("globalWord"), *read("instrumentsWord"))):
        return False
    after = [decode_signed(x) for x in read("quantityAfter")]
    trades = [decode_signed(x) for x in read("trade")]
    rebalance = Rebalance(
        policy,
        Prices(unpack_prices(size, public.prices)),
        Terms(public.flow, public.allowances, public.context),
        Opening(tuple(q - t for q, t in zip(after, trades, strict=True)), read("saltBefore")[0]),
        Opening(tuple(after), read("saltAfter")[0]),
    )
    # The names of the instruments are not in the witness, only the hash of them: it is in the hash checked above.
    nameless = PublicSignals(**{**vars(public), "policy_hash": policy_hash(policy)})
    return evaluate(rebalance, nameless).holds


def read_policy(size: Size, slot: Sequence[int], globals_: Sequence[int]) -> Policy:
    """The policy in packed words, its instruments without names. ValueError if there is none with these words."""
    slots = []
    for word in slot:
        fields = _unpack(slot_layout(size), [word])
        slots.append(SlotPolicy(instrument="", **(fields | {"funded": bool(fields["funded"])})))
    policy = Policy(size=size, slots=tuple(slots), **_unpack(global_layout(size), globals_))
    if [*slot_words(policy), *global_words(policy)] != [*slot, *globals_]:
        raise ValueError("these words are no policy's")
    return policy


def _unpack(layout: Sequence[FieldPath], words: Sequence[int]) -> dict[str, Any]:
    """Field → its value or (nested) tuple of values, as ``commitments.pack`` packs them; bits beyond the last field of a
    word are left out."""
    values, w, used = [], 0, 0
    for path in layout:
        bits = path.field.bits
        if used + bits > WORD_BITS:
            w, used = w + 1, 0
        values.append((words[w] >> used & (1 << bits) - 1) + path.field.low)
        used += bits
    return gathered(layout, values)
