"""Verifying proofs, independently of what made them.

Every verifier gives the same verdict: the forms on which they are known to differ are refused here first, for all of
them alike (numbers not below their field's order, points off their curve, outside the subgroup or at infinity, a wrong
number of signals, a verifying key that anybody can forge for). What is left to each is the pairing equation

    e(A, B) = e(α, β) · e(Σ xᵢ·ICᵢ, γ) · e(C, δ)        (Groth, EUROCRYPT 2016, section 3.2)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from py_ecc.optimized_bn128 import (
    FQ,
    FQ2,
    FQ12,
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

from ..errors import InputError, ProofInvalid
from ..statement.constants import BASE_FIELD, FIELD
from ..tools import native, snarkjs
from . import native_verifier
from .proof import Proof
from .zkey import PointG1, PointG2, VerifyingKey, require_sound

#: The verifier of ``native_verifier``, where the native core can be had.
NATIVE = "native"

#: Points as py_ecc takes them: projective, the last coordinate 0 for infinity.
G1 = tuple[FQ, FQ, FQ]
G2 = tuple[FQ2, FQ2, FQ2]


def verify(name: str, vk: VerifyingKey, proof: Proof) -> None:
    """Return if ``proof`` holds under ``vk``, by the verifier of this name: pyecc, snarkjs or native.

    ProofInvalid says why it does not. InsecureKey if the key itself is unsound. InputError for an unknown name.
    """
    if name not in (*_EQUATIONS, NATIVE):
        raise InputError(f"there is no verifier {name!r}; there are: {', '.join((*_EQUATIONS, NATIVE))}")
    if name == NATIVE:
        _require_sound_once(vk)
        native_verifier.require_holds(vk, proof)
        return
    require_well_formed(vk, proof)
    if not _EQUATIONS[name](vk, proof):
        raise ProofInvalid(f"the proof does not hold for its public signals under this key ({name})")


def quickest(count: int = 1) -> str:
    """The verifier that takes the least time for so many proofs on this machine."""
    if native.ready():
        return NATIVE
    return "snarkjs" if count >= _MANY else "pyecc"


#: From this number of proofs on it pays to start snarkjs for them.
_MANY = 3


def hold_together(proofs: Sequence[tuple[VerifyingKey, Proof]]) -> bool:
    """Whether each of many proofs holds under its key, by one equation for each key. Also False where this cannot be said so
    quickly; then ``verify`` says it of each."""
    if not native.ready():
        return False
    by_key: dict[VerifyingKey, list[Proof]] = {}
    for vk, proof in proofs:
        by_key.setdefault(vk, []).append(proof)
    for vk in by_key:
        _require_sound_once(vk)
    return all(native_verifier.hold_together(vk, group) for vk, group in by_key.items())


def require_well_formed(vk: VerifyingKey, proof: Proof) -> None:
    """Everything that must hold before the pairing equation is looked at; raises like ``verify``."""
    _require_sound_once(vk)
    if len(proof.signals) != len(vk.ic) - 1:
        raise ProofInvalid(f"{len(proof.signals)} public signals; the key is for {len(vk.ic) - 1}")
    coordinates = (*proof.pi_a, *proof.pi_b[0], *proof.pi_b[1], *proof.pi_c)
    if not all(0 <= x < BASE_FIELD for x in coordinates):
        raise ProofInvalid("a coordinate of the proof is not below the order of the base field")
    if not all(0 <= x < FIELD for x in proof.signals):
        raise ProofInvalid("a public signal is not below the order of the scalar field")
    # The affine form (0, 0), which stands for infinity on chain, is on neither curve.
    for name, pair in (("A", proof.pi_a), ("C", proof.pi_c)):
        if not is_on_curve(_g1(pair), b):
            raise ProofInvalid(f"point {name} of the proof is not on the curve")
    point = _g2(proof.pi_b)
    if not is_on_curve(point, b2):
        raise ProofInvalid("point B of the proof is not on the twisted curve")
    if not is_inf(multiply(point, curve_order)):
        raise ProofInvalid("point B of the proof is not in the subgroup of prime order")


@cache
def _require_sound_once(vk: VerifyingKey) -> None:
    """Looking at a key takes as long as a part of the pairing, and keys are few."""
    require_sound(vk)


def _pyecc(vk: VerifyingKey, proof: Proof) -> bool:
    """The pairing equation by py_ecc: four Miller loops and one final exponentiation."""
    total = _g1(vk.ic[0])
    for signal, point in zip(proof.signals, vk.ic[1:], strict=True):
        total = add(total, multiply(_g1(point), signal))
    return _pairings_are_one(
        (neg(_g1(proof.pi_a)), _g2(proof.pi_b)),
        (_g1(vk.alpha1), _g2(vk.beta2)),
        (total, _g2(vk.gamma2)),
        (_g1(proof.pi_c), _g2(vk.delta2)),
    )


def _pairings_are_one(*pairs: tuple[G1, G2]) -> bool:
    """Whether the product of the pairings of these points is 1, as the precompile of EIP-197 decides it."""
    product = FQ12.one()
    for left, right in pairs:
        product *= pairing(right, left, final_exponentiate=False)
    return final_exponentiate(product) == FQ12.one()


def _snarkjs(vk: VerifyingKey, proof: Proof) -> bool:
    key = {
        "protocol": "groth16",
        "curve": "bn128",
        "nPublic": len(proof.signals),
        "vk_alpha_1": _projective(vk.alpha1),
        "vk_beta_2": _projective_g2(vk.beta2),
        "vk_gamma_2": _projective_g2(vk.gamma2),
        "vk_delta_2": _projective_g2(vk.delta2),
        "IC": [_projective(point) for point in vk.ic],
    }
    return snarkjs.worker().verify(key, proof.signal_strings(), proof.to_snarkjs())


def _projective(point: PointG1) -> list[str]:
    """A finite point in snarkjs's form."""
    return [*map(str, point), "1"]


def _projective_g2(point: PointG2) -> list[list[str]]:
    return [*([*map(str, coordinate)] for coordinate in point), ["1", "0"]]


_EQUATIONS = {"pyecc": _pyecc, "snarkjs": _snarkjs}


def _g1(point: PointG1) -> G1:
    return FQ(point[0]), FQ(point[1]), FQ.one()


def _g2(point: PointG2) -> G2:
    return FQ2(point[0]), FQ2(point[1]), FQ2.one()
