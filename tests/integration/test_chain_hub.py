"""The hub on a real anvil, through ``dls_zk.chain``: every rule of a rebalance, with real verifiers and valid proofs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dls_zk import chain
from dls_zk.chain import Receipt, Sender, VaultStatus
from dls_zk.errors import ChainError, InputError
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.circuits import of_size
from dls_zk.statement.commitments import empty_commitment
from dls_zk.statement.constants import BASE_FIELD, FIELD, SIZES
from dls_zk.statement.signals import PublicSignals
from tests.support import market as markets
from tests.support.market import Market, Rebalance, Vault, rpc

Q, R = BASE_FIELD, FIELD


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


@pytest.fixture
def vault(market: Market, request: pytest.FixtureRequest) -> Vault:
    """A vault of this test's own, whose operator did not open it."""
    return market.open(request.node.name, market.people[1])


@pytest.fixture
def ready(vault: Vault) -> Rebalance:
    """A first rebalance that the hub would accept."""
    vault.market.protocol.hub.record_flow(vault.market.owner, vault.id, 5_000_000)
    return vault.rebalance(vault.market.snapshot())


def arguments(rebalance: Rebalance) -> ProofArguments:
    return markets.arguments(rebalance.vault.market.trapdoor, rebalance.signals.to_field())


def send(rebalance: Rebalance, proof: ProofArguments | None = None, sender: Sender | None = None, **context: int) -> None:
    """Straight to the hub, with nothing checked before."""
    at, vault = replace(rebalance.terms.known_context(), **context), rebalance.vault
    hub = vault.market.protocol.hub
    call = hub.submission(vault.id, proof or arguments(rebalance), at.round, at.deadline)
    (sender or vault.operator).perform(("test", vault.id.hex(), call.data.hex()), call)


def refuse(
    expected: str, rebalance: Rebalance, proof: ProofArguments | None = None, sender: Sender | None = None, **context: int
) -> None:
    """The hub refuses with this error and stays as it is."""
    hub, vault = rebalance.vault.market.protocol.hub, rebalance.vault
    before = hub.state(vault.id)
    with pytest.raises(chain.Refused, match=rf"\({expected}\)$") as caught:
        send(rebalance, proof, sender, **context)
    assert "\n" not in str(caught.value)
    assert hub.state(vault.id) == before


