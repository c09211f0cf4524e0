"""Reading and judging keys: a zkey built here by hand, every kind of damage, every way to be insecure."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dls_zk.audit.simulator import g1, g2, outside_the_subgroup
from dls_zk.errors import ArtifactError, InsecureKey
from dls_zk.groth16.key_lint import lint, require_sound
from dls_zk.groth16.zkey import (
    MARKER,
    Contribution,
    VerifyingKey,
    ZKey,
    _development_alpha,
    is_development,
    read_zkey,
    verification_key_json,
)
from dls_zk.statement.constants import BASE_FIELD, FIELD
from tests.support import binfiles
from tests.support.binfiles import ALPHA, BETA, DELTA, DOMAIN, GAMMA, IC, N_PUBLIC, N_VARS, contribution, groth16_header
from tests.support.binfiles import zkey_sections as sections

Q = BASE_FIELD
SHA = "ab" * 32
INFINITY_G1, INFINITY_G2 = (0, 0), ((0, 0), (0, 0))


# --- reading ------------------------------------------------------------------------------------------------


def container(parts: dict[int, bytes], magic: str = "zkey", version: int = 1) -> bytes:
    return binfiles.container(magic, parts.items(), version)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], ZKey]:
    path = tmp_path / "key.zkey"

    def from_bytes(content: bytes) -> ZKey:
        path.write_bytes(content)
        return read_zkey(path)

    return from_bytes


KEY = VerifyingKey(g1(ALPHA), g2(BETA), g2(GAMMA), g2(DELTA), tuple(map(g1, IC)), N_PUBLIC)


def test_a_key_is_read(read: Callable[[bytes], ZKey]) -> None:
    key = read(container(sections()))
    assert key.verifying_key == KEY
    assert (key.n_vars, key.domain_size, key.beta1, key.delta1) == (N_VARS, DOMAIN, g1(BETA), g1(DELTA))
    assert key.contributions == (Contribution("Alice", g1(DELTA), None),)
    assert lint(key) == [] and not is_development(key)
    require_sound(key, n_public=N_PUBLIC)


def test_contributions(read: Callable[[bytes], ZKey]) -> None:
    public = bytes([1, 3]) + b"end" + bytes([2, 10, 3, 2]) + b"\x01\x02"
    steps = contribution(b"", 2, parameters=b""), contribution(b"", DELTA, kind=1, parameters=public)
    key = read(container(sections(*steps)))
    assert [one.name for one in key.contributions] == ["", "end"]
    assert key.contributions[1].beacon == (b"\x01\x02", 10)
    # A name goes to terminals: nothing in it can drive one.
    assert read(container(sections(contribution(b"\x1b[31m\xff\n", DELTA)))).contributions[0].name == "?[31m\ufffd?"


def with_section(number: int, content: bytes | None) -> bytes:
    parts = sections()
    parts[number] = b"" if content is None else content
    if content is None:
        del parts[number]
    return container(parts)


def with_header(**sizes: int) -> bytes:
    return with_section(2, groth16_header(**sizes))


def with_parameters(parameters: bytes, kind: int = 0) -> bytes:
    return container(sections(contribution(b"", DELTA, kind, parameters)))


GOOD = container(sections())
BAD = {
    "empty": b"",
    "another kind": container(sections(), magic="r1cs"),
    "version": container(sections(), version=2),
    "plonk": with_section(1, struct.pack("<I", 2)),
    "long protocol": with_section(1, bytes([1, 0, 0, 0, 0])),
    "another curve": with_header(q=Q - 2),
    "long header": with_section(2, groth16_header() + b"\0"),
    "short header": with_section(2, groth16_header()[:-1]),
    "coordinate ≥ q": with_section(3, Q.to_bytes(32, "little") + sections()[3][32:]),
    "alpha ≥ q": with_section(2, groth16_header()[:84] + b"\xff" * 32 + groth16_header()[116:]),
    "public ≥ wires": with_header(n_public=N_VARS),
    "domain of 0": with_header(domain=0),
    "domain of 3": with_header(domain=3),
    "2^32 − 1 wires": with_header(n_vars=2**32 - 1),
    "2^32 − 1 public": with_header(n_vars=2**32 - 1, n_public=2**32 - 2),
    "no contributions section": with_section(10, None),
    "2^32 − 1 contributions": with_section(10, bytes(64) + b"\xff" * 4),
    "unknown kind": with_parameters(b"", kind=2),
    "beacon without its hash": with_parameters(b"", kind=1),
    "half a beacon": with_parameters(bytes([2, 10]), kind=1),
    "beacon and no beacon": with_parameters(bytes([2, 10, 3, 1, 1])),
    "unknown parameter": with_parameters(bytes([4, 0])),
    "parameters out of order": with_parameters(bytes([3, 1, 1, 2, 10]), kind=1),
    "parameter twice": with_parameters(bytes([1, 0, 1, 0])),
    "name past its end": with_parameters(bytes([1, 200, 65])),
    "contributions and more": with_section(10, sections()[10] + b"\0"),
    "coefficients": with_section(4, bytes(47)),
    "after the end": GOOD + b"\0",
    "section twice": GOOD[:8] + struct.pack("<I", 11) + GOOD[12:] + struct.pack("<IQ", 1, 0),
} | {f"section {number} of another size": with_section(number, sections()[number] + b"\0") for number in (3, 5, 6, 7, 8, 9)}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_damaged_and_foreign_files(read: Callable[[bytes], ZKey], content: bytes) -> None:
    with pytest.raises(ArtifactError) as error:
        read(content)
    assert "key.zkey" in str(error.value) and "\n" not in str(error.value)


def test_cut_at_every_byte(read: Callable[[bytes], ZKey]) -> None:
    for length in range(len(GOOD)):
        with pytest.raises(ArtifactError):
            read(GOOD[:length])


def test_a_changed_byte_is_an_error_or_another_key(read: Callable[[bytes], ZKey]) -> None:
    prover_points = set()  # their values are not looked at; `artifacts` compares the file's hash
    for number in (4, 5, 6, 7, 8, 9):
        start = GOOD.index(struct.pack("<IQ", number, len(sections()[number]))) + 12
        prover_points |= set(range(start, start + len(sections()[number])))
    good = read(GOOD)
    for position in set(range(len(GOOD))) - prover_points:
        changed = GOOD[:position] + bytes([GOOD[position] ^ 1]) + GOOD[position + 1 :]
        try:
            assert read(changed) != good or 10 in unread(position)
        except ArtifactError as error:
            assert "\n" not in str(error)


def unread(position: int) -> set[int]:
    """Section 10 if the byte is in its hashes and public keys, which only a ceremony's verification looks at."""
    start = GOOD.index(struct.pack("<IQ", 10, len(sections()[10]))) + 12
    hashes = set(range(start, start + 64)) | set(range(start + 68 + 64, start + 68 + 64 + 256 + 64))
    return {10} if position in hashes else set()


