"""From inputs to a verified proof: the witness in process, the provers, and the verifiers on snarkjs's proofs."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dls_zk.errors import ArtifactError, InputError, ProofInvalid, StatementRefused, ToolError
from dls_zk.groth16 import prover, witness
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.verifier import verify
from dls_zk.groth16.witness import WitnessCalculator, to_wtns
from dls_zk.groth16.zkey import VerifyingKey
from dls_zk.statement.constants import FIELD
from dls_zk.storage import built
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.tools import circom, node, process, snarkjs
from tests.integration.conftest import SMALL_INPUTS

SECRET = 3141592653  # an input that must not show anywhere


@pytest.fixture(scope="module")
def calculator(small: BuiltCircuit) -> WitnessCalculator:
    return WitnessCalculator(small)


@pytest.fixture(scope="module")
def good_witness(calculator: WitnessCalculator) -> bytes:
    return calculator.calculate(SMALL_INPUTS)


@pytest.fixture(scope="module")
def vk(small_key: ProvingKey) -> VerifyingKey:
    return VerifyingKey.from_json(small_key.verification_key.read_bytes())


@pytest.fixture(scope="module")
def good_proof(small_key: ProvingKey, good_witness: bytes) -> Proof:
    return prover.backend("snarkjs").prove(small_key, good_witness)


@pytest.fixture
def own_circuit(small: BuiltCircuit, tmp_path: Path) -> BuiltCircuit:
    """A copy of the small circuit that a test may damage."""
    folder = tmp_path / "circuit"
    folder.mkdir()
    for name in (*small.manifest.files, "manifest.json"):
        shutil.copy(small.manifest.folder / name, folder)
    return replace(small, manifest=replace(small.manifest, folder=folder))


@pytest.fixture
def own_key(small_key: ProvingKey, tmp_path: Path) -> ProvingKey:
    """A copy of the key that a test may damage."""
    folder = tmp_path / "key"
    shutil.copytree(small_key.manifest.folder, folder)
    return replace(small_key, manifest=replace(small_key.manifest, folder=folder))


def elements(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 32], "little") for i in range(0, len(data), 32)]


# --- the witness ----------------------------------------------------------------------------------------


def test_the_witness_is_that_of_snarkjs(small: BuiltCircuit, good_witness: bytes, tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text(json.dumps(SMALL_INPUTS))
    cli = node.package_file("snarkjs", "build/cli.cjs")
    command = [cli, "wtns", "calculate", small.wasm, tmp_path / "input.json", tmp_path / "out.wtns"]
    node.run_node(command, timeout=60)
    assert (tmp_path / "out.wtns").read_bytes() == to_wtns(good_witness)
    assert elements(good_witness)[:3] == [1, 2 * 3 + 4 * 5 + 7, 7]


@pytest.mark.parametrize("value", [0, 1, 2**32 - 1])
def test_edges_of_the_field_go_in_and_out(calculator: WitnessCalculator, value: int) -> None:
    wide = [FIELD - 1, FIELD // 2 + 1, 2**253, 1]
    inputs = {"b": (tuple(wide[:2]), tuple(wide[2:])), "a": value}
    product = (wide[0] * wide[1] + wide[2] * wide[3] + value) % FIELD
    assert elements(calculator.calculate(inputs))[1:3] == [product, value]


def test_one_witness_leaves_nothing_for_the_next(calculator: WitnessCalculator, good_witness: bytes) -> None:
    with pytest.raises(StatementRefused):
        calculator.calculate(SMALL_INPUTS | {"a": SECRET << 10})
    with pytest.raises(InputError):
        calculator.calculate({"b": [[9, 9], [9, 9]]})
    assert calculator.calculate(SMALL_INPUTS) == good_witness


def test_a_refusal_names_the_template_and_no_value(calculator: WitnessCalculator) -> None:
    with pytest.raises(StatementRefused) as caught:
        calculator.calculate({"a": SECRET << 10, "b": [[SECRET, 3], [4, 5]]})
    assert str(caught.value) == "the circuit small refuses these inputs: template Bits is not satisfied"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"b": SMALL_INPUTS["b"]}, "4 of the 5 inputs given"),
        ({"a": 7}, "1 of the 5 inputs given"),
        ({}, "0 of the 5 inputs given"),
        (SMALL_INPUTS | {"c": 1}, "input c: the circuit has no such input"),
        (SMALL_INPUTS | {"product": 33}, "input product: the circuit has no such input"),
        (SMALL_INPUTS | {"": []}, "no such input"),
        (SMALL_INPUTS | {"b": [1, 2, 3]}, "input b: 3 elements; the circuit takes 4"),
        (SMALL_INPUTS | {"b": [[1, 2], [3, 4], [5]]}, "input b: 5 elements; the circuit takes 4"),
        (SMALL_INPUTS | {"a": []}, "input a: 0 elements; the circuit takes 1"),
        (SMALL_INPUTS | {"a": -SECRET}, "input a: an element is not canonical"),
        (SMALL_INPUTS | {"a": FIELD}, "input a: an element is not canonical"),
        (SMALL_INPUTS | {"b": [[1, 2], [3, FIELD + SECRET]]}, "input b: an element is not canonical"),
        *((SMALL_INPUTS | {"a": value}, "neither an integer nor a list") for value in (7.0, "7", None, True, b"7")),
    ],
)
def test_inputs_that_are_not_the_circuits(calculator: WitnessCalculator, inputs: dict, error: str) -> None:
    with pytest.raises(InputError, match=error) as caught:
        calculator.calculate(inputs)
    assert str(SECRET) not in str(caught.value)


def test_log_in_a_circuit_shows_nothing(own_home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "circuits" / "main").mkdir(parents=True)
    (tmp_path / "circuits" / "main" / "loud.circom").write_text(
        'pragma circom 2.2.0; template T() { signal input a; signal output b <== a * a; log("a is", a); } '
        "component main = T();"
    )
    circuit = circom.compile_circuit("loud", sources=tmp_path / "circuits")
    capfd.readouterr()
    assert elements(WitnessCalculator(circuit).calculate({"a": SECRET}))[2] == SECRET
    assert capfd.readouterr() == ("", "")


# --- the cache of compiled generators -------------------------------------------------------------------


def cache_files(circuit: BuiltCircuit) -> tuple[Path, Path]:
    [compiled] = circuit.manifest.folder.glob("*.cwasm")
    return compiled, compiled.with_suffix(".json")


def test_the_compiled_generator_is_kept_and_private(
    own_circuit: BuiltCircuit, good_witness: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    WitnessCalculator(own_circuit)
    for path in cache_files(own_circuit):
        assert path.stat().st_mode & 0o777 == 0o600

    class NoCompiler(witness.wasmtime.Module):
        def __init__(self, *_: object) -> None:
            raise AssertionError("compiled again")

    witness._glue()  # compiled once for the process
    monkeypatch.setattr(witness.wasmtime, "Module", NoCompiler)
    assert WitnessCalculator(own_circuit).calculate(SMALL_INPUTS) == good_witness


def flip(path: Path, at: int = -100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda compiled, _: flip(compiled),
        lambda compiled, _: compiled.write_bytes(b""),
        lambda compiled, _: compiled.write_bytes(compiled.read_bytes()[:-7]),
        lambda compiled, _: compiled.unlink(),
        lambda _, record: flip(record, 20),
        lambda _, record: record.write_text("[]"),
        lambda _, record: record.unlink(),
    ],
)
def test_machine_code_that_is_not_what_was_written_is_not_loaded(
    own_circuit: BuiltCircuit, good_witness: bytes, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path, Path], None]
) -> None:
    WitnessCalculator(own_circuit)
    compiled, record = cache_files(own_circuit)
    good = compiled.read_bytes()
    spoil(compiled, record)

    def fail(*_: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(witness.wasmtime.Module, "deserialize", fail)
    assert WitnessCalculator(own_circuit).calculate(SMALL_INPUTS) == good_witness
    assert len(compiled.read_bytes()) == len(good)
    monkeypatch.undo()
    assert WitnessCalculator(own_circuit).calculate(SMALL_INPUTS) == good_witness


@pytest.mark.parametrize("at", [8, 1000, -1])
def test_a_flipped_bit_in_the_generator_is_seen(own_circuit: BuiltCircuit, at: int) -> None:
    flip(own_circuit.manifest.folder / "small.wasm", at)
    with pytest.raises(ArtifactError, match="small.wasm is damaged"):
        WitnessCalculator(own_circuit)


def test_a_generator_that_is_none(own_circuit: BuiltCircuit) -> None:
    """A manifest that vouches for nonsense: still one clear line."""
    folder = own_circuit.manifest.folder
    (folder / "small.wasm").write_bytes(b"nonsense")
    (folder / "manifest.json").unlink()
    built.write_manifest(folder)
    circuit = replace(own_circuit, manifest=built.read_manifest(folder, "build it"))
    with pytest.raises(ToolError, match="wasmtime cannot load the witness generator of small"):
        WitnessCalculator(circuit)


# --- proofs --------------------------------------------------------------------------------------------------


def test_a_proof_is_made_and_both_verifiers_take_it(good_proof: Proof, vk: VerifyingKey) -> None:
    assert good_proof.circuit == "small"
    assert good_proof.signals == (33, 7)
    again = Proof.from_json(good_proof.to_json())
    for name in ("pyecc", "snarkjs"):
        verify(name, vk, again)


@pytest.mark.parametrize("name", ["pyecc", "snarkjs"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda proof: replace(proof, signals=(34, 7)),
        lambda proof: replace(proof, signals=(33, 8)),
        lambda proof: replace(proof, pi_a=proof.pi_c),
        lambda proof: replace(proof, pi_c=(1, 2)),
    ],
)
def test_both_verifiers_refuse_a_changed_proof(
    good_proof: Proof, vk: VerifyingKey, name: str, spoil: Callable[[Proof], Proof]
) -> None:
    with pytest.raises(ProofInvalid, match=f"does not hold .*{name}"):
        verify(name, vk, spoil(good_proof))


def test_two_proofs_of_one_witness_differ(small_key: ProvingKey, good_witness: bytes, good_proof: Proof) -> None:
    other = prover.backend("snarkjs").prove(small_key, good_witness)
    assert other.signals == good_proof.signals and other.pi_a != good_proof.pi_a


def test_an_unknown_prover() -> None:
    with pytest.raises(InputError, match="no prover 'x'; there are: auto, native, rapidsnark, snarkjs"):
        prover.backend("x")


@pytest.mark.parametrize(
    "spoil",
    [lambda path: flip(path, 40), flip, lambda path: path.write_bytes(path.read_bytes()[:-500]), Path.unlink],
    ids=["bit in the header", "bit", "truncated", "removed"],
)
@pytest.mark.parametrize("file", ["proving_key.zkey", "verification_key.json"])
def test_a_damaged_key_is_refused_before_use(
    own_key: ProvingKey, good_witness: bytes, file: str, spoil: Callable[[Path], None]
) -> None:
    spoil(own_key.manifest.folder / file)
    with pytest.raises(ArtifactError, match=file):
        prover.backend("snarkjs").prove(own_key, good_witness)


def test_a_damaged_key_with_a_manifest_to_match_gives_no_proof(own_key: ProvingKey, good_witness: bytes) -> None:
    """What snarkjs itself would let pass: the last bytes of the prover's points."""
    folder = own_key.manifest.folder
    zkey = bytearray((folder / "proving_key.zkey").read_bytes())
    section = zkey.rindex(b"\x08\x00\x00\x00")  # C: the points of the private signals
    zkey[section + 12 + 64 * 2] ^= 1
    (folder / "proving_key.zkey").write_bytes(zkey)
    (folder / "manifest.json").unlink()
    built.write_manifest(folder, **own_key.manifest.facts)
    key = replace(own_key, manifest=built.read_manifest(folder, "set up again"))
    with pytest.raises(ToolError, match="snarkjs (made a proof for small that does not verify|refused `prove`)"):
        prover.backend("snarkjs").prove(key, good_witness)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda data: data[:-32], "snarkjs refused `prove`: Invalid witness length"),
        (lambda data: data + bytes(32), "snarkjs refused `prove`: Invalid witness length"),
        (lambda data: data[:-5], "the witness is damaged"),
        (lambda data: b"", "the witness is damaged"),
        (lambda data: bytes(32) + data[32:], "the witness is damaged"),
        (lambda data: data[:32] + FIELD.to_bytes(32, "little") + data[64:], "the witness is damaged"),
        (lambda data: data[:-32] + (5).to_bytes(32, "little"), "does not verify"),
        (lambda data: data[:32] + (34).to_bytes(32, "little") + data[64:], "does not verify"),
    ],
)
def test_a_false_witness_gives_no_proof(
    small_key: ProvingKey, good_witness: bytes, spoil: Callable[[bytes], bytes], error: str
) -> None:
    with pytest.raises(ToolError, match=error) as caught:
        prover.backend("snarkjs").prove(small_key, spoil(good_witness))
    assert "\n" not in str(caught.value)


