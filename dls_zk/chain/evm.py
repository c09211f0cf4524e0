"""A generated verifier contract, asked on a local chain that lives for the question. Nothing is sent to it."""

from __future__ import annotations

from ..groth16.proof import Proof
from ..solidity import contracts
from ..solidity.calldata import ProofArguments
from ..tools import foundry
from .connection import Question, connect

#: Where the call finds the code; nothing else is there.
_ADDRESS = "0x" + "11" * 20


def holds(source: str, contract: str, proof: Proof) -> bool:
    """Whether the verifier ``contract`` in this Solidity source accepts the proof."""
    artifact = contracts.compile_verifiers({contract: source})[contract]
    arguments = ProofArguments.from_proof(proof)
    with foundry.anvil() as url:
        local = connect(url)
        code = local.call(Question(None, artifact.creation_code()))  # a creation that is called returns the contract's code
        return local.verify(_ADDRESS, arguments, code)
