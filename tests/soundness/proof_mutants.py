"""Valid proofs changed in every way that a verifier has been known to let pass, and in the ways it must let pass.

Numbers stay below 2^256, so that each mutant can be put to a contract. Everything is drawn from one ``random.Random``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from py_ecc.optimized_bn128 import FQ, add, b, is_on_curve, multiply, neg, normalize

from dls_zk.audit.simulator import g1, outside_the_subgroup
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.pyecc_verifier import to_g1, to_g2
from dls_zk.groth16.zkey import VerifyingKey
from dls_zk.statement.constants import BASE_FIELD, FIELD

INFINITY_G1: Any = (0, 0)
INFINITY_G2: Any = ((0, 0), (0, 0))


@dataclass(frozen=True)
class Mutant:
    """A proof, how it was made, and whether it is valid; ``reduces``: the generated contract takes it by reducing A.y."""

    kind: str
    proof: Proof
    holds: bool
    reduces: bool = False


def mutants(vk: VerifyingKey, proof: Proof, second: Proof, foreign: Proof, rng: Random) -> Iterator[Mutant]:
    """One of each kind of a valid proof. second: another valid one; foreign: one under another key, signals of ``proof``."""
    yield Mutant("unchanged", proof, True)
    yield from _randomised(vk, proof, rng)
    for kind, change in _CHANGES.items():
        yield Mutant(kind, change(proof, rng), False)
    crafted = (proof.pi_a[1] + (1 << 256)) % BASE_FIELD + BASE_FIELD
    yield Mutant("A.y that wraps to A.y when negated", replace(proof, pi_a=(proof.pi_a[0], crafted)), False, reduces=True)
    yield Mutant("under another key", replace(foreign, circuit=proof.circuit), False)
    yield Mutant("the points of another proof", replace(second, signals=proof.signals), False)
    for name in ("pi_a", "pi_b", "pi_c"):
        yield Mutant(f"{name} of another proof", replace(proof, **{name: getattr(second, name)}), False)
    # What would hold without C and the signals; with γ = δ it is a part of the forgery.
    yield Mutant("α and β for A and B", replace(proof, pi_a=vk.alpha1, pi_b=vk.beta2), False)


def _randomised(vk: VerifyingKey, proof: Proof, rng: Random) -> Iterator[Mutant]:
    """Groth16 is malleable: (s·A, B/s, C) and (A, B + t·δ, C + t·A) are as good as (A, B, C)."""
    s, t = rng.randrange(1, FIELD), rng.randrange(1, FIELD)
    scaled = replace(proof, pi_a=_multiple(proof.pi_a, s), pi_b=_multiple(proof.pi_b, pow(s, -1, FIELD)))
    yield Mutant("A and B scaled", scaled, True)
    yield Mutant("A and B negated", replace(proof, pi_a=_minus(proof.pi_a), pi_b=_minus(proof.pi_b)), True)
    moved = replace(proof, pi_b=_sum(proof.pi_b, _multiple(vk.delta2, t)), pi_c=_sum(proof.pi_c, _multiple(proof.pi_a, t)))
    yield Mutant("B moved along δ", moved, True)


# --- points -------------------------------------------------------------------------------------------------------------


def _affine(point: Any) -> Any:
    x, y = normalize(point)
    return (int(x), int(y)) if isinstance(x, FQ) else (tuple(map(int, x.coeffs)), tuple(map(int, y.coeffs)))


def _point(point: Any) -> Any:
    return to_g1(point) if isinstance(point[0], int) else to_g2(point)


def _multiple(point: Any, scalar: int) -> Any:
    return _affine(multiply(_point(point), scalar))


def _sum(left: Any, right: Any) -> Any:
    return _affine(add(_point(left), _point(right)))


def _minus(point: Any) -> Any:
    return _affine(neg(_point(point)))


def _of_small_order() -> Any:
    """A point of the twist whose order divides the cofactor: r times one outside the subgroup."""
    return _multiple(outside_the_subgroup(), FIELD)


def _off_curve(rng: Random) -> Any:
    while is_on_curve(to_g1(point := (rng.randrange(BASE_FIELD), rng.randrange(BASE_FIELD))), b):
        pass
    return point


# --- what is changed ------------------------------------------------------------------------------------------------------


def _numbers(proof: Proof) -> list[int]:
    return [*proof.pi_a, *proof.pi_b[0], *proof.pi_b[1], *proof.pi_c, *proof.signals]


def _proof(circuit: str, numbers: list[int]) -> Proof:
    a, b, c, d, e, f, g, h, *public = numbers
    return Proof(circuit, (a, b), ((c, d), (e, f)), (g, h), tuple(public))


def _with(proof: Proof, place: int, change: Callable[[int], int]) -> Proof:
    numbers = _numbers(proof)
    numbers[place] = change(numbers[place])
    return _proof(proof.circuit, numbers)


def _flip(proof: Proof, rng: Random, first: int, last: int) -> Proof:
    return _with(proof, rng.randrange(first, last), lambda x: x ^ 1 << rng.randrange(256))


def _alias(proof: Proof, rng: Random, first: int, last: int, order: int) -> Proof:
    """x + k·order, as often as it fits in 256 bits."""
    return _with(proof, rng.randrange(first, last), lambda x: x + order * rng.randint(1, ((1 << 256) - 1 - x) // order))


def _signals(proof: Proof, change: Callable[[list[int]], object]) -> Proof:
    signals = list(proof.signals)
    change(signals)
    return replace(proof, signals=tuple(signals))


def _move_between_signals(proof: Proof, rng: Random) -> Proof:
    """The sum of the signals stays."""
    one, other = rng.sample(range(len(proof.signals)), 2)
    amount = rng.randrange(1, FIELD)
    moved = _with(proof, 8 + one, lambda x: (x + amount) % FIELD)
    return _with(moved, 8 + other, lambda x: (x - amount) % FIELD)


def _swap_signals(proof: Proof, rng: Random) -> Proof:
    signals = list(proof.signals)
    one, other = next((i, j) for i, x in enumerate(signals) for j, y in enumerate(signals) if x != y)
    signals[one], signals[other] = signals[other], signals[one]
    return replace(proof, signals=tuple(signals))


_CHANGES: dict[str, Callable[[Proof, Random], Proof]] = {
    "a bit of a coordinate": lambda p, rng: _flip(p, rng, 0, 8),
    "a bit of a signal": lambda p, rng: _flip(p, rng, 8, 8 + len(p.signals)),
    "a signal + 1": lambda p, rng: _with(p, rng.randrange(8, 8 + len(p.signals)), lambda x: (x + 1) % FIELD),
    "a signal negated": lambda p, rng: _with(p, 8 + _nonzero(p, rng), lambda x: FIELD - x),
    "a signal zero": lambda p, rng: _with(p, 8 + _nonzero(p, rng), lambda x: 0),
    "a signal + k·r": lambda p, rng: _alias(p, rng, 8, 8 + len(p.signals), FIELD),
    "a signal + k·q": lambda p, rng: _alias(p, rng, 8, 8 + len(p.signals), BASE_FIELD),
    "signals swapped": _swap_signals,
    "moved between signals": _move_between_signals,
    "signals reversed": lambda p, rng: _signals(p, list.reverse),
    "a signal less": lambda p, rng: _signals(p, list.pop),
    "a signal more": lambda p, rng: _signals(p, lambda signals: signals.append(0)),
    "no signals": lambda p, rng: replace(p, signals=()),
    "A.x + k·q": lambda p, rng: _alias(p, rng, 0, 1, BASE_FIELD),
    "A.y + k·q": lambda p, rng: _alias(p, rng, 1, 2, BASE_FIELD),
    "B + k·q": lambda p, rng: _alias(p, rng, 2, 6, BASE_FIELD),
    "C.x + k·q": lambda p, rng: _alias(p, rng, 6, 7, BASE_FIELD),
    "C.y + k·q": lambda p, rng: _alias(p, rng, 7, 8, BASE_FIELD),
    "A and C swapped": lambda p, rng: replace(p, pi_a=p.pi_c, pi_c=p.pi_a),
    "A negated": lambda p, rng: replace(p, pi_a=_minus(p.pi_a)),
    "B negated": lambda p, rng: replace(p, pi_b=_minus(p.pi_b)),
    "C negated": lambda p, rng: replace(p, pi_c=_minus(p.pi_c)),
    "coordinates of A swapped": lambda p, rng: replace(p, pi_a=p.pi_a[::-1]),
    "coordinates of B swapped": lambda p, rng: replace(p, pi_b=p.pi_b[::-1]),
    "parts of B swapped": lambda p, rng: replace(p, pi_b=(p.pi_b[0][::-1], p.pi_b[1][::-1])),
    "A at infinity": lambda p, rng: replace(p, pi_a=INFINITY_G1),
    "B at infinity": lambda p, rng: replace(p, pi_b=INFINITY_G2),
    "C at infinity": lambda p, rng: replace(p, pi_c=INFINITY_G1),
    "A and C at infinity": lambda p, rng: replace(p, pi_a=INFINITY_G1, pi_c=INFINITY_G1),
    "all at infinity": lambda p, rng: replace(p, pi_a=INFINITY_G1, pi_b=INFINITY_G2, pi_c=INFINITY_G1),
    "A off the curve": lambda p, rng: replace(p, pi_a=_off_curve(rng)),
    "C off the curve": lambda p, rng: replace(p, pi_c=_off_curve(rng)),
    "C at random": lambda p, rng: replace(p, pi_c=g1(rng.randrange(1, FIELD))),
    "B outside the subgroup": lambda p, rng: replace(p, pi_b=outside_the_subgroup(rng.randrange(BASE_FIELD >> 1))),
    "B and a point of small order": lambda p, rng: replace(p, pi_b=_sum(p.pi_b, _of_small_order())),
    "A scaled": lambda p, rng: replace(p, pi_a=_multiple(p.pi_a, rng.randrange(2, FIELD))),
    "C scaled": lambda p, rng: replace(p, pi_c=_multiple(p.pi_c, rng.randrange(2, FIELD))),
}


def _nonzero(proof: Proof, rng: Random) -> int:
    return rng.choice([k for k, signal in enumerate(proof.signals) if signal])
