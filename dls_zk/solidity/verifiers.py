"""The verifier contract that snarkjs generates for a circuit's key."""

from __future__ import annotations

from ..errors import ToolError
from ..groth16 import zkey
from ..groth16.zkey import VerifyingKey
from ..statement.constants import DEVELOPMENT_CHAIN_IDS
from ..tools import snarkjs


def contract_name(circuit: str) -> str:
    """Name of the generated contract of a circuit: ``Groth16Verifier_rebalance_16`` of ``rebalance_16``."""
    return f"Groth16Verifier_{circuit}"


def contract_source(vk: VerifyingKey, circuit: str, *, insecure: bool) -> str:
    """Solidity source of the verifier of a circuit's key, from snarkjs's template.

    That of a development key is marked in its first line and can be deployed on a development chain alone.
    """
    name = contract_name(circuit)
    source = snarkjs.worker().verifier_source(vk.to_snarkjs(), name)
    if not insecure:
        return source
    chains = " && ".join(f"block.chainid != {chain_id}" for chain_id in DEVELOPMENT_CHAIN_IDS)
    guard = f"""contract {name} {{
    error InsecureDevelopmentKey(uint256 chainId);

    constructor() {{
        if ({chains}) revert InsecureDevelopmentKey(block.chainid);
    }}
"""
    opening = f"contract {name} {{\n"
    if source.count(opening) != 1:
        raise ToolError(f"snarkjs generated no contract {name}; run `dls-zk doctor`")
    return f"// {zkey.MARKER}\n{source.replace(opening, guard)}"
