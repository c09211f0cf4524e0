"""The hub on a real anvil, through ``dls_zk.chain``: every rule, with real verifiers and valid proofs.

The proofs come from a key whose trapdoor the test knows: with it a valid proof of any public signals takes no circuit.
The verifiers are snarkjs's own contract for that key, and cannot tell.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from instances import vacuous_policy
from py_ecc.optimized_bn128 import FQ, FQ2, G1, G2, multiply, normalize

from dls_zk import artifacts, chain, contracts, operations, toolchain
from dls_zk.calldata import ProofArguments
from dls_zk.chain import Accepted, Chain, Hub, Oracle, Snapshot, VaultConfig, connect
from dls_zk.commitments import empty_commitment, policy_hash
from dls_zk.constants import BASE_FIELD, FIELD, SIZES
from dls_zk.contracts import Artifact
from dls_zk.errors import ChainError, InputError, InsecureKey, ProofInvalid
from dls_zk.model import Opening, Prices, Rebalance, SlotTerms
from dls_zk.proof import Proof
from dls_zk.statement import NAMES, PublicSignals, pack_prices, signal_count

Q, R = BASE_FIELD, FIELD


# --- proofs by trapdoor --------------------------------------------------------------------------------


def _g1(scalar: int) -> list[str]:
    x, y = normalize(multiply(G1, scalar % R))
    return [str(int(x)), str(int(y)), "1"]


def _g2(scalar: int) -> list[list[str]]:
    x, y = normalize(multiply(G2, scalar % R))
    return [[str(int(c)) for c in x.coeffs], [str(int(c)) for c in y.coeffs], ["1", "0"]]


class Trapdoor:
    """A Groth16 key with known discrete logarithms."""

    def __init__(self, signals: int):
        self.alpha, self.beta, self.gamma, self.delta = (secrets.randbelow(R - 2) + 2 for _ in range(4))
        self.ic = [secrets.randbelow(R) for _ in range(signals + 1)]

    def verification_key(self) -> dict[str, object]:
        return {
            "nPublic": len(self.ic) - 1,
            "vk_alpha_1": _g1(self.alpha),
            "vk_beta_2": _g2(self.beta),
            "vk_gamma_2": _g2(self.gamma),
            "vk_delta_2": _g2(self.delta),
            "IC": [_g1(k) for k in self.ic],
        }

    def prove(self, signals: Sequence[int]) -> Proof:
        """A proof: a·b = α·β + γ·(ic₀ + Σ icᵢ·xᵢ) + δ·c in the exponent."""
        a, b = secrets.randbelow(R - 1) + 1, secrets.randbelow(R - 1) + 1
        statement = self.ic[0] + sum(k * x for k, x in zip(self.ic[1:], signals, strict=True))
        c = (a * b - self.alpha * self.beta - self.gamma * statement) * pow(self.delta, -1, R)
        points = {"pi_a": _g1(a), "pi_b": _g2(b), "pi_c": _g1(c)}
        return Proof.from_snarkjs(
            "trapdoor", points | {"protocol": "groth16", "curve": "bn128"}, [str(x) for x in signals]
        )

    def arguments(self, signals: Sequence[int]) -> ProofArguments:
        return ProofArguments.from_proof(self.prove(signals))


def _in_node(script: str, data: object) -> str:
    """Run a script that has ``data`` and the packages ejs and snarkjs at hand."""
    head = 'import { readFileSync } from "node:fs"; const data = JSON.parse(readFileSync(0));'
    argv = ["--input-type=module", "-e", f"{head} {script}"]
    return toolchain.run_node(
        argv, cwd=toolchain.ensure_node_packages(), stdin=json.dumps(data).encode(), timeout=60
    ).stdout


@pytest.fixture(scope="module")
def trapdoors() -> dict[int, Trapdoor]:
    return {slots: Trapdoor(signal_count(size)) for slots, size in SIZES.items()}


@pytest.fixture(scope="module")
def compiled(trapdoors: dict[int, Trapdoor]) -> dict[str, Artifact]:
    """All contracts, with a verifier for each size from snarkjs's template."""
    template = toolchain.package_file("snarkjs", "templates/verifier_groth16.sol.ejs").read_text()
    keys = {f"Groth16Verifier_{slots}": trapdoor.verification_key() for slots, trapdoor in trapdoors.items()}
    script = """
        import ejs from "ejs";
        const render = ([name, key]) => [name, ejs.render(data.template, key).replace("Groth16Verifier ", name + " ")];
        console.log(JSON.stringify(Object.fromEntries(Object.entries(data.keys).map(render))));
    """
    return contracts.compile_contracts(json.loads(_in_node(script, {"template": template, "keys": keys})))