# --- development keys --------------------------------------------------------------------------------------


def test_development_keys_say_so(read: Callable[[bytes], ZKey]) -> None:
    key = read(container(sections(contribution(MARKER.encode(), DELTA))))
    assert is_development(key) and is_development(key.verifying_key)
    # snarkjs cuts names when somebody contributes on top: the key stays what it is.
    later = sections(contribution(MARKER.encode()[:64], 2), contribution(b"Bob", DELTA))
    assert is_development(read(container(later)))
    for changed in (f" {MARKER}", MARKER.lower(), "setup"):
        assert not is_development(read(container(sections(contribution(changed.encode(), DELTA)))))


def test_a_development_key_without_its_mark_is_known_by_alpha() -> None:
    assert not is_development(KEY, SHA)
    unmarked = replace(KEY, alpha1=_development_alpha(SHA))
    assert not is_development(unmarked)
    assert is_development(unmarked, SHA)
    assert not is_development(unmarked, "ac" * 32)


# --- verification_key.json ---------------------------------------------------------------------------------


def members(read: Callable[[bytes], ZKey]) -> dict[str, Any]:
    return json.loads(verification_key_json(read(container(sections())), "small", SHA))


def test_json_round_trip(read: Callable[[bytes], ZKey]) -> None:
    document = members(read)
    assert document["dls_zk"] == {"setup": "ceremony with 1 contributions", "circuit": "small", "r1cs_sha256": SHA}
    key = VerifyingKey.from_json(json.dumps(document))
    assert key == KEY and not key.development
    document["vk_alphabeta_12"] = [[["1", "2"]]]
    del document["dls_zk"]
    assert VerifyingKey.from_json(json.dumps(document).encode()) == KEY


