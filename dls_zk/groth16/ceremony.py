"""A proving key from a ceremony: several people contribute, and the key is sound if one of them was honest.

    start        powers of tau (a published file, known by its hash) + circuit → a key that nobody may use yet
    contribute   once for each person, each on their own machine: key → next key
    beacon       once, last: a public random value that nobody could know before
    verify       by everybody: the whole transcript, from the powers of tau on

snarkjs does the arithmetic. What it lets pass is refused here: a powers-of-tau file of unknown origin, a key without
contributions, a failed step that ends with exit code 0 and an empty file.

``run`` starts snarkjs with arguments and bytes for its stdin, and raises ToolError unless it exits with 0. A
contributor's entropy goes by stdin only: arguments are visible to every user of the machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ..errors import ArtifactError, InputError, InsecureKey, ToolError
from ..statement.constants import BASE_FIELD
from ..storage.disk import publish_new
from .binfile import BinFile
from .r1cs import Header, r1cs_header
from .zkey import ZKey, is_development, read_zkey

#: blake2b-512 of the published files of the Perpetual Powers of Tau ceremony (powersOfTau28_hez_final_<power>.ptau).
PINNED = {
    13: "58efc8bf2834d04768a3d7ffcd8e1e23d461561729beaac4e3e7a47829a1c9066d5320241e124a1a8e8aa6c75be0ba66"
    "f65bc8239a0542ed38e11276f6fdb4d9",
    14: "eeefbcf7c3803b523c94112023c7ff89558f9b8e0cf5d6cdcba3ade60f168af4a181c9c21774b94fbae6c90411995f7d"
    "854d02ebd93fb66043dbb06f17a831c1",
    15: "982372c867d229c236091f767e703253249a9b432c1710b4f326306bfa2428a17b06240359606cfe4d580b10a5a1f63f"
    "bed499527069c18ae17060472969ae6e",
    16: "6a6277a2f74e1073601b4f9fed6e1e55226917efb0f0db8a07d98ab01df1ccf43eb0e8c3159432acd4960e2f29fe84a4"
    "198501fa54c8dad9e43297453efec125",
    17: "6247a3433948b35fbfae414fa5a9355bfb45f56efa7ab4929e669264a0258976741dfbe3288bfb49828e5df02c2e633d"
    "f38d2245e30162ae7e3bcca5b8b49345",
}

_PREPARED = {12, 13, 14, 15}  # the Lagrange bases that `powersoftau prepare phase2` adds


class Run(Protocol):
    """Runs ``snarkjs <args>`` to its end; ToolError if it does not exit with 0."""

    def __call__(self, args: Sequence[str | Path], *, stdin: bytes = b"") -> object: ...


def start(ptau: Path, r1cs: Path, out: Path, *, run: Run, ptau_blake2b: str | None = None) -> ZKey:
    """Write the key that the first contributor starts from. It must not be used: anybody can forge with it.

    ptau_blake2b: the file's blake2b-512 (hex), for a power that is not among ``PINNED``. InputError or ArtifactError if the
    powers-of-tau file is not the one of that hash, not prepared, or too small; nothing is written then.
    """
    circuit = r1cs_header(r1cs)
    _check_ptau(ptau, circuit, ptau_blake2b)
    with _new_file(out) as temporary:
        run(["groth16", "setup", r1cs.absolute(), ptau.absolute(), temporary])
        key = read_zkey(temporary)
        if key.verifying_key.n_public != circuit.n_public or key.n_vars != circuit.n_wires:
            raise ArtifactError(f"snarkjs made a key that does not fit {r1cs}")
    return key


def contribute(zkey_in: Path, zkey_out: Path, name: str, entropy: str, *, run: Run) -> ZKey:
    """Add a person's contribution. ``name`` is public: 1 to 64 printable characters.

    entropy: one line of text that nobody else can guess, to be forgotten afterwards; snarkjs adds random bytes of
    the machine. InputError for a bad name or entropy, ArtifactError for a bad key.
    """
    if not entropy.strip() or "\n" in entropy or "\r" in entropy:
        raise InputError("must be one line of text and not empty", "entropy")  # snarkjs would wait for more
    command: list[str | Path] = ["zkey", "contribute", zkey_in.absolute()]
    return _step(zkey_in, zkey_out, name, command, [], run, stdin=f"{entropy}\n".encode())


def beacon(
    zkey_in: Path, zkey_out: Path, beacon_hex: str, iterations_exp: int, name: str = "final beacon", *, run: Run
) -> ZKey:
    """Close the ceremony with a public random value, hashed 2^iterations_exp times.

    beacon_hex: 1 to 255 bytes in hex, for instance the hash of a block that was named before it existed.
    iterations_exp: 10 to 63; 2^20 take about a second.
    """
    if not re.fullmatch(r"([0-9a-fA-F]{2}){1,255}", beacon_hex, re.ASCII):
        raise InputError("must be 1 to 255 bytes in hex, without 0x", "beacon")
    if not 10 <= iterations_exp <= 63:
        raise InputError("must be from 10 to 63", "beacon iterations")
    command: list[str | Path] = ["zkey", "beacon", zkey_in.absolute()]
    return _step(zkey_in, zkey_out, name, command, [beacon_hex.lower(), str(iterations_exp)], run)


def verify(zkey: Path, ptau: Path, r1cs: Path, *, run: Run, ptau_blake2b: str | None = None) -> ZKey:
    """Check a key against its circuit and powers of tau: the whole transcript (snarkjs) and the key itself (``lint``).

    InsecureKey if the key must not be used, with the reason; ArtifactError or InputError for bad files.
    """
    circuit = r1cs_header(r1cs)
    _check_ptau(ptau, circuit, ptau_blake2b)
    key = read_zkey(zkey)
    if is_development(key, hashlib.sha256(r1cs.read_bytes()).hexdigest()):
        raise InsecureKey("this is a development key: anybody can forge proofs against it")
    _require_sound(key, n_public=circuit.n_public)
    try:
        # zkvr is `zkey verify r1cs`, which snarkjs's own command line does not find: another alias hides it.
        run(["zkvr", r1cs.absolute(), ptau.absolute(), zkey.absolute()])
    except ToolError as error:
        raise InsecureKey(f"the key's transcript could not be verified from {ptau} and {r1cs}: {error}") from None
    return key


def _step(
    zkey_in: Path,
    zkey_out: Path,
    name: str,
    command: list[str | Path],
    parameters: list[str],
    run: Run,
    stdin: bytes = b"",
) -> ZKey:
    """One contribution: ``command`` names the old key, the new one and ``parameters`` follow."""
    if not name.isprintable() or not name.strip() or len(name.encode()) > 64:
        raise InputError("must be 1 to 64 printable characters", "name of the contribution")
    before = read_zkey(zkey_in)
    if is_development(before):
        raise InsecureKey(f"{zkey_in} is a development key: no contribution makes it secure")
    with _new_file(zkey_out) as temporary:
        run([*command, temporary, *parameters, f"--name={name}"], stdin=stdin)
        after = read_zkey(temporary)
        if len(after.contributions) == 0 or after.contributions[:-1] != before.contributions:
            raise ArtifactError(f"snarkjs added no contribution to {zkey_in}")
        _require_sound(after)
    return after


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """A temporary path that takes the name ``path`` in the end. What is there already is never overwritten."""
    if path.exists():
        raise InputError("is there already; choose another name", str(path))
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name[:64]}.", dir=path.absolute().parent) as folder:
            temporary = Path(folder) / "new.zkey"
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            publish_new(temporary, path)
    except FileExistsError:
        raise InputError("has appeared meanwhile and is left as it is; choose another name", str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", str(path)) from None


def _check_ptau(path: Path, circuit: Header, expected: str | None) -> None:
    """Refuse a powers-of-tau file that is not the expected one, or of no use for the circuit."""
    file = BinFile.open(path, "ptau")
    header = file.read(1)
    if header.uint(4) != 32 or header.uint(32) != BASE_FIELD:
        raise ArtifactError(f"{path} is not for BN254")
    power = header.uint(4)
    needed = max(1, (circuit.n_constraints + circuit.n_public).bit_length())
    if power < needed:
        raise InputError(f"has 2^{power} powers; this circuit needs 2^{needed}", str(path))
    if not file.sections.keys() >= _PREPARED:
        raise InputError("is not prepared for phase 2; take the published file ending in _final", str(path))

    pinned = PINNED.get(power)
    if expected is None and pinned is None:
        known = ", ".join(map(str, PINNED))
        raise InputError(f"has 2^{power} powers, and only those of {known} have a known hash; give it", str(path))
    if expected is not None and not re.fullmatch(r"[0-9a-fA-F]{128}", expected, re.ASCII):
        raise InputError("must be 128 hex digits", "blake2b of the powers of tau")
    expected = (expected or pinned or "").lower()
    if pinned is not None and expected != pinned:
        raise InputError(
            f"is not that of the published file with 2^{power} powers, the only one taken; leave it out",
            "blake2b of the powers of tau",
        )
    with open(path, "rb") as content:
        digest = hashlib.file_digest(content, "blake2b").hexdigest()
    if digest != expected:
        raise ArtifactError(f"{path} is not the expected powers-of-tau file (its blake2b-512 is {digest})")


def _require_sound(key: ZKey, n_public: int | None = None) -> None:
    from . import key_lint  # it brings py_ecc

    key_lint.require_sound(key, n_public=n_public)
