"""Reconciliations: for each check some that stand exactly at its bound, each with a twin one unit past it; random ones, many
of them at the tolerance; and such as use every slot and venue, for forgers to start from.

A unit is the smallest step that the statement knows: 1e-14 USD of value (the slot ``DUST`` has a price of 1e-8 USD), one
unit of a quantity, or 1 in a public signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from dls_zk.statement.constants import (
    FIELD,
    MAX_TOLERANCE_PPM,
    NAV_BITS,
    PPM,
    PRICE_BITS,
    PRICES_PER_WORD,
    QUANTITY_BITS,
    SIZES,
    Size,
)
from dls_zk.statement.model import Opening, Prices, Reconciliation
from dls_zk.statement.reconciliation import evaluate, missing_e14, reconciliation_signals
from dls_zk.statement.signals import ReconciliationSignals

SIZE = SIZES[8]
CASH, SPOT, PERP, LOAN, DUST, IDLE = range(6)  # slots; the rest are without a price as IDLE is
#: Each slot's venue: CASH, SPOT and DUST each share theirs with one of the others.
VENUES = (0, 1, 2, 3, 1, 0, 2, 3)
PRICES = {CASH: 10**8, SPOT: 2000 * 10**8, PERP: 2000 * 10**8, LOAN: 10**8, DUST: 1}
ONE = 10**6  # one unit of an instrument
LONGEST = (1 << QUANTITY_BITS - 1) - 1

#: NAV 1,000,000 USD: 700,000 cash, 1,000,000 spot, 600,000 short perpetual, 100,000 loan.
BOOK = {CASH: 700_000 * ONE, SPOT: 500 * ONE, PERP: -300 * ONE, LOAN: -100_000 * ONE}

Claim = tuple[Reconciliation, ReconciliationSignals]


@dataclass(frozen=True)
class Case:
    """A reconciliation with the public signals that its prover claims; ``check`` is the one that it stands at."""

    name: str
    check: str
    at: Claim
    past: Claim


def reconciliation(
    book: Mapping[int, int],
    attested: Mapping[int, int] | None = None,
    tolerance_ppm: int = 10_000,
    prices: Mapping[int, int] | None = None,
    venues: tuple[int, ...] = VENUES,
) -> Reconciliation:
    """Slot → quantity in 1e-6: of the book, and where it differs what is attested. Prices as above."""
    price = {**PRICES, **(prices or {})}
    q = [book.get(i, 0) for i in range(SIZE.slots)]
    a = [(attested or {}).get(i, x) for i, x in enumerate(q)]
    openings = tuple(
        Opening(tuple(x if venue == k else 0 for x, venue in zip(a, venues, strict=True)), 11 + k)
        for k in range(SIZE.venues)
    )
    usd_e8 = tuple(price.get(i, 0) for i in range(SIZE.slots))
    return Reconciliation(SIZE, venues, Prices(usd_e8), tolerance_ppm, Opening(tuple(q), 7), openings)


def honest(made: Reconciliation) -> Claim:
    return made, reconciliation_signals(made)


def _claiming(made: Reconciliation, **changes: object) -> Claim:
    return made, replace(reconciliation_signals(made), **changes)


def cases() -> Iterator[Case]:
    """Every bound of every check."""
    yield from _opened()
    yield from _prices_and_quantities()
    yield from _values()


def _opened() -> Iterator[Case]:
    book = reconciliation(BOOK)
    public = reconciliation_signals(book)
    yield Case("commitment", "commitment", honest(book), _claiming(book, commitment=(public.commitment + 1) % FIELD))
    for k in range(SIZE.venues):
        others = [*public.attestations]
        others[k] = (others[k] + 1) % FIELD
        yield Case(f"attestation {k}", "attestations", honest(book), _claiming(book, attestations=tuple(others)))
    exchanged = (public.attestations[1], public.attestations[0], *public.attestations[2:])
    yield Case("attestations exchanged", "attestations", honest(book), _claiming(book, attestations=exchanged))
    # The attestor of venue 0 shows what is in a slot of venue 1, which then lacks it.
    foreign = replace(book.attested[0], quantities_e6=(BOOK[CASH], 1, *(0,) * (SIZE.slots - 2)))
    past = replace(book, attested=(foreign, *book.attested[1:]))
    yield Case("a slot of another venue", "attestations", honest(book), honest(past))
    last = reconciliation(BOOK, venues=(SIZE.venues - 1,) * SIZE.slots)
    top = 1 << SIZE.venue_bits * SIZE.slots
    yield Case("venues, the widest word", "venues", honest(last), _claiming(last, venues=top))
    yield Case("venues, another map", "venues", honest(book), _claiming(book, venues=public.venues ^ 1))


def _prices_and_quantities() -> Iterator[Case]:
    book = reconciliation(BOOK)
    words = reconciliation_signals(book).prices
    first, last = 1 << PRICE_BITS * PRICES_PER_WORD, 1 << PRICE_BITS * (SIZE.slots % PRICES_PER_WORD)
    yield Case("prices", "prices", honest(book), _claiming(book, prices=(words[0] + first, *words[1:])))
    yield Case("prices, the last word", "prices", honest(book), _claiming(book, prices=(*words[:-1], words[-1] + last)))
    for name, booked, attested in (
        ("booked", 1, 0),
        ("attested", 0, 1),
        ("attested as a debt", 0, -1),
        ("booked and attested", 1, 1),
    ):
        past = reconciliation(BOOK | {IDLE: booked}, {IDLE: attested})
        yield Case(f"a quantity without a price, {name}", "prices", honest(book), honest(past))
    for name, at, past_ in (("longest", LONGEST, LONGEST + 1), ("shortest", -LONGEST - 1, -LONGEST - 2)):
        claims = [honest(reconciliation(BOOK | {DUST: quantity})) for quantity in (at, past_)]
        yield Case(f"{name} quantity", "quantities", *claims)
        claims = [honest(reconciliation(BOOK | {DUST: at}, {DUST: at - gap})) for gap in (at, past_)]
        yield Case(f"{name} gap", "quantities", *claims)


def _values() -> Iterator[Case]:
    nothing = reconciliation({}, tolerance_ppm=0)
    owing = reconciliation({DUST: -1}, tolerance_ppm=0)
    yield Case("NAV of zero", "solvency", honest(nothing), honest(owing))
    wide = {CASH: 1 << 47}
    most, more = (reconciliation({CASH: (1 << 41) - 1, DUST: dust}, prices=wide) for dust in ((1 << 47) - 1, 1 << 47))
    yield Case("widest NAV", "solvency", honest(most), honest(more))
    at, past = (reconciliation(BOOK, tolerance_ppm=MAX_TOLERANCE_PPM + k) for k in (0, 1))
    yield Case("tolerance", "tolerance", honest(at), honest(past))
    at, past = (reconciliation(BOOK, tolerance_ppm=k) for k in (0, -1))
    yield Case("no tolerance", "tolerance", honest(at), honest(past))

    cent = BOOK[CASH] - 10_000 * ONE  # 1% of the NAV less
    for name, attested in (
        ("cash", {CASH: cent}),
        ("spot", {SPOT: 495 * ONE}),
        ("a debt that is not booked", {LOAN: -110_000 * ONE}),
        ("a short that is larger than booked", {PERP: -305 * ONE}),
        ("in several slots", {CASH: BOOK[CASH] - 4_000 * ONE, SPOT: 497 * ONE}),
        ("beside a surplus", {CASH: cent, SPOT: 501 * ONE, LOAN: 0}),
    ):
        claims = [honest(reconciliation(BOOK, attested | {DUST: dust})) for dust in (0, -1)]
        yield Case(f"shortfall, {name}", "shortfall", *claims)
    claims = [honest(reconciliation(BOOK, {DUST: dust}, tolerance_ppm=0)) for dust in (0, -1)]
    yield Case("shortfall without a tolerance", "shortfall", *claims)
    claims = [honest(reconciliation({}, {DUST: dust}, MAX_TOLERANCE_PPM)) for dust in (5, -1)]
    yield Case("shortfall of a book that is worth nothing", "shortfall", *claims)
    # What nobody attests of venue 3, the loan's, is missing where it is an asset.
    claims = [
        honest(reconciliation({CASH: 99_000 * ONE, LOAN: 1_000 * ONE, DUST: dust}, {LOAN: 0, DUST: 0})) for dust in (0, 1)
    ]
    claims = [(unattested(made, 3), reconciliation_signals(unattested(made, 3))) for made, _ in claims]
    yield Case("shortfall, a venue that nobody attests", "shortfall", *claims)


def unattested(made: Reconciliation, k: int) -> Reconciliation:
    """The reconciliation without an attestation of venue k."""
    openings = tuple(Opening.empty(made.size) if k == j else opening for j, opening in enumerate(made.attested))
    return replace(made, attested=openings)


# --- random ------------------------------------------------------------------------------------------------------------


def random_reconciliation(rng: Random, size: Size) -> Reconciliation:
    """Books of any scale, most of them with what is missing near the tolerance, some of them far from it or insolvent."""
    nav_target = rng.randrange(1 << rng.randint(40, NAV_BITS - 1))
    used = rng.randint(1, size.slots)
    weights_bps = [rng.randint(-15_000, 30_000) // (1 + used // 4) if i < used else 0 for i in range(size.slots)]
    made = _book(rng, size, [weight * nav_target // 10_000 for weight in weights_bps], nav_target)
    made = _with_gaps(rng, made, rng.choice([0, 1, size.slots]))
    if rng.random() < 0.2:
        made = unattested(made, rng.randrange(size.venues))
    nav = _nav(made)
    if nav <= 0 or rng.random() < 0.1:
        return replace(made, tolerance_ppm=rng.choice([0, rng.randint(0, MAX_TOLERANCE_PPM), MAX_TOLERANCE_PPM + 1]))
    least = -(-sum(missing_e14(made)) * PPM // nav)
    return replace(made, tolerance_ppm=max(0, least - rng.choice([0, 0, 1])))


def full_reconciliation(rng: Random, size: Size) -> Reconciliation:
    """A true one whose every slot has a price, a quantity, an attested quantity and a gap; every venue has slots and an
    attestor, and no bound is near."""
    while True:
        nav_target = rng.randrange(1 << 54, 1 << rng.randint(55, 86))
        weights_bps = [rng.choice([1, 1, -1]) * rng.randint(10, 2000) for _ in range(size.slots)]
        made = _book(rng, size, [weight * nav_target // (1_250 * size.slots) for weight in weights_bps], nav_target)
        made = _with_gaps(rng, made, size.slots)
        venues = tuple(rng.sample([i % size.venues for i in range(size.slots)], size.slots))
        made = at_venues(replace(made, tolerance_ppm=rng.randint(15_000, 19_999)), venues, rng)
        gaps = [q - a for q, a in zip(made.book.quantities_e6, made.attested_e6, strict=True)]
        if all(made.book.quantities_e6) and all(made.attested_e6) and all(gaps) and evaluate(made).holds:
            return made


def widest(size: Size) -> Iterator[tuple[str, Reconciliation]]:
    """True ones at the far ends of what the statement admits, where the range checks are as full as they can be."""
    each, last, top = range(size.slots), size.venues - 1, (1 << PRICE_BITS) - 1

    def made(
        q: Mapping[int, int], a: Mapping[int, int], prices: Mapping[int, int], tolerance_ppm: int = 0, venue: int = last
    ) -> Reconciliation:
        book, held = (Opening(tuple(x.get(i, 0) for i in each), FIELD - 1) for x in (q, a))
        nothing = Opening((0,) * size.slots, FIELD - 1)
        openings = tuple(held if k == venue else nothing for k in range(size.venues))
        usd_e8 = Prices(tuple(prices.get(i, 0) for i in each))
        return Reconciliation(size, (venue,) * size.slots, usd_e8, tolerance_ppm, book, openings)

    most = {0: (1 << 41) - 1, 1: (1 << 47) - 1}  # a NAV of 2^88 − 1
    yield "the highest NAV", made(most, most, {0: 1 << 47, 1: 1}, MAX_TOLERANCE_PPM)
    cash, price = {0: LONGEST >> 10}, {0: 1 << 40} | dict.fromkeys(each[1:], 1)
    ends = {i: LONGEST if i % 2 else -LONGEST - 1 for i in each[1:]}
    for name, q in (("", ends), (", turned round", {i: ~x for i, x in ends.items()})):
        yield f"the longest and the shortest quantities{name}", made(cash | q, cash | q, price)
        attested = {i: -x for i, x in q.items()}
        yield f"the widest gaps{name}", made(cash, cash | attested, price, MAX_TOLERANCE_PPM)
    alone = {0: LONGEST}
    yield "the longest quantity in the settlement slot", made(alone, alone, {0: 1})
    yield "the largest surplus", made(cash, dict.fromkeys(each, LONGEST), dict.fromkeys(each, top) | {0: 1 << 40})
    longest = dict.fromkeys(each[1:], LONGEST)
    yield "the largest quantities attested", made(cash | longest, cash | {i: 2 * q for i, q in longest.items()}, price)
    ones = dict.fromkeys(each, 1)
    yield "the highest prices", made(ones, ones, dict.fromkeys(each, top))
    for venue in range(size.venues):
        yield f"all at venue {venue}", made(cash | ends, cash | ends, price, venue=venue)
    yield "the empty book", made({}, {}, {}, MAX_TOLERANCE_PPM)


def within_a_unit(rng: Random, size: Size, at: int | None = None) -> tuple[Reconciliation, int]:
    """A true one of which one millionth less, attested in one slot, would be too little; and that slot (``at``, or any)."""
    while True:
        made, slot = full_reconciliation(rng, size), rng.randrange(size.slots) if at is None else at
        a, price = [*made.attested_e6], made.prices.usd_e8[slot]
        a[slot] = min(a[slot], made.book.quantities_e6[slot])
        made = _attesting(made, a)
        room = made.tolerance_ppm * _nav(made) - PPM * sum(missing_e14(made))
        a[slot] -= room // (PPM * price)
        if evaluate(made := _attesting(made, a)).holds:
            return made, slot


def past_the_tolerance(rng: Random, size: Size, at: int | None = None) -> Reconciliation:
    """One that is false by one millionth less attested in one slot, and in nothing else."""
    while True:
        made, slot = within_a_unit(rng, size, at)
        a = [*made.attested_e6]
        a[slot] -= 1
        made = _attesting(made, a)
        if [check.name for check in evaluate(made).failures] == ["shortfall"]:
            return made


def at_venues(made: Reconciliation, venues: tuple[int, ...], rng: Random) -> Reconciliation:
    """The same with the slots at these venues, each attested by its own."""
    a = made.attested_e6
    openings = tuple(
        Opening(tuple(x if venue == k else 0 for x, venue in zip(a, venues, strict=True)), rng.randrange(FIELD))
        for k in range(made.size.venues)
    )
    return replace(made, venues=venues, attested=openings)


def _attesting(made: Reconciliation, a: list[int]) -> Reconciliation:
    """The same with this attested, under the same salts."""
    openings = tuple(
        Opening(tuple(x if venue == k else 0 for x, venue in zip(a, made.venues, strict=True)), opening.salt)
        for k, opening in enumerate(made.attested)
    )
    return replace(made, attested=openings)


def _book(rng: Random, size: Size, values: list[int], nav_target: int) -> Reconciliation:
    """A book of about these values, worth about so much, of which all is attested."""
    values = [*values]
    values[0] += nav_target - sum(values)
    prices, quantities = [], []
    for value in values:
        least = abs(value) // LONGEST + 1
        bits = min(PRICE_BITS, abs(value).bit_length() - 8) - least.bit_length()  # for which the quantity is no small number
        price = min((1 << PRICE_BITS) - 1, least << rng.randint(0, max(0, bits)))
        quantity = value // price
        prices.append(price if quantity or rng.random() < 0.7 else 0)
        quantities.append(max(-LONGEST, min(LONGEST, quantity)))
    venues = tuple(rng.randrange(size.venues) for _ in range(size.slots))
    made = Reconciliation(
        size, venues, Prices(tuple(prices)), 0,
        Opening(tuple(quantities), rng.randrange(FIELD)), (Opening.empty(size),) * size.venues,
    )  # fmt: skip
    return at_venues(_attesting(made, quantities), venues, rng)


def _with_gaps(rng: Random, made: Reconciliation, count: int) -> Reconciliation:
    """The same with another quantity attested in so many slots: in some more than is booked, in others less, by at most the
    highest tolerance in all."""
    a, q, size = [*made.attested_e6], made.book.quantities_e6, made.size
    room = max(_nav(made), 0) * rng.randint(0, MAX_TOLERANCE_PPM * 3 // 4) // PPM
    for i in rng.sample(range(size.slots), count):
        if price := made.prices.usd_e8[i]:
            most = max(1, room // (price * count))
            gap = rng.randint(1, most) if rng.random() < 0.6 else -rng.randint(1, 1 << rng.randint(1, 40))
            if -LONGEST <= gap <= LONGEST:
                a[i] = q[i] - gap
    return _attesting(made, a)


def _nav(made: Reconciliation) -> int:
    return sum(q * p for q, p in zip(made.book.quantities_e6, made.prices.usd_e8, strict=True))