# --- accepted ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", SIZES)
def test_two_rebalances_of_every_size(slots: int, tmp_path: Path) -> None:
    with markets.market(tmp_path, slots) as market:
        hub, vault = market.protocol.hub, market.open("two", market.people[1])

        def demanded(rebalance: Rebalance) -> PublicSignals:
            context = rebalance.terms.known_context()
            known = (vault.id, rebalance.signals, context.round, context.deadline)
            return hub.expected_signals(of_size(slots).name, *known)

        assert hub.state(vault.id).commitment == empty_commitment(slots)
        assert hub.roles(vault.id) == chain.Roles(
            market.owner.address, vault.operator.address, "0x" + "00" * 20, "0x" + "00" * 20, 86_400
        )

        hub.record_flow(market.owner, vault.id, 7_000_000)
        hub.record_flow(market.owner, vault.id, -2_000_000)
        snapshot = market.snapshot()
        held = hub.terms(vault.id, snapshot, 0).allowances
        assert held == Allowances(0, 0, 4_000_000), "the empty book earns and loses nothing"
        first = vault.rebalance(snapshot, allowances=Allowances(turnover_ppm=2_500_000))
        assert (first.signals.flow, first.terms.buckets) == (5_000_000, None)
        context = first.terms.known_context()
        assert demanded(first) == first.signals
        assert hub.read("context", vault.id, context.round, context.deadline) == first.terms.context_hash
        assert market.chain.verify(market.protocol.deployment.keys[of_size(slots).name].verifier, arguments(first))
        send(first)
        accepted = markets.accepted(market, first)
        assert (accepted.sequence, accepted.nav_floor, accepted.flow_e6) == (1, 678, 5_000_000)
        assert accepted.allowances == Allowances(turnover_ppm=2_500_000)
        state = hub.state(vault.id)
        assert (state.commitment, state.sequence, state.nav_floor, state.pending_flow_e6) == (12345, 1, 678, 0)
        assert (state.snapshot_timestamp, state.status) == (snapshot.timestamp, VaultStatus.ACTIVE)

        hub.record_flow(market.owner, vault.id, -1)
        later = market.snapshot(after_s=86_400)
        elapsed_s = later.timestamp - snapshot.timestamp
        terms = hub.terms(vault.id, later, 0)
        level = 1_500_000 + 1_000_000 * elapsed_s // 86_400
        assert terms.allowances == Allowances(2_000_000, 5_000_000, level), "gain and loss began full"
        assert terms.buckets == market.mandate.buckets
        named = Allowances(2_000_000, 1_000_000, 2_500_000)
        second = vault.rebalance(later, after=R - 1, nav_floor=2**42 - 1, allowances=named)
        assert (second.signals.flow, demanded(second)) == (-1, second.signals)
        send(second)
        assert markets.accepted(market, second).sequence == 2
        left = hub.allowances(vault.id, later.timestamp)
        assert left == Allowances(0, 4_000_000, level - 2_500_000)
        full = hub.allowances(vault.id, later.timestamp + 10 * 86_400)
        assert full == Allowances(2_000_000, 5_000_000, 4_000_000), "a bucket holds its cap at most"
        names = [event.name for event in hub.history(vault.id)]
        assert names == [
            "VaultOpened", "MandateActivated", "FlowRecorded", "FlowRecorded", "Rebalanced", "FlowRecorded", "Rebalanced"
        ]  # fmt: skip


# --- refused by name --------------------------------------------------------------------------------------------

WRONG = [
    ("commitment_before", "CommitmentMismatch"),
    ("policy_hash", "PolicyMismatch"),
    ("flow", "FlowMismatch"),
    ("context", "ContextMismatch"),
]


@pytest.mark.parametrize(
    ("signal", "expected"), [*WRONG, ("commitment_after", "ProofRejected"), ("nav_floor", "ProofRejected")]
)
def test_each_signal_changed_after_proving(ready: Rebalance, signal: str, expected: str) -> None:
    changed = replace(ready.signals, **{signal: getattr(ready.signals, signal) + 1})
    refuse(expected, ready, replace(arguments(ready), signals=tuple(changed.to_field())))


@pytest.mark.parametrize(("signal", "expected"), WRONG)
def test_each_signal_proven_wrong(ready: Rebalance, signal: str, expected: str) -> None:
    """The proof is valid: what it says is not what the hub knows."""
    refuse(expected, replace(ready, signals=replace(ready.signals, **{signal: getattr(ready.signals, signal) + 1})))


