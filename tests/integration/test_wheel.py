"""A wheel works without the checkout: circuits, contracts, examples and the Node lock file travel in it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dls_zk import operations
from dls_zk.storage import places
from dls_zk.tools import node

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, unpacked: what an installer puts on the path."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (made,) = out.glob("*.whl")
    zipfile.ZipFile(made).extractall(out / "site")
    return out / "site"


def _python(wheel: Path, home: Path, *argv: str) -> str:
    home.mkdir(exist_ok=True)
    if not (home / "node").exists():
        (home / "node").symlink_to(node.ensure_node_packages().parent)
    environment = os.environ | {"PYTHONPATH": str(wheel), "DLS_ZK_HOME": str(home)}
    result = subprocess.run(
        [sys.executable, "-P", *argv], cwd=home, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_it_is_the_wheel_that_runs(wheel, tmp_path):
    where = _python(wheel, tmp_path / "home", "-c", "import dls_zk; print(dls_zk.__file__)")
    assert where.strip() == str(wheel / "dls_zk" / "__init__.py")


def test_circuits_and_contracts_compile_and_schemas_and_examples_are_there(wheel, tmp_path):
    home = tmp_path / "home"
    _python(wheel, home, "-m", "dls_zk", "circuits", "build", "--family", "rebalance", "--size", "8")
    program = "from dls_zk.solidity import contracts; print(*sorted(contracts.compile_contracts()))"
    assert _python(wheel, home, "-c", program).split() == [
        "BatchVerifier", "Claims", "DevAsset", "DevFeed", "MandateRules", "PolicyRegistry", "PoseidonT6", "PriceOracle",
        "RebalanceHub", "Reconciler", "Settlement", "SharePriceFeed", "ShareToken", "StandardizedYield",
    ]  # fmt: skip
    package = wheel / "dls_zk"
    assert (package / "node" / "package-lock.json").is_file() and not (package / "node" / "node_modules").exists()
    assert {path.stem for path in (package / "schemas").glob("*.json")} >= {"policy", "proof"}
    example = package / "examples" / "delta_neutral_eth"
    options = {"policy": "policy.yaml", "prices": "prices.yaml", "before": "book_before.csv"}
    argv = [part for name, file in options.items() for part in (f"--{name}", str(example / file))]
    assert "✓" in _python(wheel, home, "-m", "dls_zk", "check", *argv, "--heartbeat")


# --- with the native core inside ----------------------------------------------------------------------------------------

#: Programs that proving and verifying need; a folder with these alone is the PATH.
NEEDED = ("node", "npm")

#: How ELF and Mach-O name each machine.
MACHINES = {"x86_64": (b"\x3e\0", b"\x07\0\0\x01"), "arm64": (b"\xb7\0", b"\x0c\0\0\x01")}


def wheels(out: Path, *targets: str) -> dict[str, Path]:
    """The wheels that scripts/wheels builds, by the platforms of their names."""
    script = [str(ROOT / "scripts" / "wheels"), str(out), *targets]
    subprocess.run(script, check=True, capture_output=True, timeout=900)
    return {path.stem.rpartition("-")[2]: path for path in out.glob("*.whl")}


def native_object(wheel: Path) -> bytes:
    return zipfile.ZipFile(wheel).read("dls_zk/_data/native/core.so")


@pytest.mark.slow
@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the wheel is for another platform")
@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="the wheel is for another libc")
def test_the_wheel_of_this_platform_proves_where_there_is_no_compiler(tmp_path: Path) -> None:
    operations.development_key(operations.build_circuit("rebalance_16"))
    made = wheels(tmp_path / "dist", "x86_64-linux-gnu.2.17")["manylinux_2_17_x86_64"]
    assert native_object(made) == native_object(wheels(tmp_path / "again", "x86_64-linux-gnu.2.17")["manylinux_2_17_x86_64"])
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    python = tmp_path / "venv" / "bin" / "python"
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    lock = ROOT / "scripts" / "requirements.lock"
    subprocess.run([*uv, "--require-hashes", "-r", str(lock)], check=True, capture_output=True, timeout=600)
    subprocess.run([*uv, "--no-deps", str(made)], check=True, capture_output=True, timeout=120)

    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for name in ("node", "circuits", "keys"):
        (home / name).symlink_to(places.home() / name)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(str(shutil.which(name)))
    environment = {"PATH": str(programs), "HOME": str(home), "DLS_ZK_HOME": str(home), "DLS_ZK_STATE": str(home / "state")}

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        command = [str(tmp_path / "venv" / "bin" / "dls-zk"), *argv]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def native_row() -> dict[str, object]:
        return next(row for row in json.loads(run("doctor", "--json").stdout)["tools"] if row["tool"] == "native")

    assert (native_row()["found"], native_row()["remedy"]) == (
        "not yet",
        "came with the package; tried when it is first needed",
    )
    example = places.PACKAGE / "examples" / "delta_neutral_eth"
    files = {"policy": "policy.yaml", "prices": "prices.yaml", "after": "book_before.csv", "terms": "terms_deposit.yaml"}
    options = [part for name, file in files.items() for part in (f"--{name}", str(example / file))]
    proven = run("prove", *options, "--before", "empty", "--backend", "native", "--out", "first")
    assert "ompil" not in proven.stderr
    assert native_row()["found"] == "ready, came with the package"
    run("verify", "first/proof.json", "--verifier", "all")
    assert not list(home.rglob("core.cpp"))


@pytest.mark.slow
def test_every_wheel_has_the_object_of_its_platform(tmp_path: Path) -> None:
    """Built, and looked at; on another platform than this one, not run."""
    made = wheels(tmp_path)
    with zipfile.ZipFile(made.pop("any")) as pure:
        assert not [name for name in pure.namelist() if name.endswith(".so")] and "dls_zk/native/core.cpp" in pure.namelist()
    assert len(made) == 6
    for name, path in made.items():
        data = native_object(path)
        elf, macho = MACHINES["x86_64" if name.endswith("x86_64") else "arm64"]
        if name.startswith("macosx"):
            assert data.startswith(b"\xcf\xfa\xed\xfe" + macho), name
        else:
            assert data.startswith(b"\x7fELF\x02\x01\x01") and data[18:20] == elf, name
            assert b"libstdc++" not in data and b"GLIBCXX" not in data, name
        assert str(ROOT).encode() not in data, name
