"""One effect for each intent, on a real anvil: whatever dies, is cut, dropped, replaced or reorganised on the way.

The counter of ``faults`` takes every ``increment``, so each test can see that nothing was lost and nothing doubled.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from dls_zk.chain import (
    Call,
    Chain,
    Delivery,
    IntentStatus,
    NoContract,
    Receipt,
    Refused,
    Sender,
    Transaction,
    eip1559,
    journal,
    rpc,
    signers,
)
from dls_zk.errors import ChainError, InputError
from dls_zk.solidity.contracts import CompiledContract
from dls_zk.tools import foundry
from tests.support import faults
from tests.support.faults import Errand, World

KEY = ("increment", 1)
DONE = {0: "performed"}
DIED = -9
GWEI = 10**9


@pytest.fixture(scope="module")
def counter() -> CompiledContract:
    return faults.compile_counter()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with foundry.anvil(chain_id=31337, accounts=1) as url:
        yield url


@pytest.fixture
def world(url: str, counter: CompiledContract, tmp_path: Path) -> Iterator[World]:
    with faults.world(url, counter, tmp_path / "journal") as world:
        yield world


def script(*acts: Callable[[], object]) -> Callable[[str, int, int], None]:
    """What happens while a sender waits: at each look that finds nothing to do, the next of these."""
    left = list(acts)

    def act(what: str, done: int, of: int) -> None:
        if what != "waiting for other processes that send" and left:
            left.pop(0)()

    return act


def nothing() -> None:
    pass


# --- when nothing breaks -------------------------------------------------------------------------------------


def test_performed_once_however_often_it_is_asked_for(world: World) -> None:
    mined = faults.require_one(world.sender().perform(KEY, world.call()))
    assert (mined.succeeded, world.count(), world.nonce()) == (True, 1, 1)
    again = world.sender().perform(KEY, world.call())
    assert again == mined and (world.count(), world.nonce()) == (1, 1)
    other = faults.require_one(world.sender().perform(("increment", 2), world.call()))
    assert other.hash != mined.hash and (world.count(), world.nonce()) == (2, 2)


def test_what_the_journal_holds(world: World) -> None:
    mined = faults.require_one(world.sender().perform(KEY, world.call()))
    intent = world.intent(KEY)
    assert (intent.key, intent.sender, intent.nonce) == (KEY, world.account.address, 0)
    assert intent.status is IntentStatus.CONFIRMED
    assert (intent.hash, intent.block_number) == (mined.hash, mined.block)
    assert intent.block_hash == world.chain.block_hash(mined.block)
    (attempt,) = world.attempts(KEY)
    transaction, sender = eip1559.decode(attempt.raw)
    assert sender == world.account.address and attempt.hash == intent.hash
    assert (transaction.to, transaction.data, transaction.nonce) == (world.counter, world.call().data, 0)
    assert transaction.chain_id == 31337
    assert world.folder.stat().st_mode & 0o777 == 0o700
    assert (world.folder / "transactions.sqlite").stat().st_mode & 0o777 == 0o600
    assert not [file for file in world.folder.iterdir() if world.account.key in file.read_bytes()]


def test_fees_leave_room_for_the_base_fee_to_double(world: World) -> None:
    base_wei, tip_wei = world.chain.base_fee_and_tip_wei()
    world.sender().perform(KEY, world.call())
    transaction, _ = eip1559.decode(world.attempts(KEY)[0].raw)
    assert (transaction.max_fee_wei, transaction.tip_wei) == (2 * base_wei + tip_wei, tip_wei)


@pytest.mark.parametrize("over_wei", [-1, 0, 1])
@pytest.mark.parametrize("base_gwei", [1, 7])
def test_the_tip_that_is_believed(world: World, monkeypatch: pytest.MonkeyPatch, base_gwei: int, over_wei: int) -> None:
    """A node may name any: up to 5 gwei, or up to the base fee if that is more, it is paid."""
    most_wei = max(base_gwei, 5) * GWEI
    named = (base_gwei * GWEI, most_wei + over_wei)
    monkeypatch.setattr(Chain, "base_fee_and_tip_wei", lambda on: named)
    world.sender().perform(KEY, world.call())
    transaction, _ = eip1559.decode(world.attempts(KEY)[0].raw)
    assert transaction.tip_wei == min(named[1], most_wei)
    assert transaction.max_fee_wei == 2 * named[0] + transaction.tip_wei


@pytest.mark.parametrize("over_wei", [-1, 0, 1])
def test_the_cap_that_nobody_gave(world: World, monkeypatch: pytest.MonkeyPatch, over_wei: int) -> None:
    """500 gwei, whatever base fee a node names."""
    monkeypatch.setattr(Chain, "base_fee_and_tip_wei", lambda on: (500 * GWEI + over_wei, 10**18))
    if over_wei > 0:
        with pytest.raises(ChainError, match="above the cap of 500000000000 wei"):
            world.sender().perform(KEY, world.call())
        assert (world.count(), world.nonce()) == (0, 0)
    else:
        world.sender().perform(KEY, world.call())
        transaction, _ = eip1559.decode(world.attempts(KEY)[0].raw)
        assert transaction.max_fee_wei == 500 * GWEI and world.count() == 1


@pytest.mark.parametrize("over_wei", [-1, 0, 1])
def test_the_cap_on_fees(world: World, over_wei: int) -> None:
    """Sent if the cap leaves room for the base fee, and then at the cap; else nothing is signed."""
    base_wei, _ = world.chain.base_fee_and_tip_wei()
    sender = world.sender(max_fee_cap_wei=base_wei + over_wei)
    if over_wei < 0:
        with pytest.raises(ChainError, match="above the cap"):
            sender.perform(KEY, world.call())
        assert (world.count(), world.nonce()) == (0, 0)
    else:
        sender.perform(KEY, world.call())
        transaction, _ = eip1559.decode(world.attempts(KEY)[0].raw)
        assert transaction.max_fee_wei == base_wei + over_wei and world.count() == 1


def test_deployment(world: World, counter: CompiledContract) -> None:
    call = Call.deploying(counter)
    mined = faults.require_one(world.sender().perform(("deploy", "Counter"), call))
    address = mined.contract_address
    assert replace(world, counter=address).count() == 0
    again = faults.require_one(world.sender().perform(("deploy", "Counter"), call))
    assert again.contract_address == address and world.nonce() == 1


def test_a_call_that_reverts_is_refused_before_it_is_signed(world: World) -> None:
    with pytest.raises(Refused, match=r"^the contract refused: WrongSequence\(expected=1, given=5\)$"):
        world.sender().perform(KEY, world.call("advance", 5))
    assert world.nonce() == 0
    with pytest.raises(AssertionError):
        world.intent(KEY)


def test_a_call_of_nobody_is_refused(world: World) -> None:
    """It would succeed, and do nothing."""
    with pytest.raises(NoContract, match=f"no contract at {world.account.address} on chain 31337"):
        world.sender().perform(KEY, replace(world.call(), to=world.account.address))
    assert world.nonce() == 0


def test_what_is_done_already_is_not_done_again(world: World) -> None:
    """Whoever did it, and whether or not a journal knows."""
    stranger = Account.create()
    world.fund(stranger)
    world.send_as(stranger, world.call("advance", 1))
    world.mine()
    assert world.sender().perform(KEY, world.call("advance", 1), world.advanced(1)) is None
    assert (world.count(), world.nonce()) == (1, 0)
    world.sender().perform(KEY, world.call("advance", 2), world.advanced(2))
    shutil.rmtree(world.folder)
    assert world.sender().perform(KEY, world.call("advance", 2), world.advanced(2)) is None
    assert (world.count(), world.nonce()) == (2, 1)


@pytest.mark.parametrize("blocks_before", [0, 1, 2])
def test_what_another_did_must_be_deep_enough_too(world: World, blocks_before: int) -> None:
    stranger = Account.create()
    world.fund(stranger)
    world.send_as(stranger, world.call("advance", 1))
    world.mine(blocks_before)
    waited = []

    def mine(what: str, done: int, of: int) -> None:
        if "another transaction did" in what:
            waited.append(what)
            world.mine()

    sender = world.sender(confirmations=3, progress=mine)
    assert sender.perform(KEY, world.call("advance", 1), world.advanced(1)) is None
    assert len(waited) == 2 - blocks_before and world.nonce() == 0


def test_confirmations_are_waited_for(world: World) -> None:
    seen = []

    def watch(what: str, done: int, of: int) -> None:
        if what == "waiting for confirmations":
            seen.append((done, of))
            world.mine()

    mined = faults.require_one(world.sender(confirmations=4, progress=watch).perform(KEY, world.call()))
    assert sorted(set(seen)) == [(1, 4), (2, 4), (3, 4)]
    assert world.chain.block_number() == mined.block + 3


def test_defaults_by_chain(world: World) -> None:
    assert (Delivery.on(world.chain).confirmations, Delivery.on(world.chain).poll_s) == (1, 0.1)
    assert Delivery.on(replace(world.chain, local=False)) == Delivery() and Delivery().confirmations == 12
    assert Delivery.on(world.chain, confirmations=3).confirmations == 3


# --- processes that die --------------------------------------------------------------------------------------------


def errand(world: World, **changes: object) -> Errand:
    values = {"key": KEY, "call": world.call(), "account": bytes(world.account.key)}
    return Errand(world.url, **{"folder": world.folder} | values | changes)  # type: ignore[arg-type]


def die(world: World, since: str, step: int = 0, **changes: object) -> None:
    """A process that performs, killed at a step."""
    assert faults.run([errand(world, since=since, die_at=step, **changes)]) == [DIED], (since, step)


def test_killed_at_every_step(world: World, tmp_path: Path) -> None:
    """From the making of the journal to the record that it is confirmed, until a run lives to its end."""
    for step in range(100):
        at = replace(world, folder=tmp_path / f"journal{step}")
        (ended,) = faults.run([errand(at, die_at=step)])
        assert ended in (DIED, 0), step
        assert at.sender().perform(KEY, world.call()), step
        assert (world.count(), world.nonce()) == (1 + step, 1 + step), step
        if ended == 0:
            break
    assert step >= 25


@pytest.mark.parametrize("then", ["mined", "dropped", "left"])
def test_killed_at_every_step_from_signing_on_before_it_is_mined(world: World, then: str) -> None:
    """And what is in the pool is mined, dropped, or left there until the next run."""
    for step in range(20):
        key = ("increment", step)
        world.rpc("evm_setAutomine", False)
        die(world, "before signing", step, key=key)
        if then == "mined":
            world.mine()
        elif then == "dropped":
            world.rpc("anvil_dropAllTransactions")
        if then != "left":
            world.rpc("evm_setAutomine", True)
        assert world.sender(progress=script(world.mine, world.mine)).perform(key, world.call()), (step, then)
        assert (world.count(), world.nonce()) == (1 + step, 1 + step), (step, then)


def test_killed_and_the_journal_lost(world: World) -> None:
    """The transaction is in the pool and nothing here knows of it: it is waited for, and then it is done."""
    world.rpc("evm_setAutomine", False)
    call = world.call("advance", 1)
    die(world, "after eth_sendRawTransaction", call=call)
    shutil.rmtree(world.folder)
    sender = world.sender(progress=script(nothing, world.mine))
    assert sender.perform(KEY, call, world.advanced(1)) is None
    assert (world.count(), world.nonce()) == (1, 1)


def test_killed_before_it_was_sent_and_then_too_late(world: World) -> None:
    """What would revert by now is not sent: the reason is told, and the nonce is used by what comes next."""
    call = world.call("advance", 1)
    die(world, "before eth_sendRawTransaction", call=call)
    stranger = Account.create()
    world.fund(stranger)
    world.send_as(stranger, call)
    world.mine()
    with pytest.raises(Refused, match=r"WrongSequence\(expected=2, given=1\)"):
        world.sender().perform(KEY, call)
    assert world.intent(KEY).status is IntentStatus.REFUSED and world.nonce() == 0
    assert world.sender().perform(KEY, call, world.advanced(1)) is None
    assert world.sender().perform(("increment", 2), world.call())
    assert (world.count(), world.nonce()) == (2, 1)


def test_eight_processes_with_one_intent(world: World) -> None:
    assert faults.run([errand(world)] * 8) == [0] * 8
    assert (world.count(), world.nonce(), len(world.attempts(KEY))) == (1, 1, 1)


def test_eight_processes_with_an_intent_each(world: World) -> None:
    assert faults.run([errand(world, key=("increment", n)) for n in range(8)]) == [0] * 8
    assert (world.count(), world.nonce()) == (8, 8)
    assert sorted(world.intent(("increment", n)).nonce for n in range(8)) == list(range(8))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bad_day(world: World, seed: int) -> None:
    """Processes die at random, alone and at once; in between the pool is emptied and the newest blocks are undone."""
    rng = random.Random(seed)
    keys = [("increment", n) for n in range(6)]
    for _ in range(12):
        world.rpc("evm_setAutomine", rng.random() < 0.7)
        errands = [errand(world, key=key, die_at=rng.randrange(50)) for key in rng.sample(keys, rng.choice([1, 3]))]
        assert set(faults.run(errands)) <= {0, DIED}
        for happens in rng.sample([world.mine, lambda: world.rpc("anvil_dropAllTransactions"), lambda: reorg(world, 2)], 1):
            happens()
    world.rpc("evm_setAutomine", True)
    for key in keys * 2:
        assert world.sender().perform(key, world.call())
    assert (world.count(), world.nonce()) == (len(keys), len(keys))


# --- a connection that breaks --------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks again without waiting in between."""
    monkeypatch.setattr(rpc, "_PAUSE_S", 0.001)


