"""Mutants of the circuits' sources: one change of the text in a copy, compiled, and attacked.

The operators are those mistakes that a circuit is written with: a signal assigned and not constrained, an equation or a
range check left out, a width, a bound of a loop or a coefficient off by one, a comparison or a sign turned round, a factor
or a domain left out, another field than the one meant, a hint that computes something else, a public signal kept private.

A mutant is **killed** if one of these is found, tried in this order:

1. *unbound*: a public signal that is none any more, or in no constraint: a witness passes with any value of it;
2. *forged*: a false claim that the deletion sweep has forged with a lie at a constraint that the mutant lacks;
3. *refused*: a true rebalance that the mutant's own witness generator refuses;
4. *accepted*: a false rebalance that the mutant's own witness generator accepts;
5. *forged anew*: a false claim that the forger gets past the mutant's constraints, as it is or with a lie in a packed field.

It is **the same** if it compiles to the same constraints and refuses nothing true, and **void** if it does not compile:
neither counts. It is **equivalent** if ``EQUIVALENT`` says why nothing false can be claimed and nothing true is refused. All
else **survived**.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dls_zk.audit.circuits import calculator
from dls_zk.errors import StatementRefused, ToolError
from dls_zk.groth16.constraint_table import System
from dls_zk.groth16.r1cs import r1cs_header
from dls_zk.groth16.witness import WitnessCalculator
from dls_zk.statement.circuit_inputs import circuit_inputs, reconciliation_inputs
from dls_zk.statement.circuits import REBALANCE, RECONCILIATION, of_size
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.families import CHECKS
from dls_zk.statement.model import Rebalance
from dls_zk.statement.relation import public_signals
from dls_zk.storage import places
from dls_zk.tools import circom
from tests.soundness.deletion import Sweep
from tests.soundness.extremes import widest
from tests.soundness.families import FAMILIES, Inputs, claims_of, inputs_of, tells_the_truth
from tests.soundness.forge import Constraints, Forger
from tests.soundness.lies import lies
from tests.soundness.runs import circuit_sources
from tests.soundness.scenes import full_book, limits, past_a_limit
from tests.support import boundary, reconciliations
from tests.support.instances import tighten

#: The size of the circuits that are mutated.
SLOTS = 8

SEVERAL = "several (lib)"


@dataclass(frozen=True)
class Mutant:
    """One line of one file below circuits/, changed. operator: the kind of mistake. check: the name of the one it is in."""

    file: str
    line: int
    operator: str
    before: str
    after: str
    check: str

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line}: {self.operator}: {self.after.strip()}"


# --- operators ---------------------------------------------------------------------------------------------------

_CONSTRAINS = re.compile(r"<==|===|[+-]=|\bvar \w+ = ")
_LOOP = re.compile(r"for \(var (\w+) = (\w+); \1 < ([^;]+); \1\+\+\)")
_RANGE = re.compile(r"\b(RangeCheck|SignedRange)\(")
_SIGNS = {
    "(2 * long - 1) * ": "", "(2 * bought - 1) * ": "", "(2 * nonNegative - 1) * ": "", "(1 - nonNegative)": "1",
    "((absValue + value) / 2)": "absValue", "((absValue - value) / 2)": "absValue", " - SIGNED_OFFSET()": "",
    "(absValue[i] - value[i]) / 2": "absValue[i]", "high + 1 - exact": "high + 1",
}  # fmt: skip
_COEFFICIENTS = re.compile(r"BPS\(\)|PPM\(\)|USD_E14\(\)|\b390625\b|\(1 << [^()]*(\([^()]*\))?[^()]*\)")


def _replaced(code: str, found: re.Match[str], text: str) -> str:
    return code[: found.start()] + text + code[found.end() :]


def _unconstrained(code: str) -> Iterator[str]:
    if not code.lstrip().startswith("_"):
        for found in re.finditer("<==", code):
            yield _replaced(code, found, "<--")


def _equation_removed(code: str) -> Iterator[str]:
    for found in re.finditer(r"[^;{}]*===[^;]*;", code):
        yield _replaced(code, found, "")


def _range_removed(code: str) -> Iterator[str]:
    for found in re.finditer(r"^\s*(RangeCheck|Boolean)\(.*\)\(.*\);", code):
        yield _replaced(code, found, "")
    for found in re.finditer(r"(?<=Range\.in <== )\w+", code):
        yield _replaced(code, found, "0")


def _range_narrowed(code: str) -> Iterator[str]:
    for found in _RANGE.finditer(code):
        end = _closing(code, found.end())
        yield f"{code[:end]} - 1{code[end:]}"


def _range_widened(code: str) -> Iterator[str]:
    for found in _RANGE.finditer(code):
        end = _closing(code, found.end())
        yield f"{code[:end]} + 1{code[end:]}"


def _closing(code: str, at: int) -> int:
    """Where the bracket that is open at this place closes."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        at += 1
    return at - 1


