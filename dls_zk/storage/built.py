"""Folders that dls-zk builds once: compiled circuits and proving keys.

A folder appears in one rename, when it is complete. Its manifest holds the sha256 of every file in it, and every
file is held against the manifest before it is used.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArtifactError, InputError
from ..statement.circuits import CIRCUITS
from . import places
from .disk import locked, make_dir, read_limited, sha256_file, write_atomic
from .strict_json import parse_json
from .trust import require_trusted

#: How circom is called. Part of every circuit's content key.
CIRCOM_FLAGS = ("--r1cs", "--wasm", "--sym", "--O1", "--inspect")
_MANIFEST_FORMAT = "dls-zk/manifest/v1"


def build(target: Path, fill: Callable[[Path], None], *, force: bool = False) -> None:
    """Make the folder ``target`` by calling ``fill`` on an empty folder, unless it is there already.

    Nobody sees it half-built: on success it takes its name in one rename, on failure it is removed. Two processes
    that want the same folder take turns, and the second finds it made. ``force`` replaces an existing folder.
    InputError if the disk does not let it be made.
    """
    if target.is_dir() and not force:
        return
    make_dir(target.parent, "set DLS_ZK_HOME to a folder of yours")
    try:
        with locked(target):
            if target.is_dir() and not force:
                return
            with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
                fresh = Path(scratch) / "new"
                fresh.mkdir(mode=0o700)
                fill(fresh)
                if target.exists():
                    os.rename(target, Path(scratch) / "old")
                os.rename(fresh, target)
    except OSError as error:
        advice = "; set DLS_ZK_HOME to a folder of yours" if error.errno in (errno.EACCES, errno.EROFS) else ""
        raise InputError(f"cannot be made: {error.strerror or error}{advice}", str(target), code="file_unusable") from None


@dataclass(frozen=True)
class Manifest:
    """What a built folder holds: the sha256 of each file, and facts about how it was made.

    remedy: the command that makes the folder anew, for error messages.
    """

    folder: Path
    files: Mapping[str, str]
    facts: Mapping[str, str]
    remedy: str

    def path(self, name: str) -> Path:
        """The path of a file of the folder, once its sha256 has been compared; ArtifactError if it differs, InputError if
        another user could change it afterwards."""
        path = self.folder / name
        require_trusted(path, places.HOME_ADVICE)
        expected = self.files.get(name)
        try:
            status = path.stat()
            seen = (str(path), expected, status.st_ino, status.st_size, status.st_mtime_ns)
            if seen not in _verified:
                if sha256_file(path) != expected:
                    raise ArtifactError(f"{path} is damaged (sha256 differs from its manifest); {self.remedy}")
                _verified.add(seen)
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read ({error.strerror}); {self.remedy}") from None
        return path

    def read(self, name: str) -> bytes:
        """The content of a file of the folder, if its sha256 is the one recorded; ArtifactError if it differs."""
        path = self.folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read ({error.strerror}); {self.remedy}") from None
        if hashlib.sha256(content).hexdigest() != self.files.get(name):
            raise ArtifactError(f"{path} is damaged (sha256 differs from its manifest); {self.remedy}")
        return content


#: Files whose hash this process has compared, by what changes when a file is replaced.
_verified: set[tuple[str, str | None, int, int, int]] = set()


def write_manifest(folder: Path, **facts: str) -> None:
    """Record the sha256 of every file now in ``folder``, and facts, in its manifest.json."""
    files = {path.name: sha256_file(path) for path in sorted(folder.iterdir()) if path.name != "manifest.json"}
    document = {"format": _MANIFEST_FORMAT, **facts, "files": files}
    write_atomic(folder / "manifest.json", json.dumps(document, indent=2) + "\n")


def read_manifest(folder: Path, remedy: str) -> Manifest:
    """The manifest of a built folder; ArtifactError (with the remedy) if it is missing or not readable, InputError if
    another user could change it."""
    path = folder / "manifest.json"
    require_trusted(path, places.HOME_ADVICE)
    try:
        document = parse_json(read_limited(path, 1 << 20), str(path))
        files, form = document.pop("files"), document.pop("format")
        strings = [*document.values(), *files.values()]
        if form != _MANIFEST_FORMAT or not all(isinstance(value, str) for value in strings):
            raise ValueError
    except (InputError, AttributeError, KeyError, TypeError, ValueError):
        raise ArtifactError(f"{path} is missing or damaged; {remedy}") from None
    return Manifest(folder, files, document, remedy)


@dataclass(frozen=True)
class BuiltCircuit:
    """A compiled circuit. Reading a path compares the file's sha256 first (ArtifactError)."""

    name: str
    manifest: Manifest

    @property
    def r1cs(self) -> Path:
        return self.manifest.path(f"{self.name}.r1cs")

    @property
    def wasm(self) -> Path:
        return self.manifest.path(f"{self.name}.wasm")

    @property
    def sym(self) -> Path:
        return self.manifest.path(f"{self.name}.sym")

    @property
    def r1cs_sha256(self) -> str:
        return self.manifest.files[f"{self.name}.r1cs"]

    @property
    def wasm_sha256(self) -> str:
        return self.manifest.files[f"{self.name}.wasm"]