# --- the chain ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def local() -> Iterator[Chain]:
    toolchain.ensure_node_packages()
    with toolchain.anvil(chain_id=31337, accounts=4) as url:
        yield connect(url)


def rpc(on: Chain, method: str, *parameters: object) -> object:
    answer = on.web3.provider.make_request(method, list(parameters))
    assert "error" not in answer, answer
    return answer.get("result")


@dataclass(frozen=True)
class Vault:
    """A vault with its people, its oracle and the trapdoor of its verifier."""

    hub: Hub
    oracle: Oracle
    verifier: str
    trapdoor: Trapdoor
    id: bytes
    slots: int
    operator: str
    flow_source: str
    owner: str

    @property
    def on(self) -> Chain:
        return self.hub.chain

    def post_prices(self, *, after_s: int = 0) -> Snapshot:
        """Take a snapshot: slot i at i + 1 dollars and as many cents as the block number."""
        if after_s:
            rpc(self.on, "evm_increaseTime", after_s)
        cents = self.on.web3.eth.block_number
        prices = [(i + 1) * 10**8 + cents * 10**6 for i in range(self.slots)]
        return self.oracle.post(pack_prices(SIZES[self.slots], prices), self.owner)[0]

    def signals(self, snapshot: Snapshot, deadline: int, after: int = 12345, nav_floor: int = 678) -> PublicSignals:
        """What a prover would put into the proof, from what the client computes."""
        config, state, terms = (
            self.hub.config(self.id),
            self.hub.state(self.id),
            self.hub.terms(self.id, snapshot, deadline),
        )
        return PublicSignals(
            commitment_before=state.commitment,
            commitment_after=after,
            policy_hash=config.policy_hash,
            flow=terms.flow_e6,
            accrual=terms.accrual_ppm,
            nav_floor=nav_floor,
            context=terms.context,
            prices=snapshot.words,
        )

    def prove(self, signals: PublicSignals) -> ProofArguments:
        return self.trapdoor.arguments(signals.to_field())

    def submit(self, proof: ProofArguments, snapshot: Snapshot, deadline: int, sender: str = "") -> Accepted:
        return self.hub.submit(self.id, proof, snapshot.round, deadline, sender or self.operator)

    def refuse(self, expected: str, proof: ProofArguments, snapshot: Snapshot, deadline: int, sender: str = "") -> None:
        """The hub refuses with this error and stays as it is."""
        before = self.hub.state(self.id)
        with pytest.raises(ChainError, match=rf"\({expected}\)$") as caught:
            self.submit(proof, snapshot, deadline, sender)
        assert "\n" not in str(caught.value)
        assert self.hub.state(self.id) == before


def open_vault(on: Chain, compiled: dict[str, Artifact], trapdoor: Trapdoor, slots: int, policy: int = 7) -> Vault:
    owner, operator, flow_source, _ = on.accounts()
    hub = Hub(on, compiled["RebalanceHub"], on.deploy(compiled["RebalanceHub"], sender=owner)[0])
    oracle = Oracle(on, compiled["DevPriceOracle"], on.deploy(compiled["DevPriceOracle"], slots, sender=owner)[0])
    verifier, _ = on.deploy_verifier(compiled[f"Groth16Verifier_{slots}"], insecure=True, sender=owner)
    config = VaultConfig(
        operator=operator,
        flow_source=flow_source,
        verifier=verifier,
        oracle=oracle.address,
        policy_hash=policy,
        slots=slots,
        max_snapshot_age_s=3600,
        accrual_rate_ppm_per_day=500,
        accrual_cap_ppm=2000,
    )
    vault_id, _ = hub.open_vault(config, owner)
    assert hub.config(vault_id) == config
    return Vault(hub, oracle, verifier, trapdoor, vault_id, slots, operator, flow_source, owner)


@pytest.fixture
def vault(local: Chain, compiled: dict[str, Artifact], trapdoors: dict[int, Trapdoor]) -> Vault:
    return open_vault(local, compiled, trapdoors[8], 8)


