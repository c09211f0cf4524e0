"""Poseidon over the scalar field of BN254, with circomlib's parameters.

Grassi, Khovratovich, Rechberger, Roy, Schofnegger: "Poseidon: A New Hash Function for Zero-Knowledge Proof Systems",
USENIX Security 2021. x^5 S-boxes, 8 full rounds, partial rounds as in circomlib 2.0.5. The constants are made here from
the Grain LFSR that the paper's authors specify (parameter script ``generate_params_poseidon.sage``), independently of
the tables that the circuits include; vectors from circomlibjs hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from .constants import FIELD

FULL_ROUNDS = 8
#: Partial rounds for 1, 2, … 16 inputs (circomlib 2.0.5, poseidon.circom).
PARTIAL_ROUNDS = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)


def poseidon(inputs: Sequence[int]) -> int:
    """Digest of 1 to 16 canonical field elements: the first element of the permutation of (0, *inputs)."""
    t = len(inputs) + 1
    if not 2 <= t <= 17:
        raise ValueError(f"Poseidon takes 1 to 16 inputs, not {len(inputs)}")
    if any(not 0 <= x < FIELD for x in inputs):
        raise ValueError("a Poseidon input is not a canonical field element")
    constants, matrix = _parameters(t)
    partial = PARTIAL_ROUNDS[t - 2]
    state = [0, *inputs]
    for round_ in range(FULL_ROUNDS + partial):
        state = [x + c for x, c in zip(state, constants[round_ * t :], strict=False)]
        if FULL_ROUNDS // 2 <= round_ < FULL_ROUNDS // 2 + partial:
            state[0] = pow(state[0], 5, FIELD)
        else:
            state = [pow(x, 5, FIELD) for x in state]
        state = [sum(m * x for m, x in zip(row, state, strict=True)) % FIELD for row in matrix]
    return state[0]


@lru_cache
def _parameters(t: int) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Round constants, round by round, and the MDS matrix of width t."""
    bits = _grain_bits(t)
    constants: list[int] = []
    while len(constants) < (FULL_ROUNDS + PARTIAL_ROUNDS[t - 2]) * t:
        candidate = _take(bits, 254)
        if candidate < FIELD:
            constants.append(candidate)
    while True:
        sample = [_take(bits, 254) % FIELD for _ in range(2 * t)]
        if len(set(sample)) == 2 * t:
            break
    # A Cauchy matrix is MDS.
    matrix = tuple(tuple(pow(x + y, -1, FIELD) for y in sample[t:]) for x in sample[:t])
    return tuple(constants), matrix


def _take(bits: Iterator[str], count: int) -> int:
    return int("".join(next(bits) for _ in range(count)), 2)


def _grain_bits(t: int) -> Iterator[str]:
    """The self-shrinking Grain LFSR of the Poseidon paper (appendix E), as characters '0' and '1'."""
    seed = f"{1:02b}{0:04b}{254:012b}{t:012b}{FULL_ROUNDS:010b}{PARTIAL_ROUNDS[t - 2]:010b}" + "1" * 30
    state = int(seed[::-1], 2)  # the first bit is the lowest
    # b_{i+80} = b_{i+62} ⊕ b_{i+51} ⊕ b_{i+38} ⊕ b_{i+23} ⊕ b_{i+13} ⊕ b_i: sixteen steps fit in one operation.
    step = 16
    skip = 160
    while True:
        new = (state ^ state >> 13 ^ state >> 23 ^ state >> 38 ^ state >> 51 ^ state >> 62) & ((1 << step) - 1)
        state = state >> step | new << (80 - step)
        stream = f"{new:0{step}b}"[::-1]
        if skip:
            skip -= step
            continue
        # Of each pair, the first bit says whether the second is put out.
        for k in range(0, step, 2):
            if stream[k] == "1":
                yield stream[k + 1]
