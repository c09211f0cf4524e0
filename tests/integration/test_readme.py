"""What the README tells a person to run, run."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _run(argv: list[str], script: str, folder: Path) -> None:
    script = script.replace("/tmp/dls-zk-readme", str(folder))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run([*argv, script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_two_commands_are_there():
    commands = [line.split("#")[0].strip() for line in _blocks("sh")[0].splitlines()]
    assert commands == ["./scripts/demo", "./scripts/test"]
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)


def test_the_walk_through(tmp_path):
    walk, _ = _blocks("sh")[1:]
    _run(["bash", "-euc"], walk, tmp_path)
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {
        "first/proof.json", "first/opening.json", "first/terms.yaml",
        "second/proof.json", "second/opening.json", "second/terms.yaml",
        "calldata.json", "Groth16Verifier_16.sol", "verification_key.json",
    }  # fmt: skip


def test_the_day_on_a_chain(tmp_path):
    _, day = _blocks("sh")[1:]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    _run(["bash", "-euc"], f"export DLS_ZK_RPC=http://127.0.0.1:{port}\n" + day.replace("8545", port), tmp_path)
    assert (tmp_path / "r1" / "opening.json").is_file()


def test_the_python(tmp_path):
    (program,) = _blocks("python")
    _run([sys.executable, "-c"], program, tmp_path)
    assert {path.name for path in (tmp_path / "python").iterdir()} == {"proof.json", "opening.json", "terms.yaml"}


def test_every_script_that_is_named_is_there():
    for name in set(re.findall(r"`?\./scripts/([a-z-]+)", README)):
        assert os.access(ROOT / "scripts" / name, os.X_OK), name
