"""A wheel works without the checkout: circuits, contracts, examples and the Node lock file travel in it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