def _turned_round(code: str) -> Iterator[str]:
    for found in re.finditer(r"(?<=<== )[^;]+(?=;)", code):
        if re.search(r"(slack\S*|Slack|rest|room|low) $", code[: found.start() - 4]):
            yield _replaced(code, found, f"-({found[0]})")


def _sign_dropped(code: str) -> Iterator[str]:
    for text, other in _SIGNS.items():
        for found in re.finditer(re.escape(text), code):
            yield _replaced(code, found, other)


def _loop_shortened(code: str) -> Iterator[str]:
    for found in _LOOP.finditer(code):
        yield _replaced(code, found, f"for (var {found[1]} = {found[2]}; {found[1]} < {found[3]} - 1; {found[1]}++)")
        yield _replaced(code, found, f"for (var {found[1]} = {found[2]} + 1; {found[1]} < {found[3]}; {found[1]}++)")
    for found in re.finditer(r"if \((\w+) > 0\)", code):
        yield _replaced(code, found, f"if ({found[1]} > 1)")
        yield _replaced(code, found, f"if ({found[1]} >= 0)")


def _domain_removed(code: str) -> Iterator[str]:
    for found in re.finditer(r"\bDOMAIN(_\w+\(N\))?(?=[;)])", code):
        yield _replaced(code, found, "0")
    for found in re.finditer(r"\* 256 \+ N", code):
        yield _replaced(code, found, "* 256")


def _coefficient_changed(code: str) -> Iterator[str]:
    if _CONSTRAINS.search(code):
        for found in _COEFFICIENTS.finditer(code):
            yield _replaced(code, found, f"({found[0]} + 1)")


def _operator_changed(code: str) -> Iterator[str]:
    if _CONSTRAINS.search(code) and not _LOOP.search(code) and "function" not in code:
        for found in re.finditer(r" ([+-]) (?!1\b)| ([+-])= ", code):
            other = {"+": "-", "-": "+"}[found[1] or found[2]]
            yield _replaced(code, found, f" {other} " if found[1] else f" {other}= ")


def _factor_dropped(code: str) -> Iterator[str]:
    if re.search(r"<==|\+=|-=", code):
        for found in re.finditer(r"([\w.]+(\[[^]]*\])*) \* [\w.]+(\[[^]]*\])*(?![\w.(])", code):
            yield _replaced(code, found, found[1])


def _other_field(code: str) -> Iterator[str]:
    for found in re.finditer(r"(?<=<== limit\[)[^]]*(?=\];)", code):
        yield _replaced(code, found, "1" if found[0] == "MAX_TURNOVER()" else "0")
    for found in re.finditer(r"(?<=\.field\[)[^]]*(?=\];)", code):
        yield _replaced(code, found, "2" if found[0] in ("SLOT_HAIRCUT()", "1") else "1")


def _hint_changed(code: str) -> Iterator[str]:
    other = {"+": "-", "-": "+", ">>": "<<", "&": "|"}
    for found in re.finditer(r" (\+|-|>>|&) ", code):
        if "<--" in code[: found.start()]:
            yield _replaced(code, found, f" {other[found[1]]} ")


def _made_private(code: str) -> Iterator[str]:
    if public := re.search(r"(?<=public \[)[^]]*(?=\])", code):
        names = public[0].split(", ")
        for k in range(len(names)):
            yield _replaced(code, public, ", ".join(names[:k] + names[k + 1 :]))


