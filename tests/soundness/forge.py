"""A prover who writes the witness by hand: pins any wires to any values, repairs all that follows, and asks the r1cs.

The witness is solved from the constraints themselves, not by circom's generator. The circuit is compiled by --O0 for
that, where every signal is a wire of its own; each constraint that can be solved for one wire becomes a step, and the
values that no constraint gives (bits, quotients, inverses) are the hints below. The hashes and the NAV floor among the
public signals are solved for too, as a forger would.

The judge is the deployed r1cs (--O1), whose wires are some of those of --O0. Of a changed witness, only the constraints
on changed wires are looked at.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from dls_zk.audit.circuits import Circuit, circuit
from dls_zk.groth16.constraint_table import System, attribute, sources
from dls_zk.groth16.r1cs import Combination, Constraint
from dls_zk.statement.circuits import REBALANCE, RECONCILIATION, of_size
from dls_zk.statement.constants import EXPOSURE_SHIFT, FIELD, NAV_BITS, NAV_SHIFT, USD_E14
from dls_zk.storage.places import data_dir
from dls_zk.tools import circom

#: Width of a limit of a factor, in bps of NAV (LIMIT_BITS in constants.circom).
LIMIT_BITS = 17

#: Wire → value.
Pins = Mapping[int, int]

#: Family → the inputs of its circuits, the public ones first.
INPUTS = {
    REBALANCE: (
        "commitmentBefore", "commitmentAfter", "policyHash", "flow", "allowances", "navFloor", "context", "prices",
        "quantityAfter", "trade", "saltBefore", "saltAfter", "slotWord", "globalWord", "instrumentsWord",
    ),
    RECONCILIATION: (
        "commitment", "attestations", "venues", "tolerance", "prices", "quantity", "attested", "salt", "attestationSalt",
    ),
}  # fmt: skip
#: Family → the public signals that the prover solves for.
SOLVED = {
    REBALANCE: ("commitmentBefore", "commitmentAfter", "policyHash", "navFloor"),
    RECONCILIATION: ("commitment", "attestations"),
}


def inverse(x: int) -> int:
    """1/x in the field; 0 for 0."""
    return pow(x, -1, FIELD) if x % FIELD else 0


class Constraints:
    """Constraints with an index by wire."""

    def __init__(self, constraints: Sequence[Constraint]) -> None:
        self.all = tuple(constraints)
        touching: dict[int, set[int]] = defaultdict(set)
        for k, sides in enumerate(self.all):
            for wire in {wire for side in sides for wire in side}:
                touching[wire].add(k)
        self.touching = dict(touching)
        self._terms = [tuple(tuple(side.items()) for side in sides) for sides in self.all]

    def residue(self, k: int, values: Sequence[int]) -> int:
        """What is between the two sides of constraint k: 0 if the values satisfy it."""
        a, b, c = (sum([factor * values[wire] for wire, factor in side]) for side in self._terms[k])
        return (a * b - c) % FIELD

    def broken(self, values: Sequence[int]) -> frozenset[int]:
        """The constraints that these values do not satisfy."""
        return frozenset(k for k in range(len(self.all)) if self.residue(k, values))

    def broken_after(self, values: Sequence[int], changed: Iterable[int], before: frozenset[int]) -> frozenset[int]:
        """The same, for values that differ in the ``changed`` wires from others that broke ``before``."""
        looked_at = {k for wire in changed for k in self.touching.get(wire, ())}
        return before - looked_at | {k for k in looked_at if self.residue(k, values)}


@dataclass(frozen=True)
class Range:
    """The bits of a range check, or of one with a sign: the wire that they decompose, and place → wire of a bit."""

    name: str
    of: int
    bit: dict[int, int]
    sign: int | None  # the top bit of a signed range, under the offset that makes it 1 for numbers that are not negative
    constraint: dict[int, int]  # place of a digit → the constraint that makes it 0 or 1; place 0 is b_0, which has no wire

    @property
    def width(self) -> int:
        return len(self.bit) + 1

    def digits(self, value: int, pins: Pins, loose: int | None) -> dict[int, int]:
        """Wire → digit of a value, pinned digits as they are.

        loose None: the low bits of the value, whatever is left over (b_0 is what the constraint makes of them).
        loose k > 0: zeros, and the whole value in the digit of place k.
        """
        top = self.width - 1
        rest, result = value, {}
        if self.sign is not None:
            rest = (rest + (1 << top)) % FIELD
            result[self.sign] = pins.get(self.sign, rest >> top & 1)
            if loose == top:
                result[self.sign] = rest * inverse(1 << top) % FIELD
            rest -= result[self.sign] << top
        rest %= FIELD
        places = [k for k in self.bit if self.bit[k] != self.sign]
        for k in places:
            result[self.bit[k]] = pins.get(self.bit[k], 0 if loose else rest >> k & 1)
        if loose in places:
            result[self.bit[loose]] = rest * inverse(1 << loose) % FIELD
        return result


@dataclass(frozen=True)
class Field:
    """A field of a packed word: the word's wire, the place of its lowest bit, its bits, the next field up if any.

    width: up to the next field, whatever the range check says; of the highest field, that of its range check.
    """

    word: int
    offset: int
    width: int
    above: int | None


@dataclass(frozen=True)
class Step:
    """Solves for some wires from others: ``solve(values)`` gives them in the order of ``sets``."""

    reads: tuple[int, ...]
    sets: tuple[int, ...]
    solve: Callable[[Sequence[int]], Sequence[int]]
    constraint: int | None = None
    range: Range | None = None


class Forger:
    """A prover of the circuit of a family whose constraints by --O0 are ``system``: his wires are called plain."""

    def __init__(self, system: System, family: str = REBALANCE) -> None:
        self.system, self.plain, self.family = system, Constraints(system.constraints), family
        self.wire = {name: wire for wire, name in system.names.items()}
        self.size = max(system.names) + 1
        self.ranges = {r.name: r for r in self._ranges()}
        self.fields = self._unpack()
        self.input = {name: self._elements(name) for name in INPUTS[family]}
        self.inputs = [wire for name in INPUTS[family] if name not in SOLVED[family] for wire in self.input[name]]
        #: constraint of a Boolean → the wire that it has 0 or 1
        booleans = [wire for name, wire in self.wire.items() if re.search(r"\.Boolean_\w+(\[\d+\])?\.in$", name)]
        self.booleans = {self._boolean(wire): [wire] for wire in booleans}
        #: constraint on a b_0 → its range
        self.remainder = {r.constraint[0]: r for r in self.ranges.values()}
        self.steps = self._order(list(self._hints()))
        self.step_of = {wire: k for k, step in enumerate(self.steps) for wire in step.sets}
        self._readers: dict[int, list[int]] = defaultdict(list)
        for k, step in enumerate(self.steps):
            for wire in step.reads:
                self._readers[wire].append(k)

    # --- from names and constraints to steps --------------------------------------------------------

    def _elements(self, name: str) -> list[int]:
        return sorted(wire for full, wire in self.wire.items() if re.fullmatch(rf"main\.{name}(\[\d+\])?", full))

    def _ranges(self) -> Iterable[Range]:
        bits: dict[str, dict[int, int]] = defaultdict(dict)
        for name, wire in self.wire.items():
            if found := re.fullmatch(r"(.*)\.bit\[(\d+)\]", name):
                bits[found[1]][int(found[2]) + 1] = wire
        for name, places in bits.items():
            sign = self.wire.get(f"{name}.nonNegative")
            if sign is not None:
                places[len(places) + 1] = sign
            boolean = {place: self._boolean(wire) for place, wire in places.items()}
            (remainder,) = self.plain.touching[places[1]] & self.plain.touching[self.wire[f"{name}.in"]]
            yield Range(name, self.wire[f"{name}.in"], places, sign, {0: remainder} | boolean)

    def _boolean(self, bit: int) -> int:
        """The constraint bit·(bit − 1) = 0."""
        (found,) = (k for k in self.plain.touching[bit] if {*self.plain.all[k][0], *self.plain.all[k][1]} == {0, bit})
        return found

    def _hints(self) -> Iterable[Step]:
        """What circom's generator computes by ``<--``, and of a rebalance the NAV floor."""
        for r in self.ranges.values():
            bits = tuple(r.bit.values())
            yield Step((r.of,), bits, lambda v, r=r, bits=bits: _pick(r.digits(v[r.of], {}, None), bits), range=r)
        for wire, x in self.fields.items():
            yield Step((x.word,), (wire,), lambda v, x=x: [v[x.word] >> x.offset & (1 << x.width) - 1])
        for name in self.wire:
            prefix, _, last = name.rpartition(".")
            if last == "inverse":
                yield self._hint(name, [f"{prefix}.in"], inverse)
        if self.family == REBALANCE:
            yield from self._hints_of_a_rebalance()

    def _hints_of_a_rebalance(self) -> Iterable[Step]:
        for name in self.wire:
            prefix, _, last = name.rpartition(".")
            if last == "low" and prefix.startswith("main.factor["):
                yield self._hint(name, [f"{prefix}.exposure"], _lowest_bits)
        weighted = [name for name in self.wire if name.startswith("main.valueAtRisk.weighted[")]
        yield self._hint("main.valueAtRisk.residualRoundedUp", weighted, _units_rounded_up)
        yield self._hint("main.navDisclosure.navHigh", ["main.navDisclosure.nav"], lambda nav: nav >> NAV_SHIFT)
        of_nav = ["main.navDisclosure.nav", "main.navDisclosure.navStep"]
        yield self._hint("main.navFloor", of_nav, lambda nav, step: nav // (USD_E14 * step) if step else 0)

    def _hint(self, name: str, of: Sequence[str], solve: Callable[..., int]) -> Step:
        reads = tuple(self.wire[source] for source in of)
        return Step(reads, (self.wire[name],), lambda v: [solve(*[v[wire] for wire in reads])])

    def _unpack(self) -> dict[int, Field]:
        """The fields of all words, from the linear constraints that add them up."""
        names, found = self.system.names, {}
        width = {source: r.width for r in self.ranges.values() for source in self._equal(r.of)}
        for a, b, c in self.plain.all:
            words = [wire for wire in c if wire and re.search(r"\.word\[\d+\]$", names[wire])]
            fields = [wire for wire in c if wire and ".field[" in names[wire]]
            if (a and b) or len(words) != 1 or len(fields) + 1 != len(c):
                continue
            scale = inverse(-c[words[0]])
            offset = {wire: (c[wire] * scale % FIELD).bit_length() - 1 for wire in fields}
            fields.sort(key=offset.__getitem__)
            for wire, above in zip(fields, [*fields[1:], None], strict=True):
                room = width.get(wire, 1) if above is None else offset[above] - offset[wire]
                found[wire] = Field(words[0], offset[wire], room, above)
        return found

    def _equal(self, wire: int) -> list[int]:
        """The wires that a constraint says are equal to this one."""
        sides = (self.plain.all[k] for k in self.plain.touching[wire])
        return [w for a, b, c in sides if not (a and b) and len(c) == 2 and sum(c.values()) == FIELD for w in c if w != wire]

    def _order(self, hints: list[Step]) -> list[Step]:
        """Hints and solved constraints in an order in which each step reads only what is known."""
        known = {0, *self.inputs}
        hinted = {wire for step in hints for wire in step.sets}
        unknown = [{w for side in sides for w in side} - known for sides in self.plain.all]
        waiting: dict[int, list[Step]] = defaultdict(list)
        missing = {id(step): set(step.reads) - known for step in hints}
        for step in hints:
            for wire in step.reads:
                waiting[wire].append(step)
        steps: list[Step] = []
        news = sorted(known)
        ready = [k for k, wires in enumerate(unknown) if len(wires) == 1]

        def learn(step: Step) -> None:
            steps.append(step)
            news.extend(step.sets)
            known.update(step.sets)

        while news or ready:
            while news:
                wire = news.pop()
                for k in self.plain.touching.get(wire, ()):
                    if wire in unknown[k]:
                        unknown[k].discard(wire)
                        if len(unknown[k]) == 1:
                            ready.append(k)
                for step in waiting[wire]:
                    missing[id(step)].discard(wire)
                    if not missing[id(step)] and not known.issuperset(step.sets):
                        learn(step)
            while ready and not news:
                k = ready.pop()
                (a, b, c), (wire,) = self.plain.all[k], unknown[k] or {None}
                if wire is not None and not any(wire in place for place in (known, hinted, a, b)):
                    learn(_definition(k, wire, a, b, c))
        assert len(known) == self.size, "a wire that neither a constraint nor a hint gives: say how to solve for it"
        return steps

    # --- solving ------------------------------------------------------------------------------------

    def solve(self, inputs: Mapping[str, Sequence[int]]) -> list[int]:
        """A whole witness (plain wires) for inputs as ``circuit_inputs`` names them; the ``SOLVED`` ones are ignored."""
        values = [0] * self.size
        values[0] = 1
        for name, elements in inputs.items():
            for wire, element in zip(self.input[name], elements, strict=True):
                values[wire] = element
        for step in self.steps:
            for wire, value in zip(step.sets, step.solve(values), strict=True):
                values[wire] = value
        return values

    def forge(self, base: Sequence[int], pins: Pins, loose: Mapping[str, int] | None = None) -> tuple[list[int], set[int]]:
        """A witness with these wires pinned and everything after them solved again; and the wires that changed.

        loose: name of a range → the place of the digit that may be anything (see ``Range.digits``).
        """
        loose = loose or {}
        values, changed = list(base), set()
        queue: list[int] = []
        queued: set[int] = set()

        def put(wire: int, value: int) -> None:
            if values[wire] != value:
                values[wire] = value
                changed.add(wire)
                for k in self._readers[wire]:
                    if k not in queued:
                        queued.add(k)
                        heapq.heappush(queue, k)

        for wire, value in pins.items():
            put(wire, value % FIELD)
        digits = [wire for name in loose for wire in self.ranges[name].bit.values()]
        touched = {self.step_of[wire] for wire in [*digits, *pins] if wire in self.step_of}
        for k in {k for k in touched if self.steps[k].range} - queued:
            queued.add(k)
            heapq.heappush(queue, k)
        while queue:
            k = heapq.heappop(queue)
            queued.discard(k)
            step = self.steps[k]
            if step.range and (step.range.name in loose or pins.keys() & step.range.bit.values()):
                results = _pick(step.range.digits(values[step.range.of], pins, loose.get(step.range.name)), step.sets)
            else:
                results = step.solve(values)
            for wire, value in zip(step.sets, results, strict=True):
                if wire not in pins:
                    put(wire, value)
        return values, changed

    def ancestors(self, wire: int) -> set[int]:
        """The wires that this one is solved from, itself included."""
        found, stack = set(), [wire]
        while stack:
            wire = stack.pop()
            if wire not in found:
                found.add(wire)
                stack.extend(self.steps[self.step_of[wire]].reads if wire in self.step_of else ())
        return found

    def guards(self, wire: int) -> frozenset[int]:
        """The plain constraints that hold a solved wire by itself: what defines it, or its range and what adds it up."""
        step = self.steps[self.step_of[wire]] if wire in self.step_of else None
        if step is None:
            return frozenset()
        if step.constraint is not None:
            return frozenset({step.constraint})
        if step.range:
            return frozenset(step.range.constraint.values())
        ranged = {r.of: r.constraint[0] for r in self.ranges.values()}
        found = self.plain.touching[wire] | {ranged[w] for w in self._equal(wire) if w in ranged}
        return frozenset(found)

    def read(self, values: Sequence[int]) -> Callable[[str], list[int]]:
        """The inputs in a plain witness: name → elements."""
        return lambda name: [values[wire] for wire in self.input[name]]


class DeployedForger(Forger):
    """A prover and the judge: the r1cs as it is deployed, by --O1."""

    def __init__(self, system: System, built: Circuit, family: str = REBALANCE) -> None:
        super().__init__(system, family)
        self.built, self.deployed = built, Constraints(built.system)
        #: deployed wire → plain wire
        self.stands_for = [0] + [self.wire[built.names[wire][0]] for wire in sorted(built.names) if wire > 0]
        self._deployed_wire = {plain: wire for wire, plain in enumerate(self.stands_for)}

    def deploy(self, values: Sequence[int]) -> list[int]:
        """The witness of the deployed circuit in a plain one."""
        return [values[wire] for wire in self.stands_for]

    def broken(self, values: Sequence[int]) -> frozenset[int]:
        """The deployed constraints that a plain witness breaks."""
        return self.deployed.broken(self.deploy(values))

    def broken_after(self, values: Sequence[int], changed: Iterable[int], before: frozenset[int]) -> frozenset[int]:
        """The same, for a witness that differs in the ``changed`` wires from one that broke ``before``."""
        wires = [self._deployed_wire[wire] for wire in changed if wire in self._deployed_wire]
        return self.deployed.broken_after(self.deploy(values), wires, before)

    @cached_property
    def check(self) -> list[int]:
        """The number of the check of each deployed constraint."""
        return [check for check, _ in attribute(self.family, self._deployed_system, self.system)]

    @cached_property
    def source(self) -> list[int]:
        """The plain constraint that each deployed one comes from."""
        return sources(self._deployed_system, self.system)

    @property
    def _deployed_system(self) -> System:
        return System(self.built.system, {wire: names[0] for wire, names in self.built.names.items() if wire > 0})


def _definition(k: int, wire: int, a: Combination, b: Combination, c: Combination) -> Step:
    """The step that solves constraint k for a wire of its right side."""
    scale = inverse(c[wire])
    left, right, rest = (tuple((w, f) for w, f in side.items() if w != wire) for side in (a, b, c))

    def solve(v: Sequence[int]) -> list[int]:
        product = sum([f * v[w] for w, f in left]) * sum([f * v[w] for w, f in right])
        return [(product - sum([f * v[w] for w, f in rest])) * scale % FIELD]

    reads = {w for side in (a, b, c) for w in side} - {wire, 0}
    return Step(tuple(reads), (wire,), solve, constraint=k)


def _units_rounded_up(*parts: int) -> int:
    return (sum(parts) + (1 << EXPOSURE_SHIFT) - 1) % FIELD >> EXPOSURE_SHIFT


def _lowest_bits(exposure: int) -> int:
    """Of a signed exposure, counted from −2^105 up: BITS and SHIFT of FactorLimit."""
    return (exposure + (1 << LIMIT_BITS + NAV_BITS)) % FIELD & (1 << EXPOSURE_SHIFT) - 1


def _pick(digits: Mapping[int, int], wires: Sequence[int]) -> list[int]:
    return [digits[wire] for wire in wires]


@cache
def forger(slots: int, family: str = REBALANCE) -> DeployedForger:
    """The forger of a circuit of the package."""
    name = of_size(slots, family).name
    with circom.run_circom(name, ("--r1cs", "--sym", "--O0"), data_dir("circuits")) as (out, _):
        plain = System.read(Path(out / f"{name}.r1cs"), Path(out / f"{name}.sym"))
    return DeployedForger(plain, circuit(name), family)