@pytest.mark.parametrize("where", ["before", "after"])
def test_cut_once_at_any_request(world: World, impatient: None, where: str) -> None:
    """No run fails: reads are asked again, and what became of a transaction is looked up."""
    methods: list[str] = []
    with faults.proxy(world.url, lambda method, n: methods.append(method)) as url:
        sender = world.sender(url)
        methods.clear()
        assert sender.perform(("all",), world.call())
    assert "eth_sendRawTransaction" in methods and len(methods) >= 12
    for cut_at in range(len(methods)):
        key, seen = ("increment", cut_at), []

        def cut(method: str, n: int, at: int = cut_at + 1, seen: list[str] = seen) -> str | None:  # 1: eth_chainId
            seen.append(method)
            return where if n == at else None

        with faults.proxy(world.url, cut) as url:
            assert world.sender(url).perform(key, world.call()), methods[cut_at]
        assert world.count() == 2 + cut_at, methods[cut_at]
        sent = seen.count("eth_sendRawTransaction")
        assert sent == (2 if (methods[cut_at], where) == ("eth_sendRawTransaction", "before") else 1), methods[cut_at]


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_sendRawTransaction", "eth_getTransactionReceipt"])
def test_cut_for_good(world: World, impatient: None, method: str, where: str) -> None:
    """One line says that the same is to be done again; done again, it finds out what happened."""
    gone = False

    def cut(asked: str, n: int) -> str | None:
        nonlocal gone
        gone = gone or asked == method
        return where if gone else None

    with faults.proxy(world.url, cut) as url, pytest.raises(ChainError) as caught:
        world.sender(url).perform(KEY, world.call())
    assert "does not answer; is the node running?" in str(caught.value)
    assert ("run this again" in str(caught.value)) == (method != "eth_estimateGas")
    assert world.sender().perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (1, 1)


