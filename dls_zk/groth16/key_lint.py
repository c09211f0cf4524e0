"""Whether a Groth16 key is sound, as far as its numbers show.

snarkjs checks little here. It calls a key without a phase-2 contribution (γ = δ) fine, and proofs of anything can be
forged against such a key. ``lint`` looks for that and for every other fault that the numbers alone show; whether a
ceremony was honest only its transcript can say (see ``ceremony``).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import cache

from py_ecc.optimized_bn128 import (
    FQ,
    FQ2,
    FQ12,
    G1,
    G2,
    add,
    b,
    b2,
    curve_order,
    final_exponentiate,
    is_inf,
    is_on_curve,
    multiply,
    neg,
    pairing,
)

from ..errors import InsecureKey
from ..statement.constants import BASE_FIELD
from . import relations
from .zkey import INFINITY_G1, INFINITY_G2, Contribution, PointG1, PointG2, VerifyingKey, ZKey


def lint(
    key: VerifyingKey | ZKey, *, n_public: int | None = None, contributions: Sequence[Contribution] | None = None
) -> list[str]:
    """What is wrong with a key, a phrase for each fault; empty if nothing is.

    n_public: how many public signals the circuit has, if the caller knows. contributions: those of the second phase;
    a ZKey brings its own. About a second for a verifying key, half of one for a ZKey, and none for one that was looked at
    before.
    """
    faults = []
    given = key
    if isinstance(key, ZKey):
        contributions = key.contributions
        if contributions and contributions[-1].delta_after != key.delta1:
            faults.append("δ is not the one that its last contribution left")
        key = key.verifying_key
    if contributions is not None and not contributions:
        faults.append("nobody has contributed to the second phase")
    if len(key.ic) > _MOST_POINTS:
        return [*faults, f"IC has {len(key.ic)} points, and keys with more than {_MOST_POINTS} are not looked at"]
    return [*faults, *_point_faults(given), *_relation_faults(given), *_signal_faults(key, n_public)]


def require_sound(
    key: VerifyingKey | ZKey, *, n_public: int | None = None, contributions: Sequence[Contribution] | None = None
) -> None:
    """InsecureKey with what ``lint`` finds, in one line. A development key passes: ask ``is_development``."""
    if faults := lint(key, n_public=n_public, contributions=contributions):
        more = f"; and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
        raise InsecureKey(f"the key must not be used: {'; '.join(faults[:_NAMED])}{more}")


#: Points of IC in the largest key that is looked at, since every two of them are compared; those of our circuits have 15.
_MOST_POINTS = 65

#: Faults of a key that one message names.
_NAMED = 8


def _points(key: VerifyingKey | ZKey) -> dict[str, PointG1 | PointG2]:
    """The points of a key by their names. Those that a ZKey has in both groups are called β and β₁, δ and δ₁."""
    vk = key.verifying_key if isinstance(key, ZKey) else key
    points: dict[str, PointG1 | PointG2] = {"α": vk.alpha1, "β": vk.beta2, "γ": vk.gamma2, "δ": vk.delta2}
    points |= {f"IC[{i}]": point for i, point in enumerate(vk.ic)}
    return points | {"β₁": key.beta1, "δ₁": key.delta1} if isinstance(key, ZKey) else points


@cache
def _point_faults(key: VerifyingKey | ZKey) -> tuple[str, ...]:
    return tuple(f"{name} {fault}" for name, point in _points(key).items() if (fault := _point_fault(point)))


def _point_fault(point: PointG1 | PointG2) -> str:
    if point in (INFINITY_G1, INFINITY_G2):
        return "is the point at infinity"
    if isinstance(point[0], int):
        if not all(0 <= part < BASE_FIELD for part in point):
            return "has a coordinate outside the base field"
        return "" if is_on_curve((FQ(point[0]), FQ(point[1]), FQ(1)), b) else "is not on the curve"
    if not all(0 <= part < BASE_FIELD for coordinate in point for part in coordinate):
        return "has a coordinate outside the base field"
    projective = (FQ2(point[0]), FQ2(point[1]), FQ2.one())
    if not is_on_curve(projective, b2):
        return "is not on the curve"
    return "" if is_inf(multiply(projective, curve_order)) else "is not in the subgroup of order r"


_GENERATOR_G1: PointG1 = (1, 2)
_GENERATOR_G2: PointG2 = tuple(tuple(map(int, part.coeffs)) for part in G2[:2])  # type: ignore[assignment]


@cache
def _relation_faults(key: VerifyingKey | ZKey) -> tuple[str, ...]:
    """Small linear relations between two points, each a fault (``relations``).

    γ is the generator, as every setup leaves it. Then with a relation among the generators, α, β and δ a proof of anything
    follows from the key's points alone. The equation holds for (α, β, −IC(x)/k) if δ = kγ; for (IC(x), γ, −kα) if β = kδ;
    for (P, γ + δ, P) with P = kα + IC(x) if β = kγ; and likewise if α is related, because everybody has β and δ in G1 too.
    If β = kα, the proof binds only the sum of the circuit's matrices A and B. Of two signals whose points of IC are related
    only a sum is bound; if a point of IC is kδ, a proof of one value of its signal becomes a proof of any other.
    """
    points = {name: point for name, point in _points(key).items() if not _point_fault(point)}
    faults = [] if points.get("γ", _GENERATOR_G2) == _GENERATOR_G2 else ["γ is not the generator, as every setup leaves it"]
    first: dict[str, PointG1 | PointG2] = {"the generator": _GENERATOR_G1}
    first |= {name: point for name, point in points.items() if isinstance(point[0], int)}
    second: dict[str, PointG1 | PointG2] = {"the generator": _GENERATOR_G2}
    second |= {name: point for name, point in points.items() if name in ("β", "δ")}
    pairs = relations.G1.related(first) + relations.G2.related(second)
    if len(points) == len(_points(key)) and not faults and not pairs:  # pairings take long
        if not isinstance(key, ZKey):
            pairs += relations.TARGET.related(_paired(key))
        elif not _same_in_both_groups(key):
            faults.append("β or δ is not the same in both groups")
    shown = (tuple(name.removesuffix("₁") for name in pair) for pair in pairs)
    return (*faults, *(_relation_fault(*pair) for pair in dict.fromkeys(shown)))


def _relation_fault(one: str, other: str) -> str:
    if one.startswith("IC[") and other.startswith("IC[") and one != "IC[0]":
        # Only kx + y is bound of such two signals, so that many pairs (x, y) do for one proof.
        return f"public signals {int(one[3:-1]) - 1} and {int(other[3:-1]) - 1} are bound only together"
    unbound = one.startswith("IC[") or other.startswith("IC[")
    return f"{one} and {other} are small multiples of one another, so that {_UNBOUND if unbound else _FORGEABLE}"


_FORGEABLE = "proofs of anything can be forged"
_UNBOUND = "signals are not bound"


def _paired(key: VerifyingKey) -> dict[str, FQ12]:
    """α, β and δ in one group, that of the pairings with the generators."""
    alpha = (FQ(key.alpha1[0]), FQ(key.alpha1[1]), FQ(1))
    beta, delta = ((FQ2(point[0]), FQ2(point[1]), FQ2.one()) for point in (key.beta2, key.delta2))
    return {"α": relations.paired(alpha, G2), "β": relations.paired(G1, beta), "δ": relations.paired(G1, delta)}


def _same_in_both_groups(key: ZKey) -> bool:
    """Whether β₁ is to the generator of G1 as β is to that of G2, and δ₁ as δ: e(β₁ + ρδ₁, G2) = e(G1, β)·e(ρG1, δ).

    ρ is random, so that two wrong points do not make up for one another.
    """
    weight = secrets.randbits(128)
    beta1, delta1 = ((FQ(point[0]), FQ(point[1]), FQ(1)) for point in (key.beta1, key.delta1))
    vk = key.verifying_key
    beta2, delta2 = ((FQ2(point[0]), FQ2(point[1]), FQ2.one()) for point in (vk.beta2, vk.delta2))
    product = FQ12.one()
    for left, right in (
        (neg(add(beta1, multiply(delta1, weight))), G2),
        (G1, beta2),
        (multiply(G1, weight), delta2),
    ):
        product *= pairing(right, left, final_exponentiate=False)
    return final_exponentiate(product) == FQ12.one()


def _signal_faults(key: VerifyingKey, n_public: int | None) -> list[str]:
    faults = []
    if n_public is not None and key.n_public != n_public:
        faults.append(f"it is for {key.n_public} public signals where the circuit has {n_public}")
    if len(key.ic) != key.n_public + 1:
        faults.append(f"IC has {len(key.ic)} points for {key.n_public} public signals")
    # Setups give every signal a row of its own, so this does not happen by accident.
    return faults + [f"public signal {i} is not bound" for i, point in enumerate(key.ic[1:]) if point == INFINITY_G1]