@dataclass(frozen=True)
class Ready:
    """A vault with a first rebalance that it would accept."""

    vault: Vault
    snapshot: Snapshot
    deadline: int
    signals: PublicSignals
    proof: ProofArguments


@pytest.fixture
def ready(vault: Vault) -> Ready:
    vault.hub.record_flow(vault.id, 5_000_000, vault.flow_source)
    snapshot = vault.post_prices()
    deadline = vault.on.now() + 600
    signals = vault.signals(snapshot, deadline)
    return Ready(vault, snapshot, deadline, signals, vault.prove(signals))


# --- accepted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", SIZES)
def test_two_rebalances_of_every_size(
    local: Chain, compiled: dict[str, Artifact], trapdoors: dict[int, Trapdoor], slots: int
) -> None:
    vault = open_vault(local, compiled, trapdoors[slots], slots)
    hub = vault.hub
    assert hub.state(vault.id).commitment == empty_commitment(slots)

    hub.record_flow(vault.id, 7_000_000, vault.flow_source)
    hub.record_flow(vault.id, -2_000_000, vault.flow_source)
    first = vault.post_prices()
    deadline = local.now() + 600
    signals = vault.signals(first, deadline)
    assert (signals.flow, signals.accrual) == (5_000_000, 0)
    assert hub.expected_signals(vault.id, 12345, 678, first.round, deadline) == signals
    proof = vault.prove(signals)
    assert local.verify(vault.verifier, proof)
    accepted = vault.submit(proof, first, deadline)
    assert (accepted.sequence, accepted.commitment_before) == (1, empty_commitment(slots))
    assert (accepted.commitment_after, accepted.nav_floor) == (12345, 678)
    assert (accepted.flow_e6, accepted.accrual_ppm, accepted.oracle_round) == (5_000_000, 0, 1)
    assert 300_000 < accepted.receipt.gas_used < 420_000

    state = hub.state(vault.id)
    assert (state.commitment, state.sequence, state.nav_floor, state.pending_flow_e6) == (12345, 1, 678, 0)
    assert (state.last_round, state.last_snapshot_timestamp) == (1, first.timestamp)
    assert state.last_proven_at == local.now()

    hub.record_flow(vault.id, -1, vault.flow_source)
    second = vault.post_prices(after_s=2 * 86_400)
    deadline = local.now() + 600
    signals = vault.signals(second, deadline, after=R - 1, nav_floor=2**42 - 1)
    elapsed_s = second.timestamp - first.timestamp
    assert elapsed_s >= 2 * 86_400
    assert (signals.flow, signals.accrual) == (-1, 500 * elapsed_s // 86_400)
    assert hub.expected_signals(vault.id, R - 1, 2**42 - 1, second.round, deadline) == signals
    accepted = vault.submit(vault.prove(signals), second, deadline)
    assert (accepted.sequence, accepted.commitment_after, accepted.flow_e6) == (2, R - 1, -1)

    third = vault.post_prices(after_s=30 * 86_400)
    assert hub.terms(vault.id, third, deadline).accrual_ppm == 2000  # the cap
    assert hub.expected_signals(vault.id, 1, 1, third.round, deadline).accrual == 2000


def test_a_rebalance_of_the_real_circuit(local: Chain, compiled: dict[str, Artifact]) -> None:
    """Deposit a million dollars, buy a hundred ether, sell one a day later: proven by the circuit, accepted by the hub."""
    circuit = operations.build_circuit(8)
    key = operations.development_key(circuit)
    name = operations.verifier_contract(key)
    verifier = contracts.compile_contracts({name: operations.verifier_source(key)})[name]
    dollar, ether = (
        replace(SlotTerms.null(4), instrument=name, funded=True, cap_bps=2**17 - 1) for name in ("USDC", "ETH")
    )
    policy = vacuous_policy(SIZES[8], (dollar, ether, *[SlotTerms.null(4)] * 6))
    vault = open_vault(local, compiled | {"Groth16Verifier_8": verifier}, Trapdoor(9), 8, policy_hash(policy))

    def rebalance(before: Opening, quantities_e6: tuple[int, int], ether_usd: int) -> tuple[Opening, Accepted]:
        words = pack_prices(SIZES[8], prices := (10**8, ether_usd * 10**8, *[0] * 6))
        snapshot, _ = vault.oracle.post(words, vault.owner)
        deadline = local.now() + 600
        terms = vault.hub.terms(vault.id, snapshot, deadline)
        after = Opening((*quantities_e6, *[0] * 6), secrets.randbelow(R))
        proven = operations.prove(Rebalance(policy, Prices(prices), terms, before, after), key, circuit)
        public = proven.public
        assert public == vault.hub.expected_signals(
            vault.id, public.commitment_after, public.nav_floor, snapshot.round, deadline
        )
        return after, vault.submit(ProofArguments.from_proof(proven.proof), snapshot, deadline)

    vault.hub.record_flow(vault.id, 10**12, vault.flow_source)
    first, accepted = rebalance(Opening.empty(SIZES[8]), (800_000 * 10**6, 100 * 10**6), 2000)
    assert (accepted.sequence, accepted.nav_floor) == (1, 1_000_000)
    rpc(local, "evm_increaseTime", 86_400)
    _, accepted = rebalance(first, (802_100 * 10**6, 99 * 10**6), 2100)
    assert (accepted.sequence, accepted.nav_floor, accepted.flow_e6) == (2, 1_010_000, 0)
    assert 500 <= accepted.accrual_ppm <= 501


# --- refused by name --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("commitment_before", "CommitmentMismatch"),
        ("commitment_after", "ProofRejected"),
        ("policy_hash", "PolicyMismatch"),
        ("flow", "FlowMismatch"),
        ("accrual", "AccrualMismatch"),
        ("nav_floor", "ProofRejected"),
        ("context", "ContextMismatch"),
    ],
)
def test_each_signal_changed_after_proving(ready: Ready, signal: str, expected: str) -> None:
    changed = replace(ready.signals, **{signal: getattr(ready.signals, signal) + 1})
    proof = replace(ready.proof, signals=tuple(changed.to_field()))
    ready.vault.refuse(expected, proof, ready.snapshot, ready.deadline)
    assert not ready.vault.on.verify(ready.vault.verifier, proof)


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("commitment_before", "CommitmentMismatch"),
        ("policy_hash", "PolicyMismatch"),
        ("flow", "FlowMismatch"),
        ("accrual", "AccrualMismatch"),
        ("context", "ContextMismatch"),
    ],
)
def test_each_signal_proven_wrong(ready: Ready, signal: str, expected: str) -> None:
    """The proof is valid: what it says is not what the hub knows."""
    proof = ready.vault.prove(replace(ready.signals, **{signal: getattr(ready.signals, signal) + 1}))
    assert ready.vault.on.verify(ready.vault.verifier, proof)
    ready.vault.refuse(expected, proof, ready.snapshot, ready.deadline)


