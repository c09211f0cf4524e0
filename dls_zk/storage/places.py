"""Where every file of dls-zk lives.

    home()/node/<lock hash>/            Node packages (``npm ci``) and, in scripts-<hash>/, the package's own *.mjs
    home()/circuits/<circuit>/<key>/    <circuit>.r1cs, .wasm, .sym, manifest.json   (key: ``built.content_key``)
    home()/keys/<circuit>/<r1cs>-<kind>/  proving_key.zkey, verification_key.json, manifest.json   (kind: dev, ceremony)
    home()/contracts/<digest>/          contracts.json
    home()/native/<key>/                core.so, manifest.json: the native core of the prover (key: ``tools.native``)
    home()/sound_keys/<digest>          marks of verifying keys that were looked at (digest: ``groth16.sound_keys``)
    state_dir()/                        the journal of signed transactions

No other module builds such paths.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from ..errors import ArtifactError, InputError
from .disk import sha256_file
from .trust import require_trusted, require_trusted_place

PACKAGE = Path(__file__).resolve().parents[1]
#: What a proving key can come from: one machine's own random numbers (insecure), or a ceremony.
KEY_KINDS = ("dev", "ceremony")
_CIRCUIT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def home() -> Path:
    """The folder for everything that dls-zk builds: $DLS_ZK_HOME, or .dls-zk in a checkout, or dls-zk in the user's
    cache folder; without symbolic links. InputError if another user could replace the programs and keys in it."""
    folder = _home().resolve()
    require_trusted_place(folder, HOME_ADVICE)
    return folder


HOME_ADVICE = "or set DLS_ZK_HOME to a folder of yours"


def inside(*names: str) -> Path:
    """A path below ``home``; InputError if another user could change what is there, on the way too."""
    path = home()
    for name in names:
        path /= name
        require_trusted(path, HOME_ADVICE)
    return path


def _home() -> Path:
    if chosen := os.environ.get("DLS_ZK_HOME"):
        return Path(chosen).expanduser().absolute()
    if not (PACKAGE / "_data").is_dir() and (PACKAGE.parent / "scripts" / "bootstrap").is_file():
        return PACKAGE.parent / ".dls-zk"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else _user_home("DLS_ZK_HOME") / ".cache").absolute() / "dls-zk"


def _user_home(variable: str) -> Path:
    """The user's home; InputError if there is none, as for the user of a service, with the variable to set instead."""
    try:
        return Path.home()
    except RuntimeError:
        raise InputError(f"this user has no home; set {variable} to a folder", "HOME") from None


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
    return inside("node", sha256_file(node_sources() / "package-lock.json")[:16])


def node_scripts_dir() -> Path:
    """Where the *.mjs scripts run: below ``node_dir`` so that imports resolve, and named by their content."""
    names = b"".join(f"{p.name} {sha256_file(p)}\n".encode() for p in sorted(node_sources().glob("*.mjs")))
    return inside("node", node_dir().name, f"scripts-{hashlib.sha256(names).hexdigest()[:16]}")


def native_sources() -> Path:
    """The C++ sources of the native core, as they came with the package."""
    return PACKAGE / "native"


def native_object() -> Path:
    """The native core for this platform, if the package brought it."""
    return PACKAGE / "_data" / "native" / "core.so"


def native_dir(key: str) -> Path:
    """The folder of the native core that is used on this machine."""
    return inside("native", key[:16])


def sound_key(digest: str) -> Path:
    """Where it stands that a verifying key is sound, for the digest of ``groth16.sound_keys``."""
    return inside("sound_keys", digest)


def circuit_dir(circuit: str, key: str) -> Path:
    """The folder of a compiled circuit; ``key`` is its ``content_key``."""
    return inside("circuits", require_circuit_name(circuit), key[:16])


def key_dir(circuit: str, r1cs_sha256: str, kind: str) -> Path:
    """The folder of a proving key for the circuit with this r1cs."""
    if kind not in KEY_KINDS:
        raise ValueError(f"kind of key {kind!r}")
    return inside("keys", require_circuit_name(circuit), f"{r1cs_sha256[:16]}-{kind}")


def contracts_dir(digest: str) -> Path:
    """The folder of compiled contracts; ``digest`` is of all that decides what compiling gives."""
    return inside("contracts", digest[:16])


def require_circuit_name(name: str) -> str:
    """``name`` if it can name a circuit (and so a folder and a file), else InputError."""
    if not isinstance(name, str) or not _CIRCUIT_NAME.fullmatch(name):
        raise InputError("not a circuit's name (small letters, digits and _, at most 64)", "circuit")
    return name


def state_dir() -> Path:
    """Where the record of what was sent to chains is kept: not with what is built, which may be deleted at any time.

    InputError if another user could change that record.
    """
    folder = _state_dir().resolve()
    require_trusted_place(folder, "or set DLS_ZK_STATE to a folder of yours")
    return folder


def _state_dir() -> Path:
    if chosen := os.environ.get("DLS_ZK_STATE"):
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else _user_home("DLS_ZK_STATE") / ".local" / "state") / "dls-zk"
