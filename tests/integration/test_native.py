"""The native core of the prover: its numbers against Python's, damaged keys, threads, forks, and little memory."""

from __future__ import annotations

import ctypes
import itertools
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from py_ecc.optimized_bn128 import G1, G2, add, double, multiply, neg, normalize

from dls_zk.audit.simulator import g1, g2, outside_the_subgroup
from dls_zk.errors import ArtifactError, ToolError
from dls_zk.groth16 import native as groth16_native
from dls_zk.groth16 import native_verifier, prover
from dls_zk.groth16.native import Core
from dls_zk.groth16.verifier import verify
from dls_zk.groth16.witness import WitnessCalculator
from dls_zk.groth16.zkey import PointG1, PointG2, VerifyingKey
from dls_zk.statement.constants import BASE_FIELD, FIELD
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.tools import native
from tests.integration.conftest import SMALL_INPUTS
from tests.support.native import PlainKey, R, core, from_bytes, native_sum, plain_sum, to_bytes, word

PATHS = (0, 1, 2)  # portable, ADX, ADX with sums and transforms by eights


@pytest.fixture(params=PATHS, ids=["portable", "adx", "eights"])
def each(request: pytest.FixtureRequest) -> Core:
    return core(request.param)


@pytest.fixture(scope="module")
def good_witness(small: BuiltCircuit) -> bytes:
    return WitnessCalculator(small).calculate(SMALL_INPUTS)


@pytest.fixture(scope="module")
def zkey(small_key: ProvingKey) -> bytes:
    return small_key.read_zkey()


@pytest.fixture(scope="module")
def vk(small_key: ProvingKey) -> VerifyingKey:
    return VerifyingKey.from_json(small_key.verification_key.read_bytes())


def scalar(x: int) -> bytearray:
    return bytearray(word(x))


# --- the field -----------------------------------------------------------------------------------------------

WORDS = (0, 1, 2**64 - 1, 2**63)