def test_prices_of_the_provers_own(ready: Ready) -> None:
    proof = ready.vault.prove(replace(ready.signals, prices=(ready.signals.prices[0], ready.signals.prices[1] + 1)))
    ready.vault.refuse("PriceMismatch", proof, ready.snapshot, ready.deadline)


def test_nav_floor_past_its_range(ready: Ready) -> None:
    proof = ready.vault.prove(replace(ready.signals, nav_floor=2**42))
    ready.vault.refuse("NavFloorOutOfRange", proof, ready.snapshot, ready.deadline)


def test_signal_and_coordinate_past_their_fields(ready: Ready) -> None:
    """What ``ProofArguments`` would not let through, the hub refuses as well."""
    past = replace(ready.proof)
    object.__setattr__(past, "signals", (*past.signals[:5], past.signals[5] + R, *past.signals[6:]))
    ready.vault.refuse("SignalNotInField", past, ready.snapshot, ready.deadline)
    past = replace(ready.proof)
    object.__setattr__(past, "a", (past.a[0], past.a[1] + Q))
    ready.vault.refuse("ProofCoordinateNotInField", past, ready.snapshot, ready.deadline)


def test_proof_of_another_size(ready: Ready, trapdoors: dict[int, Trapdoor]) -> None:
    signals = [*ready.signals.to_field(), 0, 0]
    ready.vault.refuse("WrongSignalCount", trapdoors[16].arguments(signals), ready.snapshot, ready.deadline)


def test_replay(ready: Ready) -> None:
    ready.vault.submit(ready.proof, ready.snapshot, ready.deadline)
    ready.vault.refuse("CommitmentMismatch", ready.proof, ready.snapshot, ready.deadline)


