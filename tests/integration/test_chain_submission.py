"""Submitting: one and many, each accepted exactly once, and nothing sent that the hub would not take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dls_zk import chain, files
from dls_zk.audit.simulator import Trapdoor
from dls_zk.chain import BatchIncomplete, NotAccepted, Outcome, Question, Sender, Submission, submission
from dls_zk.chain.transactions import Delivery
from dls_zk.errors import InputError, NodeUnreachable, ProofInvalid
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.commitments import book_commitment
from dls_zk.statement.model import KeptOpening, Opening
from tests.support import market as markets
from tests.support.market import Market, Rebalance, Vault, rpc


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


@pytest.fixture
def vaults(market: Market, request: pytest.FixtureRequest) -> list[Vault]:
    return [market.open(f"{request.node.name} {k}", market.people[1]) for k in range(4)]


def rebalances(vaults: list[Vault], first: int = 1000) -> list[Rebalance]:
    """The next rebalance of each vault, all at one snapshot and for one deadline."""
    market = vaults[0].market
    snapshot, deadline = market.snapshot(), market.chain.now() + 3600
    return [vault.rebalance(snapshot, after=first + k, deadline=deadline) for k, vault in enumerate(vaults)]


def written(found: list[Rebalance], folder: Path) -> list[Submission]:
    return [rebalance.submission(folder / f"r{k}") for k, rebalance in enumerate(found)]


def submit(market: Market, submissions: list[Submission], sender: Sender | None = None) -> list[Outcome]:
    vk = market.trapdoor.verifying_key  # whose proofs lead to commitments that nothing opens
    return chain.submit(market.protocol, sender or market.people[1], submissions, vk, without_opening=True)


def sequences(vaults: list[Vault]) -> list[int]:
    return [vault.market.protocol.hub.state(vault.id).sequence for vault in vaults]


# --- accepted ---------------------------------------------------------------------------------------------------


def test_one(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    (one, *_) = found = written(rebalances(vaults), tmp_path)
    (outcome,) = submit(market, [one])
    assert (outcome.submission, outcome.before, outcome.shared_by) == (one, False, 1)
    assert outcome.gas_used and outcome.accepted.sequence == 1 and outcome.accepted.commitment_after == 1000
    assert sequences(vaults) == [1, 0, 0, 0]
    sent = market.chain.transaction_count(market.people[1].address)
    (again,) = submit(market, [one])
    assert (again.accepted, again.before, again.gas_used) == (outcome.accepted, True, None)
    assert market.chain.transaction_count(market.people[1].address) == sent
    assert len(found) == 4


def test_many_in_one_transaction(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    found = written(rebalances(vaults), tmp_path)
    submit(market, found[1:2])
    outcomes = submit(market, found)
    assert [outcome.submission for outcome in outcomes] == found
    assert [outcome.before for outcome in outcomes] == [False, True, False, False]
    assert len({outcome.accepted.transaction for outcome in outcomes}) == 2
    assert [outcome.shared_by for outcome in outcomes] == [3, 1, 3, 3]
    assert sequences(vaults) == [1, 1, 1, 1]
    assert all(outcome.before for outcome in submit(market, found))


def test_different_deadlines_go_apart(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    snapshot, now = market.snapshot(), market.chain.now()
    found = [vault.rebalance(snapshot, deadline=now + 3600 + k // 2) for k, vault in enumerate(vaults)]
    outcomes = submit(market, written(found, tmp_path))
    assert [outcome.shared_by for outcome in outcomes] == [2, 2, 2, 2]
    assert len({outcome.accepted.transaction for outcome in outcomes}) == 2


def test_a_batch_takes_half_a_block_at_most(
    market: Market, vaults: list[Vault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a gas limit of the block that half the batch fits into, and the whole one does not."""
    found = written(rebalances(vaults), tmp_path)
    group = (market.mandate.key, found[0].context.round, found[0].context.deadline)
    operator = market.people[1]

    def gas(count: int) -> int:
        call = submission._call(market.protocol, group, found[:count])
        return market.chain.gas_limit(Question(call.to, call.data, operator.address), call.abi)

    for limit, parts in ((2 * gas(4), 1), (2 * gas(4) - 1, 2)):
        monkeypatch.setattr(type(market.chain), "block_gas_limit", lambda _, limit=limit: limit)
        chunks = list(submission._chunks(market.protocol, operator, group, found))
        assert len(chunks) == parts and sum(chunks, []) == found
    outcomes = submit(market, found)
    assert [outcome.shared_by for outcome in outcomes] == [2, 2, 2, 2] and sequences(vaults) == [1, 1, 1, 1]


