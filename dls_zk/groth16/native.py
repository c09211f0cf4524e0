"""The native core (``dls_zk/native``), called by ctypes: proofs, sums and pairings.

Python's lock is not held during a call. The core wipes its memory of the witness, the random numbers and all that follows
from them on every way out. Like every prover in use it takes a time that depends on the witness.
"""

from __future__ import annotations

import ctypes
import os
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any

from ..errors import ArtifactError, ToolError
from ..statement.constants import BASE_FIELD, FIELD
from ..storage.built import ProvingKey
from ..tools import native
from .zkey import PointG1, PointG2

#: More threads than that gain nothing.
MAX_THREADS = 16

#: Keys that stay open; one of 32 slots takes some 25 MB.
_OPEN_KEYS = 4

_DONE, _NO_MEMORY, _DAMAGED_KEY, _WRONG_WITNESS, _WRONG_SCALAR, _NO_PROOF, _NO_SUCH_PATH = range(7)
_MESSAGES = {
    _NO_MEMORY: "there is not enough memory for the native prover",
    _WRONG_WITNESS: "the witness is not one of this circuit: another number of values, or one that is not a field element",
    _WRONG_SCALAR: "a scalar is not below the order of the field",
    _NO_PROOF: "the native prover made a point at infinity; the key is damaged",
    _NO_SUCH_PATH: "this processor lacks what the native prover was asked to use",
}


class Core:
    """The functions of the core.

    path: its arithmetic: 0 portable, 1 for x86-64 with ADX, 2 with AVX-512 IFMA as well; by default the fastest there is.
    """

    def __init__(self, library: ctypes.CDLL, path: int | None = None) -> None:
        self.library = library
        self.path = int(library.dls_zk_best_path()) if path is None else path

    def open(self, zkey: bytes) -> OpenKey:
        """A proving key, from the bytes of a .zkey. ArtifactError if they are no such key."""
        handle = ctypes.c_void_p()
        answer = self.library.dls_zk_open(self.path, zkey, ctypes.c_uint64(len(zkey)), ctypes.byref(handle))
        if answer == _DAMAGED_KEY:
            raise ArtifactError("the proving key is damaged, or no Groth16 key over BN254")
        _require_done(answer)
        return OpenKey(self, handle)


class OpenKey:
    """A proving key in the core's memory, which goes with this object."""

    def __init__(self, core: Core, handle: ctypes.c_void_p) -> None:
        self._core, self._handle = core, handle

    def __del__(self) -> None:
        self._core.library.dls_zk_close(self._handle)

    def prove(self, witness: bytes, r: bytearray, s: bytearray, threads: int) -> tuple[int, ...]:
        """The coordinates of A, B (real parts first) and C. r, s: 32 bytes each, little-endian, below FIELD, random.

        ToolError for a witness of the wrong size. Not verified: a witness that does not satisfy the circuit gives an
        invalid proof.
        """
        out = ctypes.create_string_buffer(256)
        count = ctypes.c_uint64(len(witness) // 32)
        answer = self._core.library.dls_zk_prove(
            self._handle, witness, count, _in_place(r), _in_place(s), ctypes.c_int(threads), out
        )
        _require_done(answer)
        return tuple(int.from_bytes(out.raw[at : at + 32], "little") for at in range(0, 256, 32))


def prove(key: ProvingKey, witness: bytes, threads: int) -> tuple[int, ...]:
    """A proof with fresh random numbers: see ``OpenKey.prove``. It may be called by several threads at once.

    The key is read once, when its hash is compared, and stays open.
    """
    open_key = _open_keys().get(key)
    r, s = _random_scalar(), _random_scalar()
    try:
        return open_key.prove(witness, r, s, threads)
    finally:
        for scalar in (r, s):
            ctypes.memset(_in_place(scalar), 0, len(scalar))


def threads() -> int:
    """Threads to prove with: one for each processor that this process may run on."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, MAX_THREADS)


def sum_g1(points: Sequence[PointG1], scalars: Sequence[int]) -> PointG1:
    """Σ kᵢ·Pᵢ, for points on the curve, (0, 0) for infinity, and integers below FIELD. ToolError where there is no core."""
    out = ctypes.create_string_buffer(64)
    library, numbers = native.library(), b"".join(k.to_bytes(32, "little") for k in scalars)
    given = b"".join(map(_pair_bytes, points))
    _require_done(library.dls_zk_sum(_PORTABLE, 1, given, numbers, ctypes.c_uint32(len(points)), 1, out))
    x, y = (int.from_bytes(out.raw[at : at + 32], "little") * _FROM_MONTGOMERY % BASE_FIELD for at in (0, 32))
    return x, y


def pairings_are_one(pairs: Sequence[tuple[PointG1, PointG2]]) -> bool | None:
    """Whether the product of the pairings of these points is 1; None if one of them is not in its group.

    Zeros stand for infinity, which is in both groups. ToolError where there is no core.
    """
    left = b"".join(_pair_bytes(p) for p, _ in pairs)
    right = b"".join(_pair_bytes(coordinate) for _, q in pairs for coordinate in q)
    answer = native.library().dls_zk_pairings(_PORTABLE, left, right, ctypes.c_uint32(len(pairs)))
    if answer == _WRONG_SCALAR:
        return None
    if answer != _NO_PROOF:
        _require_done(answer)
    return answer == _DONE


def _pair_bytes(pair: tuple[int, int]) -> bytes:
    return b"".join((x * _TO_MONTGOMERY % BASE_FIELD).to_bytes(32, "little") for x in pair)


_TO_MONTGOMERY = (1 << 256) % BASE_FIELD
_FROM_MONTGOMERY = pow(1 << 256, -1, BASE_FIELD)
_PORTABLE = 0


class _OpenKeys:
    """The keys that were used last, by their hashes."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, OpenKey] = OrderedDict()
        self._lock = Lock()

    def get(self, key: ProvingKey) -> OpenKey:
        sha256 = key.zkey_sha256
        with self._lock:
            if sha256 not in self._keys:
                self._keys[sha256] = Core(native.library()).open(key.read_zkey())
                while len(self._keys) > _OPEN_KEYS:
                    self._keys.popitem(last=False)
            self._keys.move_to_end(sha256)
            return self._keys[sha256]


@cache
def _open_keys() -> _OpenKeys:
    return _OpenKeys()


def _random_scalar() -> bytearray:
    """A uniform number below FIELD, in memory that can be wiped. Numbers of 254 bits are drawn until one is below it."""
    scalar = bytearray(32)
    with open("/dev/urandom", "rb", buffering=0) as source:
        while True:
            if source.readinto(scalar) != len(scalar):
                raise ToolError("/dev/urandom gave no random numbers")
            scalar[31] &= 0x3F
            if _is_below_the_order(scalar):
                return scalar


_ORDER = FIELD.to_bytes(32, "little")


def _is_below_the_order(scalar: bytearray) -> bool:
    """Byte for byte: an int of it would stay in memory."""
    place = next((at for at in range(31, -1, -1) if scalar[at] != _ORDER[at]), None)
    return place is not None and scalar[place] < _ORDER[place]


def _in_place(scalar: bytearray) -> Any:
    if len(scalar) != 32:
        raise ValueError("a scalar has 32 bytes")
    return (ctypes.c_char * 32).from_buffer(scalar)


def _require_done(answer: int) -> None:
    if answer != _DONE:
        raise ToolError(_MESSAGES[answer])
