"""Verifying proofs by the native core: one, or many at once. The verdict is that of ``verifier``, in milliseconds.

The core computes by its portable arithmetic here, so that a fault of the faster one, by which it proves, is seen. py_ecc
stays the reference: tests hold all verifiers against the same corpus of mutants.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from ..errors import ProofInvalid
from ..statement.constants import BASE_FIELD, FIELD
from . import native
from .proof import Proof
from .zkey import PointG1, PointG2, VerifyingKey

Pairs = list[tuple[PointG1, PointG2]]

#: Bits of the random factors of a batch: a proof that does not hold passes with a chance of 2^-128.
_FACTOR_BITS = 128


def require_holds(vk: VerifyingKey, proof: Proof) -> None:
    """Return if ``proof`` holds under ``vk``; ProofInvalid says why it does not. ToolError where there is no core.

    Whether the key is sound is not looked at here: see ``verifier.verify``.
    """
    _require_forms(vk, proof)
    total = native.sum_g1(vk.ic, (1, *proof.signals))
    answer = native.pairings_are_one(
        [
            (_minus(proof.pi_a), proof.pi_b),
            (vk.alpha1, vk.beta2),
            (total, vk.gamma2),
            (proof.pi_c, vk.delta2),
        ]
    )
    if answer is None:
        raise ProofInvalid("a point of the proof is not in its group, or one of the key is not")
    if not answer:
        raise ProofInvalid("the proof does not hold for its public signals under this key (native)")


def hold_together(vk: VerifyingKey, proofs: Sequence[Proof]) -> bool:
    """Whether all of many proofs hold under one key, by one equation: each proof's times a random factor, all added.

        Π e(zᵢ·Aᵢ, Bᵢ) = e(Σ zᵢ·α, β) · e(Σᵢ zᵢ·Σⱼ xᵢⱼ·ICⱼ, γ) · e(Σ zᵢ·Cᵢ, δ)

    The factors are drawn here, after the proofs are known, and the first is as random as the others.
    """
    if not proofs:
        return True
    try:
        for proof in proofs:
            _require_forms(vk, proof)
    except ProofInvalid:
        return False
    factors = [secrets.randbelow((1 << _FACTOR_BITS) - 1) + 1 for _ in proofs]
    signals = zip(*((1, *proof.signals) for proof in proofs), strict=True)
    weights = [sum(z * x for z, x in zip(factors, column, strict=True)) % FIELD for column in signals]
    pairs: Pairs = [
        (native.sum_g1([vk.alpha1], [sum(factors) % FIELD]), vk.beta2),
        (native.sum_g1(vk.ic, weights), vk.gamma2),
        (native.sum_g1([proof.pi_c for proof in proofs], factors), vk.delta2),
    ]
    for proof, z in zip(proofs, factors, strict=True):
        pairs.append((native.sum_g1([_minus(proof.pi_a)], [z]), proof.pi_b))
    return native.pairings_are_one(pairs) is True


def _require_forms(vk: VerifyingKey, proof: Proof) -> None:
    """What the core does not see: numbers are reduced on their way to it, and infinity has a meaning there."""
    if len(proof.signals) != len(vk.ic) - 1:
        raise ProofInvalid(f"{len(proof.signals)} public signals; the key is for {len(vk.ic) - 1}")
    if not all(0 <= x < FIELD for x in proof.signals):
        raise ProofInvalid("a public signal is not below the order of the scalar field")
    if not all(0 <= x < BASE_FIELD for x in (*proof.pi_a, *proof.pi_b[0], *proof.pi_b[1], *proof.pi_c)):
        raise ProofInvalid("a coordinate of the proof is not below the order of the base field")
    for name, (x, y) in (("A", proof.pi_a), ("C", proof.pi_c)):
        if (y * y - x * x * x - 3) % BASE_FIELD:  # so is (0, 0), which stands for infinity
            raise ProofInvalid(f"point {name} of the proof is not on the curve")
    if proof.pi_b == ((0, 0), (0, 0)):
        raise ProofInvalid("point B of the proof is not on the twisted curve")


def _minus(point: PointG1) -> PointG1:
    return point[0], -point[1] % BASE_FIELD