def test_answers_that_are_no_answers(world: World, impatient: None) -> None:
    """A gateway that says 502 to the sending, once it has passed it on."""
    with faults.proxy(world.url, lambda method, n: "gateway" if method == "eth_sendRawTransaction" else None) as url:
        assert world.sender(url).perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (1, 1)


def test_a_send_is_never_repeated_by_the_connection(world: World) -> None:
    assert not [method for method in rpc.READS if "send" in method.lower() or "sign" in method.lower()]


# --- what nodes say --------------------------------------------------------------------------------------------------


def test_a_transaction_that_another_node_has_is_sent_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node behind the same URL does not know what another one took: it is sent again, and that is no error."""
    world.rpc("evm_setAutomine", False)
    knows = type(world.chain).knows
    wrong = [False, False, False]
    monkeypatch.setattr(type(world.chain), "knows", lambda on, hash_: knows(on, hash_) and (not wrong or wrong.pop()))
    sent: list[str] = []
    with faults.proxy(world.url, lambda method, n: sent.append(method)) as url:
        sender = world.sender(url, progress=script(nothing, nothing, nothing, nothing, world.mine))
        assert sender.perform(KEY, world.call())
    assert sent.count("eth_sendRawTransaction") == 4 and (world.count(), world.nonce()) == (1, 1)


def test_nonce_too_low(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program takes the nonce between our looking and our sending: ours is signed anew with the next."""
    original = Sender._send

    def overtaken(sender: Sender, attempt: journal.Attempt, watch: object) -> None:
        if world.nonce() == 0:
            world.send_as(world.account, world.call())
            world.mine()
        original(sender, attempt, watch)  # type: ignore[arg-type]

    monkeypatch.setattr(Sender, "_send", overtaken)
    assert world.sender().perform(KEY, world.call())
    assert (world.count(), world.nonce(), world.intent(KEY).nonce) == (2, 2, 1)


