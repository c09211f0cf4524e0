"""Files: written whole or not at all, read strictly, and never used when they differ from their manifest."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from dls_zk.errors import ArtifactError, InputError
from dls_zk.storage import built, disk, places, strict_json

REMEDY = "run `make it again`"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


# --- places ---------------------------------------------------------------------------------------


def test_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path))
    assert places.home() == tmp_path
    monkeypatch.setenv("DLS_ZK_HOME", "")
    assert places.home() == places.PACKAGE.parent / ".dls-zk", "in a checkout"
    monkeypatch.setattr(places, "PACKAGE", tmp_path / "site-packages" / "dls_zk")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert places.home() == tmp_path / "cache" / "dls-zk"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.home() == tmp_path / ".cache" / "dls-zk"


def test_package_data_is_found_in_a_wheel_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "dls_zk"
    (tmp_path / "circuits").mkdir()
    monkeypatch.setattr(places, "PACKAGE", package)
    assert places.data_dir("circuits") == tmp_path / "circuits"
    (package / "_data" / "circuits").mkdir(parents=True)
    assert places.data_dir("circuits") == package / "_data" / "circuits"
    with pytest.raises(ArtifactError, match="install the package again"):
        places.data_dir("verifier_contracts")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "1a", "a" * 65, "a\n", None, 5])
def test_a_circuits_name_cannot_lead_elsewhere(name: object) -> None:
    with pytest.raises(InputError):
        places.require_circuit_name(name)


# --- writing -----------------------------------------------------------------------------------------


def test_write_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    disk.write_atomic(path, "old")
    disk.write_atomic(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_a_secret_is_never_readable_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    replace = os.replace

    def look(source: str, target: str) -> None:
        modes.append(stat.S_IMODE(os.stat(source).st_mode))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    disk.write_atomic(tmp_path / "secret", "s", mode=0o600)
    assert modes == [0o600]


def test_a_failed_write_keeps_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"file: cannot be written: No space left on device"):
        disk.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_write_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        disk.write_atomic(tmp_path / "nowhere" / "file", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        disk.write_atomic(tmp_path / "folder", "x")
    assert os.listdir(tmp_path) == ["folder"]


# --- reading -------------------------------------------------------------------------------------------


def test_reading_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert disk.read_limited(path, 5) == b"12345"
    for bad, limit in ((path, 4), (Path("/dev/zero"), 1000), (tmp_path, 5), (tmp_path / "none", 5)):
        with pytest.raises(InputError):
            disk.read_limited(bad, limit)


def test_brackets_in_texts_are_no_nesting() -> None:
    value = {"a": ["[" * 100, '"' + "{" * 100, "\\", [], ["[[]"]] * 100}
    assert strict_json.parse_json(json.dumps(value), "x") == value


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 2}',
        b'[{"b": {"a": 1, "a": 1}}]',
        b"[NaN]",
        b"[-Infinity]",
        b"[1e999]",
        b"[0.5]",
        b"\xff",
        b'{"secret": 123456789',
        b"",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'["\\"",' * 100_000,
        b"1" * 10_000,
    ],
)
def test_json_is_read_strictly_and_not_repeated(text: bytes) -> None:
    import py_ecc.optimized_bn128  # noqa: F401 - it lifts Python's recursion limit

    with pytest.raises(InputError) as caught:
        strict_json.parse_json(text, "some.json")
    message = str(caught.value)
    assert message.startswith("some.json: not ")
    assert "\n" not in message and "123456789" not in message and "1111" not in message


# --- folders built once ---------------------------------------------------------------------------------


def test_a_half_built_folder_is_never_seen(tmp_path: Path) -> None:
    target = tmp_path / "built"

    def fail(folder: Path) -> None:
        (folder / "part").write_text("x")
        assert not target.exists()
        raise RuntimeError("stopped half-way")

    with pytest.raises(RuntimeError):
        built.build(target, fail)
    assert os.listdir(tmp_path) == [".built.lock"]


def test_force_replaces_and_a_failed_force_keeps(tmp_path: Path) -> None:
    target = tmp_path / "built"
    built.build(target, lambda folder: (folder / "a").touch())
    built.build(target, lambda folder: (folder / "b").touch())
    assert os.listdir(target) == ["a"]
    with pytest.raises(RuntimeError):
        built.build(target, _raise, force=True)
    assert os.listdir(target) == ["a"]
    built.build(target, lambda folder: (folder / "b").touch(), force=True)
    assert os.listdir(target) == ["b"]
    assert sorted(os.listdir(tmp_path)) == [".built.lock", "built"]


def _raise(_: Path) -> None:
    raise RuntimeError


def test_a_disk_that_does_not_let_it_be_made(tmp_path: Path) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="built: cannot be made: No space left on device"):
        built.build(tmp_path / "built", full)
    assert os.listdir(tmp_path) == [".built.lock"]
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be"):
        built.build(tmp_path / "file" / "built", _raise)


def _build_slowly(target: Path, log: Path) -> None:
    def fill(folder: Path) -> None:
        with open(log, "a") as file:
            file.write("filled\n")
        time.sleep(0.3)
        (folder / "done").touch()

    built.build(target, fill)
    assert (target / "done").exists()


def test_two_processes_build_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_build_slowly, args=(tmp_path / "t", tmp_path / "log")) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "log").read_text() == "filled\n"


# --- manifests -------------------------------------------------------------------------------------------


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "file").write_bytes(bytes(1000))
    built.write_manifest(folder, kind="dev")
    return folder


def test_a_manifest_is_read_back(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    manifest = built.read_manifest(folder, REMEDY)
    assert manifest.facts == {"kind": "dev"}
    assert manifest.path("file") == folder / "file"
    assert manifest.files["file"] == disk.sha256_file(folder / "file")


@pytest.mark.parametrize("damage", ["flip", "truncate", "extend", "remove"])
def test_a_damaged_file_is_refused_even_after_it_was_good(tmp_path: Path, damage: str) -> None:
    folder = _folder(tmp_path)
    manifest = built.read_manifest(folder, REMEDY)
    path = manifest.path("file")
    if damage == "flip":
        path.write_bytes(bytes(500) + b"\x01" + bytes(499))
    elif damage == "truncate":
        path.write_bytes(bytes(999))
    elif damage == "extend":
        path.write_bytes(bytes(1001))
    else:
        path.unlink()
    expected = "cannot be read" if damage == "remove" else r"is damaged \(sha256 differs from its manifest\)"
    with pytest.raises(ArtifactError, match=expected + ".*" + REMEDY):
        manifest.path("file")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"format": "other", "files": {}}', '{"format": "dls-zk/manifest/v1", "files": {"a": 1}}',
     '{"format": "dls-zk/manifest/v1", "files": []}', '{"format": "dls-zk/manifest/v1", "files": {}, "x": []}'],
)  # fmt: skip
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: str) -> None:
    folder = _folder(tmp_path)
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ArtifactError, match="missing or damaged; " + REMEDY):
        built.read_manifest(folder, REMEDY)


# --- circuits and keys --------------------------------------------------------------------------------------


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "circuits"
    (folder / "main").mkdir(parents=True)
    (folder / "lib").mkdir()
    for name in ("main/one", "main/two", "lib/shared"):
        (folder / f"{name}.circom").write_text(f"// {name}\n")
    return folder


def test_the_content_key_follows_what_matters(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = built.content_key("one", sources)
    assert key == built.content_key("one", sources)
    assert key != built.content_key("two", sources)

    (sources / "main" / "two.circom").write_text("// changed\n")
    (sources / "README").write_text("not a source")
    assert built.content_key("one", sources) == key

    (sources / "lib" / "shared.circom").write_text("// changed\n")
    assert built.content_key("one", sources) != key
    (sources / "lib" / "shared.circom").write_text("// lib/shared\n")
    assert built.content_key("one", sources) == key
    (sources / "lib" / "shared.circom").rename(sources / "lib" / "renamed.circom")
    assert built.content_key("one", sources) != key
    (sources / "lib" / "renamed.circom").rename(sources / "lib" / "shared.circom")

    monkeypatch.setattr(built, "CIRCOM_FLAGS", ("--O2",))
    assert built.content_key("one", sources) != key


@pytest.mark.parametrize("package", ["circom2", "circomlib"])
def test_the_content_key_follows_the_compiler(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    key = built.content_key("one", sources)
    lock = json.loads((places.node_sources() / "package-lock.json").read_text())
    lock["packages"][f"node_modules/{package}"]["version"] = "9.9.9"
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    monkeypatch.setattr(places, "node_sources", lambda: tmp_path)
    assert built.content_key("one", sources) != key


def _build_circuit(sources: Path) -> Path:
    key = built.content_key("one", sources)
    folder = places.circuit_dir("one", key)

    def fill(new: Path) -> None:
        for ending in ("r1cs", "wasm", "sym"):
            (new / f"one.{ending}").write_text(ending)
        built.write_manifest(new, content_key=key)

    built.build(folder, fill)
    return folder


def test_a_built_circuit_is_found_until_its_sources_change(home: Path, sources: Path) -> None:
    with pytest.raises(ArtifactError, match="circuit one is not built; run `dls-zk circuits build`"):
        built.built_circuit("one", sources)
    folder = _build_circuit(sources)
    circuit = built.built_circuit("one", sources)
    assert circuit.r1cs == folder / "one.r1cs"
    assert home in folder.parents
    (sources / "lib" / "shared.circom").write_text("// changed\n")
    with pytest.raises(ArtifactError, match="not built"):
        built.built_circuit("one", sources)


@pytest.mark.parametrize("ending", ["r1cs", "wasm", "sym"])
def test_one_flipped_bit_in_a_circuit_is_seen(home: Path, sources: Path, ending: str) -> None:
    path = _build_circuit(sources) / f"one.{ending}"
    data = bytearray(path.read_bytes())
    data[1] ^= 4
    path.write_bytes(data)
    circuit = built.built_circuit("one", sources)
    with pytest.raises(ArtifactError) as caught:
        getattr(circuit, ending)
    assert str(caught.value) == (
        f"{path} is damaged (sha256 differs from its manifest); run `dls-zk circuits build --force`"
    )


def test_keys_belong_to_a_circuit_and_a_kind(home: Path, sources: Path) -> None:
    _build_circuit(sources)
    circuit = built.built_circuit("one", sources)
    digest = circuit.r1cs_sha256
    with pytest.raises(ArtifactError, match="no dev key for one .*run `dls-zk setup dev`"):
        built.proving_key("one", digest, "dev")

    def fill(folder: Path) -> None:
        (folder / "proving_key.zkey").write_text("zkey")
        (folder / "verification_key.json").write_text("{}")

    key = built.install_key(circuit, "dev", fill)
    assert built.proving_key("one", digest, "dev") == key
    assert key.zkey.read_text() == "zkey"
    with pytest.raises(ArtifactError, match="no ceremony key"):
        built.proving_key("one", digest, "ceremony")

    foreign = places.key_dir("one", "f" * 64, "dev")
    key.manifest.folder.rename(foreign)
    with pytest.raises(ArtifactError, match="key of another circuit"):
        built.proving_key("one", "f" * 64, "dev")


def _claim(path: str, content: str) -> bool:
    try:
        disk.write_new(Path(path), content, 0o600)
    except InputError as error:
        assert "exists" in str(error)
        return False
    return True


def test_of_many_who_write_a_new_file_one_does(tmp_path: Path) -> None:
    with ProcessPoolExecutor(8) as pool:
        for k in range(20):
            path = tmp_path / str(k)
            won = list(pool.map(_claim, [str(path)] * 8, [f"content {n}" for n in range(8)]))
            assert won.count(True) == 1 and path.read_text() == f"content {won.index(True)}"
            assert path.stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 20, "no temporary file remains"
