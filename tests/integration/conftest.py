"""A small circuit with a key from a genuine (tiny) ceremony, in a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from dls_zk.storage import built, disk, places
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.tools import circom, node

SMALL_CIRCUIT = """\
pragma circom 2.2.0;

template Bits(n) {
    signal input in;
    signal bit[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        bit[i] <-- (in >> i) & 1;
        bit[i] * (bit[i] - 1) === 0;
        sum += bit[i] * (1 << i);
    }
    in === sum;
}

// a has 32 bits; product = b[0][0]·b[0][1] + b[1][0]·b[1][1] + a
template Small() {
    signal input a;
    signal input b[2][2];
    signal output product;
    Bits(32)(a);
    signal half <== b[0][0] * b[0][1];
    product <== half + b[1][0] * b[1][1] + a;
}
"""

CEREMONY = """
import * as snarkjs from "snarkjs";
const [r1cs, folder] = process.argv.slice(1);
const at = (name) => `${folder}/${name}`;
const curve = await snarkjs.curves.getCurveFromName("bn128");
await snarkjs.powersOfTau.newAccumulator(curve, 8, at("0.ptau"));
await snarkjs.powersOfTau.contribute(at("0.ptau"), at("1.ptau"), "test", "test");
await snarkjs.powersOfTau.preparePhase2(at("1.ptau"), at("2.ptau"));
await snarkjs.zKey.newZKey(r1cs, at("2.ptau"), at("0.zkey"));
await snarkjs.zKey.contribute(at("0.zkey"), at("proving_key.zkey"), "test", "test");
const vk = await snarkjs.zKey.exportVerificationKey(at("proving_key.zkey"));
(await import("node:fs")).writeFileSync(at("verification_key.json"), JSON.stringify(vk));
for (const name of ["0.ptau", "1.ptau", "2.ptau", "0.zkey"]) (await import("node:fs")).unlinkSync(at(name));
process.exit(0);
"""

#: Inputs that satisfy the small circuit.
SMALL_INPUTS = {"a": 7, "b": [[2, 3], [4, 5]]}


def use_own_home(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make ``folder`` the home for what is built from here on; Node packages and native core stay those of the real home."""
    packages, cores = node.ensure_node_packages().parent, disk.make_dir(places.native_dir("-").parent)
    patch.setenv("DLS_ZK_HOME", str(folder))
    disk.make_dir(folder)
    (folder / "node").symlink_to(packages)
    (folder / "native").symlink_to(cores)
    return folder


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for one test."""
    return use_own_home(tmp_path / "home", monkeypatch)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> BuiltCircuit:
    """The small circuit, compiled."""
    sources = tmp_path_factory.mktemp("circuits")
    (sources / "main").mkdir()
    (sources / "small.circom").write_text(SMALL_CIRCUIT)
    main = 'pragma circom 2.2.0;\ninclude "../small.circom";\ncomponent main {public [a]} = Small();\n'
    (sources / "main" / "small.circom").write_text(main)
    with pytest.MonkeyPatch.context() as patch:
        use_own_home(tmp_path_factory.mktemp("small") / "home", patch)
        return circom.compile_circuit("small", sources=sources)


@pytest.fixture(scope="session")
def small_key(small: BuiltCircuit, tmp_path_factory: pytest.TempPathFactory) -> ProvingKey:
    """A key of the small circuit, made by snarkjs from powers of tau."""

    def fill(folder: Path) -> None:
        node.run_node(
            ["--input-type=module", "-e", CEREMONY, small.r1cs, folder],
            cwd=node.ensure_node_packages(),
            timeout=120,
        )

    with pytest.MonkeyPatch.context() as patch:
        use_own_home(tmp_path_factory.mktemp("key") / "home", patch)
        return built.install_key(small, "ceremony", fill)
