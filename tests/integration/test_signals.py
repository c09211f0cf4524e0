"""A finished proof of the real circuit: every verifier accepts it, and refuses it with any public signal changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dls_zk import chain, operations
from dls_zk.errors import ChainError, DlsError, ProofInvalid
from dls_zk.groth16 import zkey
from dls_zk.groth16.proof import Proof
from dls_zk.solidity import contracts
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.solidity.verifiers import contract_name, contract_source
from dls_zk.statement.circuits import CIRCUITS
from dls_zk.statement.constants import BASE_FIELD, FIELD
from dls_zk.statement.signals import NAMES
from dls_zk.tools import foundry
from tests.support.boundary import BOOK, ONE, SPOT, policy, rebalance
from tests.support.sending import deployed


@pytest.fixture(scope="module")
def proven():
    """A real rebalance on 8 slots: some spot is sold, 1 USD is the cost."""
    circuit = operations.build_circuit("rebalance_8")
    key = operations.development_key(circuit)
    rules = policy({"slippage_bps": 30, "nav_step_usd": 1000})
    before = BOOK | {SPOT: BOOK[SPOT] + 10 * ONE, 0: BOOK[0] - 19_999 * ONE}
    return operations.prove(rebalance(rules, BOOK, before), key, circuit), operations.installed_target(key)


@pytest.fixture(scope="module")
def artifact(proven):
    """The compiled verifier of the development key."""
    key = proven[1].key
    name = contract_name(key.circuit)
    source = contract_source(zkey.verifying_key(key), key.circuit, insecure=True)
    return contracts.compile_verifiers({name: source})[name]


@pytest.fixture(scope="module")
def verifiers(proven, artifact):
    """Verifier name → function of a proof that says whether it holds."""
    _, target = proven

    def by(verifier):
        def holds(proof: Proof) -> bool:
            try:
                operations.verify(verifier, target, proof)
            except ProofInvalid:
                return False
            return True

        return holds

    with foundry.anvil() as url:
        local = chain.connect(url)
        address = deployed(local, artifact)

        def on_chain(proof: Proof) -> bool:
            return local.verify(address, ProofArguments.from_proof(proof))

        def raw(proof: Proof) -> bool:
            """The contract alone, without our checks before it: numbers go to it as they are."""
            arguments = object.__new__(ProofArguments)
            b = ((proof.pi_b[0][1], proof.pi_b[0][0]), (proof.pi_b[1][1], proof.pi_b[1][0]))
            for field, value in (("a", proof.pi_a), ("b", b), ("c", proof.pi_c), ("signals", proof.signals)):
                object.__setattr__(arguments, field, value)
            return local.verify(address, arguments)

        yield {"pyecc": by("pyecc"), "snarkjs": by("snarkjs"), "contract": on_chain, "contract alone": raw}


def test_all_verifiers_accept(proven, verifiers):
    proof = proven[0].proof
    assert {name: holds(proof) for name, holds in verifiers.items()} == dict.fromkeys(verifiers, True)


def _changed(proof: Proof, place: int, value: int) -> Proof:
    return replace(proof, signals=(*proof.signals[:place], value, *proof.signals[place + 1 :]))


SIGNALS = [*NAMES[:-1], "prices[0]", "prices[1]"]


@pytest.mark.parametrize("place", range(len(SIGNALS)), ids=SIGNALS)
def test_a_changed_signal_is_refused(proven, verifiers, place):
    proof = proven[0].proof
    assert len(proof.signals) == len(CIRCUITS["rebalance_8"].signals) == len(SIGNALS)
    value = proof.signals[place]
    for other in ((value + 1) % FIELD, (value - 1) % FIELD, (FIELD - value) % FIELD or 5):
        changed = _changed(proof, place, other)
        assert {name: holds(changed) for name, holds in verifiers.items()} == dict.fromkeys(verifiers, False)


@pytest.mark.parametrize("place", range(len(SIGNALS)), ids=SIGNALS)
def test_an_alias_of_a_signal_is_refused(proven, verifiers, place):
    """x + r is x to a verifier that reduces. Ours refuse the form, the generated contract does so by itself."""
    alias = _changed(proven[0].proof, place, proven[0].proof.signals[place] + FIELD)
    assert not verifiers["pyecc"](alias) and not verifiers["snarkjs"](alias) and not verifiers["contract alone"](alias)
    with pytest.raises(DlsError):
        verifiers["contract"](alias)


def test_points_changed_or_swapped_are_refused(proven, verifiers):
    proof = proven[0].proof
    for changed in (
        replace(proof, pi_a=proof.pi_c, pi_c=proof.pi_a),
        replace(proof, pi_a=(proof.pi_a[0], BASE_FIELD - proof.pi_a[1])),
        replace(proof, pi_c=(proof.pi_c[0], BASE_FIELD - proof.pi_c[1])),
        replace(proof, pi_c=(1, 2)),
        replace(proof, pi_a=(proof.pi_a[0], (proof.pi_a[1] + 1) % BASE_FIELD)),
        replace(proof, pi_a=(0, 0), pi_c=(0, 0)),
        replace(proof, pi_b=(proof.pi_b[0][::-1], proof.pi_b[1][::-1])),
    ):
        assert {name: holds(changed) for name, holds in verifiers.items()} == dict.fromkeys(verifiers, False)


def test_a_proof_is_no_identity(proven, verifiers):
    """Groth16 proofs can be re-randomised: (−A, −B) is as good as (A, B). State, not the proof, must stop a replay."""
    proof = proven[0].proof
    negated = replace(
        proof,
        pi_a=(proof.pi_a[0], BASE_FIELD - proof.pi_a[1]),
        pi_b=(proof.pi_b[0], tuple((BASE_FIELD - part) % BASE_FIELD for part in proof.pi_b[1])),
    )
    assert {name: holds(negated) for name, holds in verifiers.items()} == dict.fromkeys(verifiers, True)


def test_a_development_key_is_refused_on_any_other_chain(artifact):
    """By the contract itself, whoever sends it; ``deploy`` refuses before it sends anything."""
    with foundry.anvil(chain_id=1) as url, pytest.raises(ChainError, match="InsecureDevelopmentKey"):
        deployed(chain.connect(url), artifact)