def test_the_worker_can_prove_where_node_may_not_write(
    small_key: ProvingKey, good_witness: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under node's permission model a process that opens any file for writing fails."""
    start = process.start
    flags = ["--experimental-permission", "--allow-fs-read=*", "--allow-worker"]
    monkeypatch.setattr(snarkjs, "start", lambda argv, **more: start([argv[0], *flags, *argv[1:]], **more))
    with snarkjs.NodeWorker() as worker:
        assert worker.prove(small_key.zkey, small_key.zkey_sha256, to_wtns(good_witness))["public"] == ["33", "7"]


@pytest.mark.skipif(sys.platform != "linux", reason="takes Linux's limit of address space")
def test_a_limit_of_memory(calculator: WitnessCalculator, small: BuiltCircuit) -> None:
    calculator.calculate(SMALL_INPUTS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28), limits[1]))
    try:
        with pytest.raises(ToolError, match="cannot start the witness generator of small.*ulimit -v") as caught:
            calculator.calculate(SMALL_INPUTS)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert "\n" not in str(caught.value)
    calculator.calculate(SMALL_INPUTS)


# --- rapidsnark: a stand-in that does what it does by snarkjs -----------------------------------------------------


@pytest.fixture
def rapidsnark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of a program named rapidsnark; the test writes it. No folder of ours may be left when it is over."""
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    yield tmp_path / "rapidsnark"
    after = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    assert not [name for name in after - before if name.startswith("dls-zk-")]


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_rapidsnark_proves_and_leaves_nothing(
    rapidsnark: Path, small_key: ProvingKey, good_witness: bytes, vk: VerifyingKey, tmp_path: Path
) -> None:
    cli = node.package_file("snarkjs", "build/cli.cjs")
    script = (
        f'ls -ld "$(dirname "$3")" | cut -c1-10 > {tmp_path}/mode; dirname "$3" > {tmp_path}/folder\n'
        f'node {cli} groth16 prove "$1" "$2" "$3" "$4" && sed -i s/,[^,]*bn128[^,]*}}/}}/ "$3"'
    )
    write_program(rapidsnark, script)
    proof = prover.backend("rapidsnark").prove(small_key, good_witness)
    assert proof.signals == (33, 7)
    verify("pyecc", vk, proof)
    assert (tmp_path / "mode").read_text().split() == ["drwx------"]
    assert not Path((tmp_path / "folder").read_text().strip()).exists()


def test_rapidsnark_where_memory_cannot_be_a_file(
    rapidsnark: Path, small_key: ProvingKey, good_witness: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    write_program(rapidsnark, f'ls -ld "$2" "$(dirname "$2")" | cut -c1-10 > {tmp_path}/modes; echo "$2" > {tmp_path}/wtns')
    with pytest.raises(ToolError, match="wrote no proof"):
        prover.backend("rapidsnark").prove(small_key, good_witness)
    assert (tmp_path / "modes").read_text().split() == ["drwx------", "-rw-------"]
    assert not Path((tmp_path / "wtns").read_text().strip()).parent.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the witness is in a file")
def test_a_killed_prover_leaves_no_witness_and_no_rapidsnark(rapidsnark: Path, tmp_path: Path) -> None:
    secret, places = b"witness" * 1000, [tmp_path / "scratch", Path("/dev/shm")]
    places[0].mkdir()
    # It shows that it got the witness, by a path that names no file in any folder, and stays.
    seen = f'readlink "$2" > {tmp_path}/seen; sha256sum < "$2" >> {tmp_path}/seen; echo $$ > {tmp_path}/pid'
    write_program(rapidsnark, f"{seen}; exec sleep 60")
    program = f"from dls_zk.tools import rapidsnark\nfrom pathlib import Path\nrapidsnark.prove(Path('k'), {secret!r})\n"
    parent = subprocess.Popen([sys.executable, "-c", program], env=os.environ | {"TMPDIR": str(places[0])})
    deadline = time.monotonic() + 120
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    link, digest, _ = (tmp_path / "seen").read_text().replace("(deleted)", "").split()
    assert link.startswith("/memfd:") and digest == hashlib.sha256(secret).hexdigest()
    pid = int((tmp_path / "pid").read_text())
    while os.path.exists(f"/proc/{pid}/fd") and "sleep" in _command(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "sleep" not in _command(pid)
    left = [path for place in places for path in place.rglob("*") if path.is_file() and os.access(path, os.R_OK)]
    assert not [path for path in left if secret in path.read_bytes()]


def _command(pid: int) -> str:
    """The command line of a process; '' if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("echo 'Error: bad zkey' >&2; exit 1", "rapidsnark .*ended with exit code 1: Error: bad zkey"),
        ('echo "{}" > "$3"; echo "[]" > "$4"', "rapidsnark made a proof for small that does not verify"),
        ('echo nonsense > "$3"; echo "[]" > "$4"', "rapidsnark made a proof for small that does not verify"),
        ('echo "[]" > "$3"; echo "[]" > "$4"', "rapidsnark made a proof for small that does not verify"),
        ("exit 0", "rapidsnark ended well but wrote no proof"),
    ],
)
def test_a_failing_rapidsnark(rapidsnark: Path, small_key: ProvingKey, good_witness: bytes, script: str, error: str) -> None:
    write_program(rapidsnark, script)
    with pytest.raises(ToolError, match=error):
        prover.backend("rapidsnark").prove(small_key, good_witness)


def test_rapidsnark_missing(small_key: ProvingKey, good_witness: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match="rapidsnark is not on the PATH"):
        prover.backend("rapidsnark").prove(small_key, good_witness)
