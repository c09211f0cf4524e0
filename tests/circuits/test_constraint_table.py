"""The table of costs: nothing left over, nothing counted twice, and the budget."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from dls_zk.audit.circuits import compile_template
from dls_zk.errors import ArtifactError
from dls_zk.groth16 import constraint_table
from dls_zk.groth16.constraint_table import CHECK_OF, CircuitCost, System, attribute
from dls_zk.groth16.r1cs import R1CS
from dls_zk.statement.circuits import CIRCUITS, REBALANCE, RECONCILIATION
from dls_zk.statement.constants import FIELD, PRICES_PER_WORD
from dls_zk.statement.families import CHECKS
from dls_zk.tools import circom, process

#: Of all constraints at 16 slots.
BUDGET_16 = {REBALANCE: 20_480, RECONCILIATION: 6_500}


@pytest.fixture(scope="module")
def circuits() -> list[CircuitCost]:
    return [*map(constraint_table.measure, CIRCUITS.values())]


def test_every_constraint_is_counted_once(circuits: list[CircuitCost]) -> None:
    for circuit in circuits:
        system = R1CS.read(circom.compile_circuit(circuit.circuit.name).r1cs)
        assert circuit.total.total == circuit.header.n_constraints == len(system.constraints)
        assert circuit.total.linear == sum(not a or not b for a, b, _ in system.constraints)


def test_every_check_costs_something_at_every_size(circuits: list[CircuitCost]) -> None:
    for family, check_of in CHECK_OF.items():
        assert {*check_of.values()} == {*range(1, len(CHECKS[family]) + 1)}
    for circuit in circuits:
        assert len(circuit.checks) == len(CHECKS[circuit.circuit.family])
        assert all(cost.non_linear > 0 for cost in circuit.checks)


def test_costs_that_can_be_counted_by_hand(circuits: list[CircuitCost]) -> None:
    for circuit in of(circuits, REBALANCE):
        size, cost = circuit.circuit.size, dict(zip(CHECKS[REBALANCE], circuit.checks, strict=True))
        # Price: 48 bits, three constraints of IsZero, and unpriced · after. Linear: one a word of more than one price.
        assert cost["prices"].non_linear == size.slots * (48 + 3 + 1)
        assert cost["prices"].linear == size.price_words - (size.slots % PRICES_PER_WORD == 1)
        # Quantity and trade: 57 bits, a product for the value and one for its magnitude. Linear: NAV, turnover.
        assert (cost["quantities"].non_linear, cost["quantities"].linear) == (size.slots * 2 * (57 + 2), 2)
        assert cost["turnover"].total == (1 + 131) + (1 + 27)
        assert (cost["solvency"].non_linear, cost["solvency"].linear) == (88, 1)
        assert cost["concentration"].total == size.slots * (1 + 105)
        assert cost["stress loss"].total == size.scenarios * (size.factors + 1 + 80)
        assert cost["context"].total == 1


def test_costs_of_a_reconciliation_that_can_be_counted_by_hand(circuits: list[CircuitCost]) -> None:
    for circuit in of(circuits, RECONCILIATION):
        size, cost = circuit.circuit.size, dict(zip(CHECKS[RECONCILIATION], circuit.checks, strict=True))
        assert (cost["venues"].non_linear, cost["venues"].linear) == (size.slots * size.venue_bits, 1)
        # Price: 48 bits, three constraints of IsZero, unpriced · quantity and unpriced · gap.
        assert cost["prices"].non_linear == size.slots * (48 + 3 + 2)
        # Quantity and gap: 57 bits. Products: the value, that of the gap, and what is missing. Linear: the gaps, the NAV.
        assert (cost["quantities"].non_linear, cost["quantities"].linear) == (size.slots * (57 + 57 + 3), size.slots + 1)
        assert cost["solvency"].total == 88
        assert cost["tolerance"].total == 15 + 15 + 1 + 1
        assert cost["shortfall"].total == 103
        moved = size.slots * (size.venues - 1)
        assert cost["attestations"].non_linear == size.venues * cost["commitment"].non_linear + moved


def of(circuits: list[CircuitCost], family: str) -> list[CircuitCost]:
    return [circuit for circuit in circuits if circuit.circuit.family == family]


@pytest.mark.parametrize(("family", "domain"), [(REBALANCE, 32_768), (RECONCILIATION, 8_192)])
def test_sixteen_slots_are_within_the_budget(circuits: list[CircuitCost], family: str, domain: int) -> None:
    (circuit,) = (circuit for circuit in of(circuits, family) if circuit.circuit.size.slots == 16)
    assert circuit.total.total <= BUDGET_16[family]
    assert circuit.per_slot <= BUDGET_16[family] // 16
    assert circuit.domain == domain


@pytest.mark.parametrize("family", CHECKS)
def test_what_is_shown_adds_up(circuits: list[CircuitCost], family: str) -> None:
    circuits, names = of(circuits, family), CHECKS[family]
    for document in json.loads(json.dumps(constraint_table.to_json(circuits))):
        assert sum(check["total"] for check in document["checks"]) == document["total"]
        assert document["non_linear"] + document["linear"] == document["total"]
    rows = [line.strip("|\n ").split(" | ") for line in constraint_table.markdown(circuits).splitlines()]
    assert [row[1] for row in rows[2 : 2 + len(names)]] == [*names]
    for column, circuit in enumerate(circuits, start=2):
        assert sum(int(row[column].replace(",", "")) for row in rows[2 : 2 + len(names)]) == circuit.total.total


# A small circuit with the names that the table knows, so that what cannot be attributed can be tried out.
SMALL = """
pragma circom 2.2.2;
include "lib/range.circom";
template Small() {
    signal input context;
    component turnover = RangeCheck(4);
    turnover.in <== context;
    signal contextSquare <== context * context;
    contextSquare === 9;
}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[System, System]:
    """A small circuit as it is deployed, and by --O0."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "unused").mkdir()
    circuit = compile_template(folder, "small", "RangeCheck(4)", "lib/range.circom")  # copies the sources
    (circuit.sources / "small.circom").write_text(SMALL)
    circuit = compile_template(folder, "small", "Small()", "small.circom")
    with circom.run_circom("small", ("--r1cs", "--sym", "--O0"), circuit.sources) as (out, _):
        plain = System.read(out / "small.r1cs", out / "small.sym")
    return System.read(circuit.built.r1cs, circuit.built.sym), plain


def test_constraints_go_to_their_component(small: tuple[System, System]) -> None:
    checks = sorted(check for check, _ in attribute(REBALANCE, *small))
    assert checks[:4] == [6] * 4 and set(checks[4:]) == {20}


def test_a_lost_a_foreign_and_a_changed_constraint_are_noticed(small: tuple[System, System]) -> None:
    deployed, plain = small
    with pytest.raises(ArtifactError, match="lacks a constraint"):
        [*attribute(REBALANCE, replace(deployed, constraints=deployed.constraints[1:]), plain)]
    with pytest.raises(ArtifactError, match="that its source has not"):
        [*attribute(REBALANCE, replace(deployed, constraints=(deployed.constraints[0], *deployed.constraints)), plain)]
    for k, constraint in enumerate(deployed.constraints):
        for side in range(3):
            if side < 2 and len(constraint[side]) == 1:
                continue  # 2·b·(b − 1) = 0 says the same as b·(b − 1) = 0
            for wire in constraint[side]:
                combination = constraint[side] | {wire: (constraint[side][wire] + 1) % FIELD}
                changed = (*constraint[:side], combination, *constraint[side + 1 :])
                constraints = (*deployed.constraints[:k], changed, *deployed.constraints[k + 1 :])
                with pytest.raises(ArtifactError):
                    [*attribute(REBALANCE, replace(deployed, constraints=constraints), plain)]


def test_a_component_without_a_check_is_named(small: tuple[System, System]) -> None:
    deployed, plain = (
        replace(system, names={wire: name.replace("turnover", "novelty") for wire, name in system.names.items()})
        for system in small
    )
    with pytest.raises(ArtifactError, match="main.novelty.* belongs to 0 checks"):
        [*attribute(REBALANCE, deployed, plain)]


def test_the_script(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "scripts" / "constraints"
    argv = [script, "--markdown", "--json", tmp_path / "table.json"]
    shown = process.run(argv, timeout=300, env=dict(os.environ)).stdout
    document = json.loads((tmp_path / "table.json").read_text())
    assert [circuit["circuit"] for circuit in document] == [*CIRCUITS]
    assert all(f"| **{document[k]['total']:,}** |" in shown for k in (1, 4))
