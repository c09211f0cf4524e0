"""``dls-zk circuits``: compile the circuits."""

from __future__ import annotations

import click

from .. import operations
from .common import chosen_circuits, example, families_option, json_option, print_json, size_option
from .stages import Stages


@click.group()
def circuits() -> None:
    """Compile the circuits."""


@circuits.command("build", **example("dls-zk circuits build --size 16"))
@size_option
@families_option
@click.option("--force", is_flag=True, help="Compile circuits again that are in the cache.")
@json_option
def circuits_build(sizes: tuple[str, ...], families: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Compile circuits into the cache, keyed by the content of the sources and the compiler version."""
    stages, built = Stages(quiet=as_json), []
    for row in chosen_circuits(sizes, families):
        with stages(f"Circuit {row.name}"):
            circuit = operations.build_circuit(row.name, force=force)
        built.append({"circuit": circuit.name, "r1cs": str(circuit.r1cs), "r1cs_sha256": circuit.r1cs_sha256})
    if as_json:
        print_json({"circuits": built, "seconds": stages.seconds})