def test_json_of_a_development_key(read: Callable[[bytes], ZKey]) -> None:
    text = verification_key_json(read(container(sections(contribution(MARKER.encode(), DELTA)))), "small", SHA)
    assert json.loads(text)["dls_zk"]["setup"] == MARKER
    assert is_development(VerifyingKey.from_json(text))


def test_json_of_infinity(read: Callable[[bytes], ZKey]) -> None:
    document = members(read)
    document["IC"][1] = ["0", "1", "0"]
    document["vk_gamma_2"] = [["0", "0"], ["1", "0"], ["0", "0"]]
    key = VerifyingKey.from_json(json.dumps(document))
    assert key.ic[1] == INFINITY_G1 and key.gamma2 == INFINITY_G2
    again = verification_key_json(ZKey(N_VARS, DOMAIN, g1(BETA), g1(DELTA), key, ()), "small", SHA)
    assert VerifyingKey.from_json(again) == key


def test_json_that_is_no_key(read: Callable[[bytes], ZKey]) -> None:
    good = members(read)
    one = good["vk_alpha_1"]
    changes: list[tuple[str, Any]] = [(name, None) for name in good if name != "dls_zk"]
    changes += [("protocol", "plonk"), ("curve", "bls12381"), ("more", 1), ("dls_zk", []), ("dls_zk", {"setup": 1})]
    changes += [("nPublic", value) for value in ("2", -1, 2.0, True, [])]
    numbers = ["01", "+1", "-1", "1 ", " 1", "", "0x1", "1.0", "1e3", "1_0", "\u0661", "9" * 79, 1, 1.0, True, None, []]
    changes += [("vk_alpha_1", [number, one[1], "1"]) for number in numbers]
    changes += [("vk_alpha_1", point) for point in ([], one[:2], [*one, "1"], [*one[:2], "0"], [*one[:2], "2"], "x", {})]
    two = good["vk_beta_2"]
    wrong = (one, two[:2], [*two[:2], ["0", "1"]], [*two[:2], ["1"]], [two[0], "1", two[2]])
    changes += [("vk_beta_2", point) for point in wrong]
    changes += [("IC", value) for value in ({}, "x", [one, "x"], [two])]
    for name, value in changes:
        document = {**good, name: value}
        if value is None:
            del document[name]
        with pytest.raises(ArtifactError) as error:
            VerifyingKey.from_json(json.dumps(document), "vk.json")
        assert str(error.value).startswith("vk.json") and "\n" not in str(error.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"1", b"\xff", b'{"a":1,"a":2}', b"NaN", b"[" * 500, b"9" * 5000])
def test_json_that_is_no_object(text: bytes) -> None:
    with pytest.raises(ArtifactError):
        VerifyingKey.from_json(text)


# --- what makes a key insecure --------------------------------------------------------------------------------


def minus(point: Any) -> Any:
    x, y = point
    return x, (-y % Q if isinstance(y, int) else tuple(-part % Q for part in y))


