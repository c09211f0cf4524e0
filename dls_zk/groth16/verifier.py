"""Verifying proofs, independently of what made them.

Every verifier gives the same verdict: the forms on which they are known to differ are refused for all of them alike
(numbers not below their field's order, points off their curve, outside the subgroup or at infinity, a wrong number of
signals, a verifying key that anybody can forge for). What is left to each is the pairing equation

    e(A, B) = e(α, β) · e(Σ xᵢ·ICᵢ, γ) · e(C, δ)        (Groth, EUROCRYPT 2016, section 3.2)
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError, ProofInvalid
from ..tools import native, snarkjs
from . import native_verifier
from .proof import Proof
from .sound_keys import require_sound_once
from .zkey import PointG1, PointG2, VerifyingKey

#: The verifiers: of ``pyecc_verifier``, of snarkjs, and of ``native_verifier`` where the native core can be had.
PYECC, SNARKJS, NATIVE = NAMES = ("pyecc", "snarkjs", "native")


def verify(name: str, vk: VerifyingKey, proof: Proof) -> None:
    """Return if ``proof`` holds under ``vk``, by the verifier of this name.

    ProofInvalid says why it does not. InsecureKey if the key itself is unsound. InputError for an unknown name.
    """
    if name not in NAMES:
        raise InputError(f"there is no verifier {name!r}; there are: {', '.join(NAMES)}")
    if name == NATIVE:
        require_sound_once(vk)
        native_verifier.require_holds(vk, proof)
        return
    require_well_formed(vk, proof)
    if not (_holds_by_pyecc if name == PYECC else _holds_by_snarkjs)(vk, proof):
        raise ProofInvalid(f"the proof does not hold for its public signals under this key ({name})")


def require_well_formed(vk: VerifyingKey, proof: Proof) -> None:
    """Everything that must hold before the pairing equation is looked at; raises like ``verify``."""
    from . import pyecc_verifier  # py_ecc takes long to load, and many commands do without it

    require_sound_once(vk)
    pyecc_verifier.require_well_formed(vk, proof)


def quickest(count: int = 1) -> str:
    """The verifier that takes the least time for so many proofs on this machine. The core is made if need be."""
    if not native.why_not():
        return NATIVE
    return SNARKJS if count >= _MANY else PYECC


#: From this number of proofs on it pays to start snarkjs for them.
_MANY = 3


def hold_together(proofs: Sequence[tuple[VerifyingKey, Proof]]) -> bool:
    """Whether each of many proofs holds under its key, by one equation for each key. Also False where there is no core;
    then ``verify`` says it of each. The core is made if need be."""
    if native.why_not():
        return False
    by_key: dict[VerifyingKey, list[Proof]] = {}
    for vk, proof in proofs:
        by_key.setdefault(vk, []).append(proof)
    for vk in by_key:
        require_sound_once(vk)
    return all(native_verifier.hold_together(vk, group) for vk, group in by_key.items())


def _holds_by_pyecc(vk: VerifyingKey, proof: Proof) -> bool:
    from . import pyecc_verifier

    return pyecc_verifier.holds(vk, proof)


def _holds_by_snarkjs(vk: VerifyingKey, proof: Proof) -> bool:
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