def test_outbid_by_another_transaction(world: World) -> None:
    """In the pool a transaction that is not ours takes the place of ours."""
    world.rpc("evm_setAutomine", False)

    def outbid() -> None:
        world.send_as(world.account, world.call(), nonce=0)

    sender = world.sender(progress=script(nothing, outbid, nothing, nothing, world.mine, world.mine, world.mine))
    mined = faults.require_one(sender.perform(KEY, world.call()))
    assert (world.count(), world.nonce(), world.intent(KEY).nonce) == (2, 2, 1)
    assert mined.succeeded


def test_the_replacing_transaction_must_be_deep_enough(world: World) -> None:
    """It is undone before it is: our own bytes are good again, and no second nonce is taken."""
    world.rpc("evm_setAutomine", False)

    def outbid() -> None:
        world.send_as(world.account, world.call(), nonce=0)
        world.mine()

    acts = script(nothing, outbid, nothing, lambda: reorg(world, 1), nothing, world.mine, world.mine, world.mine)
    assert world.sender(confirmations=3, progress=acts).perform(KEY, world.call())
    assert (world.count(), world.nonce(), world.intent(KEY).nonce) == (1, 1, 0)


def test_a_node_that_will_not_take_it(world: World) -> None:
    """No funds. What was signed is kept, the account is not blocked, and later it is done once."""
    world.rpc("anvil_setBalance", world.account.address, "0x1")
    with pytest.raises(Refused, match="(?i)insufficient funds"):
        world.sender().perform(KEY, world.call())
    assert world.intent(KEY).status is IntentStatus.REFUSED
    world.fund(world.account)
    assert world.sender().perform(("increment", 2), world.call())
    assert world.sender().perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (2, 2)


def test_a_node_that_took_it_after_all(world: World) -> None:
    """It refused, and yet the bytes are mined: a second nonce would double the effect."""
    world.rpc("anvil_setBalance", world.account.address, "0x1")
    with pytest.raises(Refused):
        world.sender().perform(KEY, world.call())
    world.fund(world.account)
    world.rpc("eth_sendRawTransaction", "0x" + world.attempts(KEY)[0].raw.hex())
    world.mine()
    assert world.sender().perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (1, 1)


