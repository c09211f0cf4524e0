"""The reconciler on a real chain, with the own key and proofs of the circuit: the contract asks for what Python signs and
proves, and takes nothing that was changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from dls_zk import chain, operations
from dls_zk.chain.client import Client
from dls_zk.chain.deployment import CheckedKey, checked_key, create
from dls_zk.chain.oracle import Snapshot
from dls_zk.solidity import contracts, verifiers
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.attestation import Attestation
from dls_zk.statement.circuits import RECONCILIATION, of_size
from dls_zk.statement.commitments import attestation_commitment, book_commitment, policy_hash
from dls_zk.statement.constants import SIZES
from dls_zk.statement.ethereum import keccak256
from dls_zk.statement.model import Opening, Prices, Reconciliation
from dls_zk.statement.typed_data import Domain
from tests.support import market as markets
from tests.support.market import Market, Vault

SIZE = SIZES[8]
ROW = of_size(8, RECONCILIATION)
TOLERANCE_PPM, STEADY_FOR_S = 1_000, 600
#: A hundred thousand dollars and ten ether; the second venue holds a little less ether than that.
BOOK = Opening((100_000_000_000, 10_000_000, 0, 0, 0, 0, 0, 0), 7)
HELD = {0: Opening((100_000_000_000, 0, 0, 0, 0, 0, 0, 0), 8), 1: Opening((0, 9_999_000, 0, 0, 0, 0, 0, 0), 9)}


@dataclass(frozen=True)
class Scene:
    """A vault with a proven book, and a reconciler with terms: the venues' attestors are accounts of the chain."""

    market: Market
    reconciler: Client
    terms: bytes
    vault: Vault
    snapshot: Snapshot

    def reconciliation(self) -> Reconciliation:
        prices = Prices(self.snapshot.usd_e8)
        return Reconciliation.of(self.market.policy, prices, TOLERANCE_PPM, BOOK, HELD)

    def attested(self, venue: int) -> Attestation:
        second = self.snapshot.timestamp
        return Attestation(
            vault_id=self.vault.id,
            venue=venue,
            policy_hash=policy_hash(self.market.policy),
            commitment=attestation_commitment(HELD[venue]),
            exclusions_hash=keccak256(b"exclusions"),
            accounts_hash=keccak256(bytes([venue])),
            observed_at_s=second,
            steady_since_s=second - STEADY_FOR_S,
        )

    def signed(self, said: Attestation, by: int | None = None) -> tuple[object, ...]:
        """As the contract takes it. by: the account that signs; by default the venue's attestor."""
        domain = Domain(self.market.chain.chain_id, self.reconciler.address)
        signer = self.market.people[2 + said.venue if by is None else by].signer
        signature = signer.sign_typed_data(said.typed_data(domain))
        hashes = (said.exclusions_hash, said.accounts_hash)
        return said.venue, said.commitment, *hashes, said.observed_at_s, said.steady_since_s, signature

    def reconcile(self, attestations: list[tuple[object, ...]], proof: ProofArguments) -> None:
        points = (proof.a, proof.b, proof.c)
        arguments = (self.market.protocol.hub.address, self.vault.id, self.terms, self.snapshot.round, attestations, points)
        call = self.reconciler.call("reconcile", *arguments)
        self.market.people[1].perform(("reconcile", keccak256(call.data).hex()), call)

    def last(self) -> tuple[int, int]:
        return self.reconciler.read("lastReconciled", self.market.protocol.hub.address, self.vault.id, self.terms)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with markets.market(tmp_path_factory.mktemp("journal")) as market:
        dollar, ether, *others = market.policy.slots
        rules = replace(market.policy, slots=(dollar, replace(ether, venue=1), *others))
        market.protocol.registry.register(market.owner, rules)
        market = replace(market, policy=rules, mandate=replace(market.mandate, policy_hash=policy_hash(rules)))
        circuit = operations.build_circuit(ROW.name)
        reconciler, terms = _reconciler(market, checked_key(operations.development_key(circuit), circuit))
        vault = market.open("reconciled", market.people[1])
        snapshot = market.snapshot()
        rebalance = vault.rebalance(snapshot, after=book_commitment(BOOK))
        at = rebalance.terms.known_context()
        call = market.protocol.hub.submission(
            vault.id, markets.arguments(market.trapdoor, rebalance.signals.to_field()), at.round, at.deadline
        )
        vault.operator.perform(("submit", vault.id.hex()), call)
        yield Scene(market, reconciler, terms, vault, snapshot)