@pytest.mark.parametrize(
    ("named", "expected", "said"),
    [
        (Allowances(gain_ppb=1), "AllowanceTooLarge", "names 1 ppb of gain and the bucket holds 0 ppb"),
        (Allowances(turnover_ppm=4_050_000), "AllowanceTooLarge", "4050000 ppm of turnover .* holds 4000000 ppm"),
        (Allowances(turnover_ppm=50_001), "AllowanceNotInSteps", "no multiple of 50000 ppm"),
        (Allowances(write_down_steps=1), "WriteDownMismatch", "a write-down of 1 NAV steps and 0 are announced"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_more_than_the_buckets_hold(vault: Vault, named: Allowances, expected: str, said: str) -> None:
    """The proof is valid: what it names is not there."""
    rebalance = vault.rebalance(vault.market.snapshot(), allowances=named)
    with pytest.raises(chain.Refused, match=said):
        send(rebalance)
    refuse(expected, rebalance)


def test_prices_of_the_provers_own(ready: Rebalance) -> None:
    prices = (ready.signals.prices[0], ready.signals.prices[1] + 1)
    refuse("PriceMismatch", replace(ready, signals=replace(ready.signals, prices=prices)))


def test_nav_floor_past_its_range(ready: Rebalance) -> None:
    refuse("NavFloorOutOfRange", replace(ready, signals=replace(ready.signals, nav_floor=2**42)))


def test_signal_and_coordinate_past_their_fields(ready: Rebalance) -> None:
    """What ``ProofArguments`` would not let through, the hub refuses as well."""
    proof = arguments(ready)
    past = replace(proof)
    object.__setattr__(past, "signals", (*proof.signals[:5], proof.signals[5] + R, *proof.signals[6:]))
    refuse("SignalNotInField", ready, past)
    past = replace(proof)
    object.__setattr__(past, "a", (proof.a[0], proof.a[1] + Q))
    refuse("ProofCoordinateNotInField", ready, past)


def test_proof_of_another_size(ready: Rebalance) -> None:
    refuse("WrongSignalCount", ready, markets.arguments(markets.trapdoor(16), [*ready.signals.to_field(), 0, 0]))


def test_a_proof_is_refused_the_second_time(ready: Rebalance) -> None:
    proof = arguments(ready)
    send(ready, proof)
    with pytest.raises(chain.Refused, match=r"\(CommitmentMismatch\)$"):
        again = ready.vault.market.protocol.hub.submission(
            ready.vault.id, proof, ready.terms.known_context().round, ready.terms.known_context().deadline
        )
        ready.vault.operator.perform(("replay",), again)


def test_a_heartbeat_is_refused_the_second_time(vault: Vault) -> None:
    beat = vault.rebalance(vault.market.snapshot(), after=empty_commitment(8))
    send(beat)
    refuse("ContextMismatch", beat)  # the same commitment again, so only the sequence tells


def test_a_rebalance_of_another_vault_is_refused(vault: Vault, market: Market) -> None:
    other = market.open("other", market.people[1])
    rebalance = vault.rebalance(market.snapshot())
    refuse("ContextMismatch", replace(rebalance, vault=other))
    with pytest.raises(ChainError, match=r"no vault 0x00.*\(UnknownVault\)$"):
        market.protocol.hub.state(b"\0" * 32)


def test_another_sender_deadline_or_round_is_refused(ready: Rebalance, market: Market) -> None:
    refuse("NotOperator", ready, sender=market.owner)
    refuse("ContextMismatch", ready, deadline=ready.terms.known_context().deadline + 1)
    refuse("DeadlinePassed", ready, deadline=market.chain.now() - 1)
    refuse("UnknownRound", ready, round=2**32 - 1)
    hub = market.protocol.hub
    with pytest.raises(chain.Refused, match=r"\(NotOpener\)$"):
        hub.record_flow(ready.vault.operator, ready.vault.id, 1)
    with pytest.raises(chain.Refused, match=r"would be 72057594037927936.*\(FlowOutOfRange\)$"):
        hub.record_flow(market.owner, ready.vault.id, 2**56 - 5_000_000)


def test_flow_that_came_after_the_proof(ready: Rebalance, market: Market) -> None:
    market.protocol.hub.record_flow(market.owner, ready.vault.id, -6_000_000)
    with pytest.raises(chain.Refused, match="states the flow 5000000 and -1000000 is pending"):
        send(ready)
    refuse("FlowMismatch", ready)


def test_old_snapshots(vault: Vault, market: Market) -> None:
    older, newer = market.snapshot(), market.snapshot(after_s=1)
    assert older.round + 1 == newer.round and older.timestamp < newer.timestamp
    first = vault.rebalance(newer)
    send(first)
    refuse("RoundBeforeLast", vault.rebalance(older))
    later = market.chain.now() + 10_000
    again = vault.rebalance(newer, after=1, deadline=later)  # a round may be used again
    rpc(market.chain, "evm_increaseTime", 3601)
    rpc(market.chain, "evm_mine")
    refuse("RoundTooOld", again)


def test_rebalances_keep_their_least_interval(market: Market) -> None:
    vault = market.open("interval", min_interval_s=600)
    send(vault.rebalance(market.snapshot()))
    refuse("RoundTooEarly", vault.rebalance(market.snapshot(after_s=500)))
    send(vault.rebalance(market.snapshot(after_s=100)))


def test_a_write_down_is_announced_used_and_gone(market: Market) -> None:
    hub, guardian = market.protocol.hub, market.people[2]
    mandate = hub.add_mandate(market.owner, market.mandate)
    opened = hub.open_vault(market.owner, "write-down", mandate, market.owner.address, guardian.address)
    vault = Vault(market, opened, market.owner)
    send(vault.rebalance(market.snapshot(), nav_floor=1_000_000))
    assert hub.write_down(vault.id) == chain.WriteDown(0, 0, 0, 0, 10_000)

    hub.announce_write_down(market.owner, vault.id, 4_000)  # 0.4% of NAV: alone
    found = hub.write_down(vault.id)
    assert (found.nav_steps, found.alone_ppm) == (4_000, 6_000) and found.usable_from <= market.chain.now()
    assert found.lapses_at == found.usable_from + 3.5 * 86_400
    assert hub.announce_write_down(market.owner, vault.id, 4_000) is None, "it is open"
    refuse("WriteDownMismatch", vault.rebalance(market.snapshot(), allowances=Allowances()))
    send(vault.rebalance(market.snapshot()))
    assert hub.write_down(vault.id).nav_steps == 0 and hub.state(vault.id).last_write_down == 2

    hub.announce_write_down(market.owner, vault.id, 50_000)  # 5%: waits
    with pytest.raises(chain.Refused, match=r"\(WriteDownWaits\)$"):
        send(vault.rebalance(market.snapshot(), allowances=Allowances(write_down_steps=50_000)))
    with pytest.raises(chain.Refused, match=r"\(NotGuardian\)$"):
        hub.approve_write_down(market.owner, vault.id, 50_000)
    hub.approve_write_down(guardian, vault.id, 50_000)
    send(vault.rebalance(market.snapshot()))
    hub.announce_write_down(market.owner, vault.id, 1)
    hub.mark(market.owner, vault.id, "withdrawWriteDown")
    with pytest.raises(chain.Refused, match=r"\(TooEarly\)$"):
        hub.announce_write_down(market.owner, vault.id, 1)


# --- states -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["recordFlow", "draw"])
def test_a_flow_asked_for_again_while_a_rebalance_waits(market: Market, vault: Vault, way: str) -> None:
    """It is the same flow until the rebalance is mined: the pool does not make it another one."""
    hub, owner = market.protocol.hub, market.owner
    if way == "draw":
        share = markets.funded(market, vault.operator, 10**9)
        vault = replace(vault, id=share.vault)

    def flow(give_up_after_s: float = 60) -> Receipt | None:
        who = vault.operator if way == "draw" else owner
        who = replace(who, delivery=replace(who.delivery, give_up_after_s=give_up_after_s))
        return share.move(who, hub, 5_000_000) if way == "draw" else hub.record_flow(who, vault.id, 5_000_000)

    first = flow()
    rebalance = vault.rebalance(market.snapshot())
    at = rebalance.terms.known_context()
    assert first and at
    call = hub.submission(vault.id, arguments(rebalance), at.round, at.deadline)
    rpc(market.chain, "evm_setAutomine", False)
    before = hub.state(vault.id).sequence
    try:
        waiting = {"from": vault.operator.address, "to": hub.address, "data": "0x" + call.data.hex(), "gas": hex(2_000_000)}
        rpc(market.chain, "eth_sendTransaction", waiting)
        assert [hub.state(vault.id, block).sequence for block in ("latest", "pending")] == [before, before + 1]
        assert flow(give_up_after_s=10) == first
    finally:
        rpc(market.chain, "evm_setAutomine", True)
        rpc(market.chain, "evm_mine")
    assert (hub.state(vault.id).sequence, hub.state(vault.id).pending_flow_e6) == (before + 1, 0)


def test_stale_and_wound_down(vault: Vault, market: Market) -> None:
    hub = market.protocol.hub
    with pytest.raises(chain.Refused, match=r"possible from 20\d\d-.* UTC on.*\(TooEarly\)$"):
        hub.mark(market.people[2], vault.id, "windDown")
    rpc(market.chain, "evm_increaseTime", 7 * 86_400 + 60)
    rpc(market.chain, "evm_mine")
    assert hub.state(vault.id).status is VaultStatus.STALE
    with pytest.raises(chain.Refused, match=r"while the vault is stale.*\(WrongStatus\)$"):
        hub.record_flow(market.owner, vault.id, 1)
    send(vault.rebalance(market.snapshot()))
    assert hub.state(vault.id).status is VaultStatus.ACTIVE
    hub.mark(vault.operator, vault.id, "windDown")
    assert hub.state(vault.id).status is VaultStatus.WIND_DOWN
    refuse("WrongStatus", vault.rebalance(market.snapshot()))
    assert [event.name for event in hub.history(vault.id)][-2:] == ["Rebalanced", "StatusChanged"]


def test_a_pause_lapses_and_comes_once_between_two_proofs(market: Market) -> None:
    hub, guardian = market.protocol.hub, market.people[2]
    mandate = hub.add_mandate(market.owner, market.mandate)
    vault = Vault(
        market, hub.open_vault(market.owner, "paused", mandate, market.owner.address, guardian.address), market.owner
    )
    send(vault.rebalance(market.snapshot()))
    hub.mark(guardian, vault.id, "pause")
    assert hub.state(vault.id).status is VaultStatus.PAUSED
    left_s = hub.paused_until(vault.id) - market.chain.now()
    assert 0 < left_s <= 3.5 * 86_400
    refuse("WrongStatus", vault.rebalance(market.snapshot()))
    rpc(market.chain, "evm_increaseTime", left_s + 2)
    rpc(market.chain, "evm_mine")
    assert hub.state(vault.id).status is VaultStatus.ACTIVE
    with pytest.raises(chain.Refused, match=r"\(WrongStatus\)$"):
        hub.mark(guardian, vault.id, "pause")
    send(vault.rebalance(market.snapshot()))
    hub.mark(guardian, vault.id, "pause")


def test_mandates_tighten_at_once_and_loosen_after_the_delay(vault: Vault, market: Market) -> None:
    hub = market.protocol.hub
    first = hub.state(vault.id).mandate
    assert hub.mandate(first) == market.mandate and first == market.mandate.name
    tighter = hub.add_mandate(market.owner, replace(market.mandate, grace_s=1800))
    assert hub.tightens(first, tighter) and not hub.tightens(tighter, first)
    hub.propose_mandate(vault.operator, vault.id, tighter)
    assert (hub.state(vault.id).mandate, hub.state(vault.id).mandate_version) == (tighter, 2)
    assert hub.proposal(vault.id) is None

    hub.propose_mandate(vault.operator, vault.id, first)
    waiting = hub.proposal(vault.id)
    assert waiting and waiting.mandate == first and waiting.active_from >= market.chain.now() + 86_399
    assert not waiting.repair and waiting.lapses_at == waiting.active_from + 7 * 86_400
    rpc(market.chain, "evm_increaseTime", 3600)
    rpc(market.chain, "evm_mine")
    hub.propose_mandate(vault.operator, vault.id, first)
    assert hub.proposal(vault.id) == waiting, "the clock was started again"
    with pytest.raises(chain.Refused, match=r"\(TooEarly\)$"):
        hub.activate_mandate(market.owner, vault.id, first)
    rpc(market.chain, "evm_increaseTime", 86_400)
    rpc(market.chain, "evm_mine")
    other = hub.add_mandate(market.owner, replace(market.mandate, grace_s=1799))
    with pytest.raises(chain.Refused, match=r"look at it before you activate it \(MandateNotProposed\)$"):
        hub.activate_mandate(market.owner, vault.id, other)
    hub.activate_mandate(market.owner, vault.id, first)
    assert (hub.state(vault.id).mandate, hub.state(vault.id).mandate_version, hub.proposal(vault.id)) == (first, 3, None)
    # Proposed again after it was withdrawn, it is proposed anew; and it lapses.
    loosest = hub.add_mandate(market.owner, replace(market.mandate, grace_s=7200))
    hub.propose_mandate(vault.operator, vault.id, loosest)
    with pytest.raises(chain.Refused, match=r"neither the vault's operator nor its guardian.*\(NotOperatorOrGuardian\)$"):
        hub.mark(market.people[2], vault.id, "withdrawMandate")
    hub.mark(vault.operator, vault.id, "withdrawMandate")
    assert hub.proposal(vault.id) is None
    hub.propose_mandate(vault.operator, vault.id, loosest)
    proposed = hub.proposal(vault.id)
    assert proposed and proposed.mandate == loosest
    send(vault.rebalance(market.snapshot()))
    rpc(market.chain, "evm_increaseTime", 4 * 86_400)
    send(vault.rebalance(market.snapshot()))
    rpc(market.chain, "evm_increaseTime", 4 * 86_400 + 7200)
    send(vault.rebalance(market.snapshot()))
    with pytest.raises(chain.Refused, match=r"propose it anew \(TooLate\)$"):
        hub.activate_mandate(market.owner, vault.id, loosest)


def test_an_operator_is_replaced_after_a_day(vault: Vault, market: Market) -> None:
    hub, heir = market.protocol.hub, market.people[3]
    hub.propose_operator(vault.operator, vault.id, heir.address)
    offer = hub.operator_offer(vault.id)
    assert offer and offer.operator == heir.address and offer.acceptable_from and offer.lapses_at
    assert offer.lapses_at - offer.acceptable_from == 7 * 86_400
    with pytest.raises(chain.Refused, match=r"\(TooEarly\)$"):
        hub.accept_operator(heir, vault.id)
    rpc(market.chain, "evm_increaseTime", 86_400)
    rpc(market.chain, "evm_mine")
    hub.accept_operator(heir, vault.id)
    assert hub.roles(vault.id).operator == heir.address and hub.operator_offer(vault.id) is None


def test_actions_are_done_once(market: Market) -> None:
    hub, sent = market.protocol.hub, market.chain.transaction_count(market.owner.address)
    vault = market.open("once")
    assert market.open("once").id == vault.id and market.open("twice").id != vault.id
    hub.record_flow(market.owner, vault.id, 5)
    hub.record_flow(market.owner, vault.id, 5)
    assert hub.state(vault.id).pending_flow_e6 == 5
    hub.record_flow(market.owner, vault.id, 5, "another")
    assert hub.state(vault.id).pending_flow_e6 == 10
    assert market.protocol.registry.register(market.owner, market.policy)  # the transaction that did it before
    assert market.chain.transaction_count(market.owner.address) == sent + 4


# --- asking a bare verifier, and what is none -----------------------------------------------------------------------


def test_bare_verifier(ready: Rebalance, market: Market) -> None:
    on, verifier = market.chain, market.protocol.deployment.keys["rebalance_8"].verifier
    proof = arguments(ready)
    assert on.verify(verifier, proof)
    assert not on.verify(verifier, replace(proof, c=(proof.c[0] ^ 1, proof.c[1])))
    with pytest.raises(ChainError, match="no verifier for 11 public signals"):
        on.verify(verifier, markets.arguments(markets.trapdoor(16), range(11)))
    with pytest.raises(ChainError, match="no contract"):
        on.verify("0x" + "77" * 20, proof)
    with pytest.raises(ChainError, match="no verifier for 9"):
        on.verify(market.protocol.hub.address, proof)


def test_no_contract_and_no_address(market: Market) -> None:
    hub = replace(market.protocol.hub, address=market.owner.address)
    with pytest.raises(ChainError, match="no such contract"):
        hub.state(b"\1" * 32)
    with pytest.raises(InputError, match="not an address"):
        replace(hub, address="0x12").state(b"\1" * 32)