def content_key(circuit: str, sources: Path | None = None) -> str:
    """sha256 over all that decides what compiling gives: the sources, the flags, the compiler and circomlib.

    The last two (circomlib for its Poseidon constants) enter by the version and hash that the lock file pins. Of
    the mains only the circuit's own enters, so that the sizes do not invalidate each other.
    """
    sources = sources or places.data_dir("circuits")
    lock = parse_json((places.node_sources() / "package-lock.json").read_bytes(), "package-lock.json")["packages"]
    parts = {"flags": " ".join(CIRCOM_FLAGS)}
    for package in ("circom2", "circomlib"):
        pinned = lock[f"node_modules/{package}"]
        parts[package] = f"{pinned['version']} {pinned['integrity']}"
    for path in sorted(sources.rglob("*.circom")):
        name = path.relative_to(sources).as_posix()
        if not name.startswith("main/") or name == f"main/{circuit}.circom":
            parts[name] = sha256_file(path)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def built_circuit(circuit: str, sources: Path | None = None) -> BuiltCircuit:
    """The compiled circuit for the present sources; ArtifactError if it has not been built."""
    key = content_key(circuit, sources)
    folder = places.circuit_dir(circuit, key)
    if not folder.is_dir():
        raise ArtifactError(f"circuit {circuit} is not built; run `dls-zk circuits build`", code="artifact_missing")
    manifest = read_manifest(folder, "run `dls-zk circuits build --force`")
    names = {f"{circuit}.{ending}" for ending in ("r1cs", "wasm", "sym")}
    if manifest.facts.get("content_key") != key or not names <= manifest.files.keys():
        raise ArtifactError(f"{folder} holds another build; {manifest.remedy}")
    return BuiltCircuit(circuit, manifest)


@dataclass(frozen=True)
class ProvingKey:
    """A proving key and its verification key. Reading a path compares the file's sha256 first (ArtifactError).

    kind: where it is installed. Whether it is a development key its own bytes say (``zkey.is_development``).
    """

    circuit: str
    kind: str
    manifest: Manifest

    @property
    def zkey(self) -> Path:
        return self.manifest.path("proving_key.zkey")

    def read_zkey(self) -> bytes:
        """The content of the key file, compared as it is read."""
        return self.manifest.read("proving_key.zkey")

    @property
    def verification_key(self) -> Path:
        return self.manifest.path("verification_key.json")

    @property
    def zkey_sha256(self) -> str:
        return self.manifest.files["proving_key.zkey"]

    @property
    def r1cs_sha256(self) -> str:
        return self.manifest.facts["r1cs_sha256"]


def install_key(circuit: BuiltCircuit, kind: str, fill: Callable[[Path], None], *, force: bool = False) -> ProvingKey:
    """Make a proving key of a circuit, unless it is there already.

    ``fill`` puts proving_key.zkey and verification_key.json into the folder that it is given.
    """

    def fill_and_record(folder: Path) -> None:
        fill(folder)
        write_manifest(folder, circuit=circuit.name, kind=kind, r1cs_sha256=circuit.r1cs_sha256)

    build(places.key_dir(circuit.name, circuit.r1cs_sha256, kind), fill_and_record, force=force)
    return proving_key(circuit.name, circuit.r1cs_sha256, kind)


def proving_key(circuit: str, r1cs_sha256: str, kind: str) -> ProvingKey:
    """The installed key of this kind for the circuit with this r1cs; ArtifactError if there is none."""
    folder = places.key_dir(circuit, r1cs_sha256, kind)
    size = f" --size {CIRCUITS[circuit].size.slots}" if circuit in CIRCUITS else ""
    command = f"dls-zk setup dev{size}" if kind == "dev" else "dls-zk setup ceremony"
    if not folder.is_dir():
        raise ArtifactError(
            f"there is no {kind} key for {circuit} as it is built now; run `{command}`", code="artifact_missing"
        )
    manifest = read_manifest(folder, f"run `{command} --force`" if kind == "dev" else "restore it from a good copy")
    facts = {"circuit": circuit, "kind": kind, "r1cs_sha256": r1cs_sha256}
    names = {"proving_key.zkey", "verification_key.json"}
    if manifest.facts != facts or not names <= manifest.files.keys():
        raise ArtifactError(f"{folder} holds a key of another circuit; {manifest.remedy}")
    return ProvingKey(circuit, kind, manifest)