def test_replay_of_a_heartbeat(vault: Vault) -> None:
    snapshot, deadline = vault.post_prices(), vault.on.now() + 600
    proof = vault.prove(vault.signals(snapshot, deadline, after=empty_commitment(8)))
    vault.submit(proof, snapshot, deadline)
    vault.refuse("ContextMismatch", proof, snapshot, deadline)


def test_another_vault(ready: Ready) -> None:
    hub, vault = ready.vault.hub, ready.vault
    other = replace(vault, id=hub.open_vault(hub.config(vault.id), vault.owner)[0])
    hub.record_flow(other.id, 5_000_000, vault.flow_source)
    other.refuse("ContextMismatch", ready.proof, ready.snapshot, ready.deadline)
    with pytest.raises(ChainError, match=r"no vault 0x00.*\(UnknownVault\)$"):
        hub.state(b"\0" * 32)


def test_another_sender_and_deadline(ready: Ready) -> None:
    vault = ready.vault
    vault.refuse("NotOperator", ready.proof, ready.snapshot, ready.deadline, sender=vault.owner)
    vault.refuse("ContextMismatch", ready.proof, ready.snapshot, ready.deadline + 1)
    vault.refuse("DeadlinePassed", ready.proof, ready.snapshot, vault.on.now() - 1)
    with pytest.raises(ChainError, match=r"\(NotFlowSource\)$"):
        vault.hub.record_flow(vault.id, 1, vault.operator)
    with pytest.raises(ChainError, match=r"would be 72057594037927936.*\(FlowOutOfRange\)$"):
        vault.hub.record_flow(vault.id, 2**56 - 5_000_000, vault.flow_source)


def test_flow_that_came_after_the_proof(ready: Ready) -> None:
    ready.vault.hub.record_flow(ready.vault.id, -6_000_000, ready.vault.flow_source)
    ready.vault.refuse("FlowMismatch", ready.proof, ready.snapshot, ready.deadline)
    with pytest.raises(ChainError, match="states the flow 5000000 and -1000000 is pending"):
        ready.vault.submit(ready.proof, ready.snapshot, ready.deadline)


def test_old_and_unknown_snapshots(ready: Ready) -> None:
    vault = ready.vault
    with pytest.raises(ChainError, match=r"no round 2.*\(UnknownRound\)$"):
        vault.oracle.snapshot(2)
    vault.submit(ready.proof, ready.snapshot, ready.deadline)
    rpc(vault.on, "evm_increaseTime", 3601)
    rpc(vault.on, "evm_mine")
    vault.refuse("SnapshotTooOld", ready.proof, ready.snapshot, vault.on.now() + 600)


def test_oracle_refuses(vault: Vault) -> None:
    with pytest.raises(ChainError, match=r"\(NotOwner\)$"):
        vault.oracle.post([1, 0], vault.operator)
    with pytest.raises(ChainError, match=r"\(SettlementPriceMissing\)$"):
        vault.oracle.post([0, 0], vault.owner)
    assert vault.oracle.latest_round() == 0
    first, second = vault.post_prices(), vault.post_prices(after_s=1)
    assert (first.round, second.round) == (1, 2) and first.timestamp < second.timestamp
    assert vault.oracle.snapshot(1) == first and vault.oracle.latest_round() == 2


# --- keys and chains ------------------------------------------------------------------------------------------------


def test_development_keys_and_oracle_stay_on_development_chains(compiled: dict[str, Artifact], local: Chain) -> None:
    assert local.is_development
    with toolchain.anvil(chain_id=1, accounts=1) as url:
        main = connect(url)
        assert not main.is_development
        (sender,) = main.accounts()
        with pytest.raises(InsecureKey, match="INSECURE"):
            main.deploy_verifier(compiled["Groth16Verifier_8"], insecure=True, sender=sender)
        assert main.web3.eth.block_number == 0
        main.deploy_verifier(compiled["Groth16Verifier_8"], insecure=False, sender=sender)
        with pytest.raises(ChainError, match=r"\(NotDevelopmentChain\)$"):
            main.deploy(compiled["DevPriceOracle"], 8, sender=sender)


