"""The batch verifier's random powers on a real chain, against the same computed in Python.

No view tells them, but the precompile for multiplication is called with them: a trace of the call shows its input.
"""

from __future__ import annotations

from random import Random

import pytest
from eth_abi import encode
from eth_utils import keccak

from dls_zk import chain
from dls_zk.chain.client import Client
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.constants import FIELD
from tests.support import market as markets

MULTIPLY = "0x" + "07".rjust(40, "0")


def powers(key_hash: bytes, shared: list[int], words: list[int], proofs: int) -> list[int]:
    """r_i = keccak256(seed, i) mod r; the seed hashes the key, how many signals are shared, these, and all words."""
    packed = b"".join(word.to_bytes(32, "big") for word in (len(shared), *shared, *words))
    seed = keccak(key_hash + packed)
    return [int.from_bytes(keccak(encode(["bytes32", "uint256"], [seed, i])), "big") % FIELD for i in range(proofs)]


def multiplications(on: chain.Chain, to: str, data: str) -> list[tuple[int, int, int]]:
    """Point and scalar of each call of the precompile, in their order."""
    trace = markets.rpc(on, "debug_traceCall", {"to": to, "data": data}, "latest", {"tracer": "callTracer"})
    inputs = [bytes.fromhex(call["input"][2:]) for call in trace["calls"] if call["to"] == MULTIPLY]
    return [tuple(int.from_bytes(data[k : k + 32], "big") for k in (0, 32, 64)) for data in inputs]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory):
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


@pytest.mark.parametrize(("proofs", "shared"), [(1, 0), (2, 0), (2, 3), (5, 9), (4, 4)])
def test_powers_are_those_of_python(market, proofs, shared):
    rng = Random(f"{proofs} {shared}")
    signals = [[rng.randrange(FIELD) for _ in range(9)] for _ in range(proofs)]
    for own in signals:
        own[9 - shared :] = signals[0][9 - shared :]
    made = [ProofArguments.from_proof(market.trapdoor.prove(own)) for own in signals]
    words = [word for proof, own in zip(made, signals, strict=True) for word in (*proof.coordinates, *own[: 9 - shared])]
    common = signals[0][9 - shared :]
    key = market.protocol.hub.key(market.protocol.key_for(8))
    verifier = Client(market.chain, market.protocol.contracts["BatchVerifier"], key.batch_verifier)
    assert verifier.read("verify", common, words) is True

    expected = powers(bytes(verifier.read("keyHash")), common, words, proofs)
    data = "0x" + verifier.call("verify", common, words).data.hex()
    used = multiplications(market.chain, key.batch_verifier, data)
    points = [point for proof in made for point in (proof.a, proof.c)]
    assert [(x, y) for x, y, _ in used[: 2 * proofs]] == points
    assert [scalar for *_, scalar in used[: 2 * proofs]] == [power for power in expected for _ in range(2)]
    assert len(set(expected)) == proofs and 1 not in expected
