"""A generated verifier contract, asked on a local chain that lives for the question."""

from __future__ import annotations

from .. import chain
from ..groth16.proof import Proof
from ..solidity import contracts
from ..solidity.calldata import ProofArguments
from ..tools import foundry


def holds(source: str, contract: str, proof: Proof) -> bool:
    """Whether the verifier ``contract`` in this Solidity source accepts the proof."""
    artifact = contracts.compile_verifiers({contract: source})[contract]
    with foundry.anvil() as url:
        local = chain.connect(url)
        address, _ = local.deploy_verifier(artifact, insecure=True, sender=local.accounts()[0])
        return local.verify(address, ProofArguments.from_proof(proof))
