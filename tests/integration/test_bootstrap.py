"""``scripts/bootstrap`` on machines as they are: no home, and environments moved, copied or begun and not ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dls_zk.storage import places

ROOT = places.PACKAGE.parent


def bootstrap(checkout: Path) -> str:
    """What the script says, for a user without a home."""
    (checkout / "no-home").touch()
    ours = ("DLS_ZK_HOME", "XDG_CACHE_HOME", "UV_CACHE_DIR", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    path = [folder for folder in env["PATH"].split(os.pathsep) if ".venv" not in folder]
    env |= {"HOME": f"{checkout}/no-home/x", "PATH": os.pathsep.join(path)}
    done = subprocess.run(["scripts/bootstrap"], cwd=checkout, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_environment_that_is_not_whole_is_made_anew(tmp_path: Path) -> None:
    checkout = tmp_path / "one"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    anew = "The environment in .venv is incomplete or of another place"

    def works() -> bool:
        program = checkout / ".venv" / "bin" / "dls-zk"
        script = "from dls_zk.storage import places; print(places.data_dir('circuits'))"
        python = subprocess.run(
            [program.with_name("python"), "-c", script], capture_output=True, text=True, cwd=checkout.parent
        )
        answers = subprocess.run([program, "--version"], capture_output=True).returncode == 0
        return answers and python.stdout.strip() == str(checkout / "circuits")

    assert anew not in bootstrap(checkout) and works()
    assert anew not in bootstrap(checkout) and works()

    checkout = checkout.rename(tmp_path / "two")  # moved; a copy differs in nothing
    assert anew in bootstrap(checkout) and works()

    (checkout / ".venv" / "bin" / "python").unlink()  # as when the Python that it was made from is gone
    assert anew in bootstrap(checkout) and works()

    shutil.rmtree(checkout / ".venv")  # cut off before it had pip
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    assert anew in bootstrap(checkout) and works()


def test_copies_that_an_installation_leaves_are_not_used() -> None:
    """``uv pip install -e`` copies circuits and contracts into site-packages, where they grow old."""
    for name in ("circuits", "verifier_contracts"):
        assert places.data_dir(name) == ROOT / name
    assert not (places.PACKAGE / "_data").exists()
