"""Work that is killed or finds the disk full, at every step; eight processes at once; what is left, and how it goes on."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dls_zk import operations
from dls_zk.groth16.witness import WitnessCalculator
from dls_zk.operations import Proven
from dls_zk.storage import built, places
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from tests.integration.conftest import SMALL_INPUTS
from tests.support import commandline, crashes
from tests.support.commandline import FIRST, Result, installed_key, write_inputs
from tests.support.crashes import Action, CalculateWitness, Contribute, InstallKey, Replace, WriteProven, at_once, run, steps


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    """The small vault's first rebalance."""
    key = installed_key()
    folder = write_inputs(tmp_path_factory.mktemp("vault"))
    names = ("policy.yaml", "prices.yaml", "book.csv", "deposit.yaml")
    policy, prices, book, terms = (folder / name for name in names)
    rebalance = operations.load_rebalance(policy, prices, None, after_path=book, terms=terms)
    return operations.prove(rebalance, key, operations.build_circuit(rebalance.circuit.name))


@pytest.fixture(scope="module")
def actions(proven: Proven, small: BuiltCircuit, small_key: ProvingKey) -> dict[str, Action]:
    return {
        "write proven": WriteProven(proven),
        "install key": InstallKey(small, small_key.manifest.folder),
        "calculate witness": CalculateWitness(small, SMALL_INPUTS, WitnessCalculator(small).calculate(SMALL_INPUTS)),
        "contribute": Contribute(),
        "replace": Replace(),
    }


#: Actions, and the least number of steps that each has: 45, so that there are 90 faults.
STEPS = {"write proven": 11, "install key": 15, "calculate witness": 8, "contribute": 7, "replace": 4}