def _number_changed(code: str) -> Iterator[str]:
    if code.startswith("function") or "widths[" in code:
        for found in re.finditer(r"(?<=return )\d+(?=;)|(?<=\] = )\d+(?=;)", code):
            yield _replaced(code, found, f"{int(found[0]) - 1}")
            yield _replaced(code, found, f"{int(found[0]) + 1}")


OPERATORS: dict[str, Callable[[str], Iterator[str]]] = {
    "assigned, not constrained": _unconstrained,
    "equation removed": _equation_removed,
    "range check removed": _range_removed,
    "range check narrowed": _range_narrowed,
    "range check widened": _range_widened,
    "comparison turned round": _turned_round,
    "sign dropped": _sign_dropped,
    "loop off by one": _loop_shortened,
    "domain removed": _domain_removed,
    "coefficient off by one": _coefficient_changed,
    "plus for minus": _operator_changed,
    "factor dropped": _factor_dropped,
    "another field": _other_field,
    "number off by one": _number_changed,
    "another hint": _hint_changed,
    "public signal made private": _made_private,
}


def mutants(circuits: Path, family: str = REBALANCE) -> Iterator[Mutant]:
    """All mutants of a family's files below circuits/, in order. Of the mains, which say a size and what is public, one."""
    check_of_file, checks = FAMILIES[family].check_of_file, CHECKS[family]
    for path in sorted(circuits / file for file in circuit_sources(circuits, family)):
        file = path.relative_to(circuits).as_posix()
        if file.startswith("main/") and path.stem != of_size(SLOTS, family).name:
            continue
        check = check_of_file.get(file, SEVERAL)
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if section := re.search(r"// -+ (\d+)\. ", line):
                check = checks[int(section[1]) - 1]
            elif line.startswith("template StressLoss"):
                check = "stress loss"
            code, mark, comment = line.partition("//")
            for operator, change in OPERATORS.items():
                for after in change(code):
                    yield Mutant(file, number, operator, line, after + mark + comment, check)


# --- verdicts ----------------------------------------------------------------------------------------------------------

#: Mutants (by a pattern for their names) → why nothing false can be claimed in them and nothing true is refused.
EQUIVALENT: dict[str, str] = {
    r".*: range check widened: RangeCheck\(.*\)\((gainSlack|costSlack|lossSlack|room|slack(\[\w+\])?)\);.*"
    r"|.* BPS_BITS\(\) \{ return 15; .*|.* VAR_BOUND_BITS\(\) \{ return 82; .*|.* VALUE_BITS\(\) \{ return 105; .*"
    r"|.* TURNOVER_BITS\(\) \{ return 28; .*|.* STRESSED_BITS\(\) \{ return 63; .*"
    r"|.* STRESS_LOSS_BITS\(\) \{ return 81; .*": (
        "a slack below zero is r − x, far above one bit more, and no true slack needs the bit"
    ),
    r"book/nav.circom.*: range check widened: .*\(navFloor\);|.*NAV_FLOOR_BITS\(\) \{ return 43; .*": (
        "steps are 1e14 or more and the NAV is below 2^88, so no floor needs the bit; with it, nothing wraps yet"
    ),
    r"limits/(collateral|stress|reserve).circom.*: range check narrowed: RangeCheck\(CAPPED_BOOK_BITS\(V\).*"
    r"|.* BPS_BITS\(\) \{ return 13; .*|.* STRESSED_BITS\(\) \{ return 61; .*": (
        "the width is that of longs up to the venues' caps; shorts stand against them, so longs are half of that, a bit less"
    ),
    r"limits/factor_exposure.circom:49: .* SignedRange\(BITS \+ 1 (- SHIFT \+ 1|\+ SHIFT)\)\(high\);": (
        "with its remainder in range, a division has one result, as long as nothing wraps: up to 206 bits"
    ),
    r"limits/value_at_risk.circom.*: range check widened: RangeCheck\(CAPPED_BOOK_BITS\(V\).*": (
        "with its remainder in range, the residual is the one quotient: the bit cannot make it wrap"
    ),
    r"limits/value_at_risk.circom.*: range check widened: .*\(low\);": (
        "a remainder of a unit or more only rounds the residual further up: against the prover"
    ),
    r"lib/zero.circom:17: equation removed: ": "isZero·inverse = 0 only makes the inverse of zero unique",
    r"custody/shortfall.circom.*: range check widened: RangeCheck\(TOLERANCE_BITS\(\) \+ 1\)\(tolerance\);.*": (
        "what is left up to the highest tolerance is not negative, so no tolerance reaches the bit"
    ),
    r"book/nav.circom.*: range check widened: RangeCheck\(NAV_STEP_VALUE_BITS\(\) \+ 1\)\((rest|room)\);"
    r"|.* NAV_STEP_VALUE_BITS\(\) \{ return 72; .*": (
        "rest and room are not negative and add up to a step less one, whatever their width"
    ),
}


