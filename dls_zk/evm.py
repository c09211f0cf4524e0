"""A generated verifier contract, asked on a local chain that lives for the question."""

from __future__ import annotations

from . import chain, contracts, toolchain
from .calldata import ProofArguments
from .proof import Proof


def holds(source: str, contract: str, proof: Proof) -> bool:
    """Whether the verifier ``contract`` in this Solidity source accepts the proof."""
    artifact = contracts.compile_verifiers({contract: source})[contract]
    with toolchain.anvil() as url:
        local = chain.connect(url)
        address, _ = local.deploy_verifier(artifact, insecure=True, sender=local.accounts()[0])
        return local.verify(address, ProofArguments.from_proof(proof))
