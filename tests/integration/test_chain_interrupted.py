"""A command that was cut off after it sent, and runs again after another command of its account: it finds what it sent.

Each case is cut off at the moment that the node has its transaction. Another command of the account then ends what is open,
as any command does; the first one, run again, must find its own transaction and send nothing. Once that was told, the same
call is a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dls_zk import chain
from dls_zk.chain import Sender, ShareToken
from dls_zk.chain.deployment import create, deploy
from dls_zk.chain.transactions import End
from dls_zk.statement.ethereum import keccak256
from tests.support import faults
from tests.support import market as markets
from tests.support.market import Market, mint, open_share, rpc, settle

ONE = 10**6


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


@dataclass(frozen=True)
class Scene:
    market: Market
    share: ShareToken

    @property
    def hub(self) -> chain.Hub:
        return self.market.protocol.hub

    @property
    def vault(self) -> bytes:
        return self.share.vault

    @property
    def operator(self) -> Sender:
        return self.market.people[1]

    @property
    def holder(self) -> Sender:
        return self.market.people[2]

    def loosened(self) -> bytes:
        """A mandate that loosens the vault's."""
        old = self.hub.mandate(self.hub.state(self.vault).mandate)
        return self.hub.add_mandate(self.market.owner, replace(old, grace_s=old.grace_s + 1))

    def ordered(self) -> None:
        self.share.request(self.holder, self.hub, "deposit", 100 * ONE)


@pytest.fixture
def scene(market: Market, request: pytest.FixtureRequest) -> Scene:
    share = open_share(market, market.people[1], request.node.name)
    for who in market.people[1:3]:
        mint(market, share, who.address, 1_000 * ONE)
        share.asset.approve(who, share.address, 500 * ONE)
    return Scene(market, share)


#: Who acts, what is run, and what running it once more means: it "sends", is "refused", or does "nothing".
Case = tuple[Sender, Callable[[Sender], object], str]


def _deposit(at: Scene) -> Case:
    return at.holder, lambda who: at.share.request(who, at.hub, "deposit", 100 * ONE, label="x"), "nothing"


def _claim(at: Scene) -> Case:
    at.ordered()
    settle(at.market, at.share, at.operator)
    (order,) = at.share.orders(at.holder.address)

    def run(who: Sender) -> None:
        for one in at.share.interrupted_claims(who, who.address, who.address) or [order]:
            at.share.claim(who, one, who.address, who.address)

    return at.holder, run, "refused"


def _cancel(at: Scene) -> Case:
    at.ordered()
    (order,) = at.share.orders(at.holder.address)
    return at.holder, lambda who: at.share.cancel(who, "deposit", order.id, who.address), "refused"


def _transfer(at: Scene) -> Case:
    at.ordered()
    (order,) = at.share.orders(at.holder.address)
    heir = at.market.people[3].address
    return at.holder, lambda who: at.share.transfer(who, "deposit", order.id, who.address, heir), "refused"


def _settle(at: Scene) -> Case:
    at.ordered()
    settle(at.market, at.share, at.operator)
    return at.holder, at.share.settle, "sends"


def _contribute(at: Scene) -> Case:
    at.ordered()
    settle(at.market, at.share, at.operator)
    return at.operator, lambda who: at.share.contribute(who, at.hub, 10 * ONE), "nothing"


def _draw(at: Scene) -> Case:
    at.ordered()
    settle(at.market, at.share, at.operator)
    return at.operator, lambda who: at.share.move(who, at.hub, 10 * ONE), "nothing"


def _announce(at: Scene) -> Case:
    settle(at.market, at.share, at.operator, nav_floor=10**6)
    return at.operator, lambda who: at.hub.announce_write_down(who, at.vault, 7), "nothing"


def _propose(at: Scene) -> Case:
    name = at.loosened()
    return at.operator, lambda who: at.hub.propose_mandate(who, at.vault, name), "nothing"


def _withdraw(at: Scene) -> Case:
    at.hub.propose_mandate(at.operator, at.vault, at.loosened())
    return at.operator, lambda who: at.hub.mark(who, at.vault, "withdrawMandate"), "refused"


def _activate(at: Scene) -> Case:
    name = at.loosened()
    settle(at.market, at.share, at.operator)
    at.hub.propose_mandate(at.operator, at.vault, name)
    rpc(at.market.chain, "evm_increaseTime", 86_401)
    rpc(at.market.chain, "evm_mine")
    return at.holder, lambda who: at.hub.activate_mandate(who, at.vault, name), "nothing"


def _collect(at: Scene) -> Case:
    return at.operator, lambda who: at.share.collect_fees(who, who.address), "sends"


