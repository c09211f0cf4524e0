"""The verifier ``evm``: the generated contract in process where pyrevm is installed, else on an anvil of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from dls_zk import operations
from dls_zk.chain.connection import VERIFY_GAS
from dls_zk.errors import ProofInvalid, ToolError
from dls_zk.groth16.proof import Proof
from dls_zk.operations import Target
from dls_zk.solidity import contracts, verifiers
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.storage.built import ProvingKey
from dls_zk.tools import doctor, foundry, revm
from tests.soundness.verifiers import Simulator

needs_pyrevm = pytest.mark.skipif(not revm.found(), reason="pyrevm is not for this platform")


@pytest.fixture(scope="module")
def key() -> ProvingKey:
    return operations.development_key(operations.build_circuit("rebalance_8"))


@pytest.fixture(scope="module")
def target(key: ProvingKey) -> Target:
    return operations.installed_target(key)


@pytest.fixture(scope="module")
def proof(key: ProvingKey, target: Target) -> Proof:
    rng = Random("evm")
    return Simulator(key, target.vk).prove([rng.randrange(1 << 200) for _ in range(target.vk.n_public)], rng)


@pytest.fixture(scope="module")
def creation_code(target: Target) -> bytes:
    name = verifiers.contract_name("rebalance_8")
    source = verifiers.contract_source(target.vk, "rebalance_8", insecure=True)
    return contracts.compile_verifiers({name: source})[name].creation_code()


@pytest.fixture
def without_pyrevm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(revm, "found", lambda: None)
    yield


def pyrevm_row() -> doctor.ToolStatus:
    return next(finding for finding in doctor.examine() if finding.tool == "pyrevm")


def judge(target: Target, proof: Proof, runner: str) -> None:
    assert operations.verifier_in_full("evm") == f"evm in {runner}"
    operations.verify("evm", target, proof)
    with pytest.raises(ProofInvalid, match=rf"under this key \(evm in {runner}\)$"):
        operations.verify("evm", target, replace(proof, signals=(*proof.signals[:-1], 0)))


@needs_pyrevm
def test_it_needs_no_chain(target: Target, proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foundry, "anvil", None)
    judge(target, proof, "pyrevm")
    assert pyrevm_row().ok and pyrevm_row().found.startswith("0.3.")


def test_without_pyrevm_a_chain_is_asked(without_pyrevm: None, target: Target, proof: Proof) -> None:
    judge(target, proof, "anvil")
    row = pyrevm_row()
    assert (row.found, row.ok, row.remedy) == ("missing", None, "anvil runs the verifier evm")
    with pytest.raises(ToolError, match="pyrevm is not installed"):
        revm.call(b"", b"", 1)


@needs_pyrevm
def test_the_gas_is_the_hubs(creation_code: bytes, proof: Proof) -> None:
    """With too little of it the pairing fails, and a proof that holds is refused, as on a chain."""
    data = ProofArguments.from_proof(proof).verify_calldata()
    assert revm.call(creation_code, data, VERIFY_GAS) == (1).to_bytes(32, "big")
    assert revm.call(creation_code, data, 200_000) == bytes(32)
    with pytest.raises(ToolError, match="did not end well"):
        revm.call(creation_code, data, 20_000)


@needs_pyrevm
def test_what_is_no_verifier(creation_code: bytes) -> None:
    assert revm.call(creation_code, b"abcd", VERIFY_GAS) == b""
    loop = bytes.fromhex("635b6000566000526004601cf3")  # a contract that jumps to its beginning without end
    with pytest.raises(ToolError, match="did not end well"):
        revm.call(loop, b"", VERIFY_GAS)
    for code in (b"\xfe", bytes.fromhex("60006000fd")):
        with pytest.raises(ToolError, match="cannot be created"):
            revm.call(code, b"", VERIFY_GAS)
