"""Gates that bite: bugs that other systems had are each caught by one. The deployed circuits: test_deployed.py.

Each file in bad/ is one such bug, as a small circuit, and the same circuit with the bug fixed: FIXED = 0 and 1.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dls_zk.audit.circuits import Circuit, compile_template
from dls_zk.audit.gates import GATES, Subject, disagreements
from dls_zk.errors import StatementRefused, ToolError
from dls_zk.groth16.witness import Value
from dls_zk.statement.constants import FIELD
from dls_zk.statement.poseidon import poseidon
from dls_zk.storage import places
from dls_zk.tools import circom

BAD = Path(__file__).parent / "bad"
BYTE = (0, 1, 5, 254, 255)
EDGES = (*BYTE, 256, 257, FIELD // 2, FIELD // 2 + 1, FIELD - 256, FIELD - 2, FIELD - 1)


@dataclass(frozen=True)
class Lie:
    """A false statement that a bug lets pass: the inputs, and the signals that the prover then changes in the witness.

    ranges: numbers that change under a range check of their own (component of a RangeCheck → number).
    """

    inputs: Mapping[str, Value]
    changes: Mapping[str, int] = field(default_factory=dict)
    ranges: Mapping[str, int] = field(default_factory=dict)

    def change(self, circuit: Circuit, wires: list[int]) -> list[int]:
        """The witness with the changes, as far as the circuit has the signals."""
        changes = dict(self.changes)
        for component, number in self.ranges.items():
            changes |= {f"{component}.in": number} | {f"{component}.bit[{k}]": number >> (k + 1) & 1 for k in range(132)}
        for name, value in changes.items():
            wire = circuit.wire.get(f"main.{name}", -1)
            if wire > 0:  # else the compiler has merged it into another
                wires[wire] = value
        return wires


@dataclass(frozen=True)
class Bug:
    """public: inputs of main. gate: the one that catches it. truth, grid: for the gate "edges", of the fixed circuit too."""

    public: tuple[str, ...]
    gate: str
    lie: Lie
    truth: Callable[..., bool] | None = None
    grid: Mapping[str, Iterable[int]] = field(default_factory=dict)


def _division_wraps() -> Lie:
    """Collateral 1, debt 2^131: 10^4 ≡ r + 10^4 = ratio·2^131 + remainder, a ratio of 2^122."""
    debt, least = 1 << 131, 15_000
    ratio, remainder = divmod(FIELD + 10_000, debt)
    return Lie(
        {"collateral": 1, "debt": debt, "minRatio": least},
        {"ratio": ratio, "remainder": remainder},
        {"ratioRange": ratio, "remainderRange": remainder, "roomRange": debt - 1 - remainder, "slackRange": ratio - least},
    )


LEFT, RIGHT = poseidon([1, 2]), poseidon([3, 4])  # two leaves, and the node above them given out as a leaf

BUGS = {
    "packed_without_range": Bug(
        ("commitment",),
        "ledger",
        Lie({"commitment": poseidon([0x62616431, (1 << 64) + 1000, 5]), "debt": 0, "price": (1 << 64) + 1000, "salt": 5}),
    ),
    "less_than_unranged": Bug(
        ("nonce", "limit"),
        "ledger",
        Lie({"nonce": FIELD - 1, "limit": 5}),
        lambda nonce, limit: nonce < limit < 256,
        {"nonce": EDGES, "limit": BYTE},
    ),
    "successor_checked": Bug(
        ("value", "limit"),
        "edges",
        Lie({"value": FIELD - 1, "limit": 5}),
        lambda value, limit: value <= limit < 256,
        {"value": EDGES, "limit": EDGES},
    ),
    "assert_for_constraint": Bug(
        ("value", "units", "minimum"),
        "determinism",
        Lie({"value": 7, "units": 0, "minimum": 255}),
        lambda value, units, minimum: units > 0 and value >= minimum * units,
        {"value": BYTE, "units": BYTE, "minimum": BYTE},
    ),
    "sign_test_never_fires": Bug(
        ("balance", "amount"),
        "edges",
        Lie({"balance": 5, "amount": 6}),
        lambda balance, amount: amount <= balance < 256,
        {"balance": EDGES, "amount": EDGES},
    ),
    "negative_zero": Bug(("value",), "determinism", Lie({"value": 0}, {"nonNegative": 0})),
    "sum_wraps": Bug(
        ("part", "limit"),
        "ledger",
        Lie({"part": [(FIELD + 1) // 2] * 2, "limit": 1}),
    ),
    "division_by_hint": Bug(
        ("value", "units", "maximum"),
        "determinism",
        Lie(
            {"value": 200, "units": 2, "maximum": 11},
            {"quotient": 10, "remainder": 180},
            {"quotientRange": 10, "remainderRange": 180, "slackRange": 0},
        ),
    ),
    "division_wraps": Bug(("collateral", "debt", "minRatio"), "ledger", _division_wraps()),
    "assigned_not_constrained": Bug(
        ("weight", "value", "limit"),
        "determinism",
        Lie({"weight": 200, "value": 200, "limit": 0}, {"weighted": 0}, {"weightedRange": 0, "slackRange": 0}),
    ),
    "less_than_half_ranged": Bug(
        ("nonce", "limit"),
        "edges",
        Lie({"nonce": FIELD - 1, "limit": 5}),
        lambda nonce, limit: nonce < limit < 256,
        {"nonce": EDGES, "limit": BYTE},
    ),
    "comparison_dropped": Bug(("value", "limit"), "idle", Lie({"value": 9, "limit": 5})),
    "output_not_compared": Bug(("price",), "inspect", Lie({"price": 0})),
    "valid_flag": Bug(("value", "limit"), "outputs", Lie({"value": 9, "limit": 5})),
    "unused_public_input": Bug(("value", "context"), "unused inputs", Lie({"value": 1, "context": 7}, {"context": 8})),
    "free_leverage": Bug(
        ("commitment", "policyHash", "maximum"),
        "unbound by the public signals",
        Lie(
            {
                "commitment": poseidon([0x62616432, 200, 200, 5]),
                "policyHash": poseidon([0x62616433, 3, 3, 6]),
                "maximum": 0,
                "position": [200, 200],
                "weight": [3, 3],
                "used": [0, 0],
                "salt": [5, 6],
            }
        ),
    ),
    "hash_without_domain": Bug(
        ("root",),
        "hash domains",
        Lie({"root": poseidon([poseidon([LEFT, RIGHT]), 9]), "value": LEFT, "salt": RIGHT, "sibling": 9}),
    ),
    "guessable_salt": Bug(
        ("commitment",),
        "salts",
        Lie({"commitment": poseidon([0x62616434, 7, 99]), "quantity": 7, "salt": 99}),
    ),
    "parked_quantity": Bug(
        ("quantity", "price", "cap"),
        "edges",
        Lie({"quantity": 200, "price": 0, "cap": 0}),
        lambda quantity, price, cap: (price > 0 or quantity == 0) and quantity * price <= cap < 1 << 16,
        {"quantity": BYTE, "price": BYTE, "cap": EDGES},
    ),
    "slot_renamed": Bug(
        ("policyHash",),
        "inspect",
        Lie({"policyHash": poseidon([0x62616435, 5, 0]), "limit": 5, "instruments": 1}),
    ),
    "gain_per_proof": Bug(
        ("before", "after", "accrual"),
        "edges",
        Lie({"before": 0, "after": 10, "accrual": 0}),
        lambda before, after, accrual: after <= before + accrual and accrual < 256,
        {"before": BYTE, "after": BYTE, "accrual": BYTE},
    ),
}


@pytest.fixture(scope="module")
def variant(tmp_path_factory):
    """Compile a bug, or its fix, once: ``variant("sum_wraps", fixed=False)``."""
    folder, made = tmp_path_factory.mktemp("bad"), {}

    def get(name: str, fixed: bool) -> Circuit:
        if (name, fixed) not in made:
            sources = folder / name / "circuits"
            if not sources.exists():  # no more than it includes, so that the cache keeps it when other circuits change
                shutil.copytree(places.data_dir("circuits") / "lib", sources / "lib")
                (sources / "bad").mkdir()
                (sources / "main").mkdir()
                shutil.copy(BAD / f"{name}.circom", sources / "bad")
            compiled = f"bad_{name}_{int(fixed)}"
            instance = f"Case({int(fixed)})"
            made[name, fixed] = compile_template(
                folder / name, compiled, instance, f"bad/{name}.circom", public=BUGS[name].public
            )
        return made[name, fixed]

    return get


def findings(gate: str, bug: Bug, circuit: Circuit) -> object:
    """What a gate says of a circuit; nothing if it passes."""
    if gate == "edges":
        return bug.truth and disagreements(circuit, bug.truth, bug.grid)
    if gate == "inspect":
        try:
            circom.compile_circuit(circuit.built.name, sources=circuit.sources, force=True)
        except ToolError as warning:
            return str(warning)
        return None
    return GATES[gate](Subject(circuit))


def test_every_file_is_tried():
    assert {path.stem for path in BAD.glob("*.circom")} == BUGS.keys()


@pytest.mark.parametrize("name", [name for name in BUGS if name != "guessable_salt"])  # no false statement, but no secret
def test_the_bug_lets_a_lie_pass_and_its_fix_does_not(variant, name):
    lie = BUGS[name].lie
    bad, fixed = variant(name, fixed=False), variant(name, fixed=True)
    try:
        wires = bad.honest(lie.inputs)
    except StatementRefused:  # by an assertion, or by a constraint that the changes get around
        wires = bad.lying(lie.inputs)
    assert bad.violated(lie.change(bad, wires)) == []
    try:
        wires = fixed.honest(lie.inputs)
    except StatementRefused:
        return
    assert fixed.violated(lie.change(fixed, wires))


@pytest.mark.parametrize("name", BUGS)
def test_the_gate_catches_it_and_passes_the_fix(variant, name):
    bug = BUGS[name]
    assert findings(bug.gate, bug, variant(name, fixed=False))
    for gate in {*GATES, "edges", bug.gate}:
        assert not findings(gate, bug, variant(name, fixed=True)), gate


def test_what_has_the_signals_of_poseidon_and_another_matrix_is_no_hash(tmp_path):
    """Every sum of the first rounds is the same: a collision is two inputs exchanged."""
    shutil.copytree(places.data_dir("circuits"), tmp_path / "circuits")
    path = tmp_path / "circuits/lib/poseidon.circom"
    changed = path.read_text().replace("(round == FULL / 2 - 1 ? P[j][i] : M[j][i]) * state[j]", "state[j]")
    assert changed != path.read_text()
    path.write_text(changed)
    circuit = compile_template(tmp_path, "no_poseidon", "PolicyHash(8, 4)", "policy/hash.circom")
    with pytest.raises(ValueError, match="is no Poseidon: from"):
        Subject(circuit).hashes  # noqa: B018
