"""``dls-zk setup ceremony``: the commands of a multi-party setup, over ``ceremony.py``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from .. import operations
from ..errors import InputError
from ..groth16 import ceremony, zkey
from ..statement.circuits import of_size
from ..storage import built, disk
from ..tools import snarkjs
from .common import one_circuit_options

EXAMPLE = "\b\nExample:\n  dls-zk setup ceremony"  # \b: click leaves the line as it is, to be copied
FILE = click.Path(path_type=Path)
ptau_option = click.option("--ptau", type=FILE, required=True, help="powersOfTau28_hez_final_NN.ptau, prepared for phase 2.")
hash_option = click.option("--ptau-blake2b", help="blake2b-512 (hex) of a ptau file of a power that has no pinned hash.")
r1cs_option = click.option("--r1cs", type=FILE, help="Constraint system, instead of --size (for a circuit of your own).")


@click.group("ceremony")
def ceremony_group() -> None:
    """Make keys with several people; secure if one of them is honest.

    start → contribute (each person in turn) → beacon → verify (anybody) → finish.
    """


def _r1cs(size: str | None, family: str, r1cs: Path | None) -> Path:
    if (size is None) == (r1cs is None):
        raise click.UsageError("Give one of --size and --r1cs.")
    return r1cs or operations.build_circuit(of_size(int(size or 0), family).name).r1cs


def _show(key: zkey.ZKey) -> None:
    for number, contribution in enumerate(key.contributions, start=1):
        click.echo(f"{number:3d}  {contribution.name}")


@ceremony_group.command("start", epilog=f"{EXAMPLE} start --size 16 --ptau pot15.ptau --out 0000.zkey")
@one_circuit_options(required=False)
@r1cs_option
@ptau_option
@hash_option
@click.option("--out", type=FILE, required=True, help="Key for the first contributor.")
def start(size: str | None, family: str, r1cs: Path | None, ptau: Path, ptau_blake2b: str | None, out: Path) -> None:
    """Start from a powers-of-tau file whose hash is pinned."""
    ceremony.start(ptau, _r1cs(size, family, r1cs), out, run=snarkjs.run_command, ptau_blake2b=ptau_blake2b)
    click.echo(f"{out}: no contribution yet, and no use before the first")


@ceremony_group.command("contribute", epilog=f"{EXAMPLE} contribute 0000.zkey 0001.zkey --name Ada")
@click.argument("zkey_in", type=FILE)
@click.argument("zkey_out", type=FILE)
@click.option("--name", required=True, help="Public name of the contribution.")
def contribute(zkey_in: Path, zkey_out: Path, name: str) -> None:
    """Add a contribution. Asks for entropy: a line of text that nobody can guess (in a pipe, reads it from stdin)."""
    if sys.stdin.isatty():
        entropy = click.prompt("Entropy (not shown, forget it afterwards)", hide_input=True)
    else:
        try:
            entropy = sys.stdin.buffer.readline().decode().rstrip("\n")
        except UnicodeDecodeError:
            raise InputError("must be one line of text, and not raw bytes", "entropy") from None
    _show(ceremony.contribute(zkey_in, zkey_out, name, entropy, run=snarkjs.run_command))


@ceremony_group.command("beacon", epilog=f"{EXAMPLE} beacon 0003.zkey final.zkey --beacon 0102…ff")
@click.argument("zkey_in", type=FILE)
@click.argument("zkey_out", type=FILE)
@click.option("--beacon", "beacon_hex", required=True, help="Public random value (hex) that was named before it existed.")
@click.option("--iterations", default=20, show_default=True, help="Hash the beacon 2^N times.")
def beacon(zkey_in: Path, zkey_out: Path, beacon_hex: str, iterations: int) -> None:
    """Close the ceremony with a public random value."""
    _show(ceremony.beacon(zkey_in, zkey_out, beacon_hex, iterations, run=snarkjs.run_command))


@ceremony_group.command("verify", epilog=f"{EXAMPLE} verify final.zkey --size 16 --ptau pot15.ptau")
@click.argument("key", type=FILE)
@one_circuit_options(required=False)
@r1cs_option
@ptau_option
@hash_option
def verify(key: Path, size: str | None, family: str, r1cs: Path | None, ptau: Path, ptau_blake2b: str | None) -> None:
    """Verify the whole transcript and the key itself. Anybody can, and should."""
    _show(ceremony.verify(key, ptau, _r1cs(size, family, r1cs), run=snarkjs.run_command, ptau_blake2b=ptau_blake2b))
    click.echo("the transcript holds")


@ceremony_group.command("finish", epilog=f"{EXAMPLE} finish final.zkey --size 16 --ptau pot15.ptau")
@click.argument("key", type=FILE)
@one_circuit_options()
@ptau_option
@hash_option
def finish(key: Path, size: str, family: str, ptau: Path, ptau_blake2b: str | None) -> None:
    """Verify the key and install it for `prove`, `verify` and `export`."""
    zkey.read_zkey(key)  # a damaged file is named as the user does; what counts is the check of the copy
    circuit = operations.build_circuit(of_size(int(size), family).name)
    fresh = False

    def fill(folder: Path) -> None:
        nonlocal fresh
        copy = folder / "proving_key.zkey"
        shutil.copyfile(key, copy)  # verified after copying: nobody else can change it there
        checked = ceremony.verify(copy, ptau, circuit.r1cs, run=snarkjs.run_command, ptau_blake2b=ptau_blake2b)
        vk = zkey.verification_key_json(checked, circuit.name, circuit.r1cs_sha256)
        disk.write_atomic(folder / "verification_key.json", vk)
        fresh = True

    installed = built.install_key(circuit, "ceremony", fill)
    if not fresh and installed.zkey_sha256 != disk.sha256_file(key):
        folder = installed.manifest.folder
        raise InputError(
            f"not installed: another ceremony key of {circuit.name} is; remove {folder} first to replace it", str(key)
        )
    click.echo(f"{'installed' if fresh else 'there already:'} {installed.zkey}")
