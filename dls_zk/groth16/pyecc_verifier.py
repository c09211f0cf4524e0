"""Verifying proofs by py_ecc, in pure Python: the reference that all verifiers agree with."""

from __future__ import annotations

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

from ..errors import ProofInvalid
from ..statement.constants import BASE_FIELD, FIELD
from .proof import Proof
from .zkey import PointG1, PointG2, VerifyingKey

#: Points as py_ecc takes them: projective, the last coordinate 0 for infinity.
G1 = tuple[FQ, FQ, FQ]
G2 = tuple[FQ2, FQ2, FQ2]


def require_well_formed(vk: VerifyingKey, proof: Proof) -> None:
    """Return if a proof has the forms that the pairing equation is about; ProofInvalid if not."""
    if len(proof.signals) != len(vk.ic) - 1:
        raise ProofInvalid(f"{len(proof.signals)} public signals; the key is for {len(vk.ic) - 1}")
    coordinates = (*proof.pi_a, *proof.pi_b[0], *proof.pi_b[1], *proof.pi_c)
    if not all(0 <= x < BASE_FIELD for x in coordinates):
        raise ProofInvalid("a coordinate of the proof is not below the order of the base field")
    if not all(0 <= x < FIELD for x in proof.signals):
        raise ProofInvalid("a public signal is not below the order of the scalar field")
    # The affine form (0, 0), which stands for infinity on chain, is on neither curve.
    for name, pair in (("A", proof.pi_a), ("C", proof.pi_c)):
        if not is_on_curve(to_g1(pair), b):
            raise ProofInvalid(f"point {name} of the proof is not on the curve")
    point = to_g2(proof.pi_b)
    if not is_on_curve(point, b2):
        raise ProofInvalid("point B of the proof is not on the twisted curve")
    if not is_inf(multiply(point, curve_order)):
        raise ProofInvalid("point B of the proof is not in the subgroup of prime order")


def holds(vk: VerifyingKey, proof: Proof) -> bool:
    """The pairing equation by py_ecc: four Miller loops and one final exponentiation."""
    total = to_g1(vk.ic[0])
    for signal, point in zip(proof.signals, vk.ic[1:], strict=True):
        total = add(total, multiply(to_g1(point), signal))
    return pairings_are_one(
        (neg(to_g1(proof.pi_a)), to_g2(proof.pi_b)),
        (to_g1(vk.alpha1), to_g2(vk.beta2)),
        (total, to_g2(vk.gamma2)),
        (to_g1(proof.pi_c), to_g2(vk.delta2)),
    )


def pairings_are_one(*pairs: tuple[G1, G2]) -> bool:
    """Whether the product of the pairings of these points is 1, as the precompile of EIP-197 decides it."""
    product = FQ12.one()
    for left, right in pairs:
        product *= pairing(right, left, final_exponentiate=False)
    return final_exponentiate(product) == FQ12.one()


def to_g1(point: PointG1) -> G1:
    return FQ(point[0]), FQ(point[1]), FQ.one()


def to_g2(point: PointG2) -> G2:
    return FQ2(point[0]), FQ2(point[1]), FQ2.one()
