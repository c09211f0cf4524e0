"""A generated verifier contract, run for one question: by pyrevm in this process, or on a local chain that lives as long.

Both run the code that the compiler made of it, with the gas that the hub gives a verifier. Nothing is sent to it.
"""

from __future__ import annotations

from ..groth16.proof import Proof
from ..solidity import contracts
from ..solidity.calldata import ProofArguments
from ..tools import foundry, revm
from .connection import VERIFY_GAS, Question, connect, read_verdict

#: Where the call finds the code; nothing else is there.
_ADDRESS = "0x" + "11" * 20


def holds(source: str, contract: str, proof: Proof) -> bool:
    """Whether the verifier ``contract`` in this Solidity source accepts the proof."""
    creation = contracts.compile_verifiers({contract: source})[contract].creation_code()
    arguments = ProofArguments.from_proof(proof)
    if revm.found():
        return read_verdict(revm.call(creation, arguments.verify_calldata(), VERIFY_GAS), _ADDRESS, arguments)
    with foundry.anvil() as url:
        local = connect(url)
        code = local.call(Question(None, creation))  # a creation that is called returns the contract's code
        return local.verify(_ADDRESS, arguments, code)