def test_the_node_must_be_local_too(local: Chain) -> None:
    assert not replace(local, local=False).is_development
    for url, expected in [
        ("http://127.0.0.1:8545", True),
        ("http://[::1]:8545", True),
        ("http://localhost", True),
        ("http://127.0.0.1.example.org", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1@example.org", False),
        ("https://10.0.0.1", False),
    ]:
        assert chain.is_loopback(url) is expected, url


# --- asking a bare verifier -------------------------------------------------------------------------------------------


def test_bare_verifier(ready: Ready, trapdoors: dict[int, Trapdoor], compiled: dict[str, Artifact]) -> None:
    on, verifier = ready.vault.on, ready.vault.verifier
    assert on.verify(verifier, ready.proof)
    off_curve = replace(ready.proof, c=(ready.proof.c[0] ^ 1, ready.proof.c[1]))
    assert not on.verify(verifier, off_curve)
    with pytest.raises(ChainError, match="no verifier for 11 public signals"):
        on.verify(verifier, trapdoors[16].arguments(range(11)))
    with pytest.raises(ChainError, match="no contract"):
        on.verify("0x" + "77" * 20, ready.proof)
    with pytest.raises(ChainError, match="no verifier for 9"):
        on.verify(ready.vault.hub.address, ready.proof)


# --- a chain that fails --------------------------------------------------------------------------------------------------


@contextmanager
def http_server(body: bytes, status: int = 200) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret-access-key"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>", 200), (b"", 200), (b"[]", 200), (b"{}", 200), (b'{"result": null}', 200), (b"no", 401), (b"x", 500)]
    + [(b'{"jsonrpc": "2.0", "id": 0, "error": {"code": -32601, "message": "no\\nsuch method"}}', 200)],
)
def test_what_is_no_node(body: bytes, status: int) -> None:
    with http_server(body, status) as url, pytest.raises(ChainError) as caught:
        connect(url)
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_where_nobody_listens() -> None:
    with http_server(b"") as url:
        pass
    with pytest.raises(ChainError, match="does not answer; is the node running"):
        connect(url)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8545", "ws://127.0.0.1:8545", "http://", "http://[", "http://h:99999"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ChainError, match="not of the form"):
        connect(url)


def test_no_account() -> None:
    with toolchain.anvil(chain_id=31337, accounts=0) as url, pytest.raises(ChainError, match="no unlocked account"):
        connect(url).accounts()


def test_no_contract_and_no_funds(local: Chain, compiled: dict[str, Artifact]) -> None:
    hub = Hub(local, compiled["RebalanceHub"], local.accounts()[0])
    with pytest.raises(ChainError, match="no such contract"):
        hub.state(b"\1" * 32)
    with pytest.raises(InputError, match="not an address"):
        replace(hub, address="0x12").state(b"\1" * 32)
    with pytest.raises(ChainError, match="refused the request"):
        local.deploy(compiled["RebalanceHub"], sender="0x" + "11" * 20)


def test_transaction_that_is_not_mined(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain.connection, "_MINING_SECONDS", 1)
    on = ready.vault.on
    rpc(on, "evm_setAutomine", False)
    try:
        with pytest.raises(ChainError, match="not mined within 1 s; it may still be"):
            ready.vault.submit(ready.proof, ready.snapshot, ready.deadline)
    finally:
        rpc(on, "evm_setAutomine", True)
        rpc(on, "evm_mine")
    assert ready.vault.hub.state(ready.vault.id).sequence == 1  # it was


def test_transaction_that_is_overtaken(ready: Ready) -> None:
    """Between the simulation and the block a flow comes in: mined, and reverted."""
    on, vault = ready.vault.on, ready.vault
    rpc(on, "evm_setAutomine", False)
    rpc(on, "evm_setIntervalMining", 0)
    errors: list[ChainError] = []

    def submit() -> None:
        try:
            vault.submit(ready.proof, ready.snapshot, ready.deadline)
        except ChainError as error:
            errors.append(error)

    late = threading.Thread(target=submit)
    late.start()
    try:
        while rpc(on, "txpool_status")["pending"] == "0x0":
            pass
        data = vault.on.contract(vault.hub.artifact, vault.hub.address).encode_abi("recordFlow", [vault.id, 1])
        flow = {"from": vault.flow_source, "to": vault.hub.address, "data": data, "maxPriorityFeePerGas": hex(10**11)}
        rpc(on, "eth_sendTransaction", flow | {"maxFeePerGas": hex(10**12)})
    finally:
        rpc(on, "evm_mine")
        rpc(on, "evm_setAutomine", True)
        late.join()
    assert len(errors) == 1 and "mined and reverted" in str(errors[0])
    assert vault.hub.state(vault.id).sequence == 0