def times(k: int, secret: int) -> int:
    return k * secret % FIELD


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "γ = δ": ({"gamma2": g2(DELTA)}, "γ is not the generator"),
    "γ = −generator": ({"gamma2": minus(g2(1))}, "γ is not the generator"),
    "no second phase": ({"delta2": g2(1)}, "the generator and δ are small multiples"),
    "α = generator": ({"alpha1": g1(1)}, "the generator and α are small multiples"),
    "β = generator": ({"beta2": g2(1)}, "the generator and β are small multiples"),
    "α + q": ({"alpha1": (g1(ALPHA)[0] + Q, g1(ALPHA)[1])}, "α has a coordinate outside the base field"),
    "α off the curve": ({"alpha1": (1, 3)}, "α is not on the curve"),
    "α infinite": ({"alpha1": INFINITY_G1}, "α is the point at infinity"),
    "β + q": ({"beta2": (g2(BETA)[0], (g2(BETA)[1][0], g2(BETA)[1][1] + Q))}, "β has a coordinate outside the base field"),
    "γ off the curve": ({"gamma2": ((1, 2), (3, 4))}, "γ is not on the curve"),
    "γ outside the subgroup": ({"gamma2": outside_the_subgroup()}, "γ is not in the subgroup"),
    "δ infinite": ({"delta2": INFINITY_G2}, "δ is the point at infinity"),
    "IC off the curve": ({"ic": (KEY.ic[0], (5, 5), KEY.ic[2])}, "IC[1] is not on the curve"),
    "IC too short": ({"ic": KEY.ic[:2]}, "IC has 2 points for 2 public signals"),
    "IC too long": ({"ic": (*KEY.ic, g1(BETA))}, "IC has 4 points for 2 public signals"),
    "IC far too long": ({"ic": tuple(g1(IC[0] + k) for k in range(66))}, "IC has 66 points, and keys with more than 65"),
    "IC empty": ({"ic": ()}, "IC has 0 points for 2 public signals"),
    "a free signal": ({"ic": (*KEY.ic[:2], INFINITY_G1)}, "public signal 1 is not bound"),
    "a bound sum": ({"ic": (KEY.ic[0], KEY.ic[1], KEY.ic[1])}, "public signals 0 and 1 are bound only together"),
    "a bound difference": ({"ic": (*KEY.ic[:2], minus(KEY.ic[1]))}, "public signals 0 and 1 are bound only together"),
    "a weighted sum": ({"ic": (*KEY.ic[:2], g1(times(777, IC[1])))}, "public signals 0 and 1 are bound only together"),
    "a constant signal": ({"ic": (*KEY.ic[:2], g1(times(-2, IC[0])))}, "IC[0] and IC[2] are small multiples"),
    "a signal by the generator": ({"ic": (*KEY.ic[:2], g1(12))}, "the generator and IC[2] are small multiples"),
    "a signal by α": ({"ic": (*KEY.ic[:2], g1(times(3, ALPHA)))}, "α and IC[2] are small multiples"),
}


@pytest.mark.parametrize(("changes", "fault"), FAULTY.values(), ids=FAULTY.keys())
def test_insecure_keys(changes: dict[str, Any], fault: str) -> None:
    key = replace(KEY, **changes)
    assert any(fault in found for found in lint(key))
    with pytest.raises(InsecureKey) as error:
        require_sound(key)
    assert fault in str(error.value) and "\n" not in str(error.value)


def test_all_faults_are_named_at_once() -> None:
    key = replace(KEY, alpha1=INFINITY_G1, gamma2=g2(1), delta2=g2(1))
    with pytest.raises(InsecureKey) as error:
        require_sound(key, n_public=3, contributions=())
    parts = (
        "nobody",
        "α is the point",
        "generator and δ are small multiples",
        "for 2 public signals where the circuit has 3",
    )
    assert all(part in str(error.value) for part in parts)


def test_points_that_a_zkey_has_in_both_groups_are_compared(read: Callable[[bytes], ZKey]) -> None:
    good = read(container(sections()))
    for changed in (replace(good, beta1=g1(BETA + 1)), replace(good, beta1=g1(DELTA), delta1=g1(BETA))):
        assert "β or δ is not the same in both groups" in lint(replace(changed, contributions=good.contributions[:0]))
    # With δ in G1 a signal is seen to be bound to nothing: C takes up whatever is added to it.
    unbound = replace(good.verifying_key, ic=(*KEY.ic[:2], g1(times(-3, DELTA))))
    (fault,) = lint(replace(good, verifying_key=unbound))
    assert fault == "IC[2] and δ are small multiples of one another, so that signals are not bound"
    assert "β₁ is not on the curve" in lint(replace(good, beta1=(1, 3)))


def test_contributions_are_looked_at(read: Callable[[bytes], ZKey]) -> None:
    parts = sections()
    parts[10] = bytes(68)
    assert lint(read(container(parts))) == ["nobody has contributed to the second phase"]
    assert lint(KEY) == []  # nothing is known of them from verification_key.json
    bolted_on = read(container(sections(contribution(b"Mallory", 8))))
    assert lint(bolted_on) == ["δ is not the one that its last contribution left"]
