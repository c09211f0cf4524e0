"""Make rebalance.json: cases at bounds (tests/support/boundary.py), random ones near limits (tests/support/instances.py).

    python tests/vectors/make_rebalance.py

The format is in README.md beside this file. A test holds the file against what this makes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path.append(str(TESTS))

from dls_zk.statement.circuits import of_size  # noqa: E402
from dls_zk.statement.commitments import global_words, instruments_word, policy_hash, slot_words  # noqa: E402
from dls_zk.statement.constants import SIZES  # noqa: E402
from dls_zk.statement.model import Opening, Policy, Rebalance, SlotPolicy  # noqa: E402
from dls_zk.statement.policy_fields import global_layout, slot_layout  # noqa: E402
from dls_zk.statement.relation import evaluate, public_signals  # noqa: E402
from dls_zk.statement.signals import PublicSignals  # noqa: E402
from dls_zk.storage.disk import write_atomic  # noqa: E402
from tests.support.boundary import cases  # noqa: E402
from tests.support.instances import near_a_limit  # noqa: E402

FILE = Path(__file__).with_name("rebalance.json")
FORMAT = "dls-zk/vectors/rebalance/v2"

#: Seeds of the random vectors by size, such that half of them hold.
SEEDS = {8: [0, 3, 5, 7, 1, 2, 4, 6], 16: [0, 3, 1, 2], 32: [7, 8, 0, 1]}


def document() -> dict[str, Any]:
    """The content of the file."""
    policies: list[Policy] = []
    vectors = []
    for name, check, rebalance, public in all_cases():
        if rebalance.policy not in policies:
            policies.append(rebalance.policy)
        vectors.append(
            {
                "name": name,
                "circuit": rebalance.circuit.name,
                "policy": policies.index(rebalance.policy),
                "prices_usd_e8": list(map(str, rebalance.prices.usd_e8)),
                "before": opening_json(rebalance.before),
                "after": opening_json(rebalance.after),
                "context": str(rebalance.terms.context_hash),
                "public": public_json(public),
                "stands_at": check,
                "broken": [failed.name for failed in evaluate(rebalance, public).failures],
            }
        )
    return {"format": FORMAT, "policies": list(map(policy_json, policies)), "vectors": vectors}


def all_cases() -> Iterator[tuple[str, str, Rebalance, PublicSignals]]:
    """Name, the check whose bound it stands at ("" for random ones), and the rebalance with its claim."""
    for case in cases():
        yield f"{case.name}: at the bound", case.check, *case.at
        yield f"{case.name}: past it", case.check, *case.past
    for slots, seeds in SEEDS.items():
        for seed in seeds:
            rebalance = near_a_limit(Random(1000 * slots + seed), SIZES[slots])
            yield f"random {slots}.{seed}", "", rebalance, public_signals(rebalance)


def policy_json(policy: Policy) -> dict[str, Any]:
    """Every field by its path, and what is hashed of it; null slots at the end left out."""
    slots = [
        {"instrument": slot.instrument}
        | dict(zip(map(str, slot_layout(policy.size)), map(str, policy.slot_values(i)), strict=True))
        for i, slot in enumerate(policy.slots)
        if any(later != SlotPolicy.null(policy.size.factors) for later in policy.slots[i:])
    ]
    names = map(str, global_layout(policy.size))
    return {
        "circuit": of_size(policy.size.slots).name,
        "slots": slots,
        **dict(zip(names, map(str, policy.global_values()), strict=True)),
        "slot_words": list(map(str, slot_words(policy))),
        "global_words": list(map(str, global_words(policy))),
        "instruments_word": str(instruments_word(policy)),
        "policy_hash": str(policy_hash(policy)),
    }


def opening_json(opening: Opening) -> dict[str, Any]:
    return {"quantities_e6": list(map(str, opening.quantities_e6)), "salt": str(opening.salt)}


def public_json(public: PublicSignals) -> dict[str, Any]:
    values = vars(public) | {"allowances": public.allowances.pack()}
    return {name: list(map(str, value)) if isinstance(value, tuple) else str(value) for name, value in values.items()}


def text() -> str:
    """The file, a line for each policy, slot and vector."""
    found = document()
    lines = [f'{{"format": {json.dumps(found["format"])},', '"policies": [']
    lines.append(",\n".join(json.dumps(policy) for policy in found["policies"]))
    lines.append('],\n"vectors": [')
    lines.append(",\n".join(json.dumps(vector) for vector in found["vectors"]))
    return "\n".join(lines) + "\n]}\n"


if __name__ == "__main__":
    write_atomic(FILE, text())
