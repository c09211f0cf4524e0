"""A whole ceremony by snarkjs on a small circuit, and every way in which one must not go on."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from dls_zk import operations
from dls_zk.cli.ceremony import ceremony_group
from dls_zk.errors import ArtifactError, DlsError, InputError, InsecureKey
from dls_zk.groth16 import ceremony
from dls_zk.groth16.binfile import BinFile
from dls_zk.groth16.key_lint import lint
from dls_zk.groth16.r1cs import r1cs_header
from dls_zk.groth16.zkey import VerifyingKey, is_development, read_zkey, verification_key_json
from dls_zk.statement.constants import BASE_FIELD
from dls_zk.storage import built, places
from dls_zk.storage.built import BuiltCircuit
from dls_zk.tools import circom, snarkjs
from dls_zk.tools.snarkjs import run_command
from tests.integration.conftest import use_own_home

BEACON = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
ENTROPY = "correct horse battery staple"


@pytest.fixture(scope="module")
def ptau(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2^8 powers of tau, prepared for phase 2."""
    folder = tmp_path_factory.mktemp("ptau")
    run_command(["powersoftau", "new", "bn128", "8", folder / "0.ptau"])
    run_command(["powersoftau", "contribute", folder / "0.ptau", folder / "1.ptau", "--name=test"], stdin=b"some text\n")
    run_command(["powersoftau", "prepare", "phase2", folder / "1.ptau", folder / "final.ptau"])
    return folder / "final.ptau"


def blake2b(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes()).hexdigest()


class Steps:
    """The keys of one ceremony, and what snarkjs was called with."""

    def __init__(self, folder: Path, ptau: Path, r1cs: Path):
        self.initial, self.alice, self.bob, self.final = (folder / f"{k}.zkey" for k in range(4))
        self.calls: list[tuple[list[str], bytes]] = []
        ceremony.start(ptau, r1cs, self.initial, run=self.run, ptau_blake2b=blake2b(ptau))
        ceremony.contribute(self.initial, self.alice, "Alice", ENTROPY, run=self.run)
        ceremony.contribute(self.alice, self.bob, "Bob = é", ENTROPY, run=self.run)
        ceremony.beacon(self.bob, self.final, BEACON, 10, run=self.run)

    def run(self, args: Sequence[str | Path], *, stdin: bytes = b"") -> object:
        self.calls.append(([str(part) for part in args], stdin))
        return run_command(args, stdin=stdin)