def test_mined_and_reverted(world: World) -> None:
    """A stranger's transaction comes first in the block. Without an effect there is an error, with it there is none."""
    stranger = Account.create()
    world.fund(stranger)
    world.rpc("evm_setAutomine", False)

    def overtake() -> None:
        world.send_as(stranger, world.call("advance", 1))
        world.mine()

    sender = world.sender(progress=script(nothing, overtake))
    with pytest.raises(Refused, match="was mined and reverted"):
        sender.perform(KEY, world.call("advance", 1))
    assert world.intent(KEY).status is IntentStatus.REVERTED and (world.count(), world.nonce()) == (1, 1)
    with pytest.raises(Refused, match="WrongSequence"):
        world.sender().perform(KEY, world.call("advance", 1))
    assert world.sender().perform(KEY, world.call("advance", 1), world.advanced(1)) is None
    world.rpc("evm_setAutomine", True)
    assert world.sender().perform(KEY, world.call("advance", 2), world.advanced(2))
    assert (world.count(), world.nonce()) == (2, 2)


# --- nodes behind one URL that are not equally far ---------------------------------------------------------------------


def hide_receipts(world: World, monkeypatch: pytest.MonkeyPatch, blocks: int) -> list[str]:
    """Receipts come from a node that is some blocks behind; the hashes of those that were asked for in vain."""
    receipt, hidden = Chain.receipt, []

    def behind(on: Chain, hash_: str) -> Receipt | None:
        found = receipt(on, hash_)
        if found and found.block > world.chain.block_number() - blocks:
            hidden.append(hash_)
            return None
        return found

    monkeypatch.setattr(Chain, "receipt", behind)
    return hidden


def mining(world: World) -> Callable[[str, int, int], None]:
    """A block at each look."""
    return script(*[world.mine] * 100)


@pytest.mark.parametrize("confirmations", [1, 3])
def test_receipts_from_a_node_that_is_behind(world: World, monkeypatch: pytest.MonkeyPatch, confirmations: int) -> None:
    """What was mined is not signed again: its receipt is waited for."""
    hidden = hide_receipts(world, monkeypatch, confirmations + 1)
    world.rpc("evm_setAutomine", False)
    assert world.sender(confirmations=confirmations, progress=mining(world)).perform(KEY, world.call())
    world.mine(10)
    assert (world.count(), world.nonce(), len(world.attempts(KEY))) == (1, 1, 1) and len(hidden) >= 2


@pytest.mark.parametrize("confirmations", [1, 3])
def test_receipts_that_never_come(world: World, monkeypatch: pytest.MonkeyPatch, confirmations: int) -> None:
    hide_receipts(world, monkeypatch, 1000)
    sender = world.sender(confirmations=confirmations, give_up_after_s=1, progress=mining(world))
    with pytest.raises(ChainError, match="nonce 0 of 0x.* is used, and .* answers do not fit together yet; ask again"):
        sender.perform(KEY, world.call())
    assert world.intent(KEY).status is IntentStatus.PENDING and world.count() == 1
    monkeypatch.undo()
    assert world.sender().perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (1, 1)


def test_blocks_from_a_node_that_is_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another transaction took the nonce. It counts once its block is seen, and not before."""
    world.rpc("evm_setAutomine", False)
    look, looks = Chain.transaction_in, []

    def seldom(on: Chain, number: int, sender: str, nonce: int) -> str | None:
        looks.append(number)
        return look(on, number, sender, nonce) if len(looks) > 2 else None

    monkeypatch.setattr(Chain, "transaction_in", seldom)

    def outbid() -> None:
        taken.append(world.send_as(world.account, world.call(), nonce=0))
        world.mine()

    taken: list[str] = []
    sender = world.sender(progress=script(nothing, outbid, *[world.mine] * 10))
    assert sender.perform(KEY, world.call())
    assert (world.count(), world.nonce(), world.intent(KEY).nonce) == (2, 2, 1)
    assert len(looks) == 3 and look(world.chain, looks[-1], world.account.address, 0) == taken[0]


@pytest.mark.parametrize("blocks", [*range(10), 40])
def test_what_took_a_nonce_is_found_in_its_block(world: World, blocks: int) -> None:
    """However many blocks ago, among others of the account before and after, and of other accounts in the block."""
    stranger = Account.create()
    world.fund(stranger)
    world.rpc("evm_setAutomine", False)
    sent = []
    for nonce in range(4):
        sent.append(world.send_as(world.account, world.call(), nonce=nonce))
        world.send_as(stranger, world.call(), nonce=nonce)
        if nonce != 1:  # 1 and 2 are in one block
            world.mine()
    world.mine(blocks)
    sender, last = world.sender(), world.chain.block_number()
    assert [sender._taken_by(nonce, last) for nonce in range(5)] == [*sent, None]
    assert sender._taken_by(3, last - blocks) == sent[3] and sender._taken_by(3, last - blocks - 1) is None
    assert world.chain.transaction_in(last + 1, world.account.address, 3) is None


def test_a_confirmed_block_that_a_node_does_not_have_yet(world: World) -> None:
    """A node that is behind is no reorganisation: nothing is opened again, and nothing sent."""
    world.sender().perform(KEY, world.call())
    confirmed = world.intent(KEY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chain, "block_hash", lambda on, number: None)
        with pytest.raises(ChainError, match=f"does not have the block of {confirmed.hash} yet; ask again"):
            world.sender().perform(KEY, world.call())
    assert world.intent(KEY) == confirmed and (world.count(), world.nonce()) == (1, 1)
    assert world.sender().perform(KEY, world.call()) and world.nonce() == 1


def test_refused_by_one_node_and_mined_by_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receipt is late: that the nonce is used is enough to look for what used it, and to find it is our own."""
    world.rpc("anvil_setBalance", world.account.address, "0x1")
    with pytest.raises(Refused):
        world.sender().perform(KEY, world.call())
    world.fund(world.account)
    world.rpc("eth_sendRawTransaction", "0x" + world.attempts(KEY)[0].raw.hex())
    hidden = hide_receipts(world, monkeypatch, 3)
    assert world.sender(progress=mining(world)).perform(KEY, world.call())
    assert (world.count(), world.nonce(), len(world.attempts(KEY))) == (1, 1, 1) and hidden