def _create(at: Scene) -> Case:
    artifact = at.market.protocol.contracts["DevAsset"]
    return at.holder, lambda who: create(who, artifact, at.share.address[2:8], "C"), "nothing"


def _snapshot(at: Scene) -> Case:
    at.market.snapshot()
    rpc(at.market.chain, "evm_increaseTime", 2)
    rpc(at.market.chain, "evm_mine")
    return at.holder, lambda who: at.market.protocol.oracle.take_snapshot(who, at.market.feed_set), "sends"


MAKERS = (
    *(_deposit, _claim, _cancel, _transfer, _settle, _contribute, _draw, _announce),
    *(_propose, _withdraw, _activate, _collect, _create, _snapshot),
)


def cut_off(who: Sender, run: Callable[[Sender], object], monkeypatch: pytest.MonkeyPatch, at: int = 1) -> str:
    """Run until the node has the transaction with this number of those that it sends; its hash."""
    sent, send = [], chain.Chain.send

    def killed(self: chain.Chain, raw: bytes) -> None:
        send(self, raw)
        sent.append("0x" + keccak256(raw).hex())
        if len(sent) == at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(chain.Chain, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            run(replace(who, ends=[]))
    return sent[-1]


def other_command(at: Scene, who: Sender) -> None:
    """Of the same account: it ends what is open, first of all."""
    at.share.asset.approve(replace(who, ends=[]), at.market.people[3].address, 10**20 + at.market.chain.block_number())
    with chain.journal.opened(who.folder, at.market.chain.genesis_hash()) as journal:
        assert not journal.unsettled(who.address, at.market.chain.transaction_count(who.address))


def run_again(who: Sender, run: Callable[[Sender], object]) -> list[End]:
    """The ends of a run that says them."""
    ends: list[End] = []
    telling = replace(who, ends=ends)
    run(telling)
    telling.report()
    return ends


@pytest.mark.parametrize("between", [True, False], ids=["another command between", "at once"])
@pytest.mark.parametrize("make", MAKERS, ids=[make.__name__[1:] for make in MAKERS])
def test_a_command_that_was_cut_off_finds_its_transaction(
    scene: Scene, make: Callable[[Scene], Case], between: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, run, once_more = make(scene)
    count = scene.market.chain.transaction_count
    hash = cut_off(who, run, monkeypatch)
    if between:
        other_command(scene, who)
    before = count(who.address)
    # It does not matter how often it is cut off: as long as it has not told its end, it finds it.
    for _ in range(2):
        silent: list[End] = []
        run(replace(who, ends=silent))
        assert [(end.mined.hash, end.found) for end in silent] == [(hash, True)]
    assert [(end.mined.hash, end.found) for end in run_again(who, run)] == [(hash, True)]
    assert count(who.address) == before, "sent twice"

    if once_more == "refused":
        with pytest.raises(chain.Refused):
            run_again(who, run)
    else:
        rpc(scene.market.chain, "evm_increaseTime", 2)
        rpc(scene.market.chain, "evm_mine")
        run_again(who, run)
    assert count(who.address) == before + (once_more == "sends"), "two that were told are two, as far as two can be"


def test_what_was_ordered_is_found_after_a_proof_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order and a contribution are one between two rebalances; one that was cut off is found after the next, and then
    an equal one is another."""
    for who, run in ((make(scene)[0], make(scene)[1]) for make in (_deposit, _contribute, _draw)):
        hash = cut_off(who, run, monkeypatch)
        other_command(scene, who)
        settle(scene.market, scene.share, scene.operator)
        assert [(end.mined.hash, end.found) for end in run_again(who, run)] == [(hash, True)]
        before = scene.market.chain.transaction_count(who.address)
        (end,) = [end for end in run_again(who, run) if not end.found]
        assert scene.market.chain.transaction_count(who.address) == before + 1 and end.mined.hash != hash


def test_a_write_down_that_was_used_meanwhile_is_not_announced_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    who, run, _ = _announce(scene)
    hash = cut_off(who, run, monkeypatch)
    settle(scene.market, scene.share, scene.operator, nav_floor=10**6 - 7)
    assert scene.hub.state(scene.vault).last_write_down and not scene.hub.write_down(scene.vault).nav_steps
    assert [(end.mined.hash, end.found) for end in run_again(who, run)] == [(hash, True)]
    assert not scene.hub.write_down(scene.vault).nav_steps


def test_a_deposit_that_was_cut_off_is_not_approved_twice(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(who: Sender) -> None:
        scene.share.request(who, scene.hub, "deposit", 700 * ONE)

    who = scene.holder
    before = scene.market.chain.transaction_count(who.address)
    approved = cut_off(who, run, monkeypatch)
    other_command(scene, who)
    ordered = cut_off(who, run, monkeypatch)
    other_command(scene, who)
    assert [end.mined.hash for end in run_again(who, run)] == [ordered] != [approved]
    assert scene.market.chain.transaction_count(who.address) == before + 4, "two of its own, two of the others"
    assert scene.share.asset.read("allowance", who.address, scene.share.address) == 0
    # An approval that was used up is no reason not to approve the next one.
    run_again(who, lambda who: scene.share.request(who, scene.hub, "deposit", 300 * ONE, label="next"))


def test_a_pause_that_is_over_is_no_answer_to_a_guardian(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, guardian = scene.hub, scene.holder
    owner = scene.market.owner
    vault = hub.open_vault(owner, "paused", hub.state(scene.vault).mandate, owner.address, guardian.address)
    hash = cut_off(guardian, lambda who: hub.mark(who, vault, "pause"), monkeypatch)
    assert [end.mined.hash for end in run_again(guardian, lambda who: hub.mark(who, vault, "pause"))] == [hash]
    hub.mark(guardian, vault, "unpause")
    other = hub.open_vault(owner, "paused as well", hub.state(scene.vault).mandate, owner.address, guardian.address)
    cut_off(guardian, lambda who: hub.mark(who, other, "pause"), monkeypatch)
    hub.mark(guardian, other, "unpause")
    with pytest.raises(chain.Refused):  # asked for anew, and once between two rebalances only
        run_again(guardian, lambda who: hub.mark(who, other, "pause"))


def test_what_was_undone_once_is_undone_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was cut off, and never run again, is no answer to another that undoes what came later."""
    hub, owner, guardian, on = scene.hub, scene.market.owner, scene.holder, scene.market.chain
    looser = scene.loosened()
    vault = hub.open_vault(owner, "undone", hub.state(scene.vault).mandate, owner.address, guardian.address)

    def requires(who: Sender, function: str, waits: Callable[[], object], begin: Callable[[], object]) -> None:
        begin()
        cut_off(who, lambda who: hub.mark(who, vault, function), monkeypatch)
        other_command(scene, who)
        assert not waits()
        begin()
        assert waits()
        (end,) = run_again(who, lambda who: hub.mark(who, vault, function))
        assert not end.found and not waits()

    def propose() -> None:
        hub.act(owner, "proposeMandate", vault, looser, once=(on.block_number(),))

    def announce() -> None:
        rpc(on, "evm_increaseTime", 16 * 86_400)
        rpc(on, "evm_mine")
        hub.act(owner, "announceWriteDown", vault, 7, once=(on.block_number(),))

    requires(owner, "withdrawMandate", lambda: hub.proposal(vault), propose)
    requires(owner, "withdrawWriteDown", lambda: hub.write_down(vault).nav_steps, announce)


def test_an_approval_is_of_the_write_down_that_waits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, owner, guardian, on = scene.hub, scene.market.owner, scene.holder, scene.market.chain
    vault = hub.open_vault(owner, "approved", hub.state(scene.vault).mandate, owner.address, guardian.address)

    def approve(who: Sender) -> None:
        hub.approve_write_down(who, vault, 7)

    def announce() -> None:
        hub.act(owner, "announceWriteDown", vault, 7, once=(on.block_number(),))
        assert hub.write_down(vault).usable_from > on.now()

    announce()
    hash = cut_off(guardian, approve, monkeypatch)
    other_command(scene, guardian)
    ends: list[End] = []
    approve(replace(guardian, ends=ends))
    assert [(end.mined.hash, end.found) for end in ends] == [(hash, True)]
    rpc(on, "evm_increaseTime", 32 * 86_400)
    rpc(on, "evm_mine")
    announce()
    (end,) = run_again(guardian, approve)
    assert not end.found and hub.write_down(vault).usable_from <= on.now()


def test_a_deployment_goes_on_from_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off at each of its transactions, with another command of the account after each."""
    from dls_zk.tools import foundry

    with foundry.anvil(chain_id=31337, accounts=1) as url:
        on = chain.connect(url)
        owner = markets.sender(on, url, on.accounts()[0], tmp_path)
        artifact, key = faults.compile_counter(), markets.checked_key(markets.trapdoor())
        steps, others = 0, 0
        while True:
            try:
                cut_off(owner, lambda who: deploy(who, [key]), monkeypatch)
            except pytest.fail.Exception:  # nothing was left to send
                break
            steps += 1
            create(owner, artifact) if not others else create(
                owner, replace(artifact, bytecode=artifact.bytecode + "00" * others)
            )
            others += 1
        assert steps == on.transaction_count(owner.address) - others and steps >= 6
        deployment = deploy(owner, [key])
        first = min(on.receipt(hash).block for hash in deployment.created.values())  # type: ignore[union-attr]
        assert deployment.block == first - 1, "what happened between would not be found"
