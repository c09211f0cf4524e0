"""False claims, check by check, each with a witness that a forger has repaired as far as it goes.

A claim starts from a true rebalance, or from one that breaks one limit by a basis point or by one unit of value. The forger
does what the family's name says and solves everything after it again: hashes, NAV floor, products, bits. What is left
is broken in one place, if the attack is any good; ``lies.py`` then moves it about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from dls_zk.audit.instances import vacuous_policy
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.circuit_inputs import circuit_inputs
from dls_zk.statement.commitments import book_commitment, policy_hash
from dls_zk.statement.constants import (
    ALLOWANCE_BITS,
    EXPOSURE_SHIFT,
    FIELD,
    NAV_BITS,
    NAV_SHIFT,
    PPB,
    PRICE_BITS,
    PRICES_PER_WORD,
    QUANTITIES_PER_WORD,
    QUANTITY_BITS,
    QUANTITY_LIMB_BITS,
    SIZES,
    USD_E14,
    book_domain,
    policy_domain,
)
from dls_zk.statement.context import Context
from dls_zk.statement.families import CHECKS
from dls_zk.statement.model import Opening, Prices, Rebalance, SlotPolicy, Terms
from dls_zk.statement.needs import HIGHEST, policy_allowances
from dls_zk.statement.relation import public_signals
from dls_zk.statement.signals import PublicSignals
from tests.soundness.forge import Forger, Pins, inverse
from tests.soundness.scenes import full_book, limits, past_a_limit
from tests.support import boundary
from tests.support.instances import LIMITS

#: The place of a claim that has none: the wire of the constant, which nothing is solved for.
NOWHERE = 0


@dataclass(frozen=True)
class Claim:
    """A witness for something false.

    values, pins: the plain witness, and the wires in it that are set by hand. broken: the plain constraints in its way.
    at: the wire where the lie shows; any wire that it is solved from can carry the lie instead. A claim that breaks
    nothing is true as it stands: a lie anywhere before ``at`` makes it false.
    """

    family: str
    values: list[int]
    pins: Pins
    broken: frozenset[int]
    at: int

    @property
    def check(self) -> str:
        """The name of the check that it offends."""
        return self.family.partition(": ")[0]


class AnyClaims:
    """The claims for a circuit, one method a check of the relation. Each call draws other books from ``rng``."""

    def __init__(self, forger: Forger, slots: int, rng: Random) -> None:
        self.forger, self.size, self.rng, self.wire = forger, SIZES[slots], rng, forger.wire
        self._last: tuple[list[int], frozenset[int]] = [], frozenset()

    def of(self, check: str) -> Iterator[Claim]:
        """The claims that offend this check."""
        yield from self._past(check)
        yield from getattr(self, check.replace(" ", "_"), lambda: ())()

    def all(self) -> Iterator[Claim]:
        """The claims against all checks, in their order."""
        for check in CHECKS[self.forger.family]:
            yield from self.of(check)

    # --- helpers ------------------------------------------------------------------------------------

    def _past(self, check: str) -> Iterator[Claim]:
        """Past each limit of a check."""
        raise NotImplementedError

    def claim(self, family: str, values: list[int], pins: Mapping[str, int] | None = None, at: str = "") -> Claim:
        """The claim made of a witness by setting signals by name (without ``main.``). at: by default the value that is
        out of its range, for which ``pins`` must leave one constraint broken: else, as in a mutant, it has no place."""
        wires = {self.wire[f"main.{name}"]: value % FIELD for name, value in (pins or {}).items()}
        if self._last[0] is not values:  # several claims start from one witness
            self._last = values, self.forger.plain.broken(values)
        forged, changed = self.forger.forge(values, wires)
        broken = self.forger.plain.broken_after(forged, changed, self._last[1])
        if at:
            return Claim(family, forged, wires, broken, self.wire[f"main.{at}"])
        ranges = [self.forger.remainder[k] for k in broken if k in self.forger.remainder]
        return Claim(family, forged, wires, broken, ranges[0].of if len(broken) == len(ranges) == 1 else NOWHERE)

    def value(self, values: list[int], name: str) -> int:
        return values[self.wire[f"main.{name}"]]

    def _inner(self, component: str, signal: str) -> str:
        """The signal of this name in a part of a component (whose name holds the line that it stands on)."""
        (name,) = (n for n in self.wire if re.fullmatch(rf"main\.{re.escape(component)}\.\w+\.{signal}", n))
        return name.removeprefix("main.")

    def overfull(self, field: int, family: str, values: list[int], at: str = "") -> Claim:
        """The highest field of a word grows beyond its room, and the word with it: nothing packs to such a word. at: of a
        field of one bit, the field itself."""
        names, x = self.forger.system.names, self.forger.fields[field]
        (source,) = self.forger.ancestors(x.word) & {*self.forger.inputs}
        more = self.rng.choice([1, 1, 2, 3]) << x.width
        pins = {names[field]: values[field] + more, names[source]: values[source] + (more << x.offset)}
        return self.claim(family, values, {name.removeprefix("main."): value for name, value in pins.items()}, at)


class Claims(AnyClaims):
    """Those for a rebalance."""

    def solve(self, rebalance: Rebalance, public: PublicSignals | None = None) -> list[int]:
        return self.forger.solve(circuit_inputs(rebalance, public or public_signals(rebalance)))

    def _past(self, check: str) -> Iterator[Claim]:
        """One basis point past each limit of a check, and one unit past it in the boundary cases."""
        for field, index in limits(self.size):
            if LIMITS[field][0] == check:
                book = past_a_limit(self.rng, self.size, field, index)
                yield self.claim(f"{check}: a limit passed by one bps", self.solve(book))
        for case in boundary.cases() if self.size == boundary.SIZE else ():
            if case.check == check:
                values = self.solve(*case.past)
                # Not those whose claim is in a public signal, which the forger has made true; nor NAV below zero, which
                # breaks nearly every limit.
                if len(self.forger.plain.broken(values) & self.forger.remainder.keys()) == 1:
                    yield self.claim(f"{check}: {case.name}, passed by one unit", values)

    def _full(self) -> list[int]:
        return self.solve(full_book(self.rng, self.size))

    def _small_change(self, unpriced: int | None = None, rich: int = 0, nav_step_usd: int = 1) -> list[int]:
        """Money in one slot, a few millionths in every other; nothing is traded and no limit is near."""
        n, rng = self.size.slots, self.rng
        slot = SlotPolicy("X", True, 10_000, 10_000, (1 << 17) - 1, 0, 0, 0, 0, 0, 0, (0,) * self.size.factors)
        prices = [rng.randint(2, 16) for _ in range(n)]
        prices[rich] = 10**8
        after = [rng.randint(1, 5) for _ in range(n)]
        after[rich] = rng.randrange(1 << 41, 1 << 42)
        if unpriced is not None:
            prices[unpriced] = after[unpriced] = 0
        book = Opening(tuple(after), rng.randrange(FIELD))
        rules = vacuous_policy(self.size, (slot,) * n, nav_step_usd)
        return self.solve(
            Rebalance(
                rules,
                Prices(tuple(prices)),
                Terms(0, policy_allowances(rules, gain_ppb=HIGHEST), rng.randrange(FIELD)),
                book,
                replace(book, salt=rng.randrange(FIELD)),
            )
        )

    # --- what is opened, unpacked and in range ----------------------------------------------------------

    def commitments(self) -> Iterator[Claim]:
        book = full_book(self.rng, self.size)
        values = self.solve(book)
        i, j = self.rng.sample(range(self.size.slots), 2)
        for side in ("Before", "After"):
            opening: Opening = getattr(book, side.lower())
            q, signal = opening.quantities_e6, f"commitment{side}"
            others = {
                "a book of one unit more": replace(opening, quantities_e6=(*q[:i], q[i] + 1, *q[i + 1 :])),
                "a book with two slots exchanged": replace(
                    opening, quantities_e6=tuple(q[{i: j, j: i}.get(k, k)] for k in range(len(q)))
                ),
                "the mirror image of the book": replace(opening, quantities_e6=tuple(-x for x in q)),
                "the book under another salt": replace(opening, salt=(opening.salt + 1) % FIELD),
                "the empty book": Opening.empty(self.size),
            }
            yield self.claim("commitments: a false step of the hash", values, at=signal)
            for family, other in others.items():
                yield self.claim(f"commitments: {family}", values, {signal: book_commitment(other)}, signal)
            yield self.claim("commitments: p less the commitment", values, {signal: -self.value(values, signal)}, signal)
            domain = {f"book{side}.hash.in[0]": policy_domain(self.size.slots)}
            yield self.claim("commitments: under a policy's domain", values, domain, signal)

    def policy(self) -> Iterator[Claim]:
        values = self._full()
        yield self.claim("policy: a false step of the hash", values, at="policyHash")
        book = past_a_limit(self.rng, self.size, "max_leverage_bps", 0)
        loose = replace(book, policy=replace(book.policy, max_leverage_bps=(1 << 20) - 1))
        stays = {"policyHash": policy_hash(book.policy)}
        yield self.claim("policy: the hash of a stricter one", self.solve(loose), stays, "policyHash")

        stays = {"policyHash": self.value(values, "policyHash")}
        first, second = (f"slotWord[{i}]" for i in self.rng.sample(range(self.size.slots), 2))
        exchanged = {first: self.value(values, second), second: self.value(values, first)}
        yield self.claim("policy: two slots exchanged under its hash", values, stays | exchanged, "policyHash")
        renamed = {"instrumentsWord": self.value(values, "instrumentsWord") + 1}
        yield self.claim("policy: other instruments under its hash", values, stays | renamed, "policyHash")
        yield self.claim("policy: p less its hash", values, {"policyHash": -stays["policyHash"]}, "policyHash")
        yield self.claim("policy: under a book's domain", values, {"policy.hash[0].in[0]": book_domain(8)}, "policyHash")
        for field, x in self.forger.fields.items():
            if x.above is None and self.forger.system.names[field].startswith(("main.slot", "main.globals")):
                yield self._overfull(field, "policy: a word with more than its fields")

    def _overfull(self, field: int, family: str) -> Claim:
        (source,) = self.forger.ancestors(self.forger.fields[field].word) & {*self.forger.inputs}
        rich = int(self.forger.system.names[source] == "main.slotWord[0]")  # with little at stake in the slot
        return self.overfull(field, family, self._small_change(rich=rich))

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
                exchanged = {price: other + 1, above: this}
                yield self.claim("prices: two exchanged", values, exchanged, f"priceWords.word[{word}]")
            else:
                pins = {
                    price: self.value(values, price) + (1 << PRICE_BITS),
                    f"prices[{word}]": self.value(values, f"prices[{word}]") + (1 << PRICE_BITS * (place + 1)),
                }
                yield self.claim("prices: a word with more than its prices", values, pins)
            bare = self._small_change(unpriced=i, rich=int(i == 0))
            parked = {f"quantityAfter[{i}]": self.rng.choice([1, -1, 10**6])}
            yield self.claim("prices: a quantity without a price", bare, parked, f"valued[{i}].unpriced")

    def quantities(self) -> Iterator[Claim]:
        top, n = 1 << QUANTITY_BITS - 1, self.size.slots
        for i in range(n):
            values = self._small_change(rich=int(i == 0))
            after, trade = f"quantityAfter[{i}]", f"trade[{i}]"
            for family, value in (("too long", top + self.rng.choice([0, 0, 1])), ("too short", -top - 1)):
                yield self.claim(f"quantities: {family}", values, {after: value})
                yield self.claim(f"quantities: a trade {family}", values, {trade: value})
            fraction = self.value(values, after) + inverse(self.value(values, f"price[{i}]"))
            yield self.claim("quantities: a fraction of a unit", values, {after: fraction})
            if (i + 1) % QUANTITIES_PER_WORD and i + 1 < n:
                beside = f"quantityAfter[{i + 1}]"
                pins = {
                    after: self.value(values, after) + (1 << QUANTITY_LIMB_BITS),
                    beside: self.value(values, beside) - 1,
                }
                yield self.claim("quantities: another book of the same words", values, pins)

    # --- what is conserved, and the NAV -----------------------------------------------------------------

    def value_conservation(self) -> Iterator[Claim]:
        values = self._full()
        cash, flow = self.value(values, "trade[0]"), self.value(values, "flow")
        settlement, some = self.value(values, "price[0]"), self.rng.randint(1, 9)
        for family, pins in (
            ("cash from nowhere", {"trade[0]": cash + some}),
            ("a flow that did not come", {"flow": flow - some}),
            ("a withdrawal booked twice", {"trade[0]": cash - some, "flow": flow - 2 * some}),
            ("a cost beyond the slippage", {"trade[0]": cash - 2 * self.value(values, "tradedValue") // settlement - some}),
        ):
            nothing = self._allowances(values, gain_ppb=0, loss_ppb=HIGHEST, write_down_steps=0)
            yield self.claim(f"value conservation: {family}", values, pins | nothing)
        for family, allowances in (
            ("a cost beyond the loss", {"loss_ppb": 0, "write_down_steps": 0}),
            ("a write-down beyond what was announced", {"loss_ppb": 0, "write_down_steps": 2}),
        ):
            allowance = self._allowances(values, gain_ppb=HIGHEST, **allowances)
            written_down = allowances["write_down_steps"] * self.value(values, "conservation.navStep") * USD_E14
            lost = {"trade[0]": cash - some - -(-written_down // settlement)}
            yield self.claim(f"value conservation: {family}", values, allowance | lost)
        # Each part of the bounds is larger than it is, by what is missing.
        worth, nothing = some * settlement, {"gain_ppb": HIGHEST, "write_down_steps": 0}
        found, spent = {"trade[0]": cash + some}, {"trade[0]": cash - some}
        for wire, missing, pins, allowances in (
            ("conservation.gained", PPB * worth, found, {"gain_ppb": 0}),
            ("conservation.writtenDown", -(-worth // USD_E14), spent, nothing | {"loss_ppb": 0}),
            ("flowParts.value", worth, found, {"gain_ppb": 0}),
            ("flowParts.navBeforeOutflow", 2 * PPB * worth, spent, nothing | {"loss_ppb": 1}),
        ):
            larger = self._allowances(values, **allowances) | {wire: self.value(values, wire) + missing}
            yield self.claim(f"value conservation: a larger {wire.rpartition('.')[2]}", values, pins | larger, wire)
        coarse = {"conservation.navStep": self.value(values, "conservation.navStep") + 1}
        yield self.claim("value conservation: other steps than the policy's", values, coarse, "conservation.navStep")
        for k, wire in enumerate(("gain", "loss", "writeDown")):
            place, free = f"conservation.{wire}", self.value(values, f"allowance.field[{(0, 1, 3)[k]}]") + some
            yield self.claim(f"value conservation: a {wire} that is not named", values, {place: free}, place)
        values = self._small_change()
        for i in range(1, self.size.slots):
            assets = {f"trade[{i}]": some} | self._allowances(values, gain_ppb=0)
            yield self.claim("value conservation: an asset from nowhere", values, assets)
        for k in range(2):  # of turnover, the policy stands in the way as well
            place, above = f"allowance.field[{k}]", f"allowance.field[{k + 1}]"
            carried = {place: self.value(values, place) + (1 << ALLOWANCE_BITS), above: self.value(values, above) - 1}
            yield self.claim("value conservation: one allowance borrows from the next", values, carried)
        (highest,) = (field for field, x in self.forger.fields.items() if self._is_allowance(field) and x.above is None)
        yield self._overfull(highest, "value conservation: allowances with more than their fields")
        values, top = self._small_change(unpriced=0, rich=1), 1 << QUANTITY_BITS - 1
        for flow in (top, -top - 1, top + self.rng.getrandbits(60), FIELD // 2):
            yield self.claim("value conservation: a flow beyond its range", values, {"flow": flow})

    def _is_allowance(self, field: int) -> bool:
        return self.forger.system.names[field].startswith("main.allowance.")

    def _allowances(self, values: list[int], **changes: int) -> dict[str, int]:
        """The allowances of a witness with some of them changed, as pins."""
        allowances = Allowances.unpack(self.value(values, "allowances"))
        return {"allowances": replace(allowances, **changes).pack()}

    def turnover(self) -> Iterator[Claim]:
        values, some = self._full(), self.rng.randint(1, 9)
        yield self.claim("turnover: more than is named", values, self._allowances(values, turnover_ppm=0))
        beyond = self.value(values, "turnover.maxTurnover") * 100 + some
        yield self.claim(
            "turnover: more is named than the policy allows", values, self._allowances(values, turnover_ppm=beyond)
        )
        less = {"allowances": -some << 2 * ALLOWANCE_BITS, "allowance.field[2]": -some}
        less |= {f"allowance.field[{k}]": 0 for k in (0, 1, 3)}
        yield self.claim("turnover: less than nothing of an empty book", self._at_risk({}, {}, 0, 1, 0), less)
        for wire, change in (("traded", -some), ("navBeforeOutflow", some), ("turnover", some), ("maxTurnover", some)):
            place = f"turnover.{wire}"
            other = {place: self.value(values, place) + change}
            yield self.claim(f"turnover: of another {wire}", values, other, place)

    def solvency(self) -> Iterator[Claim]:
        values = self._small_change()
        cash = self.value(values, "quantityAfter[0]")
        debt = {"quantityAfter[0]": -cash, "nav": self.value(values, "nav")}
        yield self.claim("solvency: a debt shown as wealth", values, debt, "nav")
        values = self._full()
        yield self.claim("solvency: twice its value", values, {"nav": 2 * self.value(values, "nav")}, "nav")
        for case in boundary.cases() if self.size == boundary.SIZE else ():
            if case.name == "widest NAV":
                largest = {"navDisclosure.navHigh": (1 << NAV_BITS - NAV_SHIFT) - 1}
                yield self.claim("solvency: passed by one unit, in the remainder", self.solve(*case.past), largest)

    def nav_disclosure(self) -> Iterator[Claim]:
        for values in (self._full(), self._small_change(nav_step_usd=self.rng.choice([1, 1000]))):
            floor, nav = self.value(values, "navFloor"), self.value(values, "nav")
            step = self.value(values, "navDisclosure.navStep") * USD_E14
            yield self.claim("nav disclosure: a step up", values, {"navFloor": floor + 1})
            if floor:
                yield self.claim("nav disclosure: a step down", values, {"navFloor": floor - 1})
            rest = (nav % step + self.rng.randint(1, 1000)) % step
            yield self.claim("nav disclosure: a quotient of the field", values, {"navFloor": (nav - rest) * inverse(step)})
        values = self._full()
        yield self.claim("nav disclosure: of another NAV", values, at="navFloor")
        coarse = {"navDisclosure.navStep": self.value(values, "navDisclosure.navStep") + 1}
        yield self.claim("nav disclosure: other steps than the policy's", values, coarse, "navDisclosure.navStep")
        anything = {"navFloor": self.rng.getrandbits(42)}
        yield self.claim("nav disclosure: steps of zero", self._small_change(nav_step_usd=0), anything)

    def context(self) -> Iterator[Claim]:
        """The witness of a proof for one place, shown with the context of another."""
        values = self._full()
        here = Context(31337, "0x" + "11" * 20, bytes(32), 1, 1, 1, "0x" + "22" * 20, 2_000_000_000)
        values, _ = self.forger.forge(values, {self.wire["main.context"]: here.to_field()})
        square = {"contextSquare": self.value(values, "contextSquare")}
        for family, other in (
            ("another chain", replace(here, chain_id=1)),
            ("another hub", replace(here, hub="0x" + "33" * 20)),
            ("another vault", replace(here, vault_id=bytes(31) + b"\1")),
            ("another sequence", replace(here, sequence=2)),
            ("another mandate version", replace(here, mandate_version=2)),
            ("another round", replace(here, round=2)),
            ("another operator", replace(here, operator="0x" + "44" * 20)),
            ("another deadline", replace(here, deadline=2_000_000_001)),
        ):
            yield self.claim(f"context: {family}", values, square | {"context": other.to_field()}, "contextSquare")

    # --- limits with a hint of their own ------------------------------------------------------------------

    def factor_exposure(self) -> Iterator[Claim]:
        for f in range(self.size.factors):
            values = self.solve(past_a_limit(self.rng, self.size, "factor_limit_bps", f))
            y = self.value(values, f"factor[{f}].exposure")
            positive = y < FIELD // 2
            # high = −1 for a positive exposure and 0 for a negative one: the wrong sign, and |y| comes out as −|y|.
            low = y + (1 << EXPOSURE_SHIFT) if positive else y
            yield self.claim("factor exposure: the other sign by the remainder", values, {f"factor[{f}].low": low})
            sign = {self._inner(f"factor[{f}]", "nonNegative"): int(not positive)}
            yield self.claim("factor exposure: the other sign", values, sign)

    def value_at_risk(self) -> Iterator[Claim]:
        values = self.solve(past_a_limit(self.rng, self.size, "max_var_bps", 0))
        yield self.claim("value at risk: a larger NAV by the remainder", values, {"navDisclosure.navHigh": (1 << 48) - 1})
        yield self.claim("value at risk: no residual by the remainder", values, {"valueAtRisk.residualRoundedUp": 0})
        for f in range(self.size.factors):
            at = f"factor[{f}].roundedUp"
            zero, hint = (self._inner(f"factor[{f}]", name) for name in ("isZero", "inverse"))
            values = self._factor_at_risk(f, max_var_bps=100, dust=1)
            yield self.claim("value at risk: a factor passed by one unit", values)
            yield self.claim("value at risk: not rounded up", values, {zero: 1, hint: 0}, at)
            low = {f"factor[{f}].low": self.value(values, f"factor[{f}].low") + (1 << EXPOSURE_SHIFT)}
            yield self.claim("value at risk: a larger remainder for one unit less", values, low)
            values = self._factor_at_risk(f, max_var_bps=99, dust=0)
            yield self.claim("value at risk: a factor passed by one bps", values)
            nothing = {zero: 1 + self.value(values, f"factor[{f}].high")}
            yield self.claim("value at risk: rounded down to nothing", values, nothing, at)
        values = self._residual_at_risk()
        residual = sum(self.value(values, f"valueAtRisk.weighted[{i}]") for i in range(self.size.slots))
        exact = {"valueAtRisk.residualRoundedUp": residual * inverse(1 << EXPOSURE_SHIFT)}
        yield self.claim("value at risk: a fraction of the field, not rounded", values, exact)

    def _at_risk(self, policy: dict[str, object], terms: dict[str, object], cash: int, price: int, dust: int) -> list[int]:
        """Cash, and a slot whose unit is worth 1e-14 USD, under the same terms."""
        n = self.size.slots
        slot = replace(SlotPolicy.null(self.size.factors), funded=True, cap_bps=(1 << 17) - 1, **terms)
        after = Opening((cash, dust) + (0,) * (n - 2), self.rng.randrange(FIELD))
        prices = Prices((price, 1) + (0,) * (n - 2))
        rules = replace(vacuous_policy(self.size, (slot,) * n), **policy)
        return self.solve(Rebalance(rules, prices, Terms(0, Allowances(), 7), after, after))

    def _factor_at_risk(self, f: int, max_var_bps: int, dust: int) -> list[int]:
        """A loading of 1% on one factor of volatility 100%, and a value at risk of exactly 1% of a NAV of 2^62."""
        unit = tuple(int(k == f) for k in range(self.size.factors))
        policy = {
            "max_var_bps": max_var_bps,
            "var_quantile_bps": 10_000,
            "factor_volatility_bps": tuple(10_000 * x for x in unit),
            "max_stress_loss_bps": (1,) * self.size.scenarios,
        }
        return self._at_risk(policy, {"loading_bps": tuple(100 * x for x in unit)}, 1 << 38, 1 << 24, dust)

    def _residual_at_risk(self) -> list[int]:
        """A residual of 625 bps at a quantile of 2^15 bps: a value at risk of exactly 2048 bps, but for the rounding.

        E = h·2^40 with h odd, so y_res = 625·E is no multiple of 2^48. But z²·10^8·(y_res/2^48)² = (5^8·2^11·h)² is an
        integer, and so what the field makes of the quotient y_res/2^48 passes for it.
        """
        h = self.rng.getrandbits(30) | 1
        policy = {"max_var_bps": 2048, "var_quantile_bps": 1 << 15}
        return self._at_risk(policy, {"residual_bps": 625}, h, 1 << 40, 0)
