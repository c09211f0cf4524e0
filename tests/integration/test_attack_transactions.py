"""Attack: nodes behind one URL that are not equally far, and a node that names any price for gas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faults
import pytest
from faults import World

from dls_zk import toolchain
from dls_zk.chain import Chain
from dls_zk.chain.signers import decode
from dls_zk.contracts import Artifact
from dls_zk.errors import ChainError

KEY = ("increment", 1)


@pytest.fixture(scope="module")
def counter() -> Artifact:
    return faults.compile_counter()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with toolchain.anvil(chain_id=31337, accounts=1) as url:
        yield url


@pytest.fixture
def world(url: str, counter: Artifact, tmp_path: Path) -> Iterator[World]:
    with faults.world(url, counter, tmp_path / "journal") as world:
        yield world


@pytest.mark.parametrize("confirmations", [1, 3])
def test_receipts_from_a_node_that_is_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, confirmations: int
) -> None:
    """One node answers counts, another, some blocks behind, answers receipts: what was mined is not sent again."""
    receipt = Chain.receipt

    def behind(on: Chain, hash_: str) -> Any:
        found = receipt(on, hash_)
        return found if found and found["blockNumber"] <= world.chain.block_number() - confirmations - 1 else None

    monkeypatch.setattr(Chain, "receipt", behind)
    world.rpc("evm_setAutomine", False)

    def block(what: str, done: int, of: int) -> None:
        if "other processes" not in what:
            world.mine()

    sender = world.sender(confirmations=confirmations, give_up_after_s=10, progress=block)
    try:
        sender.perform(KEY, world.call())
    except ChainError:
        pass
    world.mine(10)
    assert (world.count(), world.nonce()) == (1, 1)


def test_a_node_cannot_name_any_tip(world: World) -> None:
    """Without a cap of the operator's, the whole balance could go to whom the node likes."""
    made = Chain.base_fee_and_tip_wei
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chain, "base_fee_and_tip_wei", lambda on: (made(on)[0], 10**16))
        try:
            world.sender().perform(KEY, world.call())
        except ChainError:
            return
    (attempt,) = world.attempts(KEY)
    assert decode(attempt.raw)[0].tip_wei < 10**12, "1000 gwei and more for a unit of gas"