def test_a_batch_takes_no_more_than_a_transaction_may(
    market: Market, vaults: list[Vault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2^24 gas (EIP-7825), with the margin, however large the block is."""
    found = written(rebalances(vaults), tmp_path)
    group = (market.mandate.key, found[0].context.round, found[0].context.deadline)
    monkeypatch.setattr(type(market.chain), "block_gas_limit", lambda _: 10**9)
    whole = submission._call(market.protocol, group, found).data
    for needed, parts in ((2**24 - 1, 1), (2**24, 1), (2**24 + 1, 2)):

        def gas_limit(_: object, asked: Question, __: object, needed: int = needed) -> int:
            return needed if asked.data == whole else needed // 2

        monkeypatch.setattr(type(market.chain), "gas_limit", gas_limit)
        chunks = list(submission._chunks(market.protocol, market.people[1], group, found))
        assert len(chunks) == parts and sum(chunks, []) == found


def test_two_in_a_row_one_after_the_other(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    vault = vaults[0]
    first = vault.rebalance(market.snapshot(), after=1).submission(tmp_path / "first")
    submit(market, [first])
    second = vault.rebalance(market.snapshot(), after=2).submission(tmp_path / "second")
    outcomes = submit(market, [first, second])
    assert [(outcome.before, outcome.accepted.sequence) for outcome in outcomes] == [(True, 1), (False, 2)]


# --- refused, and nothing is sent ---------------------------------------------------------------------------------


def refuse(
    market: Market,
    submissions: list[Submission],
    code: str,
    expected: str,
    sender: Sender | None = None,
) -> None:
    """All are refused for one cause, and nothing is sent."""
    sent = market.chain.transaction_count((sender or market.people[1]).address)
    with pytest.raises(BatchIncomplete, match=expected) as caught:
        submit(market, submissions, sender)
    assert "\n" not in str(caught.value) and caught.value.code == code
    assert [(result.where, result.error.code) for result in failures(caught.value)] == [
        (one.where, code) for one in submissions
    ]
    assert market.chain.transaction_count((sender or market.people[1]).address) == sent


def failures(incomplete: BatchIncomplete) -> list[NotAccepted]:
    return [result for result in incomplete.results if isinstance(result, NotAccepted)]


def became(
    market: Market, submissions: Sequence[Submission | NotAccepted], sender: Sender | None = None
) -> tuple[BatchIncomplete, list[str]]:
    """What became of some of which not all are accepted: "accepted", or the state and the code."""
    vk = market.trapdoor.verifying_key
    with pytest.raises(BatchIncomplete) as caught:
        chain.submit(market.protocol, sender or market.people[1], submissions, vk, without_opening=True)
    assert [result.where for result in caught.value.results] == [one.where for one in submissions]
    return caught.value, [
        f"{result.state}: {result.error.code}" if isinstance(result, NotAccepted) else "accepted"
        for result in caught.value.results
    ]


def test_the_bad_proof_is_named(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    found = written(rebalances(vaults), tmp_path)
    public = tuple(replace(found[2].signals, nav_floor=1).to_field())
    for count in (4, 3):  # as many, and for a few, each by its own verifier
        bad = replace(
            found[2], proof=replace(found[2].proof, signals=public), signals=replace(found[2].signals, nav_floor=1)
        )
        some = [*found[4 - count : 2], bad, found[3]]
        incomplete, states = became(market, some)
        assert states == [*["accepted"] * (count - 2), "refused: proof_invalid", "accepted"]
        assert str(incomplete).startswith(f"1 of {count} rebalances were not accepted: {bad.where}: the proof does not hold")
        assert (incomplete.code, incomplete.exit_code, incomplete.retryable) == ("proof_invalid", 7, False)
    assert sequences(vaults) == [1, 1, 0, 1]


def test_a_proof_on_other_terms_than_its_file(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    first, second, *_ = rebalances(vaults)
    first.write(tmp_path / "r0")
    second.write(tmp_path / "r1")
    (tmp_path / "r1" / "terms.yaml").replace(tmp_path / "r0" / "terms.yaml")
    with pytest.raises(ProofInvalid, match=r"r0: proof.json is on other terms than terms.yaml"):
        Submission.read(tmp_path / "r0")
    with pytest.raises(InputError, match="terms.yaml: cannot be read"):
        Submission.read(tmp_path / "r1")


def test_another_operator(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    found = written(rebalances(vaults), tmp_path)
    refuse(
        market,
        found,
        "not_operator",
        "r0: the proof is for the operator 0x.*, and this is 0x.*; sign with the operator's account",
        market.owner,
    )


def test_another_chain_and_another_hub(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    one = rebalances(vaults)[0]
    for change, expected in (({"chain_id": 1}, "for the chain 1, and"), ({"hub": "0x" + "77" * 20}, "for the hub 0x7777")):
        context = replace(one.terms.known_context(), **change)
        moved = replace(
            one, terms=type(one.terms).at(context, 0, Allowances()), signals=replace(one.signals, context=context.to_field())
        )
        refuse(market, [moved.submission(tmp_path / expected.split()[-2])], "wrong_chain", expected)


def test_another_key_than_the_vaults(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    one = written(rebalances(vaults), tmp_path)[0]
    other = Trapdoor(8, Random(2))
    with pytest.raises(BatchIncomplete, match="r0: the vault's key on the chain is not the one"):
        chain.submit(market.protocol, market.people[1], [one], other.verifying_key, without_opening=True)


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("commitment_before", "its commitment before is 0x.* and the hub demands 0x"),
        (
            "policy_hash",
            "its policy is 0x.* and the hub demands 0x.* prove again with the file of the policy that the hub demands",
        ),
        ("flow", r"its flow is 0\.000001 and the hub demands 0;"),
        ("allowances", "the proof names 1000 ppb of gain and the bucket holds 0 ppb; prove again at a later round"),
        ("prices", "its prices are others"),
    ],
)
def test_what_the_hub_does_not_demand(
    market: Market, vaults: list[Vault], tmp_path: Path, signal: str, expected: str
) -> None:
    one = rebalances(vaults)[0]
    value = getattr(one.signals, signal)
    changed: object = Allowances(gain_ppb=1_000)
    if signal != "allowances":
        changed = (value[0] + 1, *value[1:]) if isinstance(value, tuple) else value + 1
    public = replace(one.signals, **{signal: changed})
    terms = type(one.terms).at(one.terms.known_context(), public.flow, public.allowances)
    codes = {"commitment_before": "stale_commitment", "policy_hash": "stale_policy", "allowances": "allowance_too_large"}
    code = codes.get(signal, f"stale_{signal}")
    refuse(market, [replace(one, signals=public, terms=terms).submission(tmp_path / "r0")], code, f"r0: {expected}")


def test_what_came_after_the_proof(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    found = written(rebalances(vaults), tmp_path)
    market.protocol.hub.record_flow(market.owner, vaults[1].id, 7)
    refuse(market, found[1:2], "stale_flow", r"r1: its flow is 0 and the hub demands 0\.000007; take the vault's terms anew")
    hub = market.protocol.hub
    tighter = hub.add_mandate(market.owner, replace(market.mandate, grace_s=3599))
    hub.propose_mandate(market.people[1], vaults[0].id, tighter)
    refuse(market, found[:1], "stale_policy", "r0: its mandate version is 1 and the hub demands 2")
    other = vaults[2].rebalance(market.snapshot(), after=5).submission(tmp_path / "other")
    submit(market, [other])
    refuse(market, found[2:3], "snapshot_too_old", r"r2: .*\(RoundBeforeLast\)")
    rpc(market.chain, "evm_increaseTime", 3601)
    rpc(market.chain, "evm_mine")
    refuse(market, found[3:], "deadline_passed", r"r3: the deadline 20.* UTC has passed.*\(DeadlinePassed\)")


def test_two_new_rebalances_of_one_vault(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    """The first is sent, the other is named; run again, it is told that the vault has moved on."""
    snapshot = market.snapshot()
    both = [vaults[0].rebalance(snapshot, after=k).submission(tmp_path / f"r{k}") for k in (1, 2)]
    incomplete, states = became(market, both)
    assert states == ["accepted", "not_sent: same_vault"] and incomplete.retryable
    assert "r2: another rebalance of the same vault" in str(incomplete) and sequences(vaults) == [1, 0, 0, 0]
    incomplete, states = became(market, both)
    assert states == ["accepted", "refused: stale_commitment"] and incomplete.exit_code == 11
    assert "and prove again from the opening of the book that was accepted last" in str(incomplete)


def test_of_two_rebalances_of_one_vault_the_good_one_is_sent(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    snapshot = market.snapshot()
    stale, good = (vaults[0].rebalance(snapshot, after=k) for k in (1, 2))
    stale = replace(stale, signals=replace(stale.signals, commitment_before=77))
    _, states = became(market, [stale.submission(tmp_path / "r1"), good.submission(tmp_path / "r2")])
    assert states == ["refused: stale_commitment", "accepted"]


def test_a_folder_twice_and_a_copy_of_it(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    rebalance = vaults[0].rebalance(market.snapshot(), after=1)
    one, copy = rebalance.submission(tmp_path / "r"), rebalance.submission(tmp_path / "copy")
    outcomes = submit(market, [one, one, copy])
    assert [outcome.where for outcome in outcomes] == [one.where, one.where, copy.where]
    assert len({outcome.accepted.transaction for outcome in outcomes}) == 1 and sequences(vaults) == [1, 0, 0, 0]


def test_the_good_are_sent_and_each_bad_one_is_named(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    """One of every kind: no folder, another hub, a flow that came in, a bad proof; and one that is good."""
    made = rebalances(vaults)
    found = written(made, tmp_path)
    market.protocol.hub.record_flow(market.owner, vaults[1].id, 7)
    signals = replace(found[2].signals, nav_floor=1)
    false = replace(found[2], proof=replace(found[2].proof, signals=tuple(signals.to_field())), signals=signals)
    elsewhere = replace(found[3], context=replace(found[3].context, hub="0x" + "77" * 20))
    given = [*chain.read_all([tmp_path / "nothing"]), found[0], found[1], false, elsewhere]
    incomplete, states = became(market, given)
    assert states == [
        "refused: file_unusable", "accepted", "refused: stale_flow", "refused: proof_invalid", "refused: wrong_chain"
    ]  # fmt: skip
    assert (incomplete.code, incomplete.exit_code) == ("batch_incomplete", 12)
    assert str(incomplete).startswith("4 of 5 rebalances were not accepted: ") and str(incomplete).endswith("; and 1 more")
    assert sequences(vaults) == [1, 0, 0, 0]


def test_a_vault_that_moved_on_between_does_not_hold_up_the_others(
    market: Market, vaults: list[Vault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flow of one vault comes in after all was compared: the batch is refused whole, and the others go without it."""
    found = written(rebalances(vaults), tmp_path)
    compared = submission._require_demanded
    sent = market.chain.transaction_count(market.people[1].address)

    def late(protocol: chain.Protocol, one: Submission) -> None:
        compared(protocol, one)
        if one is found[-1]:
            market.protocol.hub.record_flow(market.owner, vaults[1].id, 7)

    monkeypatch.setattr(submission, "_require_demanded", late)
    incomplete, states = became(market, found)
    assert states == ["accepted", "refused: stale_flow", "accepted", "accepted"] and incomplete.exit_code == 11
    assert sequences(vaults) == [1, 0, 1, 1]
    assert market.chain.transaction_count(market.people[1].address) == sent + 1


@pytest.mark.parametrize("spoiling", [1, 3])
def test_a_batch_that_is_refused_for_the_reason_of_none_goes_in_parts(
    market: Market, vaults: list[Vault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoiling: int
) -> None:
    """More than so many together are refused: each is accepted once all the same, in ever smaller batches."""
    found = written(rebalances(vaults), tmp_path)
    made = submission._call

    def call(protocol: chain.Protocol, group: tuple[int, int, int], chunk: Sequence[Submission]) -> chain.Call:
        return made(protocol, (group[0], 999, group[2]) if len(chunk) > spoiling else group, chunk)

    monkeypatch.setattr(submission, "_call", call)
    outcomes = submit(market, found)
    assert sequences(vaults) == [1, 1, 1, 1]
    assert [outcome.shared_by for outcome in outcomes] == [{1: 1, 3: 2}[spoiling]] * 4


def test_what_the_hub_refuses_alone_is_refused(
    market: Market, vaults: list[Vault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that can be compared is wrong, and the hub says no: the others are accepted."""
    found = written(rebalances(vaults), tmp_path)
    made = submission._call

    def call(protocol: chain.Protocol, group: tuple[int, int, int], chunk: Sequence[Submission]) -> chain.Call:
        return made(protocol, (group[0], 999, group[2]) if found[2] in chunk else group, chunk)

    monkeypatch.setattr(submission, "_call", call)
    incomplete, states = became(market, found)
    assert states == ["accepted", "accepted", "refused: unknown_id", "accepted"] and incomplete.code == "unknown_id"
    assert sequences(vaults) == [1, 1, 0, 1]


def test_what_another_process_submits_between_is_done(
    market: Market, vaults: list[Vault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same proof is accepted after it was seen to be new, and before it is compared with what the hub demands."""
    found = written(rebalances(vaults), tmp_path)[:2]
    compared = submission._require_demanded

    def late(protocol: chain.Protocol, one: Submission) -> None:
        monkeypatch.setattr(submission, "_require_demanded", compared)
        submit(market, found[:1])
        compared(protocol, one)

    monkeypatch.setattr(submission, "_require_demanded", late)
    assert [outcome.before for outcome in submit(market, found)] == [True, False]
    assert sequences(vaults)[:2] == [1, 1]


def test_a_fee_that_is_too_high(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    one = written(rebalances(vaults), tmp_path)[0]
    capped = replace(market.people[1], delivery=Delivery.on(market.chain, max_fee_cap_wei=1))
    _, states = became(market, [one], capped)
    assert states == ["not_sent: fee_above_cap"] and sequences(vaults) == [0, 0, 0, 0]


def test_a_node_that_goes_away_stops_what_is_left(
    market: Market, vaults: list[Vault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two groups, and the node is gone for the second: run again, all are accepted once."""
    snapshot, now = market.snapshot(), market.chain.now()
    found = [vault.rebalance(snapshot, deadline=now + 3600 + k // 2) for k, vault in enumerate(vaults)]
    submissions, perform, performed = written(found, tmp_path), Sender.perform, 0

    def gone(self: Sender, key: Any, call: chain.Call, is_done: Any = None) -> Any:
        nonlocal performed
        performed += 1
        if performed == 2:
            raise NodeUnreachable("it does not answer", after=5)
        return perform(self, key, call, is_done)

    monkeypatch.setattr(Sender, "perform", gone)
    incomplete, states = became(market, submissions)
    assert states == ["accepted"] * 2 + ["not_sent: node_unreachable"] * 2
    assert (incomplete.code, incomplete.exit_code, incomplete.retryable, incomplete.after) == (
        "node_unreachable",
        75,
        True,
        5,
    )
    assert [outcome.before for outcome in submit(market, submissions)] == [True, True, False, False]
    assert sequences(vaults) == [1, 1, 1, 1]


# --- the opening beside the proof -------------------------------------------------------------------------------


BOOK = Opening((10_000_000_000000, -1_234_567891, *[0] * 6), 0x5EED << 200)


def with_opening(vault: Vault, folder: Path) -> Submission:
    """The next rebalance of a vault, to a book, in a folder as ``prove`` writes it."""
    rebalance = vault.rebalance(vault.market.snapshot(), after=book_commitment(BOOK))
    rebalance.write(folder)
    keep(rebalance, BOOK, folder / "opening.json")
    return Submission.read(folder)


def keep(rebalance: Rebalance, opening: Opening, path: Path) -> None:
    names = ("USDC", "ETH", *[""] * 6)
    files.write_opening(
        path, KeptOpening.at(rebalance.terms.known_context(), opening, book_commitment(opening), names, 1_724_889_600)
    )


def test_a_rebalance_with_its_opening(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    one = with_opening(vaults[0], tmp_path / "r0")
    (outcome,) = chain.submit(market.protocol, market.people[1], [one], market.trapdoor.verifying_key)
    assert not outcome.before and outcome.accepted.commitment_after == book_commitment(BOOK)
    # What the hub has accepted is no question any more, and the opening may lie elsewhere.
    (tmp_path / "r0" / "opening.json").unlink()
    (again,) = chain.submit(market.protocol, market.people[1], [one], market.trapdoor.verifying_key)
    assert again.before


@pytest.mark.parametrize("change", ["missing", "another"])
def test_no_rebalance_without_its_opening(market: Market, vaults: list[Vault], tmp_path: Path, change: str) -> None:
    """And nothing is sent. What else an opening can suffer is in the unit tests of openings."""
    one = with_opening(vaults[0], tmp_path / "r0")
    path = tmp_path / "r0" / "opening.json"
    kept = files.read_opening(path)
    path.unlink()
    if change == "another":
        opening = replace(kept.opening, salt=kept.opening.salt + 1)
        files.write_opening(path, replace(kept, opening=opening, commitment=book_commitment(opening)))
    sent = market.chain.transaction_count(market.people[1].address)
    with pytest.raises(BatchIncomplete, match="r0/opening.json: .*--without-opening") as caught:
        chain.submit(market.protocol, market.people[1], [one], market.trapdoor.verifying_key)
    assert caught.value.code == {"missing": "opening_missing", "another": "opening_mismatch"}[change]
    assert market.chain.transaction_count(market.people[1].address) == sent and sequences(vaults) == [0] * 4


def test_who_keeps_an_opening_elsewhere_says_so(market: Market, vaults: list[Vault], tmp_path: Path) -> None:
    one = with_opening(vaults[0], tmp_path / "r0")
    (tmp_path / "r0" / "opening.json").rename(tmp_path / "elsewhere.json")
    (outcome,) = submit(market, [one])
    assert not outcome.before and sequences(vaults) == [1, 0, 0, 0]
