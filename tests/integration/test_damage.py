"""Built files after random damage: refused by their hash; with a hash to match no false proof and no trace comes of them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dls_zk.errors import ArtifactError, DlsError, InputError, StatementRefused, ToolError
from dls_zk.groth16 import prover
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.verifier import verify
from dls_zk.groth16.witness import WitnessCalculator
from dls_zk.groth16.zkey import VerifyingKey, read_zkey
from dls_zk.storage import built
from dls_zk.storage.built import BuiltCircuit, Manifest, ProvingKey
from dls_zk.tools import snarkjs
from tests.integration.conftest import SMALL_INPUTS
from tests.support.corruptions import corrupt

PUBLIC = (33, 7)


@pytest.fixture(scope="module")
def good_witness(small: BuiltCircuit) -> bytes:
    return WitnessCalculator(small).calculate(SMALL_INPUTS)


@pytest.fixture(scope="module")
def vk(small_key: ProvingKey) -> VerifyingKey:
    return VerifyingKey.from_json(small_key.verification_key.read_bytes())


def damage(rng: Random, data: bytes) -> bytes:
    """A bit flipped half of the time, which leaves most of a file whole; else any corruption. Never the same bytes."""
    while True:
        if rng.random() < 0.5:
            place = rng.randrange(len(data))
            return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        if (changed := corrupt(rng, data)) != data:
            return changed


def copy(manifest: Manifest, folder: Path, name: str, content: bytes, *, matching: bool) -> Manifest:
    """A copy of a built folder with one file's content replaced; ``matching``: with a manifest made for it."""
    folder.mkdir()
    for file in (*manifest.files, "manifest.json"):
        shutil.copy(manifest.folder / file, folder)
    (folder / name).write_bytes(content)
    if matching:
        built.write_manifest(folder, **manifest.facts)
    return built.read_manifest(folder, "make it again")


def one_line(error: DlsError) -> str:
    said = str(error)
    assert said.isprintable() and 0 < len(said) < 1_000
    assert error.__suppress_context__ or error.__context__ is None
    return said


# --- as it is in use: the hash refuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["small.wasm", "small.r1cs", "proving_key.zkey", "verification_key.json"])
def test_a_damaged_file_is_refused_by_its_hash(
    small: BuiltCircuit, small_key: ProvingKey, tmp_path: Path, name: str
) -> None:
    manifest = (small if name.startswith("small") else small_key).manifest
    good = manifest.path(name).read_bytes()
    mine = copy(manifest, tmp_path / "copy", name, good, matching=False)
    assert mine.path(name).read_bytes() == good
    for seed in range(100):
        (mine.folder / name).write_bytes(damage(Random(seed), good))
        with pytest.raises(ArtifactError, match=f"{name} is damaged .sha256 differs from its manifest.; make it again"):
            mine.path(name)


# --- somebody made the manifest match ----------------------------------------------------------------------------------


def witness_of_damaged_generator(small: BuiltCircuit, folder: Path, rng: Random) -> bytes | str:
    """The witness, or the name of the error."""
    content = damage(rng, small.wasm.read_bytes())
    circuit = replace(small, manifest=copy(small.manifest, folder, "small.wasm", content, matching=True))
    try:
        return WitnessCalculator(circuit).calculate(SMALL_INPUTS)
    except (InputError, StatementRefused, ToolError) as error:
        one_line(error)
        return type(error).__name__


def proves_what_is_true(key: ProvingKey, vk: VerifyingKey, witness: bytes) -> bool:
    """Whether a proof is made; then it must be one of the true statement, as each verifier sees it."""
    try:
        proof = prover.backend("snarkjs").prove(key, witness)
    except ToolError as error:
        one_line(error)
        return False
    assert proof.signals == PUBLIC
    verify("pyecc", vk, proof)
    return True


def judge_generators(
    seeds: Sequence[object], small: BuiltCircuit, key: ProvingKey, vk: VerifyingKey, good: bytes, place: Path
) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        found = witness_of_damaged_generator(small, place / str(seed), Random(str(seed)))
        if isinstance(found, bytes):
            assert found == good or not proves_what_is_true(key, vk, found)
            found = "same witness" if found == good else "another witness, no proof"
        outcomes[found] += 1
        shutil.rmtree(place / str(seed))
    return outcomes