@dataclass(frozen=True)
class Verdict:
    """kind: killed, equivalent, survived, the same, or void. how: by what it was killed, or why it is equivalent."""

    kind: str
    how: str


#: True and false books for each limit. By one alone, a slot that is missing in a sum may go unnoticed.
BOOKS = 4

#: Fields of packed words in which a claim's lie is tried anew.
FIELDS = 8

#: Names and inputs of statements.
Cases = list[tuple[str, Inputs]]


class Arena:
    """The attacks that every mutant has to stand: the kills of a deletion sweep, true statements and false ones."""

    def __init__(self, swept: Sweep, seed: int) -> None:
        self.forger, self.kills, self.seed = swept.forger, swept.plain, seed
        self.circuit = of_size(SLOTS, self.forger.family)
        self.constraints = _named(self.forger.system)
        self.true, self.false = {REBALANCE: _rebalances, RECONCILIATION: _reconciliations}[self.circuit.family](Random(seed))

    def judge(self, mutant: Mutant) -> Verdict:
        """Compile a mutant in a folder of its own and attack it."""
        with tempfile.TemporaryDirectory(prefix="dls-zk-mutant-") as scratch:
            sources = Path(scratch, "circuits")
            shutil.copytree(places.data_dir("circuits"), sources)
            path = sources / mutant.file
            lines = path.read_text().splitlines()
            lines[mutant.line - 1] = mutant.after
            path.write_text("\n".join(lines) + "\n")
            name = self.circuit.name
            try:
                with circom.run_circom(name, ("--r1cs", "--sym", "--wasm", "--O0"), sources) as (out, _):
                    system = System.read(out / f"{name}.r1cs", out / f"{name}.sym")
                    hidden = r1cs_header(out / f"{name}.r1cs").n_public != len(self.circuit.signals)
                    generator = calculator(name, (out / f"{name}_js" / f"{name}.wasm").read_bytes())
            except ToolError:
                return Verdict("void", "does not compile")
        named = _named(system)
        if hidden:
            return Verdict("killed", "unbound")
        if named.keys() == self.constraints.keys():
            how = next(self._verdicts(generator, self.true, True), None)  # circom's hints are in no constraint
            return Verdict("killed", how) if how else Verdict("the same", "compiles to the same constraints")
        how = next(self._kills(system, named, generator), None)
        if how:
            return Verdict("killed", how)
        reason = next((why for pattern, why in EQUIVALENT.items() if re.fullmatch(pattern, mutant.name)), None)
        return Verdict("equivalent", reason) if reason else Verdict("survived", "")

    def _kills(self, system: System, named: dict[object, int], generator: WitnessCalculator) -> Iterator[str]:
        constraints = Constraints(system.constraints)
        if not all(_is_bound(constraints, wire) for wire in range(1, len(self.circuit.signals) + 1)):
            yield "unbound"
        if {_key(name) for name in system.names.values()} <= {_key(name) for name in self.forger.wire}:
            wires = {_key(name): wire for name, wire in self.forger.wire.items()}
            place = [0] + [wires[_key(system.names[wire])] for wire in range(1, len(system.names) + 1)]
            lost = [self.kills[k] for form, k in self.constraints.items() if form not in named and k in self.kills]
            for kill in lost[:20]:
                values = kill.values
                if not constraints.broken([values[wire] for wire in place]):
                    yield f"forged: {kill.claim.family}"
        yield from self._verdicts(generator, self.true, True)
        yield from self._verdicts(generator, self.false, False)
        try:
            forger = Forger(system, self.circuit.family)
        except (AssertionError, KeyError, ValueError):
            return  # a signal that nothing gives, or one whose name is gone: the forger is no help
        rng = Random(self.seed)
        for check in CHECKS[self.circuit.family]:
            with suppress(KeyError, ValueError):
                for claim in claims_of(forger, SLOTS, rng).of(check):
                    fields = sorted(forger.ancestors(claim.at) & forger.fields.keys())
                    for lie in lies(forger, claim, rng.sample(fields, min(FIELDS, len(fields)))):
                        if not lie.broken and not tells_the_truth(forger, SLOTS, lie.values):
                            yield f"forged anew: {claim.family}"
                            break

    def _verdicts(self, generator: WitnessCalculator, cases: Cases, wanted: bool) -> Iterator[str]:
        """The cases on which a generator's verdict is not the ``wanted`` one."""
        for name, inputs in cases:
            try:
                generator.calculate(inputs)
            except StatementRefused:
                if wanted:
                    yield f"refused: {name}"
            else:
                if not wanted:
                    yield f"accepted: {name}"


