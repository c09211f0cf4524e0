"""``dls-zk setup``: keys."""

from __future__ import annotations

import click

from .. import operations
from .ceremony import ceremony_group
from .common import chosen_circuits, example, families_option, json_option, print_json, size_option, warn_insecure
from .stages import Stages


@click.group()
def setup() -> None:
    """Make keys, for development or for value.

    `dev` makes INSECURE keys in seconds; `ceremony` makes keys for value, with several people.
    """


@setup.command("dev", **example("dls-zk setup dev --size 16"))
@size_option
@families_option
@click.option("--force", is_flag=True, help="Make keys again that are in the cache.")
@json_option
def setup_dev(sizes: tuple[str, ...], families: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Make INSECURE single-party keys for development. Anyone can forge proofs against them."""
    stages, made = Stages(quiet=as_json), []
    for row in chosen_circuits(sizes, families):
        circuit = operations.build_circuit(row.name)
        with stages(f"Development key {row.name}") as moving:
            key = operations.development_key(circuit, force=force, moving=moving)
        made.append({"circuit": key.circuit, "zkey": str(key.zkey), "zkey_sha256": key.zkey_sha256, "insecure": True})
    warn_insecure()
    if as_json:
        print_json({"keys": made, "seconds": stages.seconds})


setup.add_command(ceremony_group)
