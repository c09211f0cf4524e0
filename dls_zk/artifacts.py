"""Where every file of dls-zk lives, and how files are written and trusted.

    home()/node/<lock hash>/            Node packages (``npm ci``) and, in scripts-<hash>/, the package's own *.mjs
    home()/circuits/<circuit>/<key>/    <circuit>.r1cs, .wasm, .sym, manifest.json   (key: ``content_key``)
    home()/keys/<circuit>/<r1cs>-<kind>/  proving_key.zkey, verification_key.json, manifest.json   (kind: dev, ceremony)

A folder appears in one rename, when it is complete. Its manifest holds the sha256 of every file in it, and every
file is held against the manifest before it is used. No other module builds such paths.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ArtifactError, InputError

PACKAGE = Path(__file__).resolve().parent

#: How circom is called. Part of every circuit's content key.
CIRCOM_FLAGS = ("--r1cs", "--wasm", "--sym", "--O1", "--inspect")

#: What a proving key can come from: one machine's own random numbers (insecure), or a ceremony.
KINDS = ("dev", "ceremony")

_MANIFEST_FORMAT = "dls-zk/manifest/v1"
_CIRCUIT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


# --- places -------------------------------------------------------------------------------------


def home() -> Path:
    """The folder for everything that dls-zk builds: $DLS_ZK_HOME, or .dls-zk in a checkout, or dls-zk in the user's
    cache folder."""
    if chosen := os.environ.get("DLS_ZK_HOME"):
        return Path(chosen).expanduser().absolute()
    if not (PACKAGE / "_data").is_dir() and (PACKAGE.parent / "scripts" / "bootstrap").is_file():
        return PACKAGE.parent / ".dls-zk"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache").absolute() / "dls-zk"


def data_dir(name: str) -> Path:
    """The package's own ``circuits`` or ``verifier_contracts``: inside an installed wheel, or in the checkout."""
    for folder in (PACKAGE / "_data" / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise ArtifactError(f"this installation of dls-zk lacks its folder {name!r}; install the package again")


def node_sources() -> Path:
    """package.json, package-lock.json and the *.mjs scripts, as they came with the package."""
    return PACKAGE / "node"


def node_dir() -> Path:
    """Where the Node packages of this lock file are installed."""
    return home() / "node" / sha256_file(node_sources() / "package-lock.json")[:16]


def node_scripts_dir() -> Path:
    """Where the *.mjs scripts run: below ``node_dir`` so that imports resolve, and named by their content."""
    names = b"".join(f"{p.name} {sha256_file(p)}\n".encode() for p in sorted(node_sources().glob("*.mjs")))
    return node_dir() / f"scripts-{hashlib.sha256(names).hexdigest()[:16]}"


def circuit_dir(circuit: str, key: str) -> Path:
    """The folder of a compiled circuit; ``key`` is its ``content_key``."""
    return home() / "circuits" / require_circuit_name(circuit) / key[:16]


def key_dir(circuit: str, r1cs_sha256: str, kind: str) -> Path:
    """The folder of a proving key for the circuit with this r1cs."""
    if kind not in KINDS:
        raise ValueError(f"kind of key {kind!r}")
    return home() / "keys" / require_circuit_name(circuit) / f"{r1cs_sha256[:16]}-{kind}"


def require_circuit_name(name: str) -> str:
    """``name`` if it can name a circuit (and so a folder and a file), else InputError."""
    if not isinstance(name, str) or not _CIRCUIT_NAME.fullmatch(name):
        raise InputError("not a circuit's name (small letters, digits and _, at most 64)", "circuit")
    return name


# --- reading and writing files --------------------------------------------------------------------


def write_atomic(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """Write a file so that ``path`` holds the old content or all of the new, never a part, and no other file remains.

    ``mode`` is the file's mode from the moment it exists (less the umask): use 0o600 for secrets. The folder must
    exist. InputError if the file cannot be written, e.g. because the disk is full.
    """
    _write(path, content, mode, new=False)


def write_new(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """As ``write_atomic``, but InputError if there is such a file, even if it came into being a moment ago."""
    try:
        _write(path, content, mode, new=True)
    except FileExistsError:
        raise InputError("exists, and is not overwritten; choose another name, or move it away", str(path)) from None


#: What a file system says that has no hard links.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def publish_new(temporary: Path, path: Path) -> None:
    """Give a finished file the name ``path``; FileExistsError if there is one by now, which a rename would replace."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        mode = temporary.stat().st_mode & 0o777
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(temporary, "rb") as source, open(descriptor, "wb") as target:
            try:
                shutil.copyfileobj(source, target)
                target.flush()
                os.fsync(target.fileno())
            except BaseException:
                path.unlink()
                raise
    os.unlink(temporary)


def _write(path: Path, content: bytes | str, mode: int, *, new: bool) -> None:
    publish = publish_new if new else os.replace
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            publish(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        try:
            _sync_folder(path.parent)
        except OSError:
            if new:  # it might not last, and who asked for it is told that it is not there
                os.unlink(path)
            raise
    except FileExistsError:
        raise
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", str(path)) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder; the file itself is safe
            raise
    finally:
        os.close(descriptor)


def read_limited(path: Path, limit: int) -> bytes:
    """The content of a file that a person named, at most ``limit`` bytes; InputError if it cannot be had."""
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", str(path)) from None
    if len(data) > limit:
        raise InputError(f"larger than {limit} bytes, which no such file is", str(path))
    return data


def parse_json(data: bytes | str, where: str) -> Any:
    """Parse JSON strictly: UTF-8, no repeated keys, no floats, NaN or Infinity. InputError, never with the content."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise InputError("not accepted: a key is given twice", where)
        return members

    def no_float(_: str) -> None:
        raise InputError("not accepted: a number that is not an integer (write it as a string)", where)

    try:
        text = data.decode() if isinstance(data, bytes) else data
        _require_shallow(text, where)
        return json.loads(text, object_pairs_hook=unique, parse_float=no_float, parse_constant=no_float)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})", where) from None
    except UnicodeDecodeError:
        raise InputError("not JSON: not UTF-8 text", where) from None
    except ValueError:
        raise InputError("not accepted: a number of thousands of digits", where) from None


_JSON_DEPTH = 32  # ours have 4 at most
_JSON_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[][{}]')


def _require_shallow(text: str, where: str) -> None:
    """InputError if JSON is nested deep. Python's own limit does not help: py_ecc lifts it so far that the parser,
    which is C, overflows the stack and the process dies."""
    depth = 0
    for token in _JSON_STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > _JSON_DEPTH:
            raise InputError("not accepted: nested too deep", where)


def sha256_file(path: Path) -> str:
    """Lower-case hex sha256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- folders that are built once ---------------------------------------------------------------------


def state_dir() -> Path:
    """Where the record of what was sent to chains is kept: not with what is built, which may be deleted at any time."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(os.environ.get("DLS_ZK_STATE") or Path(state) / "dls-zk")


def make_dir(folder: Path) -> Path:
    """Create a folder of ours (private to the user) with its parents, and return it; InputError if it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(f"cannot be created: {error.strerror}", str(folder)) from None
    return folder


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock that belongs to ``target`` (a file beside it); other processes wait."""
    with open(target.parent / f".{target.name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back by the kernel, however this process ends
        yield


def build(target: Path, fill: Callable[[Path], None], *, force: bool = False) -> None:
    """Make the folder ``target`` by calling ``fill`` on an empty folder, unless it is there already.

    Nobody sees it half-built: on success it takes its name in one rename, on failure it is removed. Two processes
    that want the same folder take turns, and the second finds it made. ``force`` replaces an existing folder.
    InputError if the disk does not let it be made.
    """
    if target.is_dir() and not force:
        return
    make_dir(target.parent)
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
        raise InputError(f"cannot be made: {error.strerror or error}", str(target)) from None


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
        """The path of a file of the folder, once its sha256 has been compared; ArtifactError if it differs."""
        path = self.folder / name
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


#: Files whose hash this process has compared, by what changes when a file is replaced.
_verified: set[tuple[str, str | None, int, int, int]] = set()


def write_manifest(folder: Path, **facts: str) -> None:
    """Record the sha256 of every file now in ``folder``, and facts, in its manifest.json."""
    files = {path.name: sha256_file(path) for path in sorted(folder.iterdir()) if path.name != "manifest.json"}
    document = {"format": _MANIFEST_FORMAT, **facts, "files": files}
    write_atomic(folder / "manifest.json", json.dumps(document, indent=2) + "\n")


def read_manifest(folder: Path, remedy: str) -> Manifest:
    """The manifest of a built folder; ArtifactError (with the remedy) if it is missing or not readable."""
    path = folder / "manifest.json"
    try:
        document = parse_json(read_limited(path, 1 << 20), str(path))
        files, form = document.pop("files"), document.pop("format")
        strings = [*document.values(), *files.values()]
        if form != _MANIFEST_FORMAT or not all(isinstance(value, str) for value in strings):
            raise ValueError
    except (InputError, AttributeError, KeyError, TypeError, ValueError):
        raise ArtifactError(f"{path} is missing or damaged; {remedy}") from None
    return Manifest(folder, files, document, remedy)


# --- compiled circuits ---------------------------------------------------------------------------------


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
    sources = sources or data_dir("circuits")
    lock = parse_json((node_sources() / "package-lock.json").read_bytes(), "package-lock.json")["packages"]
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
    folder = circuit_dir(circuit, key)
    if not folder.is_dir():
        raise ArtifactError(f"circuit {circuit} is not built; run `dls-zk circuits build`")
    manifest = read_manifest(folder, "run `dls-zk circuits build --force`")
    names = {f"{circuit}.{ending}" for ending in ("r1cs", "wasm", "sym")}
    if manifest.facts.get("content_key") != key or not names <= manifest.files.keys():
        raise ArtifactError(f"{folder} holds another build; {manifest.remedy}")
    return BuiltCircuit(circuit, manifest)


# --- proving keys -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProvingKey:
    """A proving key and its verification key. Reading a path compares the file's sha256 first (ArtifactError)."""

    circuit: str
    kind: str
    manifest: Manifest

    @property
    def insecure(self) -> bool:
        """Whether this is a development key, against which anybody can forge proofs."""
        return self.kind == "dev"

    @property
    def zkey(self) -> Path:
        return self.manifest.path("proving_key.zkey")

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

    build(key_dir(circuit.name, circuit.r1cs_sha256, kind), fill_and_record, force=force)
    return proving_key(circuit.name, circuit.r1cs_sha256, kind)


def proving_key(circuit: str, r1cs_sha256: str, kind: str) -> ProvingKey:
    """The installed key of this kind for the circuit with this r1cs; ArtifactError if there is none."""
    folder = key_dir(circuit, r1cs_sha256, kind)
    command = f"dls-zk setup dev --size {circuit.rpartition('_')[2]}" if kind == "dev" else "dls-zk setup ceremony"
    if not folder.is_dir():
        raise ArtifactError(f"there is no {kind} key for {circuit} as it is built now; run `{command}`")
    manifest = read_manifest(folder, f"run `{command} --force`" if kind == "dev" else "restore it from a good copy")
    facts = {"circuit": circuit, "kind": kind, "r1cs_sha256": r1cs_sha256}
    names = {"proving_key.zkey", "verification_key.json"}
    if manifest.facts != facts or not names <= manifest.files.keys():
        raise ArtifactError(f"{folder} holds a key of another circuit; {manifest.remedy}")
    return ProvingKey(circuit, kind, manifest)