def _reconciler(market: Market, key: CheckedKey) -> tuple[Client, bytes]:
    """The contract, and terms with two attestors under a key."""
    owner, compiled = market.owner, market.protocol.contracts
    name = verifiers.contract_name(key.circuit)
    source = verifiers.contract_source(key.vk, key.circuit, insecure=key.insecure)
    verifier = create(owner, contracts.compile_verifiers({name: source})[name])
    words = key.vk.words()
    points = (words[:2], words[2:6], words[6:10], words[10:14], [words[k : k + 2] for k in range(14, len(words), 2)])
    batch_verifier = create(owner, compiled["BatchVerifier"], points, key.insecure)
    reconciler = Client(market.chain, compiled["Reconciler"], create(owner, compiled["Reconciler"]))
    code = keccak256(market.chain.code(verifier))
    nobody = ("0x" + "00" * 20, 0)
    venues = [(market.people[2].address, 2), (market.people[3].address, 3), nobody, nobody]
    content = (8, verifier, code, batch_verifier, TOLERANCE_PPM, 2, 4 * 86_400, STEADY_FOR_S, venues)
    terms = bytes(reconciler.read("addTerms", content))
    reconciler.act(owner, "addTerms", content)
    return reconciler, terms


@pytest.fixture(scope="module")
def proof(scene: Scene) -> ProofArguments:
    circuit = operations.build_circuit(ROW.name)
    proven = operations.prove_reconciliation(scene.reconciliation(), operations.development_key(circuit), circuit)
    return ProofArguments.from_proof(proven.proof)


def test_what_the_contract_asks_for_is_what_python_proves(scene: Scene, proof: ProofArguments) -> None:
    commitments = [attestation_commitment(HELD[k]) for k in (0, 1)]
    arguments = (scene.market.protocol.hub.address, scene.vault.id, scene.terms, scene.snapshot.round, commitments)
    assert tuple(scene.reconciler.read("expectedSignals", *arguments)) == proof.signals


def test_whoever_did_not_sign_attests_nothing(scene: Scene, proof: ProofArguments) -> None:
    said = [scene.attested(0), scene.attested(1)]
    swapped = [scene.signed(said[0], by=3), scene.signed(said[1], by=2)]
    other_vault = [scene.signed(replace(one, vault_id=keccak256(b"other"))) for one in said]
    other_policy = [scene.signed(replace(one, policy_hash=1)) for one in said]
    for attestations in (swapped, other_vault, other_policy):
        with pytest.raises(chain.Refused, match="WrongSignature"):
            scene.reconcile(attestations, proof)
    late = replace(said[1], observed_at_s=said[1].observed_at_s + 1)
    with pytest.raises(chain.Refused, match="WrongSecond"):
        scene.reconcile([scene.signed(said[0]), scene.signed(late)], proof)
    # Signed by the right attestor, but not what the proof is of.
    other = replace(said[1], commitment=attestation_commitment(BOOK))
    with pytest.raises(chain.Refused, match="ProofRejected"):
        scene.reconcile([scene.signed(said[0]), scene.signed(other)], proof)
    assert scene.last() == (0, 0)


def test_a_real_proof_of_what_was_signed_is_taken(scene: Scene, proof: ProofArguments) -> None:
    scene.reconcile([scene.signed(scene.attested(k)) for k in (0, 1)], proof)
    assert scene.last() == (1, scene.snapshot.timestamp)