def judge_keys(seeds: Sequence[object], key: ProvingKey, vk: VerifyingKey, good: bytes, place: Path) -> Counter[bool]:
    content = key.zkey.read_bytes()
    outcomes: Counter[bool] = Counter()
    for seed in seeds:
        data = damage(Random(str(seed)), content)
        damaged = replace(key, manifest=copy(key.manifest, place / str(seed), "proving_key.zkey", data, matching=True))
        outcomes[proves_what_is_true(damaged, vk, good)] += 1
        shutil.rmtree(place / str(seed))
    return outcomes


def judge_witnesses(seeds: Sequence[object], key: ProvingKey, vk: VerifyingKey, good: bytes) -> None:
    for seed in seeds:
        assert not proves_what_is_true(key, vk, damage(Random(str(seed)), good)), seed


def test_a_few_damaged_files(
    small: BuiltCircuit, small_key: ProvingKey, vk: VerifyingKey, good_witness: bytes, tmp_path: Path
) -> None:
    assert sum(judge_generators(range(25), small, small_key, vk, good_witness, tmp_path).values()) == 25
    assert sum(judge_keys(range(5), small_key, vk, good_witness, tmp_path).values()) == 5
    judge_witnesses(range(5), small_key, vk, good_witness)


@pytest.mark.slow
def test_thousands_of_damaged_generators(
    small: BuiltCircuit,
    small_key: ProvingKey,
    vk: VerifyingKey,
    good_witness: bytes,
    tmp_path: Path,
    run_seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    outcomes = judge_generators([f"{run_seed} {k}" for k in range(2000)], small, small_key, vk, good_witness, tmp_path)
    assert outcomes["ToolError"] > 600 and outcomes["same witness"] > 200, outcomes
    record_property("tried", outcomes.total())


@pytest.mark.slow
def test_hundreds_of_damaged_keys(
    small_key: ProvingKey,
    vk: VerifyingKey,
    good_witness: bytes,
    tmp_path: Path,
    run_seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Some damage is in points that this witness does not use, so that the proof is as good as before."""
    outcomes = judge_keys([f"{run_seed} {k}" for k in range(300)], small_key, vk, good_witness, tmp_path)
    assert outcomes[False] > 100, outcomes
    record_property("tried", outcomes.total())


@pytest.mark.slow
def test_hundreds_of_damaged_witnesses(
    small_key: ProvingKey,
    vk: VerifyingKey,
    good_witness: bytes,
    run_seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    seeds = [f"{run_seed} {k}" for k in range(500)]
    judge_witnesses(seeds, small_key, vk, good_witness)
    record_property("tried", len(seeds))


@pytest.mark.slow
def test_a_key_made_of_a_damaged_circuit_is_no_trace_and_no_half(
    small: BuiltCircuit, tmp_path: Path, run_seed: int, record_property: Callable[[str, object], None]
) -> None:
    """The development setup reads the r1cs in Node."""
    content = small.r1cs.read_bytes()
    refused = 0
    for k in range(40):
        (tmp_path / "in.r1cs").write_bytes(damage(Random(f"{run_seed} {k}"), content))
        try:
            snarkjs.dev_setup(tmp_path / "in.r1cs", tmp_path / "out.zkey")
        except ToolError as error:
            one_line(error)
            assert not (tmp_path / "out.zkey").exists()
            refused += 1
        else:
            read_zkey(tmp_path / "out.zkey")
            (tmp_path / "out.zkey").unlink()
        assert {path.name for path in tmp_path.iterdir()} == {"in.r1cs"}
    assert refused > 5
    record_property("tried", 40)


def test_a_damaged_proof_file_is_never_ok(small_key: ProvingKey, vk: VerifyingKey, good_witness: bytes) -> None:
    """A file that reads as another proof does not verify."""
    text = prover.backend("snarkjs").prove(small_key, good_witness).to_json().encode()
    read = 0
    for seed in range(300):
        try:
            proof = Proof.from_json(damage(Random(seed), text))
            read += 1
            verify("pyecc", vk, proof)
        except DlsError as error:
            one_line(error)
        else:
            assert proof == Proof.from_json(text)  # nothing but white space changed
    assert read > 20
