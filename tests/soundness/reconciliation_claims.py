"""False claims of a reconciliation, check by check: see ``claims.py``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dls_zk.statement.circuit_inputs import reconciliation_inputs
from dls_zk.statement.commitments import attestation_commitment, book_commitment
from dls_zk.statement.constants import (
    FIELD,
    MAX_TOLERANCE_PPM,
    PRICE_BITS,
    PRICES_PER_WORD,
    QUANTITIES_PER_WORD,
    QUANTITY_BITS,
    QUANTITY_LIMB_BITS,
    TOLERANCE_BITS,
    attestation_domain,
    book_domain,
)
from dls_zk.statement.model import Opening, Prices, Reconciliation
from dls_zk.statement.reconciliation import reconciliation_signals
from dls_zk.statement.signals import ReconciliationSignals
from tests.soundness.claims import AnyClaims, Claim
from tests.soundness.forge import inverse
from tests.support import reconciliations
from tests.support.reconciliations import at_venues, full_reconciliation, past_the_tolerance, reconciliation


class ReconciliationClaims(AnyClaims):
    """Those for a reconciliation."""

    def solve(self, made: Reconciliation, public: ReconciliationSignals | None = None) -> list[int]:
        return self.forger.solve(reconciliation_inputs(made, public or reconciliation_signals(made)))

    def _past(self, check: str) -> Iterator[Claim]:
        for case in reconciliations.cases() if self.size == reconciliations.SIZE else ():
            if case.check == check:
                values = self.solve(*case.past)
                # Not those whose claim is in a public signal, which the forger has made true.
                if len(self.forger.plain.broken(values) & self.forger.remainder.keys()) == 1:
                    yield self.claim(f"{check}: {case.name}, passed by one unit", values)

    def _full(self) -> list[int]:
        return self.solve(full_reconciliation(self.rng, self.size))

    def _small_change(self, unpriced: int | None = None, rich: int = 0) -> list[int]:
        """Money in one slot, a few millionths in every other, all of it attested, at the highest tolerance."""
        n, rng = self.size.slots, self.rng
        prices, q = [rng.randint(2, 16) for _ in range(n)], [rng.randint(1, 5) for _ in range(n)]
        prices[rich], q[rich] = 10**8, rng.randrange(1 << 54, 1 << 55)
        if unpriced is not None:
            prices[unpriced] = q[unpriced] = 0
        book, venues = Opening(tuple(q), rng.randrange(FIELD)), tuple(rng.randrange(self.size.venues) for _ in range(n))
        made = Reconciliation(self.size, (0,) * n, Prices(tuple(prices)), 20_000, book, (book,) * self.size.venues)
        return self.solve(at_venues(made, venues, rng))

    # --- what is opened, unpacked and in range ----------------------------------------------------------

    def commitment(self) -> Iterator[Claim]:
        made = full_reconciliation(self.rng, self.size)
        values, q = self.solve(made), made.book.quantities_e6
        i, j = self.rng.sample(range(self.size.slots), 2)
        for family, other in {
            "a book of one unit more": replace(made.book, quantities_e6=(*q[:i], q[i] + 1, *q[i + 1 :])),
            "a book with two slots exchanged": replace(
                made.book, quantities_e6=tuple(q[{i: j, j: i}.get(k, k)] for k in range(len(q)))
            ),
            "the mirror image of the book": replace(made.book, quantities_e6=tuple(-x for x in q)),
            "the book under another salt": replace(made.book, salt=(made.book.salt + 1) % FIELD),
            "the empty book": Opening.empty(self.size),
        }.items():
            yield self.claim(f"commitment: {family}", values, {"commitment": book_commitment(other)}, "commitment")
        yield self.claim("commitment: a false step of the hash", values, at="commitment")
        domain = {"book.hash.in[0]": attestation_domain(self.size.slots)}
        yield self.claim("commitment: under an attestation's domain", values, domain, "commitment")

    def venues(self) -> Iterator[Claim]:
        values, bits = self._full(), self.size.venue_bits
        (highest,) = (field for field in self._venue_fields() if self.forger.fields[field].above is None)
        at = self.forger.system.names[highest].removeprefix("main.")
        yield self.overfull(highest, "venues: a word with more than its slots", values, at)
        for i in range(self.size.slots):
            for b in range(bits):
                field, bit = f"venueWord.field[{i * bits + b}]", f"parts.venueBit[{i}][{b}]"
                here = self.value(values, field)
                yield self.claim("venues: another venue than that in the word", values, {bit: 1 - here}, bit)
                yield self.claim("venues: half at each of two", values, {bit: inverse(2)}, bit)
                yield self.claim("venues: two exchanged in the word", values, {field: 1 - here}, "venueWord.word[0]")
                if i * bits + b + 1 < self.size.slots * bits:
                    above = f"venueWord.field[{i * bits + b + 1}]"
                    carry = 1 if self.value(values, above) else -1
                    pins = {field: here + 2 * carry, above: self.value(values, above) - carry}
                    yield self.claim("venues: one bit borrows from the next", values, pins, field)

    def _venue_fields(self) -> list[int]:
        names = self.forger.system.names
        return [field for field in self.forger.fields if names[field].startswith("main.venueWord.")]

    def attestations(self) -> Iterator[Claim]:
        made = full_reconciliation(self.rng, self.size)
        values = self.solve(made)
        for k, opening in enumerate(made.attested):
            own = self.rng.choice([i for i, venue in enumerate(made.venues) if venue == k])
            more = tuple(q + (i == own) for i, q in enumerate(opening.quantities_e6))
            for family, other in {
                "one unit more": replace(opening, quantities_e6=more),
                "another salt": replace(opening, salt=(opening.salt + 1) % FIELD),
                "nothing at all": Opening.empty(self.size),
                "what another venue holds": made.attested[(k + 1) % self.size.venues],
            }.items():
                signal = f"attestations[{k}]"
                yield self.claim(f"attestations: {family}", values, {signal: attestation_commitment(other)}, signal)
            yield self.claim("attestations: a false step of the hash", values, at=f"attestations[{k}]")
            domain = {f"attestation[{k}].hash.in[0]": book_domain(self.size.slots)}
            yield self.claim("attestations: under a book's domain", values, domain, f"attestations[{k}]")
            for i, q in enumerate(made.attested_e6):
                part, held = f"parts.part[{k}][{i}]", made.venues[i] == k
                family = "less than is held" if held else "in a slot of another venue"
                yield self.claim(f"attestations: {family}", values, {part: q - 1 if held else q}, part)
        for i, q in enumerate(made.attested_e6):
            amount = f"parts.amount[{i}]"
            yield self.claim("attestations: another amount than is reconciled", values, {amount: q + 1}, amount)
            for m in range(self.size.venues - 1):
                moved = f"parts.moved[{i}][{m}]"
                other = q if self.value(values, moved) == 0 else 0
                yield self.claim("attestations: an amount led elsewhere", values, {moved: other}, moved)

    def prices(self) -> Iterator[Claim]:
        n = self.size.slots
        for i in range(n):
            values = self._small_change(rich=int(i == 0))
            price, word, place = f"priceWords.field[{i}]", i // PRICES_PER_WORD, i % PRICES_PER_WORD
            if place + 1 < PRICES_PER_WORD and i + 1 < n:
                above = f"priceWords.field[{i + 1}]"
                this, other = self.value(values, price), self.value(values, above)
                for carry in (1, -1):
                    pins = {price: this + (carry << PRICE_BITS), above: other - carry}
                    yield self.claim("prices: one borrows from the next", values, pins)
                yield self.claim(
                    "prices: two exchanged", values, {price: other + 1, above: this}, f"priceWords.word[{word}]"
                )
            else:
                pins = {
                    price: self.value(values, price) + (1 << PRICE_BITS),
                    f"prices[{word}]": self.value(values, f"prices[{word}]") + (1 << PRICE_BITS * (place + 1)),
                }
                yield self.claim("prices: a word with more than its prices", values, pins)
            bare, at = self._small_change(unpriced=i, rich=int(i == 0)), f"reconciled[{i}].unpriced"
            some = self.rng.choice([1, -1, 10**6])
            for family, pins in (
                ("a quantity without a price", {f"quantity[{i}]": some, f"attested[{i}]": some}),
                ("a debt without a price", {f"attested[{i}]": -abs(some)}),
                ("a gap without a price", {f"attested[{i}]": some}),
            ):
                yield self.claim(f"prices: {family}", bare, pins, at)

    def quantities(self) -> Iterator[Claim]:
        top, n = 1 << QUANTITY_BITS - 1, self.size.slots
        for i in range(n):
            values = self._small_change(rich=int(i == 0))
            quantity, attested = f"quantity[{i}]", f"attested[{i}]"
            for family, value in (("too long", top + self.rng.choice([0, 0, 1])), ("too short", -top - 1)):
                yield self.claim(f"quantities: {family}", values, {quantity: value, attested: value})
                yield self.claim(f"quantities: a gap {family}", values, {attested: self.value(values, quantity) - value})
            part = inverse(self.value(values, f"reconciled[{i}].price"))
            fraction = {quantity: self.value(values, quantity) + part, attested: self.value(values, attested) + part}
            yield self.claim("quantities: a fraction of a unit", values, fraction)
            yield self.claim("quantities: a gap of a fraction", values, {attested: self.value(values, attested) - part})
            if (i + 1) % QUANTITIES_PER_WORD and i + 1 < n:
                pins = {}
                for signal in ("quantity", "attested"):
                    pins[f"{signal}[{i}]"] = self.value(values, f"{signal}[{i}]") + (1 << QUANTITY_LIMB_BITS)
                    pins[f"{signal}[{i + 1}]"] = self.value(values, f"{signal}[{i + 1}]") - 1
                yield self.claim("quantities: another book of the same words", values, pins)

    # --- values -----------------------------------------------------------------------------------------

    def solvency(self) -> Iterator[Claim]:
        values = self._small_change()
        cash = self.value(values, "quantity[0]")
        debt = {"quantity[0]": -cash, "attested[0]": -cash, "nav": self.value(values, "nav")}
        yield self.claim("solvency: a debt shown as wealth", values, debt, "nav")
        values = self._full()
        yield self.claim("solvency: twice its value", values, {"nav": 2 * self.value(values, "nav")}, "nav")
        at = "solvent.in"
        yield self.claim("solvency: of another NAV", values, {at: self.value(values, "nav") + 1}, at)
        n = self.size.slots
        prices = Prices((1, *(0,) * (n - 1)))
        owing = Opening((-self.rng.randint(1, 9), *(0,) * (n - 1)), 3)
        made = Reconciliation(
            self.size, (0,) * n, prices, 0, owing, (owing, *(Opening.empty(self.size),) * (self.size.venues - 1))
        )
        yield self.claim("solvency: a debt and nothing else", self.solve(made))
        long = Opening((1 << 55, *(0,) * (n - 1)), 3)
        made = replace(made, book=long, attested=(long, *made.attested[1:]), prices=Prices((1 << 40, *(0,) * (n - 1))))
        yield self.claim("solvency: wealth beyond its range", self.solve(made))

    def tolerance(self) -> Iterator[Claim]:
        values, some = self._full(), self.rng.randint(1, 9)
        for family, tolerance in (
            ("one more than the highest", MAX_TOLERANCE_PPM + 1),
            ("more than the highest", MAX_TOLERANCE_PPM + some),
            ("the widest", (1 << TOLERANCE_BITS) - 1),
        ):
            yield self.claim(f"tolerance: {family}", values, {"tolerance": tolerance})
        empty = Opening.empty(self.size)
        nothing = Reconciliation(
            self.size, (0,) * self.size.slots, Prices((some,) * self.size.slots), 0, empty, (empty,) * self.size.venues
        )
        yield self.claim("tolerance: less than none", self.solve(nothing), {"tolerance": -some})
        at = "shortfall.tolerance"
        yield self.claim("tolerance: another than is public", values, {at: self.value(values, at) + some}, at)

    def shortfall(self) -> Iterator[Claim]:
        for slot in range(self.size.slots):
            values = self.solve(past_the_tolerance(self.rng, self.size, slot))
            yield self.claim("shortfall: a millionth less attested", values)
            more, sign = f"reconciled[{slot}].bookedMore", self._sign(slot)
            yield self.claim("shortfall: called a surplus", values, {sign: 0})
            missing = f"reconciled[{slot}].missingValue"
            yield self.claim("shortfall: nothing of it counted", values, {missing: 0}, missing)
            yield self.claim("shortfall: a surplus by name", values, {more: 0}, more)
        for wire in ("nav", "tolerance"):
            at = f"shortfall.{wire}"
            values = self.solve(past_the_tolerance(self.rng, self.size))
            larger = {at: self.value(values, at) * 2 if wire == "nav" else self.value(values, at) + 1}
            yield self.claim(f"shortfall: at another {wire}", values, larger, at)
        if self.size == reconciliations.SIZE:
            made = reconciliation({}, {reconciliations.DUST: -self.rng.randint(1, 9)}, 20_000)
            yield self.claim("shortfall: a debt, and nothing booked", self.solve(made))

    def _sign(self, slot: int) -> str:
        """The sign of a slot's gap: of the two signed ranges in a slot the one over the gap."""
        (found,) = (
            r for r in self.forger.ranges.values()
            if r.sign is not None and self.wire[f"main.reconciled[{slot}].gap"] in (r.of, *self.forger._equal(r.of))
        )  # fmt: skip
        assert found.sign is not None
        return self.forger.system.names[found.sign].removeprefix("main.")