# --- one source, three languages ------------------------------------------------------------------------------------------


def test_every_error_is_explained(compiled: dict[str, Artifact]) -> None:
    errors = {
        item["name"]: [i["name"] for i in item["inputs"]]
        for name in ("RebalanceHub", "DevPriceOracle")
        for item in compiled[name].abi
        if item["type"] == "error"
    }
    assert errors.keys() == chain.EXPLAINED.keys() - {"InsecureDevelopmentKey"}, "that one is of a verifier"
    for name, inputs in errors.items():
        used = set(re.findall(r"{(\w+)}", chain.EXPLAINED[name]))
        assert used <= set(inputs), name


def test_unknown_reverts_have_a_line() -> None:
    assert chain.explain_revert([], "0xdeadbeef") == "the contract refused with the unknown error 0xdeadbeef"
    for nothing in ("0x", "", None, {}, "no hex"):
        assert chain.explain_revert([], nothing) == "the contract refused"


def test_signal_names_and_field_are_those_of_python() -> None:
    source = (artifacts.data_dir("verifier_contracts") / "src/libraries/Signals.sol").read_text()
    indices = re.findall(r"uint256 internal constant (\w+) = (\d);", source)
    assert [(name.lower(), int(index)) for name, index in indices[: len(NAMES)]] == [
        (n, k) for k, n in enumerate(NAMES)
    ]
    assert f"FIELD = {R};" in source


def test_empty_books_are_those_of_python() -> None:
    source = (artifacts.data_dir("verifier_contracts") / "src/libraries/EmptyBook.sol").read_text()
    for slots in SIZES:
        assert f"SLOTS_{slots} = {empty_commitment(slots)};" in source


def test_compiler_settings_are_those_of_forge() -> None:
    forge = tomllib.loads((artifacts.data_dir("verifier_contracts") / "foundry.toml").read_text())["profile"]["default"]
    assert (forge["evm_version"], forge["optimizer_runs"]) == (contracts.EVM_VERSION, contracts.OPTIMIZER_RUNS)
    assert (forge["bytecode_hash"], forge["cbor_metadata"]) == ("none", False)


# --- calldata --------------------------------------------------------------------------------------------------------------


def test_solidity_text_is_that_of_snarkjs(trapdoors: dict[int, Trapdoor]) -> None:
    proof = trapdoors[8].prove((0, 1, R - 1, 2**200, 4, 5, 6, 7, 8))
    script = """
        import * as snarkjs from "snarkjs";
        console.log(await snarkjs.groth16.exportSolidityCallData(data.proof, data.signals)); process.exit(0);
    """
    theirs = _in_node(script, {"proof": proof.to_snarkjs(), "signals": proof.public_strings()})
    ours = ProofArguments.from_proof(proof).to_solidity()
    assert json.loads(f"[{ours}]") == json.loads(f"[{theirs}]")


def test_points_go_in_as_the_precompile_takes_them() -> None:
    arguments = Trapdoor(9).arguments(range(9))
    x = FQ2([arguments.b[0][1], arguments.b[0][0]])
    y = FQ2([arguments.b[1][1], arguments.b[1][0]])
    assert y * y == x * x * x + FQ2([3, 0]) / FQ2([9, 1])
    assert FQ(arguments.a[1]) ** 2 == FQ(arguments.a[0]) ** 3 + 3


def test_numbers_past_their_fields_are_refused() -> None:
    arguments = Trapdoor(9).arguments([0] * 9)
    (x, y), b = arguments.a, arguments.b
    past = [{"a": (x + Q, y)}, {"a": (x, y + Q)}, {"a": (x, -y)}, {"c": (Q, 0)}, {"c": (0, 2**256)}]
    past += [{"b": ((b[0][0] + Q, b[0][1]), b[1])}, {"b": (b[0], (b[1][0], Q))}]
    for change in past:
        with pytest.raises(ProofInvalid, match="base field"):
            replace(arguments, **change)
    for k in range(9):
        for signal in (R, R + 1, -1, 2**256):
            with pytest.raises(ProofInvalid, match=f"signal {k} "):
                replace(arguments, signals=(*[0] * k, signal, *[0] * (8 - k)))


def test_other_numbers_of_signals_are_refused() -> None:
    with pytest.raises(InputError, match="8 public signals"):
        Trapdoor(8).arguments([0] * 8)
