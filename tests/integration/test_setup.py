"""The development setup: a real snarkjs key, the same on every machine, that says what it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dls_zk import operations
from dls_zk.errors import InsecureKey, ProofInvalid, ToolError
from dls_zk.groth16 import prover, verifier
from dls_zk.groth16.binfile import BinFile
from dls_zk.groth16.key_lint import lint
from dls_zk.groth16.r1cs import r1cs_header
from dls_zk.groth16.witness import WitnessCalculator
from dls_zk.groth16.zkey import MARKER, VerifyingKey, is_development, read_zkey, verification_key_json
from dls_zk.statement.context import Context
from dls_zk.statement.model import Terms
from dls_zk.storage import built, disk
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.tools import snarkjs
from tests.integration.conftest import SMALL_INPUTS, use_own_home

SOMEBODY = "0x" + "11" * 20


@pytest.fixture(scope="module")
def dev_key(small: BuiltCircuit, tmp_path_factory: pytest.TempPathFactory) -> ProvingKey:
    def fill(folder: Path) -> None:
        snarkjs.dev_setup(small.r1cs, folder / "proving_key.zkey")
        text = verification_key_json(read_zkey(folder / "proving_key.zkey"), small.name, small.r1cs_sha256)
        disk.write_atomic(folder / "verification_key.json", text)

    with pytest.MonkeyPatch.context() as patch:
        use_own_home(tmp_path_factory.mktemp("dev") / "home", patch)
        return built.install_key(small, "dev", fill)


def test_it_says_what_it_is(small: BuiltCircuit, dev_key: ProvingKey) -> None:
    key = read_zkey(dev_key.zkey)
    assert [one.name for one in key.contributions] == [MARKER]
    assert is_development(key) and lint(key, n_public=r1cs_header(small.r1cs).n_public) == []
    assert is_development(VerifyingKey.from_json(dev_key.verification_key.read_bytes()))


def test_it_has_the_layout_of_a_key_from_a_ceremony(dev_key: ProvingKey, small_key: ProvingKey) -> None:
    ours, theirs = (BinFile.open(key.zkey, "zkey") for key in (dev_key, small_key))
    assert {n: ours.size(n) for n in range(1, 10)} == {n: theirs.size(n) for n in range(1, 10)}
    assert ours.sections.keys() == theirs.sections.keys()
    assert ours.read(1).data == theirs.read(1).data
    assert ours.read(2).take(84) == theirs.read(2).take(84)  # primes and sizes; points follow
    assert ours.read(4).data == theirs.read(4).data  # the circuit's own coefficients
    for section in (5, 6, 7):  # wires that are in no A, or in no B, have infinity in the same places
        size = 128 if section == 7 else 64
        assert infinities(ours.read(section).data, size) == infinities(theirs.read(section).data, size)


def infinities(points: bytes, size: int) -> list[int]:
    return [at for at in range(0, len(points), size) if not any(points[at : at + size])]


def test_snarkjs_proves_with_it_and_all_verify(small: BuiltCircuit, dev_key: ProvingKey) -> None:
    witness = WitnessCalculator(small).calculate(SMALL_INPUTS)
    proof = prover.backend("snarkjs").prove(dev_key, witness)
    key = VerifyingKey.from_json(dev_key.verification_key.read_bytes())
    for name in ("pyecc", "snarkjs"):
        verifier.verify(name, key, proof)
        for k in range(len(proof.signals)):
            changed = tuple(value + (k == i) for i, value in enumerate(proof.signals))
            with pytest.raises(ProofInvalid):
                verifier.verify(name, key, replace(proof, signals=changed))


def test_it_is_the_same_every_time(small: BuiltCircuit, dev_key: ProvingKey, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    again = tmp_path / "again.zkey"
    snarkjs.dev_setup(small.r1cs, again, lambda *step: steps.append(step))
    assert again.read_bytes() == dev_key.zkey.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.zkey"]
    assert list(dict.fromkeys(stage for stage, _, _ in steps)) == [
        "read circuit", "evaluate QAP", "make points", "write key"
    ]  # fmt: skip
    assert all(0 <= done <= of for _, done, of in steps) and steps[-1][1] == steps[-1][2]


def test_snarkjs_exports_from_it(small: BuiltCircuit, dev_key: ProvingKey, tmp_path: Path) -> None:
    exported = tmp_path / "vk.json"
    snarkjs.run_command(["zkey", "export", "verificationkey", dev_key.zkey, exported])
    theirs = VerifyingKey.from_json(exported.read_bytes())
    assert theirs == VerifyingKey.from_json(dev_key.verification_key.read_bytes())
    # The mark is lost on this way, but who knows the circuit still knows the key.
    assert not is_development(theirs) and is_development(theirs, small.r1cs_sha256)

    snarkjs.run_command(["zkey", "export", "json", dev_key.zkey, tmp_path / "key.json"])
    document = json.loads((tmp_path / "key.json").read_bytes())
    assert document["protocol"] == "groth16" and len(document["IC"]) == r1cs_header(small.r1cs).n_public + 1

    contract = tmp_path / "Groth16Verifier.sol"
    snarkjs.run_command(["zkey", "export", "solidityverifier", dev_key.zkey, contract])
    source = snarkjs.worker().verifier_source(theirs.to_snarkjs(), "Small")
    assert "contract Small {" in source and str(theirs.alpha1[0]) in source
    assert source == contract.read_text().replace("contract Groth16Verifier {", "contract Small {")


def test_a_contribution_does_not_make_it_secure(dev_key: ProvingKey, tmp_path: Path) -> None:
    later = tmp_path / "later.zkey"
    snarkjs.run_command(["zkey", "contribute", dev_key.zkey, later, "--name=Bob"], stdin=b"some text\n")
    key = read_zkey(later)
    assert [one.name for one in key.contributions] == [MARKER[:64], "Bob"]
    assert is_development(key) and lint(key) == []


def test_a_development_key_in_the_place_of_a_ceremonys_stays_one(
    small: BuiltCircuit, dev_key: ProvingKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed as a ceremony's, and with every mark taken off: its α tells."""

    def fill(folder: Path) -> None:
        (folder / "proving_key.zkey").write_bytes(dev_key.zkey.read_bytes().replace(MARKER.encode(), b"A" * len(MARKER)))
        members = json.loads(dev_key.verification_key.read_text())
        members["dls_zk"]["setup"] = "ceremony with 3 contributions"
        (folder / "verification_key.json").write_text(json.dumps(members))

    use_own_home(tmp_path / "home", monkeypatch)
    key = built.install_key(small, "ceremony", fill)
    assert not read_zkey(key.zkey).verifying_key.development
    assert operations.installed_target(key).insecure
    terms = Terms.at(Context(1, SOMEBODY, bytes(32), 1, 1, 1, SOMEBODY, 1_724_889_600), 0, 0)
    rebalance = SimpleNamespace(terms=terms)
    with pytest.raises(InsecureKey, match="the terms are for chain 1, and the only key is an INSECURE development key"):
        operations.prove(rebalance, key, small)  # type: ignore[arg-type]


def test_failures_leave_nothing_behind(small: BuiltCircuit, tmp_path: Path) -> None:
    content = small.r1cs.read_bytes()
    for name, damaged in (("cut", content[:-200]), ("foreign", b"zkey" + content[4:]), ("short", content[:40])):
        (tmp_path / f"{name}.r1cs").write_bytes(damaged)
        with pytest.raises(ToolError) as error:
            snarkjs.dev_setup(tmp_path / f"{name}.r1cs", tmp_path / "out.zkey")
        assert "r1cs" in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(ToolError):
        snarkjs.dev_setup(tmp_path / "none.r1cs", tmp_path / "out.zkey")
    with pytest.raises(ToolError):
        snarkjs.dev_setup(small.r1cs, tmp_path / "no" / "folder.zkey")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".r1cs"] * 3