# --- pools and nonces ------------------------------------------------------------------------------------------------


def test_dropped_from_the_pool(world: World) -> None:
    """The same bytes go out again."""
    world.rpc("evm_setAutomine", False)

    def drop() -> None:
        assert world.rpc("anvil_dropTransaction", world.intent(KEY).hash)

    acts = script(nothing, drop, nothing, drop, nothing, world.mine)
    mined = faults.require_one(world.sender(progress=acts).perform(KEY, world.call()))
    assert len(world.attempts(KEY)) == 1 and world.attempts(KEY)[0].hash == mined.hash
    assert (world.count(), world.nonce()) == (1, 1)


def test_a_gap_that_our_own_dropped_transaction_left(world: World) -> None:
    """The next intent first brings the earlier one on its way, whose process died."""
    world.rpc("evm_setAutomine", False)
    die(world, "after eth_sendRawTransaction")
    world.rpc("anvil_dropAllTransactions")
    world.rpc("evm_setAutomine", True)
    assert world.sender().perform(("increment", 2), world.call())
    assert world.intent(KEY).status is IntentStatus.CONFIRMED and world.count() == 2
    assert world.sender().perform(KEY, world.call()) and (world.count(), world.nonce()) == (2, 2)


def test_a_strangers_transaction_is_waited_for(world: World) -> None:
    """No nonce is taken behind a transaction that is not ours: were it dropped, ours would hang."""
    world.rpc("evm_setAutomine", False)
    world.send_as(world.account, world.call())
    sender = world.sender(progress=script(nothing, nothing, world.mine, nothing, world.mine))
    assert sender.perform(KEY, world.call())
    assert (world.count(), world.nonce(), world.intent(KEY).nonce) == (2, 2, 1)
    world.send_as(world.account, world.call())
    drop = script(nothing, lambda: world.rpc("anvil_dropAllTransactions"), nothing, world.mine)
    assert world.sender(progress=drop).perform(("increment", 2), world.call())
    assert (world.count(), world.nonce()) == (3, 3)
    world.send_as(world.account, world.call())
    with pytest.raises(ChainError, match="with nonce 3 that is not in the journal"):
        world.sender(give_up_after_s=0.5).perform(("increment", 3), world.call())
    assert (world.count(), world.nonce()) == (3, 3)


def test_a_gap_that_somebody_else_left(world: World) -> None:
    """Below ours a transaction that is not in the journal is undone and gone: only its owner can fill the gap."""
    world.send_as(world.account, world.call())
    world.mine()
    acts = script(nothing, lambda: reorg(world, 3))
    with pytest.raises(ChainError, match="nonce 0 of 0x.* is free again"):
        world.sender(confirmations=3, give_up_after_s=0.5, progress=acts).perform(KEY, world.call())
    assert world.count() == 0
    world.send_as(world.account, world.call())
    assert world.sender().perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (2, 2)


def raise_base_fee(world: World) -> None:
    """The next block takes ten times as much as what is on its way offers."""
    offered, _ = eip1559.decode(world.attempts(KEY)[-1].raw)
    world.rpc("anvil_setNextBlockBaseFeePerGas", hex(10 * offered.max_fee_wei))
    world.mine()


def test_stuck_and_replaced(world: World) -> None:
    """The base fee leaves it behind: the same nonce and call with more to pay, as often as it takes."""
    world.rpc("evm_setAutomine", False)
    acts = script(nothing, lambda: raise_base_fee(world), *[nothing] * 20, world.mine)
    mined = faults.require_one(world.sender(stuck_after_s=0.2, progress=acts).perform(KEY, world.call()))
    first, *others = [eip1559.decode(attempt.raw)[0] for attempt in world.attempts(KEY)]
    assert mined.hash in [attempt.hash for attempt in world.attempts(KEY)[1:]]
    for before, after in zip([first, *others], others, strict=False):
        assert after == replace(before, max_fee_wei=after.max_fee_wei, tip_wei=after.tip_wei)
        assert 8 * after.max_fee_wei >= 9 * before.max_fee_wei and 8 * after.tip_wei >= 9 * before.tip_wei
    assert (world.count(), world.nonce()) == (1, 1)