def fresh(action: Action, folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    action.prepare(place)
    return place


def recovers(action: Action, place: Path, *, killed: bool) -> None:
    """One command, and all is well."""
    action.check(place, killed=killed)
    again = action.again(place)
    assert run(again, place) == 0
    assert again.done(place)


# --- every step ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["kill", "full"])
@pytest.mark.parametrize("name", STEPS)
def test_a_fault_at_every_step(actions: dict[str, Action], tmp_path: Path, name: str, kind: str) -> None:
    action = actions[name]
    count = steps(action, fresh(action, tmp_path, "undisturbed"))
    assert count >= STEPS[name] and action.done(tmp_path / "undisturbed")
    ends = Counter()
    for at in range(count):
        place = fresh(action, tmp_path, str(at))
        ends[run(action, place, kind, at)] += 1
        recovers(action, place, killed=kind == "kill")
    # A generator's machine code is only a convenience: without room for it the witness is calculated all the same.
    expected = {-signal.SIGKILL} if kind == "kill" else {0} if name == "calculate witness" else {0, crashes.REFUSED}
    assert ends.keys() <= expected and ends.total() == count
    assert kind == "kill" or name == "calculate witness" or ends[crashes.REFUSED] >= count // 2


def test_eight_write_one_proof(actions: dict[str, Action], tmp_path: Path) -> None:
    assert at_once(actions["write proven"], tmp_path, 8) == {0: 1, crashes.REFUSED: 7}
    actions["write proven"].check(tmp_path, killed=False)
    assert actions["write proven"].done(tmp_path)


@pytest.mark.parametrize("name", ["install key", "calculate witness", "replace"])
def test_eight_make_one_thing(actions: dict[str, Action], tmp_path: Path, name: str) -> None:
    actions[name].prepare(tmp_path)
    assert at_once(actions[name], tmp_path, 8) == {0: 8}
    actions[name].check(tmp_path, killed=False)
    assert actions[name].done(tmp_path)


# --- a disk that is full ------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of this size, if this user may mount one."""
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
@pytest.mark.parametrize("room", [0, 1, 2, 8])
def test_a_disk_with_little_room(actions: dict[str, Action], tmp_path: Path, room: int) -> None:
    """Each of the three files takes a page of memory: for the opening alone there is room, or for all but the proof."""
    page = os.sysconf("SC_PAGESIZE")
    with small_disk(tmp_path / "disk", "64k") as disk:
        with open(disk / "filler", "wb") as filler:
            filler.write(bytes(64 * 1024 - room * page))
        assert run(actions["write proven"], disk) == (0 if room == 8 else crashes.REFUSED)
        actions["write proven"].check(disk, killed=False)
        (disk / "filler").unlink()
        recovers(actions["write proven"], disk, killed=False)


def limited(limit: int, *args: str, cwd: Path, env: dict[str, str]) -> Result:
    """The program, with no file of it or of what it starts larger than ``limit`` bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "dls_zk", *args],
        cwd=cwd,
        env=env,
        capture_output=True,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def home_with_circuit(folder: Path) -> Path:
    """A home with the small circuit of the package, and without a key."""
    home = commandline.spoiled_home(folder, lambda path: None, "")
    for path in (home / "keys").rglob("*"):
        if not path.is_dir():
            path.unlink()
    return home


def no_half(home: Path) -> None:
    """Whatever is installed is whole."""
    for manifest in home.rglob("manifest.json"):
        if not any(part.startswith(".") for part in manifest.relative_to(home).parts):
            read = built.read_manifest(manifest.parent, "")
            assert all(read.path(name) for name in read.files)


@pytest.mark.slow
def test_a_key_that_does_not_fit_on_the_disk(tmp_path: Path) -> None:
    """The key is written by Node."""
    home = commandline.spoiled_home(tmp_path / "home", lambda path: None, "")
    (folder,) = (home / "keys" / "rebalance_8").iterdir()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    env = commandline.environment(tmp_path, DLS_ZK_HOME=str(home))
    refused = limited(1 << 20, "setup", "dev", "--family", "rebalance", "--size", "8", cwd=tmp_path, env=env)
    assert refused.refused(5) or refused.refused(3)
    assert not list((home / "keys" / "rebalance_8").glob("[!.]*"))
    assert commandline.run("setup", "dev", "--family", "rebalance", "--size", "8", cwd=tmp_path, env=env).code == 0
    no_half(home)


# --- whole commands, killed at any time -----------------------------------------------------------------------------------


def killed_after(seconds: float, *args: str, cwd: Path, env: dict[str, str]) -> int:
    process = subprocess.Popen(
        [sys.executable, "-m", "dls_zk", *args], cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait()


@pytest.mark.slow
def test_prove_killed_at_twenty_points(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    installed_key()
    folder = write_inputs(tmp_path / "vault")
    env = commandline.environment(tmp_path)
    started = time.monotonic()
    assert commandline.run("prove", *FIRST, "--out", "good", cwd=folder, env=env).code == 0
    seconds = time.monotonic() - started
    codes = Counter()
    for k in range(20):
        codes[killed_after(seconds * (k + 1) / 20, "prove", *FIRST, "--out", f"r{k}", cwd=folder, env=env)] += 1
        made = {path.name for path in (folder / f"r{k}").iterdir()} if (folder / f"r{k}").exists() else set()
        assert "proof.json" not in made or "opening.json" in made
        out = f"again{k}" if made else f"r{k}"
        assert commandline.run("prove", *FIRST, "--out", out, cwd=folder, env=env).code == 0
        assert commandline.run("verify", f"{out}/proof.json", cwd=folder, env=env).code == 0
    assert codes[-signal.SIGKILL] >= 10, codes
    record_property("tried", 20)
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("circuits", "build", "--family", "rebalance", "--size", "8"),
        ("setup", "dev", "--family", "rebalance", "--size", "8"),
    ],
)
def test_building_killed_at_ten_points(
    tmp_path: Path, command: tuple[str, ...], record_property: Callable[[str, object], None]
) -> None:
    real = places.home()
    codes = Counter()
    seconds = 0.0
    for k in range(-1, 10):
        home = tmp_path / f"home{k}"
        home.mkdir()
        (home / "node").symlink_to(real / "node")
        if command[0] == "setup":
            (home / "circuits").symlink_to(real / "circuits")
        env = commandline.environment(tmp_path / f"place{k}", DLS_ZK_HOME=str(home))
        started = time.monotonic()
        code = killed_after(seconds * (k + 1) / 10 if seconds else 600, *command, cwd=tmp_path, env=env)
        seconds = seconds or time.monotonic() - started
        codes[code] += 1
        no_half(home)
        assert commandline.run(*command, cwd=tmp_path, env=env).code == 0
        no_half(home)
    assert codes[-signal.SIGKILL] >= 5, codes
    record_property("tried", 10)
