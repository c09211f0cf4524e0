"""Whether a circuit's inputs determine every wire: the propagation of uniqueness.

A wire is *determined* if two witnesses with the same inputs agree on it. Let w and w' be two such witnesses and call
d = w − w' their difference, wire by wire. Each rule below shows d = 0 for one more wire from d = 0 for those already
determined, so what the rules reach is determined, in whatever order they are used. What they do not reach may be
determined all the same: that is reported, not assumed.

linear       Σ c_j·x_j = 0 with one wire left and c ≠ 0: c·d = 0, so d = 0. A product of two combinations whose wires are
             all determined is determined, and takes part in an equation as a wire of its own (facts.py).
             The coefficient is a constant of the circuit. A wire times a wire that might be zero gives nothing.
digits       Σ c_j·x_j = 0 with several left, each in a proven range of width w_j, sorted by |c_j|. Then |d_j| ≤ w_j and
             Σ c_j·d_j ≡ 0 mod r. If Σ |c_j|·w_j < r, the sum is zero as an integer: it cannot wrap. If moreover
             |c_j| > Σ_{i<j} |c_i|·w_i for each j, the largest j with d_j ≠ 0 would outweigh all below it: there is none.
             So bits, fields of a word and quotient with remainder are determined by their sum.
zero test    form·inverse = k·(1 − flag), flag·form = 0, flag·inverse = 0 with form determined: facts.py has the argument.
             Without the last, flag is determined and inverse is not.
hash         Used only if asked for: equal digests have equal inputs, unless somebody found a collision of Poseidon.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..groth16.r1cs import Combination, Header
from .facts import Facts
from .hashes import Hash


@dataclass
class Determined:
    """What a set of wires determines. by_rule: how many wires each rule settled; the wires that we add do not count."""

    wires: set[int]
    remaining: list[int]
    by_rule: Counter[str] = field(default_factory=Counter)


def main_inputs(header: Header) -> range:
    """The wires of the inputs of ``main``, public and private."""
    first = 1 + header.n_public_outputs
    return range(first, first + header.n_public_inputs + header.n_private_inputs)


def public_inputs(header: Header) -> range:
    """The wires of the public inputs of ``main``."""
    first = 1 + header.n_public_outputs
    return range(first, first + header.n_public_inputs)


def determine(facts: Facts, given: Iterable[int], hashes: Sequence[Hash] = ()) -> Determined:
    """What the given wires determine by the rules above; the rule "hash" is used for ``hashes``."""
    known = {0, *given}
    by_rule: Counter[str] = Counter()
    todo = deque(known)

    def settle(wires: Iterable[int], rule: str) -> None:
        for wire in wires:
            if wire not in known:
                known.add(wire)
                todo.append(wire)
                by_rule[rule] += wire < facts.n_wires

    in_equations: dict[int, list[int]] = defaultdict(list)
    for index, equation in enumerate(facts.equations):
        for wire in equation:
            in_equations[wire].append(index)
    left = [len(equation) for equation in facts.equations]
    # product → its wires, form of a zero test → its wires: what is settled once a set of wires is.
    waiting: list[tuple[set[int], list[int], str]] = [
        *(({*a, *b}, [product], "linear") for product, (a, b) in facts.products.items()),
        *(({*t.form}, [t.flag, *([t.inverse] if t.complete else [])], "zero test") for t in facts.zero_tests),
        *(({h.digest}, sorted(h.inputs), "hash") for h in hashes),
    ]
    in_waiting: dict[int, list[int]] = defaultdict(list)
    for index, (wires, _, _) in enumerate(waiting):
        for wire in wires:
            in_waiting[wire].append(index)

    several = set(range(len(facts.equations)))  # equations that may have more than one wire left
    while todo:
        while todo:
            wire = todo.popleft()
            for index in in_equations[wire]:
                left[index] -= 1
                if left[index] == 1:
                    settle((w for w in facts.equations[index] if w not in known), "linear")
            for index in in_waiting[wire]:
                wires, conclusion, rule = waiting[index]
                wires.discard(wire)
                if not wires:
                    settle(conclusion, rule)
        several = {index for index in several if left[index] > 1}
        for index in several:
            unknown = {wire: factor for wire, factor in facts.equations[index].items() if wire not in known}
            if len(unknown) > 1 and are_digits(facts, unknown):
                settle(unknown, "digits")
    remaining = [wire for wire in range(facts.n_wires) if wire not in known]
    return Determined({wire for wire in known if wire < facts.n_wires}, remaining, by_rule)


def are_digits(facts: Facts, terms: Combination) -> bool:
    """The condition of the rule "digits" for the wires that are left, under some scale of the equation."""
    if not all(wire in facts.ranges for wire in terms):
        return False
    widths = {wire: facts.ranges[wire][1] - facts.ranges[wire][0] for wire in terms}
    for scale in facts.scales(terms):
        reach = 0
        for wire, factor in sorted(facts.scaled(terms, scale).items(), key=lambda term: abs(term[1])):
            if abs(factor) <= reach:
                break
            reach += abs(factor) * widths[wire]
        else:
            if reach < facts.prime:
                return True
    return False