def test_stuck_below_the_cap(world: World) -> None:
    """No more than the cap is offered; a later run with a higher one replaces it."""
    world.rpc("evm_setAutomine", False)
    base_wei, tip_wei = world.chain.base_fee_and_tip_wei()
    cap_wei = 3 * base_wei + tip_wei
    acts = script(nothing, lambda: raise_base_fee(world))
    sender = world.sender(stuck_after_s=0.1, give_up_after_s=1, max_fee_cap_wei=cap_wei, progress=acts)
    with pytest.raises(ChainError, match="no news for 1 s; transaction 0x.* may be mined all the same: run this again"):
        sender.perform(KEY, world.call())
    fees = [eip1559.decode(attempt.raw)[0].max_fee_wei for attempt in world.attempts(KEY)]
    assert max(fees) <= cap_wei and world.count() == 0
    acts = script(*[nothing] * 12, world.mine)
    assert world.sender(stuck_after_s=0.1, progress=acts).perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (1, 1)


def test_an_earlier_attempt_is_mined_after_it_was_replaced(world: World) -> None:
    """Another node's pool had the first one. Whichever it is, it is the one effect.

    The call is one that reverts the second time: with the first attempt in the pool, the second is not to be simulated.
    """
    world.rpc("evm_setAutomine", False)

    def first_wins() -> None:
        first, second = world.attempts(KEY)
        world.rpc("anvil_dropTransaction", second.hash)
        world.rpc("eth_sendRawTransaction", "0x" + first.raw.hex())
        world.mine()

    def mine_when_replaced(what: str, done: int, of: int) -> None:
        attempts = world.attempts(KEY) if what == "waiting to be mined" else []
        if len(attempts) == 2 and world.chain.knows(attempts[1].hash):
            first_wins()

    sender = world.sender(stuck_after_s=0.3, progress=mine_when_replaced)
    mined = faults.require_one(sender.perform(KEY, world.call("advance", 1)))
    assert mined.hash == world.attempts(KEY)[0].hash == world.intent(KEY).hash
    assert (world.count(), world.nonce()) == (1, 1)


# --- reorganisations ---------------------------------------------------------------------------------------------------


def reorg(world: World, depth: int, *transactions: tuple[str, int]) -> None:
    """Replace the newest blocks by others, with these raw transactions in the blocks counted from the oldest one."""
    world.rpc("anvil_reorg", depth, [list(transaction) for transaction in transactions])


@pytest.mark.parametrize("depth", [1, 2])
def test_undone_before_it_was_deep_enough(world: World, depth: int) -> None:
    world.rpc("evm_setAutomine", False)
    mine = world.mine
    acts = script(nothing, *[mine] * depth, lambda: reorg(world, depth), nothing, mine, mine, mine)
    mined = faults.require_one(world.sender(confirmations=3, progress=acts).perform(KEY, world.call()))
    assert len(world.attempts(KEY)) == 1 and (world.count(), world.nonce()) == (1, 1)
    assert world.intent(KEY).block_hash == world.chain.block_hash(mined.block)


def test_moved_to_another_block(world: World) -> None:
    """The recorded block is gone, and the transaction is in another one."""
    mined = faults.require_one(world.sender().perform(KEY, world.call()))
    world.mine(2)
    reorg(world, 3, ("0x" + world.attempts(KEY)[0].raw.hex(), 1))
    moved = faults.require_one(world.sender().perform(KEY, world.call()))
    assert (moved.hash, moved.block) == (mined.hash, mined.block + 1)
    assert world.intent(KEY).block_number == moved.block and (world.count(), world.nonce()) == (1, 1)


@pytest.mark.parametrize("by", ["anvil_reorg", "anvil_rollback", "evm_revert"])
def test_undone_after_it_was_confirmed(world: World, by: str) -> None:
    """Two intents are undone. Performing the second brings both back, with their nonces and bytes, in order."""
    first, second = ("increment", 1), ("increment", 2)
    snapshot = world.rpc("evm_snapshot")
    before = [faults.require_one(world.sender().perform(key, world.call())) for key in (first, second)]
    assert world.count() == 2
    undo = {"anvil_reorg": (2, []), "anvil_rollback": (2,), "evm_revert": (snapshot,)}
    world.rpc(by, *undo[by])
    assert (world.count(), world.nonce()) == (0, 0)
    after = faults.require_one(world.sender().perform(second, world.call()))
    assert after.hash == before[1].hash
    assert world.intent(first).hash == before[0].hash and world.intent(first).status is IntentStatus.CONFIRMED
    assert world.intent(second).block_hash == world.chain.block_hash(after.block)
    assert world.sender().perform(first, world.call()) and (world.count(), world.nonce()) == (2, 2)


