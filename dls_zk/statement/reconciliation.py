"""The statement of a reconciliation in plain Python integers: the readable definition, check for check.

``circuits/reconciliation.circom`` is the same statement as constraints; it shares no code with this and is tested against
it. A check never raises on inputs that break it: the report names every check that fails and the headroom of all.

With q the book, a what is attested (each slot by its own venue alone), p the prices and E = Σ p_i·q_i:

    Σ_i p_i·max(q_i − a_i, 0) ≤ tolerance·E,   E ≥ 0,   p_i = 0 ⇒ q_i = a_i = 0

Only what the book has more than is attested counts, slot by slot: a surplus makes up for no gap, and a debt (a negative
quantity) that is attested and not booked is a gap. A NAV of zero leaves no tolerance.

Units: quantities 1e-6, prices USD 1e-8, values USD 1e-14, tolerance ppm of NAV.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from .commitments import attestation_commitment, book_commitment, has_commitment
from .constants import MAX_TOLERANCE_PPM, NAV_BITS, PPM, PRICE_BITS, QUANTITY_BITS, USD_E14
from .field import fits_signed
from .model import Reconciliation
from .signals import ReconciliationSignals, pack_prices, pack_venues
from .verdict import Check, Limit, Report, condition

#: The checks in order; a check's number is its place, from 1.
CHECKS = ("commitment", "venues", "attestations", "prices", "quantities", "solvency", "tolerance", "shortfall")


def missing_e14(reconciliation: Reconciliation) -> tuple[int, ...]:
    """What the book has more than is attested, slot by slot: p_i·max(q_i − a_i, 0), USD 1e-14. Secret."""
    q, a, p = reconciliation.book.quantities_e6, reconciliation.attested_e6, reconciliation.prices.usd_e8
    return tuple(price * max(booked - attested, 0) for booked, attested, price in zip(q, a, p, strict=True))


def reconciliation_signals(reconciliation: Reconciliation) -> ReconciliationSignals:
    """The public signals that an honest prover shows. ValueError if an opening, a price or a venue is outside its range."""
    size = reconciliation.size
    return ReconciliationSignals(
        commitment=book_commitment(reconciliation.book),
        attestations=tuple(map(attestation_commitment, reconciliation.attested)),
        venues=pack_venues(size, reconciliation.venues),
        tolerance_ppm=reconciliation.tolerance_ppm,
        prices=pack_prices(size, reconciliation.prices.usd_e8),
    )


def evaluate(reconciliation: Reconciliation, signals: ReconciliationSignals | None = None) -> Report:
    """Decide all checks for these inputs and public signals.

    Without signals, those of an honest prover are meant, as for a rebalance: no hash is computed.
    """
    limits = _Limits(reconciliation, signals)
    return Report(
        tuple(Check(number, name, tuple(getattr(limits, f"check_{name}")())) for number, name in enumerate(CHECKS, start=1))
    )


class _Limits:
    """The quantities that the checks share, and one method ``check_…`` for each name of CHECKS.

    signals: None for those of an honest prover, which are what the checks of them compute.
    """

    def __init__(self, reconciliation: Reconciliation, signals: ReconciliationSignals | None):
        self.reconciliation, self.signals, self.size = reconciliation, signals, reconciliation.size
        self.venues, self.p = reconciliation.venues, reconciliation.prices.usd_e8
        self.q, self.named = reconciliation.book.quantities_e6, all(0 <= k < self.size.venues for k in self.venues)
        # Of a slot at no venue nothing is attested.
        self.a = reconciliation.attested_e6 if self.named else (0,) * self.size.slots
        self.gap = [q - a for q, a in zip(self.q, self.a, strict=True)]
        self.nav = sum(q * p for q, p in zip(self.q, self.p, strict=True))
        self.tolerance_ppm = signals.tolerance_ppm if signals else reconciliation.tolerance_ppm

    def check_commitment(self) -> Iterator[Limit]:
        book = self.reconciliation.book
        holds = has_commitment(book) and (self.signals is None or book_commitment(book) == self.signals.commitment)
        yield condition("commitment", holds)

    def check_venues(self) -> Iterator[Limit]:
        packed = self.signals is None or (self.named and pack_venues(self.size, self.venues) == self.signals.venues)
        yield condition("venues word", self.named and packed)

    def check_attestations(self) -> Iterator[Limit]:
        for k, opening in enumerate(self.reconciliation.attested):
            own = all(not q or venue == k for q, venue in zip(opening.quantities_e6, self.venues, strict=True))
            holds = has_commitment(opening) and (
                self.signals is None or attestation_commitment(opening) == self.signals.attestations[k]
            )
            yield condition(f"attestation of {self.reconciliation.venue_name(k)}", own and holds)

    def check_prices(self) -> Iterator[Limit]:
        in_range = all(0 <= p < 1 << PRICE_BITS for p in self.p)
        packed = self.signals is None or (in_range and pack_prices(self.size, self.p) == self.signals.prices)
        yield condition("price words", in_range and packed)
        for i, (p, q, a) in enumerate(zip(self.p, self.q, self.a, strict=True)):
            yield condition(f"slot {i} is priced or empty", p != 0 or q == a == 0)

    def check_quantities(self) -> Iterator[Limit]:
        for i, (q, gap) in enumerate(zip(self.q, self.gap, strict=True)):
            yield condition(f"quantity of slot {i} in range", fits_signed(q, QUANTITY_BITS))
            yield condition(f"gap of slot {i} in range", fits_signed(gap, QUANTITY_BITS))

    def check_solvency(self) -> Iterator[Limit]:
        yield Limit("NAV", Fraction(self.nav, USD_E14), Fraction(0), "USD", True, self.nav)
        yield condition(f"NAV below 2^{NAV_BITS}", self.nav < 1 << NAV_BITS)

    def check_tolerance(self) -> Iterator[Limit]:
        value, bound, slack = self.tolerance_ppm, MAX_TOLERANCE_PPM, MAX_TOLERANCE_PPM - self.tolerance_ppm
        yield condition("tolerance not negative", value >= 0)
        yield Limit("tolerance", Fraction(value, PPM), Fraction(bound, PPM), "of NAV", False, slack)

    def check_shortfall(self) -> Iterator[Limit]:
        """The subject names the venues at which something is missing, if it is too much."""
        missing = [p * max(gap, 0) for p, gap in zip(self.p, self.gap, strict=True)]
        value = Fraction(sum(missing), self.nav) if self.nav > 0 else None
        slack = self.tolerance_ppm * self.nav - PPM * sum(missing)
        at = sorted({venue for venue, amount in zip(self.venues, missing, strict=True) if amount > 0})
        names = ", ".join(map(self.reconciliation.venue_name, at)) if slack < 0 else ""
        yield Limit(names, value, Fraction(self.tolerance_ppm, PPM), "of NAV", False, slack)
