"""``dls-zk demo``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..errors import InputError
from ..storage import disk
from .common import FILE, console, example
from .proofs import backend_option
from .stages import Stages


@click.command("demo", **example("dls-zk demo --json summary.json"))
@click.option("--json", "summary", type=FILE, help="Also write the summary to this file.")
@backend_option
def demo(summary: Path | None, backend: str) -> None:
    """Run the whole story on a local chain.

    Proves a hidden rebalance, verifies it in three ways and has it accepted on chain; shows that three frauds are refused.
    """
    from . import story  # it brings web3, which takes a second to load

    if summary:
        disk.require_absent(summary)
    if summary and not summary.absolute().parent.is_dir():
        raise InputError("parent folder does not exist", str(summary))
    stages = Stages()
    result = story.run(stages, backend)
    console.print(story.summary(result))
    if summary:
        disk.write_new(summary, json.dumps(result, indent=2) + "\n")
        click.echo(f"summary  {summary}")