def test_undone_and_the_nonce_taken_by_another(world: World) -> None:
    """Its own bytes are worthless: it is signed anew."""
    mined = faults.require_one(world.sender().perform(KEY, world.call()))
    reorg(world, 1)
    world.send_as(world.account, world.call())
    world.mine()
    again = faults.require_one(world.sender().perform(KEY, world.call()))
    assert again.hash != mined.hash
    assert (world.count(), world.nonce(), world.intent(KEY).nonce) == (2, 2, 1)


def test_undone_and_then_done_by_another(world: World) -> None:
    stranger = Account.create()
    world.fund(stranger)
    world.mine()
    world.sender().perform(KEY, world.call("advance", 1), world.advanced(1))
    reorg(world, 1)
    world.send_as(stranger, world.call("advance", 1))
    world.mine()
    assert world.sender().perform(KEY, world.call("advance", 1), world.advanced(1)) is None
    assert (world.count(), world.nonce()) == (1, 0)


# --- accounts, chains, disks, signers ----------------------------------------------------------------------------------


def test_an_intent_stays_with_the_account_that_began_it(world: World) -> None:
    other = replace(world, account=Account.create())
    other.fund(other.account)
    die(world, "before eth_sendRawTransaction")
    with pytest.raises(ChainError, match=f"{world.account.address} has begun this"):
        other.sender().perform(KEY, world.call())
    assert other.sender().perform(KEY, world.call(), lambda block: True) is None
    assert other.nonce() == 0
    mined = world.sender().perform(KEY, world.call())
    assert other.sender().perform(KEY, world.call()) == mined
    assert (world.count(), world.nonce(), other.nonce()) == (1, 1, 0)


def test_chains_of_the_same_id_are_told_apart(world: World, counter: CompiledContract) -> None:
    """A development chain that was started anew has nothing of what the journal knows of the old one."""
    mined = faults.require_one(world.sender().perform(KEY, world.call()))
    with foundry.anvil(chain_id=31337, accounts=1, timestamp=1) as url, faults.world(url, counter, world.folder) as other:
        other = replace(other, account=world.account)
        other.fund(other.account)
        anew = faults.require_one(other.sender().perform(KEY, other.call()))
        assert (other.count(), other.nonce()) == (1, 1) and anew.block_hash != mined.block_hash
    assert world.sender().perform(KEY, world.call()) == mined


def test_the_disk_is_full(world: World) -> None:
    """Whatever the journal can still write: nothing is sent that it does not hold, and later it is done once."""
    ended = []
    for n, limit in enumerate(range(0, 72_000, 4_096)):
        key = ("increment", n)
        (code,) = faults.run([errand(world, key=key, file_limit=limit)])
        ended.append(code)
        assert code == 3 or (code == 0 and world.count() == n + 1), limit
        assert world.sender().perform(key, world.call()), limit
        assert (world.count(), world.nonce()) == (n + 1, n + 1), limit
    assert set(ended) == {0, 3}


def test_a_journal_that_cannot_be_used(world: World) -> None:
    world.folder.mkdir(mode=0o700)
    path = world.folder / "transactions.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match=r"transactions.sqlite: the journal cannot be used \(file is not a database\)"):
        world.sender().perform(KEY, world.call())
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match="transactions.sqlite: cannot be opened: Is a directory"):
        world.sender().perform(KEY, world.call())
    assert world.nonce() == 0


@pytest.mark.parametrize("refuses", ["at first", "to replace"])
def test_a_signer_that_refuses(world: World, refuses: str) -> None:
    """Nothing is sent that it did not sign; what it signed before is still on its way."""

    class Tired(signers.KeySigner):
        def sign(self, transaction: Transaction) -> bytes:
            if refuses == "at first" or signed:
                raise ChainError("the signer says no")
            signed.append(transaction)
            return super().sign(transaction)

    signed: list[Transaction] = []
    world.rpc("evm_setAutomine", False)
    sender = replace(world.sender(stuck_after_s=0.1), signer=Tired(world.account))
    with pytest.raises(ChainError, match="the signer says no"):
        sender.perform(KEY, world.call())
    world.rpc("evm_setAutomine", True)
    world.mine()
    assert world.count() == len(signed)
    assert world.sender().perform(KEY, world.call())
    assert (world.count(), world.nonce()) == (1, 1)


def test_it_is_quick_on_a_local_chain(world: World) -> None:
    """One look before it is sent, and few after: anvil mines at once."""
    methods: list[str] = []
    with faults.proxy(world.url, lambda method, n: methods.append(method)) as url:
        assert world.sender(url).perform(KEY, world.call())
    assert len(methods) < 40 and methods.count("eth_sendRawTransaction") == 1


def test_two_senders_in_one_process(world: World) -> None:
    """Threads queue as processes do."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        mined = list(pool.map(lambda n: world.sender(world.url).perform(("increment", n % 2), world.call()), range(4)))
    assert len({faults.require_one(one).hash for one in mined}) == 2
    assert (world.count(), world.nonce()) == (2, 2)
