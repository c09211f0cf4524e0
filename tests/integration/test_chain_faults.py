"""Submitting on a chain and a machine that fail: killed anywhere, at once from many processes, cut off, reorganised.

Whatever happens, once a run ends well each rebalance was accepted exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from dls_zk import chain, files
from dls_zk.chain import BatchIncomplete, Call, KeySigner, Protocol, Sender, Submission, submit
from dls_zk.chain.submission import State
from dls_zk.chain.transactions import Delivery
from dls_zk.groth16.zkey import VerifyingKey
from tests.support import faults, nodes
from tests.support import market as markets
from tests.support.faults import Errand
from tests.support.market import Market, Vault, rpc

NOTHING = Call(None, b"")


@pytest.fixture(scope="module")
def url_and_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Market]]:
    from dls_zk.tools import foundry, node

    node.ensure_node_packages()
    with foundry.anvil(chain_id=31337, accounts=1) as url:
        yield url, markets.on(url, tmp_path_factory.mktemp("journal"))


@dataclass(frozen=True)
class Scene:
    """Vaults of an operator whose key the test holds, with the next rebalance of each in a folder."""

    url: str
    market: Market
    operator: Sender
    key: bytes
    vaults: tuple[Vault, ...]
    folders: tuple[Path, ...]
    place: Path

    def submit(self, url: str = "", count: int = 0) -> list[chain.Outcome]:
        """In this process; over another URL; the first few only."""
        protocol, operator = self.market.protocol, self.operator
        if url:
            on = chain.connect(url)
            protocol = Protocol.on(on, protocol.deployment)
            operator = replace(operator, chain=on)
        submissions = [Submission.read(folder) for folder in self.folders[: count or len(self.folders)]]
        return submit(protocol, operator, submissions, self.market.trapdoor.verifying_key, without_opening=True)

    def errand(self, die_at: int | None, count: int) -> Submitting:
        deployment, vk = self.place / "deployment.json", self.place / "vk.words"
        if not deployment.exists():
            files.write_deployment(deployment, self.market.protocol.deployment)
            vk.write_text(" ".join(map(str, self.market.trapdoor.vk.words())))
        return Submitting(
            self.url, self.operator.folder, ("none",), NOTHING, self.key, die_at, "before signing",
            deployment=deployment, vk=vk, folders=self.folders[:count],
        )  # fmt: skip

    def accepted(self) -> list[int]:
        """How often the hub has accepted a rebalance of each vault, by its events."""
        hub = self.market.protocol.hub
        return [[event.name for event in hub.history(vault.id)].count("Rebalanced") for vault in self.vaults]


@dataclass(frozen=True)
class Submitting(Errand):
    """A process that submits folders."""

    deployment: Path = Path()
    vk: Path = Path()
    folders: tuple[Path, ...] = ()

    def act(self, sender: Sender) -> None:
        protocol = Protocol.on(sender.chain, files.read_deployment(self.deployment))
        words = [int(word) for word in self.vk.read_text().split()]
        vk = VerifyingKey.from_words(words)
        submissions = [Submission.read(folder) for folder in self.folders]
        assert len(submit(protocol, sender, submissions, lambda _: vk, without_opening=True)) == len(self.folders)


def scene(url: str, market: Market, folder: Path, count: int) -> Scene:
    account = Account.create()
    rpc(market.chain, "anvil_setBalance", account.address, hex(10**21))
    delivery = Delivery(**faults.FAST)
    operator = Sender(market.chain, KeySigner(account), folder / "operator", delivery)
    vaults = tuple(market.open(f"{account.address} {k}", operator) for k in range(count))
    snapshot, deadline = market.snapshot(), market.chain.now() + 3600
    folders = tuple(
        vault.rebalance(snapshot, after=7 + k, deadline=deadline).write(folder / f"r{k}") for k, vault in enumerate(vaults)
    )
    return Scene(url, market, operator, bytes(account.key), vaults, folders, folder)


@pytest.fixture
def two(url_and_market: tuple[str, Market], tmp_path: Path) -> Scene:
    return scene(*url_and_market, tmp_path, 2)


@pytest.mark.parametrize(("die_at", "count"), [(point, 1 + point % 2) for point in range(18)])
def test_killed_and_run_again(two: Scene, die_at: int, count: int) -> None:
    """Killed before the step that has this number, counted from the signing on; one rebalance, and a batch of two."""
    ended = faults.run([two.errand(die_at, count)])
    assert ended in ([-9], [0]), "it did not end as it should"
    assert sum(two.accepted()) <= count
    two.submit(count=count)
    assert two.accepted()[:count] == [1] * count
    # What was batched with another choice of rebalances before is found too.
    assert [outcome.before for outcome in two.submit()][:count] == [True] * count
    assert two.accepted() == [1, 1]
    assert two.market.chain.transaction_count(two.operator.address) == (2 if count == 1 else 1)


def test_the_kills_reach_past_the_sending(two: Scene) -> None:
    """So that the points above are on both sides of it: the last one dies after the rebalance was accepted."""
    assert faults.run([two.errand(17, 1)]) == [-9]
    assert two.accepted() == [1, 0]
    assert faults.run([two.errand(0, 2)]) == [-9]
    assert two.accepted() == [1, 0]


def test_eight_processes_at_once(two: Scene) -> None:
    errands = [two.errand(None, 1 + k % 2) for k in range(8)]
    assert faults.run(errands) == [0] * 8
    assert two.accepted() == [1, 1]
    assert two.market.chain.transaction_count(two.operator.address) <= 2


@pytest.mark.parametrize("where", ["before", "after", "gateway"])
def test_cut_off_while_sending(two: Scene, where: str) -> None:
    cuts = 0

    def cut(method: str, _: int) -> str | None:
        nonlocal cuts
        if method == "eth_sendRawTransaction" and cuts < 2:
            cuts += 1
            return where
        return None

    with faults.proxy(two.url, cut) as url:
        try:
            two.submit(url)
        except BatchIncomplete as error:
            assert "\n" not in str(error) and error.retryable
        two.submit(url)
    assert cuts >= 1 and two.accepted() == [1, 1]
    assert two.market.chain.transaction_count(two.operator.address) == 1


def test_a_reorganisation_is_repaired(two: Scene) -> None:
    """The block with the rebalances is taken out of the chain after they were confirmed: run again, they are accepted."""
    before = rpc(two.market.chain, "evm_snapshot")
    first = two.submit()
    assert rpc(two.market.chain, "evm_revert", before)
    assert two.accepted() == [0, 0]
    rpc(two.market.chain, "evm_mine")
    again = two.submit()
    assert two.accepted() == [1, 1]
    assert [outcome.accepted.block for outcome in again] != [outcome.accepted.block for outcome in first]
    assert two.market.chain.transaction_count(two.operator.address) == 1


def test_a_reorganisation_that_takes_the_other_side(two: Scene) -> None:
    """In the new chain a flow came in first: the proof does not fit any more, and is refused by name."""
    before = rpc(two.market.chain, "evm_snapshot")
    two.submit()
    assert rpc(two.market.chain, "evm_revert", before)
    two.market.protocol.hub.record_flow(two.market.owner, two.vaults[0].id, 9)
    with pytest.raises(BatchIncomplete, match=r"r0: its flow is 0 and the hub demands 0\.000009"):
        two.submit()
    assert two.accepted() == [0, 1]


def test_watching_tells_what_a_reorganisation_took(two: Scene) -> None:
    from dls_zk.chain.watching import Watch

    hub = two.market.protocol.hub
    watch = Watch(hub, two.market.chain.block_number() + 1, 5)
    assert list(watch.look()) == []
    before = rpc(two.market.chain, "evm_snapshot")
    two.submit()
    seen = list(watch.look())
    assert [(sighting.event.name, sighting.gone) for sighting in seen] == [("Rebalanced", False)] * 2
    assert list(watch.look()) == []
    assert rpc(two.market.chain, "evm_revert", before)
    rpc(two.market.chain, "evm_mine")
    assert [(sighting.event, sighting.gone) for sighting in watch.look()] == [(one.event, True) for one in seen]
    two.submit()
    assert [(sighting.event.name, sighting.gone) for sighting in watch.look()] == [("Rebalanced", False)] * 2


def test_watching_tells_what_happens_to_orders(url_and_market: tuple[str, Market]) -> None:
    from dls_zk.chain.watching import Watch

    _, market = url_and_market
    share, hub = markets.open_share(market, market.owner, "watched"), market.protocol.hub
    markets.mint(market, share, market.owner.address, 10**7)
    watch = Watch(hub, market.chain.block_number() + 1, 50)
    watch.follow(share)
    assert list(watch.look()) == []
    before = rpc(market.chain, "evm_snapshot")
    order = share.request(market.owner, hub, "deposit", 10**7)
    share.cancel(market.owner, "deposit", order, market.owner.address)
    seen = list(watch.look())
    told = [(one.event.name, one.share) for one in seen if one.share]
    assert told == [("DepositRequest", share), ("CancelDepositRequest", share)] and len(seen) > 2, "the hub's stay"
    assert {one.event.arguments["vaultId"] for one in seen} == {share.vault}
    assert rpc(market.chain, "evm_revert", before)
    rpc(market.chain, "evm_mine")
    assert [(one.event, one.gone) for one in watch.look()] == [(one.event, True) for one in seen]


# --- what is on its way, or not shown yet ----------------------------------------------------------------------------


@pytest.fixture
def unmined(two: Scene) -> Iterator[Scene]:
    """The chain mines when it is told to, and the operator soon gives up waiting."""
    rpc(two.market.chain, "evm_setAutomine", False)
    try:
        yield replace(two, operator=replace(two.operator, delivery=replace(two.operator.delivery, give_up_after_s=0.5)))
    finally:
        rpc(two.market.chain, "anvil_dropAllTransactions")
        rpc(two.market.chain, "evm_setAutomine", True)


@pytest.mark.parametrize(("counts", "journal"), [((1, 2), "kept"), ((2, 1), "kept"), ((2, 2), "lost")], ids=str)
def test_run_again_while_it_waits_to_be_mined(unmined: Scene, tmp_path: Path, counts: tuple[int, int], journal: str) -> None:
    """It is pending and not refused: who believed that, would prove and trade a second time."""
    first, second = counts
    states = []
    for count in (first, second):
        with pytest.raises(BatchIncomplete) as caught:
            unmined.submit(count=count)
        assert caught.value.retryable, str(caught.value)
        states.append([result.state for result in caught.value.results if isinstance(result, chain.NotAccepted)])
        if journal == "lost":
            unmined = replace(unmined, operator=replace(unmined.operator, folder=tmp_path / "another"))
    assert states[0] == [State.PENDING] * first and State.REFUSED not in states[1]
    rpc(unmined.market.chain, "evm_mine")
    rpc(unmined.market.chain, "evm_setAutomine", True)
    assert len(unmined.submit()) == 2
    assert unmined.accepted() == [1, 1]


@pytest.mark.parametrize("missing", [1, 3])
def test_a_node_that_has_no_events_of_its_newest_block_yet(two: Scene, missing: int) -> None:
    """An accepted rebalance is never said to be refused, however late its event is shown."""
    shown = 0

    def change(request: nodes.Request, value: Any) -> Any:
        nonlocal shown
        if request.method != "eth_getLogs" or (shown := shown + 1) > missing:
            return value
        return []

    with nodes.node(two.url, change=change) as node:
        try:
            two.submit(node.url)
        except BatchIncomplete as error:
            assert error.code == "node_behind"
            assert {result.state for result in error.results if isinstance(result, chain.NotAccepted)} == {State.PENDING}
        assert two.accepted() == [1, 1]
        shown = missing
        assert all(outcome.before for outcome in two.submit(node.url))
    assert two.accepted() == [1, 1]


def test_signed_and_the_node_gone_before_it_was_sent(two: Scene) -> None:
    """What is in the journal is sent by the next run: it is pending."""
    signed = False

    def behaves(request: nodes.Request) -> nodes.Reply | None:
        nonlocal signed
        if signed:
            return nodes.Reply(status=503)
        signed = request.method == "eth_estimateGas"  # the last before it is signed
        return None

    with nodes.node(two.url, behaves) as node, pytest.raises(BatchIncomplete) as caught:
        two.submit(node.url, count=1)
    (result,) = caught.value.results
    assert isinstance(result, chain.NotAccepted)
    assert (result.state, caught.value.retryable) == (State.PENDING, True), str(result.error)
    assert two.accepted() == [0, 0]
    two.submit(count=1)
    assert two.accepted() == [1, 0]