def _rebalances(rng: Random) -> tuple[Cases, Cases]:
    """True ones and false ones."""
    size, cases = SIZES[SLOTS], list(boundary.cases())
    full = [full_book(rng, size) for _ in range(4)]
    books = [*widest(size), *(("a full book", book) for book in full)]
    wrong = []
    for field, index in [*limits(size)] * BOOKS:
        book = past_a_limit(rng, size, field, index)
        wrong.append((f"{field}[{index}] passed by one bps", book))
        books.append((f"{field}[{index}] met within one bps", tighten(book, field, index, past=0)))
    true = [(case.name, circuit_inputs(*case.at)) for case in cases] + _with_signals(books)
    return true, [(case.name, circuit_inputs(*case.past)) for case in cases] + _with_signals(wrong)


def _reconciliations(rng: Random) -> tuple[Cases, Cases]:
    """True ones and false ones."""
    size, cases = SIZES[SLOTS], list(reconciliations.cases())
    true = [(case.name, reconciliation_inputs(*case.at)) for case in cases]
    false = [(case.name, reconciliation_inputs(*case.past)) for case in cases]
    true += [(name, inputs_of(made)) for name, made in reconciliations.widest(size)]
    for slot in [*range(size.slots)] * BOOKS:
        true.append(("a full book", inputs_of(reconciliations.full_reconciliation(rng, size))))
        true.append(("within a unit", inputs_of(reconciliations.within_a_unit(rng, size, slot)[0])))
        false.append(("a unit past the tolerance", inputs_of(reconciliations.past_the_tolerance(rng, size, slot))))
    return true, false


def _with_signals(books: Iterable[tuple[str, Rebalance]]) -> Cases:
    return [(name, circuit_inputs(book, public_signals(book))) for name, book in books]


def _is_bound(constraints: Constraints, wire: int) -> bool:
    """Whether a wire is in a constraint that --O1 keeps: one that does not just say that it is equal to another."""
    seen, stack = {wire}, [wire]
    while stack:
        for k in constraints.touching.get(stack.pop(), ()):
            a, b, c = constraints.all[k]
            if (a and b) or len(c) != 2 or 0 in c or sum(c.values()) != FIELD:
                return True
            stack += c.keys() - seen
            seen |= c.keys()
    return False


def _key(name: str) -> str:
    """A signal's name without the column that names a component without a name: a mutant has other columns."""
    return re.sub(r"(_\d+)_\d+", r"\1", name)


def _named(system: System) -> dict[object, int]:
    """The constraints by what they say of named signals → their place."""
    names = {0: ""} | {wire: _key(name) for wire, name in system.names.items()}
    return {
        tuple(frozenset((names[wire], factor) for wire, factor in side.items()) for side in sides): k
        for k, sides in enumerate(system.constraints)
    }
