"""Events as JSON: every parameter of the hub's events has the form that docs/json.md says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dls_zk.chain.client import Event
from dls_zk.chain.summary import Summary
from dls_zk.cli import events
from dls_zk.solidity import contracts
from dls_zk.statement.allowances import Allowances


def parameters(inputs: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for one in inputs:
        if one["type"].startswith("tuple") and one["name"] not in events._PARAMETERS:
            yield from parameters(one["components"])
        else:
            yield one["name"], one["type"]


def test_every_parameter_of_the_hub_has_its_form() -> None:
    abi = contracts.compile_contracts()["RebalanceHub"].abi
    found = {one for item in abi if item["type"] == "event" for one in parameters(item["inputs"])}
    assert len(found) > 20
    for name, kind in found:
        bits = int(kind.removeprefix("u").removeprefix("int") or 0) if kind.startswith(("int", "uint")) else None
        small = kind in ("address", "bool") or (bits and bits <= 48)
        assert name in events._PARAMETERS or small, (name, kind)


def test_an_event_does_not_change_its_shape_with_its_values() -> None:
    word = Summary(4, 2, 5, Allowances(turnover_ppm=9)).pack()
    for commitment, flow in ((1, 0), (2**253, -(2**55))):
        arguments = {"vaultId": bytes(32), "commitmentAfter": commitment, "flow": flow, "summary": word, "mandateVersion": 2}
        shown = events.event_json(Event("Rebalanced", arguments, (1, "0x00", 0), "0x" + "00" * 32))["arguments"]
        assert shown == {
            "vault": "0x" + "00" * 32,
            "commitment_after": f"0x{commitment:064x}",
            "flow": {0: "0", -(2**55): "-36028797018.963968"}[flow],
            "summary": {
                "round": 4,
                "sequence": 2,
                "nav_floor_steps": 5,
                "allowances": {"gain_ppb": 0, "loss_ppb": 0, "turnover_ppm": 9, "write_down_steps": 0},
            },
            "mandate_version": 2,
        }