@pytest.fixture(scope="module")
def steps(small: BuiltCircuit, ptau: Path, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    return Steps(tmp_path_factory.mktemp("ceremony"), ptau, small.r1cs)


def must_not_run(args: Sequence[str | Path], *, stdin: bytes = b"") -> object:
    raise AssertionError(f"snarkjs was called: {args}")


def test_a_whole_ceremony(steps: Steps, small: BuiltCircuit, ptau: Path) -> None:
    key = ceremony.verify(steps.final, ptau, small.r1cs, run=run_command, ptau_blake2b=blake2b(ptau))
    assert [one.name for one in key.contributions] == ["Alice", "Bob = é", "final beacon"]
    assert key.contributions[-1].beacon == (bytes.fromhex(BEACON), 10)
    assert lint(key) == [] and not is_development(key, small.r1cs_sha256)
    vk = VerifyingKey.from_json(verification_key_json(key, small.name, small.r1cs_sha256))
    assert vk == key.verifying_key and not vk.development
    # Each step leaves its key and nothing else.
    assert sorted(path.name for path in steps.final.parent.iterdir()) == ["0.zkey", "1.zkey", "2.zkey", "3.zkey"]


def test_entropy_goes_by_stdin_only(steps: Steps) -> None:
    assert [stdin for _, stdin in steps.calls] == [b"", *[ENTROPY.encode() + b"\n"] * 2, b""]
    assert not any(ENTROPY in part for args, _ in steps.calls for part in args)


def test_snarkjs_accepts_a_key_without_contributions_and_we_do_not(steps: Steps, small: BuiltCircuit, ptau: Path) -> None:
    run_command(["zkvr", small.r1cs, ptau, steps.initial])  # "ZKey Ok!"
    with pytest.raises(InsecureKey, match="nobody has contributed.*the generator and δ are small multiples"):
        ceremony.verify(steps.initial, ptau, small.r1cs, run=must_not_run, ptau_blake2b=blake2b(ptau))


def test_a_changed_key_is_refused(steps: Steps, small: BuiltCircuit, ptau: Path, tmp_path: Path) -> None:
    good = steps.final.read_bytes()
    final = read_zkey(steps.final)
    section_8 = good.index(struct.pack("<IQ", 8, 64 * (final.n_vars - final.verifying_key.n_public - 1))) + 12
    changed = tmp_path / "changed.zkey"
    # Two of the prover's points exchanged: every point is good, only the transcript does not lead here.
    points = good[section_8 : section_8 + 64], good[section_8 + 64 : section_8 + 128]
    changed.write_bytes(good[:section_8] + points[1] + points[0] + good[section_8 + 128 :])
    assert lint(read_zkey(changed)) == []
    with pytest.raises(InsecureKey, match="L section does not match"):
        ceremony.verify(changed, ptau, small.r1cs, run=run_command, ptau_blake2b=blake2b(ptau))


@pytest.mark.slow
def test_damaged_keys_do_not_verify(
    steps: Steps,
    small: BuiltCircuit,
    ptau: Path,
    tmp_path: Path,
    run_seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Whatever is changed in what is proven or verified with. Names of contributions are not part of that."""
    good, changed = steps.final.read_bytes(), tmp_path / "changed.zkey"
    used = good.index(struct.pack("<IQ", 10, BinFile.open(steps.final, "zkey").size(10)))
    for k in range(60):
        rng = Random(f"{run_seed} {k}")
        place = rng.randrange(used)
        changed.write_bytes(good[:place] + bytes([good[place] ^ 1 << rng.randrange(8)]) + good[place + 1 :])
        with pytest.raises((ArtifactError, InsecureKey)) as caught:
            ceremony.verify(changed, ptau, small.r1cs, run=run_command, ptau_blake2b=blake2b(ptau))
        assert str(caught.value).isprintable() and len(str(caught.value)) < 1_000
    record_property("tried", 60)


def test_a_key_of_another_circuit_is_refused(
    steps: Steps, ptau: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "main").mkdir()
    other = "pragma circom 2.2.0;\ntemplate Other() { signal input a; signal output b <== a * a; }\n"
    (tmp_path / "main" / "other.circom").write_text(f"{other}component main {{public [a]}} = Other();\n")
    with pytest.MonkeyPatch.context() as patch:
        use_own_home(tmp_path_factory.mktemp("other") / "home", patch)
        r1cs = circom.compile_circuit("other", sources=tmp_path).r1cs
    assert r1cs_header(r1cs).n_public == read_zkey(steps.final).verifying_key.n_public
    with pytest.raises(InsecureKey, match="INVALID: +Different circuit parameters"):
        ceremony.verify(steps.final, ptau, r1cs, run=run_command, ptau_blake2b=blake2b(ptau))


def test_a_development_key_is_no_start_and_no_end(small: BuiltCircuit, ptau: Path, tmp_path: Path) -> None:
    dev, later = tmp_path / "dev.zkey", tmp_path / "later.zkey"
    snarkjs.dev_setup(small.r1cs, dev)
    with pytest.raises(InsecureKey, match="development key"):
        ceremony.contribute(dev, later, "Alice", ENTROPY, run=must_not_run)
    with pytest.raises(InsecureKey, match="development key"):
        ceremony.beacon(dev, later, BEACON, 10, run=must_not_run)
    with pytest.raises(InsecureKey, match="development key"):
        ceremony.verify(dev, ptau, small.r1cs, run=must_not_run, ptau_blake2b=blake2b(ptau))


# --- powers of tau -----------------------------------------------------------------------------------


def header(power: int) -> bytes:
    content = struct.pack("<I", 32) + BASE_FIELD.to_bytes(32, "little") + struct.pack("<II", power, power)
    return struct.pack("<IQ", 1, len(content)) + content


def sections(*numbers: int) -> bytes:
    return b"".join(struct.pack("<IQ", number, 0) for number in numbers)


def ptau_file(path: Path, power: int, *numbers: int) -> Path:
    path.write_bytes(b"ptau" + struct.pack("<II", 1, 1 + len(numbers)) + header(power) + sections(*numbers))
    return path


def test_powers_of_tau_of_unknown_origin(small: BuiltCircuit, ptau: Path, tmp_path: Path) -> None:
    def refused(file: Path, kind: type[DlsError], match: str, expected: str | None = None) -> None:
        with pytest.raises(kind, match=match) as error:
            ceremony.start(file, small.r1cs, tmp_path / "out.zkey", run=must_not_run, ptau_blake2b=expected)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "out.zkey").exists()

    refused(ptau, InputError, "only those of 13, 14, 15, 16, 17 have a known hash")
    refused(ptau, ArtifactError, "not the expected powers-of-tau file", "0" * 128)
    refused(ptau, InputError, "128 hex digits", "12")
    for power in ceremony.PINNED:
        refused(ptau_file(tmp_path / "p", power, 12, 13, 14, 15), ArtifactError, "not the expected powers-of-tau file")
    refused(ptau_file(tmp_path / "p", 15), InputError, "not prepared for phase 2")
    refused(ptau_file(tmp_path / "p", 3, 12, 13, 14, 15), InputError, "this circuit needs 2\\^6")
    refused(small.r1cs, ArtifactError, "is not a ptau file")
    refused(tmp_path / "none", ArtifactError, "cannot be read")
    content = ptau.read_bytes()
    for length in (0, 4, 12, 20, 60, len(content) - 1):
        (tmp_path / "p").write_bytes(content[:length])
        refused(tmp_path / "p", ArtifactError, "p (is|cannot)")
    (tmp_path / "p").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused(tmp_path / "p", ArtifactError, "not the expected powers-of-tau file", blake2b(ptau))


def test_a_hash_that_is_given_does_not_replace_a_pinned_one(
    small: BuiltCircuit, ptau: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ceremony.PINNED, 8, "0" * 128)
    with pytest.raises(InputError, match="blake2b of the powers of tau: is not that of the published file with 2\\^8"):
        ceremony.start(ptau, small.r1cs, tmp_path / "out.zkey", run=must_not_run, ptau_blake2b=blake2b(ptau))
    monkeypatch.setitem(ceremony.PINNED, 8, blake2b(ptau))
    for given in (None, blake2b(ptau), blake2b(ptau).upper()):
        ceremony.start(ptau, small.r1cs, tmp_path / f"{given}"[:9], run=run_command, ptau_blake2b=given)


def test_verify_looks_at_the_powers_of_tau_too(steps: Steps, small: BuiltCircuit, ptau: Path) -> None:
    with pytest.raises(InputError, match="known hash"):
        ceremony.verify(steps.final, ptau, small.r1cs, run=must_not_run)
    with pytest.raises(ArtifactError, match="not the expected"):
        ceremony.verify(steps.final, ptau, small.r1cs, run=must_not_run, ptau_blake2b="0" * 128)


def test_pinned_hashes_are_hashes() -> None:
    assert all(len(bytes.fromhex(digest)) == 64 for digest in ceremony.PINNED.values())


# --- bad input and failing steps -------------------------------------------------------------------------


@pytest.mark.parametrize("entropy", ["", "  ", "two\nlines", "a\r"])
def test_entropy_that_snarkjs_would_wait_on(steps: Steps, tmp_path: Path, entropy: str) -> None:
    with pytest.raises(InputError) as error:
        ceremony.contribute(steps.initial, tmp_path / "out.zkey", "Alice", entropy, run=must_not_run)
    assert not entropy.strip() or entropy not in str(error.value)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[31m", "a" * 65, "é" * 33])
def test_names(steps: Steps, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="name of the contribution"):
        ceremony.contribute(steps.initial, tmp_path / "out.zkey", name, ENTROPY, run=must_not_run)


@pytest.mark.parametrize(
    ("value", "exponent"),
    [("", 10), ("0x12", 10), ("123", 10), ("zz", 10), ("00" * 256, 10), ("12", 9), ("12", 64)],
)
def test_beacons(steps: Steps, tmp_path: Path, value: str, exponent: int) -> None:
    with pytest.raises(InputError, match="beacon"):
        ceremony.beacon(steps.alice, tmp_path / "out.zkey", value, exponent, run=must_not_run)


def test_nothing_is_overwritten(steps: Steps, small: BuiltCircuit, ptau: Path) -> None:
    before = steps.alice.read_bytes()
    for out in (steps.alice, steps.bob):
        with pytest.raises(InputError, match="is there already"):
            ceremony.contribute(steps.alice, out, "Carol", ENTROPY, run=must_not_run)
    with pytest.raises(InputError, match="is there already"):
        ceremony.start(ptau, small.r1cs, steps.alice, run=must_not_run, ptau_blake2b=blake2b(ptau))
    assert steps.alice.read_bytes() == before


def no_links(source: object, target: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_overwritten(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    out = tmp_path / "out.zkey"

    def run(args: Sequence[str | Path], *, stdin: bytes = b"") -> object:
        next(Path(part) for part in args if str(part).endswith("new.zkey")).write_bytes(steps.alice.read_bytes())
        return out.write_text("another's") if appears else None

    appears = True
    with pytest.raises(InputError, match="out.zkey: has appeared meanwhile"):
        ceremony.contribute(steps.initial, out, "Alice", ENTROPY, run=run)
    assert out.read_text() == "another's" and os.listdir(tmp_path) == ["out.zkey"]
    out.unlink()
    appears = False
    ceremony.contribute(steps.initial, out, "Alice", ENTROPY, run=run)
    assert out.read_bytes() == steps.alice.read_bytes() and os.listdir(tmp_path) == ["out.zkey"]


def test_a_copy_that_fails_leaves_nothing(steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(InputError, match="cannot be written: No space left"):
        ceremony.contribute(steps.initial, tmp_path / "out.zkey", "Alice", ENTROPY, run=run_command)
    assert os.listdir(tmp_path) == []


# --- finish ----------------------------------------------------------------------------------------------------


class Finish:
    """``setup ceremony finish`` for the small circuit, as if it were one of the package's."""

    def __init__(self, small: BuiltCircuit, ptau: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(operations, "build_circuit", lambda size: small)
        self.options = ["--size", "8", "--ptau", str(ptau), "--ptau-blake2b", blake2b(ptau)]
        self.folder = places.key_dir(small.name, small.r1cs_sha256, "ceremony")

    def __call__(self, key: Path) -> str:
        result = CliRunner().invoke(ceremony_group, ["finish", str(key), *self.options])
        if result.exception:
            raise result.exception
        return result.output


@pytest.fixture
def finish(own_home: Path, small: BuiltCircuit, ptau: Path, monkeypatch: pytest.MonkeyPatch) -> Finish:
    return Finish(small, ptau, monkeypatch)


def test_a_finished_key_is_not_replaced(finish: Finish, steps: Steps, small: BuiltCircuit) -> None:
    assert finish(steps.final) == f"installed {finish.folder / 'proving_key.zkey'}\n"
    key = built.proving_key(small.name, small.r1cs_sha256, "ceremony")
    assert key.zkey.read_bytes() == steps.final.read_bytes()
    vk = VerifyingKey.from_json(key.verification_key.read_bytes())
    assert vk == read_zkey(steps.final).verifying_key
    assert finish(steps.final) == f"there already: {key.zkey}\n"
    with pytest.raises(InputError, match="another ceremony key of small is; remove .* first") as error:
        finish(steps.bob)
    assert "\n" not in str(error.value) and str(finish.folder) in str(error.value)
    assert key.zkey.read_bytes() == steps.final.read_bytes()


def test_what_is_verified_is_what_is_installed(
    finish: Finish, steps: Steps, small: BuiltCircuit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "given.zkey"
    copyfile = shutil.copyfile

    def copy(source: Path, target: Path) -> None:
        copyfile(source, target)
        given.write_bytes(exchanged.read_bytes())  # by somebody, in the middle

    monkeypatch.setattr(shutil, "copyfile", copy)
    given.write_bytes(steps.initial.read_bytes())
    exchanged = steps.final
    with pytest.raises(InsecureKey, match="nobody has contributed"):
        finish(given)
    assert not finish.folder.exists()

    given.write_bytes(steps.final.read_bytes())
    exchanged = steps.bob
    finish(given)
    key = built.proving_key(small.name, small.r1cs_sha256, "ceremony")
    assert key.zkey.read_bytes() == steps.final.read_bytes()
    assert VerifyingKey.from_json(key.verification_key.read_bytes()) == read_zkey(steps.final).verifying_key


def test_a_key_that_does_not_hold_is_not_installed(finish: Finish, steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(InsecureKey, match="nobody has contributed"):
        finish(steps.initial)
    with pytest.raises(ArtifactError, match="none.zkey cannot be read"):
        finish(tmp_path / "none.zkey")
    (tmp_path / "cut.zkey").write_bytes(steps.final.read_bytes()[:-9])
    with pytest.raises(ArtifactError, match="cut.zkey is"):
        finish(tmp_path / "cut.zkey")
    assert not finish.folder.exists()


def test_a_step_that_fails_leaves_nothing(steps: Steps, small: BuiltCircuit, ptau: Path, tmp_path: Path) -> None:
    """snarkjs ends some failures with exit code 0 and an empty file, or with none."""

    def copy(content: bytes | None) -> ceremony.Run:
        def run(args: Sequence[str | Path], *, stdin: bytes = b"") -> object:
            out = next(Path(part) for part in args if str(part).endswith("new.zkey"))
            return None if content is None else out.write_bytes(content)

        return run

    out = tmp_path / "out.zkey"
    for content in (None, b"", steps.initial.read_bytes(), steps.initial.read_bytes()[:-9]):
        with pytest.raises(ArtifactError):
            ceremony.contribute(steps.initial, out, "Alice", ENTROPY, run=copy(content))
        with pytest.raises(ArtifactError):
            ceremony.contribute(steps.alice, out, "Bob", ENTROPY, run=copy(content))
    for content in (None, b"", b"zkey"):
        with pytest.raises(ArtifactError):
            ceremony.start(ptau, small.r1cs, out, run=copy(content), ptau_blake2b=blake2b(ptau))
    assert os.listdir(tmp_path) == []
    with pytest.raises(InputError, match="cannot be written"):
        ceremony.contribute(steps.alice, tmp_path / "no" / "out.zkey", "Bob", ENTROPY, run=must_not_run)