def extremes(order: int) -> list[int]:
    """Numbers below the order with every word at its ends, and the order's own neighbours."""
    mixed = (sum(w << 64 * i for i, w in enumerate(words)) for words in itertools.product(WORDS, repeat=4))
    top = [(order >> 192 << 192) - 1, order >> 192 << 192, order // 2, order // 2 + 1, order - 1, order - 2, R % order]
    cut = [(order & ~(2**64 - 1 << 64 * i)) % order for i in range(4)]
    return [*(x % (1 << 253) for x in mixed), *top, *cut, *(x for x in (order - 2**64, order - 2**128, order - 2**192))]


@pytest.mark.parametrize(("field", "order"), [(0, BASE_FIELD), (1, FIELD)], ids=["base field", "scalar field"])
def test_words_at_their_ends(each: Core, field: int, order: int) -> None:
    numbers = sorted(set(extremes(order)))
    run, out = each.library.dls_zk_field, ctypes.create_string_buffer(32)
    inverse = pow(R, -1, order)
    expected = (lambda a, b: a * b * inverse % order, lambda a, b: (a + b) % order, lambda a, b: (a - b) % order)
    rng = random.Random(1)
    pairs = [(a, b) for a in numbers for b in rng.sample(numbers, 30)]
    pairs += [(a, b) for a in numbers[-9:] for b in numbers[-9:]]
    pairs += [(rng.randrange(order), rng.randrange(order)) for _ in range(2000)]
    for a, b in pairs:
        left, right = word(a), word(b)
        for operation, value in enumerate(expected):
            assert run(each.path, field, operation, left, right, out) == 0
            assert out.raw == word(value(a, b)), (operation, a, b)


@pytest.mark.parametrize(("field", "order"), [(0, BASE_FIELD), (1, FIELD)], ids=["base field", "scalar field"])
def test_inverses(each: Core, field: int, order: int) -> None:
    out = ctypes.create_string_buffer(32)
    for x in {*extremes(order)[::7], 0, 1, order - 1}:
        assert each.library.dls_zk_field(each.path, field, 3, word(x), word(0), out) == 0
        assert out.raw == word(R * R * pow(x, -1, order) % order if x else 0)


@pytest.mark.parametrize("beyond", [0, 1, 2**255])
@pytest.mark.parametrize(("field", "order"), [(0, BASE_FIELD), (1, FIELD)], ids=["base field", "scalar field"])
def test_a_number_that_is_not_below_the_order(each: Core, field: int, order: int, beyond: int) -> None:
    out = ctypes.create_string_buffer(32)
    assert each.library.dls_zk_field(each.path, field, 0, word(order + beyond), word(1), out) != 0


# --- sums of multiples ---------------------------------------------------------------------------------------

INFINITY = {64: bytes(64), 128: bytes(128)}
ENDS = (0, 1, 2, FIELD - 1, FIELD - 2, (FIELD - 1) // 2, (FIELD + 1) // 2, 2**64, 2**64 - 1, 2**127, 2**128 - 1, 2**253)
#: The cube root of 1 by which scalars are cut in two, and what is near multiples of it.
LAMBDA = 4407920970296243842393367215006156084916469457145843978461
CUTS = (LAMBDA, FIELD - LAMBDA, LAMBDA + 1, LAMBDA**2 % FIELD, LAMBDA * 9931322734385697763 % FIELD)


@pytest.mark.parametrize("generator", [G1, G2], ids=["G1", "G2"])
@pytest.mark.parametrize("scalar", [*ENDS, *CUTS])
def test_one_multiple(each: Core, generator: tuple, scalar: int) -> None:
    assert native_sum(each, [to_bytes(generator)], [scalar]) == to_bytes(multiply(generator, scalar))


@pytest.mark.parametrize("generator", [G1, G2], ids=["G1", "G2"])
@pytest.mark.parametrize(
    "multiples",
    [
        [1, 1],
        [1, -1],
        [0, 0],
        [0, 1],
        [1, 0],
        [1] * 37,
        [-1] * 16,
        [0] * 9,
        [1, -1] * 8,
        [1, 1, -2],
        [1, 1, -1, -1],
        [2, 1, 1],
        [1, 2, 3, -3, -2, -1],
        [3, 0, 3, 0, -6],
        [5, 5, 5, 5, -5, -5, -5, -5, 0, 0],
    ],
    ids=str,
)
@pytest.mark.parametrize("scalar", [1, FIELD - 1, 2**100 + 12345])
def test_exceptional_additions(each: Core, generator: tuple, multiples: list[int], scalar: int) -> None:
    """Equal points, opposite points and infinity, all in one bucket."""
    points = [multiply(generator, abs(m)) if m >= 0 else neg(multiply(generator, -m)) for m in multiples]
    expected = multiply(generator, sum(multiples) * scalar % FIELD)
    assert native_sum(each, [to_bytes(p) for p in points], [scalar] * len(points)) == to_bytes(expected)


def test_images_that_meet_points(each: Core) -> None:
    """λ·P as a point of its own: in the buckets it meets the image of P, as an equal and as an opposite one."""
    image = multiply(G1, LAMBDA)
    points = [to_bytes(p) for p in (G1, image, neg(image), G1)]
    for scalars in ([LAMBDA, 1, 1, 1], [LAMBDA, 1, 5, 5 * LAMBDA % FIELD], [FIELD - LAMBDA, 1, 0, 0]):
        expected = plain_sum([G1, image, neg(image), G1], scalars)
        assert native_sum(each, points, scalars) == to_bytes(expected)


def known_points(count: int) -> list[tuple[bytes, int]]:
    """Points with their logarithms; among them infinity, repeated and opposite ones."""
    known: list[tuple[bytes, int]] = []
    point, at = G1, 1
    for k in range(count):
        if k % 50 == 7:
            known.append((bytes(64), 0))
        elif k % 31 == 3:
            known.append(known[-1])
        elif k % 37 == 5:
            known.append((to_bytes(neg(point)), -at))
        else:
            point, at = (add(point, G1), at + 1) if k % 2 else (double(point), 2 * at % FIELD)
            known.append((to_bytes(point), at))
    return known


@pytest.mark.parametrize("count", [1, 2, 3, 17, 1500])
def test_many_multiples(each: Core, count: int) -> None:
    rng = random.Random(count)
    points, logarithms = map(list, zip(*known_points(count), strict=True))
    kinds: tuple[Callable[[], int], ...] = (
        lambda: 0,
        lambda: 1,
        lambda: rng.randrange(FIELD),
        lambda: rng.randrange(1 << 64),
        lambda: FIELD - rng.randrange(1 << 32),
        lambda: rng.choice(ENDS),
    )
    for kind in (*kinds, lambda: rng.choice(kinds)()):
        scalars = [kind() for _ in range(count)]
        expected = multiply(G1, sum(k * x for k, x in zip(scalars, logarithms, strict=True)) % FIELD)
        for threads in (1, 2, 3, 16):
            assert native_sum(each, points, scalars, threads) == to_bytes(expected)


@pytest.mark.parametrize("beyond", [FIELD, FIELD + 1, 2**256 - 1])
def test_a_scalar_that_is_not_below_the_order(each: Core, beyond: int) -> None:
    with pytest.raises(ValueError, match=str(groth16_native._WRONG_SCALAR)):
        native_sum(each, [to_bytes(G1)], [beyond])


# --- pairings ---------------------------------------------------------------------------------------------------


def pair(left: int, right: int) -> tuple[PointG1, PointG2]:
    """(left·G1, right·G2) in plain coordinates, zeros for infinity."""
    return g1(left % FIELD), g2(right % FIELD)


@pytest.mark.parametrize(
    ("logarithms", "one"),
    [
        ([], True),
        ([(0, 0)], True),
        ([(0, 5)], True),
        ([(5, 0)], True),
        ([(1, 1)], False),
        ([(1, 1), (-1, 1)], True),
        ([(1, 1), (1, -1)], True),
        ([(1, 1), (1, 1)], False),
        ([(6, 35), (-14, 15)], True),
        ([(6, 35), (-14, 16)], False),
        ([(FIELD - 1, 2), (2, 1)], True),
        ([(1, 1), (0, 7), (-1, 1), (7, 0)], True),
        ([(1, 1)] * 16 + [(-16, 1)], True),  # more than one run of Miller's loop takes
        ([(1, 1)] * 17 + [(-16, 1)], False),
        ([(3, 5)] * 40 + [(-120, 5)], True),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_products_of_pairings(
    path: int, logarithms: list[tuple[int, int]], one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    core(path)
    monkeypatch.setattr(groth16_native, "_PORTABLE", path)
    assert groth16_native.pairings_are_one([pair(*logarithm) for logarithm in logarithms]) is one


def test_products_of_pairings_at_random() -> None:
    core(0)
    rng = random.Random(3)
    for _ in range(20):
        numbers = [(rng.randrange(FIELD), rng.randrange(1, FIELD)) for _ in range(rng.randint(1, 5))]
        last = rng.randrange(1, FIELD)
        numbers.append((-sum(a * b for a, b in numbers) * pow(last, -1, FIELD), last))
        assert groth16_native.pairings_are_one([pair(*one) for one in numbers]) is True
        numbers[0] = (numbers[0][0] + 1, numbers[0][1])
        assert groth16_native.pairings_are_one([pair(*one) for one in numbers]) is False


def test_points_that_are_in_no_group() -> None:
    core(0)
    ones = pair(1, 1)
    off, (x, y) = (1, 3), ones[1]
    bad: list[tuple[PointG1, PointG2]] = [
        (off, ones[1]),
        ((0, 1), ones[1]),
        ((1, 0), ones[1]),
        (ones[0], (x, (y[0] + 1, y[1]))),
        (ones[0], (x, x)),
        (ones[0], ((0, 0), y)),
        (ones[0], outside_the_subgroup()),
    ]
    for one in bad:
        for pairs in ([one], [ones, one], [one, pair(0, 0)], [(pair(0, 1)[0], one[1]) if one[0] == ones[0] else one]):
            assert groth16_native.pairings_are_one(pairs) is None


def test_many_proofs_hold_together_or_not(small_key: ProvingKey, good_witness: bytes, vk: VerifyingKey) -> None:
    core(0)
    proofs = [prover.backend("native").prove(small_key, good_witness) for _ in range(5)]
    assert native_verifier.hold_together(vk, [])
    assert native_verifier.hold_together(vk, proofs[:1]) and native_verifier.hold_together(vk, proofs)
    assert native_verifier.hold_together(vk, [*proofs, proofs[0]])
    for k, proof in enumerate(proofs):
        other = proofs[(k + 1) % 5]
        for bad in (
            replace(proof, signals=(34, 7)),
            replace(proof, signals=()),
            replace(proof, pi_c=other.pi_c),
            replace(proof, pi_a=(proof.pi_a[0], BASE_FIELD - proof.pi_a[1])),
            replace(proof, pi_a=(0, 0)),
        ):
            assert not native_verifier.hold_together(vk, [*proofs[:k], bad, *proofs[k + 1 :]])
    # Two faults that cancel out in a plain sum: C + P and C − P.
    c, d = (from_bytes(pair_bytes(proof.pi_c)) for proof in proofs[:2])
    swapped = [
        replace(proof, pi_c=g1_of(point)) for proof, point in zip(proofs, (add(c, G1), add(d, neg(G1))), strict=False)
    ]
    assert not native_verifier.hold_together(vk, [*swapped, *proofs[2:]])


def pair_bytes(point: PointG1) -> bytes:
    return groth16_native._pair_bytes(point)


def g1_of(point: tuple) -> PointG1:
    x, y = normalize(point)
    return int(x), int(y)


# --- proofs --------------------------------------------------------------------------------------------------


def numbers(witness: bytes) -> list[int]:
    return [int.from_bytes(witness[at : at + 32], "little") for at in range(0, len(witness), 32)]


#: A witness, r, s, and the coordinates of the proof.
PlainProof = tuple[bytes, int, int, tuple[int, ...]]


@pytest.fixture(scope="module")
def plain_proofs(
    small_key: ProvingKey, small: BuiltCircuit, good_witness: bytes
) -> list[tuple[bytes, int, int, tuple[int, ...]]]:
    """Proofs by plain integers. The last witness satisfies nothing: the prover does not look; the verification does."""
    key, calculator, rng = PlainKey.read(small_key.zkey), WitnessCalculator(small), random.Random(5)
    wide = calculator.calculate({"a": 2**32 - 1, "b": ((FIELD - 1, FIELD // 2), (0, FIELD - 2))})
    false = b"".join(word(rng.randrange(FIELD)) for _ in numbers(good_witness))
    scalars = ((0, 0), (1, FIELD - 1), (FIELD - 1, 2**128), (0x1234567 << 200, 0x7654321 << 180))
    made = ((witness, key.sums(numbers(witness))) for witness in (good_witness, wide, false))
    return [(witness, r, s, sums.proof(r, s)) for witness, sums in made for r, s in scalars]


def test_a_proof_is_the_one_that_plain_integers_give(each: Core, zkey: bytes, plain_proofs: list[PlainProof]) -> None:
    key = each.open(zkey)
    for witness, r, s, expected in plain_proofs:
        for threads in (1, 2, 3, 16, 0, -1, 1000):
            assert key.prove(witness, scalar(r), scalar(s), threads) == expected


def test_two_proofs_of_one_witness_differ(small_key: ProvingKey, good_witness: bytes, vk: VerifyingKey) -> None:
    core(0)
    made = [prover.backend("native").prove(small_key, good_witness) for _ in range(3)]
    assert len({proof.pi_a for proof in made}) == len({proof.pi_b for proof in made}) == 3
    for proof in made:
        verify("snarkjs", vk, proof)


@pytest.mark.parametrize(("r", "s"), [(FIELD, 1), (1, FIELD), (2**256 - 1, 1)])
def test_random_numbers_that_are_not_below_the_order(each: Core, zkey: bytes, good_witness: bytes, r: int, s: int) -> None:
    with pytest.raises(ToolError, match="not below the order"):
        each.open(zkey).prove(good_witness, scalar(r), scalar(s), 1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-32],
        lambda data: data + bytes(32),
        lambda data: data[:-32] + word(FIELD),
        lambda data: data[:32] + b"\xff" * 32 + data[64:],
    ],
)
def test_a_witness_that_is_none(each: Core, zkey: bytes, good_witness: bytes, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ToolError, match="not one of this circuit"):
        each.open(zkey).prove(spoil(good_witness), scalar(1), scalar(2), 2)


def test_random_numbers_are_below_the_order_and_all_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [int.from_bytes(groth16_native._random_scalar(), "little") for _ in range(300)]
    assert len(set(drawn)) == 300 and max(drawn) < FIELD and max(drawn) > FIELD // 10 * 9 and min(drawn) < FIELD // 10
    for x in (0, 1, FIELD - 1, FIELD, FIELD + 1, FIELD + 2**200, 2**254 - 1):
        assert groth16_native._is_below_the_order(scalar(x)) == (x < FIELD)


def test_the_random_numbers_are_wiped(small_key: ProvingKey, good_witness: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    core(0)
    drawn = [groth16_native._random_scalar() for _ in range(4)]
    monkeypatch.setattr(groth16_native, "_random_scalar", iter(drawn).__next__)
    groth16_native.prove(small_key, good_witness, 2)
    with pytest.raises(ToolError):
        groth16_native.prove(small_key, good_witness[:-32], 1)
    assert drawn == [bytearray(32)] * 4


#: Proves on a stack that is zero before, and writes it to a file after; by turns of (r, s), each 64 bytes of standard input.
STACKS = r"""
#include "core.cpp"
#include <stdio.h>
static u64 contents(const char *name, u8 *out, size_t room) {
    FILE *file = fopen(name, "rb");
    size_t size = fread(out, 1, room, file);
    fclose(file);
    return size;
}
static OpenKey *key;
static u8 zkey[1 << 20], witness[1 << 16];
static u64 count;
static u8 random_numbers[64], proof[256];
static int answer;
static void *prove(void *) {
    answer = dls_zk_prove(key, witness, count, random_numbers, random_numbers + 32, 1, proof);
    return nullptr;
}
int main(int, char **argv) {
    const u64 zkey_size = contents(argv[1], zkey, sizeof zkey);
    count = contents(argv[2], witness, sizeof witness) / 32;
    const size_t size = 1 << 20;
    u8 *stack = (u8 *)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (dls_zk_open(atoi(argv[3]), zkey, zkey_size, &key)) return 1;
    while (fread(random_numbers, 64, 1, stdin) == 1) {
        memset(stack, 0, size);
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setstack(&attributes, stack, size);
        if (pthread_create(&thread, &attributes, prove, nullptr)) return 2;
        pthread_join(thread, nullptr);
        if (answer) return 3;
        fwrite(stack, 1, size, stdout);
    }
}
"""


@pytest.mark.skipif(not native.compilers(), reason="compiles the core")
def test_nothing_of_the_random_numbers_stays_on_the_stack(zkey: bytes, good_witness: bytes, tmp_path: Path) -> None:
    """The stack after a proof is the same for other random numbers, but for addresses."""
    (tmp_path / "zkey").write_bytes(zkey)
    (tmp_path / "witness").write_bytes(good_witness)
    (tmp_path / "stacks.cpp").write_text(STACKS)
    flags = [flag for flag in native.FLAGS if flag not in ("-fPIC", "-shared")]
    sources: list[str | Path] = [
        "-I",
        native.places.native_sources(),
        "-x",
        "c++",
        tmp_path / "stacks.cpp",
        "-o",
        tmp_path / "stacks",
    ]
    subprocess.run([*native.compilers()[0], *flags, *sources], check=True, timeout=120)
    some, others = (word(3**150 + k) + word(5**108 + k) for k in range(2))
    for path in {0, core(0).library.dls_zk_best_path()}:
        argv = [tmp_path / "stacks", tmp_path / "zkey", tmp_path / "witness", str(path)]
        done = subprocess.run(argv, input=3 * some + others, capture_output=True, check=True, timeout=60)
        stacks = struct.iter_unpack(f"<{len(done.stdout) // 32}Q", done.stdout)
        _, first, again, other = stacks
        assert any(first)
        changed = [x for x, y, z in zip(first, again, other, strict=True) if x == y != z and x >> 48]
        assert not changed, f"{len(changed)} words follow from the random numbers"


# --- keys ----------------------------------------------------------------------------------------------------


def sections_of(zkey: bytes) -> list[tuple[int, bytes]]:
    at, found = 12, []
    while at < len(zkey):
        number, size = struct.unpack("<IQ", zkey[at : at + 12])
        found.append((number, zkey[at + 12 : at + 12 + size]))
        at += 12 + size
    return found


def zkey_of(sections: list[tuple[int, bytes]]) -> bytes:
    parts = (struct.pack("<IQ", number, len(content)) + content for number, content in sections)
    return b"zkey" + struct.pack("<II", 1, len(sections)) + b"".join(parts)


def test_sections_in_any_order_and_at_odd_places(each: Core, zkey: bytes, good_witness: bytes) -> None:
    expected = each.open(zkey).prove(good_witness, scalar(3), scalar(4), 1)
    sections = sections_of(zkey)
    assert zkey_of(sections) == zkey
    rng = random.Random(1)
    for shift in range(8):
        # The transcript, which the prover does not read, puts what follows it at every alignment.
        shuffled = [(number, content + bytes(shift) if number == 10 else content) for number, content in sections]
        rng.shuffle(shuffled)
        moved = zkey_of(sorted(shuffled, key=lambda section: section[0] != 10))
        assert each.open(moved).prove(good_witness, scalar(3), scalar(4), 1) == expected
        assert each.open(zkey_of(shuffled)).prove(good_witness, scalar(3), scalar(4), 1) == expected


def changed(zkey: bytes, section: int, change: Callable[[bytearray], object]) -> bytes:
    def apply(content: bytes) -> bytes:
        data = bytearray(content)
        change(data)
        return bytes(data)

    return zkey_of([(number, apply(content) if number == section else content) for number, content in sections_of(zkey)])


def without(zkey: bytes, section: int) -> bytes:
    return zkey_of([one for one in sections_of(zkey) if one[0] != section])


def put(at: int, data: bytes) -> Callable[[bytearray], object]:
    return lambda content: content.__setitem__(slice(at, at + len(data)), data)


def u32(x: int) -> bytes:
    return struct.pack("<I", x)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda z: b"",
    "another kind of file": lambda z: b"r1cs" + z[4:],
    "another version": lambda z: z[:4] + u32(2) + z[8:],
    "a section too many announced": lambda z: z[:8] + u32(11) + z[12:],
    "four billion sections": lambda z: z[:8] + u32(2**32 - 1) + z[12:],
    "a section of all memory": lambda z: z[:16] + struct.pack("<Q", 2**64 - 1) + z[24:],
    "a section that wraps": lambda z: z[:16] + struct.pack("<Q", 2**64 - 12) + z[24:],
    "a section twice": lambda z: zkey_of([*sections_of(z), sections_of(z)[2]]),
    "section 0": lambda z: zkey_of([*sections_of(z), (0, b"")]),
    "section 11": lambda z: zkey_of([*sections_of(z), (11, b"")]),
    "bytes after the end": lambda z: z + b"\0",
    "another protocol": lambda z: changed(z, 1, put(0, u32(2))),
    "another base field": lambda z: changed(z, 2, put(4, b"\1")),
    "another scalar field": lambda z: changed(z, 2, put(40, b"\2")),
    "another size of numbers": lambda z: changed(z, 2, put(0, u32(48))),
    "no variables": lambda z: changed(z, 2, put(72, u32(0))),
    "a variable more": lambda z: changed(z, 2, put(72, u32(1 + int.from_bytes(sections_of(z)[1][1][72:76], "little")))),
    "four billion variables": lambda z: changed(z, 2, put(72, u32(2**32 - 1))),
    "all variables public": lambda z: changed(z, 2, put(76, u32(2**32 - 1))),
    "an empty domain": lambda z: changed(z, 2, put(80, u32(0))),
    "a domain that is no power of two": lambda z: changed(z, 2, put(80, u32(63))),
    "a domain beyond the roots of 1": lambda z: changed(z, 2, put(80, u32(2**31))),
    "a domain of half the size": lambda z: changed(z, 2, put(80, u32(32))),
    "more coefficients announced": lambda z: changed(z, 4, put(0, u32(2**32 - 1))),
    "a coefficient of a third matrix": lambda z: changed(z, 4, put(4, u32(2))),
    "a coefficient below the last row": lambda z: changed(z, 4, put(8, u32(2**32 - 1))),
    "a coefficient of no wire": lambda z: changed(z, 4, put(12, u32(2**31))),
    "a coefficient that is none of the field": lambda z: changed(z, 4, put(16, word(FIELD))),
    "a coordinate of δ": lambda z: changed(z, 2, put(84 + 64 * 2 + 256, word(BASE_FIELD))),
}

for section in (1, 2, 4, 5, 6, 7, 8, 9):  # 3 and 10 are the verifier's and the ceremony's
    DAMAGE[f"section {section} cut short"] = partial(changed, section=section, change=bytearray.pop)
    DAMAGE[f"no section {section}"] = partial(without, section=section)
for section in (5, 6, 7, 8, 9):
    DAMAGE[f"a coordinate in section {section}"] = partial(changed, section=section, change=put(32, word(BASE_FIELD)))


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_key_is_an_error(zkey: bytes, kind: str) -> None:
    with pytest.raises(ArtifactError, match="damaged"):
        core(0).open(DAMAGE[kind](zkey))


def test_a_key_that_is_cut_short_anywhere(zkey: bytes) -> None:
    for end in (*range(200), *range(200, len(zkey), 97), len(zkey) - 1):
        with pytest.raises(ArtifactError):
            core(0).open(zkey[:end])


def test_flipped_bits_give_an_error_or_another_proof_and_no_crash(zkey: bytes, good_witness: bytes) -> None:
    native_core, rng = core(0), random.Random(2)
    for _ in range(300):
        data = bytearray(zkey)
        for _ in range(rng.choice((1, 1, 8))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with suppress(ArtifactError, ToolError):
            native_core.open(bytes(data)).prove(good_witness, scalar(1), scalar(2), 1)


# --- processes, threads, memory ------------------------------------------------------------------------------


def test_several_threads_prove_at_once(each: Core, zkey: bytes, good_witness: bytes) -> None:
    key = each.open(zkey)
    expected = {k: key.prove(good_witness, scalar(k), scalar(k + 1), 1) for k in range(8)}
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(20):
            if key.prove(good_witness, scalar(k), scalar(k + 1), 2) != expected[k]:
                wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_proves_with_the_key_of_its_parent(each: Core, zkey: bytes, good_witness: bytes) -> None:
    key, stop = each.open(zkey), threading.Event()
    expected = key.prove(good_witness, scalar(1), scalar(2), 2)

    def work() -> None:
        while not stop.is_set():
            key.prove(good_witness, scalar(1), scalar(2), 2)

    worker = threading.Thread(target=work)  # so that the fork happens in the middle of a proof
    worker.start()
    try:
        for _ in range(5):
            child = os.fork()
            if not child:
                try:
                    os._exit(0 if key.prove(good_witness, scalar(1), scalar(2), 2) == expected else 1)
                finally:
                    os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        worker.join()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a call of Linux")
def test_as_many_threads_as_processors_that_may_be_used() -> None:
    allowed = os.sched_getaffinity(0)
    assert groth16_native.threads() == min(len(allowed), groth16_native.MAX_THREADS)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert groth16_native.threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)


LITTLE_MEMORY = """
import ctypes, resource, sys, threading
core = ctypes.CDLL(sys.argv[1])
zkey, witness = (open(path, "rb").read() for path in sys.argv[2:4])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
out, answers = ctypes.create_string_buffer(256), set()
for extra in [*range(0, 1 << 21, 1 << 13), *range(1 << 21, 1 << 25, 1 << 18)]:
    resource.setrlimit(resource.RLIMIT_AS, (used + extra, resource.RLIM_INFINITY))
    key = ctypes.c_void_p()
    answer = core.dls_zk_open(0, zkey, ctypes.c_uint64(len(zkey)), ctypes.byref(key))
    if answer == 0:
        answer = 10 + core.dls_zk_prove(key, witness, ctypes.c_uint64(len(witness) // 32), bytes(32), bytes(32), 4, out)
        core.dls_zk_close(key)
    answers.add(answer)
print(*sorted(answers))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="takes Linux's limit of address space")
def test_little_memory_is_an_error(zkey: bytes, good_witness: bytes, tmp_path: Path) -> None:
    """From no memory to enough of it: the key cannot be opened, then no proof can be made, then one is."""
    core(0)
    (tmp_path / "zkey").write_bytes(zkey)
    (tmp_path / "witness").write_bytes(good_witness)
    argv = [sys.executable, "-I", "-c", LITTLE_MEMORY, native.object_path(), tmp_path / "zkey", tmp_path / "witness"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    answers = {*map(int, done.stdout.split())}
    assert {groth16_native._NO_MEMORY, 10} <= answers <= {groth16_native._NO_MEMORY, 10, 10 + groth16_native._NO_MEMORY}


@pytest.mark.skipif(sys.platform != "linux", reason="counts processes as Linux does")
def test_no_thread_can_be_started(zkey: bytes, good_witness: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stack of a thread has no room, the caller does all the work."""
    key = core(0).open(zkey)
    expected = key.prove(good_witness, scalar(1), scalar(2), 1)
    limits = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, limits[1]))  # not for root, for whom this is a plain proof
    try:
        assert key.prove(good_witness, scalar(1), scalar(2), 16) == expected
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, limits)


INTERRUPTED = """
import sys
from dls_zk.groth16.native import Core
from dls_zk.tools import native
key = Core(native.library()).open(open(sys.argv[1], "rb").read())
witness = open(sys.argv[2], "rb").read()
try:
    print("ready", flush=True)
    while True:
        key.prove(witness, bytearray(32), bytearray(32), 2)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_ends_the_work_after_the_proof(zkey: bytes, good_witness: bytes, tmp_path: Path) -> None:
    core(0)
    (tmp_path / "zkey").write_bytes(zkey)
    (tmp_path / "witness").write_bytes(good_witness)
    argv = [sys.executable, "-c", INTERRUPTED, tmp_path / "zkey", tmp_path / "witness"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
    assert process.returncode == 0


# --- what ctypes cannot see -----------------------------------------------------------------------------------------


def driver(tmp_path: Path, name: str, *flags: str) -> list[str]:
    """A program of tests/support, compiled."""
    if not (compilers := native.compilers()):
        pytest.skip(native.NO_COMPILER)
    source = Path(__file__).parents[1] / "support" / f"{name}.cpp"
    common = ("-std=c++17", "-fno-exceptions", "-fno-strict-aliasing", "-pthread")
    subprocess.run([*compilers[0], *common, *flags, source, "-o", tmp_path / "driver"], check=True, timeout=600)
    return [str(tmp_path / "driver")]


@pytest.fixture
def files(zkey: bytes, good_witness: bytes, tmp_path: Path) -> list[str]:
    (tmp_path / "zkey").write_bytes(zkey)
    (tmp_path / "witness").write_bytes(good_witness)
    return [str(tmp_path / "zkey"), str(tmp_path / "witness")]


@pytest.mark.slow
def test_damaged_keys_under_sanitizers(files: list[str], tmp_path: Path, run_seed: int) -> None:
    program = driver(tmp_path, "damaged_keys", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    seed = str(run_seed % (1 << 31))
    done = subprocess.run([*program, *files, "2000", seed], capture_output=True, text=True, timeout=1800)
    assert (done.returncode, done.stderr) == (0, ""), seed


@pytest.mark.skipif(sys.platform != "linux", reason="looks at memory as Linux shows it")
def test_no_trace_of_the_secrets_is_left_in_memory(small: BuiltCircuit, files: list[str], tmp_path: Path) -> None:
    """In all memory of a process: after a proof, after what is refused, after too little memory, and with signals all
    through a proof. Wherever a proof ends, the core has wiped r, s, r·s and the witness."""
    wide = {"a": 3, "b": ((FIELD // 7 * 3, FIELD // 5 * 2), (FIELD // 11 * 9, FIELD // 3))}
    Path(files[1]).write_bytes(WitnessCalculator(small).calculate(wide))
    program = driver(tmp_path, "core_memory", "-O2")
    for path in {0, core(0).library.dls_zk_best_path()}:
        for kind in ("canary", "proof", "witness", "scalar", "memory", "signals"):
            done = subprocess.run([*program, kind, str(path), *files], capture_output=True, text=True, timeout=120)
            assert (done.returncode, done.stderr if kind != "canary" else "") == (0, ""), (kind, path)
