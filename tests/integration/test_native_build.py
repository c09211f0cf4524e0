"""How the native core comes to be there: compiled once, tried before it is used, and done without where it cannot be had."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dls_zk.errors import ArtifactError, InputError, ToolError
from dls_zk.groth16 import native as native_prover
from dls_zk.groth16 import prover, verifier
from dls_zk.groth16.verifier import verify
from dls_zk.groth16.witness import WitnessCalculator
from dls_zk.groth16.zkey import VerifyingKey
from dls_zk.storage import places
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.tools import doctor, native, node
from tests.integration.conftest import SMALL_INPUTS
from tests.support.native import core


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home without a core; what the process remembers of the core is forgotten before and after."""
    packages = node.ensure_node_packages().parent
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "node").symlink_to(packages)
    caches = (native.library, native.why_not, prover._fastest, native_prover._open_keys)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path / "home"
    for cache in caches:
        cache.cache_clear()


@pytest.fixture(scope="session")
def object_file() -> Path:
    """The object of this machine, so that a test need not compile it again."""
    core(0)
    return native.object_path()


@pytest.fixture
def brought(home: Path, object_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that brought its object, as a wheel does."""
    shutil.copy(object_file, tmp_path / "core.so")
    monkeypatch.setattr(places, "native_object", lambda: tmp_path / "core.so")
    return tmp_path / "core.so"


def compiler(folder: Path, script: str) -> str:
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_it_is_compiled_once_and_the_users_alone(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    if not native.compilers():
        pytest.skip(native.NO_COMPILER)
    caplog.set_level(logging.WARNING, "dls_zk")
    assert native.installed() is None and not native.ready()
    path = native.object_path()
    assert [record.getMessage() for record in caplog.records] == [
        f"First use: compiling the native prover (some seconds) into {path.parent} …"
    ]
    made = path.stat()
    assert made.st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert native.object_path() == path == native.installed() and native.ready()
    assert path.stat() == made and len(caplog.records) == 1
    assert sorted(one.name for one in path.parent.parent.iterdir() if not one.name.startswith(".")) == [path.parent.name]


def test_processes_that_want_it_at_once_compile_it_once(home: Path, tmp_path: Path) -> None:
    if not (compilers := native.compilers()):
        pytest.skip(native.NO_COMPILER)
    counting = compiler(tmp_path, f'echo x >> {tmp_path}/count; exec {compilers[0][0]} "$@"')
    program = "from dls_zk.tools import native; print(native.library().dls_zk_self_test(0))"
    argv, env = [sys.executable, "-c", program], os.environ | {"CC": counting}
    processes = [subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [process.communicate(timeout=300)[0] for process in processes] == [b"0\n"] * 3
    assert (tmp_path / "count").read_text() == "x\n"


def test_other_sources_flags_compilers_and_processors_have_other_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [native._key()]
    monkeypatch.setattr(native, "FLAGS", (*native.FLAGS, "-O3"))
    keys.append(native._key())
    monkeypatch.setenv("CC", sys.executable)
    keys.append(native._key())
    monkeypatch.setattr(native, "_abilities", lambda: "flags: fpu")
    keys.append(native._key())
    monkeypatch.setattr(places, "native_sources", lambda: home)
    (home / "core.cpp").write_text("")
    keys.append(native._key())
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'core.cpp:1: fatal error: no room' >&2; exit 1", "compiler.*ended with exit code 1: core.cpp:1: fatal error"),
        ("kill -9 $$", "compiler.*was ended by signal 9"),
        ("exit 0", "cannot be made: No such file"),
        ('for last; do :; done; echo "no object" > "$last"', "fails its self-test on this machine and is not used"),
    ],
    ids=["fails", "is killed", "makes nothing", "makes nonsense"],
)
def test_a_compiler_that_fails(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str) -> None:
    monkeypatch.setenv("CC", compiler(tmp_path, script))
    with pytest.raises(Exception, match=said) as caught:
        native.object_path()
    assert "\n" not in str(caught.value)
    assert native.installed() is None
    assert not [path for path in home.rglob("*") if path.is_file() and "/node/" not in str(path) and path.suffix != ".lock"]


def test_a_compiler_that_no_shell_would_find(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "g++ 'unfinished")
    with pytest.raises(ToolError, match="^CC is no command"):
        native.object_path()
    assert not native.ready() and native.why_not().startswith("CC is no command")
    found, ok, remedy = native_row()
    assert (found, ok) == ("not used", None) and remedy.startswith("CC is no command")
    monkeypatch.setenv("CC", " ")
    chosen_blank = native.compilers()
    monkeypatch.delenv("CC")
    assert chosen_blank == native.compilers()


@pytest.mark.parametrize(
    "body",
    ["return 5;", "__builtin_trap(); return 0;", "for (;;) {}"],
    ids=["says so", "dies", "does not end"],
)
def test_an_object_that_fails_its_self_test_is_not_used(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    if not native.compilers():
        pytest.skip(native.NO_COMPILER)
    monkeypatch.setattr(native, "_SELF_TEST_SECONDS", 2)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "core.cpp").write_text(
        'extern "C" __attribute__((visibility("default"))) int dls_zk_best_path() { return 0; }\n'
        f'extern "C" __attribute__((visibility("default"))) int dls_zk_self_test(int) {{ {body} }}\n'
    )
    monkeypatch.setattr(places, "native_sources", lambda: tmp_path / "sources")
    with pytest.raises(ToolError, match="fails its self-test on this machine and is not used"):
        native.library()
    assert native.installed() is None


def test_an_object_that_came_with_the_package_is_tried_and_needs_no_compiler(
    brought: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "_compile", None)
    monkeypatch.setenv("CC", "/nowhere/cc")
    path = native.object_path()
    assert path.is_relative_to(home) and path.read_bytes() == brought.read_bytes()
    assert native.library().dls_zk_self_test(0) == 0


def test_a_damaged_object_is_not_loaded(brought: Path) -> None:
    path = native.object_path()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactError, match=f"core.so is damaged .*; remove {path.parent}; it is made anew"):
        native.object_path()
    assert not native.ready()
    shutil.rmtree(path.parent)
    assert native.object_path() == path


@pytest.mark.parametrize("mode", [0o602, 0o777])
def test_an_object_that_others_can_write_is_not_loaded(brought: Path, mode: int) -> None:
    path = native.object_path()
    path.chmod(mode)
    with pytest.raises(InputError, match="everybody can change what runs"):
        native.object_path()
    path.chmod(0o600)
    path.parent.chmod(0o702)
    with pytest.raises(InputError, match="everybody can change what runs"):
        native.object_path()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_an_object_of_another_user_is_not_loaded(brought: Path) -> None:
    path = native.object_path()
    os.chown(path, 12345, -1)
    with pytest.raises(InputError, match="belongs to another user"):
        native.object_path()


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="a call of Linux")
def test_a_disk_that_lets_nothing_be_run(brought: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is loaded from memory, in the child that tries it and here."""

    class NoExec:
        f_flag = os.ST_NOEXEC

    loaded: list[str] = []
    load = ctypes.CDLL

    def note(name: str) -> ctypes.CDLL:
        loaded.append(name)
        return load(name)

    monkeypatch.setattr(os, "statvfs", lambda _: NoExec)
    monkeypatch.setattr(native.ctypes, "CDLL", note)
    assert native.library().dls_zk_self_test(0) == 0
    assert len(loaded) == 1 and loaded[0].startswith("/proc/self/fd/")


def test_submit_tries_a_core_that_nobody_has_used_yet(
    brought: Path, small: BuiltCircuit, small_key: ProvingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not native.ready()
    assert verifier.quickest() == verifier.NATIVE and native.ready()
    vk = VerifyingKey.from_json(small_key.verification_key.read_bytes())
    proof = prover.backend("auto").prove(small_key, WitnessCalculator(small).calculate(SMALL_INPUTS))
    assert verifier.hold_together([(vk, proof)] * 2)
    native.why_not.cache_clear()
    monkeypatch.setattr(places, "native_object", lambda: Path("/nowhere/core.so"))
    monkeypatch.setattr(native, "compilers", list)
    native.library.cache_clear()
    assert (verifier.quickest(), verifier.quickest(9)) == (verifier.PYECC, verifier.SNARKJS)
    assert not verifier.hold_together([(vk, proof)])  # each is verified by itself then


def test_without_a_compiler_proofs_are_made_by_snarkjs_and_one_line_says_so(
    home: Path,
    small: BuiltCircuit,
    small_key: ProvingKey,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(native, "compilers", list)
    caplog.set_level(logging.WARNING, "dls_zk")
    for _ in range(2):
        assert prover.backend().name == "snarkjs"
    assert [record.getMessage() for record in caplog.records] == [f"Proofs are made by snarkjs: {native.NO_COMPILER}"]
    proof = prover.backend("auto").prove(small_key, WitnessCalculator(small).calculate(SMALL_INPUTS))
    verify("pyecc", VerifyingKey.from_json(small_key.verification_key.read_bytes()), proof)
    with pytest.raises(ToolError, match="there is no C\\+\\+ compiler"):
        prover.backend("native").prove(small_key, WitnessCalculator(small).calculate(SMALL_INPUTS))


def test_auto_takes_rapidsnark_before_snarkjs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rapidsnark").write_text("#!/bin/sh\n")
    (tmp_path / "rapidsnark").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(native, "compilers", list)
    assert prover.backend().name == "rapidsnark"


def native_row() -> tuple[str, bool | None, str]:
    row = next(finding for finding in doctor.examine() if finding.tool == "native")
    return row.found, row.ok, row.remedy


def test_doctor_says_which_and_why(brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert native_row() == ("not yet", None, "came with the package; tried when it is first needed")
    path = native.object_path()
    assert native_row() == ("ready, came with the package", True, "")
    path.write_bytes(b"")
    assert native_row()[:2] == ("not used", None) and "damaged" in native_row()[2]
    monkeypatch.setattr(places, "native_object", lambda: tmp_path / "none")
    if native.compilers():
        assert native_row() == ("not yet", None, f"compiled by {native.compilers()[0][0]} when it is first needed")
    monkeypatch.setattr(native, "compilers", list)
    assert native_row() == ("missing", None, native.NO_COMPILER)
