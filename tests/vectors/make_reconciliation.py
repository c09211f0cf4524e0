"""Make reconciliation.json: cases at bounds and random ones near the tolerance (tests/support/reconciliations.py).

    python tests/vectors/make_reconciliation.py

The format is in README.md beside this file. A test holds the file against what this makes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))

from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import Opening
from dls_zk.statement.reconciliation import evaluate
from dls_zk.storage.disk import write_atomic
from tests.support.reconciliations import Claim, cases, honest, random_reconciliation, widest

FILE = Path(__file__).with_name("reconciliation.json")
FORMAT = "dls-zk/vectors/reconciliation/v1"

#: How many random vectors there are by size.
RANDOM = {8: 8, 16: 6, 32: 6}


def vectors() -> Iterator[dict[str, Any]]:
    """The vectors, in order."""
    for name, check, (made, public) in all_cases():
        yield {
            "name": name,
            "circuit": made.circuit.name,
            "venues": list(made.venues),
            "prices_usd_e8": list(map(str, made.prices.usd_e8)),
            "tolerance_ppm": made.tolerance_ppm,
            "book": opening_json(made.book),
            "attested": list(map(opening_json, made.attested)),
            "public": {
                "commitment": str(public.commitment),
                "attestations": list(map(str, public.attestations)),
                "venues": str(public.venues),
                "tolerance_ppm": str(public.tolerance_ppm),
                "prices": list(map(str, public.prices)),
            },
            "stands_at": check,
            "broken": [failed.name for failed in evaluate(made, public).failures],
        }


def all_cases() -> Iterator[tuple[str, str, Claim]]:
    """Name, the check whose bound it stands at ("" for others), and the reconciliation with its claim."""
    for case in cases():
        yield f"{case.name}: at the bound", case.check, case.at
        yield f"{case.name}: past it", case.check, case.past
    for slots, count in RANDOM.items():
        for seed in range(count):
            yield f"random {slots}.{seed}", "", honest(random_reconciliation(Random(1000 * slots + seed), SIZES[slots]))
        for name, made in widest(SIZES[slots]):
            yield f"{name}, {slots} slots", "", honest(made)


def opening_json(opening: Opening) -> dict[str, Any]:
    return {"quantities_e6": list(map(str, opening.quantities_e6)), "salt": str(opening.salt)}


def text() -> str:
    """The file: a line a vector."""
    lines = ",\n".join(json.dumps(vector) for vector in vectors())
    return f'{{"format": "{FORMAT}",\n"vectors": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    write_atomic(FILE, text())
